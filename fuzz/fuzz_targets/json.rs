//! A JSON document to a report, and the report back to JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsrptd::config::Limits;
use tlsrptd::report::{self, Context};

fuzz_target!(|json: &[u8]| {
    let limits = Limits {
        json_depth: 20,
        policies: 20,
        failure_details: 50,
        ..Limits::default()
    };
    let context = Context {
        file_name: Some("example.net!example.org!1795132800!1795219199.json"),
        tls_report_domain: None,
        date: Some(jiff::Timestamp::UNIX_EPOCH),
    };
    let Ok(parsed) = report::parse(&String::from_utf8_lossy(json), &limits, &context) else {
        return;
    };
    let written = report::to_json(&parsed.report);
    let again = report::parse(&written, &limits, &Context::default()).expect("what we write, we read");
    assert_eq!(again.report, parsed.report, "{written}");
});
