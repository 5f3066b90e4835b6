//! The files: their modes, versions and locks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::super::{Lock, SCHEMA_VERSION, Store, StoreError, immutable, migrate};
use super::{Place, config, failing, mail};
use crate::config::StoreConfig;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_file_and_those_beside_it_are_for_our_user_alone() {
    let place = Place::new();
    for name in ["tlsrptd.db", "tlsrptd.db-wal", "tlsrptd.db-shm"] {
        assert_eq!(mode(&place.folder.path().join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_group_may_read_if_the_configuration_says_so_and_no_longer_when_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    for (group_readable, expected) in [(true, 0o640), (false, 0o600)] {
        let config = StoreConfig {
            group_readable,
            ..config(&folder)
        };
        drop(Store::open(&config).unwrap());
        assert_eq!(mode(&config.path), expected);
    }
}

#[test]
fn the_file_says_whose_it_is_and_of_which_version() {
    let place = Place::new();
    let of = |name: &str| place.row(&format!("PRAGMA {name}"));
    assert_eq!(of("application_id"), i32::from_be_bytes(*b"TLSR").to_string());
    assert_eq!(of("user_version"), SCHEMA_VERSION.to_string());
    assert_eq!(of("journal_mode"), "wal");
    assert_eq!(of("synchronous"), "2");
    assert_eq!(of("foreign_keys"), "1");
}

#[test]
fn every_table_is_strict() {
    let place = Place::new();
    let lax = place.rows(
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
    );
    assert_eq!(lax, [""; 0]);
}

#[test]
fn opening_twice_keeps_what_is_there() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let again = Store::open(&config(&place.folder)).unwrap();
    assert_eq!(super::rows(&again, "SELECT count(*) FROM reports", ()), ["1"]);
    assert_eq!(again.integrity().unwrap(), [""; 0]);
}

#[test]
fn a_dry_run_changes_a_copy_that_goes_with_it() {
    let place = Place::new();
    let config = config(&place.folder);
    let mut dry = Store::open_dry_run(&config).unwrap();
    let path = dry.copy.as_ref().unwrap().to_path_buf();
    let report = mail(&[failing("1", "2026-11-20", "certificate-expired")]);
    dry.record(
        &[report],
        None,
        crate::config::Span::Forever,
        super::at(super::NOW),
    )
    .unwrap();
    assert_eq!(place.row("SELECT count(*) FROM reports"), "0");
    assert!(path.exists());
    drop(dry);
    assert!(!path.exists());
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let place = Place::new();
    let path = config(&place.folder).path;
    place.store.db.pragma_update(None, "user_version", 99).unwrap();
    drop(place.store);
    let before = fs::read(&path).unwrap();
    let config = config(&place.folder);
    for opened in [Store::open(&config), Store::open_read_only(&config)] {
        assert!(matches!(opened, Err(StoreError::FromTheFuture { found: 99, .. })));
    }
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn a_missing_file_is_not_made_by_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    assert!(matches!(
        Store::open_read_only(&config),
        Err(StoreError::Missing { .. })
    ));
    assert!(matches!(
        Store::open_existing(&config),
        Err(StoreError::Missing { .. })
    ));
    assert!(!config.path.exists());
}

/// What a version 2 and 3 of the schema might bring.
const LATER: [&str; 3] = [
    "CREATE TABLE never_run (a)",
    "CREATE TABLE second (a)",
    "ALTER TABLE second ADD COLUMN b",
];

#[test]
fn an_older_file_is_copied_for_our_user_alone_before_it_is_migrated() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let path = config(&place.folder).path;
    let copy = place.folder.path().join("tlsrptd.db.v1.bak");
    // A copy that a crash cut short.
    fs::write(place.folder.path().join("tlsrptd.db.v1.bak.part"), "half").unwrap();
    migrate::apply(&mut place.store.db, &path, &LATER).unwrap();
    assert_eq!(place.row("PRAGMA user_version"), "3");
    assert_eq!(
        place.rows("SELECT name FROM pragma_table_info('second')"),
        ["a", "b"]
    );
    assert_eq!(mode(&copy), 0o600);
    let old = Connection::open(&copy).unwrap();
    let version: u32 = old
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let n_reports: u32 = old
        .query_row("SELECT count(*) FROM reports", (), |row| row.get(0))
        .unwrap();
    assert_eq!((version, n_reports), (1, 1));
    assert!(!place.folder.path().join("tlsrptd.db.v1.bak.part").exists());
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let mut place = Place::new();
    let path = config(&place.folder).path;
    let broken = [LATER[0], LATER[1], "CREATE TABLE second (a)"];
    assert!(migrate::apply(&mut place.store.db, &path, &broken).is_err());
    assert_eq!(place.row("PRAGMA user_version"), "1");
    assert_eq!(
        place.row("SELECT count(*) FROM sqlite_schema WHERE name = 'second'"),
        "0"
    );
}

#[test]
fn the_second_lock_names_the_process_that_holds_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let held = Lock::take(&config).unwrap();
    let refused = Lock::take(&config).unwrap_err();
    let pid = std::process::id().to_string();
    assert!(matches!(&refused, StoreError::Locked { pid: told, .. } if *told == pid));
    assert!(
        refused.to_string().contains(&format!("process {pid};")),
        "{refused}"
    );
    drop(held);
    Lock::take(&config).unwrap();
}

#[test]
fn a_path_with_signs_that_mean_something_in_a_uri_is_opened_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b?c#d%41é.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE here (a)")
        .unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(immutable(&path), flags).unwrap();
    let name: String = db
        .query_row("SELECT name FROM sqlite_schema", (), |row| row.get(0))
        .unwrap();
    assert_eq!(name, "here");
}
