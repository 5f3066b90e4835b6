//! What a failure did to the mail, from its cause and the policy that the sender applied. Pure.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::cause::Cause;
use super::count::{Index, Row};
use super::days::after;
use super::history::PolicyText;

/// For so many days before a failure a domain's mode tells what a report doesn't.
const MODE_DAYS: i64 = 14;

/// What happened to the mail; gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Impact {
    /// Not delivered through this MX: others are tried, then the sender waits and tries again.
    Held,
    /// Held back by a rule that the sender made for us.
    BySender,
    /// The report doesn't say which mode the sender saw.
    Unknown,
    /// Delivered, most likely without encryption.
    Plain,
    /// Delivered as if there were no policy.
    Unprotected,
    /// A copy of the policy goes on applying where there is one.
    Cached,
    /// Delivered encrypted, the certificate's flaw ignored.
    Passed,
    /// Delivered; how well protected, can't be told.
    Delivered,
    /// Delivered: the report counts these very connections as successful.
    InSpite,
}

impl Impact {
    /// Its name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::BySender => "by-sender",
            Self::Unknown => "unknown",
            Self::Plain => "plain",
            Self::Unprotected => "unprotected",
            Self::Cached => "cached",
            Self::Passed => "passed",
            Self::Delivered => "delivered",
            Self::InSpite => "in-spite",
        }
    }
}

/// Which policy the sender applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Basis {
    /// MTA-STS, mode enforce.
    Enforce,
    /// DANE, which has no test mode.
    Dane,
    /// MTA-STS, mode testing.
    Testing,
    /// MTA-STS, mode none.
    NoMode,
    /// Neither MTA-STS nor DANE.
    NoPolicy,
    /// MTA-STS of a mode that the report doesn't show, or a policy type that we don't know.
    Unknown,
}

/// The table: what a cause does under a policy. Pairs that no sender can mean count as unknown.
pub fn impact(cause: Cause, basis: Basis) -> Impact {
    use Basis::{Dane, Enforce, NoMode, NoPolicy, Testing};
    match (cause, basis) {
        // What the policy doesn't decide.
        (Cause::TlsaUnusable, _) => Impact::Passed,
        (Cause::DaneRequired, _) => Impact::BySender,
        (Cause::Dnssec, _) | (Cause::TlsaMismatch, Dane) => Impact::Held,
        (Cause::PolicyFetch | Cause::PolicyInvalid | Cause::PolicyHostCertificate, NoMode | NoPolicy) => {
            Impact::Unprotected
        }
        (
            Cause::PolicyFetch | Cause::PolicyInvalid | Cause::PolicyHostCertificate | Cause::StalePolicy,
            _,
        ) => Impact::Cached,
        (Cause::TlsaMismatch, _) | (Cause::MxNotInPolicy, Dane | NoPolicy) | (_, Basis::Unknown) => {
            Impact::Unknown
        }
        (_, Enforce | Dane) => Impact::Held,
        (Cause::NoStarttls | Cause::Handshake, Testing | NoMode | NoPolicy) => Impact::Plain,
        (Cause::Unspecified | Cause::NotSpecified | Cause::Unknown, Testing | NoMode | NoPolicy) => {
            Impact::Delivered
        }
        (
            Cause::Expired | Cause::WrongName | Cause::NotTrusted | Cause::NotYetValid | Cause::MxNotInPolicy,
            Testing | NoMode | NoPolicy,
        ) => Impact::Passed,
    }
}

/// The policy that a sender applied.
pub fn basis(policy: &PolicyText) -> Basis {
    match (policy.policy_type.as_str(), policy.mode.as_deref()) {
        ("sts", Some(mode)) => basis_of_mode(mode),
        ("tlsa", _) => Basis::Dane,
        ("no-policy-found", _) => Basis::NoPolicy,
        _ => Basis::Unknown,
    }
}

fn basis_of_mode(mode: &str) -> Basis {
    match mode {
        "enforce" => Basis::Enforce,
        "testing" => Basis::Testing,
        "none" => Basis::NoMode,
        _ => Basis::Unknown,
    }
}

/// What the failures of an episode did to mail.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) impact: Impact,
    /// What decided it; unknown if only the mode that the domain showed elsewhere tells.
    pub(super) basis: Basis,
    /// All that were applied, gravest first.
    pub(super) bases: Vec<Basis>,
    /// For an unknown mode: the domain's newest known one, and its day.
    pub(super) last_known_mode: Option<(String, Date)>,
}

/// The gravest that these failures did. Where a report hides the mode, the newest one that the domain showed in the
/// `MODE_DAYS` days up to `last` tells.
pub(super) fn verdict(index: &Index<'_>, cause: Cause, rows: &[Row<'_>], last: Date) -> Verdict {
    let mut bases = BTreeSet::new();
    // Gravest first; of equals the one that the report itself shows.
    let mut gravest: Option<(Impact, bool, Basis)> = None;
    let mut modes: BTreeMap<&str, Option<(Basis, &str, Date)>> = BTreeMap::new();
    let mut known_mode: Option<(Basis, Date, String)> = None;
    for row in rows {
        let basis = basis(&row.entry.policy);
        bases.insert(basis);
        let mut found = (impact(cause, basis), false, basis);
        if row.is_in_spite() {
            found.0 = Impact::InSpite;
        } else if basis == Basis::Unknown {
            let domain = &*row.entry.domain;
            let mode = modes
                .entry(domain)
                .or_insert_with(|| newest_mode(index, domain, last));
            if let Some((mode, name, day)) = *mode {
                found = (impact(cause, mode), true, basis);
                let known = (mode, day, name.to_owned());
                known_mode = Some(known_mode.map_or(known.clone(), |other| graver_mode(other, known)));
            }
        }
        gravest = Some(gravest.map_or(found, |other| other.min(found)));
    }
    let (impact, _, basis) = gravest.unwrap_or((Impact::Unknown, false, Basis::Unknown));
    Verdict {
        impact,
        basis,
        bases: bases.into_iter().collect(),
        last_known_mode: known_mode.map(|(_, day, mode)| (mode, day)),
    }
}

/// The graver mode, of equals the newer one.
fn graver_mode(one: (Basis, Date, String), other: (Basis, Date, String)) -> (Basis, Date, String) {
    match one.0.cmp(&other.0).then(other.1.cmp(&one.1)) {
        Ordering::Greater => other,
        _ => one,
    }
}

/// The newest mode that anybody saw for a domain in the days up to `last`; on the same day the gravest.
fn newest_mode<'h>(index: &Index<'h>, domain: &'h str, last: Date) -> Option<(Basis, &'h str, Date)> {
    let first = after(last, -MODE_DAYS);
    let mut newest: Option<(Date, Basis, &str)> = None;
    for reporter in index.reporters(domain) {
        let entries = index.entries(reporter, domain);
        let end = entries.partition_point(|(day, _)| *day <= last);
        let recent = entries
            .iter()
            .take(end)
            .rev()
            .take_while(|(day, _)| *day >= first);
        for (day, at) in recent {
            let policy = index.history.entries.get(*at).map(|entry| &entry.policy);
            let Some(mode) = policy
                .filter(|policy| policy.policy_type == "sts")
                .and_then(|policy| policy.mode.as_deref())
            else {
                continue;
            };
            let found = (*day, basis_of_mode(mode), mode);
            newest = Some(newest.map_or(found, |other| {
                if (other.0, Reverse(other.1)) >= (found.0, Reverse(found.1)) {
                    other
                } else {
                    found
                }
            }));
        }
    }
    newest
        .filter(|(_, basis, _)| *basis != Basis::Unknown)
        .map(|(day, basis, mode)| (basis, mode, day))
}
