//! Ids that vague problems hand to the precise ones that they turn out to be.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, named_params};

use super::derive::joined;
use super::history::Read;
use super::keys::Keys;
use crate::assess::problem::Problem;

/// Lets a problem that was told under another name keep the id by which people know it: where all failures of a vague
/// problem that was told belong to a precise one now that wasn't, that one gets its id, and its own becomes an alias.
pub(super) fn take_over(
    db: &Connection,
    keys: &Keys,
    read: &Read,
    problems: &[Problem],
) -> rusqlite::Result<bool> {
    let own: BTreeSet<i64> = problems
        .iter()
        .filter_map(|problem| keys.number(problem.cause, &problem.place))
        .collect();
    let told: BTreeSet<i64> = db
        .prepare("SELECT DISTINCT problem FROM telling")?
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // Rows of policy results grow, so the last one is the newest arrival.
    let heirs: BTreeMap<i64, i64> = joined(read, keys, problems)
        .into_iter()
        .filter_map(|((_, from), into)| Some((from, into?)))
        .collect();
    let mut taken = BTreeSet::new();
    for (from, into) in heirs {
        if told.contains(&from) && !own.contains(&from) && !told.contains(&into) && taken.insert(into) {
            hand_over(db, keys, from, into)?;
        }
    }
    Ok(!taken.is_empty())
}

fn hand_over(db: &Connection, keys: &Keys, from: i64, into: i64) -> rusqlite::Result<()> {
    let Some((cause, place)) = keys.key(from) else {
        return Ok(());
    };
    let id = |number: i64| -> rusqlite::Result<String> {
        db.query_row(
            "SELECT id FROM problem WHERE number = :number",
            named_params! { ":number": number },
            |row| row.get(0),
        )
    };
    let (known, own) = (id(from)?, id(into)?);
    let set = |number: i64, id: &str| {
        db.execute(
            "UPDATE problem SET id = :id WHERE number = :number",
            named_params! { ":id": id, ":number": number },
        )
    };
    set(from, &keys.free_id(*cause, place))?;
    set(into, &known)?;
    db.execute(
        "INSERT INTO problem_alias (id, problem) VALUES (:id, :problem)",
        named_params! { ":id": own, ":problem": into },
    )?;
    // Whoever is told of some domains alone may never hear of the precise one, so it stays known what was told.
    for sql in [
        "UPDATE telling SET problem = :into, told_as = coalesce(told_as, :from) WHERE problem = :from",
        "UPDATE remark SET problem = :into, said_as = coalesce(said_as, :from) WHERE problem = :from",
    ] {
        db.execute(sql, named_params! { ":into": into, ":from": from })?;
    }
    Ok(())
}
