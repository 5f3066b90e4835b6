//! `sql`: everything may be read, nothing written.

use std::fs;

use serde_json::json;

use super::support::*;

/// A program with one failing report in its database.
fn filled() -> (tempfile::TempDir, Tlsrptd) {
    let folder = temporary_folder();
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
    let report = Report::quiet("one").failing("certificate-expired", 7);
    tlsrptd.run_with_input(&["import", "-"], &report.mail()).exits(0);
    (folder, tlsrptd)
}

#[test]
fn statements_that_write_are_refused() {
    let (folder, tlsrptd) = filled();
    let other = folder.path().join("other.db");
    let statements = [
        "INSERT INTO failure_types DEFAULT VALUES".to_owned(),
        "UPDATE failure_types SET first_day = ''".to_owned(),
        "DELETE FROM failure_types".to_owned(),
        "DROP VIEW reports".to_owned(),
        "CREATE TABLE t (a)".to_owned(),
        "CREATE TEMP TABLE t (a)".to_owned(),
        format!("ATTACH '{}' AS other", other.display()),
        format!("VACUUM INTO '{}'", other.display()),
        "VACUUM".to_owned(),
        "PRAGMA user_version = 77".to_owned(),
        "PRAGMA query_only = 0".to_owned(),
        "PRAGMA journal_mode = DELETE".to_owned(),
        "PRAGMA writable_schema = 1".to_owned(),
        "BEGIN IMMEDIATE".to_owned(),
        "SELECT 1; DELETE FROM failure_types".to_owned(),
        "SELECT load_extension('x')".to_owned(),
    ];
    for statement in &statements {
        let ended = tlsrptd.run(&["sql", statement]);
        assert_eq!(ended.code, Some(1), "{statement:?} gives {ended:?}");
        assert!(
            !ended.stderr.is_empty(),
            "{statement:?} is refused without a word"
        );
    }
    assert!(!other.exists());
    assert_eq!(tlsrptd.value("SELECT count(*) FROM failure_types"), 1);
    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn a_missing_database_is_an_error_and_is_not_made() {
    let folder = temporary_folder();
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
    tlsrptd
        .run(&["sql", "SELECT 1"])
        .exits(1)
        .says(&[tlsrptd.database().to_str().unwrap()]);
    assert!(!tlsrptd.database().exists());
}

#[test]
fn json_is_one_array_of_objects_with_null_as_null() {
    let (_folder, tlsrptd) = filled();
    assert_eq!(
        tlsrptd.sql("SELECT 1 AS whole, 2.5 AS real, 'a\"b' AS text, NULL AS missing"),
        [json!({"whole": 1, "real": 2.5, "text": "a\"b", "missing": null})]
    );
}

#[test]
fn json_of_no_rows_is_an_empty_array() {
    let (_folder, tlsrptd) = filled();
    assert!(tlsrptd.sql("SELECT * FROM reports WHERE 0").is_empty());
}

#[test]
fn ndjson_is_an_object_a_line() {
    let (_folder, tlsrptd) = filled();
    let ended = tlsrptd
        .run(&["sql", "SELECT 1 AS n UNION SELECT 2", "--format", "ndjson"])
        .exits(0);
    assert_eq!(ended.stdout, "{\"n\":1}\n{\"n\":2}\n");
}

#[test]
fn csv_has_a_header_and_quotes() {
    let (_folder, tlsrptd) = filled();
    let ended = tlsrptd
        .run(&[
            "sql",
            "SELECT 'a,b' AS text, NULL AS missing, 3 AS n",
            "--format",
            "csv",
        ])
        .exits(0);
    assert_eq!(ended.stdout.replace("\r\n", "\n"), "text,missing,n\n\"a,b\",,3\n");
}

#[test]
fn a_table_shows_control_characters_escaped() {
    let (_folder, tlsrptd) = filled();
    let ended = tlsrptd
        .run(&["sql", "SELECT char(27) || '[31mred' || char(8238) AS text"])
        .exits(0);
    assert!(ended.stdout.contains("[31mred"), "{:?}", ended.stdout);
    assert!(
        !ended.stdout.contains('\u{1b}') && !ended.stdout.contains('\u{202e}'),
        "{:?}",
        ended.stdout
    );
}

#[test]
fn a_wrong_query_is_told_in_the_words_of_sqlite() {
    let (_folder, tlsrptd) = filled();
    tlsrptd
        .run(&["sql", "SELECT nonsense FROM reports"])
        .exits(1)
        .says(&["nonsense"]);
}

#[test]
fn the_schema_names_every_promised_table() {
    let (_folder, tlsrptd) = filled();
    tlsrptd.run(&["sql", "--schema"]).exits(0).says(&[
        "mails",
        "mail_reports",
        "reports",
        "reports_all",
        "policy_results",
        "failure_details",
        "failure_types",
        "failures",
        "sessions_by_day",
        "domain_days",
        "reporters",
        "domains",
        "digests",
    ]);
}

#[test]
fn every_promised_column_is_there() {
    let (_folder, tlsrptd) = filled();
    for query in [
        "SELECT id, source, folder, uid_validity, uid, locator, message_id, received_at, processed_at, size_bytes, outcome, reason, backfill FROM mails",
        "SELECT mail, report, outcome, reason FROM mail_reports",
        "SELECT id, mail, organization_name, report_id, contact_info, submitter, start_datetime, end_datetime, day, stored_at, authentication, signing_domain, authentication_reason, deviations, json FROM reports",
        "SELECT id, status FROM reports_all",
        "SELECT id, report, policy_type, policy_domain, sts_mode, policy_string, mx_host, total_successful_session_count, total_failure_session_count FROM policy_results",
        "SELECT id, policy_result, failure_type, result_type, sending_mta_ip, receiving_mx_hostname, receiving_mx_helo, receiving_ip, failed_session_count, failure_reason_code, additional_information FROM failure_details",
        "SELECT id, policy_domain, policy_type, result_type, receiving_mx_hostname, first_day, last_day, first_stored_at FROM failure_types",
        "SELECT day, organization_name, submitter, policy_domain, policy_type, sts_mode, result_type, receiving_mx_hostname, failed_session_count FROM failures",
        "SELECT day, policy_domain, policy_type, submitter, ok, failed FROM sessions_by_day",
        "SELECT day, policy_domain, ok, failed FROM domain_days",
        "SELECT * FROM reporters",
        "SELECT * FROM domains",
    ] {
        assert_eq!(tlsrptd.sql(query).len(), 1, "{query}");
    }
    let digests =
        "SELECT id, audience, due_at, first_report, last_report, message_id, subject, sent_at FROM digests";
    assert!(tlsrptd.sql(digests).is_empty());
}

#[test]
fn there_are_examples() {
    let (_folder, tlsrptd) = filled();
    tlsrptd
        .run(&["sql", "--examples"])
        .exits(0)
        .says(&["SELECT", "FROM"]);
}

#[test]
fn the_json_of_a_report_is_kept_as_sent() {
    let (_folder, tlsrptd) = filled();
    let sent = Report::quiet("one").failing("certificate-expired", 7).json();
    assert_eq!(tlsrptd.value("SELECT json FROM reports"), sent.to_string());
}

#[test]
fn the_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, tlsrptd) = filled();
    let mode = fs::metadata(tlsrptd.database()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let (folder, tlsrptd) = filled();
    let database = rusqlite::Connection::open(tlsrptd.database()).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);

    tlsrptd.run(&["sql", "SELECT 1"]).exits(1).says(&["99", "newer"]);
    tlsrptd
        .run_with_input(&["import", "-"], &Report::quiet("two").mail())
        .exits(1)
        .says(&["99", "newer"]);

    let database = rusqlite::Connection::open(tlsrptd.database()).unwrap();
    let version: i64 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 99);
    drop(folder);
}
