//! Reports whose origin is proven, isn't, or can't be judged yet.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Accept, IncomingMail, IncomingReport, Standing};
use super::{NOW, Place, at, detail, failing, mail, policy, question, recipients, report_of};
use crate::config::{DomainsConfig, Limits, Span};
use crate::report::{self, Context};

mod accepted;
pub(super) mod set_free;

const DAY: &str = "2026-11-20";

/// A mail whose reports have this standing.
fn standing(mut mail: IncomingMail, standing: &Standing) -> IncomingMail {
    if let super::super::Content::Reports(reports) = &mut mail.content {
        for report in reports {
            if let IncomingReport::Read {
                standing: of_report, ..
            } = report
            {
                *of_report = standing.clone();
            }
        }
    }
    mail
}

pub(super) fn by(mut mail: IncomingMail, reporter: &str) -> IncomingMail {
    if let super::super::Content::Reports(reports) = &mut mail.content {
        for report in reports {
            if let IncomingReport::Read { submitter, .. } = report {
                reporter.clone_into(submitter);
            }
        }
    }
    mail
}

pub(super) fn proven(report: &Value) -> IncomingMail {
    let of_webmail = Standing {
        authentication: "dkim",
        signing_domain: Some("webmail.example".to_owned()),
        ..Standing::default()
    };
    standing(mail(std::slice::from_ref(report)), &of_webmail)
}

pub(super) fn unproven(authentication: &'static str, report: &Value) -> IncomingMail {
    let aside = Standing {
        authentication,
        signing_domain: None,
        reason: Some("its key is gone".to_owned()),
        waits_for: (authentication == "temporary").then(|| "webmail.example".to_owned()),
        counts: false,
    };
    let mut mail = standing(mail(std::slice::from_ref(report)), &aside);
    if authentication == "temporary" {
        mail.raw = Some(b"raw".to_vec());
    }
    mail
}

pub(super) fn unchecked(report: &Value) -> IncomingMail {
    mail(std::slice::from_ref(report))
}

pub(super) fn place(mails: &[IncomingMail]) -> Place {
    let mut place = Place::new();
    for mail in mails {
        place.record(std::slice::from_ref(mail));
    }
    place
}

pub(super) fn less() -> Value {
    report_of(
        "1",
        DAY,
        json!([policy("sts", 5, 1, json!([detail("certificate-expired", 1)]))]),
    )
}

fn more() -> Value {
    report_of("1", DAY, json!([policy("sts", 99, 0, json!([]))]))
}

const STATUSES: &str = "SELECT authentication, status FROM reports_all ORDER BY authentication";

#[test]
fn report_that_is_set_aside_counts_nowhere() {
    let mut place = Place::new();
    let tally = place.record(&[unproven("failed", &failing("1", DAY, "certificate-expired"))]);
    assert_eq!((tally.stored, tally.set_aside), (0, 1));
    for view in [
        "reports",
        "policy_results",
        "failure_details",
        "failure_types",
        "failures",
        "report_domains",
        "domain_days",
        "sessions_by_day",
        "reporters",
        "domains",
        "problems",
        "problem_days",
    ] {
        assert_eq!(place.row(&format!("SELECT count(*) FROM {view}")), "0", "{view}");
    }
    place
        .store
        .assess(
            at(NOW).to_zoned(jiff::tz::TimeZone::UTC).date(),
            &DomainsConfig::default(),
        )
        .unwrap();
    assert_eq!(place.row("SELECT count(*) FROM problems"), "0");
    let recipients = recipients();
    let facts = place.store.digest_facts(&question(NOW, &recipients)).unwrap();
    assert_eq!(
        (facts.reports, facts.domains.len(), facts.reporters.len()),
        (0, 0, 0)
    );
    assert_eq!(
        place.rows("SELECT outcome, reason FROM mails UNION ALL SELECT outcome, reason FROM mail_reports"),
        ["set-aside|its key is gone", "set-aside|its key is gone"]
    );
    assert_eq!(
        place.rows("SELECT status, authentication, authentication_reason, signing_domain FROM reports_all"),
        ["set-aside|failed|its key is gone|NULL"]
    );
    assert_eq!(place.row("SELECT settled FROM mail"), "0");
}

#[test]
fn proven_report_counts_and_says_who_signed_it() {
    let place = place(&[proven(&less())]);
    assert_eq!(
        place.rows("SELECT authentication, signing_domain, authentication_reason FROM reports"),
        ["dkim|webmail.example|NULL"]
    );
}

#[test]
fn proven_report_takes_the_place_of_an_unchecked_one_whatever_its_size_and_order() {
    let mails = || [proven(&less()), unchecked(&more())];
    let mut swapped = mails();
    swapped.reverse();
    for place in [place(&mails()), place(&swapped)] {
        assert_eq!(place.rows(STATUSES), ["dkim|counted", "unchecked|replaced"]);
        assert_eq!(place.row("SELECT ok FROM domain_days"), "5");
        assert_eq!(place.row("SELECT count(*) FROM failure_types"), "1");
        assert_eq!(
            place.rows("SELECT outcome FROM mails ORDER BY outcome"),
            ["conflict", "stored"]
        );
    }
}

#[test]
fn forged_report_with_the_name_of_another_changes_nothing_whatever_the_order() {
    let mails = || [unproven("none", &more()), proven(&less())];
    let mut swapped = mails();
    swapped.reverse();
    for place in [place(&mails()), place(&swapped)] {
        assert_eq!(place.rows(STATUSES), ["dkim|counted", "none|set-aside"]);
        assert_eq!(place.row("SELECT ok FROM domain_days"), "5");
    }
}

#[test]
fn nobody_takes_the_identity_of_another_by_signing_for_himself() {
    let evil = Standing {
        authentication: "dkim",
        signing_domain: Some("evil.example".to_owned()),
        ..Standing::default()
    };
    for report in [more(), less()] {
        let forged = by(standing(unchecked(&report), &evil), "evil.example");
        for place in [
            place(&[
                proven(&less()),
                by(standing(unchecked(&report), &evil), "evil.example"),
            ]),
            place(&[forged, proven(&less())]),
        ] {
            assert_eq!(
                place.rows("SELECT submitter, status FROM reports_all ORDER BY submitter"),
                ["evil.example|counted", "webmail.example|counted"]
            );
        }
    }
}

#[test]
fn copy_that_is_proven_proves_the_one_that_was_unchecked() {
    let place = place(&[unchecked(&less()), proven(&less())]);
    assert_eq!(place.rows("SELECT id, authentication FROM reports"), ["1|dkim"]);
    assert_eq!(place.rows("SELECT outcome FROM mails"), ["stored", "duplicate"]);
}

#[test]
fn copy_that_is_proven_counts_in_the_place_of_one_that_was_set_aside() {
    let place = place(&[unproven("none", &less()), proven(&less())]);
    assert_eq!(
        place.rows("SELECT id, mail, authentication FROM reports"),
        ["2|2|dkim"]
    );
    assert_eq!(place.row("SELECT count(*) FROM reports_all"), "1");
    assert_eq!(place.rows("SELECT outcome FROM mails"), ["duplicate", "stored"]);
}

#[test]
fn copy_that_is_not_proven_changes_nothing() {
    let place = place(&[
        unchecked(&less()),
        unproven("failed", &less()),
        proven(&more()),
        unproven("none", &more()),
    ]);
    assert_eq!(place.rows(STATUSES), ["dkim|counted", "unchecked|replaced"]);
    assert_eq!(
        place.rows("SELECT outcome FROM mails"),
        ["conflict", "duplicate", "stored", "duplicate"]
    );
}

#[test]
fn mail_without_an_answer_is_kept_and_counts_anew_once_it_is_proven() {
    let mut place = place(&[
        unproven("temporary", &less()),
        unchecked(&failing("2", DAY, "certificate-expired")),
    ]);
    let waiting = place.store.temporary_mails("reports", 10).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].raw, b"raw");
    assert!(place.store.temporary_mails("another", 10).unwrap().is_empty());
    let again = |place: &mut Place, mail: &IncomingMail| {
        place
            .store
            .judge_again(waiting[0].id, mail, Span::Forever, at(NOW))
            .unwrap()
    };
    assert_eq!(again(&mut place, &unproven("temporary", &less())), 0);
    assert_eq!(place.row("SELECT count(*) FROM raw_mail"), "1");
    assert_eq!(again(&mut place, &proven(&less())), 1);
    assert_eq!(
        place.rows("SELECT id, mail, authentication FROM reports ORDER BY id"),
        ["2|2|unchecked", "3|1|dkim"]
    );
    assert_eq!(
        place.rows("SELECT outcome, reason FROM mails"),
        ["stored|NULL", "stored|NULL"]
    );
    assert_eq!(place.row("SELECT count(*) FROM raw_mail"), "0");
    assert!(place.store.temporary_mails("reports", 10).unwrap().is_empty());
}

#[test]
fn mail_that_turns_out_to_be_unproven_stays_aside_with_its_reason() {
    let mut place = place(&[unproven("temporary", &less())]);
    let n = place
        .store
        .judge_again(1, &unproven("failed", &less()), Span::Forever, at(NOW))
        .unwrap();
    assert_eq!(n, 0);
    assert_eq!(place.rows(STATUSES), ["failed|set-aside"]);
    assert_eq!(place.row("SELECT outcome FROM mails"), "set-aside");
    assert!(place.store.temporary_mails("reports", 10).unwrap().is_empty());
}

#[test]
fn after_three_days_without_an_answer_nobody_waits() {
    let mut place = place(&[unproven("temporary", &less())]);
    place.store.give_up_temporary(at("2026-11-22T05:59:59Z")).unwrap();
    assert_eq!(place.rows(STATUSES), ["temporary|set-aside"]);
    place.store.give_up_temporary(at("2026-11-22T06:00:01Z")).unwrap();
    assert_eq!(
        place.rows("SELECT authentication, authentication_reason FROM reports_all"),
        ["failed|given up after three days: its key is gone"]
    );
    assert_eq!(place.row("SELECT count(*) FROM raw_mail"), "0");
}

#[test]
fn report_that_turns_out_to_be_like_one_that_is_set_aside_goes_on_counting() {
    let mut place = place(&[unproven("failed", &more()), proven(&less())]);
    let parsed = report::parse(&more().to_string(), &Limits::default(), &Context::default()).unwrap();
    place
        .store
        .rewrite_report(2, &parsed, &BTreeSet::new(), "webmail.example", at(NOW))
        .unwrap();
    assert_eq!(place.row("SELECT count(*) FROM reports_all"), "1");
    assert_eq!(place.row("SELECT authentication FROM reports"), "dkim");
}

#[test]
fn mails_that_wait_for_a_name_server_are_taken_by_their_size_too() {
    let mut place = Place::new();
    for id in ["1", "2", "3", "4"] {
        let mut waiting = unproven(
            "temporary",
            &report_of(id, DAY, json!([policy("sts", 1, 0, json!([]))])),
        );
        waiting.origin.source = "rua".to_owned();
        waiting.raw = Some(vec![0; 5 * 1024 * 1024]);
        place.record(&[waiting]);
    }
    assert_eq!(place.store.temporary_mails("rua", 200).unwrap().len(), 2);
    assert_eq!(place.store.temporary_mails("rua", 1).unwrap().len(), 1);
}
