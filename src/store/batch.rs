//! What is known while a batch of mails is recorded, so that it isn't looked up for each report again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use jiff::Timestamp;
use rusqlite::{CachedStatement, Connection};

use super::entries::{FIND_POLICY, FIND_TYPE, INSERT_FAILURE, INSERT_POLICY_RESULT, INSERT_TYPE, WIDEN_TYPE};
use super::flood::{Arrivals, save};
use super::keys::Shown;
use super::record::{INSERT_LINK, INSERT_MAIL};
use super::record_report::{FIND_IDENTITY, INSERT_REPORT};
use super::text;
use super::texts::{FIND_SHAPE, FIND_TEMPLATE, INSERT_TEMPLATE, INSERT_TEXT, SET_PIECES};
use crate::authenticate::organisation;
use crate::report::Policy;

/// A statement that is looked up once a batch: a look-up hashes its SQL, and its parameters lose their memory.
pub(super) struct Held<'a> {
    sql: &'static str,
    statement: Option<CachedStatement<'a>>,
}

impl<'a> Held<'a> {
    const fn new(sql: &'static str) -> Self {
        Self { sql, statement: None }
    }

    pub(super) fn get(&mut self, db: &'a Connection) -> rusqlite::Result<&mut CachedStatement<'a>> {
        if self.statement.is_none() {
            self.statement = Some(db.prepare_cached(self.sql)?);
        }
        // It is there now.
        self.statement.as_mut().ok_or(rusqlite::Error::InvalidQuery)
    }
}

/// Statements that each report needs.
pub(super) struct Statements<'a> {
    pub(super) insert_mail: Held<'a>,
    pub(super) insert_link: Held<'a>,
    pub(super) find_identity: Held<'a>,
    pub(super) insert_report: Held<'a>,
    pub(super) find_policy: Held<'a>,
    pub(super) insert_policy_result: Held<'a>,
    pub(super) insert_failure: Held<'a>,
    pub(super) find_type: Held<'a>,
    pub(super) insert_type: Held<'a>,
    pub(super) widen_type: Held<'a>,
    pub(super) find_template: Held<'a>,
    pub(super) find_shape: Held<'a>,
    pub(super) insert_template: Held<'a>,
    pub(super) set_pieces: Held<'a>,
    pub(super) insert_text: Held<'a>,
}

impl Default for Statements<'_> {
    fn default() -> Self {
        Self {
            insert_mail: Held::new(INSERT_MAIL),
            insert_link: Held::new(INSERT_LINK),
            find_identity: Held::new(FIND_IDENTITY),
            insert_report: Held::new(INSERT_REPORT),
            find_policy: Held::new(FIND_POLICY),
            insert_policy_result: Held::new(INSERT_POLICY_RESULT),
            insert_failure: Held::new(INSERT_FAILURE),
            find_type: Held::new(FIND_TYPE),
            insert_type: Held::new(INSERT_TYPE),
            widen_type: Held::new(WIDEN_TYPE),
            find_template: Held::new(FIND_TEMPLATE),
            find_shape: Held::new(FIND_SHAPE),
            insert_template: Held::new(INSERT_TEMPLATE),
            set_pieces: Held::new(SET_PIECES),
            insert_text: Held::new(INSERT_TEXT),
        }
    }
}

/// A batch while it is recorded, in one transaction or under one savepoint: what is known here is no longer true once
/// that is rolled back. It grows with the batch alone, whose texts it borrows.
pub(super) struct Batch<'a> {
    pub(super) db: &'a Connection,
    /// The present as it stands in the database.
    pub(super) now: String,
    pub(super) statements: Statements<'a>,
    pub(super) policies: HashMap<&'a Policy, i64>,
    /// By submitter, organization-name and contact-info.
    pub(super) senders: HashMap<[&'a str; 3], i64>,
    /// Months that are marked as not added up.
    pub(super) months: BTreeSet<String>,
    pub(super) arrivals: Arrivals,
    pub(super) shown: Shown,
    organisations: BTreeMap<&'a str, Rc<str>>,
}

impl<'a> Batch<'a> {
    /// Records something as a batch of its own.
    pub(super) fn run<T>(
        db: &'a Connection,
        now: Timestamp,
        record: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut batch = Self {
            db,
            now: text(now),
            statements: Statements::default(),
            policies: HashMap::new(),
            senders: HashMap::new(),
            months: BTreeSet::new(),
            arrivals: Arrivals::default(),
            shown: Shown::default(),
            organisations: BTreeMap::new(),
        };
        let done = record(&mut batch)?;
        save(db, &mut batch.arrivals)?;
        Ok(done)
    }

    /// By which domain a submitter is known.
    pub(super) fn organisation(&mut self, submitter: &'a str) -> Rc<str> {
        let known = self
            .organisations
            .entry(submitter)
            .or_insert_with(|| Rc::from(organisation(submitter)));
        Rc::clone(known)
    }
}
