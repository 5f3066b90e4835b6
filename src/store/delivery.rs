//! Who has a digest, who waits for it, and who refused it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, named_params};

use super::{Store, StoreError, text};

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
