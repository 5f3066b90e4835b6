//! The outcome of the last assessment, kept so that nobody derives again what hasn't changed.
//!
//! With it is kept what it stands for: the day, the configuration, the program, and a number that triggers change with
//! everything beside the reports that an assessment reads. Reports have changed where a day isn't packed
//! ([`super::packed`]); to pack it changes that number too.

use std::io::Read as _;
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, named_params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::packed;
use crate::config::DomainsConfig;

/// Most that an outcome is unpacked to, should somebody have tampered with it.
const MAX_BYTES: u64 = 1 << 30;

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Problems,
    Survey,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            Self::Problems => "problems",
            Self::Survey => "survey",
        }
    }
}

/// What an outcome of this moment would stand for; `None` where reports have changed since the last assessment.
pub(super) fn state(
    db: &Connection,
    today: Date,
    domains: &DomainsConfig,
) -> rusqlite::Result<Option<String>> {
    let Some(program) = program() else {
        return Ok(None);
    };
    if packed::has_changed(db)? {
        return Ok(None);
    }
    let n_changes: i64 = db
        .prepare_cached("SELECT n FROM change WHERE id = 0")?
        .query_row((), |row| row.get(0))?;
    let state = json!([program, today, domains.mail, domains.mx, n_changes]);
    Ok(Some(state.to_string()))
}

/// This program's version and, since one that is built anew may judge otherwise, its file. `None` where that is gone: it
/// was replaced by another.
fn program() -> Option<String> {
    let file = std::env::current_exe().ok()?.metadata().ok()?;
    let built = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!(
        "{} {} {}",
        env!("CARGO_PKG_VERSION"),
        file.len(),
        built.as_nanos()
    ))
}

/// What was kept for this state.
pub(super) fn find<T: DeserializeOwned>(
    db: &Connection,
    what: What,
    state: &str,
) -> rusqlite::Result<Option<T>> {
    let read = |packed: &[u8]| -> Option<T> {
        let mut json = Vec::new();
        std::io::copy(&mut ZlibDecoder::new(packed).take(MAX_BYTES), &mut json).ok()?;
        serde_json::from_slice(&json).ok()
    };
    let found = db
        .prepare_cached("SELECT value FROM outcome WHERE what = :what AND state = :state")?
        .query_row(named_params! { ":what": what.as_str(), ":state": state }, |row| {
            Ok(read(row.get_ref(0)?.as_blob()?))
        })
        .optional()?;
    Ok(found.flatten())
}

/// Keeps an outcome in the place of the last one.
pub(super) fn keep(
    db: &Connection,
    what: What,
    state: &str,
    outcome: &impl Serialize,
) -> rusqlite::Result<()> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let written = serde_json::to_writer(std::io::BufWriter::new(&mut encoder), outcome).is_ok();
    let (true, Ok(value)) = (written, encoder.finish()) else {
        // It is derived again, then.
        return Ok(());
    };
    db.prepare_cached(
        "INSERT INTO outcome (what, state, value) VALUES (:what, :state, :value)
         ON CONFLICT DO UPDATE SET state = excluded.state, value = excluded.value",
    )?
    .execute(named_params! { ":what": what.as_str(), ":state": state, ":value": value })?;
    Ok(())
}
