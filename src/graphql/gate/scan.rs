//! What is refused before a parser sees a request: documents that are too long or nested too
//! deeply for recursive parsers, and texts with NUL, which no database column takes. Works on
//! the raw text; it knows strings, comments and brackets, not the grammar.

use async_graphql::{Pos, ServerError, Value, Variables};

use crate::config::Limits;
use crate::graphql::error::{BAD_USER_INPUT, PARSE_FAILED, coded, limited};

/// Open brackets of all kinds in a document, counted together.
pub const DOCUMENT_DEPTH: usize = 32;
/// Open brackets in the JSON of the variables, their own included.
pub const VARIABLES_DEPTH: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    #[error("the document has {bytes} bytes; at most {most} are allowed")]
    DocumentTooLong { bytes: usize, most: usize },
    #[error("the document has more than {most} tokens, which are names, values and marks")]
    TooManyTokens { most: usize, position: Pos },
    #[error("the document is nested too deeply; at most {max} brackets may be open", max = DOCUMENT_DEPTH)]
    DocumentTooDeep(Pos),
    #[error("a string is not terminated")]
    Unterminated(Pos),
    #[error("{path} must not contain the character NUL (U+0000)")]
    Nul { path: String, position: Option<Pos> },
    #[error("{path} is nested too deeply; at most {max} levels are allowed", max = VARIABLES_DEPTH)]
    VariablesTooDeep { path: String },
}

impl ScanError {
    /// Where in the document, if it is there.
    fn position(&self) -> Option<Pos> {
        match self {
            Self::DocumentTooDeep(position) | Self::Unterminated(position) => Some(*position),
            Self::TooManyTokens { position, .. } => Some(*position),
            Self::Nul { position, .. } => *position,
            Self::DocumentTooLong { .. } | Self::VariablesTooDeep { .. } => None,
        }
    }

    /// The same error, seen from one level further out.
    fn within(mut self, outer: &str) -> Self {
        if let Self::Nul { path, .. } | Self::VariablesTooDeep { path } = &mut self {
            path.insert_str(0, outer);
        }
        self
    }
}

impl From<ScanError> for ServerError {
    fn from(error: ScanError) -> Self {
        let (text, position) = (error.to_string(), error.position());
        match error {
            ScanError::DocumentTooLong { most, .. } => {
                limited("document_bytes", most, text, position)
            }
            ScanError::TooManyTokens { most, .. } => {
                limited("document_tokens", most, text, position)
            }
            ScanError::DocumentTooDeep(_) => limited("brackets", DOCUMENT_DEPTH, text, position),
            ScanError::VariablesTooDeep { .. } => {
                limited("variables_depth", VARIABLES_DEPTH, text, position)
            }
            ScanError::Unterminated(_) => coded(text, position, PARSE_FAILED),
            ScanError::Nul { .. } => coded(text, position, BAD_USER_INPUT),
        }
    }
}

/// Length, tokens, depth and strings of a document.
pub fn check_document(document: &str, limits: &Limits) -> Result<(), ScanError> {
    let (bytes, most) = (document.len(), limits.document_bytes);
    if bytes > most {
        return Err(ScanError::DocumentTooLong { bytes, most });
    }
    let most = limits.document_tokens;
    Scanner { document, at: 0, tokens: 0, most, open: Vec::new(), name: "" }.run()
}

/// The name of an operation.
pub fn check_name(name: Option<&str>) -> Result<(), ScanError> {
    match name {
        Some(name) if name.contains('\0') => {
            Err(ScanError::Nul { path: "operationName".to_owned(), position: None })
        }
        _ => Ok(()),
    }
}

/// Depth and strings of the variables.
pub fn check_variables(variables: &Variables) -> Result<(), ScanError> {
    for (name, value) in variables.iter() {
        check_value(value, 1).map_err(|error| error.within(&format!("variables.{name}")))?;
    }
    Ok(())
}

/// `outside` brackets are open around the value. JSON is parsed to a fixed depth, which
/// bounds the recursion.
fn check_value(value: &Value, outside: usize) -> Result<(), ScanError> {
    let container = matches!(value, Value::List(_) | Value::Object(_));
    if container && outside == VARIABLES_DEPTH {
        return Err(ScanError::VariablesTooDeep { path: String::new() });
    }
    match value {
        Value::String(text) if text.contains('\0') => {
            Err(ScanError::Nul { path: String::new(), position: None })
        }
        Value::List(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            check_value(item, outside + 1).map_err(|error| error.within(&format!("[{index}]")))
        }),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            check_value(field, outside + 1).map_err(|error| error.within(&format!(".{name}")))
        }),
        _ => Ok(()),
    }
}

struct Scanner<'a> {
    document: &'a str,
    at: usize,
    tokens: usize,
    most: usize,
    /// The name in front of each open bracket; together they say where a string stands.
    open: Vec<&'a str>,
    /// The last name seen at this level.
    name: &'a str,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Result<(), ScanError> {
        let bytes = self.document.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            // White space, commas and what lies outside of ASCII (a mark of the byte order, or
            // an error for the parser) are no tokens.
            if !matches!(byte, b'#' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x80..) {
                self.count()?;
            }
            match byte {
                b'#' => self.skip_while(|byte| !matches!(byte, b'\n' | b'\r')),
                b'"' => self.string()?,
                b'(' | b'[' | b'{' => self.descend()?,
                b')' | b']' | b'}' => {
                    self.name = self.open.pop().unwrap_or_default();
                    self.at += 1;
                }
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                    let start = self.at;
                    self.skip_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                    self.name = self.document.get(start..self.at).unwrap_or_default();
                }
                b'.' => self.skip_while(|byte| byte == b'.'),
                b'-' | b'0'..=b'9' => self.skip_while(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
                }),
                b'=' => {
                    // The default of a variable; the last name is that of its type.
                    self.name = "";
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), ScanError> {
        self.tokens += 1;
        if self.tokens <= self.most {
            return Ok(());
        }
        Err(ScanError::TooManyTokens { most: self.most, position: self.position(self.at) })
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = &self.document.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| wanted(**byte)).count();
    }

    fn descend(&mut self) -> Result<(), ScanError> {
        if self.open.len() == DOCUMENT_DEPTH {
            return Err(ScanError::DocumentTooDeep(self.position(self.at)));
        }
        let name = std::mem::take(&mut self.name);
        // The operation's own name or keyword is no part of the path of an argument.
        self.open.push(if self.open.is_empty() { "" } else { name });
        self.at += 1;
        Ok(())
    }

    /// A string or block string, to its end. An open one is refused here: what the parser
    /// would take the rest for need not be what was counted.
    fn string(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        let bytes = self.document.as_bytes();
        let block = bytes[start..].starts_with(b"\"\"\"");
        let quote: &[u8] = if block { b"\"\"\"" } else { b"\"" };
        self.at += quote.len();
        loop {
            let rest = &bytes[self.at..];
            if rest.starts_with(quote) {
                self.at += quote.len();
                return Ok(());
            }
            self.at += match rest {
                [] => return Err(ScanError::Unterminated(self.position(start))),
                [b'\n' | b'\r', ..] if !block => {
                    return Err(ScanError::Unterminated(self.position(start)));
                }
                [0, ..] => return Err(self.nul(start)),
                [b'\\', b'u', b'0', b'0', b'0', b'0', ..] if !block => return Err(self.nul(start)),
                [b'\\', b'"', b'"', b'"', ..] if block => 4,
                [b'\\', _, ..] if !block => 2,
                _ => 1,
            };
        }
    }

    fn nul(&self, at: usize) -> ScanError {
        let names = self.open.iter().copied().chain([self.name]).filter(|name| !name.is_empty());
        let mut path = names.collect::<Vec<_>>().join(".");
        if path.is_empty() {
            path.push_str("a string of the document");
        }
        ScanError::Nul { path, position: Some(self.position(at)) }
    }

    /// Line and column of a byte, both from 1.
    fn position(&self, at: usize) -> Pos {
        let before = self.document.get(..at).unwrap_or_default().replace("\r\n", "\n");
        let line = before.matches(['\n', '\r']).count() + 1;
        let last = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        Pos { line, column: last.chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_document(document: &str) -> Result<(), ScanError> {
        let limits = Limits { document_tokens: usize::MAX, ..Limits::default() };
        super::check_document(document, &limits)
    }

    fn nul(document: &str) -> (String, Pos) {
        match check_document(document) {
            Err(ScanError::Nul { path, position: Some(position) }) => (path, position),
            other => panic!("{document}: {other:?}"),
        }
    }

    #[test]
    fn counts_brackets_of_all_kinds_together() {
        let nested =
            |depth: usize| format!("{{ a(b: {}{}) }}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check_document(&nested(30)), Ok(()));
        let refused = check_document(&nested(31));
        assert_eq!(refused, Err(ScanError::DocumentTooDeep(Pos { line: 1, column: 38 })));
        assert!(check_document(&"{a".repeat(33)).is_err());
        assert!(check_document(&"(a".repeat(33)).is_err());
        assert!(check_document(&"([{".repeat(11)).is_err());
    }

    #[test]
    fn closing_brackets_free_their_place() {
        assert_eq!(check_document(&"{ a(b: [1]) } ".repeat(500)), Ok(()));
        assert_eq!(check_document("}}}) ]"), Ok(()));
    }

    #[test]
    fn ignores_brackets_in_strings_and_comments() {
        let many = "[{(".repeat(50);
        for document in [
            format!("{{ a(b: \"{many}\") }}"),
            format!("{{ a(b: \"\\\"{many}\") }}"),
            format!("{{ a(b: \"\"\"{many}\n{many} \\\"\"\" {many}\"\"\") }}"),
            format!("{{ a # {many} \"\n }}"),
            format!("{{ a # {many}\r b }}"),
        ] {
            assert_eq!(check_document(&document), Ok(()), "{document}");
        }
        assert!(check_document(&format!("{{ a(b: \"\\\\\" {many}")).is_err());
        assert!(check_document(&format!("# a \n {many}")).is_err());
    }

    #[test]
    fn refuses_open_strings() {
        for document in ["{ a(b: \"c) }", "{ a(b: \"c\n\") }", "\"\"\" {{{{", "\"\"\"\"", "\"\\"] {
            let refused = check_document(document);
            assert!(matches!(refused, Err(ScanError::Unterminated(_))), "{document}: {refused:?}");
        }
    }

    #[test]
    fn refuses_long_documents() {
        assert_eq!(check_document(&" ".repeat(32_768)), Ok(()));
        let refused = check_document(&" ".repeat(32_769));
        assert_eq!(refused, Err(ScanError::DocumentTooLong { bytes: 32_769, most: 32_768 }));
    }

    #[test]
    fn names_the_argument_that_holds_nul() {
        let document =
            "mutation M {\n labelCreate(input: {color: \"x\", name: \"a\\u0000\"}) { label }\n}";
        assert_eq!(
            nul(document),
            ("labelCreate.input.name".to_owned(), Pos { line: 2, column: 40 })
        );
        let (path, _) = nul("{ a(items: [{ b: \"\" }, \"\"\"\0\"\"\"]) }");
        assert_eq!(path, "a.items");
        let (path, _) = nul("query Q($v: String = \"\\u0000\") { a }");
        assert_eq!(path, "a string of the document");
        assert_eq!(check_document("{ a(b: \"\\\\u0000\", c: \"\"\"\\u0000\"\"\") }"), Ok(()));
    }

    #[test]
    fn positions_count_lines_of_all_endings() {
        let at = |document: &str| match check_document(document) {
            Err(ScanError::Unterminated(position)) => (position.line, position.column),
            other => panic!("{other:?}"),
        };
        assert_eq!(at("\""), (1, 1));
        assert_eq!(at("é \""), (1, 3));
        assert_eq!(at("a\r\nb\nc\rd \""), (4, 3));
    }

    #[test]
    fn checks_variables_at_any_place() {
        let variables = |json: serde_json::Value| Variables::from_json(json);
        let input =
            serde_json::json!({ "input": { "items": [{ "name": "a" }, { "name": "\0" }] } });
        let refused = check_variables(&variables(input)).unwrap_err();
        let message = "variables.input.items[1].name must not contain the character NUL (U+0000)";
        assert_eq!(refused.to_string(), message);

        let nested = |depth: usize| {
            let lists =
                (0..depth).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
            check_variables(&variables(serde_json::json!({ "a": lists })))
        };
        assert_eq!(nested(VARIABLES_DEPTH - 1), Ok(()));
        assert!(matches!(nested(VARIABLES_DEPTH), Err(ScanError::VariablesTooDeep { .. })));
    }

    #[test]
    fn tokens_are_counted() {
        let limits = Limits { document_tokens: 20, ..Limits::default() };
        let check = |document: &str| super::check_document(document, &limits);
        // Six marks, three names, a string and a number; comments and commas are none.
        let some = "{ a(b: -1.5e+3, c: \"é {\") } # x y z\n";
        assert_eq!(check(some), Ok(()));
        assert_eq!(check(&format!("{some} ...f @ ! $v = | &")), Ok(()));
        let refused = check(&format!("{some} ...f @ ! $v = | & w"));
        assert!(matches!(refused, Err(ScanError::TooManyTokens { most: 20, .. })), "{refused:?}");
        assert_eq!(check(&" ,\n".repeat(100)), Ok(()));
    }

    #[test]
    fn checks_the_name_of_the_operation() {
        let refused = check_name(Some("a\0")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "operationName must not contain the character NUL (U+0000)"
        );
    }

    /// A small generator of numbers (xorshift), so that every run sees the same documents.
    struct Dice(u64);

    impl Dice {
        /// A number from 0 on and below `sides`.
        fn roll(&mut self, sides: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % 1_000_003).unwrap() % sides
        }
    }

    /// A value nested `depth` deep.
    fn value(dice: &mut Dice, depth: usize) -> String {
        let leaves = [
            "\"[[{(\"",
            "\"\\\"[\"",
            "\"\"",
            "\"\"\"[ \" \"\" {\n \\\"\"\" #\"\"\"",
            "\"# é\"",
            "E",
        ];
        if depth == 0 {
            return leaves[dice.roll(leaves.len())].to_owned();
        }
        let mut items = vec![value(dice, depth - 1)];
        for _ in 0..dice.roll(3) {
            items.push(value(dice, (depth - 1).min(1)));
        }
        match dice.roll(2) {
            0 => format!("[{}]", items.join(", ")),
            _ => {
                let fields =
                    items.iter().enumerate().map(|(index, item)| format!("k{index}: {item}"));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(" # }]\n "))
            }
        }
    }

    #[test]
    fn agrees_with_a_generator_and_with_the_parser() {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for round in 0..400 {
            let depth = round % 40;
            let document = format!("query {{ a(b: {}) {{ c }} }}", value(&mut dice, depth));
            // The selection and the argument list around the value take two of the places.
            if depth + 2 <= DOCUMENT_DEPTH {
                assert_eq!(check_document(&document), Ok(()), "{document}");
                assert!(async_graphql::parser::parse_query(&document).is_ok(), "{document}");
            } else {
                let answer = check_document(&document);
                assert!(matches!(answer, Err(ScanError::DocumentTooDeep(_))), "{document}");
            }
        }
    }

    #[test]
    fn takes_or_refuses_any_text() {
        let parts = [
            "\"", "\"\"\"", "\\", "{", "}", "[", "]", "(", ")", "#", "\n", "\r", "é", "a",
            "\\u0000", "\0",
        ];
        let mut dice = Dice(42);
        for _ in 0..5_000 {
            let length = dice.roll(40);
            let text: String = (0..length).map(|_| parts[dice.roll(parts.len())]).collect();
            // What the parser takes, the gate may refuse for its depth and for NUL only.
            if let Err(ScanError::Unterminated(_)) = check_document(&text) {
                assert!(async_graphql::parser::parse_query(&text).is_err(), "{text:?}");
            }
        }
    }
}
