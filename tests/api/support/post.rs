//! Mail servers: one that takes letters as it should, and one that answers as the test says.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder, response};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A letter as the server took it.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Name and password.
    pub login: Option<(String, String)>,
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
}

impl Taken {
    /// A header in one line.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.text.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        head.split("\r\n").find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

#[derive(Clone)]
pub struct MailServer {
    pub port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, taken: Arc::default() };
        let clerk = Clerk { taken: server.taken.clone(), letter: Taken::default() };
        let mut sessions = SessionBuilder::new("mail.test");
        sessions.enable_auth(AuthMechanism::Plain).insecure_enable_plaintext_auth();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = sessions.build(IpAddr::V4(Ipv4Addr::LOCALHOST), clerk.clone());
                tokio::spawn(talk(stream, session));
            }
        });
        server
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

async fn talk(stream: TcpStream, mut session: Session<Clerk>) {
    let mut stream = BufReader::new(stream);
    let mut answer = session.greeting();
    loop {
        let words = answer.buffer().unwrap();
        if stream.write_all(&words).await.is_err() || answer.action == Action::Close {
            return;
        }
        let mut line = Vec::new();
        match stream.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => answer = session.process(&line),
        }
    }
}

/// Writes down what one conversation says.
#[derive(Clone)]
struct Clerk {
    taken: Arc<Mutex<Vec<Taken>>>,
    letter: Taken,
}

impl Handler for Clerk {
    fn auth_plain(&mut self, _: &str, name: &str, password: &str) -> Response {
        self.letter.login = Some((name.to_owned(), password.to_owned()));
        response::AUTH_OK
    }

    fn mail(&mut self, _: IpAddr, _: &str, from: &str) -> Response {
        from.clone_into(&mut self.letter.from);
        response::OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        self.letter.to.push(to.to_owned());
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        self.letter.text.push_str(std::str::from_utf8(line).unwrap());
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.taken.lock().unwrap().push(self.letter.clone());
        response::OK
    }
}

/// What an odd server does.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    Says(&'static str),
    /// Shuts the connection.
    Cuts,
    /// Says nothing for ever.
    Waits,
}

type Rule = Arc<dyn Fn(&str) -> Option<Does> + Send + Sync>;

#[derive(Clone)]
pub struct OddServer {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl OddServer {
    /// Does what `rule` says at a line, and the usual where it says nothing. The line is empty
    /// at the beginning, and a point at the end of a letter.
    pub async fn start(rule: impl Fn(&str) -> Option<Does> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, heard: Arc::default() };
        let rule: Rule = Arc::new(rule);
        let heard = server.heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, rule.clone(), heard.clone()));
            }
        });
        server
    }

    /// The lines, but for those of letters.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn answer(stream: TcpStream, rule: Rule, heard: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let words = match rule(&line).unwrap_or_else(|| Does::Says(usual(&line))) {
            Does::Says(words) => words,
            Does::Cuts => return,
            Does::Waits => return std::future::pending().await,
        };
        if stream.write_all(format!("{words}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let letter = line == "DATA" && words.starts_with("354");
        let Some(next) = read(&mut stream, letter).await else { return };
        heard.lock().unwrap().push(next.clone());
        line = next;
    }
}

/// The next line; of a letter the last one.
async fn read(stream: &mut BufReader<TcpStream>, letter: bool) -> Option<String> {
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !letter || line == "." {
            return Some(line);
        }
    }
}

fn usual(line: &str) -> &'static str {
    match line.split(' ').next() {
        Some("") => "220 odd.test",
        Some("EHLO") => "250-odd.test\r\n250 AUTH LOGIN PLAIN",
        Some("AUTH") => "235 welcome",
        Some("DATA") => "354 go on",
        Some("QUIT") => "221 bye",
        _ => "250 OK",
    }
}
