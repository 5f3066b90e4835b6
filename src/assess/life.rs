//! The life of a problem: episodes, each ended by clean days or, without proof, by silence.
//!
//! One principle: a problem is over after twice its longest earlier pause.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::cause::Cause;
use super::count::{Days, Index, Row};
use super::days::{after, between, date, number};
use super::dayset::DaySet;
use super::gate;
use super::history::Sum;
use super::problem::{Ending, Episode, State};

/// So many days without a report, and a reporter counts as no longer reporting.
const SILENT_DAYS: i32 = 14;
/// So many of the last failing days name the reporters whose proof is asked for.
const WITNESS_DAYS: usize = 14;
/// Failures with a pause of at most so many known days in between have one rhythm, even if they were held to be over.
const RHYTHM_DAYS: u32 = 14;
/// Fewest clean days that prove anything.
const LEAST_CLEAN: u32 = 2;
/// A problem whose last failing day is older isn't new any more.
const NEW_DAYS: i32 = 7;

/// The known days of a reporter for the domains on which it saw a problem, from the first failing day on: all of them, and
/// the clean ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    all: DaySet,
    clean: DaySet,
}

impl Known {
    /// Those from `first` on, with the failing days of the reporter.
    fn of<'h>(
        index: &Index<'h>,
        reporter: &'h str,
        domains: &BTreeSet<&'h str>,
        first: Date,
        failing: &DaySet,
    ) -> Self {
        let (mut all, mut clean, mut unreadable, mut proven) = <(DaySet, DaySet, DaySet, DaySet)>::default();
        for pair in domains.iter().filter_map(|domain| index.pair(reporter, domain)) {
            all.add(&pair.known);
            clean.add(&pair.connected);
            unreadable.add(&pair.unreadable);
            proven.add(&pair.proven);
        }
        all.keep_since(first);
        // Days of which only unproven reports are there prove nothing: they are no known days, unless they fail.
        if !index.history.unproven.is_empty() {
            proven.add(failing);
            all.keep(&proven);
        }
        clean.keep(&all);
        clean.remove(&unreadable);
        clean.remove(failing);
        Self { all, clean }
    }

    /// The newest day up to this one.
    pub(super) fn newest(&self, up_to: Date) -> Option<Date> {
        self.all.newest(up_to)
    }

    /// All of them.
    pub(super) fn all(&self) -> &DaySet {
        &self.all
    }

    /// All days from this one on.
    pub(super) fn since(&self, from: Date) -> impl Iterator<Item = Date> {
        self.all.since(from)
    }

    /// The clean days after this one.
    pub(super) fn clean_after(&self, from: Date) -> impl Iterator<Item = Date> {
        self.clean.between(from, Date::MAX)
    }
}

/// Who saw a problem so far, each once, and the days that any of them knows.
#[derive(Debug, Default)]
struct Witnesses<'h> {
    reporters: Vec<&'h str>,
    known: DaySet,
}

impl Witnesses<'_> {
    /// The pause between two failing days in a row, in days known to a reporter that saw the episode.
    fn pause(&self, from: Date, to: Date) -> u32 {
        self.known.count(from, to).saturating_add(1)
    }
}

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
        let mut failing: BTreeMap<&str, DaySet> = BTreeMap::new();
        for (day, by) in &days {
            for reporter in by.keys() {
                failing.entry(reporter).or_default().insert(*day);
            }
        }
        let first = days.keys().next().copied().unwrap_or_default();
        let known = failing
            .iter()
            .map(|(reporter, failing)| {
                let domains = domains.remove(reporter).unwrap_or_default();
                (*reporter, Known::of(index, reporter, &domains, first, failing))
            })
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
                let pause = seen.pause(*previous, *day);
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
            if !seen.reporters.contains(reporter) {
                seen.reporters.push(reporter);
                if let Some(known) = self.known.get(reporter) {
                    seen.known.add(&known.all);
                }
            }
        }
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
        let is_too_short = gap <= SILENT_DAYS && u32::try_from(gap).is_ok_and(|gap| gap <= needed);
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
    known.clean.nth(last, before, needed.checked_sub(1)?)
}

/// The days on which a reporter begins to count as silent.
fn silences(known: &Known, last: Date, before: Date) -> Vec<Date> {
    let Some(newest) = known.newest(last) else {
        return Vec::new();
    };
    let (tomorrow, end) = (number(last).saturating_add(1), number(before));
    let mut silences = Vec::new();
    let mut day = number(newest);
    for next in known.all.numbers(last, before).chain([i32::MAX]) {
        let silent = day.saturating_add(SILENT_DAYS);
        // A silence that begins before the last failing day lasts.
        let begin = silent.max(tomorrow);
        if next > silent && begin < end {
            silences.push(date(begin));
        }
        day = next;
    }
    silences
}

fn is_silent(known: &Known, moment: Date) -> bool {
    let from = after(moment, i64::from(SILENT_DAYS).saturating_neg());
    known.all.count(from, after(moment, 1)) == 0
}

/// One clean day of one reporter is enough after a note, said on or after the last failing day.
fn end_by_note(provers: &[&Known], last: Date, before: Date, notes: &[Date]) -> Option<End> {
    let note = notes.iter().copied().filter(|note| *note >= last).min()?;
    let clean = provers
        .iter()
        .filter_map(|known| known.clean.between(last, before).find(|day| *day >= note))
        .min()?;
    Some(End {
        ending: Ending::Resolved,
        day: clean,
        by_note: Some(note),
    })
}
