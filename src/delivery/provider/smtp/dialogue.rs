//! One conversation with a mail server (RFC 5321), as far as one letter needs it: the greeting,
//! encryption (RFC 3207), a login (RFC 4954) and the letter. The lines are said here and not by
//! `lettre`, which writes the letter, because what became of a message is told by the line
//! at which a conversation broke: answers are read up to a bound and whatever their text is, and
//! nothing that came before the encryption counts after it.

use std::{fmt, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio_rustls::TlsConnector;

use super::letter::Letter;

/// Bytes of one answer; no more are read.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// What lines go over, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What the server said to a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub code: u16,
    pub lines: Vec<String>,
}

/// Why a conversation does not go on.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server said no.
    Refused(Answer),
    /// The server said nothing, or nothing that can be understood.
    Lost(String),
}

type Result<T> = std::result::Result<T, Broken>;

pub(super) struct Dialogue {
    wire: BufReader<Box<dyn Wire>>,
    /// What the server can do, a line each, in upper case.
    offers: Vec<String>,
}

impl Dialogue {
    /// Listens to the greeting, and introduces this server.
    pub async fn open(wire: impl Wire + 'static, name: &str) -> Result<Self> {
        let mut dialogue = Self::new(Box::new(wire));
        dialogue.answer(2).await?;
        dialogue.introduce(name).await?;
        Ok(dialogue)
    }

    fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire: BufReader::new(wire), offers: Vec::new() }
    }

    async fn introduce(&mut self, name: &str) -> Result<()> {
        let answer = self.say(&format!("EHLO {name}"), 2).await?;
        let offers = answer.lines.into_iter().skip(1);
        self.offers = offers.map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    /// Whether the server can do something.
    pub fn offers(&self, keyword: &str) -> bool {
        self.offers.iter().any(|line| line.split_whitespace().next() == Some(keyword))
    }

    fn takes_login(&self, way: &str) -> bool {
        self.offers.iter().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("AUTH") && words.any(|word| word == way)
        })
    }

    /// Goes on encrypted, with a server that proves to be `host`.
    pub async fn encrypt(
        mut self,
        tls: &TlsConnector,
        host: ServerName<'static>,
        name: &str,
    ) -> Result<Self> {
        self.say("STARTTLS", 2).await?;
        // Whoever is between could have put in answers to what is said later.
        if !self.wire.buffer().is_empty() {
            return Err(Broken::Lost("the server spoke on before the encryption".to_owned()));
        }
        let wire = tls.connect(host, self.wire.into_inner()).await?;
        let mut dialogue = Self::new(Box::new(wire));
        dialogue.introduce(name).await?;
        Ok(dialogue)
    }

    /// Logs in, unless the server knows of no logins.
    pub async fn log_in(&mut self, username: &str, password: &str) -> Result<()> {
        if self.takes_login("PLAIN") {
            let secret = STANDARD.encode(format!("\0{username}\0{password}"));
            self.say(&format!("AUTH PLAIN {secret}"), 2).await?;
        } else if self.takes_login("LOGIN") {
            self.say("AUTH LOGIN", 3).await?;
            self.say(&STANDARD.encode(username), 3).await?;
            self.say(&STANDARD.encode(password), 2).await?;
        } else if self.offers("AUTH") {
            let words = "the server takes neither AUTH PLAIN nor AUTH LOGIN".to_owned();
            return Err(Broken::Refused(Answer { code: 504, lines: vec![words] }));
        }
        Ok(())
    }

    /// Says from whom to whom, up to where the server waits for the letter.
    pub async fn announce(&mut self, letter: &Letter) -> Result<()> {
        let wide = !letter.from.is_ascii() || !letter.to.is_ascii();
        if wide && !self.offers("SMTPUTF8") {
            let words = "the server takes no addresses beyond ASCII (SMTPUTF8)".to_owned();
            return Err(Broken::Refused(Answer { code: 553, lines: vec![words] }));
        }
        let how = if wide { " BODY=8BITMIME SMTPUTF8" } else { "" };
        self.say(&format!("MAIL FROM:<{}>{how}", letter.from), 2).await?;
        self.say(&format!("RCPT TO:<{}>", letter.to), 2).await?;
        self.say("DATA", 3).await?;
        Ok(())
    }

    /// Gives the letter. From its first byte on only an answer tells what came of it.
    pub async fn give(&mut self, letter: &Letter) -> Result<()> {
        self.wire.write_all(&stuffed(&letter.bytes)).await?;
        self.wire.flush().await?;
        self.answer(2).await?;
        Ok(())
    }

    /// Says goodbye, and does not wait for what is said to that.
    pub async fn leave(mut self) {
        self.wire.write_all(b"QUIT\r\n").await.ok();
        self.wire.flush().await.ok();
    }

    /// Says a line, to which an answer of the class is expected.
    async fn say(&mut self, line: &str, class: u16) -> Result<Answer> {
        // Behind a line break would stand a command of its own.
        if line.contains(['\r', '\n']) {
            return Err(Broken::Lost("a line with a line break was not said".to_owned()));
        }
        self.wire.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.wire.flush().await?;
        self.answer(class).await
    }

    async fn answer(&mut self, class: u16) -> Result<Answer> {
        let answer = self.hear().await?;
        match answer.code / 100 {
            found if found == class => Ok(answer),
            4 | 5 => Err(Broken::Refused(answer)),
            _ => Err(Broken::Lost(format!("an unexpected answer: {answer}"))),
        }
    }

    async fn hear(&mut self) -> Result<Answer> {
        let mut wire = (&mut self.wire).take(LONGEST_ANSWER);
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            wire.read_until(b'\n', &mut line).await?;
            let Some((code, last, text)) = parse(&line) else {
                let hung_up = line.is_empty() && wire.limit() > 0;
                let words = if hung_up { "the server hung up" } else { "no answer of SMTP" };
                return Err(Broken::Lost(words.to_owned()));
            };
            lines.push(text);
            if last {
                return Ok(Answer { code, lines });
            }
        }
    }
}

/// The code of a line, whether it is the last one of its answer, and its text.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, rest) = line.split_first_chunk::<3>()?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    Some((code, last, String::from_utf8_lossy(text).into_owned()))
}

/// The letter as it is given, with its end: a line that is a point alone.
fn stuffed(letter: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(letter.len() + 64);
    let mut begins = true;
    for &byte in letter {
        if begins && byte == b'.' {
            stuffed.push(b'.');
        }
        stuffed.push(byte);
        begins = byte == b'\n';
    }
    if !begins {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code, self.lines.join(" "))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(answer) => answer.fmt(formatter),
            Self::Lost(words) => formatter.write_str(words),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of it when a server says all this, whatever it is told.
    async fn opened(said: &[u8]) -> Result<Dialogue> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        theirs.write_all(said).await.unwrap();
        let dialogue = Dialogue::open(ours, "test").await;
        drop(theirs);
        dialogue
    }

    #[test]
    fn lines_are_read_whatever_their_text_is() {
        let text = |text: &str| text.to_owned();
        assert_eq!(parse(b"250 OK\r\n"), Some((250, true, text("OK"))));
        assert_eq!(parse(b"250-a b\n"), Some((250, false, text("a b"))));
        assert_eq!(parse(b"250\r\n"), Some((250, true, text(""))));
        assert_eq!(parse(b"550 Empf\xe4nger\r\n"), Some((550, true, text("Empf\u{fffd}nger"))));
        for wrong in ["", "250 OK", "25 OK\r\n", "2x0 OK\r\n", "250OK\r\n", "\r\n"] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_letter_cannot_end_before_its_end() {
        assert_eq!(stuffed(b".a\r\n.\r\nb."), b"..a\r\n..\r\nb.\r\n.\r\n");
        assert_eq!(stuffed(b"a\r\n"), b"a\r\n.\r\n");
    }

    #[tokio::test]
    async fn a_server_says_what_it_can_do() {
        let dialogue = opened(b"220 x\r\n250-x\r\n250-auth plain login\r\n250 STARTTLS\r\n").await;
        let dialogue = dialogue.unwrap();
        assert!(dialogue.offers("STARTTLS") && dialogue.offers("AUTH"));
        assert!(dialogue.takes_login("LOGIN") && !dialogue.takes_login("AUTH"));
        assert!(!dialogue.offers("X") && !dialogue.offers("PLAIN"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_not_waited_for() {
        let endless = [b"220-".as_slice(), &b"x".repeat(100_000)].concat();
        let lines = b"220-x\r\n".repeat(10_000);
        for said in [b"HTTP/1.1 400\r\n".as_slice(), &endless, &lines, b"354 x\r\n"] {
            assert!(matches!(opened(said).await, Err(Broken::Lost(_))));
        }
        let refused = opened(b"554 no\r\n").await;
        assert!(matches!(refused, Err(Broken::Refused(Answer { code: 554, .. }))));
    }

    #[tokio::test]
    async fn a_line_break_is_not_said() {
        let mut dialogue = opened(b"220 x\r\n250 x\r\n250 OK\r\n").await.unwrap();
        let said = dialogue.say("RCPT TO:<a@b.c>\r\nRCPT TO:<d@e.f>", 2).await;
        assert!(matches!(said, Err(Broken::Lost(_))));
        assert!(dialogue.say("NOOP", 2).await.is_err(), "the other end is gone");
    }
}
