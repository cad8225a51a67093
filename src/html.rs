//! Text as it has to stand in HTML.

/// The text with what HTML could take for its own written out, within elements and within
/// quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_html_could_take_for_its_own() {
        assert_eq!(
            escape("<a href=\"x\">Tom & 'Ärger'</a>"),
            "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Ärger&#39;&lt;/a&gt;"
        );
    }
}
