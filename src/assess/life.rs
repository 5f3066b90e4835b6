//! The life of a problem: episodes, each ended by clean days or, without proof, by silence.
//!
//! One principle: a problem is over after twice its longest earlier pause.

use jiff::civil::Date;

use super::cause::Cause;
use super::count::{Index, Row};
use super::days::{between, date, number};
use super::dayset::{DaySet, QUIET_DAYS};
use super::failing::{self, Days};
use super::gate;
use super::history::Sum;
use super::problem::{Ending, Episode, State};

/// So many days without a report, and a reporter counts as no longer reporting.
const SILENT_DAYS: i32 = QUIET_DAYS;
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
    /// Those from `first` on by these pairs, with the failing days of the reporter.
    fn of(index: &Index<'_>, pairs: &[usize], first: i32, failing: &DaySet) -> Self {
        let (mut all, mut clean, mut unreadable, mut proven) = <(DaySet, DaySet, DaySet, DaySet)>::default();
        for pair in pairs.iter().filter_map(|pair| index.pair(*pair)) {
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
        self.all.newest(number(up_to)).map(date)
    }

    /// All of them.
    pub(super) fn all(&self) -> &DaySet {
        &self.all
    }

    /// All days from this one on.
    pub(super) fn since(&self, from: Date) -> impl Iterator<Item = Date> {
        self.all.since(number(from))
    }

    /// The clean days after this one.
    pub(super) fn clean_after(&self, from: Date) -> impl Iterator<Item = Date> {
        self.clean.between(number(from), i32::MAX)
    }
}

/// What the reporters of a problem know, by name.
#[derive(Debug)]
pub(super) struct Knowing<'h>(Vec<(&'h str, Known)>);

impl<'h> Knowing<'h> {
    fn new(index: &Index<'h>, rows: &[Row<'h>], days: &Days<'h>) -> Self {
        let mut pairs: Vec<(usize, usize)> = rows.iter().map(|row| (row.by, row.pair)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut of_reporters = pairs.chunk_by(|one, other| one.0 == other.0);
        let mut failing: Vec<DaySet> = vec![DaySet::default(); days.reporters.len()];
        for on in days.iter() {
            for (place, _) in on.fails {
                if let Some(failing) = failing.get_mut(*place) {
                    failing.insert(on.number);
                }
            }
        }
        let first = days.iter().next().map_or(0, |on| on.number);
        let known = days.reporters.iter().zip(&failing).map(|((_, name), failing)| {
            let pairs: Vec<usize> = of_reporters
                .next()
                .unwrap_or_default()
                .iter()
                .map(|(_, pair)| *pair)
                .collect();
            (*name, Known::of(index, &pairs, first, failing))
        });
        Self(known.collect())
    }

    /// What the reporter of that name knows.
    pub(super) fn get(&self, name: &str) -> Option<&Known> {
        let at = self.0.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        self.at(at)
    }

    /// What the reporter in this place of [`Days::reporters`] knows.
    pub(super) fn at(&self, place: usize) -> Option<&Known> {
        self.0.get(place).map(|(_, known)| known)
    }
}

/// Who saw a problem so far, by place, and the days that any of them knows.
#[derive(Debug, Default)]
struct Witnesses {
    are: Vec<bool>,
    known: DaySet,
}

impl Witnesses {
    /// The pause between two failing days in a row, in days known to a reporter that saw the episode.
    fn pause(&self, from: i32, to: i32) -> u32 {
        self.known.count(from, to).saturating_add(1)
    }
}

/// All that the days say of a problem.
#[derive(Debug)]
pub(super) struct Life<'h> {
    pub(super) days: Days<'h>,
    pub(super) known: Knowing<'h>,
    pub(super) episodes: Vec<Episode>,
    /// Of each episode the longest pause, in known days.
    longest_pauses: Vec<Option<u32>>,
}

impl<'h> Life<'h> {
    /// The life that these rows tell up to `today`, with the days of notes that shorten the proof.
    pub(super) fn new(index: &Index<'h>, cause: Cause, rows: &[Row<'h>], notes: &[Date]) -> Self {
        let days = failing::days(index, rows);
        let mut life = Self {
            known: Knowing::new(index, rows, &days),
            days,
            episodes: Vec::new(),
            longest_pauses: Vec::new(),
        };
        let notes: Vec<i32> = notes.iter().map(|note| number(*note)).collect();
        life.find_episodes(cause, number(index.history.today), &notes);
        life
    }

    fn find_episodes(&mut self, cause: Cause, today: i32, notes: &[i32]) {
        let failing = self.days.numbers();
        let tomorrow = today.saturating_add(1);
        // Of the episode, and of the rhythm: episodes that follow each other soon tell how long a pause may be.
        let mut start = 0;
        let mut longest: Option<u32> = None;
        let mut seen = Witnesses::default();
        for (at, day) in failing.iter().enumerate() {
            self.see(&mut seen, at);
            if let Some(previous) = at.checked_sub(1).and_then(|at| failing.get(at)) {
                let pause = seen.pause(*previous, *day);
                if at == start && pause > RHYTHM_DAYS {
                    seen = Witnesses::default();
                    self.see(&mut seen, at);
                    longest = None;
                } else {
                    longest = longest.max(Some(pause));
                }
            }
            let next = failing.get(at.saturating_add(1)).copied();
            let before = next.unwrap_or(tomorrow).min(tomorrow);
            let ended = self.end((start, at), *day, before, needed(longest), notes);
            if next.is_none() || ended.is_some() {
                self.close(cause, (start, at), longest, ended);
                start = at.saturating_add(1);
            }
        }
    }

    /// Adds who saw it on a failing day.
    fn see(&self, seen: &mut Witnesses, at: usize) {
        seen.are.resize(self.days.reporters.len(), false);
        for (place, _) in self.days.at(at).into_iter().flat_map(|on| on.fails) {
            if let Some(is_witness) = seen.are.get_mut(*place).filter(|is_witness| !**is_witness) {
                *is_witness = true;
                if let Some(known) = self.known.at(*place) {
                    seen.known.add(&known.all);
                }
            }
        }
    }

    /// Whose proof is asked for after the last of these failing days.
    fn provers(&self, (start, last): (usize, usize)) -> Vec<&Known> {
        let mut places: Vec<usize> = (start..=last)
            .rev()
            .take(WITNESS_DAYS)
            .filter_map(|at| self.days.at(at))
            .flat_map(|on| on.fails.iter().map(|(place, _)| *place))
            .collect();
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .filter_map(|place| self.known.at(place))
            .collect()
    }

    /// How the episode of these failing days, of which this is the last, ended before the given day.
    fn end(
        &self,
        episode: (usize, usize),
        last: i32,
        before: i32,
        needed: u32,
        notes: &[i32],
    ) -> Option<End> {
        let gap = before.saturating_sub(last);
        // Who failed last must prove it or fall silent, and most pauses are too short for either.
        let is_too_short = gap <= SILENT_DAYS && u32::try_from(gap).is_ok_and(|gap| gap <= needed);
        if gap < 2 || (is_too_short && notes.iter().all(|note| *note < last)) {
            return None;
        }
        let provers = self.provers(episode);
        let noted = end_by_note(&provers, last, before, notes);
        let proven = end_by_proof(&provers, last, before, needed);
        match (noted, proven) {
            (Some(noted), Some(proven)) if proven.day <= noted.day => Some(proven),
            (noted, proven) => noted.or(proven),
        }
    }

    fn close(&mut self, cause: Cause, (start, at): (usize, usize), longest: Option<u32>, end: Option<End>) {
        let (Some(first), Some(last)) = (self.days.at(start), self.days.at(at)) else {
            return;
        };
        let (first_day, last_day) = (first.day, last.day);
        let mut failed = Sum::default();
        for (_, fail) in (start..=at)
            .filter_map(|at| self.days.at(at))
            .flat_map(|on| on.fails)
        {
            failed.add(fail.failed);
        }
        self.longest_pauses.push(longest);
        self.episodes.push(Episode {
            first_day,
            last_day,
            visible_from: gate::visible_from(cause, &self.days, first_day, last_day),
            failed,
            ended: end.map(|end| (end.ending, date(end.day))),
            by_note: end.and_then(|end| end.by_note).map(date),
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
        let range = episode.first_day..=episode.last_day;
        let is_failing = self.known.0.iter().enumerate().any(|(place, (_, known))| {
            let newest = known.newest(today).filter(|newest| range.contains(newest));
            let on = newest.and_then(|newest| self.days.get(&newest));
            on.is_some_and(|on| on.has(place))
        });
        if is_failing { State::Ongoing } else { State::Fading }
    }
}

/// How and when an episode ended.
#[derive(Debug, Clone, Copy)]
struct End {
    ending: Ending,
    day: i32,
    by_note: Option<i32>,
}

/// Clean days needed after a longest pause.
fn needed(longest: Option<u32>) -> u32 {
    longest.map_or(LEAST_CLEAN, |pause| pause.saturating_mul(2).max(LEAST_CLEAN))
}

/// It is over on the first day after `last` and before `before` by which each of them has proven it or is silent.
fn end_by_proof(provers: &[&Known], last: i32, before: i32, needed: u32) -> Option<End> {
    // Of each the day of the last clean day that is needed.
    let proofs: Vec<Option<i32>> = provers
        .iter()
        .map(|known| known.clean.nth(last, before, needed.checked_sub(1)?))
        .collect();
    let mut day = last.saturating_add(1);
    loop {
        let asked = day;
        for (known, proof) in provers.iter().zip(&proofs) {
            if proof.is_some_and(|proof| proof <= day) {
                continue;
            }
            day = match (known.all.quiet(day, before), *proof) {
                (Some(quiet), Some(proof)) => quiet.min(proof),
                (quiet, proof) => quiet.or(proof)?,
            };
        }
        if day == asked {
            break;
        }
    }
    let is_proven = proofs.iter().flatten().any(|proof| *proof <= day);
    (!provers.is_empty()).then_some(End {
        ending: if is_proven { Ending::Resolved } else { Ending::Past },
        day,
        by_note: None,
    })
}

/// One clean day of one reporter is enough after a note, said on or after the last failing day.
fn end_by_note(provers: &[&Known], last: i32, before: i32, notes: &[i32]) -> Option<End> {
    let note = notes.iter().copied().filter(|note| *note >= last).min()?;
    let after = note.saturating_sub(1).max(last);
    let clean = provers
        .iter()
        .filter_map(|known| known.clean.nth(after, before, 0))
        .min()?;
    Some(End {
        ending: Ending::Resolved,
        day: clean,
        by_note: Some(note),
    })
}
