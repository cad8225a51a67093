//! The text of a template and the variables in it: `{{1}}` or `{{name}}`. Braces that stand
//! alone are text.

use super::LONGEST_BODY;
use crate::error::{Checks, ViolationCode};

/// Characters of a variable's name.
const LONGEST_VARIABLE: usize = 64;

/// The names of the variables of a body, each once, in the order of their first use. None
/// where the braces are not balanced or a name has other characters than ASCII letters,
/// digits and `_`.
pub fn variables(body: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut rest = body;
    while let Some((text, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}")?;
        let name = name.trim();
        if text.contains("}}") || !is_name(name) {
            return None;
        }
        if !names.contains(&name) {
            names.push(name);
        }
        rest = behind;
    }
    if rest.contains("}}") { None } else { Some(names) }
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_VARIABLE).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The body without the white space around it.
pub(super) fn check(checks: &mut Checks, path: &str, given: &str) -> String {
    let body = checks.text(path, given, LONGEST_BODY);
    if variables(&body).is_none() {
        let message = format!(
            "has unbalanced {{{{ or }}}}; a variable is {{{{1}}}} or {{{{name}}}}, with at most \
             {LONGEST_VARIABLE} letters, digits or _"
        );
        checks.fail(path, ViolationCode::Malformed, message);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_once_and_in_order() {
        assert_eq!(variables("Hello {{ name }}, order {{1}} of {{name}}"), Some(vec!["name", "1"]));
        assert_eq!(variables("no {variables} here"), Some(Vec::new()));
        assert_eq!(variables(""), Some(Vec::new()));
    }

    #[test]
    fn unbalanced_braces_are_refused() {
        for wrong in
            ["{{1", "1}}", "{{1}", "{{}}", "{{a b}}", "{{{1}}}", "}}{{1}}", "{{1}}}}", "{{ä}}"]
        {
            assert_eq!(variables(wrong), None, "{wrong}");
            let mut checks = Checks::new();
            check(&mut checks, "body", wrong);
            assert_eq!(checks.into_violations().len(), 1, "{wrong}");
        }
    }
}
