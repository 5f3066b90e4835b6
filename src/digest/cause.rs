//! The cause of a row of the digest. Pure.

pub use crate::assess::cause::{Cause, mx_matches};
use crate::assess::cause::{Record, host_form, refine, tlsa_usages};
use crate::store::rows::FailureItem;

/// The cause of a failure of the digest: the most precise that its policy types and reasons give.
pub fn of(item: &FailureItem) -> Cause {
    let usages = tlsa_usages(&item.policy_string);
    let mx_in_policy = mx_in_policy(item);
    let mut types: Vec<&str> = item.policy_types.iter().map(String::as_str).collect();
    // Under sts the type means what it says; under tlsa it may be the sender's word for another thing.
    types.sort_by_key(|policy_type| *policy_type != "sts");
    if types.is_empty() {
        types.push("");
    }
    let mut reasons: Vec<&str> = item.reasons.iter().map(String::as_str).collect();
    if reasons.is_empty() {
        reasons.push("");
    }
    let mut vague = Cause::Unknown;
    for policy_type in types {
        for reason in &reasons {
            let cause = refine(&Record {
                policy_type,
                tlsa_usages: &usages,
                result_type: &item.result_type,
                reason,
                mx_in_policy,
            });
            if !cause.is_vague() {
                return cause;
            }
            vague = cause;
        }
    }
    vague
}

/// Whether the item's MX matches its policy; `None` where MX or patterns are unknown.
pub fn mx_in_policy(item: &FailureItem) -> Option<bool> {
    let patterns = mx_patterns(item);
    let named = !item.receiving_mx_hostname.is_empty();
    (named && !patterns.is_empty()).then(|| {
        patterns
            .iter()
            .any(|pattern| mx_matches(pattern, &item.receiving_mx_hostname))
    })
}

/// The `mx` patterns of the MTA-STS policy that the newest failing entry shows, lower case.
pub fn mx_patterns(item: &FailureItem) -> Vec<String> {
    if !item.policy_types.iter().any(|policy_type| policy_type == "sts") {
        return Vec::new();
    }
    let listed: Vec<String> = item
        .policy_string
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("mx"))
        .map(|(_, pattern)| host_form(pattern))
        .filter(|pattern| !pattern.is_empty())
        .collect();
    if listed.is_empty() {
        item.mx_host
            .iter()
            .map(|pattern| host_form(pattern))
            .filter(|p| !p.is_empty())
            .collect()
    } else {
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mx_outside_the_policy_of_its_report_is_told_without_a_reason() {
        let item = FailureItem {
            policy_types: vec!["sts".to_owned()],
            result_type: "validation-failure".to_owned(),
            receiving_mx_hostname: "backup.example.net".to_owned(),
            policy_string: vec!["version: STSv1".to_owned(), "MX: mx1.example.org".to_owned()],
            ..FailureItem::default()
        };
        assert_eq!(of(&item), Cause::MxNotInPolicy);
    }

    #[test]
    fn a_precise_reason_is_preferred_to_a_more_frequent_vague_one() {
        let item = FailureItem {
            policy_types: vec!["sts".to_owned()],
            result_type: "validation-failure".to_owned(),
            reasons: vec![
                "VALIDATION_FAILURE".to_owned(),
                "certificate_has_expired".to_owned(),
            ],
            ..FailureItem::default()
        };
        assert_eq!(of(&item), Cause::Expired);
    }

    #[test]
    fn same_sessions_under_sts_and_tlsa_are_read_as_sts() {
        let item = FailureItem {
            policy_types: vec!["tlsa".to_owned(), "sts".to_owned()],
            result_type: "certificate-not-trusted".to_owned(),
            ..FailureItem::default()
        };
        assert_eq!(of(&item), Cause::NotTrusted);
    }
}
