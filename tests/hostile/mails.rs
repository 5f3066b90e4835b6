//! One row a mail: its outcome and reason, what is stored of it, and that it takes little memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use wait4::Wait4 as _;

use crate::Place;
use crate::write::{
    self, MIB, NAME, Zip, detail, edited, gzip, gzip_bomb, json_mail, mail, report, zip_bomb,
};

type Out = BufWriter<File>;

/// A hostile mail.
struct Row {
    name: &'static str,
    write: fn(&mut Out) -> io::Result<()>,
    outcome: &'static str,
    reason: Option<&'static str>,
    /// A query on what is stored of it, and its one value.
    query: &'static str,
    value: Value,
    /// Most memory above that of a run on the good mail alone.
    max_mib: usize,
}

fn rejected(name: &'static str, write: fn(&mut Out) -> io::Result<()>, reason: &'static str) -> Row {
    Row {
        name,
        write,
        outcome: "rejected",
        reason: Some(reason),
        query: "count(*) FROM reports WHERE mail = 1",
        value: json!(0),
        max_mib: 64,
    }
}

fn stored(
    name: &'static str,
    write: fn(&mut Out) -> io::Result<()>,
    query: &'static str,
    value: impl Into<Value>,
) -> Row {
    Row {
        name,
        write,
        outcome: "stored",
        reason: None,
        query,
        value: value.into(),
        max_mib: 64,
    }
}

const TOO_LARGE: &str = "more than limits.decompressed_bytes (52428800) allows";
const TOO_MANY_PARTS: &str = "more than limits.leaf_parts (10000) allows";
const TOO_DEEP: &str = "more than limits.nesting (10) allows";
const ID: &str = "report_id FROM reports WHERE mail = 1";
const ORGANIZATION: &str = "organization_name FROM reports WHERE mail = 1";
const OK: &str =
    "total_successful_session_count FROM policy_results JOIN reports ON reports.id = report WHERE mail = 1";
const START: &str = "start_datetime FROM reports WHERE mail = 1";
const DEVIATIONS: &str = "deviations FROM reports WHERE mail = 1";

#[test]
fn every_hostile_mail_has_its_outcome_and_the_mail_after_it_is_stored() {
    let (nothing, _) = import(&prepared(|_| Ok(())));
    println!("the good mail alone: {:.1} MiB", mib(nothing.peak));
    let rows = [bombs(), archives(), structures(), documents(), values(), texts()];
    let faults: Vec<String> = rows
        .into_iter()
        .flatten()
        .filter_map(|row| fault(&row, nothing.peak))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn bombs() -> Vec<Row> {
    vec![
        rejected(
            "1 GiB of blanks in gzip",
            |out| mail(out, &[("a.json.gz", &gzip_bomb(b" ", 1024))]),
            TOO_LARGE,
        ),
        rejected(
            "1 GiB of zeros in gzip",
            |out| mail(out, &[(NAME, &gzip_bomb(b"\0", 1024))]),
            TOO_LARGE,
        ),
        rejected(
            "1 GiB of JSON in gzip",
            |out| mail(out, &[(NAME, &gzip_bomb(b"{\"policies\":[", 1024))]),
            TOO_LARGE,
        ),
        rejected(
            "1 GiB in gzip in gzip",
            |out| mail(out, &[(NAME, &gzip(&gzip_bomb(b"{\"policies\":[", 1024)))]),
            TOO_LARGE,
        ),
        rejected(
            "1 GiB in zip",
            |out| mail(out, &[("a.zip", &zip_bomb(1024, None))]),
            TOO_LARGE,
        ),
        rejected(
            "1 GiB in zip in gzip",
            |out| mail(out, &[(NAME, &gzip(&zip_bomb(1024, None)))]),
            TOO_LARGE,
        ),
        rejected(
            "1 GiB in zip that claims 100 bytes",
            |out| mail(out, &[(NAME, &zip_bomb(1024, Some(100)))]),
            "attachment \"example.net!example.org!1795132800!1795219199.json\": \
             the zip entry is damaged: File is larger than its declared uncompressed size",
        ),
        rejected(
            "60 attachments of 1 MiB each",
            |out| {
                let bomb = gzip_bomb(b"{", 1);
                mail(out, &vec![(NAME, bomb.as_slice()); 60])
            },
            TOO_LARGE,
        ),
        Row {
            // The text, and the copies that SQLite makes of it.
            max_mib: 160,
            ..stored("report of 45 MiB", |out| padded(out, "padded", 45), ID, "padded")
        },
        stored(
            "40 MiB of blanks before a report",
            |out| {
                let json = report("blanks").to_string();
                let mut bytes = gzip_bomb(b"", 40);
                bytes.extend(gzip(json.as_bytes()));
                mail(out, &[(NAME, &bytes)])
            },
            ID,
            "blanks",
        ),
    ]
}

/// A small mail with a large report: blanks after its first brace.
fn padded(out: &mut Out, id: &str, n_mib: usize) -> io::Result<()> {
    let json = report(id).to_string();
    let mut bytes = gzip_bomb(b"{", n_mib);
    bytes.extend(gzip(json.strip_prefix('{').unwrap().as_bytes()));
    mail(out, &[(NAME, &bytes)])
}

#[test]
fn many_small_mails_of_large_reports_take_no_more_memory_than_one() {
    let peak = |n_mails: usize| {
        let place = prepared(|_| Ok(()));
        for n in 0..n_mails {
            let mut out = BufWriter::new(File::create(place.mails().join(format!("3-{n}.eml"))).unwrap());
            padded(&mut out, &n.to_string(), 20).unwrap();
            out.flush().unwrap();
        }
        let (run, code) = import(&place);
        assert_eq!(code, Some(0));
        let stored = place.sql("SELECT count(*) AS n FROM reports");
        assert_eq!(stored, [json!({ "n": n_mails + 1 })]);
        run.peak
    };
    let (one, many) = (peak(1), peak(8));
    println!("one: {:.1} MiB, eight: {:.1} MiB", mib(one), mib(many));
    assert!(mib(many) < mib(one) + 40.0);
}

fn archives() -> Vec<Row> {
    vec![
        rejected(
            "20,000 zip entries",
            |out| {
                let mut zip = Zip::default();
                (0..20_000).for_each(|n| zip.add(&format!("{n}.json"), b"{}"));
                mail(out, &[("a.zip", &zip.finish())])
            },
            TOO_MANY_PARTS,
        ),
        stored(
            "zip entry that claims 4 GiB",
            |out| {
                let mut zip = Zip::default();
                zip.add_claiming(NAME, report("forged").to_string().as_bytes(), u32::MAX - 1);
                mail(out, &[("a.zip", &zip.finish())])
            },
            ID,
            "forged",
        ),
        rejected(
            "zip entry that claims one byte",
            |out| {
                let mut zip = Zip::default();
                zip.add_claiming(NAME, report("forged").to_string().as_bytes(), 1);
                mail(out, &[("a.zip", &zip.finish())])
            },
            "attachment \"example.net!example.org!1795132800!1795219199.json\": \
             the zip entry is damaged: File is larger than its declared uncompressed size",
        ),
        stored(
            "zip entries above the folder and at the root",
            |out| {
                let mut zip = Zip::default();
                zip.add("../outbox/evil.eml", b"evil");
                zip.add(
                    "/tmp/../../evil!b!1!2.json",
                    report("path").to_string().as_bytes(),
                );
                mail(out, &[("a.zip", &zip.finish())])
            },
            ID,
            "path",
        ),
    ]
}

fn structures() -> Vec<Row> {
    vec![
        stored(
            "1,000 attachments",
            |out| {
                write::multipart(out)?;
                for n in 0..1000 {
                    write::part(out, NAME, report(&n.to_string()).to_string().as_bytes())?;
                }
                write::end(out)
            },
            "count(*) FROM reports WHERE mail = 1",
            1000,
        ),
        rejected(
            "100,000 empty parts",
            |out| {
                write::multipart(out)?;
                (0..100_000).try_for_each(|_| out.write_all(b"\r\n--b\r\n\r\n"))?;
                write::end(out)
            },
            TOO_MANY_PARTS,
        ),
        rejected(
            "multipart nested 10,000 deep",
            |out| {
                write::head(out)?;
                for n in 0..10_000 {
                    write!(
                        out,
                        "Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"
                    )?;
                }
                out.write_all(b"\r\n")
            },
            TOO_DEEP,
        ),
        rejected(
            "attached mails nested 10,000 deep",
            |out| {
                write::head(out)?;
                (0..10_000).try_for_each(|_| out.write_all(b"Content-Type: message/rfc822\r\n\r\n"))
            },
            TOO_DEEP,
        ),
        rejected(
            "attached mails in base64 nested 12 deep",
            |out| {
                let mut inner = Vec::new();
                json_mail(&mut inner, report("deep").to_string().as_bytes())?;
                for _ in 0..12 {
                    let mut outer =
                        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_vec();
                    write::base64(&mut outer, &inner)?;
                    inner = outer;
                }
                out.write_all(&inner)
            },
            TOO_DEEP,
        ),
        stored(
            "header field of 20 MiB",
            |out| {
                out.write_all(b"X-Long: ")?;
                let text = [b'x'; 1024];
                (0..20 * 1024).try_for_each(|_| out.write_all(&text))?;
                out.write_all(b"\r\n")?;
                json_mail(out, report("long").to_string().as_bytes())
            },
            ID,
            "long",
        ),
        stored(
            "Content-Type of 20 MiB before the good one",
            |out| {
                out.write_all(b"Content-Type: multipart/mixed;")?;
                let text = [b' '; 1024];
                (0..20 * 1024).try_for_each(|_| out.write_all(&text).and(out.write_all(b"\r\n")))?;
                out.write_all(b"\r\n\r\n")?;
                out.write_all(report("type").to_string().as_bytes())
            },
            ID,
            "type",
        ),
        stored(
            "a million header lines",
            |out| {
                (0..1_000_000).try_for_each(|_| out.write_all(b"Received: x\r\n"))?;
                json_mail(out, report("lines").to_string().as_bytes())
            },
            ID,
            "lines",
        ),
        stored(
            "broken base64",
            |out| {
                write::multipart(out)?;
                out.write_all(b"\r\n--b\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=")?;
                write!(out, "\"{NAME}\"\r\n\r\n")?;
                let mut text = Vec::new();
                write::base64(&mut text, report("base64").to_string().as_bytes())?;
                for line in text.chunks(20) {
                    out.write_all(line)?;
                    out.write_all(b"!\xff\0")?;
                }
                write::end(out)
            },
            ID,
            "base64",
        ),
        stored(
            "unknown and forged charset labels",
            |out| {
                write::head(out)?;
                out.write_all(
                    b"Content-Type: application/tlsrpt+json; charset=\"\xff\0; x=y\"; charset=utf-7\r\n\r\n",
                )?;
                out.write_all(&edited("Example Net", "B\u{fc}cher"))
            },
            ORGANIZATION,
            "B\u{fc}cher",
        ),
    ]
}

/// JSON of a report with this many details, written out one by one.
fn with_details(out: &mut Out, n_details: usize) -> io::Result<()> {
    let text = report("details").to_string();
    let first = detail(1).to_string();
    let (before, after) = text.split_once(&first).unwrap();
    let mut json = GzipPart::new(before);
    for n in 1..=n_details {
        json.add(&detail(n).to_string());
        json.add(if n < n_details { "," } else { after });
    }
    mail(out, &[(NAME, &json.finish())])
}

/// Compressed as it grows.
struct GzipPart(flate2::write::GzEncoder<Vec<u8>>);

impl GzipPart {
    fn new(text: &str) -> Self {
        let mut part = Self(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        part.add(text);
        part
    }

    fn add(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    fn finish(self) -> Vec<u8> {
        self.0.finish().unwrap()
    }
}

fn with_policies(out: &mut Out, n_policies: usize) -> io::Result<()> {
    let text = report("policies").to_string();
    let policy = "{\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"example.org\"}},";
    let text = text.replacen(
        "\"policies\":[",
        &format!("\"policies\":[{}", policy.repeat(n_policies - 1)),
        1,
    );
    json_mail(out, text.as_bytes())
}

fn documents() -> Vec<Row> {
    let count = "count(*) FROM failure_details JOIN policy_results ON policy_results.id = policy_result \
                 JOIN reports ON reports.id = report WHERE mail = 1";
    vec![
        rejected(
            "100,000 levels of objects",
            |out| {
                json_mail(
                    out,
                    format!("{}1{}", "{\"policies\":".repeat(100_000), "}".repeat(100_000)).as_bytes(),
                )
            },
            "attachment \"example.net!example.org!1795132800!1795219199.json\": \
             more than limits.json_depth (64) allows",
        ),
        rejected(
            "100,000 levels of lists in a value, never closed",
            |out| json_mail(out, &edited("\"edited\"", &"[".repeat(100_000))),
            "attachment \"example.net!example.org!1795132800!1795219199.json\": \
             not valid JSON: expected value at line 1 column 100608",
        ),
        Row {
            max_mib: 120,
            ..stored(
                "100,000 failure details",
                |out| with_details(out, 100_000),
                count,
                100_000,
            )
        },
        Row {
            max_mib: 120,
            ..rejected(
                "100,001 failure details",
                |out| with_details(out, 100_001),
                "attachment \"example.net!example.org!1795132800!1795219199.json\": \
                 more than limits.failure_details (100000) allows",
            )
        },
        rejected(
            "10,001 policies",
            |out| with_policies(out, 10_001),
            "attachment \"example.net!example.org!1795132800!1795219199.json\": \
             more than limits.policies (10000) allows",
        ),
        stored(
            "10,000 policies",
            |out| with_policies(out, 10_000),
            "count(*) FROM policy_results JOIN reports ON reports.id = report WHERE mail = 1",
            10_000,
        ),
        stored(
            "organization-name of 10 MB",
            |out| write::repeated(out, "Example Net", b"xxxxxxxxxx", 1_000_000),
            "length(organization_name) FROM reports WHERE mail = 1",
            4096,
        ),
        stored(
            "a million members that nobody knows",
            |out| {
                write::repeated(
                    out,
                    "\"contact-info\":\"tls@example.net\",",
                    b"\"x\":[],",
                    1_000_000,
                )
            },
            ORGANIZATION,
            "Example Net",
        ),
    ]
}

fn values() -> Vec<Row> {
    let count = "\"total-successful-session-count\":5";
    assert!(report("").to_string().contains(count));
    vec![
        stored(
            "count of 400 digits",
            |out| json_mail(out, &edited(":5", &format!(":{}", "9".repeat(400)))),
            OK,
            Value::Null,
        ),
        stored(
            "count 1e400",
            |out| json_mail(out, &edited(":5", ":1e400")),
            OK,
            Value::Null,
        ),
        stored(
            "negative count",
            |out| json_mail(out, &edited(":5", ":-5")),
            OK,
            Value::Null,
        ),
        stored(
            "count beyond 64 bits",
            |out| json_mail(out, &edited(":5", ":9223372036854775808")),
            OK,
            Value::Null,
        ),
        stored(
            "largest counts",
            |out| json_mail(out, &edited(":5", ":9223372036854775807")),
            OK,
            i64::MAX,
        ),
        stored(
            "double keys",
            |out| {
                json_mail(
                    out,
                    &edited("\"report-id\"", "\"report-id\":\"first\",\"report-id\""),
                )
            },
            ID,
            "edited",
        ),
        stored(
            "year 0",
            |out| json_mail(out, &edited("2026-11-20", "0000-01-01")),
            START,
            "0000-01-01T00:00:00Z",
        ),
        stored(
            "year 9999",
            |out| json_mail(out, &edited("2026-11-20", "9999-12-29")),
            START,
            "9999-12-29T00:00:00Z",
        ),
        stored(
            "year 10000, so the file name's range counts",
            |out| json_mail(out, &edited("2026-11-20", "10000-01-01")),
            START,
            "2026-11-20T00:00:00Z",
        ),
        stored(
            "no date range, and a Date in year 0",
            |out| {
                out.write_all(b"Date: Sat, 1 Jan 0000 00:00:00 +0000\r\n")?;
                write::undated(out)
            },
            "start_datetime LIKE '____-__-__T00:00:00Z' AND day LIKE '____-__-__' FROM reports WHERE mail = 1",
            1,
        ),
        stored(
            "no date range, and a Date in year 9999",
            |out| {
                out.write_all(b"Date: Fri, 31 Dec 9999 23:59:59 -1200\r\n")?;
                write::undated(out)
            },
            "start_datetime LIKE '____-__-__T00:00:00Z' AND day LIKE '____-__-__' FROM reports WHERE mail = 1",
            1,
        ),
        stored(
            "NULs in strings",
            |out| json_mail(out, &edited("Example Net", "a\0b\\u0000c")),
            ORGANIZATION,
            "a b\0c",
        ),
        stored(
            "NUL bytes everywhere in the mail",
            |out| {
                out.write_all(b"\0\0X: \0\r\n")?;
                json_mail(out, &edited("Example Net", "a"))?;
                out.write_all(&[0; 1000])
            },
            ORGANIZATION,
            "a",
        ),
        stored(
            "lone surrogates",
            |out| json_mail(out, &edited("Example Net", "a\\ud800b\\udfff")),
            DEVIATIONS,
            "[\"lone-surrogate\"]",
        ),
    ]
}

fn texts() -> Vec<Row> {
    vec![
        stored(
            "report-id with line breaks and escape sequences",
            |out| {
                json_mail(
                    out,
                    &edited("\"edited\"", "\"a\\r\\nBcc: x@example.com\\u001b[2J\\u009b1m\""),
                )
            },
            ID,
            "a\r\nBcc: x@example.com\u{1b}[2J\u{9b}1m",
        ),
        stored(
            "bidi characters",
            |out| json_mail(out, &edited("Example Net", "a\u{202e}b\u{2066}c")),
            ORGANIZATION,
            "a\u{202e}b\u{2066}c",
        ),
        stored(
            "a formula",
            |out| json_mail(out, &edited("Example Net", "=cmd()")),
            ORGANIZATION,
            "=cmd()",
        ),
        stored(
            "HTML",
            |out| {
                json_mail(
                    out,
                    &edited("Example Net", "</title><img src=x onerror=alert(1)>"),
                )
            },
            ORGANIZATION,
            "</title><img src=x onerror=alert(1)>",
        ),
        stored(
            "Markdown",
            |out| json_mail(out, &edited("Example Net", "[x](https://example.com) **b** `c`")),
            ORGANIZATION,
            "[x](https://example.com) **b** `c`",
        ),
    ]
}

/// What a run took.
struct Run {
    /// Largest resident set, in bytes.
    peak: u64,
    seconds: f64,
    /// Of them, on a processor.
    busy: f64,
}

/// A place with a hostile mail and a good one after it.
fn prepared(write: fn(&mut Out) -> io::Result<()>) -> Place {
    let place = Place::new();
    let create = |name: &str| BufWriter::new(File::create(place.mails().join(name)).unwrap());
    let mut hostile = create("1-hostile.eml");
    write(&mut hostile).unwrap();
    hostile.flush().unwrap();
    let mut good = create("2-good.eml");
    json_mail(&mut good, report("good").to_string().as_bytes()).unwrap();
    good.flush().unwrap();
    place
}

fn import(place: &Place) -> (Run, Option<i32>) {
    let log = File::create(place.path().join("log")).unwrap();
    let started = Instant::now();
    let child = place
        .command(&["import", "mails"])
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let ended = child.wait4().unwrap();
    let run = Run {
        peak: ended.rusage.maxrss,
        seconds: started.elapsed().as_secs_f64(),
        busy: (ended.rusage.utime + ended.rusage.stime).as_secs_f64(),
    };
    (run, ended.status.code())
}

/// What is wrong with what became of a row.
fn fault(row: &Row, nothing: u64) -> Option<String> {
    let place = prepared(row.write);
    let (run, code) = import(&place);
    println!(
        "{:<60} {:>6.1} MiB {:>5.1} s, {:>5.1} s busy",
        row.name,
        mib(run.peak.saturating_sub(nothing)),
        run.seconds,
        run.busy
    );
    let mut faults = Vec::new();
    let expected_code = if row.outcome == "rejected" { 3 } else { 0 };
    if code != Some(expected_code) {
        let log = std::fs::read_to_string(place.path().join("log")).unwrap();
        return Some(format!("{}: ended with {code:?}: {log}", row.name));
    }
    let limit = u64::try_from(row.max_mib * MIB).unwrap();
    if run.peak > nothing + limit {
        faults.push(format!("took {:.1} MiB", mib(run.peak - nothing)));
    }
    let mails = place.sql("SELECT locator, outcome, reason FROM mails ORDER BY id");
    let expected = [
        json!({ "locator": "mails/1-hostile.eml", "outcome": row.outcome, "reason": row.reason }),
        json!({ "locator": "mails/2-good.eml", "outcome": "stored", "reason": null }),
    ];
    if mails != expected {
        faults.push(format!("gave {}", Value::from(mails)));
    }
    let values = place.sql(&format!("SELECT {}", row.query));
    let value = values.first().and_then(|row| row.as_object()?.values().next());
    if value != Some(&row.value) {
        faults.push(format!("stored {value:?}, not {}", row.value));
    }
    if !only_ours(place.path()) {
        faults.push("wrote a file".to_owned());
    }
    let digest = place.run(&["digest"]);
    if !digest.status.success() {
        faults.push(format!(
            "spoils the digest: {}",
            String::from_utf8_lossy(&digest.stderr)
        ));
    }
    (!faults.is_empty()).then(|| format!("{}: {}", row.name, faults.join("; ")))
}

/// Whether nothing but the database was written.
fn only_ours(place: &Path) -> bool {
    let names = |folder: &Path| -> Vec<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let known = [
        "log",
        "mails",
        "outbox",
        "tlsrptd.db",
        "tlsrptd.db-shm",
        "tlsrptd.db-wal",
        "tlsrptd.toml",
    ];
    names(&place.join("outbox")).is_empty()
        && names(&place.join("mails")).len() == 2
        && names(place).iter().all(|name| known.contains(&name.as_str()))
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}
