//! docs/sql.md and `tlsrptd sql`: what is documented is there, runs, and can do no harm.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;
use tlsrptd::assess::history::{Remark, Saying};
use tlsrptd::config::StoreConfig;
use tlsrptd::store::Store;

const DOC: &str = include_str!("../docs/sql.md");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// What a run of the program said.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A folder with a configuration, and maybe a database.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("outbox")).unwrap();
        fs::write(
            folder.path().join("tlsrptd.toml"),
            "[authentication]\nmode = \"off\"\n[store]\npath = \"tlsrptd.db\"\nretention = \"forever\"\n\
             [digest]\nfrom = \"tlsrptd@example.org\"\nto = [\"ops@example.org\"]\nannounce_days = 0\n\
             [smtp]\ntransport = \"file\"\npath = \"outbox\"\n",
        )
        .unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_tlsrptd"))
            .args(args)
            .current_dir(self.0.path())
            .env_remove("TLSRPTD_CONFIG")
            .output()
            .unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The rows of a query, each an object.
    #[track_caller]
    fn rows(&self, sql: &str) -> Vec<Value> {
        let ended = self.run(&["sql", "--format", "json", sql]);
        assert_eq!(ended.code, Some(0), "{sql}\n{}", ended.stderr);
        match serde_json::from_str(&ended.stdout).unwrap() {
            Value::Array(rows) => rows,
            other => panic!("{other} is no array"),
        }
    }

    fn connection(&self) -> Connection {
        Connection::open_with_flags(self.path("tlsrptd.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }
}

/// A report of one failing policy, with text that wants to be more than text.
fn hostile_report(id: &str, count: &Value) -> Value {
    json!({
        "organization-name": "\u{1b}[2J\u{202e}Evil", "report-id": id, "contact-info": "tls@evil.example",
        "date-range": { "start-datetime": "2026-11-17T00:00:00Z", "end-datetime": "2026-11-17T23:59:59Z" },
        "policies": [{
            "policy": { "policy-type": "sts", "policy-domain": "example.net" },
            "summary": { "total-successful-session-count": count, "total-failure-session-count": count },
            "failure-details": [{ "result-type": "certificate-expired", "failed-session-count": count,
                                  "receiving-mx-hostname": "mx.example.net", "failure-reason-code": "=1+1" }],
        }],
    })
}

/// Everything under fixtures/, and what they may not have: conflicts, huge and unreadable counts, hostile text.
static FILLED: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::new();
    fs::create_dir(place.path("more")).unwrap();
    for (name, report) in [
        ("conflict-1.json", hostile_report("twice", &json!(1))),
        ("conflict-2.json", hostile_report("twice", &json!(2))),
        ("huge-1.json", hostile_report("huge-1", &json!(i64::MAX))),
        ("huge-2.json", hostile_report("huge-2", &json!(i64::MAX))),
        ("unreadable.json", hostile_report("unreadable", &json!(-1))),
    ] {
        fs::write(place.path("more").join(name), report.to_string()).unwrap();
    }
    let imported = place.run(&["import", FIXTURES, "more"]);
    assert!(matches!(imported.code, Some(0 | 3)), "{}", imported.stderr);
    let sent = place.run(&["digest", "--send"]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    say_and_tell(&place);
    place
});

/// A remark of each kind, and a problem that the digest told.
fn say_and_tell(place: &Place) {
    let config = StoreConfig {
        path: place.path("tlsrptd.db"),
        ..StoreConfig::default()
    };
    let mut store = Store::open(&config).unwrap();
    let problems = place.rows("SELECT id FROM problems ORDER BY id LIMIT 1");
    let id = problems[0]["id"].as_str().unwrap();
    for (about, saying) in [
        (id, Saying::Note("ordered a new certificate".to_owned())),
        (id, Saying::Acknowledged("2030-01-01".parse().unwrap())),
        ("old.example", Saying::Retired),
    ] {
        let remark = Remark {
            about: about.to_owned(),
            day: "2026-11-20".parse().unwrap(),
            by: "anna".to_owned(),
            saying,
        };
        store.remark(&remark).unwrap();
    }
    let db = Connection::open(place.path("tlsrptd.db")).unwrap();
    db.execute_batch(
        "INSERT INTO telling (digest, audience, problem, day, event, reminder, impact, reporters, episode, last_day,
                              is_urgent)
         SELECT digest.id, 'default', number, '2026-11-20', 'reminder', 2, 'held', 1, '2026-11-18', '2026-11-19', 0
         FROM digest, problem LIMIT 2",
    )
    .unwrap();
}

/// A section of the document with its heading.
fn section(heading: &str) -> String {
    let mut lines = DOC.lines().skip_while(|line| *line != heading);
    let first = lines.next().unwrap();
    let rest = lines.take_while(|line| !line.starts_with("## "));
    let section: Vec<&str> = std::iter::once(first).chain(rest).collect();
    section.join("\n")
}

/// The SQL blocks of a part of the document, by the heading or line before them.
fn queries(part: &str) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    let mut title = String::new();
    let mut lines = part.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix('#') {
            heading.trim_matches(['#', ' ']).clone_into(&mut title);
        } else if line == "```sql" {
            let sql: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            queries.push((title.clone(), sql.join("\n")));
        }
    }
    queries
}

/// The first columns of the Markdown tables in a text, without backquotes; only rows that have them.
fn named_rows(part: &str) -> Vec<(String, String)> {
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let second = rest.trim_start_matches(" | ").split(" |").next().unwrap();
        (name.to_owned(), second.to_owned())
    })
    .collect()
}

/// Table or view, and its columns with their types.
type Schema = BTreeMap<String, Vec<String>>;

fn documented() -> Schema {
    let mut schema = Schema::new();
    for part in section("## Tables and views").split("\n### `").skip(1) {
        let (name, rest) = part.split_once('`').unwrap();
        let table = rest.split("\nOutcomes;").next().unwrap();
        let columns = named_rows(table).into_iter().map(|(name, _)| name).collect();
        schema.insert(name.to_owned(), columns);
    }
    schema
}

fn actual(db: &Connection) -> Schema {
    let mut statement = db
        .prepare(
            "SELECT view.name, column.name FROM sqlite_schema AS view, pragma_table_info(view.name) AS column
             WHERE view.type = 'view' ORDER BY view.name, column.cid",
        )
        .unwrap();
    let rows = statement
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let mut schema = Schema::new();
    for row in rows {
        let (view, column): (String, String) = row.unwrap();
        schema.entry(view).or_default().push(column);
    }
    schema
}

#[test]
fn every_view_and_column_is_documented_and_every_documented_one_is_there() {
    assert_eq!(documented(), actual(&FILLED.connection()));
}

#[test]
fn documented_types_are_those_of_the_values() {
    let db = FILLED.connection();
    for part in section("## Tables and views").split("\n### `").skip(1) {
        let (view, rest) = part.split_once('`').unwrap();
        for (column, kind) in named_rows(rest.split("\nOutcomes;").next().unwrap()) {
            let sql =
                format!("SELECT DISTINCT upper(typeof({column})) FROM {view} WHERE {column} IS NOT NULL");
            let mut statement = db.prepare(&sql).unwrap();
            let kinds: Vec<String> = statement
                .query_map((), |row| row.get(0))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert!(
                kinds.iter().all(|found| *found == kind),
                "{view}.{column}: {kinds:?}"
            );
        }
    }
}

#[test]
fn every_outcome_that_occurs_is_documented() {
    let names: BTreeSet<String> = named_rows(&section("## Tables and views"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let rows = FILLED.rows("SELECT outcome FROM mails UNION SELECT outcome FROM mail_reports");
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        assert!(names.contains(row["outcome"].as_str().unwrap()), "{row}");
    }
}

#[test]
fn every_deviation_is_documented() {
    let documented: Vec<(String, String)> = named_rows(&section("## Deviations"));
    let all = tlsrptd::report::deviation::ALL
        .iter()
        .chain(tlsrptd::extract::deviation::ALL);
    let known: BTreeSet<(String, String)> = all
        .map(|(name, meaning)| ((*name).to_owned(), (*meaning).to_owned()))
        .collect();
    assert_eq!(documented.len(), known.len());
    assert_eq!(documented.into_iter().collect::<BTreeSet<_>>(), known);
}

#[test]
fn there_are_worked_queries_and_each_finds_something_in_the_fixtures() {
    let queries = queries(&section("## Queries to start from"));
    assert_eq!(queries.len(), 13);
    for (title, sql) in queries {
        assert!(!FILLED.rows(&sql).is_empty(), "{title}");
    }
}

#[test]
fn every_query_in_the_document_runs_without_tlsrptd() {
    let db = FILLED.connection();
    let queries = queries(DOC);
    assert!(queries.len() > 10);
    for (title, sql) in queries {
        let mut statement = db
            .prepare(&sql)
            .unwrap_or_else(|error| panic!("{title}: {error}"));
        let mut rows = statement.query(()).unwrap();
        let mut n_rows = 0_u32;
        while rows
            .next()
            .unwrap_or_else(|error| panic!("{title}: {error}"))
            .is_some()
        {
            n_rows = n_rows.saturating_add(1);
        }
        assert!(n_rows > 0, "{title}");
    }
}

/// How SQLite goes about a query: a line a step.
fn plan(sql: &str) -> Vec<String> {
    let db = FILLED.connection();
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.query_map((), |row| row.get(3)).unwrap();
    steps.map(Result::unwrap).collect()
}

/// What grows with the years.
const LARGE: [&str; 6] = [
    "mail",
    "mail_report",
    "report",
    "report_json",
    "policy_result",
    "failure",
];

/// Whether a step reads all of a large table; the indexes of rejected mails and of reports in conflict hold no others.
fn reads_all(step: &str) -> bool {
    let mut words = step.split(' ');
    words.next() == Some("SCAN")
        && words.next().is_some_and(|table| LARGE.contains(&table))
        && !step.contains("mail_rejected")
        && !step.contains("report_conflict")
}

/// What looks at all failures reads that table through; everything else, and every join, goes by an index.
#[test]
fn no_documented_query_reads_more_than_one_large_table_through_and_never_the_json() {
    for (title, sql) in queries(&section("## Queries to start from")) {
        let steps = plan(&sql);
        let scans = steps.iter().filter(|step| reads_all(step)).count();
        assert!(scans <= 1, "{title}: {steps:#?}");
        let has = |words: &str| steps.iter().any(|step| step.contains(words));
        assert!(
            !has("SCAN report_json") && !has("AUTOMATIC"),
            "{title}: {steps:#?}"
        );
    }
}

/// What sums up years goes by the sums of months, and reads the reports of the newest ones alone.
#[test]
fn totals_over_all_time_read_no_large_table_through() {
    for sql in [
        "SELECT * FROM domains",
        "SELECT * FROM domain_days",
        "SELECT * FROM domain_reporters",
        "SELECT * FROM reporters",
        "SELECT * FROM policies",
        "SELECT * FROM reports_all WHERE status = 'conflict'",
    ] {
        let steps = plan(sql);
        let has = |words: &str| steps.iter().any(|step| step.contains(words));
        assert!(
            !steps.iter().any(|step| reads_all(step)) && !has("AUTOMATIC"),
            "{sql}: {steps:#?}"
        );
        assert!(
            has("SEARCH sums USING PRIMARY KEY") || has("report_conflict"),
            "{sql}: {steps:#?}"
        );
    }
}

#[test]
fn views_go_by_an_index_where_they_are_asked_for_a_report_day_or_failure() {
    for sql in [
        "SELECT * FROM reports WHERE id = 1",
        "SELECT * FROM reports WHERE day = '2026-11-20'",
        "SELECT * FROM policy_results WHERE report = 1",
        "SELECT * FROM failure_details WHERE policy_result = 1",
        "SELECT * FROM failures WHERE failure_type = 1",
        "SELECT * FROM report_domains WHERE report = 1",
        "SELECT * FROM report_domains WHERE day = '2026-11-20'",
        "SELECT * FROM reports JOIN report_domains ON report_domains.report = reports.id WHERE reports.day = '2026-11-20'",
        "SELECT * FROM domain_days WHERE day = '2026-11-20'",
        "SELECT * FROM mail_reports WHERE mail = 1",
        "SELECT * FROM mail_reports WHERE report = 1",
        "SELECT * FROM mails WHERE outcome = 'rejected'",
    ] {
        let steps = plan(sql);
        assert!(!steps.iter().any(|step| reads_all(step)), "{sql}: {steps:#?}");
    }
}

#[test]
fn no_view_overflows_on_the_largest_counts() {
    for view in documented().keys() {
        let rows = FILLED.rows(&format!("SELECT * FROM {view}"));
        assert!(!rows.is_empty(), "{view}");
    }
    let rows = FILLED.rows("SELECT ok, failed FROM domains WHERE policy_domain = 'example.net'");
    assert_eq!(rows, [json!({ "ok": i64::MAX, "failed": i64::MAX })]);
}

#[test]
fn an_unreadable_count_is_null_and_marks_its_sums() {
    let counts = "SELECT total_failure_session_count AS failed, unreadable FROM policy_results
                  JOIN reports ON reports.id = policy_results.report
                  JOIN report_domains ON report_domains.report = reports.id
                  WHERE report_id = 'unreadable'";
    assert_eq!(FILLED.rows(counts), [json!({ "failed": null, "unreadable": 1 })]);
    let of_domain = "SELECT unreadable FROM domains WHERE policy_domain = 'example.net'";
    assert_eq!(FILLED.rows(of_domain), [json!({ "unreadable": 1 })]);
}

#[test]
fn schema_and_examples_print_the_document_and_need_no_configuration() {
    let empty = Place(tempfile::tempdir().unwrap());
    for (option, heading) in [
        ("--schema", "## Tables and views"),
        ("--examples", "## Queries to start from"),
    ] {
        let printed = empty.run(&["sql", option]);
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        assert_eq!(printed.stdout.trim_end(), section(heading).trim_end());
    }
}

/// What is no query, or does more than reading.
const FORBIDDEN: &[&str] = &[
    "INSERT INTO state VALUES ('a', 'b')",
    "UPDATE report SET status = 'conflict'",
    "DELETE FROM mail",
    "REPLACE INTO state VALUES ('a', 'b')",
    "DROP TABLE mail",
    "CREATE TABLE x (a)",
    "CREATE TEMP TABLE x (a)",
    "CREATE VIEW x AS SELECT 1",
    "ALTER TABLE mail ADD COLUMN x",
    "ATTACH 'other.db' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'copy.db'",
    "REINDEX",
    "ANALYZE",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "SAVEPOINT x",
    "PRAGMA user_version = 7",
    "PRAGMA query_only = 0",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA writable_schema = 1",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA temp_store_directory = '/'",
    "SELECT load_extension('evil')",
    "SELECT writefile('evil', 'x')",
    "SELECT readfile('tlsrptd.toml')",
    "SELECT fts3_tokenizer('simple', x'00')",
    "SELECT edit('x')",
    "EXPLAIN DELETE FROM mail",
    "SELECT 1; DELETE FROM mail",
    "SELECT 1; SELECT 2",
    "; DELETE FROM mail",
    "WITH x AS (SELECT 1) DELETE FROM mail",
    "DELETE FROM mail RETURNING id",
    "",
    "/* nothing */",
    "SELECT",
];

#[test]
fn nothing_but_reading_is_possible() {
    let place = &FILLED;
    let before = fs::read(place.path("tlsrptd.db")).unwrap();
    let files = || {
        let mut names: Vec<_> = fs::read_dir(place.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.contains("-shm") && !name.contains("-wal"))
            .collect();
        names.sort();
        names
    };
    let names = files();
    for sql in FORBIDDEN {
        let ended = place.run(&["sql", sql]);
        assert_eq!(ended.code, Some(1), "{sql}\n{}", ended.stdout);
        assert!(
            ended.stderr.contains("tlsrptd sql --schema"),
            "{sql}: {}",
            ended.stderr
        );
        assert_eq!(files(), names, "{sql}");
    }
    assert!(
        fs::read(place.path("tlsrptd.db")).unwrap() == before,
        "the database was changed"
    );
}

#[test]
fn a_query_that_never_ends_is_ended() {
    FILLED.run(&["sql", "SELECT 1"]);
    let started = Instant::now();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let ended = FILLED.run(&["sql", "--timeout", "1", endless]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("did not end within 1 s"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("--timeout"), "{}", ended.stderr);
    assert!(started.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_missing_database_is_an_error_and_is_not_made() {
    let place = Place::new();
    let ended = place.run(&["sql", "SELECT 1"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("there is no database"), "{}", ended.stderr);
    assert!(ended.stderr.contains("tlsrptd poll"), "{}", ended.stderr);
    assert!(!place.path("tlsrptd.db").exists());
}

#[test]
fn control_and_direction_characters_are_escaped_in_tables() {
    let ended = FILLED.run(&[
        "sql",
        "SELECT DISTINCT organization_name FROM reports WHERE submitter = 'evil.example'",
    ]);
    assert!(
        ended.stdout.contains("\\u{1b}[2J\\u{202e}Evil"),
        "{:?}",
        ended.stdout
    );
    assert!(!ended.stdout.contains(['\u{1b}', '\u{202e}']));
}

const ONE_OF_EACH: &str = "SELECT 1 AS a, NULL AS b, '=1+1' AS c, 'x \"y\", z' AS d, 0.5 AS e, x'00ff' AS f";

#[test]
fn json_is_one_array_of_objects_with_null_for_null() {
    let object = json!({ "a": 1, "b": null, "c": "=1+1", "d": "x \"y\", z", "e": 0.5, "f": "AP8=" });
    assert_eq!(FILLED.rows(ONE_OF_EACH), [object]);
    assert_eq!(FILLED.rows("SELECT 1 WHERE 0"), Vec::<Value>::new());
}

#[test]
fn ndjson_is_an_object_a_line() {
    let ended = FILLED.run(&[
        "sql",
        "--format",
        "ndjson",
        "SELECT 1 AS a UNION SELECT NULL ORDER BY a",
    ]);
    assert_eq!(ended.stdout, "{\"a\":null}\n{\"a\":1}\n");
}

#[test]
fn csv_is_quoted_where_needed_and_defuses_formulas() {
    let ended = FILLED.run(&["sql", "--format", "csv", ONE_OF_EACH]);
    assert_eq!(
        ended.stdout,
        "a,b,c,d,e,f\r\n1,,'=1+1,\"x \"\"y\"\", z\",0.5,AP8=\r\n"
    );
}

#[track_caller]
fn refused(place: &Place, words: &str) {
    let before = fs::read(place.path("tlsrptd.db")).unwrap();
    for args in [&["sql", "SELECT 1"][..], &["import", "tlsrptd.toml"], &["digest"]] {
        let ended = place.run(args);
        assert_eq!(ended.code, Some(1), "{args:?}: {}", ended.stdout);
        assert!(ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
    }
    let after = fs::read(place.path("tlsrptd.db")).unwrap();
    assert!(before == after, "the file was changed");
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let place = Place::new();
    place.run(&["import", "tlsrptd.toml"]);
    let db = Connection::open(place.path("tlsrptd.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    refused(&place, "has schema 99, newer than this program knows");
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let place = Place::new();
    let db = Connection::open(place.path("tlsrptd.db")).unwrap();
    db.execute_batch("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')")
        .unwrap();
    drop(db);
    refused(&place, "is not a database of tlsrptd");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let place = Place::new();
    fs::write(place.path("tlsrptd.db"), "Dear diary,\n".repeat(100)).unwrap();
    refused(&place, "is not a database of tlsrptd");
}

#[test]
fn the_readme_names_every_documented_view() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for view in [
        "mails",
        "reports",
        "failures",
        "failure_types",
        "domain_days",
        "sessions_by_day",
    ] {
        assert!(readme.contains(&format!("`{view}`")), "{view}");
        assert!(documented().contains_key(view));
    }
}
