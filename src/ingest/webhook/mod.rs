//! A system of the account's own as a sender of webhooks, by the scheme of Standard Webhooks
//! (github.com/standard-webhooks/standard-webhooks): how its calls are signed and what they say.
//! Stores and applies nothing.

mod parse;
pub mod signature;

use entity::Timestamp;
use serde_json::Value;

use super::parsed::{Delivery, Lines, Parsed};
use super::payload;

/// A call, which has been understood to be JSON.
pub struct Event(Value);

impl Event {
    /// None if the body is no JSON.
    pub fn read(body: &[u8]) -> Option<Self> {
        payload::json(body).map(Self)
    }
}

/// What makes a call the same as one before: the id that its sender gave it.
pub fn key(id: &str) -> String {
    format!("webhook {id}")
}

impl Delivery for Event {
    fn parse(&self, lines: &Lines, received_at: Timestamp) -> Parsed {
        // The address that was called is that of one inbox, which the system serves.
        let (inbox_id, _) = lines.called;
        parse::parse(&self.0, inbox_id, received_at)
    }
}
