//! A throw-away Postfix that delivers into a Dovecot.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::ca::Ca;
use super::dovecot::Dovecot;
use super::ports;
use super::process::{self, Server};
use super::{filled, smtp};

/// Whom this Postfix refuses for good, until [`Postfix::relent`].
pub(crate) const REFUSED: &str = "refused@example.org";
/// Whom this Postfix refuses for the moment, until [`Postfix::relent`].
pub(crate) const DEFERRED: &str = "deferred@example.org";

/// Where the package's programs are.
const PROGRAMS: &str = "/usr/lib/postfix/sbin";

/// A running Postfix.
pub(crate) struct Postfix {
    folder: PathBuf,
    main: String,
    server: Server,
    /// As port 25: no login, only to our own users.
    pub(crate) smtp: u16,
    /// As port 587: STARTTLS and login demanded.
    pub(crate) submission: u16,
    /// As port 465: TLS from the first byte and login demanded.
    pub(crate) submissions: u16,
}

impl Postfix {
    /// Starts one that keeps everything in `folder`.
    pub(crate) fn start(folder: &Path, ca: &Ca, dovecot: &Dovecot) -> Self {
        make_queue(folder);
        let main = main_cf(folder, ca, dovecot);
        // A restriction with spaces in it needs braces around it.
        let refusing = format!(
            "refusing = inline:{{ {{{REFUSED} = 550 5.1.1 no such user}}, {{{DEFERRED} = 450 4.2.1 come later}} }}\n\
             smtpd_recipient_restrictions = check_recipient_access $refusing\n"
        );
        fs::write(folder.join("etc/main.cf"), format!("{main}{refusing}")).unwrap();
        process::retry("postfix", &folder.join("maillog"), || {
            let ports = ports::own_ports();
            fs::write(folder.join("etc/master.cf"), master_cf(ports)).unwrap();
            let mut command = Command::new(format!("{PROGRAMS}/master"));
            command.arg("-s").arg("-c").arg(folder.join("etc"));
            command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
            command
                .envs(process::clock())
                .env("MAIL_CONFIG", folder.join("etc"))
                .env("MAIL_LOGTAG", "postfix");
            let [smtp, submission, submissions] = ports;
            let server = Server::start(&mut command, &folder.join("stdout"), smtp)?;
            Some(Self {
                folder: folder.to_owned(),
                main: main.clone(),
                server,
                smtp,
                submission,
                submissions,
            })
        })
    }

    /// Hands over a report mail as a stranger does.
    pub(crate) fn deliver(&self, to: &str, mail: &[u8]) {
        smtp::deliver(
            self.smtp,
            smtp::Dialect::Smtp,
            "reports@reporter.example",
            to,
            mail,
        );
    }

    /// Accepts everybody from now on.
    pub(crate) fn relent(&self) {
        fs::write(self.folder.join("etc/main.cf"), &self.main).unwrap();
        process::signal(self.server.pid(), Signal::HUP);
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("maillog")).unwrap_or_default()
    }
}

/// The folders that `postfix start` would make.
fn make_queue(folder: &Path) {
    fs::create_dir_all(folder.join("etc")).unwrap();
    let postfix = id_of("/etc/passwd", "postfix");
    let postdrop = id_of("/etc/group", "postdrop");
    fs::create_dir_all(folder.join("data")).unwrap();
    chown(folder.join("data"), Some(postfix), None).unwrap();
    let make = |name: &str, owner: u32, group: u32, mode: u32| {
        let path = folder.join("queue").join(name);
        fs::create_dir_all(&path).unwrap();
        chown(&path, Some(owner), Some(group)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace",
        "private",
    ] {
        make(name, postfix, 0, 0o700);
    }
    make("maildrop", postfix, postdrop, 0o730);
    make("public", postfix, postdrop, 0o710);
    make("pid", 0, 0, 0o755);
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The numeric id of `name` in a file like /etc/passwd.
fn id_of(file: &str, name: &str) -> u32 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("{file} has no {name}; run ./test, which installs postfix"));
    line.split(':').nth(2).unwrap().parse().unwrap()
}

fn main_cf(folder: &Path, ca: &Ca, dovecot: &Dovecot) -> String {
    let top: PathBuf = folder.components().take(2).collect();
    filled(
        include_str!("postfix-main.cf"),
        &[
            ("dir", &folder.display()),
            ("top", &top.display()),
            ("programs", &PROGRAMS),
            ("lmtp", &dovecot.lmtp),
            ("cert", &ca.server.display()),
            ("key", &ca.server_key.display()),
            ("sasl", &dovecot.sasl().display()),
        ],
    )
}

fn master_cf([smtp, submission, submissions]: [u16; 3]) -> String {
    filled(
        include_str!("postfix-master.cf"),
        &[
            ("smtp", &smtp),
            ("submission", &submission),
            ("submissions", &submissions),
        ],
    )
}
