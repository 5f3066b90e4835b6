//! When reports that aren't proven count as before, and who can't bring it about.

use serde_json::json;

use super::set_aside::set_free::{arrives, nov, report_on};
use super::set_aside::{by, unproven};
use super::{Place, policy, report_of};
use crate::config::Span;

/// A reporter has proven reports on these days of November.
fn proven_on(place: &mut Place, days: &[u32], reporter: &str) {
    for day in days {
        arrives(place, *day..=*day, reporter, true);
    }
}

#[test]
fn forged_days_of_reporters_that_write_seldom_set_nothing_free() {
    let mut place = Place::new();
    proven_on(&mut place, &[1, 4, 7, 10, 13, 16, 19, 22, 25], "a.example");
    proven_on(&mut place, &[2, 6, 10, 14, 18, 22], "b.example");
    for reporter in ["a.example", "b.example"] {
        for day in 1..=25 {
            let (text, now) = nov(day);
            let mut forged = report_on(&text, reporter);
            forged["report-id"] = json!(format!("forged {day}"));
            let mail = by(unproven("none", &forged), reporter);
            place.store.record(&[mail], None, Span::Forever, now).unwrap();
            assert_eq!(place.store.set_free(now).unwrap(), 0, "day {day}");
        }
    }
    assert_eq!(place.store.unproven(nov(25).1).unwrap(), None);
}

#[test]
fn broken_signatures_of_reporters_that_write_seldom_are_noticed() {
    let mut place = Place::new();
    proven_on(&mut place, &[1, 3, 5, 7, 9, 11, 13], "a.example");
    for day in [15, 17, 19, 21, 23] {
        arrives(&mut place, day..=day, "a.example", false);
        place.store.set_free(nov(day).1).unwrap();
    }
    assert_eq!(
        place.row("SELECT count(*) FROM reports WHERE authentication = 'failed'"),
        "5"
    );
}

#[test]
fn no_more_of_a_reporter_domain_and_day_count_as_before_than_usual() {
    let mut place = Place::new();
    arrives(&mut place, 1..=10, "a.example", true);
    arrives(&mut place, 11..=18, "a.example", false);
    let (day, now) = nov(18);
    for n in 0..5 {
        let forged = report_of(&format!("x{n}"), &day, json!([policy("sts", 999, 0, json!([]))]));
        let mail = by(unproven("none", &forged), "a.example");
        place.store.record(&[mail], None, Span::Forever, now).unwrap();
    }
    assert_eq!(place.store.set_free(now).unwrap(), 8);
    assert_eq!(place.row("SELECT max(ok) FROM domain_days"), "5");
    // Nor do they at the next look.
    arrives(&mut place, 19..=19, "a.example", false);
    assert_eq!(place.store.set_free(nov(19).1).unwrap(), 1);
}

#[test]
fn what_was_set_free_makes_no_room_for_more() {
    let mut place = Place::new();
    arrives(&mut place, 1..=5, "a.example", true);
    arrives(&mut place, 6..=16, "a.example", false);
    assert!(place.store.set_free(nov(16).1).unwrap() > 0);
    // It writes again, on every third day, and forged reports fill the others.
    for day in [18, 21, 24, 27] {
        arrives(&mut place, day..=day, "a.example", true);
        arrives(&mut place, day + 1..=day + 2, "a.example", false);
    }
    assert_eq!(place.store.set_free(nov(28).1).unwrap(), 0);
}

#[test]
fn look_that_failed_is_repeated() {
    let mut place = Place::new();
    arrives(&mut place, 1..=10, "a.example", true);
    arrives(&mut place, 11..=18, "a.example", false);
    place
        .store
        .db
        .execute_batch(
            "CREATE TEMP TRIGGER refuse BEFORE UPDATE OF set_free ON report BEGIN SELECT raise(ABORT, 'no'); END",
        )
        .unwrap();
    place.store.set_free(nov(18).1).unwrap_err();
    place.store.db.execute_batch("DROP TRIGGER temp.refuse").unwrap();
    assert_eq!(place.store.set_free(nov(18).1).unwrap(), 8);
}
