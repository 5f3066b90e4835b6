//! The policies and TLSA records that senders saw, for the page. Pure.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::model::{self, PolicyRow};
use crate::assess::history::PolicyText;
use crate::assess::policy::Policy;
use crate::assess::tlsa;
use crate::digest::{names, words};
use crate::store::ChartPolicy;

/// Policies of a domain.
const MAX_POLICIES: usize = 20;
/// Lines of a policy.
const MAX_LINES: usize = 40;
/// Longest line of a policy, in characters.
const LINE_CHARS: usize = 200;

/// The policies that senders saw, the newest first; what means the same is one.
pub(super) fn rows(policies: &[&ChartPolicy]) -> Vec<PolicyRow> {
    type Seen<'a> = (&'a ChartPolicy, (Date, Date), BTreeSet<&'a str>);
    let mut seen: Vec<(Vec<String>, Seen<'_>)> = Vec::new();
    for policy in policies {
        let key = canonical(&policy.text);
        let known = seen.iter_mut().find(|(other, _)| *other == key);
        if let Some((_, (_, days, reporters))) = known {
            *days = (days.0.min(policy.days.0), days.1.max(policy.days.1));
            reporters.insert(&policy.reporter);
        } else {
            seen.push((
                key,
                (policy, policy.days, BTreeSet::from([policy.reporter.as_str()])),
            ));
        }
    }
    seen.sort_by_key(|(_, (_, days, _))| std::cmp::Reverse((days.1, days.0)));
    let rows = seen
        .into_iter()
        .take(MAX_POLICIES)
        .map(|(_, (policy, days, reporters))| {
            let reporters: Vec<String> = reporters
                .into_iter()
                .map(|reporter| names::reporter(reporter, reporter))
                .collect();
            let lines = policy.text.lines.iter().flat_map(|text| text.lines());
            PolicyRow {
                what: name(&policy.text),
                days: model::days(days),
                reporters: words::list(&reporters, 6),
                lines: lines
                    .take(MAX_LINES)
                    .map(|line| names::clean(line, LINE_CHARS))
                    .collect(),
            }
        });
    rows.collect()
}

/// What is the same for equal policies, as the assessment reads them; what it can't read is as sent.
fn canonical(text: &PolicyText) -> Vec<String> {
    let read = match text.policy_type.as_str() {
        "sts" => Policy::read(text).map(|policy| vec![policy.canonical()]),
        "tlsa" => tlsa::read(text).map(|records| records.into_iter().collect()),
        _ => None,
    };
    let mut key = read.unwrap_or_else(|| text.lines.clone());
    key.insert(0, text.policy_type.clone());
    key
}

fn name(text: &PolicyText) -> String {
    let mode = text.mode.as_deref().map(|mode| names::clean(mode, 20));
    match (text.policy_type.as_str(), mode) {
        ("sts", Some(mode)) => format!("MTA-STS {mode}"),
        ("sts", None) => "MTA-STS, text not shown".to_owned(),
        ("tlsa", _) => match text.mx_host.first() {
            Some(mx) => format!("DANE, {}", names::host(mx)),
            None => "DANE".to_owned(),
        },
        ("no-policy-found", _) => "no policy found".to_owned(),
        (other, _) => names::quoted(other, 40),
    }
}
