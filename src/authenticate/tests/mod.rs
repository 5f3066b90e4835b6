//! Mails signed here, with openssl and with mail-auth, and what each is worth.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner};
use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::*;

mod dkimpy;
mod mx;
mod rows;

const BODY: &str = "Hello\r\n\r\nThis  is a report.\r\n";
const HEADER: &str = "From: TLS <tls@example.com>\r\nTo: rua@example.org\r\nSubject: Report\r\nDate: Fri, 20 Nov 2026 08:00:00 +0000\r\n";
const TAGS: &str = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1; h=From:To:Subject:Date";

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is needed; ./test installs it");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

/// A key pair: PEM, and the public key as p= has it.
struct Pair {
    file: tempfile::NamedTempFile,
    public: String,
}

impl Pair {
    fn new(arguments: &[&str]) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let pem = openssl(&[&["genpkey"], arguments].concat(), b"");
        file.write_all(&pem).unwrap();
        let der = openssl(&["pkey", "-pubout", "-outform", "DER"], &pem);
        // Of Ed25519 the DNS has the bare key (RFC 8463, Section 4).
        let raw = if arguments.contains(&"ed25519") {
            der.last_chunk::<32>().unwrap().as_slice()
        } else {
            &der[..]
        };
        Self {
            file,
            public: STANDARD.encode(raw),
        }
    }

    fn rsa(bits: u32) -> Self {
        Self::new(&[
            "-algorithm",
            "RSA",
            "-pkeyopt",
            &format!("rsa_keygen_bits:{bits}"),
        ])
    }

    fn pem(&self) -> Vec<u8> {
        std::fs::read(self.file.path()).unwrap()
    }
}

fn pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| Pair::rsa(2048))
}

fn relaxed_field(name: &str, value: &str) -> String {
    let value = value
        .replace("\r\n", "")
        .split_ascii_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    format!("{}:{value}\r\n", name.trim().to_ascii_lowercase())
}

fn relaxed_body(body: &str) -> String {
    let lines: Vec<String> = body
        .split("\r\n")
        .map(|line| {
            let mut out = String::new();
            for char in line.trim_end().chars() {
                if !(char == ' ' && out.ends_with(' ')) {
                    out.push(char);
                }
            }
            out
        })
        .collect();
    let text = lines.join("\r\n");
    let text = text.trim_end_matches("\r\n");
    if text.is_empty() {
        String::new()
    } else {
        format!("{text}\r\n")
    }
}

/// A DKIM-Signature field with whatever tags, made by openssl (relaxed/relaxed).
fn signature(header: &str, body: &str, tags: &str, pair: &Pair) -> String {
    let body_hash = STANDARD.encode(digest(&SHA256, relaxed_body(body).as_bytes()));
    let value = format!(" {tags}; bh={body_hash}; b=");
    let names = tags.rsplit("h=").next().unwrap().split(';').next().unwrap();
    let mut fields: Vec<(&str, &str)> = header
        .split_terminator("\r\n")
        .filter_map(|line| line.split_once(':'))
        .collect();
    let mut signed = String::new();
    for name in names.split(':') {
        let at = fields
            .iter()
            .rposition(|(field, _)| field.trim().eq_ignore_ascii_case(name.trim()));
        if let Some(at) = at {
            let (name, value) = fields.remove(at);
            signed += &relaxed_field(name, value);
        }
    }
    signed += relaxed_field("DKIM-Signature", &value).trim_end_matches("\r\n");
    let path = pair.file.path().to_str().unwrap();
    let signature = openssl(&["dgst", "-sha256", "-sign", path], signed.as_bytes());
    format!("DKIM-Signature:{value}{}\r\n", STANDARD.encode(signature))
}

/// The mail of these tests, signed with these tags.
fn signed(tags: &str) -> String {
    format!("{}{HEADER}\r\n{BODY}", signature(HEADER, BODY, tags, pair()))
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn receipt() -> Receipt {
    Receipt {
        received_at: Some(moment("2026-11-20T08:00:05Z")),
        now: moment("2026-11-22T10:00:00Z"),
    }
}

fn config() -> AuthenticationConfig {
    AuthenticationConfig::default()
}

fn key(record: &str) -> Keys {
    keys(&[("s1._domainkey.example.com.", record)])
}

fn keys(records: &[(&str, &str)]) -> Keys {
    records
        .iter()
        .map(|(name, record)| {
            (
                (*name).to_owned(),
                Answer::Records(vec![record.as_bytes().to_vec()]),
            )
        })
        .collect()
}

fn good_key() -> Keys {
    key(&format!("v=DKIM1; p={}", pair().public))
}

fn judged(mail: &str, keys: &Keys) -> Verdict {
    verify(mail.as_bytes(), receipt(), &config(), keys)
}

fn verified(service: KeyService) -> Verdict {
    Verdict::Verified {
        domain: "example.com".to_owned(),
        selector: "s1".to_owned(),
        service,
    }
}

fn failing(fault: Fault) -> Verdict {
    let is_temporary = fault.is_temporary();
    let reason = Reason::Signature {
        domain: "example.com".to_owned(),
        selector: "s1".to_owned(),
        fault,
    };
    if is_temporary {
        Verdict::Temporary { reason }
    } else {
        Verdict::Unauthenticated { reason }
    }
}

fn unauthenticated(reason: Reason) -> Verdict {
    Verdict::Unauthenticated { reason }
}

#[test]
fn good_signature_proves_its_domain() {
    assert_eq!(judged(&signed(TAGS), &good_key()), verified(KeyService::Any));
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
        let field = DkimSigner::from_key(RsaKey::<Sha256>::from_key_der(der).unwrap())
            .domain("example.com")
            .selector("s1")
            .headers(["From", "To", "Subject", "Date"])
            .header_canonicalization(header)
            .body_canonicalization(body)
            .sign(mail.as_bytes())
            .unwrap()
            .to_header();
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
        let field = DkimSigner::from_key(Ed25519Key::from_pkcs8_maybe_unchecked_der(&der).unwrap())
            .domain("example.com")
            .selector("s1")
            .headers(["From", "To", "Subject", "Date"])
            .header_canonicalization(header)
            .body_canonicalization(body)
            .sign(mail.as_bytes())
            .unwrap()
            .to_header();
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
