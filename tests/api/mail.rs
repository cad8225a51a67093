//! E-mail on its way to mail servers: what a letter looks like when it arrives, and what becomes
//! of a message by what the server says to each line.

use entity::kinds::{AttemptState, MessageStatus, OptOutSource, Platform, Provider, StatusKind};
use entity::{attempt, inbox, message, message_event, opt_out};
use rapport::auth::AccountScope;
use rapport::config::{Config, Delivery};
use rapport::domain::campaign::{self, When};
use rapport::domain::inbox::{Credentials, InboxCreate, create};
use rapport::domain::opt_out::Link;
use rapport::domain::record::{ContactRef, NewMessage};
use rapport::domain::send::{Destination, MessageSend, Said, send};

use crate::on_both;
use crate::support::app::run_with;
use crate::support::factory::{draft, everybody, say, step, stored, stored_message};
use crate::support::post::{Does, MailServer, OddServer};
use crate::support::{Kind, TestApp};

const ADA: &str = "ada@example.org";
const PUBLIC: &str = "https://rapport.example.org";

async fn inbox(scope: &AccountScope, port: u16, line: Option<&str>) -> inbox::Model {
    let credentials = Credentials::Smtp {
        host: "127.0.0.1".to_owned(),
        port: i64::from(port),
        username: "aurora".to_owned(),
        password: "hush".to_owned(),
    };
    let input = InboxCreate {
        provider: Some(Provider::Smtp),
        credentials: Some(credentials),
        line: line.map(str::to_owned),
        ..InboxCreate::new("Mail", Platform::Email)
    };
    create(scope, None, input).await.unwrap()
}

async fn shop(scope: &AccountScope, port: u16) -> inbox::Model {
    inbox(scope, port, Some("Aurora <shop@aurora.example>")).await
}

/// Ada writes, by which she is known here.
async fn meet(scope: &AccountScope, inbox: &inbox::Model) -> entity::id::ContactId {
    let ada = ContactRef {
        email: Some(ADA.to_owned()),
        name: Some("Ada".to_owned()),
        ..ContactRef::default()
    };
    let (heard, _) = say(scope, NewMessage::new(inbox.id, ada, "Hello")).await;
    stored_message(scope, heard).await.contact_id
}

async fn write(scope: &AccountScope, inbox: &inbox::Model) -> message::Model {
    let contact_id = meet(scope, inbox).await;
    let new = MessageSend {
        to: Destination::Contact { contact_id, inbox_id: inbox.id },
        said: Said::Text("Good day\n.\nsee https://a.example/?b&c. Ä".to_owned()),
        subject: Some("Your order – today".to_owned()),
    };
    send(scope, None, new).await.unwrap()
}

/// What was heard last of a message, with the code.
async fn last_heard(scope: &AccountScope, message: &message::Model) -> (StatusKind, String) {
    let mut ledger = stored::<message_event::Entity>(scope).await;
    ledger.retain(|event| event.message_id == message.id);
    ledger.sort_by_key(|event| event.id);
    let last = ledger.pop().unwrap();
    (last.kind, last.code.unwrap_or_default())
}

on_both! {
    async fn a_letter_arrives_whole_and_once(app: &TestApp) {
        let server = MailServer::start().await;
        let inbox = shop(&app.scope, server.port).await;
        let sent = write(&app.scope, &inbox).await;
        app.deliver().await;
        app.deliver().await;
        let taken = server.taken();
        assert_eq!(taken.len(), 1);
        let letter = &taken[0];
        assert_eq!(letter.login, Some(("aurora".to_owned(), "hush".to_owned())));
        assert_eq!(letter.from, "shop@aurora.example");
        assert_eq!(letter.to, [ADA]);
        let id = format!("<{}@aurora.example>", sent.id.0);
        for (name, value) in [
            ("From", Some("Aurora <shop@aurora.example>")),
            ("To", Some(ADA)),
            ("Message-ID", Some(id.as_str())),
            ("Date", Some("Wed, 18 Mar 2026 15:00:00 +0000")),
            // Nobody can stop the answer to an own question.
            ("List-Unsubscribe", None),
            ("List-Unsubscribe-Post", None),
            ("Bcc", None),
        ] {
            assert_eq!(letter.header(name).as_deref(), value, "{name}");
        }
        assert!(letter.header("Subject").unwrap().starts_with("Your order =?utf-8?b?"));
        assert!(letter.header("Content-Type").unwrap().starts_with("multipart/alternative"));
        assert!(letter.text.is_ascii());
        let text = letter.text.replace("=\r\n", "");
        assert!(text.contains("Good day\r\n.\r\nsee https://a.example/?b&c. =C3=84"), "{text}");
        assert!(text.contains("text/html"), "{text}");
        let after = stored_message(&app.scope, sent.id).await;
        assert_eq!(after.status, Some(MessageStatus::Sent));
        assert_eq!(after.external_id, Some(id));
        let attempts = stored::<attempt::Entity>(&app.scope).await;
        assert_eq!((attempts.len(), attempts[0].state), (1, AttemptState::Done));
    }
}

/// What a server does at a line, and what is then known of the message.
fn oddities() -> [(&'static str, Does, MessageStatus, &'static str); 14] {
    use Does::{Cuts, Says, Waits};
    use MessageStatus::{Failed, Sending, Unknown};
    [
        // Not taken, and never will be.
        ("AUTH", Says("535 5.7.8 wrong"), Failed, "535"),
        ("MAIL", Says("530 log in first"), Failed, "530"),
        ("RCPT", Says("550-5.1.1 there is\r\n550 5.1.1 nobody"), Failed, "550"),
        (".", Says("554 spam"), Failed, "554"),
        // Not taken.
        ("AUTH", Says("454 not now"), Sending, "454"),
        ("RCPT", Says("451 not now"), Sending, "451"),
        (".", Says("452"), Sending, "452"),
        ("", Says("554 not here"), Sending, "NO_CONNECTION"),
        ("EHLO", Says("HTTP/1.1 400 Bad Request"), Sending, "NO_CONNECTION"),
        ("RCPT", Waits, Sending, "NO_CONNECTION"),
        ("DATA", Cuts, Sending, "NO_CONNECTION"),
        // Perhaps taken.
        (".", Cuts, Unknown, "NO_ANSWER"),
        (".", Waits, Unknown, "NO_ANSWER"),
        (".", Says("354 and then"), Unknown, "NO_ANSWER"),
    ]
}

on_both! {
    async fn what_becomes_of_a_message_follows_from_the_line(app: &TestApp) {
        for (at, does, status, code) in oddities() {
            let server = OddServer::start(move |line: &str| {
                let verb = line.split(' ').next().unwrap_or_default();
                (verb == at).then_some(does)
            })
            .await;
            // Each with a circuit of its own.
            let inbox = shop(&app.scope, server.port).await;
            let sent = write(&app.scope, &inbox).await;
            app.deliver().await;
            app.deliver().await;
            let after = stored_message(&app.scope, sent.id).await;
            assert_eq!(after.status, Some(status), "{at} {does:?}");
            let (kind, heard) = last_heard(&app.scope, &sent).await;
            assert_eq!(heard, code, "{at} {does:?}");
            let expected = match status {
                MessageStatus::Sending => StatusKind::TryFailed,
                MessageStatus::Unknown => StatusKind::Unknown,
                _ => StatusKind::Failed,
            };
            assert_eq!(kind, expected, "{at} {does:?}");
            let letters = server.heard().iter().filter(|line| *line == ".").count();
            assert_eq!(letters, usize::from(at == "."), "{at} {does:?}");
        }
    }
}

on_both! {
    async fn what_was_not_taken_is_handed_over_again(app: &TestApp) {
        let server = OddServer::start(|line| {
            line.starts_with("RCPT").then_some(Does::Says("450 busy"))
        })
        .await;
        let inbox = shop(&app.scope, server.port).await;
        write(&app.scope, &inbox).await;
        for hour in 0..3 {
            app.set_clock(hour * 3_600);
            app.deliver().await;
        }
        let tries = server.heard().iter().filter(|line| line.starts_with("RCPT")).count();
        assert_eq!(tries, 3);
        assert!(!server.heard().iter().any(|line| line == "DATA"));
    }
}

on_both! {
    async fn no_secret_is_said_where_encryption_fails(app: &TestApp) {
        for at_start_tls in ["220 go on", "220 go on\r\n250-odd.test\r\n250 AUTH PLAIN", "454 no"] {
            let server = OddServer::start(move |line: &str| match line {
                "STARTTLS" => Some(Does::Says(at_start_tls)),
                line if line.starts_with("EHLO") => {
                    Some(Does::Says("250-odd.test\r\n250-AUTH PLAIN\r\n250 STARTTLS"))
                }
                _ => None,
            })
            .await;
            let inbox = shop(&app.scope, server.port).await;
            let sent = write(&app.scope, &inbox).await;
            app.deliver().await;
            let (kind, code) = last_heard(&app.scope, &sent).await;
            assert_eq!((kind, code.as_str()), (StatusKind::TryFailed, "NO_CONNECTION"));
            let heard = server.heard();
            assert!(heard.iter().any(|line| line == "STARTTLS"), "{heard:?}");
            let said = |verb: &str| heard.iter().any(|line| line.starts_with(verb));
            assert!(!said("AUTH") && !said("MAIL"), "{heard:?}");
        }
    }
}

on_both! {
    async fn an_inbox_needs_an_address_to_send_from(app: &TestApp) {
        let server = MailServer::start().await;
        let evil = "Aurora\r\nBcc: eve@example.org\r\n <shop@aurora.example>";
        for line in [None, Some("Aurora"), Some(evil)] {
            let inbox = inbox(&app.scope, server.port, line).await;
            let sent = write(&app.scope, &inbox).await;
            app.deliver().await;
            let after = stored_message(&app.scope, sent.id).await;
            assert_eq!(after.failure_code.as_deref(), Some("LINE"), "{line:?}");
        }
        assert!(server.taken().is_empty());
    }
}

/// A campaign's letter says how to stop further ones, and that works.
async fn a_mailing_can_be_stopped(kind: Kind) {
    let delivery = Delivery {
        allow_private_targets: vec!["127.0.0.0/8".parse().unwrap()],
        send_timeout_seconds: 1,
        ..Delivery::default()
    };
    let public_url = Some(PUBLIC.to_owned());
    let config = Config { delivery, public_url, ..Config::default() };
    run_with(kind, config, async |app| {
        let server = MailServer::start().await;
        let inbox = shop(&app.scope, server.port).await;
        meet(&app.scope, &inbox).await;
        let mut new = draft(inbox.id, everybody());
        new.steps = vec![step(inbox.id, "Good day, {{name}}")];
        new.steps[0].subject = Some("Spring".to_owned());
        let id = campaign::create(&app.scope, None, new).await.unwrap().id;
        campaign::schedule(&app.scope, id, When::Now).await.unwrap();
        app.deliver().await;
        let taken = server.taken();
        assert_eq!(taken.len(), 1);
        let mut sent = stored::<message::Entity>(&app.scope).await;
        sent.retain(|message| message.campaign_id.is_some());
        let token = Link::new(app.scope.account_id(), sent[0].id).token(&app.engine.vault);
        let header = taken[0].header("List-Unsubscribe");
        assert_eq!(header, Some(format!("<{PUBLIC}/u/{token}>")));
        let how = taken[0].header("List-Unsubscribe-Post");
        assert_eq!(how.as_deref(), Some("List-Unsubscribe=One-Click"));
        assert_eq!(taken[0].header("Subject").as_deref(), Some("Spring"));

        let posted = app.anonymous.http.post(format!("{}/u/{token}", app.url));
        let posted = posted.header("content-type", "application/x-www-form-urlencoded");
        let answer = posted.body("List-Unsubscribe=One-Click").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let entries = stored::<opt_out::Entity>(&app.scope).await;
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].source, entries[0].address.as_str()), (OptOutSource::Page, ADA));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailing_can_be_stopped_sqlite() {
    a_mailing_can_be_stopped(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailing_can_be_stopped_postgres() {
    a_mailing_can_be_stopped(Kind::Postgres).await;
}

/// Without anything allowed, no way leads home.
async fn private_servers_are_refused(kind: Kind) {
    run_with(kind, Config::default(), async |app: &TestApp| {
        let server = OddServer::start(|_| None).await;
        let inbox = shop(&app.scope, server.port).await;
        let sent = write(&app.scope, &inbox).await;
        app.deliver().await;
        let after = stored_message(&app.scope, sent.id).await;
        assert_eq!(after.failure_code.as_deref(), Some("TARGET_NOT_ALLOWED"));
        assert!(server.heard().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_are_refused_sqlite() {
    private_servers_are_refused(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_are_refused_postgres() {
    private_servers_are_refused(Kind::Postgres).await;
}
