//! What became of the elements of one delivery: three counts and a remark. The remark names
//! kinds and rules only, never what somebody wrote or who they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::domain::record::Outcome;
use entity::vocabulary::Vocabulary;

/// Different entries of a remark; what goes beyond them is only counted.
const MOST_NOTES: usize = 20;
/// Characters of a name that comes from the provider.
const LONGEST_LABEL: usize = 40;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Elements that took effect, now or before.
    pub applied: u32,
    /// Elements that are kept raw only.
    pub unknown: u32,
    /// Elements that could not be applied.
    pub failed: u32,
    /// Elements about contacts who were erased, whatever became of them.
    pub erased: u32,
    notes: BTreeMap<(Remark, String), u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Remark {
    Unknown,
    Failed,
    Changed,
    Erased,
}

impl Tally {
    pub fn unknown(&mut self, count: u32, what: impl Into<String>) {
        self.unknown = self.unknown.saturating_add(count);
        self.note(Remark::Unknown, what.into(), count);
    }

    pub fn failed(&mut self, why: impl Into<String>) {
        self.failed = self.failed.saturating_add(1);
        self.note(Remark::Failed, why.into(), 1);
    }

    /// A text was longer than we keep, or a time impossible; the element counts all the same.
    pub fn changed(&mut self, what: impl Into<String>) {
        self.note(Remark::Changed, what.into(), 1);
    }

    /// Elements tell of contacts who were erased, so that the delivery must not be kept as it came.
    pub fn erased(&mut self, count: u32, what: impl Into<String>) {
        if count > 0 {
            self.erased = self.erased.saturating_add(count);
            self.note(Remark::Erased, what.into(), count);
        }
    }

    pub fn outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Recorded { .. } | Outcome::Duplicate { .. } | Outcome::Parked => {
                self.applied = self.applied.saturating_add(1);
            }
            Outcome::Erased => self.erased(1, "dropped"),
            Outcome::Rejected(violations) => {
                let rules = violations
                    .iter()
                    .map(|violation| format!("{} {}", violation.path, violation.code.name()))
                    .collect::<Vec<_>>();
                self.failed(rules.join(", "));
            }
        }
    }

    fn note(&mut self, remark: Remark, what: String, count: u32) {
        let key = (remark, what);
        if self.notes.len() < MOST_NOTES || self.notes.contains_key(&key) {
            let noted = self.notes.entry(key).or_default();
            *noted = noted.saturating_add(count);
        }
    }

    /// For example `unknown: field flows (2); failed: message without id (1)`.
    pub fn remark(&self) -> Option<String> {
        let mut text = String::new();
        let mut last = None;
        for ((remark, what), count) in &self.notes {
            if last == Some(*remark) {
                text.push_str(", ");
            } else {
                if last.is_some() {
                    text.push_str("; ");
                }
                text.push_str(match remark {
                    Remark::Unknown => "unknown: ",
                    Remark::Failed => "failed: ",
                    Remark::Changed => "changed: ",
                    Remark::Erased => "erased: ",
                });
                last = Some(*remark);
            }
            let _ = write!(text, "{what} ({count})");
        }
        (!text.is_empty()).then_some(text)
    }
}

/// A name from the provider as it may stand in a remark: short, and letters, digits, dots,
/// hyphens and underscores only.
pub fn label(name: &str) -> String {
    name.chars()
        .take(LONGEST_LABEL)
        .map(|each| if each.is_ascii_alphanumeric() || "._-".contains(each) { each } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Violation, ViolationCode};

    #[test]
    fn a_remark_lists_kinds_once_with_their_counts() {
        let mut tally = Tally::default();
        assert_eq!(tally.remark(), None);
        tally.unknown(2, "field flows");
        tally.unknown(1, "field flows");
        tally.failed("message without id");
        tally.changed("message.content");
        let remark = tally.remark().unwrap();
        assert_eq!(
            remark,
            "unknown: field flows (3); failed: message without id (1); changed: message.content (1)"
        );
        assert_eq!((tally.applied, tally.unknown, tally.failed), (0, 3, 1));
    }

    #[test]
    fn rejections_are_noted_by_path_and_rule() {
        let mut tally = Tally::default();
        tally.outcome(&Outcome::Parked);
        tally.outcome(&Outcome::Rejected(vec![Violation {
            path: "message.content".to_owned(),
            code: ViolationCode::TooLong,
            message: "not repeated here".to_owned(),
        }]));
        assert_eq!((tally.applied, tally.failed), (1, 1));
        assert_eq!(tally.remark().unwrap(), "failed: message.content TOO_LONG (1)");
    }

    #[test]
    fn what_tells_of_the_erased_is_counted_apart() {
        let mut tally = Tally::default();
        tally.erased(0, "opt-out");
        assert_eq!(tally, Tally::default());
        tally.outcome(&Outcome::Erased);
        tally.outcome(&Outcome::Erased);
        assert_eq!((tally.applied, tally.unknown, tally.failed, tally.erased), (0, 0, 0, 2));
        assert_eq!(tally.remark().unwrap(), "erased: dropped (2)");
    }

    #[test]
    fn remarks_do_not_grow_without_end() {
        let mut tally = Tally::default();
        for number in 0..1_000 {
            tally.unknown(1, format!("field {number}"));
        }
        assert_eq!(tally.unknown, 1_000);
        assert!(tally.remark().unwrap().len() < 1_000);
    }

    #[test]
    fn labels_are_tame() {
        assert_eq!(label("smb_message_echoes"), "smb_message_echoes");
        assert_eq!(label("a b\n<c>"), "a?b??c?");
        assert_eq!(label(&"x".repeat(500)).len(), 40);
    }
}
