//! What people say of problems, domains and MX hosts; and which problem a text names.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::facts::date;
use super::{Store, StoreError};
use crate::assess::cause::host_form;
use crate::assess::history::{Remark, Saying};

impl Store {
    /// Keeps what a person said; `about` is a problem's id, a domain or an MX host.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn remark(&mut self, remark: &Remark) -> Result<(), StoreError> {
        self.remark_because(remark, "")
    }

    /// As [`Store::remark`], with a reason for what isn't a note; empty: none was given.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn remark_because(&mut self, remark: &Remark, why: &str) -> Result<(), StoreError> {
        let tx = self.begin()?;
        let problem = number_of(&tx, &remark.about)?;
        let about = problem.map_or_else(|| host_form(&remark.about), |_| String::new());
        let (kind, text, until) = match &remark.saying {
            Saying::Note(text) => ("note", text.as_str(), None),
            Saying::Fixed => ("fixed", why, None),
            Saying::Acknowledged(until) => ("acknowledged", why, Some(until)),
            Saying::Retired => ("retired", why, None),
        };
        tx.execute(
            "INSERT INTO remark (problem, about, day, said_by, kind, text, until)
             VALUES (:problem, :about, :day, :by, :kind, :text, :until)",
            named_params! {
                ":problem": problem, ":about": about, ":day": remark.day.to_string(), ":by": remark.by,
                ":kind": kind, ":text": text, ":until": until.map(Date::to_string).unwrap_or_default(),
            },
        )?;
        tx.commit()?;
        Ok(())
    }

    /// Takes back what was said of `about` so far, as far as it is of the same kind as `saying`: it stays on record, and
    /// so does that it was taken back, but it no longer holds. Gives how many sayings that were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn withdraw(
        &mut self,
        about: &str,
        saying: &Saying,
        day: Date,
        by: &str,
    ) -> Result<usize, StoreError> {
        let tx = self.begin()?;
        let problem = number_of(&tx, about)?;
        let held = |remark: &&Remark| {
            let same_thing = number_of(&tx, &remark.about).is_ok_and(|number| match problem {
                Some(_) => number == problem,
                None => number.is_none() && remark.about == host_form(about),
            });
            same_thing && kind(&remark.saying) == kind(saying)
        };
        let n_held = read(&tx)?.iter().filter(held).count();
        if n_held > 0 {
            let about = problem.map_or_else(|| host_form(about), |_| String::new());
            tx.execute(
                "INSERT INTO remark (problem, about, day, said_by, kind, text, until)
                 VALUES (:problem, :about, :day, :by, 'withdrawn', :kind, '')",
                named_params! {
                    ":problem": problem, ":about": about, ":day": day.to_string(), ":by": by,
                    ":kind": kind(saying),
                },
            )?;
        }
        tx.commit()?;
        Ok(n_held)
    }

    /// Everything that was said and still holds, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn remarks(&self) -> Result<Vec<Remark>, StoreError> {
        Ok(read(&self.db)?)
    }

    /// Whether a report that counts is about this domain, or names this MX, lower case.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn knows_name(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.known_names()?.iter().any(|known| known == name))
    }

    /// The domains and the MX hosts with failures that reports name, lower case.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn known_names(&self) -> Result<Vec<String>, StoreError> {
        let names = self
            .db
            .prepare_cached(
                "SELECT policy_domain FROM policy WHERE policy_domain <> ''
                 UNION SELECT receiving_mx_hostname FROM failure_type WHERE receiving_mx_hostname <> ''
                 UNION SELECT place FROM problem WHERE place <> ''",
            )?
            .query_map((), |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(names)
    }

    /// The id of the problem that a text names: its id, one that it had before, or the beginning of an id that only one
    /// problem has. `None` where there is no such problem, or where it could be several.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn problem_id(&self, text: &str) -> Result<Option<String>, StoreError> {
        let text = text.trim().to_ascii_lowercase();
        // So that nothing in it means more to LIKE.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        if let Some(number) = number_of(&self.db, &text)? {
            // One that is nothing of its own any more is what its failures joined.
            let id = self.db.query_row(
                "SELECT coalesce((SELECT heir.id FROM joined JOIN problem AS heir ON heir.number = joined.into_problem
                                  WHERE joined.problem = problem.number AND problem.first_day = ''
                                  ORDER BY joined.policy_result DESC LIMIT 1), id)
                 FROM problem WHERE number = :number",
                named_params! { ":number": number },
                |row| row.get(0),
            )?;
            return Ok(Some(id));
        }
        let mut ids: Vec<String> = self
            .db
            .prepare_cached("SELECT id FROM problem WHERE first_day <> '' AND id LIKE :begin LIMIT 2")?
            .query_map(named_params! { ":begin": format!("{text}%") }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(if ids.len() == 1 { ids.pop() } else { None })
    }
}

/// The number of the problem that has an id or had it before.
pub(super) fn number_of(db: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(
        "SELECT number FROM problem WHERE id = :id UNION ALL SELECT problem FROM problem_alias WHERE id = :id LIMIT 1",
    )?
    .query_row(named_params! { ":id": id }, |row| row.get(0))
    .optional()
}

fn kind(saying: &Saying) -> &'static str {
    match saying {
        Saying::Note(_) => "note",
        Saying::Fixed => "fixed",
        Saying::Acknowledged(_) => "acknowledged",
        Saying::Retired => "retired",
    }
}

/// What holds and was not taken back later.
macro_rules! and_still_holds {
    () => {
        "kind <> 'withdrawn' AND NOT EXISTS (
             SELECT 1 FROM remark AS later
             WHERE later.kind = 'withdrawn' AND later.id > remark.id AND later.text = remark.kind
                   AND later.problem IS remark.problem AND later.about = remark.about)
         ORDER BY remark.id"
    };
}

/// What was said and not taken back later.
pub(super) fn read(db: &Connection) -> rusqlite::Result<Vec<Remark>> {
    db.prepare_cached(concat!(
        "SELECT coalesce(problem.id, remark.about), day, said_by, kind, text, until
         FROM remark LEFT JOIN problem ON problem.number = remark.problem WHERE ",
        and_still_holds!()
    ))?
    .query_map((), remark)?
    .collect()
}

/// What was said of problems whose ids belong to others since, under the ids that they have now.
pub(super) fn read_as_said(db: &Connection) -> rusqlite::Result<Vec<Remark>> {
    db.prepare_cached(concat!(
        "SELECT problem.id, day, said_by, kind, text, until
         FROM remark JOIN problem ON problem.number = remark.said_as WHERE ",
        and_still_holds!()
    ))?
    .query_map((), remark)?
    .collect()
}

fn remark(row: &Row<'_>) -> rusqlite::Result<Remark> {
    Ok(Remark {
        about: row.get(0)?,
        day: date(row.get_ref(1)?.as_str()?),
        by: row.get(2)?,
        saying: match row.get_ref(3)?.as_str()? {
            "fixed" => Saying::Fixed,
            "acknowledged" => Saying::Acknowledged(date(row.get_ref(5)?.as_str()?)),
            "retired" => Saying::Retired,
            _ => Saying::Note(row.get(4)?),
        },
    })
}
