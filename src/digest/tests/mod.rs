//! Whole mails from problems made by hand; what reports make of them is in `tests/scenarios`.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

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

#[test]
fn where_most_reports_are_set_aside_the_subject_says_so_and_it_is_news() {
    let mut facts = friday();
    assert_eq!(crate::digest::trouble::blind(&facts), None);
    facts.unproven = Some(crate::store::rows::Unproven {
        failing: 12,
        all: 13,
        counted: false,
    });
    let digest = Digest::build(MailKind::Daily, &facts, &Outlook::default(), &options());
    assert_eq!(
        digest.subject,
        "[tlsrptd] 12 of 13 daily reports set aside, not proven"
    );
    assert!(digest.lead.iter().any(|line| line.contains("unauthenticated")));
    assert!(digest.to_text().contains("docs/authentication.md"));
    assert!(news(&facts, &Outlook::default()));
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

#[test]
fn text_of_a_full_weekly_mail_is_as_reviewed() {
    let (facts, outlook) = all_at_once();
    insta::assert_snapshot!("text", rendered(MailKind::Weekly, &facts, &outlook).text);
}

#[test]
fn html_of_a_full_weekly_mail_is_as_reviewed() {
    let (facts, outlook) = all_at_once();
    insta::assert_snapshot!("html", rendered(MailKind::Weekly, &facts, &outlook).html);
}

#[test]
fn json_of_a_full_weekly_mail_is_as_documented() {
    let (facts, outlook) = all_at_once();
    let digest = Digest::build(MailKind::Weekly, &facts, &outlook, &options());
    insta::assert_snapshot!("json", digest.to_json().unwrap());
}

#[test]
fn subject_is_short_and_is_the_first_line() {
    for (name, rendered) in all() {
        assert!(
            rendered.subject.chars().count() <= 70,
            "{name}: {}",
            rendered.subject
        );
        let verdict = rendered.subject.strip_prefix("[tlsrptd] ").unwrap();
        let verdict = verdict.strip_prefix("URGENT ").unwrap_or(verdict);
        assert!(joined(&rendered).starts_with(verdict), "{name}: {verdict}");
    }
}

/// A host name of a label or more.
fn host_name() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-z][a-z0-9-]{0,18}[a-z0-9]", 1..5).prop_map(|labels| labels.join("."))
}

proptest! {
    #[test]
    fn subject_has_at_most_70_characters_and_still_says_what_broke_and_whether_mail_is_held(
        (host, domain) in (host_name(), host_name()),
        cause in proptest::sample::select(Cause::ALL.to_vec()),
        event in proptest::sample::select(vec![
            Event::New, Event::Returned, Event::WasNotOver, Event::Worse(Worse::Failures), Event::Reminder(7),
        ]),
        may_hold: bool,
        is_urgent: bool,
        n_more in 0_usize..200,
    ) {
        let is_held = may_hold && !cause.is_about_the_policy();
        let mut problem = expired();
        problem.cause = cause;
        problem.place = if cause.is_about_the_policy() {
            Place::Policy(domain.clone())
        } else {
            Place::Mx(host)
        };
        problem.domains = vec![domain];
        if !is_held {
            (problem.impact, problem.basis) = (Impact::Passed, Basis::Testing);
        }
        let mut problems = vec![(problem, Some(event))];
        problems.extend((0..n_more).map(|n| {
            (Problem { id: format!("{n:05x}"), impact: Impact::Passed, ..expired() }, Some(Event::New))
        }));
        let kind = if is_urgent { MailKind::Urgent } else { MailKind::Daily };
        let subject = rendered(kind, &two_reports(), &outlook(problems)).subject;
        prop_assert!(subject.chars().count() <= 70, "{}", subject);
        prop_assert!(!is_held || subject.contains(", mail held"), "{}", subject);
        prop_assert!(!subject.ends_with("..."), "{}", subject);
    }
}

#[test]
fn subject_loses_words_by_rule_and_then_the_ends_of_names() {
    let subject = |host: &str, cause, n_more: usize| {
        let mut problem = expired();
        (problem.cause, problem.place) = (cause, Place::Mx(host.to_owned()));
        let others = (0..n_more).map(|n| {
            (
                Problem {
                    id: format!("{n:05x}"),
                    impact: Impact::Passed,
                    ..expired()
                },
                Some(Event::New),
            )
        });
        let problems = std::iter::once((problem, Some(Event::New))).chain(others);
        daily(problems.collect())
            .subject
            .strip_prefix("[tlsrptd] ")
            .unwrap()
            .to_owned()
    };
    for (host, cause, n_more, expected) in [
        (
            "mx2.example.com",
            Cause::Expired,
            0,
            "mx2.example.com: certificate expired, mail held back",
        ),
        (
            "mx2.example.com",
            Cause::Expired,
            12,
            "mx2.example.com: certificate expired, mail held back +12",
        ),
        (
            "mx1.example.com",
            Cause::TlsaMismatch,
            0,
            "mx1.example.com: TLSA doesn't match the key, mail held back",
        ),
        (
            "mx1.example.com",
            Cause::TlsaMismatch,
            2,
            "mx1.example.com: TLSA doesn't match the key, mail held +2",
        ),
        (
            "mx1.mail.example.com",
            Cause::TlsaMismatch,
            2,
            "mx1.mail.example.com: TLSA doesn't match, mail held +2",
        ),
        (
            "inbound-7.eu-central.mail.example.com",
            Cause::NotYetValid,
            2,
            "inbound-7.eu-cen...: certificate not valid yet, mail held +2",
        ),
    ] {
        assert_eq!(subject(host, cause, n_more), expected);
    }
}

#[test]
fn text_keeps_to_72_columns() {
    for (name, rendered) in all() {
        for line in rendered.text.lines() {
            let words = line.trim_start_matches("Check").trim().trim_end_matches(" \\");
            assert!(
                line.chars().count() <= 72 || !words.contains(' '),
                "{name}: {line}"
            );
        }
    }
}

#[test]
fn html_says_what_the_text_says() {
    for (name, rendered) in all() {
        let html = rendered.html.split("<body>").nth(1).unwrap();
        let html = html
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#38;", "&")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace('\u{a0}', " ")
            .to_lowercase();
        for word in rendered.text.to_lowercase().split_whitespace() {
            let word = word.trim_matches(|c: char| "-\\:".contains(c));
            if !word.ends_with("...") {
                assert!(html.contains(word), "{name}: {word:?}");
            }
        }
    }
}

#[test]
fn html_has_nothing_remote_and_no_script() {
    for (name, rendered) in all() {
        for forbidden in [
            "<script", "<img", "<link", "<iframe", "<a ", "@import", "url(", "src=", "href=",
        ] {
            assert!(!rendered.html.contains(forbidden), "{name}: {forbidden}");
        }
    }
}

#[test]
fn labels_stand_in_their_order() {
    let text = daily(vec![(expired(), Some(Event::New))]).text;
    let labels: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' ').map(|(label, _)| label))
        .filter(|label| ["Mail", "Seen", "Whose", "Cause", "Check", "Fix", "More"].contains(label))
        .collect();
    assert_eq!(labels, ["Mail", "Seen", "Whose", "Cause", "Check", "Fix", "More"]);
}

#[test]
fn held_mail_comes_first_and_the_others_are_counted() {
    let rendered = daily(vec![
        (not_fetched("example.com", "c05a"), Some(Event::New)),
        (expired(), Some(Event::New)),
    ]);
    assert_eq!(
        rendered.subject,
        "[tlsrptd] mx2.example.com: certificate expired, mail held back +1"
    );
    let held = rendered.text.find("#7c1e").unwrap();
    assert!(held < rendered.text.find("#c05a").unwrap(), "{}", rendered.text);
}

#[test]
fn five_problems_are_told_in_full_and_twenty_in_a_line() {
    let problems = (0..30_u32).map(|n| {
        let mut problem = expired();
        problem.id = format!("{n:04x}");
        problem.place = Place::Mx(format!("mx{n}.example.com"));
        (problem, Some(Event::New))
    });
    let text = daily(problems.collect()).text;
    assert_eq!(text.matches("\nNEW  #").count(), 5);
    assert_eq!(text.matches("\n- #").count(), 20);
    assert!(text.contains("\n- and 5 more:\n  tlsrptd problems\n"), "{text}");
    assert_eq!(
        text.matches("openssl x509").count(),
        1,
        "the same advice stands once"
    );
}

#[test]
fn first_look_holds_to_some_forty_lines_with_hundreds_of_problems() {
    let causes = [
        Cause::Expired,
        Cause::WrongName,
        Cause::NoStarttls,
        Cause::TlsaMismatch,
    ];
    for n_causes in 1..=causes.len() {
        let problem = |(n, cause): (u32, &Cause)| {
            let mut problem = expired();
            (problem.id, problem.cause) = (format!("{n:04x}"), *cause);
            problem.place = Place::Mx(format!("mx{n}.customer{n}.example.com"));
            (
                problem,
                Some(if n % 3 == 0 { Event::LateNews } else { Event::New }),
            )
        };
        let mut outlook = outlook(
            (0..300)
                .zip(causes.iter().take(n_causes).cycle())
                .map(problem)
                .collect(),
        );
        outlook.domains = (0..40)
            .map(|n| DomainLine {
                domain: format!("customer{n}.example.com"),
                policy: "enforce".to_owned(),
                total: exactly(100),
                failed: exactly(7),
                ..DomainLine::default()
            })
            .collect();
        outlook.not_listed = 5;
        let facts = DigestFacts {
            previous_at: None,
            ..two_reports()
        };
        let first = rendered(MailKind::FirstLook, &facts, &outlook);
        let n_lines = first.text.lines().count();
        assert!(n_lines <= 52, "{n_lines} lines:\n{}", first.text);
        assert!(first.text.contains("tlsrptd problems\n"), "{}", first.text);
        assert!(
            joined(&first).contains("Over (no action): 100 problems"),
            "{}",
            first.text
        );
    }
}

#[test]
fn no_word_of_a_table_is_cut() {
    let mut outlook = outlook(vec![]);
    let domain = "a-rather-long-customer-name.department-of-mail.example.com";
    outlook.domains = vec![DomainLine {
        domain: domain.to_owned(),
        policy: "enforce + DANE since 21 Jul".to_owned(),
        total: exactly(48_210),
        failed: exactly(866),
        verdict: "no: #3d0f and #d6ea".to_owned(),
        ..DomainLine::default()
    }];
    let text = rendered(MailKind::Weekly, &two_reports(), &outlook).text;
    let column: String = text
        .lines()
        .skip_while(|line| !line.starts_with("a-rather"))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(column, domain, "{text}");
}

#[test]
fn policies_that_broke_together_are_told_as_one() {
    let mut problems: Vec<_> = ["a.example", "b.example", "c.example"]
        .map(|domain| (not_fetched(domain, &domain.replace('.', "")), Some(Event::New)))
        .into();
    let together = daily(problems.clone());
    assert_eq!(
        together.subject,
        "[tlsrptd] Policy file not fetched for 3 domains"
    );
    assert_eq!(together.text.matches("\nNEW  #").count(), 1);
    problems[2].0.episodes[0].first_day = nov(15);
    let apart = daily(problems);
    assert_eq!(apart.text.matches("\nNEW  #").count(), 3);
}

#[test]
fn of_problems_told_as_one_each_is_marked_as_told() {
    let problems: Vec<_> = ["a.example", "b.example", "c.example"]
        .map(|domain| (not_fetched(domain, &domain.replace('.', "")), Some(Event::New)))
        .into();
    let digest = Digest::build(MailKind::Daily, &two_reports(), &outlook(problems), &options());
    assert_eq!(digest.told.len(), 3);
}

#[test]
fn a_daily_mail_does_not_tell_what_goes_on() {
    let (facts, outlook) = all_at_once();
    let digest = Digest::build(MailKind::Daily, &facts, &outlook, &options());
    assert!(!digest.told.iter().any(|(id, _)| id == "99aa"));
    assert!(joined(&digest.render().unwrap()).contains("#99aa goes on as told before;"));
}

#[test]
fn what_is_worse_says_in_which_way() {
    let text = joined(&daily(vec![(expired(), Some(Event::Worse(Worse::Reporters)))]));
    assert!(
        text.contains("WORSE #7c1e") && text.contains("A further reporter sees it now."),
        "{text}"
    );
}

#[test]
fn what_returns_tells_of_the_last_time() {
    let mut problem = expired();
    problem.state = State::Returned;
    problem.episodes.insert(
        0,
        Episode {
            first_day: date(2026, 8, 12),
            last_day: date(2026, 8, 15),
            failed: exactly(803),
            ..problem.episodes[0].clone()
        },
    );
    let rendered = daily(vec![(problem, Some(Event::Returned))]);
    assert!(
        rendered.subject.ends_with("mail held back again"),
        "{}",
        rendered.subject
    );
    assert!(joined(&rendered).contains("Last time 12-15 Aug: 803 connections."));
}

#[test]
fn delivery_in_spite_of_a_failure_is_said() {
    let mut problem = expired();
    problem.impact = Impact::InSpite;
    let rendered = daily(vec![(problem, Some(Event::New))]);
    assert_eq!(rendered.subject, "[tlsrptd] mx2.example.com: certificate expired");
    assert!(joined(&rendered).contains("Mail Delivered in spite of it:"));
}

#[test]
fn mode_that_was_not_reported_is_not_guessed() {
    let mut problem = expired();
    (problem.impact, problem.basis) = (Impact::Unknown, Basis::Unknown);
    problem.last_known_mode = Some(("enforce".to_owned(), nov(14)));
    let text = joined(&daily(vec![(problem, Some(Event::New))]));
    assert!(
        text.contains("held back if enforce, delivered if testing. The policy was enforce on 14 Nov."),
        "{text}"
    );
}

#[test]
fn hosts_are_short_only_where_that_is_clear() {
    let mut problem = expired();
    problem.spot.unnamed_mx = texts(&["mx2.example.net"]);
    problem.policy = None;
    let text = joined(&daily(vec![(problem, Some(Event::New))]));
    assert!(text.contains("They try mx2.example.net, then"), "{text}");
    assert!(text.contains("Only mx2.example.com (192.0.2.26)"), "{text}");
}

#[test]
fn domain_that_the_headline_does_not_name_stands_behind_it() {
    let mut problem = expired();
    problem.cause = Cause::Unknown;
    problem.result_types = texts(&["moon-in-wrong-phase"]);
    let text = joined(&daily(vec![(problem, Some(Event::New))]));
    assert!(
        text.contains(
            "unknown result \"moon-in-wrong-phase\" from Google and post.example.net (example.com)"
        ),
        "{text}"
    );
}

#[test]
fn failures_only_over_ipv6_are_said_to_be() {
    let mut problem = expired();
    problem.spot.only_ipv6 = true;
    let text = joined(&daily(vec![(problem, Some(Event::New))]));
    assert!(text.contains("; only over IPv6)"), "{text}");
    assert!(text.contains("openssl s_client -6 -starttls smtp"), "{text}");
}

#[test]
fn count_that_cannot_be_read_is_said_to_be() {
    let mut problem = expired();
    problem.witnesses.truncate(1);
    problem.witnesses[0].failed = Sum {
        known: 0,
        at_least: true,
    };
    let text = joined(&daily(vec![(problem, Some(Event::New))]));
    assert!(
        text.contains("Google: an unreadable number of connections; 410 were fine."),
        "{text}"
    );
}

#[test]
fn trouble_at_the_reporter_asks_for_nothing() {
    let mut problem = not_fetched("example.com", "c05a");
    problem.whose = Whose::Theirs;
    let rendered = daily(vec![(problem, Some(Event::New))]);
    assert_eq!(
        rendered.subject,
        "[tlsrptd] 1 domain: looks like trouble at Microsoft"
    );
    assert!(!rendered.text.contains("\nCheck"), "{}", rendered.text);
}

#[test]
fn nothing_to_tell_is_no_news() {
    assert!(!news(
        &two_reports(),
        &outlook(vec![(expired(), Some(Event::Ongoing))])
    ));
    assert!(!news(&two_reports(), &outlook(vec![(expired(), None)])));
    assert!(news(
        &two_reports(),
        &outlook(vec![(expired(), Some(Event::Resolved))])
    ));
}

#[test]
fn silence_of_one_reporter_makes_no_mail() {
    let mut outlook = outlook(vec![]);
    outlook.silent = all_at_once().1.silent;
    assert!(!news(&two_reports(), &outlook));
    outlook.no_reports_days = Some(3);
    outlook.no_reports_is_new = true;
    assert!(news(&two_reports(), &outlook));
}

#[test]
fn failing_mailbox_alone_makes_the_subject() {
    let mut facts = two_reports();
    facts.failing = all_at_once().0.failing;
    let outlook = outlook(vec![]);
    assert_eq!(
        rendered(MailKind::Daily, &facts, &outlook).subject,
        "[tlsrptd] mailbox old-rua not read since 18 Nov"
    );
    assert!(news(&facts, &outlook));
    facts.failing[0].new = false;
    assert!(!news(&facts, &outlook));
    assert_eq!(
        rendered(MailKind::Weekly, &facts, &outlook).subject,
        "[tlsrptd] mailbox old-rua still not read since 18 Nov"
    );
}

#[test]
fn unreadable_mails_alone_make_the_subject() {
    let mut facts = two_reports();
    facts.rejected = all_at_once().0.rejected;
    facts.mails.rejected = 2;
    let outlook = outlook(vec![]);
    assert_eq!(
        rendered(MailKind::Daily, &facts, &outlook).subject,
        "[tlsrptd] 2 mails could not be read"
    );
    assert!(news(&facts, &outlook));
}

#[test]
fn week_without_reports_is_not_called_quiet() {
    let subject = rendered(MailKind::Weekly, &friday(), &outlook(vec![])).subject;
    assert_eq!(subject, "[tlsrptd] No reports since 19 Nov");
}

#[test]
fn week_with_a_problem_that_goes_on_is_not_called_quiet() {
    let outlook = outlook(vec![(expired(), Some(Event::Ongoing))]);
    assert_eq!(
        rendered(MailKind::Weekly, &two_reports(), &outlook).subject,
        "[tlsrptd] Nothing new: 1 problem goes on, mail held back"
    );
}

#[test]
fn first_look_is_news_and_says_what_comes_next() {
    let facts = DigestFacts {
        previous_at: None,
        ..two_reports()
    };
    let outlook = outlook(vec![]);
    assert!(news(&facts, &outlook));
    let first = rendered(MailKind::FirstLook, &facts, &outlook);
    assert_eq!(
        first.subject,
        "[tlsrptd] First look: 2 reports, 1 reporter, no open problem"
    );
    assert!(
        joined(&first).ends_with("a summary on Mondays, the next on 23 Nov."),
        "{}",
        first.text
    );
}

#[test]
fn changed_mailbox_is_not_called_unchanged() {
    let mut facts = two_reports();
    facts.mails.read = 2;
    let options = Options {
        mailbox_unchanged: false,
        ..options()
    };
    let digest = Digest::build(MailKind::FirstLook, &facts, &outlook(vec![]), &options);
    assert!(!digest.to_text().contains("Nothing was changed"));
}

#[test]
fn commands_in_the_text_are_the_same_for_a_shell() {
    let text = daily(vec![(expired(), Some(Event::New))]).text;
    let joined = text.replace(" \\\n         ", " ");
    let whole = "openssl s_client -starttls smtp -connect mx2.example.com:25 -servername mx2.example.com </dev/null \
                 2>/dev/null | openssl x509 -noout -enddate";
    assert!(joined.contains(whole), "{joined}");
}

#[test]
fn two_addresses_are_told_with_their_counts_and_unproven_reporters_are_marked() {
    let mut problem = expired();
    problem.spot.receiving_ips = ["192.0.2.26", "2001:db8::26", "192.0.2.27"]
        .map(|ip| (ip.to_owned(), 9))
        .to_vec();
    problem.witnesses[0].is_unproven = true;
    let seen =
        crate::digest::reading::Reading::new(&problem, Event::New).seen(crate::digest::reading::Frame {
            today: nov(20),
            is_first: false,
            is_only_reporter: false,
        });
    let seen = crate::digest::words::plain(&seen);
    assert!(
        seen.contains(
            "Only mx2; no failure named mx1. Addresses: 192.0.2.26 (9), 2001:db8::26 (9) and 1 more."
        ),
        "{seen}"
    );
    assert!(seen.contains("(9 %, unverified)"), "{seen}");
}
