//! E-mail by a mail server that relays it (SMTP). Each message has a connection of its own, so
//! that none is sent again because an old one had died. Our id is in its `Message-ID`. Up to
//! the first byte of the letter itself nothing can have been taken; after it only an answer
//! tells.

mod dialogue;
mod letter;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::{Parcel, Reason, Verdict, no_answer, not_allowed, not_connected};
use crate::config::{Config, Delivery};
use crate::delivery::target::{Refused, Targets};
use crate::domain::opt_out::Link;
use crate::engine::Engine;
use crate::error::Error;
use dialogue::{Answer, Broken, Dialogue};
use letter::{Draft, Letter};

/// The port on which a connection is encrypted from its beginning (RFC 8314).
const SUBMISSIONS: u16 = 465;

/// What all conversations with mail servers share. Cheap to clone.
#[derive(Clone)]
pub struct Mail {
    targets: Targets,
    timeout: Duration,
    tls: TlsConnector,
}

/// A mail server, and how it knows us.
pub(super) struct Server {
    pub host: String,
    pub port: i64,
    pub username: String,
    pub password: String,
}

impl Mail {
    pub fn new(config: &Delivery) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| Error::Internal(error.into()))?
            .with_no_client_auth();
        Ok(Self {
            targets: Targets::new(&config.allow_private_targets),
            timeout: Duration::from_secs(config.send_timeout_seconds),
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    /// A conversation in which the server waits for the letter.
    async fn begin(
        &self,
        server: &Server,
        name: &str,
        letter: &Letter,
    ) -> Result<Dialogue, Verdict> {
        let mut dialogue = self.reach(server, name).await?;
        let logged_in = dialogue.log_in(&server.username, &server.password).await;
        logged_in.map_err(|broken| match broken {
            Broken::Refused(answer) if answer.code >= 500 => Verdict::Barred(reason(&answer)),
            broken => before_the_letter(broken),
        })?;
        dialogue.announce(letter).await.map_err(before_the_letter)?;
        Ok(dialogue)
    }

    /// A conversation with the server that is encrypted, or goes to where the operator lets
    /// it go as it is.
    async fn reach(&self, server: &Server, name: &str) -> Result<Dialogue, Verdict> {
        let stream = self.connect(server).await?;
        let peer = stream.peer_addr().map_err(|error| not_connected(error.to_string()))?;
        let unreached = |broken: Broken| not_connected(broken.to_string());
        let host = || {
            let host = ServerName::try_from(server.host.clone());
            host.map_err(|_| not_connected("the host has no name that a certificate could have"))
        };
        if peer.port() == SUBMISSIONS {
            let wire = self.tls.connect(host()?, stream).await;
            let wire = wire.map_err(|error| not_connected(format!("no encryption: {error}")))?;
            return Dialogue::open(wire, name).await.map_err(unreached);
        }
        let dialogue = Dialogue::open(stream, name).await.map_err(unreached)?;
        if dialogue.offers("STARTTLS") {
            return dialogue.encrypt(&self.tls, host()?, name).await.map_err(unreached);
        }
        if self.targets.names(peer.ip()) {
            return Ok(dialogue);
        }
        let detail = "the server offers no encryption (STARTTLS), without which letters go to the \
                      addresses of RAPPORT_ALLOW_PRIVATE_TARGETS only";
        Err(Verdict::Barred(Reason::new("NO_TLS", detail)))
    }

    /// The first of the server's addresses that answers, of those that may be dialled.
    async fn connect(&self, server: &Server) -> Result<TcpStream, Verdict> {
        let port = u16::try_from(server.port)
            .map_err(|_| Verdict::Barred(Reason::new("CREDENTIALS", "the port is out of range")))?;
        let found = self.targets.look_up(&server.host, port).await.map_err(|error| {
            if Refused::is_cause_of(&error) {
                not_allowed()
            } else {
                not_connected(format!("the host was not found: {error}"))
            }
        })?;
        // One that swallows everything must leave time for the next.
        let share = self.timeout / u32::try_from(found.len().max(1)).unwrap_or(u32::MAX);
        let mut why = "no address".to_owned();
        for address in found {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => why = "no answer in time".to_owned(),
            }
        }
        Err(not_connected(why))
    }
}

pub(super) async fn send(
    mail: &Mail,
    engine: &Engine,
    server: &Server,
    parcel: &Parcel,
) -> Verdict {
    let letter = match write(engine, parcel) {
        Ok(letter) => letter,
        Err(verdict) => return verdict,
    };
    let deadline = Instant::now() + mail.timeout;
    let name = own_name(&engine.config);
    let begun = timeout_at(deadline, mail.begin(server, &name, &letter)).await;
    let mut dialogue = match begun {
        Ok(Ok(dialogue)) => dialogue,
        Ok(Err(verdict)) => return verdict,
        Err(_) => return not_connected("no answer in time"),
    };
    let given = timeout_at(deadline, dialogue.give(&letter)).await;
    let verdict = match given {
        Ok(Ok(())) => Verdict::Accepted { external_id: Some(letter.id) },
        Ok(Err(Broken::Refused(answer))) => refused(&answer),
        Ok(Err(Broken::Lost(detail))) => return no_answer(detail),
        Err(_) => return no_answer("no answer in time"),
    };
    timeout_at(deadline, dialogue.leave()).await.ok();
    verdict
}

fn write(engine: &Engine, parcel: &Parcel) -> Result<Letter, Verdict> {
    let link = || Link::new(parcel.account_id, parcel.message_id).url(engine);
    let leave = parcel.campaign_id.and_then(|_| link());
    let draft = Draft {
        message_id: parcel.message_id,
        line: parcel.inbox.line.as_deref(),
        to: &parcel.address,
        subject: parcel.payload.subject.as_deref().unwrap_or(""),
        text: &parcel.text,
        written_at: engine.clock.now(),
        leave: leave.as_deref(),
    };
    draft.write()
}

/// How this server introduces itself: by its name, or by an address where it has none
/// (RFC 5321, 4.1.4).
fn own_name(config: &Config) -> String {
    let url = config.public_url.as_deref().and_then(|url| Url::parse(url).ok());
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => format!("[{address}]"),
        Some(Host::Ipv6(address)) => format!("[IPv6:{address}]"),
        None => "[127.0.0.1]".to_owned(),
    }
}

fn before_the_letter(broken: Broken) -> Verdict {
    match broken {
        Broken::Refused(answer) => refused(&answer),
        Broken::Lost(detail) => not_connected(detail),
    }
}

/// What a refusal says (RFC 5321, 4.2.1).
fn refused(answer: &Answer) -> Verdict {
    let reason = reason(answer);
    match answer.code {
        // A login is needed, or a better one (RFC 4954, 6).
        530 | 534 | 535 | 538 => Verdict::Barred(reason),
        ..500 => Verdict::Again { reason, after: None },
        _ => Verdict::Rejected(reason),
    }
}

fn reason(answer: &Answer) -> Reason {
    Reason::new(answer.code.to_string(), answer.lines.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read() {
        let answer = |code| Answer { code, lines: vec!["5.1.1 no".to_owned(), "such".to_owned()] };
        let reason = |code: &str| Reason::new(code, "5.1.1 no such");
        assert_eq!(refused(&answer(550)), Verdict::Rejected(reason("550")));
        assert_eq!(refused(&answer(554)), Verdict::Rejected(reason("554")));
        assert_eq!(refused(&answer(535)), Verdict::Barred(reason("535")));
        assert_eq!(refused(&answer(530)), Verdict::Barred(reason("530")));
        let again = Verdict::Again { reason: reason("451"), after: None };
        assert_eq!(refused(&answer(451)), again);
    }

    #[test]
    fn the_server_has_a_name() {
        let name = |url: Option<&str>| {
            own_name(&Config { public_url: url.map(str::to_owned), ..Config::default() })
        };
        assert_eq!(name(Some("https://rapport.example.org/x")), "rapport.example.org");
        assert_eq!(name(Some("http://10.0.0.1:8080")), "[10.0.0.1]");
        assert_eq!(name(Some("http://[::1]")), "[IPv6:::1]");
        assert_eq!(name(None), "[127.0.0.1]");
    }

    #[tokio::test]
    async fn only_addresses_that_may_be_dialled_are() {
        let mail = Mail::new(&Delivery::default()).unwrap();
        let server = |host: &str, port| Server {
            host: host.to_owned(),
            port,
            username: "ada".to_owned(),
            password: "hush".to_owned(),
        };
        for host in ["127.0.0.1", "localhost", "::1", "169.254.169.254"] {
            assert_eq!(mail.connect(&server(host, 25)).await.unwrap_err(), not_allowed(), "{host}");
        }
        let no_port = mail.connect(&server("127.0.0.1", 70_000)).await.unwrap_err();
        assert!(matches!(no_port, Verdict::Barred(_)));
    }
}
