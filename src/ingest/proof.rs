//! Whether a call comes from the provider of the inbox, and what makes it the same as one
//! before: the provider's own id of it, where it gives one, else its body.

use entity::inbox;
use sha2::{Digest as _, Sha256};

use super::{telegram, twilio, webhook, whatsapp};
use crate::domain::inbox::{Credentials, webhook_path};
use crate::engine::Engine;

/// The headers that prove a call, by one provider or another.
pub const HEADERS: [&str; 6] = [
    whatsapp::signature::HEADER,
    twilio::signature::HEADER,
    telegram::signature::HEADER,
    webhook::signature::ID,
    webhook::signature::TIMESTAMP,
    webhook::signature::SIGNATURE,
];

/// A call as it came in, of which nothing is proven.
pub struct Call<'a> {
    /// Those of [`HEADERS`] that it has, with their values.
    pub headers: &'a [(&'static str, String)],
    /// What stands behind the `?` of its address.
    pub query: &'a str,
    /// The bytes as they came.
    pub body: &'a [u8],
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// A call that the provider made.
pub(super) struct Proven {
    /// The same for the same delivery.
    pub digest: Vec<u8>,
    /// What the provider signed of the address, where that says something.
    pub query: Option<String>,
}

impl Proven {
    /// By the provider's own id of the delivery, else by the body.
    fn new(key: Option<String>, body: &[u8]) -> Self {
        let same = key.as_deref().map_or(body, str::as_bytes);
        Self { digest: Sha256::digest(same).to_vec(), query: None }
    }
}

/// None unless the call carries what only the provider of the inbox knows.
pub(super) fn prove(
    engine: &Engine,
    inbox: &inbox::Model,
    keys: &Credentials,
    call: &Call<'_>,
) -> Option<Proven> {
    let body = call.body;
    match keys {
        Credentials::WhatsappCloud { app_secret, .. } => {
            let header = call.header(whatsapp::signature::HEADER)?;
            let right = whatsapp::signature::verifies(app_secret.as_bytes(), body, header);
            right.then(|| Proven::new(None, body))
        }
        Credentials::Twilio { auth_token, .. } => {
            let header = call.header(twilio::signature::HEADER)?;
            let url = address(engine, inbox)?;
            if !twilio::signature::verifies(auth_token, &url, call.query, body, header) {
                return None;
            }
            let query = (!call.query.is_empty()).then(|| call.query.to_owned());
            let key = twilio::Form::read(body, call.query).key();
            Some(Proven { query, ..Proven::new(key, body) })
        }
        Credentials::Telegram { bot_token, secret_token } => {
            let header = call.header(telegram::signature::HEADER)?;
            let right = telegram::signature::verifies(secret_token, header);
            let key = || telegram::Update::read(body)?.key(bot_token);
            right.then(|| Proven::new(key(), body))
        }
        Credentials::Webhook { secret, .. } => {
            let id = call.header(webhook::signature::ID)?;
            let timestamp = call.header(webhook::signature::TIMESTAMP)?;
            let signatures = call.header(webhook::signature::SIGNATURE)?;
            let (shown, now) = ([id, timestamp, signatures], engine.clock.now().seconds());
            let right = webhook::signature::verifies(secret, shown, body, now);
            right.then(|| Proven::new(Some(webhook::key(id)), body))
        }
        Credentials::Smtp { .. } => None,
    }
}

/// The address of an inbox as its provider was given it. What a request says of the address is
/// of whoever made the request.
fn address(engine: &Engine, inbox: &inbox::Model) -> Option<String> {
    let Some(origin) = engine.config.public_url.as_deref() else {
        tracing::warn!(
            inbox = %inbox.id.0,
            "a call was refused: it signs the address, which is known by RAPPORT_PUBLIC_URL only"
        );
        return None;
    };
    Some(format!("{origin}{}", webhook_path(inbox)))
}
