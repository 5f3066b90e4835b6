//! What the reports of one day say, as rows of the database tell it: the entries that count, with their failures.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use rusqlite::{Connection, Row, named_params};

use super::facts::count;
use super::keys::{Key, Keys, KnownPolicy, Policies, Resolver, Said};
use crate::assess::cause::host_form;
use crate::assess::history::{Detail, DetailOf, Kind, Sum};

/// Different hosts, addresses and reasons kept of a failure; a hostile report may hold 100,000.
pub(super) const MAX_VALUES: usize = 100;

/// An entry that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayEntry {
    /// Of an entry with failures; else 0.
    pub(super) policy_result: i64,
    pub(super) report: i64,
    pub(super) sender: i64,
    pub(super) policy: i64,
    pub(super) ok: Option<u64>,
    pub(super) failed: Option<u64>,
    pub(super) failures: Vec<DayFailure>,
}

/// The details of an entry that share cause and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayFailure {
    pub(super) failed: Sum,
    pub(super) kind: Rc<Kind>,
    pub(super) details: Box<[Detail]>,
}

/// Texts and kinds of failures of which one copy will do.
#[derive(Debug, Default)]
pub(super) struct Shared {
    texts: HashSet<Rc<str>>,
    kinds: HashSet<Rc<Kind>>,
    /// As they are packed.
    packed_kinds: HashMap<Box<[u8]>, Rc<Kind>>,
}

impl Shared {
    pub(super) fn text(&mut self, text: &str) -> Rc<str> {
        if let Some(known) = self.texts.get(text) {
            return Rc::clone(known);
        }
        let new: Rc<str> = Rc::from(text);
        self.texts.insert(Rc::clone(&new));
        new
    }

    fn kind(&mut self, kind: Kind) -> Rc<Kind> {
        if let Some(known) = self.kinds.get(&kind) {
            return Rc::clone(known);
        }
        let new = Rc::new(kind);
        self.kinds.insert(Rc::clone(&new));
        new
    }

    /// The kind of these bytes, which `read` makes of them once.
    pub(super) fn packed_kind(
        &mut self,
        bytes: &[u8],
        read: impl FnOnce(&[u8]) -> Option<Kind>,
    ) -> Option<Rc<Kind>> {
        if let Some(known) = self.packed_kinds.get(bytes) {
            return Some(Rc::clone(known));
        }
        let kind = self.kind(read(bytes)?);
        self.packed_kinds.insert(bytes.into(), Rc::clone(&kind));
        Some(kind)
    }
}

/// The entries of a day (YYYY-MM-DD) that count, those with failures first.
pub(super) fn read(
    db: &Connection,
    keys: &Keys,
    policies: &mut Policies,
    shared: &mut Shared,
    day: &str,
) -> rusqlite::Result<Vec<DayEntry>> {
    let mut statement = db.prepare_cached(
        "SELECT policy_result.id, policy_result.report, report.sender, policy_result.policy,
                policy_result.successful, policy_result.failed, failure.failure_type, failure.problem,
                failure.result_type, failure.receiving_mx_hostname, failure.failure_reason_code,
                failure.failed_session_count, failure.receiving_ip, failure.sending_mta_ip
         FROM report CROSS JOIN policy_result ON policy_result.report = report.id
              LEFT JOIN failure ON failure.policy_result = policy_result.id AND failure.failure_type IS NOT NULL
         WHERE report.day = :day AND report.status = 'counted'
         ORDER BY report.id, policy_result.id, failure.id",
    )?;
    let mut rows = statement.query(named_params! { ":day": day })?;
    let mut entries: Vec<DayEntry> = Vec::new();
    let mut resolver = Resolver::default();
    let mut open: BTreeMap<Key, Gathered> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let policy_result: i64 = row.get(0)?;
        if entries
            .last()
            .is_none_or(|last| last.policy_result != policy_result)
        {
            close(&mut entries, &mut open, shared);
            entries.push(entry(row)?);
        }
        if row.get_ref(6)?.as_i64_or_null()?.is_some() {
            let policy = policies.get(db, row.get(3)?)?;
            let key = key(row, keys, &policy, &mut resolver)?;
            open.entry(key).or_default().take(row, shared)?;
        }
    }
    close(&mut entries, &mut open, shared);
    let (mut failing, good): (Vec<DayEntry>, Vec<DayEntry>) =
        entries.into_iter().partition(|entry| !entry.failures.is_empty());
    failing.sort_by_key(|entry| entry.policy_result);
    failing.extend(good.into_iter().map(|entry| DayEntry {
        policy_result: 0,
        ..entry
    }));
    Ok(failing)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<DayEntry> {
    Ok(DayEntry {
        policy_result: row.get(0)?,
        report: row.get(1)?,
        sender: row.get(2)?,
        policy: row.get(3)?,
        ok: row.get::<_, Option<i64>>(4)?.map(count),
        failed: row.get::<_, Option<i64>>(5)?.map(count),
        failures: Vec::new(),
    })
}

/// The problem that a failure shows by itself, known or not known yet.
fn key(row: &Row<'_>, keys: &Keys, policy: &KnownPolicy, resolver: &mut Resolver) -> rusqlite::Result<Key> {
    let problem: Option<i64> = row.get(7)?;
    if let Some(key) = problem.and_then(|number| keys.key(number)) {
        return Ok(key.clone());
    }
    let said = Said {
        report: row.get(1)?,
        result_type: row.get_ref(8)?.as_str_or_null()?,
        mx: row.get_ref(9)?.as_str_or_null()?,
        reason: row.get_ref(10)?.as_str_or_null()?,
    };
    Ok(resolver.key(&said, policy))
}

/// Gives the last entry its failures.
fn close(entries: &mut [DayEntry], open: &mut BTreeMap<Key, Gathered>, shared: &mut Shared) {
    if let Some(last) = entries.last_mut() {
        last.failures = std::mem::take(open)
            .into_iter()
            .map(|(key, gathered)| gathered.failure(key, shared))
            .collect();
    }
}

/// Details of the same cause and place.
#[derive(Debug, Default)]
struct Gathered {
    failed: Sum,
    mx: Vec<String>,
    result_types: Vec<String>,
    failure_types: Vec<i64>,
    details: Vec<Detail>,
}

impl Gathered {
    fn take(&mut self, row: &Row<'_>, shared: &mut Shared) -> rusqlite::Result<()> {
        add(&mut self.failure_types, row.get(6)?);
        let result_type = row
            .get_ref(8)?
            .as_str_or_null()?
            .unwrap_or(super::record_report::UNSPECIFIED);
        add(&mut self.result_types, result_type.to_owned());
        if let Some(mx) = row
            .get_ref(9)?
            .as_str_or_null()?
            .map(host_form)
            .filter(|mx| !mx.is_empty())
        {
            add(&mut self.mx, mx);
        }
        let failed = row.get::<_, Option<i64>>(11)?.map(count);
        self.failed.take(failed);
        let n = failed.unwrap_or(0);
        for (of, at) in [
            (DetailOf::Reason, 10),
            (DetailOf::ReceivingIp, 12),
            (DetailOf::SendingIp, 13),
        ] {
            if let Some(text) = row.get_ref(at)?.as_str_or_null()?.filter(|text| !text.is_empty()) {
                self.add_detail(of, text, n, shared);
            }
        }
        Ok(())
    }

    fn add_detail(&mut self, of: DetailOf, text: &str, n: u64, shared: &mut Shared) {
        let known = self
            .details
            .iter_mut()
            .find(|detail| detail.of == of && &*detail.text == text);
        if let Some(known) = known {
            known.n = known.n.saturating_add(n);
        } else if self.details.iter().filter(|detail| detail.of == of).count() < MAX_VALUES {
            let text = shared.text(text);
            self.details.push(Detail { of, text, n });
        }
    }

    fn failure(self, (cause, place): Key, shared: &mut Shared) -> DayFailure {
        DayFailure {
            failed: self.failed,
            kind: shared.kind(Kind {
                cause,
                place,
                mx: self.mx,
                result_types: self.result_types,
                failure_types: self.failure_types,
            }),
            details: self.details.into_boxed_slice(),
        }
    }
}

fn add<T: PartialEq>(values: &mut Vec<T>, value: T) {
    if values.len() < MAX_VALUES && !values.contains(&value) {
        values.push(value);
    }
}
