//! `run`: polling and sending at their times, signals, the lock, restarts.

use std::process::Command;

use serde_json::json;

use super::support::*;

/// Waits until the database shows `n` reports.
#[track_caller]
fn wait_for_reports(tlsrptd: &Tlsrptd, n: i64) {
    // The file is there before its schema is.
    until(&format!("{n} reports in the database"), LONG, || {
        let ended = tlsrptd.run(&["sql", "SELECT count(*) AS n FROM reports", "--format", "csv"]);
        (ended.code == Some(0) && ended.stdout.lines().nth(1) == Some(&n.to_string())).then_some(())
    });
}

/// `run` needs recipients and a transport; these are never reached in tests without a digest.
fn quiet_sending(world: &World) -> String {
    let folder = world.path("out");
    std::fs::create_dir_all(&folder).unwrap();
    format!(
        "[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n[smtp]\ntransport = \"file\"\npath = {}\n",
        quoted(&folder)
    )
}

#[test]
fn run_polls_at_start_and_again_after_each_interval() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&(world.mailbox("poll_interval = \"1s\"") + &quiet_sending(&world)));
    world
        .dovecot
        .deliver(RUA, &Report::quiet("before the start").mail());
    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 1);

    world.dovecot.deliver(RUA, &Report::quiet("later").mail());
    wait_for_reports(&tlsrptd, 2);

    run.terminate(END).exits(0);
}

#[test]
fn sigterm_ends_a_waiting_daemon() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &quiet_sending(&world)));
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 1);

    run.terminate(END).exits(0).never_says(&["panicked"]);
}

#[test]
fn sigterm_in_mid_poll_loses_and_doubles_nothing() {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(1500));
    let proxy = Proxy::to(world.dovecot.imaps);
    let tlsrptd = world.tlsrptd(&(world.mailbox_at(proxy.port, "") + &quiet_sending(&world)));
    proxy.set(Fault::StallAfter(1_500_000));
    let run = tlsrptd.spawn(&["run"]);
    proxy.wait_for_stall();

    run.terminate(END).exits(0);

    proxy.set(Fault::None);
    assert!(
        tlsrptd.reports() < 1500,
        "everything had been read before the signal, so this test shows nothing"
    );
    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 1500);
    run.terminate(END).exits(0);
    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (1500, 0));
}

#[test]
fn a_killed_daemon_leaves_no_lock_and_is_taken_up_where_it_was() {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(1500));
    let proxy = Proxy::to(world.dovecot.imaps);
    let tlsrptd = world.tlsrptd(&(world.mailbox_at(proxy.port, "") + &quiet_sending(&world)));
    proxy.set(Fault::StallAfter(1_500_000));
    let run = tlsrptd.spawn(&["run"]);
    proxy.wait_for_stall();
    run.kill();
    proxy.set(Fault::None);

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (1500, 0));
}

#[test]
fn what_would_disturb_a_running_daemon_is_refused_naming_its_pid() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &quiet_sending(&world)));
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 1);
    let pid = run.pid().to_string();

    for verb in [["run"].as_slice(), &["poll"], &["digest", "--send"]] {
        tlsrptd.run(verb).exits(1).says(&[&pid]);
    }
    run.terminate(END).exits(0);
}

#[test]
fn import_and_readers_work_beside_a_running_daemon() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &quiet_sending(&world)));
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 1);

    tlsrptd
        .run_with_input(&["import", "-"], &Report::quiet("two").mail())
        .exits(0);

    assert_eq!(tlsrptd.reports(), 2);
    tlsrptd.run(&["digest"]).exits(0).says(&["example.org"]);
    tlsrptd.run(&["check", "--offline"]).exits(0);
    run.terminate(END).exits(0);
}

#[test]
fn a_log_in_json_is_an_object_a_line_without_secrets() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let wrong = world.mailbox("name = \"wrong\"\npassword = \"wrong-horse\"");
    let tlsrptd = world.tlsrptd(&(wrong + &world.mailbox("") + &quiet_sending(&world)));
    let run = tlsrptd.spawn(&["run", "--log-format", "json", "--verbose"]);
    wait_for_reports(&tlsrptd, 1);

    let ended = run.terminate(END).exits(0).never_says(&["wrong-horse", PASSWORD]);

    for line in ended.stderr.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    ended.says(&["polled", "\"rua\"", "\"wrong\"", "AUTHENTICATIONFAILED"]);
}

#[test]
fn one_mailbox_that_is_silent_does_not_keep_the_other_waiting() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let proxy = Proxy::to(world.dovecot.imaps);
    proxy.set(Fault::StallAfter(0));
    let silent = world.mailbox_at(proxy.port, "name = \"silent\"");
    let limits = "[limits]\nconnect_timeout = \"5s\"\n";
    let tlsrptd = world.tlsrptd(&(silent + &world.mailbox("") + &quiet_sending(&world) + limits));

    let run = tlsrptd.spawn(&["run"]);

    wait_for_reports(&tlsrptd, 1);
    run.terminate(END).exits(0);
}

#[test]
fn the_first_digest_follows_the_first_poll_and_the_next_is_sent_at_its_time() {
    let world = World::with_postfix();
    world.receive(&Report::quiet("one").failing("certificate-expired", 3).mail());
    let keys = "at = \"07:00\"\ntimezone = \"Europe/Berlin\"\nsend = \"always\"";
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &with_digest_keys(&world.sending(""), keys)));

    // A day in winter: Berlin is one hour ahead of UTC. The first digest is a matter of a moment on any machine.
    let run = Running::start(&mut at_time(&tlsrptd, "2027-01-12 05:59:30", &["run"]));

    let digests = world.received(OPS, 2);
    run.terminate(END).exits(0);
    let second = String::from_utf8_lossy(&digests[1]).into_owned();
    assert!(second.contains("Date: Tue, 12 Jan 2027 07:00:"), "{second}");
    assert_eq!(
        tlsrptd.sql("SELECT due_at FROM digests ORDER BY id"),
        [
            json!({"due_at": "2027-01-11T06:00:00Z"}),
            json!({"due_at": "2027-01-12T06:00:00Z"})
        ]
    );
}

#[test]
fn a_digest_missed_while_the_machine_was_off_is_sent_once_at_start() {
    let world = World::with_postfix();
    world.receive(&Report::quiet("one").mail());
    let sending = with_digest_keys(&world.sending(""), "at = \"07:00\"\nsend = \"always\"");
    let tlsrptd = world.tlsrptd(&(world.mailbox("poll_interval = \"1s\"") + &sending));
    let run = Running::start(&mut at_time(&tlsrptd, "2027-01-12 12:00:00", &["run"]));
    world.received(OPS, 1);
    run.terminate(END).exits(0);

    // Three times 07:00 have passed.
    let run = Running::start(&mut at_time(&tlsrptd, "2027-01-15 12:00:00", &["run"]));
    world.received(OPS, 2);
    world.receive(&Report::quiet("two").mail());
    wait_for_reports(&tlsrptd, 2);
    run.terminate(END).exits(0);

    assert_eq!(world.received(OPS, 2).len(), 2);
    assert_eq!(
        tlsrptd.sql("SELECT due_at FROM digests WHERE sent_at IS NOT NULL ORDER BY id"),
        [
            json!({"due_at": "2027-01-12T07:00:00Z"}),
            json!({"due_at": "2027-01-15T07:00:00Z"})
        ]
    );
}

#[test]
fn a_digest_that_could_not_be_sent_goes_out_at_the_next_start_under_the_same_message_id() {
    let world = World::with_postfix();
    world.receive(&Report::quiet("one").failing("certificate-expired", 3).mail());
    let [nobody] = own_ports();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &world.sending(&format!("port = {nobody}"))));
    let run = Running::start(&mut at_time(&tlsrptd, "2027-01-12 12:00:00", &["run"]));
    until("the digest to fall due", LONG, || {
        let ended = tlsrptd.run(&["sql", "SELECT message_id FROM digests", "--format", "csv"]);
        (ended.stdout.lines().count() == 2).then_some(())
    });
    run.terminate(END).exits(0);
    let message_id = tlsrptd.value("SELECT message_id FROM digests WHERE sent_at IS NULL");

    tlsrptd.configure(&(world.mailbox("") + &world.sending("")));
    let run = Running::start(&mut at_time(&tlsrptd, "2027-01-12 12:10:00", &["run"]));
    let digests = world.received(OPS, 1);
    run.terminate(END).exits(0);

    assert!(String::from_utf8_lossy(&digests[0]).contains(message_id.as_str().unwrap()));
    assert_eq!(
        tlsrptd.count("SELECT count(*) AS n FROM digests WHERE sent_at IS NOT NULL"),
        1
    );
}

/// A configuration with further keys in `[digest]`.
fn with_digest_keys(sending: &str, keys: &str) -> String {
    sending.replace("[digest]\n", &format!("[digest]\n{keys}\n"))
}

/// The program with a clock that starts at `time`, UTC.
fn at_time(tlsrptd: &Tlsrptd, time: &str, arguments: &[&str]) -> Command {
    let mut command = tlsrptd.command(arguments);
    command
        .env("LD_PRELOAD", faketime::library())
        .env("FAKETIME", format!("@{time}"));
    command
}
