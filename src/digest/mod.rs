//! The daily mail.
