//! Errors of the configuration: exit code 2.

use std::path::PathBuf;

/// What is wrong with the configuration; a person must mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("cannot read the configuration {path}: {source}; give another with --config FILE")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not; its text is part of the message.
        source: std::io::Error,
    },
    /// No file was named and none stands at the usual places.
    #[error(
        "there is no configuration: neither --config, $TLSRPTD_CONFIG, ./tlsrptd.toml nor /etc/tlsrptd/config.toml; \
         copy config.example.toml to one of them"
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
    let secret = line.trim_start().starts_with("password");
    let (line, message) = if secret {
        let key = line.split('=').next().unwrap_or_default().trim();
        (format!("{key} = ..."), hide(error.message()))
    } else {
        (line.to_owned(), error.message().to_owned())
    };
    let nearest = nearest_key(&message).map_or(String::new(), |key| format!("; did you mean `{key}`?"));
    let margin = " ".repeat(number.to_string().len());
    let caret = " ".repeat(if secret { 0 } else { column });
    ConfigError::Syntax(format!(
        "{name}, line {number}: {message}{nearest}\n{margin} |\n{number} | {line}\n{margin} | {caret}^"
    ))
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
