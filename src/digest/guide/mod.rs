//! What there is to know of each cause, beyond the words of a mail: for `explain`, docs/failures.md and the page of
//! `report --html`. The short words stand in [`crate::digest::texts`] and aren't repeated here.
//!
//! `{mx}` and `{domain}` are gaps as there; `IP`, `ZONE` and `RESOLVER` are for the reader to fill in.

mod connection;
mod dane;
mod policy;
mod senders;
mod vague;

pub use senders::{SENDERS, SenderRow, senders_of};

use crate::assess::cause::{Cause, Record};
use crate::assess::impact::{Basis, Impact, impact};
use crate::digest::texts;
pub use crate::digest::texts::{
    COMBINATIONS, Combination, Needs, combination, impact_in_short, state_in_short,
};

/// One way in which a failure comes about.
#[derive(Debug, Clone, Copy)]
pub struct Sign {
    /// What happened.
    pub what: &'static str,
    /// How it looks in the reports; empty where nothing tells it apart.
    pub signs: &'static str,
}

/// How senders put a cause into words: reading such a record gives that cause (a test holds it).
#[derive(Debug, Clone, Copy)]
pub struct Said {
    /// "result-type".
    pub result_type: &'static str,
    /// "failure-reason-code"; empty where none is sent.
    pub reason: &'static str,
    /// "policy-type"; empty where it doesn't matter.
    pub policy_type: &'static str,
    /// What else must hold.
    pub when: When,
    /// Which senders are known to put it so.
    pub by: &'static str,
}

/// What else must hold for a record to be read as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing.
    Always,
    /// The MX named matches no pattern of the policy in the same report.
    MxOutsidePolicy,
    /// All TLSA records in the same report have usage 3.
    Usage3,
}

impl When {
    /// In words, after a blank; empty for [`When::Always`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "",
            Self::MxOutsidePolicy => "the MX named matches no pattern of the policy in the same report",
            Self::Usage3 => "all TLSA records have usage 3, where names and dates don't count",
        }
    }
}

impl Said {
    /// The reason and what else must hold, in words.
    pub fn words(&self) -> String {
        let mut words = if self.reason.is_empty() {
            "no reason".to_owned()
        } else {
            format!("\"{}\"", self.reason)
        };
        if self.when != When::Always {
            words.extend([", where ", self.when.as_str()]);
        }
        words
    }

    /// As a record of a report.
    pub fn record(&self) -> Record<'static> {
        Record {
            policy_type: self.policy_type,
            tlsa_usages: if self.when == When::Usage3 { &[3] } else { &[] },
            result_type: self.result_type,
            reason: self.reason,
            mx_in_policy: (self.when == When::MxOutsidePolicy).then_some(false),
        }
    }
}

/// A code in a bounce that the sender's user forwards to you.
#[derive(Debug, Clone, Copy)]
pub struct BounceCode {
    /// The enhanced status codes, while it is tried and when it is given up.
    pub codes: &'static str,
    /// Who uses it for this.
    pub by: &'static str,
}

/// What there is to know of a cause.
#[derive(Debug, Clone, Copy)]
pub struct Guide {
    /// How it comes about, most likely first.
    pub signs: &'static [Sign],
    /// Further commands that show it, beside those of [`texts::CauseText::check`].
    pub show: &'static [&'static str],
    /// What else helps to mend it, and to keep it from coming back; may be empty.
    pub lasting: &'static str,
    /// Who acts, where it isn't the one of [`texts::CauseText::who`]; may be empty.
    pub others: &'static str,
    /// How soon, in words.
    pub urgency: &'static str,
    /// How senders put it.
    pub said: &'static [Said],
    /// Codes in bounces.
    pub bounces: &'static [BounceCode],
    /// What else an administrator should know.
    pub remarks: &'static [&'static str],
}

/// What there is to know of `cause`.
pub fn guide(cause: Cause) -> &'static Guide {
    match cause {
        Cause::NoStarttls => &connection::NO_STARTTLS,
        Cause::WrongName => &connection::WRONG_NAME,
        Cause::Expired => &connection::EXPIRED,
        Cause::NotTrusted => &connection::NOT_TRUSTED,
        Cause::NotYetValid => &connection::NOT_YET_VALID,
        Cause::Handshake => &connection::HANDSHAKE,
        Cause::MxNotInPolicy => &policy::MX_NOT_IN_POLICY,
        Cause::PolicyFetch => &policy::FETCH,
        Cause::PolicyInvalid => &policy::INVALID,
        Cause::PolicyHostCertificate => &policy::HOST_CERTIFICATE,
        Cause::TlsaMismatch => &dane::MISMATCH,
        Cause::TlsaUnusable => &dane::UNUSABLE,
        Cause::Dnssec => &dane::DNSSEC,
        Cause::DaneRequired => &dane::REQUIRED,
        Cause::NotSpecified => &vague::NOT_SPECIFIED,
        Cause::Unspecified => &vague::UNSPECIFIED,
        Cause::Unknown => &vague::UNKNOWN,
        Cause::StalePolicy => &policy::STALE,
    }
}

/// What happens to mail, in a sentence.
pub fn impact_words(cause: Cause, impact: Impact) -> &'static str {
    match impact {
        Impact::Held => {
            "held back: senders skip this MX, try the others, then wait and try again; what doesn't get through in \
             their time (Microsoft 24 hours, others up to 5 days) bounces"
        }
        Impact::BySender => "held back by the sender's own rule for you, not by your policy",
        Impact::Unknown => {
            "the report doesn't say which mode was seen: held back if enforce, delivered if testing"
        }
        Impact::Plain => "delivered, most likely without encryption",
        Impact::Unprotected => "delivered as if you had no policy: encrypted when possible, but not checked",
        // Other senders know the new policy.
        Impact::Cached if cause == Cause::StalePolicy => {
            "nothing fails by it: the sender goes by the old policy, its mode and its MX hosts"
        }
        Impact::Cached => {
            "not held back by this alone: senders with an older copy of the policy go on using it, all others \
             deliver as if you had none"
        }
        Impact::Passed => "delivered encrypted, with the flaw ignored",
        Impact::Delivered => "delivered; how well protected, can't be told",
        Impact::InSpite => "delivered: the report counts these very connections as successful",
    }
}

/// What a cause does to mail under each policy with which a sender can mean it.
pub fn impacts(cause: Cause) -> Vec<(Basis, Impact)> {
    let bases: &[Basis] = match cause {
        Cause::TlsaMismatch | Cause::TlsaUnusable => &[Basis::Dane],
        Cause::DaneRequired => &[Basis::Dane, Basis::NoPolicy],
        Cause::MxNotInPolicy => &[Basis::Enforce, Basis::Testing, Basis::Unknown],
        Cause::StalePolicy => &[Basis::Enforce, Basis::Testing, Basis::NoMode],
        cause if cause.is_about_the_policy() => &[
            Basis::Enforce,
            Basis::Testing,
            Basis::NoMode,
            Basis::NoPolicy,
            Basis::Unknown,
        ],
        _ => &[
            Basis::Enforce,
            Basis::Testing,
            Basis::NoMode,
            Basis::Dane,
            Basis::NoPolicy,
            Basis::Unknown,
        ],
    };
    bases.iter().map(|&basis| (basis, impact(cause, basis))).collect()
}

/// What a cause does to mail: each outcome in words, with the policies under which it comes.
pub fn outcomes(cause: Cause) -> Vec<(String, &'static str)> {
    let mut outcomes: Vec<(Vec<&'static str>, &'static str)> = Vec::new();
    for (basis, impact) in impacts(cause) {
        let words = impact_words(cause, impact);
        match outcomes.iter_mut().find(|(_, known)| *known == words) {
            Some((bases, _)) => bases.push(basis_words(basis)),
            None => outcomes.push((vec![basis_words(basis)], words)),
        }
    }
    let is_always = outcomes.len() == 1;
    outcomes
        .into_iter()
        .map(|(bases, words)| {
            let under = if is_always {
                "always".to_owned()
            } else {
                bases.join("; ")
            };
            (under, words)
        })
        .collect()
}

/// A policy in words.
pub fn basis_words(basis: Basis) -> &'static str {
    match basis {
        Basis::Enforce => "MTA-STS enforce",
        Basis::Dane => "DANE",
        Basis::Testing => "MTA-STS testing",
        Basis::NoMode => "MTA-STS none",
        Basis::NoPolicy => "no policy",
        Basis::Unknown => "MTA-STS with a mode that the report doesn't show",
    }
}

/// A policy's name for machines.
pub fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Enforce => "enforce",
        Basis::Dane => "dane",
        Basis::Testing => "testing",
        Basis::NoMode => "none",
        Basis::NoPolicy => "no-policy",
        Basis::Unknown => "unknown",
    }
}

/// Where a cause is repaired, as a word for the reader to replace.
pub fn place_word(cause: Cause) -> &'static str {
    if cause.is_about_the_policy() {
        "DOMAIN"
    } else {
        "MX"
    }
}

/// The causes that a result type may stand for, in the order in which they are told apart.
pub fn causes_of(result_type: &str) -> Vec<Cause> {
    Cause::ALL
        .into_iter()
        .filter(|cause| {
            guide(*cause)
                .said
                .iter()
                .any(|said| said.result_type == result_type)
        })
        .collect()
}

/// The result types of RFC 8460, Section 4.3, in its order, and `unspecified`.
pub const RESULT_TYPES: [&str; 12] = [
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
    "unspecified",
];

/// A text of the table with the words MX, DOMAIN, REPORTER and TYPE in its gaps.
pub fn general(cause: Cause, template: &str) -> String {
    crate::digest::fill::Fill {
        place: place_word(cause).to_owned(),
        short: place_word(cause).to_owned(),
        mx: "MX".to_owned(),
        host: "MX".to_owned(),
        domain: "DOMAIN".to_owned(),
        reporter: "REPORTER".to_owned(),
        result_type: "TYPE".to_owned(),
    }
    .apply(template)
}

/// The commands that show a cause: those of the mails first.
pub fn commands(cause: Cause) -> impl Iterator<Item = &'static str> {
    let further = guide(cause).show;
    texts::text(cause).check.iter().chain(further).copied()
}

/// What holds for all of them.
pub const GROUND_RULES: [(&str, &str); 6] = [
    (
        "A connection isn't a mail",
        "A mail that is held back is tried again every few minutes or hours, and each try is one more failed \
         connection. 37 failed connections may be 4 mails.",
    ),
    (
        "enforce means held back, hardly ever lost",
        "The sender tries your other MX hosts, then waits and tries again (RFC 8461, Section 5). Exchange Online gives \
         up after 24 hours, Postfix after 5 days, mox after 16 to 32 hours, others in between. Stalwart bounces at \
         once when the MX isn't in the policy or no TLSA record fits; mox when the MX answers STARTTLS with a 5xx. A \
         report is 10 to 22 hours old when it arrives, so the first day is mostly over.",
    ),
    (
        "testing means delivered",
        "Nothing is held back by a policy in testing, whatever the failure. A flawed certificate still gives an \
         encrypted connection; without STARTTLS, or when the handshake breaks, mail usually goes in plain text.",
    ),
    (
        "DANE has no test mode",
        "A TLSA record that doesn't fit holds mail back, whatever the MTA-STS mode says. Where a sender checks both, \
         DANE wins.",
    ),
    (
        "Counts are the sender's",
        "mox reports flaws of certificates as details of connections that it counts as successful, because the mail \
         went through: these are failures \"delivered in spite of it\". Mail.ru counts each try to fetch a policy. A \
         count that can't be read is unknown, never zero.",
    ),
    (
        "The result type is half the diagnosis",
        "The same fault has other types from other senders, so tlsrptd goes by cause: from type, reason, policy and \
         whether the MX is in the policy. The type as sent stays beside it.",
    ),
];

#[cfg(test)]
mod tests;
