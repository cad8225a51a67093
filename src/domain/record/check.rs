//! The checks of each item on its own. What passes becomes a draft, what does not is
//! answered with every broken rule.

use std::borrow::Cow;

use entity::Timestamp;
use entity::id::Uuid;
use entity::kinds::{AuthorKind, ConversationEventKind, Direction};
use entity::vocabulary::Vocabulary;

use super::status::Heard;
use super::{
    Batch, ContactRef, EventDraft, Item, LONGEST_CONTENT, LONGEST_EXTERNAL_ID, LONGEST_NAME,
    MessageDraft, NewConversationEvent, NewMessage, NewStatus, Outcome, StatusDraft, Traffic,
};
use crate::domain::text;
use crate::error::{Checks, ViolationCode};

/// How far ahead of our clock another system's may be.
const LONGEST_AHEAD_SECONDS: i64 = 24 * 3_600;
/// 1970, before which nobody sent such messages.
const EARLIEST: Timestamp = Timestamp(0);
const MOST_ATTACHMENTS: usize = 20;

pub(super) fn items<'a>(batch: &mut Batch<'a>, items: &'a [Item]) {
    for (index, item) in items.iter().enumerate() {
        if batch.outcomes[index].is_some() {
            continue;
        }
        let mut checks = Checks::new();
        match item {
            Item::Message(input) => {
                let draft = message(batch, &mut checks, index, input);
                batch.messages.extend(draft.filter(|_| checks.is_clean()));
            }
            Item::Status(input) => {
                let draft = status(batch, &mut checks, index, input);
                batch.statuses.extend(draft.filter(|_| checks.is_clean()));
            }
            Item::ConversationEvent(input) => {
                let draft = event(batch, &mut checks, index, input);
                batch.events.extend(draft.filter(|_| checks.is_clean()));
            }
        }
        if !checks.is_clean() {
            batch.outcomes[index] = Some(Outcome::Rejected(checks.into_violations()));
        }
    }
}

fn message<'a>(
    batch: &Batch<'a>,
    checks: &mut Checks,
    item: usize,
    input: &'a NewMessage,
) -> Option<MessageDraft<'a>> {
    if !batch.references.inboxes.contains_key(&input.inbox_id) {
        checks.fail("message.inboxId", ViolationCode::NotFound, "no such inbox");
    }
    external_id(checks, "message.externalId", input.external_id.as_deref());
    external_id(
        checks,
        "message.conversationExternalId",
        input.conversation_external_id.as_deref(),
    );
    external_id(checks, "message.quotedExternalId", input.quoted_external_id.as_deref());
    checks.length("message.content", &input.content, LONGEST_CONTENT);
    if input.content.trim().is_empty() && input.attachments.is_empty() {
        checks.fail(
            "message.content",
            ViolationCode::Required,
            "must not be empty where nothing is attached",
        );
    }
    author(batch, checks, input);
    attachments(checks, input);
    traffic(checks, input.traffic.as_ref());
    if input.template_id.is_some_and(|id| !batch.references.templates.contains(&id)) {
        checks.fail("message.templateId", ViolationCode::NotFound, "no such template");
    }
    let at = instant(checks, "message.occurredAt", input.occurred_at, batch.now)?;
    let known_as = contact(checks, &input.contact);
    let nil = Uuid::nil();
    Some(MessageDraft {
        item,
        input,
        id: batch.scope.id(),
        at,
        source_id: known_as.source_id?,
        other_source_id: known_as.other_source_id,
        phone: known_as.phone,
        email: known_as.email,
        name: known_as.name,
        contact_id: nil.into(),
        conversation_id: nil.into(),
        quoted_message_id: None,
        quotes_send: false,
        word: batch.references.words.said(input),
        assignee_id: None,
        bot_id: None,
        standing: None,
        session_id: None,
        session_role: None,
        reply: None,
        first_response: None,
    })
}

fn author(batch: &Batch<'_>, checks: &mut Checks, input: &NewMessage) {
    let Some(author) = &input.author else { return };
    if input.direction == Direction::Inbound {
        let message = "inbound messages are written by the contact and have no author";
        checks.fail("message.author", ViolationCode::Conflict, message);
    }
    if author.user_id.is_some_and(|id| !batch.references.users.contains(&id)) {
        checks.fail(
            "message.author.userId",
            ViolationCode::NotFound,
            "no such user in this account",
        );
    }
    if author.bot_id.is_some_and(|id| !batch.references.bots.contains(&id)) {
        checks.fail("message.author.botId", ViolationCode::NotFound, "no such bot");
    }
    if author.user_id.is_some() && author.kind != AuthorKind::User {
        checks.fail(
            "message.author.userId",
            ViolationCode::Conflict,
            "goes with the kind USER only",
        );
    }
    if author.bot_id.is_some() && author.kind != AuthorKind::Bot {
        checks.fail("message.author.botId", ViolationCode::Conflict, "goes with the kind BOT only");
    }
}

fn attachments(checks: &mut Checks, input: &NewMessage) {
    if input.attachments.len() > MOST_ATTACHMENTS {
        let message = format!(
            "has {} entries; at most {MOST_ATTACHMENTS} are allowed",
            input.attachments.len()
        );
        checks.fail("message.attachments", ViolationCode::TooLong, message);
    }
    for (index, attachment) in input.attachments.iter().enumerate() {
        let path = |field: &str| format!("message.attachments[{index}].{field}");
        checks.text(&path("kind"), &attachment.kind, 32);
        for (field, value, longest) in [
            ("url", &attachment.url, 2_048),
            ("mimeType", &attachment.mime_type, LONGEST_NAME),
            ("name", &attachment.name, LONGEST_NAME),
            ("externalId", &attachment.external_id, LONGEST_EXTERNAL_ID),
        ] {
            if let Some(value) = value {
                checks.length(&path(field), value, longest);
            }
        }
    }
}

fn traffic(checks: &mut Checks, traffic: Option<&Traffic>) {
    let Some(traffic) = traffic else { return };
    for (field, value, longest) in [
        ("referrer", &traffic.referrer, 2_048),
        ("landingPage", &traffic.landing_page, 2_048),
        ("utmSource", &traffic.utm_source, LONGEST_NAME),
        ("utmMedium", &traffic.utm_medium, LONGEST_NAME),
        ("utmCampaign", &traffic.utm_campaign, LONGEST_NAME),
        ("utmTerm", &traffic.utm_term, LONGEST_NAME),
        ("utmContent", &traffic.utm_content, LONGEST_NAME),
        ("adId", &traffic.ad_id, LONGEST_NAME),
        ("clickId", &traffic.click_id, 1_024),
    ] {
        if let Some(value) = value {
            checks.length(&format!("message.trafficSource.{field}"), value, longest);
        }
    }
}

struct KnownAs {
    source_id: Option<String>,
    other_source_id: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    name: Option<String>,
}

fn contact(checks: &mut Checks, contact: &ContactRef) -> KnownAs {
    let path = "message.contact";
    let external = checks.optional_text(
        &format!("{path}.externalId"),
        contact.external_id.as_deref(),
        LONGEST_EXTERNAL_ID,
    );
    let other_source_id = checks.optional_text(
        &format!("{path}.otherExternalId"),
        contact.other_external_id.as_deref(),
        LONGEST_EXTERNAL_ID,
    );
    let phone = contact.phone.as_deref().and_then(|given| {
        let phone = text::phone(given);
        if phone.is_none() {
            let message = "is no telephone number; expected 5 to 15 digits, with or without +";
            checks.fail(format!("{path}.phone"), ViolationCode::Malformed, message);
        }
        phone
    });
    let email = contact.email.as_deref().and_then(|given| {
        let email = text::email(given);
        if email.is_none() {
            checks.fail(format!("{path}.email"), ViolationCode::Malformed, "is no e-mail address");
        }
        email
    });
    let name = checks.optional_text(&format!("{path}.name"), contact.name.as_deref(), LONGEST_NAME);
    checks.optional_text(&format!("{path}.nickname"), contact.nickname.as_deref(), LONGEST_NAME);
    let source_id = external.or_else(|| phone.clone()).or_else(|| email.clone());
    if source_id.is_none() && contact.phone.is_none() && contact.email.is_none() {
        let message = "needs one of externalId, phone and email";
        checks.fail(path, ViolationCode::Required, message);
    }
    KnownAs { source_id, other_source_id, phone, email, name }
}

fn status<'a>(
    batch: &Batch<'a>,
    checks: &mut Checks,
    item: usize,
    input: &'a NewStatus,
) -> Option<StatusDraft<'a>> {
    if !batch.references.inboxes.contains_key(&input.inbox_id) {
        checks.fail("status.inboxId", ViolationCode::NotFound, "no such inbox");
    }
    let external_id = input.external_id.as_deref();
    if input.message_id.is_none() || external_id.is_some() {
        let given = external_id.unwrap_or("");
        if given.trim().is_empty() {
            checks.fail("status.externalId", ViolationCode::Required, "must not be empty");
        }
        checks.length("status.externalId", given, LONGEST_EXTERNAL_ID);
    }
    checks.length("status.code", input.code.as_deref().unwrap_or(""), 64);
    checks.length("status.detail", input.detail.as_deref().unwrap_or(""), 4_096);
    let provider_time = match input.occurred_at {
        Some(_) => Some(instant(checks, "status.occurredAt", input.occurred_at, batch.now)?),
        None => None,
    };
    let heard = Heard {
        kind: input.kind,
        provider_time,
        received_at: input.received_at.unwrap_or(batch.now),
        code: input.code.clone().filter(|code| !code.is_empty()),
        detail: input.detail.clone(),
    };
    Some(StatusDraft { item, input, heard, erased: false })
}

fn event<'a>(
    batch: &Batch<'a>,
    checks: &mut Checks,
    item: usize,
    input: &'a NewConversationEvent,
) -> Option<EventDraft<'a>> {
    if !batch.references.inboxes.contains_key(&input.inbox_id) {
        checks.fail("conversationEvent.inboxId", ViolationCode::NotFound, "no such inbox");
    }
    let external = input.conversation_external_id.as_deref();
    external_id(checks, "conversationEvent.conversationExternalId", external);
    if external.is_none() && input.conversation_id.is_none() {
        let path = "conversationEvent.conversationExternalId";
        checks.fail(path, ViolationCode::Required, "is required");
    }
    for (field, user) in [("userId", input.user_id), ("byUserId", input.by_user_id)] {
        if user.is_some_and(|id| !batch.references.users.contains(&id)) {
            let path = format!("conversationEvent.{field}");
            checks.fail(path, ViolationCode::NotFound, "no such user in this account");
        }
    }
    if input.user_id.is_some() && input.kind != ConversationEventKind::Assigned {
        let message = format!("goes with ASSIGNED only, not with {}", input.kind.name());
        checks.fail("conversationEvent.userId", ViolationCode::Conflict, message);
    }
    if input.bot_id.is_some_and(|id| !batch.references.bots.contains(&id)) {
        checks.fail("conversationEvent.botId", ViolationCode::NotFound, "no such bot");
    }
    let labels =
        matches!(input.kind, ConversationEventKind::Labelled | ConversationEventKind::Unlabelled);
    match input.label_id {
        None if labels => {
            let message = format!("is required for {}", input.kind.name());
            checks.fail("conversationEvent.label", ViolationCode::Required, message);
        }
        Some(_) if !labels => {
            let message =
                format!("goes with LABELLED and UNLABELLED only, not with {}", input.kind.name());
            checks.fail("conversationEvent.label", ViolationCode::Conflict, message);
        }
        Some(id) if !batch.references.labels.contains(&id) => {
            checks.fail("conversationEvent.label", ViolationCode::NotFound, "no such label");
        }
        _ => {}
    }
    let at = instant(checks, "conversationEvent.occurredAt", input.occurred_at, batch.now)?;
    Some(EventDraft { item, input, at })
}

fn external_id(checks: &mut Checks, path: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    if value.trim().is_empty() {
        checks.fail(path, ViolationCode::Required, "must not be empty where it is given");
    }
    checks.length(path, value, LONGEST_EXTERNAL_ID);
}

/// `given`, or now. Times before 1970 and more than a day ahead are refused: they would move
/// the borders of sessions and conversations for good.
fn instant(
    checks: &mut Checks,
    path: &str,
    given: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let at = given.unwrap_or(now);
    if at < EARLIEST || at > now.plus_seconds(LONGEST_AHEAD_SECONDS) {
        let what: Cow<str> =
            if at < EARLIEST { "before 1970".into() } else { "more than a day ahead".into() };
        let message = format!("lies {what}; allowed is 1970-01-01T00:00:00Z to one day from now");
        checks.fail(path, ViolationCode::OutOfRange, message);
        return None;
    }
    Some(at)
}
