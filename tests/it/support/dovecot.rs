//! A throw-away Dovecot: IMAP, IMAPS, LMTP, and SASL for Postfix.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;

use super::ca::Ca;
use super::imap::Imap;
use super::ports;
use super::process::{self, Server};
use super::{filled, smtp};

/// Dovecot never delivers as root; this id needs no entry in passwd.
const MAIL_UID: u32 = 5000;
/// The key that signs OAuth tokens.
const TOKEN_KEY: &[u8] = b"a key that only this test knows";

/// The mailbox of `rua=mailto:`.
pub(crate) const RUA: &str = "tls@example.org";
/// Who gets the digest.
pub(crate) const OPS: &str = "ops@example.org";
/// The password of both.
pub(crate) const PASSWORD: &str = "sesame-7131";
/// A user whose password isn't ASCII.
pub(crate) const GREEK: &str = "greek@example.org";
/// The password of that user.
pub(crate) const GREEK_PASSWORD: &str = "Σουσάμι-åß";

/// What may differ from test to test.
#[derive(Clone, Copy, Default)]
pub(crate) struct Layout {
    /// The prefix of the personal namespace, as `INBOX.`; its last character is the separator.
    pub(crate) prefix: &'static str,
    /// Further configuration.
    pub(crate) extra: &'static str,
}

/// A running Dovecot.
pub(crate) struct Dovecot {
    folder: PathBuf,
    server: Option<Server>,
    /// IMAP with STARTTLS.
    pub(crate) imap: u16,
    /// IMAP over TLS.
    pub(crate) imaps: u16,
    /// LMTP.
    pub(crate) lmtp: u16,
}

impl Dovecot {
    /// Starts one that keeps everything in `folder`, which must have a short name: paths of sockets end at 107
    /// characters.
    pub(crate) fn start(folder: &Path, ca: &Ca, layout: Layout) -> Self {
        for name in ["run", "state", "mail", "keys/default/HS256"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        chown(folder.join("mail"), Some(MAIL_UID), Some(MAIL_UID)).unwrap();
        let users = [(RUA, PASSWORD), (OPS, PASSWORD), (GREEK, GREEK_PASSWORD)];
        let users = users.map(|(user, password)| format!("{user}:{{PLAIN}}{password}::::::\n"));
        fs::write(folder.join("passwd"), users.concat()).unwrap();
        fs::write(
            folder.join("keys/default/HS256/default"),
            STANDARD.encode(TOKEN_KEY),
        )
        .unwrap();
        let oauth = format!(
            "introspection_mode = local\nusername_attribute = sub\n\
             local_validation_key_dict = fs:posix:prefix={}/keys/\n",
            folder.display()
        );
        fs::write(folder.join("oauth.conf.ext"), oauth).unwrap();
        process::retry("dovecot", &folder.join("log"), || {
            let [imap, imaps, lmtp] = ports::own_ports();
            fs::write(
                folder.join("dovecot.conf"),
                configuration(folder, ca, layout, [imap, imaps, lmtp]),
            )
            .unwrap();
            let server = Some(launch(folder, imap)?);
            Some(Self {
                folder: folder.to_owned(),
                server,
                imap,
                imaps,
                lmtp,
            })
        })
    }

    /// Stops it at once, as if the machine had failed.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// Starts it again on the same ports with the same mails.
    pub(crate) fn start_again(&mut self) {
        self.server = Some(process::retry("dovecot", &self.folder.join("log"), || {
            launch(&self.folder, self.imap)
        }));
    }

    /// The processes that serve IMAP sessions after login.
    pub(crate) fn sessions(&self) -> Vec<u32> {
        self.server
            .as_ref()
            .map(|server| server.children("imap"))
            .unwrap_or_default()
    }

    /// The socket on which Postfix asks who may log in.
    pub(crate) fn sasl(&self) -> PathBuf {
        self.folder.join("sasl-auth")
    }

    /// A session of `user`, in clear text: loopback counts as secured.
    pub(crate) fn login(&self, user: &str) -> Imap {
        Imap::login(
            self.imap,
            user,
            if user == GREEK { GREEK_PASSWORD } else { PASSWORD },
        )
    }

    /// Delivers a mail by LMTP.
    pub(crate) fn deliver(&self, to: &str, mail: &[u8]) {
        smtp::deliver(
            self.lmtp,
            smtp::Dialect::Lmtp,
            "reports@reporter.example",
            to,
            mail,
        );
    }

    /// Puts many mails into the INBOX of `user` by writing the files.
    pub(crate) fn plant(&self, user: &str, mails: impl IntoIterator<Item = Vec<u8>>) {
        let home = self.folder.join("mail").join(user);
        let maildir = home.join("Maildir");
        for folder in [
            home.clone(),
            maildir.clone(),
            maildir.join("cur"),
            maildir.join("new"),
            maildir.join("tmp"),
        ] {
            fs::create_dir_all(&folder).unwrap();
            chown(&folder, Some(MAIL_UID), Some(MAIL_UID)).unwrap();
        }
        for (n, mail) in mails.into_iter().enumerate() {
            let name = format!("1700000000.{n:06}_{}.test", fastrand::u64(..));
            let file = maildir.join("tmp").join(&name);
            fs::write(&file, mail).unwrap();
            chown(&file, Some(MAIL_UID), Some(MAIL_UID)).unwrap();
            // Whole or not at all: a session may look into the folder at any time, and moves away what it finds there.
            fs::rename(&file, maildir.join("new").join(&name)).unwrap();
        }
    }

    /// The files of INBOX, or of a folder by its name on the wire.
    pub(crate) fn maildir(&self, user: &str, folder: &str) -> PathBuf {
        let inbox = self.folder.join("mail").join(user).join("Maildir");
        if folder == "INBOX" {
            inbox
        } else {
            inbox.join(format!(".{folder}"))
        }
    }
}

/// An OAuth token for `user` that this Dovecot accepts: a JWT (RFC 7519) signed with HS256.
pub(crate) fn token(user: &str) -> String {
    token_for(user, 3600)
}

/// The same for so many seconds; no two are alike.
pub(crate) fn token_for(user: &str, seconds: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    let id = fastrand::u64(..);
    let claims = serde_json::json!({"sub": user, "iat": now - 60, "exp": now + seconds, "iss": "tests", "jti": id.to_string()});
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!(
        "{}.{}",
        encode(br#"{"alg":"HS256","typ":"JWT"}"#),
        encode(claims.to_string().as_bytes())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, TOKEN_KEY);
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", encode(signature.as_ref()))
}

fn launch(folder: &Path, port: u16) -> Option<Server> {
    // Its own users read keys and sockets in there.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("/usr/sbin/dovecot");
    command.process_group(0);
    command.arg("-F").arg("-c").arg(folder.join("dovecot.conf"));
    Server::start(&mut command, &folder.join("stdout"), port)
}

fn configuration(folder: &Path, ca: &Ca, layout: Layout, [imap, imaps, lmtp]: [u16; 3]) -> String {
    let Layout { prefix, extra } = layout;
    filled(
        include_str!("dovecot.conf"),
        &[
            ("dir", &folder.display()),
            ("cert", &ca.server.display()),
            ("key", &ca.server_key.display()),
            ("mail_uid", &MAIL_UID),
            ("separator", &prefix.chars().last().unwrap_or('/')),
            ("prefix", &prefix),
            ("imap", &imap),
            ("imaps", &imaps),
            ("lmtp", &lmtp),
            ("extra", &extra),
        ],
    )
}
