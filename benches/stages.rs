//! The stages of a report's way, each alone: `cargo bench`.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a bench may panic"
)]

use std::io::Read as _;

use divan::Bencher;
use divan::counter::ItemsCount;
use flate2::bufread::GzDecoder;
use tlsrptd::config::{Limits, Span, StoreConfig};
use tlsrptd::extract;
use tlsrptd::prepare::{Input, prepare};
use tlsrptd::report::{Context, parse};
use tlsrptd::store::{IncomingMail, Origin, Store};

#[path = "generate/reports.rs"]
#[expect(dead_code, unreachable_pub, reason = "others use all of it")]
mod reports;

use reports::{Generated, Shape};

/// Mails in one iteration.
const N: u64 = 500;

fn main() {
    divan::main();
}

fn generated() -> Vec<Generated> {
    let shape = Shape::default();
    (0..N).map(|n| shape.report(n)).collect()
}

fn mails() -> Vec<Vec<u8>> {
    let mail = |mut report: Generated| report.mail(Shape::default().mail_bytes, "DKIM-Signature");
    generated().into_iter().map(mail).collect()
}

fn incoming(limits: &Limits, batch: u64) -> Vec<IncomingMail> {
    let shape = Shape {
        reports: 1_000_000,
        ..Shape::default()
    };
    (batch * N..(batch + 1) * N)
        .map(|n| {
            let report = shape.report(n);
            let origin = Origin {
                source: "bench".to_owned(),
                locator: n.to_string(),
                ..Origin::default()
            };
            let bytes = report.gzip();
            prepare(
                origin,
                Input::File {
                    bytes: &bytes,
                    name: None,
                },
                limits,
                report.received_at(),
            )
        })
        .collect()
}

/// MIME, base64, gunzip and text.
#[divan::bench]
fn extract_mails(bencher: Bencher<'_, '_>) {
    let (mails, limits) = (mails(), Limits::default());
    bencher.counter(ItemsCount::new(N)).bench(|| {
        for mail in &mails {
            divan::black_box(extract::from_mail(mail, &limits).unwrap());
        }
    });
}

/// zlib alone.
#[divan::bench]
fn gunzip_afresh(bencher: Bencher<'_, '_>) {
    let gzipped: Vec<Vec<u8>> = generated().iter().map(Generated::gzip).collect();
    bencher.counter(ItemsCount::new(N)).bench(|| {
        for bytes in &gzipped {
            let mut json = String::new();
            GzDecoder::new(bytes.as_slice())
                .read_to_string(&mut json)
                .unwrap();
            divan::black_box(json);
        }
    });
}

/// Gunzip and text as we do it.
#[divan::bench]
fn extract_gzip(bencher: Bencher<'_, '_>) {
    let gzipped: Vec<Vec<u8>> = generated().iter().map(Generated::gzip).collect();
    let limits = Limits::default();
    bencher.counter(ItemsCount::new(N)).bench(|| {
        for bytes in &gzipped {
            divan::black_box(extract::from_file(bytes, None, &limits).unwrap());
        }
    });
}

/// JSON, tolerances and both hashes.
#[divan::bench]
fn parse_json(bencher: Bencher<'_, '_>) {
    let (reports, limits) = (generated(), Limits::default());
    let context = Context {
        file_name: None,
        tls_report_domain: None,
        date: None,
    };
    bencher.counter(ItemsCount::new(N)).bench(|| {
        for report in &reports {
            divan::black_box(parse(&report.json, &limits, &context).unwrap());
        }
    });
}

/// Syntax alone.
#[divan::bench]
fn serde_json_alone(bencher: Bencher<'_, '_>) {
    let reports = generated();
    bencher.counter(ItemsCount::new(N)).bench(|| {
        for report in &reports {
            divan::black_box(serde_json::from_str::<serde::de::IgnoredAny>(&report.json).unwrap());
        }
    });
}

/// SHA-256 over as many bytes.
#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    let reports = generated();
    bencher.counter(ItemsCount::new(N)).bench(|| {
        for report in &reports {
            divan::black_box(ring::digest::digest(
                &ring::digest::SHA256,
                report.json.as_bytes(),
            ));
        }
    });
}

/// A batch of new reports, one transaction.
#[divan::bench(sample_count = 40, sample_size = 1)]
fn record(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        path: folder.path().join("bench.db"),
        ..StoreConfig::default()
    };
    let store = std::cell::RefCell::new(Store::open(&config).unwrap());
    let (limits, now) = (Limits::default(), "2026-11-22T04:00:00Z".parse().unwrap());
    let mut batch = 0;
    bencher
        .counter(ItemsCount::new(N))
        .with_inputs(|| {
            batch += 1;
            incoming(&limits, batch)
        })
        .bench_local_values(|mails| {
            store
                .borrow_mut()
                .record(&mails, None, Span::Forever, now)
                .unwrap()
        });
}
