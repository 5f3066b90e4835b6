//! Subjects.

use proptest::prelude::*;

use super::*;

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
