//! Episodes of problems of which retention has removed reports.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rusqlite::{Connection, Row};

use super::facts::{count, date};
use super::keys::Keys;
use crate::assess::history::Sum;
use crate::assess::problem::{Ending, Episode, Problem};

/// An episode of which reports were removed.
pub(super) struct Expired {
    episode: Episode,
    /// The last failing day that was removed.
    removed_to: Date,
}

impl Expired {
    /// The episode where nothing of it is left in reports.
    pub(super) fn episode_alone(&self) -> Episode {
        Episode {
            last_day: self.removed_to,
            ..self.episode.clone()
        }
    }
}

pub(super) fn expired_episodes(db: &Connection) -> rusqlite::Result<BTreeMap<i64, Vec<Expired>>> {
    let mut episodes: BTreeMap<i64, Vec<Expired>> = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT problem, first_day, last_day, removed_to, visible_from, failed, at_least, ended, ended_day,
                by_note
         FROM expired_episode ORDER BY problem, first_day",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        episodes.entry(row.get(0)?).or_default().push(expired(row)?);
    }
    Ok(episodes)
}

fn expired(row: &Row<'_>) -> rusqlite::Result<Expired> {
    let ending = match row.get_ref(7)?.as_str()? {
        "" => None,
        "resolved" => Some(Ending::Resolved),
        _ => Some(Ending::Past),
    };
    let day = |at: usize| -> rusqlite::Result<Date> { Ok(date(row.get_ref(at)?.as_str()?)) };
    let some_day = |at: usize| day(at).map(|day| (day != Date::default()).then_some(day));
    Ok(Expired {
        episode: Episode {
            first_day: day(1)?,
            last_day: day(2)?,
            visible_from: some_day(4)?,
            failed: Sum {
                known: count(row.get(5)?),
                at_least: row.get(6)?,
            },
            ended: ending.zip(some_day(8)?),
            by_note: some_day(9)?,
        },
        removed_to: day(3)?,
    })
}

/// Puts the episodes that retention has removed, or shortened, back into the problems' lives.
pub(super) fn add_expired(problems: &mut [Problem], keys: &Keys, expired: &BTreeMap<i64, Vec<Expired>>) {
    for problem in problems {
        let number = keys.number(problem.cause, &problem.place);
        for kept in number
            .and_then(|number| expired.get(&number))
            .into_iter()
            .flatten()
        {
            let rest = problem.episodes.iter_mut().find(|episode| {
                episode.first_day <= kept.episode.last_day && episode.last_day >= kept.episode.first_day
            });
            if let Some(rest) = rest {
                rest.first_day = rest.first_day.min(kept.episode.first_day);
                rest.visible_from = kept.episode.visible_from.or(rest.visible_from);
                rest.failed.add(kept.episode.failed);
            } else {
                problem.episodes.push(kept.episode_alone());
            }
        }
        problem.episodes.sort_by_key(|episode| episode.first_day);
    }
}
