//! What the row of a digest did to the mail. Pure.

use jiff::civil::Date;

use crate::assess::cause::Cause;
pub use crate::assess::impact::{Basis, Impact, impact};
use crate::store::rows::FailureItem;

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
