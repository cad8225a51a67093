use super::*;
use crate::ingest::payload::json;
use entity::id::Uuid;
use entity::kinds::Direction;

const RECEIVED: Timestamp = Timestamp(1_750_000_600 * Timestamp::SECOND);
const INBOX: InboxId = InboxId(Uuid::from_u128(1));

fn read_body(body: &[u8]) -> Parsed {
    parse(&json(body).unwrap(), INBOX, RECEIVED)
}

fn read(name: &str) -> Parsed {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/telegram");
    read_body(&std::fs::read(format!("{folder}/{name}.json")).unwrap())
}

/// The one message of a fixture in which nothing is unknown.
fn message(name: &str) -> NewMessage {
    let mut parsed = read(name);
    assert_eq!((parsed.items.len(), &parsed.tally), (1, &Tally::default()), "{name}");
    match parsed.items.remove(0) {
        Item::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * Timestamp::SECOND)
}

#[test]
fn a_text() {
    let message = message("text");
    assert_eq!((message.inbox_id, message.direction), (INBOX, Direction::Inbound));
    assert_eq!(message.external_id.as_deref(), Some("1111111:1365"));
    assert_eq!(message.content, "Is my order on its way?");
    assert_eq!(message.occurred_at, Some(at(1_750_000_000)));
    assert_eq!(message.contact.external_id.as_deref(), Some("1111111"));
    assert_eq!(message.contact.name.as_deref(), Some("Ada Example"));
    assert_eq!(message.contact.nickname.as_deref(), Some("ada_example"));
    assert_eq!((message.contact.phone, message.quoted_external_id), (None, None));
}

#[test]
fn each_kind_of_message() {
    for (name, id, content, quoted) in [
        ("reply", "1111111:1366", "Tell me more", Some("1111111:99")),
        ("edited", "1111111:1365", "Is my parcel on its way?", None),
        ("photo", "1111111:1367", "The broken part", None),
        ("location", "1111111:1368", "Example Square\n1 Example Street, Springfield", None),
        ("callback_query", "callback:4382bfdwdsb323b2d9", "more-1", Some("1111111:99")),
    ] {
        let message = message(name);
        assert_eq!(message.external_id.as_deref(), Some(id), "{name}");
        assert_eq!(message.content, content, "{name}");
        assert_eq!(message.quoted_external_id.as_deref(), quoted, "{name}");
        assert_eq!(message.contact.external_id.as_deref(), Some("1111111"), "{name}");
        assert_eq!(message.contact.name.as_deref(), Some("Ada Example"), "{name}");
    }
    assert_eq!(message("photo").attachments[0].external_id.as_deref(), Some("AgACAgIAAx-large"));
    assert_eq!(message("callback_query").occurred_at, Some(RECEIVED));
}

#[test]
fn who_blocks_the_bot_is_out() {
    for (name, kind, seconds, reason) in [
        ("blocked", OptOutKind::OptOut, 1_750_000_200, "kicked"),
        ("unblocked", OptOutKind::OptIn, 1_750_000_300, "member"),
    ] {
        let parsed = read(name);
        assert_eq!((parsed.items.len(), &parsed.tally), (0, &Tally::default()), "{name}");
        let expected = Consent {
            inbox_id: INBOX,
            source_id: "1111111".to_owned(),
            kind,
            occurred_at: at(seconds),
            reason: reason.to_owned(),
            counts: true,
        };
        assert_eq!(parsed.consents, [expected], "{name}");
    }
}

#[test]
fn what_is_unknown_is_counted() {
    for (name, expected) in [
        ("group", "unknown: chat supergroup (1)"),
        ("service", "unknown: message type pinned_message (1)"),
        ("reaction", "unknown: update message_reaction (1)"),
    ] {
        let parsed = read(name);
        assert_eq!((parsed.items.len(), parsed.consents.len()), (0, 0), "{name}");
        assert_eq!(parsed.tally.remark().as_deref(), Some(expected));
    }
    for body in [
        r#"{"callback_query":{"id":"1","game_short_name":"g"}}"#,
        r#"{"callback_query":{"id":"1","data":"d","inline_message_id":"i"}}"#,
        r#"{"my_chat_member":{"chat":{"id":1,"type":"private"},"new_chat_member":{"status":"left"}}}"#,
        r#"{"my_chat_member":{"chat":{"id":-1,"type":"group"},"new_chat_member":{"status":"kicked"}}}"#,
    ] {
        let parsed = read_body(body.as_bytes());
        assert_eq!((parsed.items.len(), parsed.consents.len()), (0, 0), "{body}");
        assert_eq!((parsed.tally.unknown, parsed.tally.failed), (1, 0), "{body}");
    }
}

#[test]
fn what_has_no_shape_fails_and_breaks_nothing() {
    for body in [
        "{}",
        "[]",
        "7",
        r#"{"update_id":1}"#,
        r#"{"message":7}"#,
        r#"{"message":{}}"#,
        r#"{"message":{"chat":{"id":1,"type":"private"},"text":"x"}}"#,
        r#"{"callback_query":{"data":"d"}}"#,
        r#"{"my_chat_member":{"new_chat_member":{"status":"kicked"}}}"#,
    ] {
        let parsed = read_body(body.as_bytes());
        assert_eq!((parsed.items.len(), parsed.consents.len()), (0, 0), "{body}");
        assert_eq!((parsed.tally.unknown, parsed.tally.failed), (0, 1), "{body}");
    }
    // The one does not cost the other.
    let both = r#"{"update_id":1,"poll":{},"message":{"message_id":5,
        "chat":{"id":1,"type":"private"},"text":"x"}}"#;
    let parsed = read_body(both.as_bytes());
    assert_eq!((parsed.items.len(), parsed.tally.unknown), (1, 1));
    assert!(parsed.tally.remark().unwrap().contains("changed: message.occurredAt"));
}
