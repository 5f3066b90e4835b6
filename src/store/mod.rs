//! SQLite; the only module with SQL.

pub mod rows;
