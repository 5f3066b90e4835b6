//! What has changed in how senders see the policies and TLSA records: events, each told once.

use jiff::civil::Date;

use super::domains::Survey;
use super::history::History;
use super::policy::{Policy, PolicyDrift};
use super::tlsa::{TlsaDrift, TlsaSet};

/// Something that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftEvent {
    /// Stable name: an event is told once, whatever late reports say of its day and who saw it first.
    pub key: String,
    /// The report day on which it showed.
    pub day: Date,
    /// The domain, or the MX host of TLSA records.
    pub place: String,
    /// Who shows it.
    pub reporter: String,
    /// What it is.
    pub what: Drift,
}

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The MTA-STS policy.
    Policy(PolicyDrift),
    /// The TLSA records.
    Tlsa(TlsaDrift),
}

/// All events of our domains ever, oldest first.
pub fn drift(history: &History) -> Vec<DriftEvent> {
    Survey::of(history, &[]).drift
}

impl DriftEvent {
    pub(super) fn policy(domain: &str, (day, reporter, what): (Date, String, PolicyDrift)) -> Self {
        let key = match &what {
            PolicyDrift::Changed { after, returns, .. } => {
                format!("policy-change {domain} {} {} {returns}", after.mode, print(after))
            }
            PolicyDrift::Laggard { old, new, .. } => {
                format!("policy-laggard {domain} {reporter} {} {}", print(old), print(new))
            }
            PolicyDrift::TwoAnswers { texts: (a, b) } => {
                format!("policy-two-answers {domain} {reporter} {} {}", print(a), print(b))
            }
            PolicyDrift::Gone { last_seen, .. } => format!("policy-gone {domain} {reporter} {last_seen}"),
        };
        Self {
            key,
            day,
            place: domain.to_owned(),
            reporter,
            what: Drift::Policy(what),
        }
    }

    pub(super) fn tlsa(place: &str, (day, reporter, what): (Date, String, TlsaDrift)) -> Self {
        let key = match &what {
            TlsaDrift::RolledOver { after, .. } => format!("tlsa-change {place} {}", print_set(after)),
            TlsaDrift::Single { record } => format!("tlsa-single {place} {}", fingerprint(record)),
            TlsaDrift::UselessUsage { records } => format!("tlsa-usage {place} {}", print_set(records)),
            TlsaDrift::Lost { last_seen, .. } => format!("dane-lost {place} {reporter} {last_seen}"),
        };
        Self {
            key,
            day,
            place: place.to_owned(),
            reporter,
            what: Drift::Tlsa(what),
        }
    }
}

fn print(policy: &Policy) -> String {
    fingerprint(&policy.canonical())
}

fn print_set(records: &TlsaSet) -> String {
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    fingerprint(&records.join(","))
}

/// Eight hex digits that stand for a text.
fn fingerprint(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
    format!("{:08x}", u32::from_be_bytes(first))
}
