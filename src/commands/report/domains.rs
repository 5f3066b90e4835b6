//! The page's domains: sessions and failures by day, who reported when. Pure.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::model::{Charts, DomainCard, Material};
use super::policies;
use super::svg::{self, Bar, Cell, Span};
use crate::assess::domains::DomainState;
use crate::assess::sessions::Standing;
use crate::commands::ready;
use crate::digest::{names, words};
use crate::store::{ChartPolicy, ChartRow};

/// Days drawn with a box each.
const RECENT_DAYS: i64 = 60;
/// Domains with a section; those with most connections.
const MAX_DOMAINS: usize = 500;
/// Reporters of a domain with a row.
const MAX_REPORTERS: usize = 12;
/// Failing days of a domain in figures.
const MAX_FAILING_DAYS: usize = 30;

/// A card for each domain of ours, those with most connections in the last two weeks first; and how many are left out.
pub(super) fn cards(material: &Material<'_>, span: Span) -> (Vec<DomainCard>, usize) {
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
        card(state, rows, policies, span, material.today)
    });
    (cards.collect(), states.len().saturating_sub(MAX_DOMAINS))
}

fn card(
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
        policies: policies::rows(policies),
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
