//! What is worth a mail: the difference between how a problem stands and what was last told of it. Pure.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::days::between;
use super::history::Saying;
use super::impact::{Basis, Impact};
use super::problem::{Ending, Episode, Problem, Whose};

/// What a mail said of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// UTC day of the mail.
    pub day: Date,
    /// What it said.
    pub event: Event,
    /// The impact then.
    pub impact: Impact,
    /// How many reporters saw it then.
    pub reporters: u32,
    /// The first day of the episode that was told.
    pub episode: Date,
    /// The last failing day then.
    pub last_day: Date,
    /// Whether it was an urgent mail.
    pub is_urgent: bool,
}

/// What there is to tell of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Never told before.
    New,
    /// It failed again after it was over.
    Returned,
    /// A late report proves that it wasn't over when that was told.
    WasNotOver,
    /// Further reporters, a graver impact, or many more failures.
    Worse(Worse),
    /// It goes on for so many days and holds mail: 2, 4 or 7.
    Reminder(u8),
    /// Never told before, but its last failing day is more than 7 days ago.
    LateNews,
    /// It goes on; for the weekly mail.
    Ongoing,
    /// It may be over; for a mail that is sent anyway.
    Fading,
    /// It is over, and was told as new.
    Resolved,
    /// Closed without proof; for the weekly mail.
    Past,
}

/// In which way it is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worse {
    /// The impact rose: testing became enforce, or mail is held now.
    Impact,
    /// A further reporter sees it.
    Reporters,
    /// Three times the mean of the seven days before, and at least 20 more.
    Failures,
}

impl Event {
    /// Its name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Returned => "returned",
            Self::WasNotOver => "was-not-over",
            Self::Worse(Worse::Impact) => "worse-impact",
            Self::Worse(Worse::Reporters) => "worse-reporters",
            Self::Worse(Worse::Failures) => "worse-failures",
            Self::Reminder(_) => "reminder",
            Self::LateNews => "late-news",
            Self::Ongoing => "ongoing",
            Self::Fading => "fading",
            Self::Resolved => "resolved",
            Self::Past => "past",
        }
    }
}

/// A problem whose last failing day is older isn't new any more.
const NEW_DAYS: i32 = 7;
/// A problem gets worse at most once in so many days, unless its impact rises.
const WORSE_DAYS: i32 = 3;
/// An urgent mail about a problem isn't followed by another one for so many days.
const URGENT_DAYS: i32 = 7;
/// On these days after it was new, a problem that holds mail is told again.
const REMINDER_DAYS: [u8; 3] = [2, 4, 7];
/// A day is worse than the ones before by this factor, and by so many failed connections.
const WORSE_TIMES: u64 = 3;
const WORSE_MORE: u64 = 20;
/// So many known days before it are looked at.
const WORSE_KNOWN_DAYS: usize = 7;

/// What there is to tell of a problem today, given what mails said of it before (by its id and its aliases: see
/// [`merged`]). Urgent mails don't count: what they said is told again in full.
pub fn of(problem: &Problem, tellings: &[Telling], today: Date) -> Option<Event> {
    let episode = problem.episode()?;
    let mut told: Vec<&Telling> = tellings.iter().filter(|telling| !telling.is_urgent).collect();
    told.sort_by_key(|telling| telling.day);
    if problem.is_foreign {
        return None;
    }
    if problem.is_retired && problem.held_after_retirement && !is_told_since(problem, &told) {
        return Some(Event::LateNews);
    }
    episode.visible_from?;
    let Some(last) = told.last() else {
        return first_telling(problem, episode, today);
    };
    if episode.first_day > last.last_day {
        return later_episode(problem, episode, today);
    }
    let told: Vec<&Telling> = told
        .into_iter()
        .filter(|telling| telling.last_day >= episode.first_day)
        .collect();
    match episode.ended {
        Some((ending, _)) => ended(ending, &told),
        None => going_on(problem, episode, &told, today),
    }
}

/// Whether a mail spoke of a retired problem since its retirement.
fn is_told_since(problem: &Problem, told: &[&Telling]) -> bool {
    told.iter()
        .any(|telling| telling.event == Event::LateNews && Some(telling.day) >= problem.retired_since)
}

/// What never was told is new, unless it is old or over.
fn first_telling(problem: &Problem, episode: &Episode, today: Date) -> Option<Event> {
    if problem.is_retired {
        None
    } else if episode.ended.is_some() || between(episode.last_day, today) > NEW_DAYS {
        Some(Event::LateNews)
    } else if is_acknowledged(problem, today) {
        None
    } else {
        Some(Event::New)
    }
}

/// A stretch of failures that begins after what was told.
fn later_episode(problem: &Problem, episode: &Episode, today: Date) -> Option<Event> {
    match first_telling(problem, episode, today) {
        Some(Event::New) => Some(Event::Returned),
        event => event,
    }
}

/// The end is told once, and its proof only of what was told as new.
fn ended(ending: Ending, told: &[&Telling]) -> Option<Event> {
    let last = told.last()?;
    if matches!(last.event, Event::Resolved | Event::Past) {
        return None;
    }
    let was_new = told.iter().any(|telling| is_announcement(telling.event));
    match ending {
        Ending::Resolved => was_new.then_some(Event::Resolved),
        Ending::Past => (last.event != Event::LateNews).then_some(Event::Past),
    }
}

/// Whether an event says that a problem is there.
fn is_announcement(event: Event) -> bool {
    matches!(event, Event::New | Event::Returned | Event::WasNotOver)
}

/// What was told and isn't over.
fn going_on(problem: &Problem, episode: &Episode, told: &[&Telling], today: Date) -> Option<Event> {
    let last = told.last()?;
    if matches!(last.event, Event::Resolved | Event::Past) {
        // A late report may have corrected the days without adding a failure: nothing to tell.
        return (episode.last_day > last.last_day).then_some(Event::WasNotOver);
    }
    if let Some(worse) = worse(problem, episode, told, today) {
        return Some(Event::Worse(worse));
    }
    if is_acknowledged(problem, today) && !is_worse_since(problem, told) {
        return None;
    }
    if let Some(days) = reminder(problem, told, today) {
        return Some(Event::Reminder(days));
    }
    let is_failing = problem
        .witnesses
        .iter()
        .any(|witness| witness.newest_day == witness.last_day);
    Some(if is_failing { Event::Ongoing } else { Event::Fading })
}

/// In which way it is worse than it was told.
fn worse(problem: &Problem, episode: &Episode, told: &[&Telling], today: Date) -> Option<Worse> {
    if problem.impact == Impact::Held && told.iter().all(|telling| telling.impact != Impact::Held) {
        return Some(Worse::Impact);
    }
    let is_too_soon = told
        .iter()
        .any(|telling| matches!(telling.event, Event::Worse(_)) && between(telling.day, today) < WORSE_DAYS);
    if is_too_soon {
        return None;
    }
    let known = told
        .iter()
        .map(|telling| telling.reporters)
        .max()
        .unwrap_or_default();
    let known = usize::try_from(known).unwrap_or(usize::MAX);
    let mut witnesses: Vec<_> = problem.vouching().collect();
    witnesses.sort_by_key(|witness| witness.first_day);
    // That somebody else saw it long ago, as a late report tells, makes it no worse now.
    let is_seen_by_more = witnesses
        .iter()
        .skip(known)
        .any(|witness| between(witness.last_day, today) <= NEW_DAYS);
    if is_seen_by_more {
        return Some(Worse::Reporters);
    }
    let last_told = told.iter().map(|telling| telling.last_day).max()?;
    is_day_worse(problem, episode, last_told, today).then_some(Worse::Failures)
}

/// Whether a day that wasn't told yet is far worse than the known days of this episode before it.
fn is_day_worse(problem: &Problem, episode: &Episode, last_told: Date, today: Date) -> bool {
    // Reports that no longer count may have taken the last day away that was told.
    if last_told >= episode.last_day {
        return false;
    }
    let mut failed: BTreeMap<Date, u64> = BTreeMap::new();
    for count in &problem.days {
        let sum = failed.entry(count.day).or_default();
        *sum = sum.saturating_add(count.failed.known);
    }
    let known = &problem.known_days;
    failed
        .range(last_told..=episode.last_day)
        .filter(|(day, _)| **day > last_told && between(**day, today) <= NEW_DAYS)
        .any(|(day, count)| {
            let before: Vec<u64> = known
                .iter()
                .rev()
                .skip_while(|known| *known >= day)
                .take(WORSE_KNOWN_DAYS)
                .map(|day| failed.get(day).copied().unwrap_or_default())
                .collect();
            let sum = before.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
            let n_days = u64::try_from(before.len()).unwrap_or(u64::MAX);
            // Both sides times the number of days, so that nothing is rounded.
            let scaled = count.saturating_mul(n_days);
            n_days > 0
                && scaled >= sum.saturating_mul(WORSE_TIMES)
                && scaled >= sum.saturating_add(n_days.saturating_mul(WORSE_MORE))
        })
}

/// The reminder that is due while mail is held and nothing shows that it is over.
fn reminder(problem: &Problem, told: &[&Telling], today: Date) -> Option<u8> {
    let is_failing = problem
        .witnesses
        .iter()
        .any(|witness| witness.newest_day == witness.last_day);
    if problem.impact != Impact::Held || !is_failing {
        return None;
    }
    let announced = told.iter().rev().find(|telling| is_announcement(telling.event))?;
    let age = between(announced.day, today);
    let due = REMINDER_DAYS
        .into_iter()
        .rev()
        .find(|days| age >= i32::from(*days))?;
    let is_done = told.iter().any(|telling| {
        telling.day >= announced.day && matches!(telling.event, Event::Reminder(days) if days >= due)
    });
    // A mail that comes much later is no reminder of that day.
    (!is_done && age < NEW_DAYS.saturating_mul(2)).then_some(due)
}

/// Whether a mail said after it was acknowledged that it is worse: what was acknowledged is something else then.
fn is_worse_since(problem: &Problem, told: &[&Telling]) -> bool {
    let mut remarks = problem.remarks.iter().rev();
    let said = remarks.find(|remark| matches!(remark.saying, Saying::Acknowledged(_)));
    said.is_some_and(|said| {
        told.iter()
            .any(|telling| matches!(telling.event, Event::Worse(_)) && telling.day > said.day)
    })
}

fn is_acknowledged(problem: &Problem, today: Date) -> bool {
    problem.acknowledged_until.is_some_and(|until| today <= until)
}

/// Whether an event is worth a mail today rather than tomorrow: mail is held by a policy that the report itself shows,
/// its origin is proven, it is beyond doubt, fresh, and no urgent mail said so in the last seven days.
pub fn is_urgent(problem: &Problem, event: Event, tellings: &[Telling], today: Date) -> bool {
    let is_news = matches!(event, Event::New | Event::Returned | Event::Worse(Worse::Impact));
    let is_held = problem.impact == Impact::Held && problem.basis != Basis::Unknown && problem.is_proven;
    let is_fresh = problem
        .episode()
        .is_some_and(|episode| between(episode.last_day, today) <= NEW_DAYS);
    let is_told = tellings
        .iter()
        .any(|telling| telling.is_urgent && between(telling.day, today) < URGENT_DAYS);
    is_news
        && is_held
        && is_fresh
        && !is_told
        && !problem.is_foreign
        && !problem.is_retired
        && problem.whose != Whose::Theirs
        && (!problem.cause.is_noise_prone() || is_beyond_noise(problem, today))
}

/// At least two reporters, 20 % of at least 20 connections, or all of at least 5, on a day of the last week.
fn is_beyond_noise(problem: &Problem, today: Date) -> bool {
    let first_day = problem.episode().map(|episode| episode.first_day);
    let vouching: Vec<&str> = problem
        .vouching()
        .map(|witness| witness.reporter.as_str())
        .collect();
    vouching.len() >= 2
        || problem
            .days
            .iter()
            .filter(|count| vouching.contains(&count.reporter.as_str()))
            .filter(|count| Some(count.day) >= first_day && between(count.day, today) <= NEW_DAYS)
            .any(|count| {
                let (failed, total) = (count.failed.known, count.total.known);
                (total >= 20 && failed.saturating_mul(5) >= total) || (failed >= 5 && failed >= total)
            })
}

/// What is to be kept of a mail on this event.
pub fn telling(problem: &Problem, event: Event, today: Date, is_urgent: bool) -> Telling {
    let episode = problem.episode();
    Telling {
        day: today,
        event,
        impact: problem.impact,
        reporters: u32::try_from(problem.vouching().count()).unwrap_or(u32::MAX),
        episode: episode.map_or(today, |episode| episode.first_day),
        last_day: episode.map_or(today, |episode| episode.last_day),
        is_urgent,
    }
}

/// Everything told of a problem, under its id and its aliases, oldest first.
pub fn merged(problem: &Problem, tellings: &BTreeMap<String, Vec<Telling>>) -> Vec<Telling> {
    let mut all: Vec<Telling> = std::iter::once(&problem.id)
        .chain(&problem.aliases)
        .filter_map(|id| tellings.get(id))
        .flatten()
        .cloned()
        .collect();
    all.sort_by_key(|telling| telling.day);
    all
}
