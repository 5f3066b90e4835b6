//! Where most signatures fail, reports count as before.

use super::*;

/// Day `n` of November 2026, and a moment on the day after.
pub(in crate::store::tests) fn nov(n: u32) -> (String, jiff::Timestamp) {
    (
        format!("2026-11-{n:02}"),
        at(&format!("2026-11-{:02}T06:00:00Z", n.saturating_add(1))),
    )
}

pub(in crate::store::tests) fn report_on(day: &str, reporter: &str) -> Value {
    report_of(
        &format!("{day} {reporter}"),
        day,
        json!([policy("sts", 5, 0, json!([]))]),
    )
}

/// A mail of a reporter, of each of these days; proven or not.
pub(in crate::store::tests) fn arrives(
    place: &mut Place,
    days: std::ops::RangeInclusive<u32>,
    reporter: &str,
    is_proven: bool,
) {
    for n in days {
        let (day, now) = nov(n);
        let report = report_on(&day, reporter);
        let mail = if is_proven {
            proven(&report)
        } else {
            unproven("failed", &report)
        };
        place
            .store
            .record(&[by(mail, reporter)], None, Span::Forever, now)
            .unwrap();
    }
}

const COUNTED: &str = "SELECT count(*) FROM reports";

#[test]
fn where_most_reports_of_known_reporters_fail_they_count_as_before() {
    let mut place = Place::new();
    arrives(&mut place, 1..=10, "a.example", true);
    arrives(&mut place, 11..=15, "a.example", false);
    assert_eq!(place.store.set_free(nov(15).1).unwrap(), 0);
    assert_eq!(place.row(COUNTED), "10");
    arrives(&mut place, 16..=18, "a.example", false);
    assert_eq!(place.store.set_free(nov(18).1).unwrap(), 8);
    assert_eq!(place.row(COUNTED), "18");
    let unproven = place.store.unproven(nov(18).1).unwrap().unwrap();
    assert!(unproven.counted && unproven.failing == 8, "{unproven:?}");
    // Another day's comes.
    arrives(&mut place, 19..=19, "a.example", false);
    assert_eq!(place.store.set_free(nov(19).1).unwrap(), 1);
    // It is mended.
    arrives(&mut place, 20..=24, "a.example", true);
    assert_eq!(place.store.unproven(nov(24).1).unwrap(), None);
}

#[test]
fn reports_are_looked_at_again_when_something_came_or_a_day_has_passed() {
    let mut place = Place::new();
    arrives(&mut place, 1..=10, "a.example", true);
    arrives(&mut place, 11..=15, "a.example", false);
    assert_eq!(place.store.set_free(nov(15).1).unwrap(), 0);
    // Nothing new, and what changes meanwhile by other hands is seen on the next day at the latest.
    place
        .store
        .db
        .execute(
            "DELETE FROM report WHERE day < '2026-11-11' AND day > '2026-11-04'",
            (),
        )
        .unwrap();
    assert_eq!(place.store.set_free(nov(15).1).unwrap(), 0);
    assert_eq!(place.store.set_free(nov(16).1).unwrap(), 5);
}

#[test]
fn forged_reports_set_nothing_free() {
    let mut place = Place::new();
    arrives(&mut place, 1..=20, "a.example", true);
    arrives(&mut place, 2..=2, "rare.example", true);
    arrives(&mut place, 7..=20, "a.example", false);
    arrives(&mut place, 7..=20, "rare.example", false);
    for stranger in ["b.example", "c.example", "d.example"] {
        arrives(&mut place, 7..=20, stranger, false);
    }
    assert_eq!(place.store.set_free(nov(20).1).unwrap(), 0);
    assert_eq!(place.store.unproven(nov(20).1).unwrap(), None);
}

#[test]
fn new_installation_tells_that_most_fail_and_sets_nothing_free() {
    let mut place = Place::new();
    arrives(&mut place, 18..=20, "a.example", false);
    assert_eq!(place.store.set_free(nov(20).1).unwrap(), 0);
    let unproven = place.store.unproven(nov(20).1).unwrap().unwrap();
    assert_eq!((unproven.failing, unproven.all, unproven.counted), (3, 3, false));
}

#[test]
fn report_that_another_of_its_identity_beats_is_not_set_free() {
    let mut place = Place::new();
    arrives(&mut place, 1..=10, "a.example", true);
    arrives(&mut place, 11..=17, "a.example", false);
    // One about the 18th counts anyhow, another of its identity says less.
    let (day, now) = nov(18);
    let id = format!("{day} a.example");
    let of = |ok: u64| report_of(&id, &day, json!([policy("sts", ok, 0, json!([]))]));
    for mail in [unchecked(&of(9)), unproven("failed", &of(1))] {
        let mail = by(mail, "a.example");
        place.store.record(&[mail], None, Span::Forever, now).unwrap();
    }
    assert_eq!(place.store.set_free(now).unwrap(), 7);
    assert_eq!(
        place.rows("SELECT status || ' ' || set_free FROM report WHERE day = '2026-11-18' ORDER BY id"),
        ["counted 0", "conflict 0"]
    );
}
