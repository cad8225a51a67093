//! Reading a delivery's JSON without trusting its shape. Every value is asked for on its
//! own, so that a field of another type costs no more than itself.

use entity::Timestamp;
use serde_json::Value;

use crate::ingest::tally::{Tally, label};

/// The body as JSON; none if it is none. Bytes and escapes that are no Unicode become U+FFFD:
/// one cut emoji in a name must not cost the rest of the delivery.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Some(value);
    }
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(&without_lone_surrogates(&text)).ok()
}

/// JSON text in which `\uD800` to `\uDFFF` stand in pairs only.
fn without_lone_surrogates(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        mended.push_str(before);
        let (escape, length) = match (code(from), from.get(6..).and_then(code)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (from.get(..12), 12),
            (Some(0xD800..=0xDFFF), _) => (Some("\\ufffd"), 6),
            // Of any other escape two characters: in `\\ud800` the second begins nothing.
            _ => (from.get(..2), 2),
        };
        mended.push_str(escape.unwrap_or(from));
        rest = from.get(length..).unwrap_or_default();
    }
    mended.push_str(rest);
    mended
}

/// The code of the `\u` escape that `text` begins with.
fn code(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// The text or number at `pointer` (RFC 6901), cleaned; none where it is missing or empty.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    let found = match value.pointer(pointer)? {
        Value::String(found) => crate::domain::text::clean(found).into_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!found.trim().is_empty()).then_some(found)
}

/// The instant at `pointer`: seconds since 1970, as text or number.
pub(super) fn seconds(value: &Value, pointer: &str) -> Option<Timestamp> {
    let seconds: i64 = text(value, pointer)?.trim().parse().ok()?;
    seconds.checked_mul(Timestamp::SECOND).map(Timestamp)
}

/// The instant at `pointer`: a text as in RFC 3339.
pub(super) fn instant(value: &Value, pointer: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text(value, pointer)?.trim().parse().ok()?;
    Some(Timestamp(instant.as_microsecond()))
}

/// The array called `name`; empty where there is none.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The objects in the array called `name`. What else stands there failed, each for itself.
pub(super) fn elements<'a>(value: &'a Value, name: &str, tally: &mut Tally) -> Vec<&'a Value> {
    match value.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) => {
            for _ in elements.iter().filter(|element| !element.is_object()) {
                tally.failed(format!("{name}: no object"));
            }
            elements.iter().filter(|element| element.is_object()).collect()
        }
        Some(_) => {
            tally.failed(format!("{name}: no array"));
            Vec::new()
        }
    }
}

/// How many elements a part that we cannot read stands for: at least one.
pub(super) fn weight(value: &Value) -> u32 {
    let most = match value {
        Value::Array(elements) => elements.len(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "contacts")
            .filter_map(|(_, field)| field.as_array().map(Vec::len))
            .sum(),
        _ => 1,
    };
    u32::try_from(most.max(1)).unwrap_or(u32::MAX)
}

/// Counts the lists and objects of `value` that are none of those in `read`.
pub(super) fn unread(value: &Value, read: &[&str], place: &str, tally: &mut Tally) {
    for (name, part) in value.as_object().into_iter().flatten() {
        if !read.contains(&name.as_str()) && (part.is_array() || part.is_object()) {
            tally.unknown(weight(part), format!("field {place}.{}", label(name)));
        }
    }
}

/// No more than `longest` characters of `text`.
pub(super) fn fit(text: String, longest: usize, what: &str, tally: &mut Tally) -> String {
    match text.char_indices().nth(longest) {
        None => text,
        Some((end, _)) => {
            tally.changed(what);
            text.get(..end).unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_unicode_is_replaced() {
        let read = |body: &[u8]| json(body).map(|value| value.to_string());
        assert_eq!(read(br#"{"a":"\ud83d\ude00"}"#).unwrap(), "{\"a\":\"\u{1f600}\"}");
        assert_eq!(read(br#"{"a":"x\ud83d","b":1}"#).unwrap(), "{\"a\":\"x\u{fffd}\",\"b\":1}");
        assert_eq!(read(br#"["\ude00\ud83d\ude00"]"#).unwrap(), "[\"\u{fffd}\u{1f600}\"]");
        assert_eq!(read(br#"["\\ud800","\ud800"]"#).unwrap(), "[\"\\\\ud800\",\"\u{fffd}\"]");
        assert_eq!(read(b"[\"\xff\"]").unwrap(), "[\"\u{fffd}\"]");
        assert_eq!(read(b"[\"\\"), None);
        assert_eq!(read(b"\\"), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn numbers_and_texts_read_alike() {
        let value =
            json!({ "a": "1731705721", "b": 1_731_705_721, "c": "soon", "d": [1], "e": " " });
        let at = Some(Timestamp(1_731_705_721 * Timestamp::SECOND));
        assert_eq!(seconds(&value, "/a"), at);
        assert_eq!(seconds(&value, "/b"), at);
        assert_eq!(seconds(&value, "/c"), None);
        assert_eq!(text(&value, "/d"), None);
        assert_eq!(text(&value, "/e"), None);
        assert_eq!(text(&value, "/f/g"), None);
        assert_eq!(seconds(&json!({ "a": i64::MAX }), "/a"), None);
    }

    #[test]
    fn instants_have_a_zone() {
        let value = json!({ "a": "2024-11-15T22:22:01.5Z", "b": "2024-11-15T23:22:01.5+01:00",
            "c": "2024-11-15T22:22:01", "d": "soon", "e": 1_731_709_321 });
        let at = Some(Timestamp(1_731_709_321 * Timestamp::SECOND + 500_000));
        assert_eq!(instant(&value, "/a"), at);
        assert_eq!(instant(&value, "/b"), at);
        for pointer in ["/c", "/d", "/e", "/f"] {
            assert_eq!(instant(&value, pointer), None, "{pointer}");
        }
    }

    #[test]
    fn texts_are_cut_at_characters() {
        let mut tally = Tally::default();
        assert_eq!(fit("añb".to_owned(), 3, "name", &mut tally), "añb");
        assert_eq!(tally.remark(), None);
        assert_eq!(fit("añb".to_owned(), 2, "name", &mut tally), "añ");
        assert_eq!(tally.remark().unwrap(), "changed: name (1)");
    }

    #[test]
    fn what_is_no_element_fails_for_itself() {
        let value = json!({ "entry": [{ "id": 1 }, 7, null, { "id": 2 }], "messages": "none" });
        let mut tally = Tally::default();
        assert_eq!(elements(&value, "entry", &mut tally).len(), 2);
        assert_eq!(elements(&value, "messages", &mut tally).len(), 0);
        assert_eq!(elements(&value, "statuses", &mut tally).len(), 0);
        assert_eq!(tally.failed, 3);
    }

    #[test]
    fn what_nobody_reads_is_counted() {
        let value = json!({ "id": 1, "known": [1], "new": [1, 2], "other": {}, "flag": true });
        let mut tally = Tally::default();
        unread(&value, &["known"], "messages", &mut tally);
        let remark = "unknown: field messages.new (2), field messages.other (1)";
        assert_eq!((tally.unknown, tally.remark().as_deref()), (3, Some(remark)));
    }

    #[test]
    fn a_part_weighs_its_elements() {
        assert_eq!(weight(&json!({ "contacts": [1, 2], "flows": [1, 2, 3] })), 3);
        assert_eq!(weight(&json!({ "event": "x" })), 1);
        assert_eq!(weight(&json!([])), 1);
    }
}
