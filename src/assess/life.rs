//! The life of a problem: episodes, each ended by clean days or, without proof, by silence.
//!
//! One principle: a problem is over after twice its longest earlier pause.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::cause::Cause;
use super::count::{Days, Index, Row};
use super::days::{after, between};
use super::gate;
use super::history::Sum;
use super::problem::{Ending, Episode, State};

/// So many days without a report, and a reporter counts as no longer reporting.
const SILENT_DAYS: i64 = 14;
/// So many of the last failing days name the reporters whose proof is asked for.
const WITNESS_DAYS: usize = 14;
/// Failures with a pause of at most so many known days in between have one rhythm, even if they were held to be over.
const RHYTHM_DAYS: u32 = 14;
/// Fewest clean days that prove anything.
const LEAST_CLEAN: u32 = 2;
/// A problem whose last failing day is older isn't new any more.
const NEW_DAYS: i32 = 7;

/// The known days of a reporter for the domains on which it saw a problem, from the first failing day on: clean or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Vec<(Date, bool)>);

impl Known {
    fn of<'h>(index: &Index<'h>, reporter: &'h str, domains: &BTreeSet<&'h str>, days: &Days<'h>) -> Self {
        let Some(first) = days.keys().next() else {
            return Self::default();
        };
        let mut known = index.known_since(reporter, domains, *first);
        let failing = days.iter().filter(|(_, by)| by.contains_key(reporter));
        let mut failing = failing.map(|(day, _)| *day).peekable();
        for (day, is_clean) in &mut known {
            while failing.next_if(|failing| failing < day).is_some() {}
            *is_clean &= failing.peek() != Some(day);
        }
        // Days of which only unproven reports are there prove nothing: they are no known days, unless they fail.
        if !index.history.unproven.is_empty() {
            let is_proven = |day| {
                domains
                    .iter()
                    .any(|domain| index.is_proven(reporter, domain, day))
            };
            let is_failing = |day| days.get(&day).is_some_and(|by| by.contains_key(reporter));
            known.retain(|(day, _)| is_failing(*day) || is_proven(*day));
        }
        Self(known)
    }

    /// The days after `from` and before `before`.
    fn between(&self, from: Date, before: Date) -> &[(Date, bool)] {
        let start = self.0.partition_point(|(day, _)| *day <= from);
        let end = self.0.partition_point(|(day, _)| *day < before);
        self.0.get(start..end).unwrap_or_default()
    }

    /// The newest day up to this one.
    pub(super) fn newest(&self, up_to: Date) -> Option<Date> {
        let end = self.0.partition_point(|(day, _)| *day <= up_to);
        self.0.get(..end).and_then(<[_]>::last).map(|(day, _)| *day)
    }

    /// All days from this one on.
    pub(super) fn since(&self, from: Date) -> impl Iterator<Item = Date> {
        let start = self.0.partition_point(|(day, _)| *day < from);
        self.0.iter().skip(start).map(|(day, _)| *day)
    }

    /// The clean days after this one.
    pub(super) fn clean_after(&self, from: Date) -> impl Iterator<Item = Date> {
        self.between(from, Date::MAX)
            .iter()
            .filter(|(_, is_clean)| *is_clean)
            .map(|(day, _)| *day)
    }
}

/// Who saw a problem so far, each once.
type Witnesses<'h> = Vec<&'h str>;

/// All that the days say of a problem.
#[derive(Debug)]
pub(super) struct Life<'h> {
    pub(super) days: Days<'h>,
    pub(super) known: BTreeMap<&'h str, Known>,
    pub(super) episodes: Vec<Episode>,
    /// Of each episode the longest pause, in known days.
    longest_pauses: Vec<Option<u32>>,
}

impl<'h> Life<'h> {
    /// The life that these rows tell up to `today`, with the days of notes that shorten the proof.
    pub(super) fn new(index: &Index<'h>, cause: Cause, rows: &[Row<'h>], notes: &[Date]) -> Self {
        let days = super::count::days(index, rows);
        let mut domains: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in rows {
            domains
                .entry(row.reporter())
                .or_default()
                .insert(&row.entry.domain);
        }
        let known = domains
            .iter()
            .map(|(reporter, domains)| (*reporter, Known::of(index, reporter, domains, &days)))
            .collect();
        let mut life = Self {
            days,
            known,
            episodes: Vec::new(),
            longest_pauses: Vec::new(),
        };
        life.find_episodes(cause, index.history.today, notes);
        life
    }

    fn find_episodes(&mut self, cause: Cause, today: Date, notes: &[Date]) {
        let failing: Vec<Date> = self.days.keys().copied().collect();
        let tomorrow = after(today, 1);
        // Of the episode, and of the rhythm: episodes that follow each other soon tell how long a pause may be.
        let mut start = 0;
        let mut longest: Option<u32> = None;
        let mut seen = Witnesses::default();
        for (at, day) in failing.iter().enumerate() {
            self.see(&mut seen, *day);
            if let Some(previous) = at.checked_sub(1).and_then(|at| failing.get(at)) {
                let pause = self.pause(&seen, *previous, *day);
                if at == start && pause > RHYTHM_DAYS {
                    seen = Witnesses::default();
                    self.see(&mut seen, *day);
                    longest = None;
                } else {
                    longest = longest.max(Some(pause));
                }
            }
            let next = failing.get(at.saturating_add(1)).copied();
            let before = next.unwrap_or(tomorrow).min(tomorrow);
            let episode = failing.get(start..=at).unwrap_or_default();
            let ended = self.end(episode, before, needed(longest), notes);
            if next.is_none() || ended.is_some() {
                self.close(cause, episode, longest, ended);
                start = at.saturating_add(1);
            }
        }
    }

    /// Adds who saw it on a failing day.
    fn see(&self, seen: &mut Witnesses<'h>, day: Date) {
        for reporter in self.days.get(&day).into_iter().flat_map(BTreeMap::keys) {
            if !seen.contains(reporter) {
                seen.push(reporter);
            }
        }
    }

    /// The pause between two failing days in a row, in days known to a reporter that saw the episode.
    fn pause(&self, seen: &Witnesses<'h>, from: Date, to: Date) -> u32 {
        if between(from, to) <= 1 {
            return 1;
        }
        let mut known: Vec<Date> = seen
            .iter()
            .filter_map(|reporter| self.known.get(reporter))
            .flat_map(|known| known.between(from, to))
            .map(|(day, _)| *day)
            .collect();
        known.sort_unstable();
        known.dedup();
        u32::try_from(known.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Whose proof is asked for after the last of these failing days.
    fn provers(&self, failing: &[Date]) -> Vec<&Known> {
        let reporters: BTreeSet<&str> = failing
            .iter()
            .rev()
            .take(WITNESS_DAYS)
            .filter_map(|day| self.days.get(day))
            .flat_map(|by| by.keys().copied())
            .collect();
        reporters
            .iter()
            .filter_map(|reporter| self.known.get(reporter))
            .collect()
    }

    /// How the episode of these failing days ended before the given day.
    fn end(&self, failing: &[Date], before: Date, needed: u32, notes: &[Date]) -> Option<End> {
        let last = *failing.last()?;
        let gap = between(last, before);
        // Who failed last must prove it or fall silent, and most pauses are too short for either.
        let is_too_short = i64::from(gap) <= SILENT_DAYS && u32::try_from(gap).is_ok_and(|gap| gap <= needed);
        if gap < 2 || (is_too_short && notes.iter().all(|note| *note < last)) {
            return None;
        }
        let provers = self.provers(failing);
        let noted = end_by_note(&provers, last, before, notes);
        let proofs: Vec<Option<Date>> = provers
            .iter()
            .map(|known| nth_clean(known, last, before, needed))
            .collect();
        let mut moments: BTreeSet<Date> = proofs.iter().flatten().copied().collect();
        // With the last proof it is over: later moments need no look.
        let all: Option<Vec<Date>> = proofs.iter().copied().collect();
        let proven_by = all.and_then(|proofs| proofs.into_iter().max()).unwrap_or(before);
        moments.extend(
            provers
                .iter()
                .flat_map(|known| silences(known, last, before.min(proven_by))),
        );
        let proven = moments.into_iter().find_map(|moment| {
            let states: Vec<(bool, bool)> = provers
                .iter()
                .zip(&proofs)
                .map(|(known, proof)| {
                    let is_clean = proof.is_some_and(|proof| proof <= moment);
                    (is_clean, is_silent(known, moment))
                })
                .collect();
            let is_over = states.iter().all(|(is_clean, is_silent)| *is_clean || *is_silent);
            let ending = if states.iter().any(|(is_clean, _)| *is_clean) {
                Ending::Resolved
            } else {
                Ending::Past
            };
            is_over.then_some(End {
                ending,
                day: moment,
                by_note: None,
            })
        });
        match (noted, proven) {
            (Some(noted), Some(proven)) if proven.day <= noted.day => Some(proven),
            (noted, proven) => noted.or(proven),
        }
    }

    fn close(&mut self, cause: Cause, failing: &[Date], longest: Option<u32>, end: Option<End>) {
        let (Some(first_day), Some(last_day)) = (failing.first(), failing.last()) else {
            return;
        };
        let mut failed = Sum::default();
        for by in self.days.range(*first_day..=*last_day).map(|(_, by)| by) {
            for fail in by.values() {
                failed.add(fail.failed);
            }
        }
        self.longest_pauses.push(longest);
        self.episodes.push(Episode {
            first_day: *first_day,
            last_day: *last_day,
            visible_from: gate::visible_from(cause, &self.days, *first_day, *last_day),
            failed,
            ended: end.map(|end| (end.ending, end.day)),
            by_note: end.and_then(|end| end.by_note),
        });
    }

    /// Index of the present or last episode: the last that passed the gate, else the last.
    pub(super) fn shown(&self) -> usize {
        self.episodes
            .iter()
            .rposition(|episode| episode.visible_from.is_some())
            .unwrap_or_else(|| self.episodes.len().saturating_sub(1))
    }

    /// Its longest pause and the clean days that it needs.
    pub(super) fn pause_of(&self, episode: usize) -> (Option<u32>, u32) {
        let longest = self.longest_pauses.get(episode).copied().flatten();
        (longest, needed(longest))
    }

    /// How the problem stands.
    pub(super) fn state(&self, today: Date) -> State {
        let at = self.shown();
        let Some(episode) = self.episodes.get(at) else {
            return State::BelowGate;
        };
        let Some(visible_from) = episode.visible_from else {
            return State::BelowGate;
        };
        match episode.ended {
            Some((Ending::Resolved, _)) => return State::Resolved,
            Some((Ending::Past, _)) => return State::Past,
            None => {}
        }
        let is_first = !self
            .episodes
            .iter()
            .take(at)
            .any(|earlier| earlier.visible_from.is_some());
        if visible_from == episode.last_day && between(episode.last_day, today) <= NEW_DAYS {
            return if is_first { State::New } else { State::Returned };
        }
        let is_failing = self
            .days
            .range(episode.first_day..=episode.last_day)
            .flat_map(|(day, by)| by.keys().map(move |reporter| (*day, *reporter)))
            .any(|(day, reporter)| {
                let newest = self.known.get(reporter).and_then(|known| known.newest(today));
                newest == Some(day)
            });
        if is_failing { State::Ongoing } else { State::Fading }
    }
}

/// How and when an episode ended.
#[derive(Debug, Clone, Copy)]
struct End {
    ending: Ending,
    day: Date,
    by_note: Option<Date>,
}

/// Clean days needed after a longest pause.
fn needed(longest: Option<u32>) -> u32 {
    longest.map_or(LEAST_CLEAN, |pause| pause.saturating_mul(2).max(LEAST_CLEAN))
}

/// The day of the n-th clean day after `last`.
fn nth_clean(known: &Known, last: Date, before: Date, needed: u32) -> Option<Date> {
    known
        .between(last, before)
        .iter()
        .filter(|(_, is_clean)| *is_clean)
        .nth(usize::try_from(needed).ok()?.checked_sub(1)?)
        .map(|(day, _)| *day)
}

/// The days on which a reporter begins to count as silent.
fn silences(known: &Known, last: Date, before: Date) -> Vec<Date> {
    let Some(newest) = known.newest(last) else {
        return Vec::new();
    };
    let days = std::iter::once(newest).chain(known.between(last, before).iter().map(|(day, _)| *day));
    days.map(|day| after(day, SILENT_DAYS))
        // A silence that begins before the last failing day lasts.
        .map(|day| day.max(after(last, 1)))
        .filter(|day| *day < before)
        .collect()
}

fn is_silent(known: &Known, moment: Date) -> bool {
    known
        .newest(moment)
        .is_none_or(|newest| after(newest, SILENT_DAYS) <= moment)
}

/// One clean day of one reporter is enough after a note, said on or after the last failing day.
fn end_by_note(provers: &[&Known], last: Date, before: Date, notes: &[Date]) -> Option<End> {
    let note = notes.iter().copied().filter(|note| *note >= last).min()?;
    let clean = provers
        .iter()
        .filter_map(|known| {
            known
                .between(last, before)
                .iter()
                .find(|(day, is_clean)| *is_clean && *day >= note)
        })
        .map(|(day, _)| *day)
        .min()?;
    Some(End {
        ending: Ending::Resolved,
        day: clean,
        by_note: Some(note),
    })
}
