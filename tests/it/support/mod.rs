//! Throw-away servers, report mails, and the program under test.

pub(crate) mod ca;
pub(crate) mod courier;
pub(crate) mod cyrus;
pub(crate) mod dkim;
pub(crate) mod dovecot;
#[path = "../../program/faketime.rs"]
pub(crate) mod faketime;
pub(crate) mod faulty_disk;
pub(crate) mod hostile;
pub(crate) mod imap;
pub(crate) mod manager;
pub(crate) mod mixture;
pub(crate) mod mta;
pub(crate) mod nsd;
pub(crate) mod oauth;
pub(crate) mod ports;
pub(crate) mod postfix;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod reports;
pub(crate) mod script;
pub(crate) mod site;
pub(crate) mod smtp;
pub(crate) mod tables;
pub(crate) mod terminal;
pub(crate) mod tlsrptd;
pub(crate) mod wait;

use std::fmt::{Display, Write as _};
use std::path::PathBuf;

use tempfile::TempDir;

pub(crate) use ca::Ca;
pub(crate) use dovecot::{Dovecot, GREEK, GREEK_PASSWORD, Layout, OPS, PASSWORD, RUA, token};
pub(crate) use faulty_disk::FaultyDisk;
pub(crate) use manager::Manager;
pub(crate) use ports::own_ports;
pub(crate) use postfix::{DEFERRED, Postfix, REFUSED};
pub(crate) use proxy::{Fault, Proxy};
pub(crate) use reports::{Report, days_ago, letter};
pub(crate) use rustix::process::Signal;
pub(crate) use site::{Brand, Site};
pub(crate) use tlsrptd::{Running, Tlsrptd};
pub(crate) use wait::{END, LONG, until};

/// What one test needs, gone when it ends.
pub(crate) struct World {
    // Fields are dropped in this order: servers end before their folder goes.
    pub(crate) postfix: Option<Postfix>,
    pub(crate) dovecot: Dovecot,
    pub(crate) ca: Ca,
    folder: TempDir,
}

impl World {
    /// A Dovecot.
    pub(crate) fn new() -> Self {
        Self::with(Layout::default())
    }

    /// A Dovecot of another layout.
    pub(crate) fn with(layout: Layout) -> Self {
        let folder = temporary_folder();
        let ca = Ca::new(&folder.path().join("ca"));
        let dovecot = Dovecot::start(&folder.path().join("d"), &ca, layout);
        Self {
            postfix: None,
            dovecot,
            ca,
            folder,
        }
    }

    /// A Dovecot and a Postfix that delivers into it.
    pub(crate) fn with_postfix() -> Self {
        let mut world = Self::new();
        world.postfix = Some(Postfix::start(&world.path("p"), &world.ca, &world.dovecot));
        world
    }

    /// The Postfix of [`World::with_postfix`].
    pub(crate) fn postfix(&self) -> &Postfix {
        self.postfix.as_ref().expect("a world with a Postfix")
    }

    /// Hands a mail to Postfix as a stranger does, and waits until it lies in the INBOX of `RUA`.
    pub(crate) fn receive(&self, mail: &[u8]) {
        let mut inbox = self.dovecot.login(RUA);
        let n_before = inbox.uids("INBOX").len();
        self.postfix().deliver(RUA, mail);
        until("the mail to arrive", LONG, || {
            (inbox.uids("INBOX").len() > n_before).then_some(())
        });
    }

    /// Waits for so many mails in the INBOX of `user` and gives them.
    pub(crate) fn received(&self, user: &str, n_mails: usize) -> Vec<Vec<u8>> {
        let mut inbox = self.dovecot.login(user);
        until("mails to arrive", LONG, || {
            (inbox.uids("INBOX").len() >= n_mails).then_some(())
        });
        inbox.mails("INBOX")
    }

    /// A path in the folder of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with this configuration beside `[store]` path.
    pub(crate) fn tlsrptd(&self, configuration: &str) -> Tlsrptd {
        Tlsrptd::new(&self.path("t"), configuration)
    }

    /// A `[[mailbox]]` named `rua` that reads `RUA` over implicit TLS, with further or other keys.
    pub(crate) fn mailbox(&self, keys: &str) -> String {
        self.mailbox_at(self.dovecot.imaps, keys)
    }

    /// The same behind another port.
    pub(crate) fn mailbox_at(&self, port: u16, keys: &str) -> String {
        let defaults = [
            ("name", "\"rua\"".to_owned()),
            ("host", "\"localhost\"".to_owned()),
            ("port", port.to_string()),
            ("ca_file", quoted(&self.ca.root)),
            ("user", format!("{RUA:?}")),
            ("password", format!("{PASSWORD:?}")),
        ];
        section("[[mailbox]]", &defaults, keys)
    }

    /// `[smtp]` by STARTTLS and login, and a `[digest]` for `OPS`, with further or other keys for `[smtp]`.
    pub(crate) fn sending(&self, keys: &str) -> String {
        self.sending_to(&[OPS], keys)
    }

    /// `[digest]` and `[smtp]` that write files into `out`.
    pub(crate) fn file_sending(&self) -> String {
        let folder = self.path("out");
        std::fs::create_dir_all(&folder).unwrap();
        format!(
            "[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n[smtp]\ntransport = \"file\"\npath = {}\n",
            quoted(&folder)
        )
    }

    /// As [`World::sending`], to other recipients.
    pub(crate) fn sending_to(&self, to: &[&str], keys: &str) -> String {
        let port = self.postfix.as_ref().map_or(1, |postfix| postfix.submission);
        let defaults = [
            ("host", "\"localhost\"".to_owned()),
            ("port", port.to_string()),
            ("tls", "\"starttls\"".to_owned()),
            ("ca_file", quoted(&self.ca.root)),
            ("user", format!("{RUA:?}")),
            ("password", format!("{PASSWORD:?}")),
        ];
        let smtp = section("[smtp]", &defaults, keys);
        format!("[digest]\nfrom = \"tlsrptd@example.org\"\nto = {to:?}\n{smtp}")
    }
}

/// A folder for one test; short, for it holds sockets.
pub(crate) fn temporary_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::Builder::new().prefix("t").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A configuration file of a server: a template with each `@name@` filled in.
fn filled(template: &str, values: &[(&str, &dyn Display)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("@{name}@"), &value.to_string())
    })
}

/// Makes an empty Maildir; the section that reads it, for further keys to follow.
pub(crate) fn maildir(name: &str, folder: &std::path::Path) -> String {
    for part in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    let path = quoted(folder);
    format!("[[mailbox]]\nname = {name:?}\nkind = \"maildir\"\npath = {path}\n")
}

/// Subject and text of a mail.
pub(crate) fn subject_and_text(mail: &[u8]) -> (String, String) {
    let mail = mail_parser::MessageParser::default().parse(mail).unwrap();
    (
        mail.subject().unwrap().to_owned(),
        mail.body_text(0).unwrap().into_owned(),
    )
}

/// A path as a TOML string.
pub(crate) fn quoted(path: &std::path::Path) -> String {
    format!("{:?}", path.display().to_string())
}

/// A section of the configuration: each default that `keys` doesn't give, then `keys`. A key `password` is left out
/// where another source of the secret is given.
pub(crate) fn section(name: &str, defaults: &[(&str, String)], keys: &str) -> String {
    let given: Vec<&str> = keys
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
        .collect();
    let other_secret = given
        .iter()
        .any(|key| key.starts_with("password_") || *key == "token_command" || *key == "oauth2");
    let mut text = format!("{name}\n");
    for (key, value) in defaults {
        let replaced = *key == "password" && other_secret;
        if !given.contains(key) && !replaced {
            writeln!(text, "{key} = {value}").unwrap();
        }
    }
    format!("{text}{keys}\n")
}
