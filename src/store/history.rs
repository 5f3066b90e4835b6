//! Reads what problems and the states of domains are derived from.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::{Span, ToSpan, civil::Date};
use rusqlite::{Connection, named_params};
use rustc_hash::FxHashMap;

use super::day::{DayEntry, Shared};
use super::facts::date;
use super::keys::{Keys, Policies};
use super::{Store, StoreError, learnt, packed, remarks, unproven};
use crate::assess::cause::host_form;
use crate::assess::history::{Entry, Failure, History, Seen};
use crate::assess::policy::{Text, Texts};
use crate::config::DomainsConfig;

/// Entries of these last days matter, whatever is in them.
pub(super) const RECENT_DAYS: i64 = 60;
/// Older ones matter for so long after a failure of the same reporter and domain: they show whether it was over.
const AFTER_DAYS: i64 = 60;

impl Store {
    /// Everything that problems and the states of domains are derived from, as of `today` (UTC), with every entry that
    /// retention has left, for totals and beginnings of all time. It takes the more time and memory the more is stored.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn whole_history(&self, today: Date, domains: &DomainsConfig) -> Result<History, StoreError> {
        // One state of the database, though it takes several queries.
        let tx = self.db.unchecked_transaction()?;
        let keys = Keys::read(&tx)?;
        Ok(read(&tx, &keys, &mut Policies::default(), today, domains, i64::MAX)?.history)
    }
}

/// A history, and where its failures stand in the database.
pub(super) struct Read {
    pub(super) history: History,
    /// For each failure, the id of its row in `policy_result`.
    pub(super) policy_results: Vec<i64>,
}

/// All failures that retention has left; entries without any only of the last `recent_days`, or where the same reporter
/// saw the same domain fail, or showed an old policy of it, in the 60 days before; and those with which reporters began
/// to show a policy.
pub(super) fn read(
    db: &Connection,
    keys: &Keys,
    policies: &mut Policies,
    today: Date,
    domains: &DomainsConfig,
    recent_days: i64,
) -> rusqlite::Result<Read> {
    // The day before every other one where there are too many days for a span.
    let recent = Span::new()
        .try_days(recent_days)
        .and_then(|span| today.checked_sub(span))
        .unwrap_or(Date::MIN);
    let mut reader = Reader {
        db,
        policies,
        recent,
        reporters: FxHashMap::default(),
        views: FxHashMap::default(),
        of_views: Vec::new(),
        pairs: HashMap::new(),
        failed_on: Vec::new(),
        domains: HashMap::new(),
        texts: Texts::default(),
        older: Vec::new(),
        entries: Vec::new(),
        failures: Vec::new(),
        policy_results: Vec::new(),
    };
    let mut shared = Shared::default();
    // Oldest first, so that it is known what has failed before.
    for (day, is_packed) in packed::days(db)? {
        let entries = packed::read(db, keys, reader.policies, &mut shared, (&day, is_packed))?;
        reader.day(date(&day), entries)?;
    }
    let names = |names: &[String]| names.iter().map(|name| host_form(name)).collect();
    Ok(Read {
        history: History {
            today,
            our_domains: names(&domains.mail),
            our_mx: names(&domains.mx),
            learnt_mx: learnt::read(db)?,
            entries: reader.entries,
            failures: reader.failures,
            older: reader.older,
            remarks: remarks::read(db)?,
            unproven: unproven::counted(db)?,
        },
        policy_results: reader.policy_results,
    })
}

struct Reader<'a> {
    db: &'a Connection,
    policies: &'a mut Policies,
    /// The first day of which every entry matters.
    recent: Date,
    /// By the sender's id.
    reporters: FxHashMap<i64, Rc<str>>,
    /// By sender and policy, of which there are few, the place in `of_views`.
    views: FxHashMap<(i64, i64), usize>,
    of_views: Vec<View>,
    /// Numbers by reporter and domain.
    pairs: HashMap<(Rc<str>, Rc<str>), usize>,
    /// By pair, the last day so far with a failure or an old policy.
    failed_on: Vec<Option<Date>>,
    /// Numbers by domain.
    domains: HashMap<Rc<str>, usize>,
    /// Which policies they showed so far.
    texts: Texts,
    older: Vec<Entry>,
    entries: Vec<Entry>,
    failures: Vec<Failure>,
    policy_results: Vec<i64>,
}

/// What a sender shows of a domain.
struct View {
    seen: Rc<Seen>,
    /// Numbers of the pair of reporter and domain, and of the domain.
    of: (usize, usize),
    text: Option<Text>,
}

impl Reader<'_> {
    /// Takes what matters of a day: failing entries, and of the others the recent ones and those by which it can be told
    /// whether a failure was over.
    fn day(&mut self, day: Date, entries: Vec<DayEntry>) -> rusqlite::Result<()> {
        let since = day.checked_sub(AFTER_DAYS.days()).unwrap_or(Date::MIN);
        for entry in entries {
            let view = self.view(entry.sender, entry.policy)?;
            let Some(&View { ref seen, of, text }) = self.of_views.get(view) else {
                continue;
            };
            let worth = text
                .map(|text| self.texts.take(of, text, day))
                .unwrap_or_default();
            if entry.failures.is_empty() && !worth.is_late {
                let failed_on = self.failed_on.get(of.0).copied().flatten();
                if day < self.recent && failed_on.is_none_or(|failed_on| failed_on < since) {
                    if worth.begins {
                        self.older.push(Entry {
                            report: entry.report,
                            ok: entry.ok,
                            failed: entry.failed,
                            seen: Rc::clone(seen),
                            day,
                        });
                    }
                    continue;
                }
            } else if let Some(failed_on) = self.failed_on.get_mut(of.0) {
                *failed_on = Some(day);
            }
            let at = self.entries.len();
            for failure in entry.failures {
                self.policy_results.push(entry.policy_result);
                self.failures.push(Failure {
                    entry: at,
                    failed: failure.failed,
                    kind: failure.kind,
                    details: failure.details,
                });
            }
            self.entries.push(Entry {
                report: entry.report,
                ok: entry.ok,
                failed: entry.failed,
                seen: Rc::clone(seen),
                day,
            });
        }
        Ok(())
    }

    fn view(&mut self, sender: i64, policy: i64) -> rusqlite::Result<usize> {
        if let Some(view) = self.views.get(&(sender, policy)) {
            return Ok(*view);
        }
        let known = self.policies.get(self.db, policy)?;
        let reporter = self.reporter(sender)?;
        let n_pairs = self.pairs.len();
        let pair = *self
            .pairs
            .entry((Rc::clone(&reporter), Rc::clone(&known.domain)))
            .or_insert(n_pairs);
        self.failed_on.resize(self.pairs.len(), None);
        let seen = Rc::new(Seen {
            reporter,
            domain: Rc::clone(&known.domain),
            policy: Rc::clone(&known.text),
        });
        let n_domains = self.domains.len();
        let domain = *self.domains.entry(Rc::clone(&known.domain)).or_insert(n_domains);
        let view = self.of_views.len();
        self.of_views.push(View {
            seen,
            of: (pair, domain),
            text: self.texts.text(&known.text),
        });
        self.views.insert((sender, policy), view);
        Ok(view)
    }

    fn reporter(&mut self, sender: i64) -> rusqlite::Result<Rc<str>> {
        if let Some(known) = self.reporters.get(&sender) {
            return Ok(Rc::clone(known));
        }
        let reporter: String = self
            .db
            .prepare_cached("SELECT reporter FROM sender WHERE id = :id")?
            .query_row(named_params! { ":id": sender }, |row| row.get(0))?;
        // Senders differ in more than the reporter's name, of which one copy will do.
        let shared = self.reporters.values().find(|known| known.as_ref() == reporter);
        let reporter = shared.map_or_else(|| Rc::from(reporter.as_str()), Rc::clone);
        self.reporters.insert(sender, Rc::clone(&reporter));
        Ok(reporter)
    }
}
