//! Searching in lists: a text that stands anywhere in a column, alike on both databases.
//! Which columns of a list are searched is said where the list is.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, LikeExpr};

use super::{LONGEST_NAME, text};

/// Characters of a text to search for.
pub(super) const LONGEST: usize = LONGEST_NAME;
use crate::error::{Checks, Result};

/// Not the backslash, which one of the databases would need twice.
const ESCAPE: char = '!';

/// The searched text as name keys are written; none where nothing is searched. A violation
/// stands at `path`.
pub(super) fn key(path: &str, search: Option<&str>) -> Result<Option<String>> {
    let mut checks = Checks::new();
    let search = checks.optional_text(path, search, LONGEST);
    checks.finish()?;
    Ok(search.as_deref().map(text::name_key))
}

/// That `text`, taken literally, stands somewhere in `column`. Both must be in lower case:
/// SQLite does not tell the cases of ASCII letters apart here, PostgreSQL does.
pub(super) fn holds(column: impl ColumnTrait, text: &str) -> Expr {
    column.like(LikeExpr::new(pattern(text)).escape(ESCAPE))
}

fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_taken_literally() {
        assert_eq!(pattern("ada"), "%ada%");
        assert_eq!(pattern(r"100%_!\"), r"%100!%!_!!\%");
    }

    #[test]
    fn an_empty_search_is_none() {
        assert_eq!(key("search", None).unwrap(), None);
        assert_eq!(key("search", Some("  ")).unwrap(), None);
        assert_eq!(key("search", Some(" Ärger ")).unwrap().as_deref(), Some("ärger"));
        assert!(key("search", Some("a\0")).is_err());
        assert!(key("search", Some(&"a".repeat(256))).is_err());
    }
}
