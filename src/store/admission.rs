//! Which reports count, whoever sent them: those about our domains, as many of a sender as is usual.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::json;

use super::batch::Batch;
use super::record::settle_mails_of;
use super::set_aside::{let_count, renew};
use super::{Standing, Store, StoreError, Tally, flood};
use crate::assess::cause::host_form;
use crate::assess::history::is_below;
use crate::config::{Config, DomainsConfig, Unauthenticated};
use crate::report::{Parsed, PolicyType};

/// Why a report is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    /// Its origin isn't proven.
    Origin,
    /// It is about domains of others alone.
    Foreign,
    /// Its sender sends far more than usual.
    Flood,
}

impl Aside {
    /// As it stands in the database.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Foreign => "foreign",
            Self::Flood => "flood",
        }
    }
}

/// What the configuration says of it.
#[derive(Debug)]
pub(super) struct Admission {
    ours: Option<Ours>,
    /// Reports of a sender that count of each day on which they came, unless more are usual.
    reports_a_day: u64,
}

impl Default for Admission {
    /// Everything counts.
    fn default() -> Self {
        Self {
            ours: None,
            reports_a_day: u64::MAX,
        }
    }
}

/// The names that are ours.
#[derive(Debug)]
struct Ours {
    names: BTreeSet<String>,
    /// Our domains: senders name the MX where they check TLSA records, and MX hosts below these are ours.
    mail: BTreeSet<String>,
    /// Patterns of other MX hosts that are ours (RFC 8461, Section 4.1).
    learnt: BTreeSet<String>,
}

impl Ours {
    /// Whether an entry is about something of ours.
    fn holds(&self, policy_domain: &str, policy_type: &str) -> bool {
        let name = host_form(policy_domain);
        let is_mx = || {
            let wildcard = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
            self.mail.iter().any(|own| is_below(&name, own))
                || self.learnt.contains(&name)
                || wildcard.is_some_and(|wildcard| self.learnt.contains(&wildcard))
        };
        name.is_empty() || self.names.contains(&name) || (policy_type == PolicyType::Tlsa.as_str() && is_mx())
    }

    fn hold_one(&self, entries: &[(String, String)]) -> bool {
        entries.is_empty() || entries.iter().any(|(domain, kind)| self.holds(domain, kind))
    }
}

impl Admission {
    /// Why a report that comes in doesn't count, but for floods; `None`: it does.
    pub(super) fn aside(&self, parsed: &Parsed, standing: &Standing) -> Option<Aside> {
        let policies = &parsed.report.policies;
        let is_foreign = self.ours.as_ref().is_some_and(|ours| {
            let mut policies = policies.iter().map(|result| &result.policy);
            !parsed.report.policies.is_empty()
                && !policies.any(|policy| {
                    let domain = policy.policy_domain.as_deref().unwrap_or_default();
                    ours.holds(domain, policy.policy_type.as_str())
                })
        });
        if is_foreign {
            Some(Aside::Foreign)
        } else if standing.counts {
            None
        } else {
            Some(Aside::Origin)
        }
    }

    /// Counts a report that would count, of an organisation and proven or not, and says whether it is one too many.
    pub(super) fn is_flood(
        &self,
        batch: &mut Batch<'_>,
        reporter: (Rc<str>, bool),
        (received_at, backfill): (Timestamp, bool),
        now: Timestamp,
    ) -> rusqlite::Result<bool> {
        if self.reports_a_day == u64::MAX {
            return Ok(false);
        }
        // Of old mail that was there before, or is imported, it is enough that its reporter is known.
        let came = if backfill {
            received_at.max(flood::kept_since(now))
        } else {
            received_at
        };
        let day = super::record::day_of(came);
        flood::arrives(batch, reporter, day, self.reports_a_day, backfill)
    }
}

impl Store {
    /// Looks again, after a poll or an import, at what was set aside: the reports may have named more hosts of ours, or
    /// most may fail ([`Store::set_free`]). The tally follows.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn look_again(
        &mut self,
        tally: &mut Tally,
        config: &Config,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let n_counted = self.admit_by(config, now)?;
        tally.stored = tally.stored.saturating_add(n_counted);
        tally.set_aside = tally.set_aside.saturating_sub(n_counted);
        self.set_free_of(tally, config, now)
    }

    /// Goes by this configuration from now on: by it reports about others, and far too many of one sender, don't count.
    /// Those about others that are set aside count once a domain of theirs is ours; gives how many do now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then nothing is changed in it.
    pub fn admit_by(&mut self, config: &Config, now: Timestamp) -> Result<u64, StoreError> {
        let mail: BTreeSet<String> = config.domains.mail.iter().flat_map(|name| forms(name)).collect();
        let learnt = self.learn_mx(&mail, config, now)?;
        let ours = ours(&self.db, mail, learnt, &config.domains)?;
        let names = ours
            .as_ref()
            .map_or(json!(null), |ours| json!([ours.names, ours.mail, ours.learnt]));
        // As a hash, for `forget` leaves no name behind.
        let hash = hash(&names);
        let last: Option<String> = self
            .db
            .prepare_cached("SELECT value FROM state WHERE key = 'ours'")?
            .query_row((), |row| row.get(0))
            .optional()?;
        self.admission = Arc::new(Admission {
            ours,
            reports_a_day: config.limits.reports_a_day,
        });
        if last.as_ref() == Some(&hash) {
            return Ok(0);
        }
        let admission = Arc::clone(&self.admission);
        let counts_all = config.authentication.unauthenticated == Unauthenticated::Count;
        let tx = self.begin()?;
        let n_counted = take_home(&tx, admission.ours.as_ref(), counts_all)?;
        tx.execute(
            "INSERT INTO state (key, value) VALUES ('ours', :hash)
             ON CONFLICT DO UPDATE SET value = :hash",
            named_params! { ":hash": hash },
        )?;
        tx.commit()?;
        Ok(n_counted)
    }
}

/// As the database keeps what something was derived from.
pub(super) fn hash(names: &serde_json::Value) -> String {
    STANDARD.encode(digest(&SHA256, names.to_string().as_bytes()))
}

/// What is ours; `None`: everything, for the configuration doesn't list it.
fn ours(
    db: &Connection,
    mail: BTreeSet<String>,
    learnt: BTreeSet<String>,
    domains: &DomainsConfig,
) -> rusqlite::Result<Option<Ours>> {
    if mail.is_empty() {
        return Ok(None);
    }
    // What was retired is spoken of for some weeks.
    let retired: Vec<String> = db
        .prepare_cached("SELECT about FROM remark WHERE kind = 'retired' AND about <> ''")?
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let names = domains.mx.iter().chain(&retired).flat_map(|name| forms(name));
    Ok(Some(Ours {
        names: names.chain(mail.iter().cloned()).collect(),
        mail,
        learnt,
    }))
}

/// A name as it is written and as reports have it.
fn forms(name: &str) -> impl Iterator<Item = String> + use<> {
    let name = host_form(name);
    let ascii = idna::domain_to_ascii(&name).ok().filter(|ascii| *ascii != name);
    std::iter::once(name).chain(ascii)
}

/// Lets reports about others count that are about something of ours now, or sets them aside for their origin alone.
fn take_home(db: &Connection, ours: Option<&Ours>, counts_all: bool) -> rusqlite::Result<u64> {
    let foreign: Vec<(i64, Vec<u8>, bool)> = db
        .prepare(
            "SELECT id, identity, authentication IN ('dkim', 'trusted-mx', 'unchecked') FROM report
             WHERE status = 'set-aside' AND aside = 'foreign' ORDER BY id",
        )?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut entries = db.prepare_cached(
        "SELECT DISTINCT policy.policy_domain, policy.policy_type
         FROM policy_result JOIN policy ON policy.id = policy_result.policy WHERE policy_result.report = :report",
    )?;
    let mut n_counted = 0_u64;
    for (report, identity, is_proven) in foreign {
        let about: Vec<(String, String)> = entries
            .query_map(named_params! { ":report": report }, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        if ours.is_some_and(|ours| !ours.hold_one(&about)) {
            continue;
        }
        if is_proven || counts_all {
            n_counted = n_counted.saturating_add(u64::from(let_count(db, report, &identity)?));
        } else {
            let id = renew(db, report)?;
            db.execute(
                "UPDATE report SET aside = 'origin' WHERE id = :id",
                named_params! { ":id": id },
            )?;
            settle_mails_of(db, id)?;
        }
    }
    Ok(n_counted)
}
