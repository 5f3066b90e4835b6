//! `[smtp]`: how the daily mail is sent.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{AuthMethod, ConfigError, LoginSource, OAuth2Config, TlsMode, secret};

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
    /// The name of the `[[oauth2]]` that fetches the tokens.
    pub oauth2: Option<String>,
    /// That section; set when the configuration is read.
    #[serde(skip)]
    pub oauth2_section: Option<OAuth2Config>,
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
            oauth2: None,
            oauth2_section: None,
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
    pub fn secret(&self) -> Result<Option<LoginSource>, ConfigError> {
        let given = secret::Given {
            plain: self.password.as_ref(),
            file: self.password_file.as_deref(),
            env: self.password_env.as_deref(),
            command: self.password_command.as_deref(),
            credential: self.password_credential.as_deref(),
            token_command: self.token_command.as_deref(),
            oauth2: self.oauth2_section.as_ref(),
        };
        if self.user.is_some() {
            secret::exactly_one("[smtp]", self.auth, &given).map(Some)
        } else {
            secret::none("[smtp]", &given).map(|()| None)
        }
    }
}
