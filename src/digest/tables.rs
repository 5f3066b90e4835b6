//! The tables of the digest. Pure.

use std::cmp::Reverse;

use crate::digest::item::{Frame, Reading};
use crate::digest::parts::{Column, Kind, Section, Table};
use crate::digest::{names, words};
use crate::store::rows::{DigestFacts, DomainTotals, ReporterTotals};

/// Rows of the table of older failures.
const MAX_OVER: usize = 10;
/// Rows of the table of domains.
const MAX_DOMAINS: usize = 20;
/// Rows of the table of reporters.
const MAX_REPORTERS: usize = 10;

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// Failures that an import found and that are no news.
pub(crate) fn over(facts: &DigestFacts, frame: Frame) -> Option<Section> {
    if facts.over.is_empty() {
        return None;
    }
    let mut items: Vec<_> = facts.over.iter().collect();
    items.sort_by_key(|item| Reverse(item.last_day));
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
        columns: vec![
            column("Days", Kind::Days),
            column("What", Kind::Text),
            column("Failed", Kind::Numbers),
        ],
        rows,
        note: (rest > 0).then(|| format!("and {rest} more")),
    }))
}

/// Connections by domain.
pub(crate) fn domains(domains: &[DomainTotals]) -> Option<Section> {
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
                column("Domain", Kind::Text),
                column("Policy", Kind::Text),
                column("Connections", Kind::Numbers),
                column("Failed", Kind::Numbers),
            ],
            rows,
            note: (rest > 0).then(|| format!("and {rest} more domains")),
        })
    })
}

/// Connections by reporter.
pub(crate) fn reporters(reporters: &[ReporterTotals]) -> Option<Section> {
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
                column("Reporter", Kind::Text),
                column("Reports", Kind::Numbers),
                column("Connections", Kind::Numbers),
                column("Failed", Kind::Numbers),
            ],
            rows,
            note: (rest > 0).then(|| format!("and {rest} more reporters")),
        })
    })
}
