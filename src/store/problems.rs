//! Keeps how problems stand: what the reports say of them, derived anew each time, and their ids, which stay.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Connection;

use super::derive::derive;
use super::expired::{add_expired, expired_episodes};
use super::history::{self, RECENT_DAYS, Read};
use super::keys::{self, Keys, Policies};
use super::standing::keep;
use super::take_over::take_over;
use super::{Store, StoreError, Tally, outcome, packed, remarks};
use crate::assess::domains::Survey;
use crate::assess::history::{History, Saying};
use crate::assess::policy::mark_stale;
use crate::assess::problem::Problem;
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
        let (problems, history) = up_to_date(&tx, today, domains)?;
        tx.commit()?;
        if history.is_some() {
            self.sum_up_many()?;
        }
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
        let tx = self.begin()?;
        let (problems, history) = up_to_date(&tx, today, domains)?;
        let (is_new, state) = (history.is_some(), outcome::state(&tx, today, domains)?);
        let kept = match &state {
            Some(state) if !is_new => outcome::survey(&tx, state)?,
            _ => None,
        };
        let survey = if let Some(survey) = kept {
            survey
        } else {
            let survey = survey(&tx, history, &problems, today, domains)?;
            if let Some(state) = &state {
                outcome::keep_survey(&tx, state, &survey)?;
            }
            survey
        };
        tx.commit()?;
        if is_new {
            self.sum_up_many()?;
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

    /// As [`Store::assess_new`] after a poll, and how domains and reporters stand is kept too: whoever asks next needn't
    /// wait for it.
    pub fn assess_polled(&mut self, tally: &Tally, now: Timestamp, domains: &DomainsConfig) {
        if tally.stored == 0 && tally.conflicts == 0 {
            return;
        }
        let today = now.to_zoned(TimeZone::UTC).date();
        if let Err(error) = self.assess_with_survey(today, domains) {
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
        let tx = self.db.unchecked_transaction()?;
        let state = outcome::state(&tx, today, domains)?;
        let (problems, history) = problems(&tx, state.as_deref(), today, domains)?;
        if let Some(state) = &state
            && let Some(survey) = outcome::survey(&tx, state)?
        {
            return Ok((problems, survey));
        }
        let survey = survey(&tx, history, &problems, today, domains)?;
        Ok((problems, survey))
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

/// Derives all problems and writes down how they stand, with the history that they come from; or gives back what was
/// kept, where nothing has changed.
fn up_to_date(
    tx: &Connection,
    today: Date,
    domains: &DomainsConfig,
) -> rusqlite::Result<(Vec<Problem>, Option<History>)> {
    if let Some(state) = outcome::state(tx, today, domains)?
        && let Some(problems) = outcome::problems(tx, &state)?
    {
        return Ok((problems, None));
    }
    let mut policies = Policies::default();
    let mut keys = Keys::read(tx)?;
    keys::resolve(tx, &mut keys, &mut policies)?;
    packed::refresh(tx, &keys, &mut policies)?;
    let mut read = history::read(tx, &keys, &mut policies, today, domains, RECENT_DAYS)?;
    mark_stale(&mut read.history);
    let mut problems = derive(&mut read, &keys);
    if take_over(tx, &keys, &read, &problems)? {
        keys = Keys::read(tx)?;
        read.history.remarks = remarks::read(tx)?;
        problems = derive(&mut read, &keys);
    }
    let expired = expired_episodes(tx)?;
    add_expired(&mut problems, &keys, &expired);
    keep(tx, &mut keys, &read, &problems, &expired)?;
    forget_failures(&mut problems);
    if let Some(state) = outcome::state(tx, today, domains)? {
        outcome::keep_problems(tx, &state, &problems)?;
    }
    Ok((problems, Some(read.history)))
}

/// How domains and reporters stand, by the history of the problems or, where these were kept, by one read for it.
fn survey(
    db: &Connection,
    history: Option<History>,
    problems: &[Problem],
    today: Date,
    domains: &DomainsConfig,
) -> rusqlite::Result<Survey> {
    let history = if let Some(history) = history {
        history
    } else {
        let keys = Keys::read(db)?;
        let mut read = history::read(db, &keys, &mut Policies::default(), today, domains, RECENT_DAYS)?;
        mark_stale(&mut read.history);
        read.history
    };
    Ok(Survey::of(&history, problems))
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
