//! Hands a mail to whatever carries it: an SMTP server, sendmail, or a folder.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use lettre::address::{Address, Envelope};
use lettre::{AsyncSendmailTransport, AsyncTransport, Tokio1Executor};

use super::smtp::Smtp;
use crate::config::{ConfigError, SecretError, SmtpConfig, TlsMode, Transport};
use crate::oauth::OAuthError;

/// What became of a mail for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// It was accepted.
    Accepted,
    /// The server refused this recipient for good, with this answer.
    Refused(String),
    /// It may work later.
    Failed(String),
}

/// Why nothing was sent to anybody; it may work later.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The configuration lacks something.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The password or token can't be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no OAuth 2 token.
    #[error("{server}: token {cause}")]
    Token {
        /// `host:port`.
        server: String,
        /// Why not; its text is part of the message.
        cause: OAuthError,
    },
    /// The server refused a token, and a new one would change nothing.
    #[error("{cause}; {hint}")]
    TokenRefused {
        /// What the server said; its text is part of the message.
        cause: Box<SendError>,
        /// What to do.
        hint: String,
    },
    /// An address of the configuration.
    #[error("{0:?} is not an address; mend [digest]")]
    Address(String),
    /// A step failed.
    #[error("{server}: {step}: {problem}; {way_out}")]
    Step {
        /// `host:port`, the program, or the folder.
        server: String,
        /// What was being done.
        step: &'static str,
        /// The server's answer or the system's error, bounded.
        problem: String,
        /// What to do.
        way_out: &'static str,
    },
}

/// A mail that was handed over.
pub struct Handed {
    /// What became of it for each recipient.
    pub results: Vec<(String, Delivered)>,
    session: Option<Smtp>,
}

impl Handed {
    /// Ends the session. The results stand before, and are to be kept before: a server may take its time over QUIT,
    /// and what it accepted must not be sent again because we were told to stop meanwhile.
    pub async fn end(self) {
        if let Some(session) = self.session {
            session.quit().await;
        }
    }
}

/// Sends a mail to recipients and says what became of it for each.
///
/// # Errors
///
/// [`SendError`] if nobody got it for a common reason, such as no connection.
pub async fn send(
    config: &SmtpConfig,
    from: &str,
    recipients: &[String],
    message_id: &str,
    mail: &[u8],
) -> Result<Handed, SendError> {
    let all = |delivered: Delivered| Handed {
        results: recipients
            .iter()
            .map(|recipient| (recipient.clone(), delivered.clone()))
            .collect(),
        session: None,
    };
    match config.transport {
        Transport::Smtp => {
            let mut session = Smtp::connect(config).await?;
            let results = session.send(&address(from)?, recipients, mail).await?;
            Ok(Handed {
                results,
                session: Some(session),
            })
        }
        Transport::Sendmail => {
            sendmail(config, from, recipients, mail).await?;
            Ok(all(Delivered::Accepted))
        }
        Transport::File => {
            write_file(config, message_id, mail)?;
            Ok(all(Delivered::Accepted))
        }
    }
}

/// Tries the transport without sending: connection, TLS and login, or that the folder can be written.
///
/// # Errors
///
/// [`SendError`] with the step that failed.
pub async fn check(config: &SmtpConfig) -> Result<String, SendError> {
    match config.transport {
        Transport::Smtp => {
            let smtp = Smtp::connect(config).await?;
            let server = smtp.server().to_owned();
            smtp.quit().await;
            let works = match (config.tls, &config.user) {
                (TlsMode::None, None) => "connection works",
                (TlsMode::None, Some(_)) => "connection, login work",
                (_, None) => "connection, TLS work",
                (_, Some(_)) => "connection, TLS, login work",
            };
            Ok(format!("{server}: {works}"))
        }
        Transport::Sendmail => {
            let program = program(config);
            if program.is_file() {
                Ok(format!("{} is there", program.display()))
            } else {
                Err(SendError::Step {
                    server: program.display().to_string(),
                    step: "find the program",
                    problem: "there is no such file".to_owned(),
                    way_out: "install an MTA, or name the program in smtp.path",
                })
            }
        }
        Transport::File => {
            let folder = folder(config)?;
            tempfile::NamedTempFile::new_in(folder).map_err(|error| file_failed(folder, &error))?;
            Ok(format!("{} can be written", folder.display()))
        }
    }
}

/// The address in a configured mailbox such as `tlsrptd <tls@example.org>`.
pub(super) fn address(text: &str) -> Result<Address, SendError> {
    text.parse::<lettre::message::Mailbox>()
        .map(|mailbox| mailbox.email)
        .map_err(|_| SendError::Address(text.to_owned()))
}

/// A bounded, printable form of what a server or library said.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .take(300)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Where `sendmail` is on most systems.
const SENDMAIL: &str = "/usr/sbin/sendmail";
/// Limit for sendmail, which only queues.
const SENDMAIL_TIMEOUT: Duration = Duration::from_mins(2);

/// Whether no program started here gets the rights of its file's owner or group (`NoNewPrivileges=` of systemd): that of
/// Postfix then can't write into its queue, that of Exim not at all.
fn gains_no_privileges() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let mut lines = status.lines();
        lines.any(|line| line.split_whitespace().eq(["NoNewPrivs:", "1"]))
    })
}

fn program(config: &SmtpConfig) -> &Path {
    config.path.as_deref().unwrap_or(Path::new(SENDMAIL))
}

async fn sendmail(
    config: &SmtpConfig,
    from: &str,
    recipients: &[String],
    mail: &[u8],
) -> Result<(), SendError> {
    let to = recipients
        .iter()
        .map(|recipient| address(recipient))
        .collect::<Result<Vec<_>, _>>()?;
    let program = program(config);
    let failed = |problem: String| SendError::Step {
        server: program.display().to_string(),
        step: "hand over the mail",
        problem: printable(&problem),
        way_out: if gains_no_privileges() {
            "this service may gain no privileges, which sendmail mostly needs: use the server of this machine instead, \
             transport = \"smtp\", host = \"localhost\", tls = \"none\""
        } else {
            "run it by hand, or look in the mail log"
        },
    };
    let envelope = Envelope::new(Some(address(from)?), to).map_err(|error| failed(error.to_string()))?;
    let transport = AsyncSendmailTransport::<Tokio1Executor>::new_with_command(program);
    tokio::time::timeout(SENDMAIL_TIMEOUT, transport.send_raw(&envelope, mail))
        .await
        .map_err(|_| failed("it did not end within 2 minutes".to_owned()))?
        .map_err(|error| failed(error.to_string()))
}

fn folder(config: &SmtpConfig) -> Result<&Path, SendError> {
    config.path.as_deref().ok_or_else(|| SendError::Step {
        server: "[smtp]".to_owned(),
        step: "find the folder",
        problem: "path is missing".to_owned(),
        way_out: "name the folder for the .eml files in smtp.path",
    })
}

fn file_failed(folder: &Path, error: &std::io::Error) -> SendError {
    SendError::Step {
        server: folder.display().to_string(),
        step: "write a file",
        problem: error.to_string(),
        way_out: "make the folder and let this user write there",
    }
}

/// Writes the mail as a file that appears whole or not at all; a retry replaces it.
fn write_file(config: &SmtpConfig, message_id: &str, mail: &[u8]) -> Result<(), SendError> {
    let folder = folder(config)?;
    let name: String = message_id
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-@_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(200)
        .collect();
    let failed = |error: std::io::Error| file_failed(folder, &error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(mail).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(folder.join(format!("{name}.eml")))
        .map_err(|error| failed(error.error))?;
    Ok(())
}
