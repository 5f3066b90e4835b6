//! What a failure did to the mail, from its cause and the policy that the sender applied. Pure.

use jiff::civil::Date;

use crate::digest::cause::Cause;
use crate::store::rows::FailureItem;

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

/// What happened to the mail, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What happened.
    pub impact: Impact,
    /// The policy that decided it.
    pub basis: Basis,
    /// For [`Impact::Unknown`]: the mode that another report showed, and on which day.
    pub last_known_mode: Option<(String, Date)>,
}

/// The gravest outcome that the item's policies and modes give.
pub fn outcome(cause: Cause, item: &FailureItem) -> Outcome {
    let (impact, basis) = bases(item)
        .into_iter()
        .map(|basis| (impact(cause, basis), basis))
        .min()
        .unwrap_or((Impact::Unknown, Basis::Unknown));
    Outcome {
        impact: if item.delivered_in_spite {
            Impact::InSpite
        } else {
            impact
        },
        basis,
        last_known_mode: item.last_known_mode.clone(),
    }
}

/// The policies that senders applied, as far as the reports say.
pub fn bases(item: &FailureItem) -> Vec<Basis> {
    let mut bases = Vec::new();
    for policy_type in &item.policy_types {
        match policy_type.as_str() {
            "sts" if item.sts_modes.is_empty() => bases.push(Basis::Unknown),
            "sts" => bases.extend(item.sts_modes.iter().map(|mode| match mode.as_str() {
                "enforce" => Basis::Enforce,
                "testing" => Basis::Testing,
                "none" => Basis::NoMode,
                _ => Basis::Unknown,
            })),
            "tlsa" => bases.push(Basis::Dane),
            "no-policy-found" => bases.push(Basis::NoPolicy),
            _ => bases.push(Basis::Unknown),
        }
    }
    bases
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
        (Cause::PolicyFetch | Cause::PolicyInvalid | Cause::PolicyHostCertificate, _) => Impact::Cached,
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

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn item(policy_types: &[&str], modes: &[&str]) -> FailureItem {
        FailureItem {
            policy_types: policy_types.iter().map(|&t| t.to_owned()).collect(),
            sts_modes: modes.iter().map(|&t| t.to_owned()).collect(),
            ..FailureItem::default()
        }
    }

    #[test]
    fn the_table_of_impacts_is_this() {
        use Cause::{
            DaneRequired, Dnssec, Expired, Handshake, MxNotInPolicy, NoStarttls, NotSpecified, NotTrusted,
            PolicyFetch, TlsaMismatch, TlsaUnusable, Unspecified, WrongName,
        };
        let bases = [
            Basis::Enforce,
            Basis::Testing,
            Basis::NoMode,
            Basis::Dane,
            Basis::NoPolicy,
            Basis::Unknown,
        ];
        for (cause, expected) in [
            (NoStarttls, "held plain plain held plain unknown"),
            (WrongName, "held passed passed held passed unknown"),
            (Expired, "held passed passed held passed unknown"),
            (NotTrusted, "held passed passed held passed unknown"),
            (MxNotInPolicy, "held passed passed unknown unknown unknown"),
            (Handshake, "held plain plain held plain unknown"),
            (TlsaMismatch, "unknown unknown unknown held unknown unknown"),
            (TlsaUnusable, "passed passed passed passed passed passed"),
            (Dnssec, "held held held held held held"),
            (
                DaneRequired,
                "by-sender by-sender by-sender by-sender by-sender by-sender",
            ),
            (PolicyFetch, "cached cached unprotected cached unprotected cached"),
            (Unspecified, "held delivered delivered held delivered unknown"),
            (NotSpecified, "held delivered delivered held delivered unknown"),
        ] {
            let found: Vec<&str> = bases.iter().map(|&basis| impact(cause, basis).as_str()).collect();
            assert_eq!(found.join(" "), expected, "{cause}");
        }
    }

    #[test]
    fn the_gravest_of_several_policies_counts() {
        let both = outcome(Cause::Expired, &item(&["sts", "tlsa"], &["testing"]));
        assert_eq!((both.impact, both.basis), (Impact::Held, Basis::Dane));
        let modes = outcome(Cause::Expired, &item(&["sts"], &["enforce", "testing"]));
        assert_eq!((modes.impact, modes.basis), (Impact::Held, Basis::Enforce));
    }

    #[test]
    fn unknown_mode_keeps_the_mode_last_seen() {
        let mut bare = item(&["sts"], &[]);
        bare.last_known_mode = Some(("enforce".to_owned(), date(2026, 11, 20)));
        let outcome = outcome(Cause::Expired, &bare);
        assert_eq!(outcome.impact, Impact::Unknown);
        assert_eq!(
            outcome.last_known_mode,
            Some(("enforce".to_owned(), date(2026, 11, 20)))
        );
    }

    #[test]
    fn failure_among_successful_sessions_was_delivered() {
        let mut mox = item(&["sts"], &["enforce"]);
        mox.delivered_in_spite = true;
        assert_eq!(outcome(Cause::WrongName, &mox).impact, Impact::InSpite);
    }
}
