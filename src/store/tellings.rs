//! What digests told of problems, and of the events that are told once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rusqlite::{Connection, Row, named_params};

use super::facts::date;
use super::{Store, StoreError};
use crate::assess::impact::Impact;
use crate::assess::news::{Event, Telling, Worse};

const IMPACTS: [Impact; 9] = [
    Impact::Held,
    Impact::BySender,
    Impact::Unknown,
    Impact::Plain,
    Impact::Unprotected,
    Impact::Cached,
    Impact::Passed,
    Impact::Delivered,
    Impact::InSpite,
];

const EVENTS: [Event; 12] = [
    Event::New,
    Event::Returned,
    Event::WasNotOver,
    Event::Worse(Worse::Impact),
    Event::Worse(Worse::Reporters),
    Event::Worse(Worse::Failures),
    Event::LateNews,
    Event::Ongoing,
    Event::Fading,
    Event::Resolved,
    Event::Past,
    Event::Reminder(0),
];

impl Store {
    /// What an audience was told of each problem, by its id, oldest first. What `of_some_domains` were told is found under
    /// the problem that they saw, whatever the reports on other domains have made of it since.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn tellings(
        &self,
        audience: &str,
        of_some_domains: bool,
    ) -> Result<BTreeMap<String, Vec<Telling>>, StoreError> {
        let mut tellings: BTreeMap<String, Vec<Telling>> = BTreeMap::new();
        let mut statement = self.db.prepare_cached(
            "SELECT problem.id, day, event, reminder, telling.impact, telling.reporters, episode, telling.last_day,
                    is_urgent
             FROM telling JOIN problem
                  ON problem.number = iif(:of_some_domains, coalesce(telling.told_as, telling.problem), telling.problem)
             WHERE telling.audience = :audience ORDER BY telling.id",
        )?;
        let parameters = named_params! { ":audience": audience, ":of_some_domains": of_some_domains };
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            tellings.entry(row.get(0)?).or_default().push(telling(row)?);
        }
        Ok(tellings)
    }

    /// The keys of events that an audience was told.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn told_events(&self, audience: &str) -> Result<BTreeSet<String>, StoreError> {
        let keys = self
            .db
            .prepare_cached("SELECT key FROM told_event WHERE audience = :audience")?
            .query_map(named_params! { ":audience": audience }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(keys)
    }
}

fn telling(row: &Row<'_>) -> rusqlite::Result<Telling> {
    let event = row.get_ref(2)?.as_str()?;
    let event = match EVENTS.iter().find(|known| known.as_str() == event) {
        Some(Event::Reminder(_)) => Event::Reminder(row.get(3)?),
        Some(event) => *event,
        // Of a later version; whatever it was, the problem was told.
        None => Event::Ongoing,
    };
    let impact = row.get_ref(4)?.as_str()?;
    let impact = IMPACTS.iter().find(|known| known.as_str() == impact);
    Ok(Telling {
        day: date(row.get_ref(1)?.as_str()?),
        event,
        impact: impact.copied().unwrap_or(Impact::Unknown),
        reporters: row.get(5)?,
        episode: date(row.get_ref(6)?.as_str()?),
        last_day: date(row.get_ref(7)?.as_str()?),
        is_urgent: row.get(8)?,
    })
}

/// Remembers what a digest tells of a problem, in the digest's own transaction.
pub(super) fn tell(
    db: &Connection,
    digest: i64,
    audience: &str,
    problem: &str,
    telling: &Telling,
) -> rusqlite::Result<()> {
    let reminder = match telling.event {
        Event::Reminder(day) => day,
        _ => 0,
    };
    db.prepare_cached(
        "INSERT INTO telling (digest, audience, problem, day, event, reminder, impact, reporters, episode, last_day,
                              is_urgent)
         SELECT :digest, :audience, number, :day, :event, :reminder, :impact, :reporters, :episode, :last_day, :is_urgent
         FROM (SELECT number FROM problem WHERE id = :id
               UNION SELECT problem FROM problem_alias WHERE id = :id)",
    )?
    .execute(named_params! {
        ":digest": digest, ":audience": audience, ":id": problem, ":day": telling.day.to_string(), ":event": telling.event.as_str(),
        ":reminder": reminder, ":impact": telling.impact.as_str(), ":reporters": telling.reporters,
        ":episode": telling.episode.to_string(), ":last_day": telling.last_day.to_string(),
        ":is_urgent": telling.is_urgent,
    })?;
    Ok(())
}

/// Remembers that a digest tells an event, in the digest's own transaction.
pub(super) fn tell_event(
    db: &Connection,
    digest: i64,
    audience: &str,
    key: &str,
    day: Date,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO told_event (audience, key, digest, day) VALUES (:audience, :key, :digest, :day)",
    )?
    .execute(named_params! {
        ":audience": audience, ":key": key, ":digest": digest, ":day": day.to_string(),
    })?;
    Ok(())
}
