//! From everything that is known to what one mail is about. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;

use crate::assess::domains::Survey;
use crate::assess::drift::DriftEvent;
use crate::assess::history::Sum;
use crate::assess::news::{self, Event, Telling};
use crate::assess::policy::Outdated;
use crate::assess::problem::{Problem, State};
use crate::digest::kept_out::{self, Held};
use crate::digest::model::{Outlook, Silence};
use crate::digest::{events, survey};
use crate::store::rows::{DigestFacts, MailKind, Withheld};

/// Before the day, in the key of a mail that told that most signatures fail.
const BLIND: &str = "blind ";
/// Between the two, where the reports counted as before.
const COUNTED: &str = "counted ";
/// Before the day, in the key of a mail that told that at least half of the reports wait, or are about somebody's domains
/// and set aside.
const ASIDE: &str = "aside ";
/// So many mails are sent for that alone; then it waits for the week's.
const BLIND_DAYS: usize = 3;

/// Everything that is known at a moment.
#[derive(Debug, Clone)]
pub struct Known {
    /// The UTC day.
    pub today: Date,
    /// All problems there ever were.
    pub problems: Vec<Problem>,
    /// What was told of each, by id.
    pub tellings: BTreeMap<String, Vec<Telling>>,
    /// Keys of events that were told.
    pub told_events: BTreeSet<String>,
    /// How domains and reporters stand.
    pub survey: Survey,
}

/// Days of the week that single failures are counted in.
const WEEK_DAYS: i64 = 7;
/// A reporter that was last heard of so many days ago is one all the same.
const MONTH_DAYS: i64 = 28;

impl Known {
    /// What a mail of this kind is about.
    pub fn outlook(&self, kind: MailKind, facts: &DigestFacts, announce_days: u32) -> Outlook {
        let mut outlook = Outlook {
            today: self.today,
            ..Outlook::default()
        };
        let week_ago = self.today.saturating_sub(WEEK_DAYS.days());
        for problem in self.problems.iter().filter(|problem| !problem.is_foreign) {
            if problem.state == State::BelowGate {
                let last = problem.episode().map(|episode| episode.last_day);
                if kind == MailKind::FirstLook || last.is_some_and(|last| last >= week_ago) {
                    outlook.not_listed = outlook.not_listed.saturating_add(1);
                }
                continue;
            }
            let tellings = news::merged(problem, &self.tellings);
            let event = news::of(problem, &tellings, self.today).map(|event| match event {
                // To the first look everything is new.
                Event::LateNews if kind == MailKind::FirstLook && self.is_recent(problem) => Event::New,
                event => event,
            });
            if problem.is_open() && event.is_none() && is_acknowledged(problem, self.today) {
                outlook.acknowledged = outlook.acknowledged.saturating_add(1);
            }
            let event = event.filter(|event| {
                kind == MailKind::FirstLook
                    || *event != Event::LateNews
                    || is_told(problem, facts, announce_days, self.today)
            });
            let event = event.filter(|event| {
                kind != MailKind::Urgent || news::is_urgent(problem, *event, &tellings, self.today)
            });
            if let Some(until) = problem.cached_until {
                outlook.copies_until.insert(problem.id.clone(), until);
            }
            outlook.problems.push((problem.clone(), event));
        }
        // A mailbox that can't be read explains why nothing comes; that is told instead.
        self.survey(kind, facts, &mut outlook);
        self.kept_out(kind, facts, &mut outlook);
        outlook
    }

    /// What there is to say of domains and reporters.
    fn survey(&self, kind: MailKind, facts: &DigestFacts, outlook: &mut Outlook) {
        if kind == MailKind::Urgent {
            return;
        }
        let (survey, today) = (&self.survey, self.today);
        outlook.newest_days = survey
            .completeness
            .reporters
            .iter()
            .filter(|reporter| reporter.is_awaited)
            .map(|reporter| (reporter.reporter.clone(), reporter.newest_day))
            .collect();
        outlook.newest_day = survey.reporters.iter().map(|state| state.newest_day).max();
        let month_ago = today.saturating_sub(MONTH_DAYS.days());
        let recent = survey
            .reporters
            .iter()
            .filter(|state| state.newest_day >= month_ago);
        outlook.is_only_reporter = recent.count() == 1;
        let is_first = kind == MailKind::FirstLook;
        let ours = survey.domains.iter().filter(|state| survey::is_ours(state));
        let main = ours.clone().max_by_key(|state| state.all.total.known);
        outlook.main_domain = main.map(|state| state.domain.clone()).unwrap_or_default();
        for state in ours {
            let line = survey::domain_line(state, is_first, today);
            if is_first || line.total != Sum::default() {
                outlook.domains.push(line);
            }
            if let Some(ledger) = &state.readiness.ledger
                && let Some(sentence) = survey::ledger(state, ledger, today)
            {
                outlook.ledgers.insert(state.domain.clone(), sentence);
            }
        }
        outlook.domains.sort_by(|a, b| {
            b.total
                .known
                .cmp(&a.total.known)
                .then_with(|| a.domain.cmp(&b.domain))
        });
        outlook.week = survey::week(survey);
        self.events(kind, outlook);
        if !is_first && facts.failing.is_empty() {
            self.silence(kind, &facts.kept_out.withheld, outlook);
        }
    }

    /// Events that are told once. The first look tells none, and all that happened before it is old.
    fn events(&self, kind: MailKind, outlook: &mut Outlook) {
        let mut told: Vec<&DriftEvent> = Vec::new();
        for event in &self.survey.drift {
            if self.told_events.contains(&event.key) {
                // The week says it again, for without it the table is hard to understand.
                if kind == MailKind::Weekly && events::is_of_the_week(event, &outlook.week) {
                    let sentence = events::event(&[event], self.today).1;
                    let state = self
                        .survey
                        .domains
                        .iter()
                        .find(|state| state.domain == event.place);
                    let not_yet = state.and_then(|state| events::not_yet(state, event));
                    outlook.week.remarks.push(sentence + &not_yet.unwrap_or_default());
                }
                continue;
            }
            let is_weekly = events::is_for_the_week(event);
            if is_weekly && !matches!(kind, MailKind::Weekly | MailKind::FirstLook) {
                continue;
            }
            outlook.events.push(event.key.clone());
            if kind != MailKind::FirstLook {
                told.push(event);
            }
        }
        for group in events::grouped(&told) {
            let Some(first) = group.first() else { continue };
            let (subject, sentence) = events::event(&group, self.today);
            if events::is_for_the_week(first) {
                outlook.week.remarks.push(sentence);
            } else {
                outlook.drift.push((subject, sentence));
            }
        }
        self.outdated(&told, outlook);
    }

    /// Old policies that senders still use. What is told as an event in the same mail isn't said twice.
    fn outdated(&self, told: &[&DriftEvent], outlook: &mut Outlook) {
        let is_told = |domain: &str, reporter: &str| {
            told.iter().any(|event| {
                event.place == domain && event.reporter == reporter && events::is_about_an_old_policy(event)
            })
        };
        for state in self.survey.domains.iter().filter(|state| survey::is_ours(state)) {
            let outdated = state.policy.outdated.iter();
            let left: Vec<&Outdated> = outdated
                // Beyond its time it is a problem.
                .filter(|outdated| !outdated.is_stale && !is_told(&state.domain, &outdated.reporter))
                .collect();
            if let Some(sentence) = events::outdated(&state.domain, &left, self.today) {
                outlook.outdated.push((state.domain.clone(), sentence));
            }
        }
    }

    /// Reporters that are silent: told once, then in the week.
    fn silence(&self, kind: MailKind, withheld: &[Withheld], outlook: &mut Outlook) {
        for state in &self.survey.reporters {
            let Some(silence) = &state.silence else { continue };
            let held = held(&state.reporter, silence.last_day, withheld);
            if held.reports > 0 {
                outlook.kept_out.held.push(held);
            } else if !self.told_events.contains(&silence.key) {
                outlook.events.push(silence.key.clone());
                outlook.silent.push(Silence {
                    reporter: state.reporter.clone(),
                    last_day: silence.last_day,
                    longest_pause: u32::try_from(silence.longest_before).unwrap_or(0),
                });
            } else if kind == MailKind::Weekly {
                outlook
                    .week
                    .still_silent
                    .push((state.reporter.clone(), silence.last_day));
            }
        }
        let mut quiet = self.survey.quiet.clone();
        let is_held = |reporter: &String| {
            outlook
                .kept_out
                .held
                .iter()
                .any(|held| held.reporter == *reporter)
        };
        quiet.silent.retain(|reporter| !is_held(reporter));
        if !outlook.kept_out.held.is_empty() {
            // Something comes, and that is told.
            quiet.none_for_days = None;
        }
        if quiet.is_ours() {
            let newest = self.survey.reporters.iter().map(|state| state.newest_day).max();
            let key = format!("quiet {}", newest.unwrap_or_default());
            let days = quiet.none_for_days.unwrap_or(0);
            outlook.no_reports_days = Some(u32::try_from(days).unwrap_or(0));
            outlook.no_reports_is_new = !self.told_events.contains(&key);
            outlook.suspects_dnssec = quiet.suspects_dnssec;
            outlook.all_silent.clone_from(&quiet.silent);
            outlook.events.push(key);
        }
    }

    /// Domains and senders that are new, and what was told of reports that don't count.
    fn kept_out(&self, kind: MailKind, facts: &DigestFacts, outlook: &mut Outlook) {
        if kind == MailKind::Urgent {
            return;
        }
        let foreign = facts.kept_out.foreign_domains.iter();
        outlook.week.foreign.extend(foreign.cloned());
        outlook.week.foreign.sort_unstable();
        outlook.week.foreign.dedup();
        let ours = self.survey.domains.iter().filter(|state| survey::is_ours(state));
        for state in ours.filter(|_| self.survey.learns_domains) {
            let key = format!("domain {}", state.domain);
            if !self.told_events.contains(&key) {
                outlook.events.push(key);
                outlook.kept_out.new_domains.push(state.domain.clone());
            }
        }
        if kind == MailKind::FirstLook {
            outlook.kept_out.new_domains.clear();
        }
        for flood in &facts.kept_out.floods {
            let key = format!("flood {} {}", flood.reporter, self.today.strftime("%Y-%m"));
            outlook.kept_out.is_new_flood |= !self.told_events.contains(&key);
            outlook.events.push(key);
        }
        if let Some(unproven) = facts.unproven {
            let days = self.told_blind();
            let state = if unproven.counted { COUNTED } else { "" };
            outlook.kept_out.was_told_blind =
                days.iter().map(|(day, _)| day).collect::<BTreeSet<_>>().len() >= BLIND_DAYS;
            outlook.kept_out.was_told_in_full = outlook.kept_out.was_told_blind
                && days.iter().any(|(_, counted)| *counted == unproven.counted);
            outlook.events.push(format!("{BLIND}{state}{}", self.today));
        }
        outlook.kept_out.n_aside = facts.mails.set_aside;
        if kept_out::is_worth_a_mail(facts) {
            let week_ago = self.today.saturating_sub(WEEK_DAYS.days());
            let days = self.told_events.iter().filter_map(|key| key.strip_prefix(ASIDE));
            let days = days.filter_map(|day| day.parse::<Date>().ok());
            outlook.kept_out.told_aside = days.filter(|day| *day >= week_ago).max();
            outlook.events.push(format!("{ASIDE}{}", self.today));
        }
    }

    /// The days up to now on which mails have told that most signatures fail, each within a week of the one after, and
    /// whether the reports counted as before.
    fn told_blind(&self) -> Vec<(Date, bool)> {
        let days = self.told_events.iter().filter_map(|key| {
            let rest = key.strip_prefix(BLIND)?;
            let counted = rest.strip_prefix(COUNTED);
            Some((counted.unwrap_or(rest).parse().ok()?, counted.is_some()))
        });
        let mut days: Vec<(Date, bool)> = days.collect();
        days.sort_unstable();
        let mut told = Vec::new();
        let mut last = self.today;
        for (day, counted) in days.into_iter().rev() {
            if day.saturating_add(WEEK_DAYS.days()) < last {
                break;
            }
            told.push((day, counted));
            last = day;
        }
        told
    }

    /// For the first look: whether it is open or failed in the last seven days of which there are reports.
    fn is_recent(&self, problem: &Problem) -> bool {
        let reporters = &self.survey.completeness.reporters;
        let newest = reporters.iter().map(|reporter| reporter.newest_day).max();
        let last = problem.episode().map(|episode| episode.last_day);
        let is_recent = newest
            .zip(last)
            .is_some_and(|(newest, last)| last.saturating_add(WEEK_DAYS.days()) > newest);
        problem.is_open() || (is_recent && problem.state == State::Past)
    }

    /// Whether there is a problem that should be known today.
    pub fn has_urgent(&self) -> bool {
        self.problems
            .iter()
            .filter(|problem| !problem.is_foreign)
            .any(|problem| {
                let tellings = news::merged(problem, &self.tellings);
                news::of(problem, &tellings, self.today)
                    .is_some_and(|event| news::is_urgent(problem, event, &tellings, self.today))
            })
    }

    /// What is to be kept of a mail that told these problems.
    pub fn tellings_of(&self, told: &[(String, Event)], kind: MailKind) -> Vec<(String, Telling)> {
        told.iter()
            .filter_map(|(id, event)| {
                let problem = self.problems.iter().find(|problem| problem.id == *id)?;
                let telling = news::telling(problem, *event, self.today, kind == MailKind::Urgent);
                Some((id.clone(), telling))
            })
            .collect()
    }
}

/// The reports of a reporter about days after this one that came and don't count.
fn held(reporter: &str, last_day: Date, withheld: &[Withheld]) -> Held {
    let mut held = Held {
        reporter: reporter.to_owned(),
        last_day,
        ..Held::default()
    };
    let newer = withheld
        .iter()
        .filter(|one| one.reporter == reporter && one.day > last_day);
    for one in newer {
        held.reports = held.reports.saturating_add(one.reports);
        held.waits |= one.waits;
    }
    held
}

fn is_acknowledged(problem: &Problem, today: Date) -> bool {
    problem.acknowledged_until.is_some_and(|until| until >= today)
}

/// Whether late news are told: a report came late, or what an import shows isn't that old.
fn is_told(problem: &Problem, facts: &DigestFacts, announce_days: u32, today: Date) -> bool {
    let last = problem.episode().map(|episode| episode.last_day);
    let oldest = today.saturating_sub(i64::from(announce_days).days());
    announce_days == 0
        || last.is_some_and(|last| last >= oldest)
        || problem
            .failure_types
            .iter()
            .any(|id| facts.fresh_failure_types.contains(id))
}
