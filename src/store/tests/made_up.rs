//! Reports made up for properties, and what happens to them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{NOW, Place, at, report_of};
use crate::config::Limits;
use crate::report::{self, Context};

/// A report on one of these days, of which many have the same identity; counts are small, unreadable or the largest.
pub(super) fn report(days: &[&'static str], largest: i64) -> impl Strategy<Value = Value> + use<> {
    let head = (
        select(vec!["1", "2", "3"]),
        select(days.to_vec()),
        select(vec!["webmail.example", "mail.example"]),
    );
    (head, proptest::collection::vec(policy(largest), 0..4)).prop_map(|((id, day, contact), policies)| {
        let mut report = report_of(id, day, policies);
        report["contact-info"] = json!(format!("tls@{contact}"));
        report
    })
}

fn policy(largest: i64) -> impl Strategy<Value = Value> {
    let kind = select(vec!["sts", "tlsa", "no-policy-found", "made-up"]);
    let domain = select(vec![json!("example.org"), json!("example.com"), Value::Null]);
    let details = proptest::collection::vec(detail(largest), 0..4);
    (kind, domain, count(largest), count(largest), details).prop_map(|(kind, domain, ok, failed, details)| {
        json!({
            "policy": { "policy-type": kind, "policy-domain": domain, "policy-string": ["mode: testing"] },
            "summary": { "total-successful-session-count": ok, "total-failure-session-count": failed },
            "failure-details": details,
        })
    })
}

fn count(largest: i64) -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0_u64..9).prop_map(Value::from),
        1 => Just(json!(-1)),
        1 => Just(json!(largest)),
    ]
}

fn detail(largest: i64) -> impl Strategy<Value = Value> {
    let kind = select(vec!["certificate-expired", "validation-failure", "made-up"]);
    let mx = select(vec!["MX1.example.org", "mx2.example.org", ""]);
    let text = select(vec!["", "192.0.2.1", "2001:db8::1", "ünknown \u{0} reason"]);
    (kind, mx, text.clone(), text.clone(), text, count(largest)).prop_map(
        |(kind, mx, reason, from, to, n)| {
            json!({
                "result-type": kind, "receiving-mx-hostname": mx, "failure-reason-code": reason,
                "sending-mta-ip": from, "receiving-ip": to, "failed-session-count": n,
            })
        },
    )
}

/// Reads a stored report as this other one.
pub(super) fn reparse(place: &mut Place, which: Index, report: &Value) {
    let ids = place.rows("SELECT id FROM report ORDER BY id");
    if ids.is_empty() {
        return;
    }
    let id = which.get(&ids).parse().unwrap();
    let parsed = report::parse(&report.to_string(), &Limits::default(), &Context::default()).unwrap();
    place
        .store
        .rewrite_report(id, &parsed, &BTreeSet::new(), "other.example", at(NOW))
        .unwrap();
}
