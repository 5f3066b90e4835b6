//! Brings a database up to date.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// "TLSR" in ASCII: `PRAGMA application_id`, by which `file` and we know our files.
const APPLICATION_ID: i32 = 0x544C_5352;

/// Never edited after a release.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_first.sql")];

/// The schema this program writes: `PRAGMA user_version`.
pub const SCHEMA_VERSION: u32 = 1;

/// Makes or upgrades the schema; a file with data is copied to `FILE.v<N>.bak` first.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(db, path)?;
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    if found > 0 {
        keep_copy(db, path, found)?;
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated while we waited.
    let found: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (number, sql) in (1_u32..).zip(MIGRATIONS) {
        if found < number {
            tx.execute_batch(sql)?;
        }
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    Ok(())
}

/// Copies the database to `FILE.v<found>.bak`, which appears whole or not at all.
fn keep_copy(db: &Connection, path: &Path, found: u32) -> Result<(), StoreError> {
    let beside = |suffix: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let copy = beside(format!(".v{found}.bak"));
    if copy.exists() {
        return Ok(());
    }
    let unfinished = beside(format!(".v{found}.bak.new"));
    let failed = |source| StoreError::File {
        path: unfinished.clone(),
        source,
    };
    // What a crash has left; VACUUM fills only an empty file.
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).map_err(failed)?;
    }
    super::make(&unfinished, false)?;
    db.execute("VACUUM INTO ?1", [unfinished.to_string_lossy()])?;
    let file = std::fs::File::open(&unfinished).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&unfinished, &copy).map_err(failed)?;
    Ok(())
}

/// Refuses a database that is not exactly of our version.
pub(super) fn check(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(db, path)?;
    if found < SCHEMA_VERSION {
        return Err(StoreError::Outdated {
            path: path.to_owned(),
            found,
            known: SCHEMA_VERSION,
        });
    }
    Ok(())
}

fn version(db: &Connection, path: &Path) -> Result<u32, StoreError> {
    let opened = |source| StoreError::Open {
        path: path.to_owned(),
        source,
    };
    let application: i32 = db
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(opened)?;
    let found: u32 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(opened)?;
    let n_tables: u32 = db
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(opened)?;
    if application != APPLICATION_ID && !(application == 0 && found == 0 && n_tables == 0) {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    if found > SCHEMA_VERSION {
        return Err(StoreError::FromTheFuture {
            path: path.to_owned(),
            found,
            known: SCHEMA_VERSION,
        });
    }
    Ok(found)
}
