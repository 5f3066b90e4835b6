//! The command line; no behaviour.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::AuthenticationMode;

mod init;
mod saying;

pub use init::{InitArgs, Tls};
pub use saying::{AcceptArgs, AckArgs, FixedArgs, NoteArgs, RetireArgs};

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
