//! What is worth a mail: the difference between how a problem stands and what was last told of it. Pure.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::impact::Impact;
use super::problem::Problem;

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

/// What there is to tell of a problem today, given what mails said of it before (by its id and its aliases: see
/// [`merged`]).
pub fn of(problem: &Problem, tellings: &[Telling], today: Date) -> Option<Event> {
    let _ = (problem, tellings, today);
    None
}

/// Whether an event is worth a mail today rather than tomorrow.
pub fn is_urgent(problem: &Problem, event: Event, tellings: &[Telling], today: Date) -> bool {
    let _ = (problem, event, tellings, today);
    false
}

/// What is to be kept of a mail on this event.
pub fn telling(problem: &Problem, event: Event, today: Date, is_urgent: bool) -> Telling {
    let episode = problem.episode();
    Telling {
        day: today,
        event,
        impact: problem.impact,
        reporters: u32::try_from(problem.witnesses.len()).unwrap_or(u32::MAX),
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
