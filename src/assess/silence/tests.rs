use jiff::civil::{Date, date};

use super::*;
use crate::assess::domains::Survey;
use crate::assess::domains::tests::{Made, not_found, nov, sts, tlsa};

fn asked_on(day: i8) -> Made {
    Made::on(date(2026, 11, day), &["example.com"], &[])
}

fn reports(made: &mut Made, reporter: &str, days: impl IntoIterator<Item = Date>) {
    made.reports(days, reporter, "example.com", &not_found(), 5);
}

fn october(days: std::ops::RangeInclusive<i8>) -> impl Iterator<Item = Date> {
    days.map(|day| date(2026, 10, day))
}

fn state<'s>(survey: &'s Survey, reporter: &str) -> &'s ReporterState {
    survey
        .reporters
        .iter()
        .find(|state| state.reporter == reporter)
        .unwrap()
}

#[test]
fn silence_of_the_model_digest_is_found() {
    let mut made = asked_on(19);
    reports(&mut made, "google.com", nov(1..=18));
    reports(&mut made, "microsoft.com", nov(4..=18));
    // Every other day at times: the longest pause is 2 days.
    reports(&mut made, "mail.ru", october(18..=31).step_by(2));
    reports(&mut made, "mail.ru", nov(1..=14));
    let survey = made.survey();
    assert_eq!(survey.quiet.silent, ["mail.ru"]);
    assert!(!survey.quiet.is_ours(), "the others report as usual");
    assert_eq!(
        state(&survey, "mail.ru").silence,
        Some(Silence {
            last_day: date(2026, 11, 14),
            pause: 5,
            longest_before: 2,
            key: "silent mail.ru 2026-11-14".to_owned(),
        })
    );
}

#[test]
fn daily_reporter_is_silent_from_the_fifth_day_and_a_weekday_one_from_the_seventh() {
    let is_silent = |days: &[Date], today: i8| {
        let mut made = asked_on(today);
        reports(&mut made, "google.com", days.iter().copied());
        !made.survey().quiet.silent.is_empty()
    };
    let daily: Vec<Date> = nov(1..=10).collect();
    assert_eq!((is_silent(&daily, 14), is_silent(&daily, 15)), (false, true));
    // 2-6 and 9-13 Nov 2026 are Mondays to Fridays.
    let weekdays: Vec<Date> = nov(2..=6).chain(nov(9..=13)).collect();
    assert_eq!(
        (is_silent(&weekdays, 19), is_silent(&weekdays, 20)),
        (false, true)
    );
}

#[test]
fn reporter_with_fewer_than_eight_known_days_in_28_is_not_watched() {
    for (days, is_watched) in [(nov(1..=7), false), (nov(1..=8), true)] {
        let mut made = asked_on(20);
        reports(&mut made, "google.com", days);
        let survey = made.survey();
        assert_eq!(state(&survey, "google.com").is_watched, is_watched);
        assert_eq!(state(&survey, "google.com").silence.is_some(), is_watched);
    }
}

#[test]
fn reporter_that_is_gone_for_sixty_days_is_no_longer_told() {
    for (today, is_told) in [(date(2027, 1, 9), true), (date(2027, 1, 10), false)] {
        let mut made = asked_on(20);
        made.history.today = today;
        reports(&mut made, "google.com", nov(1..=10));
        assert_eq!(made.survey().quiet.silent.len(), usize::from(is_told), "{today}");
    }
}

#[test]
fn two_silent_reporters_are_our_side() {
    let mut made = asked_on(20);
    reports(&mut made, "google.com", nov(1..=18));
    reports(&mut made, "microsoft.com", nov(1..=12));
    reports(&mut made, "mail.ru", nov(1..=12));
    let quiet = made.survey().quiet;
    assert_eq!(quiet.silent, ["mail.ru", "microsoft.com"]);
    assert!(quiet.is_ours());
    assert_eq!(quiet.none_for_days, None);
}

#[test]
fn no_report_at_all_for_three_days_is_our_side() {
    for (today, expected) in [(13, None), (14, Some(3)), (15, Some(4))] {
        let mut made = asked_on(today);
        reports(&mut made, "google.com", nov(1..=10));
        let quiet = made.survey().quiet;
        assert_eq!(quiet.none_for_days, expected, "{today}");
        assert_eq!(quiet.is_ours(), expected.is_some());
    }
}

#[test]
fn weekend_without_reports_is_not_our_side_where_every_weekend_is_so() {
    // Asked on Tuesday: Saturday to Monday are missing; on Wednesday Monday's should be there.
    for (today, expected) in [(17, None), (18, Some(4))] {
        let mut made = asked_on(today);
        reports(&mut made, "google.com", nov(2..=6));
        reports(&mut made, "google.com", nov(9..=13));
        assert_eq!(made.survey().quiet.none_for_days, expected, "{today}");
    }
}

#[test]
fn few_reports_before_make_no_alarm() {
    let mut made = asked_on(16);
    reports(&mut made, "google.com", nov(5..=10));
    assert_eq!(made.survey().quiet.none_for_days, None);
}

#[test]
fn silence_of_those_that_send_tlsa_points_to_dnssec_unless_google_is_among_them() {
    let suspects = |google_until: i8| {
        let mut made = asked_on(20);
        let records = tlsa(&["3 1 1 aa"]);
        reports(&mut made, "mail.ru", nov(1..=18));
        reports(&mut made, "google.com", nov(1..=google_until));
        made.reports(nov(1..=12), "microsoft.com", "example.com", &records, 5)
            .reports(nov(1..=12), "post.example.net", "example.com", &records, 5);
        made.survey().quiet.suspects_dnssec
    };
    assert!(suspects(18));
    assert!(!suspects(12));
}

#[test]
fn one_good_connection_a_day_for_seven_days_is_a_loop() {
    let is_loop = |days: std::ops::RangeInclusive<i8>, ok: u64, failed: u64| {
        let mut made = asked_on(20);
        for day in nov(days) {
            made.report(day, "mx.example.net", "example.com", &not_found(), (ok, failed));
        }
        made.survey().reporters[0].is_loop_only
    };
    assert!(is_loop(12..=18, 1, 0));
    assert!(!is_loop(13..=18, 1, 0), "six days");
    assert!(!is_loop(12..=18, 2, 0), "two a day");
    assert!(!is_loop(12..=18, 0, 1), "failed");
}

#[test]
fn day_is_complete_when_all_that_report_regularly_are_past_it_or_after_three_days() {
    let newest = |google: i8, microsoft: i8, today: i8| {
        let mut made = asked_on(today);
        reports(&mut made, "google.com", nov(1..=google));
        reports(&mut made, "microsoft.com", nov(1..=microsoft));
        made.survey().completeness.newest_day.unwrap()
    };
    assert_eq!(newest(18, 18, 20), date(2026, 11, 18));
    assert_eq!(newest(19, 18, 20), date(2026, 11, 18));
    assert_eq!(newest(18, 16, 20), date(2026, 11, 17), "three days have passed");
    assert_eq!(newest(20, 20, 20), date(2026, 11, 19), "today isn't over");
}

#[test]
fn silent_reporter_is_not_waited_for() {
    let mut made = asked_on(19);
    reports(&mut made, "google.com", nov(1..=18));
    reports(&mut made, "mail.ru", nov(1..=12));
    let completeness = made.survey().completeness;
    assert_eq!(completeness.newest_day, Some(date(2026, 11, 18)));
    let awaited: Vec<bool> = completeness
        .reporters
        .iter()
        .map(|reporter| reporter.is_awaited)
        .collect();
    assert_eq!(awaited, [true, false]);
}

#[test]
fn foreign_domains_do_not_break_silence() {
    let mut made = asked_on(19);
    reports(&mut made, "google.com", nov(1..=10));
    made.reports(
        nov(11..=18),
        "google.com",
        "example.net",
        &sts("enforce", &["mx.example.net"], 1),
        5,
    );
    assert_eq!(made.survey().quiet.silent, ["google.com"]);
}

#[test]
fn empty_history_has_no_complete_day_and_no_silence() {
    let survey = asked_on(20).survey();
    assert_eq!(survey.completeness.newest_day, None);
    assert_eq!(survey.quiet, Quiet::default());
}
