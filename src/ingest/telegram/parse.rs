//! From an update of the Telegram Bot API to what it says. An update has one field beside its
//! id, named by its kind; every one there is is read for itself
//! (core.telegram.org/bots/api#update).

use entity::Timestamp;
use entity::id::InboxId;
use entity::kinds::OptOutKind;
use serde_json::Value;

use super::content::content;
use crate::domain::record::{
    ContactRef, Item, LONGEST_CONTENT, LONGEST_EXTERNAL_ID, LONGEST_NAME, NewMessage,
};
use crate::ingest::parsed::{Consent, Parsed, or_received};
use crate::ingest::payload::{fit, seconds, text};
use crate::ingest::tally::{Tally, label};

/// What a message has beside what it says.
const AROUND: [&str; 7] =
    ["chat", "date", "edit_date", "from", "message_id", "message_thread_id", "reply_to_message"];

/// Reads an update to the bot of an inbox, received at `received_at`.
pub fn parse(update: &Value, inbox_id: InboxId, received_at: Timestamp) -> Parsed {
    let mut reading = Reading { inbox_id, received_at, parsed: Parsed::default() };
    let kinds = update.as_object().into_iter().flatten().filter(|(name, _)| *name != "update_id");
    let mut empty = true;
    for (kind, element) in kinds {
        empty = false;
        reading.element(kind, element);
    }
    if empty {
        reading.parsed.tally.failed("no update");
    }
    reading.parsed
}

struct Reading {
    inbox_id: InboxId,
    received_at: Timestamp,
    parsed: Parsed,
}

impl Reading {
    fn element(&mut self, kind: &str, element: &Value) {
        match kind {
            _ if !element.is_object() => {
                self.parsed.tally.failed(format!("{}: no object", label(kind)));
            }
            // Of a text that was edited the first form stands; it may not have come before.
            "message" | "edited_message" => self.message(element),
            "callback_query" => self.button(element),
            "my_chat_member" => self.member(element),
            other => self.parsed.tally.unknown(1, format!("update {}", label(other))),
        }
    }

    fn message(&mut self, element: &Value) {
        let tally = &mut self.parsed.tally;
        let Some(chat) = private_chat(element.get("chat"), tally) else { return };
        let Some(id) = text(element, "/message_id") else {
            return tally.failed("message without id");
        };
        let Some(content) = content(element, tally) else {
            return tally.unknown(1, format!("message type {}", label(kind(element))));
        };
        let quoted = text(element, "/reply_to_message/message_id");
        let at = seconds(element, "/date");
        let message = NewMessage {
            external_id: Some(external_id(&chat, &id, tally)),
            quoted_external_id: quoted.map(|id| external_id(&chat, &id, tally)),
            occurred_at: Some(or_received(at, self.received_at, "message.occurredAt", tally)),
            attachments: content.attachments,
            ..NewMessage::new(self.inbox_id, person(element, chat, tally), content.text)
        };
        self.parsed.items.push(Item::Message(Box::new(message)));
    }

    /// A button under a message of ours was pressed: what it stands for is the answer.
    fn button(&mut self, element: &Value) {
        let tally = &mut self.parsed.tally;
        let Some(said) = text(element, "/data") else {
            return tally.unknown(1, "callback_query without data");
        };
        let Some(id) = text(element, "/id") else {
            return tally.failed("callback_query without id");
        };
        let Some(under) = element.get("message") else {
            return tally.unknown(1, "callback_query outside of a chat");
        };
        let Some(chat) = private_chat(under.get("chat"), tally) else { return };
        let quoted = text(under, "/message_id");
        let id = fit(format!("callback:{id}"), LONGEST_EXTERNAL_ID, "message.externalId", tally);
        let content = fit(said, LONGEST_CONTENT, "message.content", tally);
        let message = NewMessage {
            external_id: Some(id),
            quoted_external_id: quoted.map(|id| external_id(&chat, &id, tally)),
            // Telegram says no time of it.
            occurred_at: Some(self.received_at),
            ..NewMessage::new(self.inbox_id, person(element, chat, tally), content)
        };
        self.parsed.items.push(Item::Message(Box::new(message)));
    }

    /// In a private chat: the user blocked the bot, or let it in again.
    fn member(&mut self, element: &Value) {
        let tally = &mut self.parsed.tally;
        let Some(source_id) = private_chat(element.get("chat"), tally) else { return };
        let status = text(element, "/new_chat_member/status").unwrap_or_default();
        let kind = match status.as_str() {
            "kicked" => OptOutKind::OptOut,
            "member" => OptOutKind::OptIn,
            other => return tally.unknown(1, format!("my_chat_member {}", label(other))),
        };
        let at = seconds(element, "/date");
        let occurred_at = or_received(at, self.received_at, "my_chat_member.date", tally);
        self.parsed.consents.push(Consent {
            inbox_id: self.inbox_id,
            source_id,
            kind,
            occurred_at,
            reason: status,
            counts: true,
        });
    }
}

/// The id of a chat with one person, which is that of the person too. What is said in groups
/// and channels is no conversation.
fn private_chat(chat: Option<&Value>, tally: &mut Tally) -> Option<String> {
    let Some(id) = chat.and_then(|chat| text(chat, "/id")) else {
        tally.failed("no chat");
        return None;
    };
    let kind = chat.and_then(|chat| text(chat, "/type")).unwrap_or_default();
    if kind != "private" {
        tally.unknown(1, format!("chat {}", label(&kind)));
        return None;
    }
    Some(fit(id, LONGEST_EXTERNAL_ID, "message.contact.externalId", tally))
}

/// Telegram numbers messages within their chat: as they are named when they are sent.
fn external_id(chat: &str, id: &str, tally: &mut Tally) -> String {
    fit(format!("{chat}:{id}"), LONGEST_EXTERNAL_ID, "message.externalId", tally)
}

fn person(element: &Value, chat: String, tally: &mut Tally) -> ContactRef {
    let part = |name: &str| text(element, &format!("/from/{name}"));
    let names: Vec<String> = part("first_name").into_iter().chain(part("last_name")).collect();
    let name = (!names.is_empty()).then(|| names.join(" "));
    let mut cut =
        |value: Option<String>, what| value.map(|value| fit(value, LONGEST_NAME, what, tally));
    ContactRef {
        external_id: Some(chat),
        name: cut(name, "message.contact.name"),
        nickname: cut(part("username"), "message.contact.nickname"),
        ..ContactRef::default()
    }
}

/// The field that names what a message is of which we do not know what it says.
fn kind(message: &Value) -> &str {
    let mut names = message.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    names.find(|name| !AROUND.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
