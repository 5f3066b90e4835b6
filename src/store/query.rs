//! Queries of users: read-only by construction.

use std::time::{Duration, Instant};

use rusqlite::ErrorCode;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;

use super::{Store, StoreError};

/// Largest value in a query, in bytes: more than any report may decompress to by default.
const MAX_VALUE_BYTES: i32 = 64 * 1024 * 1024;
/// How often a running query looks at the clock, in SQLite's virtual machine instructions.
const INSTRUCTIONS_PER_LOOK: i32 = 10_000;

/// A value of a result.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text; invalid UTF-8 is replaced.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Why a query gave no result.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query is wrong or not allowed.
    #[error("{0}; see `tlsrptd sql --schema` for the tables and `tlsrptd sql --examples` for queries")]
    Refused(String),
    /// The database is damaged, or its disk.
    #[error(transparent)]
    Database(StoreError),
    /// It took too long.
    #[error("the query did not end within {0} s; narrow it, or raise --timeout")]
    TimeOut(u64),
    /// Whoever takes the rows failed.
    #[error("cannot write the result: {0}")]
    Output(std::io::Error),
}

/// A result as it is read, row by row.
pub trait QueryOutput {
    /// Takes the names of the columns, before the first row.
    ///
    /// # Errors
    ///
    /// What writing them met.
    fn columns(&mut self, names: &[String]) -> std::io::Result<()>;
    /// Takes a row.
    ///
    /// # Errors
    ///
    /// What writing it met.
    fn row(&mut self, values: Vec<Value>) -> std::io::Result<()>;
}

impl Store {
    /// Runs a user's query; the connection was opened read-only, and an authorizer refuses all but reading.
    ///
    /// # Errors
    ///
    /// [`QueryError`] with SQLite's message.
    pub fn query(&mut self, sql: &str, limit: Duration, out: &mut dyn QueryOutput) -> Result<(), QueryError> {
        let refused = |error: rusqlite::Error| QueryError::Refused(plain(&error));
        self.db.authorizer(Some(only_reading)).map_err(refused)?;
        // One huge value is formatted without a look at the clock.
        self.db
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            .map_err(refused)?;
        let started = Instant::now();
        self.db
            .progress_handler(INSTRUCTIONS_PER_LOOK, Some(move || started.elapsed() > limit))
            .map_err(refused)?;
        let refused = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => QueryError::TimeOut(limit.as_secs()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SystemIoFailure) => {
                QueryError::Database(error.into())
            }
            _ => QueryError::Refused(plain(&error)),
        };
        if sql.trim().is_empty() {
            return Err(QueryError::Refused("the query is empty".to_owned()));
        }
        let mut statement = self.db.prepare(sql).map_err(refused)?;
        if !statement.readonly() {
            return Err(QueryError::Refused(
                "the query would change the database".to_owned(),
            ));
        }
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        out.columns(&names).map_err(QueryError::Output)?;
        let mut rows = statement.query(()).map_err(refused)?;
        while let Some(row) = rows.next().map_err(refused)? {
            if started.elapsed() > limit {
                return Err(QueryError::TimeOut(limit.as_secs()));
            }
            let values = (0..names.len())
                .map(|at| row.get_ref(at).map(value))
                .collect::<Result<_, _>>();
            out.row(values.map_err(refused)?).map_err(QueryError::Output)?;
        }
        Ok(())
    }

    /// What SQLite's own check finds wrong with the file; empty where it is intact.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let problems: Vec<String> = self
            .db
            .prepare("PRAGMA quick_check(10)")?
            .query_map((), |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(problems.into_iter().filter(|problem| problem != "ok").collect())
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
    }
}

/// SQLite's own message, without rusqlite's dressing.
fn plain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// Reading tables, functions and harmless pragmas; no writing, attaching or loading.
fn only_reading(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if function_name != "load_extension" => Authorization::Allow,
        AuthAction::Pragma { pragma_name, .. }
            if [
                "table_info",
                "table_xinfo",
                "table_list",
                "index_list",
                "index_info",
                "user_version",
            ]
            .contains(&pragma_name) =>
        {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}
