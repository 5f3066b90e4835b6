//! Mails signed here, with openssl and with mail-auth, and what each is worth.

mod dkimpy;
mod keys;
mod mx;
mod rows;
mod senders;
mod signatures;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use super::*;

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
