//! The Telegram Bot API as a sender of webhooks: how its calls are proven and what they say.
//! Stores and applies nothing.

mod content;
mod parse;
pub mod signature;

use entity::Timestamp;
use serde_json::Value;

use super::parsed::{Delivery, Lines, Parsed};
use super::payload;

/// A call, which has been understood to be JSON.
pub struct Update(Value);

impl Update {
    /// None if the body is no JSON.
    pub fn read(body: &[u8]) -> Option<Self> {
        payload::json(body).map(Self)
    }

    /// What makes an update the same as one before: each bot counts its own.
    pub fn key(&self, bot_token: &str) -> Option<String> {
        let bot = bot_token.split(':').next().unwrap_or_default();
        payload::text(&self.0, "/update_id").map(|id| format!("telegram {bot} {id}"))
    }
}

impl Delivery for Update {
    fn parse(&self, lines: &Lines, received_at: Timestamp) -> Parsed {
        // A bot has no lines: the address that was called is that of its inbox.
        let (inbox_id, _) = lines.called;
        parse::parse(&self.0, inbox_id, received_at)
    }
}
