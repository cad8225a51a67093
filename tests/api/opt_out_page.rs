//! The page on which contacts stop messages: what it shows, what it changes, and what it does
//! not.

use entity::id::{AccountId, MessageId, Uuid};
use entity::kinds::{OptOutKind, OptOutSource, Platform, SkipReason};
use entity::{message, opt_out};
use rapport::auth::Vault;
use rapport::config::{Config, Limits};
use rapport::domain::opt_out::{Link, OptOutInput};
use rapport::domain::reach;
use rapport::domain::record::{ContactRef, NewMessage};
use rapport::domain::send::{Destination, MessageSend, Said, send};
use rapport::error::Error;
use reqwest::{Method, Response};

use crate::on_both;
use crate::support::app::run_with;
use crate::support::factory::{sandbox, say, stored, stored_message};
use crate::support::{Kind, TestApp};

const ADA: &str = "Ada@Example.org";

fn letter(to: Destination) -> MessageSend {
    MessageSend {
        to,
        said: Said::Text("Good day".to_owned()),
        subject: Some("Your order".to_owned()),
    }
}

/// A message to Ada that was sent, after one that she wrote.
async fn sent(app: &TestApp) -> (message::Model, MessageId) {
    let inbox = sandbox(&app.scope, Platform::Email).await;
    let ada = ContactRef { email: Some(ADA.to_owned()), ..ContactRef::default() };
    let (heard, _) = say(&app.scope, NewMessage::new(inbox.id, ada, "Hello")).await;
    let contact_id = stored_message(&app.scope, heard).await.contact_id;
    let to = Destination::Contact { contact_id, inbox_id: inbox.id };
    let message = send(&app.scope, None, letter(to)).await.unwrap();
    app.deliver().await;
    (message, heard)
}

fn token(app: &TestApp, account_id: AccountId, message_id: MessageId) -> String {
    Link::new(account_id, message_id).token(&app.engine.vault)
}

async fn ask(app: &TestApp, method: Method, token: &str, body: &'static str) -> Response {
    let request = app.anonymous.http.request(method, format!("{}/u/{token}", app.url));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(body).send().await.unwrap()
}

async fn page(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn history(app: &TestApp) -> Vec<opt_out::Model> {
    let mut entries = stored::<opt_out::Entity>(&app.scope).await;
    entries.sort_by_key(|entry| entry.id);
    entries
}

on_both! {
    async fn looking_changes_nothing(app: &TestApp) {
        let (message, _) = sent(app).await;
        let token = token(app, app.scope.account_id(), message.id);
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let response = ask(app, method.clone(), &token, "").await;
            let headers = response.headers().clone();
            let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
            assert_eq!(header("content-type"), "text/html; charset=utf-8");
            assert_eq!(header("cache-control"), "no-store");
            assert_eq!(header("x-robots-tag"), "noindex, nofollow");
            assert_eq!(header("referrer-policy"), "no-referrer");
            assert_eq!(header("set-cookie"), "");
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            let (status, text) = page(response).await;
            assert_eq!(status, 200);
            if method == Method::HEAD {
                assert_eq!(text, "");
            } else {
                assert!(text.contains("Stop messages from Acme?"), "{text}");
                assert!(text.contains("<form method=\"post\"><button"), "{text}");
                assert!(!text.contains("<script") && !text.to_lowercase().contains("ada"));
            }
        }
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(ask(app, method, &token, "").await.status().as_u16(), 405);
        }
        assert!(history(app).await.is_empty());
    }
}

on_both! {
    async fn the_button_stops_messages_once(app: &TestApp) {
        let (message, _) = sent(app).await;
        let token = token(app, app.scope.account_id(), message.id);
        // At the same time, as impatient people and mail programs do.
        let (first, second) = tokio::join!(
            ask(app, Method::POST, &token, ""),
            ask(app, Method::POST, &token, "List-Unsubscribe=One-Click")
        );
        for response in [first, second, ask(app, Method::POST, &token, "").await] {
            let (status, text) = page(response).await;
            assert_eq!(status, 200);
            assert!(text.contains("You get no more messages from Acme"), "{text}");
        }
        let (_, text) = page(ask(app, Method::GET, &token, "").await).await;
        assert!(text.contains("You get no more messages from Acme") && !text.contains("<form"));

        let entries = history(app).await;
        assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        assert_eq!((entry.kind, entry.source), (OptOutKind::OptOut, OptOutSource::Page));
        assert_eq!((entry.platform, entry.address.as_str()), (Platform::Email, "ada@example.org"));
        assert_eq!(entry.message_id, Some(message.id));
        assert_eq!(entry.contact_id, Some(message.contact_id));
        assert_eq!((entry.inbox_id, entry.user_id), (Some(message.inbox_id), None));
        assert!(entry.effective);

        let again = letter(Destination::Conversation(message.conversation_id));
        let Err(Error::Invalid(violations)) = send(&app.scope, None, again).await else {
            panic!("it was sent")
        };
        assert_eq!(violations[0].message, reach::explain(SkipReason::OptedOut));
    }
}

on_both! {
    async fn whoever_comes_back_can_leave_again(app: &TestApp) {
        let (message, _) = sent(app).await;
        let token = token(app, app.scope.account_id(), message.id);
        ask(app, Method::POST, &token, "").await;
        let back = OptOutInput { contact_id: Some(message.contact_id), ..OptOutInput::default() };
        let back = rapport::domain::opt_out::opt_out(&app.scope, None, back, OptOutKind::OptIn);
        back.await.unwrap();
        let (_, text) = page(ask(app, Method::GET, &token, "").await).await;
        assert!(text.contains("<form"), "{text}");
        app.set_clock(60);
        ask(app, Method::POST, &token, "").await;
        let kinds: Vec<OptOutKind> = history(app).await.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [OptOutKind::OptOut, OptOutKind::OptIn, OptOutKind::OptOut]);
    }
}

on_both! {
    async fn what_was_not_signed_here_leads_nowhere(app: &TestApp) {
        let (message, heard) = sent(app).await;
        let (account, other) = (app.scope.account_id(), app.new_account("Other").await);
        let right = token(app, account, message.id);
        let mut changed = right.clone();
        let last = changed.pop().unwrap();
        changed.push(if last == 'A' { 'B' } else { 'A' });
        let wrong = [
            "x".to_owned(),
            changed,
            format!("{right}A"),
            right.to_lowercase(),
            Link::new(account, message.id).token(&Vault::new([8; 32])),
            // Signed, and of no message that was sent from here.
            token(app, account, heard),
            token(app, other.account_id(), message.id),
            token(app, AccountId(Uuid::from_u128(7)), message.id),
        ];
        for wrong in wrong {
            for method in [Method::GET, Method::POST] {
                let (status, text) = page(ask(app, method, &wrong, "").await).await;
                assert_eq!(status, 404, "{wrong}");
                assert!(text.contains("<main>\n<h1>This link is not valid</h1>"), "{text}");
            }
        }
        assert!(history(app).await.is_empty());
        assert!(stored::<opt_out::Entity>(&other).await.is_empty());
    }
}

/// Whoever asks too often waits, but not because of links that are none.
async fn asking_too_often_is_refused(kind: Kind) {
    let limits = Limits { caller_cost: 400, caller_cost_per_second: 1, ..Limits::default() };
    run_with(kind, Config { limits, ..Config::default() }, async |app: &TestApp| {
        let (message, _) = sent(app).await;
        let token = token(app, app.scope.account_id(), message.id);
        for _ in 0..5 {
            assert_eq!(ask(app, Method::GET, "x", "").await.status().as_u16(), 404);
        }
        for _ in 0..2 {
            assert_eq!(ask(app, Method::GET, &token, "").await.status().as_u16(), 200);
        }
        let refused = ask(app, Method::POST, &token, "").await;
        let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=200).contains(&wait), "{wait}");
        let (status, text) = page(refused).await;
        assert_eq!(status, 429);
        assert!(text.contains("Too many requests"), "{text}");
        assert!(history(app).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_too_often_is_refused_sqlite() {
    asking_too_often_is_refused(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_too_often_is_refused_postgres() {
    asking_too_often_is_refused(Kind::Postgres).await;
}
