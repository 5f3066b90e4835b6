//! The cause of a failure, from policy-string, reasons and host names.
//!
//! Lines: policy type, result type, reason, MX host, MX pattern; all that follow are the policy-string.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsrptd::digest::cause;
use tlsrptd::report::{Policy, PolicyResult, PolicyType};
use tlsrptd::store::rows::FailureItem;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n').map(str::to_owned);
    let mut next = || lines.next().unwrap_or_default();
    let (policy_type, result_type, reason, mx, pattern) = (next(), next(), next(), next(), next());
    let policy_string: Vec<String> = lines.collect();
    let item = FailureItem {
        policy_types: vec!["tlsa".to_owned(), policy_type.clone()],
        result_type,
        reasons: vec![reason],
        receiving_mx_hostname: mx.clone(),
        mx_host: vec![pattern.clone()],
        policy_string: policy_string.clone(),
        ..FailureItem::default()
    };
    let found = cause::of(&item);
    assert_eq!(found, cause::of(&item), "the cause is a function of the item");
    assert!(cause::Cause::ALL.contains(&found));
    let patterns = cause::mx_patterns(&item);
    assert_eq!(
        cause::mx_in_policy(&item) == Some(true),
        !mx.is_empty() && patterns.iter().any(|pattern| cause::mx_matches(pattern, &mx)),
    );
    // A pattern that isn't a wildcard matches itself.
    assert!(pattern.trim().starts_with("*.") || cause::mx_matches(&pattern, &pattern));
    let result = PolicyResult {
        policy: Policy {
            policy_type: PolicyType::from_text(&policy_type),
            policy_string,
            policy_domain: None,
            mx_host: vec![pattern],
        },
        successful: None,
        failed: None,
        failure_details: Vec::new(),
    };
    if let Some(mode) = result.sts_mode() {
        assert!(!mode.is_empty() && mode.len() <= 64, "{mode:?}");
    }
});
