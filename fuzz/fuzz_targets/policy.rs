//! Policies, TLSA records and the cause of a failure, from policy-string, patterns, reasons and host names.
//!
//! Lines: policy type, mode, result type, reason, MX host, MX pattern; all that follow are the policy-string.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsrptd::assess::cause::{self, Cause};
use tlsrptd::assess::history::PolicyText;
use tlsrptd::assess::policy::Policy;
use tlsrptd::assess::{place, tlsa};
use tlsrptd::report;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n').map(str::to_owned);
    let mut next = || lines.next().unwrap_or_default();
    let (policy_type, mode, result_type) = (next(), next(), next());
    let (reason, mx, pattern) = (next(), next(), next());
    let shown = PolicyText {
        policy_type,
        mode: (!mode.is_empty()).then_some(mode),
        lines: lines.collect(),
        mx_host: vec![pattern],
    };

    let policy = Policy::read(&shown);
    if let Some(policy) = &policy {
        assert_eq!(Policy::read(&written(policy)).as_ref(), Some(policy), "written and read again");
        for pattern in policy.mx.iter().filter(|pattern| !pattern.starts_with('*')) {
            assert!(policy.covers(pattern), "a name is covered by itself");
        }
    }
    if let Some(records) = tlsa::read(&shown) {
        let again = PolicyText {
            policy_type: shown.policy_type.clone(),
            lines: records.iter().cloned().collect(),
            ..PolicyText::default()
        };
        assert_eq!(tlsa::read(&again), Some(records), "written and read again");
    }
    let record = cause::Record {
        policy_type: &shown.policy_type,
        tlsa_usages: &[3],
        result_type: &result_type,
        reason: &reason,
        mx_in_policy: policy.map(|policy| policy.covers(&mx)),
    };
    let found = cause::refine(&record);
    assert_eq!(found, cause::refine(&record), "the cause is a function of the record");
    assert!(Cause::ALL.contains(&found));
    let place = place::of(found, &mx, "example.org", &shown.policy_type, &shown.mx_host);
    assert_eq!(place::Place::from_parts(place.kind(), place.name()), place);
    bounded_mode(shown);
});

/// The policy as its file would say it.
fn written(policy: &Policy) -> PolicyText {
    let mut lines = vec![format!("mode: {}", policy.mode)];
    lines.extend(policy.mx.iter().map(|mx| format!("mx: {mx}")));
    lines.extend(policy.max_age.map(|seconds| format!("max_age: {seconds}")));
    PolicyText {
        policy_type: "sts".to_owned(),
        lines,
        ..PolicyText::default()
    }
}

/// The mode that is kept with a report is short, whatever stands there.
fn bounded_mode(shown: PolicyText) {
    let result = report::PolicyResult {
        policy: report::Policy {
            policy_type: report::PolicyType::from_text(&shown.policy_type),
            policy_string: shown.lines,
            policy_domain: None,
            mx_host: shown.mx_host,
        },
        successful: None,
        failed: None,
        failure_details: Vec::new(),
    };
    if let Some(mode) = result.sts_mode() {
        assert!(!mode.is_empty() && mode.len() <= 64, "{mode:?}");
    }
}
