//! The TLSA records as senders see them (RFC 7672): which set for which MX on which days, and what changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::assess::cause::Cause;
use crate::assess::drift::DriftEvent;
use crate::assess::history::{Entry, PolicyText, Sum};
use crate::assess::sessions::{DomainRows, Index, Standing, plus};

mod lost;

use lost::lost;

/// The TLSA records of one place: `usage selector matching-type data`, lower case, sorted.
pub type TlsaSet = BTreeSet<String>;

/// A set with the days on which a reporter showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenTlsa {
    /// The MX host, or the domain where the report names none.
    pub place: String,
    /// Who showed it.
    pub reporter: String,
    /// The records.
    pub records: TlsaSet,
    /// First day.
    pub first_day: Date,
    /// Last day.
    pub last_day: Date,
    /// On how many days.
    pub days: u64,
}

/// What there is to tell of TLSA records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsaDrift {
    /// A new set has taken the place of another.
    RolledOver {
        /// First day of the new set.
        changed: Date,
        /// The new set.
        after: TlsaSet,
        /// Connections that failed because no record fitted, from then until the old set was seen last.
        failed: Sum,
    },
    /// One record of usage 3 only: the next key needs one before it is used.
    Single {
        /// The record.
        record: String,
    },
    /// Records of usage 0 or 1, which SMTP doesn't use, beside others.
    UselessUsage {
        /// These records.
        records: TlsaSet,
    },
    /// A reporter that saw TLSA records sees none any more.
    Lost {
        /// The last day on which it did.
        last_seen: Date,
        /// On so many known days since it did not.
        days: u64,
    },
}

/// Reads the records that a `tlsa` entry shows; `None` if it shows none.
pub fn read(text: &PolicyText) -> Option<TlsaSet> {
    let lines = text.lines.iter().flat_map(|line| line.lines());
    let records: TlsaSet = lines.filter_map(record).collect();
    (text.policy_type == "tlsa" && !records.is_empty()).then_some(records)
}

/// A record in its one form, from what stands in a report; a name and `IN TLSA` in front are left out.
fn record(line: &str) -> Option<String> {
    let is_field = |token: &&str| token.len() <= 3 && token.parse::<u8>().is_ok();
    let tokens: Vec<&str> = line.split_whitespace().collect();
    let start = tokens.windows(3).position(|fields| fields.iter().all(is_field))?;
    let (fields, data) = tokens.get(start..)?.split_at_checked(3)?;
    let data: String = data.concat().to_lowercase();
    let is_hex = !data.is_empty() && data.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| format!("{} {data}", fields.join(" ")))
}

/// What a reporter showed of a place.
#[derive(Clone, Copy)]
struct Span {
    first: Date,
    last: Date,
    days: u64,
}

/// For each place, reporter and set, when it was shown.
type Spans<'a> = BTreeMap<&'a str, BTreeMap<(&'a str, usize), Span>>;

/// The sets that senders saw, by the domain they reported about, and what there is to tell of them.
pub(in crate::assess) fn history<'a>(
    index: &Index<'a>,
) -> (BTreeMap<&'a str, Vec<SeenTlsa>>, Vec<DriftEvent>) {
    let mut all: Spans<'a> = BTreeMap::new();
    let mut seen: BTreeMap<&'a str, Vec<SeenTlsa>> = BTreeMap::new();
    for rows in &index.domains {
        let spans = spans(index, rows);
        for (place, spans) in &spans {
            let seen = seen.entry(rows.domain).or_default();
            seen.extend(
                spans
                    .iter()
                    .filter_map(|(key, span)| seen_set(index, place, key, *span)),
            );
        }
        if rows.standing == Standing::Ours {
            for (place, spans) in spans {
                let there = all.entry(place).or_default();
                for (key, span) in spans {
                    there
                        .entry(key)
                        .and_modify(|old| *old = old.joined(span))
                        .or_insert(span);
                }
            }
        }
    }
    for seen in seen.values_mut() {
        seen.sort_by(|a, b| (a.first_day, &a.place, &a.reporter).cmp(&(b.first_day, &b.place, &b.reporter)));
    }
    let mismatches = mismatches(index);
    let mut drift = Vec::new();
    for (place, spans) in &all {
        drift.extend(rolled_over(index, place, spans, &mismatches));
        drift.extend(odd_sets(index, place, spans));
    }
    drift.extend(lost(index));
    (seen, drift)
}

impl Span {
    fn joined(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            days: self.days.max(other.days),
        }
    }
}

/// The MX host that an entry is about, else its domain.
fn place(entry: &Entry) -> &str {
    match entry.policy.mx_host.as_slice() {
        [mx] if !mx.trim().is_empty() => mx.trim(),
        _ => &entry.domain,
    }
}

fn spans<'a>(index: &Index<'a>, rows: &DomainRows<'a>) -> Spans<'a> {
    let mut spans: Spans<'a> = BTreeMap::new();
    for row in rows.rows.iter().filter(|row| row.has.tlsa) {
        for read in index.entries(row) {
            let Some(set) = read.tlsa_set else {
                continue;
            };
            let first = Span {
                first: row.day,
                last: row.day,
                days: 1,
            };
            let of_place = spans.entry(place(read.entry)).or_default();
            let is_new_day = |span: &Span| span.last < row.day;
            of_place
                .entry((row.reporter, set))
                .and_modify(|span| {
                    span.days = span.days.saturating_add(u64::from(is_new_day(span)));
                    span.last = row.day;
                })
                .or_insert(first);
        }
    }
    spans
}

fn seen_set(index: &Index<'_>, place: &str, key: &(&str, usize), span: Span) -> Option<SeenTlsa> {
    Some(SeenTlsa {
        place: place.to_owned(),
        reporter: key.0.to_owned(),
        records: index.tlsa_set(key.1)?.clone(),
        first_day: span.first,
        last_day: span.last,
        days: span.days,
    })
}

/// Failures because no record fitted.
struct Mismatch<'a> {
    day: Date,
    place: &'a str,
    domain: &'a str,
    failed: Sum,
}

fn mismatches<'a>(index: &Index<'a>) -> Vec<Mismatch<'a>> {
    let history = index.history;
    let failures = history.failures.iter();
    failures
        .filter(|failure| failure.cause == Cause::TlsaMismatch)
        .filter_map(|failure| {
            let entry = history.entries.get(failure.entry)?;
            Some(Mismatch {
                day: entry.day,
                place: failure.place.name(),
                domain: &entry.domain,
                failed: failure.failed,
            })
        })
        .collect()
}

/// The sets that took the place of others: a reporter shows a set that nobody showed before, and no more the one that
/// it showed last, but for a day or two in between.
fn rolled_over(
    index: &Index<'_>,
    place: &str,
    spans: &BTreeMap<(&str, usize), Span>,
    mismatches: &[Mismatch<'_>],
) -> Vec<DriftEvent> {
    let mut first_seen: BTreeMap<usize, (Date, &str)> = BTreeMap::new();
    for ((reporter, set), span) in spans {
        let first = first_seen.entry(*set).or_insert((span.first, reporter));
        *first = (*first).min((span.first, reporter));
    }
    let mut events = Vec::new();
    for (set, (changed, reporter)) in &first_seen {
        let before = spans
            .iter()
            .filter(|((who, other), span)| who == reporter && other != set && span.first < *changed)
            .max_by_key(|((_, other), span)| (span.last, *other));
        let Some(((_, old), old_span)) = before else {
            continue;
        };
        let new_last = spans.get(&(*reporter, *set)).map(|span| span.last);
        let is_replaced = old_span.last <= plus(*changed, 2) && Some(old_span.last) < new_last;
        let old_last = spans
            .iter()
            .filter(|((_, other), _)| other == old)
            .map(|(_, span)| span.last)
            .max();
        let Some(after) = index.tlsa_set(*set).filter(|_| is_replaced).cloned() else {
            continue;
        };
        let until = old_last.unwrap_or(*changed).max(*changed);
        let mut failed = Sum::default();
        for mismatch in mismatches
            .iter()
            .filter(|failure| failure.place == place || failure.domain == place)
        {
            if (*changed..=until).contains(&mismatch.day) {
                failed.add(mismatch.failed);
            }
        }
        let what = TlsaDrift::RolledOver {
            changed: *changed,
            after,
            failed,
        };
        events.push(DriftEvent::tlsa(place, (*changed, (*reporter).to_owned(), what)));
    }
    events
}

/// What is odd about the sets that a place has now.
fn odd_sets(index: &Index<'_>, place: &str, spans: &BTreeMap<(&str, usize), Span>) -> Vec<DriftEvent> {
    let newest = spans.values().map(|span| span.last).max();
    let mut firsts: BTreeMap<usize, (Date, &str)> = BTreeMap::new();
    let is_current = |set: usize| {
        spans
            .iter()
            .any(|((_, other), span)| *other == set && Some(span.last) == newest)
    };
    for ((reporter, set), span) in spans.iter().filter(|((_, set), _)| is_current(*set)) {
        let first = firsts.entry(*set).or_insert((span.first, reporter));
        *first = (*first).min((span.first, reporter));
    }
    let mut events = Vec::new();
    for (number, (day, reporter)) in firsts {
        let Some(set) = index.tlsa_set(number) else {
            continue;
        };
        let mut tell = |what| events.push(DriftEvent::tlsa(place, (day, reporter.to_owned(), what)));
        let is_useless = |record: &&String| record.starts_with("0 ") || record.starts_with("1 ");
        let useless: TlsaSet = set.iter().filter(is_useless).cloned().collect();
        if !useless.is_empty() && useless.len() < set.len() {
            tell(TlsaDrift::UselessUsage { records: useless });
        }
        if let Some(record) = set
            .first()
            .filter(|record| set.len() == 1 && record.starts_with("3 "))
        {
            tell(TlsaDrift::Single {
                record: record.clone(),
            });
        }
    }
    events
}

#[cfg(test)]
mod tests;
