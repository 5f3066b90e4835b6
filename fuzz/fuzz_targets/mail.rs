//! A mail to what is recorded of it: MIME, encodings, archives, JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsrptd::config::Limits;
use tlsrptd::prepare::{Input, prepare};
use tlsrptd::store::{Content, Origin};

fuzz_target!(|mail: &[u8]| {
    // Small, so that the limits are met as well.
    let limits = Limits {
        mail_bytes: 100_000,
        decompressed_bytes: 200_000,
        leaf_parts: 50,
        policies: 20,
        failure_details: 50,
        ..Limits::default()
    };
    let prepared = prepare(Origin::default(), Input::Mail(mail), &limits, jiff::Timestamp::UNIX_EPOCH);
    match prepared.content {
        Content::NotAReport => assert!(prepared.raw.is_none(), "other people's mail is not kept"),
        Content::Rejected(reason) => assert!(!reason.is_empty()),
        Content::Reports(reports) => assert!(!reports.is_empty()),
    }
});
