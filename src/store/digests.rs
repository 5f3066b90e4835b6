//! Digests: fixed once, sent until accepted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::facts::{Question, facts, next_range};
use super::rows::{DigestFacts, MailKind};
use super::tellings::{tell, tell_event};
use super::{Store, StoreError, moment, text};
use crate::assess::news::Telling;

/// A mail as it is to be sent.
#[derive(Debug, Clone)]
pub struct Composed {
    /// Which mail it is.
    pub kind: MailKind,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// Its Subject.
    pub subject: String,
    /// The whole mail.
    pub mail: Vec<u8>,
    /// What it tells of problems, by their ids.
    pub tellings: Vec<(String, Telling)>,
    /// The keys of the events that it tells, which are told once.
    pub events: Vec<String>,
}

/// A digest whose range is fixed and which somebody has not accepted yet.
#[derive(Debug, Clone)]
pub struct FixedDigest {
    /// Its id in `digests`.
    pub id: i64,
    /// Whether it is an urgent mail.
    pub is_urgent: bool,
    /// When it was due.
    pub due_at: Timestamp,
    /// Its Subject.
    pub subject: String,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// The whole mail, the same at every attempt.
    pub mail: Vec<u8>,
    /// Those who still wait for it.
    pub waiting: Vec<String>,
}

impl Store {
    /// Fixes the mail that is due: its range, what it tells, and its text, all at once or not at all. `compose` gives
    /// `None` where there is nothing to send. An urgent mail covers no reports: the next digest covers them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn fix_digest(
        &mut self,
        question: &Question<'_>,
        compose: impl FnOnce(&DigestFacts) -> Option<Composed>,
    ) -> Result<Option<FixedDigest>, StoreError> {
        let tx = self.begin()?;
        let (range, previous_at) = next_range(&tx, question.audience)?;
        let facts = facts(&tx, range, previous_at, question)?;
        let Some(composed) = compose(&facts) else {
            return Ok(None);
        };
        let is_urgent = composed.kind == MailKind::Urgent;
        let (last_report, last_mail) = if is_urgent {
            (range.after_report, range.after_mail)
        } else {
            (range.last_report, range.last_mail)
        };
        tx.execute(
            "INSERT INTO digest (audience, kind, due_at, after_report, last_report, after_mail, last_mail, message_id,
                                 subject, mail)
             VALUES (:audience, :kind, :due_at, :after_report, :last_report, :after_mail, :last_mail, :message_id,
                     :subject, :mail)",
            named_params! {
                ":audience": question.audience, ":kind": composed.kind.as_str(), ":due_at": text(question.due_at),
                ":after_report": range.after_report, ":last_report": last_report,
                ":after_mail": range.after_mail, ":last_mail": last_mail,
                ":message_id": composed.message_id, ":subject": composed.subject, ":mail": composed.mail,
            },
        )?;
        let id = tx.last_insert_rowid();
        for recipient in question.recipients {
            tx.execute(
                "INSERT OR IGNORE INTO delivery (digest, recipient) VALUES (:digest, :recipient)",
                named_params! { ":digest": id, ":recipient": recipient },
            )?;
        }
        for (problem, telling) in &composed.tellings {
            tell(&tx, id, question.audience, problem, telling)?;
            // Who is told of some domains has been told of only a part of it.
            if question.domains.is_empty() {
                announce(&tx, id, problem, question.due_at)?;
            }
        }
        let day = question.due_at.to_zoned(TimeZone::UTC).date();
        for key in &composed.events {
            tell_event(&tx, id, question.audience, key, day)?;
        }
        if !is_urgent {
            mark_told(&tx, id, question.due_at, &facts)?;
        }
        tx.commit()?;
        self.unsent("id = :id", named_params! { ":id": id })
    }

    /// An audience's oldest digest that is not sent yet, or its oldest urgent mail; `None`: whoever's it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn unsent_digest(
        &self,
        audience: Option<&str>,
        only_urgent: bool,
    ) -> Result<Option<FixedDigest>, StoreError> {
        self.unsent(
            "(kind = 'urgent' OR NOT :only_urgent) AND (:audience IS NULL OR audience = :audience)",
            named_params! { ":only_urgent": only_urgent, ":audience": audience },
        )
    }

    /// Drops what waits for audiences that the configuration doesn't name any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn follow_audiences(&mut self, names: &[String]) -> Result<(), StoreError> {
        let names = serde_json::Value::from(names).to_string();
        let gone: i64 = self.db.query_row(
            "SELECT count(*) FROM digest WHERE sent_at IS NULL AND audience NOT IN (SELECT value FROM json_each(:names))",
            named_params! { ":names": names },
            |row| row.get(0),
        )?;
        if gone == 0 {
            return Ok(());
        }
        let tx = self.begin()?;
        tx.execute(
            "DELETE FROM digest WHERE sent_at IS NULL AND audience NOT IN (SELECT value FROM json_each(:names))",
            named_params! { ":names": names },
        )?;
        tx.commit()?;
        Ok(())
    }

    fn unsent(
        &self,
        condition: &str,
        parameters: &[(&str, &dyn rusqlite::ToSql)],
    ) -> Result<Option<FixedDigest>, StoreError> {
        let digest = self
            .db
            .query_row(
                &format!(
                    "SELECT id, due_at, subject, message_id, mail, kind = 'urgent' FROM digest
                     WHERE sent_at IS NULL AND {condition} ORDER BY id LIMIT 1"
                ),
                parameters,
                |row| {
                    Ok(FixedDigest {
                        id: row.get(0)?,
                        is_urgent: row.get(5)?,
                        due_at: moment(row.get_ref(1)?.as_str()?).unwrap_or(Timestamp::UNIX_EPOCH),
                        subject: row.get(2)?,
                        message_id: row.get(3)?,
                        mail: row.get(4)?,
                        waiting: Vec::new(),
                    })
                },
            )
            .optional()?;
        let Some(mut digest) = digest else { return Ok(None) };
        digest.waiting = self
            .db
            .prepare(
                "SELECT recipient FROM delivery WHERE digest = :digest AND accepted_at IS NULL AND refused_at IS NULL",
            )?
            .query_map(named_params! { ":digest": digest.id }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Some(digest))
    }

    /// The Message-IDs of an audience's first mails about problems, by the problem's id, as far as they are still kept;
    /// `of_some_domains` as for [`Store::tellings`].
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn first_mails(
        &self,
        audience: &str,
        of_some_domains: bool,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let mut first = BTreeMap::new();
        let mut statement = self.db.prepare_cached(
            "SELECT problem.id, digest.message_id
             FROM telling JOIN problem
                  ON problem.number = iif(:of_some_domains, coalesce(telling.told_as, telling.problem), telling.problem)
                  JOIN digest ON digest.id = telling.digest
             WHERE telling.audience = :audience ORDER BY telling.id",
        )?;
        let parameters = named_params! { ":audience": audience, ":of_some_domains": of_some_domains };
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            first.entry(row.get(0)?).or_insert(row.get(1)?);
        }
        Ok(first)
    }

    /// When an audience's newest digest was due, whether sent or not; urgent mails are none. The newest is the one that was made last, not the one of
    /// the latest time: the clock may have been wrong.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn last_digest_at(&self, audience: &str) -> Result<Option<Timestamp>, StoreError> {
        let due_at: Option<String> = self
            .db
            .query_row(
                "SELECT due_at FROM digest WHERE kind <> 'urgent' AND audience = :audience ORDER BY id DESC LIMIT 1",
                named_params! { ":audience": audience },
                |row| row.get(0),
            )
            .optional()?;
        Ok(due_at.as_deref().and_then(moment))
    }
}

/// Marks the failure types of a problem that is told.
fn announce(db: &Connection, digest: i64, problem: &str, due_at: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE failure_type SET announced = :digest, announced_at = :now
         WHERE announced_at IS NULL AND id IN (
             SELECT failure_type FROM problem_failure_type JOIN problem ON number = problem WHERE problem.id = :id)",
    )?
    .execute(named_params! { ":digest": digest, ":now": text(due_at), ":id": problem })?;
    Ok(())
}

/// Remembers what this digest tells, so that no other tells it as new.
fn mark_told(db: &Connection, digest: i64, due_at: Timestamp, facts: &DigestFacts) -> rusqlite::Result<()> {
    let now = text(due_at);
    for mailbox in &facts.failing {
        db.execute(
            "UPDATE mailbox_state SET told_at = :now WHERE name = :name AND told_at IS NULL",
            named_params! { ":now": now, ":name": mailbox.name },
        )?;
    }
    for refused in &facts.refused {
        db.execute(
            "UPDATE refused_recipient SET told = :digest, told_at = :now
             WHERE recipient = :recipient AND told_at IS NULL",
            named_params! { ":digest": digest, ":now": now, ":recipient": refused.recipient },
        )?;
    }
    Ok(())
}
