//! MX hosts that are ours although nobody has listed them: those that several reporters name in our policies.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::json;

use super::admission::hash;
use super::record::day_of;
use super::{Store, StoreError};
use crate::assess::cause::host_form;
use crate::assess::history::is_below;
use crate::config::{AuthenticationMode, Config};

/// So many reporters must name a host: one alone could name its own.
const REPORTERS: usize = 2;
/// Since so many days their reports must have come.
const KNOWN_DAYS: i64 = 7;
/// Most patterns that are taken of a policy, of a reporter, and of all: reports are what strangers write.
const MAX_PATTERNS: (usize, usize, usize) = (100, 1_000, 10_000);
/// Most policies that are looked at, newest first.
const MAX_POLICIES: u32 = 10_000;
/// Most entries of a policy that are looked at, newest first.
const MAX_ENTRIES: u32 = 20_000;

/// Whose word is taken.
struct Witnesses {
    /// Reporters that we have known for a while.
    known: BTreeSet<String>,
    /// Nobody verifies, so that those count of whom nothing is known.
    unchecked: bool,
}

impl Store {
    /// The patterns of MX hosts outside our domains that are ours, derived anew on another day and when there are new
    /// policies or senders.
    pub(super) fn learn_mx(
        &mut self,
        mail: &BTreeSet<String>,
        config: &Config,
        now: Timestamp,
    ) -> Result<BTreeSet<String>, StoreError> {
        let unchecked = config.authentication.mode == AuthenticationMode::Off;
        let newest: (i64, i64) = self
            .db
            .prepare_cached(
                "SELECT (SELECT coalesce(max(id), 0) FROM policy), (SELECT coalesce(max(id), 0) FROM sender)",
            )?
            .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let today = day_of(now);
        let state = hash(&json!([today, newest, mail, unchecked]));
        let last: Option<String> = self
            .db
            .prepare_cached("SELECT value FROM state WHERE key = 'learnt'")?
            .query_row((), |row| row.get(0))
            .optional()?;
        let before = read(&self.db)?;
        if last.as_ref() == Some(&state) {
            return Ok(before);
        }
        let witnesses = Witnesses {
            known: known(&self.db, &today, unchecked)?,
            unchecked,
        };
        let learnt = derive(&self.db, mail, &witnesses)?;
        let tx = self.begin()?;
        for pattern in before.difference(&learnt) {
            tx.execute(
                "DELETE FROM learnt_mx WHERE pattern = :pattern",
                named_params! { ":pattern": pattern },
            )?;
        }
        for pattern in learnt.difference(&before) {
            tx.execute(
                "INSERT INTO learnt_mx (pattern) VALUES (:pattern)",
                named_params! { ":pattern": pattern },
            )?;
        }
        tx.execute(
            "INSERT INTO state (key, value) VALUES ('learnt', :state) ON CONFLICT DO UPDATE SET value = :state",
            named_params! { ":state": state },
        )?;
        tx.commit()?;
        Ok(learnt)
    }
}

/// What is learnt.
pub(super) fn read(db: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    db.prepare_cached("SELECT pattern FROM learnt_mx")?
        .query_map((), |row| row.get(0))?
        .collect()
}

/// Reporters of which reports came a week ago or earlier, by the day on which they came: what reports say of their days is
/// their own word.
fn known(db: &Connection, today: &str, unchecked: bool) -> rusqlite::Result<BTreeSet<String>> {
    db.prepare_cached(
        "SELECT DISTINCT reporter FROM arrival
         WHERE day <= date(:today, :before) AND reporter <> '' AND (is_proven OR :unchecked)",
    )?
    .query_map(
        named_params! { ":today": today, ":before": format!("-{KNOWN_DAYS} days"), ":unchecked": unchecked },
        |row| row.get(0),
    )?
    .collect()
}

fn derive(
    db: &Connection,
    mail: &BTreeSet<String>,
    witnesses: &Witnesses,
) -> rusqlite::Result<BTreeSet<String>> {
    let mut learnt = BTreeSet::new();
    if mail.is_empty() || witnesses.known.len() < REPORTERS {
        return Ok(learnt);
    }
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut n_named: BTreeMap<String, usize> = BTreeMap::new();
    let mut statement = db.prepare_cached(
        "SELECT id, policy_string, mx_host FROM policy
         WHERE policy_type = 'sts' AND policy_domain IN (SELECT value FROM json_each(:domains))
         ORDER BY id DESC LIMIT :at_most",
    )?;
    let mut rows =
        statement.query(named_params! { ":domains": json!(mail).to_string(), ":at_most": MAX_POLICIES })?;
    while learnt.len() < MAX_PATTERNS.2
        && let Some(row) = rows.next()?
    {
        let patterns: Vec<String> = patterns(row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?)
            .filter(|pattern| {
                is_of_one(pattern)
                    && !learnt.contains(pattern)
                    && !mail.iter().any(|own| is_below(pattern, own))
            })
            .take(MAX_PATTERNS.0)
            .collect();
        if patterns.is_empty() {
            continue;
        }
        for reporter in reporters(db, row.get(0)?, witnesses)? {
            let n = n_named.entry(reporter.clone()).or_default();
            for pattern in &patterns {
                if *n >= MAX_PATTERNS.1 {
                    break;
                }
                let by = named.entry(pattern.clone()).or_default();
                *n = n.saturating_add(usize::from(by.insert(reporter.clone())));
                if by.len() >= REPORTERS {
                    learnt.insert(pattern.clone());
                }
            }
        }
    }
    Ok(learnt)
}

/// The MX hosts that a policy names.
fn patterns(policy_string: &str, mx_host: &str) -> impl Iterator<Item = String> {
    let texts = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
    let listed = texts(policy_string).into_iter().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim()
            .eq_ignore_ascii_case("mx")
            .then(|| host_form(value.trim()))
    });
    let hosts = texts(mx_host).into_iter().map(|host| host_form(host.trim()));
    listed.chain(hosts).filter(|pattern| !pattern.is_empty())
}

/// Whether the hosts of a pattern are of one organisation: anybody may have one directly below a public suffix.
fn is_of_one(pattern: &str) -> bool {
    pattern
        .strip_prefix("*.")
        .is_none_or(|domain| psl::domain_str(domain).is_some())
}

/// Some of those who have shown a policy in reports that count and are proven: as many as matter.
fn reporters(db: &Connection, policy: i64, witnesses: &Witnesses) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = db.prepare_cached(
        "SELECT sender.reporter
         FROM policy_result CROSS JOIN report ON report.id = policy_result.report
              CROSS JOIN sender ON sender.id = report.sender
         WHERE policy_result.policy = :policy AND report.status = 'counted'
           AND (report.authentication IN ('dkim', 'trusted-mx')
                OR (:unchecked AND report.authentication = 'unchecked'))
         ORDER BY policy_result.id DESC LIMIT :at_most",
    )?;
    let mut rows = statement.query(named_params! {
        ":policy": policy, ":unchecked": witnesses.unchecked, ":at_most": MAX_ENTRIES,
    })?;
    let mut found = BTreeSet::new();
    while found.len() < REPORTERS
        && let Some(row) = rows.next()?
    {
        let reporter = row.get_ref(0)?.as_str()?;
        if witnesses.known.contains(reporter) && !found.contains(reporter) {
            found.insert(reporter.to_owned());
        }
    }
    Ok(found)
}
