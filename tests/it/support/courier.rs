//! A throw-away Courier: IMAP and IMAPS.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ca::Ca;
use super::dovecot::PASSWORD;
use super::imap::Imap;
use super::ports;
use super::process::{self, Server};

/// `./test` unpacks it there, for it can't be installed beside Dovecot.
const COURIER: &str = "/var/cache/tlsrptd-tests/courier-imap";
/// Who owns the mails; this id needs no entry in passwd.
const MAIL_UID: u32 = 5000;

/// The login name.
pub(crate) const USER: &str = "tls@example.org";

/// A running Courier.
pub(crate) struct Courier {
    _server: Server,
    maildir: PathBuf,
    /// IMAP with STARTTLS.
    pub(crate) imap: u16,
    /// IMAP over TLS.
    pub(crate) imaps: u16,
    /// IMAP that takes passwords in clear text.
    pub(crate) plain: u16,
}

impl Courier {
    /// Starts one that keeps everything in `folder`.
    pub(crate) fn start(folder: &Path, ca: &Ca) -> Self {
        for name in ["etc", "run/authdaemon", "home"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let maildir = folder.join("home/Maildir");
        for part in ["", "cur", "new", "tmp"] {
            fs::create_dir_all(maildir.join(part)).unwrap();
            chown(maildir.join(part), Some(MAIL_UID), Some(MAIL_UID)).unwrap();
        }
        let rights = "authmodulelist=authuserdb\ndaemons=2\nauthdaemonvar=/run/courier/authdaemon\n";
        fs::write(folder.join("etc/authdaemonrc"), rights).unwrap();
        let user = format!(
            "{USER}\tuid={MAIL_UID}|gid={MAIL_UID}|home={home}|mail={maildir}|imappw={password}\n",
            home = folder.join("home").display(),
            maildir = maildir.display(),
            password = hashed(PASSWORD),
        );
        private(&folder.join("etc/userdb"), user.as_bytes());
        let pair = [fs::read(&ca.server_key).unwrap(), fs::read(&ca.server).unwrap()].concat();
        private(&folder.join("cert.pem"), &pair);
        let owned = Command::new("chown")
            .arg("courier")
            .arg(folder.join("cert.pem"))
            .status();
        assert!(owned.unwrap().success(), "chown failed");
        process::retry("courier", &folder.join("log"), || {
            let [imap, imaps, plain] = ports::own_ports();
            let mut command = process::namespace();
            command.args(["/bin/sh", "-c", include_str!("courier.sh")]);
            command.env("FOLDER", folder).env("COURIER", COURIER);
            command
                .env("IMAP", imap.to_string())
                .env("IMAPS", imaps.to_string());
            command.env("PLAIN", plain.to_string());
            // The one that starts last speaks first by TLS, and so can't show by a greeting that it is there.
            let server = Server::start(&mut command, &folder.join("log"), plain)?;
            process::listens(imaps);
            Some(Self {
                _server: server,
                maildir: maildir.clone(),
                imap,
                imaps,
                plain,
            })
        })
    }

    /// A session in clear text.
    pub(crate) fn login(&self) -> Imap {
        Imap::login(self.plain, USER, PASSWORD)
    }

    /// Delivers a mail as its own agent does: by a file.
    pub(crate) fn deliver(&self, mail: &[u8]) {
        let name = format!(
            "{}.{}.test",
            jiff::Timestamp::now().as_second(),
            fastrand::u64(..)
        );
        let file = self.maildir.join("tmp").join(&name);
        fs::write(&file, mail).unwrap();
        chown(&file, Some(MAIL_UID), Some(MAIL_UID)).unwrap();
        fs::rename(&file, self.maildir.join("new").join(&name)).unwrap();
    }
}

fn private(file: &Path, content: &[u8]) {
    fs::write(file, content).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The password as userdb holds it.
fn hashed(password: &str) -> String {
    let hash = Command::new("openssl").args(["passwd", "-1", password]).output();
    let hash = hash.expect("cannot start openssl; run ./test, which installs it");
    String::from_utf8(hash.stdout).unwrap().trim().to_owned()
}
