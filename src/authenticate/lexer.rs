//! Comments and quoted strings (RFC 5322, Section 3.2), in which nothing else may be looked for.

/// Deepest nesting of comments.
const MAX_DEPTH: u32 = 16;
/// Around what stood in a quoted string, in place of the quotes; never in the text itself.
pub(super) const QUOTE: (char, char) = ('\u{1}', '\u{2}');

/// The text with a blank in place of each comment, quoted strings marked by [`QUOTE`] and their escapes undone. `None`
/// if one isn't closed, is nested too deeply, or a mark stands in the text.
pub(super) fn without_comments(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    let mut depth = 0_u32;
    let mut is_quoted = false;
    while let Some(char) = chars.next() {
        if char == QUOTE.0 || char == QUOTE.1 {
            return None;
        }
        match char {
            '\\' if depth > 0 => {
                chars.next()?;
            }
            '\\' if is_quoted => {
                let escaped = chars.next()?;
                if escaped == QUOTE.0 || escaped == QUOTE.1 {
                    return None;
                }
                out.push(escaped);
            }
            '"' if is_quoted => {
                is_quoted = false;
                out.push(QUOTE.1);
            }
            _ if is_quoted => out.push(char),
            '(' => {
                depth = depth.checked_add(1).filter(|depth| *depth <= MAX_DEPTH)?;
                out.push(' ');
            }
            ')' if depth > 0 => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '"' => {
                is_quoted = true;
                out.push(QUOTE.0);
            }
            _ => out.push(char),
        }
    }
    (depth == 0 && !is_quoted).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn comments_go_and_quotes_stay_apart() {
        for (text, expected) in [
            ("a (b) c", Some("a   c")),
            ("a (b (c) \\) d) e", Some("a    e")),
            ("\"a (b)\" c", Some("\u{1}a (b)\u{2} c")),
            ("(\"a) b", Some("  b")),
            ("\"a\\\"b\"", Some("\u{1}a\"b\u{2}")),
            ("a) b", Some("a) b")),
            ("(a", None),
            ("\"a", None),
            ("\"a\\", None),
            ("a\u{1}", None),
            ("\"\\\u{2}\"", None),
        ] {
            assert_eq!(without_comments(text).as_deref(), expected, "{text:?}");
        }
        assert!(without_comments(&format!("{}{}", "(".repeat(16), ")".repeat(16))).is_some());
        assert!(without_comments(&format!("{}{}", "(".repeat(17), ")".repeat(17))).is_none());
    }
}
