//! Problems of reports in any order.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What users see of problems, but for ids.
const SEEN: [&str; 7] = [
    "SELECT cause, place, place_kind, state, impact, policy, whose, named, first_day, last_day, visible_from, failed,
            total, at_least, reporters, domains, acknowledged_until, is_retired, is_foreign FROM problems",
    "SELECT cause, place, problem_days.day, problem_days.reporter, policy_domain, policy_type, problem_days.failed, unreadable,
            delivered_in_spite, json
     FROM problem_days JOIN problems ON problems.id = problem JOIN reports ON reports.id = report",
    "SELECT cause, place, episode.first_day, episode.last_day, episode.visible_from, episode.failed, ended, ended_day
     FROM problem_episodes AS episode JOIN problems ON problems.id = problem",
    "SELECT cause, place, policy_domain FROM problem_domains JOIN problems ON problems.id = problem",
    "SELECT cause, place, reporter.reporter, reporter.first_day, reporter.last_day, reporter.failed, reporter.total
     FROM problem_reporters AS reporter JOIN problems ON problems.id = problem",
    "SELECT cause, place, policy_domain, policy_type, result_type, receiving_mx_hostname
     FROM problem_failure_types JOIN problems ON problems.id = problem
          JOIN failure_types ON failure_types.id = failure_type",
    "SELECT cause, place, json, failures.result_type, failed_session_count
     FROM failures JOIN problems ON problems.id = problem JOIN reports ON reports.id = report",
];

fn seen(place: &Place) -> Vec<Vec<String>> {
    let sorted = SEEN.iter().map(|query| {
        let mut rows = place.rows(query);
        rows.sort();
        rows
    });
    sorted.collect()
}

fn details() -> impl Strategy<Value = Value> {
    let kind = select(vec![
        "certificate-expired",
        "validation-failure",
        "starttls-not-supported",
        "sts-policy-fetch-error",
        "made-up",
    ]);
    let mx = select(vec![Some("mx1.example.org"), Some("mx2.example.org"), None]);
    let n = select(vec![json!(1), json!(7), json!(-1), json!(i64::MAX), json!(0)]);
    let detail = (kind, mx, n).prop_map(
        |(kind, mx, n)| json!({ "result-type": kind, "receiving-mx-hostname": mx, "failed-session-count": n }),
    );
    proptest::collection::vec(detail, 0..3).prop_map(Value::from)
}

fn policies() -> impl Strategy<Value = Value> {
    let policy = (
        select(vec!["sts", "tlsa", "no-policy-found"]),
        select(vec!["example.org", "example.com"]),
        select(vec![json!(0), json!(50), json!(-1)]),
        select(vec![json!(0), json!(3), json!(8), json!(-1)]),
        details(),
    );
    let policy = policy.prop_map(|(kind, domain, ok, failed, details)| {
        json!({
            "policy": { "policy-type": kind, "policy-domain": domain, "policy-string": ["mode: enforce"] },
            "summary": { "total-successful-session-count": ok, "total-failure-session-count": failed },
            "failure-details": details,
        })
    });
    proptest::collection::vec(policy, 1..3).prop_map(Value::from)
}

/// A report with its reporter, on a day of November or of August: near the newest reports, or a quarter before them.
fn report() -> impl Strategy<Value = (String, Value)> {
    let reporter = select(vec![
        "google.com",
        "1e100.net",
        "microsoft.com",
        "postfix.example",
    ]);
    let days = prop_oneof![
        (1_i8..22).prop_map(|day| format!("2026-11-{day:02}")),
        (1_i8..29).prop_map(|day| format!("2026-08-{day:02}")),
    ];
    (reporter, select(vec!["1", "2"]), days, policies())
        .prop_map(|(reporter, id, day, policies)| (reporter.to_owned(), report_of(id, &day, policies)))
}

type Reports = Vec<(String, Value)>;

fn reports_in_two_orders() -> impl Strategy<Value = (Reports, Reports)> {
    proptest::collection::vec(report(), 1..16)
        .prop_map(|mut reports| {
            // The submitter isn't part of what makes a report a duplicate.
            reports.sort_by_key(|(_, report)| report.to_string());
            reports.dedup_by_key(|(_, report)| report.to_string());
            reports
        })
        .prop_flat_map(|reports| (Just(reports.clone()).prop_shuffle(), Just(reports).prop_shuffle()))
}

fn mails(reports: &[(String, Value)]) -> Vec<IncomingMail> {
    let mails = reports
        .iter()
        .map(|(reporter, report)| from(mail(std::slice::from_ref(report)), reporter));
    mails.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_ends_in_the_same_problems((one, other) in reports_in_two_orders(), batch in 1_usize..4) {
        let (mut first, mut second) = (Place::new(), Place::new());
        first.record(&mails(&one));
        assess(&mut first);
        for batch in mails(&other).chunks(batch) {
            second.record(batch);
            assess(&mut second);
        }
        prop_assert_eq!(seen(&first), seen(&second));
    }

    #[test]
    fn days_of_a_problem_are_those_of_the_view((reports, _) in reports_in_two_orders()) {
        let mut place = Place::new();
        place.record(&mails(&reports));
        for problem in assess(&mut place) {
            let of_view = place.rows(&format!(
                "SELECT day, reporter, CAST(total(failed) AS INTEGER), max(unreadable) > 0 FROM problem_days
                 WHERE problem = '{}' GROUP BY day, reporter ORDER BY day, reporter", problem.id
            ));
            let mut of_problem: Vec<String> = problem.days.iter().map(|day| {
                let failed = i64::try_from(day.failed.known).unwrap_or(i64::MAX);
                format!("{}|{}|{failed}|{}", day.day, day.reporter, i64::from(day.failed.at_least))
            }).collect();
            of_problem.sort();
            prop_assert_eq!(of_problem, of_view, "{:?}", problem);
        }
    }
}
