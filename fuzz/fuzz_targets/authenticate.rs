//! A mail and a key record to a verdict: header, tags, signatures, Authentication-Results.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsrptd::authenticate::{Answer, Keys, Receipt, Verdict, questions, verify};
use tlsrptd::config::{AuthenticationConfig, AuthenticationMode};

fuzz_target!(|input: &[u8]| {
    // What stands after the last NUL is the record of every key.
    let at = input.iter().rposition(|byte| *byte == 0);
    let (mail, record) = at.map_or((input, &b""[..]), |at| (&input[..at], &input[at + 1..]));
    let receipt = Receipt {
        received_at: None,
        now: jiff::Timestamp::from_second(1_795_000_000).unwrap(),
    };
    for (mode, id) in [
        (AuthenticationMode::Auto, "mx.example.org"),
        (AuthenticationMode::Verify, ""),
        (AuthenticationMode::TrustMx, "mx.example.org"),
        (AuthenticationMode::TrustMx, "none"),
    ] {
        let config = AuthenticationConfig {
            mode,
            authserv_id: id.to_owned(),
            ..AuthenticationConfig::default()
        };
        let names = questions(mail, &config);
        assert!(names.len() <= 8, "{} look-ups", names.len());
        let keys: Keys = names
            .into_iter()
            .map(|name| (name, Answer::Records(vec![record.to_vec()])))
            .collect();
        let verdict = verify(mail, receipt, &config, &keys);
        assert_ne!(verdict, Verdict::Unchecked);
        assert!(verdict.domain().is_none_or(|domain| !domain.is_empty()));
        if let Some(reason) = verdict.reason() {
            assert!(!reason.to_string().is_empty());
        }
        assert!(mode != AuthenticationMode::Verify || !matches!(verdict, Verdict::MxVerified { .. }));
    }
});
