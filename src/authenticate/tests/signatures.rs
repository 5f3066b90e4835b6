//! Which signatures hold, and why others don't.

use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::*;

#[test]
fn good_signature_proves_its_domain() {
    assert_eq!(judged(&signed(TAGS), &good_key()), verified(KeyService::Any));
}

fn field_of_mail_auth(
    key: impl SigningKey,
    form: (Canonicalization, Canonicalization),
    mail: &str,
) -> String {
    DkimSigner::from_key(key)
        .domain("example.com")
        .selector("s1")
        .headers(["From", "To", "Subject", "Date"])
        .header_canonicalization(form.0)
        .body_canonicalization(form.1)
        .sign(mail.as_bytes())
        .unwrap()
        .to_header()
}

#[test]
fn signatures_of_mail_auth_hold_in_every_canonicalisation() {
    let rsa = pair();
    let ed = Pair::new(&["-algorithm", "ed25519"]);
    let (relaxed, simple) = (Canonicalization::Relaxed, Canonicalization::Simple);
    let mail = format!("{HEADER}\r\n{BODY}");
    for (header, body) in [
        (relaxed, relaxed),
        (relaxed, simple),
        (simple, relaxed),
        (simple, simple),
    ] {
        let der = PrivateKeyDer::from_pem_slice(&rsa.pem()).unwrap();
        let field = field_of_mail_auth(
            RsaKey::<Sha256>::from_key_der(der).unwrap(),
            (header, body),
            &mail,
        );
        let now = Receipt {
            received_at: None,
            now: crate::clock::now(),
        };
        let judged = |field: &str, keys: &Keys, mail: &str| {
            verify(format!("{field}{mail}").as_bytes(), now, &config(), keys)
        };
        assert_eq!(
            judged(&field, &good_key(), &mail),
            verified(KeyService::Any),
            "{header:?}/{body:?}"
        );
        // As a file with LF alone has it.
        let lf = (field.replace("\r\n", "\n"), mail.replace("\r\n", "\n"));
        assert_eq!(
            judged(&lf.0, &good_key(), &lf.1),
            verified(KeyService::Any),
            "LF {header:?}/{body:?}"
        );
        let der = openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &ed.pem());
        let field = field_of_mail_auth(
            Ed25519Key::from_pkcs8_maybe_unchecked_der(&der).unwrap(),
            (header, body),
            &mail,
        );
        let of_ed = key(&format!("v=DKIM1; k=ed25519; p={}", ed.public));
        assert_eq!(
            judged(&field, &of_ed, &mail),
            verified(KeyService::Any),
            "ed25519 {header:?}/{body:?}"
        );
        assert_eq!(judged(&field, &good_key(), &mail), failing(Fault::KeyType));
    }
}

#[test]
fn signatures_of_dkimpy_hold() {
    let records = [
        ("s1._domainkey.example.com.", format!("p={}", dkimpy::RSA)),
        (
            "s2._domainkey.example.com.",
            format!("k=ed25519; p={}", dkimpy::ED25519),
        ),
    ];
    let keys = keys(&records.each_ref().map(|(name, record)| (*name, record.as_str())));
    let later = Receipt {
        received_at: None,
        now: moment("2026-11-23T00:00:00Z"),
    };
    for (kind, form, signature) in dkimpy::SIGNATURES {
        let mail = format!("{signature}{}", dkimpy::MAIL);
        for mail in [mail.replace("\r\n", "\n"), mail] {
            let verdict = verify(mail.as_bytes(), later, &config(), &keys);
            assert_eq!(verdict.domain(), Some("example.com"), "{kind} {form} {verdict:?}");
        }
    }
}

#[test]
fn signature_with_a_doubtful_form_is_refused_with_its_reason() {
    let with = |extra: &str| format!("{TAGS}; {extra}");
    let without = |part: &str| TAGS.replacen(part, "", 1);
    for (tags, fault) in [
        (with("l=0"), Fault::Length),
        (with("l=20"), Fault::Length),
        (with("L=9999"), Fault::Length),
        (without("v=1; "), Fault::Tag("v")),
        (TAGS.replacen("v=1", "v=2", 1), Fault::Tag("v")),
        (with("q=foo/bar"), Fault::Tag("q")),
        (TAGS.replacen("rsa-sha256", "rsa-sha1", 1), Fault::Sha1),
        (TAGS.replacen("rsa-sha256", "rsa-sha512", 1), Fault::Tag("a")),
        (without("a=rsa-sha256; "), Fault::Tag("a")),
        (TAGS.replacen("c=relaxed/relaxed", "c=loose", 1), Fault::Tag("c")),
        (TAGS.replacen("s=s1; ", "s=s1; t=soon; ", 1), Fault::Tag("t")),
        (TAGS.replacen("s=s1; ", "s=s1; x=soon; ", 1), Fault::Tag("x")),
        (TAGS.replacen("s=s1; ", "s=s1; x=-5; ", 1), Fault::Tag("x")),
        (TAGS.replacen("h=From:", "h=", 1), Fault::FromNotSigned),
    ] {
        assert_eq!(judged(&signed(&tags), &good_key()), failing(fault), "{tags}");
    }
    let twice = signed(&with("d=example.com"));
    let Verdict::Unauthenticated { reason } = judged(&twice, &good_key()) else {
        panic!("a repeated tag was taken");
    };
    assert_eq!(
        reason.to_string(),
        "DKIM signature of example.com (): a tag of it occurs twice"
    );
    let no_selector = signed(&without("s=s1; "));
    assert!(matches!(
        judged(&no_selector, &good_key()),
        Verdict::Unauthenticated {
            reason: Reason::Signature {
                fault: Fault::Tag("s"),
                ..
            }
        }
    ));
    let empty_hash = signed(TAGS).replacen(" bh=", " bh=; B2=", 1);
    assert_eq!(judged(&empty_hash, &good_key()), failing(Fault::Tag("bh")));
}

#[test]
fn times_are_judged_when_the_mail_came() {
    let tags = |times: &str| TAGS.replacen("s=s1; ", &format!("s=s1; {times}; "), 1);
    let made = moment("2026-11-20T08:00:00Z").as_second();
    let week = tags(&format!("t={made}; x={}", made + 604_800));
    let second = tags(&format!("t={made}; x={}", made + 1));
    let late = |received: &str| Receipt {
        received_at: Some(moment(received)),
        now: moment("2027-11-22T10:00:00Z"),
    };
    let judged = |tags: &str, receipt| verify(signed(tags).as_bytes(), receipt, &config(), &good_key());
    assert_eq!(
        judged(&week, late("2026-11-27T08:00:00Z")),
        verified(KeyService::Any)
    );
    assert_eq!(
        judged(&week, late("2026-11-27T08:00:01Z")),
        failing(Fault::Expired {
            expired: moment("2026-11-27T08:00:00Z"),
            received: moment("2026-11-27T08:00:01Z"),
        })
    );
    assert_eq!(
        judged(&second, receipt()),
        failing(Fault::Expired {
            expired: moment("2026-11-20T08:00:01Z"),
            received: moment("2026-11-20T08:00:05Z"),
        })
    );
    let backwards = tags(&format!("t={made}; x={made}"));
    assert_eq!(judged(&backwards, receipt()), failing(Fault::NeverValid));
    let tomorrow = receipt().now.as_second() + 86_400;
    assert_eq!(
        judged(&tags(&format!("t={tomorrow}")), receipt()),
        failing(Fault::Future)
    );
    let soon = receipt().now.as_second() + 200;
    assert_eq!(
        judged(&tags(&format!("t={soon}")), receipt()),
        verified(KeyService::Any)
    );
}

#[test]
fn copy_into_another_mailbox_does_not_make_a_signature_expire() {
    let made = moment("2026-11-20T08:00:00Z").as_second();
    let tags = TAGS.replacen("s=s1; ", &format!("s=s1; t={made}; x={}; ", made + 60), 1);
    let received = "Received: from a by mx.example.org; Fri, 20 Nov 2026 09:00:10 +0100\r\n";
    let mail = format!("{received}{}", signed(&tags));
    let copied = Receipt {
        received_at: Some(moment("2027-03-01T00:00:00Z")),
        now: moment("2027-03-02T00:00:00Z"),
    };
    assert_eq!(
        verify(mail.as_bytes(), copied, &config(), &good_key()),
        verified(KeyService::Any)
    );
}

#[test]
fn changed_mail_is_told_from_a_wrong_key() {
    let mail = signed(TAGS);
    assert_eq!(
        judged(&mail.replace("a report", "no report"), &good_key()),
        failing(Fault::Body)
    );
    assert_eq!(
        judged(&format!("{mail}-- \r\nfooter\r\n"), &good_key()),
        failing(Fault::Body)
    );
    assert_eq!(
        judged(&format!("{mail}\r\n\r\n"), &good_key()),
        verified(KeyService::Any)
    );
    let subject = mail.replace("Subject: Report", "Subject: [list] Report");
    assert_eq!(judged(&subject, &good_key()), failing(Fault::Mismatch));
    let other = Pair::rsa(2048);
    assert_eq!(
        judged(&mail, &key(&format!("p={}", other.public))),
        failing(Fault::Mismatch)
    );
    // A changed body is final, whatever the DNS says.
    assert_eq!(
        judged(&mail.replace("a report", "no report"), &Keys::default()),
        failing(Fault::Body)
    );
}

#[test]
fn identity_must_belong_to_the_domain() {
    let tags = |identity: &str| TAGS.replacen("s=s1; ", &format!("s=s1; i={identity}; "), 1);
    let strict = key(&format!("v=DKIM1; t=s; p={}", pair().public));
    assert_eq!(
        judged(&signed(&tags("@example.com")), &strict),
        verified(KeyService::Any)
    );
    assert_eq!(
        judged(&signed(&tags("@mail.example.com")), &good_key()),
        verified(KeyService::Any)
    );
    assert_eq!(
        judged(&signed(&tags("@mail.example.com")), &strict),
        failing(Fault::Identity)
    );
    assert_eq!(
        judged(&signed(&tags("@example.net")), &good_key()),
        failing(Fault::Identity)
    );
}

#[test]
fn one_good_signature_among_others_is_enough() {
    let good = signature(HEADER, BODY, TAGS, pair());
    let bad = signature(HEADER, "other body\r\n", TAGS, pair());
    let foreign = good.replace("d=example.com", "d=example.net");
    for signatures in [
        format!("{good}{bad}"),
        format!("{bad}{good}"),
        format!("{foreign}{good}"),
    ] {
        assert_eq!(
            judged(&format!("{signatures}{HEADER}\r\n{BODY}"), &good_key()),
            verified(KeyService::Any)
        );
    }
    let many = format!("{}{good}{HEADER}\r\n{BODY}", foreign.repeat(400));
    assert_eq!(judged(&many, &good_key()), verified(KeyService::Any));
}

#[test]
fn of_several_bad_signatures_the_one_that_came_furthest_is_told() {
    let body = signature(HEADER, "other body\r\n", TAGS, pair());
    let length = signature(HEADER, BODY, &format!("{TAGS}; l=1"), pair());
    for signatures in [format!("{body}{length}"), format!("{length}{body}")] {
        assert_eq!(
            judged(&format!("{signatures}{HEADER}\r\n{BODY}"), &good_key()),
            failing(Fault::Body)
        );
    }
}

#[test]
fn thousand_signatures_cost_eight() {
    let bad = format!("DKIM-Signature: {TAGS}; bh=YWJj; b=YWJj\r\n").repeat(1000);
    let mail = format!("{bad}{HEADER}\r\n{BODY}");
    assert_eq!(
        questions(mail.as_bytes(), &config()).len(),
        signature::MAX_ALIGNED
    );
    assert_eq!(judged(&mail, &good_key()), failing(Fault::Body));
    let aligned_last = format!("{bad}{}", signed(TAGS));
    assert_eq!(judged(&aligned_last, &good_key()), failing(Fault::Body));
}

#[test]
fn signature_that_names_20_000_fields_is_not_checked() {
    let names = vec!["a"; 20_000].join(":");
    let mail = signed(&TAGS.replacen("h=From", &format!("h={names}:From"), 1));
    assert_eq!(judged(&mail, &good_key()), failing(Fault::TooManyFields));
    assert!(questions(mail.as_bytes(), &config()).is_empty());
}
