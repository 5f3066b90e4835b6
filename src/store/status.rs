//! How things stand: what works, what waits, how much there is.

use std::fs::{File, TryLockError};
use std::io::Read;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, named_params};
use serde::Serialize;

use super::{Lock, Store, StoreError, moment};
use crate::config::StoreConfig;

/// Most characters that a process id has.
const MAX_PID: u64 = 20;

/// How much there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Reports that count.
    pub reports: i64,
    /// Reports that are set aside.
    pub set_aside: i64,
    /// Of these: they wait for a name server.
    pub waiting: i64,
    /// The newest day that a counted report is about.
    pub newest_report_day: Option<String>,
    /// Mails and files read.
    pub mails: i64,
    /// Of these: rejected.
    pub rejected: i64,
    /// Distinct failures ever seen.
    pub failure_types: i64,
}

/// How the polls of a mailbox went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxState {
    /// The last poll that ended.
    pub polled_at: Timestamp,
    /// The last one that ended well.
    pub succeeded_at: Option<Timestamp>,
    /// The first failure since then.
    pub failing_since: Option<Timestamp>,
    /// The newest error.
    pub error: Option<String>,
}

/// How far a folder was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FolderStatus {
    /// `host:port`, or empty for a Maildir.
    #[serde(skip)]
    pub server: String,
    /// The login name, or empty for a Maildir.
    #[serde(skip)]
    pub user: String,
    /// The folder, or a Maildir's path.
    pub folder: String,
    /// UIDVALIDITY; 0 for a Maildir.
    pub uid_validity: u32,
    /// Everything up to this UID was received; 0 for a Maildir.
    pub last_uid: u32,
    /// Stored mails that are still in it, and that `after` would move or delete.
    pub settled: i64,
}

/// A digest that somebody has not accepted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingDigest {
    /// Whose it is.
    pub audience: String,
    /// Its Subject.
    pub subject: String,
    /// When it was due.
    pub due_at: Timestamp,
    /// Who waits for it.
    pub recipients: Vec<String>,
    /// How often it was tried with one of them.
    pub attempts: i64,
    /// The newest error.
    pub error: Option<String>,
}

/// A recipient whom the mail server refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The address.
    pub recipient: String,
    /// Since when.
    pub since: Timestamp,
    /// The server's answer.
    pub error: String,
}

/// What somebody who helps needs to know of a database; nothing of the reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugFacts {
    /// SQLite's version.
    pub sqlite: String,
    /// The schema's.
    pub schema: u32,
    /// Rows of some tables.
    pub rows: Vec<(&'static str, i64)>,
    /// Reports by what proves their origin and by whether they count, with how many there are.
    pub origins: Vec<(String, String, i64)>,
    /// What failed last, by what it is about; quotes servers and names.
    pub errors: Vec<(&'static str, String)>,
}

/// Tables whose rows are counted for [`DebugFacts`].
const COUNTED: [&str; 10] = [
    "folder", "mail", "raw_mail", "sender", "report", "policy", "failure", "problem", "telling", "digest",
];

/// The process that holds the lock beside the database; `None` where nobody does.
///
/// # Errors
///
/// [`StoreError::File`] if the lock can't be looked at.
pub fn lock_holder(config: &StoreConfig) -> Result<Option<String>, StoreError> {
    let path = Lock::path(config);
    let failed = |source| StoreError::File {
        path: path.clone(),
        reason: source,
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock_shared() {
        // Let go when the file is closed.
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.take(MAX_PID).read_to_string(&mut pid).map_err(failed)?;
            Ok(Some(pid.trim().to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

impl Store {
    /// How much there is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        Ok(self.db.query_row(
            // From the tables: the views join, and so read each row where an index is enough.
            "SELECT (SELECT count(*) FROM report WHERE status = 'counted'),
                    (SELECT day FROM report INDEXED BY report_day WHERE status = 'counted'
                     ORDER BY day DESC LIMIT 1),
                    (SELECT count(*) FROM mail), (SELECT count(*) FROM mail WHERE outcome = 'rejected'),
                    (SELECT count(*) FROM failure_types),
                    (SELECT count(*) FROM report WHERE status = 'set-aside'),
                    (SELECT count(*) FROM report
                     WHERE status = 'set-aside' AND aside = 'origin' AND authentication = 'temporary')",
            (),
            |row| {
                Ok(Counts {
                    reports: row.get(0)?,
                    newest_report_day: row.get(1)?,
                    mails: row.get(2)?,
                    rejected: row.get(3)?,
                    failure_types: row.get(4)?,
                    set_aside: row.get(5)?,
                    waiting: row.get(6)?,
                })
            },
        )?)
    }

    /// What somebody who helps needs to know.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn debug_facts(&self) -> Result<DebugFacts, StoreError> {
        let count = |table: &'static str| {
            let sql = format!("SELECT count(*) FROM {table}");
            self.db.query_row(&sql, (), |row| Ok((table, row.get(0)?)))
        };
        let mut statement = self.db.prepare(
            "SELECT 'mailbox', error FROM mailbox_state WHERE failing_since IS NOT NULL AND error IS NOT NULL
             UNION ALL SELECT * FROM (SELECT 'delivery', error FROM delivery WHERE error IS NOT NULL ORDER BY digest DESC LIMIT 5)
             UNION ALL SELECT 'recipient', error FROM refused_recipient",
        )?;
        let errors = statement.query_map((), |row| {
            let what = match row.get_ref(0)?.as_str()? {
                "mailbox" => "a mailbox",
                "delivery" => "a digest",
                _ => "a recipient",
            };
            Ok((what, row.get(1)?))
        })?;
        let mut by_origin = self.db.prepare(
            "SELECT authentication, status, count(*) FROM report GROUP BY authentication, status
             ORDER BY authentication, status",
        )?;
        let origins = by_origin.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(DebugFacts {
            sqlite: rusqlite::version().to_owned(),
            schema: self
                .db
                .pragma_query_value(None, "user_version", |row| row.get(0))?,
            rows: COUNTED.into_iter().map(count).collect::<rusqlite::Result<_>>()?,
            origins: origins.collect::<rusqlite::Result<_>>()?,
            errors: errors.collect::<rusqlite::Result<_>>()?,
        })
    }

    /// How the polls of a mailbox went; `None` before the first one ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn mailbox_state(&self, name: &str) -> Result<Option<MailboxState>, StoreError> {
        let time = |text: Option<String>| text.as_deref().and_then(moment);
        Ok(self
            .db
            .query_row(
                "SELECT polled_at, succeeded_at, failing_since, error FROM mailbox_state WHERE name = :name",
                named_params! { ":name": name },
                |row| {
                    Ok(MailboxState {
                        polled_at: time(row.get(0)?).unwrap_or(Timestamp::UNIX_EPOCH),
                        succeeded_at: time(row.get(1)?),
                        failing_since: time(row.get(2)?),
                        error: row.get(3)?,
                    })
                },
            )
            .optional()?)
    }

    /// All folders that were ever read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn folders(&self) -> Result<Vec<FolderStatus>, StoreError> {
        let folders = self
            .db
            .prepare(
                "SELECT server, user, name, uid_validity, last_uid,
                        (SELECT count(*) FROM mail WHERE mail.folder = folder.id AND settled = 1
                         AND left_at IS NULL AND uid IS NOT NULL)
                 FROM folder ORDER BY id",
            )?
            .query_map((), |row| {
                Ok(FolderStatus {
                    server: row.get(0)?,
                    user: row.get(1)?,
                    folder: row.get(2)?,
                    uid_validity: row.get(3)?,
                    last_uid: row.get(4)?,
                    settled: row.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(folders)
    }

    /// The digests that wait to be accepted, the oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn waiting_digests(&self) -> Result<Vec<WaitingDigest>, StoreError> {
        let digests = self
            .db
            .prepare(
                "SELECT audience, subject, due_at,
                        json_group_array(recipient ORDER BY recipient)
                            FILTER (WHERE accepted_at IS NULL AND refused_at IS NULL AND recipient IS NOT NULL),
                        coalesce(max(attempts) FILTER (WHERE accepted_at IS NULL), 0),
                        max(error) FILTER (WHERE accepted_at IS NULL)
                 FROM digest LEFT JOIN delivery ON delivery.digest = digest.id
                 WHERE sent_at IS NULL GROUP BY digest.id ORDER BY digest.id",
            )?
            .query_map((), |row| {
                Ok(WaitingDigest {
                    audience: row.get(0)?,
                    subject: row.get(1)?,
                    due_at: moment(row.get_ref(2)?.as_str()?).unwrap_or(Timestamp::UNIX_EPOCH),
                    recipients: serde_json::from_str(row.get_ref(3)?.as_str()?).unwrap_or_default(),
                    attempts: row.get(4)?,
                    error: row.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(digests)
    }

    /// Recipients whom the mail server refused in their newest digest.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn refused_recipients(&self) -> Result<Vec<Refused>, StoreError> {
        let refused = self
            .db
            .prepare("SELECT recipient, since, error FROM refused_recipient ORDER BY recipient")?
            .query_map((), |row| {
                Ok(Refused {
                    recipient: row.get(0)?,
                    since: moment(row.get_ref(1)?.as_str()?).unwrap_or(Timestamp::UNIX_EPOCH),
                    error: row.get(2)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(refused)
    }
}
