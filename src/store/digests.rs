//! Digests: fixed once, sent until accepted.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::facts::{Question, facts, next_range};
use super::rows::DigestFacts;
use super::{Store, StoreError, moment, text};

/// A digest as it is to be sent.
#[derive(Debug, Clone)]
pub struct Composed {
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// Its Subject.
    pub subject: String,
    /// The whole mail.
    pub mail: Vec<u8>,
}

/// A digest whose range is fixed and which somebody has not accepted yet.
#[derive(Debug, Clone)]
pub struct FixedDigest {
    /// Its id in `digests`.
    pub id: i64,
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

/// How long a digest that somebody has is tried for the others; a timer that runs daily comes a little early at times.
const PATIENCE: SignedDuration = SignedDuration::from_hours(23);

/// How an attempt to deliver to a recipient ended.
#[derive(Debug, Clone, Copy)]
pub enum Delivery<'a> {
    /// The server accepted the mail.
    Accepted,
    /// The server refused this recipient for good.
    Refused(&'a str),
    /// It may work later.
    Failed(&'a str),
}

impl Store {
    /// Fixes the digest that is due: its range, what it tells as new, and its text, all at once or not at all.
    /// `compose` gives `None` where there is nothing to send.
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
        let (range, previous_at) = next_range(&tx)?;
        let facts = facts(&tx, range, previous_at, question)?;
        let Some(composed) = compose(&facts) else {
            return Ok(None);
        };
        tx.execute(
            "INSERT INTO digest (audience, due_at, after_report, last_report, after_mail, last_mail, message_id,
                                 subject, mail)
             VALUES ('default', :due_at, :after_report, :last_report, :after_mail, :last_mail, :message_id,
                     :subject, :mail)",
            named_params! {
                ":due_at": text(question.due_at),
                ":after_report": range.after_report, ":last_report": range.last_report,
                ":after_mail": range.after_mail, ":last_mail": range.last_mail,
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
        mark_told(&tx, id, question.due_at, &facts)?;
        tx.commit()?;
        self.unsent_digest()
    }

    /// The oldest digest that is not sent yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn unsent_digest(&self) -> Result<Option<FixedDigest>, StoreError> {
        let digest = self
            .db
            .query_row(
                "SELECT id, due_at, subject, message_id, mail FROM digest WHERE sent_at IS NULL ORDER BY id LIMIT 1",
                (),
                |row| {
                    Ok(FixedDigest {
                        id: row.get(0)?,
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

    /// Lets a digest that is not sent yet follow a configuration that has changed: who is no longer a recipient doesn't
    /// wait for it any more, and if nobody has it, all of today's recipients do.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn follow_recipients(&mut self, digest: i64, recipients: &[String]) -> Result<(), StoreError> {
        let tx = self.begin()?;
        let known: Vec<String> = tx
            .prepare("SELECT recipient FROM delivery WHERE digest = :digest AND accepted_at IS NULL")?
            .query_map(named_params! { ":digest": digest }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for recipient in known.iter().filter(|recipient| !recipients.contains(recipient)) {
            tx.execute(
                "DELETE FROM delivery WHERE digest = :digest AND recipient = :recipient",
                named_params! { ":digest": digest, ":recipient": recipient },
            )?;
        }
        for recipient in recipients {
            tx.execute(
                "INSERT OR IGNORE INTO delivery (digest, recipient) SELECT :digest, :recipient
                 WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE digest = :digest AND accepted_at IS NOT NULL)",
                named_params! { ":digest": digest, ":recipient": recipient },
            )?;
        }
        tx.commit()?;
        Ok(())
    }

    /// When the newest digest was due, whether sent or not. The newest is the one that was made last, not the one of
    /// the latest time: the clock may have been wrong.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn last_digest_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let due_at: Option<String> = self
            .db
            .query_row("SELECT due_at FROM digest ORDER BY id DESC LIMIT 1", (), |row| {
                row.get(0)
            })
            .optional()?;
        Ok(due_at.as_deref().and_then(moment))
    }

    /// Counts an attempt for all who wait, before it is made: where this can't be written, how the attempt ends could not
    /// be either, and the same mail would go out again and again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then nothing may be sent.
    pub fn begin_round(&mut self, digest: i64) -> Result<(), StoreError> {
        let tx = self.begin()?;
        tx.execute(
            "UPDATE delivery SET attempts = attempts + 1
             WHERE digest = :digest AND accepted_at IS NULL AND refused_at IS NULL",
            named_params! { ":digest": digest },
        )?;
        tx.commit()?;
        Ok(())
    }

    /// Remembers how an attempt ended for one recipient.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn delivered(
        &mut self,
        digest: i64,
        recipient: &str,
        delivery: Delivery<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (accepted, refused, error) = match delivery {
            Delivery::Accepted => (true, false, None),
            Delivery::Refused(error) => (false, true, Some(error)),
            Delivery::Failed(error) => (false, false, Some(error)),
        };
        let tx = self.begin()?;
        tx.execute(
            "UPDATE delivery SET error = :error,
                 failing_since = iif(:accepted, NULL, coalesce(failing_since, :now)),
                 accepted_at = iif(:accepted, :now, NULL), refused_at = iif(:refused, :now, NULL)
             WHERE digest = :digest AND recipient = :recipient",
            named_params! {
                ":error": error, ":accepted": accepted, ":refused": refused, ":now": text(now),
                ":digest": digest, ":recipient": recipient,
            },
        )?;
        if refused {
            tx.execute(
                "INSERT INTO refused_recipient (recipient, since, error) VALUES (:recipient, :now, :error)
                 ON CONFLICT (recipient) DO UPDATE SET error = excluded.error",
                named_params! { ":recipient": recipient, ":now": text(now), ":error": error },
            )?;
        } else if accepted {
            tx.execute(
                "DELETE FROM refused_recipient WHERE recipient = :recipient",
                named_params! { ":recipient": recipient },
            )?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Ends a round of attempts: the digest is sent when nobody waits for it any more and somebody has it. Where the
    /// server refused everybody, all are tried again. Who still waits a day after the first attempt, while somebody has it,
    /// counts as refused: one mailbox that is full must not keep the next digest from everybody.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn end_round(&mut self, digest: i64, now: Timestamp) -> Result<bool, StoreError> {
        let tx = self.begin()?;
        give_up(&tx, digest, now)?;
        let (waiting, accepted): (i64, i64) = tx.query_row(
            "SELECT coalesce(sum(accepted_at IS NULL AND refused_at IS NULL), 0),
                    coalesce(sum(accepted_at IS NOT NULL), 0)
             FROM delivery WHERE digest = :digest",
            named_params! { ":digest": digest },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let sent = waiting == 0 && accepted > 0;
        if sent {
            tx.execute(
                "UPDATE digest SET sent_at = :now WHERE id = :digest",
                named_params! { ":now": text(now), ":digest": digest },
            )?;
        } else if waiting == 0 {
            tx.execute(
                "UPDATE delivery SET refused_at = NULL WHERE digest = :digest",
                named_params! { ":digest": digest },
            )?;
        }
        tx.commit()?;
        Ok(sent)
    }
}

/// Counts as refused who has been tried for long, if somebody has the digest.
fn give_up(db: &Connection, digest: i64, now: Timestamp) -> rusqlite::Result<()> {
    let before = now.checked_sub(PATIENCE).unwrap_or(Timestamp::MIN);
    let parameters = named_params! { ":digest": digest, ":now": text(now), ":before": text(before) };
    db.execute(
        "INSERT INTO refused_recipient (recipient, since, error)
         SELECT recipient, :now, coalesce(error, 'no answer') FROM delivery
         WHERE digest = :digest AND accepted_at IS NULL AND refused_at IS NULL AND failing_since <= :before
           AND EXISTS (SELECT 1 FROM delivery WHERE digest = :digest AND accepted_at IS NOT NULL)
         ON CONFLICT (recipient) DO UPDATE SET error = excluded.error",
        parameters,
    )?;
    db.execute(
        "UPDATE delivery SET refused_at = :now
         WHERE digest = :digest AND accepted_at IS NULL AND refused_at IS NULL AND failing_since <= :before
           AND EXISTS (SELECT 1 FROM delivery WHERE digest = :digest AND accepted_at IS NOT NULL)",
        parameters,
    )?;
    Ok(())
}

/// Remembers what this digest tells, so that no other tells it as new.
fn mark_told(db: &Connection, digest: i64, due_at: Timestamp, facts: &DigestFacts) -> rusqlite::Result<()> {
    let now = text(due_at);
    for id in facts.new.iter().chain(&facts.ongoing).flat_map(|item| &item.ids) {
        db.prepare_cached(
            "UPDATE failure_type SET announced = :digest, announced_at = :now
             WHERE id = :id AND announced_at IS NULL",
        )?
        .execute(named_params! { ":digest": digest, ":now": now, ":id": id })?;
    }
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
