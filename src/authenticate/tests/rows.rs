//! What other verifiers let pass, or treat in ways that surprise, each with its verdict here.

use super::*;

fn tagged(extra: &str) -> String {
    TAGS.replacen("s=s1; ", &format!("s=s1; {extra}; "), 1)
}

#[test]
fn names_that_no_name_server_knows_are_no_names() {
    let selector = |text: &str| signed(&TAGS.replacen("s=s1", &format!("s={text}"), 1));
    for text in ["a..b", &"a".repeat(64), "a b", "", "s1."] {
        let Verdict::Unauthenticated {
            reason: Reason::Signature { fault, .. },
        } = judged(&selector(text), &good_key())
        else {
            panic!("{text} was taken");
        };
        assert_eq!(fault, Fault::Tag("s"), "{text}");
        assert!(
            questions(selector(text).as_bytes(), &config()).is_empty(),
            "{text}"
        );
    }
    for domain in [
        "example.com.",
        "example..com",
        &format!("{}.example.com", "a".repeat(64)),
    ] {
        let mail = signed(&TAGS.replacen("d=example.com", &format!("d={domain}"), 1));
        assert_eq!(
            judged(&mail, &good_key()),
            unauthenticated(Reason::NotAligned {
                from: "example.com".to_owned(),
                signing: None,
            }),
            "{domain}"
        );
    }
}

#[test]
fn address_in_brackets_is_no_domain() {
    let mail = signed(TAGS).replacen("tls@example.com", "tls@[192.0.2.1]", 1);
    assert_eq!(judged(&mail, &good_key()), unauthenticated(Reason::NotOneAddress));
}

#[test]
fn domain_in_u_labels_is_that_in_a_labels() {
    let header = HEADER.replacen("tls@example.com", "tls@b\u{fc}cher.example", 1);
    let tags = TAGS.replacen("d=example.com", "d=xn--bcher-kva.example", 1);
    let mail = format!("{}{header}\r\n{BODY}", signature(&header, BODY, &tags, pair()));
    let record = format!("p={}", pair().public);
    let keys = keys(&[("s1._domainkey.xn--bcher-kva.example.", &record)]);
    assert_eq!(judged(&mail, &keys).domain(), Some("xn--bcher-kva.example"));
}

#[test]
fn changed_from_of_the_same_domain_is_a_changed_mail() {
    let mail = signed(TAGS).replacen("TLS <tls@", "TLS <other@", 1);
    assert_eq!(judged(&mail, &good_key()), failing(Fault::Mismatch));
}

#[test]
fn second_from_below_the_first_is_one_too_many() {
    let mail = signed(TAGS).replacen("\r\nTo:", "\r\nFrom: tls@example.net\r\nTo:", 1);
    assert_eq!(judged(&mail, &good_key()), unauthenticated(Reason::SeveralFrom));
    let bare = signed(TAGS).replacen("Subject: Report", "Subject: Report\nFrom: tls@example.net", 1);
    assert_eq!(judged(&bare, &good_key()), unauthenticated(Reason::SeveralFrom));
}

#[test]
fn from_that_is_signed_twice_holds_while_there_is_one() {
    let mail = signed(&TAGS.replacen("h=From:", "h=From:From:", 1));
    assert_eq!(judged(&mail, &good_key()), verified(KeyService::Any));
    assert_eq!(
        judged(&format!("From: tls@example.net\r\n{mail}"), &good_key()),
        unauthenticated(Reason::SeveralFrom)
    );
}

#[test]
fn fields_that_nobody_signed_decide_nothing() {
    let mail = signed(TAGS);
    for field in [
        "TLS-Report-Submitter: example.net\r\n",
        "TLS-Report-Domain: example.net\r\nTLS-Report-Domain: example.org\r\n",
        "Sender: x@example.net\r\n",
        "Reply-To: x@example.net\r\n",
    ] {
        assert_eq!(
            judged(&format!("{field}{mail}"), &good_key()),
            verified(KeyService::Any),
            "{field}"
        );
    }
}

#[test]
fn tags_that_make_others_look_up_more_ask_for_one_key() {
    for extra in ["r=y", "atps=example.net; atpsh=sha256", "q=dns/txt:dns/other"] {
        let mail = signed(&tagged(extra));
        assert_eq!(
            questions(mail.as_bytes(), &config()),
            ["s1._domainkey.example.com."],
            "{extra}"
        );
        assert_eq!(judged(&mail, &good_key()), verified(KeyService::Any), "{extra}");
    }
}

#[test]
fn tags_without_a_value_that_can_be_read_are_named() {
    for (extra, fault) in [
        ("l=abc", Fault::Length),
        ("l=", Fault::Length),
        ("x=", Fault::Tag("x")),
        ("x=99999999999999999999", Fault::Tag("x")),
        ("t=1e9", Fault::Tag("t")),
        ("q=", Fault::Tag("q")),
    ] {
        assert_eq!(
            judged(&signed(&tagged(extra)), &good_key()),
            failing(fault),
            "{extra}"
        );
    }
    let mail = signed(TAGS);
    let start = mail.find("; b=").unwrap() + 4;
    let end = mail.find("\r\n").unwrap();
    for value in ["", "!!!"] {
        let mut broken = mail.clone();
        broken.replace_range(start..end, value);
        assert_eq!(judged(&broken, &good_key()), failing(Fault::Tag("b")), "{value}");
    }
    let no_fields = signed(&TAGS.replacen("; h=From:To:Subject:Date", "", 1));
    assert_eq!(judged(&no_fields, &good_key()), failing(Fault::Tag("h")));
}

#[test]
fn of_several_keys_any_may_be_the_one_that_signed() {
    let other = Pair::rsa(2048);
    let name = "s1._domainkey.example.com.";
    let record = |pair: &Pair| format!("v=DKIM1; p={}", pair.public).into_bytes();
    for records in [
        vec![record(&other), record(pair())],
        vec![record(pair()), record(&other)],
    ] {
        let keys = [(name.to_owned(), Answer::Records(records))]
            .into_iter()
            .collect();
        assert_eq!(judged(&signed(TAGS), &keys), verified(KeyService::Any));
    }
    let wrong = [(name.to_owned(), Answer::Records(vec![record(&other)]))];
    assert_eq!(
        judged(&signed(TAGS), &wrong.into_iter().collect()),
        failing(Fault::Mismatch)
    );
}

#[test]
fn line_end_that_got_lost_at_the_end_changes_nothing_and_another_byte_does() {
    let mail = signed(TAGS);
    let cut = mail.trim_end_matches("\r\n");
    assert_eq!(judged(cut, &good_key()), verified(KeyService::Any));
    // Servers put something else in the place of a NUL.
    let body = "A\0report.\r\n";
    let mail = format!("{}{HEADER}\r\n{body}", signature(HEADER, body, TAGS, pair()));
    assert_eq!(judged(&mail, &good_key()), verified(KeyService::Any));
    let stored: Vec<u8> = mail
        .bytes()
        .map(|byte| if byte == 0 { 0x80 } else { byte })
        .collect();
    assert_eq!(
        verify(&stored, receipt(), &config(), &good_key()),
        failing(Fault::Body)
    );
}

#[test]
fn expiry_of_an_old_mail_is_judged_by_its_receipt_alone() {
    let made = moment("2026-11-20T08:00:00Z").as_second();
    let mail = signed(&tagged(&format!("t={made}; x={}", made + 86_400)));
    let at = |received_at: Option<&str>| Receipt {
        received_at: received_at.map(moment),
        now: moment("2027-11-20T08:00:00Z"),
    };
    let judged = |receipt| verify(mail.as_bytes(), receipt, &config(), &good_key());
    assert_eq!(
        judged(at(Some("2026-11-21T08:00:00Z"))),
        verified(KeyService::Any)
    );
    // Without any other moment it is now.
    assert_eq!(
        judged(at(None)),
        failing(Fault::Expired {
            expired: moment("2026-11-21T08:00:00Z"),
            received: moment("2027-11-20T08:00:00Z"),
        })
    );
}

#[test]
fn two_hundred_bodies_of_other_lengths_cost_nothing() {
    let many: Vec<String> = (1..=200)
        .map(|n| format!("DKIM-Signature: {TAGS}; l={n}; bh=YWJj; b=YWJj\r\n"))
        .collect();
    let mail = format!("{}{HEADER}\r\n{BODY}", many.concat());
    assert_eq!(judged(&mail, &good_key()), failing(Fault::Length));
    assert!(questions(mail.as_bytes(), &config()).is_empty());
}
