//! What `ready`, `domains` and `reporters` print.

#![expect(clippy::arithmetic_side_effects, reason = "a test may panic")]

use std::rc::Rc;

use jiff::civil::{Date, date};

use super::*;
use crate::assess::cause::Cause;
use crate::assess::history::{Entry, Failure, History, Kind, PolicyText, Remark, Saying, Seen, Sum};
use crate::assess::place::Place;
use crate::assess::problems;
use crate::commands::{ready, reporters};

fn sts(mode: &str, mx: &[&str]) -> Rc<PolicyText> {
    let mut lines = vec![format!("mode: {mode}"), "max_age: 86400".to_owned()];
    lines.extend(mx.iter().map(|mx| format!("mx: {mx}")));
    Rc::new(PolicyText {
        policy_type: "sts".to_owned(),
        mode: Some(mode.to_owned()),
        lines,
        mx_host: Vec::new(),
    })
}

/// Five to eighteen November: example.org in testing, with a backup MX that isn't in its policy on the last day if
/// `with_backup`; example.com in enforce; example.net is foreign.
fn survey(with_backup: bool) -> (Survey, Date) {
    survey_with(with_backup, Vec::new())
}

fn survey_with(with_backup: bool, remarks: Vec<Remark>) -> (Survey, Date) {
    let today = date(2026, 11, 20);
    let mut history = History {
        today,
        our_domains: vec!["example.com".to_owned(), "example.org".to_owned()],
        our_mx: vec!["mx1.example.org".to_owned()],
        learnt_mx: std::collections::BTreeSet::new(),
        entries: Vec::new(),
        failures: Vec::new(),
        older: Vec::new(),
        remarks,
        unproven: std::collections::BTreeSet::new(),
    };
    let (testing, enforce) = (
        sts("testing", &["mx1.example.org", "mx2.example.org"]),
        sts("enforce", &["mx1.example.org"]),
    );
    let mut report = |day: Date, reporter: &str, domain: &str, policy: &Rc<PolicyText>, (ok, failed)| {
        history.entries.push(Entry {
            report: i64::try_from(history.entries.len()).unwrap(),
            day,
            seen: Rc::new(Seen {
                reporter: reporter.into(),
                domain: domain.into(),
                policy: Rc::clone(policy),
            }),
            ok: Some(ok),
            failed: Some(failed),
        });
    };
    for day in (5..=18).map(|day| date(2026, 11, day)) {
        let failed = if with_backup && day == date(2026, 11, 18) {
            24
        } else {
            0
        };
        report(day, "microsoft.com", "example.org", &testing, (36, 0));
        report(day, "google.com", "example.com", &enforce, (90, 0));
        report(day, "google.com", "example.net", &enforce, (1, 0));
        report(day, "google.com", "example.org", &testing, (184, failed));
    }
    if with_backup {
        history.failures.push(Failure {
            entry: history.entries.len() - 1,
            failed: Sum {
                known: 24,
                at_least: false,
            },
            kind: Rc::new(Kind {
                cause: Cause::MxNotInPolicy,
                place: Place::Mx("backup.example.net".to_owned()),
                mx: vec!["backup.example.net".to_owned()],
                result_types: Vec::new(),
                failure_types: Vec::new(),
            }),
            details: Box::default(),
        });
    }
    let problems = problems(&history, &|_, _| "2fd8".to_owned());
    (Survey::of(&history, &problems), today)
}

fn state<'s>(survey: &'s Survey, domain: &str) -> &'s DomainState {
    survey
        .domains
        .iter()
        .find(|state| state.domain == domain)
        .unwrap()
}

#[test]
fn checklist_of_a_ready_domain_says_what_to_do() {
    let (survey, today) = survey(false);
    insta::assert_snapshot!(ready::text(state(&survey, "example.org"), today));
}

#[test]
fn checklist_of_a_domain_that_is_not_ready_names_the_problem_and_what_enforce_would_have_held() {
    let (survey, today) = survey(true);
    insta::assert_snapshot!(ready::text(state(&survey, "example.org"), today));
}

#[test]
fn ready_names_the_retired_mx_at_which_connections_fail() {
    let retired = Remark {
        about: "backup.example.net".to_owned(),
        day: date(2026, 11, 10),
        by: "anna".to_owned(),
        saying: Saying::Retired,
    };
    let (survey, today) = survey_with(true, vec![retired]);
    let state = state(&survey, "example.org");
    insta::assert_snapshot!(ready::text(state, today));
    assert_eq!(
        ready::verdict(state, today),
        "ready since 18\u{a0}Nov, only if backup.example.net is no longer in the MX record"
    );
    assert_eq!(
        ready::json(state)["retired_mx"],
        serde_json::json!([{
            "mx": "backup.example.net", "since": "2026-11-10", "failed": 24, "at_least": false, "last_day": "2026-11-18",
        }])
    );
}

#[test]
fn overview_has_a_line_for_each_domain_of_ours() {
    let (survey, today) = survey(true);
    let states: Vec<&DomainState> = ours(&survey).collect();
    insta::assert_snapshot!(ready::overview(&states, today));
}

#[test]
fn list_of_domains_names_foreign_ones_below() {
    let (survey, today) = survey(true);
    insta::assert_snapshot!(text(&survey, today));
}

#[test]
fn list_of_reporters_has_their_newest_day_and_pause() {
    let (survey, today) = survey(false);
    insta::assert_snapshot!(reporters::text(&survey, today));
}

#[test]
fn json_of_the_three_verbs_has_its_documented_keys() {
    let (survey, _) = survey(true);
    let documented = include_str!("../../../docs/digest.md");
    let documents = [
        ready::json(state(&survey, "example.org")),
        json(state(&survey, "example.org")),
        reporters::json(&survey),
    ];
    for document in &documents {
        for key in keys(document) {
            assert!(
                documented.contains(&format!("`{key}`")),
                "docs/digest.md, \"JSON\" lacks `{key}`"
            );
        }
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&documents[0]).unwrap());
}

/// All keys in a document.
fn keys(value: &Json) -> Vec<String> {
    match value {
        Json::Object(object) => object
            .iter()
            .flat_map(|(key, value)| [vec![key.clone()], keys(value)].concat())
            .collect(),
        Json::Array(values) => values.iter().flat_map(keys).collect(),
        _ => Vec::new(),
    }
}
