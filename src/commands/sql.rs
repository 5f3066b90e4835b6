//! `sql`: queries of users.

use std::io::Write;
use std::time::Duration;

use super::End;
use super::output::Rows;
use crate::cli::SqlArgs;
use crate::config::Config;
use crate::store::Store;

/// The documented tables and views, from docs/sql.md.
const SQL_DOC: &str = include_str!("../../docs/sql.md");

/// Runs a query and prints its rows.
pub(super) fn query(config: &Config, args: &SqlArgs) -> anyhow::Result<End> {
    let mut store = Store::open_read_only(&config.store)?;
    let mut rows = Rows::new(args.format);
    let sql = args.query.as_deref().unwrap_or_default();
    store.query(sql, Duration::from_secs(args.timeout), &mut rows)?;
    rows.finish()?;
    Ok(End::Done)
}

/// Prints the schema, or the examples: both are parts of docs/sql.md, so that they can't differ from it.
pub(super) fn help(args: &SqlArgs) -> anyhow::Result<End> {
    let heading = if args.schema {
        "## Tables and views"
    } else {
        "## Queries to start from"
    };
    let start = SQL_DOC
        .find(heading)
        .and_then(|at| SQL_DOC.get(at..))
        .unwrap_or_default();
    let end = start
        .get(2..)
        .and_then(|rest| rest.find("\n## "))
        .map_or(start.len(), |at| at.saturating_add(2));
    let part = start.get(..end).unwrap_or(start);
    writeln!(std::io::stdout().lock(), "{}", part.trim_end())?;
    Ok(End::Done)
}
