//! Every error text, as a person reads it: each names the thing and the value, and says what to do.
//! Those of the configuration stand in `src/config/tests/`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tlsrptd::config::SecretError;
use tlsrptd::digest::send::SendError;
use tlsrptd::extract::ExtractError;
use tlsrptd::mailbox::{Failure, MailboxError};
use tlsrptd::poll::PollError;
use tlsrptd::report::ParseError;
use tlsrptd::store::{QueryError, StoreError};

fn database() -> PathBuf {
    PathBuf::from("/var/lib/tlsrptd/tlsrptd.db")
}

fn denied() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

fn failure(step: &str, what: &str) -> Failure {
    Failure {
        server: "imap.example.org:993".to_owned(),
        step: step.to_owned(),
        what: what.to_owned(),
    }
}

fn store() -> Vec<StoreError> {
    let no_such_table = rusqlite::Error::InvalidQuery;
    vec![
        StoreError::Missing { path: database() },
        StoreError::Open {
            path: database(),
            reason: rusqlite::Error::InvalidQuery,
        },
        StoreError::Foreign { path: database() },
        StoreError::FromTheFuture {
            path: database(),
            found: 9,
            known: 1,
        },
        StoreError::Outdated {
            path: database(),
            found: 1,
            known: 2,
        },
        StoreError::Locked {
            path: database(),
            pid: "4711".to_owned(),
        },
        StoreError::Gone { path: database() },
        StoreError::Replaced { path: database() },
        StoreError::File {
            path: database(),
            reason: denied(),
        },
        StoreError::Sqlite(no_such_table),
    ]
}

fn secret() -> Vec<SecretError> {
    vec![
        SecretError::File {
            path: PathBuf::from("/etc/tlsrptd/password"),
            cause: denied(),
        },
        SecretError::Env("TLSRPT_PASSWORD".to_owned()),
        SecretError::NoCredentials("imap".to_owned()),
        SecretError::Command {
            program: "pass".to_owned(),
            problem: "ended with exit status: 1: \"no\"".to_owned(),
        },
        SecretError::Unusable("/etc/tlsrptd/password".to_owned()),
    ]
}

fn mailbox() -> Vec<MailboxError> {
    vec![
        MailboxError::Retry(failure("list of mails", "connection lost")),
        MailboxError::Busy(failure("login", "[UNAVAILABLE] try later")),
        MailboxError::LoginRefused(failure("login", "refused: [AUTHENTICATIONFAILED] no")),
        MailboxError::NeedsAuthorisation(failure(
            "token",
            "needs new authorisation: https://id.example.org/token answers invalid_grant; authorise tlsrptd anew; \
             it is tried again in an hour",
        )),
        MailboxError::NeedsPerson(failure(
            "folder \"Reports\"",
            "not there; there are: INBOX; correct folder",
        )),
        MailboxError::Spent("imap.example.org:993".to_owned()),
    ]
}

#[test]
fn every_error_says_what_is_wrong_and_what_to_do() {
    let mut texts: Vec<String> = Vec::new();
    texts.extend(store().iter().map(ToString::to_string));
    texts.extend(secret().iter().map(ToString::to_string));
    texts.extend(mailbox().iter().map(ToString::to_string));
    texts.extend([
        PollError::Maildir(io::Error::other("(see mailbox::maildir)")).to_string(),
        PollError::Deadline {
            server: "imap.example.org:993".to_owned(),
            step: "read \"INBOX\"".to_owned(),
            limit: Duration::from_mins(10),
        }
        .to_string(),
        SendError::Address("ops at example.org".to_owned()).to_string(),
        SendError::Step {
            server: "mail.example.org:465".to_owned(),
            step: "log in",
            problem: "permanent error (535): 5.7.8 no".to_owned(),
            way_out: "check smtp.user and its password or token",
        }
        .to_string(),
        ExtractError::Limit {
            limit: "leaf_parts",
            value: 10_000,
        }
        .to_string(),
        ParseError::NotAReport.to_string(),
        ParseError::Json("expected `:` at line 1 column 9".to_owned()).to_string(),
        ParseError::Limit {
            limit: "policies",
            value: 10_000,
        }
        .to_string(),
        QueryError::Refused("no such table: report_s".to_owned()).to_string(),
        QueryError::TimeOut(60).to_string(),
        QueryError::Output(io::Error::from(io::ErrorKind::StorageFull)).to_string(),
    ]);
    insta::assert_snapshot!(texts.join("\n"));
}
