//! What people say of problems, domains and MX hosts.

use clap::Args;
use jiff::civil::Date;

use super::TextOrJson;

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
    /// How the answer looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
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
    /// How the answer looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
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
    /// How the answer looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
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
    /// How the answer looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}
