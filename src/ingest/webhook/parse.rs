//! From a call of the account's own system to what it says: `message.status`, what became of
//! messages that it was given, and `message.received`, what contacts wrote. `data` is one
//! element or an array of them, each read for itself. `docs/API.md` tells of the form.

use entity::Timestamp;
use entity::id::{InboxId, MessageId, Uuid};
use entity::kinds::StatusKind;
use entity::vocabulary::Vocabulary;
use serde_json::Value;

use crate::domain::record::{
    ContactRef, Item, LONGEST_CONTENT, LONGEST_EXTERNAL_ID, LONGEST_NAME, NewMessage, NewStatus,
};
use crate::ingest::parsed::{
    LONGEST_CODE, LONGEST_DETAIL, Parsed, is_possible, or_received, party,
};
use crate::ingest::payload::{elements, fit, instant, text, unread, weight};
use crate::ingest::tally::{Tally, label};

/// Reads a call to an inbox that was received at `received_at`.
pub fn parse(event: &Value, inbox_id: InboxId, received_at: Timestamp) -> Parsed {
    let mut parsed = Parsed::default();
    let tally = &mut parsed.tally;
    let (Some(kind), Some(data)) = (text(event, "/type"), event.get("data")) else {
        tally.failed("no type or data");
        return parsed;
    };
    let read: fn(&Call, &Value, &mut Tally) -> Option<Item> = match kind.as_str() {
        "message.status" => Call::status,
        "message.received" => Call::message,
        other => {
            tally.unknown(weight(data), format!("type {}", label(other)));
            return parsed;
        }
    };
    let call = Call { inbox_id, received_at, sent_at: instant(event, "/timestamp") };
    let many = data.is_array().then(|| elements(event, "data", tally));
    for element in many.unwrap_or_else(|| vec![data]) {
        unread(element, &[], &kind, tally);
        parsed.items.extend(read(&call, element, tally));
    }
    parsed
}

struct Call {
    inbox_id: InboxId,
    received_at: Timestamp,
    /// When it happened, where an element does not say it itself.
    sent_at: Option<Timestamp>,
}

impl Call {
    fn time(&self, element: &Value) -> Option<Timestamp> {
        instant(element, "/occurredAt").or(self.sent_at)
    }

    fn status(&self, element: &Value, tally: &mut Tally) -> Option<Item> {
        let ours = text(element, "/messageId").and_then(|id| Uuid::parse_str(&id).ok());
        let theirs = text(element, "/id");
        if ours.is_none() && theirs.is_none() {
            tally.failed("status without id or messageId");
            return None;
        }
        let Some(name) = text(element, "/status") else {
            tally.failed("status without status");
            return None;
        };
        let Some(kind) = status_kind(&name) else {
            tally.unknown(1, format!("status {}", label(&name)));
            return None;
        };
        let failed = matches!(kind, StatusKind::Undelivered | StatusKind::Failed);
        let mut reason = |pointer, longest, what| {
            let said = text(element, pointer).filter(|_| failed);
            said.map(|said| fit(said, longest, what, tally))
        };
        let (code, detail) = (
            reason("/code", LONGEST_CODE, "status.code"),
            reason("/detail", LONGEST_DETAIL, "status.detail"),
        );
        Some(Item::Status(NewStatus {
            inbox_id: self.inbox_id,
            external_id: theirs.map(|id| fit(id, LONGEST_EXTERNAL_ID, "status.externalId", tally)),
            message_id: ours.map(MessageId),
            kind,
            // One that is missing or impossible is none: the reception then counts as its time.
            occurred_at: self.time(element).filter(|at| is_possible(*at, self.received_at)),
            received_at: Some(self.received_at),
            code,
            detail,
            recipient: None,
        }))
    }

    fn message(&self, element: &Value, tally: &mut Tally) -> Option<Item> {
        let (Some(id), Some(from)) = (text(element, "/id"), text(element, "/from")) else {
            tally.failed("message without id or from");
            return None;
        };
        let Some(said) = text(element, "/text") else {
            tally.failed("message without text");
            return None;
        };
        let name = text(element, "/name");
        let contact = ContactRef {
            name: name.map(|name| fit(name, LONGEST_NAME, "message.contact.name", tally)),
            ..party(from, tally)
        };
        let quoted = text(element, "/inReplyTo");
        let content = fit(said, LONGEST_CONTENT, "message.content", tally);
        let (at, what) = (self.time(element), "message.occurredAt");
        let message = NewMessage {
            external_id: Some(fit(id, LONGEST_EXTERNAL_ID, "message.externalId", tally)),
            quoted_external_id: quoted
                .map(|id| fit(id, LONGEST_EXTERNAL_ID, "message.quotedExternalId", tally)),
            occurred_at: Some(or_received(at, self.received_at, what, tally)),
            ..NewMessage::new(self.inbox_id, contact, content)
        };
        Some(Item::Message(Box::new(message)))
    }
}

/// What a provider can know of a message; the other states are ours.
fn status_kind(name: &str) -> Option<StatusKind> {
    use StatusKind::{Accepted, Delivered, Failed, Read, Sent, Undelivered};
    let theirs = [Accepted, Sent, Delivered, Read, Undelivered, Failed];
    theirs.into_iter().find(|kind| kind.name() == name)
}

#[cfg(test)]
mod tests;
