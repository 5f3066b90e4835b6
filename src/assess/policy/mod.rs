//! The MTA-STS policy as senders see it: which text which reporter showed on which days, and what changed.
//!
//! Texts are compared normalised: the order of lines, blanks, upper and lower case and the version line don't matter.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::assess::cause::without_end;
use crate::assess::history::PolicyText;
use crate::assess::sessions::{pattern_for, plus};

mod few;
mod stale;
mod texts;
mod walk;

pub use stale::mark_stale;
pub(in crate::assess) use stale::tell_since;
pub use texts::{Text, Texts, Worth};
pub(in crate::assess) use walk::{history, is_gone};

/// An old text is stale after its `max_age`, but not before so many days.
const STALE_DAYS: i64 = 7;

/// An MTA-STS policy (RFC 8461, Section 3.2), normalised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// The mode, lower case.
    pub mode: String,
    /// The patterns of its `mx` lines, lower case.
    pub mx: BTreeSet<String>,
    /// `max_age` in seconds, where the text shows it.
    pub max_age: Option<u64>,
}

/// A policy with the days on which a reporter showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Who showed it.
    pub reporter: String,
    /// The policy.
    pub policy: Policy,
    /// First day.
    pub first_day: Date,
    /// Last day.
    pub last_day: Date,
    /// On how many days.
    pub days: u64,
}

/// Since when a policy is the domain's, by the first reporter that showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reign {
    /// First day.
    pub since: Date,
    /// Who showed it first.
    pub reporter: String,
    /// The policy.
    pub policy: Policy,
}

/// What there is to tell of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyDrift {
    /// A reporter shows a text that was not there before.
    Changed {
        /// What was there before; `None`: no policy.
        before: Option<Policy>,
        /// The new text.
        after: Policy,
        /// How many times this text has come back: 0 at first.
        returns: u32,
    },
    /// Another reporter still shows an old text.
    Laggard {
        /// The day on which the new text was first seen.
        changed: Date,
        /// The old text.
        old: Policy,
        /// The new text.
        new: Policy,
    },
    /// A reporter gets two texts, day after day.
    TwoAnswers {
        /// The two, or two of them.
        texts: (Policy, Policy),
    },
    /// A reporter no longer finds the policy.
    Gone {
        /// The last day on which it showed one.
        last_seen: Date,
        /// What it showed then.
        policy: Policy,
    },
}

/// A reporter that shows an old policy to this day, as was told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    /// Who shows it.
    pub reporter: String,
    /// The day on which the new text was first seen.
    pub changed: Date,
    /// The newest day on which it showed the old one.
    pub last_day: Date,
    /// Whether the old text is shown beyond its time, or holds mail.
    pub is_stale: bool,
}

/// A day on which a reporter shows an old text beyond its time, or one that holds mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleDay {
    /// The day.
    pub day: Date,
    /// Who shows it.
    pub reporter: String,
    /// The day on which the new text was first seen.
    pub changed: Date,
}

/// What a domain's reports say of its policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyHistory {
    /// Who saw what, by first day.
    pub seen: Vec<Seen>,
    /// The texts in turn.
    pub reigns: Vec<Reign>,
    /// Who shows an old text to this day, by name.
    pub outdated: Vec<Outdated>,
    /// The days on which old texts were stale, in order.
    pub stale: Vec<StaleDay>,
    /// What there is to tell: the day, the reporter, the event.
    pub(in crate::assess) drift: Vec<(Date, String, PolicyDrift)>,
}

impl Policy {
    /// Reads the policy that an `sts` entry shows; `None` if it shows none or only a part.
    pub fn read(text: &PolicyText) -> Option<Self> {
        let mut policy = Self {
            mode: text.mode.clone().unwrap_or_default().trim().to_lowercase(),
            mx: BTreeSet::new(),
            max_age: None,
        };
        for line in text.lines.iter().flat_map(|line| line.lines()) {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            match key.trim().to_lowercase().as_str() {
                "mode" => policy.mode = value.trim().to_lowercase(),
                "mx" => policy.mx.extend(pattern(value)),
                "max_age" => policy.max_age = value.trim().parse().ok(),
                _ => {}
            }
        }
        if policy.mx.is_empty() {
            policy.mx = text.mx_host.iter().filter_map(|host| pattern(host)).collect();
        }
        (text.policy_type == "sts" && !policy.mode.is_empty()).then_some(policy)
    }

    /// Whether an MX host matches one of its patterns.
    pub fn covers(&self, mx: &str) -> bool {
        pattern_for(mx).iter().any(|pattern| self.mx.contains(pattern))
    }

    /// Itself on one line, the same for equal policies.
    pub fn canonical(&self) -> String {
        let mx: Vec<&str> = self.mx.iter().map(String::as_str).collect();
        let max_age = self.max_age.map_or(String::new(), |seconds| seconds.to_string());
        format!("{} {} {max_age}", self.mode, mx.join(","))
    }

    /// Whether two may be the same text: some reporters leave `max_age` out.
    fn is_same(&self, other: &Self) -> bool {
        let is_same_age = self.max_age.is_none() || other.max_age.is_none() || self.max_age == other.max_age;
        is_same_age && (&self.mode, &self.mx) == (&other.mode, &other.mx)
    }

    fn is_none(&self) -> bool {
        self.mode == "none"
    }

    /// How long it may be shown after a new one was first seen, in days.
    fn days_until_stale(&self) -> i64 {
        let days = self.max_age.map_or(0, |seconds| seconds.div_ceil(24 * 60 * 60));
        i64::try_from(days).unwrap_or(i64::MAX).max(STALE_DAYS)
    }
}

fn pattern(value: &str) -> Option<String> {
    let pattern = without_end(value).to_lowercase();
    (!pattern.is_empty()).then_some(pattern)
}

impl PolicyHistory {
    /// The policy now.
    pub fn current(&self) -> Option<&Reign> {
        self.reigns.last()
    }

    /// Since when the present mode holds, over changes of other lines.
    pub fn mode_since(&self) -> Option<Date> {
        let mode = &self.current()?.policy.mode;
        let same = self
            .reigns
            .iter()
            .rev()
            .take_while(|reign| reign.policy.mode == *mode);
        same.last().map(|reign| reign.since)
    }

    /// Since when the present text holds on the evening of `day`.
    pub(in crate::assess) fn on(&self, day: Date) -> Option<&Reign> {
        self.reigns.iter().rev().find(|reign| reign.since <= day)
    }
}

/// The last day of a window of `n` days that begins on `first`.
pub(in crate::assess) fn end_of_window(first: Date, n: i64) -> Date {
    plus(first, n.saturating_sub(1))
}

#[cfg(test)]
mod tests;
