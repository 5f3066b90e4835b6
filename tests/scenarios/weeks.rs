//! Long runs with odd reporters and odd reports.
