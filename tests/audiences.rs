//! What an audience is told is what it would be told if no other domain had ever been reported on.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic"
)]

mod place;

use std::collections::BTreeSet;

use jiff::{Timestamp, Zoned};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use tlsrptd::assess::history::{Remark, Saying};
use tlsrptd::assess::news::{merged, of};
use tlsrptd::config::{Audience, Span};
use tlsrptd::deliver::{self, Access};
use tlsrptd::digest::{Known, MailKind, Rendered};
use tlsrptd::prepare::{Input, prepare};
use tlsrptd::store::{Content, IncomingMail, IncomingReport, Origin};

use place::Place;

const THEIRS: &[&str] = &["shop.example", "mail.shop.example"];
const FOREIGN: &[&str] = &["secret.example", "example.org"];
/// Its reports aren't proven.
const UNPROVEN: &str = "office.example";
/// MX hosts are shared, and one is named after a foreign domain.
const MX: &[&str] = &[
    "mx1.provider.example",
    "mx2.provider.example",
    "mx.shop.example",
    "",
];

fn policy() -> impl Strategy<Value = Json> {
    let domain = select([THEIRS, FOREIGN].concat());
    let text = select(vec!["enforce", "testing", "tlsa", "none"]);
    (domain, text, 0..60_u64, prop::collection::vec(detail(), 0..3)).prop_map(
        |(domain, text, ok, details)| {
            let failed: u64 = details.iter().map(|(_, count)| count).sum();
            let details: Vec<&Json> = details.iter().map(|(detail, _)| detail).collect();
            let policy = match text {
                "tlsa" => json!({ "policy-type": "tlsa", "policy-domain": domain,
                                  "policy-string": [format!("3 1 1 {:064x}", domain.len())] }),
                "none" => json!({ "policy-type": "no-policy-found", "policy-domain": domain }),
                mode => json!({ "policy-type": "sts", "policy-domain": domain,
                                "policy-string": ["version: STSv1", format!("mode: {mode}"), "mx: *.provider.example"] }),
            };
            json!({ "policy": policy, "failure-details": details,
                    "summary": { "total-successful-session-count": ok, "total-failure-session-count": failed } })
        },
    )
}

fn detail() -> impl Strategy<Value = (Json, u64)> {
    let kind = select(vec![
        "certificate-expired",
        "validation-failure",
        "starttls-not-supported",
        "tlsa-invalid",
    ]);
    (kind, select(MX), 1..30_u64).prop_map(|(kind, mx, count)| {
        let detail =
            json!({ "result-type": kind, "receiving-mx-hostname": mx, "failed-session-count": count });
        (detail, count)
    })
}

/// Reports on the days before, no two with one identity.
fn reports() -> impl Strategy<Value = Vec<Json>> {
    let reporter = select(vec!["google.com", "microsoft.com", "hosting.example", UNPROVEN]);
    let report = (reporter, 0..20_u8, prop::collection::vec(policy(), 1..4));
    prop::collection::vec(report, 1..7).prop_map(|reports| {
        let reports = reports.into_iter().enumerate();
        reports
            .map(|(n, (reporter, day, policies))| {
                let day = day + 2;
                json!({ "organization-name": reporter, "contact-info": format!("tls@{reporter}"),
                        "report-id": format!("{n}@{reporter}"), "policies": policies,
                        "date-range": { "start-datetime": format!("2026-11-{day:02}T00:00:00Z"),
                                        "end-datetime": format!("2026-11-{day:02}T23:59:59Z") } })
            })
            .collect()
    })
}

/// The same reports without a word on other domains.
fn without_foreign(reports: &[Json]) -> Vec<Json> {
    let mut reports = reports.to_vec();
    for report in &mut reports {
        let policies = report["policies"].as_array_mut().unwrap();
        policies.retain(|policy| THEIRS.contains(&policy["policy"]["policy-domain"].as_str().unwrap()));
    }
    reports.retain(|report| !report["policies"].as_array().unwrap().is_empty());
    reports
}

impl Place {
    fn new() -> Self {
        Self::with(|config| {
            config.digest.to = vec!["ops@example.org".to_owned()];
            config.digest.audience = vec![Audience {
                name: "shop".to_owned(),
                domains: THEIRS.iter().map(|domain| (*domain).to_owned()).collect(),
                to: vec!["team@shop.example".to_owned()],
            }];
        })
    }

    /// Takes reports in; those of one reporter aren't proven, so they are set aside.
    fn record_judged(&mut self, reports: &[Json]) {
        let mails: Vec<IncomingMail> = reports
            .iter()
            .map(|report| {
                let bytes = report.to_string().into_bytes();
                let input = Input::File {
                    bytes: &bytes,
                    name: None,
                };
                let mut mail = prepare(Origin::default(), input, &self.config.limits, place::now());
                if report["organization-name"] == UNPROVEN
                    && let Content::Reports(reports) = &mut mail.content
                    && let Some(IncomingReport::Read { standing, .. }) = reports.first_mut()
                {
                    standing.authentication = "none";
                    standing.counts = false;
                }
                mail
            })
            .collect();
        self.store
            .record(&mails, None, Span::Forever, place::now())
            .unwrap();
    }

    fn shop(&self) -> Audience {
        self.config.digest.audiences()[1].clone()
    }

    /// Mails of every kind, as they would be sent at `now`, whether one would be urgent, and the ids in them.
    fn mails(&mut self, now: &Zoned) -> (Vec<(Rendered, bool)>, BTreeSet<String>) {
        let audience = self.shop();
        let known = deliver::known(&self.config, Access::Write(&mut self.store), &audience, now).unwrap();
        let mailboxes = deliver::mailboxes(&self.config);
        let recipients = deliver::recipients(&self.config);
        let question = deliver::question(&self.config, &audience, &mailboxes, &recipients, now.timestamp());
        let facts = self.store.digest_facts(&question).unwrap();
        let kinds = [
            MailKind::FirstLook,
            MailKind::Daily,
            MailKind::Weekly,
            MailKind::Urgent,
        ];
        let mails = kinds.into_iter().map(|kind| {
            let made = deliver::make(&self.config, kind, &facts, &known).unwrap();
            (made.rendered, known.has_urgent())
        });
        (mails.collect(), ids(&known))
    }

    /// All ids by which its problems go here.
    fn ids(&mut self, now: &Zoned) -> BTreeSet<String> {
        let shop = self.shop();
        ids(&deliver::known(&self.config, Access::Write(&mut self.store), &shop, now).unwrap())
    }

    /// Sends an audience what there is.
    fn tell(&mut self, now: &Zoned, audience: &Audience, kind: MailKind) {
        deliver::fix(&self.config, &mut self.store, audience, now, now, |_, _| {
            Ok(Some(kind))
        })
        .unwrap()
        .unwrap();
    }
}

/// Ids are shared by all: whoever was first to show a problem may have given it the id by which it goes on. They differ
/// in length too, which moves what stands beside them, so the words of the text are sorted; those of the HTML are not.
fn without_ids(mail: &Rendered, ids: &BTreeSet<String>) -> Rendered {
    let is_edge = |c: char| !c.is_ascii_alphanumeric();
    let mask = |text: &str| {
        let words = text.split_whitespace().map(|word| {
            let inner = word.trim_matches(is_edge);
            if ids.contains(inner) {
                word.replace(inner, "ID")
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>()
    };
    let mut text = mask(&mail.text);
    text.sort();
    Rendered {
        subject: mask(&mail.subject).join(" "),
        text: text.join(" "),
        html: mask(&mail.html.replace('>', "> ").replace('<', " <")).join(" "),
    }
}

/// The first words in which two rounds of mails differ; empty if they are equal.
fn difference(all: &[(Rendered, bool)], theirs: &[(Rendered, bool)], ids: &BTreeSet<String>) -> String {
    for ((a, is_urgent), (b, is_urgent_alone)) in all.iter().zip(theirs) {
        if is_urgent != is_urgent_alone {
            return format!("urgent with all domains: {is_urgent}, alone: {is_urgent_alone}");
        }
        let (a, b) = (without_ids(a, ids), without_ids(b, ids));
        for (a, b) in [(&a.subject, &b.subject), (&a.html, &b.html), (&a.text, &b.text)] {
            let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
            if a != b {
                let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
                let excerpt = |words: &[&str]| -> String {
                    let words: Vec<&str> = words
                        .iter()
                        .skip(same.saturating_sub(12))
                        .take(40)
                        .copied()
                        .collect();
                    words.join(" ")
                };
                return format!(
                    "with all domains: {}\nwith theirs alone: {}",
                    excerpt(&a),
                    excerpt(&b)
                );
            }
        }
    }
    String::new()
}

fn ids(known: &Known) -> BTreeSet<String> {
    let ids = known
        .problems
        .iter()
        .flat_map(|problem| problem.aliases.iter().chain([&problem.id]));
    ids.cloned().collect()
}

fn zoned(text: &str) -> Zoned {
    text.parse::<Timestamp>()
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
}

fn failing(reporter: &str, domain: &str, kind: &str, count: u64) -> Json {
    json!({ "organization-name": reporter, "contact-info": format!("tls@{reporter}"),
            "report-id": format!("{domain}@{reporter}"),
            "date-range": { "start-datetime": "2026-11-19T00:00:00Z", "end-datetime": "2026-11-19T23:59:59Z" },
            "policies": [{
                "policy": { "policy-type": "sts", "policy-domain": domain,
                            "policy-string": ["version: STSv1", "mode: enforce", "mx: *.provider.example"] },
                "failure-details": [{ "result-type": kind, "receiving-mx-hostname": "mx2.provider.example",
                                      "failed-session-count": count }],
                "summary": { "total-successful-session-count": 5, "total-failure-session-count": count } }] })
}

#[test]
fn problem_of_which_other_domains_show_the_cause_keeps_what_was_told_of_it() {
    let mut place = Place::new();
    place.record(&[failing("google.com", "shop.example", "validation-failure", 40)]);
    let default = place.config.digest.audiences()[0].clone();
    let [morning, next] = ["2026-11-20T07:00:00Z", "2026-11-21T07:00:00Z"].map(zoned);
    place.tell(&morning, &default, MailKind::FirstLook);
    let shop = place.shop();
    place.tell(&morning, &shop, MailKind::FirstLook);
    let before = place.ids(&morning);
    let known = deliver::known(&place.config, Access::Write(&mut place.store), &shop, &morning).unwrap();
    let acknowledgement = Remark {
        about: known.problems[0].id.clone(),
        day: "2026-11-20".parse().unwrap(),
        by: "alice".to_owned(),
        saying: Saying::Acknowledged("2026-12-20".parse().unwrap()),
    };
    place.store.remark(&acknowledgement).unwrap();

    let secret = failing("hosting.example", "secret.example", "certificate-expired", 40);
    place.record(&[secret]);

    assert_ne!(before, place.ids(&next), "the id belongs to the precise problem");
    let known = deliver::known(&place.config, Access::Write(&mut place.store), &shop, &next).unwrap();
    let problem = &known.problems[0];
    let told = merged(problem, &known.tellings);
    assert!(!told.is_empty());
    assert_eq!(of(problem, &told, known.today), None, "it stays acknowledged");
    let all = deliver::known(&place.config, Access::Write(&mut place.store), &default, &next).unwrap();
    assert!(all.problems[0].acknowledged_until.is_some(), "for everybody");
    let of_id = |remark: &&Remark| problem.id == remark.about;
    assert_eq!(problem.remarks.iter().filter(of_id).count(), 1);
    let first_mails = place.store.first_mails(&shop.name, true).unwrap();
    assert!(first_mails.contains_key(&problem.id), "its mails stay a thread");
}

/// Each case takes half a second without optimisation.
fn few_cases() -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 8;
    }
    config
}

proptest! {
    #![proptest_config(few_cases())]

    #[test]
    fn no_name_and_no_figure_of_another_domain_reaches_an_audience(first in reports(), later in reports()) {
        let (mut all, mut theirs) = (Place::new(), Place::new());
        let shop = all.shop();
        let default = all.config.digest.audiences()[0].clone();
        let mornings = ["2026-11-20T07:00:00Z", "2026-11-21T07:00:00Z", "2026-11-23T07:00:00Z"].map(zoned);
        let kinds = [MailKind::FirstLook, MailKind::Daily, MailKind::Weekly];
        let later: Vec<Json> = later.into_iter().map(|mut report| {
            report["report-id"] = Json::from(format!("later {}", report["report-id"].as_str().unwrap()));
            report
        }).collect();
        let batches = [first, later, Vec::new()];
        for ((morning, kind), batch) in mornings.iter().zip(kinds).zip(&batches) {
            all.record_judged(batch);
            theirs.record_judged(&without_foreign(batch));
            let (mails, mut ids) = all.mails(morning);
            for (mail, _) in &mails {
                for domain in FOREIGN {
                    let all = format!("{}{}{}", mail.subject, mail.text, mail.html);
                    prop_assert!(!all.contains(domain), "{}", mail.text);
                }
                prop_assert!(!mail.text.contains("[authentication]"), "{}", mail.text);
            }
            let (alone, further_ids) = theirs.mails(morning);
            ids.extend(further_ids);
            let diff = difference(&mails, &alone, &ids);
            prop_assert!(diff.is_empty(), "{morning}: {diff}");
            // What the default recipients are told, and when, makes no difference either.
            all.tell(morning, &default, kind);
            for place in [&mut all, &mut theirs] {
                place.tell(morning, &shop, kind);
            }
        }
    }
}
