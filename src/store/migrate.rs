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
    apply(db, path, &MIGRATIONS)
}

/// Applies those of the migrations that the file hasn't seen.
pub(super) fn apply(db: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let newest = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let found = version(db, path, newest)?;
    if found == newest {
        return Ok(());
    }
    if found > 0 {
        copy_aside(db, path, found)?;
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated while we waited.
    let found: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found >= newest {
        return Ok(());
    }
    for (number, sql) in (1_u32..).zip(migrations) {
        if found < number {
            tx.execute_batch(sql)?;
        }
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", newest)?;
    tx.commit()?;
    Ok(())
}

/// Copies the file as it is to `FILE.v<N>.bak`; a copy that a crash cut short never has that name.
fn copy_aside(db: &Connection, path: &Path, version: u32) -> Result<(), StoreError> {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let copy = beside(&format!(".v{version}.bak"));
    if copy.exists() {
        return Ok(());
    }
    let part = beside(&format!(".v{version}.bak.part"));
    let failed = |reason| StoreError::File {
        path: part.clone(),
        reason,
    };
    if part.exists() {
        std::fs::remove_file(&part).map_err(failed)?;
    }
    super::make(&part, false)?;
    db.execute("VACUUM INTO ?1", [part.to_string_lossy()])?;
    std::fs::rename(&part, &copy).map_err(failed)?;
    Ok(())
}

/// Refuses a file that isn't ours or is newer than this program.
pub(super) fn recognise(db: &Connection, path: &Path) -> Result<(), StoreError> {
    version(db, path, SCHEMA_VERSION).map(drop)
}

/// Refuses a database that is not exactly of our version.
pub(super) fn check(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(db, path, SCHEMA_VERSION)?;
    if found < SCHEMA_VERSION {
        return Err(StoreError::Outdated {
            path: path.to_owned(),
            found,
            known: SCHEMA_VERSION,
        });
    }
    Ok(())
}

/// The file's schema, if it is ours and not newer than `newest`.
fn version(db: &Connection, path: &Path, newest: u32) -> Result<u32, StoreError> {
    let opened = |reason| StoreError::opening(path, reason);
    let application: i32 = db
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(opened)?;
    let found: u32 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(opened)?;
    if application != APPLICATION_ID {
        // To count tables is to read the whole schema, which a look at a file of ours does without.
        let n_tables: u32 = db
            .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
            .map_err(opened)?;
        if application != 0 || found != 0 || n_tables != 0 {
            return Err(StoreError::Foreign {
                path: path.to_owned(),
            });
        }
    }
    if found > newest {
        return Err(StoreError::FromTheFuture {
            path: path.to_owned(),
            found,
            known: newest,
        });
    }
    Ok(found)
}
