//! What an assessment reads, as SQLite's authorizer sees it, and whether a trigger tells of each change to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::Place;
use super::outcome::{TODAY, assess, assessed, ours};

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
