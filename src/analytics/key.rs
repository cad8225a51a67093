//! What groups are called: the keys of rows, their labels, and the order among them, which
//! is total and the same on both databases.

use std::cmp::Ordering;

use entity::id::Uuid;

use super::dimension::Dimension;

/// Tables whose rows are keys of dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Inbox,
    User,
    Bot,
    Template,
    Team,
    Label,
    Campaign,
}

/// The key of a group in one dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The rows have none.
    Null,
    Id(Table, Uuid),
    /// A member of a vocabulary.
    Name(&'static str),
    Text(String),
    Number(i64),
    Flag(bool),
    /// All groups beyond the first ones that were asked for.
    Other,
}

/// A key with its dimension and what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DimensionKey {
    pub dimension: Dimension,
    pub key: Key,
    /// The name of what stands behind an id; the key itself where it is no id; `none`
    /// and `other` for the two that have no key.
    pub label: String,
}

impl DimensionKey {
    /// Nulls last, numbers by value, the rest by the code points of its lower case, then as
    /// it is written, then by id.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (&self.key, &other.key) {
            (Key::Number(one), Key::Number(two)) => one.cmp(two),
            (Key::Flag(one), Key::Flag(two)) => one.cmp(two),
            _ => self.last().cmp(&other.last()).then_with(|| self.text().cmp(&other.text())),
        }
    }

    fn last(&self) -> bool {
        matches!(self.key, Key::Null | Key::Other)
    }

    fn text(&self) -> (String, &str, Option<Uuid>) {
        let id = match self.key {
            Key::Id(_, id) => Some(id),
            _ => None,
        };
        (self.label.to_lowercase(), &self.label, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: Key, label: &str) -> DimensionKey {
        DimensionKey { dimension: Dimension::Inbox, key, label: label.to_owned() }
    }

    fn text(text: &str) -> DimensionKey {
        key(Key::Text(text.to_owned()), text)
    }

    #[test]
    fn the_order_is_total() {
        let inbox = |id, label| key(Key::Id(Table::Inbox, Uuid::from_u128(id)), label);
        let mut keys = [
            key(Key::Null, "none"),
            text("zebra"),
            text("Ärger"),
            text("b"),
            text("A"),
            text("a"),
            inbox(2, "Same"),
            inbox(1, "Same"),
        ];
        keys.sort_by(DimensionKey::compare);
        let labels: Vec<&str> = keys.iter().map(|key| key.label.as_str()).collect();
        assert_eq!(labels, ["A", "a", "b", "Same", "Same", "zebra", "Ärger", "none"]);
        assert_eq!(keys[3], inbox(1, "Same"));
    }

    #[test]
    fn numbers_are_sorted_by_value() {
        let number = |number| key(Key::Number(number), &number.to_string());
        assert_eq!(number(9).compare(&number(10)), Ordering::Less);
        assert_eq!(number(10).compare(&key(Key::Null, "none")), Ordering::Less);
    }
}
