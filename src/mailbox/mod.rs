//! Mails from an IMAP server, a Maildir or files; nothing about TLS reports.

pub mod files;
pub mod maildir;
mod mbox;
