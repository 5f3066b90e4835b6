//! What is told of problems.

use super::*;

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
fn a_daily_mail_counts_what_was_acknowledged_once_whatever_else_it_tells() {
    let resolved = || {
        let mut resolved = not_fetched("example.org", "41fa");
        resolved.state = State::Resolved;
        resolved
    };
    for problems in [
        vec![],
        vec![(expired(), Some(Event::Ongoing))],
        vec![(resolved(), Some(Event::Resolved))],
        vec![(expired(), Some(Event::New))],
    ] {
        let mut outlook = outlook(problems);
        outlook.acknowledged = 1;
        for kind in [MailKind::Daily, MailKind::Weekly] {
            let text = joined(&rendered(kind, &two_reports(), &outlook));
            assert_eq!(text.matches(" acknowledged").count(), 1, "{kind:?}: {text}");
        }
    }
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
