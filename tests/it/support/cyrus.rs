//! A throw-away Cyrus: IMAP, IMAPS and LMTP.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ca::Ca;
use super::dovecot::PASSWORD;
use super::imap::Imap;
use super::ports;
use super::process::{self, Server};
use super::{filled, smtp};

/// `./test` unpacks it there, for it can't be installed beside Dovecot.
const IMAPD: &str = "/var/cache/tlsrptd-tests/cyrus-imapd/usr/lib/cyrus/bin/imapd";

/// The login name.
pub(crate) const USER: &str = "tls";

/// A running Cyrus.
pub(crate) struct Cyrus {
    _server: Server,
    /// IMAP with STARTTLS.
    pub(crate) imap: u16,
    /// IMAP over TLS.
    pub(crate) imaps: u16,
    /// IMAP that takes passwords in clear text.
    plain: u16,
    lmtp: u16,
}

impl Cyrus {
    /// Starts one that keeps everything in `folder`; all folders of a user are below INBOX, or beside it.
    pub(crate) fn start(folder: &Path, ca: &Ca, is_below_inbox: bool) -> Self {
        for name in [
            "conf/proc",
            "conf/db",
            "conf/socket",
            "conf/log",
            "conf/msg",
            "spool",
            "sieve",
        ] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        fs::copy(&ca.server, folder.join("srv.pem")).unwrap();
        fs::copy(&ca.server_key, folder.join("srv.key")).unwrap();
        add_user(&folder.join("sasldb2"));
        process::retry("cyrus", &folder.join("log"), || {
            let [imap, imaps, plain, lmtp] = ports::own_ports();
            let write = |name: &str, template: &str| {
                let values: [(&str, &dyn std::fmt::Display); 7] = [
                    ("dir", &folder.display()),
                    ("imapd", &IMAPD),
                    ("alternative", &if is_below_inbox { "no" } else { "yes" }),
                    ("imap", &imap),
                    ("imaps", &imaps),
                    ("plain", &plain),
                    ("lmtp", &lmtp),
                ];
                fs::write(folder.join(name), filled(template, &values)).unwrap();
            };
            write("imapd.conf", include_str!("cyrus-imapd.conf"));
            write("cyrus.conf", include_str!("cyrus.conf"));
            let owned = Command::new("chown")
                .args(["-R", "cyrus:mail"])
                .arg(folder)
                .status();
            assert!(owned.unwrap().success(), "chown failed");
            Some(Self {
                _server: launch(folder, plain)?,
                imap,
                imaps,
                plain,
                lmtp,
            })
        })
    }

    /// A session in clear text.
    pub(crate) fn login(&self) -> Imap {
        Imap::login(self.plain, USER, PASSWORD)
    }

    /// Delivers a mail by LMTP.
    pub(crate) fn deliver(&self, mail: &[u8]) {
        smtp::deliver(
            self.lmtp,
            smtp::Dialect::Lmtp,
            "reports@reporter.example",
            USER,
            mail,
        );
    }
}

fn launch(folder: &Path, port: u16) -> Option<Server> {
    let mut command = process::namespace();
    command.arg("/usr/lib/cyrus/bin/master");
    let file = |name: &str| -> PathBuf { folder.join(name) };
    command
        .arg("-C")
        .arg(file("imapd.conf"))
        .arg("-M")
        .arg(file("cyrus.conf"));
    command.arg("-p").arg(file("master.pid")).arg("-D");
    Server::start(&mut command, &file("log"), port)
}

fn add_user(database: &Path) {
    let mut child = Command::new("/usr/sbin/saslpasswd2")
        .args(["-p", "-c", "-u", "localhost", "-f"])
        .arg(database)
        .arg(USER)
        .stdin(Stdio::piped())
        .spawn()
        .expect("cannot start saslpasswd2; run ./test, which installs it");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(PASSWORD.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "saslpasswd2 failed");
}
