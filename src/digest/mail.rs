//! The digest as a mail. Pure: sending is another module's.

use jiff::Zoned;
use lettre::address::AddressError;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

use crate::digest::Rendered;

/// What stands before our domain in List-Id, by which our own digests are known in a polled mailbox.
pub const LIST_ID_LABEL: &str = "tlsrptd";

/// Why a digest could not become a mail.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// An address in the configuration is none.
    #[error("{address:?} is not a mail address; correct digest.{key}")]
    Address {
        /// The key in `[digest]`.
        key: &'static str,
        /// What stands there.
        address: String,
        /// What is wrong with it.
        #[source]
        source: AddressError,
    },
    /// The Message-ID holds what a header must not hold.
    #[error("{0:?} can't be a Message-ID")]
    MessageId(String),
    /// The Date can't be written.
    #[error("cannot write the mail's Date")]
    Date(#[source] jiff::Error),
    /// The builder refused.
    #[error("cannot compose the digest")]
    Build(#[from] lettre::error::Error),
}

/// The mail to all recipients: text first, HTML as the alternative.
///
/// `message_id` stands without angle brackets and stays the same when a digest is sent again, as do `references`: the
/// mails that it continues; `date` carries the configured zone.
///
/// # Errors
///
/// [`ComposeError`] for an address or a Message-ID that isn't one.
pub fn compose(
    digest: &Rendered,
    from: &str,
    to: &[String],
    message_id: &str,
    references: &[String],
    date: &Zoned,
) -> Result<Vec<u8>, ComposeError> {
    let from = address("from", from)?;
    let mut builder = Message::builder()
        .date(date.timestamp().into())
        .message_id(Some(checked_message_id(message_id)?))
        .subject(one_line(&digest.subject))
        .header(AutoSubmitted)
        .header(ListId::of(&from));
    let references: Vec<String> = references
        .iter()
        .map(|id| checked_message_id(id))
        .collect::<Result<_, _>>()?;
    if let Some(first) = references.first() {
        builder = builder
            .in_reply_to(first.clone())
            .references(references.join(" "));
    }
    for recipient in to {
        builder = builder.to(address("to", recipient)?);
    }
    let mut mail = builder.from(from).multipart(MultiPart::alternative_plain_html(
        digest.text.clone(),
        digest.html.clone(),
    ))?;
    // lettre's own Date is always UTC.
    let date = jiff::fmt::rfc2822::to_string(date).map_err(ComposeError::Date)?;
    mail.headers_mut()
        .insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str("Date"), date));
    Ok(mail.formatted())
}

fn address(key: &'static str, text: &str) -> Result<Mailbox, ComposeError> {
    text.trim().parse().map_err(|source| ComposeError::Address {
        key,
        address: text.to_owned(),
        source,
    })
}

fn checked_message_id(id: &str) -> Result<String, ComposeError> {
    let sound = !id.is_empty()
        && id.len() <= 250
        && id.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
        && id.split('@').count() == 2;
    if sound {
        Ok(format!("<{id}>"))
    } else {
        Err(ComposeError::MessageId(id.to_owned()))
    }
}

/// No header line of ours holds a line break, whatever the digest says.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// `Auto-Submitted: auto-generated` (RFC 3834, Section 5), so that no robot answers.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// `List-Id` (RFC 2919), for filters and for ourselves.
#[derive(Debug, Clone)]
struct ListId(String);

impl ListId {
    fn of(from: &Mailbox) -> Self {
        let domain = from.email.domain();
        // The address parser lets through what IDNA refuses, such as an address literal.
        let domain = idna::domain_to_ascii(domain)
            .ok()
            .filter(|domain| {
                domain
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
            })
            .unwrap_or_else(|| "localhost".to_owned());
        Self(format!("tlsrptd digest <{LIST_ID_LABEL}.{domain}>"))
    }
}

impl Header for ListId {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Id")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{MessageParser, MimeHeaders};

    fn rendered() -> Rendered {
        Rendered {
            subject: "[tlsrptd] example.org: 2 new failure types".to_owned(),
            text: "example.org: 2 new failure types\n\nM\u{fc}ller reports.\n".to_owned(),
            html: "<!DOCTYPE html><p>example.org: 2 new failure types".to_owned(),
        }
    }

    fn date() -> Zoned {
        "2026-11-23T07:00:00+01:00[Europe/Berlin]".parse().unwrap()
    }

    fn recipients() -> Vec<String> {
        vec![
            "ops@example.org".to_owned(),
            "Night Shift <night@example.com>".to_owned(),
        ]
    }

    fn composed() -> Vec<u8> {
        compose(
            &rendered(),
            "tlsrptd@example.org",
            &recipients(),
            "digest-7.ab12@example.org",
            &[],
            &date(),
        )
        .unwrap()
    }

    #[test]
    fn mail_carries_text_first_and_html_as_alternative() {
        let bytes = composed();
        let mail = MessageParser::default().parse(&bytes).unwrap();
        let kind = mail.content_type().unwrap();
        assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("alternative")));
        assert_eq!(mail.parts.len(), 3);
        assert!(mail.parts[1].is_content_type("text", "plain"));
        assert!(mail.parts[2].is_content_type("text", "html"));
        assert_eq!(mail.body_text(0).unwrap().replace('\r', ""), rendered().text);
        assert_eq!(mail.body_html(0).unwrap(), rendered().html);
    }

    #[test]
    fn headers_are_those_of_an_automatic_mail() {
        let text = String::from_utf8(composed()).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        let boundary = head.split("boundary=").nth(1).unwrap();
        insta::assert_snapshot!(head.replace(boundary, "...").replace('\r', ""), @r#"
        Date: Mon, 23 Nov 2026 07:00:00 +0100
        Message-ID: <digest-7.ab12@example.org>
        Subject: [tlsrptd] example.org: 2 new failure types
        Auto-Submitted: auto-generated
        List-Id: tlsrptd digest <tlsrptd.example.org>
        To: ops@example.org, "Night Shift" <night@example.com>
        From: tlsrptd@example.org
        MIME-Version: 1.0
        Content-Type: multipart/alternative;
         boundary=...
        "#);
    }

    #[test]
    fn date_is_in_the_configured_zone() {
        let text = String::from_utf8(composed()).unwrap();
        assert!(
            text.contains("Date: Mon, 23 Nov 2026 07:00:00 +0100\r\n"),
            "{text}"
        );
    }

    #[test]
    fn mail_on_a_known_problem_refers_to_the_first_about_it() {
        let known = ["first@example.org".to_owned(), "other@example.org".to_owned()];
        let bytes = compose(
            &rendered(),
            "tlsrptd@example.org",
            &recipients(),
            "a@b",
            &known,
            &date(),
        )
        .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("In-Reply-To: <first@example.org>\r\n"), "{text}");
        assert!(
            text.contains("References: <first@example.org> <other@example.org>\r\n"),
            "{text}"
        );
    }

    #[test]
    fn each_header_stands_once() {
        let text = String::from_utf8(composed()).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        for name in [
            "Date:",
            "Content-Type:",
            "Message-ID:",
            "Subject:",
            "List-Id:",
            "From:",
            "To:",
        ] {
            let n = head.lines().filter(|line| line.starts_with(name)).count();
            assert_eq!(n, 1, "{name}");
        }
    }

    #[test]
    fn line_breaks_never_make_a_header() {
        let hostile = Rendered {
            subject: "[tlsrptd] a\r\nBcc: x@example.net\u{0}b".to_owned(),
            ..rendered()
        };
        let bytes = compose(
            &hostile,
            "tlsrptd@example.org",
            &recipients(),
            "a@b",
            &[],
            &date(),
        )
        .unwrap();
        let mail = MessageParser::default().parse(&bytes).unwrap();
        assert!(mail.bcc().is_none());
        assert!(
            !String::from_utf8(bytes)
                .unwrap()
                .lines()
                .any(|line| line.starts_with("Bcc"))
        );
    }

    #[test]
    fn address_with_a_line_break_is_refused_by_its_key() {
        for bad in [
            "ops@example.org\r\nBcc: x@example.net",
            "ops",
            "",
            "a b@example.org\n",
        ] {
            let error = compose(
                &rendered(),
                "tlsrptd@example.org",
                &[bad.to_owned()],
                "a@b",
                &[],
                &date(),
            )
            .unwrap_err();
            assert!(error.to_string().contains("correct digest.to"), "{error}");
        }
    }

    #[test]
    fn message_id_is_one_or_refused() {
        for bad in ["", "a", "a@b>\r\nBcc: <x", "a b@c", "<a@b>", "a@b@c"] {
            assert!(
                compose(
                    &rendered(),
                    "tlsrptd@example.org",
                    &recipients(),
                    bad,
                    &[],
                    &date()
                )
                .is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn list_id_of_an_unicode_domain_is_ascii() {
        let bytes = compose(
            &rendered(),
            "tlsrptd@b\u{fc}cher.example",
            &recipients(),
            "a@b",
            &[],
            &date(),
        )
        .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.contains("List-Id: tlsrptd digest <tlsrptd.xn--bcher-kva.example>\r\n"),
            "{text}"
        );
    }
}
