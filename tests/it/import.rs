//! `import`: the same reports in every wrapping, told by content and never by name.

use std::fs;
use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

use super::support::*;

/// A program that knows only its database.
struct Bare {
    folder: tempfile::TempDir,
    tlsrptd: Tlsrptd,
}

impl Bare {
    fn new() -> Self {
        let folder = temporary_folder();
        let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
        Self { folder, tlsrptd }
    }

    /// Imports a file whose name says nothing, and gives how many reports count then.
    #[track_caller]
    fn import(&self, content: &[u8]) -> i64 {
        let file = self.folder.path().join("thing.xyz");
        fs::write(&file, content).unwrap();
        self.tlsrptd.run(&["import", file.to_str().unwrap()]).exits(0);
        self.tlsrptd.reports()
    }
}

fn one() -> Report {
    Report::quiet("one")
}

fn two() -> Report {
    Report::quiet("two").by("other.example")
}

fn mbox() -> Vec<u8> {
    let letter = letter("Dear all,\r\n\r\n>From the start it was clear.");
    let mut mbox = Vec::new();
    for mail in [one().mail(), letter, two().mail()] {
        mbox.extend_from_slice(b"From reports@reporter.example Sun Nov 22 03:00:00 2026\n");
        mbox.extend_from_slice(String::from_utf8(mail).unwrap().replace("\r\n", "\n").as_bytes());
        mbox.extend_from_slice(b"\n");
    }
    mbox
}

#[test]
fn a_mail() {
    assert_eq!(Bare::new().import(&one().mail()), 1);
}

#[test]
fn a_json_file() {
    let bare = Bare::new();
    assert_eq!(bare.import(one().json().to_string().as_bytes()), 1);
    assert_eq!(bare.tlsrptd.value("SELECT outcome FROM mails"), "stored");
}

#[test]
fn a_gzip_file() {
    assert_eq!(Bare::new().import(&one().gzip()), 1);
}

#[test]
fn a_zip_file_with_two_reports() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for report in [one(), two()] {
        zip.start_file(&report.id, SimpleFileOptions::default()).unwrap();
        zip.write_all(report.json().to_string().as_bytes()).unwrap();
    }
    assert_eq!(Bare::new().import(&zip.finish().unwrap().into_inner()), 2);
}

#[test]
fn an_mbox() {
    let bare = Bare::new();
    assert_eq!(bare.import(&mbox()), 2);
    assert_eq!(
        (bare.tlsrptd.mails("stored"), bare.tlsrptd.mails("not-a-report")),
        (2, 1)
    );
}

#[test]
fn a_maildir() {
    let bare = Bare::new();
    let maildir = bare.folder.path().join("Maildir");
    for folder in ["new", "cur", "tmp"] {
        fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    fs::write(maildir.join("new/1.a"), one().mail()).unwrap();
    fs::write(maildir.join("cur/2.b:2,S"), two().mail()).unwrap();
    fs::write(maildir.join("tmp/3.c"), "half a mai").unwrap();

    bare.tlsrptd.run(&["import", maildir.to_str().unwrap()]).exits(0);

    assert_eq!(bare.tlsrptd.reports(), 2);
    assert_eq!(bare.tlsrptd.count("SELECT count(*) AS n FROM mails"), 2);
}

#[test]
fn a_directory_of_different_things() {
    let bare = Bare::new();
    let folder = bare.folder.path().join("many/inner");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a"), one().gzip()).unwrap();
    fs::write(folder.join("b"), Report::quiet("three").json().to_string()).unwrap();
    fs::write(bare.folder.path().join("many/c"), mbox()).unwrap();
    fs::write(bare.folder.path().join("many/d.txt"), "Just some notes.\n").unwrap();

    bare.tlsrptd
        .run(&["import", bare.folder.path().join("many").to_str().unwrap()])
        .exits(0);

    assert_eq!(bare.tlsrptd.reports(), 3);
}

#[test]
fn standard_input() {
    for (content, n_reports) in [(one().mail(), 1), (one().gzip(), 1), (mbox(), 2)] {
        let bare = Bare::new();
        bare.tlsrptd.run_with_input(&["import", "-"], &content).exits(0);
        assert_eq!(bare.tlsrptd.reports(), n_reports);
    }
}

#[test]
fn importing_twice_stores_once() {
    let bare = Bare::new();
    bare.import(&mbox());
    assert_eq!(bare.import(&mbox()), 2);
    assert_eq!(bare.tlsrptd.mails("stored"), 2);
}

#[test]
fn of_two_reports_with_one_identity_the_larger_counts_whatever_came_first() {
    let small = one();
    let large = Report { ok: 99, ..one() };
    for order in [[&small, &large], [&large, &small]] {
        let bare = Bare::new();
        for report in order {
            bare.import(&report.mail());
        }
        assert_eq!(
            bare.tlsrptd
                .value("SELECT total_successful_session_count FROM policy_results"),
            99
        );
        assert_eq!(
            (bare.tlsrptd.mails("stored"), bare.tlsrptd.mails("conflict")),
            (1, 1)
        );
    }
}

#[test]
fn what_is_imported_is_marked_as_backfill() {
    let bare = Bare::new();
    bare.import(&one().mail());
    assert_eq!(bare.tlsrptd.value("SELECT backfill FROM mails"), 1);
}

#[test]
fn a_broken_report_among_others_is_rejected_with_exit_status_3() {
    let bare = Bare::new();
    let file = |name: &str, content: Vec<u8>| {
        let path = bare.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (broken, sound) = (file("broken", one().broken_mail()), file("sound", two().mail()));

    bare.tlsrptd.run(&["import", &broken, &sound]).exits(3);

    assert_eq!(
        (bare.tlsrptd.mails("rejected"), bare.tlsrptd.mails("stored")),
        (1, 1)
    );
}

#[test]
fn a_report_beyond_the_retention_is_too_old() {
    let bare = Bare::new();
    bare.import(&one().on(days_ago(500)).mail());
    assert_eq!(bare.tlsrptd.value("SELECT outcome FROM mails"), "too-old");
    assert_eq!(bare.tlsrptd.reports(), 0);
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let bare = Bare::new();
    bare.tlsrptd
        .run(&["import", "/no/such/file"])
        .exits(1)
        .says(&["/no/such/file"]);
}

#[test]
fn a_dry_run_stores_nothing() {
    let bare = Bare::new();
    bare.tlsrptd
        .run_with_input(&["import", "-", "--dry-run"], &one().mail())
        .exits(0);
    assert_eq!(bare.tlsrptd.reports(), 0);
}
