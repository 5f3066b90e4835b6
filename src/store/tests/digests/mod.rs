//! What digests tell, when, and to whom.

use serde_json::json;

use super::super::{Composed, Content, Delivery, FixedDigest, IncomingMail};
use super::{
    NOW, Place, at, backfill, composed, detail, failing, mail, mail_of, policy, question, recipients,
    report_of,
};
use crate::config::Span;
use crate::store::rows::{DigestFacts, MailKind, Sum};

mod recipients;

const DUE: &str = "2026-11-22T07:00:00Z";

const NEXT: &str = "2026-11-23T07:00:00Z";

const OLD: &str = "2026-11-01";

const RECENT: &str = "2026-11-20";

impl Place {
    fn facts(&self, due_at: &str) -> DigestFacts {
        self.store.digest_facts(&question(due_at, &[])).unwrap()
    }

    /// Fixes and sends the digest that is due.
    fn send(&mut self, due_at: &str) -> DigestFacts {
        let facts = self.facts(due_at);
        let digest = self.fix(due_at);
        for recipient in &digest.waiting {
            self.store
                .delivered(digest.id, recipient, Delivery::Accepted, at(due_at))
                .unwrap();
        }
        assert!(self.store.end_round(digest.id, at(due_at)).unwrap());
        facts
    }

    fn fix(&mut self, due_at: &str) -> FixedDigest {
        let recipients = recipients();
        self.store
            .fix_digest(&question(due_at, &recipients), |facts| {
                Some(Composed {
                    mail: format!("{facts:?}").into_bytes(),
                    ..composed(&format!("{due_at}@example.org"))
                })
            })
            .unwrap()
            .unwrap()
    }
}

#[test]
fn only_failure_types_of_a_normal_poll_are_fresh() {
    let mut place = Place::new();
    place.record(&[
        backfill(mail(&[failing("1", OLD, "certificate-expired")])),
        mail(&[failing("2", RECENT, "validation-failure")]),
    ]);
    let fresh = place.facts(DUE).fresh_failure_types;
    let id = place.row("SELECT id FROM failure_types WHERE result_type = 'validation-failure'");
    assert_eq!(
        fresh.into_iter().map(|id| id.to_string()).collect::<Vec<_>>(),
        [id]
    );
}

#[test]
fn an_urgent_mail_leaves_range_and_day_to_the_digest() {
    let mut place = Place::new();
    place.send(DUE);
    place.record(&[mail(&[failing("1", RECENT, "certificate-expired")])]);
    let urgent = Composed {
        kind: MailKind::Urgent,
        ..composed("urgent@example.org")
    };
    let recipients = recipients();
    let fixed = place
        .store
        .fix_digest(&question("2026-11-22T12:00:00Z", &recipients), |_| Some(urgent))
        .unwrap()
        .unwrap();
    assert!(fixed.is_urgent);
    assert_eq!(place.store.last_digest_at("default").unwrap(), Some(at(DUE)));
    let facts = place.facts(NEXT);
    assert_eq!((facts.reports, facts.previous_at), (1, Some(at(DUE))));
    assert_eq!(
        place
            .store
            .unsent_digest(Some("default"), true)
            .unwrap()
            .unwrap()
            .id,
        fixed.id
    );
}

#[test]
fn printing_a_digest_changes_nothing() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", RECENT, "certificate-expired")])]);
    assert_eq!(place.facts(DUE), place.facts(DUE));
    assert_eq!(place.row("SELECT count(*) FROM digests"), "0");
    assert_eq!(place.facts(DUE).reports, 1);
}

#[test]
fn a_digest_that_is_not_composed_leaves_its_reports_for_the_next() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", RECENT, "certificate-expired")])]);
    let fixed = place.store.fix_digest(&question(DUE, &[]), |_| None).unwrap();
    assert!(fixed.is_none());
    assert_eq!(place.facts(NEXT).reports, 1);
}

#[test]
fn what_arrives_after_a_digest_was_fixed_waits_for_the_next() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", RECENT, "certificate-expired")])]);
    place.fix(DUE);
    place.record(&[mail(&[failing("2", RECENT, "validation-failure")])]);
    assert_eq!(place.row("SELECT first_report, last_report FROM digests"), "1|1");
    let facts = place.facts(NEXT);
    assert_eq!((facts.after_report, facts.last_report, facts.reports), (1, 2, 1));
}

#[test]
fn a_copy_of_a_rejected_mail_is_not_told_again() {
    let mut place = Place::new();
    let rejected = || IncomingMail {
        raw_hash: Some([7; 32]),
        ..mail_of(Content::Rejected("not valid JSON".to_owned()))
    };
    place.record(&[rejected()]);
    let recipients = recipients();
    let facts = place.store.digest_facts(&question(DUE, &recipients)).unwrap();
    assert_eq!((facts.rejected.len(), facts.mails.rejected), (1, 1));
    place.fix(DUE);

    // A rescan of the mailbox, or an import of the same file.
    place.record(&[rejected()]);

    let facts = place.store.digest_facts(&question(NEXT, &recipients)).unwrap();
    assert_eq!(
        (facts.rejected.len(), facts.mails.rejected, facts.mails.duplicates),
        (0, 0, 1)
    );
}

#[test]
fn a_report_in_conflict_tells_nothing() {
    let mut place = Place::new();
    let more = report_of("1", RECENT, json!([policy("sts", 99, 0, json!([]))]));
    place.record(&[
        mail(&[failing("1", RECENT, "certificate-expired")]),
        mail(&[more]),
    ]);
    let facts = place.facts(DUE);
    assert_eq!(facts.reports, 1);
    assert_eq!(facts.domains[0].ok.known, 99);
}

#[test]
fn sums_of_a_digest_are_the_sums_of_its_reports() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("0", "2026-11-10", "certificate-expired")])]);
    place.send(DUE);
    let reports: Vec<_> = (1..=20_u64)
        .map(|n| {
            let details = json!([detail("certificate-expired", n)]);
            mail(&[report_of(
                &n.to_string(),
                RECENT,
                json!([policy("sts", 100 - n, n, details)]),
            )])
        })
        .collect();
    place.record(&reports);
    let facts = place.facts(NEXT);
    let known = |known| Sum {
        known,
        at_least: false,
    };
    assert_eq!(facts.reports, 20);
    let [domain] = facts.domains.as_slice() else {
        panic!("{:?}", facts.domains)
    };
    assert_eq!((domain.ok, domain.failed), (known(1790), known(210)));
    let [reporter] = facts.reporters.as_slice() else {
        panic!("{:?}", facts.reporters)
    };
    assert_eq!(
        (reporter.reports, reporter.ok, reporter.failed),
        (20, known(1790), known(210))
    );
}

#[test]
fn an_unreadable_count_makes_the_sums_at_least() {
    let mut place = Place::new();
    let details = json!([detail("certificate-expired", -1)]);
    place.record(&[mail(&[report_of(
        "1",
        RECENT,
        json!([policy("sts", 5, -1, details)]),
    )])]);
    let facts = place.facts(DUE);
    assert!(facts.domains[0].failed.at_least);
    assert!(facts.reporters[0].failed.at_least);
}

#[test]
fn a_rejected_mail_is_told_once() {
    let mut place = Place::new();
    place.record(&[mail_of(Content::Rejected("cut off".to_owned()))]);
    let facts = place.send(DUE);
    assert_eq!(facts.rejected.len(), 1);
    assert_eq!(facts.rejected[0].reason, "cut off");
    assert_eq!((facts.mails.read, facts.mails.rejected), (1, 1));
    assert_eq!(place.facts(NEXT).rejected.len(), 0);
}

#[test]
fn a_mailbox_is_told_as_failing_after_a_day_and_as_new_once() {
    let mut place = Place::new();
    let mailboxes = ["reports".to_owned()];
    let failing_at = |place: &Place, due_at: &str| {
        let question = super::Question {
            mailboxes: &mailboxes,
            ..question(due_at, &[])
        };
        let failing = place.store.digest_facts(&question).unwrap().failing;
        failing
            .into_iter()
            .map(|mailbox| (mailbox.since, mailbox.error, mailbox.new))
            .collect::<Vec<_>>()
    };
    for (moment, error) in [(NOW, "no route"), ("2026-11-22T09:00:00Z", "no login")] {
        place
            .store
            .mailbox_polled("reports", Err(error), at(moment))
            .unwrap();
    }
    assert_eq!(failing_at(&place, "2026-11-23T05:59:59Z"), []);
    let told = (at(NOW), "no login".to_owned(), true);
    assert_eq!(failing_at(&place, "2026-11-23T06:00:00Z"), [told]);
    let question = super::Question {
        mailboxes: &mailboxes,
        ..question(NEXT, &[])
    };
    place
        .store
        .fix_digest(&question, |_| Some(composed("1@example.org")))
        .unwrap();
    assert!(!failing_at(&place, "2026-11-24T07:00:00Z")[0].2);
    place.store.mailbox_polled("reports", Ok(()), at(NEXT)).unwrap();
    assert_eq!(failing_at(&place, "2026-11-25T07:00:00Z"), []);
}

#[test]
fn the_range_never_runs_backwards_after_retention() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-10", "certificate-expired")])]);
    place.send(DUE);
    place
        .store
        .retain(Span::Days(5), at("2026-11-28T00:00:00Z"))
        .unwrap();
    assert_eq!(place.row("SELECT count(*) FROM reports_all"), "0");
    let facts = place.facts(NEXT);
    assert_eq!((facts.after_report, facts.last_report, facts.reports), (1, 1, 0));
    place.record(&[mail(&[failing("2", "2026-11-27", "certificate-expired")])]);
    assert_eq!(place.facts(NEXT).reports, 1);
}
