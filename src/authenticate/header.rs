//! Header fields as they stand, and what From and Received say; strict, for it decides whom to believe.

use jiff::Timestamp;

use super::lexer::without_comments;

/// Most bytes of a header that is looked at.
const MAX_HEADER: usize = 256 * 1024;

/// A header field (RFC 5322, Section 2.2), folded as sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    name: &'a [u8],
    /// What stands after the colon, without the last line end.
    pub(super) value: &'a [u8],
}

impl Field<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The header's fields from the top; `None` if it is too large or there is none.
pub(super) fn fields(mail: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let (mut start, mut end) = (0_usize, 0_usize);
    loop {
        let line_end = memchr::memchr(b'\n', mail.get(end..)?)
            .map_or(mail.len(), |at| end.saturating_add(at).saturating_add(1));
        if line_end > MAX_HEADER {
            return None;
        }
        let line = mail.get(end..line_end)?;
        let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if !is_folded && end > start {
            fields.extend(field(mail.get(start..end)?));
            start = end;
        }
        if line.is_empty() || line == b"\n" || line == b"\r\n" {
            return (!fields.is_empty()).then_some(fields);
        }
        end = line_end;
    }
}

/// A line without a colon, such as that of an mbox, is no field.
fn field(text: &[u8]) -> Option<Field<'_>> {
    let (name, value) = text.split_at_checked(memchr::memchr(b':', text)?)?;
    Some(Field {
        name: name.trim_ascii(),
        value: value.get(1..)?.trim_ascii_end(),
    })
}

/// Why From doesn't say who sent a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FromFault {
    Absent,
    Several,
    NotOneAddress,
}

/// The domain of the only From address, in A-labels.
pub(super) fn from_domain(fields: &[Field<'_>]) -> Result<String, FromFault> {
    let mut from = fields.iter().filter(|field| field.is("from"));
    let field = from.next().ok_or(FromFault::Absent)?;
    if from.next().is_some() {
        return Err(FromFault::Several);
    }
    address_domain(field.value).ok_or(FromFault::NotOneAddress)
}

/// The domain of a field with exactly one address (RFC 5322, Section 3.4): `a@b` or `words <a@b>`.
fn address_domain(value: &[u8]) -> Option<String> {
    let text = without_comments(std::str::from_utf8(value).ok()?)?;
    // Quoted strings have become their content between \u{1} and \u{2}, in which nothing is special.
    let mut outside = String::new();
    let mut is_quoted = false;
    for char in text.chars() {
        match char {
            '\u{1}' => is_quoted = true,
            '\u{2}' => is_quoted = false,
            // Fits into a local part, never into a domain.
            _ if is_quoted => outside.push('!'),
            _ => outside.push(char),
        }
    }
    let address = match outside.split_once('<') {
        Some((words, rest)) => {
            let (address, after) = rest.split_once('>')?;
            let is_odd = |text: &str| text.contains([',', ';', ':', '<', '>']);
            if is_odd(words) || is_odd(address) || !after.trim().is_empty() {
                return None;
            }
            address
        }
        None => outside.as_str(),
    };
    let (local, domain) = address.trim().split_once('@')?;
    let is_plain =
        |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_plain(local) && is_plain(domain) && !local.contains([',', ';', ':', '<', '>'])).then_some(())?;
    super::alignment::ascii_domain(domain)
}

/// When the topmost Received says that the mail came (RFC 5322, Section 3.6.7).
pub(super) fn received(fields: &[Field<'_>]) -> Option<Timestamp> {
    let topmost = fields.iter().find(|field| field.is("received"))?;
    let value = String::from_utf8_lossy(topmost.value);
    let (_, date) = value.rsplit_once(';')?;
    let date = without_comments(date)?;
    let date = date.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    jiff::fmt::rfc2822::parse(&date).ok().map(|when| when.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(from: &str) -> Option<String> {
        address_domain(from.as_bytes())
    }

    #[test]
    fn from_is_one_address_or_nothing() {
        for (from, expected) in [
            (" tls@example.com", Some("example.com")),
            (" TLS Reports <tls@Example.COM>\r\n", Some("example.com")),
            (" \"a@example.net\" <tls@example.com>", Some("example.com")),
            (" a@example.net <tls@example.com>", Some("example.com")),
            (" (a@example.net) tls@example.com (x)", Some("example.com")),
            (" \"a, b: c\" <tls@example.com>", Some("example.com")),
            (" \"a@example.net\"@example.com", Some("example.com")),
            (" \"<a@example.net>\" <tls@example.com>", Some("example.com")),
            (
                " \"a\\\" <x@example.net>\" <tls@example.com>",
                Some("example.com"),
            ),
            (
                " =?utf-8?q?a=40example.net=2C?= <tls@example.com>",
                Some("example.com"),
            ),
            (" tls@b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            (" tls@example.com.", None),
            (" tls@example.com, a@example.net", None),
            (" a@example.net, TLS <tls@example.com>", None),
            (" TLS <tls@example.com>, a@example.net", None),
            (" TLS <a@example.net> <tls@example.com>", None),
            (" TLS <tls@example.com> a@example.net", None),
            (" group: tls@example.com;", None),
            (" <@example.net:tls@example.com>", None),
            (" tls@example.com@example.net", None),
            (" tls@[192.0.2.1]", None),
            (" tls@192.0.2.1", None),
            (" tls @example.com", None),
            (" <>", None),
            (" undisclosed-recipients:;", None),
            (" (unclosed tls@example.com", None),
            (" \"unclosed <tls@example.com>", None),
            ("", None),
        ] {
            assert_eq!(domain(from).as_deref(), expected, "{from:?}");
        }
    }

    #[test]
    fn fields_are_found_as_they_stand() {
        let mail = b"From x Sat Nov 21\nFrom : a\r\nSubject:\r\n folded\r\n\there\nfrom\t:b\n\nFrom: body";
        let fields = fields(mail).unwrap();
        let from: Vec<&[u8]> = fields.iter().filter(|f| f.is("from")).map(|f| f.value).collect();
        assert_eq!(from, [b" a".as_slice(), b"b"]);
        let subject = fields.iter().find(|field| field.is("subject")).unwrap();
        assert_eq!(subject.value, b"\r\n folded\r\n\there");
    }

    #[test]
    fn header_without_an_end_is_a_header() {
        assert_eq!(fields(b"A: 1\r\nB: 2").unwrap().len(), 2);
        assert!(fields(b"").is_none() && fields(b"\r\nA: 1").is_none() && fields(b"words only").is_none());
    }

    #[test]
    fn topmost_received_says_when_a_mail_came() {
        let at = |header: &str| received(&fields(header.as_bytes()).unwrap());
        let expected: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let first =
            "Received: from a (b; c) by mx.example.com;\r\n Fri, 20 Nov 2026 09:00:00 +0100 (CET)\r\n";
        assert_eq!(
            at(&format!(
                "{first}Received: by x; Fri, 1 Jan 2100 00:00:00 +0000\r\n\r\n"
            )),
            Some(expected)
        );
        assert_eq!(at("Received: by x\r\n\r\n"), None);
        assert_eq!(at("Subject: x\r\n\r\n"), None);
    }
}
