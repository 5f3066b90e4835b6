//! Reports that don't count whoever sent them: about others, and far too many.

use serde_json::{Value, json};

use super::super::rows::{DigestFacts, NewSender};
use super::super::{Accept, IncomingMail, IncomingReport, Standing};
use super::{NOW, Place, at, backfill, detail, mail, mail_of, policy, question, recipients, report_of};
use crate::authenticate::Cause;
use crate::config::{Config, DomainsConfig, Span};

const DAY: &str = "2026-11-20";

pub(super) fn listing(mail: &[&str], mx: &[&str]) -> Config {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Config {
        domains: DomainsConfig {
            mail: names(mail),
            mx: names(mx),
        },
        ..Config::default()
    }
}

fn at_most(reports_a_day: u64) -> Config {
    let mut config = Config::default();
    config.limits.reports_a_day = reports_a_day;
    config
}

/// An entry of a type about a domain.
pub(super) fn about(domain: &str, kind: &str) -> Value {
    let mut entry = policy(kind, 5, 1, json!([detail("certificate-expired", 1)]));
    entry["policy"]["policy-domain"] = json!(domain);
    entry
}

pub(super) fn report(id: &str, entries: &[Value]) -> IncomingMail {
    mail(&[report_of(id, DAY, entries.to_vec())])
}

/// As by this reporter, proven or not.
pub(super) fn by(mut mail: IncomingMail, reporter: &str, is_proven: bool) -> IncomingMail {
    if let super::super::Content::Reports(reports) = &mut mail.content {
        for report in reports {
            if let IncomingReport::Read {
                submitter, standing, ..
            } = report
            {
                reporter.clone_into(submitter);
                *standing = Standing {
                    authentication: if is_proven { "dkim" } else { "none" },
                    signing_domain: is_proven.then(|| reporter.to_owned()),
                    reason: (!is_proven).then(|| format!("the mail from {reporter} has no DKIM signature")),
                    waits_for: None,
                    counts: is_proven,
                };
            }
        }
    }
    mail
}

pub(super) fn place(config: &Config) -> Place {
    let mut place = Place::new();
    assert_eq!(place.store.admit_by(config, at(NOW)).unwrap(), 0);
    place
}

fn facts(place: &Place) -> DigestFacts {
    let recipients = recipients();
    place.store.digest_facts(&question(NOW, &recipients)).unwrap()
}

const STANDING: &str = "SELECT report_id, status, set_aside_for FROM reports_all ORDER BY report_id";

#[test]
fn report_about_others_alone_counts_nowhere_and_says_why() {
    let mut place = place(&listing(&["Example.ORG."], &[]));
    let tally = place.record(&[
        report("1", &[about("example.net", "sts"), about("example.com", "tlsa")]),
        report("2", &[about("example.org", "sts")]),
        report("3", &[about("example.net", "sts"), about("example.org", "sts")]),
        report("4", &[]),
        report("5", &[about("sub.example.org", "sts")]),
    ]);
    assert_eq!((tally.stored, tally.set_aside), (3, 2));
    assert_eq!(
        place.rows(STANDING),
        [
            "1|set-aside|foreign",
            "2|counted|NULL",
            "3|counted|NULL",
            "4|counted|NULL",
            "5|set-aside|foreign"
        ]
    );
    assert_eq!(
        place.rows("SELECT reason FROM mails WHERE outcome = 'set-aside' ORDER BY id"),
        [
            "it is about example.com and others, not about your domains.mail",
            "it is about sub.example.org, not about your domains.mail"
        ]
    );
    let facts = facts(&place);
    assert_eq!((facts.mails.set_aside, facts.kept_out.foreign_reports), (0, 2));
    assert_eq!(
        facts.kept_out.foreign_domains,
        ["example.com", "example.net", "sub.example.org"]
    );
}

#[test]
fn without_a_list_every_report_counts() {
    let mut place = place(&listing(&[], &["mx.example.org"]));
    let tally = place.record(&[report("1", &[about("example.net", "sts")])]);
    assert_eq!((tally.stored, tally.set_aside), (1, 0));
}

#[test]
fn reports_about_a_domain_count_once_it_is_listed() {
    let mut place = place(&listing(&["example.org"], &[]));
    place.record(&[
        by(report("1", &[about("example.net", "sts")]), "a.example", true),
        by(report("2", &[about("example.net", "sts")]), "b.example", false),
        by(report("3", &[about("example.com", "sts")]), "a.example", true),
    ]);
    assert_eq!(place.row("SELECT count(*) FROM reports"), "0");
    let ours = listing(&["example.org", "example.net"], &[]);
    assert_eq!(place.store.admit_by(&ours, at(NOW)).unwrap(), 1);
    assert_eq!(
        place.rows(STANDING),
        ["1|counted|NULL", "2|set-aside|origin", "3|set-aside|foreign"]
    );
    assert_eq!(place.store.admit_by(&ours, at(NOW)).unwrap(), 0);
    // It is news: the next digest covers it.
    assert_eq!(place.row("SELECT id > 3 FROM reports"), "1");
    assert_eq!(facts(&place).mails.set_aside, 1);
    assert_eq!(
        place.rows("SELECT outcome FROM mails ORDER BY id"),
        ["stored", "set-aside", "set-aside"]
    );
    // Without a list everything is.
    assert_eq!(place.store.admit_by(&Config::default(), at(NOW)).unwrap(), 1);
    assert_eq!(
        place.rows(STANDING),
        ["1|counted|NULL", "2|set-aside|origin", "3|counted|NULL"]
    );
}

#[test]
fn what_counted_before_others_were_listed_goes_on_counting() {
    let mut place = place(&Config::default());
    place.record(&[report("1", &[about("example.net", "sts")])]);
    assert_eq!(
        place
            .store
            .admit_by(&listing(&["example.org"], &[]), at(NOW))
            .unwrap(),
        0
    );
    assert_eq!(place.rows(STANDING), ["1|counted|NULL"]);
}

#[test]
fn foreign_report_counts_once_a_person_says_so_and_stays_counted() {
    let config = listing(&["example.org"], &[]);
    let mut place = place(&config);
    let foreign = || report("1", &[about("example.net", "sts")]);
    place.record(&[foreign()]);
    let accepted = place
        .store
        .accept(Accept::Mail(1), at(NOW), &config.domains)
        .unwrap();
    assert_eq!(accepted, (1, 1));
    assert_eq!(place.record(&[foreign()]).duplicates, 1);
    assert_eq!(place.store.admit_by(&Config::default(), at(NOW)).unwrap(), 0);
    assert_eq!(place.rows(STANDING), ["1|counted|NULL"]);
}

#[test]
fn foreign_reports_set_nothing_free_and_are_not_called_unproven() {
    let mut place = place(&listing(&["example.org"], &[]));
    place.record(&[by(
        report("1", &[about("example.net", "sts")]),
        "a.example",
        false,
    )]);
    assert_eq!(place.rows(STANDING), ["1|set-aside|foreign"]);
    assert_eq!(place.store.unproven(at(NOW)).unwrap(), None);
    assert_eq!(place.store.set_free(at(NOW)).unwrap(), 0);
    assert!(facts(&place).kept_out.withheld.is_empty());
}

#[test]
fn copy_of_a_foreign_report_that_is_proven_is_remembered() {
    let mut place = place(&listing(&["example.org"], &[]));
    let foreign = || report("1", &[about("example.net", "sts")]);
    place.record(&[
        by(foreign(), "a.example", false),
        by(foreign(), "a.example", true),
    ]);
    assert_eq!(place.store.admit_by(&Config::default(), at(NOW)).unwrap(), 1);
}

/// A report of a reporter that came on a day.
pub(super) fn on(day: &str, reporter: &str, id: &str) -> IncomingMail {
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
fn reports_that_are_not_proven_are_counted_by_what_is_behind() {
    let mut place = place(&Config::default());
    let mut gone = by(report("2", &[]), "b.example", false);
    if let super::super::Content::Reports(reports) = &mut gone.content
        && let IncomingReport::Read { standing, .. } = &mut reports[0]
    {
        standing.reason = Some("its key is not in the DNS (NXDOMAIN)".to_owned());
    }
    place.record(&[
        by(report("1", &[]), "a.example", false),
        gone,
        by(report("3", &[]), "a.example", false),
        by(report("4", &[]), "c.example", true),
        mail_of(super::super::Content::NotAReport),
    ]);
    assert_eq!(
        facts(&place).kept_out.unproven_for,
        [(Cause::Unsigned, 2), (Cause::KeyGone, 1)]
    );
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
