//! What an assessment came to is kept, and nobody reads it once anything has changed that it was derived from.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::outcome;
use super::super::{Accept, rows::MailKind};
use super::set_aside::{proven, unproven};
use super::{NOW, Place, at, composed, detail, failing, mail, policy, question, recipients, report_of};
use crate::assess::domains::Survey;
use crate::assess::history::{Remark, Saying};
use crate::assess::problem::Problem;
use crate::config::{DomainsConfig, Limits, Span};
use crate::report::{self, Context};

pub(super) const TODAY: &str = "2026-11-22";

pub(super) fn ours() -> DomainsConfig {
    DomainsConfig::default()
}

/// What the kept outcome must stand for to be read; `None` if none may be.
pub(super) fn state(place: &Place) -> Option<String> {
    outcome::state(&place.store.db, TODAY.parse().unwrap(), &ours()).unwrap()
}

fn n_kept(place: &Place) -> usize {
    let state = state(place).unwrap_or_default();
    let sql = "SELECT what FROM outcome WHERE state = :state";
    super::rows(&place.store, sql, rusqlite::named_params! { ":state": state }).len()
}

/// What readers are told, and what they would be told if nothing were kept.
pub(super) fn told_and_derived(place: &Place) -> [(Vec<Problem>, Survey); 2] {
    let ask = || {
        let today = TODAY.parse().unwrap();
        place.store.problems_with_survey(today, &ours()).unwrap()
    };
    let told = ask();
    let hide = "UPDATE outcome SET state = 'hidden ' || state";
    place.store.db.execute(hide, ()).unwrap();
    let derived = ask();
    let show = "UPDATE outcome SET state = substr(state, 8)";
    place.store.db.execute(show, ()).unwrap();
    [told, derived]
}

/// Two reports, one of them set aside, with a problem that was assessed.
pub(super) fn assessed() -> Place {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-19", "certificate-expired")])]);
    place.record(&[unproven(
        "failed",
        &failing("2", "2026-11-20", "certificate-expired"),
    )]);
    assess(&mut place);
    assert_eq!(n_kept(&place), 2);
    place
}

pub(super) fn assess(place: &mut Place) -> Vec<Problem> {
    let today = TODAY.parse().unwrap();
    place.store.assess_with_survey(today, &ours()).unwrap().0
}

/// Does something to the store; then nothing that was kept may be read, and after the next assessment it may again.
#[track_caller]
fn assert_outdates(what: &str, change: impl FnOnce(&mut Place)) {
    let mut place = assessed();
    change(&mut place);
    assert_eq!(n_kept(&place), 0, "{what}");
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived, "{what}");
    assess(&mut place);
    assert_eq!(n_kept(&place), 2, "{what}");
}

#[test]
fn what_was_kept_is_told_and_is_what_would_be_derived() {
    let mut place = assessed();
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived);
    assert_eq!(told.0.len(), 1);
    assert_eq!(assess(&mut place), told.0);
}

#[test]
fn nothing_is_derived_again_where_nothing_has_changed() {
    let mut place = assessed();
    place
        .store
        .db
        .execute_batch("DROP TRIGGER policy_result_deleted; DELETE FROM policy_result; UPDATE packed_day SET entries = x''")
        .unwrap();
    assert_eq!(assess(&mut place).len(), 1);
    let today = TODAY.parse().unwrap();
    assert_eq!(place.store.problems(today, &ours()).unwrap().len(), 1);
}

#[test]
fn every_new_report_outdates_what_was_kept() {
    let new = || mail(&[failing("3", "2026-11-20", "certificate-expired")]);
    assert_outdates("stored", |place| {
        place.record(&[new()]);
    });
    let more = report_of("1", "2026-11-19", json!([policy("sts", 99, 0, json!([]))]));
    assert_outdates("in conflict", |place| {
        place.record(&[mail(std::slice::from_ref(&more))]);
    });
    assert_outdates("proven", |place| {
        place.record(&[proven(&more)]);
    });
}

#[test]
fn a_copy_that_proves_what_was_set_aside_outdates_what_was_kept() {
    let copy = failing("2", "2026-11-20", "certificate-expired");
    assert_outdates("proven copy", |place| {
        place.record(&[proven(&copy)]);
    });
}

#[test]
fn accepting_a_report_outdates_what_was_kept() {
    let mut place = assessed();
    let before = state(&place);
    place.store.accept(Accept::Mail(2), at(NOW), &ours()).unwrap();
    // It is assessed at once, if on another day perhaps.
    assert_ne!(state(&place), before);
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived);
    assert_eq!(told.0[0].failed.known, 2);
}

#[test]
fn retention_reparse_forget_and_reassess_outdate_what_was_kept() {
    assert_outdates("retention", |place| {
        place.store.retain(Span::Days(2), at(NOW)).unwrap();
    });
    assert_outdates("reparse", |place| {
        let report = report_of(
            "1",
            "2026-11-19",
            json!([policy("sts", 9, 2, json!([detail("made-up", 2)]))]),
        );
        let parsed = report::parse(&report.to_string(), &Limits::default(), &Context::default()).unwrap();
        place
            .store
            .rewrite_report(1, &parsed, &BTreeSet::new(), "webmail.example", at(NOW))
            .unwrap();
    });
    assert_outdates("forget", |place| {
        place.store.forget("example.org").unwrap();
        assert_eq!(place.row("SELECT count(*) FROM outcome"), "0");
        assert_eq!(place.row("SELECT count(*) FROM outcome_problem"), "0");
    });
    let mut place = assessed();
    let before = state(&place);
    place.store.reassess(TODAY.parse().unwrap(), &ours()).unwrap();
    assert_ne!(state(&place), before);
}

#[test]
fn what_people_say_outdates_what_was_kept() {
    let say = |place: &mut Place, about: &str, saying: Saying| {
        let remark = Remark {
            about: about.to_owned(),
            day: TODAY.parse().unwrap(),
            by: "anna".to_owned(),
            saying,
        };
        place.store.remark(&remark).unwrap();
    };
    assert_outdates("note", |place| {
        say(place, "example.org", Saying::Note("moved".to_owned()));
    });
    assert_outdates("retire", |place| say(place, "mx.example.org", Saying::Retired));
    assert_outdates("ack", |place| {
        let id = assess(place)[0].id.clone();
        say(place, &id, Saying::Acknowledged("2026-12-01".parse().unwrap()));
    });
    assert_outdates("withdraw", |place| {
        say(place, "example.org", Saying::Retired);
        assess(place);
        let today = TODAY.parse().unwrap();
        let taken_back = place
            .store
            .withdraw("example.org", &Saying::Retired, today, "anna");
        assert_eq!(taken_back.unwrap(), 1);
    });
}

/// Sends a mail that tells of the problem.
fn tell(place: &mut Place) {
    let told = assess(place).remove(0);
    let telling = crate::assess::news::Telling {
        day: TODAY.parse().unwrap(),
        event: crate::assess::news::Event::New,
        impact: told.impact,
        reporters: 1,
        episode: told.episodes[0].first_day,
        last_day: told.episodes[0].last_day,
        is_urgent: false,
    };
    let mut digest = composed("1@example.org");
    digest.kind = MailKind::Daily;
    digest.tellings = vec![(told.id, telling)];
    let recipients = recipients();
    place
        .store
        .fix_digest(&question("2026-11-22T07:00:00Z", &recipients), |_| Some(digest))
        .unwrap();
}

#[test]
fn what_a_digest_tells_of_a_problem_that_stands_changes_nothing() {
    let mut place = assessed();
    tell(&mut place);
    assert_eq!(place.row("SELECT count(*) FROM telling"), "1");
    assert_eq!(n_kept(&place), 2);
    let [told, derived] = told_and_derived(&place);
    assert_eq!(told, derived);
    let kept = assess(&mut place);
    place.store.db.execute("DELETE FROM outcome", ()).unwrap();
    assert_eq!(assess(&mut place), kept);
}

#[test]
fn what_a_digest_tells_of_a_problem_that_is_gone_outdates_what_was_kept() {
    assert_outdates("digest", |place| {
        let id = &assess(place)[0].id;
        let hide = "UPDATE outcome_problem SET id = 'of another'";
        let db = &place.store.db;
        db.execute(hide, ()).unwrap();
        db.execute(
            "INSERT INTO telling (audience, problem, day, event, reminder, impact, reporters, episode, last_day, is_urgent)
             SELECT 'default', number, '2026-11-22', 'new', 0, 'held', 1, '2026-11-19', '2026-11-19', 0
             FROM problem WHERE id = ?1",
            [id],
        )
        .unwrap();
    });
}

#[test]
fn learning_an_mx_host_outdates_what_was_kept() {
    for sql in [
        "INSERT INTO learnt_mx (pattern) VALUES ('mx.example.net')",
        "UPDATE learnt_mx SET pattern = 'mx.example.com'",
        "DELETE FROM learnt_mx",
    ] {
        assert_outdates(sql, |place| {
            let others = "INSERT OR IGNORE INTO learnt_mx (pattern) VALUES ('mx9.example.net')";
            place.store.db.execute(others, ()).unwrap();
            assess(place);
            place.store.db.execute(sql, ()).unwrap();
        });
    }
}

#[test]
fn another_day_other_domains_or_a_broken_row_are_derived_anew() {
    let place = assessed();
    let db = &place.store.db;
    let kept = state(&place);
    let tomorrow = outcome::state(db, "2026-11-23".parse().unwrap(), &ours()).unwrap();
    assert_ne!(tomorrow, kept);
    let others = DomainsConfig {
        mail: vec!["example.net".to_owned()],
        ..ours()
    };
    assert_ne!(outcome::state(db, TODAY.parse().unwrap(), &others).unwrap(), kept);
    let n_told = || {
        let problems = place.store.problems(TODAY.parse().unwrap(), &ours());
        problems.unwrap().len()
    };
    db.execute("UPDATE outcome_problem SET value = x'00'", ())
        .unwrap();
    assert_eq!(n_told(), 1);
    db.execute("UPDATE outcome_problem SET id = 'other'", ()).unwrap();
    assert_eq!(n_told(), 1);
    db.execute("UPDATE outcome SET value = x'ff'", ()).unwrap();
    assert_eq!(n_told(), 1);
}

#[test]
fn only_problems_that_differ_are_written_again() {
    let mut place = assessed();
    let other = |id: &str, day: &str| {
        let mut report = failing(id, day, "starttls-not-supported");
        let policy = &mut report["policies"][0];
        policy["policy"]["policy-domain"] = json!("example.net");
        policy["failure-details"][0]["receiving-mx-hostname"] = json!("mx.example.net");
        mail(&[report])
    };
    place.record(&[other("4", "2026-11-20")]);
    assess(&mut place);
    place
        .store
        .db
        .execute_batch(
            "CREATE TEMP TABLE written (id TEXT);
             CREATE TEMP TRIGGER inserted AFTER INSERT ON outcome_problem BEGIN INSERT INTO written VALUES (NEW.id); END;
             CREATE TEMP TRIGGER updated AFTER UPDATE ON outcome_problem BEGIN INSERT INTO written VALUES (NEW.id); END;",
        )
        .unwrap();
    place.record(&[other("5", "2026-11-21")]);
    let problems = assess(&mut place);
    let differs = problems
        .iter()
        .find(|problem| problem.result_types == ["starttls-not-supported"]);
    assert_eq!(problems.len(), 2);
    assert_eq!(
        place.rows("SELECT id FROM written"),
        [differs.unwrap().id.clone()]
    );
}
