use std::collections::HashMap;

use super::*;
use crate::domain::record::Attachment;
use crate::ingest::payload::json;
use entity::id::Uuid;
use entity::kinds::{Direction, Medium};

const RECEIVED: Timestamp = Timestamp(1_750_000_200 * Timestamp::SECOND);

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/whatsapp");
    std::fs::read(format!("{folder}/{name}.json")).unwrap()
}

fn inbox(number: u128) -> InboxId {
    InboxId(Uuid::from_u128(number))
}

fn own_line() -> Lines {
    Lines { called: (inbox(1), Some("106540352242922".to_owned())), others: HashMap::new() }
}

fn read(body: &[u8]) -> Parsed {
    parse(&json(body).unwrap(), &own_line(), RECEIVED)
}

fn messages(parsed: Parsed) -> Vec<NewMessage> {
    let message = |item| match item {
        Item::Message(message) => Some(*message),
        _ => None,
    };
    parsed.items.into_iter().filter_map(message).collect()
}

/// The one message of a fixture in which nothing is unknown.
fn message(name: &str) -> NewMessage {
    let parsed = read(&fixture(name));
    assert_eq!((parsed.items.len(), &parsed.tally), (1, &Tally::default()));
    messages(parsed).pop().unwrap()
}

/// The one status of a fixture in which nothing is unknown.
fn status(name: &str) -> NewStatus {
    let parsed = read(&fixture(name));
    assert_eq!((parsed.items.len(), &parsed.tally), (1, &Tally::default()));
    let status = |item| match item {
        Item::Status(status) => Some(status),
        _ => None,
    };
    parsed.items.into_iter().find_map(status).unwrap()
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp(seconds * Timestamp::SECOND))
}

#[test]
fn a_text() {
    let message = message("text");
    assert_eq!(message.inbox_id, inbox(1));
    assert_eq!(message.external_id.as_deref(), Some("wamid.IN.TEXT"));
    assert_eq!(message.content, "Is my order on its way?");
    assert_eq!(message.occurred_at, at(1_750_000_000));
    assert_eq!((message.direction, message.medium), (Direction::Inbound, Medium::Chat));
    assert_eq!(message.contact.external_id.as_deref(), Some("15550001111"));
    assert_eq!(message.contact.phone.as_deref(), Some("+15550001111"));
    assert_eq!(message.contact.name.as_deref(), Some("Ada Example"));
    assert_eq!((message.traffic, message.origin, message.quoted_external_id), (None, None, None));
}

#[test]
fn an_image() {
    let message = message("image");
    assert_eq!(message.content, "The broken part");
    let expected = Attachment {
        kind: "image".to_owned(),
        mime_type: Some("image/jpeg".to_owned()),
        external_id: Some("900000000000001".to_owned()),
        ..Attachment::default()
    };
    assert_eq!(message.attachments, [expected]);
}

#[test]
fn replies_quote_what_they_answer() {
    for (name, expected) in [
        ("button", "Tell me more"),
        ("interactive_button_reply", "Cancel"),
        ("interactive_list_reply", "Express parcel"),
    ] {
        let message = message(name);
        assert_eq!(message.content, expected);
        assert_eq!(message.quoted_external_id.as_deref(), Some("wamid.OUT.0001"));
    }
}

#[test]
fn a_reaction_quotes_nothing() {
    let message = message("reaction");
    assert_eq!((message.content.as_str(), message.quoted_external_id), ("👍", None));
}

#[test]
fn a_referral_is_where_the_contact_came_from() {
    let message = message("referral");
    assert_eq!(message.origin, Some(SessionOrigin::ReferredCampaign));
    let expected = Traffic {
        referrer: Some("https://fb.example.com/spring-sale".to_owned()),
        ad_id: Some("120000000000000001".to_owned()),
        click_id: Some("example-click-0001".to_owned()),
        ..Traffic::default()
    };
    assert_eq!(message.traffic, Some(expected));
}

#[test]
fn a_location_and_what_cannot_be_shown() {
    let place = message("location");
    assert_eq!(place.content, "Example Square\n1 Example Street, Springfield");
    assert_eq!(place.attachments[0].url.as_deref(), Some("geo:37.4611978,-122.2164385"));
    assert_eq!(message("unsupported").content, "[unsupported]");
}

#[test]
fn a_user_without_a_number_is_known_by_id() {
    let message = message("user_id_without_phone");
    assert_eq!(message.contact.external_id.as_deref(), Some("US.10000000000000000001"));
    assert_eq!(message.contact.phone, None);
    assert_eq!(message.contact.nickname.as_deref(), Some("@grace.example"));
}

#[test]
fn statuses() {
    for (name, kind, seconds) in [
        ("status_sent", StatusKind::Sent, 1_750_000_010),
        ("status_delivered", StatusKind::Delivered, 1_750_000_020),
        ("status_without_conversation", StatusKind::Delivered, 1_750_000_020),
        ("status_read", StatusKind::Read, 1_750_000_030),
    ] {
        let status = status(name);
        assert_eq!((status.kind, status.occurred_at), (kind, at(seconds)));
        assert_eq!(status.external_id.as_deref(), Some("wamid.OUT.0001"));
        assert_eq!(status.received_at, Some(RECEIVED));
        assert_eq!((status.code, status.detail), (None, None));
    }
}

#[test]
fn a_failure_has_code_and_text() {
    let status = status("status_failed");
    assert_eq!(status.kind, StatusKind::Failed);
    assert_eq!(status.code.as_deref(), Some("131049"));
    let detail = status.detail.unwrap();
    assert!(detail.starts_with("This message was not delivered"), "{detail}");
    assert!(detail.ends_with("the message failed to be delivered."), "{detail}");
    assert!(read(&fixture("status_failed")).consents.is_empty());
}

#[test]
fn the_provider_tells_of_opt_outs() {
    let consent = |kind, seconds, reason: &str, counts| Consent {
        inbox_id: inbox(1),
        source_id: "15550001111".to_owned(),
        kind,
        occurred_at: Timestamp(seconds * Timestamp::SECOND),
        reason: reason.to_owned(),
        counts,
    };
    let stop = read(&fixture("user_preferences_stop"));
    let expected = consent(OptOutKind::OptOut, 1_750_000_050, "marketing_messages", true);
    assert_eq!(stop.consents, [expected]);
    let resume = read(&fixture("user_preferences_resume"));
    let expected = consent(OptOutKind::OptIn, 1_750_000_060, "marketing_messages", true);
    assert_eq!(resume.consents, [expected]);
    let failure = read(&fixture("status_stopped"));
    let expected = consent(OptOutKind::OptOut, 1_750_000_040, "131050", false);
    assert_eq!((failure.consents, failure.items.len()), (vec![expected], 1));
}

#[test]
fn a_template_update() {
    let parsed = read(&fixture("template_status_update"));
    let expected = TemplateUpdate {
        external_id: Some("1600000000000001".to_owned()),
        name: "order_confirmation".to_owned(),
        language: "en-US".to_owned(),
        status: TemplateStatus::Rejected,
        reason: Some("INVALID_FORMAT".to_owned()),
    };
    assert_eq!((parsed.templates, parsed.tally), (vec![expected], Tally::default()));
}

#[test]
fn one_bad_element_costs_itself() {
    let parsed = read(&fixture("many"));
    assert_eq!(parsed.items.len(), 7);
    assert_eq!(parsed.consents.len(), 1);
    assert_eq!((parsed.tally.unknown, parsed.tally.failed), (0, 2));
    let remark = parsed.tally.remark().unwrap();
    assert_eq!(remark, "failed: messages: no object (1), status without id or status (1)");
    let messages = messages(parsed);
    let names: Vec<_> =
        messages.iter().filter_map(|message| message.contact.name.as_deref()).collect();
    assert_eq!(names, ["Ada Example", "Grace Example", "Ada Example", "Linus Example"]);
}

#[test]
fn what_is_unknown_is_counted_and_costs_nothing() {
    let parsed = read(&fixture("unknown_field"));
    assert_eq!(parsed.items.len(), 1);
    assert_eq!((parsed.tally.unknown, parsed.tally.failed), (3, 0));
    for body in [
        r#"{"object":"page","entry":[]}"#,
        r#"{"entry":[{"changes":[{"field":"messages","value":{"statuses":[{"id":"1","status":"played"}]}}]}]}"#,
        r#"{"entry":[{"changes":[{"field":"messages","value":{"messages":[{"id":"1","type":"text","group_id":"g"}]}}]}]}"#,
        r#"{"entry":[{"changes":[{"field":"messages","value":{"errors":[{"code":130429}]}}]}]}"#,
        r#"{"entry":[{"changes":[{"field":"messages","value":{"user_actions":[{"action_type":"click"}]}}]}]}"#,
    ] {
        let parsed = read(body.as_bytes());
        assert_eq!(
            (parsed.items.len(), parsed.tally.unknown, parsed.tally.failed),
            (0, 1, 0),
            "{body}"
        );
    }
}

#[test]
fn what_has_no_shape_fails_and_breaks_nothing() {
    for body in [
        "{}",
        "[]",
        "7",
        r#"{"entry":7}"#,
        r#"{"entry":[7]}"#,
        r#"{"entry":[{"changes":{}}]}"#,
        r#"{"entry":[{"changes":[{"field":"messages"}]}]}"#,
        r#"{"entry":[{"changes":[{"field":"messages","value":{"messages":{}}}]}]}"#,
        r#"{"entry":[{"changes":[{"field":"messages","value":{"messages":[{"id":"1"}]}}]}]}"#,
        r#"{"entry":[{"changes":[{"field":"messages","value":{"messages":[{"id":"1","type":"text"}]}}]}]}"#,
        r#"{"entry":[{"changes":[{"field":"message_template_status_update","value":{"event":"APPROVED"}}]}]}"#,
    ] {
        let parsed = read(body.as_bytes());
        assert_eq!(
            (parsed.items.len(), parsed.tally.unknown, parsed.tally.failed),
            (0, 0, 1),
            "{body}"
        );
    }
}

#[test]
fn a_delivery_is_routed_by_its_line() {
    let body = json(&fixture("text")).unwrap();
    assert_eq!(lines(&body).into_iter().collect::<Vec<_>>(), ["106540352242922"]);
    let routed = |called: Option<&str>, other: Option<&str>| {
        let others = other.map(|line| (line.to_owned(), inbox(2))).into_iter().collect();
        let lines = Lines { called: (inbox(1), called.map(str::to_owned)), others };
        let parsed = parse(&body, &lines, RECEIVED);
        assert_eq!(parsed.items.len() + usize::try_from(parsed.tally.unknown).unwrap(), 1);
        messages(parsed).pop().map(|message| message.inbox_id)
    };
    let line = Some("106540352242922");
    assert_eq!(routed(line, None), Some(inbox(1)));
    assert_eq!(routed(None, None), Some(inbox(1)));
    assert_eq!(routed(None, line), Some(inbox(2)));
    assert_eq!(routed(Some("1"), line), Some(inbox(2)));
    assert_eq!(routed(Some("1"), None), None);
}

#[test]
fn long_texts_and_impossible_times_are_changed_not_refused() {
    let body = serde_json::json!({ "entry": [{ "changes": [{ "field": "messages", "value": {
        "contacts": [{ "wa_id": "15550001111", "profile": { "name": "n".repeat(300) } }],
        "messages": [{
            "from": "15550001111", "id": "wamid.1", "timestamp": "1750000000000", "type": "text",
            "text": { "body": format!("\0{}", "é".repeat(70_000)) },
        }],
    } }] }] });
    let parsed = parse(&body, &own_line(), RECEIVED);
    let remark = parsed.tally.remark().unwrap();
    let expected = "changed: message.contact.name (1), message.content (1), message.occurredAt (1)";
    assert_eq!((remark.as_str(), parsed.tally.failed), (expected, 0));
    let message = messages(parsed).pop().unwrap();
    assert_eq!(message.content.chars().count(), 65_536);
    assert!(message.content.starts_with("\u{fffd}é"));
    assert_eq!(message.contact.name.as_deref().map(str::len), Some(255));
    assert_eq!(message.occurred_at, Some(RECEIVED));
}
