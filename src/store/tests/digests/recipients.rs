//! Who has a digest, who waits for it, and who refused it.

use super::*;

#[test]
fn a_retry_sends_the_same_bytes_though_more_has_arrived() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", RECENT, "certificate-expired")])]);
    let fixed = place.fix(DUE);
    place
        .store
        .delivered(
            fixed.id,
            "ops@example.org",
            Delivery::Failed("451 later"),
            at(DUE),
        )
        .unwrap();
    assert!(!place.store.end_round(fixed.id, at(DUE)).unwrap());
    place.record(&[mail(&[failing("2", RECENT, "validation-failure")])]);
    let retried = place
        .store
        .unsent_digest(Some("default"), false)
        .unwrap()
        .unwrap();
    assert_eq!(
        (&retried.mail, &retried.message_id, &retried.subject, retried.id),
        (&fixed.mail, &fixed.message_id, &fixed.subject, fixed.id)
    );
}

#[test]
fn a_recipient_that_accepted_is_not_mailed_again_because_another_has_to_wait() {
    let mut place = Place::new();
    let fixed = place.fix(DUE);
    assert_eq!(fixed.waiting.len(), 2);
    place.store.begin_round(fixed.id).unwrap();
    for (recipient, delivery) in [
        ("ops@example.org", Delivery::Accepted),
        ("it@example.org", Delivery::Failed("451 later")),
    ] {
        place
            .store
            .delivered(fixed.id, recipient, delivery, at(DUE))
            .unwrap();
    }
    assert!(!place.store.end_round(fixed.id, at(DUE)).unwrap());
    let unsent = place
        .store
        .unsent_digest(Some("default"), false)
        .unwrap()
        .unwrap();
    assert_eq!(unsent.waiting, ["it@example.org"]);
    assert_eq!(
        place.rows("SELECT recipient, error, attempts FROM deliveries ORDER BY recipient"),
        ["it@example.org|451 later|1", "ops@example.org|NULL|1"]
    );
}

#[test]
fn a_refused_recipient_ends_the_round_and_is_told_in_the_next_digest() {
    let mut place = Place::new();
    let fixed = place.fix(DUE);
    for (recipient, delivery) in [
        ("ops@example.org", Delivery::Accepted),
        ("it@example.org", Delivery::Refused("550 no such user")),
    ] {
        place
            .store
            .delivered(fixed.id, recipient, delivery, at(DUE))
            .unwrap();
    }
    assert!(place.store.end_round(fixed.id, at(DUE)).unwrap());
    assert!(
        place
            .store
            .unsent_digest(Some("default"), false)
            .unwrap()
            .is_none()
    );
    let recipients = recipients();
    let facts = place.store.digest_facts(&question(NEXT, &recipients)).unwrap();
    assert_eq!(facts.refused.len(), 1);
    assert!(facts.refused[0].new && facts.refused[0].error.contains("550"));
}

#[test]
fn a_digest_that_everybody_was_refused_is_tried_with_everybody_again() {
    let mut place = Place::new();
    let fixed = place.fix(DUE);
    for recipient in &fixed.waiting {
        place
            .store
            .delivered(fixed.id, recipient, Delivery::Refused("554 go away"), at(DUE))
            .unwrap();
    }
    assert!(!place.store.end_round(fixed.id, at(DUE)).unwrap());
    let unsent = place
        .store
        .unsent_digest(Some("default"), false)
        .unwrap()
        .unwrap();
    assert_eq!(unsent.waiting.len(), 2);
}

#[test]
fn a_recipient_that_never_answers_does_not_hold_up_the_next_digest() {
    let mut place = Place::new();
    let fixed = place.fix(DUE);
    for (recipient, delivery) in [
        ("ops@example.org", Delivery::Accepted),
        ("it@example.org", Delivery::Failed("452 mailbox full")),
    ] {
        place
            .store
            .delivered(fixed.id, recipient, delivery, at(DUE))
            .unwrap();
    }
    assert!(place.store.end_round(fixed.id, at(NEXT)).unwrap());
    assert!(
        place
            .store
            .unsent_digest(Some("default"), false)
            .unwrap()
            .is_none()
    );
    let recipients = recipients();
    let facts = place.store.digest_facts(&question(NEXT, &recipients)).unwrap();
    assert_eq!(facts.refused.len(), 1);
    assert!(facts.refused[0].error.contains("452"));
}

#[test]
fn a_digest_that_nobody_has_is_never_given_up() {
    let mut place = Place::new();
    let fixed = place.fix(DUE);
    for recipient in &fixed.waiting {
        place
            .store
            .delivered(fixed.id, recipient, Delivery::Failed("421 later"), at(DUE))
            .unwrap();
    }
    assert!(!place.store.end_round(fixed.id, at(NEXT)).unwrap());
    assert_eq!(
        place
            .store
            .unsent_digest(Some("default"), false)
            .unwrap()
            .unwrap()
            .waiting
            .len(),
        2
    );
}

#[test]
fn an_unsent_digest_follows_the_configured_recipients() {
    let mut place = Place::new();
    let fixed = place.fix(DUE);
    let corrected = ["ops@example.com".to_owned()];
    place.store.follow_recipients(fixed.id, &corrected).unwrap();
    assert_eq!(
        place
            .store
            .unsent_digest(Some("default"), false)
            .unwrap()
            .unwrap()
            .waiting,
        corrected
    );
}
