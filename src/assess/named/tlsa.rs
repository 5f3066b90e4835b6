//! C11, C12 and C23: the TLSA records around the failures.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::Look;
use crate::assess::count::Row;
use crate::assess::days::between;
use crate::assess::history::PolicyText;
use crate::assess::problem::{Ending, Named};

/// A set that differs from that of so many days before has just been changed.
const CHANGED_DAYS: i32 = 2;

impl<'h> Look<'_, 'h> {
    /// C11, C12 and C23.
    pub(super) fn tlsa(&self) -> Option<Named> {
        let pairs: BTreeSet<(&'h str, &'h str)> = self
            .draft
            .rows
            .iter()
            .map(|row| (row.reporter(), &*row.entry.domain))
            .collect();
        let views: Vec<TlsaView> = pairs
            .into_iter()
            .map(|(reporter, domain)| self.tlsa_view(reporter, domain))
            .collect();
        let unchanged = |view: &TlsaView| Some(view.before.as_ref()?.1 == view.first_bad.as_ref()?.1);
        let is_resolved = matches!(self.episode.ended, Some((Ending::Resolved, _)));
        let is_short = |view: &TlsaView| match (&view.before, &view.after) {
            (Some((old_day, old)), Some((new_day, new))) => old != new && between(*old_day, *new_day) <= 5,
            _ => false,
        };
        if is_resolved && views.iter().any(is_short) {
            return Some(Named::C12TlsaOverlapTooShort);
        }
        let verdicts: Vec<bool> = views.iter().filter_map(unchanged).collect();
        if !verdicts.is_empty() && verdicts.iter().all(|is_unchanged| *is_unchanged) {
            return Some(Named::C11TlsaNotUpdated);
        }
        views
            .iter()
            .any(TlsaView::is_changed_first)
            .then_some(Named::C23TlsaChangedFirst)
    }

    fn tlsa_view(&self, reporter: &'h str, domain: &'h str) -> TlsaView {
        let sets = || {
            self.index
                .entries(reporter, domain)
                .iter()
                .filter_map(|(day, at)| Some((*day, tlsa_set(&self.index.history.entries.get(*at)?.policy)?)))
        };
        let is_bad = |day: Date| {
            self.draft
                .life
                .days
                .get(&day)
                .is_some_and(|by| by.contains_key(reporter))
        };
        let bad: BTreeSet<Date> = self
            .draft
            .rows
            .iter()
            .filter(|row| row.reporter() == reporter && &*row.entry.domain == domain)
            .map(Row::day)
            .collect();
        let (Some(first), Some(last)) = (bad.first(), bad.last()) else {
            return TlsaView::default();
        };
        TlsaView {
            before: sets()
                .take_while(|(day, _)| day < first)
                .filter(|(day, _)| !is_bad(*day))
                .last(),
            first_bad: sets().find(|(day, _)| day == first),
            after: sets().find(|(day, _)| day > last && !is_bad(*day)),
        }
    }
}

/// The TLSA records that a reporter saw for a domain around its failures, with their days.
#[derive(Debug, Default)]
struct TlsaView {
    before: Option<(Date, BTreeSet<String>)>,
    first_bad: Option<(Date, BTreeSet<String>)>,
    after: Option<(Date, BTreeSet<String>)>,
}

impl TlsaView {
    /// Whether the set was another one up to two days before the first bad day, with a record that is missing now.
    fn is_changed_first(&self) -> bool {
        let (Some((good, old)), Some((bad, new))) = (&self.before, &self.first_bad) else {
            return false;
        };
        between(*good, *bad) <= CHANGED_DAYS && !old.is_subset(new)
    }
}

fn tlsa_set(policy: &PolicyText) -> Option<BTreeSet<String>> {
    let set: BTreeSet<String> = policy
        .lines
        .iter()
        .flat_map(|line| line.lines())
        .map(|line| {
            line.split_ascii_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_ascii_lowercase()
        })
        .filter(|line| !line.is_empty())
        .collect();
    (policy.policy_type == "tlsa" && !set.is_empty()).then_some(set)
}
