//! The configuration file: types, defaults and checks.
//!
//! One home for each default: the `Default` of its section. `config.example.toml` states them, and a test
//! holds it to this code.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

mod check;
mod error;
mod secret;
mod span;

pub use error::ConfigError;
pub use secret::{SecretError, SecretSource};
pub use span::Span;

/// The whole configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The SQLite file.
    pub store: StoreConfig,
    /// Where reports come from.
    #[serde(rename = "mailbox")]
    pub mailboxes: Vec<MailboxConfig>,
    /// Which reports count.
    pub authentication: AuthenticationConfig,
    /// The daily mail.
    pub digest: DigestConfig,
    /// How the daily mail is sent.
    pub smtp: SmtpConfig,
    /// Our own names.
    pub domains: DomainsConfig,
    /// Who watches from outside.
    pub monitor: MonitorConfig,
    /// Bounds on what strangers can make us do.
    pub limits: Limits,
}

/// The SQLite file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The database file; its folder must exist.
    pub path: PathBuf,
    /// How long mails, reports, raw bytes and digests are kept; failure types stay.
    pub retention: Span,
    /// Mode 0640 instead of 0600, so that the file's group may read it.
    pub group_readable: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/var/lib/tlsrptd/tlsrptd.db"),
            retention: Span::Days(400),
            group_readable: false,
        }
    }
}

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

/// How a connection is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// TLS from the first byte (RFC 8314).
    #[default]
    Implicit,
    /// STARTTLS, and never without.
    Starttls,
    /// Clear text; only to a loopback address.
    None,
}

/// How we prove who we are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMethod {
    /// A password.
    #[default]
    Password,
    /// An OAuth 2 token from `token_command`, as XOAUTH2.
    Xoauth2,
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
    pub fn secret(&self) -> Result<SecretSource, ConfigError> {
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
            },
        )
    }
}

/// Which reports count.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthenticationConfig {
    /// `off`: every report counts and is marked `unchecked`.
    pub mode: AuthenticationMode,
}

/// How the origin of a report is proven (RFC 8460, Section 3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticationMode {
    /// Not at all.
    #[default]
    Off,
}

/// When a digest is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendWhen {
    /// When there is something new to tell, and once a week.
    #[default]
    New,
    /// Every day.
    Always,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Weekday {
    #[default]
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<Weekday> for jiff::civil::Weekday {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

/// The daily mail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DigestConfig {
    /// Local time of day, `HH:MM`.
    pub at: jiff::civil::Time,
    /// IANA time zone of `at` and of the mail's Date.
    pub timezone: String,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// When to send.
    pub send: SendWhen,
    /// The day of the all-quiet mail.
    pub weekly: Weekday,
    /// Failures that a first import finds are announced when they are at most this many days old.
    pub announce_days: u32,
}

impl Default for DigestConfig {
    fn default() -> Self {
        Self {
            at: jiff::civil::time(7, 0, 0, 0),
            timezone: "UTC".to_owned(),
            from: String::new(),
            to: Vec::new(),
            send: SendWhen::New,
            weekly: Weekday::Monday,
            announce_days: 14,
        }
    }
}

/// What carries the daily mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// An SMTP server.
    #[default]
    Smtp,
    /// The local `sendmail` command.
    Sendmail,
    /// `.eml` files in a folder.
    File,
}

/// How the daily mail is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmtpConfig {
    /// What carries it.
    pub transport: Transport,
    /// The server (transport `smtp`).
    pub host: String,
    /// Its port; by default 465 for implicit TLS, 587 for STARTTLS, else 25.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// The name in the server's certificate; by default `host`.
    pub tls_server_name: Option<String>,
    /// PEM file with further trusted certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// The login name; without one there is no login.
    pub user: Option<String>,
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
    /// The folder for `.eml` files (transport `file`), or the sendmail program (transport `sendmail`).
    pub path: Option<PathBuf>,
    /// Limit for connecting and for each answer of the server; ten times as long for the answer to the mail itself.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
}

impl Default for SmtpConfig {
    fn default() -> Self {
        Self {
            transport: Transport::Smtp,
            host: String::new(),
            port: None,
            tls: TlsMode::Implicit,
            tls_server_name: None,
            ca_file: None,
            user: None,
            auth: AuthMethod::Password,
            password: None,
            password_file: None,
            password_env: None,
            password_command: None,
            password_credential: None,
            token_command: None,
            path: None,
            timeout: Duration::from_mins(1),
        }
    }
}

impl SmtpConfig {
    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            TlsMode::Implicit => 465,
            TlsMode::Starttls => 587,
            TlsMode::None => 25,
        })
    }

    /// Where the password or token comes from; `None` without a user.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless exactly one source is given for a user, and none without.
    pub fn secret(&self) -> Result<Option<SecretSource>, ConfigError> {
        let given = secret::Given {
            plain: self.password.as_ref(),
            file: self.password_file.as_deref(),
            env: self.password_env.as_deref(),
            command: self.password_command.as_deref(),
            credential: self.password_credential.as_deref(),
            token_command: self.token_command.as_deref(),
        };
        if self.user.is_some() {
            secret::exactly_one("[smtp]", self.auth, &given).map(Some)
        } else {
            secret::none("[smtp]", &given).map(|()| None)
        }
    }
}

/// Our own names, if the user lists them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DomainsConfig {
    /// Our mail domains.
    pub mail: Vec<String>,
    /// Our MX host names.
    pub mx: Vec<String>,
}

/// Who watches from outside.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorConfig {
    /// Fetched after each poll and digest, with `/start` before and `/fail` after a failure. Secret: it may hold a token.
    pub ping_url: Option<secrecy::SecretString>,
}

/// Bounds on what strangers can make us do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest mail, in bytes.
    pub mail_bytes: u64,
    /// Most bytes that the parts of one mail may decompress to.
    pub decompressed_bytes: u64,
    /// Most leaf parts (and archive entries) of a mail.
    pub leaf_parts: u32,
    /// Deepest nesting of MIME parts, attached mails and archives.
    pub nesting: u32,
    /// Deepest nesting of a JSON document.
    pub json_depth: u32,
    /// Most policies in a report.
    pub policies: u32,
    /// Most failure details in a report.
    pub failure_details: u32,
    /// Most mails in one batch, which is one transaction.
    pub batch_mails: u32,
    /// Most bytes in one batch, unless one mail alone is larger.
    pub batch_bytes: u64,
    /// Limit for each of: connecting, TLS, login.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub connect_timeout: Duration,
    /// Longest silence of an IMAP server in the middle of an answer.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub silence_timeout: Duration,
    /// Longest poll of one mailbox; the next poll goes on from there.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub poll_deadline: Duration,
    /// Polling or sending that has failed for longer makes `status --health` fail.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub health_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mail_bytes: 25 * 1024 * 1024,
            decompressed_bytes: 50 * 1024 * 1024,
            leaf_parts: 10_000,
            nesting: 10,
            json_depth: 64,
            policies: 10_000,
            failure_details: 100_000,
            batch_mails: 500,
            batch_bytes: 4 * 1024 * 1024,
            connect_timeout: Duration::from_secs(20),
            silence_timeout: Duration::from_mins(1),
            poll_deadline: Duration::from_mins(10),
            health_after: Duration::from_hours(24),
        }
    }
}

/// A configuration and what is odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The checked configuration.
    pub config: Config,
    /// What a person should mend, though it does not stop the program.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the file can't be read, isn't valid TOML, has an unknown key or a value out of range.
    pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Read {
            path: path.to_owned(),
            cause,
        })?;
        let config = Self::parse(&text, &path.display().to_string())?;
        let warnings = check::warnings(&config, path);
        Ok(Loaded { config, warnings })
    }

    /// Parses and checks the text of a configuration file; `name` is for messages.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| error::explain(name, text, &error))?;
        check::values(&config)?;
        Ok(config)
    }

    /// Demands what polling needs.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is no mailbox or one lacks its address, user or secret.
    pub fn require_mailboxes(&self) -> Result<(), ConfigError> {
        check::mailboxes(self)
    }

    /// Demands what sending a digest needs.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if sender, recipients or transport are missing.
    pub fn require_sending(&self) -> Result<(), ConfigError> {
        check::sending(self)
    }
}

#[cfg(test)]
mod tests;
