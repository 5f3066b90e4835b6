//! What is packed is what the rows say, whatever happens to these.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use super::super::day::{self, Shared};
use super::super::keys::{Keys, Policies};
use super::super::{Accept, packed};
use super::set_aside::{proven, unproven};
use super::{NOW, Place, at, failing, made_up, mail};
use crate::assess::history::{Remark, Saying};
use crate::config::{DomainsConfig, Span};

const TODAY: &str = "2026-11-22";

fn assess(place: &mut Place) {
    let today = TODAY.parse().unwrap();
    place
        .store
        .assess_with_survey(today, &DomainsConfig::default())
        .unwrap();
}

/// Days whose packs are read.
fn packed_days(place: &Place) -> Vec<String> {
    let days = packed::days(&place.store.db).unwrap().into_iter();
    days.filter(|(_, is_packed)| *is_packed)
        .map(|(day, _)| day)
        .collect()
}

fn assert_packs_are_right(place: &Place) -> Result<(), TestCaseError> {
    let db = &place.store.db;
    let keys = Keys::read(db).unwrap();
    let days = packed::days(db).unwrap();
    let known: BTreeSet<String> = place
        .rows("SELECT DISTINCT day FROM report")
        .into_iter()
        .collect();
    for day in known.iter().chain(days.keys()) {
        let mut policies = Policies::default();
        let rows = day::read(db, &keys, &mut policies, &mut Shared::default(), day).unwrap();
        let found = match days.get(day) {
            Some(is_packed) => {
                let day = (day.as_str(), *is_packed);
                packed::read(db, &keys, &mut policies, &mut Shared::default(), day).unwrap()
            }
            None => Vec::new(),
        };
        prop_assert_eq!(found, rows, "{}", day);
    }
    Ok(())
}

/// What may happen.
#[derive(Debug, Clone)]
enum Event {
    Record(Vec<Value>),
    Proven(Value),
    SetAside(Value),
    Accept(Index),
    Say(Saying),
    Assess,
    Reassess,
    Retain(u16),
    Forget(&'static str),
    /// A stored report is read as this other one now.
    Reparse(Index, Value),
}

fn event() -> impl Strategy<Value = Event> {
    let report = || made_up::report(&["2026-08-31", "2026-09-01", "2026-11-18"], i64::MAX);
    prop_oneof![
        4 => proptest::collection::vec(report(), 1..4).prop_map(Event::Record),
        1 => report().prop_map(Event::Proven),
        1 => report().prop_map(Event::SetAside),
        1 => any::<Index>().prop_map(Event::Accept),
        1 => select(vec![Saying::Retired, Saying::Fixed]).prop_map(Event::Say),
        5 => Just(Event::Assess),
        1 => Just(Event::Reassess),
        1 => (1_u16..120).prop_map(Event::Retain),
        1 => select(vec!["example.org", "example.com"]).prop_map(Event::Forget),
        2 => (any::<Index>(), report()).prop_map(|(which, report)| Event::Reparse(which, report)),
    ]
}

fn happen(place: &mut Place, event: Event) {
    match event {
        Event::Record(reports) => drop(place.record(&[mail(&reports)])),
        Event::Proven(report) => drop(place.record(&[proven(&report)])),
        Event::SetAside(report) => drop(place.record(&[unproven("failed", &report)])),
        Event::Accept(which) => {
            let mails = place.rows("SELECT id FROM mail ORDER BY id");
            if !mails.is_empty() {
                let mail = which.get(&mails).parse().unwrap();
                let ours = DomainsConfig::default();
                place.store.accept(Accept::Mail(mail), at(NOW), &ours).unwrap();
            }
        }
        Event::Say(saying) => {
            let remark = Remark {
                about: "example.org".to_owned(),
                day: TODAY.parse().unwrap(),
                by: "anna".to_owned(),
                saying,
            };
            place.store.remark(&remark).unwrap();
        }
        Event::Assess => assess(place),
        Event::Reassess => {
            let today = TODAY.parse().unwrap();
            place.store.reassess(today, &DomainsConfig::default()).unwrap();
        }
        Event::Retain(days) => {
            place.store.retain(Span::Days(days.into()), at(NOW)).unwrap();
        }
        Event::Forget(domain) => drop(place.store.forget(domain).unwrap()),
        Event::Reparse(which, report) => made_up::reparse(place, which, &report),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn packs_are_what_the_reports_say_whatever_happens_to_these(
        events in proptest::collection::vec(event(), 1..14)
    ) {
        let mut place = Place::new();
        for event in events {
            let is_assessed = matches!(event, Event::Assess | Event::Reassess);
            happen(&mut place, event);
            assert_packs_are_right(&place)?;
            let [told, derived] = super::outcome::told_and_derived(&place);
            prop_assert_eq!(told, derived);
            if is_assessed {
                let all = place.rows("SELECT DISTINCT day FROM reports JOIN policy_results ON report = reports.id ORDER BY day");
                prop_assert_eq!(packed_days(&place), all);
            }
        }
    }
}

/// A place with a failing report on each of two days, packed.
fn two_days() -> Place {
    let mut place = Place::new();
    for day in ["2026-11-17", "2026-11-18"] {
        place.record(&[mail(&[failing(day, day, "certificate-expired")])]);
    }
    assess(&mut place);
    assert_eq!(packed_days(&place), ["2026-11-17", "2026-11-18"]);
    place
}

#[test]
fn days_in_which_nothing_has_changed_are_read_from_their_packs() {
    let mut place = two_days();
    let days = packed::days(&place.store.db).unwrap();
    place
        .store
        .db
        .execute_batch(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER policy_result_deleted;
                                  DELETE FROM policy_result; DELETE FROM failure",
        )
        .unwrap();
    assert_eq!(packed::days(&place.store.db).unwrap(), days);
    place.store.db.execute("DELETE FROM outcome", ()).unwrap();
    let problems = place
        .store
        .problems(TODAY.parse().unwrap(), &DomainsConfig::default())
        .unwrap();
    assert_eq!(problems[0].failed.known, 2);
    assess(&mut place);
}

#[test]
fn a_late_report_undoes_the_pack_of_its_day_alone() {
    let mut place = two_days();
    place.record(&[mail(&[failing("late", "2026-11-17", "certificate-expired")])]);
    assert_eq!(packed_days(&place), ["2026-11-18"]);
    assess(&mut place);
    assert_eq!(packed_days(&place), ["2026-11-17", "2026-11-18"]);
}

#[test]
fn a_pack_of_another_version_or_one_that_is_cut_off_is_not_believed() {
    let place = two_days();
    for broken in [
        "x'ff' || substr(entries, 2)",
        "substr(entries, 1, 20)",
        "entries || x'00'",
        "x''",
    ] {
        let sql = format!("UPDATE packed_day SET entries = CAST({broken} AS BLOB) WHERE day = '2026-11-17'");
        place.store.db.execute(&sql, ()).unwrap();
        assert_packs_are_right(&place).unwrap();
    }
}
