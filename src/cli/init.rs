//! What `init` is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::AuthenticationMode;

/// Options of `init`; what isn't given is asked on a terminal.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct InitArgs {
    /// The address of the mailbox that reports go to: the one behind rua=mailto:...
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Its IMAP server, or `google` or `microsoft`; TLS from the first byte, or STARTTLS with port 143
    #[arg(long, value_name = "HOST[:PORT]")]
    pub imap: Option<String>,
    /// How TLS begins there, if the port doesn't say it
    #[arg(long, value_name = "MODE")]
    pub imap_tls: Option<Tls>,
    /// The login name, if it isn't the address
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// A file that holds the password; it stays where it is
    #[arg(long, value_name = "FILE", group = "secret")]
    pub password_file: Option<PathBuf>,
    /// A program and its arguments, separated by blanks, which prints the password; no shell
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub password_command: Option<String>,
    /// Read the password from the first line of standard input, and keep it in a file of mode 0600
    #[arg(long, group = "secret")]
    pub password_stdin: bool,
    /// OAuth 2 instead of a password: the application's id (docs/oauth.md)
    #[arg(long, value_name = "ID", group = "secret")]
    pub client_id: Option<String>,
    /// With --client-id at Microsoft: the directory
    #[arg(long, value_name = "TENANT", requires = "client_id")]
    pub tenant: Option<String>,
    /// With --client-id: a file that holds the application's secret
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub client_secret_file: Option<PathBuf>,
    /// With --client-id: a file that holds the refresh token; without, client credentials
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub refresh_token_file: Option<PathBuf>,
    /// A folder to read; may be given several times
    #[arg(long, value_name = "FOLDER")]
    pub folder: Vec<String>,
    /// Who gets the digest; separated by commas, or given several times
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub to: Vec<String>,
    /// The digest's sender, if it isn't the mailbox's address
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// The server that takes the digest, or `sendmail`; TLS from the first byte, or STARTTLS with port 587
    #[arg(long, value_name = "HOST[:PORT]")]
    pub smtp: Option<String>,
    /// How TLS begins there, if the port doesn't say it
    #[arg(long, value_name = "MODE")]
    pub smtp_tls: Option<Tls>,
    /// The login name there, if it isn't that of the mailbox; `none` for no login
    #[arg(long, value_name = "NAME")]
    pub smtp_user: Option<String>,
    /// A file that holds the password there, if it isn't that of the mailbox
    #[arg(long, value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,
    /// Certificate authorities of your own (PEM) for both servers
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The database, if it isn't at the usual place
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// The digest's time zone, if it isn't that of this machine
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// How the origin of reports is proven, if not by "auto" (docs/authentication.md)
    #[arg(long, value_name = "MODE")]
    pub authentication: Option<AuthenticationMode>,
    /// Your mail domains, for the DNS records; separated by commas, or given several times
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    pub domain: Vec<String>,
    /// As root: whose the files become; otherwise those of the user tlsrptd, if there is one
    #[arg(long, value_name = "USER")]
    pub owner: Option<String>,
    /// Ask nothing: take what is given and what is likely
    #[arg(long)]
    pub yes: bool,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
    /// Try no server
    #[arg(long, conflicts_with_all = ["poll", "send"])]
    pub offline: bool,
    /// Then read the mailbox for the first time
    #[arg(long)]
    pub poll: bool,
    /// Then read the mailbox and send the first digest
    #[arg(long)]
    pub send: bool,
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tls {
    /// From the first byte.
    Implicit,
    /// By STARTTLS, and never without.
    Starttls,
    /// Not at all; to loopback only.
    None,
}
