//! Problems as they are kept: ids, lives, what was told and said of them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::history::{self, RECENT_DAYS};
use super::super::keys::{Keys, Policies};
use super::super::{IncomingMail, IncomingReport, Store, tellings};
use super::{Place, at, detail, failing, mail, policy, report_of};
use crate::assess::cause::Cause;
use crate::assess::history::{History, Remark, Saying};
use crate::assess::id;
use crate::assess::impact::Impact;
use crate::assess::news::{Event, Telling, Worse};
use crate::assess::place::Place as Where;
use crate::assess::problem::Problem;
use crate::config::{DomainsConfig, Span};
use crate::store::Content;

const TODAY: &str = "2026-11-22";

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn assess(place: &mut Place) -> Vec<Problem> {
    assess_on(&mut place.store, TODAY)
}

fn assess_on(store: &mut Store, today: &str) -> Vec<Problem> {
    store.assess(day(today), &DomainsConfig::default()).unwrap()
}

/// What problems are derived from.
fn history(place: &Place) -> History {
    let db = &place.store.db;
    let keys = Keys::read(db).unwrap();
    let policies = &mut Policies::default();
    let domains = DomainsConfig::default();
    history::read(db, &keys, policies, day(TODAY), &domains, RECENT_DAYS)
        .unwrap()
        .history
}

/// The same mail from another reporter.
fn from(mut mail: IncomingMail, reporter: &str) -> IncomingMail {
    if let Content::Reports(reports) = &mut mail.content {
        for report in reports {
            if let IncomingReport::Read { submitter, .. } = report {
                reporter.clone_into(submitter);
            }
        }
    }
    mail
}

fn clean(id: &str, day: &str) -> Value {
    report_of(id, day, json!([policy("sts", 9, 0, json!([]))]))
}

/// The first digits of a hash.
fn digits(hash: &str, n: usize) -> String {
    hash.chars().take(n).collect()
}

fn telling(event: Event) -> Telling {
    Telling {
        day: day("2026-11-20"),
        event,
        impact: Impact::Plain,
        reporters: 2,
        episode: day("2026-11-18"),
        last_day: day("2026-11-19"),
        is_urgent: true,
    }
}

/// Tells a problem in a digest.
fn tell(place: &Place, problem: &str, telling: &Telling) {
    let digest =
        "INSERT INTO digest (audience, kind, due_at, after_report, last_report, after_mail, last_mail, message_id,
                                      subject, mail)
                  SELECT 'default', 'daily', '', 0, 0, 0, 0, count(*), '', x'' FROM digest";
    place.store.db.execute(digest, ()).unwrap();
    let digest = place.store.db.last_insert_rowid();
    tellings::tell(&place.store.db, digest, "default", problem, telling).unwrap();
}

#[test]
fn one_certificate_seen_by_two_reporters_is_one_problem() {
    let mut place = Place::new();
    place.record(&[
        mail(&[failing("1", "2026-11-20", "certificate-expired")]),
        from(
            mail(&[failing("2", "2026-11-20", "certificate-expired")]),
            "other.example",
        ),
    ]);
    assess(&mut place);
    let expected = "expired|mx|mx.example.org|2026-11-20|2026-11-20|2|2";
    assert_eq!(
        place.row("SELECT cause, place_kind, place, first_day, last_day, failed, reporters FROM problems"),
        expected
    );
    assert_eq!(
        place.rows("SELECT reporter, failed FROM problem_reporters ORDER BY reporter"),
        ["other.example|1", "webmail.example|1"]
    );
    assert_eq!(
        place.row("SELECT policy_domain FROM problem_domains"),
        "example.org"
    );
    assert_eq!(place.row("SELECT failure_type FROM problem_failure_types"), "1");
}

#[test]
fn id_is_the_beginning_of_the_hash() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    assess(&mut place);
    let hash = id::hash(Cause::Expired, &Where::Mx("mx.example.org".to_owned()));
    assert_eq!(place.row("SELECT id FROM problems"), digits(&hash, 4));
}

#[test]
fn id_that_another_problem_has_gets_a_fifth_digit() {
    let mut place = Place::new();
    let hash = id::hash(Cause::Expired, &Where::Mx("mx.example.org".to_owned()));
    let taken =
        "INSERT INTO problem (id, cause, place_kind, place) VALUES (?1, 'expired', 'mx', 'other.example')";
    place.store.db.execute(taken, [digits(&hash, 4)]).unwrap();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    assess(&mut place);
    assert_eq!(place.row("SELECT id FROM problems"), digits(&hash, 5));
}

#[test]
fn assessing_again_writes_nothing() {
    let mut place = Place::new();
    for day in ["2026-11-17", "2026-11-20"] {
        place.record(&[mail(&[
            failing(day, day, "certificate-expired"),
            clean("2", "2026-11-21"),
        ])]);
    }
    let first = assess(&mut place);
    let before = place.store.db.total_changes();
    assert_eq!(assess(&mut place), first);
    assert_eq!(place.store.db.total_changes(), before);
}

#[test]
fn readers_see_the_same_problems_without_anything_kept() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let read = place
        .store
        .problems(day(TODAY), &DomainsConfig::default())
        .unwrap();
    assert_eq!(place.row("SELECT count(*) FROM problem"), "0");
    assert_eq!(assess(&mut place), read);
    assert_eq!(read.len(), 1);
}

#[test]
fn names_of_one_organisation_are_one_reporter() {
    let mut place = Place::new();
    for (id, submitter) in [
        ("1", "google.com"),
        ("2", "1e100.net"),
        ("3", "corp.mail.ru"),
        ("4", "mail.ru"),
        ("5", ""),
    ] {
        place.record(&[from(mail(&[clean(id, "2026-11-20")]), submitter)]);
    }
    let history = history(&place);
    let reporters: Vec<&str> = history
        .entries
        .iter()
        .map(|entry| entry.reporter.as_ref())
        .collect();
    assert_eq!(
        reporters,
        ["google.com", "google.com", "mail.ru", "mail.ru", "Webmail"]
    );
}

#[test]
fn old_entries_matter_only_in_the_weeks_after_a_failure() {
    let mut place = Place::new();
    for (id, day) in [
        ("before", "2026-01-09"),
        ("after", "2026-03-11"),
        ("long-after", "2026-03-12"),
        ("recent", "2026-09-23"),
        ("not-recent", "2026-09-22"),
    ] {
        place.record(&[mail(&[clean(id, day)])]);
    }
    place.record(&[mail(&[failing("failing", "2026-01-10", "certificate-expired")])]);
    place.record(&[from(mail(&[clean("other", "2026-01-11")]), "other.example")]);
    let history = history(&place);
    let mut days: Vec<String> = history
        .entries
        .iter()
        .map(|entry| entry.day.to_string())
        .collect();
    days.sort();
    assert_eq!(days, ["2026-01-10", "2026-03-11", "2026-09-23"]);
}

#[test]
fn failure_gathers_the_details_of_one_cause_and_place() {
    let mut place = Place::new();
    let details = json!([
        { "result-type": "certificate-expired", "receiving-mx-hostname": "MX.example.org.", "receiving-ip": "192.0.2.1",
          "failed-session-count": 2, "failure-reason-code": "X" },
        { "result-type": "certificate-expired", "receiving-mx-hostname": "mx.example.org", "receiving-ip": "192.0.2.2",
          "failed-session-count": -1, "sending-mta-ip": "198.51.100.7" },
        { "result-type": "starttls-not-supported", "receiving-mx-hostname": "mx.example.org",
          "failed-session-count": 5 },
    ]);
    place.record(&[mail(&[report_of(
        "1",
        "2026-11-20",
        json!([policy("sts", 9, 7, details)]),
    )])]);
    let history = history(&place);
    let [expired, no_starttls] = &history.failures[..] else {
        panic!("{:?}", history.failures);
    };
    assert_eq!(
        (expired.cause, no_starttls.cause),
        (Cause::Expired, Cause::NoStarttls)
    );
    assert_eq!((expired.failed.known, expired.failed.at_least), (2, true));
    assert_eq!(expired.mx, ["mx.example.org"]);
    assert!(expired.reasons().eq([("X", 2)]));
    assert!(expired.receiving_ips().eq([("192.0.2.1", 2), ("192.0.2.2", 0)]));
    assert!(expired.sending_ips().eq([("198.51.100.7", 0)]));
    assert_eq!(expired.result_types, ["certificate-expired"]);
}

#[test]
fn report_with_thousands_of_mx_names_makes_a_bounded_number_of_problems() {
    let mut place = Place::new();
    let details: Vec<Value> = (0..1500)
        .map(|n| {
            json!({ "result-type": "certificate-expired", "failed-session-count": 1,
                    "receiving-mx-hostname": format!("mx{n}.example.org") })
        })
        .collect();
    place.record(&[mail(&[report_of(
        "1",
        "2026-11-20",
        json!([policy("sts", 0, 1500, details)]),
    )])]);
    assess(&mut place);
    assert_eq!(
        place.rows(
            "SELECT place_kind, count(*), CAST(total(problem_days.failed) AS INTEGER) FROM problem_days
                    JOIN problems ON problems.id = problem GROUP BY place_kind"
        ),
        ["mx|1000|1000", "unnamed|1|500"]
    );
}

#[test]
fn problem_that_only_a_lost_conflict_showed_is_gone() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    assess(&mut place);
    let winner = report_of("1", "2026-11-20", json!([policy("sts", 99, 0, json!([]))]));
    place.record(&[mail(&[winner])]);
    assess(&mut place);
    for view in [
        "problems",
        "problem_days",
        "problem_episodes",
        "problem_failure_types",
        "problem_domains",
        "problem_reporters",
    ] {
        assert_eq!(place.row(&format!("SELECT count(*) FROM {view}")), "0", "{view}");
    }
}

#[test]
fn problem_stays_with_its_days_when_retention_removes_the_reports() {
    let mut place = Place::new();
    for day in ["2026-11-17", "2026-11-18"] {
        place.record(&[mail(&[failing(day, day, "certificate-expired")])]);
    }
    assess(&mut place);
    let seen = "SELECT id, first_day, last_day FROM problems";
    let before = place.row(seen);
    place
        .store
        .retain(Span::Days(10), at("2026-12-20T00:00:00Z"))
        .unwrap();
    assess_on(&mut place.store, "2026-12-20");
    assert_eq!(place.row(seen), before);
    assert_eq!(place.row("SELECT state FROM problems"), "past");
    assert_eq!(
        place.row("SELECT first_day, last_day, failed FROM problem_episodes"),
        "2026-11-17|2026-11-18|2"
    );
    assert_eq!(place.row("SELECT count(*) FROM problem_failure_types"), "1");
}

#[test]
fn episode_that_goes_on_keeps_its_beginning_when_retention_cuts_it() {
    let mut place = Place::new();
    let days = [
        "2026-12-07",
        "2026-12-08",
        "2026-12-09",
        "2026-12-10",
        "2026-12-11",
    ];
    for day in days {
        place.record(&[mail(&[failing(day, day, "certificate-expired")])]);
    }
    assess_on(&mut place.store, "2026-12-12");
    let seen = "SELECT first_day, last_day, failed FROM problem_episodes";
    for moment in ["2026-12-18T00:00:00Z", "2026-12-20T00:00:00Z"] {
        place.store.retain(Span::Days(10), at(moment)).unwrap();
        let problems = assess_on(&mut place.store, "2026-12-12");
        assert_eq!(place.row(seen), "2026-12-07|2026-12-11|5", "{moment}");
        assert_eq!(problems[0].episodes[0].first_day, day("2026-12-07"));
    }
    assert_eq!(place.row("SELECT count(*) FROM reports"), "2");
    assert_eq!(place.row("SELECT first_day FROM problems"), "2026-12-07");
}

#[test]
fn reassessing_gives_every_failure_its_problem_again() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let before = assess(&mut place);
    let wrong =
        "INSERT INTO problem (id, cause, place_kind, place) VALUES ('0000', 'unknown', 'mx', 'a.example');
                 UPDATE failure SET problem = (SELECT number FROM problem WHERE id = '0000')";
    place.store.db.execute_batch(wrong).unwrap();
    let after = place
        .store
        .reassess(day(TODAY), &DomainsConfig::default())
        .unwrap();
    assert_eq!(after, before);
}

#[test]
fn what_was_told_comes_back_as_it_was_told() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    let told: Vec<Telling> = [
        Event::New,
        Event::Worse(Worse::Reporters),
        Event::Reminder(4),
        Event::WasNotOver,
        Event::Past,
    ]
    .map(telling)
    .to_vec();
    for telling in &told {
        tell(&place, &id, telling);
    }
    assert_eq!(
        place.store.tellings("default", false).unwrap(),
        BTreeMap::from([(id, told)])
    );
}

#[test]
fn event_is_told_once() {
    let place = Place::new();
    for today in ["2026-11-20", "2026-11-21"] {
        tell_nothing(&place, today);
    }
    assert_eq!(
        place.rows("SELECT key, day FROM told_event"),
        ["mode example.org|2026-11-20"]
    );
    assert!(
        place
            .store
            .told_events("default")
            .unwrap()
            .contains("mode example.org")
    );
}

fn tell_nothing(place: &Place, today: &str) {
    place
        .store
        .db
        .execute(
            "INSERT OR IGNORE INTO digest VALUES (1, 'default', 'daily', '', 0, 0, 0, 0, 'a', '', x'', NULL)",
            (),
        )
        .unwrap();
    tellings::tell_event(&place.store.db, 1, "default", "mode example.org", day(today)).unwrap();
}

#[test]
fn remark_on_a_problem_reaches_the_problem() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    let remarks = [
        (id.clone(), Saying::Acknowledged(day("2026-12-22"))),
        (id, Saying::Note("ordered = \"new\" certificate".to_owned())),
        ("old.example.org".to_owned(), Saying::Retired),
    ]
    .map(|(about, saying)| Remark {
        about,
        day: day(TODAY),
        by: "anna".to_owned(),
        saying,
    });
    for remark in &remarks {
        place.store.remark(remark).unwrap();
    }
    assert_eq!(place.store.remarks().unwrap(), remarks);
    let problem = assess(&mut place).remove(0);
    assert_eq!(problem.remarks, remarks[..2]);
    assert_eq!(place.row("SELECT acknowledged_until FROM problems"), "2026-12-22");
}

#[test]
fn problem_is_found_by_its_id_and_the_beginning_of_it() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    for text in [id.clone(), id.to_uppercase(), format!(" {id} "), digits(&id, 1)] {
        assert_eq!(
            place.store.problem_id(&text).unwrap().as_ref(),
            Some(&id),
            "{text:?}"
        );
    }
    for text in ["", "%", "____", "example.org", "'"] {
        assert_eq!(place.store.problem_id(text).unwrap(), None, "{text:?}");
    }
}

#[test]
fn beginning_that_two_ids_share_finds_none() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    assess(&mut place);
    let two = "INSERT INTO problem (id, cause, place_kind, place, first_day)
               VALUES ('aaa1', 'x', 'mx', 'a', '2026-01-01'), ('aaa2', 'y', 'mx', 'a', '2026-01-01')";
    place.store.db.execute(two, ()).unwrap();
    assert_eq!(place.store.problem_id("aaa").unwrap(), None);
    assert_eq!(place.store.problem_id("aaa2").unwrap().as_deref(), Some("aaa2"));
}

/// A report by which nobody knows why certificates fail.
fn vague(id: &str, day: &str) -> Value {
    report_of(
        id,
        day,
        json!([policy("sts", 9, 5, json!([detail("validation-failure", 5)]))]),
    )
}

#[test]
fn problem_that_is_explained_after_it_was_told_keeps_the_id_that_was_told() {
    let mut place = Place::new();
    place.record(&[mail(&[vague("1", "2026-11-20")])]);
    let told = assess(&mut place)[0].id.clone();
    tell(&place, &told, &telling(Event::New));
    let expired = failing("2", "2026-11-20", "certificate-expired");
    place.record(&[from(mail(&[expired]), "other.example")]);
    let problems = assess(&mut place);
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!((problem.cause, &problem.id), (Cause::Expired, &told));
    let own = id::hash(Cause::Expired, &Where::Mx("mx.example.org".to_owned()));
    let own = digits(&own, 4);
    assert_eq!(place.store.problem_id(&own).unwrap(), Some(told.clone()));
    assert_eq!(place.store.tellings("default", false).unwrap()[&told].len(), 1);
    assert_eq!(place.rows("SELECT DISTINCT problem FROM failures"), [told]);
    assert_eq!(assess(&mut place), problems, "and it stays so");
}

#[test]
fn vague_failures_that_joined_a_problem_are_counted_with_it() {
    let mut place = Place::new();
    place.record(&[
        mail(&[vague("1", "2026-11-20")]),
        from(
            mail(&[failing("2", "2026-11-20", "certificate-expired")]),
            "other.example",
        ),
    ]);
    assess(&mut place);
    assert_eq!(
        place.rows(
            "SELECT cause, reporter, problem_days.failed FROM problem_days
                    JOIN problems ON problems.id = problem ORDER BY reporter"
        ),
        ["expired|other.example|1", "expired|webmail.example|5"]
    );
}

#[test]
fn failure_type_that_joins_a_problem_counts_as_told_with_it() {
    let mut place = Place::new();
    let expired = failing("1", "2026-11-20", "certificate-expired");
    place.record(&[from(mail(&[expired]), "other.example")]);
    let told = assess(&mut place)[0].id.clone();
    tell(&place, &told, &telling(Event::New));
    place.record(&[mail(&[vague("2", "2026-11-20")])]);
    assess(&mut place);
    let types = "SELECT result_type, announced_at IS NOT NULL FROM failure_types ORDER BY result_type";
    assert_eq!(
        place.rows(types),
        ["certificate-expired|0", "validation-failure|1"],
        "the first one is marked by the digest itself"
    );
}

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

/// A report with its reporter, on one of the days of two years.
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

#[test]
fn forgetting_a_domain_erases_its_problems_and_what_was_said_of_it() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    tell(&place, &id, &telling(Event::New));
    for about in [id.as_str(), "example.org", "mx.example.org"] {
        let remark = Remark {
            about: about.to_owned(),
            day: day(TODAY),
            by: "anna".to_owned(),
            saying: Saying::Fixed,
        };
        place.store.remark(&remark).unwrap();
    }
    let forgotten = place.store.forget("example.org").unwrap();
    assert_eq!((forgotten.problems, forgotten.remarks), (1, 2));
    for table in [
        "problem",
        "problem_episode",
        "problem_domain",
        "remark",
        "telling",
    ] {
        assert_eq!(
            place.row(&format!("SELECT count(*) FROM {table}")),
            "0",
            "{table}"
        );
    }
}

#[test]
fn problem_that_other_domains_share_outlives_a_forgotten_domain() {
    let mut place = Place::new();
    let mut other = failing("2", "2026-11-20", "certificate-expired");
    other["policies"][0]["policy"]["policy-domain"] = json!("example.com");
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired"), other])]);
    let id = assess(&mut place)[0].id.clone();
    place.store.forget("example.org").unwrap();
    assess(&mut place);
    assert_eq!(
        place.row("SELECT id, failed, domains FROM problems"),
        format!("{id}|1|1")
    );
    assert_eq!(
        place.row("SELECT policy_domain FROM problem_domains"),
        "example.com"
    );
}

#[test]
fn failures_of_domains_that_are_not_ours_are_in_no_figure_of_a_problem_of_ours() {
    let mut place = Place::new();
    let mut other = failing("2", "2026-11-20", "certificate-expired");
    other["policies"][0]["policy"]["policy-domain"] = json!("foreign.example");
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired"), other])]);
    let ours = DomainsConfig {
        mail: vec!["example.org".to_owned()],
        ..DomainsConfig::default()
    };
    let problems = place.store.assess(day(TODAY), &ours).unwrap();
    assert_eq!(problems[0].failed.known, 1);
    assert_eq!(
        place.rows("SELECT policy_domain, failed FROM problem_days"),
        ["example.org|1"]
    );
}
