//! MX hosts near a problem: which others there are, and how short their names may be. Pure.

use crate::assess::cause::{host_form, mx_matches};
use crate::assess::place::Place;
use crate::assess::problem::Problem;
use crate::digest::reading::Reading;
use crate::digest::{names, words};

/// MX hosts named for one problem.
const MAX_HOSTS: usize = 2;

/// What is known of a domain's other MX hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OtherMx {
    /// There is none.
    None,
    /// These, in words.
    These(String),
    /// More than are worth naming.
    Several,
    /// Nothing is known.
    Unknown,
}

impl Reading<'_> {
    /// Other MX hosts of its domains, as far as the reports tell: short names, and whether a pattern allows for more.
    pub(crate) fn other_mx(&self) -> OtherMx {
        let patterns = self.patterns();
        let Place::Mx(mx) = &self.problem.place else {
            return OtherMx::Unknown;
        };
        let mut hosts: Vec<&str> = self.problem.spot.unnamed_mx.iter().map(String::as_str).collect();
        hosts.extend(
            self.problem
                .spot
                .proven_good
                .iter()
                .map(|(host, _)| host.as_str()),
        );
        hosts.extend(
            patterns
                .iter()
                .map(String::as_str)
                .filter(|pattern| !pattern.starts_with('*')),
        );
        let mut names: Vec<String> = Vec::new();
        for host in hosts.into_iter().filter(|host| !mx_matches(host, mx)) {
            let name = short_host(self.problem, host);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        match names.len() {
            0 if patterns.is_empty() || patterns.iter().any(|pattern| pattern.starts_with('*')) => {
                OtherMx::Unknown
            }
            0 => OtherMx::None,
            n if n <= MAX_HOSTS => OtherMx::These(words::list(&names, MAX_HOSTS)),
            _ => OtherMx::Several,
        }
    }

    /// The `mx` patterns of the policy that failed.
    pub(crate) fn patterns(&self) -> Vec<String> {
        patterns(self.problem)
    }
}

/// The `mx` patterns of the policy that failed, lower case.
pub(crate) fn patterns(problem: &Problem) -> Vec<String> {
    let Some(policy) = &problem.policy else {
        return Vec::new();
    };
    let mut patterns: Vec<String> = policy
        .lines
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("mx"))
        .map(|(_, value)| host_form(value))
        .collect();
    if patterns.is_empty() && policy.policy_type == "sts" {
        patterns = policy.mx_host.iter().map(|host| host_form(host)).collect();
    }
    patterns.retain(|pattern| !pattern.is_empty());
    patterns
}

/// A host by its first label where that is clear beside the headline: it and the others near it differ there.
pub(crate) fn short_host(problem: &Problem, host: &str) -> String {
    let place = problem.place.name();
    let mut near: Vec<&str> = vec![place];
    near.extend(problem.spot.unnamed_mx.iter().map(String::as_str));
    near.extend(problem.spot.proven_good.iter().map(|(host, _)| host.as_str()));
    let patterns = patterns(problem);
    near.extend(
        patterns
            .iter()
            .map(String::as_str)
            .filter(|pattern| !pattern.starts_with('*')),
    );
    let is_near = |host: &str, parent: &str| {
        problem.domains.iter().any(|domain| domain == parent)
            || near
                .iter()
                .any(|other| *other != host && other.split_once('.').is_some_and(|(_, of)| of == parent))
    };
    let short = |host: &str| {
        let (label, parent) = host.split_once('.')?;
        let sound = names::checked_host(host).is_some()
            && parent.contains('.')
            && label.len() >= 2
            && label.bytes().any(|b| b.is_ascii_alphabetic());
        (sound && is_near(host, parent)).then(|| label.to_owned())
    };
    let Some(own) = short(host) else {
        return names::host(host);
    };
    let is_taken = near
        .iter()
        .filter(|other| **other != host)
        .any(|other| other.split_once('.').is_some_and(|(label, _)| label == own));
    if is_taken { names::host(host) } else { own }
}
