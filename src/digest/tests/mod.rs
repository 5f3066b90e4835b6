//! Whole mails from problems made by hand; what reports make of them is in `tests/scenarios`.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::assess::cause::Cause;
use crate::assess::history::{PolicyText, Sum};
use crate::assess::impact::{Basis, Impact};
use crate::assess::news::{Event, Worse};
use crate::assess::place::Place;
use crate::assess::problem::{Episode, Problem, Spot, State, Unaffected, Whose, Witness};
use crate::config::{SendWhen, Weekday};
use crate::digest::model::Silence;
use crate::digest::week::{DomainLine, Week};
use crate::digest::{Digest, MailKind, Options, Outlook, Rendered, news};
use crate::store::rows::{
    DigestFacts, DomainTotals, FailingMailbox, MailCounts, RefusedRecipient, RejectedMail, ReporterTotals,
};

mod hostile;
mod kept_out;
mod look;
mod not_proven;
mod occasions;
mod subjects;
mod told;

fn options() -> Options {
    Options {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        send: SendWhen::New,
        weekly: Weekday::Monday,
        mailbox_unchanged: true,
    }
}

fn exactly(known: u64) -> Sum {
    Sum {
        known,
        at_least: false,
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn nov(day: i8) -> Date {
    date(2026, 11, day)
}

/// Facts of Friday, 20 November, when nothing came in.
fn friday() -> DigestFacts {
    DigestFacts {
        due_at: "2026-11-20T06:00:00Z".parse().unwrap(),
        previous_at: Some("2026-11-19T06:00:00Z".parse().unwrap()),
        after_report: 410,
        last_report: 412,
        reports: 0,
        of_domains: false,
        days: None,
        unproven: None,
        kept_out: crate::store::rows::KeptOut::default(),
        mails: MailCounts::default(),
        fresh_failure_types: [7].into(),
        domains: vec![],
        reporters: vec![],
        rejected: vec![],
        failing: vec![],
        refused: vec![],
    }
}

/// Two reports of that day.
fn two_reports() -> DigestFacts {
    DigestFacts {
        reports: 2,
        days: Some((nov(18), nov(18))),
        domains: vec![DomainTotals {
            policy_domain: "example.com".to_owned(),
            policy: "enforce".to_owned(),
            ok: exactly(460),
            failed: exactly(46),
        }],
        reporters: vec![ReporterTotals {
            submitter: "google.com".to_owned(),
            reports: 2,
            ..ReporterTotals::default()
        }],
        ..friday()
    }
}

fn witness(reporter: &str, failed: u64, total: u64) -> Witness {
    Witness {
        reporter: reporter.to_owned(),
        failed: exactly(failed),
        total: exactly(total),
        first_day: nov(18),
        last_day: nov(18),
        unspecified: Sum::default(),
        is_vague: false,
        names_no_mx: false,
        clean_days: vec![],
        newest_day: nov(18),
        is_unproven: false,
    }
}

/// An expired certificate on one of two hosts, under enforce.
fn expired() -> Problem {
    let policy = ["mode: enforce", "mx: mx1.example.com", "mx: mx2.example.com"];
    Problem {
        id: "7c1e".to_owned(),
        aliases: vec![],
        cause: Cause::Expired,
        place: Place::Mx("mx2.example.com".to_owned()),
        state: State::New,
        impact: Impact::Held,
        basis: Basis::Enforce,
        bases: vec![Basis::Enforce],
        last_known_mode: None,
        whose: Whose::YoursSeen,
        spot: Spot {
            unnamed_mx: texts(&["mx1.example.com"]),
            receiving_ips: vec![("192.0.2.26".to_owned(), 46)],
            ..Spot::default()
        },
        named: None,
        episodes: vec![Episode {
            first_day: nov(18),
            last_day: nov(18),
            visible_from: Some(nov(18)),
            failed: exactly(46),
            ended: None,
            by_note: None,
        }],
        domains: texts(&["example.com"]),
        witnesses: vec![witness("google.com", 37, 410), witness("post.example.net", 9, 96)],
        unaffected: vec![],
        failed: exactly(46),
        total: exactly(506),
        days: vec![],
        known_days: vec![],
        delivered_in_spite: false,
        reasons: vec![],
        result_types: texts(&["certificate-expired"]),
        failure_types: vec![7],
        failures: vec![],
        policy: Some(PolicyText {
            policy_type: "sts".to_owned(),
            mode: Some("enforce".to_owned()),
            lines: texts(&policy),
            mx_host: vec![],
        }),
        longest_pause: None,
        clean_days_needed: 2,
        remarks: vec![],
        acknowledged_until: None,
        cached_until: None,
        newer_since: None,
        is_proven: true,
        is_foreign: false,
        is_provider: false,
        is_retired: false,
        retired_since: None,
        after_retirement: Sum::default(),
        held_after_retirement: false,
    }
}

/// A policy that only Microsoft can't fetch.
fn not_fetched(domain: &str, id: &str) -> Problem {
    Problem {
        id: id.to_owned(),
        cause: Cause::PolicyFetch,
        place: Place::Policy(domain.to_owned()),
        impact: Impact::Cached,
        basis: Basis::Unknown,
        bases: vec![Basis::Unknown],
        whose: Whose::OnlyOne,
        spot: Spot::default(),
        domains: texts(&[domain]),
        witnesses: vec![witness("microsoft.com", 11, 11)],
        unaffected: vec![Unaffected {
            reporter: "google.com".to_owned(),
            ok: 920,
        }],
        failed: exactly(11),
        total: exactly(11),
        policy: None,
        result_types: texts(&["sts-policy-fetch-error"]),
        ..expired()
    }
}

fn outlook(problems: Vec<(Problem, Option<Event>)>) -> Outlook {
    Outlook {
        today: nov(20),
        problems,
        newest_days: vec![("google.com".to_owned(), nov(18))],
        ..Outlook::default()
    }
}

/// Reports with all our own troubles.
fn much_trouble() -> DigestFacts {
    let mut facts = two_reports();
    facts.mails.rejected = 1;
    facts.rejected = vec![RejectedMail {
        id: 9,
        source: "rua".to_owned(),
        locator: "INBOX, UID 4711".to_owned(),
        received_at: Some("2026-11-19T08:00:00Z".parse().unwrap()),
        reason: "not valid JSON".to_owned(),
    }];
    facts.failing = vec![FailingMailbox {
        name: "old-rua".to_owned(),
        since: "2026-11-18T08:00:00Z".parse().unwrap(),
        error: "imap.example.com:993 refused the login".to_owned(),
        new: true,
    }];
    facts.refused = vec![RefusedRecipient {
        recipient: "gone@example.com".to_owned(),
        since: "2026-11-19T06:00:12Z".parse().unwrap(),
        error: "550 no such user".to_owned(),
        new: false,
    }];
    facts
}

/// Everything that can be in a weekly mail.
fn all_at_once() -> (DigestFacts, Outlook) {
    let mut resolved = not_fetched("example.org", "41fa");
    resolved.state = State::Resolved;
    resolved.witnesses[0].clean_days = vec![nov(19), nov(20)];
    let mut ongoing = expired();
    ongoing.id = "99aa".to_owned();
    ongoing.state = State::Ongoing;
    ongoing.place = Place::Mx("mx9.example.com".to_owned());
    let mut outlook = outlook(vec![
        (expired(), Some(Event::New)),
        (resolved, Some(Event::Resolved)),
        (ongoing, Some(Event::Ongoing)),
    ]);
    outlook.drift = vec![(
        "example.org: senders see enforce now".to_owned(),
        "example.org: Google first saw on 12 Nov: enforce (before: testing).".to_owned(),
    )];
    outlook.silent = vec![Silence {
        reporter: "mail.ru".to_owned(),
        last_day: nov(14),
        longest_pause: 2,
    }];
    outlook.not_listed = 3;
    outlook.acknowledged = 1;
    outlook.domains = vec![
        DomainLine {
            domain: "example.com".to_owned(),
            policy: "enforce".to_owned(),
            total: exactly(3402),
            failed: exactly(46),
            ..DomainLine::default()
        },
        DomainLine {
            domain: "example.org".to_owned(),
            policy: "testing".to_owned(),
            total: exactly(512),
            verdict: "ready".to_owned(),
            ready_since: Some(nov(12)),
            ..DomainLine::default()
        },
    ];
    outlook.week = Week {
        first: nov(8),
        last: nov(14),
        reports: 47,
        reporters: vec![
            ("google.com".to_owned(), exactly(2941)),
            ("mx.example.net".to_owned(), exactly(7)),
        ],
        loops: texts(&["mx.example.net"]),
        foreign: texts(&["stranger.example"]),
        ..Week::default()
    };
    (much_trouble(), outlook)
}

fn rendered(kind: MailKind, facts: &DigestFacts, outlook: &Outlook) -> Rendered {
    Digest::build(kind, facts, outlook, &options()).render().unwrap()
}

fn daily(problems: Vec<(Problem, Option<Event>)>) -> Rendered {
    rendered(MailKind::Daily, &two_reports(), &outlook(problems))
}

/// The text in one line, so that it doesn't matter where it is broken.
fn joined(rendered: &Rendered) -> String {
    rendered.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn all() -> Vec<(&'static str, Rendered)> {
    let (facts, outlook) = all_at_once();
    let (strange_facts, strange_outlook) = hostile::mail();
    let mut mails = Vec::new();
    for (name, kind) in [
        ("daily", MailKind::Daily),
        ("weekly", MailKind::Weekly),
        ("urgent", MailKind::Urgent),
        ("first look", MailKind::FirstLook),
    ] {
        mails.push((name, rendered(kind, &facts, &outlook)));
        mails.push((name, rendered(kind, &strange_facts, &strange_outlook)));
    }
    mails
}
