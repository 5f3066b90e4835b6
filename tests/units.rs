//! The systemd units: no fault in them, and as little exposed as `systemd-analyze security` can ask for.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Exposure that is still called OK is below 5; these units have less.
const EXPOSURE: &str = "20";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd")
}

/// The units with this ending.
fn units(ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut units: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    units.sort();
    assert!(!units.is_empty(), "no *.{ending}");
    units
}

fn analyze(arguments: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new("/usr/bin/systemd-analyze");
    command.args(arguments).args(paths).env("SYSTEMD_PAGER", "");
    match command.output() {
        Ok(output) => output,
        Err(error) => panic!("systemd-analyze: {error}; run ./test, which installs systemd"),
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn each_service_is_exposed_at_most_a_little() {
    for unit in units("service") {
        let threshold = format!("--threshold={EXPOSURE}");
        let output = analyze(&["security", "--offline=yes", &threshold], &[&unit]);
        let said = said(&output);
        let overall = said.lines().find(|line| line.contains("Overall exposure level"));
        assert!(
            output.status.success() && overall.is_some_and(|line| line.contains(" OK ")),
            "{}:\n{said}",
            unit.display()
        );
    }
}

#[test]
fn an_exposed_service_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("tlsrptd.service");
    let text = fs::read_to_string(self::folder().join("tlsrptd.service")).unwrap();
    let exposed = text
        .replace("CapabilityBoundingSet=\n", "")
        .replace("SystemCallFilter=", "#");
    fs::write(&unit, exposed).unwrap();
    let threshold = format!("--threshold={EXPOSURE}");
    let output = analyze(&["security", "--offline=yes", &threshold], &[&unit]);
    assert!(!output.status.success(), "{}", said(&output));
}

/// Copies of all units, with a program that is there.
fn copies(change: impl Fn(&str) -> String) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("tlsrptd");
    fs::write(&program, "").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let units = [units("service"), units("timer")].concat();
    let copies = units.iter().map(|unit| {
        let text = fs::read_to_string(unit).unwrap();
        let text = text.replace("/usr/bin/tlsrptd", program.to_str().unwrap());
        let copy = folder.path().join(unit.file_name().unwrap());
        fs::write(&copy, change(&text)).unwrap();
        copy
    });
    let copies = copies.collect();
    (folder, copies)
}

fn verify(copies: &[PathBuf]) -> String {
    let copies: Vec<&Path> = copies.iter().map(PathBuf::as_path).collect();
    // It reads the unit files of this machine too, which are not ours to judge.
    let output = analyze(&["verify", "--man=no", "--recursive-errors=no"], &copies);
    let said = said(&output);
    let ours = said.lines().filter(|line| line.contains("tlsrptd"));
    ours.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn systemd_finds_no_fault_in_the_units() {
    let (_folder, copies) = copies(str::to_owned);
    assert_eq!(verify(&copies), "");
}

#[test]
fn a_fault_in_a_unit_is_found() {
    let (_folder, copies) = copies(|text| text.replace("DynamicUser=", "DynamicUsers="));
    assert!(verify(&copies).contains("DynamicUsers"), "{}", verify(&copies));
}

#[test]
fn every_service_has_the_same_walls() {
    let walls = |unit: &PathBuf| {
        let text = fs::read_to_string(unit).unwrap();
        let (_, walls) = text.split_once("# The user exists only").unwrap();
        walls.split("\n[Install]").next().unwrap().trim_end().to_owned()
    };
    let services = units("service");
    let first = walls(services.first().unwrap());
    for unit in &services {
        assert_eq!(walls(unit), first, "{}", unit.display());
    }
}
