//! Report mails as senders make them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

/// A report about one domain and day.
#[derive(Clone)]
pub(crate) struct Report {
    /// The reporter's domain.
    pub(crate) reporter: String,
    /// The domain reported on.
    pub(crate) domain: String,
    /// The day reported on, UTC.
    pub(crate) day: Date,
    /// The report-id.
    pub(crate) id: String,
    /// total-successful-session-count.
    pub(crate) ok: u64,
    /// Each result type with its failed-session-count.
    pub(crate) failures: Vec<(&'static str, u64)>,
}

/// The day so many days ago, UTC. All tests share a today: a report that is made twice is the same also when midnight
/// comes between.
pub(crate) fn days_ago(n: i64) -> Date {
    static TODAY: OnceLock<Date> = OnceLock::new();
    let today = TODAY.get_or_init(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
    today.checked_sub(n.days()).unwrap()
}

impl Report {
    /// A report of yesterday without failures.
    pub(crate) fn quiet(id: impl Into<String>) -> Self {
        Self {
            reporter: "reporter.example".to_owned(),
            domain: "example.org".to_owned(),
            day: days_ago(1),
            id: id.into(),
            ok: 10,
            failures: Vec::new(),
        }
    }

    /// The same with failures.
    pub(crate) fn failing(self, result_type: &'static str, n_sessions: u64) -> Self {
        let mut failures = self.failures;
        failures.push((result_type, n_sessions));
        Self { failures, ..self }
    }

    /// The same about another day.
    pub(crate) fn on(self, day: Date) -> Self {
        Self { day, ..self }
    }

    /// The same by another reporter.
    pub(crate) fn by(self, reporter: &str) -> Self {
        Self {
            reporter: reporter.to_owned(),
            ..self
        }
    }

    /// The report as JSON (RFC 8460, Section 4.4).
    pub(crate) fn json(&self) -> Value {
        let failed: u64 = self.failures.iter().map(|(_, n_sessions)| n_sessions).sum();
        let detail = |(result_type, n_sessions): &(&str, u64)| {
            json!({
                "result-type": result_type,
                "sending-mta-ip": "192.0.2.1",
                "receiving-mx-hostname": format!("mx1.{}", self.domain),
                "receiving-ip": "198.51.100.1",
                "failed-session-count": n_sessions,
            })
        };
        json!({
            "organization-name": format!("Reporter {}", self.reporter),
            "date-range": {
                "start-datetime": format!("{}T00:00:00Z", self.day),
                "end-datetime": format!("{}T23:59:59Z", self.day),
            },
            "contact-info": format!("mailto:tls@{}", self.reporter),
            "report-id": self.id,
            "policies": [{
                "policy": {
                    "policy-type": "sts",
                    "policy-string": ["version: STSv1", "mode: enforce", format!("mx: mx1.{}", self.domain), "max_age: 86400"],
                    "policy-domain": self.domain,
                    "mx-host": [format!("mx1.{}", self.domain)],
                },
                "summary": {"total-successful-session-count": self.ok, "total-failure-session-count": failed},
                "failure-details": self.failures.iter().map(detail).collect::<Vec<_>>(),
            }],
        })
    }

    /// The report as a mail carries it.
    pub(crate) fn gzip(&self) -> Vec<u8> {
        gzip(self.json().to_string().as_bytes())
    }

    /// The report as a mail (RFC 8460, Section 5.3).
    pub(crate) fn mail(&self) -> Vec<u8> {
        self.mail_with(&self.gzip())
    }

    /// A mail like [`Report::mail`] whose attachment can't be read.
    pub(crate) fn broken_mail(&self) -> Vec<u8> {
        self.mail_with(b"\x1f\x8b\x08 this is no gzip stream")
    }

    /// A mail like [`Report::mail`] with another attachment.
    pub(crate) fn mail_with(&self, attachment: &[u8]) -> Vec<u8> {
        let Self {
            reporter,
            domain,
            day,
            id,
            ..
        } = self;
        let mut mail = format!(
            "From: <tls@{reporter}>\r\nTo: <tls@{domain}>\r\nMessage-ID: <{id}@{reporter}>\r\n\
             Date: {date}\r\n\
             Subject: Report Domain: {domain} Submitter: {reporter} Report-ID: <{id}>\r\n\
             TLS-Report-Domain: {domain}\r\nTLS-Report-Submitter: {reporter}\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"=-of-{day}\"\r\n\r\n\
             --=-of-{day}\r\nContent-Type: text/plain\r\n\r\nA report of {reporter}.\r\n\
             --=-of-{day}\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{reporter}!{domain}!{day}!{id}.json.gz\"\r\n\r\n",
            date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000"),
        );
        for line in STANDARD.encode(attachment).as_bytes().chunks(76) {
            mail.push_str(std::str::from_utf8(line).unwrap());
            mail.push_str("\r\n");
        }
        write!(mail, "--=-of-{day}--\r\n").unwrap();
        mail.into_bytes()
    }
}

/// A mail that has nothing to do with reports.
pub(crate) fn letter(text: &str) -> Vec<u8> {
    let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
    format!("From: <sales@example.net>\r\nTo: <tls@example.org>\r\nDate: {date}\r\nSubject: Offer\r\n\r\n{text}\r\n").into_bytes()
}

/// Compresses.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Many different reports, each in a mail of its own that is padded to some kilobytes as real ones are.
pub(crate) fn many(n: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..n).map(|i| {
        let mut mail = Report::quiet(format!("many-{i}")).mail();
        mail.splice(0..0, format!("X-Padding: {}\r\n", "x".repeat(900)).into_bytes());
        mail
    })
}
