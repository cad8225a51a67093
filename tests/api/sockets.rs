//! Subscriptions as clients meet them, over sockets and as event streams: what is refused and
//! how, who may listen, and when they must stop.

use std::time::{Duration, Instant};

use entity::id::InboxId;
use entity::kinds::{Platform, Role, TokenScope};
use rapport::auth::token;
use rapport::config::{Config, Limits};
use reqwest::Response;
use serde_json::{Value, json};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::on_both;
use crate::support::app::run_with;
use crate::support::gql::Client;
use crate::support::killers::killers;
use crate::support::schema::Schema;
use crate::support::socket::Socket;
use crate::support::{Kind, TestApp, factory};

const ADDED: &str = "subscription($id: ID!, $after: String) {
    messageAdded(accountId: $id, after: $after) { cursor message { id content inbox { name } } } }";
const REPORT: &str = "subscription($id: ID!) { reportUpdated(accountId: $id,
    input: { metrics: [MESSAGES], period: { last: \"P1D\" } }) { report { totals { value } } } }";
/// The longest message that a socket takes.
const FRAME: usize = 64 * 1024;

fn code(error: &Value) -> &str {
    error["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {error}"))
}

/// A request for an event stream.
async fn events(client: &Client, query: &str, variables: Value) -> Response {
    let mut request = client
        .http
        .post(format!("{}/graphql", client.url))
        .header("accept", "text/event-stream")
        .header("content-type", "application/json")
        .body(json!({ "query": query, "variables": variables }).to_string());
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

/// The results of a stream that ends by itself.
fn results(text: &str) -> Vec<Value> {
    assert!(text.ends_with("event: complete\ndata:\n\n"), "{text}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a subscription brings first: only an event tells that it has begun.
async fn first_heard(app: &TestApp, inbox: InboxId, socket: &mut Socket) -> Value {
    for _ in 0..50 {
        factory::say(&app.scope, factory::message(inbox, "+15550001", "hello")).await;
        if let Ok(heard) = tokio::time::timeout(Duration::from_millis(300), socket.data()).await {
            return heard;
        }
    }
    panic!("nothing is heard")
}

on_both! {
    async fn killing_documents_are_refused_over_sockets(app: &TestApp) {
        for token in [None, app.owner.token.as_deref()] {
            let mut socket = Socket::init(&app.url, token).await;
            for (name, document, expected) in killers() {
                let long = document.len() + 200 > FRAME;
                socket.subscribe("a", &document, json!({})).await;
                match socket.receive().await {
                    Ok(message) => {
                        assert_eq!(message["type"], "error", "{name}: {message:.500}");
                        assert_eq!(code(&message["payload"][0]), expected, "{name}");
                    }
                    Err(closed) => {
                        // What is very long may break the connection while it is sent.
                        assert!(long && matches!(closed, 1009 | 1006), "{name}: {closed}");
                        socket = Socket::init(&app.url, token).await;
                    }
                }
            }
            socket.subscribe("a", "{ metrics { key } }", json!({})).await;
            assert!(!socket.data().await["metrics"].as_array().unwrap().is_empty());
        }
    }
}

on_both! {
    async fn killing_documents_are_refused_as_events(app: &TestApp) {
        for (name, document, expected) in killers() {
            for client in [&app.anonymous, &app.owner] {
                let response = events(client, &document, json!({})).await;
                let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
                match status {
                    413 => assert!(text.contains("PAYLOAD_TOO_LARGE"), "{name}: {text}"),
                    200 => assert_eq!(code(&results(&text)[0]["errors"][0]), expected, "{name}"),
                    status => panic!("{name}: {status} {text}"),
                }
            }
        }
    }
}

on_both! {
    async fn queries_and_mutations_are_answered_as_events(app: &TestApp) {
        let text = events(&app.owner, "{ viewer { user { email } } }", json!({})).await;
        assert_eq!(text.headers()["content-type"], "text/event-stream; charset=utf-8");
        let text = text.text().await.unwrap();
        assert_eq!(results(&text)[0]["data"]["viewer"]["user"]["email"], "owner@acme.test");
        let label = "mutation($id: ID!) {
            labelCreate(input: { accountId: $id, name: \"live\" }) { label { name } } }";
        let text = events(&app.owner, label, json!({ "id": app.account_node })).await;
        let text = text.text().await.unwrap();
        assert_eq!(results(&text)[0]["data"]["labelCreate"]["label"]["name"], "live");
    }
}

on_both! {
    async fn subscriptions_need_a_way_that_can_carry_them(app: &TestApp) {
        let answer = app.owner.send(REPORT, json!({ "id": app.account_node })).await;
        assert_eq!((answer.status, answer.code()), (405, "METHOD_NOT_ALLOWED"));
        assert!(answer.message().contains("text/event-stream"));
    }
}

on_both! {
    /// Around its field, whatever could leave it out is refused, and nothing waits for ever.
    async fn a_subscription_names_its_field_itself(app: &TestApp) {
        let field = "messageAdded(accountId: $id) { cursor }";
        let mut socket = Socket::init(&app.url, app.owner.token.as_deref()).await;
        for (selections, rest) in [
            (format!("... on Subscription {{ {field} }}"), String::new()),
            ("...f".to_owned(), format!("fragment f on Subscription {{ {field} }}")),
            ("messageAdded(accountId: $id) @skip(if: false) { cursor }".to_owned(), String::new()),
            ("__typename".to_owned(), String::new()),
        ] {
            let query = format!("subscription($id: ID!) {{ {selections} }} {rest}");
            let variables = json!({ "id": app.account_node });
            socket.subscribe("a", &query, variables).await;
            let message = socket.next().await;
            assert_eq!(message["type"], "error", "{query}: {message}");
            assert_eq!(code(&message["payload"][0]), "GRAPHQL_VALIDATION_FAILED", "{query}");
        }
    }
}

on_both! {
    /// Another's account looks like none, for every subscription.
    async fn strangers_hear_nothing(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        let (stranger, _) = app.stranger().await;
        let missing = "account:AAAAAAAAAAAAAAAAAAAAAA";
        for field in schema.fields("Subscription") {
            let (arguments, inner) = match field.name() {
                "reportUpdated" => (
                    ", input: { metrics: [MESSAGES], period: { last: \"P1D\" } }",
                    "report { totals { value } }",
                ),
                "campaignProgress" => (", campaignId: \"x\"", "campaign { id }"),
                _ => ("", "cursor"),
            };
            let query = format!(
                "subscription($id: ID!) {{ {}(accountId: $id{arguments}) {{ {inner} }} }}",
                field.name()
            );
            for client in [&stranger, &app.anonymous] {
                let mut answers = Vec::new();
                for id in [app.account_node.as_str(), missing] {
                    let response = events(client, &query, json!({ "id": id })).await;
                    let mut results = results(&response.text().await.unwrap());
                    results[0]["errors"][0]["extensions"]["requestId"].take();
                    results[0]["extensions"].take();
                    answers.push(results);
                }
                assert_eq!(answers[0], answers[1], "{}", field.name());
                let expected = if client.token.is_some() { "NOT_FOUND" } else { "UNAUTHENTICATED" };
                assert_eq!(code(&answers[0][0]["errors"][0]), expected, "{}", field.name());
            }
        }
        let blind = app.client_with(Role::Admin, &[TokenScope::Record]).await;
        let response = events(&blind, ADDED, json!({ "id": app.account_node })).await;
        let results = results(&response.text().await.unwrap());
        assert_eq!(code(&results[0]["errors"][0]), "FORBIDDEN");
    }
}

on_both! {
    async fn readers_hear_no_personal_data(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let reader = app.client_with(Role::Reader, &[TokenScope::Read]).await;
        let mut socket = Socket::init(&app.url, reader.token.as_deref()).await;
        socket.subscribe("a", ADDED, json!({ "id": app.account_node })).await;
        let heard = first_heard(app, inbox, &mut socket).await;
        let message = &heard["messageAdded"]["message"];
        assert_eq!(message["inbox"]["name"], "live");
        assert_eq!(message["content"], Value::Null);
    }
}

on_both! {
    async fn cursors_of_others_and_of_nothing_are_refused(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let mut socket = Socket::init(&app.url, app.owner.token.as_deref()).await;
        socket.subscribe("r", REPORT, json!({ "id": app.account_node })).await;
        socket.data().await;
        for after in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            socket.subscribe("a", ADDED, json!({ "id": app.account_node, "after": after })).await;
            let refused = socket.next().await;
            assert_eq!(code(&refused["payload"]["errors"][0]), "BAD_USER_INPUT", "{refused}");
            assert_eq!(socket.next().await["type"], "complete");
        }
        socket.send(&json!({ "id": "r", "type": "complete" })).await;

        socket.subscribe("a", ADDED, json!({ "id": app.account_node })).await;
        let first = first_heard(app, inbox, &mut socket).await;
        let cursor = first["messageAdded"]["cursor"].as_str().unwrap();
        app.set_clock(rapport::live::log::KEPT_SECONDS + 1);
        rapport::live::log::forget(&app.scope).await.unwrap();
        factory::say(&app.scope, factory::message(inbox, "+15550001", "hello")).await;
        rapport::live::log::forget(&app.scope).await.unwrap();
        app.set_clock(2 * rapport::live::log::KEPT_SECONDS + 2);
        rapport::live::log::forget(&app.scope).await.unwrap();
        let mut socket = Socket::init(&app.url, app.owner.token.as_deref()).await;
        socket.subscribe("a", ADDED, json!({ "id": app.account_node, "after": cursor })).await;
        let refused = socket.next().await;
        assert_eq!(code(&refused["payload"]["errors"][0]), "RESYNC", "{refused}");
    }
}

on_both! {
    async fn what_is_open_ends_with_its_token(app: &TestApp) {
        let client = app.client_with(Role::Reader, &[TokenScope::Read]).await;
        let mut socket = Socket::init(&app.url, client.token.as_deref()).await;
        let mut stream = events(&client, REPORT, json!({ "id": app.account_node })).await;
        let mut other = Socket::init(&app.url, app.owner.token.as_deref()).await;
        let hash = token::digest(client.token.as_deref().unwrap());
        let tokens = factory::stored::<entity::access_token::Entity>(&app.scope).await;
        let id = tokens.into_iter().find(|token| token.hash == hash).unwrap().id;
        let revoked = Instant::now();
        token::revoke(app.engine.db.write(), id, app.now).await.unwrap();
        assert_eq!(socket.receive().await, Err(4403));
        let mut text = String::new();
        while let Some(chunk) = stream.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        assert!(revoked.elapsed() < Duration::from_secs(7), "{:?}", revoked.elapsed());
        let last = results(&text).pop().unwrap();
        assert_eq!(code(&last["errors"][0]), "UNAUTHENTICATED");
        other.settle().await;
    }
}

/// Runs `body` with small limits, on both databases.
async fn with_few(kind: Kind, body: impl AsyncFn(&TestApp)) {
    let limits = Limits {
        caller_sockets: 2,
        socket_operations: 3,
        caller_subscriptions: 4,
        account_subscriptions: 6,
        ..Limits::default()
    };
    run_with(kind, Config { limits, ..Config::default() }, body).await;
}

async fn what_is_open_is_bounded(app: &TestApp) {
    let token = app.owner.token.as_deref();
    let variables = json!({ "id": app.account_node });
    let mut one = Socket::init(&app.url, token).await;
    for id in ["a", "b", "c"] {
        one.subscribe(id, REPORT, variables.clone()).await;
        one.data().await;
    }
    one.subscribe("d", REPORT, variables.clone()).await;
    let refused = one.next().await;
    assert_eq!(code(&refused["payload"][0]), "LIMIT_EXCEEDED");
    assert_eq!(refused["payload"][0]["extensions"]["limit"], "socket_operations");

    let mut two = Socket::init(&app.url, token).await;
    two.subscribe("a", REPORT, variables.clone()).await;
    two.data().await;
    two.subscribe("b", REPORT, variables.clone()).await;
    let refused = two.next().await;
    assert!(refused.to_string().contains("caller_subscriptions"), "{refused}");
    assert_eq!(two.next().await["type"], "complete");

    let mut three = Socket::open(&app.url).await;
    let payload = json!({ "authorization": format!("Bearer {}", token.unwrap()) });
    three.send(&json!({ "type": "connection_init", "payload": payload })).await;
    assert_eq!(three.receive().await, Err(1013));

    let reader = app.client_with(Role::Reader, &[TokenScope::Read]).await;
    let mut other = Socket::init(&app.url, reader.token.as_deref()).await;
    for id in ["a", "b"] {
        other.subscribe(id, REPORT, variables.clone()).await;
        other.data().await;
    }
    other.subscribe("c", REPORT, variables.clone()).await;
    let refused = other.next().await;
    assert!(refused.to_string().contains("account_subscriptions"), "{refused}");

    // What ends makes room.
    one.send(&json!({ "id": "a", "type": "complete" })).await;
    one.settle().await;
    two.subscribe("c", REPORT, variables).await;
    two.data().await;
}

mod what_is_open_is_bounded {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        with_few(Kind::Sqlite, super::what_is_open_is_bounded).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        with_few(Kind::Postgres, super::what_is_open_is_bounded).await;
    }
}

on_both! {
    async fn a_frame_is_refused_before_it_is_there(app: &TestApp) {
        let host = app.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let upgrade = format!(
            "GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(stream.read_u8().await.unwrap());
        }
        assert!(heard.starts_with(b"HTTP/1.1 101 "));
        // Text, masked, and a length of which nobody could hold the body.
        stream.write_all(&[0x81, 0xff]).await.unwrap();
        stream.write_all(&(1_u64 << 40).to_be_bytes()).await.unwrap();
        stream.write_all(&[0; 14]).await.unwrap();
        let mut close = [0; 4];
        stream.read_exact(&mut close).await.unwrap();
        assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 1009));
    }
}
