//! Reports that don't count, and who is new.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::*;
use crate::assess::domains::Survey;
use crate::assess::history::{Entry, History, PolicyText, Seen};
use crate::digest::Known;
use crate::store::rows::{Flood, NewSender};

/// One good connection of google.com to example.com on each of these days of November.
pub(super) fn history(days: &[i8], listed: bool) -> History {
    let policy = PolicyText {
        policy_type: "sts".to_owned(),
        ..PolicyText::default()
    };
    let seen = Rc::new(Seen {
        reporter: "google.com".into(),
        domain: "example.com".into(),
        policy: Rc::new(policy),
    });
    let entry = |day: &i8| Entry {
        report: i64::from(*day),
        day: nov(*day),
        seen: Rc::clone(&seen),
        ok: Some(30),
        failed: Some(0),
    };
    History {
        today: nov(20),
        our_domains: if listed {
            texts(&["example.com"])
        } else {
            Vec::new()
        },
        our_mx: Vec::new(),
        learnt_mx: BTreeSet::new(),
        entries: days.iter().map(entry).collect(),
        failures: Vec::new(),
        older: Vec::new(),
        remarks: Vec::new(),
        unproven: BTreeSet::new(),
    }
}

/// What is known on 20 November, after mails with these events.
pub(super) fn known(history: &History, told: &[&str]) -> Known {
    Known {
        today: history.today,
        problems: Vec::new(),
        tellings: BTreeMap::new(),
        told_events: told.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>(),
        survey: Survey::of(history, &[]),
    }
}

pub(super) fn text_of(kind: MailKind, facts: &DigestFacts, outlook: &Outlook) -> String {
    let text = Digest::build(kind, facts, outlook, &options()).to_text();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn new_domain_is_named_once_where_none_are_listed() {
    let facts = friday();
    let history = history(&[17, 18], false);
    let outlook = known(&history, &[]).outlook(MailKind::Daily, &facts, 14);
    assert_eq!(outlook.kept_out.new_domains, ["example.com"]);
    assert!(outlook.events.contains(&"domain example.com".to_owned()));
    let text = text_of(MailKind::Daily, &facts, &outlook);
    assert!(
        text.contains("Reported on for the first time: example.com."),
        "{text}"
    );
    // No mail is sent for that alone, and none tells it twice.
    assert!(!news(&facts, &outlook));
    let outlook = known(&history, &["domain example.com"]).outlook(MailKind::Daily, &facts, 14);
    assert!(outlook.kept_out.new_domains.is_empty() && outlook.events.is_empty());
}

#[test]
fn no_domain_is_new_in_the_first_look_or_where_they_are_listed() {
    let facts = friday();
    let first = known(&history(&[17], false), &[]).outlook(MailKind::FirstLook, &facts, 14);
    assert!(first.kept_out.new_domains.is_empty());
    assert_eq!(first.events, ["domain example.com"]);
    let listed = known(&history(&[17], true), &[]).outlook(MailKind::Daily, &facts, 14);
    assert!(listed.kept_out.new_domains.is_empty() && listed.events.is_empty());
}

#[test]
fn at_most_three_domains_of_others_are_named_in_the_weekly_mail_and_the_first_look() {
    let mut facts = friday();
    facts.kept_out.foreign_domains =
        texts(&["e.example", "d.example", "c.example", "b.example", "a.example"]);
    let known = known(&history(&[17], true), &[]);
    for kind in [MailKind::Weekly, MailKind::FirstLook] {
        let text = text_of(kind, &facts, &known.outlook(kind, &facts, 14));
        assert!(
            text.contains(
                "Reports about 5 domains that you don't list: a.example, b.example, c.example and 2 more."
            ),
            "{text}"
        );
    }
    let outlook = known.outlook(MailKind::Daily, &facts, 14);
    assert!(!text_of(MailKind::Daily, &facts, &outlook).contains("don't list"));
    assert!(!news(&facts, &outlook));
}

#[test]
fn first_look_at_reports_about_others_alone_says_so() {
    let mut facts = DigestFacts {
        previous_at: None,
        reports: 0,
        ..friday()
    };
    facts.kept_out.foreign_reports = 12;
    let digest = Digest::build(MailKind::FirstLook, &facts, &Outlook::default(), &options());
    assert_eq!(
        digest.subject,
        "[tlsrptd] First look: 12 reports, none about your domains"
    );
}

fn flooded() -> DigestFacts {
    let mut facts = friday();
    facts.kept_out.floods = vec![Flood {
        reporter: "evil.example".to_owned(),
        reports: 70_000,
    }];
    facts
}

#[test]
fn json_has_what_is_kept_out_and_who_is_new() {
    let mut facts = flooded();
    facts.mails.set_aside = 2;
    facts.kept_out.foreign_reports = 3;
    facts.kept_out.foreign_domains = texts(&["example.net"]);
    facts.kept_out.new_senders = vec![NewSender {
        organization_name: "Example Mail".to_owned(),
        signing_domain: "example.org".to_owned(),
        known: "example.com".to_owned(),
    }];
    let digest = Digest::build(MailKind::Weekly, &facts, &Outlook::default(), &options());
    let json: serde_json::Value = serde_json::from_str(&digest.to_json().unwrap()).unwrap();
    assert_eq!(
        json["kept_out"],
        serde_json::json!({
            "unproven": 2, "foreign": 3, "foreign_domains": ["example.net"],
            "floods": [{ "reporter": "evil.example", "reports": 70_000 }],
        })
    );
    assert_eq!(json["new_senders"][0]["signing_domain"], "example.org");
}

#[test]
fn sender_that_is_cut_off_is_news_once_a_month_and_told_each_time() {
    let facts = flooded();
    let history = history(&[18], true);
    for (told, is_news) in [
        (vec![], true),
        (vec!["flood evil.example 2026-10"], true),
        (vec!["flood evil.example 2026-11"], false),
    ] {
        let outlook = known(&history, &told).outlook(MailKind::Daily, &facts, 14);
        assert_eq!(news(&facts, &outlook), is_news, "{told:?}");
        let text = text_of(MailKind::Daily, &facts, &outlook);
        assert!(
            text.contains("70 000 reports of evil.example cut off: far more than usual"),
            "{text}"
        );
        assert!(text.contains("tlsrptd accept --from evil.example"), "{text}");
    }
}
