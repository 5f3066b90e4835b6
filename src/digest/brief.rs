//! A problem in a line or two. Pure.

use jiff::civil::Date;

use crate::assess::cause::Cause;
use crate::assess::history::Saying;
use crate::assess::impact::Impact;
use crate::assess::news::Event;
use crate::assess::problem::State;
use crate::digest::parts::{Finding, Row, Tone};
use crate::digest::reading::{Frame, Reading, connections};
use crate::digest::words;

impl Reading<'_> {
    /// In a few words, beside tag and headline: what became of it.
    pub(crate) fn brief(&self, frame: Frame) -> Finding {
        let text = match self.event {
            Event::Resolved => self.resolved(frame),
            Event::LateNews if self.problem.is_retired => format!(
                "Retired, but {} failed since, some of them under enforce. Publish mode: none until max_age is over.",
                connections(self.problem.after_retirement)
            ),
            Event::LateNews => format!(
                "{} A report came late; no failure is known after {}.",
                self.totals(frame),
                words::day(self.last_day(), frame.today)
            ),
            Event::Fading => format!("{} Since then none, {}.", self.totals(frame), self.proof_needed()),
            Event::Past => format!(
                "{} Closed without proof: {}.",
                self.totals(frame),
                if self.problem.is_retired {
                    "retired"
                } else {
                    "those who saw it no longer report"
                }
            ),
            _ => self.totals(frame),
        };
        Finding {
            tag: match self.event {
                Event::LateNews => "LATE",
                _ => self.tag(frame),
            },
            tone: match self.event {
                Event::Resolved | Event::Past | Event::Fading | Event::LateNews => Tone::Calm,
                _ if self.holds_mail() => Tone::Held,
                _ => Tone::Broken,
            },
            id: Some(self.problem.id.clone()),
            title: self.headline(),
            rows: vec![Row::text("", text)],
        }
    }

    /// In one line: `#7c1e certificate expired on mx2.example.com, mail held back; since 18 Nov, 312 connections, Google`.
    pub(crate) fn line(&self, frame: Frame) -> String {
        let held = if self.holds_mail() { ", mail held back" } else { "" };
        let fading = match self.problem.state {
            State::Fading => ", none lately",
            State::Past if self.problem.is_retired => ", retired",
            _ => "",
        };
        format!(
            "#{}{}{}{held}; {}{fading}{}{}",
            self.problem.id,
            words::NBSP,
            self.headline(),
            self.totals(frame).trim_end_matches('.'),
            self.after_the_copy(frame),
            self.after_acknowledgement(frame)
        )
    }

    /// That mail comes unprotected since the last copies of the policy ended, which was to come when it was told.
    fn after_the_copy(&self, frame: Frame) -> String {
        match self.copies_until {
            Some(until)
                if until < frame.today
                    && self.event == Event::Ongoing
                    && self.problem.impact == Impact::Cached
                    && self.problem.cause != Cause::StalePolicy =>
            {
                let its = if self.is_only_one() {
                    "its copy of the policy"
                } else {
                    "the last copy of the policy"
                };
                format!("; {its} ended on {}", words::day(until, frame.today))
            }
            _ => String::new(),
        }
    }

    /// That the days for which it was acknowledged are over.
    fn after_acknowledgement(&self, frame: Frame) -> String {
        let acknowledged = self
            .problem
            .remarks
            .iter()
            .rev()
            .find_map(|remark| match remark.saying {
                Saying::Acknowledged(until) => Some((remark.day, until)),
                _ => None,
            });
        match acknowledged {
            Some((day, until)) if until < frame.today && self.event == Event::Ongoing => {
                format!("; acknowledged on {}, still there", words::day(day, frame.today))
            }
            _ => String::new(),
        }
    }

    /// When, how much, by whom: `12-16 Nov: 9 connections, Microsoft.`
    pub(crate) fn totals(&self, frame: Frame) -> String {
        let failed = self.failed();
        let when = match (self.event, self.problem.state) {
            (Event::Ongoing | Event::Worse(_) | Event::Reminder(_), State::Ongoing | State::New) => {
                format!("since {}", words::day(self.first_day(), frame.today))
            }
            _ => words::days(self.first_day(), self.last_day(), frame.today),
        };
        let by = if self.headline().contains(&self.short.reporter) {
            String::new()
        } else {
            format!(", {}", self.short.reporter)
        };
        format!("{when}: {}{by}.", connections(failed))
    }

    fn resolved(&self, frame: Frame) -> String {
        let clean: Vec<Date> = self
            .problem
            .witnesses
            .iter()
            .flat_map(|witness| witness.clean_days.iter().copied())
            .filter(|day| *day > self.last_day())
            .collect();
        let clean = match (clean.iter().min(), clean.iter().max()) {
            (Some(first), Some(last)) if first == last => {
                format!(" Clean on {}", words::day(*first, frame.today))
            }
            (Some(first), Some(last)) => format!(" Clean {}", words::days(*first, *last, frame.today)),
            _ => " Clean since".to_owned(),
        };
        format!("{}{clean}{}.", self.totals(frame), self.after_note(frame))
    }

    /// The note that shortened the proof.
    fn after_note(&self, frame: Frame) -> String {
        let note = self.problem.remarks.iter().rev().find(|remark| {
            matches!(remark.saying, Saying::Note(_) | Saying::Fixed) && remark.day >= self.last_day()
        });
        note.map(|note| format!(", after your note of {}", words::day(note.day, frame.today)))
            .unwrap_or_default()
    }

    fn proof_needed(&self) -> String {
        let needed = u64::from(self.problem.clean_days_needed.max(1));
        format!(
            "but it is over only after {} of each reporter that saw it",
            words::count(needed, "clean day")
        )
    }
}
