//! Mails from an IMAP server, a Maildir or files; nothing about TLS reports.

pub mod files;
pub mod maildir;
mod mbox;

mod auth;
mod connect;
mod error;
mod fetch;
mod folders;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guard;
mod remove;
mod secret;
mod session;

pub use error::{Failure, MailboxError, Reaction, once};
pub use fetch::{Asked, Body, Fetched, Listed, Listing};
pub use remove::{Removal, RemoveOutcome};
pub use session::{FolderState, ImapSession};

#[cfg(test)]
mod tests;
