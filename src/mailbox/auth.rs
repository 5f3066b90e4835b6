//! Login: LOGIN, AUTHENTICATE PLAIN (RFC 4616) and XOAUTH2.

use std::time::Duration;

use async_imap::error::Error;
use async_imap::{Authenticator, Client, Session};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::config::{AuthMethod, MailboxConfig};

use super::MailboxError;
use super::connect::Stream;
use super::error::{Place, shown};
use super::guard::{Allowance, Heard};

/// AUTHENTICATE PLAIN; carries any UTF-8 (RFC 4616).
struct Plain<'a> {
    user: &'a str,
    password: &'a SecretString,
}

impl Authenticator for Plain<'_> {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        format!("\0{}\0{}", self.user, self.password.expose_secret())
    }
}

/// AUTHENTICATE XOAUTH2, as Google and Microsoft document it.
struct Xoauth2<'a> {
    user: &'a str,
    token: &'a SecretString,
    n_asked: u32,
    /// The server's reason, JSON; it comes as a second challenge and wants an empty answer.
    reason: String,
}

impl Authenticator for &mut Xoauth2<'_> {
    type Response = String;

    fn process(&mut self, challenge: &[u8]) -> String {
        self.n_asked = self.n_asked.saturating_add(1);
        if self.n_asked == 1 {
            format!(
                "user={}\x01auth=Bearer {}\x01\x01",
                self.user,
                self.token.expose_secret()
            )
        } else {
            self.reason = String::from_utf8_lossy(challenge).into_owned();
            String::new()
        }
    }
}

/// Logs in; `limit` holds for the whole of it.
pub(super) async fn login(
    client: Client<Stream>,
    config: &MailboxConfig,
    server: &str,
    secret: &SecretString,
    limit: Duration,
) -> Result<Session<Stream>, MailboxError> {
    let place = Place {
        server,
        step: "login",
    };
    timeout(limit, run(client, config, place, secret))
        .await
        .map_err(|_| place.timed_out(limit))?
}

async fn run(
    mut client: Client<Stream>,
    config: &MailboxConfig,
    place: Place<'_>,
    secret: &SecretString,
) -> Result<Session<Stream>, MailboxError> {
    // Asked anew after TLS: what was said before it counts for nothing.
    client.get_mut().begin(Allowance::default());
    if let Err(error) = client.run_command_and_check_ok("CAPABILITY", None).await {
        let place = Place {
            step: "capabilities",
            ..place
        };
        let heard = client.get_ref().heard();
        return Err(match error {
            // The password has no part in it.
            Error::No(_) | Error::Bad(_) => place.refused(&heard.tagged),
            error => failed(place, &error, heard, ""),
        });
    }
    let capabilities = client.get_ref().heard().capabilities.clone();
    let has = |name: &str| capabilities.iter().any(|word| word == name);
    client.get_mut().begin(Allowance::default());
    let user = config.user.as_str();
    if config.auth == AuthMethod::Xoauth2 {
        if !has("AUTH=XOAUTH2") {
            return Err(place.person(
                "failed: the server does not offer XOAUTH2; set auth = \"password\" or ask its operator",
            ));
        }
        let mut xoauth2 = Xoauth2 {
            user,
            token: secret,
            n_asked: 0,
            reason: String::new(),
        };
        let result = client.authenticate("XOAUTH2", &mut xoauth2).await;
        return result
            .map_err(|(error, client)| failed(place, &error, client.get_ref().heard(), &xoauth2.reason));
    }
    let result = if !has("LOGINDISABLED") && is_plain_text(user) && is_plain_text(secret.expose_secret()) {
        client.login(user, secret.expose_secret()).await
    } else if has("AUTH=PLAIN") {
        let password = secret;
        client.authenticate("PLAIN", Plain { user, password }).await
    } else if has("LOGINDISABLED") {
        return Err(place.person(
            "failed: the server takes no password on this connection (LOGINDISABLED); set tls = \"implicit\" \
             or \"starttls\"",
        ));
    } else {
        return Err(place.person(
            "failed: user or password is not ASCII, which needs AUTHENTICATE PLAIN, and the server does not \
             offer it; set an ASCII password",
        ));
    };
    result.map_err(|(error, client)| failed(place, &error, client.get_ref().heard(), ""))
}

/// Whether LOGIN can carry it in a quoted string.
fn is_plain_text(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The error's own text is not used: it may hold what the server sent, or what we sent.
fn failed(place: Place<'_>, error: &Error, heard: &Heard, reason: &str) -> MailboxError {
    match error {
        Error::No(_) | Error::Bad(_) => refused(place, &heard.tagged, reason),
        Error::Io(error) => place.io(error, heard.bye.as_deref()),
        Error::ConnectionLost => place.lost(heard.bye.as_deref()),
        _ => place.retry("failed: the server sent an answer that can't be understood"),
    }
}

fn refused(place: Place<'_>, text: &str, reason: &str) -> MailboxError {
    let error = place.refused(text);
    let upper = text.to_ascii_uppercase();
    if matches!(error, MailboxError::Busy(_)) || upper.contains("[SERVERBUG]") {
        return error;
    }
    let mut text = shown(text);
    if !reason.is_empty() {
        text = format!("{text} ({})", shown(reason));
    }
    if upper.contains("[PRIVACYREQUIRED]") {
        return place.person(format!("refused: {text}; set tls = \"implicit\" or \"starttls\""));
    }
    place.login_refused(format!("refused: {text}"))
}
