//! `[[mailbox]]`: where reports come from.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::{AuthMethod, ConfigError, LoginSource, OAuth2Config, Span, TlsMode, secret};

/// What stands behind a mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailboxKind {
    /// An IMAP server (RFC 9051, RFC 3501).
    #[default]
    Imap,
    /// A local Maildir, which is only read.
    Maildir,
}

/// What happens to a mail on the server once it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum After {
    /// Nothing: the mailbox is only read.
    #[default]
    Leave,
    /// The mail goes to this folder (UTF-8).
    Move(String),
    /// The mail is deleted.
    Delete,
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.as_str(), text.strip_prefix("move:")) {
            ("leave", _) => Ok(Self::Leave),
            ("delete", _) => Ok(Self::Delete),
            (_, Some(folder)) if !folder.is_empty() => Ok(Self::Move(folder.to_owned())),
            _ => Err(de::Error::custom(format!(
                "{text:?} is not an action; write \"leave\", \"move:FOLDER\" or \"delete\""
            ))),
        }
    }
}

/// One mailbox.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailboxConfig {
    /// The name in logs, digests and SQL; unique.
    pub name: String,
    /// IMAP or a Maildir.
    pub kind: MailboxKind,
    /// The Maildir (kind `maildir`).
    pub path: Option<PathBuf>,
    /// The IMAP server.
    pub host: String,
    /// Its port; by default 993 for implicit TLS, else 143.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// The name in the server's certificate; by default `host`.
    pub tls_server_name: Option<String>,
    /// PEM file with further trusted certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// The login name.
    pub user: String,
    /// How to log in.
    pub auth: AuthMethod,
    /// The password itself.
    pub password: Option<secrecy::SecretString>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// An environment variable that holds it.
    pub password_env: Option<String>,
    /// A command that prints it; no shell.
    pub password_command: Option<Vec<String>>,
    /// A name in systemd's `$CREDENTIALS_DIRECTORY`.
    pub password_credential: Option<String>,
    /// A command that prints an OAuth 2 access token; no shell.
    pub token_command: Option<Vec<String>>,
    /// The name of the `[[oauth2]]` that fetches the tokens.
    pub oauth2: Option<String>,
    /// That section; set when the configuration is read.
    #[serde(skip)]
    pub oauth2_section: Option<OAuth2Config>,
    /// The folder to read (UTF-8).
    pub folder: Option<String>,
    /// Several folders to read.
    pub folders: Option<Vec<String>>,
    /// Pause between two polls.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub poll_interval: Duration,
    /// How far back the first run reads.
    pub since: Span,
    /// What happens to a stored mail.
    pub after: After,
    /// Only to mails older than this many days.
    pub after_days: u32,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: MailboxKind::Imap,
            path: None,
            host: String::new(),
            port: None,
            tls: TlsMode::Implicit,
            tls_server_name: None,
            ca_file: None,
            user: String::new(),
            auth: AuthMethod::Password,
            password: None,
            password_file: None,
            password_env: None,
            password_command: None,
            password_credential: None,
            token_command: None,
            oauth2: None,
            oauth2_section: None,
            folder: None,
            folders: None,
            poll_interval: Duration::from_mins(15),
            since: Span::Days(400),
            after: After::Leave,
            after_days: 0,
        }
    }
}

impl MailboxConfig {
    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            TlsMode::Implicit => 993,
            TlsMode::Starttls | TlsMode::None => 143,
        })
    }

    /// The folders to read; INBOX when none is given.
    pub fn folders(&self) -> Vec<String> {
        match (&self.folder, &self.folders) {
            (Some(folder), _) => vec![folder.clone()],
            (None, Some(folders)) => folders.clone(),
            (None, None) => vec!["INBOX".to_owned()],
        }
    }

    /// Where the password or token comes from.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless exactly one source is given.
    pub fn secret(&self) -> Result<LoginSource, ConfigError> {
        secret::exactly_one(
            &format!("mailbox \"{}\"", self.name),
            self.auth,
            &secret::Given {
                plain: self.password.as_ref(),
                file: self.password_file.as_deref(),
                env: self.password_env.as_deref(),
                command: self.password_command.as_deref(),
                credential: self.password_credential.as_deref(),
                token_command: self.token_command.as_deref(),
                oauth2: self.oauth2_section.as_ref(),
            },
        )
    }
}
