//! From a call of Twilio to what it says: a message of a contact, or what became of one that was
//! sent. Names as in Twilio's guides to incoming messages and to status callbacks
//! (twilio.com/docs/messaging/guides/webhook-request and …/track-outbound-message-status).

use entity::Timestamp;
use entity::id::InboxId;
use entity::kinds::{OptOutKind, SessionOrigin, StatusKind};

use super::content::{content, traffic};
use super::{Form, bare};
use crate::domain::record::{
    ContactRef, Item, LONGEST_EXTERNAL_ID, LONGEST_NAME, NewMessage, NewStatus,
};
use crate::ingest::parsed::{Consent, LONGEST_CODE, LONGEST_DETAIL, Lines, Parsed, party};
use crate::ingest::payload::fit;
use crate::ingest::tally::{Tally, label};

/// "Attempt to send to unsubscribed recipient": an opt-out that comes as a failure
/// (twilio.com/docs/api/errors/21610).
const UNSUBSCRIBED: &str = "21610";

/// Reads a call that was received at `received_at`.
pub fn parse(form: &Form, lines: &Lines, received_at: Timestamp) -> Parsed {
    let mut parsed = Parsed::default();
    let tally = &mut parsed.tally;
    if form.is_json {
        tally.unknown(1, "JSON");
        return parsed;
    }
    // Other products of Twilio name what happened.
    let event = form.text("EventType").filter(|_| form.id().is_none() || form.status().is_none());
    if let Some(event) = event {
        tally.unknown(1, format!("event {}", label(&event)));
        return parsed;
    }
    let Some(id) = form.id() else {
        tally.failed("no MessageSid");
        return parsed;
    };
    let id = fit(id, LONGEST_EXTERNAL_ID, "message.externalId", tally);
    let line = form.line();
    let names: Vec<&str> = line.iter().map(String::as_str).collect();
    let Some(inbox_id) = lines.inbox(&names) else {
        let line = names.first().copied().unwrap_or_default();
        tally.unknown(1, format!("line {}", label(line)));
        return parsed;
    };
    let call = Call { form, inbox_id, received_at };
    if form.is_inbound() {
        call.message(id, &mut parsed);
    } else {
        call.status(id, &mut parsed);
    }
    parsed
}

/// A call to an inbox.
struct Call<'a> {
    form: &'a Form,
    inbox_id: InboxId,
    received_at: Timestamp,
}

impl Call<'_> {
    fn message(&self, id: String, parsed: &mut Parsed) {
        let (form, tally) = (self.form, &mut parsed.tally);
        let Some(from) = form.text("From") else {
            return tally.failed("message without sender");
        };
        let name = form.text("ProfileName");
        let contact = ContactRef {
            name: name.map(|name| fit(name, LONGEST_NAME, "message.contact.name", tally)),
            ..party(bare(&from).to_owned(), tally)
        };
        let quoted = form.text("OriginalRepliedMessageSid");
        let content = content(form, tally);
        let traffic = traffic(form, tally);
        let word = self.word(tally);
        let consent = word.and_then(|(kind, word)| self.consent(&contact, kind, word));
        let message = NewMessage {
            external_id: Some(id),
            quoted_external_id: quoted
                .map(|id| fit(id, LONGEST_EXTERNAL_ID, "message.quotedExternalId", tally)),
            // Twilio says no time.
            occurred_at: Some(self.received_at),
            origin: traffic.as_ref().map(|_| SessionOrigin::ReferredCampaign),
            traffic,
            attachments: content.attachments,
            ..NewMessage::new(self.inbox_id, contact, content.text)
        };
        parsed.items.push(Item::Message(Box::new(message)));
        parsed.consents.extend(consent);
    }

    /// What Twilio took a message for, where it keeps the opt-outs of its numbers itself.
    fn word(&self, tally: &mut Tally) -> Option<(OptOutKind, String)> {
        let word = self.form.text("OptOutType")?;
        match word.as_str() {
            "STOP" => Some((OptOutKind::OptOut, word)),
            "START" => Some((OptOutKind::OptIn, word)),
            "HELP" => None,
            other => {
                tally.unknown(1, format!("OptOutType {}", label(other)));
                None
            }
        }
    }

    fn status(&self, id: String, parsed: &mut Parsed) {
        let (form, tally) = (self.form, &mut parsed.tally);
        let name = form.status().unwrap_or_default();
        let kind = match name.as_str() {
            "queued" | "accepted" | "sending" => StatusKind::Accepted,
            "sent" => StatusKind::Sent,
            "delivered" => StatusKind::Delivered,
            "read" => StatusKind::Read,
            // The carrier had it and gave it up.
            "undelivered" => StatusKind::Undelivered,
            "failed" => StatusKind::Failed,
            other => return tally.unknown(1, format!("status {}", label(other))),
        };
        let failed = matches!(kind, StatusKind::Undelivered | StatusKind::Failed);
        let code = form.text("ErrorCode").filter(|_| failed);
        let detail = form.text("ErrorMessage").or_else(|| form.text("ChannelStatusMessage"));
        let recipient = form.text("To").filter(|_| code.as_deref() == Some(UNSUBSCRIBED));
        let consent = recipient.and_then(|to| {
            let contact = party(bare(&to).to_owned(), tally);
            self.consent(&contact, OptOutKind::OptOut, UNSUBSCRIBED.to_owned())
        });
        parsed.items.push(Item::Status(NewStatus {
            inbox_id: self.inbox_id,
            external_id: Some(id),
            message_id: form.message_id,
            kind,
            // Twilio says no time: the reception counts.
            occurred_at: None,
            received_at: Some(self.received_at),
            code: code.map(|code| fit(code, LONGEST_CODE, "status.code", tally)),
            detail: detail
                .filter(|_| failed)
                .map(|detail| fit(detail, LONGEST_DETAIL, "status.detail", tally)),
            recipient: form.text("To").map(|to| bare(&to).to_owned()),
        }));
        parsed.consents.extend(consent);
    }

    fn consent(&self, contact: &ContactRef, kind: OptOutKind, reason: String) -> Option<Consent> {
        let source_id = contact.external_id.clone().or_else(|| contact.phone.clone())?;
        Some(Consent {
            inbox_id: self.inbox_id,
            source_id,
            kind,
            occurred_at: self.received_at,
            reason,
            counts: false,
        })
    }
}

#[cfg(test)]
mod tests;
