//! The week and how each domain stands. Pure.

use jiff::civil::Date;

use crate::assess::cause::Cause;
use crate::assess::history::Sum;
use crate::digest::kept_out::foreign_sentence;
use crate::digest::model::{Outlook, Sorted};
use crate::digest::notes::not_listed;
use crate::digest::parts::{Column, Finding, Kind, Row, Section, Table, Tone};
use crate::digest::reading::{Frame, connections};
use crate::digest::sections::{going_on, lines};
use crate::digest::{names, words};

/// Rows of the table of domains.
pub(crate) const MAX_DOMAINS: usize = 10;
/// Domains of which it is said why they aren't ready.
const MAX_OBSTACLES: usize = 3;
/// Reporters named in the line of reporters.
const MAX_REPORTERS: usize = 6;

/// How a domain stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainLine {
    /// The policy's domain.
    pub domain: String,
    /// Its policy as senders see it: `enforce`, `testing since 2 Oct`, `DANE`.
    pub policy: String,
    /// Whether senders no longer find the policy that it had.
    pub is_policy_gone: bool,
    /// Connections.
    pub total: Sum,
    /// Of these, failed.
    pub failed: Sum,
    /// Whether it is ready to enforce, in a word or two; empty where there is nothing to say.
    pub verdict: String,
    /// What stands in the way, in a sentence; empty where that says nothing more.
    pub obstacle: String,
    /// Since when it meets every condition, if it does.
    pub ready_since: Option<Date>,
    /// What must be true of its retired MX hosts all the same; empty where nothing failed there.
    pub only_if: String,
}

/// The seven newest complete days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Week {
    /// First day.
    pub first: Date,
    /// Last day.
    pub last: Date,
    /// Reports about these days.
    pub reports: u64,
    /// Reports that came in since the last weekly mail about days before these.
    pub late_reports: u64,
    /// Connections by reporter, most first.
    pub reporters: Vec<(String, Sum)>,
    /// Reporters that send us only their own reports: exactly one good connection a day.
    pub loops: Vec<String>,
    /// Domains that are reported on and not configured.
    pub foreign: Vec<String>,
    /// Reporters that stay silent.
    pub still_silent: Vec<(String, Date)>,
    /// Further sentences.
    pub remarks: Vec<String>,
    /// Failed connections about what was retired, by name, and since when it is.
    pub retired: Vec<(String, Sum, Date)>,
}

impl Week {
    /// How many reporters the week has.
    pub(crate) fn n_reporters(&self) -> usize {
        self.reporters.len()
    }
}

/// What a daily mail has of it: how things stand where it is alone, and what was acknowledged.
pub(crate) fn on_a_day(outlook: &Outlook, sorted: &Sorted<'_>, is_alone: bool, frame: Frame) -> Vec<Section> {
    let mut sections = Vec::new();
    if is_alone {
        // Somebody asked for it, or wants a mail every day.
        sections.extend(going_on(outlook, sorted, frame));
        sections.extend(domains(&outlook.domains, MAX_DOMAINS));
    }
    if sorted.open.is_empty() {
        // Otherwise the sentence on what isn't told counts them.
        sections.extend(acknowledged(outlook));
    }
    sections
}

/// How many problems nothing is told of because somebody acknowledged them.
fn acknowledged(outlook: &Outlook) -> Option<Section> {
    (outlook.acknowledged > 0).then(|| {
        Section::Paragraph(format!(
            "{} acknowledged (tlsrptd problems).",
            words::count(outlook.acknowledged, "problem")
        ))
    })
}

/// The weekly part; `is_alone` where no news stands before it.
pub(crate) fn sections(outlook: &Outlook, sorted: &Sorted<'_>, is_alone: bool, frame: Frame) -> Vec<Section> {
    let week = &outlook.week;
    let mut sections = Vec::new();
    sections.extend(going_on(outlook, sorted, frame));
    sections.extend(lines("Closed without proof", &sorted.past, frame));
    sections.extend(domains(&outlook.domains, MAX_DOMAINS));
    sections.extend(ready(&outlook.domains, frame));
    sections.extend(obstacles(&outlook.domains));
    sections.extend(reporters(outlook, frame));
    sections.extend(remarks(outlook, frame));
    sections.extend(not_listed(outlook.not_listed, "tlsrptd problems --all"));
    sections.extend(acknowledged(outlook));
    if !is_alone && !sections.is_empty() {
        let days = words::days(week.first, week.last, frame.today);
        sections.insert(0, Section::Heading(format!("The week, {days}")));
    }
    sections
}

/// Connections and policy by domain.
pub(crate) fn domains(domains: &[DomainLine], max_rows: usize) -> Option<Section> {
    let rest = domains.len().saturating_sub(max_rows);
    let any_verdict = domains.iter().any(|line| !line.verdict.is_empty());
    let any_failed = domains.iter().any(|line| line.failed != Sum::default());
    let rows: Vec<Vec<String>> = domains
        .iter()
        .take(max_rows)
        .map(|line| {
            let mut row = vec![
                match line.domain.as_str() {
                    "" => "(not named)".to_owned(),
                    name => names::host(name),
                },
                names::clean(&line.policy, 40),
                words::sum(line.total),
            ];
            if any_failed {
                row.push(words::sum(line.failed));
            }
            if any_verdict {
                row.push(line.verdict.clone());
            }
            row
        })
        .collect();
    let mut columns = vec![
        column("Domain", Kind::Text),
        column("Policy", Kind::Text),
        column("Connections", Kind::Numbers),
    ];
    if any_failed {
        columns.push(column("Failed", Kind::Numbers));
    }
    if any_verdict {
        columns.push(column("Enforce?", Kind::Text));
    }
    (!rows.is_empty()).then(|| {
        Section::Table(Table {
            title: None,
            columns,
            rows,
            note: (rest > 0).then(|| format!("and {rest} more domains: tlsrptd domains")),
        })
    })
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// The one action that people forget for years: leaving testing.
fn ready(domains: &[DomainLine], frame: Frame) -> Option<Section> {
    let ready: Vec<String> = domains
        .iter()
        .filter(|line| line.ready_since.is_some())
        .map(|line| names::host(&line.domain))
        .collect();
    let first = domains
        .iter()
        .find(|line| line.ready_since.is_some())
        .and_then(|line| names::checked_host(&line.domain));
    let since = domains.iter().filter_map(|line| line.ready_since).max()?;
    let verb = if ready.len() == 1 { "meets" } else { "meet" };
    let only_if = domains
        .iter()
        .filter(|line| !line.only_if.is_empty())
        .take(MAX_OBSTACLES)
        .map(|line| match ready.as_slice() {
            [_] => Row::text("But", format!("{}.", line.only_if)),
            _ => Row::text("But", format!("{}: {}.", names::host(&line.domain), line.only_if)),
        });
    (!ready.is_empty()).then(|| {
        Section::Finding(Finding {
            tag: "READY",
            tone: Tone::Calm,
            id: None,
            title: format!(
                "{} {verb} every condition for enforce since {}",
                words::list_and_more(&ready, 3),
                words::day(since, frame.today)
            ),
            rows: only_if
                .chain([Row::command(
                    "Check",
                    format!("tlsrptd ready {}", first.unwrap_or("DOMAIN")),
                )])
                .collect(),
        })
    })
}

/// Why domains in testing aren't ready yet.
fn obstacles(domains: &[DomainLine]) -> Option<Section> {
    let obstacles: Vec<String> = domains
        .iter()
        .filter(|line| !line.obstacle.is_empty())
        .take(MAX_OBSTACLES)
        .map(|line| line.obstacle.clone())
        .collect();
    (!obstacles.is_empty()).then(|| Section::Paragraph(obstacles.join(" ")))
}

fn reporters(outlook: &Outlook, frame: Frame) -> Option<Section> {
    let week = &outlook.week;
    let mut sentences = Vec::new();
    let named: Vec<String> = week
        .reporters
        .iter()
        .filter(|(reporter, _)| !week.loops.contains(reporter))
        .map(|(reporter, sum)| {
            format!(
                "{}{}{}",
                names::reporter(reporter, reporter),
                words::NBSP,
                words::sum(*sum)
            )
        })
        .collect();
    if !named.is_empty() {
        sentences.push(format!(
            "{}. {}.",
            whole_week(outlook),
            words::list_and_more(&named, MAX_REPORTERS).replacen(" and ", ", ", 1)
        ));
    }
    if let [(only, _)] = week.reporters.as_slice() {
        sentences.push(format!(
            "Only {} reports to you; that is common.",
            names::reporter(only, only)
        ));
    }
    for reporter in week.loops.iter().take(3) {
        sentences.push(format!(
            "{} reports 1 connection a day: reports about reports.",
            names::reporter(reporter, reporter)
        ));
    }
    for (reporter, since) in week.still_silent.iter().take(3) {
        sentences.push(format!(
            "{}: nothing since {}.",
            names::reporter(reporter, reporter),
            words::day(*since, frame.today)
        ));
    }
    if week.late_reports > 0 {
        sentences.push(format!(
            "Also {} about earlier days.",
            words::count(week.late_reports, "late report")
        ));
    }
    (!sentences.is_empty()).then(|| Section::Paragraph(sentences.join(" ")))
}

/// All connections of the week: `3 984 connections, no failures`.
fn whole_week(outlook: &Outlook) -> String {
    let sum = |of: fn(&DomainLine) -> Sum| {
        outlook
            .domains
            .iter()
            .map(of)
            .reduce(words::add)
            .unwrap_or_default()
    };
    let (total, failed) = (sum(|line| line.total), sum(|line| line.failed));
    // Some failures stand in no sum, for mail was delivered in spite of them.
    let is_quiet = outlook
        .problems
        .iter()
        .all(|(problem, _)| !problem.is_open() || problem.cause == Cause::StalePolicy);
    let is_quiet = is_quiet && outlook.kept_out.n_aside == 0;
    let failed = if failed == Sum::default() && is_quiet {
        "no failures".to_owned()
    } else if failed == Sum::default() {
        return connections(total);
    } else if failed.known == 0 {
        "an unknown number failed".to_owned()
    } else {
        format!("{} failed", words::sum(failed))
    };
    format!("{}, {failed}", connections(total))
}

fn remarks(outlook: &Outlook, frame: Frame) -> Vec<Section> {
    let week = &outlook.week;
    let mut sentences = week.remarks.clone();
    for (name, failed, since) in week.retired.iter().take(3) {
        sentences.push(format!(
            "Retired: {} failed on {} since {}.",
            connections(*failed),
            names::host(name),
            words::day(*since, frame.today)
        ));
    }
    if !week.foreign.is_empty() {
        sentences.push(foreign_sentence(&week.foreign));
    }
    sentences.into_iter().map(Section::Paragraph).collect()
}
