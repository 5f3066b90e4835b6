//! `./demo` does what the README says, on the day it was written and two years later.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use mail_parser::MessageParser;
use tempfile::TempDir;

#[path = "program/faketime.rs"]
mod faketime;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo");

/// The three failures that the demo's reports show: what failed, and where.
const FAILURES: [&str; 3] = [
    "certificate expired on mx2.example.org",
    "policy file of example.org not fetched",
    "backup.example.net isn't in the policy of example.com",
];

/// Runs the demo with a binary and gives its output.
fn demo(binary: &Path, folder: &TempDir) -> String {
    let output = Command::new(DEMO)
        .env("TLSRPTD_BIN", binary)
        .env("TMPDIR", folder.path())
        .env("TLSRPTD_CONFIG", "/nonexistent.toml") // the demo must not mind
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// Demands all that the demo promises to show.
#[track_caller]
fn assert_shows_everything(stdout: &str) {
    let (_, mail) = stdout.split_once("The digest as a mail, with HTML: ").unwrap();
    let path = PathBuf::from(mail.lines().next().unwrap());
    let bytes = fs::read(&path).unwrap();
    let mail = MessageParser::default()
        .parse(&bytes)
        .expect("the .eml is a mail");
    assert!(
        mail.subject().unwrap().contains("3 open problems"),
        "{:?}",
        mail.subject()
    );
    let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    let shown = without_tags(&html);
    for failure in FAILURES {
        let is_in = |text: &str| one_line(text).contains(failure);
        assert!(is_in(stdout), "{failure} isn't printed:\n{stdout}");
        assert!(is_in(&text), "{failure} isn't in the text:\n{text}");
        assert!(is_in(&shown), "{failure} isn't in the HTML:\n{html}");
    }
    let (_, rows) = stdout
        .split_once("FROM failures ORDER BY day, submitter\"")
        .unwrap();
    let n_rows = rows
        .lines()
        .filter(|line| line.trim_start().starts_with("2026-11-1"))
        .count();
    assert_eq!(n_rows, 8, "{rows}");
    assert!(path.ancestors().nth(2).unwrap().join("tlsrptd.db").exists());
}

/// Text without line breaks and special blanks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a browser shows of a document.
fn without_tags(html: &str) -> String {
    let texts = html.split('<').filter_map(|part| part.split_once('>'));
    let shown: String = texts.map(|(_, text)| text).collect();
    ["&#x27;", "&#39;", "&rsquo;"]
        .into_iter()
        .fold(shown, |shown, apostrophe| shown.replace(apostrophe, "'"))
}

#[test]
fn the_demo_names_its_three_failures_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let stdout = demo(Path::new(env!("CARGO_BIN_EXE_tlsrptd")), &folder);
    assert_shows_everything(&stdout);
}

#[test]
fn the_demo_shows_the_same_in_two_years() {
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("tlsrptd-in-two-years");
    let (binary, library) = (env!("CARGO_BIN_EXE_tlsrptd"), faketime::library());
    let clock = format!("LD_PRELOAD='{}' FAKETIME=+2y", library.display());
    fs::write(&later, format!("#!/bin/sh\n{clock} exec '{binary}' \"$@\"\n")).unwrap();
    fs::set_permissions(&later, fs::Permissions::from_mode(0o755)).unwrap();
    let stdout = demo(&later, &folder);
    assert_shows_everything(&stdout);
    let mails: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path().join("outbox"))
        .filter(|outbox| outbox.exists())
        .flat_map(|outbox| fs::read_dir(outbox).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let [mail] = mails.as_slice() else {
        panic!("not one mail: {mails:?}")
    };
    // The name begins with the moment it was made.
    let year: u32 = mail
        .strip_prefix("tlsrptd.")
        .unwrap()
        .chars()
        .take(4)
        .collect::<String>()
        .parse()
        .unwrap();
    assert!(year >= 2028, "{mail} was made today");
}
