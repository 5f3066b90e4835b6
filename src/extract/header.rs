//! Header fields: which ones matter here, bounded, and read by mail-parser.

use std::borrow::Cow;
use std::sync::LazyLock;

use jiff::Timestamp;
use mail_parser::{HeaderName, HeaderValue, Message, MessageParser, MimeHeaders};
use memchr::memchr;

use super::Envelope;
use super::mime::Lines;

/// Fields that are looked at; the others are skipped unread, however many there are.
const FIELDS: [&str; 10] = [
    "content-type",
    "contenttype",
    "content-transfer-encoding",
    "content-disposition",
    "from",
    "date",
    "message-id",
    "list-id",
    "tls-report-domain",
    "tls-report-submitter",
];
/// Most bytes of one field; RFC 5322, Section 2.1.1 allows 998 a line.
const MAX_FIELD: usize = 16 * 1024;
/// What the fields of a mail usually come to, in bytes.
const USUAL_FIELDS: usize = 512;
/// Most bytes of a value that is kept.
const MAX_VALUE: usize = 998;

/// Reads what [`FIELDS`] hold. Making its table takes longer than reading a part's header.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .header_content_type(HeaderName::ContentDisposition)
        .header_text(HeaderName::ContentTransferEncoding)
        .header_address(HeaderName::From)
        .header_date(HeaderName::Date)
        .header_id(HeaderName::MessageId)
        .default_header_raw()
});

/// How a part's body is encoded (RFC 2045, Section 6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// 7bit, 8bit, binary or nothing known.
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
}

/// What a part's header says.
#[derive(Debug, Clone, Default)]
pub(super) struct PartHeader {
    /// Media type in lower case, such as `application/tlsrpt+gzip`; empty where it isn't said.
    pub(super) media_type: String,
    pub(super) boundary: Option<String>,
    pub(super) charset: Option<String>,
    /// File name, from Content-Disposition or Content-Type.
    pub(super) name: Option<String>,
    pub(super) encoding: Encoding,
    /// Whether it has a TLS-Report-* field, or is multipart/report with report-type=tlsrpt (RFC 8460, Section 5.3).
    pub(super) announces_report: bool,
    pub(super) envelope: Envelope,
}

/// Reads the header at the current line, up to the empty line after it or the boundary that cuts it off.
pub(super) fn read(lines: &mut Lines<'_>, is_boundary: impl Fn(&[u8]) -> bool) -> PartHeader {
    let mut fields = Fields {
        raw: Vec::with_capacity(USUAL_FIELDS),
        seen: Vec::with_capacity(FIELDS.len()),
        left: 0,
    };
    while let Some(line) = lines.peek() {
        if is_boundary(line) {
            break;
        }
        lines.pass(line);
        let is_folded = matches!(line.first(), Some(b' ' | b'\t'));
        if !is_folded && line.trim_ascii_end().is_empty() {
            break;
        }
        // Most lines belong to fields that are skipped.
        if !is_folded || fields.left > 0 {
            fields.add(line, is_folded);
        }
    }
    fields.parse()
}

/// The fields that matter, as sent, the first of each name.
#[derive(Debug)]
struct Fields {
    raw: Vec<u8>,
    seen: Vec<&'static str>,
    /// Bytes that the current field may still have; 0 where it is skipped.
    left: usize,
}

impl Fields {
    fn add(&mut self, line: &[u8], is_folded: bool) {
        if !is_folded {
            self.left = 0;
            let Some(name) = field_name(line) else { return };
            // Trustwave's gateway writes "ContentType" in place of "Content-Type".
            let name = if name == "contenttype" {
                "content-type"
            } else {
                name
            };
            if self.seen.contains(&name) {
                return;
            }
            self.seen.push(name);
            self.left = MAX_FIELD;
        }
        if line.len() <= self.left {
            self.left = self.left.saturating_sub(line.len());
            // Trustwave's gateway writes "ContentType".
            match line
                .get(..12)
                .filter(|start| start.eq_ignore_ascii_case(b"contenttype:"))
            {
                Some(_) if !self.seen.contains(&"content-type") => {
                    self.raw.extend_from_slice(b"Content-Type:");
                    self.raw.extend_from_slice(line.get(12..).unwrap_or_default());
                }
                _ => self.raw.extend_from_slice(line),
            }
        } else {
            self.left = 0;
        }
    }

    fn parse(mut self) -> PartHeader {
        if self.raw.is_empty() {
            return PartHeader::default();
        }
        self.raw.extend_from_slice(b"\r\n\r\n");
        PARSER
            .parse_headers(&self.raw)
            .map(|message| part_header(&message))
            .unwrap_or_default()
    }
}

fn field_name(line: &[u8]) -> Option<&'static str> {
    // Of most fields the first letter tells that they are others.
    let first = line.first()?.to_ascii_lowercase();
    if first.is_ascii_lowercase() && !b"cdflmt".contains(&first) {
        return None;
    }
    let colon = memchr(b':', line.get(..64).unwrap_or(line))?;
    let name = line.get(..colon)?.trim_ascii();
    FIELDS
        .into_iter()
        .find(|field| name.eq_ignore_ascii_case(field.as_bytes()))
}

fn part_header(message: &Message<'_>) -> PartHeader {
    let content_type = message.content_type();
    let disposition = message
        .header(HeaderName::ContentDisposition)
        .and_then(HeaderValue::as_content_type);
    let attribute = |name| content_type.and_then(|value| value.attribute(name));
    let text = |name: HeaderName<'static>| message.header(name).and_then(HeaderValue::as_text);
    let encoding = match message.content_transfer_encoding().map(str::trim) {
        Some(name) if name.eq_ignore_ascii_case("base64") => Encoding::Base64,
        Some(name) if name.eq_ignore_ascii_case("quoted-printable") => Encoding::QuotedPrintable,
        _ => Encoding::Identity,
    };
    let mut media_type = content_type.map_or_else(String::new, |value| match value.subtype() {
        Some(subtype) => [value.ctype(), "/", subtype].concat(),
        None => value.ctype().to_owned(),
    });
    media_type.make_ascii_lowercase();
    let is_report = media_type == "multipart/report"
        && attribute("report-type").is_some_and(|value| value.trim().eq_ignore_ascii_case("tlsrpt"));
    let tls_report_domain = text(HeaderName::TlsReportDomain).and_then(domain);
    let name = disposition
        .and_then(|value| value.attribute("filename"))
        .or_else(|| attribute("name"));
    PartHeader {
        boundary: attribute("boundary")
            .filter(|boundary| !boundary.is_empty())
            .map(str::to_owned),
        charset: attribute("charset").map(str::to_owned),
        name: name.and_then(value),
        encoding,
        announces_report: is_report
            || tls_report_domain.is_some()
            || text(HeaderName::TlsReportSubmitter).is_some(),
        media_type,
        envelope: Envelope {
            message_id: message.message_id().and_then(value),
            from_domain: from_domain(message),
            date: date(message),
            tls_report_domain,
            list_id: message
                .header(HeaderName::ListId)
                .and_then(HeaderValue::as_text)
                .and_then(list_id),
        },
    }
}

fn from_domain(message: &Message<'_>) -> Option<String> {
    let address = message.from()?.first()?.address()?;
    let (_, host) = address.rsplit_once('@')?;
    domain(host)
}

fn date(message: &Message<'_>) -> Option<Timestamp> {
    let date = message.date().filter(|date| date.is_valid())?;
    Timestamp::from_second(date.to_timestamp()).ok()
}

/// The identifier of a List-Id: what stands in angle brackets (RFC 2919), else all.
fn list_id(text: &str) -> Option<String> {
    let inner = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    value(inner.map_or(text, |(id, _)| id))
}

/// A value, bounded; `None` where it is empty.
fn value(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.floor_char_boundary(MAX_VALUE);
    text.get(..end).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A domain in lower case, as A-labels where that works, without its final dot.
fn domain(text: &str) -> Option<String> {
    let text = value(text)?;
    let text = text.strip_suffix('.').unwrap_or(&text);
    if text.is_ascii() {
        return Some(text.to_ascii_lowercase()).filter(|text| !text.is_empty());
    }
    let a_labels = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::EMPTY);
    Some(a_labels.map_or_else(|_| text.to_lowercase(), Cow::into_owned))
}
