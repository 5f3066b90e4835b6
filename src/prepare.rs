//! Mails to what is recorded of them.
