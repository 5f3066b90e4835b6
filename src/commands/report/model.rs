//! What the page shows, from the rows of the store and the assessment. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::svg::{self, Bar, Cell, Span};
use crate::assess::domains::{DomainState, Survey};
use crate::assess::history::Saying;
use crate::assess::impact::Impact;
use crate::assess::problem::{Ending, Problem, State};
use crate::assess::sessions::Standing;
use crate::assess::silence::ReporterState;
use crate::commands::problems::{filled, headline, impact_word, state_word};
use crate::commands::ready;
use crate::digest::{guide, names, texts, words};
use crate::store::{ChartPolicy, ChartRow};

/// Days drawn with a box each.
const RECENT_DAYS: i64 = 60;
/// Domains with a section; those with most connections.
const MAX_DOMAINS: usize = 500;
/// Reporters of a domain with a row.
const MAX_REPORTERS: usize = 12;
/// Policies of a domain.
const MAX_POLICIES: usize = 20;
/// Failing days of a domain in figures.
const MAX_FAILING_DAYS: usize = 30;
/// Lines of a policy.
const MAX_LINES: usize = 40;
/// Problems that aren't open.
const MAX_OLD_PROBLEMS: usize = 300;
/// Longest line of a policy, in characters.
const LINE_CHARS: usize = 200;

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
        let card = |problem: &&Problem| problem_card(problem, span);
        let (domains, n_domains_left_out) = domain_cards(material, span);
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
        }
    }
}

fn verdict(open: &[&Problem]) -> String {
    let held = open
        .iter()
        .filter(|problem| problem.impact == Impact::Held)
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
        ("open problems".to_owned(), n_open.to_string()),
        ("domains".to_owned(), ours.count().to_string()),
        (
            "reporters".to_owned(),
            material.survey.reporters.len().to_string(),
        ),
        ("connections".to_owned(), words::number(ok.saturating_add(failed))),
        ("of these failed".to_owned(), words::number(failed)),
        (
            "newest complete day".to_owned(),
            newest.map_or("none".to_owned(), |day| day.to_string()),
        ),
    ]
}

fn problem_card(problem: &Problem, span: Span) -> ProblemCard {
    let lives: Vec<(Date, Date)> = problem
        .episodes
        .iter()
        .map(|episode| (episode.first_day, episode.last_day))
        .collect();
    let episodes = problem.episodes.iter().rev().map(|episode| {
        let end = match episode.ended {
            None => "goes on".to_owned(),
            Some((Ending::Resolved, day)) => format!("over, proven on {day}"),
            Some((Ending::Past, day)) => format!("closed without proof on {day}"),
        };
        format!(
            "{}: {} failed; {end}",
            days((episode.first_day, episode.last_day)),
            words::sum(episode.failed)
        )
    });
    ProblemCard {
        id: problem.id.clone(),
        headline: headline(problem),
        state: state_of(problem),
        impact: impact_word(problem.impact).to_owned(),
        is_held: problem.impact == Impact::Held,
        days: problem.episode().map_or(String::new(), |episode| {
            days((episode.first_day, episode.last_day))
        }),
        facts: facts(problem),
        lives: svg::lives(span, &lives),
        episodes: episodes.collect(),
    }
}

fn facts(problem: &Problem) -> Vec<(&'static str, String)> {
    let text = texts::text(problem.cause);
    let seen: Vec<String> = problem
        .witnesses
        .iter()
        .map(|witness| names::reporter(&witness.reporter, &witness.reporter))
        .collect();
    let domains: Vec<String> = problem.domains.iter().map(|name| names::host(name)).collect();
    let mut facts = vec![
        (
            "Mail",
            format!(
                "{}: {}",
                guide::basis_words(problem.basis),
                guide::impact_words(problem.impact)
            ),
        ),
        (
            "Seen",
            format!(
                "{} of {} connections, by {}",
                words::sum(problem.failed),
                words::sum(problem.total),
                words::list(&seen, 6)
            ),
        ),
        ("Domains", words::list(&domains, 20)),
        ("Meaning", filled(problem, text.saw)),
        ("Fix", filled(problem, text.fix)),
    ];
    if let Some(known) = problem.named.and_then(guide::combination) {
        facts.push((
            "Part of",
            format!("{}, {}: {}", known.number, known.name, known.says),
        ));
    }
    facts.extend(problem.remarks.iter().map(|remark| {
        let said = match &remark.saying {
            Saying::Note(text) => names::clean(text, 500),
            Saying::Fixed => "marked as fixed".to_owned(),
            Saying::Acknowledged(until) => format!("acknowledged until {until}"),
            Saying::Retired => format!("{} retired", names::host(&remark.about)),
        };
        (
            "Note",
            format!(
                "{}, {}: {said}",
                remark.day,
                names::clean(&remark.by, names::NAME_CHARS)
            ),
        )
    }));
    facts.push(("More", format!("tlsrptd show {}", problem.id)));
    facts
}

fn state_of(problem: &Problem) -> String {
    let mut state = state_word(problem.state).to_owned();
    if problem.is_retired {
        "retired".clone_into(&mut state);
    } else if let Some(until) = problem.acknowledged_until.filter(|_| problem.is_open()) {
        state.extend([format!(", acknowledged until {until}")]);
    }
    state
}

fn days((first, last): (Date, Date)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    }
}

/// A card for each domain of ours, those with most connections in the last two weeks first; and how many are left out.
fn domain_cards(material: &Material<'_>, span: Span) -> (Vec<DomainCard>, usize) {
    let mut states: Vec<&DomainState> = material
        .survey
        .domains
        .iter()
        .filter(|state| state.standing == Standing::Ours)
        .collect();
    states.sort_by(|a, b| (b.fortnight.total.known, &a.domain).cmp(&(a.fortnight.total.known, &b.domain)));
    let mut rows: BTreeMap<&str, Vec<&ChartRow>> = BTreeMap::new();
    for row in material.rows {
        rows.entry(&row.domain).or_default().push(row);
    }
    let mut policies: BTreeMap<&str, Vec<&ChartPolicy>> = BTreeMap::new();
    for policy in material.policies {
        policies.entry(&policy.domain).or_default().push(policy);
    }
    let cards = states.iter().take(MAX_DOMAINS).map(|state| {
        let rows = rows.get(state.domain.as_str()).map_or(&[][..], Vec::as_slice);
        let policies = policies.get(state.domain.as_str()).map_or(&[][..], Vec::as_slice);
        domain_card(state, rows, policies, span, material.today)
    });
    (cards.collect(), states.len().saturating_sub(MAX_DOMAINS))
}

fn domain_card(
    state: &DomainState,
    rows: &[&ChartRow],
    policies: &[&ChartPolicy],
    span: Span,
    today: Date,
) -> DomainCard {
    let recent_first = today.saturating_add(jiff::Span::new().days(1 - RECENT_DAYS));
    let (reporters, n_reporters_left_out) = reporters_of(rows);
    let is_longer = span.first < recent_first;
    let recent = if is_longer {
        Span::new(recent_first, today)
    } else {
        span
    };
    let mut failing: Vec<&&ChartRow> = rows.iter().filter(|row| row.failed > 0).collect();
    failing.sort_by_key(|row| std::cmp::Reverse(row.day));
    let open: Vec<String> = state.open_problems.iter().map(|id| format!("#{id}")).collect();
    DomainCard {
        name: names::host(&state.domain),
        policy: policy_word(state),
        verdict: ready::verdict(state, today),
        connections: words::sum(state.fortnight.total),
        failed: words::sum(state.fortnight.failed),
        has_failures: state.fortnight.failed.known > 0 || state.fortnight.failed.at_least,
        open: words::list(&open, 6),
        recent: charts(rows, &reporters, recent, true),
        all: is_longer.then(|| charts(rows, &reporters, span, false)),
        policies: policy_rows(policies),
        failing_days: failing
            .iter()
            .take(MAX_FAILING_DAYS)
            .map(|row| {
                [
                    row.day.to_string(),
                    names::reporter(&row.reporter, &row.reporter),
                    words::number(row.failed),
                    words::number(row.ok.saturating_add(row.failed)),
                ]
            })
            .collect(),
        n_reporters_left_out,
    }
}

fn policy_word(state: &DomainState) -> String {
    let dane = if state.has_dane && !state.policy.reigns.is_empty() {
        " + DANE"
    } else {
        ""
    };
    format!("{}{dane}", ready::protection(state.protection))
}

/// The reporters with most connections, and how many are left out.
fn reporters_of<'a>(rows: &[&'a ChartRow]) -> (Vec<&'a str>, usize) {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        let total = totals.entry(&row.reporter).or_default();
        *total = total.saturating_add(row.ok).saturating_add(row.failed);
    }
    let mut reporters: Vec<(&str, u64)> = totals.into_iter().collect();
    reporters.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    let n_left_out = reporters.len().saturating_sub(MAX_REPORTERS);
    (
        reporters
            .into_iter()
            .take(MAX_REPORTERS)
            .map(|(name, _)| name)
            .collect(),
        n_left_out,
    )
}

fn charts(rows: &[&ChartRow], reporters: &[&str], span: Span, tips: bool) -> Charts {
    let mut bars = vec![Bar::default(); span.days];
    let mut cells: BTreeMap<&str, Vec<Cell>> = BTreeMap::new();
    for row in rows {
        let Some(at) = span.index(row.day) else { continue };
        if let Some(bar) = bars.get_mut(at) {
            bar.ok = bar.ok.saturating_add(row.ok);
            bar.failed = bar.failed.saturating_add(row.failed);
        }
        let line = cells
            .entry(&row.reporter)
            .or_insert_with(|| vec![Cell::Missing; span.days]);
        if let Some(cell) = line.get_mut(at) {
            *cell = match (row.failed, row.ok) {
                (1.., _) => Cell::Failing,
                (0, 1..) if !row.at_least => Cell::Clean,
                _ => Cell::Known,
            };
        }
    }
    let missing = vec![Cell::Missing; span.days];
    let last = span.first.saturating_add(
        jiff::Span::new()
            .try_days(i64::try_from(span.days).unwrap_or(1).saturating_sub(1))
            .unwrap_or_default(),
    );
    Charts {
        first: span.first.to_string(),
        last: last.to_string(),
        summary: summary(&bars),
        bars: svg::bars(span, &bars, tips),
        reporters: reporters
            .iter()
            .map(|reporter| {
                let line = cells.get(reporter).unwrap_or(&missing);
                (
                    names::reporter(reporter, reporter),
                    counted(line),
                    svg::cells(span, line),
                )
            })
            .collect(),
    }
}

fn summary(bars: &[Bar]) -> String {
    let sum = |of: fn(&Bar) -> u64| bars.iter().map(of).fold(0_u64, u64::saturating_add);
    let (ok, failed) = (sum(|bar| bar.ok), sum(|bar| bar.failed));
    let top = bars
        .iter()
        .map(|bar| bar.ok.saturating_add(bar.failed))
        .max()
        .unwrap_or(0);
    format!(
        "{} connections, {} failed; the highest bar is {}",
        words::number(ok.saturating_add(failed)),
        words::number(failed),
        words::number(top)
    )
}

fn counted(cells: &[Cell]) -> String {
    let n = |wanted: Cell| cells.iter().filter(|cell| **cell == wanted).count();
    let mut parts = vec![format!("{} clean", n(Cell::Clean))];
    if n(Cell::Failing) > 0 {
        parts.push(format!("{} failing", n(Cell::Failing)));
    }
    if n(Cell::Known) > 0 {
        parts.push(format!("{} without a readable connection", n(Cell::Known)));
    }
    parts.push(format!("{} missing", n(Cell::Missing)));
    parts.join(", ")
}

/// The policies that senders saw, the newest first; what differs only in the order of its lines is one.
fn policy_rows(policies: &[&ChartPolicy]) -> Vec<PolicyRow> {
    type Seen<'a> = (&'a ChartPolicy, (Date, Date), BTreeSet<&'a str>);
    let mut seen: Vec<(Vec<String>, Seen<'_>)> = Vec::new();
    for policy in policies {
        let key = normalised(policy);
        let known = seen.iter_mut().find(|(other, _)| *other == key);
        if let Some((_, (_, days, reporters))) = known {
            *days = (days.0.min(policy.days.0), days.1.max(policy.days.1));
            reporters.insert(&policy.reporter);
        } else {
            seen.push((
                key,
                (policy, policy.days, BTreeSet::from([policy.reporter.as_str()])),
            ));
        }
    }
    seen.sort_by_key(|(_, (_, days, _))| std::cmp::Reverse((days.1, days.0)));
    let rows = seen
        .into_iter()
        .take(MAX_POLICIES)
        .map(|(_, (policy, days, reporters))| {
            let reporters: Vec<String> = reporters
                .into_iter()
                .map(|reporter| names::reporter(reporter, reporter))
                .collect();
            let lines = policy.lines.iter().flat_map(|text| text.lines());
            PolicyRow {
                what: policy_name(policy),
                days: self::days(days),
                reporters: words::list(&reporters, 6),
                lines: lines
                    .take(MAX_LINES)
                    .map(|line| names::clean(line, LINE_CHARS))
                    .collect(),
            }
        });
    rows.collect()
}

fn normalised(policy: &ChartPolicy) -> Vec<String> {
    let lines = policy.lines.iter().flat_map(|text| text.lines());
    let mut lines: Vec<String> = lines
        .map(|line| {
            line.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase()
        })
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort_unstable();
    lines.insert(0, policy.policy_type.clone());
    lines
}

fn policy_name(policy: &ChartPolicy) -> String {
    let mode = policy
        .lines
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("mode"))
        .map(|(_, mode)| names::clean(mode, 20));
    match (policy.policy_type.as_str(), mode) {
        ("sts", Some(mode)) => format!("MTA-STS {mode}"),
        ("sts", None) => "MTA-STS, text not shown".to_owned(),
        ("tlsa", _) => match policy.mx_host.first() {
            Some(mx) => format!("DANE, {}", names::host(mx)),
            None => "DANE".to_owned(),
        },
        ("no-policy-found", _) => "no policy found".to_owned(),
        (other, _) => names::quoted(other, 40),
    }
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
    for row in material
        .rows
        .iter()
        .filter(|row| ours.contains(row.domain.as_str()))
    {
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
