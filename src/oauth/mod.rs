//! OAuth 2 access tokens for IMAP and SMTP: fetched, kept while they last, and fetched anew when refused.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use crate::config::{OAuth2Config, Remembered};

mod endpoint;
mod refresh;

/// What an error says, and `status` looks for, when a person must authorise us anew.
pub const NEEDS_AUTHORISATION: &str = "needs new authorisation";

/// An endpoint that refused us, or a mail server that refused a new token, is left alone for so long.
const REFUSED_PAUSE: Duration = Duration::from_hours(1);
/// A token is given up so long before it expires, or a fifth of its life where that is less.
const MARGIN: Duration = Duration::from_mins(5);
/// Life of a token of which the endpoint does not say how long it lives.
const UNTOLD_LIFE: Duration = Duration::from_mins(10);
/// Longest time that a token is kept, whatever the endpoint says.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// Why there is no token. The texts follow the word "token".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The endpoint can't be reached, or makes no sense; it may work later.
    #[error("can't be had: {0}; it is tried again later")]
    Later(String),
    /// The endpoint refuses us; a person must act, and it is asked again in an hour.
    #[error("{needs}: {0}; it is tried again in an hour", needs = NEEDS_AUTHORISATION)]
    Refused(String),
    /// Something of ours is missing; the text says what to do.
    #[error("can't be had: {0}")]
    Ours(String),
}

/// An access token.
#[derive(Debug)]
pub struct Token {
    /// What the mail server wants to see.
    pub secret: SecretString,
    /// Whether it was fetched just now.
    is_new: bool,
}

/// The access token of a section: the one that is kept, else a new one. `limit` bounds the whole of it.
///
/// # Errors
///
/// [`OAuthError`] names the endpoint and its answer, never a secret.
pub async fn token(section: &OAuth2Config, limit: Duration) -> Result<Token, OAuthError> {
    if let Some(known) = known(section) {
        return known;
    }
    // Not dropped with the poll that asked: the endpoint may have given a refresh token that must be kept.
    let fetching = {
        let section = section.clone();
        tokio::spawn(async move { tokio::time::timeout(limit, endpoint::fetch(&section)).await })
    };
    let fetched = match fetching.await {
        Ok(Ok(fetched)) => fetched,
        Ok(Err(_)) => Err(OAuthError::Later(format!(
            "{}: no answer within {} s; check that this machine reaches it",
            endpoint::shown(section),
            limit.as_secs_f32()
        ))),
        Err(error) => Err(OAuthError::Later(format!(
            "{}: {error}; report this, it is a bug",
            endpoint::shown(section)
        ))),
    };
    if let Err(OAuthError::Refused(answer)) = &fetched {
        memory(section).refused = Some((Instant::now(), answer.clone()));
    }
    fetched.map(|secret| Token { secret, is_new: true })
}

/// What needs no question to the endpoint.
fn known(section: &OAuth2Config) -> Option<Result<Token, OAuthError>> {
    let memory = memory(section);
    if let Some((at, answer)) = &memory.refused
        && at.elapsed() < REFUSED_PAUSE
    {
        return Some(Err(OAuthError::Refused(answer.clone())));
    }
    let (secret, until) = memory.token.as_ref()?;
    (Instant::now() < *until).then(|| {
        Ok(Token {
            secret: secret.clone(),
            is_new: false,
        })
    })
}

/// Keeps a token until shortly before it expires.
fn keep(section: &OAuth2Config, secret: SecretString, life: Option<Duration>) {
    let life = life.unwrap_or(UNTOLD_LIFE).min(LONGEST_LIFE);
    let margin = MARGIN.min(life.checked_div(5).unwrap_or_default());
    let mut memory = memory(section);
    memory.refused = None;
    memory.token = Instant::now()
        .checked_add(life.saturating_sub(margin))
        .map(|until| (secret, until));
}

/// Told that `server` refused a token. Gives whether another is worth a try: not if this one was new, and not within
/// an hour after it refused a new one.
pub fn is_worth_another(section: &OAuth2Config, server: &str, token: &Token) -> bool {
    let mut memory = memory(section);
    if token.is_new {
        memory.refused_by.insert(server.to_owned(), Instant::now());
        return false;
    }
    let at = memory.refused_by.get(server);
    if at.is_some_and(|at| at.elapsed() < REFUSED_PAUSE) {
        return false;
    }
    memory.token = None;
    true
}

/// What to say of a new token that a mail server refused, after its answer.
pub fn refused_although_new(section: &OAuth2Config) -> String {
    format!(
        "a new token changes nothing, so it {NEEDS_AUTHORISATION}: check user, and scope and rights of oauth2 {:?} \
         (docs/oauth.md); it is tried again in an hour",
        section.name
    )
}

fn memory(section: &OAuth2Config) -> MutexGuard<'_, Remembered> {
    section.memory.0.lock().unwrap_or_else(PoisonError::into_inner)
}
