//! `backup`: a copy of the live database.

use std::io::Write;
use std::path::Path;

use super::End;
use crate::config::Config;
use crate::store::Store;

/// Copies the database to `file`.
pub(super) fn backup(config: &Config, file: &Path) -> anyhow::Result<End> {
    let size = Store::open_read_only(&config.store)?.backup(file)?;
    writeln!(
        std::io::stdout().lock(),
        "{} was copied to {}, {size} bytes; docs/operations.md tells how to restore it",
        config.store.path.display(),
        file.display()
    )?;
    Ok(End::Done)
}
