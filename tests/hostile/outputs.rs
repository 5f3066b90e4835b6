//! A report, a mail and a file name full of hostile text leave every output clean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::process::{Output, Stdio};

use mail_parser::{HeaderName, MessageParser};
use serde_json::{Value, json};

use crate::Place;
use crate::write::{mail, report};

/// Each would do harm somewhere: line breaks, escape sequences (7 and 8 bit), direction marks, a formula, markup,
/// quotes that end attributes, and header fields.
const EVIL: &[&str] = &[
    "a\nb\r\nBcc: bcc@example.com\r\n\r\nbody",
    "\r\nSubject: forged\r\nBcc: bcc@example.com",
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{8}\u{7f}",
    "\u{202e}gpj.exe\u{2066}\u{200b}\u{feff}",
    "=cmd()|'/c calc'!A1",
    "+1+cmd()",
    "-2+3",
    "@SUM(A1)",
    "\t=cmd()",
    "\n=cmd()",
    " =cmd()",
    "</title><script>alert(1)</script><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)\" x='",
    "[click](https://evil.example) **bold** `code` # title | cell | \u{2028}",
    "\0nul\0",
];

/// What no terminal, log or text may get as it is; a line feed is judged by each test.
fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A report with the text in every field that is free text.
fn evil_report(number: usize, text: &str) -> Value {
    let mut evil = report(&format!("{text}{number}"));
    evil["organization-name"] = json!(text);
    evil["contact-info"] = json!(format!("{text} <tls@{text}.example.net>"));
    evil["policies"][0]["policy"] = json!({
        "policy-type": "sts", "policy-domain": format!("{text}.example.org"),
        "policy-string": ["version: STSv1", format!("mode: {text}"), format!("mx: {text}"), text],
        "mx-host": [text],
    });
    let detail = |result_type: &str, mx: &str| {
        json!({ "result-type": result_type, "sending-mta-ip": text, "receiving-mx-hostname": mx,
                "receiving-mx-helo": text, "receiving-ip": text, "failed-session-count": 1,
                "failure-reason-code": text, "additional-information": text })
    };
    evil["policies"][0]["failure-details"] = json!([
        detail(text, text),
        detail("certificate-expired", text),
        detail("sts-policy-fetch-error", ""),
        detail("validation-failure", "mx1.example.org"),
    ]);
    let mut other = evil["policies"][0].clone();
    other["policy"]["policy-type"] = json!(text);
    evil["policies"].as_array_mut().unwrap().push(other);
    evil
}

/// A database with all of it: stored reports, and rejected attachments in files with evil names.
fn evil_place() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path().join("Maildir/cur")).unwrap();
    fs::create_dir_all(place.path().join("Maildir/new")).unwrap();
    fs::create_dir_all(place.path().join("Maildir/tmp")).unwrap();
    for (number, text) in EVIL.iter().enumerate() {
        // An empty line would end the header.
        let header = text.replace("\r\n\r\n", "\r\n");
        let mut bytes = format!(
            "From: =?utf-8?q?{header}?= <tls@example.net>\r\nSubject: {header}\r\nMessage-ID: <{header}>\r\n\
             TLS-Report-Domain: {header}\r\n"
        )
        .into_bytes();
        let json = evil_report(number, text).to_string();
        let name = format!("{}!example.org!1!2.json", text.escape_default());
        mail(
            &mut bytes,
            &[
                ("report.json", json.as_bytes()),
                (&name, b"{\"policies\":"),
                (text, b"\x1f\x8b\x08"),
            ],
        )
        .unwrap();
        let file = format!("{number} {}", text.replace(['/', '\0'], "_"));
        fs::write(place.mails().join(&file), &bytes).unwrap();
        fs::write(place.path().join("Maildir/new").join(&file), &bytes).unwrap();
    }
    place
}

fn imported() -> Place {
    let place = evil_place();
    let output = place.run(&["import", "mails"]);
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let stored = place.sql("SELECT count(*) AS n FROM reports");
    assert_eq!(stored, [json!({ "n": EVIL.len() })]);
    place
}

fn assert_clean(text: &str) {
    let harmful = text.char_indices().find(|(_, c)| is_harmful(*c));
    if let Some((at, c)) = harmful {
        let around: String = text.get(..at).unwrap().chars().rev().take(60).collect();
        panic!("{c:?} after {:?}", around.chars().rev().collect::<String>());
    }
}

const QUERIES: &[&str] = &[
    "SELECT * FROM mails",
    "SELECT * FROM mail_reports",
    "SELECT * FROM reports",
    "SELECT * FROM policy_results",
    "SELECT * FROM failure_details",
    "SELECT * FROM failure_types",
    "SELECT * FROM failures",
    "SELECT * FROM sessions_by_day",
    "SELECT * FROM reporters",
    "SELECT * FROM domains",
];

#[test]
fn digest_as_text_has_no_control_characters_and_72_columns() {
    let text = imported().print(&["digest"]);
    assert_clean(&text);
    for line in text.lines().skip(1) {
        assert!(line.chars().count() <= 72, "{line:?}");
        assert!(
            !line.starts_with("Bcc:") && !line.starts_with("Subject: forged"),
            "{line:?}"
        );
    }
}

#[test]
fn digest_as_html_has_only_our_markup() {
    let html = imported().print(&["digest", "--format", "html"]);
    assert_clean(&html);
    let clean = Place::new();
    fs::write(clean.mails().join("good.json"), report("good").to_string()).unwrap();
    clean.print(&["import", "mails"]);
    let ours = tags(&clean.print(&["digest", "--format", "html"]));
    let found = tags(&html);
    // Headings and lists that only a longer digest needs are ours too.
    let harmless = [
        "h1", "h2", "h3", "ul", "li", "pre", "code", "table", "thead", "tbody", "tr", "th", "td", "p", "br",
        "b", "strong", "span", "div", "section",
    ];
    for (tag, attributes) in &found {
        assert!(
            ours.contains_key(tag) || harmless.contains(&tag.as_str()),
            "<{tag}> in {html}"
        );
        for attribute in attributes {
            let known = ours.values().any(|of_tag| of_tag.contains(attribute));
            assert!(
                known || matches!(attribute.as_str(), "class" | "style" | "colspan"),
                "{attribute} in {html}"
            );
        }
    }
    // Of so many problems only some are named, so not every text is there.
    let shown = "&#39; onmouseover=&#39;alert(1)&#39;";
    assert!(html.contains(shown), "the text is not shown: {html}");
    assert!(!html.contains("href=\"javascript"), "{html}");
}

/// The names of all elements, and of their attributes.
fn tags(html: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rest in html.split('<').skip(1) {
        let inner = rest.split('>').next().unwrap();
        let mut words = inner.trim_start_matches('/').splitn(2, char::is_whitespace);
        let attributes = tags.entry(words.next().unwrap().to_lowercase()).or_default();
        let mut rest = words.next().unwrap_or_default();
        while let Some((name, value)) = rest.split_once("=\"") {
            attributes.insert(name.trim().to_lowercase());
            rest = value.split_once('"').unwrap().1;
        }
    }
    tags
}

#[test]
fn digest_as_mail_has_exactly_our_header_fields() {
    let mail = imported().print(&["digest", "--format", "eml"]);
    let message = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let mut names: Vec<&str> = message
        .headers()
        .iter()
        .map(|header| header.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "List-ID",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To"
        ]
    );
    assert_eq!(
        message.to().unwrap().first().unwrap().address(),
        Some("ops@example.org")
    );
    assert_eq!(message.header(HeaderName::Bcc), None);
    let subject = message.subject().unwrap();
    assert!(
        subject.starts_with("[tlsrptd] ") && subject.len() <= 70,
        "{subject:?}"
    );
    assert_clean(subject);
    assert!(!subject.contains('\n'));
    assert_eq!(message.parts.len(), 3, "multipart/alternative with text and HTML");
    let raw_head = mail.split("\r\n\r\n").next().unwrap();
    assert!(raw_head.is_ascii());
    assert_clean(&raw_head.replace("\r\n", "\n"));
}

#[test]
fn digest_as_json_is_one_document_without_control_characters() {
    let text = imported().print(&["digest", "--format", "json"]);
    assert_clean(&text);
    let digest: Value = serde_json::from_str(&text).unwrap();
    assert!(!digest["problems"].as_array().unwrap().is_empty());
}

#[test]
fn tables_have_a_line_a_row_and_no_control_characters() {
    let place = imported();
    for query in QUERIES {
        let table = place.print(&["sql", query]);
        assert_clean(&table);
        assert_eq!(
            table.lines().count(),
            place.sql(query).len() + 1,
            "{query}\n{table}"
        );
    }
}

#[test]
fn csv_has_a_record_a_row_and_no_formulas() {
    let place = imported();
    for query in QUERIES {
        let text = place.print(&["sql", "--format", "csv", query]);
        assert_clean(&text.replace("\r\n", "\n").replace('\t', " "));
        let records: Vec<csv::StringRecord> = csv::Reader::from_reader(text.as_bytes())
            .records()
            .map(Result::unwrap)
            .collect();
        let rows = place.sql(query);
        assert_eq!(records.len(), rows.len(), "{query}");
        for (record, row) in records.iter().zip(&rows) {
            for (field, value) in record.iter().zip(row.as_object().unwrap().values()) {
                let is_formula = field.trim_start().starts_with(['=', '+', '-', '@']);
                assert!(value.is_number() || !is_formula, "{field:?} in {query}");
            }
        }
    }
}

#[test]
fn json_gives_every_text_unchanged_without_control_characters() {
    let place = imported();
    for format in ["json", "ndjson"] {
        for query in QUERIES {
            assert_clean(&place.print(&["sql", "--format", format, query]));
        }
        let text = place.print(&[
            "sql",
            "--format",
            format,
            "SELECT organization_name AS x FROM reports ORDER BY id",
        ]);
        let rows: Vec<Value> = match format {
            "json" => serde_json::from_str(&text).unwrap(),
            _ => text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        };
        let texts: BTreeSet<&str> = rows.iter().map(|row| row["x"].as_str().unwrap()).collect();
        assert_eq!(texts, EVIL.iter().copied().collect());
    }
}

#[test]
fn show_report_has_no_control_characters() {
    let place = imported();
    for number in 1..=EVIL.len() {
        let id = number.to_string();
        let text = place.print(&["show", "report", &id]);
        assert_clean(&text);
        let forged = text
            .lines()
            .find(|line| line.starts_with("Bcc:") || line.starts_with("Subject:"));
        assert_eq!(forged, None, "{text}");
        let json = place.print(&["show", "report", &id, "--format", "json"]);
        assert_clean(&json);
        assert!(serde_json::from_str::<Value>(&json).unwrap().is_object());
    }
}

#[test]
fn mails_status_and_reparse_have_no_control_characters() {
    let place = imported();
    for arguments in [
        &["mails", "--all"][..],
        &["mails", "--all", "--format", "json"],
        &["status"],
        &["status", "--format", "json"],
    ] {
        assert_clean(&place.print(arguments));
    }
    let csv = place.print(&["mails", "--all", "--format", "csv"]);
    assert_clean(&csv.replace("\r\n", "\n").replace('\t', " "));
    assert_eq!(
        csv::Reader::from_reader(csv.as_bytes()).records().count(),
        EVIL.len()
    );
    let reparsed = place.run(&["reparse"]);
    assert_clean(&String::from_utf8(reparsed.stdout).unwrap());
    assert_clean(&String::from_utf8(reparsed.stderr).unwrap());
}

/// Every line of a log begins with a time of ours.
fn assert_lines_are_ours(log: &str) {
    assert_clean(log);
    for line in log.lines() {
        assert!(
            line.starts_with("20") || line.starts_with("tlsrptd: "),
            "{line:?} in {log}"
        );
    }
}

/// What is logged and printed when the evil mails are polled and their digest is sent.
fn polled(format: &str) -> Output {
    let place = evil_place();
    let broken = place.path().join("Maildir/new/0 \u{1b}[31m\r\nBcc: x");
    fs::create_dir(broken).unwrap();
    let poll = place.run(&["poll", "--verbose", "--log-format", format]);
    let sent = place.run(&["digest", "--send", "--verbose", "--log-format", format]);
    assert_eq!(
        sent.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&sent.stderr)
    );
    let mut output = poll;
    output.stderr.extend(sent.stderr);
    output.stdout.extend(sent.stdout);
    output
}

/// What a daemon logs until it has polled the evil mails.
fn daemon_log(format: &str) -> String {
    let place = evil_place();
    let mut child = place
        .command(&["run", "--verbose", "--log-format", format])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = child.stderr.take().unwrap();
    let mut text = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&text).contains("polled") {
        assert_eq!(
            log.read(&mut byte).unwrap(),
            1,
            "{}",
            String::from_utf8_lossy(&text)
        );
        text.extend_from_slice(&byte);
    }
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    log.read_to_end(&mut text).unwrap();
    child.wait().unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn text_log_lines_are_ours() {
    let output = polled("text");
    assert_lines_are_ours(&String::from_utf8(output.stderr).unwrap());
    assert_clean(&String::from_utf8(output.stdout).unwrap());
    assert_lines_are_ours(&daemon_log("text"));
}

#[test]
fn json_log_lines_are_objects() {
    let output = polled("json");
    for log in [String::from_utf8(output.stderr).unwrap(), daemon_log("json")] {
        assert_clean(&log);
        for line in log.lines().filter(|line| !line.starts_with("tlsrptd: ")) {
            assert!(serde_json::from_str::<Value>(line).unwrap().is_object(), "{line}");
        }
    }
}

#[test]
fn what_is_stored_of_hostile_mails_is_what_was_sent() {
    let place = imported();
    let rows = place.sql("SELECT failure_reason_code AS x FROM failure_details GROUP BY x");
    let texts: BTreeSet<&str> = rows.iter().map(|row| row["x"].as_str().unwrap()).collect();
    assert_eq!(texts, EVIL.iter().copied().collect());
}
