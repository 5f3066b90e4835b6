//! Problems as they are kept: ids, lives, what was told and said of them.

use std::collections::BTreeMap;

use jiff::civil::Date;
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

mod arrivals;
mod ids;
mod kept;

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
    assert_eq!(place.row("SELECT count(*) FROM problems"), "0");
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

/// A report by which nobody knows why certificates fail.
fn vague(id: &str, day: &str) -> Value {
    report_of(
        id,
        day,
        json!([policy("sts", 9, 5, json!([detail("validation-failure", 5)]))]),
    )
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
