//! The order in which mails arrive, and how often they do, changes nothing that users see.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::IncomingMail;
use super::{Place, detail, mail};

/// What users see, but for ids, our own times, and which mail came first.
const SEEN: &[&str] = &[
    "SELECT locator, outcome, reason FROM mails",
    "SELECT locator, mail_reports.outcome FROM mail_reports JOIN mails ON mails.id = mail",
    STORED[0],
    STORED[1],
    STORED[2],
    STORED[3],
    STORED[4],
    STORED[5],
    STORED[6],
    STORED[7],
    STORED[8],
    STORED[9],
];

/// The part of it that says nothing of mails.
const STORED: [&str; 10] = [
    "SELECT organization_name, report_id, contact_info, submitter, start_datetime, end_datetime, day, authentication,
            deviations, json, status FROM reports_all",
    "SELECT json, row_number() OVER (PARTITION BY report ORDER BY policy_results.id), policy_type, policy_domain,
            sts_mode, policy_string, mx_host, total_successful_session_count, total_failure_session_count
     FROM policy_results JOIN reports ON reports.id = report",
    "SELECT json, row_number() OVER (PARTITION BY report ORDER BY failure_details.id), result_type, sending_mta_ip,
            receiving_mx_hostname, receiving_mx_helo, receiving_ip, failed_session_count, failure_reason_code,
            additional_information
     FROM failure_details JOIN policy_results ON policy_results.id = policy_result JOIN reports ON reports.id = report",
    "SELECT policy_domain, policy_type, result_type, receiving_mx_hostname, first_day, last_day FROM failure_types",
    "SELECT json, failures.day, failures.submitter, policy_domain, policy_type, sts_mode, result_type,
            receiving_mx_hostname, failed_session_count
     FROM failures JOIN reports ON reports.id = report",
    "SELECT json, report_domains.day, policy_domain, ok, failed, unreadable
     FROM report_domains JOIN reports ON reports.id = report",
    "SELECT * FROM domain_days",
    "SELECT * FROM sessions_by_day",
    "SELECT submitter, organization_name, reports, first_day, last_day FROM reporters",
    "SELECT * FROM domains",
];

fn seen(place: &Place, queries: &[&str]) -> Vec<Vec<String>> {
    let sorted = queries.iter().map(|query| {
        let mut rows = place.rows(query);
        rows.sort();
        rows
    });
    sorted.collect()
}

/// What senders write for a count, the unreadable and the largest with it.
fn count() -> impl Strategy<Value = Value> {
    select(vec![json!(0), json!(1), json!(2), json!(-1), json!(i64::MAX)])
}

fn policies() -> impl Strategy<Value = Value> {
    let kind = select(vec!["certificate-expired", "validation-failure", "made-up"]);
    let details = proptest::collection::vec((kind, count()).prop_map(|(kind, n)| detail(kind, n)), 0..3);
    let policy = (
        select(vec!["sts", "tlsa", "no-policy-found", "made-up"]),
        select(vec!["example.org", "example.com"]),
        count(),
        count(),
        details,
    );
    let policy = policy.prop_map(|(kind, domain, ok, failed, details)| {
        json!({
            "policy": { "policy-type": kind, "policy-domain": domain, "policy-string": ["mode: testing"] },
            "summary": { "total-successful-session-count": ok, "total-failure-session-count": failed },
            "failure-details": details,
        })
    });
    proptest::collection::vec(policy, 1..4).prop_map(Value::from)
}

/// Reports of which many have the same identity.
fn report() -> impl Strategy<Value = Value> {
    let head = (select(vec!["1", "2"]), select(vec!["2026-11-18", "2026-11-19"]));
    (head, policies()).prop_map(|((id, day), policies)| super::report_of(id, day, policies))
}

/// Different reports in any order, and the same in another.
fn reports_in_two_orders() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    proptest::collection::vec(report(), 1..8)
        .prop_map(|mut reports| {
            reports.sort_by_key(Value::to_string);
            reports.dedup();
            reports
        })
        .prop_flat_map(|reports| (Just(reports.clone()).prop_shuffle(), Just(reports).prop_shuffle()))
}

/// A mail a report; its locator says which.
fn mails(reports: &[Value]) -> Vec<IncomingMail> {
    let mails = reports.iter().map(|report| {
        let mut mail = mail(std::slice::from_ref(report));
        mail.origin.locator = report.to_string();
        mail
    });
    mails.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_shows_the_same((one, other) in reports_in_two_orders(), batch in 1_usize..4) {
        let (mut first, mut second) = (Place::new(), Place::new());
        first.record(&mails(&one));
        for batch in mails(&other).chunks(batch) {
            second.record(batch);
        }
        prop_assert_eq!(seen(&first, SEEN), seen(&second, SEEN));
    }

    #[test]
    fn reading_everything_twice_stores_it_once((one, other) in reports_in_two_orders()) {
        let (mut once, mut twice) = (Place::new(), Place::new());
        once.record(&mails(&one));
        twice.record(&mails(&one));
        let again = twice.record(&mails(&other));
        prop_assert_eq!((again.stored, again.conflicts), (0, 0));
        prop_assert_eq!(seen(&once, &STORED), seen(&twice, &STORED));
    }

    #[test]
    fn a_digest_adds_up_to_what_its_domains_do((reports, _) in reports_in_two_orders()) {
        let mut place = Place::new();
        place.record(&mails(&reports));
        let facts = place.store.digest_facts(&super::question("2026-11-22T07:00:00Z", &[])).unwrap();
        let of_facts: Vec<String> = facts
            .domains
            .iter()
            .map(|domain| {
                let (ok, failed) = (domain.ok, domain.failed);
                let at_least = i32::from(ok.at_least && failed.at_least);
                format!("{}|{}|{}|{at_least}", domain.policy_domain, ok.known, failed.known)
            })
            .collect();
        prop_assert_eq!(
            of_facts,
            place.rows("SELECT policy_domain, ok, failed, unreadable > 0 FROM domains ORDER BY policy_domain")
        );
        prop_assert_eq!(facts.reports.to_string(), place.row("SELECT count(*) FROM reports"));
    }
}
