//! Twilio's Programmable Messaging as a sender of webhooks, for SMS and WhatsApp: how its calls
//! are signed and what they say. A call speaks of one message, by a form; which message of ours
//! it is about stands in the address that we gave Twilio. Stores and applies nothing.

mod content;
mod parse;
pub mod signature;

use std::collections::{BTreeSet, HashMap};

use entity::Timestamp;
use entity::id::{MessageId, Uuid};
use url::form_urlencoded;

use super::parsed::{Delivery, Lines, Parsed};
use crate::domain::text;

/// The parameter of the address that carries our id of a message.
const OURS: &str = "message";
/// The status of what a contact sent.
const RECEIVED: &str = "received";

/// A call, read as a form.
pub struct Form {
    /// The first value of each parameter.
    fields: HashMap<String, String>,
    message_id: Option<MessageId>,
    /// Calls about messages are forms; this one is none.
    is_json: bool,
}

impl Form {
    /// The query is that of the address.
    pub fn read(body: &[u8], query: &str) -> Self {
        let is_json = signature::digest_of_body(query).is_some();
        let form: &[u8] = if is_json { &[] } else { body };
        let mut fields = HashMap::new();
        for (name, value) in form_urlencoded::parse(form) {
            fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        let ours = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == OURS);
        let message_id = ours.and_then(|(_, id)| Some(MessageId(Uuid::parse_str(&id).ok()?)));
        Self { fields, message_id, is_json }
    }

    /// What makes a report the same as one before.
    pub fn key(&self) -> Option<String> {
        let (id, status) = (self.id()?, self.status()?);
        let code = self.text("ErrorCode").unwrap_or_default();
        Some(format!("twilio {id} {status} {code}"))
    }

    /// A parameter, cleaned; none where it is missing or empty.
    fn text(&self, name: &str) -> Option<String> {
        let found = text::clean(self.fields.get(name)?).into_owned();
        (!found.trim().is_empty()).then_some(found)
    }

    /// Twilio's id of the message, under its names of today and before.
    fn id(&self) -> Option<String> {
        ["MessageSid", "SmsMessageSid", "SmsSid"].into_iter().find_map(|name| self.text(name))
    }

    fn status(&self) -> Option<String> {
        self.text("MessageStatus").or_else(|| self.text("SmsStatus"))
    }

    /// Whether a contact wrote it; otherwise it tells of a message that was sent.
    fn is_inbound(&self) -> bool {
        self.status().is_none_or(|status| status == RECEIVED)
    }

    /// Our side of the message: the address, with and without its channel, and the id of the
    /// messaging service.
    fn line(&self) -> Vec<String> {
        if self.message_id.is_some() {
            // We wrote the address that was called, for the inbox that sent the message.
            return Vec::new();
        }
        let address = self.text(if self.is_inbound() { "To" } else { "From" });
        let plain = address.as_deref().map(bare).map(str::to_owned);
        address.into_iter().chain(plain).chain(self.text("MessagingServiceSid")).collect()
    }
}

impl Delivery for Form {
    fn lines(&self) -> BTreeSet<String> {
        self.line().into_iter().collect()
    }

    fn parse(&self, lines: &Lines, received_at: Timestamp) -> Parsed {
        parse::parse(self, lines, received_at)
    }
}

/// An address without the channel that stands before it where it is none of SMS.
fn bare(address: &str) -> &str {
    address.strip_prefix("whatsapp:").unwrap_or(address)
}
