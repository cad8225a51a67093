//! Filling in the variables of a text for one contact. A variable without a value is never
//! sent as it stands: the text is then not sent at all.

use entity::contact;
use entity::vocabulary::Vocabulary as _;
use serde::{Deserialize, Serialize};

use super::template::variables;
use super::text;
use crate::error::{Checks, ViolationCode};

/// Variables that one input may set.
const MOST_VARIABLES: usize = 50;
/// Characters of a value.
const LONGEST_VALUE: usize = 1_024;

entity::vocabulary! {
    /// What is known of a contact and may stand in a text.
    pub enum ContactField {
        /// The whole name.
        Name => "NAME",
        /// The first word of the name.
        FirstName => "FIRST_NAME",
        /// The name on a messenger.
        Nickname => "NICKNAME",
        /// The e-mail address.
        Email => "EMAIL",
        /// The telephone number.
        Phone => "PHONE",
    }
}

impl ContactField {
    fn of(self, contact: &contact::Model) -> Option<&str> {
        let name = contact.name.as_deref();
        match self {
            Self::Name => name,
            Self::FirstName => name.and_then(|name| name.split_whitespace().next()),
            Self::Nickname => contact.nickname.as_deref(),
            Self::Email => contact.email.as_deref(),
            Self::Phone => contact.phone.as_deref(),
        }
    }
}

/// What stands for a variable: the contact's field, or the text where that is empty or none is
/// named. Serialised as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    pub field: Option<ContactField>,
    pub text: Option<String>,
}

/// A text that has been filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    pub text: String,
    /// The variables of the text with their values, in the order of their first use.
    pub values: Vec<(String, String)>,
}

/// The name of a variable without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

/// Fills in `body` for a contact. A variable that nothing is said of, but is called like a field
/// of the contact (`name`, `first_name`, …), stands for that.
pub fn fill(body: &str, contact: &contact::Model, said: &[Variable]) -> Result<Filled, Missing> {
    let names = variables(body).unwrap_or_default();
    let mut values = Vec::with_capacity(names.len());
    for name in names {
        let value = value(name, contact, said).ok_or_else(|| Missing(name.to_owned()))?;
        values.push((name.to_owned(), value));
    }
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((before, (name, after))) = next(rest) {
        text.push_str(before);
        let value = values.iter().find(|(known, _)| known == name);
        text.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    text.push_str(rest);
    Ok(Filled { text, values })
}

fn next(rest: &str) -> Option<(&str, (&str, &str))> {
    let (before, after) = rest.split_once("{{")?;
    let (name, after) = after.split_once("}}")?;
    Some((before, (name.trim(), after)))
}

fn value(name: &str, contact: &contact::Model, said: &[Variable]) -> Option<String> {
    let said = said.iter().find(|variable| variable.name == name);
    let field = match said {
        Some(variable) => variable.field,
        None => ContactField::from_name(&name.to_ascii_uppercase()),
    };
    let filled = |value: &&str| !value.trim().is_empty();
    let known = field.and_then(|field| field.of(contact)).filter(filled);
    let value = known.or_else(|| said?.text.as_deref().filter(filled))?;
    Some(text::clean(value.trim()).into_owned())
}

/// Checks what an input says of variables.
pub fn check(checks: &mut Checks, path: &str, said: &[Variable]) {
    if said.len() > MOST_VARIABLES {
        let message = format!("has {} variables; at most {MOST_VARIABLES} are allowed", said.len());
        return checks.fail(path, ViolationCode::TooLong, message);
    }
    for (index, variable) in said.iter().enumerate() {
        let at = format!("{path}[{index}]");
        let name = checks.text(&format!("{at}.name"), &variable.name, LONGEST_VALUE);
        if !name.is_empty() && variables(&format!("{{{{{name}}}}}")).is_none() {
            let message = "is no name of a variable; letters, digits and _ are allowed";
            checks.fail(format!("{at}.name"), ViolationCode::Malformed, message);
        }
        if said.iter().take(index).any(|other| other.name == variable.name) {
            let message = "is said twice";
            checks.fail(format!("{at}.name"), ViolationCode::Conflict, message);
        }
        if variable.field.is_none() && variable.text.is_none() {
            checks.fail(&at, ViolationCode::Required, "needs one of contactField and text");
        }
        checks.optional_text(&format!("{at}.text"), variable.text.as_deref(), LONGEST_VALUE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::Timestamp;
    use entity::id::{AccountId, ContactId, Uuid};

    fn ada(name: Option<&str>) -> contact::Model {
        contact::Model {
            account_id: AccountId(Uuid::nil()),
            id: ContactId(Uuid::nil()),
            ordinal: 0,
            name: name.map(str::to_owned),
            name_key: None,
            nickname: None,
            email: Some("ada@example.org".to_owned()),
            phone: None,
            merged_into_id: None,
            erased_at: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    fn say(name: &str, field: Option<ContactField>, text: Option<&str>) -> Variable {
        Variable { name: name.to_owned(), field, text: text.map(str::to_owned) }
    }

    #[test]
    fn what_is_said_wins_over_what_a_variable_is_called() {
        let said = [
            say("1", Some(ContactField::FirstName), Some("friend")),
            say("day", None, Some("Monday")),
            say("email", None, Some("hidden")),
        ];
        let filled = |name: Option<&str>, body: &str| fill(body, &ada(name), &said);
        let text = |name, body| filled(name, body).unwrap().text;
        assert_eq!(text(Some("Ada Lovelace"), "{{1}}, on {{ day }}: {{1}}"), "Ada, on Monday: Ada");
        assert_eq!(text(Some("  "), "Dear {{1}}"), "Dear friend");
        assert_eq!(text(Some("Ada Lovelace"), "{{name}} <{{email}}>"), "Ada Lovelace <hidden>");
        let values = filled(Some("Ada"), "{{day}} {{1}} {{day}}").unwrap().values;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(values, [pair("day", "Monday"), pair("1", "Ada")]);
    }

    #[test]
    fn a_variable_without_a_value_stops_the_text() {
        let missing = |body: &str, said: &[Variable]| fill(body, &ada(None), said).unwrap_err().0;
        assert_eq!(missing("Dear {{name}}", &[]), "name");
        assert_eq!(missing("{{phone}} {{email}}", &[]), "phone");
        assert_eq!(
            missing("{{code}}", &[say("code", Some(ContactField::Name), Some(" "))]),
            "code"
        );
    }

    #[test]
    fn what_is_filled_in_is_not_filled_in_again() {
        let said = [say("a", None, Some("{{b}}")), say("b", None, Some("x"))];
        assert_eq!(fill("{{a}}", &ada(None), &said).unwrap().text, "{{b}}");
    }

    #[test]
    fn every_broken_rule_is_named() {
        let mut checks = Checks::new();
        let said = [say("a b", None, Some("x")), say("c", None, None), say("c", None, Some("y"))];
        check(&mut checks, "variables", &said);
        let paths: Vec<String> =
            checks.into_violations().into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["variables[0].name", "variables[1]", "variables[2].name"]);
    }
}
