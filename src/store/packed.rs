//! The reports of each day in a few bytes an entry, so that all of them are read in a fraction of a second.
//!
//! A pack holds what [`super::day`] reads from the rows and nothing that is derived from it. Whatever changes a report
//! clears its day's pack (triggers do), a new report is known by its id, and of such days the rows are read, so that what
//! is read is right at any moment. [`refresh`] packs them again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::day::{self, DayEntry, DayFailure, Shared};
use super::keys::{Keys, Policies};
use crate::assess::history::{Detail, DetailOf, Kind, Sum};

/// The first byte of a pack; what begins with another one is of another version of the program, and the rows are read.
const VERSION: u8 = 1;

/// The days on which reports begin, oldest first, and whether each is packed.
pub(super) fn days(db: &Connection) -> rusqlite::Result<BTreeMap<String, bool>> {
    let mut days: BTreeMap<String, bool> = db
        .prepare_cached("SELECT day, entries IS NOT NULL FROM packed_day")?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    // Without DISTINCT, for which SQLite would read all of an index.
    let mut statement = db.prepare_cached(
        "SELECT report.day FROM packed_to CROSS JOIN report ON report.id > packed_to.report WHERE packed_to.id = 0",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let day = row.get_ref(0)?.as_str()?;
        match days.get_mut(day) {
            Some(is_packed) => *is_packed = false,
            None => {
                days.insert(day.to_owned(), false);
            }
        }
    }
    Ok(days)
}

/// Whether any day isn't packed.
pub(super) fn has_changed(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM packed_to CROSS JOIN report ON report.id > packed_to.report)
             OR EXISTS (SELECT 1 FROM packed_day WHERE entries IS NULL)",
    )?
    .query_row((), |row| row.get(0))
}

/// The entries of a day that count, from its pack or from the rows.
pub(super) fn read(
    db: &Connection,
    keys: &Keys,
    policies: &mut Policies,
    shared: &mut Shared,
    (day, is_packed): (&str, bool),
) -> rusqlite::Result<Vec<DayEntry>> {
    if is_packed {
        let entries = db
            .prepare_cached("SELECT entries FROM packed_day WHERE day = :day")?
            .query_row(named_params! { ":day": day }, |row| {
                Ok(unpack(row.get_ref(0)?.as_blob()?, keys, shared))
            })
            .optional()?
            .flatten();
        if let Some(entries) = entries {
            return Ok(entries);
        }
    }
    day::read(db, keys, policies, shared, day)
}

/// Packs the days that have changed. Every failure has its problem already.
pub(super) fn refresh(db: &Connection, keys: &Keys, policies: &mut Policies) -> rusqlite::Result<()> {
    let mut shared = Shared::default();
    let changed: Vec<(String, bool)> = days(db)?
        .into_iter()
        .filter(|(_, is_packed)| !is_packed)
        .collect();
    if !changed.is_empty() {
        db.execute("UPDATE change SET n = n + 1", ())?;
    }
    for (day, _) in changed {
        let entries = day::read(db, keys, policies, &mut shared, &day)?;
        if entries.is_empty() {
            db.prepare_cached("DELETE FROM packed_day WHERE day = :day")?
                .execute(named_params! { ":day": day })?;
        } else {
            db.prepare_cached(
                "INSERT INTO packed_day (day, entries) VALUES (:day, :entries)
                 ON CONFLICT DO UPDATE SET entries = excluded.entries",
            )?
            .execute(named_params! { ":day": day, ":entries": pack(&entries, keys) })?;
        }
    }
    db.execute(
        "UPDATE packed_to SET report = (SELECT coalesce(max(id), 0) FROM report)
         WHERE report IS NOT (SELECT coalesce(max(id), 0) FROM report)",
        (),
    )?;
    Ok(())
}

/// Clears all packs: what they say of problems is to be derived anew.
pub(super) fn clear(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("UPDATE packed_day SET entries = NULL WHERE entries IS NOT NULL")
}

/// `None` where a failure shows a problem that has no number.
fn pack(entries: &[DayEntry], keys: &Keys) -> Option<Vec<u8>> {
    let mut texts = Numbered::default();
    let mut kinds = Numbered::default();
    let mut body = Writer::default();
    let n_failing = entries.partition_point(|entry| !entry.failures.is_empty());
    body.number(u64::try_from(n_failing).ok()?);
    body.number(u64::try_from(entries.len().checked_sub(n_failing)?).ok()?);
    let mut last_report = 0_i64;
    for entry in entries {
        body.signed(entry.report.checked_sub(last_report)?);
        last_report = entry.report;
        body.signed(entry.sender);
        body.signed(entry.policy);
        body.some(entry.ok)?;
        body.some(entry.failed)?;
        if entry.failures.is_empty() {
            continue;
        }
        body.signed(entry.policy_result);
        body.number(u64::try_from(entry.failures.len()).ok()?);
        for failure in &entry.failures {
            body.number(kinds.number(packed_kind(&failure.kind, keys)?)?);
            body.number(failure.failed.known);
            body.number(u64::from(failure.failed.at_least));
            body.number(u64::try_from(failure.details.len()).ok()?);
            for detail in &failure.details {
                body.number(match detail.of {
                    DetailOf::ReceivingIp => 0,
                    DetailOf::SendingIp => 1,
                    DetailOf::Reason => 2,
                });
                body.number(texts.number(detail.text.as_bytes().to_vec())?);
                body.number(detail.n);
            }
        }
    }
    let mut pack = Writer(vec![VERSION]);
    for list in [texts, kinds] {
        pack.number(u64::try_from(list.values.len()).ok()?);
        for value in list.in_order() {
            pack.bytes(&value)?;
        }
    }
    pack.0.append(&mut body.0);
    Some(pack.0)
}

fn packed_kind(kind: &Kind, keys: &Keys) -> Option<Vec<u8>> {
    let mut packed = Writer::default();
    packed.signed(keys.number(kind.cause, &kind.place)?);
    for list in [&kind.mx, &kind.result_types] {
        packed.number(u64::try_from(list.len()).ok()?);
        for text in list {
            packed.bytes(text.as_bytes())?;
        }
    }
    packed.number(u64::try_from(kind.failure_types.len()).ok()?);
    for id in &kind.failure_types {
        packed.signed(*id);
    }
    Some(packed.0)
}

/// `None` where it isn't a pack, or one that we can't read.
fn unpack(pack: &[u8], keys: &Keys, shared: &mut Shared) -> Option<Vec<DayEntry>> {
    let mut reader = Reader(pack.strip_prefix(&[VERSION])?);
    let mut texts: Vec<Rc<str>> = Vec::new();
    for _ in 0..reader.number()? {
        texts.push(shared.text(reader.text()?));
    }
    let mut kinds: Vec<Rc<Kind>> = Vec::new();
    for _ in 0..reader.number()? {
        kinds.push(shared.packed_kind(reader.bytes()?, |bytes| kind(bytes, keys))?);
    }
    let (n_failing, n_good) = (reader.number()?, reader.number()?);
    let n = n_failing.checked_add(n_good)?;
    // An entry takes five bytes at least.
    let mut entries = Vec::with_capacity(usize::try_from(n).ok()?.min(reader.0.len()));
    let mut report = 0_i64;
    for at in 0..n {
        report = report.checked_add(reader.signed()?)?;
        let mut entry = DayEntry {
            report,
            sender: reader.signed()?,
            policy: reader.signed()?,
            ok: reader.number()?.checked_sub(1),
            failed: reader.number()?.checked_sub(1),
            policy_result: 0,
            failures: Vec::new(),
        };
        if at < n_failing {
            entry.policy_result = reader.signed()?;
            for _ in 0..reader.number()? {
                entry.failures.push(failure(&mut reader, &texts, &kinds)?);
            }
        }
        entries.push(entry);
    }
    reader.0.is_empty().then_some(entries)
}

fn failure(reader: &mut Reader<'_>, texts: &[Rc<str>], kinds: &[Rc<Kind>]) -> Option<DayFailure> {
    let kind = kinds.get(usize::try_from(reader.number()?).ok()?)?;
    let failed = Sum {
        known: reader.number()?,
        at_least: reader.number()? != 0,
    };
    let mut details = Vec::new();
    for _ in 0..reader.number()? {
        details.push(Detail {
            of: match reader.number()? {
                0 => DetailOf::ReceivingIp,
                1 => DetailOf::SendingIp,
                _ => DetailOf::Reason,
            },
            text: Rc::clone(texts.get(usize::try_from(reader.number()?).ok()?)?),
            n: reader.number()?,
        });
    }
    Some(DayFailure {
        failed,
        kind: Rc::clone(kind),
        details: details.into_boxed_slice(),
    })
}

fn kind(bytes: &[u8], keys: &Keys) -> Option<Kind> {
    let mut reader = Reader(bytes);
    let (cause, place) = keys.key(reader.signed()?)?.clone();
    let mut lists: [Vec<String>; 2] = Default::default();
    for list in &mut lists {
        for _ in 0..reader.number()? {
            list.push(reader.text()?.to_owned());
        }
    }
    let mut failure_types = Vec::new();
    for _ in 0..reader.number()? {
        failure_types.push(reader.signed()?);
    }
    let [mx, result_types] = lists;
    Some(Kind {
        cause,
        place,
        mx,
        result_types,
        failure_types,
    })
}

/// Values by the order in which they came.
#[derive(Debug, Default)]
struct Numbered {
    values: HashMap<Vec<u8>, u64>,
}

impl Numbered {
    fn number(&mut self, value: Vec<u8>) -> Option<u64> {
        let next = u64::try_from(self.values.len()).ok()?;
        Some(*self.values.entry(value).or_insert(next))
    }

    fn in_order(self) -> impl Iterator<Item = Vec<u8>> {
        let ordered: BTreeSet<(u64, Vec<u8>)> =
            self.values.into_iter().map(|(value, at)| (at, value)).collect();
        ordered.into_iter().map(|(_, value)| value)
    }
}

/// Numbers of seven bits a byte, the last one without the eighth; negative ones and those that may be absent come to such.
#[derive(Debug, Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        loop {
            let low = u8::try_from(number & 0x7f).unwrap_or(0);
            number >>= 7;
            if number == 0 {
                self.0.push(low);
                return;
            }
            self.0.push(low | 0x80);
        }
    }

    /// 0, -1, 1, -2, ...
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// 0 for none, else the next number.
    fn some(&mut self, number: Option<u64>) -> Option<()> {
        self.number(number.map_or(Some(0), |number| number.checked_add(1))?);
        Some(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.number(u64::try_from(bytes.len()).ok()?);
        self.0.extend_from_slice(bytes);
        Some(())
    }
}

/// The inverse of [`Writer`].
#[derive(Debug)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let (byte, rest) = self.0.split_first()?;
        if *byte < 0x80 {
            // As most are.
            self.0 = rest;
            return Some(u64::from(*byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0_u32);
        for (at, byte) in self.0.iter().enumerate() {
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                self.0 = self.0.get(at.saturating_add(1)..)?;
                return Some(number);
            }
            shift = shift.saturating_add(7);
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        let half = (number >> 1).cast_signed();
        Some(if number & 1 == 0 { half } else { !half })
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let n = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}
