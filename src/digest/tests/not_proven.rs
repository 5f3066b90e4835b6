//! Reports whose origin is not proven: signatures that fail, name servers that are silent.

use super::kept_out::{history, known, text_of};
use super::*;
use crate::authenticate::Cause;
use crate::store::rows::{NewSender, Unproven, Withheld};

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
