//! What retention removes and what it keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::super::slices::Slice;
use super::super::{Content, Delivery};
use super::{NOW, Place, at, composed, failing, mail, mail_of, policy, question, report_of};
use crate::config::{DomainsConfig, Span};

/// 30 days before this, everything of [`NOW`] is gone.
const LATER: &str = "2026-12-20T00:00:00Z";

#[test]
fn retention_removes_reports_and_mails_and_keeps_failure_types_with_their_days() {
    let mut place = Place::new();
    for day in ["2026-11-18", "2026-11-20"] {
        place.record(&[mail(&[failing(day, day, "certificate-expired")])]);
    }
    let removed = place.store.retain(Span::Days(10), at(LATER)).unwrap();
    assert_eq!(removed, 2);
    for table in [
        "mail",
        "mail_report",
        "report",
        "report_json",
        "policy_result",
        "failure",
        "policy",
        "sender",
    ] {
        assert_eq!(
            place.row(&format!("SELECT count(*) FROM {table}")),
            "0",
            "{table}"
        );
    }
    assert_eq!(
        place.rows("SELECT result_type, first_day, last_day FROM failure_types"),
        ["certificate-expired|2026-11-18|2026-11-20"]
    );
}

#[test]
fn retention_lets_others_write_between_slices() {
    let mut place = Place::new();
    let mails: Vec<_> = (0..150)
        .map(|n| mail(&[failing(&n.to_string(), "2026-11-18", "certificate-expired")]))
        .collect();
    place.record(&mails);
    let commits = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&commits);
    let hook = move || {
        seen.fetch_add(1, Ordering::Relaxed);
        false
    };
    place.store.db.commit_hook(Some(hook)).unwrap();
    let removed = place.store.retain(Span::Days(10), at(LATER)).unwrap();
    assert_eq!(removed, 150);
    // Reports and mails in two slices each at least, then policies, senders and templates.
    assert!(commits.load(Ordering::Relaxed) >= 7, "{commits:?}");
}

#[test]
fn report_that_says_it_ends_in_a_century_goes_by_the_day_on_which_it_was_stored() {
    let mut place = Place::new();
    let mut report = failing("1", "2026-11-18", "certificate-expired");
    report["date-range"]["end-datetime"] = "2099-12-31T23:59:59Z".into();
    place.record(&[mail(&[report])]);
    assert_eq!(place.store.retain(Span::Days(10), at(LATER)).unwrap(), 1);
}

/// How many steps SQLite takes to remove ten old reports and their mails beside so many that stay.
fn steps(n_staying: u32) -> u64 {
    let mut place = Place::new();
    let mail_of_day = |n: u32, day: &str| mail(&[failing(&n.to_string(), day, "certificate-expired")]);
    for (day, n, now) in [
        ("2026-11-18", 10, "2026-11-19T06:00:00Z"),
        ("2026-12-18", n_staying, "2026-12-19T06:00:00Z"),
    ] {
        let mails: Vec<_> = (0..n).map(|n| mail_of_day(n, day)).collect();
        place.store.record(&mails, None, Span::Forever, at(now)).unwrap();
    }
    place
        .store
        .assess("2026-12-19".parse().unwrap(), &DomainsConfig::default())
        .unwrap();
    place.store.sum_up().unwrap();
    let steps = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&steps);
    let count = move || {
        seen.fetch_add(1, Ordering::Relaxed);
        false
    };
    place.store.db.progress_handler(1, Some(count)).unwrap();
    let removed = place.store.retain(Span::Days(10), at(LATER)).unwrap();
    let steps = steps.load(Ordering::Relaxed);
    assert_eq!(removed, 10);
    assert_eq!(place.row("SELECT count(*) FROM mails"), n_staying.to_string());
    steps
}

#[test]
fn removing_reports_takes_no_longer_where_more_of_them_stay() {
    let [few, many] = [20, 400].map(steps);
    assert!(many < few.saturating_add(400), "{few} steps, then {many}");
}

#[test]
fn what_takes_long_is_followed_by_less_and_what_is_quick_by_more() {
    let after = |took| Slice(100).after(Duration::from_millis(took)).0;
    assert_eq!([1, 20, 60].map(after), [200, 100, 25]);
    assert_eq!(Slice(10).after(Duration::from_secs(1)).0, 10);
    assert_eq!(Slice(1000).after(Duration::ZERO).0, 1000);
}

#[test]
fn a_failure_that_comes_back_after_retention_keeps_its_first_day() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-18", "certificate-expired")])]);
    place.store.retain(Span::Days(10), at(LATER)).unwrap();
    place.record(&[mail(&[failing("2", "2026-12-18", "certificate-expired")])]);
    assert_eq!(
        place.row("SELECT first_day, last_day FROM failure_types"),
        "2026-11-18|2026-12-18"
    );
}

#[test]
fn a_conflict_lost_after_retention_leaves_the_days_that_retention_removed() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-18", "certificate-expired")])]);
    place.store.retain(Span::Days(10), at(LATER)).unwrap();
    place.record(&[mail(&[failing("2", "2026-12-18", "certificate-expired")])]);
    let winner = report_of("2", "2026-12-18", json!([policy("sts", 99, 0, json!([]))]));
    place.record(&[mail(&[winner])]);
    assert_eq!(
        place.row("SELECT first_day, last_day FROM failure_types"),
        "2026-11-18|2026-11-18"
    );
}

#[test]
fn retention_keeps_what_is_on_its_first_day() {
    let mut place = Place::new();
    for day in ["2026-12-09", "2026-12-10"] {
        place.record(&[mail(&[failing(day, day, "certificate-expired")])]);
    }
    assert_eq!(place.store.retain(Span::Days(10), at(LATER)).unwrap(), 1);
    assert_eq!(place.rows("SELECT day FROM reports"), ["2026-12-10"]);
}

#[test]
fn what_retention_removed_is_too_old_when_it_comes_again() {
    let mut place = Place::new();
    let report = failing("1", "2026-12-09", "certificate-expired");
    place.record(&[mail(std::slice::from_ref(&report))]);
    place.store.retain(Span::Days(10), at(LATER)).unwrap();
    let tally = place
        .store
        .record(&[mail(&[report])], None, Span::Days(10), at(LATER))
        .unwrap();
    assert_eq!((tally.stored, tally.too_old), (0, 1));
}

#[test]
fn for_ever_keeps_everything_but_the_bytes_of_rejected_mails() {
    let mut place = Place::new();
    let mut rejected = mail_of(Content::Rejected("cut off".to_owned()));
    rejected.raw = Some(b"raw".to_vec());
    place.record(&[
        mail(&[failing("1", "2026-11-18", "certificate-expired")]),
        rejected,
    ]);
    let counts =
        "SELECT (SELECT count(*) FROM report), (SELECT count(*) FROM mail), (SELECT count(*) FROM raw_mail)";
    // Processed at NOW, kept for 30 days.
    for (moment, expected) in [
        ("2026-12-22T06:00:00Z", "1|2|1"),
        ("2026-12-22T06:00:01Z", "1|2|0"),
    ] {
        place.store.retain(Span::Forever, at(moment)).unwrap();
        assert_eq!(place.row(counts), expected, "{moment}");
    }
}

#[test]
fn old_digests_go_but_not_the_newest_and_none_that_is_not_sent() {
    let mut place = Place::new();
    let recipients = ["ops@example.org".to_owned()];
    for (due_at, is_sent) in [
        ("2026-11-20T07:00:00Z", true),
        ("2026-11-21T07:00:00Z", false),
        ("2026-11-22T07:00:00Z", true),
    ] {
        place
            .store
            .fix_digest(&question(due_at, &recipients), |_| Some(composed(due_at)))
            .unwrap();
        let id: i64 = place.row("SELECT max(id) FROM digest").parse().unwrap();
        if is_sent {
            place
                .store
                .delivered(id, "ops@example.org", Delivery::Accepted, at(due_at))
                .unwrap();
            assert!(place.store.end_round(id, at(due_at)).unwrap());
        }
    }
    place.store.retain(Span::Days(10), at(LATER)).unwrap();
    assert_eq!(place.rows("SELECT id FROM digests"), ["2", "3"]);
}

#[test]
fn an_announced_failure_stays_announced_when_its_digest_is_gone() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    place
        .store
        .db
        .execute_batch(&format!(
            "INSERT INTO digest VALUES (1, 'default', 'daily', '{NOW}', 0, 1, 0, 1, 'a', '', x'', '{NOW}'),
                                       (2, 'default', 'daily', '{NOW}', 1, 1, 1, 1, 'b', '', x'', '{NOW}');
             UPDATE failure_type SET announced = 1, announced_at = '{NOW}'"
        ))
        .unwrap();
    place.store.retain(Span::Days(10), at(LATER)).unwrap();
    assert_eq!(place.rows("SELECT id FROM digests"), ["2"]);
    assert_eq!(
        place.row("SELECT announced, announced_at FROM failure_type"),
        format!("NULL|{NOW}")
    );
}
