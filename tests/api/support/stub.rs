//! A provider's server: it keeps what it was asked and answers as the test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    Json {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Value,
    },
    /// Takes the request and shuts the connection.
    Cut,
    /// Takes the request and never answers.
    Silence,
    /// Answers 200 and goes on for ever.
    Endless,
    /// Waits first.
    Late(Duration, Box<Reply>),
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Self {
        Self::Json { status, headers: Vec::new(), body }
    }
}

type Rule = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

#[derive(Clone)]
pub struct Stub {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    rule: Arc<Mutex<Rule>>,
}

impl Stub {
    pub async fn start(rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stub =
            Self { url, asked: Arc::default(), rule: Arc::new(Mutex::new(Arc::new(rule) as Rule)) };
        let server = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        stub
    }

    /// Answers otherwise from now on.
    pub fn answer(&self, rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        *self.rule.lock().unwrap() = Arc::new(rule);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(asked) = read(&mut stream, &mut buffer).await {
            let rule = self.rule.lock().unwrap().clone();
            let reply = rule(&asked);
            self.asked.lock().unwrap().push(asked);
            if !write(&mut stream, reply).await {
                return;
            }
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some((asked, length)) = parse(buffer) {
            buffer.drain(..length);
            return Some(asked);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn parse(buffer: &[u8]) -> Option<(Asked, usize)> {
    let text = String::from_utf8_lossy(buffer).into_owned();
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let asked = Asked { method, path, headers, body: String::new() };
    let length: usize = asked.header("content-length").parse().unwrap_or(0);
    let body = rest.get(..length)?.to_owned();
    Some((Asked { body, ..asked }, head.len() + 4 + length))
}

/// Whether the connection goes on.
async fn write(stream: &mut TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::Json { status, headers, body } => {
            let body = body.to_string();
            let mut answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                answer.push_str(&format!("{name}: {value}\r\n"));
            }
            answer.push_str("\r\n");
            answer.push_str(&body);
            stream.write_all(answer.as_bytes()).await.is_ok()
        }
        Reply::Cut => false,
        Reply::Silence => std::future::pending().await,
        Reply::Late(wait, reply) => {
            tokio::time::sleep(wait).await;
            Box::pin(write(stream, *reply)).await
        }
        Reply::Endless => {
            let head = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n";
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            if stream.write_all(head.as_bytes()).await.is_err() {
                return false;
            }
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            false
        }
    }
}
