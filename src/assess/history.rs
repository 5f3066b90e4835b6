//! The rows that everything is derived from. The store reads them; their order doesn't matter.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::rc::Rc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::place::Place;
use super::sessions::pattern_for;

/// A sum of counts, some of which may have been unreadable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, bool)", into = "(u64, bool)")]
pub struct Sum {
    /// Sum of the readable counts.
    pub known: u64,
    /// Whether an unreadable count is left out, so that the true sum is larger or equal.
    pub at_least: bool,
}

/// A policy as a report shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PolicyText {
    /// "policy-type": `sts`, `tlsa`, `no-policy-found`, or as sent.
    pub policy_type: String,
    /// The MTA-STS mode, lower case, where the text shows one.
    pub mode: Option<String>,
    /// "policy-string", line by line, as sent.
    pub lines: Vec<String>,
    /// "mx-host", as sent.
    pub mx_host: Vec<String>,
}

/// Who applied which policy to which domain: what many entries have in common, so that they share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Who reports: the submitter's domain with its aliases folded, else the organization-name.
    pub reporter: Rc<str>,
    /// "policy-domain", lower case; may be empty.
    pub domain: Rc<str>,
    /// The policy that was applied.
    pub policy: Rc<PolicyText>,
}

/// One policy entry of one report that counts. There may be hundreds of thousands, so it is kept small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Id in `reports`.
    pub report: i64,
    /// "total-successful-session-count"; `None`: unreadable.
    pub ok: Option<u64>,
    /// "total-failure-session-count"; `None`: unreadable.
    pub failed: Option<u64>,
    /// Who saw what; its fields are the entry's own too.
    pub seen: Rc<Seen>,
    /// UTC day of the report's start.
    pub day: Date,
}

impl Deref for Entry {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.seen
    }
}

/// What broke and where, as many failures say it alike, so that they share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    /// What broke, by this entry alone.
    pub cause: Cause,
    /// Where, by this entry alone.
    pub place: Place,
    /// MX hosts named, lower case; empty where none is.
    pub mx: Vec<String>,
    /// Result types as in `failure_types`.
    pub result_types: Vec<String>,
    /// Ids in `failure_types`.
    pub failure_types: Vec<i64>,
}

/// The failure details of one entry that share cause and place, or what its summary counts without details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Index in [`History::entries`].
    pub entry: usize,
    /// Sum of the details' counts; of the summary where there are no details.
    pub failed: Sum,
    /// What broke; its fields are the failure's own too.
    pub kind: Rc<Kind>,
    /// Addresses and reasons.
    pub details: Box<[Detail]>,
}

impl Deref for Failure {
    type Target = Kind;

    fn deref(&self) -> &Kind {
        &self.kind
    }
}

/// An address or reason that failure details give, with their count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Which of them.
    pub of: DetailOf,
    /// As sent; never empty.
    pub text: Rc<str>,
    /// Connections.
    pub n: u64,
}

/// What a detail gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailOf {
    /// "receiving-ip"
    ReceivingIp,
    /// "sending-mta-ip"
    SendingIp,
    /// "failure-reason-code"
    Reason,
}

impl Failure {
    /// "receiving-ip" values with their counts.
    pub fn receiving_ips(&self) -> impl Iterator<Item = (&str, u64)> {
        self.details_of(DetailOf::ReceivingIp)
    }

    /// "sending-mta-ip" values with their counts.
    pub fn sending_ips(&self) -> impl Iterator<Item = (&str, u64)> {
        self.details_of(DetailOf::SendingIp)
    }

    /// "failure-reason-code" values as sent, with their counts; absent ones are left out.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, u64)> {
        self.details_of(DetailOf::Reason)
    }

    fn details_of(&self, of: DetailOf) -> impl Iterator<Item = (&str, u64)> {
        let details = self.details.iter().filter(move |detail| detail.of == of);
        details.map(|detail| (&*detail.text, detail.n))
    }
}

/// What a person has said of a problem, domain or MX.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saying {
    /// `note`: free text. On a problem it shortens the proof that it is over.
    Note(String),
    /// `fixed`: as a note without words.
    Fixed,
    /// `ack`: not to be told until this day, inclusive.
    Acknowledged(Date),
    /// `retire`: no longer in use.
    Retired,
}

/// A saying with who, when and about what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// A problem's id, a domain or an MX host.
    pub about: String,
    /// UTC day on which it was said; for `retire`, since when it holds.
    pub day: Date,
    /// Who said it: the system user.
    pub by: String,
    /// What was said.
    pub saying: Saying,
}

/// Everything that problems and the states of domains are derived from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The UTC day on which the question is asked.
    pub today: Date,
    /// `domains.mail` of the configuration; empty: not listed.
    pub our_domains: Vec<String>,
    /// `domains.mx` of the configuration; empty: not listed.
    pub our_mx: Vec<String>,
    /// Patterns of MX hosts (RFC 8461, Section 4.1) that are ours because several reporters name them.
    pub learnt_mx: BTreeSet<String>,
    /// Every entry that matters.
    pub entries: Vec<Entry>,
    /// Every failure in them.
    pub failures: Vec<Failure>,
    /// Of the entries that don't matter otherwise, those by which it is known since when senders show which policy.
    pub older: Vec<Entry>,
    /// What people have said.
    pub remarks: Vec<Remark>,
    /// Ids of the reports that count although their origin isn't proven: alone they make nothing urgent, resolved or ready.
    pub unproven: BTreeSet<i64>,
}

/// Whether a host, or the pattern of one, is a domain or lies below it.
pub fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl History {
    /// Whether an MX host is ours, where domains are listed: listed too, below one of these, or learnt.
    pub(in crate::assess) fn is_our_mx(&self, host: &str) -> bool {
        self.our_mx.iter().any(|own| own == host)
            || self.our_domains.iter().any(|domain| is_below(host, domain))
            || pattern_for(host)
                .iter()
                .any(|pattern| self.learnt_mx.contains(pattern))
    }

    /// What concerns these domains alone; nothing of the others is left. Of remarks those stay that are about a problem,
    /// one of these domains, or an MX host that failed for them.
    #[must_use]
    pub fn of_domains(mut self, domains: &[String]) -> Self {
        let is_theirs = |domain: &str| domains.iter().any(|own| own == domain);
        let mut places: Vec<Option<usize>> = Vec::with_capacity(self.entries.len());
        let mut n_kept = 0_usize;
        self.entries.retain(|entry| {
            let keep = is_theirs(&entry.domain);
            places.push(keep.then_some(n_kept));
            n_kept = n_kept.saturating_add(usize::from(keep));
            keep
        });
        self.failures
            .retain_mut(|failure| match places.get(failure.entry) {
                Some(Some(place)) => {
                    failure.entry = *place;
                    true
                }
                _ => false,
            });
        self.older.retain(|entry| is_theirs(&entry.domain));
        let failures = &self.failures;
        self.remarks.retain(|remark| {
            let is_problem = !remark.about.contains('.');
            is_problem
                || is_theirs(&remark.about)
                || failures.iter().any(|failure| failure.mx.contains(&remark.about))
        });
        self
    }
}

impl From<(u64, bool)> for Sum {
    fn from((known, at_least): (u64, bool)) -> Self {
        Self { known, at_least }
    }
}

impl From<Sum> for (u64, bool) {
    fn from(sum: Sum) -> Self {
        (sum.known, sum.at_least)
    }
}

impl Sum {
    /// Adds a count; an unreadable one makes the sum a lower bound.
    pub fn take(&mut self, count: Option<u64>) {
        match count {
            Some(count) => self.known = self.known.saturating_add(count),
            None => self.at_least = true,
        }
    }

    /// Both sums together.
    pub fn add(&mut self, other: Self) {
        self.known = self.known.saturating_add(other.known);
        self.at_least |= other.at_least;
    }

    /// The larger of two counts of the same sessions.
    #[must_use]
    pub fn larger(self, other: Self) -> Self {
        Self {
            known: self.known.max(other.known),
            at_least: self.at_least || other.at_least,
        }
    }
}
