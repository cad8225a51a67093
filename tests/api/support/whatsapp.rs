//! Webhooks as Meta sends them: the fixtures, signed.

use entity::inbox;
use entity::kinds::{Platform, Provider};
use hmac::{Hmac, KeyInit, Mac};
use rapport::auth::AccountScope;
use rapport::domain::inbox::{Credentials, InboxCreate, create, webhook_path};
use sha2::Sha256;

use super::app::TestApp;

pub const APP_SECRET: &str = "app-secret-of-the-tests";
pub const VERIFY_TOKEN: &str = "verify-token-of-the-tests";
pub const LINE: &str = "106540352242922";

/// A file of `tests/fixtures/whatsapp`, without its ending.
pub fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/whatsapp/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The value of `X-Hub-Signature-256`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let hex: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// An inbox that serves the line of the fixtures.
pub async fn inbox(scope: &AccountScope) -> inbox::Model {
    inbox_of(scope, LINE).await
}

pub async fn inbox_of(scope: &AccountScope, line: &str) -> inbox::Model {
    let credentials = Credentials::WhatsappCloud {
        app_secret: APP_SECRET.to_owned(),
        verify_token: VERIFY_TOKEN.to_owned(),
        access_token: "access-token-of-the-tests".to_owned(),
    };
    let input = InboxCreate {
        provider: Some(Provider::WhatsappCloud),
        provider_line_id: Some(line.to_owned()),
        credentials: Some(credentials),
        ..InboxCreate::new(format!("WhatsApp {line}"), Platform::Whatsapp)
    };
    create(scope, None, input).await.unwrap()
}

/// Delivers a body to an inbox with this signature, if any, and answers the status.
pub async fn post(app: &TestApp, inbox: &inbox::Model, body: &str, signature: Option<&str>) -> u16 {
    let url = format!("{}{}", app.url, webhook_path(inbox));
    let mut request = app
        .anonymous
        .http
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("x-hub-signature-256", signature);
    }
    request.send().await.unwrap().status().as_u16()
}

/// Delivers a body as the provider does, and waits until it is applied.
pub async fn deliver(app: &TestApp, inbox: &inbox::Model, body: &str) {
    let signature = signature(APP_SECRET, body.as_bytes());
    assert_eq!(post(app, inbox, body, Some(&signature)).await, 200);
    app.drain().await;
}
