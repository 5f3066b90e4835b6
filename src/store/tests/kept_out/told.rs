//! What digests tell of reports that don't count, and of new senders.

use super::*;

#[test]
fn reports_that_are_not_proven_are_counted_by_what_is_behind() {
    let mut place = place(&Config::default());
    let mut gone = by(report("2", &[]), "b.example", false);
    if let Content::Reports(reports) = &mut gone.content
        && let IncomingReport::Read { standing, .. } = &mut reports[0]
    {
        standing.reason = Some("its key is not in the DNS (NXDOMAIN)".to_owned());
    }
    place.record(&[
        by(report("1", &[]), "a.example", false),
        gone,
        by(report("3", &[]), "a.example", false),
        by(report("4", &[]), "c.example", true),
        mail_of(Content::NotAReport),
    ]);
    assert_eq!(
        facts(&place).kept_out.unproven_for,
        [(Cause::Unsigned, 2), (Cause::KeyGone, 1)]
    );
}

#[test]
fn audience_is_told_of_what_is_set_aside_about_its_domains_and_of_what_waits() {
    let mut place = place(&Config::default());
    let mut waits = by(report("3", &[about("example.org", "sts")]), "a.example", false);
    if let Content::Reports(reports) = &mut waits.content
        && let IncomingReport::Read { standing, .. } = &mut reports[0]
    {
        standing.authentication = "temporary";
    }
    place.record(&[
        by(report("1", &[about("example.org", "sts")]), "a.example", false),
        by(report("2", &[about("example.net", "sts")]), "b.example", false),
        waits,
    ]);
    let recipients = recipients();
    let of = |domain: &str| {
        let question = super::super::Question {
            domains: &[domain.to_owned()],
            ..question(NOW, &recipients)
        };
        let facts = place.store.digest_facts(&question).unwrap();
        assert!(facts.of_domains && facts.unproven.is_none());
        (facts.mails.set_aside, facts.mails.waiting)
    };
    assert_eq!(
        [of("example.org"), of("example.net"), of("example.com")],
        [(2, 1), (1, 0), (0, 0)]
    );
    let mails = facts(&place).mails;
    assert_eq!((mails.set_aside, mails.waiting), (3, 1));
    assert_eq!(place.store.counts().unwrap().waiting, 1);
}

#[test]
fn days_of_a_reporter_of_which_nothing_counts_are_told_apart() {
    let mut place = place(&Config::default());
    place.record(&[
        by(report("1", &[]), "a.example", true),
        by(report("2", &[about("example.org", "sts")]), "a.example", false),
        by(report("3", &[]), "a.example", false),
    ]);
    let domains = |domain: &str| vec![domain.to_owned()];
    let recipients = recipients();
    let of = |domains: &[String]| {
        let question = super::super::Question {
            domains,
            ..question(NOW, &recipients)
        };
        place
            .store
            .digest_facts(&question)
            .unwrap()
            .kept_out
            .withheld
            .len()
    };
    assert_eq!((of(&domains("example.org")), of(&domains("example.net"))), (1, 0));
    let withheld = facts(&place).kept_out.withheld;
    assert_eq!(withheld.len(), 1);
    assert_eq!(
        (withheld[0].reporter.as_str(), withheld[0].reports),
        ("a.example", 2)
    );
    assert_eq!(
        (withheld[0].day.to_string().as_str(), withheld[0].waits),
        (DAY, false)
    );
}

/// A proven report of a reporter in the name of Webmail, stored at a moment.
fn named(place: &mut Place, reporter: &str, id: &str, now: &str) {
    let mail = by(report(id, &[about("example.org", "sts")]), reporter, true);
    place.store.record(&[mail], None, Span::Forever, at(now)).unwrap();
}

#[test]
fn new_signing_domain_of_a_known_name_is_told_for_a_week() {
    let mut place = place(&Config::default());
    named(&mut place, "webmail.example", "1", "2026-11-01T06:00:00Z");
    assert!(facts(&place).kept_out.new_senders.is_empty());
    named(&mut place, "evil.example", "2", "2026-11-18T06:00:00Z");
    let told = |due_at: &str| {
        let recipients = recipients();
        let facts = place.store.digest_facts(&question(due_at, &recipients)).unwrap();
        facts.kept_out.new_senders
    };
    let new = NewSender {
        organization_name: "Webmail".to_owned(),
        signing_domain: "evil.example".to_owned(),
        known: "webmail.example".to_owned(),
    };
    assert_eq!(told("2026-11-19T06:00:00Z"), std::slice::from_ref(&new));
    assert_eq!(told("2026-11-25T05:00:00Z"), [new]);
    assert_eq!(told("2026-11-25T07:00:00Z"), []);
}

#[test]
fn names_that_are_all_new_or_of_one_reporter_are_nothing_to_tell() {
    let mut place = place(&Config::default());
    named(&mut place, "google.com", "1", "2026-11-01T06:00:00Z");
    named(&mut place, "1e100.net", "2", "2026-11-18T06:00:00Z");
    assert!(facts(&place).kept_out.new_senders.is_empty());
    let mut place = self::place(&Config::default());
    named(&mut place, "a.example", "1", "2026-11-18T06:00:00Z");
    named(&mut place, "b.example", "2", "2026-11-19T06:00:00Z");
    assert!(facts(&place).kept_out.new_senders.is_empty());
}

#[test]
fn names_of_strangers_hide_no_report_of_a_known_reporter() {
    let mut place = place(&Config::default());
    place.record(&[by(report("1", &[]), "z.example", true)]);
    place.record(&[by(report("2", &[]), "z.example", false)]);
    for stranger in ["a.example", "b.example"] {
        for n in 0..3 {
            place.record(&[by(report(&format!("{stranger} {n}"), &[]), stranger, false)]);
        }
    }
    let mut of_tomorrow = by(report("3", &[]), "z.example", false);
    if let Content::Reports(reports) = &mut of_tomorrow.content
        && let IncomingReport::Read { parsed, .. } = &mut reports[0]
    {
        parsed.report.start = at("2026-11-23T00:00:00Z");
        parsed.identity = [7; 32];
    }
    place.record(&[of_tomorrow]);
    let withheld = facts(&place).kept_out.withheld;
    let named: Vec<(&str, u64)> = withheld
        .iter()
        .map(|withheld| (withheld.reporter.as_str(), withheld.reports))
        .collect();
    // Days to come are nobody's, so that no name has more than its days.
    assert_eq!(named, [("z.example", 1), ("a.example", 3), ("b.example", 3)]);
}
