//! What the page shows, from the rows of the store and the assessment. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::svg::Span;
use super::{domains, problems};
use crate::assess::domains::Survey;
use crate::assess::impact::Impact;
use crate::assess::problem::{Problem, State};
use crate::assess::sessions::Standing;
use crate::assess::silence::ReporterState;
use crate::digest::{names, words};
use crate::store::{ChartPolicy, ChartRow};

/// Problems that aren't open.
const MAX_OLD_PROBLEMS: usize = 300;

/// The page.
pub(super) struct Page {
    pub(super) made: String,
    pub(super) verdict: String,
    pub(super) tiles: Vec<(String, String)>,
    pub(super) open: Vec<ProblemCard>,
    pub(super) old: Vec<ProblemCard>,
    pub(super) n_old_left_out: usize,
    pub(super) domains: Vec<DomainCard>,
    pub(super) n_domains_left_out: usize,
    pub(super) reporters: Vec<ReporterRow>,
    /// First and last day of all charts of all days.
    pub(super) span: (String, String),
    /// The newest day of which there is a report.
    pub(super) newest_day: String,
}

/// A problem.
pub(super) struct ProblemCard {
    pub(super) id: String,
    pub(super) headline: String,
    pub(super) state: String,
    pub(super) impact: String,
    pub(super) is_held: bool,
    pub(super) days: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) lives: String,
    pub(super) episodes: Vec<String>,
}

/// A domain.
pub(super) struct DomainCard {
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) verdict: String,
    pub(super) connections: String,
    pub(super) failed: String,
    pub(super) has_failures: bool,
    pub(super) open: String,
    pub(super) recent: Charts,
    /// Where there are more days than the recent ones.
    pub(super) all: Option<Charts>,
    pub(super) policies: Vec<PolicyRow>,
    pub(super) failing_days: Vec<[String; 4]>,
    pub(super) n_reporters_left_out: usize,
}

/// The drawings of a span of days.
pub(super) struct Charts {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) summary: String,
    pub(super) bars: String,
    /// Name, what it comes to, drawing.
    pub(super) reporters: Vec<(String, String, String)>,
}

/// A policy that senders saw.
pub(super) struct PolicyRow {
    pub(super) what: String,
    pub(super) days: String,
    pub(super) reporters: String,
    pub(super) lines: Vec<String>,
}

/// A reporter.
pub(super) struct ReporterRow {
    pub(super) name: String,
    pub(super) newest_day: String,
    pub(super) connections: String,
    pub(super) failed: String,
    pub(super) remark: String,
}

/// Everything that the page is made of.
pub(super) struct Material<'a> {
    pub(super) today: Date,
    pub(super) made: String,
    pub(super) survey: &'a Survey,
    pub(super) problems: &'a [Problem],
    pub(super) rows: &'a [ChartRow],
    pub(super) policies: &'a [ChartPolicy],
}

impl Page {
    pub(super) fn of(material: &Material<'_>) -> Self {
        let today = material.today;
        let is_drawn = |row: &&ChartRow| row.day <= today;
        let first = material
            .rows
            .iter()
            .filter(is_drawn)
            .map(|row| row.day)
            .min()
            .unwrap_or(today);
        let span = Span::new(first, today);
        let shown: Vec<&Problem> = material
            .problems
            .iter()
            .filter(|problem| problem.state != State::BelowGate && !problem.is_foreign)
            .collect();
        let (open, old): (Vec<&Problem>, Vec<&Problem>) = shown
            .into_iter()
            .partition(|problem| problem.is_open() && !problem.is_retired);
        let card = |problem: &&Problem| problems::card(problem, span, today);
        let (domains, n_domains_left_out) = domains::cards(material, span);
        Self {
            made: material.made.clone(),
            verdict: verdict(&open),
            tiles: tiles(material, open.len()),
            open: open.iter().map(card).collect(),
            n_old_left_out: old.len().saturating_sub(MAX_OLD_PROBLEMS),
            old: old.iter().take(MAX_OLD_PROBLEMS).map(card).collect(),
            domains,
            n_domains_left_out,
            reporters: reporter_rows(material),
            span: (first.to_string(), today.to_string()),
            newest_day: newest(material).unwrap_or(today).to_string(),
        }
    }
}

/// `2026-11-18 to 2026-11-20`.
pub(super) fn days((first, last): (Date, Date)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    }
}

/// The newest day of which there is a report.
fn newest(material: &Material<'_>) -> Option<Date> {
    let days = material.survey.domains.iter().map(|state| state.known.1);
    days.max()
}

fn verdict(open: &[&Problem]) -> String {
    // As the mails say it: what has been clean since holds none now.
    let held = open
        .iter()
        .filter(|problem| problem.impact == Impact::Held && problem.state != State::Fading)
        .count();
    match (open.len(), held) {
        (0, _) => "No problem is open".to_owned(),
        (1, 0) => "1 problem is open; no mail is held back".to_owned(),
        (n, 0) => format!("{n} problems are open; no mail is held back"),
        (1, _) => "1 problem is open, and mail is held back".to_owned(),
        (n, held) => format!("{n} problems are open; mail is held back by {held} of them"),
    }
}

fn tiles(material: &Material<'_>, n_open: usize) -> Vec<(String, String)> {
    let ours = material
        .survey
        .domains
        .iter()
        .filter(|state| state.standing == Standing::Ours);
    let (mut ok, mut failed) = (0_u64, 0_u64);
    for row in material.rows {
        ok = ok.saturating_add(row.ok);
        failed = failed.saturating_add(row.failed);
    }
    let newest = material.survey.completeness.newest_day;
    vec![
        tile(n_open, "open problem"),
        tile(ours.count(), "domain"),
        tile(material.survey.reporters.len(), "reporter"),
        ("connections".to_owned(), words::number(ok.saturating_add(failed))),
        ("of these failed".to_owned(), words::number(failed)),
        (
            "newest complete day".to_owned(),
            newest.map_or("none".to_owned(), |day| day.to_string()),
        ),
    ]
}

fn tile(n: usize, noun: &str) -> (String, String) {
    let plural = if n == 1 { "" } else { "s" };
    (format!("{noun}{plural}"), n.to_string())
}

/// A row for each reporter, with its connections of all days that are shown.
fn reporter_rows(material: &Material<'_>) -> Vec<ReporterRow> {
    let ours: BTreeSet<&str> = material
        .survey
        .domains
        .iter()
        .filter(|state| state.standing == Standing::Ours)
        .map(|state| state.domain.as_str())
        .collect();
    let mut totals: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for row in material.rows.iter().filter(|row| ours.contains(&*row.domain)) {
        let (all, failed) = totals.entry(&row.reporter).or_default();
        *all = all.saturating_add(row.ok).saturating_add(row.failed);
        *failed = failed.saturating_add(row.failed);
    }
    let rows = material.survey.reporters.iter().map(|state| {
        let (all, failed) = totals.get(state.reporter.as_str()).copied().unwrap_or_default();
        ReporterRow {
            name: names::reporter(&state.reporter, &state.reporter),
            newest_day: state.newest_day.to_string(),
            connections: words::number(all),
            failed: words::number(failed),
            remark: reporter_remark(state),
        }
    });
    rows.collect()
}

fn reporter_remark(state: &ReporterState) -> String {
    if let Some(silence) = &state.silence {
        format!(
            "silent for {} days; longest pause in the four weeks before: {}",
            silence.pause, silence.longest_before
        )
    } else if state.is_loop_only {
        "one connection a day: reports about reports".to_owned()
    } else if state.is_watched {
        "reports regularly".to_owned()
    } else {
        "reports now and then".to_owned()
    }
}
