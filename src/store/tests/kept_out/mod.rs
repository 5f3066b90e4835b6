//! Reports that don't count whoever sent them: about others, and far too many.

use serde_json::{Value, json};

use super::super::rows::{DigestFacts, NewSender};
use super::super::{Accept, Content, IncomingMail, IncomingReport, Standing};
use super::{NOW, Place, at, backfill, detail, mail, mail_of, policy, question, recipients, report_of};
use crate::authenticate::Cause;
use crate::config::{Config, DomainsConfig, Span};

pub(super) mod flood;
mod told;

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
    if let Content::Reports(reports) = &mut mail.content {
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
