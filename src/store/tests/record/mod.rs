//! What becomes of mails and reports.

use serde_json::{Value, json};

use super::super::{Content, CursorMove, FolderKey, IncomingMail, IncomingReport, StoreError, Tally};
use super::{NOW, Place, at, detail, failing, mail, mail_of, policy, question, report_of};
use crate::config::Span;

mod batch;
mod entries;

const DAY: &str = "2026-11-20";

/// A store that holds these mails, recorded one after the other.
fn place(mails: &[IncomingMail]) -> Place {
    let mut place = Place::new();
    for mail in mails {
        place.record(std::slice::from_ref(mail));
    }
    place
}

#[test]
fn a_report_that_comes_twice_is_stored_once() {
    let report = failing("1", DAY, "certificate-expired");
    let mut place = Place::new();
    let first = place.record(&[mail(std::slice::from_ref(&report))]);
    let again = place.record(&[mail(std::slice::from_ref(&report))]);
    assert_eq!((first.stored, first.duplicates), (1, 0));
    assert_eq!((again.stored, again.duplicates), (0, 1));
    assert_eq!(place.rows("SELECT id, status FROM reports_all"), ["1|counted"]);
    assert_eq!(
        place.rows("SELECT mail, report, outcome FROM mail_reports"),
        ["1|1|stored", "2|1|duplicate"]
    );
    assert_eq!(place.rows("SELECT outcome FROM mails"), ["stored", "duplicate"]);
    assert_eq!(place.row("SELECT count(*) FROM failures"), "1");
}

#[test]
fn a_report_twice_in_one_mail_is_stored_once() {
    let report = failing("1", DAY, "certificate-expired");
    let place = place(&[mail(&[report.clone(), report])]);
    assert_eq!(
        place.rows("SELECT outcome FROM mail_reports"),
        ["stored", "duplicate"]
    );
    assert_eq!(place.row("SELECT outcome FROM mails"), "stored");
    assert_eq!(place.row("SELECT count(*) FROM reports_all"), "1");
}

/// Both orders of arrival of two mails.
fn both_orders(one: &Value, other: &Value) -> [Place; 2] {
    let mails = [mail(std::slice::from_ref(one)), mail(std::slice::from_ref(other))];
    let swapped = [mail(std::slice::from_ref(other)), mail(std::slice::from_ref(one))];
    [place(&mails), place(&swapped)]
}

#[test]
fn of_two_reports_in_conflict_the_one_with_more_sessions_counts_whichever_comes_first() {
    let less = report_of("1", DAY, json!([policy("sts", 5, 0, json!([]))]));
    let more = report_of("1", DAY, json!([policy("sts", 6, 0, json!([]))]));
    for place in both_orders(&less, &more) {
        assert_eq!(place.row("SELECT ok FROM domain_days"), "6");
        assert_eq!(
            place.rows(
                "SELECT reports_all.status, mail_reports.outcome, mails.outcome FROM reports_all
                 JOIN mail_reports ON mail_reports.report = reports_all.id
                 JOIN mails ON mails.id = mail_reports.mail ORDER BY reports_all.status"
            ),
            ["conflict|conflict|conflict", "counted|stored|stored"]
        );
        assert_eq!(place.row("SELECT count(*) FROM reports"), "1");
    }
}

#[test]
fn of_two_reports_in_conflict_with_equal_sessions_the_smaller_hash_counts_whichever_comes_first() {
    let one = report_of("1", DAY, json!([policy("sts", 5, 1, json!([]))]));
    let other = report_of("1", DAY, json!([policy("sts", 1, 5, json!([]))]));
    let counted = both_orders(&one, &other).map(|place| {
        let smaller = place.row("SELECT id FROM report ORDER BY content LIMIT 1");
        assert_eq!(place.row("SELECT id FROM reports"), smaller);
        place.row("SELECT json FROM reports")
    });
    assert_eq!(counted[0], counted[1]);
}

#[test]
fn a_report_that_lost_takes_its_failure_types_and_days_with_it() {
    let kinds = ["certificate-expired", "validation-failure"];
    let lost = report_of(
        "1",
        "2026-11-18",
        json!([policy("sts", 5, 2, json!(kinds.map(|kind| detail(kind, 1))))]),
    );
    let won = report_of("1", "2026-11-18", json!([policy("sts", 99, 0, json!([]))]));
    let elsewhere = failing("2", "2026-11-20", "certificate-expired");
    for (first, second) in [(&lost, &won), (&won, &lost)] {
        let place = place(&[
            mail(std::slice::from_ref(first)),
            mail(std::slice::from_ref(&elsewhere)),
            mail(std::slice::from_ref(second)),
        ]);
        assert_eq!(
            place.rows("SELECT result_type, first_day, last_day FROM failure_types"),
            ["certificate-expired|2026-11-20|2026-11-20"]
        );
    }
}

#[test]
fn a_duplicate_of_a_report_in_conflict_is_a_duplicate() {
    let less = report_of("1", DAY, json!([policy("sts", 5, 0, json!([]))]));
    let more = report_of("1", DAY, json!([policy("sts", 6, 0, json!([]))]));
    let place = place(&[less.clone(), more, less].map(|report| mail(&[report])));
    assert_eq!(
        place.rows("SELECT outcome FROM mails"),
        ["conflict", "stored", "duplicate"]
    );
}

#[test]
fn a_report_that_ended_before_the_retention_is_too_old() {
    let mut place = Place::new();
    let mails = ["2026-11-11", "2026-11-12"].map(|day| mail(&[failing(day, day, "certificate-expired")]));
    let tally = place.store.record(&mails, None, Span::Days(10), at(NOW)).unwrap();
    assert_eq!((tally.too_old, tally.stored), (1, 1));
    assert_eq!(place.rows("SELECT day FROM reports_all"), ["2026-11-12"]);
    assert_eq!(
        place.rows("SELECT outcome, report FROM mail_reports"),
        ["too-old|NULL", "stored|1"]
    );
    assert_eq!(
        place.rows("SELECT outcome, settled FROM mail"),
        ["too-old|1", "stored|1"]
    );
    assert_eq!(place.row("SELECT first_day FROM failure_types"), "2026-11-12");
}

#[test]
fn a_mail_has_the_first_outcome_that_applies_and_is_settled_when_all_of_it_is() {
    let mixed = |reports: Vec<Value>, reason: &str| {
        let mut mail = mail(&reports);
        if let Content::Reports(reports) = &mut mail.content {
            reports.insert(0, IncomingReport::Rejected(reason.to_owned()));
        }
        mail.raw = Some(b"raw".to_vec());
        mail
    };
    let report = failing("1", DAY, "certificate-expired");
    let place = place(&[
        mixed(vec![report.clone()], "cut off"),
        mixed(vec![report], "cut off again"),
    ]);
    assert_eq!(
        place.rows("SELECT outcome, reason, settled FROM mail"),
        ["stored|cut off|0", "rejected|cut off again|0"]
    );
    assert_eq!(
        place.rows("SELECT mail, outcome, coalesce(reason, '') FROM mail_reports"),
        [
            "1|rejected|cut off",
            "1|stored|",
            "2|rejected|cut off again",
            "2|duplicate|"
        ]
    );
    assert_eq!(place.row("SELECT count(*) FROM raw_mail"), "2");
}

#[test]
fn of_other_peoples_mail_only_place_and_size_are_kept() {
    let place = place(&[mail_of(Content::NotAReport)]);
    assert_eq!(
        place.row("SELECT locator, size_bytes, outcome, message_id, received_at, reason FROM mails"),
        "INBOX|1234|not-a-report|NULL|NULL|NULL"
    );
}

#[test]
fn json_is_kept_as_sent() {
    let report = failing("1", DAY, "certificate-expired");
    let place = place(&[mail(std::slice::from_ref(&report))]);
    assert_eq!(place.row("SELECT json FROM reports"), report.to_string());
}
