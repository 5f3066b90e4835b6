//! What a mail says, in order. Pure: the same rows and options give the same words.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};

use crate::assess::impact::Impact;
use crate::assess::news::Event;
use crate::assess::problem::{Problem, State};
use crate::config::{SendWhen, Weekday};
use crate::digest::json::Document;
use crate::digest::notes::{mails_read, not_listed, reports_in, what_comes_next};
use crate::digest::parts::Section;
use crate::digest::reading::{Frame, Reading};
use crate::digest::sections::{daily, going_on, open_problems, urgent};
use crate::digest::{fold, kept_out, subject, tables, trouble, week};
use crate::store::rows::DigestFacts;
pub use crate::store::rows::MailKind;

/// Problems told in full.
pub(crate) const MAX_FULL: usize = 5;
/// Problems told in a line or two.
pub(crate) const MAX_BRIEF: usize = 20;
/// Domains in the first look's table when there is much else to tell.
const FEW_DOMAINS: usize = 5;

/// What the digest depends on besides the database.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone of dates and times that are ours; report days are UTC.
    pub zone: TimeZone,
    /// When digests are sent.
    pub send: SendWhen,
    /// The day of the weekly mail.
    pub weekly: Weekday,
    /// Whether it is sure that no mailbox was changed, by this run's configuration.
    pub mailbox_unchanged: bool,
}

impl Options {
    pub(crate) fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    pub(crate) fn day(&self, at: Timestamp) -> civil::Date {
        self.zoned(at).date()
    }
}

/// A reporter that has fallen silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its domain.
    pub reporter: String,
    /// Its newest day.
    pub last_day: civil::Date,
    /// Its longest pause in the four weeks before, in days.
    pub longest_pause: u32,
}

/// What all reports together say at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlook {
    /// The UTC day on which it is said.
    pub today: civil::Date,
    /// Every problem that is or was visible with what is to be told of it; `None`: nothing.
    pub problems: Vec<(Problem, Option<Event>)>,
    /// The last day on which a copy of the policy may be used, by a problem's id.
    pub copies_until: BTreeMap<String, civil::Date>,
    /// Problems below the noise gate that failed in the week, or ever for the first look.
    pub not_listed: u64,
    /// Problems that are not told because somebody has acknowledged them.
    pub acknowledged: u64,
    /// The newest day of each reporter that is worth a word.
    pub newest_days: Vec<(String, civil::Date)>,
    /// The newest day of which there is a report.
    pub newest_day: Option<civil::Date>,
    /// Whether only one reporter has reported in the last four weeks.
    pub is_only_reporter: bool,
    /// Reporters that have fallen silent, newly.
    pub silent: Vec<Silence>,
    /// All reporters that are silent, whether that was told or not.
    pub all_silent: Vec<String>,
    /// All reports are missing for so many days, or several reporters are silent: our side must be looked at.
    pub no_reports_days: Option<u32>,
    /// Whether no mail has said so yet.
    pub no_reports_is_new: bool,
    /// Those who look DNSSEC up are silent, so that may be the reason.
    pub suspects_dnssec: bool,
    /// Events of policies and TLSA records: what the Subject says, and the whole.
    pub drift: Vec<(String, String)>,
    /// Domains of which senders still use an old policy, with a sentence for each; what this mail tells as an event is
    /// not among them.
    pub outdated: Vec<(String, String)>,
    /// Keys of the events that this mail tells, which are told once.
    pub events: Vec<String>,
    /// What enforce would have held, a sentence for each domain in testing, by the domain.
    pub ledgers: BTreeMap<String, String>,
    /// How each domain stands.
    pub domains: Vec<week::DomainLine>,
    /// The domain of ours that is reported on most.
    pub main_domain: String,
    /// The week, for the weekly mail.
    pub week: week::Week,
    /// What there is to say of reports that don't count, and of who is new.
    pub kept_out: kept_out::Said,
}

/// Whether there is anything to tell that no mail has told.
pub fn news(facts: &DigestFacts, outlook: &Outlook) -> bool {
    facts.previous_at.is_none()
        || outlook
            .problems
            .iter()
            .any(|(_, event)| event.is_some_and(is_news))
        || (outlook.no_reports_days.is_some() && outlook.no_reports_is_new)
        || !outlook.drift.is_empty()
        || !facts.rejected.is_empty()
        || (trouble::blind(facts).is_some() && !outlook.kept_out.was_told_blind)
        || outlook.kept_out.is_new_flood
        || kept_out::is_news(MailKind::Daily, facts, outlook)
        || facts.failing.iter().any(|mailbox| mailbox.new)
        || facts.refused.iter().any(|refused| refused.new)
}

/// Whether it is worth a mail of its own.
pub fn is_news(event: Event) -> bool {
    !matches!(event, Event::Ongoing | Event::Fading | Event::Past)
}

/// Whether it asks for something and is told in full.
fn is_open_news(event: Event) -> bool {
    matches!(
        event,
        Event::New | Event::Returned | Event::WasNotOver | Event::Worse(_) | Event::Reminder(_)
    )
}

/// A digest, ready to be set as text or HTML.
///
/// In its texts a no-break space stands where no line may break.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// Which mail it is.
    pub kind: MailKind,
    /// The Subject with its tag: ASCII, at most 70 characters.
    pub subject: String,
    /// The Subject without its tag: the first line of the body.
    pub verdict: String,
    /// What stands close below the verdict.
    pub lead: Vec<String>,
    /// All that follows.
    pub sections: Vec<Section>,
    /// Ids of the problems that it tells with what it says of them, gravest first.
    pub told: Vec<(String, Event)>,
    document: Document,
}

/// The problems of a mail by what is done with them.
pub(crate) struct Sorted<'a> {
    /// Told in full, gravest first.
    pub(crate) open: Vec<Reading<'a>>,
    /// Told in a few words: late news, resolved, fading.
    pub(crate) brief: Vec<Reading<'a>>,
    /// For the week: what goes on.
    pub(crate) ongoing: Vec<Reading<'a>>,
    /// For the week: closed without proof.
    pub(crate) past: Vec<Reading<'a>>,
}

impl Digest {
    /// What there is to say.
    pub fn build(kind: MailKind, facts: &DigestFacts, outlook: &Outlook, options: &Options) -> Self {
        let frame = Frame {
            today: outlook.today,
            is_first: kind == MailKind::FirstLook,
            is_only_reporter: outlook.is_only_reporter,
        };
        let sorted = sort(kind, outlook);
        let verdict = subject::verdict(kind, facts, outlook, &sorted, options);
        let mut sections = Vec::new();
        let mut lead: Vec<String> = trouble::setting(kind, facts, outlook).into_iter().collect();
        match kind {
            MailKind::Urgent => sections.extend(urgent(&sorted.open, frame)),
            MailKind::FirstLook => {
                lead.extend(mails_read(facts, options));
                sections.extend(open_problems(&sorted, frame));
                sections.extend(going_on(outlook, &sorted, frame));
                sections.extend(
                    trouble::findings(facts, options, false)
                        .into_iter()
                        .map(Section::Finding),
                );
                // With many open problems the past has a line.
                let is_crowded = sorted.open.len() > MAX_FULL;
                let n_domains = if is_crowded {
                    FEW_DOMAINS
                } else {
                    week::MAX_DOMAINS
                };
                sections.extend(week::domains(&outlook.domains, n_domains));
                sections.extend(if is_crowded {
                    tables::over_in_a_line(&sorted.past)
                } else {
                    tables::over(&sorted.past, frame)
                });
                sections.extend(not_listed(outlook.not_listed, "tlsrptd problems --all"));
                sections.extend(kept_out::foreign(outlook));
                sections.extend(tables::first_reporters(facts));
                sections.push(Section::Paragraph(what_comes_next(facts, options)));
            }
            MailKind::Daily | MailKind::Weekly => {
                lead.extend(reports_in(outlook));
                sections.extend(daily(kind, facts, outlook, &sorted, options, frame));
                if kind == MailKind::Weekly {
                    sections.extend(week::sections(outlook, &sorted, sections.is_empty(), frame));
                } else {
                    sections.extend(week::on_a_day(outlook, &sorted, sections.is_empty(), frame));
                }
                sections.extend(kept_out::sections(facts, outlook));
            }
        }
        let told = told(kind, &sorted);
        Self {
            kind,
            subject: subject::line(kind, &verdict),
            document: Document::new(kind, facts, outlook, &verdict, &told),
            verdict,
            lead,
            sections,
            told,
        }
    }

    /// The mail as one JSON document with all numbers; texts of reports are as sent.
    ///
    /// Keys: `kind` (`first-look`, `daily`, `weekly`, `urgent`), `subject`, `due_at`, `previous_at`, `report_range`
    /// (`first`, `last`: ids), `reports`, `days`, `mails`, `problems` (each with `id`, `event`, `cause`, `place`,
    /// `place_kind`, `state`, `impact`, `policy`, `whose`, `headline`, `first_day`, `last_day`, `failed`, `total`,
    /// `domains`, `reporters`, `reasons`, `receiving_ips`, `failure_types`), `silent`, `drift`, `acknowledged`,
    /// `not_listed`, `domains`, `rejected_mails`, `failing_mailboxes`, `refused_recipients`. A sum is
    /// `{"count": 3, "at_least": false}`; `event` is null where a problem is listed without being told.
    ///
    /// # Errors
    ///
    /// Never in practice: the shape has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        self.document.to_json()
    }
}

/// Sorts the problems by what this mail does with them.
fn sort(kind: MailKind, outlook: &Outlook) -> Sorted<'_> {
    let mut sorted = Sorted {
        open: Vec::new(),
        brief: Vec::new(),
        ongoing: Vec::new(),
        past: Vec::new(),
    };
    for (problem, event) in &outlook.problems {
        let Some(event) = *event else { continue };
        let mut reading = Reading::new(problem, event);
        reading.copies_until = outlook.copies_until.get(&problem.id).copied();
        match event {
            Event::LateNews if kind == MailKind::FirstLook => sorted.past.push(reading),
            _ if is_open_news(event) => sorted.open.push(reading),
            Event::Ongoing => sorted.ongoing.push(reading),
            Event::Past => sorted.past.push(reading),
            _ => sorted.brief.push(reading),
        }
    }
    for readings in [
        &mut sorted.open,
        &mut sorted.brief,
        &mut sorted.ongoing,
        &mut sorted.past,
    ] {
        *readings = fold::fold(std::mem::take(readings));
        readings.sort_by_cached_key(Reading::rank);
    }
    // Resolved after what is late or fading.
    sorted
        .brief
        .sort_by_key(|reading| reading.event == Event::Resolved);
    sorted
}

/// The problems that a mail tells, those told as one too.
fn told(kind: MailKind, sorted: &Sorted<'_>) -> Vec<(String, Event)> {
    let mut readings: Vec<&Reading<'_>> = sorted.open.iter().collect();
    if kind != MailKind::Urgent {
        readings.extend(&sorted.brief);
    }
    if kind == MailKind::Weekly {
        readings.extend(&sorted.ongoing);
    }
    if matches!(kind, MailKind::Weekly | MailKind::FirstLook) {
        readings.extend(&sorted.past);
    }
    readings
        .into_iter()
        .flat_map(|reading| {
            std::iter::once(reading.problem)
                .chain(reading.folded.iter().copied())
                .map(|problem| (problem.id.clone(), reading.event))
        })
        .collect()
}

/// Whether mail is held back now by any of these.
pub(crate) fn any_held<'a>(problems: impl Iterator<Item = &'a Problem>) -> bool {
    problems
        .into_iter()
        .any(|problem| problem.impact == Impact::Held && problem.is_open() && problem.state != State::Fading)
}
