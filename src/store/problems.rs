//! Keeps how problems stand: what the reports say of them, derived anew each time, and their ids, which stay.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::{Connection, Row, named_params};

use super::facts::{count, date};
use super::history::{self, RECENT_DAYS, Read};
use super::keys::{self, Keys, Policies};
use super::standing::keep;
use super::{Store, StoreError, Tally, outcome, packed, remarks};
use crate::assess;
use crate::assess::cause::Cause;
use crate::assess::domains::Survey;
use crate::assess::history::{History, Kind, Remark, Saying, Sum};
use crate::assess::place::Place;
use crate::assess::policy::mark_stale;
use crate::assess::problem::{Ending, Episode, Problem};
use crate::config::DomainsConfig;

impl Store {
    /// Derives all problems from the reports, as of `today` (UTC), and keeps how they stand in `problems` and the views
    /// beside it. Only what has changed is written.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then everything is as before.
    pub fn assess(&mut self, today: Date, domains: &DomainsConfig) -> Result<Vec<Problem>, StoreError> {
        let tx = self.begin()?;
        if let Some(state) = outcome::state(&tx, today, domains)?
            && let Some(problems) = outcome::problems(&tx, &state)?
        {
            return Ok(problems);
        }
        let mut policies = Policies::default();
        let mut keys = Keys::read(&tx)?;
        keys::resolve(&tx, &mut keys, &mut policies)?;
        packed::refresh(&tx, &keys, &mut policies)?;
        let mut read = history::read(&tx, &keys, &mut policies, today, domains, RECENT_DAYS)?;
        mark_stale(&mut read.history);
        let mut problems = derive(&mut read, &keys);
        if take_over(&tx, &keys, &read, &problems)? {
            keys = Keys::read(&tx)?;
            read.history.remarks = remarks::read(&tx)?;
            problems = derive(&mut read, &keys);
        }
        let expired = expired_episodes(&tx)?;
        add_expired(&mut problems, &keys, &expired);
        keep(&tx, &mut keys, &read, &problems, &expired)?;
        forget_failures(&mut problems);
        if let Some(state) = outcome::state(&tx, today, domains)? {
            outcome::keep_problems(&tx, &state, &problems)?;
        }
        tx.commit()?;
        self.sum_up_many()?;
        Ok(problems)
    }

    /// As [`Store::assess`], with how domains and reporters stand by the same reports.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn assess_with_survey(
        &mut self,
        today: Date,
        domains: &DomainsConfig,
    ) -> Result<(Vec<Problem>, Survey), StoreError> {
        self.assess(today, domains)?;
        let (problems, survey, new) = self.known(today, domains)?;
        if let Some(new) = new {
            let tx = self.begin()?;
            // What others have changed since isn't in it.
            if outcome::state(&tx, today, domains)?.as_ref() == Some(&new) {
                outcome::keep_survey(&tx, &new, &survey)?;
            }
            tx.commit()?;
        }
        Ok((problems, survey))
    }

    /// As [`Store::assess`] after mails were recorded, if anything in them was stored. What fails is only logged: the
    /// next assessment makes up for it.
    pub fn assess_new(&mut self, tally: &Tally, now: Timestamp, domains: &DomainsConfig) {
        if tally.stored == 0 && tally.conflicts == 0 {
            return;
        }
        let today = now.to_zoned(TimeZone::UTC).date();
        if let Err(error) = self.assess(today, domains) {
            tracing::error!("the reports are stored, but problems were not derived from them: {error}");
        }
    }

    /// As [`Store::assess`], and what each failure shows by itself is derived anew too, as a newer version of the program
    /// reads it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn reassess(&mut self, today: Date, domains: &DomainsConfig) -> Result<Vec<Problem>, StoreError> {
        let tx = self.begin()?;
        tx.execute("UPDATE failure SET problem = NULL WHERE problem IS NOT NULL", ())?;
        packed::clear(&tx)?;
        tx.commit()?;
        self.assess(today, domains)
    }

    /// The problems as [`Store::assess`] derives them, and nothing is kept; for readers of the file.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn problems(&self, today: Date, domains: &DomainsConfig) -> Result<Vec<Problem>, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let state = outcome::state(&tx, today, domains)?;
        Ok(problems(&tx, state.as_deref(), today, domains)?.0)
    }

    /// As [`Store::problems`], with how domains and reporters stand by the same reports.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn problems_with_survey(
        &self,
        today: Date,
        domains: &DomainsConfig,
    ) -> Result<(Vec<Problem>, Survey), StoreError> {
        let (problems, survey, _) = self.known(today, domains)?;
        Ok((problems, survey))
    }

    /// Problems and survey, and the state of which the latter is news.
    fn known(
        &self,
        today: Date,
        domains: &DomainsConfig,
    ) -> Result<(Vec<Problem>, Survey, Option<String>), StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let state = outcome::state(&tx, today, domains)?;
        let (problems, history) = problems(&tx, state.as_deref(), today, domains)?;
        if let Some(state) = &state
            && let Some(survey) = outcome::survey(&tx, state)?
        {
            return Ok((problems, survey, None));
        }
        let history = if let Some(history) = history {
            history
        } else {
            let keys = Keys::read(&tx)?;
            let mut read = history::read(&tx, &keys, &mut Policies::default(), today, domains, RECENT_DAYS)?;
            mark_stale(&mut read.history);
            read.history
        };
        let survey = Survey::of(&history, &problems);
        Ok((problems, survey, state))
    }

    /// The history of these domains alone, with every entry if `whole`, and the problems that it shows: as if no other
    /// domain had ever been reported on. Sums of reports that retention has removed are left out, since they are of all
    /// domains, and so are notes on problems, which may speak of any.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn assess_domains(
        &self,
        today: Date,
        ours: &DomainsConfig,
        domains: &[String],
        whole: bool,
    ) -> Result<(History, Vec<Problem>), StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let keys = Keys::read(&tx)?;
        let said_as = remarks::read_as_said(&tx)?;
        let all = |days| history::read(&tx, &keys, &mut Policies::default(), today, ours, days);
        let restricted = |days| {
            let mut history = all(days)?.history;
            // Of a problem that is another one by the reports on other domains alone.
            history.remarks.extend(said_as.iter().cloned());
            Ok::<_, StoreError>(Read {
                history: history.of_domains(domains),
                policy_results: Vec::new(),
            })
        };
        // As for everybody: entries of all time matter to the survey alone.
        let mut read = restricted(RECENT_DAYS)?;
        mark_stale(&mut read.history);
        let mut problems = derive(&mut read, &keys);
        for problem in &mut problems {
            problem
                .remarks
                .retain(|remark| !matches!(remark.saying, Saying::Note(_)));
        }
        let history = if whole {
            restricted(i64::MAX)?.history
        } else {
            read.history
        };
        Ok((history, problems))
    }
}

/// The problems, as they were kept for this state or derived from a history.
fn problems(
    db: &Connection,
    state: Option<&str>,
    today: Date,
    domains: &DomainsConfig,
) -> rusqlite::Result<(Vec<Problem>, Option<History>)> {
    if let Some(state) = state
        && let Some(problems) = outcome::problems(db, state)?
    {
        return Ok((problems, None));
    }
    let keys = Keys::read(db)?;
    let mut read = history::read(db, &keys, &mut Policies::default(), today, domains, RECENT_DAYS)?;
    mark_stale(&mut read.history);
    let mut problems = derive(&mut read, &keys);
    add_expired(&mut problems, &keys, &expired_episodes(db)?);
    forget_failures(&mut problems);
    Ok((problems, Some(read.history)))
}

/// Whoever has no history has no use for places in it.
fn forget_failures(problems: &mut [Problem]) {
    for problem in problems {
        problem.failures = Vec::new();
    }
}

/// The problems under the ids that they have here, which never change. The assessment knows no past but the reports: it
/// may call a problem by the id of a vaguer one that it began as, and such a claim comes and goes with reports.
fn derive(read: &mut Read, keys: &Keys) -> Vec<Problem> {
    let ids = |cause: Cause, place: &Place| keys.id(cause, place);
    let mut problems = assess::problems(&read.history, &ids);
    let called: BTreeMap<String, String> = problems
        .iter()
        .map(|problem| (keys.id(problem.cause, &problem.place), problem.id.clone()))
        .filter(|(id, called)| id != called)
        .collect();
    let is_about_one = |remark: &Remark| called.contains_key(&remark.about);
    if read.history.remarks.iter().any(is_about_one) {
        let remarks = read.history.remarks.clone();
        for remark in &mut read.history.remarks {
            if let Some(called) = called.get(&remark.about) {
                remark.about.clone_from(called);
            }
        }
        problems = assess::problems(&read.history, &ids);
        read.history.remarks = remarks;
    }
    for problem in &mut problems {
        let id = keys.id(problem.cause, &problem.place);
        for remark in &mut problem.remarks {
            if remark.about == problem.id {
                remark.about.clone_from(&id);
            }
        }
        problem.id = id;
    }
    let own: BTreeSet<&str> = problems.iter().map(|problem| problem.id.as_str()).collect();
    let mut aliases: Vec<Vec<String>> = Vec::new();
    for problem in &problems {
        // Failures of a kind share it, and there are few kinds.
        let kinds: BTreeMap<*const Kind, &Kind> = problem
            .failures
            .iter()
            .filter_map(|at| read.history.failures.get(*at))
            .map(|failure| (Rc::as_ptr(&failure.kind), &*failure.kind))
            .collect();
        let joined = kinds.values().map(|kind| keys.id(kind.cause, &kind.place));
        let all: BTreeSet<String> = joined.filter(|id| !own.contains(id.as_str())).collect();
        aliases.push(
            all.into_iter()
                .chain(keys.aliases(problem.cause, &problem.place))
                .collect(),
        );
    }
    for (problem, aliases) in problems.iter_mut().zip(aliases) {
        problem.aliases = aliases;
    }
    problems
}

/// Failures of a problem in a policy result, by the ids of both, that belong to another problem, or to none.
pub(super) type Joined = BTreeMap<(i64, i64), Option<i64>>;

/// The failures that the reports around them, or people, take from the problem that they show by themselves.
pub(super) fn joined(read: &Read, keys: &Keys, problems: &[Problem]) -> Joined {
    let mut owners: Vec<Option<i64>> = vec![None; read.history.failures.len()];
    for problem in problems {
        let number = keys.number(problem.cause, &problem.place);
        for at in &problem.failures {
            if let Some(owner) = owners.get_mut(*at).filter(|_| number.is_some()) {
                *owner = number;
            }
        }
    }
    let mut alone: HashMap<*const Kind, Option<i64>> = HashMap::new();
    let mut joined = Joined::new();
    let failures = read.history.failures.iter().zip(&read.policy_results);
    for (at, (failure, policy_result)) in failures.enumerate() {
        let owner = owners.get(at).copied().flatten();
        let alone = alone
            .entry(Rc::as_ptr(&failure.kind))
            .or_insert_with(|| keys.number(failure.cause, &failure.place));
        if let Some(alone) = *alone
            && owner != Some(alone)
        {
            joined.insert((*policy_result, alone), owner);
        }
    }
    joined
}

/// Lets a problem that was told under another name keep the id by which people know it: where all failures of a vague
/// problem that was told belong to a precise one now that wasn't, that one gets its id, and its own becomes an alias.
fn take_over(db: &Connection, keys: &Keys, read: &Read, problems: &[Problem]) -> rusqlite::Result<bool> {
    let own: BTreeSet<i64> = problems
        .iter()
        .filter_map(|problem| keys.number(problem.cause, &problem.place))
        .collect();
    let told: BTreeSet<i64> = db
        .prepare("SELECT DISTINCT problem FROM telling")?
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // Rows of policy results grow, so the last one is the newest arrival.
    let heirs: BTreeMap<i64, i64> = joined(read, keys, problems)
        .into_iter()
        .filter_map(|((_, from), into)| Some((from, into?)))
        .collect();
    let mut taken = BTreeSet::new();
    for (from, into) in heirs {
        if told.contains(&from) && !own.contains(&from) && !told.contains(&into) && taken.insert(into) {
            hand_over(db, keys, from, into)?;
        }
    }
    Ok(!taken.is_empty())
}

fn hand_over(db: &Connection, keys: &Keys, from: i64, into: i64) -> rusqlite::Result<()> {
    let Some((cause, place)) = keys.key(from) else {
        return Ok(());
    };
    let id = |number: i64| -> rusqlite::Result<String> {
        db.query_row(
            "SELECT id FROM problem WHERE number = :number",
            named_params! { ":number": number },
            |row| row.get(0),
        )
    };
    let (known, own) = (id(from)?, id(into)?);
    let set = |number: i64, id: &str| {
        db.execute(
            "UPDATE problem SET id = :id WHERE number = :number",
            named_params! { ":id": id, ":number": number },
        )
    };
    set(from, &keys.free_id(*cause, place))?;
    set(into, &known)?;
    db.execute(
        "INSERT INTO problem_alias (id, problem) VALUES (:id, :problem)",
        named_params! { ":id": own, ":problem": into },
    )?;
    // Whoever is told of some domains alone may never hear of the precise one, so it stays known what was told.
    for sql in [
        "UPDATE telling SET problem = :into, told_as = coalesce(told_as, :from) WHERE problem = :from",
        "UPDATE remark SET problem = :into, said_as = coalesce(said_as, :from) WHERE problem = :from",
    ] {
        db.execute(sql, named_params! { ":into": into, ":from": from })?;
    }
    Ok(())
}

/// An episode of which reports were removed.
pub(super) struct Expired {
    episode: Episode,
    /// The last failing day that was removed.
    removed_to: Date,
}

fn expired_episodes(db: &Connection) -> rusqlite::Result<BTreeMap<i64, Vec<Expired>>> {
    let mut episodes: BTreeMap<i64, Vec<Expired>> = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT problem, first_day, last_day, removed_to, visible_from, failed, at_least, ended, ended_day,
                by_note
         FROM expired_episode ORDER BY problem, first_day",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        episodes.entry(row.get(0)?).or_default().push(expired(row)?);
    }
    Ok(episodes)
}

fn expired(row: &Row<'_>) -> rusqlite::Result<Expired> {
    let ending = match row.get_ref(7)?.as_str()? {
        "" => None,
        "resolved" => Some(Ending::Resolved),
        _ => Some(Ending::Past),
    };
    let day = |at: usize| -> rusqlite::Result<Date> { Ok(date(row.get_ref(at)?.as_str()?)) };
    let some_day = |at: usize| day(at).map(|day| (day != Date::default()).then_some(day));
    Ok(Expired {
        episode: Episode {
            first_day: day(1)?,
            last_day: day(2)?,
            visible_from: some_day(4)?,
            failed: Sum {
                known: count(row.get(5)?),
                at_least: row.get(6)?,
            },
            ended: ending.zip(some_day(8)?),
            by_note: some_day(9)?,
        },
        removed_to: day(3)?,
    })
}

/// Puts the episodes that retention has removed, or shortened, back into the problems' lives.
fn add_expired(problems: &mut [Problem], keys: &Keys, expired: &BTreeMap<i64, Vec<Expired>>) {
    for problem in problems {
        let number = keys.number(problem.cause, &problem.place);
        for kept in number
            .and_then(|number| expired.get(&number))
            .into_iter()
            .flatten()
        {
            let rest = problem.episodes.iter_mut().find(|episode| {
                episode.first_day <= kept.episode.last_day && episode.last_day >= kept.episode.first_day
            });
            if let Some(rest) = rest {
                rest.first_day = rest.first_day.min(kept.episode.first_day);
                rest.visible_from = kept.episode.visible_from.or(rest.visible_from);
                rest.failed.add(kept.episode.failed);
            } else {
                problem.episodes.push(kept.episode_alone());
            }
        }
        problem.episodes.sort_by_key(|episode| episode.first_day);
    }
}

impl Expired {
    /// The episode where nothing of it is left in reports.
    pub(super) fn episode_alone(&self) -> Episode {
        Episode {
            last_day: self.removed_to,
            ..self.episode.clone()
        }
    }
}
