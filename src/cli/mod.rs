//! The command line; no behaviour.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;

use crate::config::AuthenticationMode;

/// Reads SMTP TLS reports (RFC 8460) from a mailbox into SQLite and mails a daily digest of new failures.
#[derive(Debug, Parser)]
#[command(
    name = "tlsrptd",
    version,
    propagate_version = true,
    after_help = "Configuration: --config, else $TLSRPTD_CONFIG, else ./tlsrptd.toml, else /etc/tlsrptd/config.toml.\n\
                  Exit status: 0 done; 1 failed; 2 wrong usage or configuration; 3 done, but some mails were rejected \
                  or a mailbox failed."
)]
pub struct Cli {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How log lines on standard error look
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Log each mail and each step as well
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Set everything up: ask, try the servers, write a configuration, and say what to publish in DNS
    Init(Box<InitArgs>),
    /// Run as a daemon: poll every mailbox, send the digest at its time, until SIGTERM
    Run,
    /// Poll every mailbox once
    Poll {
        /// Do everything but keep nothing and change nothing in a mailbox
        #[arg(long)]
        dry_run: bool,
        /// Send no urgent mail; the next digest tells what it would say
        #[arg(long)]
        no_mail: bool,
    },
    /// Import mails and reports from files: mails, JSON, gzip, zip, mbox, Maildirs, and folders of these
    Import {
        /// Files or folders, told by their content; `-` is standard input
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// How the origin of mails is proven; otherwise as the configuration says. Keys go with time: `off` counts old
        /// mails unchecked
        #[arg(long, value_name = "MODE")]
        authentication: Option<AuthenticationMode>,
        /// Do everything but keep nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the next digest, or send it
    Digest(DigestArgs),
    /// Query the database; it can't be changed
    Sql(SqlArgs),
    /// Try the configuration, every mailbox, the mail server and the database
    Check {
        /// Check the configuration alone
        #[arg(long)]
        offline: bool,
        /// Mail one line to the recipients of the digest
        #[arg(long, conflicts_with = "offline")]
        send_test: bool,
        /// How the result looks
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: TextOrJson,
    },
    /// List the mails that were not stored, with the reasons
    Mails(MailsArgs),
    /// How things stand: polls, counts, the next digest, what waits
    Status(StatusArgs),
    /// Whether domains are ready for mode enforce: every condition, and what enforce would have held
    Ready(ReadyArgs),
    /// How each domain stands: policy as senders see it, connections, problems
    Domains(TextOrJsonArgs),
    /// Who reports, how regularly, and who has stopped
    Reporters(TextOrJsonArgs),
    /// Copy the database, also while the daemon runs
    Backup {
        /// The copy; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Read rejected mails and stored reports again, after an upgrade, and say what changed
    Reparse {
        /// Do everything but keep nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Erase all that is stored about a domain
    Forget(ForgetArgs),
    /// List the open problems: what is to be repaired, where, since when, and what it does to mail
    Problems(ProblemsArgs),
    /// Show a problem by its id with all that is known of it, or a report
    Show(ShowArgs),
    /// Keep a problem out of the mails for some days, unless it gets worse
    Ack(AckArgs),
    /// Write down what you did or know about a problem or a domain
    Note(NoteArgs),
    /// Say that a problem was repaired: one clean day then suffices to call it over
    Fixed(FixedArgs),
    /// Write a page with everything of all days: sessions, reporters, problems, policies, readiness
    Report {
        /// Where to write it; one file that needs no other, replaced if it is there
        #[arg(long, value_name = "FILE", required = true)]
        html: PathBuf,
    },
    /// Print versions, settings, counts and the last errors for whoever helps you: no secrets, names or reports
    DebugInfo,
    /// Let reports count that were set aside because their origin isn't proven
    Accept(AcceptArgs),
    /// Say that a domain or an MX is no longer used: its problems are closed, later failures only counted
    Retire(RetireArgs),
    /// Tell what a cause, a result type or a combination means, and what to do; without a name, list them
    Explain {
        /// A cause such as `expired`, a result type as in reports, or a combination such as `C7`
        #[arg(value_name = "CAUSE|RESULT-TYPE")]
        name: Option<String>,
        /// How it looks
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: TextOrJson,
    },
}

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

/// Options of `mails`.
#[derive(Debug, Args)]
pub struct MailsArgs {
    /// Only mails with this outcome, or with a report that has it; otherwise rejected, conflict, set-aside and too-old
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<Outcome>,
    /// Every mail that was read, whatever became of it
    #[arg(long, conflicts_with = "outcome")]
    pub all: bool,
    /// At most so many, the newest first; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// How the list looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Table,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    /// A report in it counts.
    Stored,
    /// Waits for a person's decision.
    SetAside,
    /// Another report with the same identity counts.
    Conflict,
    /// It can't be read.
    Rejected,
    /// Beyond the retention.
    TooOld,
    /// Known already.
    Duplicate,
    /// Nothing for us.
    NotAReport,
}

impl Outcome {
    /// The outcome as the database has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::SetAside => "set-aside",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::TooOld => "too-old",
            Self::Duplicate => "duplicate",
            Self::NotAReport => "not-a-report",
        }
    }
}

/// Options of `ready`.
#[derive(Debug, Args)]
pub struct ReadyArgs {
    /// Show every condition of this domain; otherwise a line for each domain
    pub domain: Option<String>,
    /// How it looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

/// Options of verbs that only have a format.
#[derive(Debug, Args)]
pub struct TextOrJsonArgs {
    /// How it looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

/// Options of `forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// The policy domain; its subdomains are domains of their own
    pub domain: String,
    /// Only say what would be erased
    #[arg(long)]
    pub dry_run: bool,
    /// Erase it; there is no way back
    #[arg(long)]
    pub yes: bool,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print one line, and end with 1 if polling or sending has failed for longer than `limits.health_after`
    #[arg(long)]
    pub health: bool,
    /// How it looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

/// Options of `problems`.
#[derive(Debug, Args)]
pub struct ProblemsArgs {
    /// Those that are over too, and what is too little to speak of, foreign or retired
    #[arg(long)]
    pub all: bool,
    /// How the list looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Table,
}

/// Options of `show`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct ShowArgs {
    /// What else to show
    #[command(subcommand)]
    pub what: Option<Show>,
    /// The id of a problem, as in mails and in `problems`; its beginning suffices
    #[arg(value_name = "ID", required = true)]
    pub problem: Option<String>,
    /// How it looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

/// Options of `ack`.
#[derive(Debug, Args)]
pub struct AckArgs {
    /// The id of the problem
    pub id: String,
    /// For so many days from today; 0 takes it back
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(0..=366))]
    pub days: u16,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub because: String,
    /// Only say what it would do
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `note`.
#[derive(Debug, Args)]
pub struct NoteArgs {
    /// The id of a problem, or a domain
    #[arg(value_name = "ID|DOMAIN")]
    pub about: String,
    /// What you did or know, in a few words
    #[arg(required_unless_present = "undo")]
    pub text: Vec<String>,
    /// Take back what was noted about it so far; it stays on record
    #[arg(long, conflicts_with = "text")]
    pub undo: bool,
    /// Only say what it would do
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `fixed`.
#[derive(Debug, Args)]
pub struct FixedArgs {
    /// The id of the problem
    pub id: String,
    /// How, for whoever looks at it later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub because: String,
    /// Take it back
    #[arg(long, conflicts_with = "because")]
    pub undo: bool,
    /// Only say what it would do
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `accept`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["mail", "from"]))]
pub struct AcceptArgs {
    /// The mail's id, as `tlsrptd mails` lists it
    #[arg(value_name = "MAIL")]
    pub mail: Option<i64>,
    /// All that is set aside of this reporter
    #[arg(long, value_name = "DOMAIN")]
    pub from: Option<String>,
    /// Only say what it would do
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `retire`.
#[derive(Debug, Args)]
pub struct RetireArgs {
    /// The domain, or the host name of the MX
    #[arg(value_name = "DOMAIN|MX")]
    pub name: String,
    /// Since this day (UTC), such as 2026-11-20; otherwise today
    #[arg(long, value_name = "DAY")]
    pub since: Option<Date>,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub because: String,
    /// It is used again
    #[arg(long, conflicts_with_all = ["since", "because"])]
    pub undo: bool,
    /// Only say what it would do
    #[arg(long)]
    pub dry_run: bool,
}

/// What can be shown besides a problem.
#[derive(Debug, Subcommand)]
pub enum Show {
    /// A report by its id, as a person reads it and as it was sent
    Report {
        /// Its id in the table `reports`
        id: i64,
        /// How it looks
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: TextOrJson,
    },
}

/// Options of `digest`.
#[derive(Debug, Args)]
pub struct DigestArgs {
    /// Send it if there is something to tell, and remember that
    #[arg(long)]
    pub send: bool,
    /// With --send: only say what would be sent
    #[arg(long, requires = "send")]
    pub dry_run: bool,
    /// How the printed digest looks
    #[arg(long, value_name = "FORMAT", default_value = "text", conflicts_with = "send")]
    pub format: DigestFormat,
    /// Print that of this `[[digest.audience]]`; --send sends those of all
    #[arg(long, value_name = "NAME", conflicts_with = "send")]
    pub audience: Option<String>,
}

/// Options of `sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// A SELECT statement
    #[arg(required_unless_present_any = ["schema", "examples"])]
    pub query: Option<String>,
    /// How rows look
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: RowFormat,
    /// Longest time a query may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
    /// Print the documented tables and views
    #[arg(long, conflicts_with = "query")]
    pub schema: bool,
    /// Print queries to start from
    #[arg(long, conflicts_with_all = ["query", "schema"])]
    pub examples: bool,
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// For people; control characters are escaped.
    Text,
    /// One array of objects.
    Json,
    /// RFC 4180.
    Csv,
}

/// How a digest is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DigestFormat {
    /// Its text part.
    Text,
    /// Its HTML part.
    Html,
    /// The whole mail.
    Eml,
    /// Its facts.
    Json,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// A table for people; control characters are escaped.
    #[value(alias = "text")]
    Table,
    /// RFC 4180.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Ndjson,
}
