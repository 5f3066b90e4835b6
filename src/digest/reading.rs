//! A problem read for a mail: its gravity, its names, its headline. Pure.

use jiff::civil::Date;

use crate::assess::cause::Cause;
use crate::assess::history::Sum;
use crate::assess::impact::{Basis, Impact};
use crate::assess::news::{Event, Worse};
use crate::assess::place::Place;
use crate::assess::problem::{Problem, Whose};
use crate::digest::fill::Fill;
use crate::digest::hosts::short_host;
use crate::digest::parts::{Finding, Row, Tone};
use crate::digest::texts::{self, CauseText};
use crate::digest::{names, words};

/// Domains named for one problem; further ones are counted.
const MAX_DOMAINS: usize = 3;

/// A problem with all that follows from it; several where they are told as one.
#[derive(Debug, Clone)]
pub(crate) struct Reading<'a> {
    /// The problem; of several told as one, the one that gives the id.
    pub(crate) problem: &'a Problem,
    /// The others that are told with it: the same cause for other domains.
    pub(crate) folded: Vec<&'a Problem>,
    /// What is told of it.
    pub(crate) event: Event,
    /// The last day on which senders with a copy of the policy may use it, for causes about the policy.
    pub(crate) copies_until: Option<Date>,
    pub(crate) text: &'static CauseText,
    /// Names in full, for headlines.
    pub(crate) full: Fill,
    /// Names as short as is clear beside the headline.
    pub(crate) short: Fill,
}

/// What all problems of a mail share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// The mail's UTC day.
    pub(crate) today: Date,
    /// Whether it is the first mail of all, to which everything is new.
    pub(crate) is_first: bool,
    /// Whether only one reporter reports to us at all, so that nobody else will tell more.
    pub(crate) is_only_reporter: bool,
}

impl<'a> Reading<'a> {
    /// Reads a problem.
    pub(crate) fn new(problem: &'a Problem, event: Event) -> Self {
        let full = Fill::of(problem, names::host);
        let short = Fill::of(problem, |host| short_host(problem, host));
        Self {
            problem,
            folded: Vec::new(),
            event,
            copies_until: None,
            text: texts::text(problem.cause),
            full,
            short,
        }
    }

    /// Whether mail is held back by it now.
    pub(crate) fn holds_mail(&self) -> bool {
        self.problem.impact == Impact::Held && self.problem.is_open()
    }

    /// What sorts the gravest first: what is held, then what is unprotected, then the rest.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        let n_reporters = self.problem.witnesses.len();
        (
            gravity(self.problem.impact),
            std::cmp::Reverse((n_reporters, self.problem.failed.known)),
            self.key(),
        )
    }

    /// What orders equals: the id may follow from other domains' reports, of which an audience is to notice nothing.
    pub(crate) fn key(&self) -> (Place, Cause) {
        (self.problem.place.clone(), self.problem.cause)
    }

    /// All its domains, those of folded ones too.
    pub(crate) fn domains(&self) -> Vec<&str> {
        let all = std::iter::once(self.problem).chain(self.folded.iter().copied());
        let mut domains: Vec<&str> = Vec::new();
        for domain in all.flat_map(|problem| &problem.domains) {
            if !domains.contains(&domain.as_str()) {
                domains.push(domain);
            }
        }
        // Some senders name the MX itself as the domain of TLSA records.
        if domains.len() > 1 && matches!(self.problem.place, Place::Mx(_)) {
            domains.retain(|domain| *domain != self.problem.place.name());
        }
        domains
    }

    /// Its line, with the domains where it doesn't name them.
    pub(crate) fn headline(&self) -> String {
        let domains = self.domains();
        if !self.folded.is_empty() {
            let many = format!("{} domains", domains.len());
            let fill = Fill {
                domain: many.clone(),
                place: many,
                ..self.full.clone()
            };
            return fill.apply(self.text.headline_of_many);
        }
        let mut headline = self.full.apply(self.text.headline);
        if self.is_only_one() && self.problem.cause == Cause::PolicyFetch {
            headline = format!("{headline} by {}", self.full.reporter);
        }
        let is_named = |domain: &str| {
            let host = match &self.problem.place {
                Place::Mx(mx) if mx == domain || mx.ends_with(&format!(".{domain}")) => mx.as_str(),
                _ => domain,
            };
            headline.contains(&names::host(host)) || headline.contains(&names::host(domain))
        };
        match domains.as_slice() {
            [] => headline,
            [one] if is_named(one) => headline,
            [one] => format!("{headline} ({})", names::host(one)),
            several => format!("{headline} ({} domains)", several.len()),
        }
    }

    /// Whether only one reporter sees it although others could.
    pub(crate) fn is_only_one(&self) -> bool {
        matches!(self.problem.whose, Whose::OnlyOne | Whose::Theirs)
    }

    /// The verdict for the Subject, which is the mail's first line, too: in full, then in ever fewer words.
    pub(crate) fn verdicts(&self) -> [String; 3] {
        let full = self.verdict();
        let less = if self.problem.cause == Cause::MxNotInPolicy && self.problem.basis == Basis::Testing {
            self.full.apply("{place} isn't in your policy (testing)")
        } else {
            full.replace(", mail held back", ", mail held")
        };
        [full, less, self.short_verdict()]
    }

    /// The headline in full, then in ever fewer words.
    pub(crate) fn headlines(&self) -> [String; 3] {
        let full = self.headline();
        if !self.folded.is_empty() {
            return [full.clone(), full.clone(), full];
        }
        let short = format!("{}, {}", self.text.in_short, self.full.place);
        [full, self.full.apply(self.text.headline), short]
    }

    /// The verdict in as few words as still say what broke and whether mail is held.
    fn short_verdict(&self) -> String {
        let held = if self.holds_mail() { ", mail held" } else { "" };
        let verdict = match self.problem.cause {
            _ if self.problem.whose == Whose::Theirs => {
                let n = u64::try_from(self.domains().len()).unwrap_or(u64::MAX);
                let domains = words::count(n, "domain");
                return format!("{domains}: looks like trouble at {}", self.full.reporter);
            }
            _ if !self.folded.is_empty() => return self.verdict(),
            Cause::MxNotInPolicy => self.full.apply("{place} isn't in your policy"),
            Cause::PolicyFetch if self.is_only_one() => self
                .full
                .apply("{domain}: only {reporter} can't fetch your policy"),
            _ => format!("{}: {}", self.full.place, self.text.in_short),
        };
        format!("{verdict}{held}")
    }

    fn verdict(&self) -> String {
        if self.problem.whose == Whose::Theirs {
            return format!(
                "{}: {}, looks like trouble at {}",
                words::count(u64::try_from(self.domains().len()).unwrap_or(u64::MAX), "domain"),
                self.text.in_short,
                self.full.reporter
            );
        }
        if !self.folded.is_empty() {
            let headline = self.headline();
            let mut chars = headline.chars();
            let first = chars.next().map(|first| first.to_ascii_uppercase());
            return first.into_iter().chain(chars).collect();
        }
        let held = self.holds_mail();
        match self.problem.cause {
            Cause::MxNotInPolicy if held => self.full.apply("{place} isn't in your policy, mail held back"),
            Cause::MxNotInPolicy if self.problem.basis == Basis::Testing => self
                .full
                .apply("{domain}: {place} isn't in your policy (testing)"),
            Cause::PolicyFetch if self.is_only_one() => self
                .full
                .apply("{domain}: only {reporter} can't fetch your policy, mail arrives"),
            _ if held => format!("{}, mail held back", self.full.apply(self.text.subject)),
            _ => self.full.apply(self.text.subject),
        }
    }

    /// The finding in full.
    pub(crate) fn finding(&self, frame: Frame) -> Finding {
        let mut rows = vec![
            Row::text("Mail", self.mail(frame)),
            Row::text("Seen", self.seen(frame)),
            Row::text("Whose", self.whose(frame)),
        ];
        if self.problem.whose != Whose::Theirs {
            rows.extend(self.causes().map(|text| Row::text("Cause", text)));
            rows.push(self.check());
            rows.push(self.fix());
        }
        rows.extend(self.said(frame));
        rows.push(Row::command("More", format!("tlsrptd show {}", self.problem.id)));
        Finding {
            tag: self.tag(frame),
            tone: if self.holds_mail() {
                Tone::Held
            } else {
                Tone::Broken
            },
            id: Some(self.problem.id.clone()),
            title: self.headline(),
            rows,
        }
    }

    pub(crate) fn tag(&self, frame: Frame) -> &'static str {
        match self.event {
            _ if frame.is_first => "OPEN",
            Event::New | Event::LateNews => "NEW",
            Event::Returned => "BACK",
            Event::WasNotOver => "NOT OVER",
            Event::Worse(_) => "WORSE",
            Event::Reminder(_) => "STILL",
            Event::Ongoing => "OPEN",
            Event::Fading => "FADING",
            Event::Resolved => "RESOLVED",
            Event::Past => "PAST",
        }
    }

    /// What people have said of it, newest first.
    fn said(&self, frame: Frame) -> Option<Row> {
        use crate::assess::history::Saying;
        let remark = self.problem.remarks.last()?;
        let by = names::clean(&remark.by, 20);
        let day = words::day(remark.day, frame.today);
        let said = match &remark.saying {
            Saying::Note(text) => format!("{}, {by}, {day}", names::quoted(text, names::REASON_CHARS)),
            Saying::Fixed => format!("Fixed, said {by} on {day}; reports since then don't prove it yet."),
            Saying::Acknowledged(until) if *until < frame.today => {
                format!("Acknowledged by {by} on {day}, still there.")
            }
            Saying::Acknowledged(until) => format!(
                "Acknowledged by {by} on {day} until {}.",
                words::day(*until, frame.today)
            ),
            Saying::Retired => return None,
        };
        Some(Row::text("Note", said))
    }

    /// Failed connections of the present or last life, of all that are told as one.
    pub(crate) fn failed(&self) -> Sum {
        let all = std::iter::once(self.problem).chain(self.folded.iter().copied());
        all.map(|problem| problem.failed)
            .reduce(words::add)
            .unwrap_or_default()
    }

    /// First day of the present or last life.
    pub(crate) fn first_day(&self) -> Date {
        let all = std::iter::once(self.problem).chain(self.folded.iter().copied());
        all.filter_map(|problem| problem.episode().map(|episode| episode.first_day))
            .min()
            .unwrap_or_default()
    }

    /// Last failing day of the present or last life.
    pub(crate) fn last_day(&self) -> Date {
        let all = std::iter::once(self.problem).chain(self.folded.iter().copied());
        all.filter_map(|problem| problem.episode().map(|episode| episode.last_day))
            .max()
            .unwrap_or_default()
    }

    /// Whether cause, check and fix read as those of another but for the names.
    pub(crate) fn asks_for_the_same(&self, other: &Self) -> bool {
        let key = |reading: &Self| {
            (
                reading.problem.cause,
                reading.problem.named,
                reading.problem.whose,
                reading.problem.place.kind(),
            )
        };
        key(self) == key(other)
    }

    /// What makes it worse than it was told.
    pub(crate) fn worse(&self) -> Option<String> {
        match self.event {
            Event::Worse(Worse::Impact) if self.holds_mail() => Some("Mail is held back now.".to_owned()),
            Event::Worse(Worse::Impact) => Some("It does more harm now.".to_owned()),
            Event::Worse(Worse::Reporters) => Some("A further reporter sees it now.".to_owned()),
            Event::Worse(Worse::Failures) => Some("Many more connections fail than before.".to_owned()),
            _ => None,
        }
    }

    /// Where it is, in a word or two.
    pub(crate) fn where_in_short(&self) -> String {
        if self.folded.is_empty() {
            self.full.place.clone()
        } else {
            words::count(u64::try_from(self.domains().len()).unwrap_or(u64::MAX), "domain")
        }
    }

    /// Domains that the headline doesn't name.
    pub(crate) fn listed_domains(&self) -> Option<String> {
        let domains: Vec<String> = self.domains().into_iter().map(names::host).collect();
        (domains.len() > 1).then(|| format!("Domains: {}.", words::list_and_more(&domains, MAX_DOMAINS)))
    }
}

/// `1 connection`, `at least 3 connections`.
pub(crate) fn connections(failed: Sum) -> String {
    if failed.known == 0 && failed.at_least {
        return "an unreadable number of connections".to_owned();
    }
    let noun = if failed.known == 1 && !failed.at_least {
        "connection"
    } else {
        "connections"
    };
    format!("{}{}{noun}", words::sum(failed), words::NBSP)
}

/// Held, then unprotected, then what is only good to know.
fn gravity(impact: Impact) -> u8 {
    match impact {
        Impact::Held => 0,
        Impact::BySender | Impact::Unknown => 1,
        Impact::Plain | Impact::Unprotected | Impact::Cached => 2,
        Impact::Passed | Impact::Delivered | Impact::InSpite => 3,
    }
}
