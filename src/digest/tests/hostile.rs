//! Everything that a stranger can put into a report, at its worst.

use jiff::civil::date;
use proptest::prelude::*;

use super::{exactly, friday, options, texts};
use crate::digest::{Digest, names};
use crate::store::rows::{
    DigestFacts, DomainTotals, FailureItem, ItemReporter, RejectedMail, ReporterTotals,
};

/// Markup, line breaks, escape sequences, direction marks, shell syntax and sheer length.
const EVIL: &str =
    "<script>alert(1)</script>\"'&{domain}\r\nBcc: x@example.net\u{1b}[2J\u{202e}=cmd()$(reboot)`id`; ";

fn item_with(text: &str) -> FailureItem {
    let long = text.repeat(50);
    FailureItem {
        ids: vec![1],
        policy_domain: text.to_owned(),
        policy_types: texts(&["sts", text]),
        result_type: text.to_owned(),
        receiving_mx_hostname: long.clone(),
        first_day: date(2026, 11, 18),
        last_day: date(2026, 11, 18),
        reporters: vec![
            ItemReporter {
                submitter: text.to_owned(),
                organization_name: long.clone(),
                failed: exactly(u64::MAX),
                total: exactly(u64::MAX),
                first_day: date(2026, 11, 18),
                last_day: date(2026, 11, 18),
            },
            ItemReporter {
                organization_name: text.to_owned(),
                first_day: date(2026, 11, 18),
                last_day: date(2026, 11, 18),
                ..ItemReporter::default()
            },
        ],
        failed: exactly(u64::MAX),
        total: exactly(u64::MAX),
        sts_modes: texts(&[text]),
        reasons: vec![long.clone(), text.to_owned()],
        more_reasons: 3,
        receiving_ips: texts(&[text]),
        policy_string: vec![format!("mx: {text}")],
        mx_host: vec![text.to_owned()],
        ..FailureItem::default()
    }
}

fn facts_with(text: &str) -> DigestFacts {
    let long = text.repeat(50);
    let item = item_with(text);
    let fetch = FailureItem {
        result_type: "sts-policy-fetch-error".to_owned(),
        ..item.clone()
    };
    DigestFacts {
        reports: 1,
        days: Some((date(2026, 11, 18), date(2026, 11, 18))),
        new: vec![item.clone(), fetch],
        ongoing: vec![item.clone()],
        over: vec![item],
        domains: vec![DomainTotals {
            policy_domain: long.clone(),
            policy: text.to_owned(),
            ..DomainTotals::default()
        }],
        reporters: vec![ReporterTotals {
            organization_name: long.clone(),
            last_day: date(2026, 11, 18),
            ..ReporterTotals::default()
        }],
        rejected: vec![RejectedMail {
            id: 1,
            source: "rua".to_owned(),
            locator: long.clone(),
            received_at: None,
            reason: long,
        }],
        ..friday()
    }
}

pub(super) fn facts() -> DigestFacts {
    facts_with(EVIL)
}

#[test]
fn hostile_text_never_becomes_markup() {
    let html = Digest::build(&facts(), &options()).render().unwrap().html;
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&#60;script&#62;"), "{html}");
}

#[test]
fn hostile_names_never_reach_a_command() {
    let text = Digest::build(&facts(), &options()).to_text();
    for line in text
        .lines()
        .filter(|line| line.contains("dig ") || line.contains("curl ") || line.contains("openssl "))
    {
        assert!(!line.contains("reboot") && !line.contains('`'), "{line}");
    }
    assert!(text.contains("dig +short TXT _mta-sts.DOMAIN"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_of_a_stranger_forges_output(text in "(?s).{0,80}") {
        let rendered = Digest::build(&facts_with(&text), &options()).render().unwrap();
        prop_assert!(rendered.subject.chars().count() <= 78);
        prop_assert!(rendered.subject.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
        for form in [&rendered.text, &rendered.html] {
            prop_assert!(!form.chars().any(|c| c != '\n' && names::is_unsafe(c)));
        }
        prop_assert!(rendered.text.len() < 30_000);
        for line in rendered.text.lines() {
            prop_assert!(line.chars().count() <= 72, "{}", line);
        }
        let json = Digest::build(&facts_with(&text), &options()).to_json().unwrap();
        prop_assert!(!json.chars().any(|c| c != '\n' && names::is_unsafe(c)));
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(parsed["new"][0]["policy_domain"].as_str(), Some(text.as_str()));
    }
}
