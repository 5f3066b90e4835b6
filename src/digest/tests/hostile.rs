//! Everything that a stranger can put into a report, at its worst.

use proptest::prelude::*;

use super::{exactly, expired, friday, not_fetched, options, outlook, texts, witness};
use crate::assess::news::Event;
use crate::assess::place::Place;
use crate::assess::problem::{Problem, Whose};
use crate::digest::week::{DomainLine, Week};
use crate::digest::{Digest, MailKind, Outlook, names};
use crate::store::rows::{DigestFacts, RejectedMail, ReporterTotals};

/// Markup, line breaks, escape sequences, direction marks, shell syntax and sheer length.
const EVIL: &str =
    "<script>alert(1)</script>\"'&{domain}\r\nBcc: x@example.net\u{1b}[2J\u{202e}=cmd()$(reboot)`id`; ";

fn problem_with(text: &str) -> Problem {
    let long = text.repeat(50);
    let mut problem = expired();
    problem.place = Place::Mx(long.clone());
    problem.domains = vec![text.to_owned(), long.clone()];
    problem.spot.unnamed_mx = vec![text.to_owned(), long.clone()];
    problem.spot.receiving_ips = vec![(text.to_owned(), u64::MAX)];
    problem.witnesses = vec![witness(text, u64::MAX, u64::MAX), witness(&long, 1, 0)];
    problem.failed = exactly(u64::MAX);
    problem.reasons = vec![long.clone(), text.to_owned()];
    problem.result_types = vec![text.to_owned()];
    if let Some(policy) = &mut problem.policy {
        policy.lines = vec![format!("mx: {text}"), format!("mx: {long}")];
    }
    problem
}

fn mail_with(text: &str) -> (DigestFacts, Outlook) {
    let long = text.repeat(50);
    let mut fetch = not_fetched(text, "0002");
    fetch.witnesses = vec![witness(text, 3, 3)];
    let mut theirs = fetch.clone();
    (theirs.id, theirs.whose) = ("0003".to_owned(), Whose::Theirs);
    let facts = DigestFacts {
        reports: 1,
        reporters: vec![ReporterTotals {
            organization_name: long.clone(),
            ..ReporterTotals::default()
        }],
        rejected: vec![RejectedMail {
            id: 1,
            source: "rua".to_owned(),
            locator: long.clone(),
            received_at: None,
            reason: long.clone(),
        }],
        ..friday()
    };
    let mut outlook = outlook(vec![
        (problem_with(text), Some(Event::New)),
        (fetch, Some(Event::Resolved)),
        (theirs, Some(Event::New)),
        (problem_with(text), Some(Event::Ongoing)),
        (problem_with(text), Some(Event::LateNews)),
    ]);
    outlook.newest_days = vec![(long.clone(), super::nov(18))];
    outlook.domains = vec![DomainLine {
        domain: long.clone(),
        policy: text.to_owned(),
        ready_since: Some(super::nov(12)),
        ..DomainLine::default()
    }];
    outlook.week = Week {
        reporters: vec![(long.clone(), exactly(1))],
        foreign: texts(&[text, &long]),
        ..Week::default()
    };
    (facts, outlook)
}

pub(super) fn mail() -> (DigestFacts, Outlook) {
    mail_with(EVIL)
}

fn digest(text: &str, kind: MailKind) -> Digest {
    let (facts, outlook) = mail_with(text);
    Digest::build(kind, &facts, &outlook, &options())
}

#[test]
fn hostile_text_never_becomes_markup() {
    let html = digest(EVIL, MailKind::Weekly).render().unwrap().html;
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&#60;script&#62;"), "{html}");
}

#[test]
fn hostile_names_never_reach_a_command() {
    for kind in [MailKind::Weekly, MailKind::FirstLook, MailKind::Urgent] {
        let text = digest(EVIL, kind).to_text();
        for line in text.lines().filter(|line| {
            ["dig ", "curl ", "openssl ", "tlsrptd "]
                .iter()
                .any(|program| line.contains(program))
        }) {
            assert!(!line.contains("reboot") && !line.contains('`'), "{line}");
        }
        assert!(text.contains("-connect MX:25"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_of_a_stranger_forges_output(text in "(?s).{0,80}") {
        for kind in [MailKind::Weekly, MailKind::FirstLook, MailKind::Urgent] {
            let digest = digest(&text, kind);
            let rendered = digest.render().unwrap();
            prop_assert!(rendered.subject.chars().count() <= 70);
            prop_assert!(rendered.subject.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
            for form in [&rendered.text, &rendered.html] {
                prop_assert!(!form.chars().any(|c| c != '\n' && names::is_unsafe(c)));
            }
            prop_assert!(rendered.text.len() < 30_000);
            for line in rendered.text.lines() {
                prop_assert!(line.chars().count() <= 72, "{}", line);
            }
            let json = digest.to_json().unwrap();
            prop_assert!(!json.chars().any(|c| c != '\n' && names::is_unsafe(c)));
            let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(parsed["problems"][0]["domains"][0].as_str(), Some(text.as_str()));
        }
    }
}
