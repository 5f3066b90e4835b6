//! What a failure did to the mail, from its cause and the policy that the sender applied. Pure.

use crate::assess::cause::Cause;

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
