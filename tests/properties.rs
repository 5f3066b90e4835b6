//! What holds for every input: nothing panics, order and repetition of arrival don't matter, sums are sums.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic, and a table is as long as it is"
)]

mod place;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value as Json, json};
use tlsrptd::config::Limits;
use tlsrptd::deliver;
use tlsrptd::prepare::{Input, prepare};
use tlsrptd::store::{Content, IncomingReport, Origin, QueryOutput, Store, Value};

use place::{Place, now};

// ---- Reading ----

/// `prepare` survives a panic of the parsers; here it must not come to that.
fn assert_read_without_panic(input: Input<'_>, limits: &Limits) {
    let prepared = prepare(Origin::default(), input, limits, now());
    if let Content::Rejected(reason) = prepared.content {
        assert!(!reason.contains("inside tlsrptd"), "it panicked");
    }
}

/// All mails and files under `fixtures/`.
fn fixtures() -> Vec<Vec<u8>> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if !path.to_string_lossy().ends_with(".expected.json") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    below(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"),
        &mut found,
    );
    found.sort();
    assert!(found.len() > 50, "only {} fixtures", found.len());
    found.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A change to some bytes; places are relative to their length.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Repeat(Index, usize),
    CutAt(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let odd = select(vec![
        &b"\0"[..],
        b"\r\n",
        b"\r\n\r\n",
        b"--b\r\n",
        b"{",
        b"}",
        b"[",
        b"\"",
        b"\\u",
        b"\xff",
        b"\x1f\x8b\x08",
        b"PK\x03\x04",
        b"=",
        b"null",
        b"1e999",
        b"Content-Type: message/rfc822\r\n",
    ]);
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), 1_usize..200).prop_map(|(at, n)| Change::Remove(at, n)),
        (any::<Index>(), odd).prop_map(|(at, bytes)| Change::Insert(at, bytes.to_vec())),
        (any::<Index>(), 1_usize..200).prop_map(|(at, n)| Change::Repeat(at, n)),
        any::<Index>().prop_map(Change::CutAt),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Set(at, byte) => bytes[at.index(length)] = *byte,
        Change::Remove(at, n) => {
            let from = at.index(length);
            bytes.drain(from..length.min(from + n));
        }
        Change::Insert(at, piece) => {
            let at = at.index(length);
            bytes.splice(at..at, piece.iter().copied());
        }
        Change::Repeat(at, n) => {
            let from = at.index(length);
            let piece = bytes[from..length.min(from + n)].to_vec();
            bytes.splice(from..from, piece);
        }
        Change::CutAt(at) => bytes.truncate(at.index(length)),
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let limits = Limits::default();
        assert_read_without_panic(Input::Mail(&bytes), &limits);
        assert_read_without_panic(Input::File { bytes: &bytes, name: None }, &limits);
    }

    #[test]
    fn changed_fixtures_never_panic(which: Index, changes in prop::collection::vec(change(), 1..6)) {
        let all = fixtures();
        let mut bytes = which.get(&all).clone();
        for change in &changes {
            apply(&mut bytes, change);
        }
        let limits = Limits { decompressed_bytes: 1_000_000, ..Limits::default() };
        assert_read_without_panic(Input::Mail(&bytes), &limits);
        assert_read_without_panic(Input::File { bytes: &bytes, name: Some("a!b!1!2.json.gz") }, &limits);
    }
}

// ---- Storing ----

/// A report's JSON out of few values, so that identities, policies and failure types meet often.
fn report() -> impl Strategy<Value = Json> {
    let policies = prop::collection::vec(policy(), 0..4);
    (
        select(vec!["Example Net", "Example Com"]),
        0..3_u8,
        18..20_u8,
        policies,
    )
        .prop_map(|(organization, id, day, policies)| {
            json!({
                "organization-name": organization,
                "date-range": { "start-datetime": format!("2026-11-{day}T00:00:00Z"),
                                "end-datetime": format!("2026-11-{day}T23:59:59Z") },
                "contact-info": format!("tls@{}", organization.to_lowercase().replace(' ', ".")),
                "report-id": id.to_string(),
                "policies": policies,
            })
        })
}

fn policy() -> impl Strategy<Value = Json> {
    let details = prop::collection::vec(detail(), 0..3);
    let kind = select(vec!["sts", "tlsa", "no-policy-found", "odd"]);
    (kind, select(vec!["example.org", "example.net"]), count(), count(), details).prop_map(
        |(kind, domain, ok, failed, details)| {
            json!({ "policy": { "policy-type": kind, "policy-domain": domain },
                    "summary": { "total-successful-session-count": ok, "total-failure-session-count": failed },
                    "failure-details": details })
        },
    )
}

fn detail() -> impl Strategy<Value = Json> {
    let kind = select(vec!["certificate-expired", "validation-failure", "odd"]);
    (kind, select(vec!["mx1.example.org", ""]), count()).prop_map(|(kind, mx, count)| {
        json!({ "result-type": kind, "receiving-mx-hostname": mx, "failed-session-count": count })
    })
}

/// Mostly readable, some zero, some not.
fn count() -> impl Strategy<Value = Json> {
    prop_oneof![4 => (0..9_u64).prop_map(Json::from), 1 => Just(Json::Null)]
}

impl Place {
    fn rows(&self, query: &str) -> Vec<Vec<Value>> {
        let mut rows = Rows(Vec::new());
        let mut reader = Store::open_read_only(&self.config.store).unwrap();
        reader.query(query, Duration::from_mins(1), &mut rows).unwrap();
        rows.0
    }

    /// Everything that is promised of the reports, without ids and our own times.
    fn views(&self) -> BTreeMap<&'static str, Vec<Vec<Value>>> {
        VIEWS
            .iter()
            .map(|(name, query)| (*name, self.rows(query)))
            .collect()
    }

    fn digest(&self) -> Json {
        let now = now().to_zoned(deliver::zone(&self.config));
        let (made, _) = deliver::next(
            &self.config,
            &self.store,
            &self.config.digest.audiences()[0],
            &now,
        )
        .unwrap();
        serde_json::from_str(&made.digest.to_json().unwrap()).unwrap()
    }
}

struct Rows(Vec<Vec<Value>>);

impl QueryOutput for Rows {
    fn columns(&mut self, _: &[String]) -> std::io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: Vec<Value>) -> std::io::Result<()> {
        self.0.push(values);
        Ok(())
    }
}

const VIEWS: &[(&str, &str)] = &[
    (
        "reports_all",
        "SELECT organization_name, report_id, contact_info, submitter, start_datetime, end_datetime, day,
                authentication, deviations, json, status FROM reports_all ORDER BY json",
    ),
    (
        "policy_results",
        "SELECT json, policy_type, policy_domain, sts_mode, policy_string, mx_host, total_successful_session_count,
                total_failure_session_count
         FROM policy_results JOIN reports ON reports.id = report ORDER BY json, policy_results.id",
    ),
    (
        "failure_details",
        "SELECT json, result_type, receiving_mx_hostname, failed_session_count
         FROM failure_details JOIN policy_results ON policy_results.id = policy_result
              JOIN reports ON reports.id = policy_results.report
         ORDER BY json, failure_details.id",
    ),
    (
        "failure_types",
        "SELECT policy_domain, policy_type, result_type, receiving_mx_hostname, first_day, last_day
         FROM failure_types ORDER BY 1, 2, 3, 4",
    ),
    (
        "failures",
        "SELECT day, organization_name, submitter, policy_domain, policy_type, sts_mode, result_type,
                receiving_mx_hostname, failed_session_count
         FROM failures ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9",
    ),
    ("sessions_by_day", "SELECT * FROM sessions_by_day ORDER BY 1, 2, 3, 4"),
    ("domain_days", "SELECT * FROM domain_days ORDER BY 1, 2"),
    ("reporters", "SELECT * FROM reporters ORDER BY 1"),
    ("domains", "SELECT * FROM domains ORDER BY 1"),
];

/// Sums of one domain over reports as rfc8460 and the contract have it, worked out without SQL: sts and tlsa
/// entries of one report are the same sessions, of which the larger count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    ok: u64,
    failed: u64,
    at_least: bool,
}

fn expected_domains(reports: &[Json]) -> BTreeMap<String, Sums> {
    let mut domains: BTreeMap<String, Sums> = BTreeMap::new();
    for report in reports {
        let mut of_report: BTreeMap<&str, [(u64, u64); 3]> = BTreeMap::new();
        for result in report["policies"].as_array().unwrap() {
            let domain = result["policy"]["policy-domain"].as_str().unwrap();
            let kind = match result["policy"]["policy-type"].as_str() {
                Some("sts") => 0,
                Some("tlsa") => 1,
                _ => 2,
            };
            let ok = &result["summary"]["total-successful-session-count"];
            let failed = &result["summary"]["total-failure-session-count"];
            let (sum_ok, sum_failed) = &mut of_report.entry(domain).or_default()[kind];
            *sum_ok += ok.as_u64().unwrap_or(0);
            *sum_failed += failed.as_u64().unwrap_or(0);
            let sums = domains.entry(domain.to_owned()).or_default();
            sums.at_least |= !ok.is_u64() || !failed.is_u64();
        }
        for (domain, [sts, tlsa, other]) in of_report {
            let failed = sts.1.max(tlsa.1);
            let total = (sts.0 + sts.1).max(tlsa.0 + tlsa.1);
            let sums = domains.get_mut(domain).unwrap();
            sums.ok += total - failed + other.0;
            sums.failed += failed + other.1;
        }
    }
    domains
}

/// Those that count.
fn counted(place: &Place) -> Vec<Json> {
    let rows = place.rows("SELECT json FROM reports");
    rows.iter()
        .map(|row| match row.first() {
            Some(Value::Text(json)) => serde_json::from_str(json).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn sum(value: &Json) -> u64 {
    value["count"].as_u64().unwrap()
}

proptest! {
    // Each case makes databases on disk.
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn taking_in_twice_is_taking_in_once(reports in prop::collection::vec(report(), 1..6), batch in 1_usize..7) {
        let mut place = Place::with(|_| {});
        for reports in reports.chunks(batch) {
            place.record(reports);
        }
        let (views, digest) = (place.views(), place.digest());
        place.record(&reports);
        prop_assert_eq!(place.views(), views);
        let again = place.digest();
        for part in ["new", "ongoing", "domains", "reporters", "reports"] {
            prop_assert_eq!(&again[part], &digest[part]);
        }
    }

    #[test]
    fn order_of_arrival_does_not_matter(
        (reports, shuffled) in prop::collection::vec(report(), 2..8)
            .prop_flat_map(|reports| (Just(reports.clone()), Just(reports).prop_shuffle())),
        batch in 1_usize..8,
    ) {
        let (mut one, mut other) = (Place::with(|_| {}), Place::with(|_| {}));
        one.record(&reports);
        for reports in shuffled.chunks(batch) {
            other.record(reports);
        }
        prop_assert_eq!(one.views(), other.views());
    }

    #[test]
    fn sums_in_the_digest_are_sums_of_the_reports(reports in prop::collection::vec(report(), 1..8)) {
        let mut place = Place::with(|_| {});
        place.record(&reports);
        let digest = place.digest();
        let counted = counted(&place);
        prop_assert_eq!(digest["reports"].as_u64(), u64::try_from(counted.len()).ok());
        let domains: BTreeMap<String, Sums> = digest["domains"].as_array().unwrap().iter().map(|domain| {
            let at_least = domain["ok"]["at_least"] == true || domain["failed"]["at_least"] == true;
            let sums = Sums { ok: sum(&domain["ok"]), failed: sum(&domain["failed"]), at_least };
            (domain["policy_domain"].as_str().unwrap().to_owned(), sums)
        }).collect();
        prop_assert_eq!(&domains, &expected_domains(&counted));
        let reporters = digest["reporters"].as_array().unwrap();
        let of_reporters = |key: &str| reporters.iter().map(|reporter| sum(&reporter[key])).sum::<u64>();
        prop_assert_eq!(of_reporters("ok"), domains.values().map(|sums| sums.ok).sum::<u64>());
        prop_assert_eq!(of_reporters("failed"), domains.values().map(|sums| sums.failed).sum::<u64>());
        let n_reports = reporters.iter().map(|reporter| reporter["reports"].as_u64().unwrap()).sum::<u64>();
        prop_assert_eq!(Some(n_reports), digest["reports"].as_u64());
    }

    #[test]
    fn reports_are_never_lost(reports in prop::collection::vec(report(), 1..8)) {
        let mut place = Place::with(|_| {});
        place.record(&reports);
        let kept: Vec<String> = place.rows("SELECT json FROM reports_all").into_iter().map(|row| match &row[..] {
            [Value::Text(json)] => json.clone(),
            other => panic!("{other:?}"),
        }).collect();
        for report in &reports {
            prop_assert!(kept.contains(&report.to_string()), "{} is gone", report);
        }
    }
}

#[test]
fn generated_reports_are_read() {
    let bytes = br#"{"report-id":"x","policies":[{"policy":{"policy-type":"sts"}}]}"#;
    let prepared = prepare(
        Origin::default(),
        Input::File { bytes, name: None },
        &Limits::default(),
        now(),
    );
    let Content::Reports(reports) = prepared.content else {
        panic!("{:?}", prepared.content);
    };
    assert!(matches!(reports.as_slice(), [IncomingReport::Read { .. }]));
}
