use std::rc::Rc;

use jiff::civil::{Date, date};

use super::*;
use crate::assess::cause::Cause;
use crate::assess::domains::Survey;
use crate::assess::domains::tests::{Made, not_found, nov, problem, sts, sum};
use crate::assess::history::PolicyText;
use crate::assess::place::Place;

const MX: [&str; 1] = ["mx1.example.org"];

/// A domain in testing from 1 to 18 Nov, 40 connections a day from each of two reporters; asked on 20 Nov.
fn steady() -> Made {
    let mut made = Made::on(date(2026, 11, 20), &["example.org"], &[]);
    made.reports(
        nov(1..=18),
        "google.com",
        "example.org",
        &sts("testing", &MX, 86_400),
        40,
    )
    .reports(
        nov(1..=18),
        "microsoft.com",
        "example.org",
        &sts("testing", &MX, 86_400),
        40,
    );
    made
}

fn readiness(made: &Made, problems: &[Problem]) -> Readiness {
    let survey = Survey::of(&made.history, problems);
    let mut domains = survey.domains.into_iter();
    domains
        .find(|state| state.domain == "example.org")
        .unwrap()
        .readiness
}

/// Sample 3 of the model digests: a backup MX that isn't in the policy.
fn backup_mx() -> (Made, Problem) {
    let text = sts("testing", &MX, 86_400);
    let mut made = Made::on(date(2026, 11, 20), &["example.org"], &[]);
    made.reports(nov(5..=17), "google.com", "example.org", &text, 184)
        .reports(nov(5..=16), "microsoft.com", "example.org", &text, 36)
        .reports(nov(17..=17), "microsoft.com", "example.org", &text, 38)
        .report(date(2026, 11, 18), "google.com", "example.org", &text, (188, 24))
        .failure(Cause::MxNotInPolicy, "backup.example.net", 24)
        .report(date(2026, 11, 18), "microsoft.com", "example.org", &text, (41, 5))
        .failure(Cause::MxNotInPolicy, "", 5);
    let day = date(2026, 11, 18);
    let place = Place::Mx("backup.example.net".to_owned());
    (
        made,
        problem("2fd8", Cause::MxNotInPolicy, place, "example.org", (day, day)),
    )
}

#[test]
fn backup_mx_of_the_model_digest_is_not_ready_and_its_ledger_is_right() {
    let (made, problem) = backup_mx();
    let readiness = readiness(&made, &[problem]);
    assert_eq!(
        readiness.verdict,
        Verdict::NotReady {
            problems: vec!["2fd8".to_owned()]
        }
    );
    assert_eq!(
        readiness.ledger,
        Some(Ledger {
            recent: sum(29),
            recent_total: sum(3120),
            only_day: Some(date(2026, 11, 18)),
            all: sum(29),
            all_total: sum(3120),
        })
    );
}

#[test]
fn steady_testing_is_ready_since_its_first_full_window() {
    let readiness = readiness(&steady(), &[]);
    assert_eq!(readiness.window, Some((date(2026, 11, 5), date(2026, 11, 18))));
    assert_eq!(
        readiness.verdict,
        Verdict::Ready {
            since: date(2026, 11, 14)
        }
    );
}

#[test]
fn one_reporter_alone_makes_ready_as_far_as_it_can_tell() {
    let mut made = steady();
    made.history
        .entries
        .retain(|entry| &*entry.reporter == "google.com");
    assert_eq!(
        readiness(&made, &[]).verdict,
        Verdict::ReadyAsFarAs {
            reporter: "google.com".to_owned(),
            since: date(2026, 11, 14)
        }
    );
}

#[test]
fn blocking_problem_stands_in_the_way_until_its_last_day_is_14_days_back() {
    let made = steady();
    let verdict = |last: Date| {
        let place = Place::Mx("mx1.example.org".to_owned());
        let problem = problem(
            "7c1e",
            Cause::Expired,
            place,
            "example.org",
            (date(2026, 11, 1), last),
        );
        matches!(readiness(&made, &[problem]).verdict, Verdict::NotReady { .. })
    };
    assert!(verdict(date(2026, 11, 5)));
    assert!(verdict(date(2026, 11, 19)), "newer than the newest complete day");
    assert!(!verdict(date(2026, 11, 4)));
}

#[test]
fn problem_that_enforce_would_not_hold_mail_for_does_not_block() {
    let made = steady();
    let day = date(2026, 11, 10);
    for (cause, blocks) in [
        (Cause::TlsaMismatch, false),
        (Cause::DaneRequired, false),
        (Cause::Handshake, true),
    ] {
        let problem = problem(
            "7c1e",
            cause,
            Place::Mx("mx1.example.org".to_owned()),
            "example.org",
            (day, day),
        );
        let verdict = readiness(&made, &[problem]).verdict;
        assert_eq!(matches!(verdict, Verdict::NotReady { .. }), blocks, "{cause}");
    }
}

#[test]
fn failures_below_the_gate_do_not_block_and_stand_in_the_ledger() {
    let mut made = steady();
    made.report(
        date(2026, 11, 9),
        "mail.ru",
        "example.org",
        &sts("testing", &MX, 86_400),
        (3, 1),
    )
    .failure(Cause::Handshake, "mx1.example.org", 1);
    let day = date(2026, 11, 9);
    let mut below = problem(
        "d41b",
        Cause::Handshake,
        Place::Mx("mx1.example.org".to_owned()),
        "example.org",
        (day, day),
    );
    below.episodes[0].visible_from = None;
    let readiness = readiness(&made, &[below]);
    assert!(matches!(readiness.verdict, Verdict::Ready { .. }));
    assert_eq!(readiness.ledger.unwrap().recent, sum(1));
}

#[test]
fn policy_that_cannot_be_used_is_repaired_first() {
    let place = Place::Policy("example.org".to_owned());
    let days = (date(2026, 11, 16), date(2026, 11, 18));
    let problem = problem("c05a", Cause::PolicyFetch, place, "example.org", days);
    let verdict = readiness(&steady(), &[problem]).verdict;
    let problems = vec!["c05a".to_owned()];
    assert_eq!(verdict, Verdict::NotYet(Unmet::PolicyProblems { problems }));
}

#[test]
fn changed_text_starts_the_window_again() {
    let mut made = steady();
    made.history
        .entries
        .retain(|entry| entry.day < date(2026, 11, 12));
    let new = sts("testing", &["mx1.example.org", "mx2.example.org"], 86_400);
    made.reports(nov(12..=18), "google.com", "example.org", &new, 40)
        .reports(nov(12..=18), "microsoft.com", "example.org", &new, 40);
    assert_eq!(
        readiness(&made, &[]).verdict,
        Verdict::NotYet(Unmet::Changed {
            day: date(2026, 11, 12),
            is_first: false,
            until: date(2026, 11, 25)
        })
    );
}

#[test]
fn ten_of_fourteen_days_or_fifty_connections_are_enough_traffic() {
    for (days, sessions, unmet) in [
        (10..=18, 5, Some(Unmet::Traffic { days: 9 })),
        (9..=18, 4, None),
        (17..=18, 24, Some(Unmet::Traffic { days: 2 })),
        (17..=18, 25, None),
        (9..=18, 1, Some(Unmet::Tiny { sessions: 10 })),
    ] {
        let text = sts("testing", &MX, 86_400);
        let mut made = Made::on(date(2026, 11, 20), &["example.org"], &[]);
        made.reports(nov(1..=1), "google.com", "example.org", &text, 1)
            .reports(nov(days), "google.com", "example.org", &text, sessions);
        match (readiness(&made, &[]).verdict, unmet) {
            (Verdict::NotYet(found), Some(unmet)) => assert_eq!(found, unmet),
            (Verdict::ReadyAsFarAs { .. }, None) => {}
            (verdict, unmet) => panic!("{verdict:?}, expected {unmet:?}"),
        }
    }
}

#[test]
fn mx_of_the_configuration_that_is_not_listed_is_a_hard_no() {
    let mut made = steady();
    made.history.our_mx = vec!["mx1.example.org".to_owned(), "mx3.example.org".to_owned()];
    let mx = vec!["mx3.example.org".to_owned()];
    assert_eq!(
        readiness(&made, &[]).verdict,
        Verdict::NotYet(Unmet::MxNotListed { mx })
    );
    made.retire("mx3.example.org", date(2026, 11, 1));
    assert!(matches!(readiness(&made, &[]).verdict, Verdict::Ready { .. }));
}

#[test]
fn mx_of_another_domain_is_not_missed() {
    let mut made = steady();
    made.history.our_domains.push("example.com".to_owned());
    made.history.our_mx = vec!["mx1.example.org".to_owned(), "mx.example.com".to_owned()];
    let listed = Condition::MxListed(MxListed::All(vec!["mx1.example.org".to_owned()]));
    assert!(readiness(&made, &[]).conditions.contains(&listed));
}

#[test]
fn mx_that_reports_name_belongs_to_the_domain() {
    let mut made = steady();
    made.history.our_domains.push("example.com".to_owned());
    made.history.our_mx = vec!["backup.example.net".to_owned()];
    made.report(
        date(2026, 11, 3),
        "google.com",
        "example.org",
        &sts("testing", &MX, 86_400),
        (1, 1),
    )
    .failure(Cause::MxNotInPolicy, "backup.example.net", 1);
    let mx = vec!["backup.example.net".to_owned()];
    assert_eq!(
        readiness(&made, &[]).verdict,
        Verdict::NotYet(Unmet::MxNotListed { mx })
    );
}

#[test]
fn without_mx_in_the_configuration_the_list_is_not_checked() {
    let conditions = readiness(&steady(), &[]).conditions;
    assert!(conditions.contains(&Condition::MxListed(MxListed::NotChecked)));
}

#[test]
fn mx_that_no_report_names_is_unproven_unless_it_is_the_only_one() {
    let unproven = |mx: &[&str]| {
        let text = sts("testing", mx, 86_400);
        let mut made = Made::on(date(2026, 11, 20), &["example.org"], &[]);
        made.report(date(2026, 11, 18), "google.com", "example.org", &text, (40, 1))
            .failure(Cause::Handshake, "mx1.example.org", 1);
        readiness(&made, &[]).unproven_mx
    };
    assert_eq!(
        unproven(&["mx1.example.org", "mx2.example.org"]),
        ["mx2.example.org"]
    );
    assert!(unproven(&["mx2.example.org"]).is_empty());
}

#[test]
fn enforce_says_since_when_over_changes_of_other_lines() {
    let mut made = Made::on(date(2026, 11, 20), &[], &[]);
    made.reports(
        nov(1..=5),
        "google.com",
        "example.org",
        &sts("testing", &MX, 86_400),
        5,
    )
    .reports(
        nov(6..=9),
        "google.com",
        "example.org",
        &sts("enforce", &MX, 86_400),
        5,
    )
    .reports(
        nov(10..=18),
        "google.com",
        "example.org",
        &sts("enforce", &MX, 604_800),
        5,
    );
    let readiness = readiness(&made, &[]);
    assert_eq!(
        readiness.verdict,
        Verdict::Enforces {
            since: date(2026, 11, 6)
        }
    );
    assert!(readiness.conditions.is_empty() && readiness.ledger.is_none());
}

#[test]
fn domain_without_policy_says_so() {
    let mut made = Made::on(date(2026, 11, 20), &[], &[]);
    made.reports(nov(1..=18), "google.com", "example.org", &not_found(), 5);
    assert_eq!(readiness(&made, &[]).verdict, Verdict::NoPolicy);
}

#[test]
fn details_under_a_clean_summary_count_and_others_count_at_most_as_their_summary() {
    let text = sts("testing", &MX, 86_400);
    let mut made = steady();
    made.report(
        date(2026, 11, 18),
        "mail.example.net",
        "example.org",
        &text,
        (4, 0),
    )
    .failure(Cause::Expired, "mx1.example.org", 3)
    .report(date(2026, 11, 18), "mail.ru", "example.org", &text, (4, 2))
    .failure(Cause::Handshake, "mx1.example.org", 9);
    assert_eq!(readiness(&made, &[]).ledger.unwrap().recent, sum(5));
}

#[test]
fn failures_of_a_retired_mx_are_not_in_the_ledger() {
    let mut made = steady();
    made.report(
        date(2026, 11, 18),
        "mail.ru",
        "example.org",
        &sts("testing", &MX, 86_400),
        (4, 2),
    )
    .failure(Cause::Expired, "old-mx.example.org", 2);
    assert_eq!(readiness(&made, &[]).ledger.unwrap().recent, sum(2));
    made.retire("old-mx.example.org", date(2026, 11, 10));
    assert_eq!(readiness(&made, &[]).ledger.unwrap().recent, sum(0));
}

#[test]
fn unproven_reports_alone_make_nothing_ready() {
    let mut made = steady();
    let unproven = |made: &Made, reporter: Option<&str>| {
        let entries = made.history.entries.iter();
        entries
            .filter(|entry| reporter.is_none_or(|reporter| &*entry.reporter == reporter))
            .map(|entry| entry.report)
            .collect()
    };
    made.history.unproven = unproven(&made, Some("microsoft.com"));
    let verdict = readiness(&made, &[]).verdict;
    assert!(matches!(verdict, Verdict::ReadyAsFarAs { .. }), "{verdict:?}");
    made.history.unproven = unproven(&made, None);
    let verdict = readiness(&made, &[]).verdict;
    assert_eq!(verdict, Verdict::NotYet(Unmet::Tiny { sessions: 0 }));
}

#[test]
fn retired_mx_is_named_while_connections_failed_there_on_the_14_days() {
    let found = |last: Date, cause: Cause, policy: &Rc<PolicyText>| {
        let mut made = steady();
        made.report(date(2026, 10, 1), "mail.ru", "example.org", policy, (4, 2))
            .failure(cause, "old-mx.example.org", 2)
            .report(last, "mail.ru", "example.org", policy, (4, 3))
            .failure(cause, "old-mx.example.org", 9)
            .retire("old-mx.example.org", date(2026, 11, 10));
        let readiness = readiness(&made, &[]);
        assert!(matches!(readiness.verdict, Verdict::Ready { .. }));
        readiness.retired_mx
    };
    let text = sts("testing", &MX, 86_400);
    for last in [date(2026, 11, 5), date(2026, 11, 9), date(2026, 11, 19)] {
        assert_eq!(
            found(last, Cause::Expired, &text),
            [RetiredMx {
                mx: "old-mx.example.org".to_owned(),
                since: date(2026, 11, 10),
                failed: sum(3),
                last_day: last
            }]
        );
    }
    assert_eq!(found(date(2026, 11, 4), Cause::Expired, &text), []);
    let day = date(2026, 11, 9);
    assert_eq!(
        found(day, Cause::DaneRequired, &text),
        [],
        "nothing that enforce would hold"
    );
    assert_eq!(
        found(day, Cause::Expired, &not_found()).len(),
        1,
        "no policy was seen"
    );
}
