//! Ready to enforce: a checklist over the 14 newest complete days, and what enforce would have held.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::assess::complete::Completeness;
use crate::assess::history::Sum;
use crate::assess::policy::PolicyHistory;
use crate::assess::problem::Problem;
use crate::assess::sessions::{DomainRows, Index};

mod checklist;
mod ledger;
mod retired;

pub use retired::RetiredMx;

/// Days of the checklist.
pub const WINDOW_DAYS: i64 = 14;
/// So many of them need a report that shows testing...
pub const NEEDED_DAYS: usize = 10;
/// ...or they need so many connections under it.
pub const NEEDED_SESSIONS: u64 = 50;
/// With fewer connections in the window nothing is said.
pub const TINY_SESSIONS: u64 = 20;

/// Whether a domain is ready for mode enforce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// The answer.
    pub verdict: Verdict,
    /// The days looked at; `None`: there are no complete days.
    pub window: Option<(Date, Date)>,
    /// Every condition, in the order of the rules; empty unless the domain is in testing.
    pub conditions: Vec<Condition>,
    /// What enforce would have held; for a domain in testing.
    pub ledger: Option<Ledger>,
    /// MX hosts that no report has ever named.
    pub unproven_mx: Vec<String>,
    /// Retired ones that the checklist leaves out although connections failed there; for a domain in testing.
    pub retired_mx: Vec<RetiredMx>,
}

/// Whether a domain is ready for enforce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every condition holds.
    Ready {
        /// Since the window that ended on this day.
        since: Date,
    },
    /// Every condition holds, but one reporter alone says so.
    ReadyAsFarAs {
        /// That reporter.
        reporter: String,
        /// Since the window that ended on this day.
        since: Date,
    },
    /// Time or traffic is missing.
    NotYet(Unmet),
    /// These problems would hold mail.
    NotReady {
        /// Their ids.
        problems: Vec<String>,
    },
    /// It enforces already.
    Enforces {
        /// Since this day, as senders see it.
        since: Date,
    },
    /// The policy says that there is none: mode none.
    ModeNone {
        /// Since this day, as senders see it.
        since: Date,
    },
    /// No reporter sees a policy.
    NoPolicy,
    /// The entries are about DANE only, which has no test mode.
    DaneOnly,
}

/// Why a domain isn't ready yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unmet {
    /// Fewer than 20 connections in the window.
    Tiny {
        /// How many.
        sessions: u64,
    },
    /// Too few days with a report.
    Traffic {
        /// How many; 10 are needed.
        days: usize,
    },
    /// The text changed in the window, or was first seen in it.
    Changed {
        /// On this day.
        day: Date,
        /// Whether that was the first policy seen at all.
        is_first: bool,
        /// The report day with which the window is full again.
        until: Date,
    },
    /// MX hosts of the configuration that no pattern of the policy lists.
    MxNotListed {
        /// These.
        mx: Vec<String>,
    },
    /// Some sender can't use the policy.
    PolicyProblems {
        /// The ids of these problems.
        problems: Vec<String>,
    },
}

/// A condition and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// 1. Testing was seen on at least 10 of the 14 days, or on at least 50 connections; on 20 at any rate.
    Traffic {
        /// Days.
        days: usize,
        /// Connections.
        sessions: u64,
        /// Whether it holds.
        is_met: bool,
    },
    /// 2. No failure that enforce would have turned into held mail.
    NoFailures {
        /// The ids of the problems that say otherwise.
        problems: Vec<String>,
    },
    /// 3. The text is the same over all the days.
    SameText {
        /// The first day of the present text.
        since: Date,
        /// Whether it is the first policy seen at all.
        is_first: bool,
        /// The report day with which the window is full, if it isn't.
        until: Option<Date>,
    },
    /// 4. Every MX of the configuration is listed.
    MxListed(MxListed),
    /// 5. Every sender can use the policy.
    PolicyUsable {
        /// The ids of the problems that say otherwise.
        problems: Vec<String>,
    },
    /// 6. At least two reporters; doesn't stand in the way.
    Reporters {
        /// Those with connections in the window, most first.
        reporters: Vec<String>,
    },
}

/// Whether the MX hosts of the configuration are in the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MxListed {
    /// The configuration names no MX that belongs to this domain.
    NotChecked,
    /// These are, and no other belongs to it.
    All(Vec<String>),
    /// These aren't.
    Missing(Vec<String>),
}

/// What enforce would have held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Connections in the 14 days up to the newest known day.
    pub recent: Sum,
    /// Of so many.
    pub recent_total: Sum,
    /// The day on which all of them fell, if it was one.
    pub only_day: Option<Date>,
    /// Connections in testing over all days.
    pub all: Sum,
    /// Of so many.
    pub all_total: Sum,
}

impl Condition {
    /// Whether it holds; `None`: it can't be checked, or isn't decisive.
    pub fn is_met(&self) -> Option<bool> {
        match self {
            Self::Traffic { is_met, .. } => Some(*is_met),
            Self::NoFailures { problems } | Self::PolicyUsable { problems } => Some(problems.is_empty()),
            Self::SameText { until, .. } => Some(until.is_none()),
            Self::MxListed(MxListed::NotChecked) => None,
            Self::MxListed(MxListed::All(_)) => Some(true),
            Self::MxListed(MxListed::Missing(_)) => Some(false),
            Self::Reporters { reporters } => (reporters.len() >= 2).then_some(true),
        }
    }
}

/// What the checklist is made from.
pub(in crate::assess) struct Case<'i, 'a> {
    pub(in crate::assess) index: &'i Index<'a>,
    pub(in crate::assess) rows: &'i DomainRows<'a>,
    pub(in crate::assess) policy: &'i PolicyHistory,
    pub(in crate::assess) problems: &'i [&'i Problem],
    pub(in crate::assess) completeness: &'i Completeness,
    pub(in crate::assess) is_gone: bool,
    pub(in crate::assess) is_dane_only: bool,
}

/// The checklist of one domain.
pub(in crate::assess) fn readiness(case: &Case<'_, '_>) -> Readiness {
    let window = case.completeness.newest(WINDOW_DAYS);
    let mut readiness = Readiness {
        verdict: Verdict::NoPolicy,
        window,
        conditions: Vec::new(),
        ledger: None,
        unproven_mx: Vec::new(),
        retired_mx: Vec::new(),
    };
    let Some(reign) = case.policy.current().filter(|_| !case.is_gone) else {
        if case.is_dane_only {
            readiness.verdict = Verdict::DaneOnly;
        }
        return readiness;
    };
    let mode_since = case.policy.mode_since().unwrap_or(reign.since);
    readiness.unproven_mx = checklist::unproven_mx(case, &reign.policy);
    match (reign.policy.mode.as_str(), window) {
        ("enforce", _) => readiness.verdict = Verdict::Enforces { since: mode_since },
        ("testing", Some((_, last))) => {
            let testing = ledger::testing_days(case);
            readiness.conditions = checklist::conditions(case, &reign.policy, &testing, last);
            readiness.verdict =
                checklist::verdict(case, &reign.policy, &testing, &readiness.conditions, last);
            readiness.ledger = Some(ledger::ledger(case, &testing));
            readiness.retired_mx = retired::retired_mx(case, last);
        }
        ("testing", None) => readiness.verdict = Verdict::NotYet(Unmet::Traffic { days: 0 }),
        ("none", _) => readiness.verdict = Verdict::ModeNone { since: mode_since },
        _ => {}
    }
    readiness
}

#[cfg(test)]
mod tests;
