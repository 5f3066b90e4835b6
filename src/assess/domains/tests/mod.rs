//! Histories made by hand, and what holds for all of the assessment.

#![expect(clippy::arithmetic_side_effects, reason = "a test may panic")]

use std::rc::Rc;

use jiff::civil::{Date, date};

use crate::assess::cause::Cause;
use crate::assess::domains::{Protection, Survey};
use crate::assess::history::{Entry, Failure, History, Kind, PolicyText, Remark, Saying, Seen, Sum};
use crate::assess::impact::{Basis, Impact};
use crate::assess::place::Place;
use crate::assess::problem::{Episode, Problem, Spot, State, Whose};
use crate::assess::ready::Verdict;
use crate::assess::sessions::Standing;

mod numbers;
mod standing;

/// A history in the making.
pub(in crate::assess) struct Made {
    pub(in crate::assess) history: History,
}

impl Made {
    pub(in crate::assess) fn on(today: Date, our_domains: &[&str], our_mx: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            history: History {
                today,
                our_domains: owned(our_domains),
                our_mx: owned(our_mx),
                learnt_mx: std::collections::BTreeSet::new(),
                entries: Vec::new(),
                failures: Vec::new(),
                older: Vec::new(),
                remarks: Vec::new(),
                unproven: std::collections::BTreeSet::new(),
            },
        }
    }

    /// A report of its own with one entry.
    pub(in crate::assess) fn report(
        &mut self,
        day: Date,
        reporter: &str,
        domain: &str,
        policy: &Rc<PolicyText>,
        (ok, failed): (u64, u64),
    ) -> &mut Self {
        let report = i64::try_from(self.history.entries.len()).unwrap();
        self.history.entries.push(Entry {
            report,
            day,
            seen: Rc::new(Seen {
                reporter: reporter.into(),
                domain: domain.into(),
                policy: Rc::clone(policy),
            }),
            ok: Some(ok),
            failed: Some(failed),
        });
        self
    }

    /// A further entry in the last report.
    pub(in crate::assess) fn entry(
        &mut self,
        domain: &str,
        policy: &Rc<PolicyText>,
        (ok, failed): (u64, u64),
    ) -> &mut Self {
        let last = self.history.entries.last().unwrap().clone();
        self.history.entries.push(Entry {
            seen: Rc::new(Seen {
                reporter: Rc::clone(&last.reporter),
                domain: domain.into(),
                policy: Rc::clone(policy),
            }),
            ok: Some(ok),
            failed: Some(failed),
            ..last
        });
        self
    }

    /// A failure in the last entry.
    pub(in crate::assess) fn failure(&mut self, cause: Cause, mx: &str, failed: u64) -> &mut Self {
        let entry = self.history.entries.len() - 1;
        let domain = self.history.entries[entry].domain.to_string();
        let names: Vec<String> = (!mx.is_empty()).then(|| mx.to_owned()).into_iter().collect();
        self.history.failures.push(Failure {
            entry,
            failed: sum(failed),
            kind: Rc::new(Kind {
                cause,
                place: names
                    .first()
                    .map_or(Place::Unnamed(domain), |mx| Place::Mx(mx.clone())),
                mx: names,
                result_types: Vec::new(),
                failure_types: Vec::new(),
            }),
            details: Box::default(),
        });
        self
    }

    /// A report on each of the days.
    pub(in crate::assess) fn reports(
        &mut self,
        days: impl IntoIterator<Item = Date>,
        reporter: &str,
        domain: &str,
        policy: &Rc<PolicyText>,
        ok: u64,
    ) -> &mut Self {
        for day in days {
            self.report(day, reporter, domain, policy, (ok, 0));
        }
        self
    }

    pub(in crate::assess) fn retire(&mut self, about: &str, day: Date) -> &mut Self {
        self.history.remarks.push(Remark {
            about: about.to_owned(),
            day,
            by: "admin".to_owned(),
            saying: Saying::Retired,
        });
        self
    }

    pub(in crate::assess) fn survey(&self) -> Survey {
        Survey::of(&self.history, &[])
    }
}

pub(in crate::assess) fn sum(known: u64) -> Sum {
    Sum {
        known,
        at_least: false,
    }
}

/// Days of November 2026.
pub(in crate::assess) fn nov(days: std::ops::RangeInclusive<i8>) -> impl Iterator<Item = Date> + Clone {
    days.map(|day| date(2026, 11, day))
}

pub(in crate::assess) fn policy(policy_type: &str, mode: Option<&str>, lines: &[&str]) -> Rc<PolicyText> {
    Rc::new(PolicyText {
        policy_type: policy_type.to_owned(),
        mode: mode.map(str::to_owned),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        mx_host: Vec::new(),
    })
}

pub(in crate::assess) fn sts(mode: &str, mx: &[&str], max_age: u64) -> Rc<PolicyText> {
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
    lines.extend(mx.iter().map(|mx| format!("mx: {mx}")));
    lines.push(format!("max_age: {max_age}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    policy("sts", Some(mode), &lines)
}

pub(in crate::assess) fn tlsa(records: &[&str]) -> Rc<PolicyText> {
    policy("tlsa", None, records)
}

pub(in crate::assess) fn not_found() -> Rc<PolicyText> {
    policy("no-policy-found", None, &[])
}

/// An open problem on these days.
pub(in crate::assess) fn problem(
    id: &str,
    cause: Cause,
    place: Place,
    domain: &str,
    days: (Date, Date),
) -> Problem {
    Problem {
        id: id.to_owned(),
        cause,
        place,
        state: State::Ongoing,
        impact: Impact::Passed,
        basis: Basis::Testing,
        bases: Vec::new(),
        last_known_mode: None,
        whose: Whose::YoursProven,
        spot: Spot::default(),
        named: None,
        episodes: vec![Episode {
            first_day: days.0,
            last_day: days.1,
            visible_from: Some(days.0),
            failed: Sum::default(),
            ended: None,
            by_note: None,
        }],
        domains: vec![domain.to_owned()],
        witnesses: Vec::new(),
        unaffected: Vec::new(),
        failed: Sum::default(),
        total: Sum::default(),
        days: Vec::new(),
        delivered_in_spite: false,
        reasons: Vec::new(),
        result_types: Vec::new(),
        failure_types: Vec::new(),
        policy: None,
        longest_pause: None,
        clean_days_needed: 2,
        remarks: Vec::new(),
        acknowledged_until: None,
        newer_since: None,
        is_proven: true,
        is_foreign: false,
        is_retired: false,
        aliases: Vec::new(),
        known_days: Vec::new(),
        failures: Vec::new(),
        cached_until: None,
        is_provider: false,
        retired_since: None,
        after_retirement: Sum::default(),
        held_after_retirement: false,
    }
}

/// Sample 2 of the model digests: all quiet, seen on Monday, 16 Nov.
pub(in crate::assess) fn quiet_week() -> Made {
    let mut made = Made::on(
        date(2026, 11, 16),
        &["example.com", "example.org"],
        &["mx1.example.com"],
    );
    let com = sts("enforce", &["mx1.example.com"], 604_800);
    let org = sts("testing", &["mx1.example.com"], 604_800);
    let before = || (30..=31).map(|day| date(2026, 10, day)).chain(nov(1..=7));
    made.reports(before(), "google.com", "example.com", &com, 360)
        .reports(before(), "google.com", "example.org", &org, 60)
        .reports(before(), "microsoft.com", "example.com", &com, 132)
        .reports(before(), "mail.ru", "example.com", &com, 12)
        .reports(nov(8..=14), "google.com", "example.com", &com, 360)
        .reports(nov(8..=13), "google.com", "example.org", &org, 60)
        .reports(nov(14..=14), "google.com", "example.org", &org, 61)
        .reports(nov(9..=14), "microsoft.com", "example.com", &com, 132)
        .reports(nov(9..=14), "microsoft.com", "example.org", &org, 14)
        .reports(nov(8..=13), "mail.ru", "example.com", &com, 12)
        .reports(nov(14..=14), "mail.ru", "example.com", &com, 11)
        .reports(nov(15..=15), "mail.ru", "example.com", &com, 12)
        .reports(nov(10..=11), "mail.ru", "example.org", &org, 2)
        .reports(nov(12..=12), "mail.ru", "example.org", &org, 3)
        .reports(nov(8..=14), "mx.example.net", "example.com", &com, 1);
    let set = tlsa(&["3 1 1 9f2c41aa"]);
    made.reports(nov(9..=10), "post.example.net", "mx1.example.com", &set, 20)
        .reports(nov(12..=13), "post.example.net", "mx1.example.com", &set, 15);
    made
}
