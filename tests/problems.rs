//! The verbs about problems, on the real binary: explain, problems, show ID, ack, note, fixed, retire, report.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod program;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A configuration and a database of the program.
struct Desk {
    folder: TempDir,
}

impl Desk {
    /// One with these reports, each a name and its JSON.
    fn with(reports: &[(String, Value)]) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let path = |name: &str| desk.folder.path().join(name);
        let text = format!(
            "[authentication]\nmode = \"off\"\n[store]\npath = {:?}\nretention = \"forever\"\n[domains]\nmail = [\"example.org\", \"example.com\"]\n",
            path("tlsrptd.db").display().to_string(),
        );
        fs::write(path("tlsrptd.toml"), text).unwrap();
        fs::create_dir(path("in")).unwrap();
        for (name, report) in reports {
            fs::write(path("in").join(format!("{name}.json")), report.to_string()).unwrap();
        }
        desk.run(0, &["import", "in"]);
        desk
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program::command(self.folder.path(), arguments);
        command.env("SUDO_USER", "alice");
        command
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

    /// The id of the problem with this cause.
    #[track_caller]
    fn id(&self, cause: &str) -> String {
        let all = self.json(&["problems", "--all"]);
        let found = all
            .as_array()
            .unwrap()
            .iter()
            .find(|problem| problem["cause"] == cause);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    }
}

/// So many days ago, UTC.
fn ago(days: i64) -> Date {
    program::clock::TODAY.checked_sub(days.days()).unwrap()
}

/// A report about one domain; failures are result type, MX, count and reason.
fn report(
    reporter: &str,
    day: Date,
    (domain, mode): (&str, &str),
    good: u64,
    failures: &[(&str, &str, u64, &str)],
) -> (String, Value) {
    let failed: u64 = failures.iter().map(|failure| failure.2).sum();
    let details: Vec<Value> = failures
        .iter()
        .map(|(result_type, mx, n, reason)| {
            json!({
                "result-type": result_type, "receiving-mx-hostname": mx, "failed-session-count": n,
                "failure-reason-code": reason, "receiving-ip": "192.0.2.26",
            })
        })
        .collect();
    let id = format!("{reporter}-{day}-{domain}");
    let report = json!({
        "organization-name": reporter, "report-id": id, "contact-info": format!("tls@{reporter}"),
        "date-range": {"start-datetime": format!("{day}T00:00:00Z"), "end-datetime": format!("{day}T23:59:59Z")},
        "policies": [{
            "policy": {"policy-type": "sts", "policy-domain": domain, "policy-string": [
                "version: STSv1", format!("mode: {mode}"), "mx: mx1.example.org", "mx: mx2.example.org",
                "max_age: 604800",
            ]},
            "summary": {"total-successful-session-count": good, "total-failure-session-count": failed},
            "failure-details": details,
        }],
    });
    (id, report)
}

/// An expired certificate on mx2, seen by two reporters on the last three days and once before; a backup MX that isn't in
/// the policy of example.com; and clean days.
fn reports() -> Vec<(String, Value)> {
    let mut reports = Vec::new();
    for days in 1..=30 {
        let day = ago(days);
        let expired: &[(&str, &str, u64, &str)] = if days <= 3 || days == 20 {
            &[("certificate-expired", "mx2.example.org", 37, "")]
        } else {
            &[]
        };
        let vague: &[(&str, &str, u64, &str)] = if days <= 3 {
            &[("validation-failure", "mx2.example.org", 9, "a\u{1b}[31mb\u{202e}")]
        } else {
            &[]
        };
        let backup: &[(&str, &str, u64, &str)] = if days <= 2 {
            &[("validation-failure", "backup.example.net", 2, "")]
        } else {
            &[]
        };
        reports.push(report(
            "google.com",
            day,
            ("example.org", "enforce"),
            373,
            expired,
        ));
        reports.push(report("post.example", day, ("example.org", "enforce"), 87, vague));
        reports.push(report("google.com", day, ("example.com", "testing"), 40, backup));
    }
    reports
}

fn alice_said(desk: &Desk) -> Value {
    desk.json(&[
        "sql",
        "SELECT said_by, kind, text, until FROM remarks ORDER BY id",
    ])
}

#[test]
fn explain_needs_no_configuration() {
    let output = Command::new(env!("CARGO_BIN_EXE_tlsrptd"))
        .args(["explain", "expired"])
        .env_clear()
        .current_dir("/")
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for label in [
        "Seen ", "Mail ", "Cause ", "Check ", "Fix ", "Who ", "Urgency ", "Said as ", "Bounces ",
    ] {
        assert!(text.contains(&format!("\n{label}")), "{label}: {text}");
    }
}

#[test]
fn explain_tells_of_a_result_type_what_it_may_mean() {
    let desk = Desk::with(&[]);
    let page = desk.json(&["explain", "VALIDATION_FAILURE"]);
    assert_eq!(page["kind"], "result-type");
    let causes: BTreeSet<&str> = page["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| cause["name"].as_str().unwrap())
        .collect();
    assert!(causes.is_superset(&BTreeSet::from([
        "mx-not-in-policy",
        "handshake",
        "not-specified"
    ])));
}

#[test]
fn explain_knows_combinations_by_number_and_by_name() {
    let desk = Desk::with(&[]);
    assert_eq!(desk.json(&["explain", "c7"])["name"], "C7");
    assert_eq!(desk.json(&["explain", "node-left-behind"])["name"], "C1");
}

#[test]
fn explain_of_a_misspelt_name_says_which_is_meant() {
    let desk = Desk::with(&[]);
    let text = desk.run(1, &["explain", "sts-policy-fetch-eror"]);
    assert!(text.contains("do you mean sts-policy-fetch-error?"), "{text}");
    for (typed, meant) in [
        ("expierd", "expired"),
        ("starttls", "no-starttls"),
        ("Node left behin", "node-left-behind"),
    ] {
        let text = desk.run(1, &["explain", typed]);
        assert!(text.contains(&format!("do you mean {meant}?")), "{text}");
    }
}

#[test]
fn explain_has_the_shape_that_is_documented() {
    let desk = Desk::with(&[]);
    for name in ["expired", "validation-failure", "C1"] {
        assert_documented("explain", &desk.json(&["explain", name]));
    }
}

#[test]
fn one_repair_is_one_problem_whatever_reporters_call_it() {
    let desk = Desk::with(&reports());
    let list = desk.json(&["problems"]);
    let causes: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["cause"].as_str().unwrap())
        .collect();
    assert_eq!(causes, ["expired", "mx-not-in-policy"]);
    assert_eq!(list[0]["failed"], 138);
    assert_eq!(list[0]["impact"], "held");
    assert_documented("problems", &list[0]);
}

#[test]
fn problems_are_printed_for_people_and_as_csv() {
    let desk = Desk::with(&reports());
    let text = desk.run(0, &["problems"]);
    assert!(
        text.contains("certificate expired on mx2.example.org\n"),
        "{text}"
    );
    assert!(text.contains("held back") && text.contains("2 open"), "{text}");
    let csv = desk.run(0, &["problems", "--all", "--format", "csv"]);
    assert!(
        csv.starts_with("id,state,cause,place,place_kind,impact,"),
        "{csv}"
    );
    assert_eq!(csv.matches("\r\n").count(), 3, "{csv}");
}

#[test]
fn a_problem_is_shown_with_its_history_its_days_and_its_reports() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    let text = desk.run(0, &["show", &id]);
    assert!(
        text.starts_with(&format!("#{id}  certificate expired on mx2.example.org\n")),
        "{text}"
    );
    let seen = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        seen.contains("138 of 1 518 connections failed, on 3 days, by 2 reporters, in 6 reports"),
        "{text}"
    );
    let json = desk.json(&["show", &id]);
    assert_documented("show", &json);
    let lists = json["lists"].as_array().unwrap();
    let history = lists.iter().find(|list| list["name"] == "history").unwrap();
    assert_eq!(history["rows"].as_array().unwrap().len(), 2);
    let reports = lists.iter().find(|list| list["name"] == "reports").unwrap();
    assert_eq!(reports["rows"].as_array().unwrap().len(), 7);
    let report = reports["rows"][0]["report"].to_string();
    assert!(
        desk.run(0, &["show", "report", &report])
            .contains("mx2.example.org")
    );
}

#[test]
fn what_strangers_sent_cannot_move_the_terminal() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    let text = desk.run(0, &["show", &id]);
    assert!(text.contains("a\\u{1b}[31mb\\u{202e}"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn every_printed_query_gives_the_printed_figure() {
    let desk = Desk::with(&reports());
    for cause in ["expired", "mx-not-in-policy"] {
        let id = desk.id(cause);
        let json = desk.json(&["show", &id]);
        for figure in json["figures"].as_array().unwrap() {
            let rows = desk.json(&["sql", figure["sql"].as_str().unwrap()]);
            let value = rows[0].as_object().unwrap().values().next().unwrap();
            assert_eq!(*value, figure["value"], "{figure}");
        }
        for list in json["lists"].as_array().unwrap() {
            assert_eq!(
                desk.json(&["sql", list["sql"].as_str().unwrap()]),
                list["rows"],
                "{}",
                list["name"]
            );
        }
        let value = |name: &str| {
            let figures = json["figures"].as_array().unwrap().iter();
            figures.clone().find(|figure| figure["name"] == name).unwrap()["value"].clone()
        };
        assert_eq!(value("failed"), json["failed"]);
        assert_eq!(value("connections"), json["total"]);
        assert_eq!(value("reporters"), json["reporters"].as_array().unwrap().len());
        assert_eq!(value("domains"), json["domains"].as_array().unwrap().len());
    }
}

/// google.com sees enforce since so many days ago, microsoft.com since so many.
fn old_policy(google: i64, microsoft: i64) -> Vec<(String, Value)> {
    let days = (2..=google.saturating_add(10)).flat_map(|days| {
        let mode = |since: i64| if days > since { "testing" } else { "enforce" };
        [("google.com", mode(google)), ("microsoft.com", mode(microsoft))].map(|seen| (days, seen))
    });
    days.map(|(days, (reporter, mode))| report(reporter, ago(days), ("example.org", mode), 30, &[]))
        .collect()
}

#[test]
fn an_old_policy_is_a_problem_however_long_ago_it_was_replaced() {
    for (microsoft, state, n_days) in [(0, "ongoing", 91), (80, "resolved", 12)] {
        let desk = Desk::with(&old_policy(100, microsoft));
        let all = desk.json(&["problems", "--all"]);
        let [problem] = all.as_array().unwrap().as_slice() else {
            panic!("{all}");
        };
        assert_eq!(problem["cause"], "stale-policy");
        assert_eq!(problem["state"], state);
        assert_eq!(problem["failed"], n_days * 30, "from 92 days ago on");
        let text = desk.run(0, &["show", problem["id"].as_str().unwrap()]);
        let text: Vec<&str> = text.split_whitespace().collect();
        assert!(text.join(" ").contains("connections under the old policy, on"));
    }
}

#[test]
fn an_old_policy_that_is_still_used_is_shown_counted_and_acknowledged_as_any_problem() {
    let desk = Desk::with(&old_policy(20, 0));
    let id = desk.id("stale-policy");
    let json = desk.json(&["show", &id]);
    // Beyond 7 days, which is its max_age, too: from 12 to 2 days ago.
    assert_eq!(json["failed"], 11 * 30);
    assert_eq!(json["impact"], "cached");
    for figure in json["figures"].as_array().unwrap() {
        let rows = desk.json(&["sql", figure["sql"].as_str().unwrap()]);
        let value = rows[0].as_object().unwrap().values().next().unwrap();
        assert_eq!(*value, figure["value"], "{figure}");
        if figure["name"] == "failed" || figure["name"] == "connections" {
            assert_eq!(*value, 11 * 30, "{figure}");
        }
    }
    let text = desk.run(0, &["show", &id]);
    assert!(
        text.contains("330 of 330 connections under the old policy"),
        "{text}"
    );
    assert!(
        !text.contains("Days by reporter: failed") && !text.contains("as sent"),
        "{text}"
    );
    desk.run(0, &["ack", &id]);
    assert_eq!(desk.json(&["show", &id])["failed"], 11 * 30);
    assert!(desk.run(0, &["problems"]).contains("acknowledged"));
    assert!(
        desk.run(0, &["explain", "stale-policy"])
            .contains("id in the TXT record")
    );
}

#[test]
fn every_query_in_the_text_can_be_pasted_into_a_shell() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    let text = desk.run(0, &["show", &id]);
    let commands: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("tlsrptd sql"))
        .collect();
    assert_eq!(commands.len(), 15, "{text}");
    for command in commands {
        let query = command
            .strip_prefix("tlsrptd sql \"")
            .unwrap()
            .strip_suffix('"')
            .unwrap();
        assert!(!query.contains(['"', '$', '`', '\\', '!']), "{query}");
        desk.run(0, &["sql", query]);
    }
}

#[test]
fn the_beginning_of_an_id_suffices_if_it_is_the_only_one() {
    let desk = Desk::with(&reports());
    let (expired, other) = (desk.id("expired"), desk.id("mx-not-in-policy"));
    let common = expired
        .bytes()
        .zip(other.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let begin = expired.get(..=common).unwrap();
    assert!(desk.run(0, &["show", begin]).starts_with(&format!("#{expired}")));
    for verb in [
        &["ack", begin][..],
        &["fixed", begin],
        &["note", begin, "renewed"],
    ] {
        let text = desk.run(1, verb);
        assert!(
            text.contains(&format!("is only the beginning of {expired} (")),
            "{text}"
        );
    }
    assert!(
        desk.run(0, &["show", &format!("#{expired}")])
            .starts_with(&format!("#{expired}"))
    );
}

#[test]
fn an_unknown_id_is_refused_with_those_that_are_open() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    for unknown in ["ffffff", "nonsense", ""] {
        let text = desk.run(1, &["show", unknown]);
        assert!(
            text.contains("there is no problem") && text.contains(&id),
            "{text}"
        );
    }
}

#[test]
fn an_acknowledged_problem_says_who_why_and_how_to_take_it_back() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    let text = desk.run(
        0,
        &["ack", &id, "--days", "10", "--because", "new  node\nnext week"],
    );
    let until = ago(-10).to_string();
    assert!(
        text.contains(&format!(
            "acknowledged until {until}, by alice: \"new node next week\""
        )),
        "{text}"
    );
    assert!(text.contains(&format!("tlsrptd ack {id} --days 0")), "{text}");
    assert_eq!(desk.json(&["show", &id])["acknowledged_until"], until);
    assert!(desk.run(0, &["problems"]).contains("of these 1 acknowledged"));
    assert!(desk.run(0, &["show", &id]).contains("new node next week"));
    desk.run(0, &["ack", &id, "--days", "0"]);
    assert_eq!(desk.json(&["show", &id])["acknowledged_until"], Value::Null);
    assert_eq!(
        alice_said(&desk),
        json!([
            {"said_by": "alice", "kind": "acknowledged", "text": "new node next week", "until": until},
            {"said_by": "alice", "kind": "withdrawn", "text": "acknowledged", "until": null},
        ])
    );
}

#[test]
fn what_people_say_is_answered_for_machines_with_the_problem_as_it_is_then() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    let until = ago(-10).to_string();
    let dry = desk.json(&["ack", &id, "--days", "10", "--because", "new node", "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["until"]), (&json!(true), &json!(until)));
    assert_eq!(dry["problem"]["acknowledged_until"], until);
    assert_eq!(desk.json(&["show", &id])["acknowledged_until"], Value::Null);

    let said = desk.json(&["ack", &id, "--days", "10", "--because", "new node"]);
    assert_eq!(said["problem"], desk.json(&["problems"])[0]);
    let noted = desk.json(&["note", "example.com", "moves in May"]);
    let fixed = desk.json(&["fixed", &id]);
    let undone = desk.json(&["ack", &id, "--days", "0"]);
    let retired = desk.json(&["retire", "mx2.example.org", "--since", &ago(9).to_string()]);
    let answers = [&said, &noted, &fixed, &undone, &retired];
    for answer in answers {
        assert_documented("ack", answer);
        assert_eq!((&answer["by"], &answer["day"]), (&json!("alice"), &json!(ago(0))));
        assert_eq!(answer["dry_run"], false);
    }
    let field = |key: &str| Value::from_iter(answers.map(|answer| answer[key].clone()));
    assert_eq!(
        field("said"),
        json!(["acknowledged", "noted", "fixed", "acknowledged", "retired"])
    );
    assert_eq!(
        field("about"),
        json!([id, "example.com", id, id, "mx2.example.org"])
    );
    assert_eq!(field("text"), json!(["new node", "moves in May", "", "", ""]));
    assert_eq!(field("until"), json!([until, null, null, null, null]));
    assert_eq!(field("since"), json!([null, null, null, null, ago(9)]));
    assert_eq!(field("taken_back"), json!([null, null, null, 1, null]));
    assert_eq!(noted["problem"], Value::Null);
    let closed = retired["closed"].as_array().unwrap();
    assert!(closed.iter().any(|problem| problem["id"] == id), "{retired}");
}

#[test]
fn taking_back_what_was_not_said_keeps_nothing() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    assert!(
        desk.run(0, &["ack", &id, "--days", "0"])
            .contains("was not acknowledged")
    );
    assert!(
        desk.run(0, &["fixed", &id, "--undo"])
            .contains("was not marked as fixed")
    );
    assert!(desk.run(0, &["note", &id, "--undo"]).contains("nothing is noted"));
    assert!(
        desk.run(0, &["retire", "mx2.example.org", "--undo"])
            .contains("was not retired")
    );
    assert_eq!(alice_said(&desk), json!([]));
}

#[test]
fn a_dry_run_says_the_same_and_keeps_nothing() {
    for verb in ["ack", "fixed", "note", "retire"] {
        let desk = Desk::with(&reports());
        let id = desk.id("expired");
        let arguments = match verb {
            "note" => vec![verb, &id, "renewed"],
            "retire" => vec![verb, "mx2.example.org"],
            _ => vec![verb, &id],
        };
        let dry = desk.run(0, &[arguments.as_slice(), &["--dry-run"]].concat());
        assert_eq!(alice_said(&desk), json!([]), "{verb}");
        let said = dry.strip_suffix("dry run: nothing was kept\n").unwrap();
        assert_eq!(desk.run(0, &arguments), said, "{verb}");
        assert_ne!(alice_said(&desk), json!([]), "{verb}");
    }
}

#[test]
fn only_an_open_problem_can_be_acknowledged_or_fixed() {
    let over: Vec<(String, Value)> = (1..=20)
        .map(|days| {
            let failures: &[(&str, &str, u64, &str)] = if days == 12 {
                &[("certificate-expired", "mx2.example.org", 5, "")]
            } else {
                &[]
            };
            report("google.com", ago(days), ("example.org", "enforce"), 50, failures)
        })
        .collect();
    let desk = Desk::with(&over);
    let id = desk.id("expired");
    assert!(
        desk.run(1, &["ack", &id])
            .contains("isn't open: over, by clean days")
    );
    assert!(desk.run(1, &["fixed", &id]).contains("isn't open"));
    assert!(
        desk.run(0, &["problems"])
            .contains("No problem is open; 1 more with --all")
    );
}

#[test]
fn a_word_that_it_was_fixed_shortens_the_proof() {
    // Two clean days would be needed; one is there.
    let reports: Vec<(String, Value)> = (1..=20)
        .map(|days| {
            let failures: &[(&str, &str, u64, &str)] = if (2..=4).contains(&days) {
                &[("certificate-expired", "mx2.example.org", 5, "")]
            } else {
                &[]
            };
            report("google.com", ago(days), ("example.org", "enforce"), 50, failures)
        })
        .collect();
    let desk = Desk::with(&reports);
    let id = desk.id("expired");
    assert_eq!(desk.json(&["show", &id])["state"], "fading");
    let text = desk.run(0, &["fixed", &id, "--because", "certificate renewed"]);
    assert!(
        text.contains("marked as fixed, by alice: \"certificate renewed\""),
        "{text}"
    );
    assert!(
        text.contains("one reporter that saw it reports a clean day"),
        "{text}"
    );
    assert!(
        desk.run(0, &["fixed", &id, "--undo"])
            .contains("no longer marked as fixed, by alice")
    );
}

#[test]
fn a_note_on_a_domain_is_shown_with_its_problems() {
    let desk = Desk::with(&reports());
    let text = desk.run(0, &["note", "Example.ORG.", "moving", "to", "new", "hosts"]);
    assert!(
        text.contains("noted about example.org, by alice: \"moving to new hosts\""),
        "{text}"
    );
    let shown = desk.run(0, &["show", &desk.id("expired")]);
    assert!(shown.contains("moving to new hosts"), "{shown}");
    let far = desk.run(0, &["note", "elsewhere.example", "typo?"]);
    assert!(
        far.contains("No report says anything of elsewhere.example yet"),
        "{far}"
    );
}

#[test]
fn an_empty_and_an_endless_note_are_refused() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    assert!(desk.run(1, &["note", &id, " "]).contains("the note is empty"));
    assert!(
        desk.run(1, &["note", &id, &"x".repeat(1001)])
            .contains("at most 1000")
    );
    assert_eq!(alice_said(&desk), json!([]));
}

#[test]
fn retiring_an_mx_closes_its_problems_until_it_is_taken_back() {
    let desk = Desk::with(&reports());
    let id = desk.id("expired");
    let text = desk.run(0, &["retire", "mx2.example.org", "--because", "switched off"]);
    assert!(
        text.contains(&format!(
            "#{id} (certificate expired on mx2.example.org) is closed by this."
        )),
        "{text}"
    );
    assert!(text.contains("tlsrptd retire mx2.example.org --undo"), "{text}");
    let open = desk.json(&["problems"]);
    assert!(open.as_array().unwrap().iter().all(|problem| problem["id"] != id));
    let text = desk.run(0, &["retire", "mx2.example.org", "--undo"]);
    assert!(
        text.contains(&format!(
            "#{id} (certificate expired on mx2.example.org) is open again."
        )),
        "{text}"
    );
}

#[test]
fn a_misspelt_name_is_not_retired() {
    let desk = Desk::with(&reports());
    let text = desk.run(1, &["retire", "mx2.exmaple.org"]);
    assert!(text.contains("do you mean mx2.example.org?"), "{text}");
    let tomorrow = ago(-1).to_string();
    let text = desk.run(1, &["retire", "mx2.example.org", "--since", &tomorrow]);
    assert!(text.contains("lies ahead"), "{text}");
    assert_eq!(alice_said(&desk), json!([]));
}

#[test]
fn status_counts_the_open_problems() {
    let desk = Desk::with(&reports());
    desk.run(0, &["ack", &desk.id("expired")]);
    let status = desk.json(&["status"]);
    assert_eq!(status["open_problems"].as_array().unwrap().len(), 2);
    assert_eq!(
        status["open_problems"][0]["acknowledged_until"],
        ago(-30).to_string()
    );
    let text = desk.run(0, &["status"]);
    assert!(text.contains("2 open, of these 1 acknowledged"), "{text}");
}

/// The keys of a JSON object are those that docs/json.md lists for a verb.
#[track_caller]
fn assert_documented(verb: &str, json: &Value) {
    let doc = include_str!("../docs/json.md");
    let section = doc
        .split("\n## ")
        .find(|section| section.starts_with(&format!("`{verb}`")))
        .unwrap();
    let documented: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(key, _)| key)
        .collect();
    for key in json.as_object().unwrap().keys() {
        assert!(
            documented.contains(key.as_str()),
            "{verb}: {key} is not in docs/json.md"
        );
    }
}

#[test]
fn the_page_needs_no_script_and_no_other_file() {
    let desk = Desk::with(&reports());
    let said = desk.run(0, &["report", "--html", "page.html"]);
    assert!(said.starts_with("page.html: "), "{said}");
    let page = fs::read_to_string(desk.folder.path().join("page.html")).unwrap();
    for foreign in [
        "<script", "http://", "https://", "src=", "@import", "url(", "<link", "<iframe",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("default-src 'none'"));
    assert_eq!(desk.run(0, &["report", "--html", "-"]).len(), page.len());
}

#[test]
fn the_page_has_the_problems_the_domains_and_the_policies() {
    let desk = Desk::with(&reports());
    let page = desk.run(0, &["report", "--html", "-"]);
    for expected in [
        "2 problems are open; mail is held back by 1 of them",
        "certificate expired on mx2.example.org",
        "<b>example.org</b>",
        "MTA-STS enforce",
        "MTA-STS testing",
        "mx: mx1.example.org",
        "Failing days in figures",
        "class=\"bad\"",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
}

#[test]
fn what_strangers_sent_is_escaped_on_the_page() {
    let evil = "<img src=x onerror=alert(1)>\u{202e}";
    let mut reports = reports();
    let (name, mut report) = report(
        "post.example",
        ago(2),
        ("example.org", "enforce"),
        5,
        &[("expired", "mx1.example.org", 3, evil)],
    );
    report["organization-name"] = json!(evil);
    report["contact-info"] = json!(evil);
    report["policies"][0]["policy"]["policy-string"] =
        json!(["version: STSv1", format!("mode: {evil}"), evil]);
    report["policies"][0]["failure-details"][0]["result-type"] = json!(evil);
    reports.push((format!("{name}-evil"), report));
    let desk = Desk::with(&reports);
    let page = desk.run(0, &["report", "--html", "-"]);
    assert!(page.contains("&#60;img") && !page.contains("<img"), "not escaped");
    assert!(!page.contains('\u{202e}'));
}

#[test]
fn the_page_is_not_written_where_that_is_not_allowed() {
    let desk = Desk::with(&[]);
    let text = desk.run(1, &["report", "--html", "missing/page.html"]);
    assert!(text.contains("cannot write missing/page.html"), "{text}");
}
