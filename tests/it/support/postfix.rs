//! A throw-away Postfix that delivers into a Dovecot.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::ca::Ca;
use super::dovecot::Dovecot;
use super::process::{self, Server};
use super::smtp;

/// Whom this Postfix refuses until [`Postfix::relent`].
pub(crate) const REFUSED: &str = "refused@example.org";

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
            "refusing = inline:{{ {{{REFUSED} = 550 5.1.1 no such user}} }}\n\
             smtpd_recipient_restrictions = check_recipient_access $refusing\n"
        );
        fs::write(folder.join("etc/main.cf"), format!("{main}{refusing}")).unwrap();
        process::retry("postfix", &folder.join("maillog"), || {
            let ports = process::free_ports();
            fs::write(folder.join("etc/master.cf"), master_cf(ports)).unwrap();
            let mut command = Command::new(format!("{PROGRAMS}/master"));
            command.arg("-s").arg("-c").arg(folder.join("etc"));
            command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
            command
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

    /// Accepts [`REFUSED`] from now on.
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
    let dir = folder.display();
    let (cert, key) = (ca.server.display(), ca.server_key.display());
    let (lmtp, sasl) = (dovecot.lmtp, dovecot.sasl());
    let sasl = sasl.display();
    let top: PathBuf = folder.components().take(2).collect();
    let top = top.display();
    format!(
        "compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = {PROGRAMS}
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:ok
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
lmtp_tls_security_level = none
relay_transport = error:no relay in tests
default_transport = error:no outside mail in tests
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {sasl}
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
maillog_file = {dir}/maillog
maillog_file_prefixes = {top}
message_size_limit = 209715200
mailbox_size_limit = 0
queue_minfree = 0
smtputf8_enable = yes
"
    )
}

fn master_cf([smtp, submission, submissions]: [u16; 3]) -> String {
    format!(
        "127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{submissions} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"
    )
}
