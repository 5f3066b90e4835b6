//! Reporters that show an old policy, or two.

use std::rc::Rc;

use super::*;

/// Google changes on 12 Nov; Microsoft shows the old text up to a day.
fn lagging(until: i8, max_age: u64) -> Made {
    let (old, new) = (sts("testing", &MX, max_age), sts("enforce", &MX, max_age));
    let mut made = Made::on(date(2026, 11, 30), &["example.com"], &[]);
    made.reports(nov(1..=11), "google.com", "example.com", &old, 5)
        .reports(nov(12..=28), "google.com", "example.com", &new, 5)
        .reports(nov(1..=until), "microsoft.com", "example.com", &old, 5)
        .reports(nov(until + 1..=28), "microsoft.com", "example.com", &new, 5);
    made
}

#[test]
fn laggard_shows_the_old_text_three_days_after_the_change() {
    assert!(
        !names(&lagging(14, 86_400))
            .iter()
            .any(|event| event.0 == "laggard")
    );
    let laggard = ("laggard", date(2026, 11, 15), "microsoft.com".to_owned());
    assert_eq!(names(&lagging(16, 86_400))[1..], [laggard]);
}

#[test]
fn laggard_goes_on_until_it_shows_the_new_text() {
    let outdated = |until: i8, on: Date| {
        let mut made = Made::on(on, &["example.com"], &[]);
        let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
        made.reports(nov(1..=11), "google.com", "example.com", &old, 5)
            .reports(nov(12..=24), "google.com", "example.com", &new, 5)
            .reports(nov(1..=until), "microsoft.com", "example.com", &old, 5)
            .reports(nov(until + 1..=24), "microsoft.com", "example.com", &new, 5);
        made.survey().domains[0].policy.outdated.clone()
    };
    let day = |day| date(2026, 11, day);
    assert!(outdated(14, day(26)).is_empty(), "no laggard yet");
    assert!(outdated(16, day(26)).is_empty(), "it shows the new text");
    let still = |is_stale, last_day| Outdated {
        reporter: "microsoft.com".to_owned(),
        changed: day(12),
        last_day,
        is_stale,
    };
    assert_eq!(outdated(24, day(26)), [still(true, day(24))]);
    assert!(outdated(24, date(2026, 12, 9)).is_empty(), "it reports no more");
}

#[test]
fn reporter_that_is_not_watched_is_no_laggard() {
    let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
    let mut made = made();
    made.reports(nov(1..=11), "google.com", "example.com", &old, 5)
        .reports(nov(12..=18), "google.com", "example.com", &new, 5)
        .reports(nov(15..=16), "post.example.net", "example.com", &old, 5);
    assert_eq!(names(&made).len(), 1);
}

#[test]
fn old_text_is_stale_beyond_its_max_age_and_seven_days_at_least() {
    let stale = |until: i8, max_age: u64| {
        let survey = lagging(until, max_age).survey();
        let stale = survey.domains[0].policy.stale.iter();
        stale.map(|stale| stale.day).collect::<Vec<_>>()
    };
    assert!(stale(19, 86_400).is_empty(), "seven days after the change");
    assert_eq!(stale(21, 86_400), [date(2026, 11, 20), date(2026, 11, 21)]);
    assert!(stale(22, 864_000).is_empty());
    assert_eq!(stale(23, 864_000), [date(2026, 11, 23)]);
}

#[test]
fn old_text_that_lacks_a_failing_mx_is_stale_at_once() {
    let (old, new) = (
        sts("enforce", &MX, 2_592_000),
        sts("enforce", &["mx9.example.com"], 2_592_000),
    );
    let mut made = made();
    made.reports(nov(1..=11), "google.com", "example.com", &old, 5)
        .reports(nov(12..=18), "google.com", "example.com", &new, 5)
        .reports(nov(1..=14), "microsoft.com", "example.com", &old, 5)
        .report(date(2026, 11, 15), "microsoft.com", "example.com", &old, (0, 9))
        .failure(Cause::MxNotInPolicy, "mx9.example.com", 9);
    let stale = made.survey().domains.remove(0).policy.stale;
    let day = date(2026, 11, 15);
    assert_eq!(stale.iter().map(|stale| stale.day).collect::<Vec<_>>(), [day]);
}

#[test]
fn two_texts_a_day_are_normal_around_a_change_and_odd_on_three_days_running() {
    let (a, b) = (
        sts("enforce", &MX, 86_400),
        sts("enforce", &["mx1.example.com", "mx2.example.com"], 86_400),
    );
    let events = |until: i8| {
        let mut made = made();
        made.reports(nov(1..=18), "google.com", "example.com", &b, 5)
            .reports(nov(1..=until), "google.com", "example.com", &a, 5);
        let events = names(&made).into_iter();
        events
            .filter(|event| event.0 == "two answers")
            .map(|event| event.1)
            .collect::<Vec<_>>()
    };
    assert!(events(2).is_empty());
    assert_eq!(events(3), [date(2026, 11, 3)]);
    assert_eq!(events(9), [date(2026, 11, 3)], "once");
}

#[test]
fn what_two_reporters_show_from_the_first_days_on_is_no_change() {
    let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
    let mut made = made();
    made.reports(nov(4..=18), "google.com", "example.com", &new, 5)
        .reports(nov(5..=18), "microsoft.com", "example.com", &old, 5);
    assert!(names(&made).is_empty(), "which is the older one can't be told");
    made.reports(nov(19..=19), "google.com", "example.com", &old, 5);
    assert_eq!(names(&made).len(), 1, "but who goes from one to the other can be");
}

#[test]
fn days_of_an_old_policy_beyond_its_time_are_a_problem_and_nothing_else_is() {
    let count = |until: i8| {
        let mut history = lagging(until, 86_400).history;
        let n_before = history.failures.len();
        mark_stale(&mut history);
        mark_stale(&mut history);
        history.failures.len() - n_before
    };
    assert_eq!(count(19), 0);
    assert_eq!(count(22), 3, "20 to 22 November, each once");
}

#[test]
fn each_text_has_its_days_by_reporter() {
    let made = lagging(14, 86_400);
    let seen: Vec<(String, String, Date, Date, u64)> = made.survey().domains[0]
        .policy
        .seen
        .iter()
        .map(|seen| {
            (
                seen.reporter.clone(),
                seen.policy.mode.clone(),
                seen.first_day,
                seen.last_day,
                seen.days,
            )
        })
        .collect();
    let day = |day| date(2026, 11, day);
    assert_eq!(
        seen,
        [
            ("google.com".to_owned(), "testing".to_owned(), day(1), day(11), 11),
            (
                "microsoft.com".to_owned(),
                "testing".to_owned(),
                day(1),
                day(14),
                14
            ),
            (
                "google.com".to_owned(),
                "enforce".to_owned(),
                day(12),
                day(28),
                17
            ),
            (
                "microsoft.com".to_owned(),
                "enforce".to_owned(),
                day(15),
                day(28),
                14
            ),
        ]
    );
}

/// An entry's policy without `max_age`.
fn ageless() -> Rc<PolicyText> {
    policy("sts", Some("enforce"), &["mode: enforce", "mx: mx1.example.com"])
}

/// Google changes `max_age` alone on 10 Nov; another reporter never shows it, and a third one follows on 22 Nov.
fn ages() -> Made {
    let (old, new) = (sts("enforce", &MX, 86_400), sts("enforce", &MX, 604_800));
    let mut made = Made::on(date(2026, 11, 30), &["example.com"], &[]);
    made.reports(nov(1..=29), "a.example", "example.com", &ageless(), 5)
        .reports(nov(1..=9), "google.com", "example.com", &old, 5)
        .reports(nov(10..=29), "google.com", "example.com", &new, 5)
        .reports(nov(1..=21), "third.example", "example.com", &old, 5)
        .reports(nov(22..=29), "third.example", "example.com", &new, 5)
        .reports(nov(1..=29), "z.example", "example.com", &ageless(), 5);
    made
}

#[test]
fn reporter_that_leaves_max_age_out_is_not_late_when_it_alone_changes() {
    let made = ages();
    let policy = made.survey().domains.remove(0).policy;
    assert!(policy.outdated.is_empty(), "{:?}", policy.outdated);
    assert!(policy.stale.iter().all(|stale| stale.reporter == "third.example"));
    assert_eq!(
        names(&made),
        [
            ("changed", date(2026, 11, 10), "google.com".to_owned()),
            ("laggard", date(2026, 11, 13), "third.example".to_owned()),
        ]
    );
}

#[test]
fn reporter_that_shows_an_old_max_age_is_late_beside_one_that_leaves_it_out() {
    let mut history = ages().history;
    mark_stale(&mut history);
    let stale = history.failures.iter().map(|failure| {
        let entry = &history.entries[failure.entry];
        (entry.reporter.to_string(), entry.day)
    });
    let third = nov(18..=21).map(|day| ("third.example".to_owned(), day));
    assert_eq!(stale.collect::<Vec<_>>(), third.collect::<Vec<_>>());
}

#[test]
fn reporter_that_leaves_max_age_out_is_not_late_when_it_changes_back() {
    let (old, new) = (sts("enforce", &MX, 86_400), sts("enforce", &MX, 604_800));
    let mut made = Made::on(date(2026, 11, 30), &["example.com"], &[]);
    made.reports(nov(1..=9), "google.com", "example.com", &old, 5)
        .reports(nov(10..=14), "google.com", "example.com", &new, 5)
        .reports(nov(15..=29), "google.com", "example.com", &old, 5)
        .reports(nov(1..=29), "z.example", "example.com", &ageless(), 5);
    let policy = made.survey().domains.remove(0).policy;
    assert_eq!((policy.outdated, policy.stale), (vec![], vec![]));
    assert!(names(&made).iter().all(|event| event.0 == "changed"));
}

#[test]
fn what_is_late_is_the_same_in_whichever_order_a_report_shows_two_texts() {
    let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
    let n_stale = |first: &Rc<PolicyText>, second: &Rc<PolicyText>, others_between: bool| {
        let mut made = Made::on(date(2026, 11, 30), &["example.com"], &[]);
        let other = |made: &mut Made, days| {
            made.reports(days, "other.example", "example.com", &old, 5);
        };
        made.reports(nov(1..=9), "google.com", "example.com", &old, 5)
            .reports(nov(10..=10), "google.com", "example.com", &new, 5);
        other(&mut made, nov(1..=10));
        made.reports(nov(11..=11), "google.com", "example.com", first, 5);
        if others_between {
            other(&mut made, nov(11..=29));
        }
        made.reports(nov(11..=11), "google.com", "example.com", second, 5);
        if !others_between {
            other(&mut made, nov(11..=29));
        }
        mark_stale(&mut made.history);
        made.history.failures.len()
    };
    for others_between in [false, true] {
        assert_eq!(n_stale(&new, &old, others_between), 12, "18 to 29 November");
        assert_eq!(n_stale(&old, &new, others_between), 12, "18 to 29 November");
    }
}

#[test]
fn who_shows_two_texts_and_then_the_old_one_alone_has_gone_back() {
    let (old, new) = (sts("testing", &MX, 86_400), sts("enforce", &MX, 86_400));
    let mut made = Made::on(date(2026, 11, 30), &["example.com"], &[]);
    made.reports(nov(1..=9), "google.com", "example.com", &old, 5)
        .reports(nov(10..=11), "google.com", "example.com", &new, 5)
        .reports(nov(11..=29), "google.com", "example.com", &old, 5)
        .reports(nov(1..=9), "other.example", "example.com", &old, 5)
        .reports(nov(10..=29), "other.example", "example.com", &new, 5);
    mark_stale(&mut made.history);
    assert_eq!(made.history.failures.len(), 10, "20 to 29 November");
}
