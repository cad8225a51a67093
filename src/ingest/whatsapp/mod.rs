//! The WhatsApp Business Cloud API as a sender of webhooks: how its deliveries are signed
//! and what they say. Stores and applies nothing.

mod content;
mod parse;
mod payload;
pub mod signature;

pub use parse::{Consent, Lines, Parsed, TemplateUpdate};

use entity::Timestamp;
use serde_json::Value;

/// A delivery that has been understood to be JSON.
pub struct Delivery(Value);

impl Delivery {
    /// None if the body is no JSON.
    pub fn read(body: &[u8]) -> Option<Self> {
        payload::json(body).map(Self)
    }

    /// The provider's ids of the lines it speaks of.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        parse::lines(&self.0).into_iter()
    }

    /// What it says, with the inbox of each line and the time of its reception.
    pub fn parse(&self, lines: &Lines, received_at: Timestamp) -> Parsed {
        parse::parse(&self.0, lines, received_at)
    }
}
