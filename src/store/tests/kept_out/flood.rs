//! Far too many reports of a sender.

use super::*;

/// A report of a reporter that came on a day.
pub(in crate::store::tests) fn on(day: &str, reporter: &str, id: &str) -> IncomingMail {
    let mut mail = by(report(id, &[about("example.org", "sts")]), reporter, true);
    mail.origin.received_at = Some(at(&format!("{day}T08:00:00Z")));
    mail
}

fn many(day: &str, reporter: &str, n: usize) -> Vec<IncomingMail> {
    (0..n)
        .map(|i| on(day, reporter, &format!("{day} {reporter} {i}")))
        .collect()
}

#[test]
fn sender_of_far_too_many_is_cut_off_for_the_day_and_buries_nobody() {
    let mut place = place(&at_most(3));
    let tally = place.record(&many("2026-11-20", "evil.example", 10));
    assert_eq!((tally.stored, tally.set_aside), (3, 7));
    assert_eq!(place.record(&many("2026-11-20", "a.example", 3)).stored, 3);
    // The next day is another.
    assert_eq!(place.record(&many("2026-11-21", "evil.example", 2)).stored, 2);
    assert_eq!(
        place.row("SELECT count(*) FROM reports_all WHERE set_aside_for = 'flood'"),
        "7"
    );
    assert_eq!(
        place.rows("SELECT DISTINCT reason FROM mails WHERE outcome = 'set-aside'"),
        ["far more reports came from this sender that day than usual"]
    );
    let floods = facts(&place).kept_out.floods;
    assert_eq!(floods.len(), 1);
    assert_eq!(
        (floods[0].reporter.as_str(), floods[0].reports),
        ("evil.example", 7)
    );
    // Nothing is lost.
    let which = Accept::Reporter("evil.example");
    let accepted = place.store.accept(which, at(NOW), &DomainsConfig::default());
    assert_eq!(accepted.unwrap(), (7, 7));
    assert_eq!(place.row("SELECT count(*) FROM reports"), "15");
}

#[test]
fn three_times_the_median_of_two_weeks_is_usual_and_ten_times_the_limit_the_most() {
    let mut place = place(&at_most(3));
    for day in 7..=13 {
        place.record(&many(&format!("2026-11-{day:02}"), "a.example", 3));
    }
    // Seven days of fourteen say little of the others.
    assert_eq!(place.record(&many("2026-11-14", "a.example", 10)).stored, 3);
    assert_eq!(place.record(&many("2026-11-15", "a.example", 10)).stored, 9);
    // One day of many, and what was cut off, make nothing more usual.
    assert_eq!(place.record(&many("2026-11-16", "a.example", 28)).stored, 9);
    assert_eq!(place.record(&many("2026-11-30", "a.example", 10)).stored, 3);
    let old: Vec<IncomingMail> = (10..=20)
        .flat_map(|day| many(&format!("2026-12-{day}"), "a.example", 20))
        .map(backfill)
        .collect();
    assert_eq!(place.record(&old).stored, 220);
    assert_eq!(place.record(&many("2026-12-21", "a.example", 31)).stored, 30);
}

#[test]
fn old_mail_is_never_too_much_and_shows_what_is_usual() {
    let mut place = place(&at_most(3));
    let old: Vec<IncomingMail> = (10..=20)
        .flat_map(|day| many(&format!("2026-11-{day}"), "a.example", 5))
        .map(backfill)
        .collect();
    assert_eq!(place.record(&old).stored, 55);
    assert_eq!(place.record(&many("2026-11-21", "a.example", 16)).stored, 15);
}

#[test]
fn reporters_of_mail_older_than_counts_are_kept_are_known_and_have_one_row() {
    let mut place = place(&at_most(3));
    let old: Vec<IncomingMail> = (10..=20)
        .flat_map(|day| many(&format!("2026-05-{day}"), "a.example", 5))
        .map(backfill)
        .collect();
    assert_eq!(place.record(&old).stored, 55);
    assert_eq!(
        place.rows("SELECT reporter || reports FROM arrival"),
        ["a.example55"]
    );
    place.store.retain(Span::Forever, at(NOW)).unwrap();
    assert_eq!(place.row("SELECT count(*) FROM arrival"), "1");
    // One such day makes nothing usual.
    assert_eq!(place.record(&many("2026-11-21", "a.example", 16)).stored, 3);
}

#[test]
fn however_old_mail_is_that_was_not_there_before_it_can_be_too_much() {
    let mut place = place(&at_most(3));
    assert_eq!(place.record(&many("2026-05-20", "a.example", 9)).stored, 3);
}

#[test]
fn names_below_one_domain_have_one_share() {
    let mut place = place(&at_most(2));
    let mails: Vec<IncomingMail> = (0..3)
        .map(|n| on("2026-11-20", &format!("x{n}.evil.example"), &n.to_string()))
        .collect();
    assert_eq!(place.record(&mails).stored, 2);
    assert_eq!(
        place.rows("SELECT DISTINCT reporter FROM reports_all"),
        ["evil.example"]
    );
}

#[test]
fn mails_that_waited_for_us_count_on_the_day_on_which_they_came() {
    let mut place = place(&at_most(3));
    let waited: Vec<IncomingMail> = (10..20)
        .flat_map(|day| many(&format!("2026-11-{day}"), "a.example", 3))
        .collect();
    assert_eq!(place.record(&waited).stored, 30);
}

#[test]
fn nobody_uses_up_the_share_of_another_by_his_name() {
    let mut place = place(&at_most(2));
    let forged: Vec<IncomingMail> = many("2026-11-20", "a.example", 9)
        .into_iter()
        .map(|mail| by(mail, "a.example", false))
        .collect();
    place.record(&forged);
    let proven: Vec<IncomingMail> = (0..2)
        .map(|i| on("2026-11-20", "a.example", &format!("p{i}")))
        .collect();
    assert_eq!(place.record(&proven).stored, 2);
}

#[test]
fn copy_of_a_report_that_was_cut_off_counts_on_a_day_with_room() {
    let mut place = place(&at_most(1));
    place.record(&[
        on("2026-11-20", "a.example", "1"),
        on("2026-11-20", "a.example", "2"),
    ]);
    assert_eq!(place.row("SELECT count(*) FROM reports"), "1");
    assert_eq!(place.record(&[on("2026-11-20", "a.example", "2")]).duplicates, 1);
    assert_eq!(place.record(&[on("2026-11-21", "a.example", "2")]).stored, 1);
    assert_eq!(place.row("SELECT count(*) FROM reports"), "2");
}

#[test]
fn copy_that_is_one_too_many_proves_what_another_copy_did_not() {
    let mut place = place(&at_most(1));
    let forwarded = by(on("2026-11-20", "a.example", "2"), "a.example", false);
    place.record(&[forwarded, on("2026-11-20", "a.example", "1")]);
    assert_eq!(place.record(&[on("2026-11-20", "a.example", "2")]).duplicates, 1);
    assert_eq!(
        place.row("SELECT authentication || ' ' || set_aside_for FROM reports_all WHERE report_id = '2'"),
        "dkim flood"
    );
}

#[test]
fn counts_of_old_days_are_forgotten() {
    let mut place = place(&at_most(3));
    place.record(&many("2026-09-01", "a.example", 1));
    place.record(&many("2026-11-20", "a.example", 1));
    place.store.retain(Span::Forever, at(NOW)).unwrap();
    assert_eq!(place.rows("SELECT day FROM arrival"), ["2026-11-20"]);
}

#[test]
fn copy_without_proof_that_lets_a_proven_report_count_takes_no_proof_away() {
    let mut place = place(&at_most(1));
    place.record(&[
        on("2026-11-20", "a.example", "1"),
        on("2026-11-20", "a.example", "2"),
    ]);
    // Where what is unproven counts too.
    let mut copy = by(on("2026-11-21", "a.example", "2"), "a.example", false);
    if let Content::Reports(reports) = &mut copy.content {
        for report in reports {
            if let IncomingReport::Read { standing, .. } = report {
                standing.counts = true;
            }
        }
    }
    assert_eq!(place.record(&[copy]).stored, 1);
    assert_eq!(
        place.row(
            "SELECT status || ' ' || authentication || ' ' || signing_domain FROM reports_all WHERE report_id = '2'"
        ),
        "counted dkim a.example"
    );
}
