//! A mail or file to what is recorded of it: extract, parse; no database.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use crate::authenticate::{Reason, Verdict, organisation};
use crate::config::{Limits, Unauthenticated};
use crate::extract::{self, Envelope, ExtractError, Extracted, ReportFile};
use crate::report::{self, Context, ParseError};
use crate::store::{Content, IncomingMail, IncomingReport, Origin, Standing};

/// Most bytes that are kept of a rejected mail, compressed.
const MAX_RAW_BYTES: usize = 1024 * 1024;
/// Bytes compressed between two looks at the size.
const RAW_CHUNK: usize = 64 * 1024;
/// By this prefix of List-Id our own digests are known.
pub const LIST_ID_PREFIX: &str = "tlsrptd.";

/// What was read from a mailbox or disk.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A mail.
    Mail(&'a [u8]),
    /// A bare JSON document, gzip or zip file.
    File {
        /// Its bytes.
        bytes: &'a [u8],
        /// Its name: a hint only.
        name: Option<&'a str>,
    },
    /// Something that was not read, and why.
    Refused(&'a str),
}

/// What is known of a mail's origin, and what becomes of one whose origin isn't proven.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// What is known.
    pub verdict: &'a Verdict,
    /// What follows.
    pub unauthenticated: Unauthenticated,
}

impl Judged<'_> {
    fn standing(self) -> Standing {
        let is_unproven = matches!(
            self.verdict,
            Verdict::Unauthenticated { .. } | Verdict::Temporary { .. }
        );
        Standing {
            authentication: self.verdict.as_str(),
            signing_domain: self.verdict.domain().map(str::to_owned),
            reason: self.verdict.reason().map(ToString::to_string),
            waits_for: match self.verdict {
                Verdict::Temporary {
                    reason: Reason::Signature { domain, .. },
                } => Some(organisation(domain)),
                _ => None,
            },
            counts: !is_unproven || self.unauthenticated == Unauthenticated::Count,
        }
    }
}

/// Prepares one mail or file for the store, of whose origin nothing is known. Whatever is in it, this returns: what
/// can't be read is rejected with a reason.
pub fn prepare(origin: Origin, input: Input<'_>, limits: &Limits, now: Timestamp) -> IncomingMail {
    let judged = Judged {
        verdict: &Verdict::Unchecked,
        unauthenticated: Unauthenticated::Count,
    };
    prepare_judged(origin, input, judged, limits, now)
}

/// Prepares one mail or file for the store, as [`prepare`] does, with what is known of its origin.
pub fn prepare_judged(
    origin: Origin,
    input: Input<'_>,
    judged: Judged<'_>,
    limits: &Limits,
    now: Timestamp,
) -> IncomingMail {
    // The parsers are written not to panic, and so is this; but a panic on one mail must not stop the others for ever.
    let read = AssertUnwindSafe(|| read(&origin, input, judged, limits, now));
    let (message_id, content) = catch_unwind(read).unwrap_or_else(|_| {
        (
            None,
            Content::Rejected("reading it failed inside tlsrptd; please report this as a bug".to_owned()),
        )
    });
    let is_rejected = match &content {
        Content::NotAReport => false,
        Content::Rejected(_) => true,
        Content::Reports(reports) => reports
            .iter()
            .any(|report| matches!(report, IncomingReport::Rejected(_))),
    };
    let is_temporary =
        matches!(judged.verdict, Verdict::Temporary { .. }) && matches!(content, Content::Reports(_));
    let (raw, raw_hash) = match input {
        Input::Mail(bytes) | Input::File { bytes, .. } if is_rejected => (compress(bytes), Some(hash(bytes))),
        // A mail that is too large is known again by what is known of it.
        Input::Refused(reason) => (
            None,
            Some(hash(format!("{:?} {reason}", origin.received_at).as_bytes())),
        ),
        // To be judged again.
        Input::Mail(bytes) if is_temporary => (compress(bytes), None),
        Input::Mail(_) | Input::File { .. } => (None, None),
    };
    IncomingMail {
        origin,
        message_id,
        content,
        raw,
        raw_hash,
    }
}

fn read(
    origin: &Origin,
    input: Input<'_>,
    judged: Judged<'_>,
    limits: &Limits,
    now: Timestamp,
) -> (Option<String>, Content) {
    let extracted = match input {
        Input::Refused(reason) => return (None, Content::Rejected(reason.to_owned())),
        Input::Mail(bytes) => extract::from_mail(bytes, limits),
        Input::File { bytes, name } => extract::from_file(bytes, name, limits),
    };
    let Extracted {
        envelope,
        files,
        unreadable,
    } = match extracted {
        Ok(extracted) => extracted,
        Err(error @ ExtractError::Limit { .. }) => return (None, Content::Rejected(error.to_string())),
    };
    if envelope
        .list_id
        .as_deref()
        .is_some_and(|id| id.starts_with(LIST_ID_PREFIX))
    {
        return (None, Content::NotAReport);
    }
    let date = envelope.date.or(origin.received_at).or(Some(now));
    let read = files
        .into_iter()
        .filter_map(|file| parse(file, &envelope, judged, date, limits));
    let lost = unreadable.into_iter().map(|part| {
        let name = part
            .name
            .map_or(String::new(), |name| format!("attachment {name:?}: "));
        IncomingReport::Rejected(format!("{name}{}", part.reason))
    });
    let reports: Vec<IncomingReport> = read.chain(lost).collect();
    let content = if reports.is_empty() {
        Content::NotAReport
    } else {
        Content::Reports(reports)
    };
    (envelope.message_id, content)
}

/// One JSON document; `None` if it is somebody else's business.
fn parse(
    file: ReportFile,
    envelope: &Envelope,
    judged: Judged<'_>,
    date: Option<Timestamp>,
    limits: &Limits,
) -> Option<IncomingReport> {
    let context = Context {
        file_name: file.name.as_deref(),
        tls_report_domain: envelope.tls_report_domain.as_deref(),
        date,
    };
    match report::parse(&file.text, limits, &context) {
        Ok(mut parsed) => {
            parsed.deviations.extend(&file.deviations);
            let contact = parsed.report.contact_info.as_deref().and_then(contact_domain);
            let submitter = submitter(contact, envelope.from_domain.as_deref(), judged.verdict.domain());
            Some(IncomingReport::Read {
                parsed: Box::new(parsed),
                json: file.text,
                submitter,
                standing: judged.standing(),
            })
        }
        Err(ParseError::NotAReport | ParseError::Json(_)) if !file.announced => None,
        Err(error) => {
            let name = file
                .name
                .map_or(String::new(), |name| format!("attachment {name:?}: "));
            Some(IncomingReport::Rejected(format!("{name}{error}")))
        }
    }
}

/// Who reports: the domain of contact-info, else From's. Where the origin is proven, no report speaks for others than
/// who signed it.
pub(crate) fn submitter(contact: Option<String>, from: Option<&str>, proven: Option<&str>) -> String {
    match proven {
        Some(proven) => contact
            .filter(|contact| organisation(contact) == organisation(proven))
            .unwrap_or_else(|| proven.to_owned()),
        None => contact.or_else(|| from.map(str::to_owned)).unwrap_or_default(),
    }
}

/// The domain of contact-info (RFC 8460, Section 4.4): an address, seen with `mailto:` or a name around it.
pub(crate) fn contact_domain(contact: &str) -> Option<String> {
    let (_, rest) = contact.rsplit_once('@')?;
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-' || c == '_'))
        .unwrap_or(rest.len());
    let domain = rest.get(..end)?.trim_end_matches('.');
    let domain = idna::domain_to_ascii(domain).ok()?;
    (!domain.is_empty() && domain.len() <= 253).then_some(domain)
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Compresses a rejected mail for keeping; `None` if it stays too large.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for chunk in bytes.chunks(RAW_CHUNK) {
        encoder.write_all(chunk).ok()?;
        if encoder.get_ref().len() > MAX_RAW_BYTES {
            return None;
        }
    }
    encoder.finish().ok().filter(|raw| raw.len() <= MAX_RAW_BYTES)
}

#[cfg(test)]
mod tests {
    use super::{contact_domain, submitter};

    #[test]
    fn proven_report_speaks_for_its_signer_only() {
        let contact = |domain: &str| Some(domain.to_owned());
        assert_eq!(
            submitter(contact("a.example"), Some("b.example"), None),
            "a.example"
        );
        assert_eq!(submitter(None, Some("b.example"), None), "b.example");
        assert_eq!(
            submitter(contact("a.example"), None, Some("evil.example")),
            "evil.example"
        );
        assert_eq!(
            submitter(contact("mx.a.example"), None, Some("a.example")),
            "mx.a.example"
        );
        assert_eq!(
            submitter(contact("1e100.net"), None, Some("google.com")),
            "1e100.net"
        );
        assert_eq!(submitter(None, Some("b.example"), Some("a.example")), "a.example");
    }

    #[test]
    fn contact_domain_is_found_in_what_senders_write() {
        for (contact, domain) in [
            ("tls@example.com", Some("example.com")),
            ("mailto:tls@Example.COM.", Some("example.com")),
            ("TLS <tls@mx.example.net>", Some("mx.example.net")),
            ("tls@bücher.example", Some("xn--bcher-kva.example")),
            ("https://example.com/report", None),
            ("tls@", None),
        ] {
            assert_eq!(contact_domain(contact).as_deref(), domain, "{contact}");
        }
    }
}
