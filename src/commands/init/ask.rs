//! Questions on a terminal, or their answers from flags.

use std::io::{BufRead, IsTerminal, Read, Write};

use secrecy::SecretString;

use crate::config::ConfigError;

/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 4096;

/// Something to be known: by a flag, by a question, or by its default.
pub(super) struct Question<'a> {
    /// What is asked, without a colon.
    pub(super) text: &'a str,
    /// The flag that answers it, without its dashes.
    pub(super) flag: &'a str,
    /// The flag's value.
    pub(super) given: Option<&'a str>,
    /// What an empty answer means.
    pub(super) default: Option<&'a str>,
}

/// Asks, or doesn't.
pub(super) struct Asker {
    asks: bool,
}

impl Asker {
    /// Asks only on a terminal, and not with `--yes`.
    pub(super) fn new(yes: bool) -> Self {
        let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        Self {
            asks: is_terminal && !yes,
        }
    }

    /// Whether there is somebody to ask.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// The answer, once `read` takes it; a person may try again.
    pub(super) fn answer<T>(
        &self,
        question: &Question<'_>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        if let Some(given) = question.given {
            return read(given).map_err(|problem| wrong(&format!("--{} {problem}", question.flag)));
        }
        if !self.asks {
            let missing = || {
                wrong(&format!(
                    "--{} is missing; give it, or run this in a terminal, which asks",
                    question.flag
                ))
            };
            return read(question.default.ok_or_else(missing)?).map_err(|problem| wrong(&problem));
        }
        loop {
            let shown = question
                .default
                .map_or_else(String::new, |default| format!(" [{default}]"));
            let typed = line(&format!("{}{shown}: ", question.text))?;
            let answer = if typed.is_empty() {
                question.default.unwrap_or_default()
            } else {
                &typed
            };
            match read(answer) {
                Ok(value) => return Ok(value),
                Err(problem) => say(&format!("  {problem}"))?,
            }
        }
    }

    /// Yes or no; without a person, `default`.
    pub(super) fn confirm(&self, text: &str, default: bool) -> anyhow::Result<bool> {
        if !self.asks {
            return Ok(default);
        }
        let shown = if default { "Y/n" } else { "y/N" };
        loop {
            match line(&format!("{text} [{shown}]: "))?.to_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => say("  please answer y or n")?,
            }
        }
    }

    /// A secret, which the terminal doesn't show.
    pub(super) fn secret(&self, text: &str, flags: &str) -> anyhow::Result<SecretString> {
        if !self.asks {
            return Err(wrong(&format!(
                "there is no password; give {flags}, or run this in a terminal, which asks"
            )));
        }
        loop {
            let typed = rpassword::prompt_password(format!("{text} (not shown): "))?;
            if !typed.is_empty() && !typed.contains(char::is_control) {
                return Ok(typed.into());
            }
            say("  it is empty or has control characters")?;
        }
    }
}

/// The first line of standard input, for `--password-stdin`.
pub(super) fn secret_from_stdin() -> anyhow::Result<SecretString> {
    let typed = stdin_line()?.unwrap_or_default();
    if typed.is_empty() || typed.contains(char::is_control) {
        return Err(wrong(
            "--password-stdin: the first line of standard input is empty or has control characters; write the \
             password into it",
        ));
    }
    Ok(typed.into())
}

/// Wrong usage: exit status 2.
pub(super) fn wrong(problem: &str) -> anyhow::Error {
    ConfigError::Value {
        place: "init".to_owned(),
        problem: problem.to_owned(),
    }
    .into()
}

/// A line for a person.
pub(super) fn say(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

fn line(prompt: &str) -> anyhow::Result<String> {
    let mut out = std::io::stdout().lock();
    write!(out, "{prompt}")?;
    out.flush()?;
    let ended = || anyhow::anyhow!("standard input has ended; nothing more was written");
    stdin_line()?
        .map(|typed| typed.trim().to_owned())
        .ok_or_else(ended)
}

fn stdin_line() -> std::io::Result<Option<String>> {
    let mut text = String::new();
    let n_read = std::io::stdin().lock().take(MAX_ANSWER).read_line(&mut text)?;
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    Ok((n_read > 0).then_some(text))
}
