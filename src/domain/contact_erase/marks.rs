//! Whether something that is stored as it came, a delivery or an answer, tells of a contact.
//! Knows no database.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

/// Shorter ids stand for too many other things.
const SHORTEST_ID: usize = 5;
/// So many digits are no number of anything else.
const SHORTEST_NUMBER: usize = 7;
const SHORTEST_NAME: usize = 3;

/// By what a contact is known in texts of others.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// In lower case, and numbers without `+`; anywhere in a text, but not within another word.
    words: BTreeSet<String>,
    /// Only as a whole text.
    ids: HashSet<String>,
}

impl Marks {
    /// A phone number, an e-mail address or an id on a platform.
    pub fn address(&mut self, address: &str) {
        let lower = address.to_lowercase();
        let bare = lower.strip_prefix('+').unwrap_or(&lower);
        let number = bare.bytes().all(|byte| byte.is_ascii_digit());
        if bare.contains('@') || (number && bare.len() >= SHORTEST_NUMBER) {
            self.words.insert(bare.to_owned());
        }
        self.ids([address.to_owned(), bare.to_owned()]);
    }

    /// Ids that say nothing but themselves.
    pub fn ids(&mut self, ids: impl IntoIterator<Item = String>) {
        self.ids.extend(ids.into_iter().filter(|id| id.len() >= SHORTEST_ID));
    }

    /// The same, and these names.
    pub fn with_names(&self, names: &[String]) -> Self {
        let mut marks = self.clone();
        let names = names.iter().map(|name| name.trim().to_lowercase());
        marks.words.extend(names.filter(|name| name.chars().count() >= SHORTEST_NAME));
        marks
    }

    pub fn in_text(&self, text: &str) -> bool {
        if self.ids.contains(text.trim()) {
            return true;
        }
        let lower = text.to_lowercase();
        self.words.iter().any(|word| holds(&lower, word))
    }

    /// In any text, number or name of a member.
    pub fn in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.in_text(text),
            Value::Number(number) => self.in_text(&number.to_string()),
            Value::Array(values) => values.iter().any(|value| self.in_value(value)),
            Value::Object(members) => {
                members.iter().any(|(name, value)| self.in_text(name) || self.in_value(value))
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// In a body that should be JSON.
    pub fn in_body(&self, body: &[u8]) -> bool {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => self.in_value(&value),
            Err(_) => self.in_text(&String::from_utf8_lossy(body)),
        }
    }
}

/// Whether `word` stands in the text and is not a part of a longer word or number.
fn holds(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ada() -> Marks {
        let mut marks = Marks::default();
        for address in ["+15550001111", "ada@example.org", "US.42000", "77"] {
            marks.address(address);
        }
        marks.ids(["wamid.1".to_owned()]);
        marks
    }

    #[test]
    fn a_contact_is_found_by_any_address_or_id() {
        for value in [
            json!({ "from": "15550001111" }),
            json!([{ "to": 15_550_001_111u64 }]),
            json!({ "text": "Call +15550001111, please" }),
            json!({ "+15550001111": {} }),
            json!("Ada <ADA@example.org>"),
            json!({ "a": { "b": ["US.42000"] } }),
            json!({ "id": "wamid.1" }),
        ] {
            assert!(ada().in_value(&value), "{value}");
            assert!(ada().in_body(value.to_string().as_bytes()), "{value}");
        }
        assert!(ada().in_body(b"no JSON, from 15550001111"));
    }

    #[test]
    fn others_are_not_taken_for_it() {
        for value in [
            json!({ "from": "155500011112" }),
            json!({ "from": "215550001111" }),
            json!("canada@example.org"),
            json!({ "id": "wamid.12" }),
            json!("see US.42000 and wamid.1"),
            json!([77, "77", null, true, ""]),
        ] {
            assert!(!ada().in_value(&value), "{value}");
        }
        assert!(!Marks::default().in_body(b"{}"));
    }

    #[test]
    fn names_are_asked_for_apart() {
        let names = ["Ada Example".to_owned(), "Al".to_owned()];
        assert!(!ada().in_text("for ada example"));
        assert!(ada().with_names(&names).in_text("for Ada Example"));
        assert!(!ada().with_names(&names).in_text("Al"));
    }
}
