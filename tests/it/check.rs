//! `check`, the configuration file, usage and exit statuses.

use std::fs;

use super::support::tlsrptd::binary;
use super::support::*;

#[test]
fn check_finds_everything_in_order() {
    let world = World::with_postfix();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &world.sending("")));
    tlsrptd.run(&["poll"]).exits(0);

    let ended = tlsrptd.run(&["check"]).exits(0).says(&["rua"]);

    let n_ok = ended
        .stdout
        .lines()
        .filter(|line| line.to_lowercase().contains("ok"))
        .count();
    assert_eq!(
        n_ok, 4,
        "config, mailbox, SMTP and database should each be ok:\n{}",
        ended.stdout
    );
    assert!(world.dovecot.login(OPS).uids("INBOX").is_empty());
}

#[test]
fn check_goes_on_after_an_error_and_names_it() {
    let world = World::with_postfix();
    let first = world.mailbox("name = \"first\"\npassword = \"wrong-horse\"");
    let tlsrptd = world.tlsrptd(&(first + &world.mailbox("") + &world.sending("")));
    tlsrptd.run(&["import", "-"]).exits(0);

    let ended = tlsrptd
        .run(&["check"])
        .exits(1)
        .never_says(&["wrong-horse", PASSWORD]);

    let line = |name: &str| {
        ended
            .stdout
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(line("first").contains("AUTHENTICATIONFAILED"), "{}", ended.stdout);
    assert!(line("rua").contains("ok"), "{}", ended.stdout);
}

#[test]
fn check_names_a_missing_folder() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox("folder = \"Gone\""));
    tlsrptd.run(&["check"]).exits(1).says(&["Gone", "INBOX"]);
}

#[test]
fn check_offline_contacts_nobody() {
    let world = World::new();
    let proxy = Proxy::to(world.dovecot.imaps);
    let smtp = world.sending(&format!("port = {}", proxy.port));
    let tlsrptd = world.tlsrptd(&(world.mailbox_at(proxy.port, "") + &smtp));

    tlsrptd.run(&["check", "--offline"]).exits(0);

    assert_eq!(proxy.n_connections(), 0);
}

#[test]
fn check_changes_nothing_in_the_mailbox() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"move:Processed\""));
    let mut session = world.dovecot.login(RUA);
    let before = (session.folders(), session.flags("INBOX"));

    tlsrptd.run(&["check"]).says(&["rua"]);

    assert_eq!((session.folders(), session.flags("INBOX")), before);
}

#[test]
fn check_sends_a_test_mail_when_asked() {
    let world = World::with_postfix();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &world.sending("")));
    tlsrptd.run(&["poll"]).exits(0);

    tlsrptd.run(&["check", "--send-test"]).exits(0);

    let mail = String::from_utf8(world.received(OPS, 1).remove(0)).unwrap();
    assert!(mail.contains("Subject: [tlsrptd]"), "{mail}");
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox("pol_interval = \"5m\""));
    tlsrptd
        .run(&["poll"])
        .exits(2)
        .says(&["pol_interval", "poll_interval", "tlsrptd.toml"]);
}

#[test]
fn a_missing_configuration_file_is_named() {
    let ended = Running::start(binary().args(["poll", "--config", "/no/such/file.toml"])).wait(LONG);
    ended.exits(2).says(&["/no/such/file.toml"]);
}

#[test]
fn poll_without_a_mailbox_says_what_to_add() {
    let folder = temporary_folder();
    Tlsrptd::new(&folder.path().join("t"), "")
        .run(&["poll"])
        .exits(2)
        .says(&["[[mailbox]]"]);
}

#[test]
fn sending_without_recipients_says_what_to_add() {
    let folder = temporary_folder();
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
    tlsrptd.run(&["import", "-"]).exits(0);
    tlsrptd
        .run(&["digest", "--send"])
        .exits(2)
        .says(&["[digest]", "to"]);
}

#[test]
fn the_store_alone_is_enough_for_import_sql_and_a_digest() {
    let folder = temporary_folder();
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
    tlsrptd
        .run_with_input(&["import", "-"], &Report::quiet("one").mail())
        .exits(0);
    assert_eq!(tlsrptd.reports(), 1);
    tlsrptd.run(&["digest"]).exits(0).says(&["example.org"]);
}

#[test]
fn the_configuration_is_found_by_environment_and_in_the_working_folder() {
    let folder = temporary_folder();
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
    tlsrptd
        .run_with_input(&["import", "-"], &Report::quiet("one").mail())
        .exits(0);
    let query = ["sql", "SELECT count(*) AS n FROM reports", "--format", "ndjson"];

    for command in [
        binary().args(query).env("TLSRPTD_CONFIG", tlsrptd.config()),
        binary().args(query).current_dir(folder.path().join("t")),
    ] {
        assert_eq!(Running::start(command).wait(LONG).exits(0).stdout, "{\"n\":1}\n");
    }
}

#[test]
fn global_options_stand_before_or_after_the_verb() {
    let folder = temporary_folder();
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
    tlsrptd
        .run_with_input(&["import", "-"], &Report::quiet("one").mail())
        .exits(0);
    let config = tlsrptd.config();
    let config = config.to_str().unwrap();

    for arguments in [
        ["--config", config, "--log-format", "json", "sql", "SELECT 1"],
        ["sql", "SELECT 1", "--config", config, "--log-format", "json"],
    ] {
        Running::start(binary().args(arguments)).wait(LONG).exits(0);
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    Running::start(binary().arg("pol"))
        .wait(LONG)
        .exits(2)
        .says(&["poll"]);
    Running::start(binary().args(["poll", "--no-such-option"]))
        .wait(LONG)
        .exits(2);
}

#[test]
fn help_tells_the_exit_statuses_and_every_verb() {
    let help = Running::start(binary().arg("--help")).wait(LONG).exits(0);
    for verb in ["run", "poll", "import", "digest", "sql", "check", "show"] {
        assert!(help.stdout.contains(verb), "{verb} is not in:\n{}", help.stdout);
    }
    help.says(&["0", "1", "2", "3", "rejected"]);
}

#[test]
fn a_password_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    fs::set_permissions(tlsrptd.config(), fs::Permissions::from_mode(0o644)).unwrap();

    tlsrptd
        .run(&["poll"])
        .exits(0)
        .says(&["chmod o-r", "tlsrptd.toml"])
        .never_says(&[PASSWORD]);
}
