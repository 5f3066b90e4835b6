//! Keys and what the DNS has of them.

use super::*;

#[test]
fn keys_of_any_size_from_1024_bits_hold() {
    for bits in [1024, 4096] {
        let pair = Pair::rsa(bits);
        let mail = format!("{}{HEADER}\r\n{BODY}", signature(HEADER, BODY, TAGS, &pair));
        assert_eq!(
            judged(&mail, &key(&format!("p={}", pair.public))),
            verified(KeyService::Any),
            "{bits}"
        );
    }
    let pair = Pair::rsa(512);
    let mail = format!("{}{HEADER}\r\n{BODY}", signature(HEADER, BODY, TAGS, &pair));
    assert_eq!(
        judged(&mail, &key(&format!("p={}", pair.public))),
        failing(Fault::KeyShort(512))
    );
}

#[test]
fn key_may_stand_in_the_dns_as_pkcs1() {
    let pkcs1 = openssl(&["rsa", "-RSAPublicKey_out", "-outform", "DER"], &pair().pem());
    let keys = key(&format!("p={}", STANDARD.encode(pkcs1)));
    assert_eq!(judged(&signed(TAGS), &keys), verified(KeyService::Any));
}

#[test]
fn key_record_is_judged_with_its_reason() {
    let public = &pair().public;
    let spki = |rest: &str| format!("{rest} p={public}");
    for (record, expected) in [
        (spki(""), verified(KeyService::Any)),
        (spki("v=DKIM1; k=rsa;"), verified(KeyService::Any)),
        (format!("p={public}; v=DKIM1;"), verified(KeyService::Any)),
        (
            format!(
                " v = DKIM1 ; p = {} {} ;",
                public.split_at(9).0,
                public.split_at(9).1
            ),
            verified(KeyService::Any),
        ),
        (spki("v=DKIM1; s=*;"), verified(KeyService::Any)),
        (spki("v=DKIM1; s=tlsrpt;"), verified(KeyService::Reports)),
        (spki("v=DKIM1; s=email:tlsrpt;"), verified(KeyService::Reports)),
        (spki("v=DKIM1; s=email;"), verified(KeyService::Email)),
        (spki("v=DKIM1; t=s; s=email;"), verified(KeyService::Email)),
        (spki("v=DKIM1; h=sha256;"), verified(KeyService::Any)),
        (spki("v=DKIM1; s=foo;"), failing(Fault::KeyService)),
        (spki("v=DKIM1; s=;"), failing(Fault::KeyService)),
        (spki("v=DKIM1; h=sha1;"), failing(Fault::KeyHash)),
        (spki("v=DKIM1; t=y;"), failing(Fault::KeyTesting)),
        (spki("v=DKIM1; t=s:y;"), failing(Fault::KeyTesting)),
        (spki("v=DKIM1; k=dsa;"), failing(Fault::KeyType)),
        (spki("v=DKIM1; k=ed25519;"), failing(Fault::KeyType)),
        (spki("v=DKIM2;"), failing(Fault::KeyMalformed)),
        ("v=DKIM1; p=".to_owned(), failing(Fault::KeyRevoked)),
        ("v=DKIM1; k=rsa".to_owned(), failing(Fault::KeyMalformed)),
        ("v=DKIM1; p=!!!".to_owned(), failing(Fault::KeyMalformed)),
        (
            "v=DKIM1; p=aGVsbG8gd29ybGQ=".to_owned(),
            failing(Fault::KeyMalformed),
        ),
        (
            format!("v=DKIM1; p={public}; p={public}"),
            failing(Fault::KeyMalformed),
        ),
        ("v=spf1 -all".to_owned(), failing(Fault::KeyMalformed)),
        (String::new(), failing(Fault::KeyMalformed)),
    ] {
        assert_eq!(judged(&signed(TAGS), &key(&record)), expected, "{record}");
    }
    let strict = AuthenticationConfig {
        accept_email_keys: false,
        ..config()
    };
    let keys = key(&spki("v=DKIM1; s=email;"));
    assert_eq!(
        verify(signed(TAGS).as_bytes(), receipt(), &strict, &keys),
        failing(Fault::KeyEmail)
    );
}

#[test]
fn of_several_records_the_usable_one_is_taken() {
    let records = [
        "v=spf1 -all".to_owned(),
        "v=DKIM1; p=".to_owned(),
        format!("p={}", pair().public),
    ];
    let records = records.iter().map(|record| record.as_bytes().to_vec()).collect();
    let name = "s1._domainkey.example.com.".to_owned();
    let keys = [(name, Answer::Records(records))].into_iter().collect();
    assert_eq!(judged(&signed(TAGS), &keys), verified(KeyService::Any));
}

#[test]
fn what_the_dns_does_not_say_is_absent_or_temporary() {
    let name = "s1._domainkey.example.com.".to_owned();
    for (answer, fault) in [
        (Answer::Absent("NXDOMAIN"), Fault::KeyAbsent("NXDOMAIN")),
        (Answer::Records(Vec::new()), Fault::KeyMalformed),
        (Answer::Failed(Fault::TimeOut), Fault::TimeOut),
        (
            Answer::Failed(Fault::Server("ServFail".to_owned())),
            Fault::Server("ServFail".to_owned()),
        ),
        (
            Answer::Failed(Fault::NoResolver("x".to_owned())),
            Fault::NoResolver("x".to_owned()),
        ),
    ] {
        let keys = [(name.clone(), answer)].into_iter().collect();
        assert_eq!(judged(&signed(TAGS), &keys), failing(fault));
    }
    assert_eq!(judged(&signed(TAGS), &Keys::default()), failing(Fault::TimeOut));
}
