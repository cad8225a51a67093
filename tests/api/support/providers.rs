//! Calls as Twilio, Telegram and a system of the account's own make them: the fixtures, with
//! what proves them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entity::inbox;
use entity::kinds::Platform;
use hmac::{Hmac, KeyInit, Mac};
use rapport::auth::AccountScope;
use rapport::domain::inbox::{Credentials, InboxCreate, create, signing, webhook_path};
use sha1::Sha1;
use url::form_urlencoded;

use super::app::{PUBLIC_URL, TestApp};

pub const AUTH_TOKEN: &str = "auth-token-of-the-tests";
pub const BOT_SECRET: &str = "bot-secret-of-the-tests";
pub const HOOK_SECRET: &str = "hook-secret-of-the-tests";

/// A file of `tests/fixtures`, without the line end behind it, which forms do not have.
pub fn fixture(path: &str) -> String {
    let path = format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.trim_end().to_owned()
}

async fn inbox(scope: &AccountScope, platform: Platform, keys: Credentials) -> inbox::Model {
    let input = InboxCreate {
        provider: Some(keys.provider()),
        credentials: Some(keys),
        ..InboxCreate::new("Line", platform)
    };
    create(scope, None, input).await.unwrap()
}

pub async fn twilio(scope: &AccountScope, platform: Platform) -> inbox::Model {
    let (account_sid, auth_token) = ("AC1".to_owned(), AUTH_TOKEN.to_owned());
    inbox(scope, platform, Credentials::Twilio { account_sid, auth_token }).await
}

pub async fn telegram(scope: &AccountScope) -> inbox::Model {
    let (bot_token, secret_token) = ("9999999:token".to_owned(), BOT_SECRET.to_owned());
    inbox(scope, Platform::Telegram, Credentials::Telegram { bot_token, secret_token }).await
}

pub async fn webhook(scope: &AccountScope, url: &str) -> inbox::Model {
    let (url, secret) = (url.to_owned(), HOOK_SECRET.to_owned());
    inbox(scope, Platform::Sms, Credentials::Webhook { url, secret }).await
}

fn with_query(url: String, query: &str) -> String {
    if query.is_empty() { url } else { format!("{url}?{query}") }
}

/// The address of an inbox as its provider knows it.
pub fn address(inbox: &inbox::Model, query: &str) -> String {
    with_query(format!("{PUBLIC_URL}{}", webhook_path(inbox)), query)
}

/// Calls an inbox with these headers, and answers the status.
pub async fn call(
    app: &TestApp,
    inbox: &inbox::Model,
    query: &str,
    headers: &[(&str, String)],
    body: &str,
) -> u16 {
    let url = with_query(format!("{}{}", app.url, webhook_path(inbox)), query);
    let mut request = app.anonymous.http.post(url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

/// The value of `X-Twilio-Signature` for a form.
pub fn twilio_signature(token: &str, url: &str, form: &str) -> String {
    let fields = form_urlencoded::parse(form.as_bytes()).into_owned();
    let mut fields: Vec<(String, String)> = fields.collect();
    fields.sort();
    fields.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The three headers of Standard Webhooks.
pub fn webhook_headers(
    secret: &str,
    id: &str,
    seconds: i64,
    body: &str,
) -> [(&'static str, String); 3] {
    let signature = signing::sign(secret, id, seconds, body.as_bytes()).unwrap();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ]
}

/// Delivers a form as Twilio does, and waits until it is applied.
pub async fn from_twilio(app: &TestApp, inbox: &inbox::Model, query: &str, form: &str) {
    let signature = twilio_signature(AUTH_TOKEN, &address(inbox, query), form);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-twilio-signature", signature),
    ];
    assert_eq!(call(app, inbox, query, &headers, form).await, 200);
    app.drain().await;
}

/// Delivers an update as Telegram does, and waits until it is applied.
pub async fn from_telegram(app: &TestApp, inbox: &inbox::Model, body: &str) {
    let headers = [("x-telegram-bot-api-secret-token", BOT_SECRET.to_owned())];
    assert_eq!(call(app, inbox, "", &headers, body).await, 200);
    app.drain().await;
}

/// Delivers a call of the account's own system, made now, and waits until it is applied.
pub async fn from_webhook(app: &TestApp, inbox: &inbox::Model, id: &str, body: &str) {
    let headers = webhook_headers(HOOK_SECRET, id, app.engine.clock.now().seconds(), body);
    assert_eq!(call(app, inbox, "", &headers, body).await, 200);
    app.drain().await;
}
