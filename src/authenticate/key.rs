//! A key record (RFC 6376, Section 3.6.1) and whether it may vouch for reports (RFC 8460, Section 3).

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;

use super::KeyService;
use super::reason::Fault;
use super::signature::Algorithm;
use super::tags::Tags;

/// Most records of a name that are looked at.
const MAX_RECORDS: usize = 16;
/// RFC 8301, Section 3.2.
const MIN_BITS: usize = 1024;

/// The records that are usable keys; else what is wrong with the one that comes closest.
pub(super) fn usable(
    records: &[Vec<u8>],
    algorithm: Algorithm,
    accept_email: bool,
) -> Result<Vec<(DomainKey, KeyService)>, Fault> {
    let mut keys = Vec::new();
    let mut fault = Fault::KeyMalformed;
    for record in records.iter().take(MAX_RECORDS) {
        match key(record, algorithm, accept_email) {
            Ok(key) => keys.push(key),
            Err(Fault::KeyMalformed) => {}
            Err(other) => fault = other,
        }
    }
    if keys.is_empty() { Err(fault) } else { Ok(keys) }
}

fn key(record: &[u8], algorithm: Algorithm, accept_email: bool) -> Result<(DomainKey, KeyService), Fault> {
    let tags = Tags::parse(record).map_err(|_| Fault::KeyMalformed)?;
    if tags.get("v").is_some_and(|version| version != "DKIM1") {
        return Err(Fault::KeyMalformed);
    }
    match tags.get("p") {
        None => return Err(Fault::KeyMalformed),
        Some("") => return Err(Fault::KeyRevoked),
        Some(_) => {}
    }
    let expected = match algorithm {
        Algorithm::RsaSha256 => "rsa",
        Algorithm::Ed25519Sha256 => "ed25519",
    };
    if !tags.get("k").unwrap_or("rsa").eq_ignore_ascii_case(expected) {
        return Err(Fault::KeyType);
    }
    let has = |name: &str, item: &str| {
        tags.items(name)
            .is_some_and(|mut items| items.any(|found| found.eq_ignore_ascii_case(item)))
    };
    if tags.get("h").is_some() && !has("h", "sha256") {
        return Err(Fault::KeyHash);
    }
    if has("t", "y") {
        return Err(Fault::KeyTesting);
    }
    let service = match tags.get("s") {
        Some(_) if has("s", "tlsrpt") => KeyService::Reports,
        None => KeyService::Any,
        Some(_) if has("s", "*") => KeyService::Any,
        Some(_) if has("s", "email") && accept_email => KeyService::Email,
        Some(_) if has("s", "email") => return Err(Fault::KeyEmail),
        Some(_) => return Err(Fault::KeyService),
    };
    let key = DomainKey::parse(record).map_err(|_| Fault::KeyMalformed)?;
    match key.p.public_key_bits() {
        0 => Err(Fault::KeyMalformed),
        bits if bits < MIN_BITS => Err(Fault::KeyShort(bits)),
        _ => Ok((key, service)),
    }
}
