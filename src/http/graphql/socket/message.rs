//! The messages of the protocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>), and the codes with which
//! a socket is closed.

use actix_ws::{CloseCode, CloseReason};
use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::graphql::gate::Asked;
use crate::http::graphql::{Refusal, body, media::Written};

/// What a client says.
#[derive(Debug)]
pub(super) enum Said {
    /// With the header of authorization, if it is given.
    Init(Option<String>),
    Ping,
    Pong,
    Subscribe(String, Asked),
    Complete(String),
}

/// Why a socket is closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closing {
    code: u16,
    reason: String,
}

impl Closing {
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    pub fn malformed(reason: impl Into<String>) -> Self {
        Self::new(4400, reason)
    }

    pub fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized: send connection_init first")
    }

    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(4403, reason)
    }

    pub fn wrong_protocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable: use graphql-transport-ws")
    }

    pub fn late() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    pub fn taken(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    pub fn again() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    pub fn going_away() -> Self {
        Self::new(1001, "the server is stopping; connect again")
    }

    pub fn silent() -> Self {
        Self::new(1001, "no sign of life")
    }

    pub fn slow() -> Self {
        Self::new(1013, "what was sent was not read; connect again and go on with `after`")
    }

    pub fn full(most: usize) -> Self {
        Self::new(1013, format!("the caller has {most} open sockets, as many as it may have"))
    }

    pub fn too_long(most: usize) -> Self {
        Self::new(1009, format!("a frame may have at most {most} bytes"))
    }

    pub fn failed() -> Self {
        Self::new(1011, "an internal error; the log has it")
    }

    pub fn into_reason(self) -> CloseReason {
        CloseReason { code: CloseCode::from(self.code), description: Some(self.reason) }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    r#type: String,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Init {
    /// As the header of HTTP would be.
    #[serde(alias = "Authorization")]
    authorization: Option<String>,
}

/// Reads a message.
pub(super) fn read(text: &str) -> Result<Said, Closing> {
    let malformed =
        |error: serde_json::Error| Closing::malformed(format!("Invalid message: {error}"));
    let Envelope { r#type, id, payload } = serde_json::from_str(text).map_err(malformed)?;
    let id = || {
        let id = id.filter(|id| !id.is_empty());
        id.ok_or_else(|| Closing::malformed("Invalid message: id is missing"))
    };
    match r#type.as_str() {
        "connection_init" => {
            let init = payload.map(|payload| serde_json::from_str::<Option<Init>>(payload.get()));
            let init = init.transpose().map_err(malformed)?.flatten().unwrap_or_default();
            Ok(Said::Init(init.authorization))
        }
        "ping" => Ok(Said::Ping),
        "pong" => Ok(Said::Pong),
        "complete" => Ok(Said::Complete(id()?)),
        "subscribe" => {
            let id = id()?;
            let payload =
                payload.ok_or_else(|| Closing::malformed("Invalid message: payload is missing"))?;
            match body::parse(payload.get().as_bytes()) {
                Ok(asked) => Ok(Said::Subscribe(id, asked)),
                Err(Refusal::Http(_, _, message)) => {
                    Err(Closing::malformed(format!("Invalid message: {message}")))
                }
                Err(_) => Err(Closing::malformed("Invalid message")),
            }
        }
        other => {
            let other: String = other.chars().take(40).collect();
            Err(Closing::malformed(format!("Invalid message: there is no type {other:?}")))
        }
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Answer<'a> {
    ConnectionAck,
    Pong,
    Next { id: &'a str, payload: Written<'a> },
    Error { id: &'a str, payload: &'a [ServerError] },
    Complete { id: &'a str },
}

impl<'a> Answer<'a> {
    pub fn next(id: &'a str, response: &'a Response) -> Self {
        Self::Next { id, payload: response.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(text: &str) -> (u16, String) {
        let closing = read(text).unwrap_err();
        (closing.code, closing.reason)
    }

    #[test]
    fn messages_are_read() {
        let init = r#"{"type":"connection_init","payload":{"authorization":"Bearer a"}}"#;
        assert!(matches!(read(init), Ok(Said::Init(Some(token))) if token == "Bearer a"));
        for none in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":null}"#,
            r#"{"type":"connection_init","payload":{"other":[1]}}"#,
        ] {
            assert!(matches!(read(none), Ok(Said::Init(None))), "{none}");
        }
        let subscribe = r#"{"id":"a","type":"subscribe","payload":{"query":"{ a }"}}"#;
        assert!(matches!(read(subscribe), Ok(Said::Subscribe(id, _)) if id == "a"));
        let complete = r#"{"type":"complete","id":"a"}"#;
        assert!(matches!(read(complete), Ok(Said::Complete(id)) if id == "a"));
    }

    #[test]
    fn malformed_messages_close_the_socket_and_say_why() {
        for (text, reason) in [
            ("hello", "expected value"),
            ("[]", "invalid length"),
            (r#"{"id":"a"}"#, "missing field `type`"),
            (r#"{"type":"hello"}"#, "there is no type \"hello\""),
            (r#"{"type":"subscribe","payload":{"query":"{ a }"}}"#, "id is missing"),
            (r#"{"type":"subscribe","id":"","payload":{"query":"{ a }"}}"#, "id is missing"),
            (r#"{"type":"subscribe","id":"a"}"#, "payload is missing"),
            (r#"{"type":"subscribe","id":"a","payload":{}}"#, "query is missing"),
            (r#"{"type":"subscribe","id":"a","payload":[{"query":"{ a }"}]}"#, "batches"),
            (r#"{"type":"connection_init","payload":{"authorization":1}}"#, "invalid type"),
            (r#"{"type":"complete"}"#, "id is missing"),
        ] {
            let (code, told) = closing(text);
            assert_eq!(code, 4400, "{text}");
            assert!(told.starts_with("Invalid message") && told.contains(reason), "{text}: {told}");
        }
    }
}
