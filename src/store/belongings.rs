//! Which failures, failure types and entries belong to which problem, where that differs from what is kept.

use std::collections::BTreeSet;
use std::rc::Rc;

use rusqlite::{Connection, named_params};
use rustc_hash::FxHashSet;

use super::day::MAX_VALUES;
use super::derive::Joined;
use super::keys::Keys;
use crate::assess::cause::Cause;
use crate::assess::history::{Entry, History, Kind};
use crate::assess::problem::Problem;

/// The policy results that show an old policy beyond its time, each with the problem that this is.
pub(super) fn keep_stale(db: &Connection, keys: &mut Keys, history: &History) -> rusqlite::Result<()> {
    let mut now: BTreeSet<(i64, i64)> = BTreeSet::new();
    for failure in history
        .failures
        .iter()
        .filter(|failure| failure.cause == Cause::StalePolicy)
    {
        let Some(entry) = history.entries.get(failure.entry) else {
            continue;
        };
        let problem = keys.number_or_new(db, &(failure.cause, failure.place.clone()))?;
        now.extend(
            policy_results(db, entry)?
                .into_iter()
                .map(|result| (result, problem)),
        );
    }
    let before: BTreeSet<(i64, i64)> = db
        .prepare("SELECT policy_result, problem FROM stale_policy_result")?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (policy_result, _) in before.difference(&now) {
        db.prepare_cached("DELETE FROM stale_policy_result WHERE policy_result = :policy_result")?
            .execute(named_params! { ":policy_result": policy_result })?;
    }
    for (policy_result, problem) in now.difference(&before) {
        db.prepare_cached(
            "INSERT OR REPLACE INTO stale_policy_result (policy_result, problem) VALUES (:policy_result, :problem)",
        )?
        .execute(named_params! { ":policy_result": policy_result, ":problem": problem })?;
    }
    Ok(())
}

/// The rows of an entry: those of its report about its domain with its very policy.
fn policy_results(db: &Connection, entry: &Entry) -> rusqlite::Result<Vec<i64>> {
    let mut statement = db.prepare_cached(
        "SELECT policy_result.id, policy.policy_string
         FROM policy_result JOIN policy ON policy.id = policy_result.policy
         WHERE policy_result.report = :report AND policy.policy_domain = :domain AND policy.policy_type = :type",
    )?;
    let parameters = named_params! {
        ":report": entry.report, ":domain": &*entry.domain, ":type": entry.policy.policy_type,
    };
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let lines: Vec<String> = serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default();
        if lines == entry.policy.lines {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

pub(super) fn keep_joined(db: &Connection, now: &Joined) -> rusqlite::Result<()> {
    let before: Joined = db
        .prepare("SELECT policy_result, problem, into_problem FROM joined")?
        .query_map((), |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (policy_result, problem) in before.keys().filter(|key| !now.contains_key(key)) {
        db.prepare_cached("DELETE FROM joined WHERE policy_result = :policy_result AND problem = :problem")?
            .execute(named_params! { ":policy_result": policy_result, ":problem": problem })?;
    }
    for ((policy_result, problem), into) in now {
        if before.get(&(*policy_result, *problem)) != Some(into) {
            db.prepare_cached(
                "INSERT OR REPLACE INTO joined (policy_result, problem, into_problem)
                 VALUES (:policy_result, :problem, :into)",
            )?
            .execute(named_params! { ":policy_result": policy_result, ":problem": problem, ":into": into })?;
        }
    }
    Ok(())
}

/// Which failure types show which problem, by all rows.
const ALL_FAILURE_TYPES: &str = "SELECT DISTINCT iif(joined.problem IS NULL, failure.problem, joined.into_problem), failure.failure_type
     FROM failure CROSS JOIN policy_result ON policy_result.id = failure.policy_result
          CROSS JOIN report ON report.id = policy_result.report
          LEFT JOIN joined ON joined.policy_result = failure.policy_result AND joined.problem = failure.problem
     WHERE failure.problem IS NOT NULL AND failure.failure_type IS NOT NULL AND report.status = 'counted'
       AND (joined.problem IS NULL OR joined.into_problem IS NOT NULL)";

/// The same by numbers, from the history. `None` where a hostile report has so many that the history doesn't hold them
/// all.
fn failure_types(keys: &Keys, history: &History, problems: &[Problem]) -> Option<BTreeSet<(i64, i64)>> {
    let mut pairs = BTreeSet::new();
    let mut seen: FxHashSet<(i64, *const Kind)> = FxHashSet::default();
    for problem in problems {
        let Some(number) = keys.number(problem.cause, &problem.place) else {
            continue;
        };
        let failures = problem.failures.iter().filter_map(|at| history.failures.get(*at));
        for failure in failures.filter(|failure| seen.insert((number, Rc::as_ptr(&failure.kind)))) {
            if failure.failure_types.len() >= MAX_VALUES {
                return None;
            }
            pairs.extend(failure.failure_types.iter().map(|id| (number, *id)));
        }
    }
    Some(pairs)
}

/// Which failure types show which problem; what retention has removed stays.
pub(super) fn keep_failure_types(
    db: &Connection,
    keys: &Keys,
    history: &History,
    problems: &[Problem],
) -> rusqlite::Result<()> {
    let pairs = |sql: &str| -> rusqlite::Result<BTreeSet<(i64, i64)>> {
        db.prepare(sql)?
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let now = match failure_types(keys, history, problems) {
        Some(now) => now,
        None => pairs(ALL_FAILURE_TYPES)?,
    };
    let before = pairs("SELECT problem, failure_type FROM problem_failure_type")?;
    for (problem, failure_type) in before.difference(&now) {
        db.prepare_cached(
            "DELETE FROM problem_failure_type WHERE problem = :problem AND failure_type = :failure_type
             AND failure_type IN (SELECT id FROM failure_type WHERE expired_first_day IS NULL)",
        )?
        .execute(named_params! { ":problem": problem, ":failure_type": failure_type })?;
    }
    for (problem, failure_type) in now.difference(&before) {
        db.prepare_cached(
            "INSERT INTO problem_failure_type (problem, failure_type) VALUES (:problem, :failure_type)",
        )?
        .execute(named_params! { ":problem": problem, ":failure_type": failure_type })?;
        // A mail has told the problem already, and doesn't tell it anew for another sign of it.
        db.prepare_cached(
            "UPDATE failure_type SET (announced, announced_at) = (told.digest, told.due_at)
             FROM (SELECT digest.id AS digest, digest.due_at FROM telling JOIN digest ON digest.id = telling.digest
                   WHERE telling.problem = :problem ORDER BY telling.id LIMIT 1) AS told
             WHERE id = :failure_type AND announced_at IS NULL",
        )?
        .execute(named_params! { ":problem": problem, ":failure_type": failure_type })?;
    }
    Ok(())
}
