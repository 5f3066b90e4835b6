//! `[[oauth2]]`: where access tokens come from, for IMAP and SMTP alike.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use super::{ConfigError, SecretSource, secret};

/// Whose endpoint it is, which gives the defaults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Gmail and Google Workspace.
    Google,
    /// Microsoft 365 and Outlook.com.
    Microsoft,
    /// Any other, by `token_url`.
    #[default]
    Custom,
}

/// How we ask for a token (RFC 6749).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// With what a person has granted once (Section 6).
    #[default]
    RefreshToken,
    /// In the application's own name (Section 4.4).
    ClientCredentials,
}

/// What fetches access tokens; several logins may share one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth2Config {
    /// The name that `oauth2 = "…"` of `[[mailbox]]` and `[smtp]` refers to; unique.
    pub name: String,
    /// Whose endpoint it is.
    pub provider: Provider,
    /// The token endpoint, instead of the provider's.
    pub token_url: Option<String>,
    /// The directory (provider `microsoft`): its id or one of its domains.
    pub tenant: Option<String>,
    /// PEM file with further trusted certificate authorities for the endpoint.
    pub ca_file: Option<PathBuf>,
    /// How we ask.
    pub grant: Grant,
    /// The application.
    pub client_id: String,
    /// The application's secret itself.
    pub client_secret: Option<secrecy::SecretString>,
    /// A file that holds it.
    pub client_secret_file: Option<PathBuf>,
    /// An environment variable that holds it.
    pub client_secret_env: Option<String>,
    /// A command that prints it; no shell.
    pub client_secret_command: Option<Vec<String>>,
    /// A name in systemd's `$CREDENTIALS_DIRECTORY`.
    pub client_secret_credential: Option<String>,
    /// The file with the refresh token; a new one that the provider gives is written there.
    pub refresh_token_file: Option<PathBuf>,
    /// What is asked for, words separated by spaces, instead of the provider's default.
    pub scope: Option<String>,
    /// What the `oauth` module remembers between two logins; shared by all clones.
    #[serde(skip)]
    pub memory: Memory,
}

/// A place for what is learnt about a section while the program runs. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Remembered>>);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// What is remembered of a section; the `oauth` module fills it.
#[derive(Default)]
pub struct Remembered {
    /// The access token and until when it is used.
    pub token: Option<(secrecy::SecretString, tokio::time::Instant)>,
    /// A refresh token that could not be written to its file.
    pub unsaved: Option<secrecy::SecretString>,
    /// When the endpoint refused us, and how it said so.
    pub refused: Option<(tokio::time::Instant, String)>,
    /// Mail servers that refused a token that was new, and when.
    pub refused_by: std::collections::BTreeMap<String, tokio::time::Instant>,
}

/// Scope for reading and sending with what a user has granted at Microsoft. It demands one with each refresh.
const MICROSOFT_USER: &str = "https://outlook.office.com/IMAP.AccessAsUser.All \
                              https://outlook.office.com/SMTP.Send offline_access";
/// Scope for all that an application may do at Exchange Online.
const MICROSOFT_APPLICATION: &str = "https://outlook.office365.com/.default";

impl OAuth2Config {
    /// The token endpoint in use; empty where the configuration gives none.
    pub fn endpoint(&self) -> String {
        match (&self.token_url, self.provider) {
            (Some(url), _) => url.clone(),
            (None, Provider::Google) => "https://oauth2.googleapis.com/token".to_owned(),
            (None, Provider::Microsoft) => format!(
                "https://login.microsoftonline.com/{}/oauth2/v2.0/token",
                self.tenant.as_deref().unwrap_or_default()
            ),
            (None, Provider::Custom) => String::new(),
        }
    }

    /// The scope that is asked for; without one, what was granted at first (RFC 6749, Section 6).
    pub fn scope(&self) -> Option<&str> {
        match (&self.scope, self.provider, self.grant) {
            (Some(scope), _, _) => Some(scope.as_str()).filter(|scope| !scope.is_empty()),
            (None, Provider::Microsoft, Grant::RefreshToken) => Some(MICROSOFT_USER),
            (None, Provider::Microsoft, Grant::ClientCredentials) => Some(MICROSOFT_APPLICATION),
            (None, Provider::Google | Provider::Custom, _) => None,
        }
    }

    fn place(&self) -> String {
        format!("oauth2 {:?}", self.name)
    }

    /// Where the application's secret comes from; public applications have none.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if several sources are given.
    pub fn client_secret(&self) -> Result<Option<SecretSource>, ConfigError> {
        secret::at_most_one(
            &self.place(),
            "client_secret",
            &secret::Given {
                plain: self.client_secret.as_ref(),
                file: self.client_secret_file.as_deref(),
                env: self.client_secret_env.as_deref(),
                command: self.client_secret_command.as_deref(),
                credential: self.client_secret_credential.as_deref(),
                token_command: None,
                oauth2: None,
            },
        )
    }

    /// Checks what can be wrong whether it is used or not.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |problem: String| Err(ConfigError::value(&self.place(), problem));
        if let Some(tenant) = &self.tenant {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            if tenant.is_empty() || !tenant.chars().all(is_word) {
                return wrong(format!(
                    "tenant {tenant:?} is neither the directory's id nor a domain; see docs/oauth.md"
                ));
            }
        }
        if let Some(url) = &self.token_url {
            self.check_url(url)?;
        }
        self.client_secret().map(drop)
    }

    fn check_url(&self, url: &str) -> Result<(), ConfigError> {
        let wrong = |problem: &str| Err(ConfigError::value(&self.place(), problem));
        let uri = url.parse::<hyper::Uri>();
        let Ok((Some(scheme), Some(host), Some(authority))) = uri
            .as_ref()
            .map(|uri| (uri.scheme_str(), uri.host(), uri.authority()))
        else {
            return wrong("token_url is not a URL; write for example \"https://id.example.org/token\"");
        };
        if authority.as_str().contains('@') {
            return wrong("token_url holds a user name or password; take it out");
        }
        match scheme {
            "https" => Ok(()),
            "http" if is_loopback(host.trim_matches(['[', ']'])) => Ok(()),
            _ => wrong(
                "token_url must begin with https://, for it gets secrets (http:// is for loopback only)",
            ),
        }
    }

    /// Demands what fetching a token needs.
    pub(super) fn complete(&self) -> Result<(), ConfigError> {
        let wrong = |problem: &str| Err(ConfigError::value(&self.place(), problem));
        if self.client_id.is_empty() {
            return wrong("client_id is missing; add the application's id, see docs/oauth.md");
        }
        match (self.provider, &self.token_url, &self.tenant) {
            (Provider::Custom, None, _) => {
                return wrong("token_url is missing; add it, or provider = \"google\" or \"microsoft\"");
            }
            (Provider::Microsoft, None, None) => {
                return wrong(
                    "tenant is missing; add the directory's id (\"consumers\" for Outlook.com), see docs/oauth.md",
                );
            }
            _ => {}
        }
        match (self.grant, &self.refresh_token_file) {
            (Grant::RefreshToken, None) => wrong(
                "refresh_token_file is missing; name the file with the refresh token, see docs/oauth.md",
            ),
            (Grant::ClientCredentials, Some(_)) => {
                wrong("refresh_token_file is of no use with grant = \"client-credentials\"; take it out")
            }
            (Grant::ClientCredentials, None) if self.provider == Provider::Google => wrong(
                "Google has no grant = \"client-credentials\" for mail; use \"refresh-token\", see docs/oauth.md",
            ),
            (Grant::ClientCredentials, None) if self.client_secret()?.is_none() => wrong(
                "grant = \"client-credentials\" needs the application's secret; add client_secret_file or another",
            ),
            _ => Ok(()),
        }
    }
}

/// Whether a name or address is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
