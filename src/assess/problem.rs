//! A problem: one repair, with everything that the reports say of it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::history::{PolicyText, Remark, Sum};
use super::impact::{Basis, Impact};
use super::place::Place;

/// How a problem stands, by the days of the reports alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// Too little to speak of: see docs/digest.md, "Noise".
    BelowGate,
    /// Open, and visible for the first time on its last failing day.
    New,
    /// Open again after it was over, and only just.
    Returned,
    /// It failed on the newest known day of a reporter that saw it.
    Ongoing,
    /// No failure on the newest known days, but not enough clean days yet.
    Fading,
    /// Over, proven by clean days.
    Resolved,
    /// Closed without proof: nobody who saw it reports any more, or it was retired.
    Past,
}

/// An unbroken life of a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// First failing day.
    pub first_day: Date,
    /// Last failing day.
    pub last_day: Date,
    /// The day from which it was past the noise gate; `None`: never.
    pub visible_from: Option<Date>,
    /// Failed connections.
    pub failed: Sum,
    /// How and on which day it ended.
    pub ended: Option<(Ending, Date)>,
    /// The day of the note or `fixed` that shortened the proof that it is over.
    pub by_note: Option<Date>,
}

/// How an episode ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// By clean days.
    Resolved,
    /// Without proof.
    Past,
}

/// What one reporter says of a problem in its present or last episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// As in [`super::history::Seen::reporter`].
    pub reporter: String,
    /// Failed connections.
    pub failed: Sum,
    /// All its connections to the failing domains on its failing days.
    pub total: Sum,
    /// First failing day.
    pub first_day: Date,
    /// Last failing day.
    pub last_day: Date,
    /// Of the failed, those for which it gave no cause of its own and which joined this problem.
    pub unspecified: Sum,
    /// Whether it gave no reason and no precise type for any of them.
    pub is_vague: bool,
    /// Whether none of its details names the MX of this problem.
    pub names_no_mx: bool,
    /// Its clean days since the last failing day of the problem.
    #[serde(with = "super::kept::days")]
    pub clean_days: Vec<Date>,
    /// Its newest known day for the failing domains.
    pub newest_day: Date,
    /// Whether the origin of none of its reports on them is proven, though they count.
    pub is_unproven: bool,
}

/// A reporter that could have seen the problem and did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unaffected {
    /// As in [`super::history::Seen::reporter`].
    pub reporter: String,
    /// Its good connections on the failing days under the same policy type.
    pub ok: u64,
}

/// Whose a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// The report itself proves it.
    YoursProven,
    /// Several reporters see it.
    YoursSeen,
    /// One sees it, others that could don't.
    OnlyOne,
    /// One sees it, and nobody else could have.
    CantTell,
    /// One reporter, many unrelated places, at most two days (C20).
    Theirs,
}

/// The odd node out, if there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// All failures name this place's MX, and the domains have others: those, lower case, which no failure named.
    pub unnamed_mx: Vec<String>,
    /// The receiving addresses with their counts, most first.
    pub receiving_ips: Vec<(String, u64)>,
    /// All failures with an address are over IPv6, and there are at least 5.
    pub only_ipv6: bool,
    /// All failures with a sending address share this network, while that reporter has others.
    pub sending_network: Option<String>,
    /// Good connections to other MX hosts that `tlsa` entries prove, by host.
    pub proven_good: Vec<(String, u64)>,
}

/// A combination of findings that is worth a name: failures.md, section 3, by its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/failures.md tells what each means")]
pub enum Named {
    C1NodeLeftBehind,
    C2BackupMxForgotten,
    C3WildcardTooShort,
    C6PolicyRemoved,
    C7MxMove,
    C8PolicyHostExpired,
    C10PolicyBlocked,
    C11TlsaNotUpdated,
    C12TlsaOverlapTooShort,
    C14DnssecExpired,
    C15StarttlsStripped,
    C16OldTls,
    C17RateLimit,
    C18CertificateForDomain,
    C20ReporterTrouble,
    C21OneSender,
    C23TlsaChangedFirst,
}

/// What happened on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCount {
    /// UTC day.
    pub day: Date,
    /// Who reports.
    pub reporter: String,
    /// Failed connections.
    pub failed: Sum,
    /// All connections to the failing domains.
    pub total: Sum,
}

/// A problem: one repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Problem {
    /// Four or five hex digits, stable for ever.
    pub id: String,
    /// Ids of vaguer problems that turned out to be this one and are nothing of their own.
    pub aliases: Vec<String>,
    /// What broke.
    pub cause: Cause,
    /// Where.
    pub place: Place,
    /// How it stands.
    pub state: State,
    /// Gravest thing that happened to mail in the present or last episode.
    pub impact: Impact,
    /// The policy that decided that.
    pub basis: Basis,
    /// All policies that were applied, gravest first.
    pub bases: Vec<Basis>,
    /// For an unknown mode: the domain's newest known one in 14 days, and its day.
    pub last_known_mode: Option<(String, Date)>,
    /// Whose it is.
    pub whose: Whose,
    /// Where exactly.
    pub spot: Spot,
    /// The pattern it is part of.
    pub named: Option<Named>,
    /// All episodes, oldest first; never empty. What is said of "the present or last episode" is about
    /// [`Problem::episode`].
    pub episodes: Vec<Episode>,
    /// Domains failing in the present or last episode, most failed connections first.
    pub domains: Vec<String>,
    /// Who saw it in the present or last episode, most failed connections first.
    pub witnesses: Vec<Witness>,
    /// Who could have seen it and did not.
    pub unaffected: Vec<Unaffected>,
    /// Failed connections of the present or last episode.
    pub failed: Sum,
    /// Of so many connections of its witnesses on their failing days.
    pub total: Sum,
    /// Failed and all connections by day and reporter, oldest first, over all episodes.
    #[serde(with = "super::kept::counts")]
    pub days: Vec<DayCount>,
    /// Days known to its witnesses in the present or last episode, from its first failing day on.
    #[serde(with = "super::kept::days")]
    pub known_days: Vec<Date>,
    /// Whether a report of proven origin shows it in the present or last episode, or nobody looked.
    pub is_proven: bool,
    /// Whether every report counts these connections as successful.
    pub delivered_in_spite: bool,
    /// Distinct reasons as sent, most frequent first, at most 5.
    pub reasons: Vec<String>,
    /// Result types as sent, sorted.
    pub result_types: Vec<String>,
    /// Ids in `failure_types`.
    pub failure_types: Vec<i64>,
    /// Its failures in all episodes, those that joined it too: indices in [`super::history::History::failures`]. Empty
    /// without that history.
    #[serde(skip)]
    pub failures: Vec<usize>,
    /// The newest failing policy text that shows MX patterns or TLSA records.
    pub policy: Option<PolicyText>,
    /// Longest pause between two failing days, in known days, of the episode and of those that it follows within 14 known
    /// days; `None` with one failing day.
    pub longest_pause: Option<u32>,
    /// Clean days needed from each witness.
    pub clean_days_needed: u32,
    /// What people said of it, oldest first.
    pub remarks: Vec<Remark>,
    /// It isn't to be told until this day.
    pub acknowledged_until: Option<Date>,
    /// For a policy that is not fetched: the last day on which one of the witnesses may use its copy, by `max_age`.
    pub cached_until: Option<Date>,
    /// For an old policy that is still applied: the day on which a newer one was first seen.
    pub newer_since: Option<Date>,
    /// None of its domains is one of ours (configured ones): not to be told.
    pub is_foreign: bool,
    /// Its MX is outside our domains and fails for at least two of them.
    pub is_provider: bool,
    /// Retired by a person.
    pub is_retired: bool,
    /// Since when it is retired.
    pub retired_since: Option<Date>,
    /// Failed connections since then; they are in no other figure.
    pub after_retirement: Sum,
    /// Whether some of them were under enforce.
    pub held_after_retirement: bool,
}

impl Problem {
    /// The present or last episode that passed the noise gate; of a problem that never did, the last one.
    pub fn episode(&self) -> Option<&Episode> {
        self.episodes
            .iter()
            .rev()
            .find(|episode| episode.visible_from.is_some())
            .or(self.episodes.last())
    }

    /// Who vouches for it: those who saw it whose reports' origin is proven, or all where that is nobody's.
    pub fn vouching(&self) -> impl Iterator<Item = &Witness> {
        let is_proven = self.is_proven;
        self.witnesses
            .iter()
            .filter(move |witness| !(is_proven && witness.is_unproven))
    }

    /// Whether it asks for something: new, returned or going on.
    pub fn is_open(&self) -> bool {
        matches!(
            self.state,
            State::New | State::Returned | State::Ongoing | State::Fading
        )
    }
}

impl State {
    /// Its name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BelowGate => "below-gate",
            Self::New => "new",
            Self::Returned => "returned",
            Self::Ongoing => "ongoing",
            Self::Fading => "fading",
            Self::Resolved => "resolved",
            Self::Past => "past",
        }
    }
}
