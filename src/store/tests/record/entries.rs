//! Entries, failures and their counts.

use super::*;

#[test]
fn sts_and_tlsa_entries_of_a_report_are_the_same_sessions() {
    let report = report_of(
        "1",
        DAY,
        json!([
            policy("sts", 10, 2, json!([])),
            policy("tlsa", 5, 4, json!([])),
            policy("no-policy-found", 3, 1, json!([]))
        ]),
    );
    let place = place(&[mail(&[report])]);
    // failed: the larger of 2 and 4, and 1; total: the larger of 12 and 9, and 4.
    for view in ["report_domains", "domain_days", "domains"] {
        assert_eq!(
            place.row(&format!("SELECT ok, failed FROM {view}")),
            "11|5",
            "{view}"
        );
    }
    assert_eq!(
        place.rows("SELECT policy_type, ok, failed FROM sessions_by_day ORDER BY policy_type"),
        ["no-policy-found|3|1", "sts|10|2", "tlsa|5|4"]
    );
}

#[test]
fn sts_and_tlsa_entries_of_two_reports_are_added() {
    let sts = report_of("1", DAY, json!([policy("sts", 10, 2, json!([]))]));
    let tlsa = report_of("2", DAY, json!([policy("tlsa", 5, 4, json!([]))]));
    let place = place(&[mail(&[sts, tlsa])]);
    assert_eq!(place.row("SELECT ok, failed FROM domain_days"), "15|6");
}

#[test]
fn unreadable_counts_are_null_and_sums_say_so() {
    let report = report_of("1", DAY, json!([policy("sts", null_count(), 2, json!([]))]));
    let place = place(&[mail(&[report])]);
    assert_eq!(
        place.row("SELECT total_successful_session_count, total_failure_session_count FROM policy_results"),
        "NULL|2"
    );
    for view in ["report_domains", "domain_days", "domains", "sessions_by_day"] {
        assert_eq!(
            place.row(&format!("SELECT ok, failed, unreadable FROM {view}")),
            "0|2|1",
            "{view}"
        );
    }
}

fn null_count() -> Value {
    json!(-1)
}

#[test]
fn a_detail_with_an_unreadable_count_is_a_failure() {
    let details = json!([detail("certificate-expired", null_count())]);
    let place = place(&[mail(&[report_of(
        "1",
        DAY,
        json!([policy("sts", 1, 1, details)]),
    )])]);
    assert_eq!(
        place.row("SELECT result_type, failed_session_count FROM failures"),
        "certificate-expired|NULL"
    );
}

#[test]
fn failures_without_details_are_unspecified_with_the_summarys_count() {
    for details in [json!([]), json!([detail("certificate-expired", 0)])] {
        let report = report_of("1", DAY, json!([policy("sts", 10, 7, details.clone())]));
        let place = place(&[mail(&[report])]);
        assert_eq!(
            place.row("SELECT result_type, receiving_mx_hostname, failed_session_count FROM failures"),
            "unspecified||7"
        );
        assert_eq!(place.row("SELECT result_type FROM failure_types"), "unspecified");
        let n_sent = details.as_array().unwrap().len().to_string();
        assert_eq!(place.row("SELECT count(*) FROM failure_details"), n_sent);
    }
}

#[test]
fn a_summary_that_cannot_be_read_is_an_unspecified_failure() {
    let report = report_of("1", DAY, json!([policy("sts", 10, null_count(), json!([]))]));
    let place = place(&[mail(&[report])]);
    assert_eq!(
        place.row("SELECT result_type, failed_session_count FROM failures"),
        "unspecified|NULL"
    );
}

#[test]
fn a_detail_with_a_count_is_a_failure_though_the_summary_is_clean() {
    let details = json!([detail("sts-policy-fetch-error", 3)]);
    let place = place(&[mail(&[report_of(
        "1",
        DAY,
        json!([policy("sts", 3, 0, details)]),
    )])]);
    assert_eq!(
        place.row("SELECT result_type, failed_session_count FROM failures"),
        "sts-policy-fetch-error|3"
    );
}

#[test]
fn a_report_without_failures_makes_no_failure_type() {
    let place = place(&[mail(&[report_of(
        "1",
        DAY,
        json!([policy("sts", 3, 0, json!([]))]),
    )])]);
    assert_eq!(place.row("SELECT count(*) FROM failure_type"), "0");
}

#[test]
fn the_largest_counts_break_no_view_and_no_digest() {
    let huge = |id| {
        let details = json!([
            detail("certificate-expired", i64::MAX),
            detail("validation-failure", i64::MAX)
        ]);
        let policies = ["sts", "tlsa", "no-policy-found", "other"]
            .map(|kind| policy(kind, i64::MAX, i64::MAX, details.clone()));
        mail(&[report_of(id, DAY, json!(policies))])
    };
    let place = place(&[huge("1"), huge("2"), huge("3")]);
    for view in place.rows("SELECT name FROM sqlite_schema WHERE type = 'view'") {
        place.rows(&format!("SELECT * FROM {view}"));
    }
    let max = i64::MAX;
    assert_eq!(
        place.row("SELECT ok, failed FROM domains"),
        format!("{max}|{max}")
    );
    let facts = place
        .store
        .digest_facts(&question("2026-11-22T07:00:00Z", &[]))
        .unwrap();
    assert_eq!(facts.domains[0].failed.known, max.unsigned_abs());
}

#[test]
fn entries_keep_the_reports_order_and_are_never_merged() {
    let entry = policy(
        "sts",
        1,
        2,
        json!([detail("x", 1), detail("a", 1), detail("x", 1)]),
    );
    let place = place(&[mail(&[report_of("1", DAY, json!([entry.clone(), entry]))])]);
    assert_eq!(
        place.rows("SELECT policy_result, result_type FROM failure_details ORDER BY id"),
        ["1|x", "1|a", "1|x", "2|x", "2|a", "2|x"]
    );
    assert_eq!(place.row("SELECT count(*) FROM failure_types"), "2");
}
