//! Mails from an IMAP server, a Maildir or files; nothing about TLS reports.
