//! A client of `graphql-transport-ws` that says nothing by itself.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// An open socket about which the server knows nothing yet.
    pub async fn open(url: &str) -> Self {
        let url = format!("{}/graphql", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (socket, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "graphql-transport-ws");
        Self(socket)
    }

    /// A socket of whoever has the token.
    pub async fn init(url: &str, token: Option<&str>) -> Self {
        let mut socket = Self::open(url).await;
        let payload = token.map(|token| json!({ "authorization": format!("Bearer {token}") }));
        socket.send(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.next().await["type"], "connection_ack");
        socket
    }

    pub async fn send(&mut self, message: &Value) {
        // Where the server has closed, the next reading tells.
        self.0.send(Message::text(message.to_string())).await.ok();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(&json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    /// The next message, or the code with which the socket was closed.
    pub async fn receive(&mut self) -> Result<Value, u16> {
        loop {
            let received = tokio::time::timeout(PATIENCE, self.0.next()).await;
            match received.unwrap_or_else(|_| panic!("no message")) {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    pub async fn next(&mut self) -> Value {
        self.receive().await.unwrap_or_else(|code| panic!("closed: {code}"))
    }

    /// The data of the next message, which must be a result without errors.
    pub async fn data(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], "next", "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"].clone()
    }

    /// Has the server do all that was sent before.
    pub async fn settle(&mut self) {
        self.send(&json!({ "type": "ping" })).await;
        assert_eq!(self.next().await["type"], "pong");
    }
}
