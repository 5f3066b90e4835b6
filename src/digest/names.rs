//! Strangers' texts made fit to print: bounded, without control and direction characters; short names of reporters.

/// Longest name of a host, domain or organisation in the digest, in characters.
pub const NAME_CHARS: usize = 60;
/// Longest reason or error in the digest, in characters.
pub const REASON_CHARS: usize = 120;

/// `text` in at most `max_chars` characters, with characters that could forge or hide output shown as escapes.
///
/// A text that is cut ends in `...`.
pub fn clean(text: &str, max_chars: usize) -> String {
    let text = text.trim();
    // Nearly every name.
    if text.len() <= max_chars && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut cleaned = String::new();
    let mut n_chars = 0_usize;
    // One character more than fits shows that something is left out.
    for piece in text.chars().take(max_chars.saturating_add(1)).map(shown) {
        let length = piece.chars().count();
        n_chars = n_chars.saturating_add(length);
        if n_chars > max_chars {
            return format!("{}...", cut(&cleaned, max_chars.saturating_sub(3)));
        }
        cleaned.push_str(&piece);
    }
    cleaned
}

fn shown(c: char) -> String {
    if is_unsafe(c) {
        c.escape_default().to_string()
    } else if c.is_whitespace() {
        " ".to_owned()
    } else {
        c.to_string()
    }
}

fn cut(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}

/// Whether a character moves, hides or reorders what stands around it instead of showing itself.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The text with the characters of [`is_unsafe`] as JSON's `\u` escapes, but for tabs and line ends.
///
/// In JSON such characters stand within strings only, so a JSON text stays the same document.
pub fn json_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_line_end = c == '\n' || (c == '\r' && chars.peek() == Some(&'\n'));
        if is_unsafe(c) && !is_line_end && c != '\t' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped.extend(["\\u", &format!("{unit:04x}")]);
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A host or domain name for prose.
pub fn host(text: &str) -> String {
    clean(text, NAME_CHARS)
}

/// The name if a command may hold it: a host name of letters, digits, dots and hyphens that no program takes for an
/// option.
pub fn checked_host(text: &str) -> Option<&str> {
    let labels_are_sound = text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    (text.len() <= 253 && labels_are_sound).then_some(text)
}

/// What a reporter is called in prose: a well-known short name, else its domain, else its organization-name in
/// quotes, for that may say anything.
pub fn reporter(submitter: &str, organization_name: &str) -> String {
    match submitter {
        "google.com" | "1e100.net" => "Google".to_owned(),
        "microsoft.com" => "Microsoft".to_owned(),
        "mail.ru" | "corp.mail.ru" => "Mail.ru".to_owned(),
        "socketlabs.com" => "SocketLabs".to_owned(),
        "" if organization_name.trim().is_empty() => "a reporter without a name".to_owned(),
        "" => quoted(organization_name, NAME_CHARS),
        other if checked_host(other).is_some() => host(other),
        other => quoted(other, NAME_CHARS),
    }
}

/// A stranger's text in quotes.
pub fn quoted(text: &str, max_chars: usize) -> String {
    format!("\"{}\"", clean(text, max_chars).replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_reporters_have_short_names() {
        assert_eq!(reporter("google.com", "Google Inc."), "Google");
        assert_eq!(reporter("corp.mail.ru", "Mail.ru"), "Mail.ru");
        assert_eq!(reporter("post.example.net", "Example Post"), "post.example.net");
    }

    #[test]
    fn reporter_without_domain_is_shown_by_its_quoted_organisation() {
        assert_eq!(reporter("", "Acme \"Mail\"\u{202e}"), "\"Acme 'Mail'\\u{202e}\"");
        assert_eq!(reporter("", " "), "a reporter without a name");
    }

    #[test]
    fn control_and_direction_characters_are_shown() {
        assert_eq!(
            clean("a\u{1b}[31mb\r\nc\u{202e}d", 60),
            "a\\u{1b}[31mb\\r\\nc\\u{202e}d"
        );
    }

    #[test]
    fn escaped_json_is_the_same_document() {
        let json = "{\n\t\"a\": \"\u{9b}\u{202e}\u{e0041}\u{7f}\"\r\n}";
        let escaped = json_escaped(json);
        assert_eq!(
            escaped,
            "{\n\t\"a\": \"\\u009b\\u202e\\udb40\\udc41\\u007f\"\r\n}"
        );
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&escaped), value(json));
        assert_eq!(json_escaped("a\rb"), "a\\u000db");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(clean("abcdefghij", 8), "abcde...");
        assert_eq!(clean("abcdefgh", 8), "abcdefgh");
    }

    #[test]
    fn only_plain_host_names_reach_commands() {
        for good in ["mx1.example.com", "xn--bcher-kva.example", "a"] {
            assert_eq!(checked_host(good), Some(good));
        }
        for bad in [
            "",
            "-f.example",
            "a..b",
            "mx1;reboot",
            "$(x)",
            "a b",
            "MX1.example.com",
            "mx_1.example",
            "a.example.",
            "*.example.com",
        ] {
            assert_eq!(checked_host(bad), None, "{bad}");
        }
        assert_eq!(checked_host(&"a.".repeat(200)), None);
    }

    #[test]
    fn printable_ascii_stays_as_it_is() {
        let all: String = (' '..='~').collect();
        assert_eq!(clean(&format!(" {all}\n"), 200), all.trim());
        assert_eq!(clean("a\tb", 60), "a\\tb");
        assert_eq!(clean("a\u{7f}b", 60), "a\\u{7f}b");
    }

    proptest! {
        #[test]
        fn cleaned_text_is_bounded_and_safe(text: String, max in 3_usize..130) {
            let cleaned = clean(&text, max);
            prop_assert!(cleaned.chars().count() <= max);
            prop_assert!(!cleaned.chars().any(is_unsafe));
        }
    }
}
