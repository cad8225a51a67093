use super::*;
use crate::ingest::payload::json;

const RECEIVED: Timestamp = Timestamp(1_773_846_000 * Timestamp::SECOND);
const INBOX: InboxId = InboxId(Uuid::from_u128(1));

fn read_body(body: &[u8]) -> Parsed {
    parse(&json(body).unwrap(), INBOX, RECEIVED)
}

fn read(name: &str) -> Parsed {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/webhook");
    read_body(&std::fs::read(format!("{folder}/{name}.json")).unwrap())
}

fn messages(parsed: &Parsed) -> Vec<&NewMessage> {
    let messages = parsed.items.iter().filter_map(|item| match item {
        Item::Message(message) => Some(&**message),
        _ => None,
    });
    messages.collect()
}

fn statuses(parsed: &Parsed) -> Vec<&NewStatus> {
    let statuses = parsed.items.iter().filter_map(|item| match item {
        Item::Status(status) => Some(status),
        _ => None,
    });
    statuses.collect()
}

/// So many seconds before the reception.
fn ago(seconds: i64) -> Option<Timestamp> {
    Some(RECEIVED.plus_seconds(-seconds))
}

#[test]
fn a_status() {
    let parsed = read("status");
    assert_eq!(parsed.tally, Tally::default());
    let ours = Uuid::parse_str("01890000-0000-7000-8000-000000000000").unwrap();
    let [status] = statuses(&parsed)[..] else { panic!("{parsed:?}") };
    assert_eq!((status.kind, status.message_id), (StatusKind::Delivered, Some(MessageId(ours))));
    assert_eq!((status.inbox_id, status.external_id.as_deref()), (INBOX, Some("P1")));
    assert_eq!((status.occurred_at, status.received_at), (ago(60), Some(RECEIVED)));
    assert_eq!((status.code.as_deref(), status.detail.as_deref()), (None, None));
}

#[test]
fn a_failure_has_code_and_text() {
    let parsed = read("failed");
    let [status] = statuses(&parsed)[..] else { panic!("{parsed:?}") };
    assert_eq!((status.kind, status.code.as_deref()), (StatusKind::Failed, Some("131026")));
    assert_eq!(status.detail.as_deref(), Some("Message undeliverable"));
    // When the call was made, where the element says no time of its own.
    assert_eq!((status.occurred_at, status.external_id.as_deref()), (ago(30), None));
}

#[test]
fn a_message() {
    let parsed = read("received");
    assert_eq!(parsed.tally, Tally::default());
    let [message] = messages(&parsed)[..] else { panic!("{parsed:?}") };
    assert_eq!((message.inbox_id, message.external_id.as_deref()), (INBOX, Some("IN1")));
    assert_eq!(message.content, "Is my order on its way?");
    assert_eq!((message.quoted_external_id.as_deref(), message.occurred_at), (Some("P1"), ago(60)));
    assert_eq!(message.contact.phone.as_deref(), Some("+15550001111"));
    assert_eq!(message.contact.name.as_deref(), Some("Ada Example"));
}

#[test]
fn every_element_is_read_for_itself() {
    let parsed = read("statuses");
    let kinds: Vec<StatusKind> = statuses(&parsed).iter().map(|status| status.kind).collect();
    assert_eq!(kinds, [StatusKind::Sent, StatusKind::Read]);
    let remark = "unknown: status PLAYED (1); \
                  failed: data: no object (1), status without id or messageId (1)";
    assert_eq!(parsed.tally.remark().as_deref(), Some(remark));

    let parsed = read("many");
    let heard: Vec<&str> =
        messages(&parsed).iter().map(|message| message.content.as_str()).collect();
    assert_eq!(heard, ["One", "Two", "Three"]);
    let times: Vec<_> = messages(&parsed).iter().map(|message| message.occurred_at).collect();
    assert_eq!(times, [ago(30), ago(30), ago(0)]);
    let remark = "unknown: field message.received.attachments (1); \
                  failed: message without id or from (1), message without text (1); \
                  changed: message.occurredAt (1)";
    assert_eq!(parsed.tally.remark().as_deref(), Some(remark));
}

#[test]
fn only_what_a_provider_can_know_is_a_status() {
    for (name, expected) in [
        ("ACCEPTED", Some(StatusKind::Accepted)),
        ("SENT", Some(StatusKind::Sent)),
        ("UNDELIVERED", Some(StatusKind::Undelivered)),
        ("DELIVERED", Some(StatusKind::Delivered)),
        ("READ", Some(StatusKind::Read)),
        ("FAILED", Some(StatusKind::Failed)),
        ("SKIPPED", None),
        ("TRY_FAILED", None),
        ("sent", None),
    ] {
        assert_eq!(status_kind(name), expected, "{name}");
    }
}

#[test]
fn what_is_unknown_is_counted_and_what_has_no_shape_fails() {
    let parsed = read("unknown_type");
    let remark = "unknown: type message.clicked (2)";
    assert_eq!((parsed.items.len(), parsed.tally.remark().as_deref()), (0, Some(remark)));
    for body in [
        "{}",
        "[]",
        "7",
        r#"{"type":"message.status"}"#,
        r#"{"data":{}}"#,
        r#"{"type":"message.status","data":7}"#,
        r#"{"type":"message.status","data":[7]}"#,
        r#"{"type":"message.status","data":{"id":"P1"}}"#,
        r#"{"type":"message.status","data":{"messageId":"no-uuid","status":"SENT"}}"#,
        r#"{"type":"message.received","data":{"id":"1","from":"a"}}"#,
        r#"{"type":"message.received","data":null}"#,
    ] {
        let parsed = read_body(body.as_bytes());
        assert_eq!(parsed.items.len(), 0, "{body}");
        assert_eq!((parsed.tally.unknown, parsed.tally.failed), (0, 1), "{body}");
    }
    let none = read_body(br#"{"type":"message.status","data":[]}"#);
    assert_eq!((none.items.len(), none.tally), (0, Tally::default()));
}
