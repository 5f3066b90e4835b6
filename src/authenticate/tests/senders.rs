//! Who a mail is from, and who may sign for that.

use super::*;

#[test]
fn one_from_with_one_address_is_demanded() {
    let mail = signed(TAGS);
    for (mail, reason) in [
        (format!("From: tls@example.net\r\n{mail}"), Reason::SeveralFrom),
        (format!("From : tls@example.net\r\n{mail}"), Reason::SeveralFrom),
        (format!("from\t: tls@example.net\r\n{mail}"), Reason::SeveralFrom),
        (
            format!("X: y\nFrom: tls@example.net\r\n{mail}"),
            Reason::SeveralFrom,
        ),
        (
            mail.replacen("TLS <tls@example.com>", "tls@example.com, a@example.net", 1),
            Reason::NotOneAddress,
        ),
        (
            mail.replacen("From: TLS <tls@example.com>\r\n", "", 1),
            Reason::NoFrom,
        ),
        (String::new(), Reason::Header),
        (format!("X: {}\r\n{mail}", "a".repeat(300_000)), Reason::Header),
    ] {
        assert_eq!(judged(&mail, &good_key()), unauthenticated(reason), "{mail:.60}");
    }
}

#[test]
fn only_a_signature_of_the_senders_organisation_speaks_for_it() {
    let from = |domain: &str| HEADER.replacen("example.com", domain, 1);
    let mail = |domain: &str| {
        let header = from(domain);
        format!("{}{header}\r\n{BODY}", signature(&header, BODY, TAGS, pair()))
    };
    assert_eq!(
        judged(&mail("mail.example.com"), &good_key()),
        verified(KeyService::Any)
    );
    assert_eq!(
        judged(&mail("example.net"), &good_key()),
        unauthenticated(Reason::NotAligned {
            from: "example.net".to_owned(),
            signing: Some("example.com".to_owned()),
        })
    );
    assert_eq!(
        judged(&format!("{HEADER}\r\n{BODY}"), &good_key()),
        unauthenticated(Reason::NoSignature {
            from: "example.com".to_owned()
        })
    );
    let parent = TAGS.replacen("d=example.com", "d=com", 1);
    assert_eq!(
        judged(&signed(&parent), &good_key()),
        unauthenticated(Reason::NotAligned {
            from: "example.com".to_owned(),
            signing: Some("com".to_owned()),
        })
    );
    let junk = format!("DKIM-Signature: junk\r\n{HEADER}\r\n{BODY}");
    assert_eq!(
        judged(&junk, &good_key()),
        unauthenticated(Reason::NotAligned {
            from: "example.com".to_owned(),
            signing: None
        })
    );
}

#[test]
fn line_of_an_mbox_and_empty_lines_above_change_nothing() {
    let mail = signed(TAGS);
    assert_eq!(
        judged(&format!("\r\n\n{mail}"), &good_key()),
        verified(KeyService::Any)
    );
    let mbox = format!("From x@example.net Sat Nov 21 08:00:00 2026\r\n{mail}");
    assert_eq!(judged(&mbox, &good_key()), verified(KeyService::Any));
}

#[test]
fn only_sound_signatures_of_the_sender_ask_for_keys() {
    let name = "s1._domainkey.example.com.";
    assert_eq!(questions(signed(TAGS).as_bytes(), &config()), [name]);
    let foreign = signed(TAGS).replacen("d=example.com", "d=example.net", 1);
    assert!(questions(foreign.as_bytes(), &config()).is_empty());
    assert!(questions(signed(&format!("{TAGS}; l=1")).as_bytes(), &config()).is_empty());
    for mode in [AuthenticationMode::Off, AuthenticationMode::TrustMx] {
        let config = AuthenticationConfig { mode, ..config() };
        assert!(questions(signed(TAGS).as_bytes(), &config).is_empty());
    }
}

#[test]
fn off_looks_at_nothing() {
    let off = AuthenticationConfig {
        mode: AuthenticationMode::Off,
        ..config()
    };
    assert_eq!(verify(b"", receipt(), &off, &Keys::default()), Verdict::Unchecked);
}
