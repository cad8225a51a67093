//! From a delivery of the WhatsApp Business Cloud API to what it says: every entry, every
//! change, every element of every array, each for itself. Decides nothing and knows no
//! database. Field names as in Meta's webhook reference
//! (developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference).

use std::collections::BTreeSet;

use entity::Timestamp;
use entity::id::{InboxId, MessageId, Uuid};
use entity::kinds::{OptOutKind, SessionOrigin, StatusKind, TemplateStatus};
use serde_json::Value;

use super::content::content;
use crate::domain::record::{
    ContactRef, Item, LONGEST_EXTERNAL_ID, LONGEST_NAME, NewMessage, NewStatus, Traffic,
};
use crate::ingest::parsed::{
    Consent, LONGEST_CLICK_ID, LONGEST_CODE, LONGEST_DETAIL, LONGEST_URL, Lines, Parsed,
    TemplateUpdate, is_possible, or_received,
};
use crate::ingest::payload::{elements, fit, list, seconds, text, unread, weight};
use crate::ingest::tally::{Tally, label};

/// The parts of a change to `messages` that are read, and those that say nothing on their own.
const READ: [&str; 7] = [
    "messaging_product",
    "metadata",
    "contacts",
    "messages",
    "statuses",
    "user_preferences",
    "errors",
];
/// "The user has stopped marketing messages": an opt-out that comes as a failure.
const STOPPED: &str = "131050";

/// The lines that a delivery speaks of.
pub fn lines(delivery: &Value) -> BTreeSet<String> {
    list(delivery, "entry")
        .iter()
        .flat_map(|entry| list(entry, "changes"))
        .filter_map(|change| text(change, "/value/metadata/phone_number_id"))
        .collect()
}

/// Reads a delivery that was received at `received_at`, which stands in where the provider's
/// time is missing or impossible.
pub fn parse(delivery: &Value, lines: &Lines, received_at: Timestamp) -> Parsed {
    let mut parsed = Parsed::default();
    if let Some(object) =
        text(delivery, "/object").filter(|name| name != "whatsapp_business_account")
    {
        parsed.tally.unknown(1, format!("object {}", label(&object)));
        return parsed;
    }
    if delivery.get("entry").is_none() {
        parsed.tally.failed("no entry");
    }
    for entry in elements(delivery, "entry", &mut parsed.tally) {
        for change in elements(entry, "changes", &mut parsed.tally) {
            parsed.change(change, lines, received_at);
        }
    }
    parsed
}

/// One change on one line.
struct Change<'a> {
    value: &'a Value,
    inbox_id: InboxId,
    received_at: Timestamp,
}

impl Parsed {
    fn change(&mut self, change: &Value, lines: &Lines, received_at: Timestamp) {
        let field = text(change, "/field");
        let value = change.get("value").filter(|value| value.is_object());
        let (Some(field), Some(value)) = (field, value) else {
            self.tally.failed("change without field or value");
            return;
        };
        match field.as_str() {
            "messages" | "user_preferences" => {
                let line = text(value, "/metadata/phone_number_id");
                let inbox_id = lines.inbox(line.as_deref().as_slice());
                match inbox_id {
                    Some(inbox_id) => self.line(&Change { value, inbox_id, received_at }),
                    None => {
                        let line = label(&line.unwrap_or_default());
                        self.tally.unknown(weight(value), format!("line {line}"));
                    }
                }
            }
            "message_template_status_update" => self.template(value),
            other => self.tally.unknown(weight(value), format!("field {}", label(other))),
        }
    }

    fn line(&mut self, change: &Change<'_>) {
        for element in elements(change.value, "messages", &mut self.tally) {
            self.message(change, element);
        }
        for element in elements(change.value, "statuses", &mut self.tally) {
            self.status(change, element);
        }
        for element in elements(change.value, "user_preferences", &mut self.tally) {
            self.preference(change, element);
        }
        for element in elements(change.value, "errors", &mut self.tally) {
            let code = text(element, "/code").unwrap_or_default();
            self.tally.unknown(1, format!("error {}", label(&code)));
        }
        unread(change.value, &READ, "messages", &mut self.tally);
    }

    fn message(&mut self, change: &Change<'_>, element: &Value) {
        let tally = &mut self.tally;
        let (Some(id), Some(kind)) = (text(element, "/id"), text(element, "/type")) else {
            return tally.failed("message without id or type");
        };
        if element.get("group_id").is_some() {
            return tally.unknown(1, "message in a group");
        }
        let Some(content) = content(element, &kind, tally) else {
            return tally.unknown(1, format!("message type {}", label(&kind)));
        };
        let Some(contact) = sender(change.value, element, tally) else {
            return tally.failed("message without sender");
        };
        let quoted = text(element, "/context/id").filter(|_| kind != "reaction");
        let referral = element.get("referral").filter(|referral| referral.is_object());
        let message = NewMessage {
            external_id: Some(fit(id, LONGEST_EXTERNAL_ID, "message.externalId", tally)),
            quoted_external_id: quoted
                .map(|id| fit(id, LONGEST_EXTERNAL_ID, "message.quotedExternalId", tally)),
            occurred_at: Some(change.instant(element, "message.occurredAt", tally)),
            traffic: referral.map(|referral| traffic(referral, tally)),
            origin: referral.map(|_| SessionOrigin::ReferredCampaign),
            attachments: content.attachments,
            ..NewMessage::new(change.inbox_id, contact, content.text)
        };
        self.items.push(Item::Message(Box::new(message)));
    }

    fn status(&mut self, change: &Change<'_>, element: &Value) {
        let tally = &mut self.tally;
        let (Some(id), Some(name)) = (text(element, "/id"), text(element, "/status")) else {
            return tally.failed("status without id or status");
        };
        if text(element, "/recipient_type").as_deref() == Some("group") {
            return tally.unknown(1, "status in a group");
        }
        let kind = match name.as_str() {
            "sent" => StatusKind::Sent,
            "delivered" => StatusKind::Delivered,
            "read" => StatusKind::Read,
            "failed" => StatusKind::Failed,
            other => return tally.unknown(1, format!("status {}", label(other))),
        };
        let failed = kind == StatusKind::Failed;
        let code = text(element, "/errors/0/code").filter(|_| failed);
        let stopped = code.as_deref() == Some(STOPPED);
        let recipient =
            text(element, "/recipient_id").or_else(|| text(element, "/recipient_user_id"));
        let recipient = recipient.map(|id| fit(id, LONGEST_EXTERNAL_ID, "status.recipient", tally));
        let status = NewStatus {
            inbox_id: change.inbox_id,
            external_id: Some(fit(id, LONGEST_EXTERNAL_ID, "status.externalId", tally)),
            // What we sent along with the message.
            message_id: text(element, "/biz_opaque_callback_data")
                .and_then(|ours| Some(MessageId(Uuid::parse_str(&ours).ok()?))),
            kind,
            // One that is missing or impossible is none: the reception then counts as its time.
            occurred_at: seconds(element, "/timestamp")
                .filter(|at| is_possible(*at, change.received_at)),
            received_at: Some(change.received_at),
            code: code.map(|code| fit(code, LONGEST_CODE, "status.code", tally)),
            detail: failure_text(element)
                .filter(|_| failed)
                .map(|detail| fit(detail, LONGEST_DETAIL, "status.detail", tally)),
            recipient: recipient.clone(),
        };
        self.consents.extend(recipient.filter(|_| stopped).map(|source_id| Consent {
            inbox_id: change.inbox_id,
            source_id,
            kind: OptOutKind::OptOut,
            occurred_at: status.occurred_at.unwrap_or(change.received_at),
            reason: STOPPED.to_owned(),
            counts: false,
        }));
        self.items.push(Item::Status(status));
    }

    fn preference(&mut self, change: &Change<'_>, element: &Value) {
        let tally = &mut self.tally;
        let category = text(element, "/category").unwrap_or_default();
        let value = text(element, "/value").unwrap_or_default();
        let kind = match (category.as_str(), value.as_str()) {
            ("marketing_messages", "stop") => OptOutKind::OptOut,
            ("marketing_messages", "resume") => OptOutKind::OptIn,
            _ => {
                let what = format!("preference {} {}", label(&category), label(&value));
                return tally.unknown(1, what);
            }
        };
        let Some(source_id) = text(element, "/wa_id").or_else(|| text(element, "/user_id")) else {
            return tally.failed("preference without user");
        };
        self.consents.push(Consent {
            inbox_id: change.inbox_id,
            source_id: fit(source_id, LONGEST_EXTERNAL_ID, "preference.user", tally),
            kind,
            occurred_at: change.instant(element, "preference.occurredAt", tally),
            reason: category,
            counts: true,
        });
    }

    fn template(&mut self, value: &Value) {
        let tally = &mut self.tally;
        let name = text(value, "/message_template_name");
        let language = text(value, "/message_template_language");
        let (Some(name), Some(language), Some(event)) = (name, language, text(value, "/event"))
        else {
            return tally.failed("template without name, language or event");
        };
        let Some(status) = template_status(&event) else {
            return tally.unknown(1, format!("template event {}", label(&event)));
        };
        self.templates.push(TemplateUpdate {
            external_id: text(value, "/message_template_id"),
            name,
            language,
            status,
            reason: text(value, "/reason").filter(|reason| reason != "NONE"),
        });
    }
}

impl Change<'_> {
    fn instant(&self, element: &Value, what: &str, tally: &mut Tally) -> Timestamp {
        or_received(seconds(element, "/timestamp"), self.received_at, what, tally)
    }
}

/// Who wrote a message. Telephone numbers are withheld from users with a user name, who are
/// then known by their id within the business alone.
fn sender(value: &Value, message: &Value, tally: &mut Tally) -> Option<ContactRef> {
    let (from, from_user) = (text(message, "/from"), text(message, "/from_user_id"));
    let contacts = list(value, "contacts");
    let same = |contact: &&Value| {
        let (wa_id, user) = (text(contact, "/wa_id"), text(contact, "/user_id"));
        (wa_id.is_some() && wa_id == from) || (user.is_some() && user == from_user)
    };
    // A user's id and number need not be the same, but one contact and one message belong
    // together.
    let only =
        contacts.first().filter(|_| contacts.len() == 1 && list(value, "messages").len() == 1);
    let contact = contacts.iter().find(same).or(only).unwrap_or(&Value::Null);
    let wa_id = text(contact, "/wa_id").or(from);
    let user_id = text(contact, "/user_id").or(from_user);
    let phone = wa_id.as_deref().and_then(phone);
    let mut cut =
        |value: Option<String>, longest, what| value.map(|value| fit(value, longest, what, tally));
    let (id, other) = if wa_id.is_some() { (wa_id, user_id) } else { (user_id, None) };
    Some(ContactRef {
        external_id: Some(cut(id, LONGEST_EXTERNAL_ID, "message.contact.externalId")?),
        other_external_id: cut(other, LONGEST_EXTERNAL_ID, "message.contact.otherExternalId"),
        phone,
        email: None,
        name: cut(text(contact, "/profile/name"), LONGEST_NAME, "message.contact.name"),
        nickname: cut(text(contact, "/profile/username"), LONGEST_NAME, "message.contact.nickname"),
        id: None,
    })
}

/// WhatsApp writes numbers as digits with the country and without `+`.
fn phone(wa_id: &str) -> Option<String> {
    let digits = wa_id.bytes().all(|byte| byte.is_ascii_digit());
    crate::domain::text::phone(&format!("+{wa_id}")).filter(|_| digits)
}

fn traffic(referral: &Value, tally: &mut Tally) -> Traffic {
    let mut part = |name: &str, longest, what| {
        text(referral, name).map(|value| fit(value, longest, what, tally))
    };
    Traffic {
        referrer: part("/source_url", LONGEST_URL, "message.trafficSource.referrer"),
        ad_id: part("/source_id", LONGEST_NAME, "message.trafficSource.adId"),
        click_id: part("/ctwa_clid", LONGEST_CLICK_ID, "message.trafficSource.clickId"),
        ..Traffic::default()
    }
}

/// Title and details of the first error, once if they are the same.
fn failure_text(status: &Value) -> Option<String> {
    let title = text(status, "/errors/0/title").or_else(|| text(status, "/errors/0/message"));
    let details = text(status, "/errors/0/error_data/details");
    match (title, details) {
        (Some(title), Some(details)) if title != details => Some(format!("{title}: {details}")),
        (title, details) => title.or(details),
    }
}

/// None for events that leave the status as it is or do not say what it is now: ARCHIVED,
/// UNARCHIVED, LOCKED, LIMIT_EXCEEDED.
fn template_status(event: &str) -> Option<TemplateStatus> {
    Some(match event {
        "APPROVED" | "REINSTATED" => TemplateStatus::Approved,
        "PENDING" => TemplateStatus::Pending,
        "REJECTED" => TemplateStatus::Rejected,
        "PAUSED" => TemplateStatus::Paused,
        "DISABLED" => TemplateStatus::Disabled,
        "IN_APPEAL" => TemplateStatus::InAppeal,
        "FLAGGED" => TemplateStatus::Flagged,
        "DELETED" | "PENDING_DELETION" => TemplateStatus::Deleted,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
