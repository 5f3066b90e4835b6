//! The configuration file: types, defaults and checks.
//!
//! One home for each default: the `Default` of its section. `config.example.toml` states them, and a test
//! holds it to this code.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

mod audience;
mod authentication;
mod check;
mod error;
mod mailbox;
mod oauth2;
mod secret;
mod smtp;
mod span;

pub use audience::{Audience, DEFAULT_AUDIENCE};
pub use authentication::{AuthenticationConfig, AuthenticationMode, Nameserver, Unauthenticated};
pub use error::ConfigError;
pub use mailbox::{After, MailboxConfig, MailboxKind};
pub(crate) use oauth2::is_loopback;
pub use oauth2::{Grant, Memory, OAuth2Config, Provider, Remembered};
pub use secret::{LoginSource, SecretError, SecretSource};
pub use smtp::{SmtpConfig, Transport};
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
    /// What fetches OAuth 2 access tokens.
    pub oauth2: Vec<OAuth2Config>,
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
    /// An OAuth 2 token, fetched by `oauth2` or printed by `token_command`, as XOAUTH2.
    Xoauth2,
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
    /// Who gets a digest about some domains only; [`DigestConfig::audiences`] has all.
    pub audience: Vec<Audience>,
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
            audience: Vec::new(),
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
    /// Reports of one sender that count of those that come on a day, unless three times its usual is more.
    pub reports_a_day: u64,
    /// Most mails that one poll of a mailbox reads; the next poll goes on from there.
    pub poll_mails: u32,
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
            reports_a_day: 5_000,
            poll_mails: 100_000,
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
        let mut config: Self = toml::from_str(text).map_err(|error| error::explain(name, text, &error))?;
        config.link_oauth2()?;
        check::values(&config)?;
        Ok(config)
    }

    /// Gives each login the `[[oauth2]]` that it names.
    fn link_oauth2(&mut self) -> Result<(), ConfigError> {
        let sections = &self.oauth2;
        let find = |place: &str, name: &Option<String>| {
            let Some(name) = name else { return Ok(None) };
            let section = sections.iter().find(|section| section.name == *name).cloned();
            section.map(Some).ok_or_else(|| {
                ConfigError::value(
                    place,
                    format!("oauth2 = {name:?} names no [[oauth2]] section; add one with this name"),
                )
            })
        };
        for mailbox in &mut self.mailboxes {
            mailbox.oauth2_section = find(&format!("mailbox {:?}", mailbox.name), &mailbox.oauth2)?;
        }
        self.smtp.oauth2_section = find("[smtp]", &self.smtp.oauth2)?;
        Ok(())
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
