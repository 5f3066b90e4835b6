//! A mail, or a file, to the JSON text of the reports in it. Knows MIME, gzip and zip, not RFC 8460's fields. No I/O.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::config::Limits;

mod archive;
mod bounded;
pub mod deviation;
mod encoding;
mod gather;
mod gzip;
mod header;
mod mime;
mod sniff;
mod text;

#[cfg(test)]
mod tests;

pub use sniff::{looks_like_gzip, looks_like_json, looks_like_zip};

use gather::Extractor;

/// The header fields of a mail that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Message-ID without angle brackets; bounded.
    pub message_id: Option<String>,
    /// Domain of the first From address: lower case, A-label.
    pub from_domain: Option<String>,
    /// Date.
    pub date: Option<Timestamp>,
    /// TLS-Report-Domain (RFC 8460, Section 5.3).
    pub tls_report_domain: Option<String>,
    /// List-Id, by which our own digests are known.
    pub list_id: Option<String>,
}

/// A JSON document found in a mail or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// The attachment's or file's name: a hint only.
    pub name: Option<String>,
    /// The document as text.
    pub text: String,
    /// Names of the tolerances needed to get at it.
    pub deviations: BTreeSet<&'static str>,
    /// Whether something (media type, name, header) says that this is a TLS report, so that unreadable JSON is a
    /// rejected report and not some other file.
    pub announced: bool,
}

/// A part that was announced as a TLS report and can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The part's name.
    pub name: Option<String>,
    /// Why, in words.
    pub reason: String,
}

/// What was found in a mail or file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Header fields (empty for a bare file).
    pub envelope: Envelope,
    /// The JSON documents, in order.
    pub files: Vec<ReportFile>,
    /// Parts that should have been reports.
    pub unreadable: Vec<Unreadable>,
}

/// Why a mail or file as a whole is refused.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// A limit of the configuration was passed.
    #[error("more than limits.{limit} ({value}) allows")]
    Limit {
        /// The key in `[limits]`.
        limit: &'static str,
        /// Its value.
        value: u64,
    },
}

/// Finds every report in a mail: all leaf parts, judged by content, those of attached mails and archives too.
///
/// A part that holds no JSON is passed over, unless it was announced as a report ([`Extracted::unreadable`]).
///
/// # Errors
///
/// [`ExtractError::Limit`] if the mail, its parts or what they decompress to pass a limit.
pub fn from_mail(mail: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    Extractor::new(mail, limits)?.whole_mail(mail)
}

/// Finds every report in a file: bare JSON, gzip or zip. The name is a hint only.
///
/// # Errors
///
/// [`ExtractError::Limit`] if the file or what it decompresses to passes a limit.
pub fn from_file(bytes: &[u8], name: Option<&str>, limits: &Limits) -> Result<Extracted, ExtractError> {
    Extractor::new(bytes, limits)?.whole_file(bytes, name)
}
