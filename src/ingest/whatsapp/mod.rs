//! The WhatsApp Business Cloud API as a sender of webhooks: how its deliveries are signed
//! and what they say. Stores and applies nothing.

mod content;
mod parse;
pub mod signature;

use std::collections::BTreeSet;

use entity::Timestamp;
use serde_json::Value;

use super::parsed::{Delivery, Lines, Parsed};
use super::payload;

/// A delivery that has been understood to be JSON.
pub struct Notification(Value);

impl Notification {
    /// None if the body is no JSON.
    pub fn read(body: &[u8]) -> Option<Self> {
        payload::json(body).map(Self)
    }
}

impl Delivery for Notification {
    fn lines(&self) -> BTreeSet<String> {
        parse::lines(&self.0)
    }

    fn parse(&self, lines: &Lines, received_at: Timestamp) -> Parsed {
        parse::parse(&self.0, lines, received_at)
    }
}
