//! One of three IMAP servers, used alike.

use std::path::PathBuf;

use tempfile::TempDir;

use super::ca::Ca;
use super::courier::{self, Courier};
use super::cyrus::{self, Cyrus};
use super::dovecot::{Dovecot, Layout, PASSWORD, RUA};
use super::imap::Imap;
use super::tlsrptd::Tlsrptd;
use super::{quoted, section, temporary_folder};

/// Whose server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brand {
    Dovecot,
    Cyrus,
    Courier,
}

enum Server {
    Dovecot(Dovecot),
    Cyrus(Cyrus),
    Courier(Courier),
}

/// A server with one mailbox, gone when the test ends.
pub(crate) struct Site {
    // Fields are dropped in this order: the server ends before its folder goes.
    server: Server,
    pub(crate) ca: Ca,
    /// Before the names of all folders but INBOX.
    prefix: &'static str,
    separator: char,
    folder: TempDir,
}

impl Site {
    /// A server as its makers ship it; Courier keeps all folders below INBOX.
    pub(crate) fn new(brand: Brand) -> Self {
        Self::with(brand, brand == Brand::Courier)
    }

    /// One that keeps all folders below INBOX.
    pub(crate) fn below_inbox(brand: Brand) -> Self {
        Self::with(brand, true)
    }

    fn with(brand: Brand, is_below_inbox: bool) -> Self {
        let folder = temporary_folder();
        let ca = Ca::new(&folder.path().join("ca"));
        let place = folder.path().join("s");
        let dots = Layout {
            prefix: "INBOX.",
            ..Layout::default()
        };
        let (server, prefix, separator) = match (brand, is_below_inbox) {
            (Brand::Dovecot, false) => {
                let dovecot = Dovecot::start(&place, &ca, Layout::default());
                (Server::Dovecot(dovecot), "", '/')
            }
            (Brand::Dovecot, true) => {
                let dovecot = Dovecot::start(&place, &ca, dots);
                (Server::Dovecot(dovecot), dots.prefix, '.')
            }
            (Brand::Cyrus, below) => {
                let prefix = if below { "INBOX/" } else { "" };
                (Server::Cyrus(Cyrus::start(&place, &ca, below)), prefix, '/')
            }
            (Brand::Courier, _) => (Server::Courier(Courier::start(&place, &ca)), "INBOX.", '.'),
        };
        Self {
            server,
            ca,
            prefix,
            separator,
            folder,
        }
    }

    /// What a folder of this name (levels separated by `/`, modified UTF-7) is called here.
    pub(crate) fn wire(&self, name: &str) -> String {
        if name == "INBOX" {
            return name.to_owned();
        }
        format!(
            "{}{}",
            self.prefix,
            name.replace('/', &self.separator.to_string())
        )
    }

    /// A session in clear text.
    pub(crate) fn login(&self) -> Imap {
        match &self.server {
            Server::Dovecot(dovecot) => dovecot.login(RUA),
            Server::Cyrus(cyrus) => cyrus.login(),
            Server::Courier(courier) => courier.login(),
        }
    }

    /// Delivers a mail into INBOX as mails come in.
    pub(crate) fn deliver(&self, mail: &[u8]) {
        match &self.server {
            Server::Dovecot(dovecot) => dovecot.deliver(RUA, mail),
            Server::Cyrus(cyrus) => cyrus.deliver(mail),
            Server::Courier(courier) => courier.deliver(mail),
        }
    }

    /// The port of IMAP with STARTTLS.
    pub(crate) fn imap(&self) -> u16 {
        match &self.server {
            Server::Dovecot(dovecot) => dovecot.imap,
            Server::Cyrus(cyrus) => cyrus.imap,
            Server::Courier(courier) => courier.imap,
        }
    }

    /// The port of IMAP in clear text.
    pub(crate) fn plain(&self) -> u16 {
        match &self.server {
            Server::Dovecot(dovecot) => dovecot.imap,
            Server::Cyrus(_) => unreachable!("no test asks for it"),
            Server::Courier(courier) => courier.plain,
        }
    }

    fn imaps(&self) -> u16 {
        match &self.server {
            Server::Dovecot(dovecot) => dovecot.imaps,
            Server::Cyrus(cyrus) => cyrus.imaps,
            Server::Courier(courier) => courier.imaps,
        }
    }

    fn user(&self) -> &'static str {
        match &self.server {
            Server::Dovecot(_) => RUA,
            Server::Cyrus(_) => cyrus::USER,
            Server::Courier(_) => courier::USER,
        }
    }

    /// A path in the folder of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with a `[[mailbox]]` named `rua` over implicit TLS, with further or other keys.
    pub(crate) fn tlsrptd(&self, keys: &str) -> Tlsrptd {
        let defaults = [
            ("name", "\"rua\"".to_owned()),
            ("host", "\"localhost\"".to_owned()),
            ("port", self.imaps().to_string()),
            ("ca_file", quoted(&self.ca.root)),
            ("user", format!("{:?}", self.user())),
            ("password", format!("{PASSWORD:?}")),
        ];
        Tlsrptd::new(&self.path("t"), &section("[[mailbox]]", &defaults, keys))
    }
}
