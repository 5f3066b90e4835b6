//! Reports and the mails that carry them: the same number always gives the same bytes.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use flate2::{Compression, GzBuilder};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

/// The last day that reports are about.
const LAST_DAY: Date = date(2026, 11, 20);
/// The morning after it.
pub fn now() -> Timestamp {
    let midnight = LAST_DAY.tomorrow().unwrap().to_zoned(TimeZone::UTC).unwrap();
    midnight.timestamp() + 6.hours()
}

/// The kinds of failure, the most frequent ones first.
const RESULT_TYPES: [&str; 8] = [
    "certificate-expired",
    "validation-failure",
    "certificate-host-mismatch",
    "starttls-not-supported",
    "sts-policy-fetch-error",
    "certificate-not-trusted",
    "sts-webpki-invalid",
    "tlsa-invalid",
];

/// What is generated.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Reports in all; they are spread evenly over the days, in order.
    pub reports: u64,
    /// Domains reported on.
    pub domains: u64,
    /// Organisations that report.
    pub reporters: u64,
    /// Days.
    pub days: u64,
    /// Of 1000 reports so many tell of failures.
    pub failing: u64,
    /// Of 1000 reports so many are written as only some senders do.
    pub quirky: u64,
    /// Size of a mail in bytes; less where the report alone is larger.
    pub mail_bytes: usize,
    /// Other numbers give other reports.
    pub seed: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            reports: 10_000,
            domains: 200,
            reporters: 30,
            days: 730,
            failing: 30,
            quirky: 20,
            mail_bytes: 3800,
            seed: 1,
        }
    }
}

/// One report and what the mail around it says.
#[derive(Debug)]
pub struct Generated {
    /// The reporter's domain.
    pub reporter: String,
    /// The domain reported on.
    pub domain: String,
    /// The day reported on.
    pub day: Date,
    /// The report-id.
    pub id: String,
    /// The report.
    pub json: String,
    rng: Rng,
}

impl Shape {
    /// The report of this number.
    pub fn report(&self, n: u64) -> Generated {
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ n);
        // Large domains and reporters have more reports than small ones.
        let skewed = |rng: &mut Rng, most: u64| rng.u64(0..most.max(1)).min(rng.u64(0..most.max(1)));
        let domain = format!("d{}.example", skewed(&mut rng, self.domains));
        let n_reporter = skewed(&mut rng, self.reporters);
        let reporter = format!("reporter{n_reporter}.example");
        let days_left = self.days.saturating_sub(1) - n * self.days / self.reports.max(1);
        let day = LAST_DAY
            .checked_sub(i64::try_from(days_left).unwrap().days())
            .unwrap();
        let id = format!("{day}T00:00:00Z_{domain}_{n:x}{:08x}", rng.u32(..));
        let failing = rng.u64(0..1000) < self.failing;
        let mut report = json!({
            "organization-name": format!("Reporter {n_reporter} Inc."),
            "date-range": {
                "start-datetime": format!("{day}T00:00:00Z"),
                "end-datetime": format!("{day}T23:59:59Z"),
            },
            "contact-info": format!("smtp-tls-reporting@{reporter}"),
            "report-id": id,
            "policies": policies(&mut rng, &domain, failing),
        });
        if rng.u64(0..1000) < self.quirky {
            quirk(&mut rng, &mut report);
        }
        Generated {
            json: report.to_string(),
            reporter,
            domain,
            day,
            id,
            rng,
        }
    }
}

fn policies(rng: &mut Rng, domain: &str, failing: bool) -> Value {
    let n_domain = domain
        .bytes()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
    let mx = [format!("mx1.{domain}"), format!("mx2.{domain}")];
    let ok = rng.u64(1..400) / rng.u64(1..20);
    let failed = if failing { rng.u64(1..30) } else { 0 };
    let summary = json!({ "total-successful-session-count": ok, "total-failure-session-count": failed });
    let mode = ["enforce", "enforce", "testing"][usize::try_from(n_domain % 3).unwrap()];
    let sts = json!({
        "policy-type": "sts", "policy-domain": domain, "mx-host": mx,
        "policy-string": ["version: STSv1", format!("mode: {mode}"), format!("mx: {}", mx[0]), format!("mx: {}", mx[1]),
                          "max_age: 604800"],
    });
    let tlsa = json!({
        "policy-type": "tlsa", "policy-domain": domain, "mx-host": mx,
        "policy-string": [format!("3 1 1 {n_domain:016X}{:016X}{:016X}{:016X}", n_domain ^ 1, n_domain ^ 2, n_domain ^ 3)],
    });
    let none = json!({ "policy-type": "no-policy-found", "policy-domain": domain });
    let mut policies = match n_domain % 10 {
        0 | 1 => vec![sts, tlsa],
        2 => vec![tlsa],
        3 => vec![none],
        _ => vec![sts],
    };
    for policy in &mut policies {
        let mut entry = json!({ "policy": policy.take(), "summary": summary });
        if failing {
            entry["failure-details"] = details(rng, &mx, failed);
        }
        *policy = entry;
    }
    policies.into()
}

fn details(rng: &mut Rng, mx: &[String], failed: u64) -> Value {
    let kind = rng
        .usize(0..RESULT_TYPES.len())
        .min(rng.usize(0..RESULT_TYPES.len()));
    let mut left = failed;
    let mut details = Vec::new();
    while left > 0 && details.len() < 5 {
        let sessions = if details.len() == 4 {
            left
        } else {
            rng.u64(1..=left)
        };
        left -= sessions;
        details.push(json!({
            "result-type": RESULT_TYPES[kind],
            "sending-mta-ip": format!("192.0.2.{}", rng.u8(1..255)),
            "receiving-mx-hostname": mx[rng.usize(0..mx.len())],
            "receiving-ip": format!("198.51.100.{}", rng.u8(1..255)),
            "failed-session-count": sessions,
        }));
    }
    details.into()
}

/// Writes something as only some senders do.
fn quirk(rng: &mut Rng, report: &mut Value) {
    let entry = &mut report["policies"][0];
    match rng.u8(0..4) {
        0 => {
            let ok = entry["summary"]["total-successful-session-count"].to_string();
            entry["summary"]["total-successful-session-count"] = ok.into();
        }
        1 => entry["policy"]["mx-host"] = "mx: MX1.Example.ORG.".into(),
        2 => entry["failure-details"] = Value::Null,
        _ => report["contact-info"] = "mailto:tls@reporter0.example".into(),
    }
}

impl Generated {
    /// The report as mails carry it.
    pub fn gzip(&self) -> Vec<u8> {
        let mut encoder = GzBuilder::new()
            .mtime(0)
            .write(Vec::new(), Compression::default());
        encoder.write_all(self.json.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// When the mail arrived: in the night after the day.
    pub fn received_at(&self) -> Timestamp {
        let midnight = self.day.tomorrow().unwrap().to_zoned(TimeZone::UTC).unwrap();
        midnight.timestamp() + 3.hours()
    }

    /// The mail (RFC 8460, Section 5.3), with what looks like signatures until it has `mail_bytes`, the first of them
    /// under the name of `first`.
    pub fn mail(&mut self, mail_bytes: usize, first: &str) -> Vec<u8> {
        let body = self.body();
        let head = self.head();
        let mut mail = String::with_capacity(mail_bytes);
        write!(mail, "Return-Path: <noreply@{}>\r\n", self.reporter).unwrap();
        // Half of a real mail is signatures.
        let mut n = 0;
        while mail.len() + head.len() + body.len() + 400 <= mail_bytes {
            n += 1;
            let name = if n == 1 { first } else { "X-Provider-Signature" };
            self.signature(&mut mail, name, n);
        }
        let left = mail_bytes.saturating_sub(mail.len() + head.len() + body.len() + 10);
        if left > 12 {
            write!(mail, "X-Padding: {}\r\n", "x".repeat(left - 12)).unwrap();
        }
        mail.push_str(&head);
        mail.push_str(&body);
        mail.into_bytes()
    }

    fn signature(&mut self, mail: &mut String, name: &str, n: u32) {
        let mut bytes = [0; 192];
        self.rng.fill(&mut bytes);
        let text = STANDARD.encode(bytes);
        write!(
            mail,
            "{name}: v=1; a=rsa-sha256; c=relaxed/relaxed; d={}; s=s{n};\r\n b=",
            self.reporter
        )
        .unwrap();
        for line in text.as_bytes().chunks(70) {
            write!(mail, "{}\r\n  ", std::str::from_utf8(line).unwrap()).unwrap();
        }
        mail.truncate(mail.trim_end().len());
        mail.push_str("\r\n");
    }

    fn head(&self) -> String {
        let Self {
            reporter, domain, id, ..
        } = self;
        let received = self.received_at().strftime("%a, %d %b %Y %H:%M:%S +0000");
        format!(
            "Received: from mta.{reporter} (mta.{reporter} [192.0.2.25]) by mx1.{domain} with ESMTPS id {id};\r\n\t{received}\r\n\
             From: <noreply-smtp-tls-reporting@{reporter}>\r\nTo: <tls@{domain}>\r\nMessage-ID: <{id}@{reporter}>\r\n\
             Date: {received}\r\n\
             Subject: Report Domain: {domain} Submitter: {reporter} Report-ID: <{id}>\r\n\
             TLS-Report-Domain: {domain}\r\nTLS-Report-Submitter: {reporter}\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"00000000000{:x}\"\r\n\r\n",
            self.boundary()
        )
    }

    fn body(&self) -> String {
        let Self {
            reporter,
            domain,
            day,
            ..
        } = self;
        let boundary = self.boundary();
        let start = day.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
        let name = format!(
            "{reporter}!{domain}!{start}!{}!{boundary:x}.json.gz",
            start + 86_399
        );
        let mut body = format!(
            "--00000000000{boundary:x}\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\n\r\n\
             This is an aggregate TLS report from {reporter}.\r\n\r\n\
             --00000000000{boundary:x}\r\nContent-Type: application/tlsrpt+gzip; name=\"{name}\"\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        );
        for line in STANDARD.encode(self.gzip()).as_bytes().chunks(76) {
            body.push_str(std::str::from_utf8(line).unwrap());
            body.push_str("\r\n");
        }
        write!(body, "--00000000000{boundary:x}--\r\n").unwrap();
        body
    }

    fn boundary(&self) -> u64 {
        self.id
            .bytes()
            .fold(7, |sum: u64, byte| sum.wrapping_mul(31) ^ u64::from(byte))
    }
}
