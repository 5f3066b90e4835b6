#![expect(clippy::arithmetic_side_effects, reason = "a test may panic")]

use jiff::civil::date;

use super::*;
use crate::assess::cause::Cause;
use crate::assess::domains::Protection;
use crate::assess::domains::tests::{Made, not_found, nov, policy, sts};
use crate::assess::drift::{Drift, DriftEvent};

mod laggards;

const MX: [&str; 1] = ["mx1.example.com"];

fn made() -> Made {
    Made::on(date(2026, 11, 20), &["example.com"], &[])
}

fn policy_events(made: &Made) -> Vec<(DriftEvent, PolicyDrift)> {
    let events = made.survey().drift.into_iter();
    events
        .filter_map(|event| match event.what.clone() {
            Drift::Policy(what) => Some((event, what)),
            Drift::Tlsa(_) => None,
        })
        .collect()
}

fn names(made: &Made) -> Vec<(&'static str, Date, String)> {
    let name = |what: &PolicyDrift| match what {
        PolicyDrift::Changed { .. } => "changed",
        PolicyDrift::Laggard { .. } => "laggard",
        PolicyDrift::TwoAnswers { .. } => "two answers",
        PolicyDrift::Gone { .. } => "gone",
    };
    let events = policy_events(made).into_iter();
    events
        .map(|(event, what)| (name(&what), event.day, event.reporter))
        .collect()
}

fn read(lines: &[&str]) -> Policy {
    Policy::read(&policy("sts", None, lines)).unwrap()
}

#[test]
fn patterns_end_without_dots_and_blanks_however_mixed() {
    let mixed = read(&["mode: enforce", "mx: mx1.example.com\u{c} . \u{c}."]);
    assert_eq!(mixed, read(&["mode: enforce", "mx: mx1.example.com"]));
}

#[test]
fn texts_that_differ_in_order_case_and_blanks_are_equal() {
    let plain = read(&[
        "version: STSv1",
        "mode: testing",
        "mx: a.example.com",
        "mx: *.example.net",
        "max_age: 604800",
    ]);
    let other = read(&[
        "Max_Age:604800 ",
        "MX: *.Example.net.",
        "mx:a.example.com",
        "Mode:  Testing",
    ]);
    assert_eq!(plain, other);
}

#[test]
fn text_in_one_string_is_read_line_by_line() {
    assert_eq!(
        read(&["version: STSv1\r\nmode: enforce\r\nmx: a.example.com\r\nmax_age: 1"]),
        read(&["mode: enforce", "mx: a.example.com", "max_age: 1"])
    );
}

#[test]
fn entry_without_text_or_of_another_type_shows_no_policy() {
    assert_eq!(Policy::read(&policy("sts", None, &[])), None);
    assert_eq!(Policy::read(&policy("tlsa", None, &["mode: enforce"])), None);
}

#[test]
fn wildcard_stands_for_exactly_one_label() {
    let policy = read(&["mode: enforce", "mx: *.mx.example.net"]);
    assert!(policy.covers("b.mx.example.net"));
    assert!(!policy.covers("a.b.mx.example.net"));
    assert!(!policy.covers("mx.example.net"));
}

#[test]
fn change_is_told_with_the_first_reporter_that_shows_it() {
    let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
    let mut made = made();
    made.reports(nov(1..=12), "microsoft.com", "example.com", &old, 5)
        .reports(nov(13..=18), "microsoft.com", "example.com", &new, 5)
        .reports(nov(1..=11), "google.com", "example.com", &old, 5)
        .reports(nov(12..=18), "google.com", "example.com", &new, 5);
    let events = policy_events(&made);
    assert_eq!(events.len(), 1, "{events:?}");
    let (event, what) = &events[0];
    assert_eq!(
        (event.day, event.reporter.as_str()),
        (date(2026, 11, 12), "google.com")
    );
    let PolicyDrift::Changed {
        before,
        after,
        returns,
    } = what
    else {
        panic!("{what:?}")
    };
    assert_eq!(
        (
            before.as_ref().unwrap().mode.as_str(),
            after.mode.as_str(),
            *returns
        ),
        ("testing", "enforce", 0)
    );
}

#[test]
fn late_report_moves_the_day_of_a_change_and_keeps_its_key() {
    let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
    let mut made = made();
    made.reports(nov(1..=11), "google.com", "example.com", &old, 5)
        .reports(nov(12..=18), "google.com", "example.com", &new, 5);
    let before = policy_events(&made).remove(0).0;
    made.reports(nov(10..=10), "microsoft.com", "example.com", &new, 5);
    let after = policy_events(&made).remove(0).0;
    assert_eq!((before.day, after.day), (date(2026, 11, 12), date(2026, 11, 10)));
    assert_eq!(before.key, after.key);
}

#[test]
fn going_back_to_an_old_text_is_a_change_of_its_own() {
    let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
    let mut made = made();
    made.reports(nov(1..=5), "google.com", "example.com", &old, 5)
        .reports(nov(6..=9), "google.com", "example.com", &new, 5)
        .reports(nov(10..=18), "google.com", "example.com", &old, 5);
    let events = policy_events(&made);
    let days: Vec<Date> = events.iter().map(|(event, _)| event.day).collect();
    assert_eq!(days, [date(2026, 11, 6), date(2026, 11, 10)]);
    assert_eq!(made.survey().domains[0].protection, Protection::Testing);
}

#[test]
fn first_policy_after_none_is_a_change_and_the_first_of_the_database_is_not() {
    let mut made = made();
    made.reports(
        nov(5..=18),
        "google.com",
        "example.com",
        &sts("testing", &MX, 86_400),
        5,
    );
    assert!(policy_events(&made).is_empty());
    made.reports(nov(1..=4), "google.com", "example.com", &not_found(), 5);
    assert_eq!(
        names(&made),
        [("changed", date(2026, 11, 5), "google.com".to_owned())]
    );
}

#[test]
fn policy_without_max_age_is_the_same_as_with() {
    let mut made = made();
    let partial = policy("sts", Some("testing"), &["mode: testing", "mx: mx1.example.com"]);
    made.reports(
        nov(1..=18),
        "google.com",
        "example.com",
        &sts("testing", &MX, 86_400),
        5,
    )
    .reports(nov(3..=18), "mail.ru", "example.com", &partial, 5);
    assert!(policy_events(&made).is_empty());
}

#[test]
fn policy_that_is_not_found_on_two_known_days_is_gone() {
    let mut made = made();
    made.reports(
        nov(1..=14),
        "google.com",
        "example.com",
        &sts("enforce", &MX, 86_400),
        5,
    )
    .reports(nov(15..=15), "google.com", "example.com", &not_found(), 5);
    assert!(policy_events(&made).is_empty());
    assert_eq!(made.survey().domains[0].protection, Protection::Enforce);
    made.reports(nov(18..=18), "google.com", "example.com", &not_found(), 5);
    assert_eq!(
        names(&made),
        [("gone", date(2026, 11, 18), "google.com".to_owned())]
    );
    let PolicyDrift::Gone { last_seen, .. } = policy_events(&made).remove(0).1 else {
        panic!()
    };
    assert_eq!(last_seen, date(2026, 11, 14));
    assert_eq!(made.survey().domains[0].protection, Protection::None);
}

#[test]
fn policy_that_was_taken_back_with_mode_none_is_not_gone() {
    let mut made = made();
    made.reports(
        nov(1..=14),
        "google.com",
        "example.com",
        &sts("none", &[], 86_400),
        5,
    )
    .reports(nov(15..=18), "google.com", "example.com", &not_found(), 5);
    assert!(policy_events(&made).is_empty());
}

#[test]
fn days_on_which_it_could_not_be_fetched_do_not_make_a_policy_gone() {
    let mut made = made();
    made.reports(
        nov(1..=14),
        "google.com",
        "example.com",
        &sts("enforce", &MX, 86_400),
        5,
    )
    .reports(
        nov(15..=18),
        "google.com",
        "example.com",
        &policy("sts", None, &[]),
        5,
    );
    assert!(policy_events(&made).is_empty());
    assert_eq!(made.survey().domains[0].protection, Protection::Enforce);
}
