//! Makes what benches/compare measures with: mails, reports and databases; and does by hand what is compared with.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may panic and print"
)]

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use tlsrptd::config::{Limits, Span, StoreConfig};
use tlsrptd::prepare::{Input, prepare};
use tlsrptd::store::{Origin, Store};

#[expect(unreachable_pub, reason = "other benches use it too")]
mod reports;
mod signing;

use reports::{Generated, Shape};
use signing::{SIGNATURE_BYTES, Signers};

/// What is made or done.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Mails, as FOLDER/NUMBER.eml.
    Eml,
    /// Mails in a Maildir, with the times at which they arrived.
    Maildir,
    /// Bare reports, as FOLDER/NUMBER.json.
    Json,
    /// A database, through the library; prints the bytes of its gzipped reports.
    Database,
    /// One report with `--details` failure details, gzipped, at TARGET.
    Large,
    /// Removes what is older than `--days` from the database TARGET; prints how many reports.
    Retain,
    /// Reads TARGET/*.eml with one thread: MIME, gunzip, JSON, nothing else.
    Read,
}

#[derive(Debug, Parser)]
struct Options {
    what: What,
    /// File or folder.
    target: PathBuf,
    #[arg(long, default_value_t = 10_000)]
    reports: u64,
    /// Skip the first ones, so that a second call adds others.
    #[arg(long, default_value_t = 0)]
    skip: u64,
    #[arg(long, default_value_t = 200)]
    domains: u64,
    #[arg(long, default_value_t = 30)]
    reporters: u64,
    #[arg(long, default_value_t = 730)]
    days: u64,
    /// Of 1000 reports.
    #[arg(long, default_value_t = 30)]
    failing: u64,
    /// Of 1000 reports.
    #[arg(long, default_value_t = 20)]
    quirky: u64,
    #[arg(long, default_value_t = 3800)]
    mail_bytes: usize,
    #[arg(long, default_value_t = 100_000)]
    details: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Sign mails with the keys in this folder: REPORTER.pem, by selector `reports`.
    #[arg(long)]
    keys: Option<PathBuf>,
}

fn main() {
    let options = Options::parse();
    let shape = Shape {
        reports: options.reports,
        domains: options.domains,
        reporters: options.reporters,
        days: options.days,
        failing: options.failing,
        quirky: options.quirky,
        mail_bytes: options.mail_bytes,
        seed: options.seed,
    };
    let target = &options.target;
    match options.what {
        What::Eml => mails(target, &options, shape, |n, _| format!("{n:07}.eml")),
        What::Maildir => {
            for folder in ["cur", "new", "tmp"] {
                fs::create_dir_all(target.join(folder)).unwrap();
            }
            mails(&target.join("new"), &options, shape, |n, received_at| {
                format!("{}.M{n}P1.bench", received_at.as_second())
            });
        }
        What::Json => {
            fs::create_dir_all(target).unwrap();
            for n in options.skip..shape.reports {
                fs::write(target.join(format!("{n:07}.json")), shape.report(n).json).unwrap();
            }
        }
        What::Database => database(target, shape, options.skip),
        What::Large => fs::write(target, large(options.details)).unwrap(),
        What::Retain => {
            let config = StoreConfig {
                path: target.clone(),
                ..StoreConfig::default()
            };
            let days = Span::Days(u32::try_from(options.days).unwrap());
            let removed = Store::open(&config)
                .unwrap()
                .retain(days, reports::now())
                .unwrap();
            println!("{removed}");
        }
        What::Read => read(target),
    }
}

/// A file for each mail, as old as the mail.
fn mails(folder: &Path, options: &Options, shape: Shape, name: impl Fn(u64, jiff::Timestamp) -> String) {
    fs::create_dir_all(folder).unwrap();
    let mut signers = options.keys.clone().map(Signers::new);
    for n in options.skip..shape.reports {
        let mut report = shape.report(n);
        let path = folder.join(name(n, report.received_at()));
        fs::write(&path, mail(&mut report, shape.mail_bytes, signers.as_mut())).unwrap();
        let modified = std::time::SystemTime::from(report.received_at());
        fs::File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_modified(modified))
            .unwrap();
    }
}

fn mail(report: &mut Generated, mail_bytes: usize, signers: Option<&mut Signers>) -> Vec<u8> {
    let Some(signers) = signers else {
        return report.mail(mail_bytes, "DKIM-Signature");
    };
    let mail = report.mail(mail_bytes.saturating_sub(SIGNATURE_BYTES), "X-Provider-Signature");
    signers.sign(&report.reporter, &mail)
}

/// Stores reports as a poll would, day by day.
fn database(path: &Path, shape: Shape, skip: u64) {
    const BATCH: u64 = 500;
    let config = StoreConfig {
        path: path.to_owned(),
        ..StoreConfig::default()
    };
    let limits = Limits::default();
    let mut store = Store::open(&config).unwrap();
    let (mut n_gzipped, mut at) = (0, skip);
    while at < shape.reports {
        let mut batch = Vec::new();
        let mut now = jiff::Timestamp::UNIX_EPOCH;
        for n in at..shape.reports.min(at + BATCH) {
            let report = shape.report(n);
            let bytes = report.gzip();
            n_gzipped += bytes.len();
            now = report.received_at();
            let uid = u32::try_from(n + 1).unwrap();
            let origin = Origin {
                source: "reports".to_owned(),
                uid_validity: Some(1),
                uid: Some(uid),
                locator: format!("INBOX;UIDVALIDITY=1;UID={uid}"),
                received_at: Some(now),
                size_bytes: u64::try_from(shape.mail_bytes).unwrap(),
                backfill: false,
                ..Origin::default()
            };
            let mut mail = prepare(
                origin,
                Input::File {
                    bytes: &bytes,
                    name: None,
                },
                &limits,
                now,
            );
            mail.message_id = Some(format!("{}@{}", report.id, report.reporter));
            batch.push(mail);
        }
        store.record(&batch, None, Span::Forever, now).unwrap();
        at += BATCH;
    }
    println!("{n_gzipped}");
}

/// One report with this many failure details.
fn large(details: u64) -> Vec<u8> {
    let shape = Shape {
        reports: 1,
        failing: 1000,
        quirky: 0,
        ..Shape::default()
    };
    let mut report = shape.report(0);
    let mut json: serde_json::Value = serde_json::from_str(&report.json).unwrap();
    let kinds = ["certificate-expired", "validation-failure"];
    let list = (0..details).map(|n| {
        serde_json::json!({
            "result-type": kinds[usize::try_from(n % 2).unwrap()],
            "sending-mta-ip": format!("192.0.2.{}", n % 250),
            "receiving-mx-hostname": format!("mx{}.d0.example", n % 40),
            "receiving-ip": format!("2001:db8::{:x}", n % 60_000),
            "failed-session-count": 1 + n % 3,
            "failure-reason-code": format!("code {}", n % 9),
        })
    });
    json["policies"][0]["failure-details"] = list.collect();
    report.json = json.to_string();
    report.gzip()
}

/// What can't be avoided of an import, with one thread and the plainest use of each library.
fn read(folder: &Path) {
    let parser = mail_parser::MessageParser::default();
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut sessions = 0;
    for path in paths {
        let bytes = fs::read(path).unwrap();
        let mail = parser.parse(&bytes).unwrap();
        let gzipped = mail.attachments().find_map(|part| {
            let contents = part.contents();
            contents.starts_with(&[0x1f, 0x8b]).then_some(contents)
        });
        let mut json = String::new();
        let mut decoder = flate2::bufread::GzDecoder::new(gzipped.unwrap());
        std::io::Read::read_to_string(&mut decoder, &mut json).unwrap();
        let report: plain::Report<'_> = serde_json::from_str(&json).unwrap();
        sessions += report.policies.len();
        std::hint::black_box(&report);
    }
    println!("{sessions}");
}

/// A report as serde reads it.
#[expect(
    dead_code,
    clippy::struct_field_names,
    reason = "to be read is all they are for"
)]
mod plain {
    use std::borrow::Cow;

    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub(super) struct Report<'a> {
        #[serde(borrow)]
        pub(super) organization_name: Cow<'a, str>,
        pub(super) date_range: DateRange,
        pub(super) contact_info: Cow<'a, str>,
        pub(super) report_id: Cow<'a, str>,
        pub(super) policies: Vec<Entry<'a>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub(super) struct DateRange {
        pub(super) start_datetime: jiff::Timestamp,
        pub(super) end_datetime: jiff::Timestamp,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub(super) struct Entry<'a> {
        #[serde(borrow)]
        pub(super) policy: Policy<'a>,
        pub(super) summary: Summary,
        #[serde(default)]
        pub(super) failure_details: Option<Vec<Value>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub(super) struct Policy<'a> {
        #[serde(borrow)]
        pub(super) policy_type: Cow<'a, str>,
        #[serde(borrow)]
        pub(super) policy_domain: Cow<'a, str>,
        #[serde(default)]
        pub(super) policy_string: Vec<Cow<'a, str>>,
        #[serde(default)]
        pub(super) mx_host: Value,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub(super) struct Summary {
        pub(super) total_successful_session_count: Value,
        pub(super) total_failure_session_count: u64,
    }
}
