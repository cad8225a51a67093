//! The services that carry messages, one file for each. Each is told what to send and says
//! what came of it in the few words on which delivery depends: taken, refused, refused for now,
//! or not to be known.

mod sandbox;
mod smtp;
mod telegram;
mod twilio;
mod webhook;
mod whatsapp;

use std::sync::Arc;
use std::time::Duration;

use entity::id::{AccountId, CampaignId, ContactId, MessageId};
use entity::inbox;
use entity::kinds::Provider;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use super::http::{Http, Reply};
use crate::config::{Config, Delivery};
use crate::domain::attempt::Payload;
use crate::domain::inbox::{Credentials, credentials, webhook_path};
use crate::engine::Engine;
use crate::error::Error;
use smtp::{Mail, Server};

/// What is handed over.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub account_id: AccountId,
    pub message_id: MessageId,
    pub contact_id: ContactId,
    pub campaign_id: Option<CampaignId>,
    pub inbox: Arc<inbox::Model>,
    pub address: String,
    pub text: String,
    /// What is taken for it, and given back where it is not taken.
    pub credits: i64,
    pub payload: Payload,
}

/// The ways to providers. Cheap to clone.
#[derive(Clone)]
pub struct Ways {
    http: Http,
    mail: Mail,
}

impl Ways {
    pub fn new(config: &Delivery) -> Result<Self, Error> {
        Ok(Self { http: Http::new(config)?, mail: Mail::new(config)? })
    }
}

/// What came of handing it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The provider has it, under this id where it gave one.
    Accepted { external_id: Option<String> },
    /// The provider does not have it and will not take it.
    Rejected(Reason),
    /// The provider does not have it, and may take it later.
    Again { reason: Reason, after: Option<Duration> },
    /// The provider does not have it, since it does not let the inbox in.
    Barred(Reason),
    /// The provider may have it.
    Unknown(Reason),
}

/// The provider's code where it gave one, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: String,
    pub detail: String,
}

impl Reason {
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }
}

/// How many messages a second a provider usually takes of one sender; none means any number.
/// WhatsApp: "throughput" (80 by default); Telegram: "about 30 messages per second"; Twilio queues
/// what is above a number's own rate itself.
pub fn usual_rate(provider: Provider) -> Option<i32> {
    match provider {
        Provider::WhatsappCloud => Some(80),
        Provider::Twilio => Some(100),
        Provider::Telegram => Some(30),
        Provider::Smtp => Some(10),
        Provider::Webhook => Some(500),
        Provider::Sandbox | Provider::External => None,
    }
}

pub use sandbox::{first_act, play};

/// Hands a message over.
pub async fn send(engine: &Engine, ways: &Ways, parcel: &Parcel) -> Verdict {
    let keys = match credentials(engine, &parcel.inbox) {
        Ok(keys) => keys,
        Err(error) => {
            tracing::error!(?error, inbox = %parcel.inbox.id.0, "credentials cannot be opened");
            return Verdict::Barred(Reason::new("CREDENTIALS", "cannot be opened with this key"));
        }
    };
    let (config, http) = (&engine.config, &ways.http);
    match (parcel.inbox.provider, keys) {
        (Provider::Sandbox, _) => sandbox::send(parcel),
        (_, Some(Credentials::WhatsappCloud { access_token, .. })) => {
            whatsapp::send(http, config, &access_token, parcel).await
        }
        (_, Some(Credentials::Twilio { account_sid, auth_token })) => {
            twilio::send(http, config, &account_sid, &auth_token, parcel).await
        }
        (_, Some(Credentials::Telegram { bot_token, .. })) => {
            telegram::send(http, config, &bot_token, parcel).await
        }
        (_, Some(Credentials::Webhook { url, secret })) => {
            webhook::send(http, engine, &url, &secret, parcel).await
        }
        (_, Some(Credentials::Smtp { host, port, username, password })) => {
            let server = Server { host, port, username, password };
            smtp::send(&ways.mail, engine, &server, parcel).await
        }
        _ => Verdict::Barred(Reason::new("CREDENTIALS", "the inbox has none for its provider")),
    }
}

/// What a call that got no answer says.
fn unanswered(reply: Reply) -> Result<(StatusCode, Vec<u8>, Option<Duration>), Verdict> {
    match reply {
        Reply::Answer { status, body, retry_after } => Ok((status, body, retry_after)),
        Reply::NotSent(detail) => Err(not_connected(detail)),
        Reply::Refused => Err(not_allowed()),
        Reply::Lost(detail) => Err(no_answer(detail)),
    }
}

/// Nothing left.
fn not_connected(detail: impl Into<String>) -> Verdict {
    Verdict::Again { reason: Reason::new("NO_CONNECTION", detail), after: None }
}

/// Nothing may leave to there.
fn not_allowed() -> Verdict {
    let detail =
        "the address is private or no URL; RAPPORT_ALLOW_PRIVATE_TARGETS names those allowed";
    Verdict::Barred(Reason::new("TARGET_NOT_ALLOWED", detail))
}

/// It left, and what came of it was not told.
fn no_answer(detail: impl Into<String>) -> Verdict {
    Verdict::Unknown(Reason::new("NO_ANSWER", detail))
}

/// What an answer says whose body is none that the provider documents: only the status is left.
/// A server that fails may have taken the message first.
fn by_status(status: StatusCode, after: Option<Duration>) -> Verdict {
    let reason = Reason::new(format!("HTTP_{}", status.as_u16()), "");
    match status {
        _ if status.is_success() => Verdict::Accepted { external_id: None },
        StatusCode::TOO_MANY_REQUESTS => Verdict::Again { reason, after },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Verdict::Barred(reason),
        _ if status.is_client_error() || status.is_redirection() => Verdict::Rejected(reason),
        _ => Verdict::Unknown(reason),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// Where providers report to, about an inbox; none without a public URL.
fn report_url(config: &Config, inbox: &inbox::Model) -> Option<String> {
    Some(format!("{}{}", config.public_url.as_deref()?, webhook_path(inbox)))
}
