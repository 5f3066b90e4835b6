//! The tables of the first look. Pure.

use std::cmp::Reverse;

use crate::digest::parts::{Column, Kind, Section, Table};
use crate::digest::reading::{Frame, Reading};
use crate::digest::{names, words};
use crate::store::rows::DigestFacts;

/// Rows of the table of older problems.
const MAX_OVER: usize = 10;
/// Reporters that are named.
const MAX_REPORTERS: usize = 3;

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// How many problems the first look finds over.
pub(crate) fn over_in_a_line(past: &[Reading<'_>]) -> Option<Section> {
    let n = u64::try_from(past.len()).unwrap_or(u64::MAX);
    (n > 0).then(|| {
        Section::Paragraph(format!(
            "Over (no action): {} (tlsrptd problems --all).",
            words::count(n, "problem")
        ))
    })
}

/// Problems that the first look finds over, those with most failures first.
pub(crate) fn over(past: &[Reading<'_>], frame: Frame) -> Option<Section> {
    if past.is_empty() {
        return None;
    }
    let mut over: Vec<&Reading<'_>> = past.iter().collect();
    over.sort_by_key(|reading| Reverse((reading.failed().known, reading.last_day())));
    let rest = over.len().saturating_sub(MAX_OVER);
    let rows = over
        .into_iter()
        .take(MAX_OVER)
        .map(|reading| {
            // Shorter than the headline.
            let what = if reading.folded.is_empty() {
                format!("{}: {}", reading.full.place, reading.text.in_short)
            } else {
                reading.headline()
            };
            let who = if reading.problem.witnesses.len() == 1 && !what.contains(&reading.short.reporter) {
                format!(", only {}", reading.short.reporter)
            } else {
                String::new()
            };
            vec![
                format!("#{}", reading.problem.id),
                words::days(reading.first_day(), reading.last_day(), frame.today),
                format!("{what}{who}"),
                words::sum(reading.failed()),
            ]
        })
        .collect();
    Some(Section::Table(Table {
        title: Some("Over (no action)".to_owned()),
        columns: vec![
            column("Id", Kind::Days),
            column("Days", Kind::Days),
            column("What", Kind::Text),
            column("Failed", Kind::Numbers),
        ],
        rows,
        note: (rest > 0).then(|| format!("and {rest} more: tlsrptd problems --all")),
    }))
}

/// Who sent how many reports, in a line.
pub(crate) fn first_reporters(facts: &DigestFacts) -> Option<Section> {
    let mut named: Vec<String> = Vec::new();
    for (i, reporter) in facts.reporters.iter().take(MAX_REPORTERS).enumerate() {
        let name = names::reporter(&reporter.submitter, &reporter.organization_name);
        let n = words::number(reporter.reports);
        let noun = match (i, reporter.reports) {
            (0, 1) => " report",
            (0, _) => " reports",
            _ => "",
        };
        named.push(format!("{name} {n}{noun}"));
    }
    let rest = facts.reporters.get(MAX_REPORTERS..).unwrap_or_default();
    if !rest.is_empty() {
        let n = rest
            .iter()
            .fold(0_u64, |n, reporter| n.saturating_add(reporter.reports));
        let others = words::count(u64::try_from(rest.len()).unwrap_or(u64::MAX), "other");
        named.push(format!("{others} {}", words::number(n)));
    }
    (!named.is_empty()).then(|| Section::Paragraph(format!("Reporters: {}.", named.join(", "))))
}
