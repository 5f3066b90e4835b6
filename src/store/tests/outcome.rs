//! What an assessment came to is kept, and nobody reads it once anything has changed that it was derived from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use serde_json::json;

use super::super::outcome;
use super::super::{Accept, rows::MailKind};
use super::set_aside::{proven, unproven};
use super::{NOW, Place, at, composed, detail, failing, mail, policy, question, recipients, report_of};
use crate::assess::domains::Survey;
use crate::assess::history::{Remark, Saying};
use crate::assess::problem::Problem;
use crate::config::{DomainsConfig, Limits, Span};
use crate::report::{self, Context};

const TODAY: &str = "2026-11-22";

fn ours() -> DomainsConfig {
    DomainsConfig::default()
}

/// What the kept outcome must stand for to be read; `None` if none may be.
pub(super) fn state(place: &Place) -> Option<String> {
    outcome::state(&place.store.db, TODAY.parse().unwrap(), &ours()).unwrap()
}

fn n_kept(place: &Place) -> usize {
    let state = state(place).unwrap_or_default();
    let sql = "SELECT what FROM outcome WHERE state = :state";
    super::rows(&place.store, sql, rusqlite::named_params! { ":state": state }).len()
}

/// What readers are told, and what they would be told if nothing were kept.
pub(super) fn told_and_derived(place: &Place) -> [(Vec<Problem>, Survey); 2] {
    let ask = || {
        let today = TODAY.parse().unwrap();
        place.store.problems_with_survey(today, &ours()).unwrap()
    };
    let told = ask();
    let hide = "UPDATE outcome SET state = 'hidden ' || state";
    place.store.db.execute(hide, ()).unwrap();
    let derived = ask();
    let show = "UPDATE outcome SET state = substr(state, 8)";
    place.store.db.execute(show, ()).unwrap();
    [told, derived]
}

/// Two reports, one of them set aside, with a problem that was assessed.
fn assessed() -> Place {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-19", "certificate-expired")])]);
    place.record(&[unproven(
        "failed",
        &failing("2", "2026-11-20", "certificate-expired"),
    )]);
    assess(&mut place);
    assert_eq!(n_kept(&place), 2);
    place
}

fn assess(place: &mut Place) -> Vec<Problem> {
    let today = TODAY.parse().unwrap();
    place.store.assess_with_survey(today, &ours()).unwrap().0
}

/// Does something to the store; then nothing that was kept may be read, and after the next assessment it may again.
#[track_caller]
fn assert_outdates(what: &str, change: impl FnOnce(&mut Place)) {
    let mut place = assessed();
    change(&mut place);
    assert_eq!(n_kept(&place), 0, "{what}");
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived, "{what}");
    assess(&mut place);
    assert_eq!(n_kept(&place), 2, "{what}");
}

#[test]
fn what_was_kept_is_told_and_is_what_would_be_derived() {
    let mut place = assessed();
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived);
    assert_eq!(told.0.len(), 1);
    assert_eq!(assess(&mut place), told.0);
}

#[test]
fn nothing_is_derived_again_where_nothing_has_changed() {
    let mut place = assessed();
    place
        .store
        .db
        .execute_batch("DROP TRIGGER policy_result_deleted; DELETE FROM policy_result; UPDATE packed_day SET entries = x''")
        .unwrap();
    assert_eq!(assess(&mut place).len(), 1);
    let today = TODAY.parse().unwrap();
    assert_eq!(place.store.problems(today, &ours()).unwrap().len(), 1);
}

#[test]
fn every_new_report_outdates_what_was_kept() {
    let new = || mail(&[failing("3", "2026-11-20", "certificate-expired")]);
    assert_outdates("stored", |place| {
        place.record(&[new()]);
    });
    let more = report_of("1", "2026-11-19", json!([policy("sts", 99, 0, json!([]))]));
    assert_outdates("in conflict", |place| {
        place.record(&[mail(std::slice::from_ref(&more))]);
    });
    assert_outdates("proven", |place| {
        place.record(&[proven(&more)]);
    });
}

#[test]
fn a_copy_that_proves_what_was_set_aside_outdates_what_was_kept() {
    let copy = failing("2", "2026-11-20", "certificate-expired");
    assert_outdates("proven copy", |place| {
        place.record(&[proven(&copy)]);
    });
}

#[test]
fn accepting_a_report_outdates_what_was_kept() {
    let mut place = assessed();
    let before = state(&place);
    place.store.accept(Accept::Mail(2), at(NOW), &ours()).unwrap();
    // It is assessed at once, if on another day perhaps.
    assert_ne!(state(&place), before);
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived);
    assert_eq!(told.0[0].failed.known, 2);
}

#[test]
fn retention_reparse_forget_and_reassess_outdate_what_was_kept() {
    assert_outdates("retention", |place| {
        place.store.retain(Span::Days(2), at(NOW)).unwrap();
    });
    assert_outdates("reparse", |place| {
        let report = report_of(
            "1",
            "2026-11-19",
            json!([policy("sts", 9, 2, json!([detail("made-up", 2)]))]),
        );
        let parsed = report::parse(&report.to_string(), &Limits::default(), &Context::default()).unwrap();
        place
            .store
            .rewrite_report(1, &parsed, &BTreeSet::new(), "webmail.example", at(NOW))
            .unwrap();
    });
    assert_outdates("forget", |place| {
        place.store.forget("example.org").unwrap();
        assert_eq!(place.row("SELECT count(*) FROM outcome"), "0");
        assert_eq!(place.row("SELECT count(*) FROM outcome_problem"), "0");
    });
    let mut place = assessed();
    let before = state(&place);
    place.store.reassess(TODAY.parse().unwrap(), &ours()).unwrap();
    assert_ne!(state(&place), before);
}

#[test]
fn what_people_say_outdates_what_was_kept() {
    let say = |place: &mut Place, about: &str, saying: Saying| {
        let remark = Remark {
            about: about.to_owned(),
            day: TODAY.parse().unwrap(),
            by: "anna".to_owned(),
            saying,
        };
        place.store.remark(&remark).unwrap();
    };
    assert_outdates("note", |place| {
        say(place, "example.org", Saying::Note("moved".to_owned()));
    });
    assert_outdates("retire", |place| say(place, "mx.example.org", Saying::Retired));
    assert_outdates("ack", |place| {
        let id = assess(place)[0].id.clone();
        say(place, &id, Saying::Acknowledged("2026-12-01".parse().unwrap()));
    });
    assert_outdates("withdraw", |place| {
        say(place, "example.org", Saying::Retired);
        assess(place);
        let today = TODAY.parse().unwrap();
        let taken_back = place
            .store
            .withdraw("example.org", &Saying::Retired, today, "anna");
        assert_eq!(taken_back.unwrap(), 1);
    });
}

/// Sends a mail that tells of the problem.
fn tell(place: &mut Place) {
    let told = assess(place).remove(0);
    let telling = crate::assess::news::Telling {
        day: TODAY.parse().unwrap(),
        event: crate::assess::news::Event::New,
        impact: told.impact,
        reporters: 1,
        episode: told.episodes[0].first_day,
        last_day: told.episodes[0].last_day,
        is_urgent: false,
    };
    let mut digest = composed("1@example.org");
    digest.kind = MailKind::Daily;
    digest.tellings = vec![(told.id, telling)];
    let recipients = recipients();
    place
        .store
        .fix_digest(&question("2026-11-22T07:00:00Z", &recipients), |_| Some(digest))
        .unwrap();
}

#[test]
fn what_a_digest_tells_of_a_problem_that_stands_changes_nothing() {
    let mut place = assessed();
    tell(&mut place);
    assert_eq!(place.row("SELECT count(*) FROM telling"), "1");
    assert_eq!(n_kept(&place), 2);
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived);
    let kept = assess(&mut place);
    place.store.db.execute("DELETE FROM outcome", ()).unwrap();
    assert_eq!(assess(&mut place), kept);
}

#[test]
fn what_a_digest_tells_of_a_problem_that_is_gone_outdates_what_was_kept() {
    assert_outdates("digest", |place| {
        let id = &assess(place)[0].id;
        let hide = "UPDATE outcome_problem SET id = 'of another'";
        let db = &place.store.db;
        db.execute(hide, ()).unwrap();
        db.execute(
            "INSERT INTO telling (audience, problem, day, event, reminder, impact, reporters, episode, last_day, is_urgent)
             SELECT 'default', number, '2026-11-22', 'new', 0, 'held', 1, '2026-11-19', '2026-11-19', 0
             FROM problem WHERE id = ?1",
            [id],
        )
        .unwrap();
    });
}

#[test]
fn learning_an_mx_host_outdates_what_was_kept() {
    for sql in [
        "INSERT INTO learnt_mx (pattern) VALUES ('mx.example.net')",
        "UPDATE learnt_mx SET pattern = 'mx.example.com'",
        "DELETE FROM learnt_mx",
    ] {
        assert_outdates(sql, |place| {
            let others = "INSERT OR IGNORE INTO learnt_mx (pattern) VALUES ('mx9.example.net')";
            place.store.db.execute(others, ()).unwrap();
            assess(place);
            place.store.db.execute(sql, ()).unwrap();
        });
    }
}

#[test]
fn another_day_other_domains_or_a_broken_row_are_derived_anew() {
    let place = assessed();
    let db = &place.store.db;
    let kept = state(&place);
    let tomorrow = outcome::state(db, "2026-11-23".parse().unwrap(), &ours()).unwrap();
    assert_ne!(tomorrow, kept);
    let others = DomainsConfig {
        mail: vec!["example.net".to_owned()],
        ..ours()
    };
    assert_ne!(outcome::state(db, TODAY.parse().unwrap(), &others).unwrap(), kept);
    let n_told = || {
        let problems = place.store.problems(TODAY.parse().unwrap(), &ours());
        problems.unwrap().len()
    };
    db.execute("UPDATE outcome_problem SET value = x'00'", ())
        .unwrap();
    assert_eq!(n_told(), 1);
    db.execute("UPDATE outcome_problem SET id = 'other'", ()).unwrap();
    assert_eq!(n_told(), 1);
    db.execute("UPDATE outcome SET value = x'ff'", ()).unwrap();
    assert_eq!(n_told(), 1);
}

/// What tells of reports: triggers clear the pack of their day, and a new one is newer than all packs.
const OF_REPORTS: [&str; 5] = ["report", "policy_result", "failure", "packed_day", "packed_to"];
/// What the state is made of, and what is kept for it.
const OF_THE_STATE: [&str; 3] = ["outcome", "outcome_problem", "change"];
/// Rows that nothing is read of but through reports.
const SHARED: [&str; 2] = ["policy", "sender"];
/// Where an assessment writes what differs from what is there, and nothing that it is told.
const WRITTEN: [&str; 8] = [
    "problem_episode",
    "problem_domain",
    "problem_reporter",
    "problem_failure_type",
    "joined",
    "stale_policy_result",
    "failure_type",
    "month",
];

/// What is read of the tables of the schema while something is done, by table and column.
fn read_during(place: &mut Place, act: impl FnOnce(&mut Place)) -> BTreeMap<String, BTreeSet<String>> {
    let columns: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>> = Arc::default();
    let seen = Arc::clone(&columns);
    // It is asked while statements are prepared, and those that were are prepared again.
    let authorizer = move |context: AuthContext<'_>| {
        if let AuthAction::Read {
            table_name,
            column_name,
        } = context.action
            && context.accessor.is_none()
        {
            let mut seen = seen.lock().unwrap();
            let columns = seen.entry(table_name.to_owned()).or_default();
            columns.insert(column_name.to_owned());
        }
        Authorization::Allow
    };
    place.store.db.authorizer(Some(authorizer)).unwrap();
    act(place);
    let none: Option<fn(AuthContext<'_>) -> Authorization> = None;
    place.store.db.authorizer(none).unwrap();
    let seen = columns.lock().unwrap();
    seen.clone()
}

/// What of a table changes the number of [`state`] by triggers: its columns by event, and `*` for all of them.
fn triggers_of(place: &Place, table: &str) -> BTreeMap<String, BTreeSet<String>> {
    let sql = r"SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'change\_%' ESCAPE '\' AND tbl_name = :table";
    let statements = super::rows(&place.store, sql, rusqlite::named_params! { ":table": table });
    let mut triggers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in statements {
        let (_, event) = statement.split_once(" AFTER ").unwrap();
        let (event, begin) = event.split_once(&format!(" ON {table} ")).unwrap();
        let (condition, begin) = begin.split_at(begin.find("BEGIN ").unwrap());
        assert_eq!(begin, "BEGIN UPDATE change SET n = n + 1; END");
        assert!(condition.is_empty() || table == "telling", "{statement}");
        let (event, columns) = event.split_once(" OF ").unwrap_or((event, "*"));
        let columns = columns.split(", ").map(str::to_owned).collect();
        triggers.insert(event.to_owned(), columns);
    }
    triggers
}

/// The column by which rows are numbered, which never changes.
fn numbers_of(place: &Place, table: &str) -> Vec<String> {
    let sql = "SELECT name FROM pragma_table_info(:table) WHERE pk AND type = 'INTEGER'";
    super::rows(&place.store, sql, rusqlite::named_params! { ":table": table })
}

/// Reads everything anew that readers and the assessment are told.
fn derive_anew(place: &mut Place) {
    place
        .store
        .db
        .execute("UPDATE outcome SET state = 'of another time'", ())
        .unwrap();
    let today = TODAY.parse().unwrap();
    place.store.problems_with_survey(today, &ours()).unwrap();
}

#[test]
fn only_problems_that_differ_are_written_again() {
    let mut place = assessed();
    let other = |id: &str, day: &str| {
        let mut report = failing(id, day, "starttls-not-supported");
        let policy = &mut report["policies"][0];
        policy["policy"]["policy-domain"] = json!("example.net");
        policy["failure-details"][0]["receiving-mx-hostname"] = json!("mx.example.net");
        mail(&[report])
    };
    place.record(&[other("4", "2026-11-20")]);
    assess(&mut place);
    place
        .store
        .db
        .execute_batch(
            "CREATE TEMP TABLE written (id TEXT);
             CREATE TEMP TRIGGER inserted AFTER INSERT ON outcome_problem BEGIN INSERT INTO written VALUES (NEW.id); END;
             CREATE TEMP TRIGGER updated AFTER UPDATE ON outcome_problem BEGIN INSERT INTO written VALUES (NEW.id); END;",
        )
        .unwrap();
    place.record(&[other("5", "2026-11-21")]);
    let problems = assess(&mut place);
    let differs = problems
        .iter()
        .find(|problem| problem.result_types == ["starttls-not-supported"]);
    assert_eq!(problems.len(), 2);
    assert_eq!(
        place.rows("SELECT id FROM written"),
        [differs.unwrap().id.clone()]
    );
}

#[test]
fn everything_that_an_outcome_is_derived_from_changes_what_it_stands_for() {
    let mut place = assessed();
    for (stage, is_packed) in [("packs", true), ("rows", false)] {
        if !is_packed {
            place
                .store
                .db
                .execute("UPDATE packed_day SET entries = NULL", ())
                .unwrap();
        }
        let read = read_during(&mut place, derive_anew);
        assert!(
            read.contains_key("remark") && read.contains_key("policy"),
            "{read:?}"
        );
        assert_eq!(read.contains_key("failure"), !is_packed, "{stage}");
        for (table, columns) in &read {
            if OF_REPORTS.contains(&table.as_str()) || OF_THE_STATE.contains(&table.as_str()) {
                continue;
            }
            let triggers = triggers_of(&place, table);
            let events: &[&str] = if SHARED.contains(&table.as_str()) {
                &["UPDATE"]
            } else {
                &["INSERT", "UPDATE", "DELETE"]
            };
            for event in events {
                let told = triggers.get(*event);
                assert!(
                    told.is_some(),
                    "no trigger change_{table}_ tells of {event} on {table}, which an assessment reads"
                );
                let told = told.unwrap();
                let numbers = numbers_of(&place, table);
                let untold = columns.iter().filter(|column| !numbers.contains(column));
                let untold: Vec<&String> = untold
                    .filter(|column| !told.contains("*") && !told.contains(*column))
                    .collect();
                assert_eq!(
                    untold,
                    Vec::<&String>::new(),
                    "{event} of these columns of {table} goes unnoticed"
                );
            }
        }
    }
}

#[test]
fn what_alone_decides_what_an_assessment_hands_over_changes_what_its_outcome_stands_for() {
    let mut place = assessed();
    place
        .store
        .db
        .execute("UPDATE packed_day SET entries = NULL", ())
        .unwrap();
    let read = read_during(&mut place, |place| {
        assess(place);
    });
    let known: Vec<&str> = [&OF_REPORTS[..], &OF_THE_STATE, &SHARED, &WRITTEN].concat();
    let untold = read.keys().map(String::as_str);
    let untold: Vec<&str> = untold
        .filter(|table| !known.contains(table) && triggers_of(&place, table).len() < 3)
        .collect();
    assert!(read.contains_key("telling"), "{read:?}");
    assert_eq!(untold, Vec::<&str>::new());
}
