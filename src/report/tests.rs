use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::config::Limits;

const ENTRY: &str = r#"{"policy":{"policy-type":"sts","policy-domain":"example.org"},"summary":{}}"#;

fn read(text: &str) -> Result<Parsed, ParseError> {
    parse(text, &Limits::default(), &Context::default())
}

fn with(members: &str) -> Parsed {
    read(&format!("{{{members},\"policies\":[{ENTRY}]}}")).unwrap()
}

fn limit_of(text: &str) -> &'static str {
    match read(text) {
        Err(ParseError::Limit { limit, .. }) => limit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_report_is_told_from_what_is_no_json() {
    for text in [
        "[]",
        "1",
        "{}",
        r#"{"policies":[]}"#,
        r#"{"policies":"x","report-id":"1"}"#,
        r#"{"policies":[{}]}"#,
    ] {
        assert!(matches!(read(text), Err(ParseError::NotAReport)), "{text}");
    }
    for text in ["", "{", "{'policies':[]}", "<feedback>", r#"{"policies":[],}"#] {
        assert!(matches!(read(text), Err(ParseError::Json(_))), "{text}");
    }
}

#[test]
fn names_are_read_to_the_end_at_once() {
    let json = r#"{"policies":[{"policy":{"policy-type":"sts","policy-domain":" example.org . .. ",
        "policy-string":["[\"[\\\"3 1 1 ab\\\"]\",\"x\"]"],
        "mx-host":["mx:MX: mx1.example.org. ","mx:.","m\u00fcx.example\u3002"]}}]}"#;
    let report = read(json).unwrap().report;
    let policy = &report.policies[0].policy;
    assert_eq!(policy.policy_domain.as_deref(), Some("example.org"));
    assert_eq!(policy.policy_string, ["3 1 1 ab", "x"]);
    assert_eq!(policy.mx_host, ["mx1.example.org", "xn--mx-xka.example"]);
    assert_eq!(read(&to_json(&report)).unwrap().report, report);
}

#[test]
fn identity_ignores_what_the_mail_adds() {
    let text = format!("{{\"policies\":[{{\"summary\":{{}}}},{ENTRY}]}}");
    let here = read(&text).unwrap();
    let context = Context {
        file_name: Some("a.example!b.example!1795132800!1795219199.json"),
        tls_report_domain: Some("c.example"),
        date: Some("2026-11-22T00:00:00Z".parse().unwrap()),
    };
    let there = parse(&text, &Limits::default(), &context).unwrap();
    assert_ne!(here.report, there.report);
    assert_eq!((here.identity, here.content), (there.identity, there.content));
}

#[test]
fn identity_covers_the_set_of_domains() {
    let other = ENTRY.replace("example.org", "example.net");
    let identity = |entries: &[&str]| {
        read(&format!(
            "{{\"report-id\":\"1\",\"policies\":[{}]}}",
            entries.join(",")
        ))
        .unwrap()
        .identity
    };
    assert_eq!(identity(&[ENTRY, &other]), identity(&[&other, ENTRY, ENTRY]));
    assert_ne!(identity(&[ENTRY]), identity(&[&other]));
}

#[test]
fn content_differs_where_a_count_does() {
    let text = format!("{{\"policies\":[{ENTRY}]}}");
    let other = text.replace(
        "\"summary\":{}",
        "\"summary\":{\"total-failure-session-count\":1}",
    );
    let (one, two) = (read(&text).unwrap(), read(&other).unwrap());
    assert_eq!(one.identity, two.identity);
    assert_ne!(one.content, two.content);
}

#[test]
fn absent_and_empty_are_told_apart_by_position() {
    let one = with(r#""organization-name":"x""#);
    let two = with(r#""report-id":"x""#);
    assert_ne!(one.identity, two.identity);
}

#[test]
fn derived_report_id_is_that_of_the_content() {
    let parsed = with(r#""organization-name":"x""#);
    let hex = parsed
        .content
        .iter()
        .take(8)
        .fold("derived-".to_owned(), |mut id, byte| {
            write!(id, "{byte:02x}").unwrap();
            id
        });
    assert_eq!(parsed.report.report_id, hex);
}

#[test]
fn policies_are_capped_while_reading() {
    let entries = vec![ENTRY; 10_001].join(",");
    assert_eq!(limit_of(&format!("{{\"policies\":[{entries}]}}")), "policies");
}

#[test]
fn failure_details_are_capped_over_all_policies() {
    let details = vec!["{}"; 50_001].join(",");
    let entry = format!("{{\"policy\":{{}},\"failure-details\":[{details}]}}");
    assert_eq!(
        limit_of(&format!("{{\"policies\":[{entry},{entry}]}}")),
        "failure_details"
    );
}

#[test]
fn deep_json_is_refused_without_recursion() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        limit_of(&format!("{{\"x\":{deep},\"policies\":[{ENTRY}]}}")),
        "json_depth"
    );
}

#[test]
fn brackets_within_strings_are_no_depth() {
    let text = "[".repeat(100);
    assert!(
        with(&format!("\"x\":\"\\\"{text}\\\\\""))
            .deviations
            .contains(deviation::DATE_RANGE_INFERRED)
    );
}

#[test]
fn short_entries_of_many_policies_stay_bounded() {
    let list = vec!["\"a\""; 1000].join(",");
    let entry = format!("{{\"policy\":{{\"policy-string\":[{list}]}}}}");
    let parsed = read(&format!("{{\"policies\":[{}]}}", vec![entry; 120].join(","))).unwrap();
    let n_kept: usize = parsed
        .report
        .policies
        .iter()
        .map(|result| result.policy.policy_string.len())
        .sum();
    assert_eq!(n_kept, 100_000);
    assert!(parsed.deviations.contains(deviation::TRUNCATED));
}

#[test]
fn mode_is_found_by_its_key() {
    let mode = |lines: &[&str]| {
        let mut report = with("\"report-id\":\"1\"").report;
        let result = report.policies.first_mut().unwrap();
        result.policy.policy_string = lines.iter().map(|line| (*line).to_owned()).collect();
        result.sts_mode()
    };
    assert_eq!(
        mode(&["max_age: 1", "MODE :  Testing "]).as_deref(),
        Some("testing")
    );
    assert_eq!(mode(&["version: STSv1\r\nmode:none"]).as_deref(), Some("none"));
    assert_eq!(mode(&["mx: mode.example", "mode:"]), None);
}

#[test]
fn names_of_deviations_are_unique() {
    let mut names: Vec<_> = deviation::ALL
        .iter()
        .chain(crate::extract::deviation::ALL)
        .map(|(name, _)| *name)
        .collect();
    let n_names = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), n_names);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".*") {
        prop_assert!(read(&text).is_err());
    }

    #[test]
    fn arbitrary_values_never_sink_the_report(value in json(), key in key()) {
        let text = format!("{{\"{key}\":{value},\"policies\":[{ENTRY},{{\"policy\":{{\"{key}\":{value}}},\"summary\":{{\"{key}\":{value}}},\"failure-details\":[{{\"{key}\":{value}}}]}}]}}");
        let read_first = read(&text).unwrap().report;
        prop_assert_eq!(read_first.policies.len(), 2);
        let written = to_json(&read_first);
        prop_assert_eq!(read(&written).unwrap().report, read_first, "{}", written);
    }

    #[test]
    fn reading_what_was_written_gives_the_same_report(report in report()) {
        let parsed = read(&to_json(&report)).unwrap();
        prop_assert_eq!(&parsed.report, &report);
        let again = read(&to_json(&parsed.report)).unwrap();
        prop_assert_eq!((again.identity, again.content), (parsed.identity, parsed.content));
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "organization-name",
        "report-id",
        "contact-info",
        "date-range",
        "policy-type",
        "policy-string",
        "policy-domain",
        "mx-host",
        "total-successful-session-count",
        "total-failure-session-count",
        "result-type",
        "sending-mta-ip",
        "receiving-mx-hostname",
        "receiving-ip",
        "failed-session-count",
        "additional-information",
        "failure-reason-code",
        "unknown",
    ])
    .prop_map(str::to_owned)
}

/// JSON of any shape, odd numbers and half surrogate pairs too.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[1-9][0-9]{0,400}(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,5})?",
        "\"([a-zA-Z0-9:.\\[\\]éü日 -]|\\\\ud[89a-f]00|\\\\u0000|\\\\\"){0,60}\"",
        "\"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?\"",
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            vec((key(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn count() -> impl Strategy<Value = Option<u64>> {
    of(0..=u64::try_from(i64::MAX).unwrap())
}

/// Text that no tolerance changes: not empty, without a list's bracket at its start.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9éü<>\"\\\\=:/\r\n\u{0}\u{202e}][ -Z^-~日\u{1f600}]{0,40}"
}

fn host() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,10}(\\.[a-z0-9-]{1,10}){0,3}\\.example"
}

fn ip() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|ip| ip.to_string()),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..=253_370_764_800_i64).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn report() -> impl Strategy<Value = Report> {
    (
        of(text()),
        text(),
        of(text()),
        time(),
        time(),
        vec(policy_result(), 0..4),
    )
        .prop_map(
            |(organization_name, report_id, contact_info, start, end, policies)| Report {
                organization_name,
                report_id,
                contact_info,
                start,
                end,
                policies,
            },
        )
}

fn policy_result() -> impl Strategy<Value = PolicyResult> {
    let policy_type = prop_oneof![
        Just(PolicyType::Sts),
        Just(PolicyType::Tlsa),
        Just(PolicyType::NoPolicyFound),
        text().prop_map(|text| PolicyType::from_text(&text)),
    ];
    (
        policy_type,
        vec(text(), 0..5),
        host(),
        vec(host(), 0..3),
        count(),
        count(),
        vec(failure_details(), 0..4),
    )
        .prop_map(
            |(policy_type, policy_string, domain, mx_host, successful, failed, failure_details)| {
                PolicyResult {
                    policy: Policy {
                        policy_type,
                        policy_string,
                        policy_domain: Some(domain),
                        mx_host,
                    },
                    successful,
                    failed,
                    failure_details,
                }
            },
        )
}

fn failure_details() -> impl Strategy<Value = FailureDetails> {
    let result_type = prop_oneof![
        Just(ResultType::CertificateExpired),
        Just(ResultType::StsWebpkiInvalid),
        text().prop_map(|text| ResultType::from_text(&text)),
    ];
    (
        of(result_type),
        of(ip()),
        of(host()),
        of(text()),
        of(ip()),
        count(),
        of(text()),
        of(text()),
    )
        .prop_map(
            |(
                result_type,
                sending_mta_ip,
                mx,
                helo,
                receiving_ip,
                failed_session_count,
                reason,
                information,
            )| {
                FailureDetails {
                    result_type,
                    sending_mta_ip,
                    receiving_mx_hostname: mx,
                    receiving_mx_helo: helo,
                    receiving_ip,
                    failed_session_count,
                    failure_reason_code: reason,
                    additional_information: information,
                }
            },
        )
}
