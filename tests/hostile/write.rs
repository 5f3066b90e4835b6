//! Writes mails without holding them: what this process takes at its peak counts for its children too.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compress, Compression, Crc, FlushCompress};
use serde_json::{Value, json};

/// Bytes in one MiB.
pub(crate) const MIB: usize = 1024 * 1024;
/// The name of a report's attachment.
pub(crate) const NAME: &str = "example.net!example.org!1795132800!1795219199.json";

/// A report as RFC 8460 wants it.
pub(crate) fn report(id: &str) -> Value {
    json!({
        "organization-name": "Example Net",
        "date-range": { "start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z" },
        "contact-info": "tls@example.net",
        "report-id": id,
        "policies": [{
            "policy": { "policy-type": "sts", "policy-domain": "example.org",
                        "policy-string": ["version: STSv1", "mode: enforce", "mx: mx1.example.org", "max_age: 604800"],
                        "mx-host": ["mx1.example.org"] },
            "summary": { "total-successful-session-count": 5, "total-failure-session-count": 1 },
            "failure-details": [detail(1)],
        }],
    })
}

/// A failure with its own sending address.
pub(crate) fn detail(number: usize) -> Value {
    json!({ "result-type": "certificate-expired",
            "sending-mta-ip": format!("2001:db8::{:x}:{:x}", number / 0x10000, number % 0x10000),
            "receiving-mx-hostname": "mx1.example.org", "failed-session-count": 1 })
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The header of a report's mail, without Content-Type.
pub(crate) fn head(out: &mut impl Write) -> io::Result<()> {
    out.write_all(
        b"From: tls@example.net\r\nTo: rua@example.org\r\nDate: Sat, 21 Nov 2026 06:00:00 +0000\r\n\
          Message-ID: <hostile@example.net>\r\nSubject: Report Domain: example.org\r\nMIME-Version: 1.0\r\n",
    )
}

/// Begins a mail of several parts.
pub(crate) fn multipart(out: &mut impl Write) -> io::Result<()> {
    head(out)?;
    out.write_all(b"Content-Type: multipart/mixed; boundary=b\r\n")
}

/// A part with an attachment.
pub(crate) fn part(out: &mut impl Write, name: &str, content: &[u8]) -> io::Result<()> {
    write!(
        out,
        "\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n"
    )?;
    base64(out, content)
}

pub(crate) fn base64(out: &mut impl Write, content: &[u8]) -> io::Result<()> {
    for line in content.chunks(57) {
        out.write_all(STANDARD.encode(line).as_bytes())?;
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

pub(crate) fn end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\r\n--b--\r\n")
}

/// A mail with attachments.
pub(crate) fn mail(out: &mut impl Write, attachments: &[(&str, &[u8])]) -> io::Result<()> {
    multipart(out)?;
    for (name, content) in attachments {
        part(out, name, content)?;
    }
    end(out)
}

/// A mail whose only part is this JSON, as it is.
pub(crate) fn json_mail(out: &mut impl Write, json: &[u8]) -> io::Result<()> {
    head(out)?;
    write!(
        out,
        "Content-Type: application/tlsrpt+json; name=\"{NAME}\"\r\n\r\n"
    )?;
    out.write_all(json)?;
    out.write_all(b"\r\n")
}

/// A report with its JSON edited as text.
pub(crate) fn edited(from: &str, to: &str) -> Vec<u8> {
    let text = report("edited").to_string();
    assert!(text.contains(from), "{from}");
    text.replace(from, to).into_bytes()
}

/// A report in whose JSON `from` is replaced by `n` times `piece`.
pub(crate) fn repeated(out: &mut impl Write, from: &str, piece: &[u8], n: usize) -> io::Result<()> {
    let text = report("edited").to_string();
    let (before, after) = text.split_once(from).unwrap();
    head(out)?;
    write!(
        out,
        "Content-Type: application/tlsrpt+json; name=\"{NAME}\"\r\n\r\n{before}"
    )?;
    (0..n).try_for_each(|_| out.write_all(piece))?;
    out.write_all(after.as_bytes())
}

/// The rest of a mail whose report has no date range.
pub(crate) fn undated(out: &mut impl Write) -> io::Result<()> {
    let mut report = report("undated");
    report.as_object_mut().unwrap().remove("date-range");
    write!(
        out,
        "Content-Type: application/tlsrpt+json; name=a.json\r\n\r\n{report}\r\n"
    )
}

/// A deflate stream of `n_mib` MiB: `begin` and then blanks; and its checksum and length.
fn bomb(begin: &[u8], n_mib: usize) -> (Vec<u8>, u32, u32) {
    let mut first = begin.to_vec();
    first.resize(MIB, b' ');
    let more = vec![b' '; MIB];
    // A full flush makes a block that can be repeated.
    let block = |bytes: &[u8]| {
        let mut compressed = Vec::with_capacity(64 * 1024);
        Compress::new(Compression::best(), false)
            .compress_vec(bytes, &mut compressed, FlushCompress::Full)
            .unwrap();
        compressed
    };
    let (mut sum, mut sum_of_more) = (Crc::new(), Crc::new());
    sum.update(&first);
    sum_of_more.update(&more);
    let mut stream = block(&first);
    let repeated = block(&more);
    for _ in 1..n_mib {
        stream.extend_from_slice(&repeated);
        sum.combine(&sum_of_more);
    }
    // An empty last block.
    stream.extend_from_slice(&[0x03, 0x00]);
    (stream, sum.sum(), u32::try_from(n_mib * MIB).unwrap())
}

pub(crate) fn gzip_bomb(begin: &[u8], n_mib: usize) -> Vec<u8> {
    let (stream, sum, length) = bomb(begin, n_mib);
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend_from_slice(&stream);
    gzip.extend_from_slice(&sum.to_le_bytes());
    gzip.extend_from_slice(&length.to_le_bytes());
    gzip
}

pub(crate) fn zip_bomb(n_mib: usize, claimed: Option<u32>) -> Vec<u8> {
    let (stream, sum, length) = bomb(b"{", n_mib);
    let mut zip = Zip::default();
    zip.add_raw("a.json", &stream, sum, claimed.unwrap_or(length));
    zip.finish()
}

/// A zip archive written by hand, for what no honest writer writes.
#[derive(Default)]
pub(crate) struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    n_entries: u16,
}

impl Zip {
    pub(crate) fn add(&mut self, name: &str, content: &[u8]) {
        self.add_claiming(name, content, u32::try_from(content.len()).unwrap());
    }

    /// An entry that lies about its size.
    pub(crate) fn add_claiming(&mut self, name: &str, content: &[u8], length: u32) {
        let mut sum = Crc::new();
        sum.update(content);
        self.add_raw(name, &deflate(content), sum.sum(), length);
    }

    fn add_raw(&mut self, name: &str, stream: &[u8], sum: u32, length: u32) {
        let mut common = Vec::new();
        for number in [20_u16, 0, 8, 0, 0x21] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        for number in [sum, u32::try_from(stream.len()).unwrap(), length] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        common.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        self.directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        self.directory.extend_from_slice(&common);
        self.directory.extend_from_slice(&[0; 10]);
        let offset = u32::try_from(self.bytes.len()).unwrap();
        self.directory.extend_from_slice(&offset.to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"PK\x03\x04");
        self.bytes.extend_from_slice(&common);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(stream);
        self.n_entries += 1;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let start = u32::try_from(self.bytes.len()).unwrap();
        let length = u32::try_from(self.directory.len()).unwrap();
        self.bytes.append(&mut self.directory);
        self.bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        for number in [self.n_entries, self.n_entries] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [length, start] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes
    }
}
