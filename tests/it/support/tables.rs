//! What is promised of the database, in a form that two databases can be compared by.

use super::tlsrptd::Tlsrptd;

/// Every promised table and view but for `digests`, without ids and times of our own.
const QUERIES: [(&str, &str); 13] = [
    (
        "mails",
        "SELECT source, folder, uid_validity, uid, locator, message_id, received_at, size_bytes, outcome, reason,
                backfill FROM mails",
    ),
    (
        "mail_reports",
        "SELECT mails.locator, reports_all.json, mail_reports.outcome, mail_reports.reason
         FROM mail_reports JOIN mails ON mails.id = mail_reports.mail
              LEFT JOIN reports_all ON reports_all.id = mail_reports.report",
    ),
    (
        "reports_all",
        "SELECT mails.locator, organization_name, report_id, contact_info, submitter, start_datetime, end_datetime,
                day, authentication, signing_domain, authentication_reason, deviations, json, status
         FROM reports_all LEFT JOIN mails ON mails.id = reports_all.mail",
    ),
    (
        "reports",
        "SELECT mails.locator, organization_name, report_id, contact_info, submitter, start_datetime, end_datetime,
                day, authentication, signing_domain, authentication_reason, deviations, json
         FROM reports LEFT JOIN mails ON mails.id = reports.mail",
    ),
    (
        "policy_results",
        "SELECT reports.json, policy_type, policy_domain, sts_mode, policy_string, mx_host,
                total_successful_session_count, total_failure_session_count
         FROM policy_results JOIN reports ON reports.id = policy_results.report",
    ),
    (
        "failure_details",
        "SELECT reports.json, failure_details.result_type, sending_mta_ip, receiving_mx_hostname,
                receiving_mx_helo, receiving_ip, failed_session_count, failure_reason_code, additional_information
         FROM failure_details JOIN policy_results ON policy_results.id = failure_details.policy_result
              JOIN reports ON reports.id = policy_results.report",
    ),
    (
        "failure_types",
        "SELECT policy_domain, policy_type, result_type, receiving_mx_hostname, first_day, last_day,
                announced_at IS NOT NULL AS announced FROM failure_types",
    ),
    (
        "failures",
        "SELECT day, organization_name, submitter, policy_domain, policy_type, sts_mode, result_type,
                receiving_mx_hostname, failed_session_count, failure_reason_code, sending_mta_ip, receiving_ip,
                additional_information FROM failures",
    ),
    ("sessions_by_day", "SELECT * FROM sessions_by_day"),
    ("domain_days", "SELECT * FROM domain_days"),
    (
        "reporters",
        "SELECT submitter, organization_name, reports, first_day, last_day FROM reporters",
    ),
    ("domains", "SELECT * FROM domains"),
    (
        "digests",
        "SELECT count(*) - count(sent_at) AS unsent FROM digests",
    ),
];

/// The rows of every promised table and view, sorted.
pub(crate) fn rows(tlsrptd: &Tlsrptd) -> Vec<(&'static str, Vec<String>)> {
    QUERIES
        .iter()
        .map(|(name, query)| {
            let mut rows: Vec<String> = tlsrptd.sql(query).iter().map(ToString::to_string).collect();
            rows.sort();
            (*name, rows)
        })
        .collect()
}

/// Demands that two databases hold the same.
#[track_caller]
pub(crate) fn assert_same(one: &Tlsrptd, other: &Tlsrptd) {
    for ((name, ones), (_, others)) in rows(one).into_iter().zip(rows(other)) {
        let lacking: Vec<&String> = others.iter().filter(|row| !ones.contains(row)).collect();
        let surplus: Vec<&String> = ones.iter().filter(|row| !others.contains(row)).collect();
        assert!(
            ones == others,
            "{name} has {} rows instead of {}; it lacks {lacking:#?} and has instead {surplus:#?}",
            ones.len(),
            others.len()
        );
    }
}
