//! The verbs for whoever runs it, on the real binary: mails, reparse, backup, forget, status, pings.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A configuration, a Maildir and a database of the program.
struct Desk {
    folder: TempDir,
}

impl Desk {
    /// One with an empty Maildir and `more` configuration.
    fn new(more: &str) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["Maildir/new", "Maildir/cur", "Maildir/tmp", "outbox"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        desk.configure(more);
        desk
    }

    fn configure(&self, more: &str) {
        self.configure_with("", more);
    }

    /// With further keys for the mailbox.
    fn configure_with(&self, mailbox: &str, more: &str) {
        let shown = |name| self.path(name).display().to_string();
        let text = format!(
            "[authentication]\nmode = \"off\"\n[store]\npath = {:?}\nretention = \"forever\"\n[[mailbox]]\nname = \"rua\"\nkind = \"maildir\"\n\
             path = {:?}\nsince = \"forever\"\n{mailbox}[digest]\nfrom = \"tlsrptd@example.org\"\nto = [\"ops@example.org\"]\n\
             announce_days = 0\n[smtp]\ntransport = \"file\"\npath = {:?}\n{more}",
            shown("tlsrptd.db"),
            shown("Maildir"),
            shown("outbox"),
        );
        fs::write(self.path("tlsrptd.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        program::command(self.folder.path(), arguments)
    }

    /// Runs a verb, demands its exit status and gives what it printed.
    #[track_caller]
    fn run(&self, status: i32, arguments: &[&str]) -> String {
        program::run(self.command(arguments), status)
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(0, &[arguments, &["--format", "json"]].concat())).unwrap()
    }

    #[track_caller]
    fn sql(&self, query: &str) -> Value {
        self.json(&["sql", query])
    }

    /// Puts a mail with this report into the Maildir.
    fn deliver(&self, name: &str, json: &str) {
        let mail = format!(
            "From: tls@example.com\r\nDate: Sat, 21 Nov 2026 01:00:00 +0000\r\nMessage-ID: <{name}@example.com>\r\n\
             TLS-Report-Domain: example.org\r\nMIME-Version: 1.0\r\nContent-Type: application/tlsrpt+json\r\n\r\n{json}\r\n"
        );
        fs::write(self.path("Maildir/new").join(name), mail).unwrap();
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A report of example.com about these domains, each with `failed` expired certificates.
fn report(id: &str, domains: &[&str], failed: u32) -> String {
    let policies: Vec<Value> = domains
        .iter()
        .map(|domain| {
            json!({
                "policy": {"policy-type": "sts", "policy-domain": domain, "policy-string": ["version: STSv1"]},
                "summary": {"total-successful-session-count": 5, "total-failure-session-count": failed},
                "failure-details": [{"result-type": "certificate-expired", "failed-session-count": failed,
                                     "receiving-mx-hostname": format!("mx.{domain}")}],
            })
        })
        .collect();
    json!({
        "organization-name": "Example Com", "report-id": id, "contact-info": "tls@example.com",
        "date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"},
        "policies": policies,
    })
    .to_string()
}

/// Blanks that make a mail larger than the smallest limit.
fn padded(json: &str) -> String {
    format!("{json}{}", "\r\n".repeat(1000))
}

/// Cut off in the middle.
fn broken(id: &str) -> String {
    let whole = report(id, &["example.org"], 1);
    whole.get(..whole.len() / 2).unwrap().to_owned()
}

/// One of everything: stored, in conflict, rejected, and no report at all.
fn desk_with_mails() -> Desk {
    let desk = Desk::new("");
    desk.deliver("1.stored", &report("a", &["example.org"], 3));
    desk.deliver("2.conflict", &report("a", &["example.org"], 2));
    desk.deliver("3.rejected", &broken("b"));
    fs::write(
        desk.path("Maildir/new/4.lunch"),
        "Subject: lunch\r\n\r\nAt noon?\r\n",
    )
    .unwrap();
    desk.run(3, &["poll"]);
    desk
}

fn locators(mails: &Value) -> Vec<String> {
    let name = |mail: &Value| {
        Path::new(mail["locator"].as_str().unwrap())
            .file_name()
            .unwrap()
            .to_owned()
    };
    let mails = mails.as_array().unwrap();
    mails
        .iter()
        .map(|mail| name(mail).into_string().unwrap())
        .collect()
}

#[test]
fn mails_lists_what_was_not_stored_with_the_newest_first() {
    let desk = desk_with_mails();
    let mails = desk.json(&["mails"]);
    assert_eq!(locators(&mails), ["3.rejected", "2.conflict"]);
    assert_eq!(mails[1]["reports"][0]["counted"], 1);
    assert!(mails[0]["reason"].as_str().unwrap().contains("JSON"), "{mails}");
}

#[test]
fn mails_says_why_and_what_to_do() {
    let text = desk_with_mails().run(0, &["mails"]);
    for words in [
        "3.rejected",
        "not valid JSON",
        "report 1 has the same",
        "2 of 2 shown",
        "tlsrptd reparse",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn mails_can_be_asked_for_one_outcome_for_all_and_for_a_few() {
    let desk = desk_with_mails();
    assert_eq!(
        locators(&desk.json(&["mails", "--outcome", "not-a-report"])),
        ["4.lunch"]
    );
    assert_eq!(desk.json(&["mails", "--all"]).as_array().unwrap().len(), 4);
    assert_eq!(locators(&desk.json(&["mails", "--limit", "1"])), ["3.rejected"]);
    assert!(
        desk.run(0, &["mails", "--limit", "1"])
            .contains("1 of 2 shown; --limit 0 shows all")
    );
}

#[test]
fn mails_as_csv_has_a_row_for_each() {
    let csv = desk_with_mails().run(0, &["mails", "--format", "csv"]);
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 3, "{csv}");
    assert!(rows[0].starts_with("id,source,folder,locator,"), "{csv}");
}

#[test]
fn rejected_mail_is_told_in_one_digest_and_read_once() {
    let desk = desk_with_mails();
    desk.run(0, &["digest", "--send"]);
    assert_eq!(desk.files("outbox").len(), 1);
    let first = fs::read_to_string(desk.path("outbox").join(&desk.files("outbox")[0])).unwrap();
    assert!(first.contains("3.rejected"), "{first}");
    let again = desk.run(0, &["poll"]);
    assert!(again.contains("0 mails read"), "{again}");
    let second = desk.run(0, &["digest", "--send"]);
    assert!(second.contains("nothing new to tell"), "{second}");
    assert!(!desk.run(0, &["digest"]).contains("3.rejected"));
}

#[test]
fn copies_of_a_rejected_mail_are_recorded_and_never_told() {
    let desk = desk_with_mails();
    desk.run(0, &["digest", "--send"]);
    // The same bytes in another place of the mailbox, as after a rescan, and from a file.
    desk.deliver("3.rejected", &broken("b"));
    fs::rename(
        desk.path("Maildir/new/3.rejected"),
        desk.path("Maildir/new/5.again"),
    )
    .unwrap();
    fs::copy(desk.path("Maildir/new/5.again"), desk.path("again.eml")).unwrap();

    desk.run(3, &["poll"]);
    desk.run(3, &["import", "again.eml"]);

    let rows = desk.sql("SELECT count(*) AS n FROM mails WHERE outcome = 'rejected'");
    assert_eq!(rows, json!([{"n": 3}]));
    let said = desk.run(0, &["digest", "--send"]);
    assert!(said.contains("nothing new to tell"), "{said}");
    let told = desk.run(0, &["digest"]);
    assert!(!told.contains("5.again") && !told.contains("again.eml"), "{told}");
    desk.run(0, &["poll"]);
}

#[test]
fn backup_is_a_whole_private_copy() {
    let desk = desk_with_mails();
    let copy = desk.path("copy.db");
    let said = desk.run(0, &["backup", copy.to_str().unwrap()]);
    assert!(said.contains("docs/operations.md"), "{said}");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let before = desk.sql("SELECT * FROM reports_all");
    fs::rename(&copy, desk.path("tlsrptd.db")).unwrap();
    assert_eq!(desk.sql("SELECT * FROM reports_all"), before);
}

/// The commands of docs/operations.md after this line, for this desk.
fn documented(desk: &Desk, after: &str) -> String {
    let operations = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = fs::read_to_string(operations).unwrap();
    let (_, rest) = text.split_once(after).unwrap();
    let block = rest.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let here = |name| desk.path(name).display().to_string();
    block
        .replace("/var/lib/tlsrptd", &here("."))
        .replace("/backup", &here("backup"))
}

/// Runs commands in a shell that knows the program; the first that fails ends it.
#[track_caller]
fn shell(desk: &Desk, commands: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_tlsrptd")).parent().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("sh")
        .args(["-euxc", commands])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
        .env("TLSRPTD_CONFIG", desk.path("tlsrptd.toml"))
        .output()
        .unwrap();
    assert!(
        status.success(),
        "{commands}: {status}\n{}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

#[test]
fn backup_is_restored_by_the_documented_commands_after_a_clean_end_and_after_a_crash() {
    for is_crash in [false, true] {
        let desk = desk_with_mails();
        fs::create_dir(desk.path("backup")).unwrap();
        shell(&desk, &documented(&desk, "While tlsrptd runs:"));
        let [made] = &desk.files("backup")[..] else {
            panic!("{:?}", desk.files("backup"));
        };
        fs::rename(
            desk.path("backup").join(made),
            desk.path("backup/tlsrptd-2026-11-21.db"),
        )
        .unwrap();
        let before = desk.sql("SELECT * FROM reports_all");
        desk.deliver("5.later", &report("c", &["example.org"], 1));
        if is_crash {
            let (url, receiver) = monitor(OK);
            desk.configure(&format!("[monitor]\nping_url = \"{url}\"\n"));
            let mut daemon = Killed::spawn(&mut desk.command(&["run"]));
            assert_eq!(next_pings(&receiver), ["/t0ken/start", "/t0ken"]);
            daemon.kill();
            assert!(fs::metadata(desk.path("tlsrptd.db-wal")).unwrap().len() > 0);
        } else {
            desk.run(0, &["poll"]);
        }
        assert_ne!(desk.sql("SELECT * FROM reports_all"), before);

        let said = shell(&desk, &documented(&desk, "To restore:"));

        assert!(said.contains("intact"), "{said}");
        assert_eq!(desk.sql("SELECT * FROM reports_all"), before);
        assert_eq!(
            fs::metadata(desk.path("tlsrptd.db"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
        assert!(desk.run(0, &["poll"]).contains("1 mail read: 1 stored"));
    }
}

#[test]
fn backup_that_cannot_be_written_names_the_path_that_was_given() {
    let desk = desk_with_mails();
    let copy = desk.path("nowhere/copy.db").display().to_string();
    let said = desk.run(1, &["backup", &copy]);
    assert!(
        said.contains(&format!("cannot write {copy}: there is no such folder")),
        "{said}"
    );
    assert!(!said.contains("nowhere/.tmp"), "{said}");
}

#[test]
fn backup_leaves_nothing_but_the_copy_behind() {
    let desk = desk_with_mails();
    fs::create_dir(desk.path("backups")).unwrap();
    desk.run(0, &["backup", desk.path("backups/copy.db").to_str().unwrap()]);
    assert_eq!(desk.files("backups"), ["copy.db"]);
}

#[test]
fn backup_overwrites_nothing() {
    let desk = desk_with_mails();
    fs::write(desk.path("copy.db"), "precious").unwrap();
    let said = desk.run(1, &["backup", desk.path("copy.db").to_str().unwrap()]);
    assert!(said.contains("exists and is not overwritten"), "{said}");
    assert_eq!(fs::read_to_string(desk.path("copy.db")).unwrap(), "precious");
}

/// Two domains in reports of their own, and one report about both.
fn desk_with_domains() -> Desk {
    let desk = Desk::new("");
    desk.deliver("1", &report("a", &["gone.example"], 3));
    desk.deliver("2", &report("b", &["kept.example"], 2));
    desk.deliver("3", &report("c", &["gone.example", "kept.example"], 1));
    let cut = report("gone.example", &["gone.example"], 1);
    desk.deliver("4", cut.get(..cut.len() / 2).unwrap());
    desk.run(3, &["poll"]);
    desk.run(0, &["digest", "--send"]);
    desk
}

/// Whether a file of the database holds the text.
fn holds(desk: &Desk, text: &str) -> bool {
    let files = desk.files(".");
    let mut databases = files.iter().filter(|file| file.starts_with("tlsrptd.db"));
    databases.any(|file| {
        let bytes = fs::read(desk.path(file)).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn forget_leaves_no_byte_of_the_domain_in_the_file() {
    let desk = desk_with_domains();
    assert!(holds(&desk, "gone.example"));
    let said = desk.run(0, &["forget", "Gone.Example.", "--yes"]);
    assert!(said.contains("gone.example: erased"), "{said}");
    assert!(!holds(&desk, "gone.example"));
    assert!(holds(&desk, "kept.example"));
}

#[test]
fn forget_keeps_what_is_about_other_domains() {
    let desk = desk_with_domains();
    desk.run(0, &["forget", "gone.example", "--yes"]);
    assert_eq!(
        desk.sql("SELECT policy_domain, reports, failed FROM domains"),
        json!([{"policy_domain": "kept.example", "reports": 2, "failed": 3}])
    );
    assert_eq!(
        desk.sql("SELECT count(*) AS n FROM failure_types"),
        json!([{"n": 1}])
    );
    let shown = desk.run(0, &["show", "report", "3"]);
    assert!(shown.contains("kept.example"), "{shown}");
}

#[test]
fn forget_erases_nothing_without_yes() {
    let desk = desk_with_domains();
    let said = desk.run(1, &["forget", "gone.example"]);
    assert!(
        said.contains("would be erased") && said.contains("--yes"),
        "{said}"
    );
    desk.run(0, &["forget", "gone.example", "--dry-run"]);
    assert_eq!(desk.sql("SELECT count(*) AS n FROM domains"), json!([{"n": 2}]));
}

#[test]
fn forget_of_an_unknown_domain_says_so() {
    let desk = desk_with_domains();
    let said = desk.run(0, &["forget", "example.net", "--yes"]);
    assert!(said.contains("nothing is stored about example.net"), "{said}");
}

#[test]
fn status_tells_polls_counts_and_digests() {
    let desk = desk_with_mails();
    let status = desk.json(&["status"]);
    assert_eq!(status["counts"]["reports"], 1);
    assert_eq!(status["counts"]["rejected"], 1);
    assert_eq!(status["counts"]["newest_report_day"], "2026-11-20");
    assert_eq!(status["mailboxes"][0]["name"], "rua");
    assert!(status["mailboxes"][0]["succeeded_at"].is_string(), "{status}");
    assert_eq!(status["healthy"], true);
    let text = desk.run(0, &["status"]);
    for words in [
        "Process       none",
        "Mailbox       rua",
        "rejected: 1; `tlsrptd mails`",
        "Next digest   20",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn health_fails_once_a_mailbox_has_failed_for_too_long() {
    let desk = desk_with_mails();
    assert!(
        desk.run(0, &["status", "--health"])
            .starts_with("ok: mailboxes 1, newest report 2026-11-20")
    );
    fs::remove_dir_all(desk.path("Maildir")).unwrap();
    desk.run(1, &["poll"]);
    desk.run(0, &["status", "--health"]);
    desk.configure("[limits]\nhealth_after = \"1s\"\n");
    let said = failing_health(&desk);
    assert!(
        said.starts_with("FAILED: mailbox \"rua\" has been failing for"),
        "{said}"
    );
}

#[test]
fn health_of_a_mailbox_that_nobody_polls_fails() {
    let desk = Desk::new("");
    fs::write(desk.path("a.json"), report("a", &["example.org"], 0)).unwrap();
    desk.run(0, &["import", "a.json"]);
    let said = desk.run(1, &["status", "--health"]);
    assert!(said.contains("was never polled; start `tlsrptd run`"), "{said}");
}

/// Waits until `status --health` fails, and gives its line.
#[track_caller]
fn failing_health(desk: &Desk) -> String {
    let start = std::time::Instant::now();
    loop {
        let output = desk.command(&["status", "--health"]).output().unwrap();
        if output.status.code() == Some(1) {
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(said.lines().count(), 1, "{said}");
            return said;
        }
        let waited = start.elapsed().as_secs();
        assert!(waited < 180, "health never failed");
    }
}

#[test]
fn health_of_a_mailbox_that_was_polled_too_long_ago_fails() {
    let desk = desk_with_mails();
    desk.run(0, &["status", "--health"]);
    desk.configure_with("poll_interval = \"1s\"\n", "[limits]\nhealth_after = \"1s\"\n");
    let said = failing_health(&desk);
    assert!(
        said.starts_with("FAILED: mailbox \"rua\" was polled ") && said.contains("start `tlsrptd run`"),
        "{said}"
    );
}

#[test]
fn dry_run_beside_a_database_keeps_nothing() {
    let desk = desk_with_mails();
    desk.deliver("5.later", &report("c", &["example.org"], 1));
    assert!(
        desk.run(0, &["poll", "--dry-run"])
            .contains("1 mail read: 1 stored")
    );
    assert_eq!(desk.sql("SELECT count(*) AS n FROM mails"), json!([{"n": 4}]));
}

/// A desk whose mail could not be read because a limit was too small, which is then mended.
fn desk_with_mended_limit(limit: &str) -> Desk {
    let desk = Desk::new(&format!("[limits]\n{limit}\n"));
    desk.deliver("1", &padded(&report("a", &["example.org", "example.net"], 3)));
    desk.run(3, &["poll"]);
    assert_eq!(
        desk.sql("SELECT outcome FROM mails"),
        json!([{"outcome": "rejected"}])
    );
    desk.configure("");
    desk
}

#[test]
fn reparse_stores_a_rejected_mail_of_which_the_bytes_were_kept() {
    let desk = desk_with_mended_limit("policies = 1");
    fs::remove_file(desk.path("Maildir/new/1")).unwrap();
    let said = desk.run(0, &["reparse"]);
    assert!(said.contains("was rejected and is now stored"), "{said}");
    assert!(said.contains("1 rejected mails: 1 are read now"), "{said}");
    assert_eq!(
        desk.sql("SELECT id, outcome, reason FROM mails"),
        json!([{"id": 1, "outcome": "stored", "reason": null}])
    );
    assert_eq!(
        desk.sql("SELECT count(*) AS n FROM policy_results"),
        json!([{"n": 2}])
    );
    let again = desk.run(0, &["reparse"]);
    assert!(
        again.contains("0 rejected mails") && again.contains("1 stored reports: 0 changed"),
        "{again}"
    );
}

#[test]
fn reparse_reads_the_maildir_where_no_bytes_were_kept() {
    let desk = desk_with_mended_limit("mail_bytes = 1024");
    fs::rename(desk.path("Maildir/new/1"), desk.path("Maildir/cur/1:2,S")).unwrap();
    assert!(
        desk.run(0, &["reparse"])
            .contains("1 rejected mails: 1 are read now")
    );
}

#[test]
fn reparse_reads_an_imported_mbox_where_no_bytes_were_kept() {
    let desk = Desk::new("[limits]\nmail_bytes = 1024\n");
    let big = padded(&report("a", &["example.org"], 3));
    let mbox: String = ["small", "large"]
        .map(|id| {
            let json = if id == "large" {
                big.clone()
            } else {
                report(id, &["example.org"], 1)
            };
            format!("From x Sat Nov 21 01:00:00 2026\nContent-Type: application/tlsrpt+json\n\n{json}\n\n")
        })
        .concat();
    fs::write(desk.path("old.mbox"), mbox).unwrap();
    desk.run(3, &["import", "old.mbox"]);
    desk.configure("");
    let said = desk.run(0, &["reparse"]);
    assert!(
        said.contains("mail 2 (import: old.mbox#2) was rejected and is now stored"),
        "{said}"
    );
}

#[test]
fn reparse_says_what_can_not_be_had_again() {
    let desk = desk_with_mended_limit("mail_bytes = 1024");
    fs::remove_file(desk.path("Maildir/new/1")).unwrap();
    let said = desk.run(3, &["reparse"]);
    assert!(
        said.contains("can't be read again: it is gone from the Maildir"),
        "{said}"
    );
}

#[test]
fn reparse_as_a_dry_run_says_it_all_and_keeps_nothing() {
    let desk = desk_with_mended_limit("policies = 1");
    let said = desk.run(0, &["reparse", "--dry-run"]);
    assert!(
        said.contains("is now stored") && said.contains("nothing was kept"),
        "{said}"
    );
    assert_eq!(
        desk.sql("SELECT outcome FROM mails"),
        json!([{"outcome": "rejected"}])
    );
}

#[test]
fn report_found_by_reparse_is_told_in_the_next_digest() {
    let desk = desk_with_mended_limit("policies = 1");
    desk.run(0, &["digest", "--send"]);
    desk.run(0, &["reparse"]);
    let said = desk.run(0, &["digest", "--send"]);
    assert!(said.contains("sent"), "{said}");
}

/// Changes the database as an older version would have written it.
fn as_if_older(desk: &Desk, sql: &str) {
    let db = rusqlite::Connection::open(desk.path("tlsrptd.db")).unwrap();
    db.execute_batch(sql).unwrap();
}

/// Everything that the documented views say of reports, but for ids.
fn views(desk: &Desk) -> Vec<Value> {
    [
        "SELECT id, report_id, submitter, start_datetime, end_datetime, deviations, status FROM reports_all ORDER BY id",
        "SELECT report, policy_type, policy_domain, total_failure_session_count AS failed FROM policy_results
         ORDER BY report, id",
        "SELECT report, day, result_type, receiving_mx_hostname, failed_session_count FROM failures ORDER BY report, id",
        "SELECT policy_domain, result_type, first_day, last_day, announced_at FROM failure_types
         ORDER BY policy_domain, result_type",
        "SELECT id, outcome, reason FROM mails ORDER BY id",
    ]
    .map(|query| desk.sql(query))
    .to_vec()
}

#[test]
fn reparse_derives_failure_types_anew_and_keeps_what_was_told() {
    let desk = Desk::new("");
    desk.deliver("1", &report("a", &["example.org"], 3));
    desk.run(0, &["poll"]);
    desk.run(0, &["digest", "--send"]);
    let before = views(&desk);
    as_if_older(
        &desk,
        "UPDATE failure SET result_type = 'expired'; UPDATE failure_type SET result_type = 'expired';
         UPDATE policy_result SET failed = 1; UPDATE report SET deviations = '[\"zip\"]', identity = x'00'",
    );
    let said = desk.run(0, &["reparse"]);
    assert!(
        said.contains("report 1 of example.com is read otherwise now"),
        "{said}"
    );
    let mut expected = before;
    expected[0][0]["deviations"] = json!("[\"zip\"]");
    assert_eq!(views(&desk), expected);
    assert!(desk.run(0, &["digest", "--send"]).contains("nothing new to tell"));
    // The report is known by what it is now.
    desk.deliver("2", &report("a", &["example.org"], 3));
    assert!(desk.run(0, &["poll"]).contains("1 duplicate"));
}

#[test]
fn reparse_counts_reports_once_that_turn_out_to_be_the_same() {
    let desk = Desk::new("");
    desk.deliver("1", &report("a", &["example.org"], 3));
    desk.deliver("2", &report("b", &["example.org"], 3));
    desk.run(0, &["poll"]);
    as_if_older(
        &desk,
        "UPDATE report_json SET (template, text) = (SELECT template, text FROM report_json WHERE report = 1)
         WHERE report = 2",
    );
    let said = desk.run(0, &["reparse"]);
    assert!(
        said.contains("report 2 of example.com is now known to be the same as report 1"),
        "{said}"
    );
    assert_eq!(
        desk.sql("SELECT sum(failed) AS failed FROM domain_days"),
        json!([{"failed": 3}])
    );
    assert_eq!(
        desk.sql("SELECT outcome FROM mails ORDER BY id"),
        json!([{"outcome": "stored"}, {"outcome": "duplicate"}])
    );
}

#[test]
fn reparse_lets_the_report_count_that_would_count_today() {
    let desk = Desk::new("");
    desk.deliver("1", &report("a", &["example.org"], 3));
    desk.deliver("2", &report("a", &["example.org"], 9));
    desk.run(0, &["poll"]);
    let before = views(&desk);
    as_if_older(
        &desk,
        "UPDATE report SET status = 'conflict', identity = x'01' WHERE id = 2;
         UPDATE report SET status = 'counted' WHERE id = 1",
    );
    desk.run(0, &["reparse"]);
    assert_eq!(views(&desk), before);
}

#[test]
fn reparse_and_forget_refuse_while_the_daemon_works() {
    let desk = desk_with_mails();
    let mut daemon = desk
        .command(&["run"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(3);
    while desk.json(&["status"])["process"].is_null() {
        assert!(std::time::Instant::now() < deadline, "the daemon took no lock");
    }
    let pid = daemon.id().to_string();
    assert_eq!(desk.json(&["status"])["process"], json!(pid));
    for arguments in [&["reparse"][..], &["forget", "example.org", "--yes"]] {
        let said = desk.run(1, arguments);
        assert!(said.contains(&format!("process {pid}")), "{said}");
    }
    let copy = desk.path("copy.db");
    desk.run(0, &["backup", copy.to_str().unwrap()]);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// Answers requests and gives their paths, in order.
fn monitor(answers: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/t0ken", listener.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while !lines.next().unwrap().unwrap().is_empty() {}
            if sender.send(request).is_err() {
                return;
            }
            stream.write_all(answers.as_bytes()).unwrap();
        }
    });
    (url, receiver)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

fn pings(receiver: &std::sync::mpsc::Receiver<String>) -> Vec<String> {
    let path = |request: String| request.split(' ').nth(1).unwrap().to_owned();
    receiver.try_iter().map(path).collect()
}

#[test]
fn monitor_is_told_of_polls_and_digests() {
    let (url, receiver) = monitor(OK);
    let desk = Desk::new(&format!("[monitor]\nping_url = \"{url}\"\n"));
    desk.run(0, &["poll"]);
    assert_eq!(pings(&receiver), ["/t0ken/start", "/t0ken"]);
    desk.run(0, &["digest", "--send"]);
    assert_eq!(pings(&receiver), ["/t0ken/start", "/t0ken"]);
    fs::remove_dir_all(desk.path("Maildir")).unwrap();
    desk.run(1, &["poll"]);
    assert_eq!(pings(&receiver), ["/t0ken/start", "/t0ken/fail"]);
    desk.run(1, &["poll", "--dry-run"]);
    assert_eq!(pings(&receiver), [""; 0]);
}

#[test]
fn monitor_is_told_by_the_daemon() {
    let (url, receiver) = monitor(OK);
    let desk = Desk::new(&format!("[monitor]\nping_url = \"{url}\"\n"));
    let mut daemon = desk
        .command(&["run"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let requests: Vec<String> = (0..2)
        .map(|_| receiver.recv_timeout(std::time::Duration::from_mins(3)).unwrap())
        .collect();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(requests, ["GET /t0ken/start HTTP/1.1", "GET /t0ken HTTP/1.1"]);
}

/// The paths that the monitor hears next.
fn next_pings<const N: usize>(receiver: &std::sync::mpsc::Receiver<String>) -> [String; N] {
    let limit = std::time::Duration::from_mins(3);
    [(); N].map(|()| {
        let request = receiver.recv_timeout(limit).unwrap();
        request.split(' ').nth(1).unwrap().to_owned()
    })
}

#[test]
fn monitor_is_told_that_a_digest_waits_until_it_is_sent_and_no_poll_or_restart_hides_it() {
    let (url, receiver) = monitor(OK);
    let monitor = format!("[monitor]\nping_url = \"{url}\"\n");
    let desk = Desk::new(&monitor);
    let outbox = desk.path("outbox");
    fs::remove_dir(&outbox).unwrap();
    fs::write(&outbox, "no folder").unwrap();
    let [start, fail, success] = ["/t0ken/start", "/t0ken/fail", "/t0ken"];
    desk.run(0, &["poll"]);
    assert_eq!(pings(&receiver), [start, success]);

    desk.run(1, &["digest", "--send"]);
    assert_eq!(pings(&receiver), [start, fail]);
    desk.run(0, &["poll"]);
    assert_eq!(pings(&receiver), [start, fail]);
    let mut daemon = Killed::spawn(&mut desk.command(&["run"]));
    assert_eq!(
        next_pings(&receiver),
        [start, fail, start, fail],
        "a poll, a digest"
    );
    daemon.kill();

    fs::remove_file(&outbox).unwrap();
    let mut daemon = Killed::spawn(&mut desk.command(&["run"]));
    assert_eq!(
        next_pings(&receiver),
        [start, fail, start, success],
        "a poll, a digest"
    );
    daemon.kill();
    desk.run(0, &["poll"]);
    assert_eq!(pings(&receiver), [start, success]);
}

#[test]
fn monitor_is_told_that_a_mailbox_fails_though_a_digest_is_sent() {
    let (url, receiver) = monitor(OK);
    let desk = Desk::new(&format!("[monitor]\nping_url = \"{url}\"\n"));
    desk.run(0, &["poll"]);
    fs::remove_dir_all(desk.path("Maildir")).unwrap();
    desk.run(1, &["poll"]);
    assert_eq!(pings(&receiver).last().unwrap(), "/t0ken/fail");
    desk.run(0, &["digest", "--send"]);
    assert_eq!(pings(&receiver), ["/t0ken/start", "/t0ken/fail"]);
}

/// A process that ends with the test.
struct Killed(std::process::Child);

impl Killed {
    fn spawn(command: &mut Command) -> Self {
        Self(command.stderr(std::process::Stdio::null()).spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn monitor_that_refuses_only_warns_and_its_url_is_not_told() {
    let (url, _receiver) = monitor("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let desk = Desk::new(&format!("[monitor]\nping_url = \"{url}\"\n"));
    let output = desk.command(&["poll", "--verbose"]).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("the monitor was not told: it answered 404"), "{log}");
    assert!(!log.contains("t0ken"), "{log}");
}

#[test]
fn monitor_without_tls_beyond_this_machine_is_refused() {
    let desk = Desk::new("[monitor]\nping_url = \"http://hc.example/t0ken\"\n");
    let said = desk.run(2, &["poll"]);
    assert!(
        said.contains("ping_url has http://, which is for loopback only"),
        "{said}"
    );
    assert!(!said.contains("t0ken"), "{said}");
}

#[test]
fn check_tries_the_monitor_without_telling_it_anything() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/t0ken", listener.local_addr().unwrap());
    let desk = Desk::new(&format!("[monitor]\nping_url = \"{url}\"\n"));
    let said = desk.run(0, &["check"]);
    assert!(said.contains("monitor: ok: 127.0.0.1 can be reached"), "{said}");
    // Nobody is there, and the kernel gives that port to nobody who asks for any.
    let desk = Desk::new("[monitor]\nping_url = \"http://127.0.0.1:1/t0ken\"\n");
    let said = desk.run(1, &["check"]);
    assert!(said.contains("monitor: FAILED: cannot connect"), "{said}");
}
