//! What can go wrong with a mailbox, by what the caller does about it.

use std::fmt;
use std::io;

use tokio_rustls::rustls;

use super::guard::Breach;

/// Longest piece of a server's text in an error, in characters.
const MAX_TEXT: usize = 200;

/// What the caller does about a [`MailboxError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Try again with growing pauses.
    Retry,
    /// The same, but the mailbox does not count as failing: the server asked for patience.
    Wait,
    /// Try again once an hour at most, lest the account is locked.
    RetryHourly,
    /// Only a person can mend it; try again rarely.
    NeedsPerson,
}

/// A mailbox could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The network, the server or its answer failed.
    #[error("{0}; it is tried again later")]
    Retry(Failure),
    /// The server is there but busy (`[UNAVAILABLE]`, `[LIMIT]`, `[INUSE]`; RFC 5530).
    #[error("{0}; it is tried again later")]
    Busy(Failure),
    /// User, password or token was refused.
    #[error("{0}; check user and password or token, it is tried again in an hour")]
    LoginRefused(Failure),
    /// The token can't be renewed, or was refused although it was new; a person must authorise us anew.
    #[error("{0}")]
    NeedsAuthorisation(Failure),
    /// A person must act; the text says how.
    #[error("{0}")]
    NeedsPerson(Failure),
    /// An earlier call failed; the session must be thrown away.
    #[error("{0}: this session has failed before; connect again")]
    Spent(String),
}

impl MailboxError {
    /// What to do about it.
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Retry(_) | Self::Spent(_) => Reaction::Retry,
            Self::Busy(_) => Reaction::Wait,
            Self::LoginRefused(_) | Self::NeedsAuthorisation(_) => Reaction::RetryHourly,
            Self::NeedsPerson(_) => Reaction::NeedsPerson,
        }
    }

    /// The text for a person who tries it: nothing is tried again but by that person.
    pub fn once(&self) -> String {
        once(self.to_string())
    }
}

/// What the daemon says of an error, for a person who tries it by hand.
pub fn once(text: String) -> String {
    let endings = [
        (
            "check user and password or token, it is tried again in an hour",
            "check user and password or token, then try again",
        ),
        ("it is tried again in an hour", "then try again"),
        ("it is tried again later", "try again later"),
    ];
    let ending = endings
        .into_iter()
        .find_map(|(daemons, ours)| Some((text.strip_suffix(daemons)?, ours)));
    match ending {
        Some((start, ours)) => format!("{start}{ours}"),
        None => text,
    }
}

/// Which server, in which step, and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `host:port`.
    pub server: String,
    /// What was being done, such as `login`.
    pub step: String,
    /// What happened, such as `timed out after 20 s`.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.server, self.step, self.what)
    }
}

/// Makes errors for one server and step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) server: &'a str,
    pub(super) step: &'a str,
}

impl Place<'_> {
    fn failure(self, what: impl Into<String>) -> Failure {
        Failure {
            server: self.server.to_owned(),
            step: self.step.to_owned(),
            what: what.into(),
        }
    }

    pub(super) fn retry(self, what: impl Into<String>) -> MailboxError {
        MailboxError::Retry(self.failure(what))
    }

    pub(super) fn person(self, what: impl Into<String>) -> MailboxError {
        MailboxError::NeedsPerson(self.failure(what))
    }

    pub(super) fn needs_authorisation(self, what: impl Into<String>) -> MailboxError {
        MailboxError::NeedsAuthorisation(self.failure(what))
    }

    pub(super) fn login_refused(self, what: impl Into<String>) -> MailboxError {
        MailboxError::LoginRefused(self.failure(what))
    }

    pub(super) fn timed_out(self, limit: std::time::Duration) -> MailboxError {
        self.retry(format!("timed out after {} s", limit.as_secs_f32()))
    }

    /// The server answered NO, BAD or BYE with this text.
    pub(super) fn refused(self, text: &str) -> MailboxError {
        let failure = self.failure(format!("refused: {}", shown(text)));
        if text.to_ascii_uppercase().contains("[NOPERM]") {
            self.person(format!(
                "refused: {}; give the user this right on the server",
                shown(text)
            ))
        } else if asks_for_patience(text) {
            MailboxError::Busy(failure)
        } else {
            MailboxError::Retry(failure)
        }
    }

    /// Reading or writing failed; `bye` is the server's farewell, if it sent one.
    pub(super) fn io(self, error: &io::Error, bye: Option<&str>) -> MailboxError {
        bye.map_or_else(
            || self.retry(format!("failed: {}", explain(error))),
            |text| self.refused(text),
        )
    }

    /// The stream ended.
    pub(super) fn lost(self, bye: Option<&str>) -> MailboxError {
        bye.map_or_else(
            || self.retry("failed: the server closed the connection"),
            |text| self.refused(text),
        )
    }
}

/// RFC 5530 codes, and the words of servers that have no code for it.
fn asks_for_patience(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    // Exchange says "Request is throttled. Suggested Backoff Time: 89117 milliseconds".
    ["[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "THROTTLED", "TOO MANY"]
        .iter()
        .any(|word| text.contains(word))
}

pub(super) fn explain(error: &io::Error) -> String {
    if let Some(inner) = error.get_ref() {
        if let Some(breach) = inner.downcast_ref::<Breach>() {
            return breach.to_string();
        }
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return format!("TLS: {}", shown(&tls.to_string()));
        }
        if error.kind() == io::ErrorKind::Other {
            // async-imap puts the whole input into its text: mails, perhaps secrets.
            return "the server sent an answer that can't be understood".to_owned();
        }
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "the server closed the connection".to_owned(),
        _ => shown(&error.to_string()),
    }
}

/// A stranger's text as it may stand in an error: control and direction characters escaped, cut.
pub(super) fn shown(text: &str) -> String {
    let mut result = String::new();
    for (n_chars, c) in text.trim().trim_end_matches('.').chars().enumerate() {
        if n_chars == MAX_TEXT {
            result.push('…');
            break;
        }
        if c.is_control() || is_invisible(c) {
            result.extend(c.escape_unicode());
        } else {
            result.push(c);
        }
    }
    result
}

/// Characters that change the direction of text or can't be seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        server: "imap.example.org:993",
        step: "login",
    };

    #[test]
    fn text_of_a_server_is_cut_to_200_characters() {
        assert_eq!(shown(&"ä".repeat(5000)).chars().count(), 201);
    }

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(shown("a\x1b[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
    }

    #[test]
    fn unavailable_limit_inuse_and_throttled_do_not_count_as_failing() {
        for text in [
            "[UNAVAILABLE] later",
            "[limit] no",
            "[INUSE]",
            "Request is throttled. Suggested Backoff Time: 89117 milliseconds",
        ] {
            assert_eq!(PLACE.refused(text).reaction(), Reaction::Wait, "{text}");
        }
    }

    #[test]
    fn parse_error_of_async_imap_never_shows_its_input() {
        let error = io::Error::other("Error during parsing of \"secret mail\"");
        let shown = PLACE.io(&error, None).to_string();
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn error_names_server_step_and_next_step() {
        insta::assert_snapshot!(
            PLACE.refused("[SERVERBUG] oops"),
            @"imap.example.org:993: login refused: [SERVERBUG] oops; it is tried again later"
        );
    }

    #[test]
    fn who_tries_it_by_hand_is_not_told_that_it_is_tried_again() {
        let failure = PLACE.failure("refused: no");
        for (error, expected) in [
            (
                MailboxError::LoginRefused(failure.clone()),
                "imap.example.org:993: login refused: no; check user and password or token, then try again",
            ),
            (
                MailboxError::Busy(failure.clone()),
                "imap.example.org:993: login refused: no; try again later",
            ),
            (
                PLACE
                    .needs_authorisation("refused: no; authorise tlsrptd anew; it is tried again in an hour"),
                "imap.example.org:993: login refused: no; authorise tlsrptd anew; then try again",
            ),
            (
                MailboxError::NeedsPerson(failure),
                "imap.example.org:993: login refused: no",
            ),
        ] {
            assert_eq!(error.once(), expected);
        }
    }
}
