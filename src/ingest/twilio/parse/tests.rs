use std::collections::HashMap;

use super::*;
use crate::domain::record::{Attachment, Traffic};
use crate::ingest::parsed::Delivery as _;
use entity::id::{MessageId, Uuid};
use entity::kinds::Direction;

const RECEIVED: Timestamp = Timestamp(1_750_000_200 * Timestamp::SECOND);
const SENT: &str = "SM00000000000000000000000000000099";

fn inbox(number: u128) -> InboxId {
    InboxId(Uuid::from_u128(number))
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/twilio");
    std::fs::read_to_string(format!("{folder}/{name}.form")).unwrap().trim_end().into()
}

fn read_with(body: &[u8], query: &str) -> Parsed {
    let lines = Lines { called: (inbox(1), None), others: HashMap::new() };
    Form::read(body, query).parse(&lines, RECEIVED)
}

fn read(name: &str) -> Parsed {
    read_with(&fixture(name), "")
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

/// The one status of a fixture in which nothing is unknown.
fn status(name: &str, query: &str) -> NewStatus {
    let mut parsed = read_with(&fixture(name), query);
    assert_eq!((parsed.items.len(), &parsed.tally), (1, &Tally::default()), "{name}");
    match parsed.items.remove(0) {
        Item::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text() {
    let message = message("text");
    assert_eq!((message.inbox_id, message.direction), (inbox(1), Direction::Inbound));
    assert_eq!(message.external_id.as_deref(), Some("SM00000000000000000000000000000001"));
    assert_eq!(message.content, "Is my order on its way?");
    assert_eq!(message.occurred_at, Some(RECEIVED));
    assert_eq!(message.contact.phone.as_deref(), Some("+15558675310"));
    assert_eq!((message.contact.external_id, message.contact.name), (None, None));
    assert_eq!((message.traffic, message.origin, message.quoted_external_id), (None, None, None));
}

#[test]
fn media_are_references() {
    let message = message("media");
    assert_eq!(message.content, "The broken part");
    let kinds: Vec<&str> = message.attachments.iter().map(|file| file.kind.as_str()).collect();
    assert_eq!(kinds, ["image", "document"]);
    let Attachment { url, mime_type, external_id, .. } = &message.attachments[0];
    assert_eq!(mime_type.as_deref(), Some("image/jpeg"));
    assert_eq!(external_id.as_deref(), Some("ME00000000000000000000000000000001"));
    assert!(url.as_deref().is_some_and(|url| url.starts_with("https://api.twilio.com/")));
    let many = b"MessageSid=MM1&From=%2B15558675310&NumMedia=50&MediaUrl0=https%3A%2F%2Fa%2F1";
    let parsed = read_with(many, "");
    assert_eq!(parsed.tally.remark().as_deref(), Some("changed: message.attachments (1)"));
}

#[test]
fn what_whatsapp_adds() {
    let button = message("whatsapp_button");
    assert_eq!(button.content, "Tell me more");
    assert_eq!(button.quoted_external_id.as_deref(), Some(SENT));
    assert_eq!(button.contact.phone.as_deref(), Some("+15558675310"));
    assert_eq!(button.contact.name.as_deref(), Some("Ada Example"));
    let place = message("whatsapp_location");
    assert_eq!(place.content, "Example Square\n1 Example Street, Springfield");
    assert_eq!(place.attachments[0].url.as_deref(), Some("geo:37.4611978,-122.2164385"));
    let referred = message("whatsapp_referral");
    assert_eq!(referred.origin, Some(SessionOrigin::ReferredCampaign));
    let traffic = Traffic {
        referrer: Some("https://fb.example.com/spring-sale".to_owned()),
        ad_id: Some("120000000000000001".to_owned()),
        click_id: Some("example-click-0001".to_owned()),
        ..Traffic::default()
    };
    assert_eq!(referred.traffic, Some(traffic));
    assert_eq!(message("whatsapp_unsupported").content, "[unsupported]");
}

#[test]
fn statuses() {
    for (name, kind, code) in [
        ("status_queued", StatusKind::Accepted, None),
        ("status_sent", StatusKind::Sent, None),
        ("status_delivered", StatusKind::Delivered, None),
        ("status_read", StatusKind::Read, None),
        ("status_undelivered", StatusKind::Undelivered, Some("30003")),
        ("status_failed", StatusKind::Failed, Some("30007")),
    ] {
        let status = status(name, "");
        assert_eq!((status.kind, status.code.as_deref()), (kind, code), "{name}");
        assert_eq!(status.detail.is_some(), code.is_some(), "{name}");
        assert_eq!(status.external_id.as_deref(), Some(SENT), "{name}");
        assert_eq!((status.occurred_at, status.received_at), (None, Some(RECEIVED)), "{name}");
        assert_eq!(status.message_id, None, "{name}");
    }
}

#[test]
fn our_id_comes_back_by_the_address() {
    let ours = Uuid::from_u128(42);
    let found = status("status_sent", &format!("x=1&message={ours}"));
    assert_eq!(found.message_id, Some(MessageId(ours)));
    assert_eq!(status("status_sent", "message=42").message_id, None);
    // Then the address names the inbox too, whatever line it is said to be.
    let lines = Lines { called: (inbox(1), Some("+1".to_owned())), others: HashMap::new() };
    let parse = |query: &str| Form::read(&fixture("status_sent"), query).parse(&lines, RECEIVED);
    assert_eq!(parse(&format!("message={ours}")).items.len(), 1);
    assert_eq!((parse("").items.len(), parse("").tally.unknown), (0, 1));
}

#[test]
fn a_call_is_routed_by_its_line() {
    let text = fixture("text");
    let form = Form::read(&text, "");
    assert_eq!(form.lines().into_iter().collect::<Vec<_>>(), ["+15017122661"]);
    let button = Form::read(&fixture("whatsapp_button"), "");
    let names: Vec<String> = button.lines().into_iter().collect();
    assert_eq!(names, ["+15017122661", "whatsapp:+15017122661"]);
    let sent = Form::read(&fixture("status_sent"), "");
    assert_eq!(sent.lines().into_iter().collect::<Vec<_>>(), ["+15017122661"]);
    let others = HashMap::from([("+15017122661".to_owned(), inbox(2))]);
    let lines = Lines { called: (inbox(1), None), others };
    let Item::Message(message) = form.parse(&lines, RECEIVED).items.remove(0) else {
        panic!("no message")
    };
    assert_eq!(message.inbox_id, inbox(2));
}

#[test]
fn twilio_tells_of_opt_outs() {
    for (name, kind, reason) in [
        ("opt_out", Some(OptOutKind::OptOut), "STOP"),
        ("opt_in", Some(OptOutKind::OptIn), "START"),
        ("help", None, ""),
        ("status_unsubscribed", Some(OptOutKind::OptOut), "21610"),
        ("status_failed", None, ""),
    ] {
        let parsed = read(name);
        assert_eq!((parsed.items.len(), &parsed.tally), (1, &Tally::default()), "{name}");
        let expected = kind.map(|kind| Consent {
            inbox_id: inbox(1),
            source_id: "+15558675310".to_owned(),
            kind,
            occurred_at: RECEIVED,
            reason: reason.to_owned(),
            counts: false,
        });
        assert_eq!(parsed.consents, Vec::from_iter(expected), "{name}");
    }
}

#[test]
fn what_is_unknown_is_counted() {
    for (body, query, expected) in [
        (fixture("status_unknown"), "", "unknown: status partially_delivered (1)"),
        (fixture("other_product"), "", "unknown: event onMessageAdded (1)"),
        (b"[{}]".to_vec(), "bodySHA256=00", "unknown: JSON (1)"),
        (Vec::new(), "", "failed: no MessageSid (1)"),
        (b"MessageSid=SM1&Body=x".to_vec(), "", "failed: message without sender (1)"),
    ] {
        let parsed = read_with(&body, query);
        assert_eq!(parsed.items.len(), 0, "{expected}");
        assert_eq!(parsed.tally.remark().as_deref(), Some(expected));
    }
    let word = b"MessageSid=SM1&From=%2B15558675310&Body=x&OptOutType=PAUSE";
    let parsed = read_with(word, "");
    assert_eq!((parsed.items.len(), parsed.consents.len(), parsed.tally.unknown), (1, 0, 1));
}

#[test]
fn reports_have_keys() {
    let key = |name: &str| Form::read(&fixture(name), "").key();
    assert_eq!(key("status_sent"), Some(format!("twilio {SENT} sent ")));
    assert_eq!(key("status_failed"), Some(format!("twilio {SENT} failed 30007")));
    let received = "twilio SM00000000000000000000000000000001 received ";
    assert_eq!(key("text").as_deref(), Some(received));
    assert_eq!(key("other_product"), None);
}
