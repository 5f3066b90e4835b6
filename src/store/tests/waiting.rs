//! Mails whose origin no name server has told yet.

use serde_json::{Value, json};

use super::super::{Content, IncomingMail, IncomingReport};
use super::set_aside::{by, less, place, proven, unchecked, unproven};
use super::{NOW, Place, at, policy, report_of};
use crate::config::Span;

const DAY: &str = "2026-11-20";

/// A mail that waits for the key of an organisation.
fn waiting(id: &str, reporter: &str) -> IncomingMail {
    let mut mail = unproven(
        "temporary",
        &report_of(id, DAY, json!([policy("sts", 1, 0, json!([]))])),
    );
    if let Content::Reports(reports) = &mut mail.content {
        for report in reports {
            if let IncomingReport::Read { standing, .. } = report {
                standing.waits_for = Some(reporter.to_owned());
            }
        }
    }
    mail
}

fn ids(place: &mut Place, at_most: u32) -> Vec<i64> {
    let mails = place.store.temporary_mails("reports", at_most).unwrap();
    mails.into_iter().map(|mail| mail.id).collect()
}

fn again(place: &mut Place, mail: i64, judged: &IncomingMail) -> u64 {
    place
        .store
        .judge_again(mail, judged, Span::Forever, at(NOW))
        .unwrap()
}

const ROWS: &str = "SELECT mail, authentication, status FROM reports_all";

#[test]
fn copy_that_waits_proves_later_what_the_first_one_did_not() {
    let mut place = place(&[unproven("failed", &less()), unproven("temporary", &less())]);
    assert_eq!(place.rows(ROWS), ["1|failed|set-aside"]);
    assert_eq!(ids(&mut place, 10), [2]);
    assert_eq!(again(&mut place, 2, &proven(&less())), 1);
    assert_eq!(place.rows(ROWS), ["2|dkim|counted"]);
    assert_eq!(
        place.rows("SELECT outcome FROM mails ORDER BY id"),
        ["duplicate", "stored"]
    );
    assert_eq!(place.row("SELECT count(*) FROM raw_mail"), "0");
    assert!(ids(&mut place, 10).is_empty());
}

#[test]
fn copy_that_waits_proves_later_what_counted_unproven() {
    let mut place = place(&[unchecked(&less()), unproven("temporary", &less())]);
    again(&mut place, 2, &proven(&less()));
    assert_eq!(place.rows(ROWS), ["1|dkim|counted"]);
}

#[test]
fn copy_of_a_proven_report_waits_for_nothing() {
    let mut place = place(&[proven(&less()), unproven("temporary", &less())]);
    assert!(ids(&mut place, 10).is_empty());
    assert_eq!(place.rows("SELECT outcome FROM mails"), ["stored", "duplicate"]);
}

#[test]
fn unsigned_copy_settles_nothing_about_a_mail_that_waits() {
    let mut place = place(&[unproven("temporary", &less()), unproven("none", &less())]);
    assert_eq!(place.rows(ROWS), ["1|temporary|set-aside"]);
    assert_eq!(again(&mut place, 1, &proven(&less())), 1);
    assert_eq!(place.rows(ROWS), ["1|dkim|counted"]);
}

#[test]
fn mail_that_waits_is_left_where_it_is() {
    let mut place = place(&[unproven("failed", &less()), unproven("temporary", &less())]);
    assert_eq!(place.row("SELECT settled FROM mail WHERE id = 2"), "0");
    again(&mut place, 2, &unproven("failed", &less()));
    assert_eq!(place.row("SELECT settled FROM mail WHERE id = 2"), "1");
}

#[test]
fn mail_of_which_a_part_is_rejected_is_kept_though_nobody_waits_any_more() {
    let mut mail = unproven("temporary", &less());
    if let Content::Reports(reports) = &mut mail.content {
        reports.push(IncomingReport::Rejected("no JSON".to_owned()));
    }
    let mut place = place(&[mail, unproven("temporary", &report_of("2", DAY, json!([])))]);
    place.store.give_up_temporary(at("2026-11-22T06:00:01Z")).unwrap();
    assert_eq!(place.rows("SELECT mail FROM raw_mail"), ["1"]);
    assert_eq!(
        place.rows("SELECT DISTINCT authentication FROM reports_all"),
        ["failed"]
    );
    assert!(ids(&mut place, 10).is_empty());
}

#[test]
fn copy_is_given_up_after_three_days_too() {
    let mut place = place(&[unproven("failed", &less()), unproven("temporary", &less())]);
    place.store.give_up_temporary(at("2026-11-22T06:00:01Z")).unwrap();
    assert_eq!(place.row("SELECT count(*) FROM raw_mail"), "0");
    assert!(ids(&mut place, 10).is_empty());
}

#[test]
fn many_mails_of_one_organisation_keep_nobody_waiting() {
    let mut place = Place::new();
    for n in 0..20 {
        place.record(&[waiting(&format!("e{n}"), "evil.example")]);
    }
    place.record(&[waiting("a", "a.example"), waiting("b", "b.example")]);
    // Each has its turn, and then the next of whoever has more.
    assert_eq!(ids(&mut place, 4), [1, 21, 22, 2]);
    assert_eq!(ids(&mut place, 4), [3, 21, 22, 4]);
}

#[test]
fn reporters_that_we_know_come_first_and_then_those_that_were_tried_least() {
    let mut place = Place::new();
    let report = |id: &str| -> Value { report_of(id, DAY, json!([policy("sts", 1, 0, json!([]))])) };
    for n in 0..5 {
        place.record(&[waiting(&format!("e{n}"), &format!("e{n}.example"))]);
    }
    place.record(&[waiting("w", "webmail.example")]);
    assert_eq!(ids(&mut place, 2), [1, 2]);
    let config = crate::config::Config::default();
    place.store.admit_by(&config, at(NOW)).unwrap();
    place.record(&[by(proven(&report("known")), "webmail.example")]);
    assert_eq!(ids(&mut place, 2), [6, 3]);
    assert_eq!(ids(&mut place, 2), [6, 4]);
}

#[test]
fn rejected_mail_that_can_be_read_after_an_upgrade_waits_for_its_key() {
    let mut rejected = super::mail_of(Content::Rejected("no JSON".to_owned()));
    rejected.raw = Some(b"raw".to_vec());
    let mut place = place(&[rejected]);
    place
        .store
        .reread_mail(1, &unproven("temporary", &less()), Span::Forever, at(NOW))
        .unwrap();
    assert_eq!(ids(&mut place, 10), [1]);
    assert_eq!(again(&mut place, 1, &proven(&less())), 1);
    assert_eq!(place.row("SELECT count(*) FROM raw_mail"), "0");
}
