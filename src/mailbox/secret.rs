//! The password or token for a login, and a second token where the first is refused.

use std::time::Duration;

use async_imap::Session;
use secrecy::SecretString;

use crate::config::{LoginSource, MailboxConfig, OAuth2Config, SecretSource};
use crate::oauth::{self, OAuthError, Token};

use super::connect::{self, Stream};
use super::error::Place;
use super::{MailboxError, auth};

/// Connects and logs in; `limit` holds for each step.
pub(super) async fn log_in(
    config: &MailboxConfig,
    server: &str,
    limit: Duration,
) -> Result<Session<Stream>, MailboxError> {
    let place = Place {
        server,
        step: "password",
    };
    let source = config
        .secret()
        .map_err(|error| place.person(format!("is not configured: {error}")))?;
    match source {
        LoginSource::Secret(source) => {
            let secret = read(&source, place).await?;
            with(config, server, &secret, limit).await
        }
        LoginSource::OAuth2(section) => by_token(config, server, &section, limit).await,
    }
}

async fn read(source: &SecretSource, place: Place<'_>) -> Result<SecretString, MailboxError> {
    let secret = source.read().await;
    secret.map_err(|error| place.person(format!("can't be had: {error}")))
}

async fn with(
    config: &MailboxConfig,
    server: &str,
    secret: &SecretString,
    limit: Duration,
) -> Result<Session<Stream>, MailboxError> {
    let client = connect::open(config, server, limit).await?;
    auth::login(client, config, server, secret, limit).await
}

/// A token that was kept may have been revoked or have expired early, so its refusal brings a new one, once.
async fn by_token(
    config: &MailboxConfig,
    server: &str,
    section: &OAuth2Config,
    limit: Duration,
) -> Result<Session<Stream>, MailboxError> {
    loop {
        let token = token(section, server, limit).await?;
        let failure = match with(config, server, &token.secret, limit).await {
            Err(MailboxError::LoginRefused(failure)) => failure,
            other => return other,
        };
        // At most one more round: the next token is new.
        if !oauth::is_worth_another(section, server, &token) {
            let place = Place {
                server,
                step: &failure.step,
            };
            let hint = oauth::refused_although_new(section);
            return Err(place.needs_authorisation(format!("{}; {hint}", failure.what)));
        }
        tracing::info!(server, "the token was refused, another is fetched");
    }
}

async fn token(section: &OAuth2Config, server: &str, limit: Duration) -> Result<Token, MailboxError> {
    let place = Place {
        server,
        step: "token",
    };
    oauth::token(section, limit).await.map_err(|error| match &error {
        OAuthError::Later(what) => place.retry(format!("can't be had: {what}")),
        OAuthError::Refused(_) => place.needs_authorisation(error.to_string()),
        OAuthError::Ours(_) => place.person(error.to_string()),
    })
}
