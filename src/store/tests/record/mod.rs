//! What becomes of mails and reports.

use serde_json::{Value, json};

use super::super::{Content, CursorMove, FolderKey, IncomingMail, IncomingReport, StoreError, Tally};
use super::{NOW, Place, at, detail, failing, mail, mail_of, policy, question, report_of};
use crate::config::Span;

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
fn sts_and_tlsa_entries_of_a_report_are_the_same_sessions() {
    let report = report_of(
        "1",
        DAY,
        json!([
            policy("sts", 10, 2, json!([])),
            policy("tlsa", 5, 4, json!([])),
            policy("no-policy-found", 3, 1, json!([]))
        ]),
    );
    let place = place(&[mail(&[report])]);
    // failed: the larger of 2 and 4, and 1; total: the larger of 12 and 9, and 4.
    for view in ["report_domains", "domain_days", "domains"] {
        assert_eq!(
            place.row(&format!("SELECT ok, failed FROM {view}")),
            "11|5",
            "{view}"
        );
    }
    assert_eq!(
        place.rows("SELECT policy_type, ok, failed FROM sessions_by_day ORDER BY policy_type"),
        ["no-policy-found|3|1", "sts|10|2", "tlsa|5|4"]
    );
}

#[test]
fn sts_and_tlsa_entries_of_two_reports_are_added() {
    let sts = report_of("1", DAY, json!([policy("sts", 10, 2, json!([]))]));
    let tlsa = report_of("2", DAY, json!([policy("tlsa", 5, 4, json!([]))]));
    let place = place(&[mail(&[sts, tlsa])]);
    assert_eq!(place.row("SELECT ok, failed FROM domain_days"), "15|6");
}

#[test]
fn unreadable_counts_are_null_and_sums_say_so() {
    let report = report_of("1", DAY, json!([policy("sts", null_count(), 2, json!([]))]));
    let place = place(&[mail(&[report])]);
    assert_eq!(
        place.row("SELECT total_successful_session_count, total_failure_session_count FROM policy_results"),
        "NULL|2"
    );
    for view in ["report_domains", "domain_days", "domains", "sessions_by_day"] {
        assert_eq!(
            place.row(&format!("SELECT ok, failed, unreadable FROM {view}")),
            "0|2|1",
            "{view}"
        );
    }
}

fn null_count() -> Value {
    json!(-1)
}

#[test]
fn a_detail_with_an_unreadable_count_is_a_failure() {
    let details = json!([detail("certificate-expired", null_count())]);
    let place = place(&[mail(&[report_of(
        "1",
        DAY,
        json!([policy("sts", 1, 1, details)]),
    )])]);
    assert_eq!(
        place.row("SELECT result_type, failed_session_count FROM failures"),
        "certificate-expired|NULL"
    );
}

#[test]
fn failures_without_details_are_unspecified_with_the_summarys_count() {
    for details in [json!([]), json!([detail("certificate-expired", 0)])] {
        let report = report_of("1", DAY, json!([policy("sts", 10, 7, details.clone())]));
        let place = place(&[mail(&[report])]);
        assert_eq!(
            place.row("SELECT result_type, receiving_mx_hostname, failed_session_count FROM failures"),
            "unspecified||7"
        );
        assert_eq!(place.row("SELECT result_type FROM failure_types"), "unspecified");
        let n_sent = details.as_array().unwrap().len().to_string();
        assert_eq!(place.row("SELECT count(*) FROM failure_details"), n_sent);
    }
}

#[test]
fn a_summary_that_cannot_be_read_is_an_unspecified_failure() {
    let report = report_of("1", DAY, json!([policy("sts", 10, null_count(), json!([]))]));
    let place = place(&[mail(&[report])]);
    assert_eq!(
        place.row("SELECT result_type, failed_session_count FROM failures"),
        "unspecified|NULL"
    );
}

#[test]
fn a_detail_with_a_count_is_a_failure_though_the_summary_is_clean() {
    let details = json!([detail("sts-policy-fetch-error", 3)]);
    let place = place(&[mail(&[report_of(
        "1",
        DAY,
        json!([policy("sts", 3, 0, details)]),
    )])]);
    assert_eq!(
        place.row("SELECT result_type, failed_session_count FROM failures"),
        "sts-policy-fetch-error|3"
    );
}

#[test]
fn a_report_without_failures_makes_no_failure_type() {
    let place = place(&[mail(&[report_of(
        "1",
        DAY,
        json!([policy("sts", 3, 0, json!([]))]),
    )])]);
    assert_eq!(place.row("SELECT count(*) FROM failure_type"), "0");
}

#[test]
fn the_largest_counts_break_no_view_and_no_digest() {
    let huge = |id| {
        let details = json!([
            detail("certificate-expired", i64::MAX),
            detail("validation-failure", i64::MAX)
        ]);
        let policies = ["sts", "tlsa", "no-policy-found", "other"]
            .map(|kind| policy(kind, i64::MAX, i64::MAX, details.clone()));
        mail(&[report_of(id, DAY, json!(policies))])
    };
    let place = place(&[huge("1"), huge("2"), huge("3")]);
    for view in place.rows("SELECT name FROM sqlite_schema WHERE type = 'view'") {
        place.rows(&format!("SELECT * FROM {view}"));
    }
    let max = i64::MAX;
    assert_eq!(
        place.row("SELECT ok, failed FROM domains"),
        format!("{max}|{max}")
    );
    let facts = place
        .store
        .digest_facts(&question("2026-11-22T07:00:00Z", &[]))
        .unwrap();
    assert_eq!(facts.domains[0].failed.known, max.unsigned_abs());
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
fn entries_keep_the_reports_order_and_are_never_merged() {
    let entry = policy(
        "sts",
        1,
        2,
        json!([detail("x", 1), detail("a", 1), detail("x", 1)]),
    );
    let place = place(&[mail(&[report_of("1", DAY, json!([entry.clone(), entry]))])]);
    assert_eq!(
        place.rows("SELECT policy_result, result_type FROM failure_details ORDER BY id"),
        ["1|x", "1|a", "1|x", "2|x", "2|a", "2|x"]
    );
    assert_eq!(place.row("SELECT count(*) FROM failure_types"), "2");
}

#[test]
fn json_is_kept_as_sent() {
    let report = failing("1", DAY, "certificate-expired");
    let place = place(&[mail(std::slice::from_ref(&report))]);
    assert_eq!(place.row("SELECT json FROM reports"), report.to_string());
}

#[test]
fn what_the_database_refuses_in_one_mail_rejects_that_mail_only() {
    let mut place = Place::new();
    place
        .store
        .db
        .execute_batch(
            "CREATE TRIGGER no_evil BEFORE INSERT ON failure WHEN NEW.result_type = 'evil'
             BEGIN SELECT RAISE(ABORT, 'no evil here'); END",
        )
        .unwrap();
    let tally = place.record(&[
        mail(&[failing("1", DAY, "certificate-expired")]),
        mail(&[failing("2", DAY, "validation-failure"), failing("3", DAY, "evil")]),
        mail(&[failing("4", DAY, "certificate-expired")]),
    ]);
    let expected = Tally {
        mails: 3,
        stored: 2,
        rejected: 1,
        ..Tally::default()
    };
    assert_eq!(tally, expected);
    assert_eq!(place.rows("SELECT report_id FROM reports_all"), ["1", "4"]);
    let rejected = place.row("SELECT id, reason FROM mails WHERE outcome = 'rejected'");
    assert!(
        rejected.starts_with("2|the database refused it: no evil here"),
        "{rejected}"
    );
}

#[test]
fn a_full_disk_keeps_nothing_of_the_batch_and_leaves_the_cursor() {
    let mut place = Place::new();
    let key = FolderKey {
        server: "imap.example.org:993",
        user: "reports",
        name: "INBOX",
    };
    let folder = place.store.folder(key, 1, 10, Span::Forever, at(NOW)).unwrap();
    place.store.db.execute_batch("PRAGMA max_page_count = 1").unwrap();
    let mails: Vec<IncomingMail> = (0..200)
        .map(|id| mail(&[failing(&id.to_string(), DAY, "certificate-expired")]))
        .collect();
    let cursor = CursorMove {
        folder: folder.id,
        last_uid: 9,
    };
    let error = place
        .store
        .record(&mails, Some(cursor), Span::Forever, at(NOW))
        .unwrap_err();
    assert!(matches!(error, StoreError::Sqlite(_)), "{error}");
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(
        place.row("SELECT (SELECT count(*) FROM mail), (SELECT count(*) FROM report), last_uid FROM folder"),
        "0|0|0"
    );
}

/// How many transactions were committed by what `act` does.
fn commits(place: &mut Place, act: impl FnOnce(&mut Place)) -> u32 {
    let n_commits = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = std::sync::Arc::clone(&n_commits);
    let count = move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        false // commits
    };
    place.store.db.commit_hook(Some(count)).unwrap();
    act(place);
    place.store.db.commit_hook(None::<fn() -> bool>).unwrap();
    n_commits.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn a_batch_is_one_transaction() {
    let mut place = Place::new();
    let mails: Vec<IncomingMail> = (0..100)
        .map(|id| mail(&[failing(&id.to_string(), DAY, "certificate-expired")]))
        .collect();
    let n_commits = commits(&mut place, |place| {
        place.record(&mails);
    });
    assert_eq!(n_commits, 1);
}

#[test]
fn a_batch_with_a_mail_that_the_database_refuses_is_one_transaction_too() {
    let mut place = Place::new();
    place
        .store
        .db
        .execute_batch(
            "CREATE TRIGGER no_evil BEFORE INSERT ON failure WHEN NEW.result_type = 'evil'
             BEGIN SELECT RAISE(ABORT, 'no evil here'); END",
        )
        .unwrap();
    let mails = [
        mail(&[failing("1", DAY, "evil")]),
        mail(&[failing("2", DAY, "validation-failure")]),
    ];
    let n_commits = commits(&mut place, |place| {
        place.record(&mails);
    });
    assert_eq!(n_commits, 1);
}
