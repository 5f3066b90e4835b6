//! Reports that don't count, and who is new.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::*;
use crate::assess::domains::Survey;
use crate::assess::history::{Entry, History, PolicyText, Seen};
use crate::authenticate::Cause;
use crate::digest::Known;
use crate::store::rows::{Flood, NewSender, Unproven, Withheld};

/// One good connection of google.com to example.com on each of these days of November.
fn history(days: &[i8], listed: bool) -> History {
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
fn known(history: &History, told: &[&str]) -> Known {
    Known {
        today: history.today,
        problems: Vec::new(),
        tellings: BTreeMap::new(),
        told_events: told.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>(),
        survey: Survey::of(history, &[]),
    }
}

fn text_of(kind: MailKind, facts: &DigestFacts, outlook: &Outlook) -> String {
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

#[test]
fn that_most_signatures_fail_makes_three_mails_then_waits_for_the_week() {
    let mut facts = friday();
    facts.unproven = Some(Unproven {
        failing: 12,
        all: 13,
        counted: true,
    });
    let history = history(&[18], true);
    for (told, is_news) in [
        (vec![], true),
        (vec!["blind 2026-11-18", "blind 2026-11-19"], true),
        (
            // Two mails of one day.
            vec!["blind 2026-11-18", "blind 2026-11-19", "blind counted 2026-11-19"],
            true,
        ),
        (
            vec!["blind 2026-11-17", "blind 2026-11-18", "blind 2026-11-19"],
            false,
        ),
        // Since then the weekly mail alone has told it.
        (
            vec![
                "blind 2026-10-31",
                "blind 2026-11-01",
                "blind 2026-11-07",
                "blind 2026-11-14",
            ],
            false,
        ),
        // That was another time.
        (
            vec!["blind 2026-11-01", "blind 2026-11-02", "blind 2026-11-03"],
            true,
        ),
    ] {
        let outlook = known(&history, &told).outlook(MailKind::Daily, &facts, 14);
        assert_eq!(news(&facts, &outlook), is_news, "{told:?}");
        assert_eq!(outlook.events, ["blind counted 2026-11-20"]);
        for kind in [MailKind::Daily, MailKind::Weekly] {
            let digest = Digest::build(kind, &facts, &outlook, &options());
            assert!(digest.subject.contains("not proven"), "{}", digest.subject);
        }
    }
}

/// That signatures fail is told in full until mails have told it on three days, and once more when reports begin to count
/// as before; then in the Subject and first lines alone.
#[test]
fn what_mails_have_told_of_failing_signatures_is_said_at_the_top_alone() {
    let history = history(&[18], true);
    let three = ["blind 2026-11-16", "blind 2026-11-17", "blind 2026-11-18"];
    let four = [&three[..], &["blind counted 2026-11-19"]].concat();
    for (counted, told, in_full) in [
        (false, &three[..2], true),
        (false, &three[..], false),
        (true, &three[..], true),
        (true, &four[..], false),
    ] {
        let mut facts = friday();
        facts.unproven = Some(Unproven {
            failing: 12,
            all: 13,
            counted,
        });
        for kind in [MailKind::Daily, MailKind::Weekly] {
            let mut outlook = known(&history, told).outlook(kind, &facts, 14);
            outlook.problems = vec![(expired(), Some(Event::New))];
            let digest = Digest::build(kind, &facts, &outlook, &options());
            let text = digest.render().unwrap().text;
            let is_weekly = kind == MailKind::Weekly;
            assert_eq!(text.contains("TROUBLE"), in_full || is_weekly, "{text}");
            assert!(digest.subject.contains("not proven"), "{}", digest.subject);
            assert!(text.contains("Change authserv_id"), "{text}");
        }
    }
}

#[test]
fn reporter_whose_reports_are_set_aside_is_not_silent() {
    let history = history(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], true);
    let mut facts = friday();
    let silent = known(&history, &[]).outlook(MailKind::Daily, &facts, 14);
    assert!(silent.silent.len() == 1 && silent.no_reports_days.is_some());
    for (waits, why) in [
        (
            false,
            "Google: 9 reports about days after 11 Nov are set aside, not proven",
        ),
        (
            true,
            "Google: 9 reports about days after 11 Nov wait for a name server",
        ),
    ] {
        let withheld = |day: i8, reports: u64| Withheld {
            reporter: "google.com".to_owned(),
            day: nov(day),
            reports,
            waits,
        };
        facts.kept_out.withheld = vec![withheld(11, 100), withheld(15, 4), withheld(18, 5)];
        for kind in [MailKind::Daily, MailKind::Weekly] {
            let outlook = known(&history, &["silent google.com 2026-11-11"]).outlook(kind, &facts, 14);
            assert!(outlook.silent.is_empty() && outlook.week.still_silent.is_empty());
            assert_eq!(outlook.no_reports_days, None);
            let text = text_of(kind, &facts, &outlook);
            assert!(text.contains(why) && !text.contains("nothing since"), "{text}");
        }
    }
}

#[test]
fn new_signer_of_a_known_name_is_named_with_it() {
    let mut facts = friday();
    facts.kept_out.new_senders = vec![NewSender {
        organization_name: "Google Inc.".to_owned(),
        signing_domain: "evil.example".to_owned(),
        known: "google.com".to_owned(),
    }];
    let text = text_of(MailKind::Daily, &facts, &Outlook::default());
    assert!(
        text.contains(
            "Reports of \"Google Inc.\" come from evil.example too (new sender d=evil.example); before, Google sent them."
        ),
        "{text}"
    );
}

#[test]
fn first_look_says_why_reports_could_not_be_verified_and_what_to_do() {
    let mut facts = DigestFacts {
        previous_at: None,
        reports: 30,
        ..friday()
    };
    facts.mails.set_aside = 70;
    facts.kept_out.unproven_for = vec![
        (Cause::KeyGone, 40),
        (Cause::Changed, 15),
        (Cause::Unsigned, 10),
        (Cause::NoAnswer, 3),
        (Cause::Weak, 2),
    ];
    let text = text_of(MailKind::FirstLook, &facts, &Outlook::default());
    for words in [
        "70 of 100 reports set aside",
        "40 signed with a key that is not in the DNS any more; 15 changed on the way after they were signed; 10 without a \
         signature of who is in From; 3 without an answer of a name server; 2 for other reasons.",
        "A key that is gone is usual for old mails, and proves nothing against them.",
        "leave those to the rua address alone",
        "tlsrptd accept --from DOMAIN",
        "tlsrptd import --authentication off FILE",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn mail_that_is_held_is_told_before_that_most_reports_are_not_proven() {
    let (expired, new) = (expired(), Some(Event::New));
    let mut facts = friday();
    for (counted, n_more, subject) in [
        (
            true,
            0,
            "[tlsrptd] Mail held; 14 of 26 reports not proven, counted as before",
        ),
        (
            true,
            1,
            "[tlsrptd] Mail held; 14 of 26 reports not proven, counted as before +1",
        ),
        (
            false,
            0,
            "[tlsrptd] Mail held back; 14 of 26 daily reports set aside, not proven",
        ),
    ] {
        facts.unproven = Some(Unproven {
            failing: 14,
            all: 26,
            counted,
        });
        let another = Problem {
            id: "c05a".to_owned(),
            ..expired.clone()
        };
        let mut problems = vec![(another, new); n_more];
        problems.push((expired.clone(), new));
        let digest = Digest::build(MailKind::Daily, &facts, &outlook(problems), &options());
        assert_eq!(digest.subject, subject);
    }
}

#[test]
fn where_most_reports_are_not_proven_one_line_says_what_to_mend() {
    let mut facts = friday();
    facts.unproven = Some(Unproven {
        failing: 12,
        all: 13,
        counted: false,
    });
    facts.kept_out.unproven_for = vec![(Cause::Changed, 12)];
    let text = text_of(MailKind::Daily, &facts, &Outlook::default());
    assert_eq!(text.matches(" Fix ").count(), 1, "{text}");
    assert!(
        text.contains("missing from this mail. 12 changed on the way after they were signed. Cause"),
        "{text}"
    );
}

/// Facts of a day of which two reports count and so many are set aside, so many of these for want of a name server.
fn partly(set_aside: u64, waiting: u64) -> DigestFacts {
    let mut facts = two_reports();
    facts.domains[0].failed = exactly(0);
    facts.mails.set_aside = set_aside;
    facts.mails.waiting = waiting;
    facts.kept_out.unproven_for = [
        (Cause::NoAnswer, waiting),
        (Cause::Unsigned, set_aside.saturating_sub(waiting)),
    ]
    .into_iter()
    .filter(|(_, n)| *n > 0)
    .collect();
    facts
}

#[test]
fn nothing_is_called_quiet_of_which_half_is_set_aside() {
    for (set_aside, waiting, subject) in [
        (0, 0, "All quiet: 2 reports, 1 reporter, no failures (18 Nov)"),
        (
            1,
            1,
            "All quiet: no failures in the 2 reports that count (18 Nov)",
        ),
        (2, 2, "2 of 4 reports wait for a name server"),
        (10, 10, "10 of 12 reports wait for a name server"),
        (10, 1, "10 of 12 reports set aside, not proven"),
    ] {
        let facts = partly(set_aside, waiting);
        for kind in [MailKind::Daily, MailKind::Weekly] {
            let digest = Digest::build(kind, &facts, &Outlook::default(), &options());
            assert_eq!(digest.verdict.replace('\u{a0}', " "), subject);
        }
    }
}

#[test]
fn that_most_reports_wait_for_a_name_server_makes_one_mail_then_waits_for_the_week() {
    let history = history(&[18], true);
    for (facts, told, is_news) in [
        (partly(10, 10), vec![], true),
        (partly(10, 10), vec!["aside 2026-11-19"], false),
        (partly(10, 10), vec!["aside 2026-11-13"], false),
        (partly(10, 10), vec!["aside 2026-11-12"], true),
        (partly(1, 1), vec![], false),
        (partly(10, 0), vec![], false),
    ] {
        let outlook = known(&history, &told).outlook(MailKind::Daily, &facts, 14);
        assert_eq!(news(&facts, &outlook), is_news, "{told:?} {:?}", facts.mails);
        let text = text_of(MailKind::Daily, &facts, &outlook);
        let says_what_to_do =
            text.contains("tlsrptd check") && text.contains("Set nameservers in [authentication]");
        assert_eq!(says_what_to_do, facts.mails.waiting > 0, "{text}");
    }
}

#[test]
fn first_look_at_reports_that_all_wait_does_not_say_that_none_has_come() {
    let facts = DigestFacts {
        previous_at: None,
        reports: 0,
        reporters: Vec::new(),
        domains: Vec::new(),
        days: None,
        ..partly(12, 12)
    };
    let digest = Digest::build(MailKind::FirstLook, &facts, &Outlook::default(), &options());
    assert_eq!(
        digest.subject,
        "[tlsrptd] First look: 12 of 12 reports wait for a name server"
    );
    let text = text_of(MailKind::FirstLook, &facts, &Outlook::default());
    assert!(!text.contains("Senders start to report"), "{text}");
}

#[test]
fn audience_is_told_that_reports_are_set_aside_and_nothing_to_mend() {
    for (set_aside, line) in [
        (1, "1 report about your domains is set aside, not proven."),
        (
            10,
            "10 of 12 reports about your domains are not proven; who runs tlsrptd is told.",
        ),
    ] {
        let facts = DigestFacts {
            of_domains: true,
            ..partly(set_aside, 0)
        };
        let outlook = known(&history(&[18], true), &[]).outlook(MailKind::Daily, &facts, 14);
        assert_eq!(news(&facts, &outlook), set_aside == 10);
        let text = text_of(MailKind::Daily, &facts, &outlook);
        assert!(text.contains(line), "{text}");
        for never in [
            "TROUBLE",
            "[authentication]",
            "reporter, no failures",
            "tlsrptd accept",
        ] {
            assert!(!text.contains(never), "{text}");
        }
    }
}

#[test]
fn cause_and_remedy_are_those_of_the_most_frequent_reason() {
    let mut facts = friday();
    facts.unproven = Some(Unproven {
        failing: 12,
        all: 13,
        counted: false,
    });
    for (cause, words) in [
        (
            Cause::Unsigned,
            "The senders don't sign, or something takes signatures away.",
        ),
        (Cause::Changed, "a gateway's footer"),
    ] {
        facts.kept_out.unproven_for = vec![(cause, 12), (Cause::Weak, 1)];
        let text = text_of(MailKind::Daily, &facts, &Outlook::default());
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn each_reason_of_the_first_look_has_a_remedy() {
    for cause in [
        Cause::KeyGone,
        Cause::Changed,
        Cause::Expired,
        Cause::Unsigned,
        Cause::NoAnswer,
        Cause::Mx,
        Cause::Weak,
    ] {
        let mut facts = partly(1, 0);
        facts.previous_at = None;
        facts.kept_out.unproven_for = vec![(cause, 1)];
        let text = text_of(MailKind::FirstLook, &facts, &Outlook::default());
        assert!(
            text.contains(" Fix ") || text.contains("tlsrptd accept"),
            "{cause:?}: {text}"
        );
    }
}
