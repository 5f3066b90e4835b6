//! Errors of the configuration: exit code 2.

use std::path::PathBuf;

/// What is wrong with the configuration; a person must mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("cannot read the configuration {path}: {cause}; {}", way_to_one(cause))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not; its text is part of the message.
        cause: std::io::Error,
    },
    /// No file was named and none stands at the usual places.
    #[error(
        "there is no configuration: neither --config, $TLSRPTD_CONFIG, ./tlsrptd.toml nor /etc/tlsrptd/config.toml; \
         run tlsrptd init, which writes one"
    )]
    Missing,
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{0}")]
    Syntax(String),
    /// A value out of range, or one that doesn't go with another.
    #[error("{place}: {problem}")]
    Value {
        /// The section.
        place: String,
        /// What is wrong and the way out.
        problem: String,
    },
}

impl ConfigError {
    pub(super) fn value(place: &str, problem: impl Into<String>) -> Self {
        Self::Value {
            place: place.to_owned(),
            problem: problem.into(),
        }
    }
}

/// How to come by a configuration that can be read.
fn way_to_one(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "run this as root or as the user of the service, or give another with --config FILE"
        }
        std::io::ErrorKind::NotFound => {
            "give another with --config FILE, or run tlsrptd init, which writes one"
        }
        _ => "give another with --config FILE",
    }
}

/// The toml crate's error with file, line, caret and the nearest known key, but never a secret's value.
pub(super) fn explain(name: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start);
    let before = text.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
    let number = before.matches('\n').count().saturating_add(1);
    let line = text
        .get(line_start..)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let column = text.get(line_start..offset).unwrap_or_default().chars().count();
    let secret = may_be_secret(text, line);
    let message = if secret {
        hide(error.message())
    } else {
        in_words(line, error.message())
    };
    let nearest = nearest_key(&message).map_or(String::new(), |key| format!("; did you mean `{key}`?"));
    // An unknown key may be a misspelt password.
    let (line, column) = if secret || message.starts_with("unknown field") {
        without_value(line, column)
    } else {
        (line.to_owned(), column)
    };
    let margin = " ".repeat(number.to_string().len());
    let caret = " ".repeat(column);
    ConfigError::Syntax(format!(
        "{name}, line {number}: {message}{nearest}\n{margin} |\n{number} | {line}\n{margin} | {caret}^"
    ))
}

/// Whether the line may show a secret: by its words, or as part of a text of several lines.
fn may_be_secret(text: &str, line: &str) -> bool {
    let line = line.to_lowercase();
    let words = ["pas", "pw", "secret", "token", "url"];
    words.iter().any(|word| line.contains(word)) || text.contains("\"\"\"") || text.contains("'''")
}

/// The line up to its `=`, and where the caret stands under it.
fn without_value(line: &str, column: usize) -> (String, usize) {
    match line.split_once('=') {
        Some((key, _)) => {
            let within = column < key.chars().count();
            (format!("{key}= ..."), if within { column } else { 0 })
        }
        None if line.trim_start().starts_with('[') => (line.to_owned(), column),
        None => ("...".to_owned(), 0),
    }
}

/// The message with the way out.
fn in_words(line: &str, message: &str) -> String {
    if message.contains("\"friendly\" duration") {
        return "not a span of time; write for example \"15m\" or \"1h 30m\"".to_owned();
    }
    let is_time = line.split('=').next().is_some_and(|key| key.trim() == "at");
    if is_time && message != "duplicate key" {
        return "not a time of day; write HH:MM, such as \"07:00\"".to_owned();
    }
    let way_out = if message.starts_with("unknown variant") {
        "; choose one of these"
    } else if message == "duplicate key" {
        "; keep one of the two"
    } else if message.contains("values must be quoted") || message.ends_with("expected a string") {
        "; write it in quotes"
    } else if message.ends_with("expected a boolean") {
        "; write true or false, without quotes"
    } else if message == "invalid type: map, expected a sequence" {
        "; write the name in double brackets, as in [[mailbox]]"
    } else if message.ends_with("expected a sequence") {
        "; write a list, as in [\"one\", \"two\"]"
    } else if message.starts_with("invalid value: integer") {
        "; the number is out of range, see config.example.toml"
    } else if message.starts_with("invalid type") {
        "; see config.example.toml"
    } else {
        ""
    };
    format!("{message}{way_out}")
}

/// serde quotes a value of the wrong type; a secret's must not be shown.
fn hide(message: &str) -> String {
    if message.starts_with("unknown field") || message.starts_with("duplicate key") {
        message.to_owned()
    } else {
        "not a valid value for this key; write the text in quotes".to_owned()
    }
}

/// The known key nearest to the unknown one; both stand in the message between backticks.
fn nearest_key(message: &str) -> Option<&str> {
    let mut quoted = message
        .strip_prefix("unknown field ")?
        .split('`')
        .skip(1)
        .step_by(2);
    let unknown = quoted.next()?;
    quoted
        .map(|key| (strsim::jaro_winkler(unknown, key), key))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, key)| key)
}
