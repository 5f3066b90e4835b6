//! Ids, which stay, and what they are found by.

use super::*;

#[test]
fn id_is_the_beginning_of_the_hash() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    assess(&mut place);
    let hash = id::hash(Cause::Expired, &Where::Mx("mx.example.org".to_owned()));
    assert_eq!(place.row("SELECT id FROM problems"), digits(&hash, 4));
}

#[test]
fn id_that_another_problem_has_gets_a_fifth_digit() {
    let mut place = Place::new();
    let hash = id::hash(Cause::Expired, &Where::Mx("mx.example.org".to_owned()));
    let taken =
        "INSERT INTO problem (id, cause, place_kind, place) VALUES (?1, 'expired', 'mx', 'other.example')";
    place.store.db.execute(taken, [digits(&hash, 4)]).unwrap();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    assess(&mut place);
    assert_eq!(place.row("SELECT id FROM problems"), digits(&hash, 5));
}

#[test]
fn problem_is_found_by_its_id_and_the_beginning_of_it() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    for text in [id.clone(), id.to_uppercase(), format!(" {id} "), digits(&id, 1)] {
        assert_eq!(
            place.store.problem_id(&text).unwrap().as_ref(),
            Some(&id),
            "{text:?}"
        );
    }
    for text in ["", "%", "____", "example.org", "'"] {
        assert_eq!(place.store.problem_id(text).unwrap(), None, "{text:?}");
    }
}

#[test]
fn beginning_that_two_ids_share_finds_none() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    assess(&mut place);
    let two = "INSERT INTO problem (id, cause, place_kind, place, first_day)
               VALUES ('aaa1', 'x', 'mx', 'a', '2026-01-01'), ('aaa2', 'y', 'mx', 'a', '2026-01-01')";
    place.store.db.execute(two, ()).unwrap();
    assert_eq!(place.store.problem_id("aaa").unwrap(), None);
    assert_eq!(place.store.problem_id("aaa2").unwrap().as_deref(), Some("aaa2"));
}

#[test]
fn problem_that_is_explained_after_it_was_told_keeps_the_id_that_was_told() {
    let mut place = Place::new();
    place.record(&[mail(&[vague("1", "2026-11-20")])]);
    let told = assess(&mut place)[0].id.clone();
    tell(&place, &told, &telling(Event::New));
    let expired = failing("2", "2026-11-20", "certificate-expired");
    place.record(&[from(mail(&[expired]), "other.example")]);
    let problems = assess(&mut place);
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!((problem.cause, &problem.id), (Cause::Expired, &told));
    let own = id::hash(Cause::Expired, &Where::Mx("mx.example.org".to_owned()));
    let own = digits(&own, 4);
    assert_eq!(place.store.problem_id(&own).unwrap(), Some(told.clone()));
    assert_eq!(place.store.tellings("default", false).unwrap()[&told].len(), 1);
    assert_eq!(place.rows("SELECT DISTINCT problem FROM failures"), [told]);
    assert_eq!(assess(&mut place), problems, "and it stays so");
}
