//! Manners on a terminal: colours, width, progress, what comes next; and none of it elsewhere.

use super::support::terminal::Terminal;
use super::support::tlsrptd::binary;
use super::support::*;

/// Runs a verb on a terminal to its end.
fn on_terminal(tlsrptd: &Tlsrptd, arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> String {
    let config = tlsrptd.config().display().to_string();
    let arguments = [arguments, &["--config", &config]].concat();
    Terminal::start(&arguments, columns, environment).end().1
}

/// A program whose database has some reports.
fn filled(folder: &std::path::Path) -> Tlsrptd {
    let tlsrptd = Tlsrptd::new(&folder.join("t"), "");
    for n in 0..3 {
        let report = Report::quiet(format!("report number {n}")).failing("certificate-expired", 7);
        tlsrptd.run_with_input(&["import", "-"], &report.mail()).exits(0);
    }
    tlsrptd
}

const ESCAPE: &str = "\u{1b}[";

#[test]
fn colours_are_for_terminals_that_want_them() {
    let folder = temporary_folder();
    let tlsrptd = filled(folder.path());

    let coloured = on_terminal(&tlsrptd, &["check", "--offline"], 80, &[]);
    assert!(coloured.contains(": \u{1b}[1m\u{1b}[32mok"), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[31mFAILED"), "{coloured:?}");
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_terminal(&tlsrptd, &["check", "--offline"], 80, &[environment]);
        assert!(!plain.contains(ESCAPE) && plain.contains(": ok: "), "{plain:?}");
    }
    tlsrptd.run(&["check", "--offline"]).never_says(&[ESCAPE]);
}

#[test]
fn tables_fit_the_terminal_and_are_whole_elsewhere() {
    let folder = temporary_folder();
    let tlsrptd = filled(folder.path());
    let query = "SELECT report_id, organization_name, contact_info, day FROM reports";
    let table = |columns| on_terminal(&tlsrptd, &["sql", query], columns, &[("NO_COLOR", "1")]);

    let narrow = table(50);
    assert!(
        narrow.lines().all(|line| line.trim_end().chars().count() <= 50),
        "{narrow}"
    );
    assert!(narrow.contains("number"), "{narrow}");
    let all = on_terminal(
        &tlsrptd,
        &["sql", "SELECT * FROM reports"],
        70,
        &[("NO_COLOR", "1")],
    );
    assert!(all.contains("-- 3 --"), "{all}");
    let wide = tlsrptd.run(&["sql", query]).exits(0).stdout;
    assert_eq!(wide.lines().count(), 4, "{wide}");
    assert!(wide.lines().all(|line| line.len() > 50), "{wide}");
}

#[test]
fn reporters_and_domains_fit_the_terminal_too() {
    let folder = temporary_folder();
    let tlsrptd = filled(folder.path());
    for verb in ["reporters", "domains"] {
        let wide = tlsrptd.run(&[verb]).exits(0).stdout;
        assert!(wide.lines().any(|line| line.chars().count() > 72), "{wide}");

        let screen = on_terminal(&tlsrptd, &[verb], 72, &[("NO_COLOR", "1")]);

        assert!(
            screen.lines().all(|line| line.trim_end().chars().count() <= 72),
            "{screen}"
        );
        assert!(
            screen.contains("-- 1 --") && screen.contains("\nConnections"),
            "{screen}"
        );
    }
}

#[test]
fn an_import_shows_how_far_it_is_and_then_what_comes_next() {
    let folder = temporary_folder();
    let tlsrptd = filled(folder.path());
    let mails = folder.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    for n in 0..20 {
        std::fs::write(mails.join(n.to_string()), Report::quiet(format!("{n}")).mail()).unwrap();
    }
    let path = mails.display().to_string();

    let screen = on_terminal(&tlsrptd, &["import", &path], 100, &[("NO_COLOR", "1")]);

    assert!(
        screen.contains("import") && screen.contains("20 mails, "),
        "{screen:?}"
    );
    assert!(screen.contains(" left"), "{screen:?}");
    assert!(screen.contains("next: tlsrptd problems"), "{screen:?}");
    tlsrptd
        .run(&["import", &path])
        .exits(0)
        .never_says(&[ESCAPE, "next: ", " left"]);
}

#[test]
fn a_reparse_shows_how_far_it_is() {
    let folder = temporary_folder();
    let tlsrptd = filled(folder.path());
    let screen = on_terminal(&tlsrptd, &["reparse"], 100, &[("NO_COLOR", "1")]);
    assert!(screen.contains("/3 mails and reports"), "{screen:?}");
    assert!(screen.contains("next: tlsrptd digest"), "{screen:?}");
}

#[test]
fn errors_name_the_command_to_run() {
    let folder = temporary_folder();
    let empty = Tlsrptd::new(&folder.path().join("t"), "");
    empty.run(&["status"]).exits(1).says(&["run `tlsrptd poll`"]);
    empty
        .run(&["digest", "--send"])
        .exits(2)
        .says(&["[digest]", "tlsrptd check"]);
    // A configuration that isn't there: none in the usual places may be one in /etc of this machine.
    Running::start(
        binary()
            .arg("status")
            .env("TLSRPTD_CONFIG", folder.path().join("none.toml")),
    )
    .wait(LONG)
    .exits(2)
    .says(&["run tlsrptd init"]);
}

#[test]
fn debug_info_has_figures_and_no_secrets_or_names() {
    let world = World::with_postfix();
    let tlsrptd =
        world.tlsrptd(&(world.mailbox("password = \"wrong-horse\"") + &world.sending_to(&[REFUSED], "")));
    let report = Report::quiet("one").failing("certificate-expired", 7);
    tlsrptd.run_with_input(&["import", "-"], &report.mail()).exits(0);
    tlsrptd.run(&["poll"]).exits(1);
    tlsrptd.run(&["digest", "--send"]).exits(1);

    tlsrptd
        .run(&["debug-info"])
        .exits(0)
        .says(&[
            "rows of report: 1",
            "authentication: mode ",
            "reports by origin: ",
            "error of a mailbox: ",
            "error of a digest: ",
            "550",
        ])
        .never_says(&[
            "wrong-horse",
            PASSWORD,
            RUA,
            REFUSED,
            "example.org",
            "localhost",
            "reporter.example",
            "certificate-expired",
        ]);
}
