//! The outcome of the last assessment, kept so that nobody derives again what hasn't changed.
//!
//! With it is kept what it stands for: the day, the configuration, the program, and a number that triggers change with
//! everything beside the reports that an assessment reads. Reports have changed where a day isn't packed
//! ([`super::packed`]); to pack it changes that number too.
//!
//! Of the problems each has a row of its own, so that what a few mails change is all that is written.

use std::collections::{BTreeSet, HashMap};
use std::time::UNIX_EPOCH;

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, named_params};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::packed;
use crate::assess::domains::Survey;
use crate::assess::problem::Problem;
use crate::config::DomainsConfig;

/// What is kept.
#[derive(Debug, Clone, Copy)]
enum What {
    Problems,
    Survey,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            Self::Problems => "problems",
            Self::Survey => "survey",
        }
    }
}

/// What an outcome of this moment would stand for; `None` where reports have changed since the last assessment.
pub(super) fn state(
    db: &Connection,
    today: Date,
    domains: &DomainsConfig,
) -> rusqlite::Result<Option<String>> {
    let Some(program) = program() else {
        return Ok(None);
    };
    if packed::has_changed(db)? {
        return Ok(None);
    }
    let n_changes: i64 = db
        .prepare_cached("SELECT n FROM change WHERE id = 0")?
        .query_row((), |row| row.get(0))?;
    let state = json!([program, today, domains.mail, domains.mx, n_changes]);
    Ok(Some(state.to_string()))
}

/// This program's version and, since one that is built anew may judge otherwise, its file. `None` where that is gone: it
/// was replaced by another.
fn program() -> Option<String> {
    let file = std::env::current_exe().ok()?.metadata().ok()?;
    let built = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!(
        "{} {} {}",
        env!("CARGO_PKG_VERSION"),
        file.len(),
        built.as_nanos()
    ))
}

/// What was kept of this state: the bytes of `outcome.value`.
fn value<T: DeserializeOwned>(db: &Connection, what: What, state: &str) -> rusqlite::Result<Option<T>> {
    let found = db
        .prepare_cached("SELECT value FROM outcome WHERE what = :what AND state = :state")?
        .query_row(named_params! { ":what": what.as_str(), ":state": state }, |row| {
            Ok(postcard::from_bytes(row.get_ref(0)?.as_blob()?).ok())
        })
        .optional()?;
    Ok(found.flatten())
}

fn keep_value(db: &Connection, what: What, state: &str, value: &[u8]) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO outcome (what, state, value) VALUES (:what, :state, :value)
         ON CONFLICT DO UPDATE SET state = excluded.state, value = excluded.value",
    )?
    .execute(named_params! { ":what": what.as_str(), ":state": state, ":value": value })?;
    Ok(())
}

/// The survey that was kept for this state.
pub(super) fn survey(db: &Connection, state: &str) -> rusqlite::Result<Option<Survey>> {
    value(db, What::Survey, state)
}

/// Keeps a survey in the place of the last one.
pub(super) fn keep_survey(db: &Connection, state: &str, survey: &Survey) -> rusqlite::Result<()> {
    match postcard::to_stdvec(survey) {
        Ok(value) => keep_value(db, What::Survey, state, &value),
        // It is derived again, then.
        Err(_) => Ok(()),
    }
}

/// The problems that were kept for this state, in their order.
pub(super) fn problems(db: &Connection, state: &str) -> rusqlite::Result<Option<Vec<Problem>>> {
    let Some(ids) = value::<Vec<String>>(db, What::Problems, state)? else {
        return Ok(None);
    };
    let mut by_id: HashMap<String, Problem> = HashMap::new();
    let mut statement = db.prepare_cached("SELECT id, value FROM outcome_problem")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let Ok(problem) = postcard::from_bytes(row.get_ref(1)?.as_blob()?) else {
            return Ok(None);
        };
        by_id.insert(row.get(0)?, problem);
    }
    Ok(ids.iter().map(|id| by_id.remove(id)).collect())
}

/// Keeps the problems in the place of the last ones; only what differs is written.
pub(super) fn keep_problems(db: &Connection, state: &str, problems: &[Problem]) -> rusqlite::Result<()> {
    // Until all of them are there, there are none.
    db.prepare_cached("DELETE FROM outcome WHERE what = :what")?
        .execute(named_params! { ":what": What::Problems.as_str() })?;
    let mut gone: BTreeSet<String> = db
        .prepare_cached("SELECT id FROM outcome_problem")?
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for problem in problems {
        let Ok(value) = postcard::to_stdvec(problem) else {
            return Ok(());
        };
        let is_there = gone.remove(&problem.id);
        let is_same = is_there
            && db
                .prepare_cached("SELECT value FROM outcome_problem WHERE id = :id")?
                .query_row(named_params! { ":id": problem.id }, |row| {
                    Ok(row.get_ref(0)?.as_blob()? == value)
                })?;
        if !is_same {
            db.prepare_cached(
                "INSERT INTO outcome_problem (id, value) VALUES (:id, :value)
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(named_params! { ":id": problem.id, ":value": value })?;
        }
    }
    for id in gone {
        db.prepare_cached("DELETE FROM outcome_problem WHERE id = :id")?
            .execute(named_params! { ":id": id })?;
    }
    let ids: Vec<&str> = problems.iter().map(|problem| problem.id.as_str()).collect();
    match postcard::to_stdvec(&ids) {
        Ok(value) => keep_value(db, What::Problems, state, &value),
        Err(_) => Ok(()),
    }
}
