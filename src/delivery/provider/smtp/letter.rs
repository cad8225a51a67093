//! The e-mail that a message becomes: its headers, its text, and the same text as simple HTML.
//! Nothing of what is filled in can add a header, an address or an end of its own.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use entity::Timestamp;
use entity::id::MessageId;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use url::Host;

use crate::delivery::provider::{Reason, Verdict};
use crate::html::escape;

/// Characters of a domain that still fit into the id of a message, as it is stored.
const LONGEST_DOMAIN: usize = 200;

/// What a letter is written from.
pub(super) struct Draft<'a> {
    pub message_id: MessageId,
    /// The address it comes from, with or without a name.
    pub line: Option<&'a str>,
    pub to: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    pub written_at: Timestamp,
    /// Where whoever gets it stops further ones; none where that is not offered.
    pub leave: Option<&'a str>,
}

/// A letter with what its envelope says.
#[derive(Debug)]
pub(super) struct Letter {
    pub from: String,
    pub to: String,
    /// Its `Message-ID`, with the angle brackets.
    pub id: String,
    pub bytes: Vec<u8>,
}

impl Draft<'_> {
    pub fn write(&self) -> Result<Letter, Verdict> {
        let from: Mailbox = self.line.and_then(parse).ok_or_else(|| {
            let detail = "the inbox has no line that is an e-mail address, to send from";
            Verdict::Barred(Reason::new("LINE", detail))
        })?;
        let to: Address = parse(self.to)
            .ok_or_else(|| Verdict::Rejected(Reason::new("ADDRESS", "it is no e-mail address")))?;
        let id = format!("<{}@{}>", self.message_id.0, domain(&from.email));
        let (sender, recipient) = (from.email.to_string(), to.to_string());
        let seconds = u64::try_from(self.written_at.seconds()).unwrap_or(0);
        let mut builder = Message::builder()
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .from(from)
            .to(Mailbox::new(None, to))
            .subject(one_line(self.subject))
            .message_id(Some(id.clone()));
        // RFC 8058: a mail program offers to stop such letters, and does it by one POST.
        if let Some(url) = self.leave {
            let (name, how) = ("List-Unsubscribe", "List-Unsubscribe-Post");
            builder = builder
                .raw_header(header(name, format!("<{}>", one_line(url))))
                .raw_header(header(how, "List-Unsubscribe=One-Click".to_owned()));
        }
        // A lone carriage return ends a line for some servers and not for others.
        let text = self.text.replace("\r\n", "\n").replace('\r', "\n");
        let body = MultiPart::alternative_plain_html(text.clone(), as_html(&text));
        let message = builder
            .multipart(body)
            .map_err(|error| Verdict::Rejected(Reason::new("MESSAGE", error.to_string())))?;
        Ok(Letter { from: sender, to: recipient, id, bytes: message.formatted() })
    }
}

/// An address or a mailbox, in one line.
fn parse<T: FromStr>(text: &str) -> Option<T> {
    let plain = !text.chars().any(char::is_control);
    plain.then(|| text.trim().parse().ok()).flatten()
}

fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// The domain of the sender in ASCII, for the id of the message.
fn domain(sender: &Address) -> String {
    let domain = sender.domain();
    let ascii = if domain.is_ascii() {
        Some(domain.to_owned())
    } else {
        Host::parse(domain).ok().map(|host| host.to_string())
    };
    let fitting = ascii.filter(|domain| domain.len() <= LONGEST_DOMAIN);
    fitting.unwrap_or_else(|| "localhost".to_owned())
}

/// The text for programs that show HTML, with its lines and its links.
fn as_html(text: &str) -> String {
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    let body = text.split('\n').map(line).collect::<Vec<_>>().join("<br>\n");
    format!(
        "<!doctype html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n<body>\n{body}\n</body>\n\
         </html>\n"
    )
}

fn word(word: &str) -> String {
    if !word.starts_with("https://") && !word.starts_with("http://") {
        return escape(word);
    }
    // What ends a sentence or a bracket is no part of the address.
    let link = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '"', '\'']);
    let rest = escape(word.strip_prefix(link).unwrap_or_default());
    let link = escape(link);
    format!("<a href=\"{link}\">{link}</a>{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::Uuid;

    const URL: &str = "https://rapport.example.org/u/token";

    fn draft<'a>(line: &'a str, to: &'a str, subject: &'a str, text: &'a str) -> Draft<'a> {
        Draft {
            message_id: MessageId(Uuid::from_u128(7)),
            line: Some(line),
            to,
            subject,
            text,
            written_at: Timestamp(1_773_846_000 * Timestamp::SECOND),
            leave: Some(URL),
        }
    }

    fn written(draft: &Draft<'_>) -> (Vec<String>, String) {
        let letter = draft.write().unwrap();
        let text = String::from_utf8(letter.bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let lines = head.replace("\r\n ", " ");
        (lines.split("\r\n").map(str::to_owned).collect(), body.to_owned())
    }

    #[test]
    fn a_letter_says_from_whom_it_is_and_how_to_stop_it() {
        let draft = draft("Aurora <shop@aurora.example>", "ada@example.org", "Spring", "Hello\n");
        let (head, body) = written(&draft);
        for wanted in [
            "Date: Wed, 18 Mar 2026 15:00:00 +0000",
            "From: Aurora <shop@aurora.example>",
            "To: ada@example.org",
            "Subject: Spring",
            "Message-ID: <00000000-0000-0000-0000-000000000007@aurora.example>",
            "List-Unsubscribe: <https://rapport.example.org/u/token>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "MIME-Version: 1.0",
        ] {
            assert!(head.iter().any(|line| line == wanted), "{wanted}: {head:#?}");
        }
        assert!(body.contains("text/plain") && body.contains("text/html"), "{body}");
    }

    #[test]
    fn nothing_adds_a_header() {
        let evil = "Hello\r\nBcc: eve@example.org\r\n\r\nBody";
        let (head, _) = written(&draft("a@b.example", "ada@example.org", evil, evil));
        assert!(!head.iter().any(|line| line.starts_with("Bcc")), "{head:#?}");
        for line in ["a@b.example\r\nBcc: eve@example.org", "A\nB <a@b.example>", "a", ""] {
            let barred = draft(line, "ada@example.org", "x", "x").write().unwrap_err();
            assert!(matches!(barred, Verdict::Barred(reason) if reason.code == "LINE"), "{line}");
        }
        for to in ["ada@example.org>\r\nRCPT TO:<eve@example.org", "ada", "", "a@b.c, d@e.f"] {
            let rejected = draft("a@b.example", to, "x", "x").write().unwrap_err();
            assert!(matches!(rejected, Verdict::Rejected(reason) if reason.code == "ADDRESS"));
        }
    }

    #[test]
    fn every_line_ends_as_it_should() {
        let (_, body) = written(&draft("a@b.example", "a@c.example", "x", "a\rb\nc\r\n.\r\nd"));
        assert!(!body.replace("\r\n", "").contains(['\r', '\n']), "{body:?}");
        assert!(body.contains("a\r\nb\r\nc\r\n.\r\nd"), "{body:?}");
    }

    #[test]
    fn html_shows_the_text_and_its_links() {
        let html = as_html("Tom & <b>\nsee https://a.example/?x=1&y=2. (http://b.example) ftp://c");
        let body = html.split("<body>\n").nth(1).unwrap().split("\n</body>").next().unwrap();
        assert_eq!(
            body,
            "Tom &amp; &lt;b&gt;<br>\nsee <a href=\"https://a.example/?x=1&amp;y=2\">\
             https://a.example/?x=1&amp;y=2</a>. (http://b.example) ftp://c"
        );
        assert_eq!(
            word("https://a.example/\"onclick=\"x"),
            "<a href=\"https://a.example/&quot;onclick=&quot;x\">\
             https://a.example/&quot;onclick=&quot;x</a>"
        );
    }

    #[test]
    fn ids_have_a_domain_of_ascii() {
        let of = |address: &str| domain(&address.parse().unwrap());
        assert_eq!(of("a@shop.example"), "shop.example");
        assert_eq!(of("a@bücher.example"), "xn--bcher-kva.example");
    }
}
