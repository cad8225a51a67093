//! Single messages on their way to a provider: what it is asked, and what becomes of a message
//! by what it answers.

use entity::kinds::{
    AttemptState, MessageStatus, OptOutKind, OptOutSource, Platform, Provider, SkipReason,
    StatusKind,
};
use entity::{attempt, inbox, message, message_event};
use rapport::auth::AccountScope;
use rapport::config::Config;
use rapport::domain::inbox::{Credentials, InboxCreate, create, signing};
use rapport::domain::send::{Destination, MessageSend, Said, send};
use rapport::domain::{opt_out, reach};
use rapport::error::Error;
use sea_orm::sea_query::Expr;
use serde_json::json;

use crate::on_both;
use crate::support::Kind;
use crate::support::factory::{self, say, stored, stored_message};
use crate::support::stub::{Reply, Stub};

const PHONE: &str = "+15550001111";
const SECRET: &str = "secret-of-the-tests";

async fn inbox(scope: &AccountScope, platform: Platform, url: &str) -> inbox::Model {
    let credentials = Credentials::Webhook { url: url.to_owned(), secret: SECRET.to_owned() };
    let input = InboxCreate {
        provider: Some(Provider::Webhook),
        credentials: Some(credentials),
        ..InboxCreate::new("Hook", platform)
    };
    create(scope, None, input).await.unwrap()
}

/// A contact who has just written on the inbox is written to.
async fn write(scope: &AccountScope, inbox: &inbox::Model) -> message::Model {
    let (heard, _) = say(scope, factory::message(inbox.id, PHONE, "Hello")).await;
    let contact_id = stored_message(scope, heard).await.contact_id;
    let to = Destination::Contact { contact_id, inbox_id: inbox.id };
    let new = MessageSend { to, said: Said::Text("Good day".to_owned()), subject: None };
    send(scope, None, new).await.unwrap()
}

fn taken() -> Reply {
    Reply::json(200, json!({ "id": "P1" }))
}

async fn only_attempt(scope: &AccountScope) -> attempt::Model {
    let mut attempts = stored::<attempt::Entity>(scope).await;
    assert_eq!(attempts.len(), 1);
    attempts.remove(0)
}

async fn heard(scope: &AccountScope) -> Vec<StatusKind> {
    let mut ledger = stored::<message_event::Entity>(scope).await;
    ledger.sort_by_key(|event| event.id);
    ledger.into_iter().map(|event| event.kind).collect()
}

on_both! {
    async fn a_message_is_handed_over_signed_and_once(app: &TestApp) {
        let stub = Stub::start(|_| taken()).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        let sent = write(&app.scope, &inbox).await;
        assert_eq!(sent.status, Some(MessageStatus::Created));
        app.deliver().await;
        app.deliver().await;
        let asked = stub.asked();
        assert_eq!(asked.len(), 1);
        let body = asked[0].json();
        assert_eq!(asked[0].method, "POST");
        assert_eq!(body["type"], "message.send");
        assert_eq!(body["data"]["messageId"], sent.id.0.to_string());
        assert_eq!((&body["data"]["to"], &body["data"]["text"]), (&json!(PHONE), &json!("Good day")));
        let id = asked[0].header("webhook-id");
        assert_eq!(id, sent.id.0.to_string());
        let seconds: i64 = asked[0].header("webhook-timestamp").parse().unwrap();
        let signature = asked[0].header("webhook-signature");
        let body = asked[0].body.as_bytes();
        assert!(signing::verifies(SECRET, id, seconds, body, signature, app.now.seconds()));
        let after = stored_message(&app.scope, sent.id).await;
        assert_eq!(after.status, Some(MessageStatus::Sent));
        assert_eq!(after.external_id.as_deref(), Some("P1"));
        assert_eq!(only_attempt(&app.scope).await.state, AttemptState::Done);
        use StatusKind::{Accepted, Created, Sending};
        assert_eq!(heard(&app.scope).await, [Created, Sending, Accepted]);
    }
}

on_both! {
    async fn patience_is_kept_when_it_is_asked_for(app: &TestApp) {
        let stub = Stub::start(|_| Reply::Json {
            status: 429,
            headers: vec![("retry-after", "30".to_owned())],
            body: json!({}),
        }).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        let sent = write(&app.scope, &inbox).await;
        app.deliver().await;
        app.set_clock(29);
        app.deliver().await;
        assert_eq!(stub.asked().len(), 1);
        let attempt = only_attempt(&app.scope).await;
        assert_eq!((attempt.state, attempt.tries), (AttemptState::Waiting, 1));
        assert!(attempt.due_at >= Some(app.now.plus_seconds(30)));
        assert_eq!(stored_message(&app.scope, sent.id).await.status, Some(MessageStatus::Sending));
        stub.answer(|_| taken());
        app.set_clock(3_600);
        app.deliver().await;
        assert_eq!(stub.asked().len(), 2);
        assert_eq!(stored_message(&app.scope, sent.id).await.status, Some(MessageStatus::Sent));
    }
}

on_both! {
    async fn a_provider_that_never_takes_it_ends_in_a_failure(app: &TestApp) {
        let stub = Stub::start(|_| Reply::json(429, json!({}))).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        let sent = write(&app.scope, &inbox).await;
        for hour in 0..20 {
            app.set_clock(hour * 20_000);
            app.deliver().await;
        }
        assert_eq!(stub.asked().len(), 8);
        let after = stored_message(&app.scope, sent.id).await;
        assert_eq!(after.status, Some(MessageStatus::Failed));
        assert_eq!(after.failure_code.as_deref(), Some("HTTP_429"));
    }
}

on_both! {
    async fn what_cannot_be_known_is_not_sent_again(app: &TestApp) {
        let stub = Stub::start(|_| Reply::Cut).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        for (number, reply) in
            [Reply::Cut, Reply::Silence, Reply::json(500, json!({}))].into_iter().enumerate()
        {
            stub.answer(move |_| reply.clone());
            let sent = write(&app.scope, &inbox).await;
            // The circuit may have opened.
            app.set_clock(i64::try_from(number).unwrap() * 1_000);
            app.deliver().await;
            app.set_clock(i64::try_from(number).unwrap() * 1_000 + 500);
            app.deliver().await;
            assert_eq!(stub.asked().len(), number + 1);
            let after = stored_message(&app.scope, sent.id).await;
            assert_eq!(after.status, Some(MessageStatus::Unknown));
        }
    }
}

on_both! {
    async fn refusals_and_endless_answers_end(app: &TestApp) {
        let stub = Stub::start(|_| Reply::json(400, json!({ "why": "no" }))).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        let refused = write(&app.scope, &inbox).await;
        app.deliver().await;
        let elsewhere = stub.url.clone();
        stub.answer(move |_| Reply::Json {
            status: 302,
            headers: vec![("location", format!("{elsewhere}/elsewhere"))],
            body: json!({}),
        });
        let moved = write(&app.scope, &inbox).await;
        app.deliver().await;
        stub.answer(|_| Reply::Endless);
        let endless = write(&app.scope, &inbox).await;
        app.deliver().await;
        assert_eq!(stub.asked().len(), 3);
        assert!(stub.asked().iter().all(|asked| asked.path == "/"));
        for (sent, status, code) in [
            (refused, MessageStatus::Failed, Some("HTTP_400")),
            (moved, MessageStatus::Failed, Some("HTTP_302")),
            (endless, MessageStatus::Sent, None),
        ] {
            let after = stored_message(&app.scope, sent.id).await;
            assert_eq!((after.status, after.failure_code.as_deref()), (Some(status), code));
        }
    }
}

on_both! {
    async fn nothing_listening_means_nothing_was_taken(app: &TestApp) {
        let inbox = inbox(&app.scope, Platform::Sms, "http://127.0.0.1:1").await;
        write(&app.scope, &inbox).await;
        app.deliver().await;
        let attempt = only_attempt(&app.scope).await;
        assert_eq!((attempt.state, attempt.tries), (AttemptState::Waiting, 1));
        let events = stored::<message_event::Entity>(&app.scope).await;
        let failed = events.iter().find(|event| event.kind == StatusKind::TryFailed).unwrap();
        assert_eq!(failed.code.as_deref(), Some("NO_CONNECTION"));
    }
}

on_both! {
    async fn an_opt_out_stops_what_waits(app: &TestApp) {
        let stub = Stub::start(|_| taken()).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        // Held, so that it waits.
        stub.answer(|_| Reply::json(429, json!({})));
        let sent = write(&app.scope, &inbox).await;
        app.deliver().await;
        say(&app.scope, factory::message(inbox.id, PHONE, "STOP")).await;
        let asked = stub.asked().len();
        app.set_clock(3_600);
        app.deliver().await;
        assert_eq!(stub.asked().len(), asked);
        let after = stored_message(&app.scope, sent.id).await;
        assert_eq!(after.status, Some(MessageStatus::Skipped));

        let to = Destination::Conversation(after.conversation_id);
        let new = MessageSend { to, said: Said::Text("Again".to_owned()), subject: None };
        let Err(Error::Invalid(violations)) = send(&app.scope, None, new).await else {
            panic!("it was sent")
        };
        assert_eq!(violations[0].path, "to.conversationId");
        assert_eq!(violations[0].message, reach::explain(SkipReason::OptedOut));
        let address = (Platform::Sms, PHONE.to_owned());
        let read = app.scope.db().read();
        let now = opt_out::current(&app.scope, read, std::slice::from_ref(&address)).await.unwrap();
        assert_eq!(now.get(&address), Some(&OptOutKind::OptOut));
        let entries = stored::<entity::opt_out::Entity>(&app.scope).await;
        assert_eq!(entries[0].source, OptOutSource::Word);
    }
}

on_both! {
    async fn a_shut_window_lets_no_free_text_through(app: &TestApp) {
        let stub = Stub::start(|_| taken()).await;
        let inbox = inbox(&app.scope, Platform::Whatsapp, &stub.url).await;
        let sent = write(&app.scope, &inbox).await;
        app.deliver().await;
        app.set_clock(24 * 3_600);
        let to = Destination::Conversation(sent.conversation_id);
        let new = MessageSend { to, said: Said::Text("Late".to_owned()), subject: None };
        let Err(Error::Invalid(violations)) = send(&app.scope, None, new).await else {
            panic!("it was sent")
        };
        assert_eq!(violations[0].message, reach::explain(SkipReason::ReplyWindowShut));
        assert_eq!(stub.asked().len(), 1);
    }
}

on_both! {
    async fn the_same_key_sends_once(app: &TestApp) {
        let stub = Stub::start(|_| taken()).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        let conversation = write(&app.scope, &inbox).await.conversation_id;
        let new = || MessageSend {
            to: Destination::Conversation(conversation),
            said: Said::Text("Once".to_owned()),
            subject: None,
        };
        let first = send(&app.scope, Some("k"), new()).await.unwrap();
        let second = send(&app.scope, Some("k"), new()).await.unwrap();
        assert_eq!(first.id, second.id);
        app.deliver().await;
        assert_eq!(stub.asked().len(), 2);
    }
}

on_both! {
    async fn whoever_does_not_come_back_leaves_an_unknown_message(app: &TestApp) {
        let stub = Stub::start(|_| taken()).await;
        let inbox = inbox(&app.scope, Platform::Sms, &stub.url).await;
        stub.answer(|_| Reply::json(429, json!({})));
        let sent = write(&app.scope, &inbox).await;
        app.deliver().await;
        // As a process leaves it that dies between the mark and the answer.
        let tx = app.scope.begin().await.unwrap();
        let crashed = app.scope.update_many::<attempt::Entity>();
        let crashed = crashed.col_expr(attempt::Column::State, Expr::value(AttemptState::Dispatching));
        let late = Expr::value(Some(app.now.plus_seconds(60)));
        crashed.col_expr(attempt::Column::DueAt, late).exec(&tx).await.unwrap();
        tx.commit().await.unwrap();
        app.set_clock(59);
        app.deliver().await;
        assert_eq!(only_attempt(&app.scope).await.state, AttemptState::Dispatching);
        app.set_clock(60);
        app.deliver().await;
        app.set_clock(100_000);
        app.deliver().await;
        assert_eq!(stub.asked().len(), 1);
        assert_eq!(stored_message(&app.scope, sent.id).await.status, Some(MessageStatus::Unknown));
        // Evidence that carries our id tells.
        let told = rapport::domain::record::NewStatus {
            message_id: Some(sent.id),
            ..factory::status(inbox.id, "P1", StatusKind::Delivered)
        };
        factory::record(&app.scope, vec![rapport::domain::record::Item::Status(told)]).await;
        assert_eq!(stored_message(&app.scope, sent.id).await.status, Some(MessageStatus::Delivered));
    }
}

/// Without anything allowed, no way leads home.
async fn private_addresses_are_refused(kind: Kind) {
    let config = Config::default();
    crate::support::app::run_with(kind, config, async |app| {
        let stub = Stub::start(|_| taken()).await;
        let port = stub.url.rsplit(':').next().unwrap().to_owned();
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0"] {
            let inbox = inbox(&app.scope, Platform::Sms, &format!("http://{host}:{port}")).await;
            let sent = write(&app.scope, &inbox).await;
            app.deliver().await;
            let after = stored_message(&app.scope, sent.id).await;
            assert_eq!(after.failure_code.as_deref(), Some("TARGET_NOT_ALLOWED"), "{host}");
        }
        assert_eq!(stub.asked().len(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_refused_sqlite() {
    private_addresses_are_refused(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_refused_postgres() {
    private_addresses_are_refused(Kind::Postgres).await;
}
