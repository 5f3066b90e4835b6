//! The real binary against real servers: Dovecot and Postfix on loopback that deliver into each other.
//!
//! `./test` installs the servers; one that is absent fails the tests.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test may panic, read the clock, read its own input whole, and print how to repeat it"
)]

mod after;
mod audiences;
mod authentication;
mod check;
mod clock;
mod connections;
mod costs;
mod daemon;
mod database;
mod dialects;
mod digest;
mod faults;
mod hostile_imap;
mod import;
mod init;
mod kill;
mod mailboxes;
mod oauth;
mod origin;
mod reparse;
mod servers;
mod service;
mod signals;
mod smtp;
mod soak;
mod sql;
mod strangers;
mod support;
mod terminal;
mod whole_line;
