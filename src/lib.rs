//! tlsrptd reads SMTP TLS reports (RFC 8460) from a mailbox into SQLite and mails a daily digest.
//!
//! The modules stand in the order a report travels; each uses only modules above it
//! (`tests/architecture.rs` holds that). See ARCHITECTURE.md.

pub mod clock;
pub mod config;
pub mod report;
pub mod extract;
pub mod authenticate;
pub mod tls;
pub(crate) mod http;
pub mod ping;
pub mod oauth;
pub mod mailbox;
pub mod assess;
pub mod store;
pub mod digest;
pub mod prepare;
pub mod import;
pub mod reparse;
pub mod poll;
pub mod deliver;
pub mod daemon;
pub mod cli;
pub mod commands;
