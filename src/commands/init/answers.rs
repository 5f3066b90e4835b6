//! What is known of a person's set-up, and the configuration that follows from it.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::fill::{Setting, fill, list, quoted};
use super::providers::Server;
use crate::authenticate::NO_ID;
use crate::config::{AuthenticationMode, Config, ConfigError, Provider, TlsMode};

/// How to log in.
#[derive(Debug, Clone)]
pub(super) enum Login {
    /// A password that was typed, for a file of its own.
    Password(SecretString),
    /// A file that is there.
    File(PathBuf),
    /// A program that prints it.
    Command(Vec<String>),
    /// Access tokens, by the one `[[oauth2]]`.
    OAuth2,
}

/// The one `[[oauth2]]`.
#[derive(Debug, Clone)]
pub(super) struct OAuth2 {
    pub(super) provider: Provider,
    pub(super) tenant: Option<String>,
    pub(super) client_id: String,
    pub(super) client_secret_file: Option<PathBuf>,
    /// `None`: client credentials.
    pub(super) refresh_token_file: Option<PathBuf>,
}

/// The one `[[mailbox]]`.
#[derive(Debug, Clone)]
pub(super) struct Mailbox {
    pub(super) server: Server,
    pub(super) user: String,
    pub(super) login: Login,
    pub(super) folders: Vec<String>,
}

/// `[smtp]`.
#[derive(Debug, Clone)]
pub(super) enum Sending {
    /// The local program.
    Sendmail,
    /// A server; a login if there is one.
    Server(Server, Option<(String, Login)>),
}

/// All of it.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    /// The mailbox's address.
    pub(super) address: String,
    pub(super) database: PathBuf,
    pub(super) mailbox: Mailbox,
    pub(super) oauth2: Option<OAuth2>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) timezone: String,
    pub(super) authentication: AuthenticationMode,
    pub(super) sending: Sending,
    /// Where a password that was typed goes.
    pub(super) imap_password: PathBuf,
    /// Where another one for the mail server goes.
    pub(super) smtp_password: PathBuf,
}

/// Whether typed passwords stand in the text itself, as they do only in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passwords {
    Inside,
    InFiles,
}

impl Answers {
    /// The configuration as it will be, before anything is written.
    pub(super) fn trial(&self) -> Result<Config, ConfigError> {
        Config::parse(&self.text(Passwords::Inside)?, "the configuration")
    }

    /// The text to write, without any password.
    pub(super) fn configuration(&self) -> Result<String, ConfigError> {
        let text = self.text(Passwords::InFiles)?;
        Config::parse(&text, "the configuration")?;
        Ok(text)
    }

    fn text(&self, passwords: Passwords) -> Result<String, ConfigError> {
        let mut settings = vec![
            set("[store]", "path", Some(path(&self.database))),
            set("[digest]", "timezone", Some(quoted(&self.timezone))),
            set(
                "[authentication]",
                "mode",
                Some(quoted(self.authentication.name())),
            ),
            set("[digest]", "from", Some(quoted(&self.from))),
            set("[digest]", "to", Some(list(&self.to))),
        ];
        let mailbox = &self.mailbox;
        server("[[mailbox]]", &mailbox.server, &mut settings);
        settings.push(set("[[mailbox]]", "user", Some(quoted(&mailbox.user))));
        settings.push(set("[[mailbox]]", "ca_file", self.ca_file.as_deref().map(path)));
        settings.extend(login(
            "[[mailbox]]",
            &mailbox.login,
            &self.imap_password,
            passwords,
        ));
        if let [folder] = mailbox.folders.as_slice() {
            settings.push(set("[[mailbox]]", "folder", Some(quoted(folder))));
        } else {
            settings.push(set("[[mailbox]]", "folders", Some(list(&mailbox.folders))));
        }
        self.sending(passwords, &mut settings);
        if let Some(oauth2) = &self.oauth2 {
            settings.extend(oauth2.settings(self.authentication));
        }
        let left_out: &[&str] = if self.oauth2.is_some() {
            &[]
        } else {
            &["[[oauth2]]"]
        };
        fill(&settings, left_out).ok_or_else(|| ConfigError::Value {
            place: "init".to_owned(),
            problem: "config.example.toml lacks a key; please report this".to_owned(),
        })
    }

    fn sending(&self, passwords: Passwords, settings: &mut Vec<Setting>) {
        let Sending::Server(to, account) = &self.sending else {
            settings.push(set("[smtp]", "transport", Some(quoted("sendmail"))));
            for key in ["host", "user", "password_file"] {
                settings.push(set("[smtp]", key, None));
            }
            return;
        };
        server("[smtp]", to, settings);
        settings.push(set("[smtp]", "ca_file", self.ca_file.as_deref().map(path)));
        let Some((user, by)) = account else {
            settings.push(set("[smtp]", "user", None));
            settings.push(set("[smtp]", "password_file", None));
            return;
        };
        settings.push(set("[smtp]", "user", Some(quoted(user))));
        settings.extend(login("[smtp]", by, self.smtp_password_file(), passwords));
    }

    /// The file of a password for the mail server that was typed: that of the mailbox if it is the same.
    pub(super) fn smtp_password_file(&self) -> &Path {
        if self.smtp_secret().is_some() {
            &self.smtp_password
        } else {
            &self.imap_password
        }
    }

    /// The password for the mail server, where it was typed and is another than the mailbox's.
    pub(super) fn smtp_secret(&self) -> Option<&SecretString> {
        let Sending::Server(_, Some((_, Login::Password(smtp)))) = &self.sending else {
            return None;
        };
        match &self.mailbox.login {
            Login::Password(imap) if imap.expose_secret() == smtp.expose_secret() => None,
            _ => Some(smtp),
        }
    }
}

impl OAuth2 {
    /// Whether the topmost Authentication-Results without a name are believed: those of Exchange Online.
    pub(super) fn trusts_topmost(&self, mode: AuthenticationMode) -> bool {
        let is_exchange = self.provider == Provider::Microsoft && self.tenant.as_deref() != Some("consumers");
        is_exchange && matches!(mode, AuthenticationMode::Auto | AuthenticationMode::TrustMx)
    }

    fn settings(&self, mode: AuthenticationMode) -> Vec<Setting> {
        let section = "[[oauth2]]";
        let (provider, grant) = (
            match self.provider {
                Provider::Google => "google",
                Provider::Microsoft => "microsoft",
                Provider::Custom => "custom",
            },
            match self.refresh_token_file {
                Some(_) => "refresh-token",
                None => "client-credentials",
            },
        );
        // Exchange Online puts no name into the field with what it found.
        let authserv_id = self.trusts_topmost(mode).then(|| quoted(NO_ID));
        vec![
            set("[authentication]", "authserv_id", authserv_id),
            set(section, "provider", Some(quoted(provider))),
            set(section, "grant", Some(quoted(grant))),
            set(section, "tenant", self.tenant.as_deref().map(quoted)),
            set(section, "client_id", Some(quoted(&self.client_id))),
            set(
                section,
                "client_secret_file",
                self.client_secret_file.as_deref().map(path),
            ),
            set(
                section,
                "refresh_token_file",
                self.refresh_token_file.as_deref().map(path),
            ),
        ]
    }
}

fn set(section: &'static str, key: &'static str, value: Option<String>) -> Setting {
    Setting { section, key, value }
}

fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn server(section: &'static str, server: &Server, settings: &mut Vec<Setting>) {
    let tls = match server.tls {
        TlsMode::Implicit => "implicit",
        TlsMode::Starttls => "starttls",
        TlsMode::None => "none",
    };
    settings.push(set(section, "host", Some(quoted(&server.host))));
    settings.push(set(section, "port", server.port.map(|port| port.to_string())));
    settings.push(set(section, "tls", Some(quoted(tls))));
}

fn login(section: &'static str, login: &Login, file: &Path, passwords: Passwords) -> Vec<Setting> {
    let password_file = |value| set(section, "password_file", value);
    match login {
        Login::Password(password) if passwords == Passwords::Inside => vec![
            password_file(None),
            set(section, "password", Some(quoted(password.expose_secret()))),
        ],
        Login::Password(_) => vec![password_file(Some(path(file)))],
        Login::File(file) => vec![password_file(Some(path(file)))],
        Login::Command(command) => vec![
            password_file(None),
            set(section, "password_command", Some(list(command))),
        ],
        Login::OAuth2 => vec![
            password_file(None),
            set(section, "auth", Some(quoted("xoauth2"))),
            set(section, "oauth2", Some(quoted("tokens"))),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Grant, LoginSource, SecretSource, Transport};

    fn answers() -> Answers {
        let at = |host: &str, tls| Server {
            host: host.to_owned(),
            port: None,
            tls,
        };
        let password = || Login::Password("corr\"ect".to_owned().into());
        let user = "tlsrpt@example.net".to_owned();
        Answers {
            address: user.clone(),
            database: "/tmp/x/tlsrptd.db".into(),
            mailbox: Mailbox {
                server: at("mail.example.net", TlsMode::Starttls),
                user: user.clone(),
                login: password(),
                folders: vec!["INBOX".to_owned()],
            },
            oauth2: None,
            ca_file: None,
            from: user.clone(),
            to: vec!["ops@example.net".to_owned()],
            timezone: "Europe/Berlin".to_owned(),
            authentication: AuthenticationMode::Verify,
            sending: Sending::Server(
                at("smtp.example.net", TlsMode::Implicit),
                Some((user, password())),
            ),
            imap_password: "/tmp/x/imap-password".into(),
            smtp_password: "/tmp/x/smtp-password".into(),
        }
    }

    #[test]
    fn the_answers_come_back_from_the_configuration() {
        let text = answers().configuration().unwrap();
        let config = Config::parse(&text, "x").unwrap();
        config.require_mailboxes().unwrap();
        config.require_sending().unwrap();
        assert_eq!(config.mailboxes[0].host, "mail.example.net");
        assert_eq!(config.mailboxes[0].port(), 143);
        assert_eq!(config.mailboxes[0].folders(), ["INBOX"]);
        assert_eq!(config.smtp.port(), 465);
        assert_eq!(config.digest.to, ["ops@example.net"]);
        assert_eq!(config.digest.timezone, "Europe/Berlin");
        assert_eq!(config.authentication.mode, AuthenticationMode::Verify);
        assert_eq!(config.authentication.authserv_id, "");
        assert!(config.oauth2.is_empty());
    }

    #[test]
    fn a_typed_password_never_stands_in_the_configuration() {
        let text = answers().configuration().unwrap();
        assert!(!text.contains("corr"), "{text}");
        let config = Config::parse(&text, "x").unwrap();
        for login in [
            config.mailboxes[0].secret().unwrap(),
            config.smtp.secret().unwrap().unwrap(),
        ] {
            let LoginSource::Secret(SecretSource::File(file)) = login else {
                panic!("{login:?}");
            };
            assert_eq!(file, PathBuf::from("/tmp/x/imap-password"));
        }
    }

    #[test]
    fn the_trial_logs_in_with_the_typed_password() {
        let config = answers().trial().unwrap();
        let LoginSource::Secret(SecretSource::Plain(password)) = config.mailboxes[0].secret().unwrap() else {
            panic!();
        };
        assert_eq!(password.expose_secret(), "corr\"ect");
    }

    #[test]
    fn another_password_for_the_mail_server_has_a_file_of_its_own() {
        let mut answers = answers();
        let Sending::Server(_, Some((_, login))) = &mut answers.sending else {
            panic!();
        };
        *login = Login::Password("other".to_owned().into());
        let config = Config::parse(&answers.configuration().unwrap(), "x").unwrap();
        assert_eq!(config.smtp.password_file.unwrap(), answers.smtp_password);
        assert_eq!(config.mailboxes[0].password_file, Some(answers.imap_password));
    }

    #[test]
    fn sendmail_needs_no_server() {
        let mut answers = answers();
        answers.sending = Sending::Sendmail;
        let config = Config::parse(&answers.configuration().unwrap(), "x").unwrap();
        config.require_sending().unwrap();
        assert_eq!(config.smtp.transport, Transport::Sendmail);
    }

    #[test]
    fn oauth2_serves_both_servers() {
        let mut answers = answers();
        answers.oauth2 = Some(OAuth2 {
            provider: Provider::Microsoft,
            tenant: Some("example.onmicrosoft.com".to_owned()),
            client_id: "id".to_owned(),
            client_secret_file: Some("/tmp/x/client-secret".into()),
            refresh_token_file: None,
        });
        answers.mailbox.login = Login::OAuth2;
        let Sending::Server(_, Some((_, login))) = &mut answers.sending else {
            panic!();
        };
        *login = Login::OAuth2;
        let config = Config::parse(&answers.configuration().unwrap(), "x").unwrap();
        config.require_mailboxes().unwrap();
        config.require_sending().unwrap();
        assert_eq!(config.oauth2[0].grant, Grant::ClientCredentials);
        assert_eq!(config.authentication.authserv_id, "", "mode verify");

        answers.authentication = AuthenticationMode::Auto;
        let config = Config::parse(&answers.configuration().unwrap(), "x").unwrap();
        assert_eq!(config.authentication.authserv_id, "none");

        answers.oauth2.as_mut().unwrap().tenant = Some("consumers".to_owned());
        let config = Config::parse(&answers.configuration().unwrap(), "x").unwrap();
        assert_eq!(config.authentication.authserv_id, "", "Outlook.com");
        let login = config.smtp.secret().unwrap().unwrap();
        assert!(matches!(login, LoginSource::OAuth2(_)), "{login:?}");
    }

    #[test]
    fn what_is_no_address_is_refused_before_anything_is_written() {
        let mut answers = answers();
        answers.to = vec!["nobody".to_owned()];
        assert!(answers.configuration().is_err());
    }
}
