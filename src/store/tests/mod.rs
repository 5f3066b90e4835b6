//! The store on real files, and what the tests share.

use jiff::Timestamp;
use rusqlite::Params;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rows::MailKind;
use super::{Composed, Content, IncomingMail, IncomingReport, Origin, Question, Standing, Store, Tally};
use crate::config::{Limits, Span, StoreConfig};
use crate::report::{self, Context};

mod cursor;
mod digests;
mod files;
mod kept_out;
mod learnt;
mod made_up;
mod order;
mod outcome;
mod packed;
mod problems;
mod record;
mod retention;
mod set_aside;
mod sources;
mod sums;
mod texts;
mod unproven;
mod waiting;

/// When everything happens that doesn't say otherwise.
const NOW: &str = "2026-11-22T06:00:00Z";
/// Of a digest and a retention with nothing special.
const RECIPIENTS: &[&str] = &["ops@example.org", "it@example.org"];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A store in a folder of its own.
struct Place {
    folder: TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&config(&folder)).unwrap();
        Self { folder, store }
    }

    fn record(&mut self, mails: &[IncomingMail]) -> Tally {
        self.store.record(mails, None, Span::Forever, at(NOW)).unwrap()
    }

    /// All rows of a query; each value as SQLite's command line shows it, separated by `|`.
    #[track_caller]
    fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.store, sql, ())
    }

    #[track_caller]
    fn row(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.into_iter().next().unwrap()
    }
}

fn config(folder: &TempDir) -> StoreConfig {
    StoreConfig {
        path: folder.path().join("tlsrptd.db"),
        ..StoreConfig::default()
    }
}

#[track_caller]
fn rows(store: &Store, sql: &str, params: impl Params) -> Vec<String> {
    let mut statement = store.db.prepare(sql).unwrap();
    let n_columns = statement.column_count();
    statement
        .query_map(params, |row| {
            let values: Vec<String> = (0..n_columns).map(|at| shown(row.get(at).unwrap())).collect();
            Ok(values.join("|"))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn shown(value: Sql) -> String {
    match value {
        Sql::Null => "NULL".to_owned(),
        Sql::Integer(number) => number.to_string(),
        Sql::Real(number) => number.to_string(),
        Sql::Text(text) => text,
        Sql::Blob(bytes) => format!("{bytes:?}"),
    }
}

/// A report about a day by webmail.example.
fn report_of(id: &str, day: &str, policies: impl Into<Value>) -> Value {
    json!({
        "organization-name": "Webmail", "report-id": id, "contact-info": "tls@webmail.example",
        "date-range": {
            "start-datetime": format!("{day}T00:00:00Z"), "end-datetime": format!("{day}T23:59:59Z"),
        },
        "policies": policies.into(),
    })
}

/// An element of "policies" about example.org.
fn policy(kind: &str, ok: impl Into<Value>, failed: impl Into<Value>, details: impl Into<Value>) -> Value {
    json!({
        "policy": { "policy-type": kind, "policy-domain": "example.org" },
        "summary": {
            "total-successful-session-count": ok.into(), "total-failure-session-count": failed.into(),
        },
        "failure-details": details.into(),
    })
}

/// An element of "failure-details" at mx.example.org.
fn detail(kind: &str, count: impl Into<Value>) -> Value {
    json!({
        "result-type": kind, "receiving-mx-hostname": "mx.example.org", "failed-session-count": count.into(),
    })
}

/// A report with one failing session of a type.
fn failing(id: &str, day: &str, kind: &str) -> Value {
    report_of(id, day, json!([policy("sts", 9, 1, json!([detail(kind, 1)]))]))
}

/// A mail of a normal poll with these reports.
fn mail(reports: &[Value]) -> IncomingMail {
    let reports = reports.iter().map(|report| {
        let json = report.to_string();
        let parsed = report::parse(&json, &Limits::default(), &Context::default()).unwrap();
        IncomingReport::Read {
            parsed: Box::new(parsed),
            json,
            submitter: "webmail.example".to_owned(),
            standing: Standing::default(),
        }
    });
    mail_of(Content::Reports(reports.collect()))
}

fn mail_of(content: Content) -> IncomingMail {
    IncomingMail {
        origin: Origin {
            source: "reports".to_owned(),
            locator: "INBOX".to_owned(),
            received_at: Some(at("2026-11-21T03:00:00Z")),
            size_bytes: 1234,
            ..Origin::default()
        },
        message_id: Some("1@webmail.example".to_owned()),
        content,
        raw: None,
        raw_hash: None,
    }
}

/// The same mail, as if it had been there before the folder was first read.
fn backfill(mut mail: IncomingMail) -> IncomingMail {
    mail.origin.backfill = true;
    mail
}

/// A daily mail that tells nothing.
fn composed(message_id: &str) -> Composed {
    Composed {
        kind: MailKind::Daily,
        message_id: message_id.to_owned(),
        subject: String::new(),
        mail: Vec::new(),
        tellings: Vec::new(),
        events: Vec::new(),
    }
}

/// The usual question of a digest that is due then.
fn question<'a>(due_at: &str, recipients: &'a [String]) -> Question<'a> {
    Question {
        due_at: at(due_at),
        mailboxes: &[],
        recipients,
        audience: "default",
        domains: &[],
        counts_all: false,
        all_recipients: recipients,
    }
}

fn recipients() -> Vec<String> {
    RECIPIENTS
        .iter()
        .map(|recipient| (*recipient).to_owned())
        .collect()
}
