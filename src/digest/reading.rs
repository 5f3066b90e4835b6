//! A problem read for a mail: its gravity, its names, its headline. Pure.

use jiff::civil::Date;

use crate::assess::cause::{Cause, mx_matches};
use crate::assess::history::Sum;
use crate::assess::impact::{Basis, Impact};
use crate::assess::news::{Event, Worse};
use crate::assess::place::Place;
use crate::assess::problem::{Named, Problem, State, Whose};
use crate::digest::fill::Fill;
use crate::digest::parts::{Block, Finding, Row, Tone};
use crate::digest::texts::{self, CauseText, NamedText};
use crate::digest::{names, words};

/// Domains named for one problem; further ones are counted.
const MAX_DOMAINS: usize = 3;
/// MX hosts named for one problem.
const MAX_HOSTS: usize = 2;

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
}

impl<'a> Reading<'a> {
    /// Reads a problem.
    pub(crate) fn new(problem: &'a Problem, event: Event) -> Self {
        let full = fill(problem, |host| names::host(host));
        let short = fill(problem, |host| short_host(problem, host));
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
        let id = self.problem.id.clone();
        (
            gravity(self.problem.impact),
            std::cmp::Reverse((n_reporters, self.problem.failed.known)),
            id,
        )
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
        let Place::Mx(mx) = &self.problem.place else {
            return headline;
        };
        let is_named = |domain: &str| {
            mx == domain || mx.ends_with(&format!(".{domain}")) || headline.contains(&names::host(domain))
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

    /// The verdict for the Subject, which is the mail's first line, too.
    pub(crate) fn verdict(&self) -> String {
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
            Row::text("Whose", self.whose()),
        ];
        if self.problem.whose != Whose::Theirs {
            rows.extend(self.causes().map(|text| Row::text("Cause", text)));
            rows.push(self.check());
            rows.extend(self.fix());
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

    fn tag(&self, frame: Frame) -> &'static str {
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
        let fading = if self.problem.state == State::Fading {
            ", none lately"
        } else {
            ""
        };
        format!(
            "#{}{}{}{held}; {}{fading}",
            self.problem.id,
            words::NBSP,
            self.headline(),
            self.totals(frame).trim_end_matches('.')
        )
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

    /// Failed connections of the present or last life, of all that are told as one.
    pub(crate) fn failed(&self) -> Sum {
        let all = std::iter::once(self.problem).chain(self.folded.iter().copied());
        all.map(|problem| problem.failed)
            .reduce(words::add)
            .unwrap_or_default()
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
        use crate::assess::history::Saying;
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

    /// Other MX hosts of its domains, as far as the reports tell: short names, and whether a pattern allows for more.
    pub(crate) fn other_mx(&self) -> OtherMx {
        let patterns = self.patterns();
        let Place::Mx(mx) = &self.problem.place else {
            return OtherMx::Unknown;
        };
        let mut hosts: Vec<&str> = self.problem.spot.unnamed_mx.iter().map(String::as_str).collect();
        hosts.extend(
            self.problem
                .spot
                .proven_good
                .iter()
                .map(|(host, _)| host.as_str()),
        );
        hosts.extend(
            patterns
                .iter()
                .map(String::as_str)
                .filter(|pattern| !pattern.starts_with('*')),
        );
        let mut names: Vec<String> = Vec::new();
        for host in hosts.into_iter().filter(|host| !mx_matches(host, mx)) {
            let name = short_host(self.problem, host);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        match names.len() {
            0 if patterns.is_empty() || patterns.iter().any(|pattern| pattern.starts_with('*')) => {
                OtherMx::Unknown
            }
            0 => OtherMx::None,
            n if n <= MAX_HOSTS => OtherMx::These(words::list(&names, MAX_HOSTS)),
            _ => OtherMx::Several,
        }
    }

    /// The `mx` patterns of the policy that failed.
    pub(crate) fn patterns(&self) -> Vec<String> {
        patterns(self.problem)
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

    /// Domains that the headline doesn't name.
    pub(crate) fn listed_domains(&self) -> Option<String> {
        let domains: Vec<String> = self.domains().into_iter().map(names::host).collect();
        (domains.len() > 1).then(|| format!("Domains: {}.", words::list_and_more(&domains, MAX_DOMAINS)))
    }
}

/// What is known of a domain's other MX hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OtherMx {
    /// There is none.
    None,
    /// These, in words.
    These(String),
    /// More than are worth naming.
    Several,
    /// Nothing is known.
    Unknown,
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

/// The `mx` patterns of the policy that failed, lower case.
pub(crate) fn patterns(problem: &Problem) -> Vec<String> {
    let Some(policy) = &problem.policy else {
        return Vec::new();
    };
    let mut patterns: Vec<String> = policy
        .lines
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("mx"))
        .map(|(_, value)| crate::assess::cause::host_form(value))
        .collect();
    if patterns.is_empty() && policy.policy_type == "sts" {
        patterns = policy
            .mx_host
            .iter()
            .map(|host| crate::assess::cause::host_form(host))
            .collect();
    }
    patterns.retain(|pattern| !pattern.is_empty());
    patterns
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

fn fill(problem: &Problem, host: impl Fn(&str) -> String) -> Fill {
    let domain = match problem.domains.first().map(String::as_str) {
        Some("") | None => match &problem.place {
            Place::Policy(domain) | Place::Unnamed(domain) if !domain.is_empty() => names::host(domain),
            _ => "a domain not named".to_owned(),
        },
        Some(domain) => names::host(domain),
    };
    let (place, mx, literal) = match &problem.place {
        Place::Mx(mx) => (host(mx), host(mx), names::host(mx)),
        Place::Policy(domain) => (names::host(domain), "the MX".to_owned(), "the MX".to_owned()),
        Place::Unnamed(_) if problem.cause == Cause::MxNotInPolicy => (
            "an MX (not named)".to_owned(),
            "that MX".to_owned(),
            "its name".to_owned(),
        ),
        Place::Unnamed(_) => (
            format!("an MX of {domain}"),
            "the MX".to_owned(),
            "the MX".to_owned(),
        ),
    };
    let reporters: Vec<String> = problem
        .witnesses
        .iter()
        .map(|witness| names::reporter(&witness.reporter, &witness.reporter))
        .collect();
    Fill {
        short: match &problem.place {
            Place::Mx(mx) => short_host(problem, mx),
            _ => place.clone(),
        },
        place,
        mx,
        host: literal,
        domain,
        reporter: if reporters.is_empty() {
            "nobody".to_owned()
        } else {
            words::list(&reporters, 3)
        },
        result_type: problem
            .result_types
            .first()
            .map(|kind| names::quoted(kind, 40))
            .unwrap_or_default(),
    }
}

/// A host by its first label where that is clear beside the headline: it and the others near it differ there.
pub(crate) fn short_host(problem: &Problem, host: &str) -> String {
    let place = problem.place.name();
    let mut near: Vec<&str> = vec![place];
    near.extend(problem.spot.unnamed_mx.iter().map(String::as_str));
    near.extend(problem.spot.proven_good.iter().map(|(host, _)| host.as_str()));
    let patterns = patterns(problem);
    near.extend(
        patterns
            .iter()
            .map(String::as_str)
            .filter(|pattern| !pattern.starts_with('*')),
    );
    let is_near = |host: &str, parent: &str| {
        problem.domains.iter().any(|domain| domain == parent)
            || near
                .iter()
                .any(|other| *other != host && other.split_once('.').is_some_and(|(_, of)| of == parent))
    };
    let short = |host: &str| {
        let (label, parent) = host.split_once('.')?;
        let sound = names::checked_host(host).is_some()
            && parent.contains('.')
            && label.len() >= 2
            && label.bytes().any(|b| b.is_ascii_alphabetic());
        (sound && is_near(host, parent)).then(|| label.to_owned())
    };
    let Some(own) = short(host) else {
        return names::host(host);
    };
    let is_taken = near
        .iter()
        .filter(|other| **other != host)
        .any(|other| other.split_once('.').is_some_and(|(label, _)| label == own));
    if is_taken { names::host(host) } else { own }
}

impl Reading<'_> {
    fn check(&self) -> Row {
        let host = match &self.problem.place {
            Place::Mx(mx) => names::checked_host(mx),
            _ => None,
        };
        let domain = self
            .problem
            .domains
            .first()
            .map(String::as_str)
            .or(match &self.problem.place {
                Place::Policy(domain) | Place::Unnamed(domain) => Some(domain.as_str()),
                Place::Mx(_) => None,
            });
        let domain = domain.and_then(names::checked_host);
        let fill = Fill {
            mx: host.unwrap_or("MX").to_owned(),
            host: host.unwrap_or("MX").to_owned(),
            domain: domain.unwrap_or("DOMAIN").to_owned(),
            ..Fill::default()
        };
        let (check, how_to_read) = self
            .named()
            .and_then(|named| named.check)
            .unwrap_or((self.text.check, self.text.reading));
        let uses = |gap: &str| check.iter().any(|command| command.contains(gap));
        let lists_mx = uses("dig +short MX");
        let mut blocks = Vec::new();
        if host.is_none() && uses("{mx}") && !lists_mx {
            blocks.push(Block::Command(fill.apply("dig +short MX {domain}")));
        }
        blocks.extend(check.iter().map(|command| Block::Command(fill.apply(command))));
        let mut reading = Vec::new();
        if host.is_none() && uses("{mx}") {
            reading.push("MX stands for each host that the first command lists.".to_owned());
        }
        if domain.is_none() && (uses("{domain}") || host.is_none()) {
            reading.push("Put your domain in for DOMAIN.".to_owned());
        }
        if !how_to_read.is_empty() {
            reading.push(self.short.apply(how_to_read));
        }
        if !reading.is_empty() {
            blocks.push(Block::Text(reading.join(" ")));
        }
        Row {
            label: "Check",
            blocks,
        }
    }

    fn fix(&self) -> Option<Row> {
        let named = self.named().and_then(|named| named.fix);
        let mut blocks = vec![Block::Text(self.short.apply(named.unwrap_or(self.text.fix)))];
        if self.problem.cause == Cause::MxNotInPolicy
            && let Place::Mx(mx) = &self.problem.place
            && let Some(host) = names::checked_host(mx)
        {
            blocks.push(Block::Text("Test its certificate as well:".to_owned()));
            blocks.push(Block::Command(format!(
                "openssl s_client -starttls smtp -verify_return_error -brief -verify_hostname {host} -connect \
                 {host}:25 </dev/null"
            )));
        }
        Some(Row { label: "Fix", blocks })
    }

    fn causes(&self) -> Option<String> {
        // Whose it is says what to look for.
        if self.problem.cause == Cause::PolicyFetch && self.is_only_one() {
            return None;
        }
        let named = self.named().and_then(|named| named.causes);
        Some(self.short.apply(named.unwrap_or(self.text.causes)))
    }

    /// Better words than those of the cause, where several findings together tell more.
    fn named(&self) -> Option<NamedText> {
        let named = match (self.problem.named, self.problem.cause) {
            (None, Cause::PolicyFetch) if self.problem.whose == Whose::OnlyOne => {
                Some(Named::C10PolicyBlocked)
            }
            // Renewal explains nothing but an old date.
            (Some(Named::C1NodeLeftBehind), cause) if cause != Cause::Expired => None,
            // What takes half of the mail is no backup.
            (Some(Named::C2BackupMxForgotten), _)
                if self.problem.failed.known.saturating_mul(2) >= self.problem.total.known =>
            {
                None
            }
            (named, _) => named,
        };
        named.map(texts::named)
    }
}
