//! The commented configuration: config.example.toml with values put in.

/// The same file that users copy by hand.
const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// What stands at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The header, as in `[[mailbox]]`.
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    /// As TOML; `None` leaves the key out, as a comment.
    pub(super) value: Option<String>,
}

/// The example with these values; sections in `left_out` become comments. `None` if the example lacks one of the keys.
pub(super) fn fill(settings: &[Setting], left_out: &[&str]) -> Option<String> {
    let mut text = String::new();
    let mut section = "";
    let mut n_filled = 0_usize;
    for line in EXAMPLE.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let is_out = left_out.contains(&section);
        let setting = key(line).and_then(|key| {
            settings
                .iter()
                .find(|setting| setting.section == section && setting.key == key)
        });
        n_filled = n_filled.saturating_add(usize::from(setting.is_some()));
        let is_comment = line.is_empty() || line.starts_with('#');
        match setting.map(|setting| (setting.key, &setting.value)) {
            Some((key, Some(value))) => text.extend([key, " = ", value]),
            Some((_, None)) if !is_comment => text.extend(["# ", line]),
            None if is_out && !is_comment => text.extend(["# ", line]),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    (n_filled == settings.len()).then_some(text)
}

/// The key of `key = 1` or, commented out, `# key = 1`.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix("# ").unwrap_or(line).split_once(" = ")?;
    let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    key.chars().all(is_key).then_some(key)
}

/// A TOML string; JSON's are such.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A TOML list of strings.
pub(super) fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_to_fill_in_gives_the_example() {
        assert_eq!(fill(&[], &[]).unwrap(), EXAMPLE);
    }

    #[test]
    fn a_key_that_the_example_lacks_is_noticed() {
        let setting = Setting {
            section: "[smtp]",
            key: "colour",
            value: None,
        };
        assert_eq!(fill(&[setting], &[]), None);
    }

    #[test]
    fn a_section_left_out_is_a_comment_and_its_comments_stay() {
        let text = fill(&[], &["[[oauth2]]"]).unwrap();
        assert!(text.contains("\n# [[oauth2]]\n"), "{text}");
        assert!(text.contains("\n# client_id = \"\"\n"), "{text}");
        assert!(!text.contains("# # "), "{text}");
    }

    proptest! {
        #[test]
        fn any_text_without_control_characters_comes_back_from_toml(text in "\\PC*") {
            let table: toml::Table = toml::from_str(&format!("key = {}", quoted(&text))).unwrap();
            prop_assert_eq!(table["key"].as_str().unwrap(), text);
        }
    }
}
