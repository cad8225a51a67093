//! How addresses and names are written so that equal ones compare equal. What a text must
//! look like to be accepted is said where it is accepted.

use std::borrow::Cow;

/// Digits of a telephone number, without and with the country (ITU-T E.164).
const FEWEST_DIGITS: usize = 5;
const MOST_DIGITS: usize = 15;
/// Bytes of an e-mail address (RFC 5321, 4.5.3.1, less the angle brackets).
pub const LONGEST_EMAIL: usize = 254;

/// A telephone number as `+` and digits. Spaces, dashes, dots and brackets are dropped; it
/// may begin with `+`, `00` or the country at once.
pub fn phone(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|&character| !is_filling(character)).collect();
    let digits = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")).unwrap_or(&bare);
    let plausible = (FEWEST_DIGITS..=MOST_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    plausible.then(|| format!("+{digits}"))
}

fn is_filling(character: char) -> bool {
    // Hyphens and dashes of all widths, as they are pasted from documents.
    character.is_whitespace()
        || matches!(character, '-' | '.' | '(' | ')' | '[' | ']' | '\u{2010}'..='\u{2015}')
}

/// An e-mail address in lower case, if it can be one.
pub fn email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (name, host) = email.split_once('@')?;
    let plausible = email.len() <= LONGEST_EMAIL
        && !name.is_empty()
        && !host.contains('@')
        && host.split('.').all(|label| !label.is_empty())
        && !email.chars().any(|character| character.is_whitespace() || character.is_control());
    plausible.then_some(email)
}

/// A name in lower case: what lists are sorted by.
pub fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// The text with U+FFFD in place of NUL, which PostgreSQL cannot store. For what providers
/// send; what callers send is refused instead.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_have_one_form() {
        for text in ["+49 30 901820", "0049-30-901820", "49 (30) 90.18.20", " +4930[901820] "] {
            assert_eq!(phone(text).as_deref(), Some("+4930901820"), "{text}");
        }
        assert_eq!(phone("12345").as_deref(), Some("+12345"));
        assert_eq!(phone("+123456789012345").as_deref(), Some("+123456789012345"));
        for text in ["", "+", "1234", "+1234567890123456", "+49 30 call", "++4930901820", "٠١٢٣٤٥"]
        {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn email_addresses_have_one_form() {
        assert_eq!(email(" Ada@Example.ORG ").as_deref(), Some("ada@example.org"));
        assert_eq!(email("a+b@localhost").as_deref(), Some("a+b@localhost"));
        let long = format!("{}@example.org", "a".repeat(LONGEST_EMAIL));
        for text in ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c.d", "a@b..c", "a\0@b.c"] {
            assert_eq!(email(text), None, "{text:?}");
        }
        assert_eq!(email(&long), None);
    }

    #[test]
    fn name_keys_are_lower_case() {
        assert_eq!(name_key("Ärger"), "ärger");
    }

    #[test]
    fn clean_replaces_nul_alone() {
        assert!(matches!(clean("plain\n"), Cow::Borrowed("plain\n")));
        assert_eq!(clean("a\0b"), "a\u{FFFD}b");
    }
}
