//! A batch is one transaction.

use super::super::super::entries::{
    FIND_POLICY, FIND_TYPE, INSERT_FAILURE, INSERT_POLICY_RESULT, INSERT_TYPE, WIDEN_TYPE,
};
use super::super::super::record::{INSERT_LINK, INSERT_MAIL};
use super::super::super::record_report::{FIND_IDENTITY, INSERT_REPORT};
use super::super::super::texts::{FIND_SHAPE, FIND_TEMPLATE, INSERT_TEMPLATE, INSERT_TEXT, SET_PIECES};
use super::*;

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

/// The steps that SQLite takes in a statement, or how it looks for rows.
fn steps(place: &Place, explain: &str, sql: &str, column: usize) -> Vec<String> {
    let mut statement = place.store.db.prepare(&format!("{explain} {sql}")).unwrap();
    // No plan goes by the values of its parameters.
    let rows = statement.raw_query().mapped(|row| row.get(column));
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_each_report_needs_makes_no_table_of_its_own() {
    let place = Place::new();
    for sql in [
        INSERT_MAIL,
        INSERT_LINK,
        FIND_IDENTITY,
        INSERT_REPORT,
        FIND_POLICY,
        INSERT_POLICY_RESULT,
        INSERT_FAILURE,
        FIND_TYPE,
        INSERT_TYPE,
        WIDEN_TYPE,
        FIND_TEMPLATE,
        FIND_SHAPE,
        INSERT_TEMPLATE,
        SET_PIECES,
        INSERT_TEXT,
    ] {
        let steps = steps(&place, "EXPLAIN", sql, 1);
        assert!(
            !steps
                .iter()
                .any(|step| ["OpenEphemeral", "SorterOpen"].contains(&step.as_str())),
            "{sql}: {steps:?}"
        );
    }
}

#[test]
fn reports_of_an_identity_are_found_by_indexes() {
    let place = Place::new();
    let steps = steps(&place, "EXPLAIN QUERY PLAN", FIND_IDENTITY, 3);
    // Of those that don't count a stranger can send any number.
    for index in [
        "report_counted (identity=?)",
        "report_uncounted (identity=? AND content=?)",
    ] {
        assert!(steps.iter().any(|step| step.ends_with(index)), "{steps:?}");
    }
}

#[test]
fn failures_have_their_problem_from_the_start() {
    let mut place = Place::new();
    place.record(&[
        mail(&[failing("1", DAY, "certificate-expired")]),
        mail(&[
            failing("2", DAY, "certificate-expired"),
            failing("3", DAY, "validation-failure"),
        ]),
    ]);
    assert_eq!(
        place.rows("SELECT failure.id, cause FROM failure JOIN problem ON number = problem ORDER BY 1"),
        ["1|expired", "2|expired", "3|not-specified"]
    );
}
