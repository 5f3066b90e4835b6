//! Every mail and file under `fixtures/` gives what the `.expected.json` beside it says.
//!
//! `UPDATE_FIXTURES=1 cargo test --test fixtures` writes the expectations anew; review the difference.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use tlsrptd::config::Limits;
use tlsrptd::extract::{self, Extracted};
use tlsrptd::report::{self, Context};

const EXPECTED: &str = ".expected.json";

/// All files below the folder, but for the demonstration's.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("fixtures/demo") {
                files.extend(files_below(&path));
            }
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.to_string_lossy().ends_with(ending)
}

fn expectation_of(path: &Path) -> PathBuf {
    path.with_file_name(format!(
        "{}{EXPECTED}",
        path.file_name().unwrap().to_string_lossy()
    ))
}

/// What becomes of the file, in the form of an expectation.
fn outcome_of(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap();
    let limits = Limits::default();
    let name = path.file_name().unwrap().to_string_lossy();
    let extracted = if has_ending(path, ".eml") {
        extract::from_mail(&bytes, &limits)
    } else {
        extract::from_file(&bytes, Some(&name), &limits)
    };
    match extracted {
        Ok(extracted) => outcome(&extracted, &limits),
        Err(error) => json!({ "outcome": "rejected", "rejected": [error.to_string()] }),
    }
}

fn outcome(extracted: &Extracted, limits: &Limits) -> Value {
    let mut rejected: Vec<String> = extracted
        .unreadable
        .iter()
        .map(|part| part.reason.clone())
        .collect();
    let mut reports = Vec::new();
    for file in &extracted.files {
        let context = Context {
            file_name: file.name.as_deref(),
            tls_report_domain: extracted.envelope.tls_report_domain.as_deref(),
            date: extracted
                .envelope
                .date
                .or_else(|| "2026-11-22T09:00:00Z".parse().ok()),
        };
        match report::parse(&file.text, limits, &context) {
            Ok(parsed) => {
                let deviations: BTreeSet<_> = file.deviations.union(&parsed.deviations).collect();
                let report: Value = serde_json::from_str(&report::to_json(&parsed.report)).unwrap();
                let modes: Vec<_> = parsed
                    .report
                    .policies
                    .iter()
                    .map(report::PolicyResult::sts_mode)
                    .collect();
                reports.push(json!({ "deviations": deviations, "report": report, "sts-modes": modes }));
            }
            Err(error) if file.announced => rejected.push(error.to_string()),
            Err(_) => {}
        }
    }
    let outcome = match (reports.is_empty(), rejected.is_empty()) {
        (false, _) => "reports",
        (true, false) => "rejected",
        (true, true) => "not-a-report",
    };
    let mut members = serde_json::Map::new();
    members.insert("outcome".to_owned(), outcome.into());
    if !reports.is_empty() {
        members.insert("reports".to_owned(), reports.into());
    }
    if !rejected.is_empty() {
        members.insert("rejected".to_owned(), rejected.into());
    }
    members.into()
}

fn fixtures() -> Vec<PathBuf> {
    let all = files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"));
    all.into_iter()
        .filter(|path| !has_ending(path, EXPECTED) && !has_ending(path, ".md"))
        .collect()
}

#[test]
fn every_fixture_gives_what_is_expected_of_it() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let mut wrong = Vec::new();
    for path in fixtures() {
        let got = outcome_of(&path);
        let expectation = expectation_of(&path);
        if update {
            fs::write(&expectation, format!("{got:#}\n")).unwrap();
        }
        let expected: Value = match fs::read_to_string(&expectation) {
            Ok(text) => serde_json::from_str(&text).unwrap(),
            Err(error) => panic!("{}: {error}", expectation.display()),
        };
        if got != expected {
            wrong.push(format!("{}\n     got {got}\nexpected {expected}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fixture_is_described_in_the_readme() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let files = fixtures();
    assert!(files.len() > 50, "only {} fixtures", files.len());
    for path in files {
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        assert!(
            readme.contains(&format!("`{name}`")),
            "{name} isn't in fixtures/README.md"
        );
    }
}

#[test]
fn every_deviation_is_shown_by_a_fixture() {
    let mut shown = String::new();
    for path in fixtures() {
        shown.push_str(&fs::read_to_string(expectation_of(&path)).unwrap());
    }
    for (name, _) in extract::deviation::ALL.iter().chain(report::deviation::ALL) {
        assert!(shown.contains(&format!("\"{name}\"")), "no fixture shows {name}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn mutated_fixtures_never_panic(
        fixture: prop::sample::Index,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut: prop::sample::Index,
    ) {
        let fixtures = fixtures();
        let path = fixture.get(&fixtures);
        let mut bytes = fs::read(path).unwrap();
        for (at, byte) in changes.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            let at = at.index(bytes.len());
            if let Some(place) = bytes.get_mut(at) {
                *place = *byte;
            }
        }
        bytes.truncate(cut.index(bytes.len().saturating_mul(2).saturating_add(1)));
        let limits = Limits::default();
        let read = [extract::from_mail(&bytes, &limits), extract::from_file(&bytes, None, &limits)];
        for extracted in read.into_iter().flatten() {
            let value = outcome(&extracted, &limits);
            prop_assert!(value.get("outcome").is_some());
        }
    }
}
