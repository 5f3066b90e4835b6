//! Which problem a failure shows by itself, and the ids of problems.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::assess::cause::{Cause, Record, host_form, mx_matches, refine, tlsa_usages};
use crate::assess::history::PolicyText;
use crate::assess::place::Place;
use crate::assess::{id, place};

/// What identifies a problem.
pub(super) type Key = (Cause, Place);

/// Most MX hosts that one report can make problems of; what it says of others counts as MX not named.
const MAX_PLACES: usize = 1000;
/// Digits of an id, if no other problem has them.
const ID_DIGITS: usize = 4;
/// Failures that are given their problem at a time.
const SLICE: u32 = 10_000;

/// A policy with what is derived from its text.
#[derive(Debug)]
pub(super) struct KnownPolicy {
    pub(super) domain: Rc<str>,
    pub(super) text: Rc<PolicyText>,
    usages: Vec<u8>,
    patterns: Vec<String>,
}

/// The policies that were asked for so far, each read once.
#[derive(Debug, Default)]
pub(super) struct Policies(BTreeMap<i64, Rc<KnownPolicy>>);

impl Policies {
    pub(super) fn get(&mut self, db: &Connection, id: i64) -> rusqlite::Result<Rc<KnownPolicy>> {
        if let Some(known) = self.0.get(&id) {
            return Ok(Rc::clone(known));
        }
        let known = db
            .prepare_cached(
                "SELECT policy_domain, policy_type, sts_mode, policy_string, mx_host FROM policy WHERE id = :id",
            )?
            .query_row(named_params! { ":id": id }, known_policy)?;
        let known = Rc::new(known);
        self.0.insert(id, Rc::clone(&known));
        Ok(known)
    }
}

fn known_policy(row: &Row<'_>) -> rusqlite::Result<KnownPolicy> {
    let list = |json: &str| -> Vec<String> { serde_json::from_str(json).unwrap_or_default() };
    let mode: String = row.get(2)?;
    let text = PolicyText {
        policy_type: row.get(1)?,
        mode: (!mode.is_empty()).then(|| mode.to_ascii_lowercase()),
        lines: list(row.get_ref(3)?.as_str()?),
        mx_host: list(row.get_ref(4)?.as_str()?),
    };
    Ok(KnownPolicy {
        domain: Rc::from(row.get_ref(0)?.as_str()?),
        usages: tlsa_usages(&text.lines),
        patterns: mx_patterns(&text),
        text: Rc::new(text),
    })
}

/// The `mx` patterns of an MTA-STS policy; where its text is absent, "mx-host" repeats them.
fn mx_patterns(text: &PolicyText) -> Vec<String> {
    if text.policy_type != "sts" {
        return Vec::new();
    }
    let lines = text.lines.iter().flat_map(|text| text.lines());
    let listed: Vec<String> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("mx"))
        .map(|(_, pattern)| host_form(pattern))
        .filter(|pattern| !pattern.is_empty())
        .collect();
    if listed.is_empty() {
        let hosts = text.mx_host.iter().map(|pattern| host_form(pattern));
        hosts.filter(|pattern| !pattern.is_empty()).collect()
    } else {
        listed
    }
}

/// What a failure says that its problem depends on.
pub(super) struct Said<'a> {
    pub(super) report: i64,
    /// `None`: `unspecified`.
    pub(super) result_type: Option<&'a str>,
    pub(super) mx: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
}

/// Gives failures their problems; those of a report in their order, so that it always comes to the same.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    report: i64,
    mx: BTreeSet<String>,
}

impl Resolver {
    pub(super) fn key(&mut self, said: &Said<'_>, policy: &KnownPolicy) -> Key {
        let mx = host_form(said.mx.unwrap_or_default());
        let in_policy = (!mx.is_empty() && !policy.patterns.is_empty())
            .then(|| policy.patterns.iter().any(|pattern| mx_matches(pattern, &mx)));
        let cause = refine(&Record {
            policy_type: &policy.text.policy_type,
            tlsa_usages: &policy.usages,
            result_type: said.result_type.unwrap_or_default(),
            reason: said.reason.unwrap_or_default(),
            mx_in_policy: in_policy,
        });
        let place = place::of(
            cause,
            &mx,
            &policy.domain,
            &policy.text.policy_type,
            &policy.text.mx_host,
        );
        (cause, self.bounded(said.report, place, &policy.domain))
    }

    fn bounded(&mut self, report: i64, place: Place, domain: &str) -> Place {
        if self.report != report {
            self.report = report;
            self.mx.clear();
        }
        match &place {
            Place::Mx(mx) if !self.mx.contains(mx) => {
                if self.mx.len() >= MAX_PLACES {
                    return Place::Unnamed(domain.to_owned());
                }
                self.mx.insert(mx.clone());
                place
            }
            _ => place,
        }
    }
}

/// All problems that have an id.
#[derive(Debug, Default)]
pub(super) struct Keys {
    by_key: BTreeMap<Key, (i64, String)>,
    by_number: BTreeMap<i64, Key>,
    /// Earlier ids of problems, by number.
    aliases: BTreeMap<i64, Vec<String>>,
    /// All that are taken.
    ids: BTreeSet<String>,
}

impl Keys {
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let causes: BTreeMap<&str, Cause> = Cause::ALL.iter().map(|cause| (cause.as_str(), *cause)).collect();
        let mut keys = Self::default();
        let mut statement = db.prepare("SELECT number, id, cause, place_kind, place FROM problem")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let (number, id): (i64, String) = (row.get(0)?, row.get(1)?);
            keys.ids.insert(id.clone());
            // A cause that a later version named is none that we could judge.
            let Some(cause) = causes.get(row.get_ref(2)?.as_str()?) else {
                continue;
            };
            let place = Place::from_parts(row.get_ref(3)?.as_str()?, row.get_ref(4)?.as_str()?);
            keys.by_number.insert(number, (*cause, place.clone()));
            keys.by_key.insert((*cause, place), (number, id));
        }
        let mut statement = db.prepare("SELECT problem, id FROM problem_alias ORDER BY id")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let id: String = row.get(1)?;
            keys.ids.insert(id.clone());
            keys.aliases.entry(row.get(0)?).or_default().push(id);
        }
        Ok(keys)
    }

    pub(super) fn key(&self, number: i64) -> Option<&Key> {
        self.by_number.get(&number)
    }

    pub(super) fn number(&self, cause: Cause, place: &Place) -> Option<i64> {
        let key = (cause, place.clone());
        self.by_key.get(&key).map(|(number, _)| *number)
    }

    /// Ids that a problem had before.
    pub(super) fn aliases(&self, cause: Cause, place: &Place) -> Vec<String> {
        let aliases = self
            .number(cause, place)
            .and_then(|number| self.aliases.get(&number));
        aliases.cloned().unwrap_or_default()
    }

    /// The id of a problem; of one that has none yet, the one that it would get.
    pub(super) fn id(&self, cause: Cause, place: &Place) -> String {
        let key = (cause, place.clone());
        self.by_key
            .get(&key)
            .map_or_else(|| self.free_id(cause, place), |(_, id)| id.clone())
    }

    /// As many digits of the hash as no other id has.
    pub(super) fn free_id(&self, cause: Cause, place: &Place) -> String {
        let hash = id::hash(cause, place);
        ids(&hash)
            .find(|id| !self.ids.contains(*id))
            .map_or_else(|| format!("{hash}{:x}", self.ids.len()), str::to_owned)
    }

    /// The number of a problem, which gets a row and an id if it has none.
    pub(super) fn number_or_new(&mut self, db: &Connection, key: &Key) -> rusqlite::Result<i64> {
        if let Some((number, _)) = self.by_key.get(key) {
            return Ok(*number);
        }
        let (cause, place) = key;
        let id = self.free_id(*cause, place);
        let number = insert(db, &id, key)?;
        self.ids.insert(id.clone());
        self.by_number.insert(number, key.clone());
        self.by_key.insert(key.clone(), (number, id));
        Ok(number)
    }
}

/// The ids that a problem may have, shortest first.
fn ids(hash: &str) -> impl Iterator<Item = &str> {
    (ID_DIGITS..=hash.len()).filter_map(|digits| hash.get(..digits))
}

fn insert(db: &Connection, id: &str, (cause, place): &Key) -> rusqlite::Result<i64> {
    db.prepare_cached("INSERT INTO problem (id, cause, place_kind, place) VALUES (?, ?, ?, ?)")?
        .execute((id, cause.as_str(), place.kind(), place.name()))?;
    Ok(db.last_insert_rowid())
}

/// The problems that the failures of a batch show by themselves. They are looked up one by one: a batch shows few of all
/// that there are.
#[derive(Debug, Default)]
pub(super) struct Shown {
    policies: Policies,
    resolver: Resolver,
    numbers: BTreeMap<Key, i64>,
}

impl Shown {
    /// The number of the problem that a failure shows, which gets a row and an id if it has none.
    pub(super) fn number(&mut self, db: &Connection, policy: i64, said: &Said<'_>) -> rusqlite::Result<i64> {
        let policy = self.policies.get(db, policy)?;
        let key = self.resolver.key(said, &policy);
        if let Some(number) = self.numbers.get(&key) {
            return Ok(*number);
        }
        let (cause, place) = &key;
        let known = db
            .prepare_cached("SELECT number FROM problem WHERE place = ? AND cause = ? AND place_kind = ?")?
            .query_row((place.name(), cause.as_str(), place.kind()), |row| row.get(0))
            .optional()?;
        let number = match known {
            Some(number) => number,
            None => insert(db, &free_id(db, &key)?, &key)?,
        };
        self.numbers.insert(key, number);
        Ok(number)
    }
}

/// As [`Keys::free_id`], where not all ids are at hand.
fn free_id(db: &Connection, (cause, place): &Key) -> rusqlite::Result<String> {
    let hash = id::hash(*cause, place);
    let mut is_taken = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM problem WHERE id = ?1) OR EXISTS (SELECT 1 FROM problem_alias WHERE id = ?1)",
    )?;
    for id in ids(&hash) {
        if !is_taken.query_row((id,), |row| row.get(0))? {
            return Ok(id.to_owned());
        }
    }
    let n: i64 = db.query_row(
        "SELECT (SELECT count(*) FROM problem) + (SELECT count(*) FROM problem_alias)",
        (),
        |row| row.get(0),
    )?;
    Ok(format!("{hash}{n:x}"))
}

/// Gives every failure that has none yet the problem that it shows by itself: those that are to be read anew, for a
/// failure gets its problem as it is recorded.
pub(super) fn resolve(db: &Connection, keys: &mut Keys, policies: &mut Policies) -> rusqlite::Result<()> {
    let mut resolver = Resolver::default();
    let mut after = 0_i64;
    loop {
        // Failures in a row of one problem: its number, and their first and last id.
        let mut found: Vec<(i64, i64, i64)> = Vec::new();
        let mut statement = db.prepare_cached(
            "SELECT failure.id, policy_result.report, policy_result.policy, failure.result_type,
                    failure.receiving_mx_hostname, failure.failure_reason_code
             FROM failure CROSS JOIN policy_result ON policy_result.id = failure.policy_result
             WHERE failure.id > :after AND failure.problem IS NULL AND failure.failure_type IS NOT NULL
             ORDER BY failure.id LIMIT :slice",
        )?;
        let mut rows = statement.query(named_params! { ":after": after, ":slice": SLICE })?;
        while let Some(row) = rows.next()? {
            let policy = policies.get(db, row.get(2)?)?;
            let said = Said {
                report: row.get(1)?,
                result_type: row.get_ref(3)?.as_str_or_null()?,
                mx: row.get_ref(4)?.as_str_or_null()?,
                reason: row.get_ref(5)?.as_str_or_null()?,
            };
            let key = resolver.key(&said, &policy);
            let (failure, problem) = (row.get(0)?, keys.number_or_new(db, &key)?);
            match found.last_mut() {
                Some((one, _, last)) if *one == problem => *last = failure,
                _ => found.push((problem, failure, failure)),
            }
        }
        drop(rows);
        let Some((.., last)) = found.last() else {
            return Ok(());
        };
        after = *last;
        let mut set = db.prepare_cached(
            "UPDATE failure SET problem = ? WHERE id BETWEEN ? AND ? AND problem IS NULL AND failure_type IS NOT NULL",
        )?;
        for found in found {
            set.execute(found)?;
        }
    }
}
