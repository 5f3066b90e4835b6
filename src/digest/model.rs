//! What a digest says, in order. Pure: the same rows and options give the same words.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};

use crate::config::{SendWhen, Weekday};
use crate::digest::item::{Frame, Reading};
use crate::digest::json::Document;
use crate::digest::{TAG, names, subject, trouble, words};
use crate::store::rows::{DigestFacts, DomainTotals, ReporterTotals, Sum};

/// New failures told in full.
const MAX_FULL: usize = 5;
/// Failures told at all, in full or in a line.
const MAX_LISTED: usize = 20;
/// Rows of the table of older failures.
const MAX_OVER: usize = 10;
/// Rows of the table of domains.
const MAX_DOMAINS: usize = 20;
/// Rows of the table of reporters.
const MAX_REPORTERS: usize = 10;

/// What the digest depends on besides the database.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone of dates and times that are ours; report days are UTC.
    pub zone: TimeZone,
    /// When digests are sent.
    pub send: SendWhen,
    /// The day of the all-quiet mail.
    pub weekly: Weekday,
    /// Whether it is sure that no mailbox was changed, by this run's configuration.
    pub mailbox_unchanged: bool,
}

impl Options {
    pub(crate) fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    pub(crate) fn day(&self, at: Timestamp) -> civil::Date {
        self.zoned(at).date()
    }
}

/// Whether there is anything to tell that no digest has told.
pub fn news(facts: &DigestFacts) -> bool {
    facts.previous_at.is_none()
        || !facts.new.is_empty()
        || !facts.rejected.is_empty()
        || facts.failing.iter().any(|mailbox| mailbox.new)
        || facts.refused.iter().any(|refused| refused.new)
}

/// A digest, ready to be set as text or HTML.
///
/// In its texts a no-break space stands where no line may break.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// The Subject with its tag: ASCII, at most 78 characters.
    pub subject: String,
    /// The Subject without its tag: the first line of the body.
    pub verdict: String,
    /// All that follows.
    pub sections: Vec<Section>,
    document: Document,
}

/// A part of the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// Running text.
    Paragraph(String),
    /// A failure or a trouble in full.
    Finding(Finding),
    /// Several things in a line each.
    Lines {
        /// What they have in common.
        title: String,
        /// The lines.
        lines: Vec<String>,
        /// How to see those that are left out.
        more: Option<String>,
    },
    /// A table.
    Table(Table),
}

/// A failure or a trouble in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `NEW` or `TROUBLE`.
    pub tag: &'static str,
    /// What it is.
    pub title: String,
    /// Where it matters.
    pub context: String,
    /// The labelled rest.
    pub rows: Vec<Row>,
}

/// A labelled part of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The label; at most six characters.
    pub label: &'static str,
    /// What stands beside it.
    pub blocks: Vec<Block>,
}

impl Row {
    pub(crate) fn text(label: &'static str, text: String) -> Self {
        Self {
            label,
            blocks: vec![Block::Text(text)],
        }
    }

    pub(crate) fn command(label: &'static str, command: String) -> Self {
        Self {
            label,
            blocks: vec![Block::Command(command)],
        }
    }
}

/// Running text, or a command for a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Text(String),
    /// A command; text breaks it only where a shell allows it.
    Command(String),
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it shows, if its head doesn't say it.
    pub title: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, a cell for each column.
    pub rows: Vec<Vec<String>>,
    /// What stands below.
    pub note: Option<String>,
}

impl Table {
    /// Whether the column is set to the right.
    pub fn is_numeric(&self, column: &usize) -> bool {
        self.columns.get(*column).is_some_and(|column| column.numeric)
    }
}

/// A column's head and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The head.
    pub name: &'static str,
    /// Whether it is set to the right.
    pub numeric: bool,
}

const fn column(name: &'static str) -> Column {
    Column { name, numeric: false }
}

const fn numbers(name: &'static str) -> Column {
    Column { name, numeric: true }
}

impl Digest {
    /// What there is to say about `facts`.
    pub fn build(facts: &DigestFacts, options: &Options) -> Self {
        let frame = Frame {
            after_report: facts.after_report,
            last_report: facts.last_report,
            today: options.day(facts.due_at),
        };
        let new = by_rank(&facts.new);
        let ongoing = by_rank(&facts.ongoing);
        let verdict = subject::verdict(facts, &new, &ongoing, options);
        let mut sections = vec![Section::Paragraph(lead(facts, frame))];
        if facts.previous_at.is_none() {
            sections.extend(mails_read(facts, options).map(Section::Paragraph));
        }
        sections.extend(
            new.iter()
                .take(MAX_FULL)
                .map(|reading| Section::Finding(reading.finding(frame))),
        );
        sections.extend(lines(
            "Also new",
            new.get(MAX_FULL..).unwrap_or_default(),
            MAX_LISTED.saturating_sub(MAX_FULL),
            false,
            frame,
        ));
        sections.extend(lines("Going on", &ongoing, MAX_LISTED, true, frame));
        sections.extend(
            trouble::findings(facts, options)
                .into_iter()
                .map(Section::Finding),
        );
        sections.extend(over(facts, frame));
        sections.extend(domains(&facts.domains));
        sections.extend(reporters(&facts.reporters));
        if facts.previous_at.is_none() {
            sections.push(Section::Paragraph(what_comes_next(facts, options)));
        }
        Self {
            subject: format!("{TAG}{verdict}"),
            document: Document::new(facts, &verdict, &new, &ongoing),
            verdict,
            sections,
        }
    }

    /// The digest as one JSON document with all numbers; texts of reports are as sent.
    ///
    /// Keys: `subject`, `due_at`, `previous_at`, `report_range` (`first`, `last`: ids), `reports`, `days`, `mails`,
    /// `new`, `ongoing`, `over` (failures: `failure_types`, `policy_domain`, `policy_types`, `sts_modes`,
    /// `result_type`, `receiving_mx_hostname`, `cause`, `impact`, `urgency`, `headline`, `first_day`, `last_day`,
    /// `late`, `failed`, `total`, `reporters`, `reasons`, `more_reasons`, `receiving_ips`), `domains`, `reporters`,
    /// `rejected_mails`, `failing_mailboxes`, `refused_recipients`. A sum is `{"count": 3, "at_least": false}`.
    ///
    /// # Errors
    ///
    /// Never in practice: the shape has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        self.document.to_json()
    }
}

fn by_rank(items: &[crate::store::rows::FailureItem]) -> Vec<Reading<'_>> {
    let mut readings: Vec<Reading<'_>> = items.iter().map(Reading::new).collect();
    readings.sort_by_cached_key(Reading::rank);
    readings
}

/// How much was reported, and how recent it is.
fn lead(facts: &DigestFacts, frame: Frame) -> String {
    let total =
        |pick: fn(&DomainTotals) -> Sum| facts.domains.iter().map(pick).fold(Sum::default(), words::add);
    let failed = total(|domain| domain.failed);
    let all = words::add(total(|domain| domain.ok), failed);
    let Some((first, last)) = facts.days else {
        return if facts.previous_at.is_none() {
            "Senders start to report a day or two after the TXT record _smtp._tls of a domain names the mailbox."
                .to_owned()
        } else {
            "No report came in since the last digest. If that goes on, look at the mailbox, its Junk folder and \
             the TXT record _smtp._tls of your domains."
                .to_owned()
        };
    };
    let failures = if failed == Sum::default() {
        "none failed".to_owned()
    } else {
        format!("{} failed", words::sum(failed))
    };
    let newest: Vec<String> = facts
        .reporters
        .iter()
        .map(|reporter| {
            let name = names::reporter(&reporter.submitter, &reporter.organization_name);
            format!("{name} to {}", words::day(reporter.last_day, frame.today))
        })
        .collect();
    let reports_in = if newest.is_empty() {
        String::new()
    } else {
        format!(" Reports in: {}.", words::list(&newest, 4))
    };
    format!(
        "{} about {}: {} connections, {failures}.{reports_in}",
        words::count(facts.reports, "report"),
        words::days(first, last, frame.today),
        words::sum(all),
    )
}

/// What was read to get there; and, if so, that nothing was changed.
fn mails_read(facts: &DigestFacts, options: &Options) -> Option<String> {
    let mails = &facts.mails;
    if mails.read == 0 {
        return None;
    }
    let mut parts = Vec::new();
    for (n, what) in [
        (mails.duplicates, "duplicates"),
        (mails.not_reports, "other mail"),
        (mails.rejected, "unreadable"),
        (mails.too_old, "too old"),
    ] {
        if n > 0 {
            parts.push(format!("{}{}{what}", words::number(n), words::NBSP));
        }
    }
    let of_these = if parts.is_empty() {
        String::new()
    } else {
        format!(", of these {}", words::list(&parts, 4))
    };
    let unchanged = if options.mailbox_unchanged {
        " Nothing was changed in the mailbox."
    } else {
        ""
    };
    Some(format!(
        "{} read{of_these}.{unchanged}",
        words::count(mails.read, "mail")
    ))
}

fn lines(title: &str, readings: &[Reading<'_>], max: usize, since: bool, frame: Frame) -> Option<Section> {
    if readings.is_empty() {
        return None;
    }
    let rest = u64::try_from(readings.len().saturating_sub(max)).unwrap_or(u64::MAX);
    let more = (rest > 0).then(|| {
        format!(
            "tlsrptd sql \"SELECT DISTINCT policy_domain, receiving_mx_hostname, result_type FROM failures WHERE \
             report BETWEEN {} AND {}\"",
            frame.after_report.saturating_add(1),
            frame.last_report
        )
    });
    let mut lines: Vec<String> = readings
        .iter()
        .take(max)
        .map(|reading| reading.line(since, frame))
        .collect();
    if rest > 0 {
        lines.push(format!("and {} more:", words::number(rest)));
    }
    Some(Section::Lines {
        title: title.to_owned(),
        lines,
        more,
    })
}

fn over(facts: &DigestFacts, frame: Frame) -> Option<Section> {
    if facts.over.is_empty() {
        return None;
    }
    let mut items: Vec<_> = facts.over.iter().collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.last_day));
    let rest = items.len().saturating_sub(MAX_OVER);
    let rows = items
        .into_iter()
        .take(MAX_OVER)
        .map(|item| {
            vec![
                words::days(item.first_day, item.last_day, frame.today),
                Reading::new(item).headline(),
                words::sum(item.failed),
            ]
        })
        .collect();
    Some(Section::Table(Table {
        title: Some("Over, as far as the reports tell; no action".to_owned()),
        columns: vec![column("Days"), column("What"), numbers("Failed")],
        rows,
        note: (rest > 0).then(|| format!("and {rest} more")),
    }))
}

fn domains(domains: &[DomainTotals]) -> Option<Section> {
    let rest = domains.len().saturating_sub(MAX_DOMAINS);
    let rows: Vec<Vec<String>> = domains
        .iter()
        .take(MAX_DOMAINS)
        .map(|domain| {
            let name = match domain.policy_domain.as_str() {
                "" => "(not named)".to_owned(),
                name => names::host(name),
            };
            vec![
                name,
                names::clean(&domain.policy, 20),
                words::sum(words::add(domain.ok, domain.failed)),
                words::sum(domain.failed),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| {
        Section::Table(Table {
            title: None,
            columns: vec![
                column("Domain"),
                column("Policy"),
                numbers("Connections"),
                numbers("Failed"),
            ],
            rows,
            note: (rest > 0).then(|| format!("and {rest} more domains")),
        })
    })
}

fn reporters(reporters: &[ReporterTotals]) -> Option<Section> {
    let rest = reporters.len().saturating_sub(MAX_REPORTERS);
    let rows: Vec<Vec<String>> = reporters
        .iter()
        .take(MAX_REPORTERS)
        .map(|reporter| {
            vec![
                names::reporter(&reporter.submitter, &reporter.organization_name),
                words::number(reporter.reports),
                words::sum(words::add(reporter.ok, reporter.failed)),
                words::sum(reporter.failed),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| {
        Section::Table(Table {
            title: None,
            columns: vec![
                column("Reporter"),
                numbers("Reports"),
                numbers("Connections"),
                numbers("Failed"),
            ],
            rows,
            note: (rest > 0).then(|| format!("and {rest} more reporters")),
        })
    })
}

fn what_comes_next(facts: &DigestFacts, options: &Options) -> String {
    let today = options.day(facts.due_at);
    match (options.send, today.nth_weekday(1, options.weekly.into())) {
        (SendWhen::Always, _) => "From now on a mail comes every day.".to_owned(),
        (SendWhen::New, Ok(day)) => format!(
            "The next mail comes when something changes, at the latest on {:?}, {}.",
            day.weekday(),
            words::day(day, today)
        ),
        (SendWhen::New, Err(_)) => "The next mail comes when something changes.".to_owned(),
    }
}
