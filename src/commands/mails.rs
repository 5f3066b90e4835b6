//! `mails`: what was not stored, and why.

use std::io::Write;

use super::End;
use super::output::{Rows, document, printable};
use crate::cli::{MailsArgs, RowFormat, Table};
use crate::config::Config;
use crate::store::{ListedMail, ListedReport, MailQuestion, QueryOutput, Store, Value};

/// Outcomes of reports that don't count although somebody sent them.
const NOT_STORED: [&str; 4] = ["rejected", "conflict", "set-aside", "too-old"];
/// Columns of `--format csv`; a row a mail.
const COLUMNS: [&str; 10] = [
    "id",
    "source",
    "folder",
    "locator",
    "message_id",
    "received_at",
    "processed_at",
    "size_bytes",
    "outcome",
    "reason",
];

/// Lists mails, the newest first.
pub(super) fn mails(config: &Config, args: &MailsArgs) -> anyhow::Result<End> {
    let store = Store::open_read_only(&config.store)?;
    let one = args.outcome.map(|outcome| [outcome.as_str()]);
    let outcomes: &[&str] = match &one {
        _ if args.all => &[],
        Some(one) => one,
        None => &NOT_STORED,
    };
    let at_most = if args.limit == 0 { u32::MAX } else { args.limit };
    let (mails, n_mails) = store.list_mails(MailQuestion { outcomes, at_most })?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Table::Json => writeln!(out, "{}", document(&mails)?)?,
        Table::Csv => {
            drop(out);
            csv(&mails)?;
        }
        Table::Text => {
            for mail in &mails {
                write!(out, "{}", text(mail))?;
            }
            write!(out, "{}", summary(&mails, n_mails))?;
        }
    }
    Ok(End::Done)
}

fn csv(mails: &[ListedMail]) -> std::io::Result<()> {
    let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    let mut rows = Rows::new(RowFormat::Csv);
    rows.columns(&COLUMNS.map(str::to_owned))?;
    for mail in mails {
        rows.row(vec![
            Value::Integer(mail.id),
            Value::Text(mail.source.clone()),
            text(&mail.folder),
            Value::Text(mail.locator.clone()),
            text(&mail.message_id),
            text(&mail.received_at),
            Value::Text(mail.processed_at.clone()),
            Value::Integer(mail.size_bytes),
            Value::Text(mail.outcome.clone()),
            text(&mail.reason),
        ])?;
    }
    rows.finish()
}

/// A mail with what is odd about it below.
fn text(mail: &ListedMail) -> String {
    let when = mail.received_at.as_ref().unwrap_or(&mail.processed_at);
    let mut lines = vec![format!(
        "{}  {when}  {}  {}: {}",
        mail.id, mail.outcome, mail.source, mail.locator
    )];
    if mail.reports.is_empty() {
        lines.extend(mail.reason.iter().map(|reason| format!("    {reason}")));
    }
    let odd = mail.reports.iter().filter(|report| report.outcome != "stored");
    lines.extend(odd.map(|report| format!("    {}", why(report))));
    lines.iter().map(|line| printable(line) + "\n").collect()
}

/// Why a report was not stored, with the report to compare it with.
fn why(
    ListedReport {
        report,
        outcome,
        reason,
        counted,
    }: &ListedReport,
) -> String {
    let own = report.map_or(String::new(), |report| format!("report {report}, "));
    match (outcome.as_str(), reason, counted) {
        (_, Some(reason), _) => format!("{own}{outcome}: {reason}"),
        ("conflict", None, Some(counted)) => format!(
            "{own}conflict: report {counted} has the same sender, id, period and domains but other contents, \
             and counts; compare them with `tlsrptd show report`"
        ),
        ("too-old", None, _) => {
            "too-old: it ended before store.retention; raise that and import the mail again".to_owned()
        }
        ("duplicate", None, _) => report.map_or("duplicate".to_owned(), |report| {
            format!("duplicate of report {report}")
        }),
        (outcome, None, _) => format!("{own}{outcome}"),
    }
}

/// How many there are, and what to do next.
fn summary(mails: &[ListedMail], n_mails: u64) -> String {
    if mails.is_empty() {
        return "none\n".to_owned();
    }
    let n_shown = u64::try_from(mails.len()).unwrap_or(u64::MAX);
    let mut text = format!("\n{n_shown} of {n_mails} shown");
    if n_shown < n_mails {
        text.push_str("; --limit 0 shows all");
    }
    let is_rejected = |outcome: &str| outcome == "rejected";
    let any_rejected = mails.iter().any(|mail| {
        is_rejected(&mail.outcome) || mail.reports.iter().any(|report| is_rejected(&report.outcome))
    });
    if any_rejected {
        text.push_str("; after an upgrade `tlsrptd reparse` reads the rejected ones again");
    }
    text.push('\n');
    text
}
