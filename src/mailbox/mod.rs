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
mod list;
mod open;
mod remove;
mod secret;
mod session;

pub use error::{Failure, MailboxError, Reaction, once};
pub use fetch::{Asked, Body, Fetched};
pub use list::{Listed, Listing};
pub use open::FolderState;
pub use remove::{Removal, RemoveOutcome};
pub use session::ImapSession;

#[cfg(test)]
mod tests;
