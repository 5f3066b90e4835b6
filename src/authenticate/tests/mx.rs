//! What our own MX found, and what others put into its mouth.

use super::*;

const PASS: &str = "Authentication-Results: mx.example.org; dkim=pass header.d=example.com header.s=s1\r\n";
const RECEIVED: &str = "Received: from a by mx.example.org; Fri, 20 Nov 2026 08:00:01 +0000\r\n";

fn trusting(id: &str, mode: AuthenticationMode) -> AuthenticationConfig {
    AuthenticationConfig {
        mode,
        authserv_id: id.to_owned(),
        ..config()
    }
}

fn judged(mail: &str) -> Verdict {
    let config = trusting("mx.example.org", AuthenticationMode::TrustMx);
    verify(mail.as_bytes(), receipt(), &config, &Keys::default())
}

fn mx() -> Verdict {
    Verdict::MxVerified {
        domain: "example.com".to_owned(),
    }
}

fn absent() -> Verdict {
    unauthenticated(Reason::Mx(MxFault::Absent {
        id: "mx.example.org".to_owned(),
    }))
}

fn no_pass() -> Verdict {
    unauthenticated(Reason::Mx(MxFault::NoPass {
        from: "example.com".to_owned(),
    }))
}

#[test]
fn our_mx_is_believed_wherever_it_writes() {
    let mail = signed(TAGS);
    assert_eq!(judged(&format!("{PASS}{RECEIVED}{mail}")), mx());
    assert_eq!(judged(&format!("{RECEIVED}{PASS}{mail}")), mx());
    assert_eq!(
        judged(&format!("{RECEIVED}{RECEIVED}{RECEIVED}{PASS}{RECEIVED}{mail}")),
        mx()
    );
    assert_eq!(
        judged(&format!(
            "{}{mail}",
            PASS.replace("mx.example.org", "MX.Example.ORG")
        )),
        mx()
    );
    let arc = "Authentication-Results: mx.example.org; arc=none\r\n";
    let spf = "Authentication-Results: mx.example.org; spf=pass\r\n";
    assert_eq!(judged(&format!("{arc}{spf}{PASS}{RECEIVED}{mail}")), mx());
}

#[test]
fn what_came_with_the_mail_is_not_believed() {
    let mail = signed(TAGS);
    let fail = PASS.replace("dkim=pass", "dkim=fail");
    assert_eq!(judged(&format!("{fail}{RECEIVED}{PASS}{mail}")), no_pass());
    assert_eq!(
        judged(&format!("{RECEIVED}{fail}{RECEIVED}{PASS}{mail}")),
        no_pass()
    );
    assert_eq!(
        judged(&format!("{RECEIVED}{}{mail}", PASS.replace("mx.", "evil."))),
        absent()
    );
    assert_eq!(judged(&mail), absent());
    for name in [
        "ARC-Authentication-Results",
        "Authentication-Results-Original",
        "X-Authentication-Results",
    ] {
        assert_eq!(
            judged(&format!("{}{mail}", PASS.replace("Authentication-Results", name))),
            absent()
        );
    }
}

#[test]
fn words_in_comments_and_quotes_prove_nothing() {
    let mail = signed(TAGS);
    for results in [
        "dkim=fail (a; dkim=pass header.d=example.com) header.d=example.com",
        "dkim=fail (a (b\\) ; dkim=pass header.d=example.com) c) header.d=example.com",
        "spf=pass smtp.mailfrom=\"a; dkim=pass header.d=example.com; x=\"@example.net",
        "dmarc=pass header.from=example.com",
        "dkim=pass header.d=example.net header.d=example.com",
        "dkim=pass header.d=example.net",
        "none",
    ] {
        let mail = format!("Authentication-Results: mx.example.org; {results}\r\n{mail}");
        assert_eq!(judged(&mail), no_pass(), "{results}");
    }
    let open =
        format!("Authentication-Results: mx.example.org; dkim=pass (x header.d=example.com\r\n{PASS}{mail}");
    assert_eq!(judged(&open), unauthenticated(Reason::Mx(MxFault::Unreadable)));
}

#[test]
fn what_the_mx_does_not_look_at_is_looked_at() {
    let no_such = || {
        unauthenticated(Reason::Mx(MxFault::NoSuchSignature {
            domain: "example.com".to_owned(),
        }))
    };
    assert_eq!(
        judged(&format!("{PASS}{}", signed(&format!("{TAGS}; l=1")))),
        no_such()
    );
    assert_eq!(
        judged(&format!("{PASS}{}", signed(&TAGS.replacen("h=From:", "h=", 1)))),
        no_such()
    );
    assert_eq!(judged(&format!("{PASS}{HEADER}\r\n{BODY}")), no_such());
    let other = PASS.replace("header.s=s1", "header.s=s2");
    assert_eq!(judged(&format!("{other}{}", signed(TAGS))), no_such());
    let start = PASS.replace("header.s=s1", "header.b=!!!!");
    assert_eq!(judged(&format!("{start}{}", signed(TAGS))), no_such());
    let two = format!("From: x@example.net\r\n{PASS}{}", signed(TAGS));
    assert_eq!(judged(&two), unauthenticated(Reason::SeveralFrom));
}

#[test]
fn mx_without_an_id_is_believed_in_its_topmost_field_only() {
    let none = trusting("none", AuthenticationMode::TrustMx);
    let judged = |mail: String| verify(mail.as_bytes(), receipt(), &none, &Keys::default());
    let pass = PASS.replace(" mx.example.org;", " spf=pass (x) smtp.mailfrom=example.com;");
    let fail = pass.replace("dkim=pass", "dkim=fail");
    let mail = signed(TAGS);
    assert_eq!(judged(format!("{RECEIVED}{pass}{RECEIVED}{mail}")), mx());
    assert_eq!(judged(format!("{fail}{pass}{mail}")), no_pass());
    assert!(matches!(
        judged(format!("{PASS}{mail}")),
        Verdict::Unauthenticated {
            reason: Reason::Mx(MxFault::Absent { .. })
        }
    ));
}

#[test]
fn auto_takes_our_own_result_first_and_tells_it_where_both_fail() {
    let auto = trusting("mx.example.org", AuthenticationMode::Auto);
    let judged = |mail: String, keys: &Keys| verify(mail.as_bytes(), receipt(), &auto, keys);
    let mail = signed(TAGS);
    assert_eq!(
        judged(format!("{PASS}{mail}"), &good_key()),
        verified(KeyService::Any)
    );
    let footer = format!("{mail}footer\r\n");
    assert_eq!(judged(format!("{PASS}{footer}"), &good_key()), mx());
    assert_eq!(judged(format!("{PASS}{mail}"), &Keys::default()), mx());
    assert_eq!(judged(footer, &good_key()), failing(Fault::Body));
    // Without an id no MX is trusted.
    let nobody = trusting("", AuthenticationMode::Auto);
    let mail = format!("{PASS}{HEADER}\r\n{BODY}");
    assert!(matches!(
        verify(mail.as_bytes(), receipt(), &nobody, &Keys::default()),
        Verdict::Unauthenticated {
            reason: Reason::NoSignature { .. }
        }
    ));
}

/// The verdict where our MX wrote these results.
fn of_results(results: &str) -> Verdict {
    judged(&format!(
        "Authentication-Results: mx.example.org; {results}\r\n{}",
        signed(TAGS)
    ))
}

#[test]
fn version_of_the_results_is_absent_or_1() {
    let mail = signed(TAGS);
    let of = |id: &str| judged(&format!("{}{mail}", PASS.replace("mx.example.org", id)));
    assert_eq!(of("mx.example.org 1"), mx());
    assert_eq!(of("\"mx.example.org\""), mx());
    assert_eq!(of("(by) mx.example.org (us)"), mx());
    for version in ["2", "1 1", "x"] {
        let unreadable = unauthenticated(Reason::Mx(MxFault::Unreadable));
        assert_eq!(of(&format!("mx.example.org {version}")), unreadable, "{version}");
    }
}

#[test]
fn passing_signature_is_read_in_whatever_words_an_mx_names_it() {
    for results in [
        "dkim=pass header.i=@example.com",
        "dkim=pass header.i=tls@example.com",
        "dkim=pass (2048-bit key; unprotected) header.d=example.com header.i=@example.com",
        "dkim=fail header.d=example.net; dkim=pass header.d=example.com",
        "dkim=pass header.d=example.net; dkim=pass header.d=example.com; spf=fail",
        "dkim = pass reason=\"a; b\" header.d=EXAMPLE.com policy.x=a=b=c",
        "spf=pass smtp.mailfrom=x@example.net;dkim=pass header.d=example.com;dmarc=pass action=none header.from=example.com",
    ] {
        assert_eq!(of_results(results), mx(), "{results}");
    }
    for results in [
        "dkim=pass",
        "dkim=none header.d=none",
        "dkim=pass header.i=example.com",
        "dkim=pass header.d=com",
        "x-dkim=pass header.d=example.com",
        "dkim=passed header.d=example.com",
    ] {
        assert_eq!(of_results(results), no_pass(), "{results}");
    }
}

#[test]
fn beginning_of_a_signature_with_equal_signs_is_data() {
    let mail = signed(TAGS);
    let (_, rest) = mail.split_once("; b=").unwrap();
    let (whole, _) = rest.split_once("\r\n").unwrap();
    assert!(whole.ends_with('='));
    for header_b in [whole.split_at(8).0, whole] {
        let results = format!("dkim=pass header.d=example.com header.b={header_b}");
        let mail = format!("Authentication-Results: mx.example.org; {results}\r\n{mail}");
        assert_eq!(judged(&mail), mx(), "{header_b}");
    }
}

#[test]
fn results_without_end_are_not_read() {
    let deep = format!(
        "dkim=pass {}x{} header.d=example.com",
        "(".repeat(200),
        ")".repeat(200)
    );
    let long = format!("dkim=pass (x{}) header.d=example.com", " ".repeat(20_000));
    for results in [
        deep.as_str(),
        long.as_str(),
        "spf=pass smtp.mailfrom=\"x; dkim=pass header.d=example.com",
    ] {
        assert_eq!(
            of_results(results),
            unauthenticated(Reason::Mx(MxFault::Unreadable)),
            "{results:.40}"
        );
    }
}

#[test]
fn microsoft_365_names_nobody_and_leaves_out_blanks() {
    let none = trusting("none", AuthenticationMode::TrustMx);
    let judged = |results: &str| {
        let mail = format!("Authentication-Results: {results}\r\n{}", signed(TAGS));
        verify(mail.as_bytes(), receipt(), &none, &Keys::default())
    };
    let spf = "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim";
    assert_eq!(
        judged(&format!(
            "{spf}=pass (signature was verified) header.d=example.com;dmarc=pass action=none header.from=example.com;compauth=pass reason=100"
        )),
        mx()
    );
    assert_eq!(
        judged(&format!(
            "{spf}=none (message not signed) header.d=none;dmarc=pass action=none header.from=example.com"
        )),
        no_pass()
    );
}
