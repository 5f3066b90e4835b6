//! What an audience is told is what it would be told if no other domain had ever been reported on.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic"
)]

use jiff::{Timestamp, Zoned};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tlsrptd::config::{Audience, Config, Span};
use tlsrptd::deliver;
use tlsrptd::digest::{MailKind, Rendered};
use tlsrptd::prepare::{Input, prepare};
use tlsrptd::store::{IncomingMail, Origin, Store};

const THEIRS: &[&str] = &["shop.example", "mail.shop.example"];
const FOREIGN: &[&str] = &["secret.example", "example.org"];
/// MX hosts are shared, and one is named after a foreign domain.
const MX: &[&str] = &[
    "mx1.provider.example",
    "mx2.provider.example",
    "mx.shop.example",
    "",
];

fn now() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}

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
    let reporter = select(vec![
        "google.com",
        "microsoft.com",
        "hosting.example",
        "office.example",
    ]);
    let report = (reporter, 0..20_u8, prop::collection::vec(policy(), 1..5));
    prop::collection::vec(report, 1..12).prop_map(|reports| {
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

/// A database in a folder of its own.
struct Place {
    _folder: TempDir,
    config: Config,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.store.path = folder.path().join("tlsrptd.db");
        config.store.retention = Span::Forever;
        config.digest.announce_days = 0;
        config.digest.to = vec!["ops@example.org".to_owned()];
        config.digest.audience = vec![Audience {
            name: "shop".to_owned(),
            domains: THEIRS.iter().map(|domain| (*domain).to_owned()).collect(),
            to: vec!["team@shop.example".to_owned()],
        }];
        let store = Store::open(&config.store).unwrap();
        Self {
            _folder: folder,
            config,
            store,
        }
    }

    fn audience(&self) -> Audience {
        self.config.digest.audiences()[1].clone()
    }

    fn record(&mut self, reports: &[Json]) {
        let mails: Vec<IncomingMail> = reports
            .iter()
            .map(|report| {
                let bytes = report.to_string().into_bytes();
                let input = Input::File {
                    bytes: &bytes,
                    name: None,
                };
                prepare(Origin::default(), input, &self.config.limits, now())
            })
            .collect();
        self.store.record(&mails, None, Span::Forever, now()).unwrap();
    }

    /// Mails of every kind, as they would be sent at `now`; `anew`: as if no mail had told anything.
    fn mails(&mut self, now: &Zoned, anew: bool) -> Vec<(Rendered, bool)> {
        let audience = self.audience();
        let mut known = deliver::known(&self.config, &mut self.store, &audience, now).unwrap();
        if anew {
            known.tellings.clear();
        }
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
        kinds
            .into_iter()
            .map(|kind| {
                let made = deliver::make(&self.config, kind, &facts, &known).unwrap();
                (without_ids(&made.rendered), known.has_urgent())
            })
            .collect()
    }

    /// Sends the audience what there is.
    fn tell(&mut self, now: &Zoned, kind: MailKind) {
        let audience = self.audience();
        deliver::fix(&self.config, &mut self.store, &audience, now, now, |_, _| {
            Ok(Some(kind))
        })
        .unwrap()
        .unwrap();
    }
}

/// Ids are shared by all: whoever was first to show a problem may have given it the id by which it goes on.
fn without_ids(mail: &Rendered) -> Rendered {
    let mask = |text: &str| {
        let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '#');
        let is_id = |word: &str| (4..=5).contains(&word.len()) && word.chars().all(|c| c.is_ascii_hexdigit());
        words
            .map(|word| {
                let end = word
                    .trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '#')
                    .len();
                let (inner, rest) = word.split_at(end);
                if is_id(inner.trim_start_matches('#')) {
                    format!("ID{rest}")
                } else {
                    word.to_owned()
                }
            })
            .collect::<String>()
    };
    Rendered {
        subject: mask(&mail.subject),
        text: mask(&mail.text),
        html: mask(&mail.html),
    }
}

fn zoned(text: &str) -> Zoned {
    text.parse::<Timestamp>()
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn no_name_and_no_figure_of_another_domain_reaches_an_audience(first in reports(), later in reports()) {
        let (mut all, mut theirs) = (Place::new(), Place::new());
        // What the default recipients are told, and when, makes no difference either.
        all.record(&first);
        theirs.record(&without_foreign(&first));
        let morning = zoned("2026-11-20T07:00:00Z");
        prop_assert_eq!(all.mails(&morning, false), theirs.mails(&morning, false));
        all.tell(&morning, MailKind::FirstLook);
        theirs.tell(&morning, MailKind::FirstLook);
        let default = all.config.digest.audiences()[0].clone();
        deliver::fix(&all.config, &mut all.store, &default, &morning, &morning, |_, _| {
            Ok(Some(MailKind::FirstLook))
        }).unwrap().unwrap();
        let renamed: Vec<Json> = later.into_iter().map(|mut report| {
            report["report-id"] = Json::from(format!("later {}", report["report-id"].as_str().unwrap()));
            report
        }).collect();
        all.record(&renamed);
        theirs.record(&without_foreign(&renamed));
        let morning = zoned("2026-11-23T07:00:00Z");
        for (mail, _) in all.mails(&morning, false) {
            for domain in FOREIGN {
                let all = format!("{}{}{}", mail.subject, mail.text, mail.html);
                prop_assert!(!all.contains(domain), "{}", mail.text);
            }
        }
        prop_assert_eq!(all.mails(&morning, true), theirs.mails(&morning, true));
    }
}
