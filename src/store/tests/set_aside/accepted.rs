//! What a person accepts.

use super::*;

#[test]
fn accepted_report_counts_as_news() {
    let mut place = place(&[
        unproven("failed", &failing("1", DAY, "certificate-expired")),
        unchecked(&failing("2", DAY, "validation-failure")),
    ]);
    let none = DomainsConfig::default();
    assert_eq!(
        place.store.accept(Accept::Mail(2), at(NOW), &none).unwrap(),
        (0, 0)
    );
    assert_eq!(
        place.store.accept(Accept::Mail(1), at(NOW), &none).unwrap(),
        (1, 1)
    );
    assert_eq!(
        place.rows("SELECT id, mail FROM reports ORDER BY id"),
        ["2|2", "3|1"]
    );
    assert_eq!(
        place.rows("SELECT outcome, reason FROM mails"),
        ["stored|NULL", "stored|NULL"]
    );
    assert_eq!(place.row("SELECT count(*) FROM failures WHERE report = 3"), "1");
    assert_eq!(
        place.row("SELECT first_day FROM failure_types WHERE result_type = 'certificate-expired'"),
        DAY
    );
    assert!(
        place
            .row("SELECT json FROM reports WHERE id = 3")
            .contains("certificate-expired")
    );
    // The next one gets an id of its own.
    place.record(&[unchecked(&failing("3", DAY, "validation-failure"))]);
    assert_eq!(place.row("SELECT max(id) FROM reports"), "4");
    assert_eq!(place.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
}

#[test]
fn all_that_is_aside_of_a_reporter_is_accepted_by_any_of_its_domains() {
    let of = |id: &str, reporter: &str| {
        by(
            unproven("none", &failing(id, DAY, "certificate-expired")),
            reporter,
        )
    };
    let mut place = place(&[
        of("1", "mx.a.example"),
        of("2", "a.example"),
        of("3", "b.example"),
    ]);
    let none = DomainsConfig::default();
    let accepted = place
        .store
        .accept(Accept::Reporter("a.example"), at(NOW), &none)
        .unwrap();
    assert_eq!(accepted, (2, 2));
    assert_eq!(
        place.rows("SELECT submitter, status FROM reports_all ORDER BY submitter"),
        ["a.example|counted", "b.example|set-aside", "mx.a.example|counted"]
    );
}

#[test]
fn accepted_report_does_not_displace_one_that_is_proven() {
    let mut place = place(&[unproven("none", &more()), proven(&less())]);
    let accepted = place
        .store
        .accept(Accept::Mail(1), at(NOW), &DomainsConfig::default())
        .unwrap();
    assert_eq!(accepted, (1, 0));
    assert_eq!(place.rows(STATUSES), ["dkim|counted", "none|replaced"]);
    assert_eq!(place.row("SELECT ok FROM domain_days"), "5");
}
