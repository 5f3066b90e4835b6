//! One SMTP session (RFC 5321), step by step, so that an error tells who refused what.

use std::time::Duration;

use lettre::address::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, response::Response};
use secrecy::{ExposeSecret, SecretString};

use super::send::{Delivered, SendError, address, printable};
use super::wire;
use crate::config::{AuthMethod, LoginSource, OAuth2Config, SmtpConfig};
use crate::oauth;

/// How many times `smtp.timeout` the server may take for the mail itself: ten minutes where that is one (RFC 5321,
/// Section 4.5.3.2.6).
const DATA_FACTOR: u32 = 10;

/// Time for the answer to QUIT. Short: the mail that was accepted is recorded only after it, and until then a SIGTERM
/// would have it sent again.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// A session that is connected and, where configured, encrypted and logged in.
pub(super) struct Smtp {
    connection: AsyncSmtpConnection,
    server: String,
    timeout: Duration,
}

impl Smtp {
    pub(super) async fn connect(config: &SmtpConfig) -> Result<Self, SendError> {
        let source = config.secret()?;
        let user = config.user.as_deref().unwrap_or_default();
        match source {
            None => Self::open(config).await,
            Some(LoginSource::Secret(source)) => {
                let secret = source.read().await?;
                let mut smtp = Self::open(config).await?;
                let login = smtp.log_in(config.auth, user, &secret).await;
                login.map_err(|refused| refused.error)?;
                Ok(smtp)
            }
            Some(LoginSource::OAuth2(section)) => Self::connect_by_token(config, user, &section).await,
        }
    }

    /// A token that was kept may have been revoked or have expired early, so its refusal brings a new one, once.
    async fn connect_by_token(
        config: &SmtpConfig,
        user: &str,
        section: &OAuth2Config,
    ) -> Result<Self, SendError> {
        let server = format!("{}:{}", config.host, config.port());
        loop {
            let token = oauth::token(section, config.timeout).await;
            let token = token.map_err(|cause| SendError::Token {
                server: server.clone(),
                cause,
            })?;
            let mut smtp = Self::open(config).await?;
            let NoLogin { is_refused, error } = match smtp.log_in(config.auth, user, &token.secret).await {
                Ok(()) => return Ok(smtp),
                Err(failed) => failed,
            };
            if !is_refused {
                return Err(error);
            }
            // At most one more round: the next token is new.
            if !oauth::is_worth_another(section, &server, &token) {
                return Err(SendError::TokenRefused {
                    cause: Box::new(error),
                    hint: oauth::refused_although_new(section),
                });
            }
            tracing::info!(%server, "the token was refused, another is fetched");
        }
    }

    /// Connects and encrypts, without a login.
    async fn open(config: &SmtpConfig) -> Result<Self, SendError> {
        let server = format!("{}:{}", config.host, config.port());
        let hello = ClientId::default();
        let wire = wire::connect(config, &server, &hello.to_string()).await?;
        let step = Step {
            server: &server,
            name: "greeting",
            way_out: "check smtp.host, smtp.port and smtp.tls",
        };
        let connecting = AsyncSmtpConnection::connect_with_transport(wire, &hello);
        let connection = step.run(config.timeout, connecting).await?;
        Ok(Self {
            connection,
            server,
            timeout: config.timeout,
        })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    async fn log_in(&mut self, auth: AuthMethod, user: &str, secret: &SecretString) -> Result<(), NoLogin> {
        let mechanisms: &[Mechanism] = match auth {
            AuthMethod::Password => &[Mechanism::Plain, Mechanism::Login],
            AuthMethod::Xoauth2 => &[Mechanism::Xoauth2],
        };
        let credentials = Credentials::new(user.to_owned(), secret.expose_secret().to_owned());
        let step = Step {
            server: &self.server,
            name: "log in",
            way_out: "check smtp.user and its password or token",
        };
        tracing::debug!(server = %self.server, step = step.name, "smtp step");
        let login = self.connection.auth(mechanisms, &credentials);
        let Ok(answered) = tokio::time::timeout(self.timeout, login).await else {
            let problem = format!("no answer within {} s", self.timeout.as_secs());
            return Err(NoLogin {
                is_refused: false,
                error: step.failed(&problem),
            });
        };
        let Err(error) = answered else { return Ok(()) };
        let answer = answer_of(&error);
        // lettre reports the server's second challenge, which means "token refused", as its own error.
        let is_challenge = answer.contains("expect a challenge");
        let problem = if is_challenge {
            "the server refused the token"
        } else {
            &answer
        };
        Err(NoLogin {
            is_refused: is_challenge || error.is_permanent(),
            error: step.failed(problem),
        })
    }

    /// Sends to all recipients in one transaction. A recipient refused with 5xx is refused for good. The session stays
    /// open: what was accepted is put on record before the server is told good-bye.
    pub(super) async fn send(
        &mut self,
        from: &Address,
        recipients: &[String],
        mail: &[u8],
    ) -> Result<Vec<(String, Delivered)>, SendError> {
        let server = self.server.clone();
        let step = |name, way_out| Step {
            server: &server,
            name,
            way_out,
        };
        let mut parameters = Vec::new();
        if !mail.is_ascii()
            && self
                .connection
                .server_info()
                .supports_feature(Extension::EightBitMime)
        {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let mail_from = self.connection.command(Mail::new(Some(from.clone()), parameters));
        step("MAIL FROM", "check digest.from")
            .run(self.timeout, mail_from)
            .await?;
        let mut results = Vec::new();
        for recipient in recipients {
            let rcpt_to = self
                .connection
                .command(Rcpt::new(address(recipient)?, Vec::new()));
            let answer = tokio::time::timeout(self.timeout, rcpt_to).await;
            let delivered = match answer {
                Ok(Ok(_)) => Delivered::Accepted,
                Ok(Err(error)) if error.is_permanent() => {
                    Delivered::Refused(format!("{server}: RCPT TO: {}", answer_of(&error)))
                }
                Ok(Err(error)) if error.is_transient() => {
                    Delivered::Failed(format!("{server}: RCPT TO: {}", answer_of(&error)))
                }
                Ok(Err(error)) => {
                    return Err(step("RCPT TO", "see the server's log").failed(&answer_of(&error)));
                }
                Err(_) => return Err(step("RCPT TO", "see the server's log").failed("no answer in time")),
            };
            results.push((recipient.clone(), delivered));
        }
        if results
            .iter()
            .any(|(_, delivered)| *delivered == Delivered::Accepted)
        {
            step("DATA", "see the server's log")
                .run(self.timeout, self.connection.command(Data))
                .await?;
            let sending = self.connection.message(mail);
            step("send the mail", "see the server's log")
                .run(self.timeout.saturating_mul(DATA_FACTOR), sending)
                .await?;
        }
        Ok(results)
    }

    /// Ends the session politely; what the server says to that changes nothing.
    pub(super) async fn quit(mut self) {
        let quitting = tokio::time::timeout(QUIT_TIMEOUT, self.connection.quit()).await;
        if !matches!(quitting, Ok(Ok(Response { .. }))) {
            tracing::debug!(server = %self.server, "no answer to QUIT");
        }
    }
}

/// Why a login failed.
struct NoLogin {
    /// Whether the server refused user, password or token.
    is_refused: bool,
    error: SendError,
}

/// A step of the session, for messages.
struct Step<'a> {
    server: &'a str,
    name: &'static str,
    way_out: &'static str,
}

impl Step<'_> {
    async fn run<T>(
        &self,
        limit: Duration,
        step: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SendError> {
        tracing::debug!(server = %self.server, step = self.name, "smtp step");
        match tokio::time::timeout(limit, step).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&answer_of(&error))),
            Err(_) => Err(self.failed(&format!("no answer within {} s", limit.as_secs()))),
        }
    }

    fn failed(&self, problem: &str) -> SendError {
        SendError::Step {
            server: self.server.to_owned(),
            step: self.name,
            problem: problem.to_owned(),
            way_out: self.way_out,
        }
    }
}

/// lettre's message already holds its sources' text.
fn answer_of(error: &Error) -> String {
    printable(&error.to_string())
}
