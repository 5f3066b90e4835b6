//! A DKIM-Signature by its tags alone (RFC 6376, Section 3.5), before any key is asked for.

use base64::Engine;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use jiff::{SignedDuration, Timestamp};

use super::alignment::{ascii_domain, is_aligned};
use super::header::Field;
use super::reason::Fault;
use super::tags::Tags;

/// Most signatures of From's domain that are looked at.
pub(super) const MAX_ALIGNED: usize = 8;
/// Most fields that a signature may name: checking them takes time by their square.
const MAX_FIELDS: usize = 256;
/// How far clocks may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);
/// Signers leave out padding at times.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A kind of key and signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    RsaSha256,
    Ed25519Sha256,
}

/// A signature of From's domain.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    /// The field's value as it stands.
    pub(super) value: &'a [u8],
    /// d=, in lower case.
    pub(super) domain: String,
    /// s=, in lower case.
    pub(super) selector: String,
    /// b= without blanks.
    pub(super) signature: String,
    /// t= and x=, 0 where absent.
    times: (i64, i64),
    /// What its other tags are worth.
    pub(super) form: Result<Algorithm, Fault>,
}

impl<'a> Candidate<'a> {
    /// The signatures that can speak for From's domain, from the top.
    pub(super) fn all(fields: &[Field<'a>], from: &str) -> Vec<Self> {
        fields
            .iter()
            .filter(|field| field.is("dkim-signature"))
            .filter_map(|field| Self::of(field.value))
            .filter(|candidate| is_aligned(&candidate.domain, from))
            .take(MAX_ALIGNED)
            .collect()
    }

    /// `None` if there is no telling whose it is.
    pub(super) fn of(value: &'a [u8]) -> Option<Self> {
        let Ok(tags) = Tags::parse(value) else {
            return Self::of_doubtful(value);
        };
        let domain = ascii_domain(tags.get("d")?)?;
        let selector = tags.get("s").and_then(ascii_domain);
        let time = |name| {
            tags.get(name)
                .map_or(Ok(0), |time| number(time).ok_or(Fault::Tag(name)))
        };
        let times = time("t").and_then(|t| time("x").map(|x| (t, x)));
        let form = form(&tags, selector.is_some());
        Some(Self {
            value,
            domain,
            selector: selector.unwrap_or_default(),
            signature: compact(tags.get("b").unwrap_or_default()),
            times: *times.as_ref().unwrap_or(&(0, 0)),
            form: times.and(form),
        })
    }

    /// One whose tags can't be read; if it names one domain, that is told.
    fn of_doubtful(value: &'a [u8]) -> Option<Self> {
        let fault = Tags::parse(value).err()?;
        let text = String::from_utf8_lossy(value);
        let mut domains = text.split(';').filter_map(|tag| {
            let (name, value) = tag.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("d")
                .then(|| ascii_domain(value.trim()))
        });
        Some(Self {
            value,
            domain: domains.next()??,
            selector: String::new(),
            signature: String::new(),
            times: (0, 0),
            form: Err(Fault::Tags(fault)),
        })
    }

    /// Where its key is (RFC 6376, Section 3.6.2.1).
    pub(super) fn key_name(&self) -> String {
        format!("{}._domainkey.{}.", self.selector, self.domain)
    }

    /// Judges its form, and its times at the moment when the mail came; clocks may be five minutes apart.
    pub(super) fn judge(&self, received: Timestamp, now: Timestamp) -> Result<Algorithm, Fault> {
        let algorithm = self.form.clone()?;
        let (made, expires) = self.times;
        if expires > 0 {
            if expires <= made {
                return Err(Fault::NeverValid);
            }
            if received.as_second() > expires {
                let expired = Timestamp::from_second(expires).unwrap_or(Timestamp::MAX);
                return Err(Fault::Expired { expired, received });
            }
        }
        let latest = now.saturating_add(CLOCKS).unwrap_or(Timestamp::MAX);
        if made > latest.as_second() {
            return Err(Fault::Future);
        }
        Ok(algorithm)
    }
}

/// What a signature's tags are worth, but for its times and domain.
fn form(tags: &Tags<'_>, has_selector: bool) -> Result<Algorithm, Fault> {
    if tags.get("v") != Some("1") {
        return Err(Fault::Tag("v"));
    }
    if !has_selector {
        return Err(Fault::Tag("s"));
    }
    let algorithm = match tags.get("a").map(str::to_ascii_lowercase).as_deref() {
        Some("rsa-sha256") => Algorithm::RsaSha256,
        Some("ed25519-sha256") => Algorithm::Ed25519Sha256,
        Some("rsa-sha1") => return Err(Fault::Sha1),
        _ => return Err(Fault::Tag("a")),
    };
    if tags.get("l").is_some() {
        return Err(Fault::Length);
    }
    if let Some(methods) = tags.items("q")
        && !methods
            .into_iter()
            .any(|method| method.eq_ignore_ascii_case("dns/txt"))
    {
        return Err(Fault::Tag("q"));
    }
    if let Some(forms) = tags.get("c") {
        let is_known = |form: &str| {
            ["simple", "relaxed"]
                .iter()
                .any(|known| form.eq_ignore_ascii_case(known))
        };
        let (header, body) = forms.split_once('/').unwrap_or((forms, "simple"));
        if !is_known(header.trim()) || !is_known(body.trim()) {
            return Err(Fault::Tag("c"));
        }
    }
    for name in ["b", "bh"] {
        let bytes = LENIENT.decode(compact(tags.get(name).unwrap_or_default()));
        if bytes.is_ok_and(|bytes| !bytes.is_empty()) {
            continue;
        }
        return Err(Fault::Tag(name));
    }
    let fields: Vec<&str> = tags
        .items("h")
        .ok_or(Fault::Tag("h"))?
        .take(MAX_FIELDS.saturating_add(1))
        .collect();
    if fields.len() > MAX_FIELDS {
        return Err(Fault::TooManyFields);
    }
    if !fields.iter().any(|field| field.eq_ignore_ascii_case("from")) {
        return Err(Fault::FromNotSigned);
    }
    Ok(algorithm)
}

fn compact(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// Seconds since 1970, as tags have them (12 digits at most).
fn number(text: &str) -> Option<i64> {
    let is_number = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
