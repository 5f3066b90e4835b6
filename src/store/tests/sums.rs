//! Sums by day and month are what the reports add up to, whatever happens to these.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{NOW, Place, at, made_up, mail, report_of};
use crate::config::Span;

/// The views that go by sums, and the same added up from the reports.
const PAIRS: [(&str, &str); 6] = [
    (
        "SELECT report, day, policy_domain, ok, failed, unreadable FROM report_domains",
        "SELECT report, day, policy_domain,
                CAST(max(sts_total, tlsa_total) - max(sts_failed, tlsa_failed) + other_ok AS INTEGER),
                CAST(max(sts_failed, tlsa_failed) + other_failed AS INTEGER), unreadable
         FROM (
             SELECT report.id AS report, report.day, policy.policy_domain,
                    total(iif(policy_type = 'sts', failed, 0)) AS sts_failed,
                    total(iif(policy_type = 'tlsa', failed, 0)) AS tlsa_failed,
                    total(iif(policy_type = 'sts', failed, 0)) + total(iif(policy_type = 'sts', successful, 0))
                        AS sts_total,
                    total(iif(policy_type = 'tlsa', failed, 0)) + total(iif(policy_type = 'tlsa', successful, 0))
                        AS tlsa_total,
                    total(iif(policy_type NOT IN ('sts', 'tlsa'), successful, 0)) AS other_ok,
                    total(iif(policy_type NOT IN ('sts', 'tlsa'), failed, 0)) AS other_failed,
                    sum(successful IS NULL OR failed IS NULL) AS unreadable
             FROM report JOIN policy_result ON policy_result.report = report.id
                  JOIN policy ON policy.id = policy_result.policy
             WHERE report.status = 'counted'
             GROUP BY report.id, policy.policy_domain
         )",
    ),
    (
        "SELECT * FROM domain_days",
        "SELECT day, nullif(policy_domain, ''), CAST(total(ok) AS INTEGER), CAST(total(failed) AS INTEGER),
                sum(unreadable), count(*)
         FROM report_domains GROUP BY day, policy_domain",
    ),
    (
        "SELECT * FROM domains",
        "SELECT nullif(policy_domain, ''), count(DISTINCT report), min(day), max(day), CAST(total(ok) AS INTEGER),
                CAST(total(failed) AS INTEGER), sum(unreadable)
         FROM report_domains GROUP BY policy_domain",
    ),
    (
        "SELECT * FROM reporters",
        "SELECT submitter, max(organization_name), count(*), min(day), max(day), max(stored_at)
         FROM reports GROUP BY submitter",
    ),
    (
        "SELECT * FROM domain_reporters",
        "SELECT nullif(policy_domain, ''), submitter, max(organization_name), count(*), min(report_domains.day),
                max(report_domains.day), CAST(total(ok) AS INTEGER), CAST(total(failed) AS INTEGER), sum(unreadable)
         FROM report_domains JOIN reports ON reports.id = report_domains.report
         GROUP BY policy_domain, submitter",
    ),
    (
        "SELECT policy_type, policy_domain, sts_mode, policy_string, mx_host, submitter, month, min(first_day),
                max(last_day)
         FROM policies GROUP BY 1, 2, 3, 4, 5, 6, 7",
        "SELECT policy_type, policy_domain, sts_mode, policy_string, mx_host, submitter, substr(day, 1, 7), min(day),
                max(day)
         FROM policy_results JOIN reports ON reports.id = report
         GROUP BY 1, 2, 3, 4, 5, 6, 7",
    ),
];

fn assert_sums_are_right(place: &Place) -> Result<(), TestCaseError> {
    for (view, plain) in PAIRS {
        let sorted = |query| {
            let mut rows = place.rows(query);
            rows.sort();
            rows
        };
        prop_assert_eq!(sorted(view), sorted(plain), "{}", view);
    }
    Ok(())
}

/// What may happen to reports.
#[derive(Debug, Clone)]
enum Event {
    Record(Vec<Value>),
    SumUp,
    Retain(u16),
    Forget(&'static str),
    /// A stored report is read as this other one now.
    Reparse(Index, Value),
}

fn event() -> impl Strategy<Value = Event> {
    let days = ["2026-08-31", "2026-09-01", "2026-09-30", "2026-11-18"];
    let report = || made_up::report(&days, 1 << 40);
    prop_oneof![
        4 => proptest::collection::vec(report(), 1..4).prop_map(Event::Record),
        3 => Just(Event::SumUp),
        1 => (1_u16..120).prop_map(Event::Retain),
        1 => select(vec!["example.org", "example.com"]).prop_map(Event::Forget),
        2 => (any::<Index>(), report()).prop_map(|(which, report)| Event::Reparse(which, report)),
    ]
}

fn happen(place: &mut Place, event: Event) {
    match event {
        Event::Record(reports) => {
            place.record(&[mail(&reports)]);
        }
        Event::SumUp => {
            place.store.sum_up().unwrap();
            assert_eq!(place.row("SELECT count(*) FROM month WHERE NOT is_summed"), "0");
        }
        Event::Retain(days) => {
            place.store.retain(Span::Days(days.into()), at(NOW)).unwrap();
        }
        Event::Forget(domain) => {
            place.store.forget(domain).unwrap();
        }
        Event::Reparse(which, report) => made_up::reparse(place, which, &report),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_what_the_reports_add_up_to_whatever_happens_to_these(
        events in proptest::collection::vec(event(), 1..12)
    ) {
        let mut place = Place::new();
        for event in events {
            happen(&mut place, event);
            assert_sums_are_right(&place)?;
        }
    }
}

/// A place with a report in each of two months, added up.
fn summed() -> Place {
    let mut place = Place::new();
    for day in ["2026-09-01", "2026-11-18"] {
        let policy = super::policy("sts", 5, 1, json!([]));
        place.record(&[mail(&[report_of(day, day, json!([policy]))])]);
    }
    place.store.sum_up().unwrap();
    place
}

#[test]
fn totals_come_from_the_sums_of_months_in_which_nothing_has_changed() {
    let place = summed();
    place.store.db.execute("DELETE FROM policy_result", ()).unwrap();
    place
        .store
        .db
        .execute("UPDATE month SET is_summed = 1", ())
        .unwrap();

    assert_eq!(place.row("SELECT ok, failed, reports FROM domains"), "10|2|2");
    assert_eq!(place.row("SELECT reports, ok FROM domain_reporters"), "2|10");
    assert_eq!(place.row("SELECT count(*) FROM policies"), "2");
}

#[test]
fn a_late_report_undoes_the_sums_of_its_month_alone() {
    let mut place = summed();
    let policy = super::policy("sts", 100, 0, json!([]));
    place.record(&[mail(&[report_of("late", "2026-09-02", json!([policy]))])]);

    assert_eq!(
        place.rows("SELECT month, is_summed FROM month ORDER BY month"),
        ["2026-09|0", "2026-11|1"]
    );
    assert_eq!(place.row("SELECT ok, failed, reports FROM domains"), "110|2|3");
}

#[test]
fn after_an_import_of_many_months_the_next_assessment_adds_them_up() {
    let mut place = Place::new();
    let months: Vec<String> = (1..=9).map(|month| format!("2026-0{month}-01")).collect();
    let reports: Vec<Value> = months.iter().map(|day| report_of(day, day, json!([]))).collect();
    place.record(&[mail(&reports)]);

    place
        .store
        .assess(
            "2026-11-22".parse().unwrap(),
            &crate::config::DomainsConfig::default(),
        )
        .unwrap();

    assert_eq!(
        place.rows("SELECT DISTINCT is_summed, count(*) FROM month"),
        ["1|9"]
    );
}
