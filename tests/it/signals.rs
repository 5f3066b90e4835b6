//! SIGTERM ends the daemon within 5 s whatever it is doing; SIGHUP reads the configuration again.

use std::time::Duration;

use super::support::mta::{Answer, Mta};
use super::support::*;

/// A `[digest]` and `[smtp]` through `mta`.
fn sending(mta: &Mta) -> String {
    format!(
        "[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n[smtp]\n{}",
        mta.keys()
    )
}

/// Lets the daemon come as far as byte `n_bytes` of what the IMAP server says; then it must end.
fn ends_while_imap_stalls(n_bytes: usize) {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(200));
    let proxy = Proxy::to(world.dovecot.imaps);
    proxy.set(Fault::StallAfter(n_bytes));
    let tlsrptd = world.tlsrptd(&format!(
        "{}{}",
        world.mailbox_at(proxy.port, ""),
        sending(&Mta::new())
    ));
    let run = tlsrptd.spawn(&["run"]);
    proxy.wait_for_stall();

    run.terminate(END).exits(0);
}

#[test]
fn sigterm_while_the_imap_server_does_not_begin_with_tls() {
    ends_while_imap_stalls(1);
}

#[test]
fn sigterm_while_the_imap_server_is_silent_after_tls() {
    ends_while_imap_stalls(2000);
}

#[test]
fn sigterm_while_mails_are_fetched() {
    ends_while_imap_stalls(100_000);
}

#[test]
fn sigterm_while_the_password_command_runs() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&format!(
        "{}{}",
        world.mailbox("password_command = [\"/bin/sleep\", \"600\"]"),
        sending(&Mta::new())
    ));
    let run = tlsrptd.spawn(&["run"]);
    let child = until("the password command", LONG, || {
        let pids = process::of_threads(run.pid(), "children");
        pids.split_whitespace().next().map(str::to_owned)
    });

    run.terminate(END).exits(0);

    until("the command to be gone", LONG, || {
        (!std::path::Path::new(&format!("/proc/{child}/exe")).exists()).then_some(())
    });
}

/// Lets the daemon wait for the mail server's answer to `command`; then it must end, and later send once.
fn ends_while_smtp_is_silent(command: &'static str) {
    let world = World::new();
    world.dovecot.deliver(
        RUA,
        &Report::quiet("one").failing("certificate-expired", 3).mail(),
    );
    let mta = Mta::new();
    mta.set(&[(command, Answer::IsSilent)]);
    let tlsrptd = world.tlsrptd(&format!("{}{}", world.mailbox(""), sending(&mta)));
    let run = tlsrptd.spawn(&["run"]);
    until("the command", LONG, || mta.has_heard(command).then_some(()));

    run.terminate(END).exits(0).never_says(&["digest sent"]);

    assert_eq!(tlsrptd.count("SELECT count(sent_at) AS n FROM digests"), 0);
    let doubted = mta.received();
    mta.set(&[]);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    let received = mta.received();
    assert_eq!(received.len(), doubted.len() + 1);
    assert!(received.iter().all(|mail| *mail == received[0]), "{received:#?}");
}

#[test]
fn sigterm_while_the_mail_server_does_not_greet() {
    ends_while_smtp_is_silent("");
}

#[test]
fn sigterm_while_the_mail_server_thinks_about_a_recipient() {
    ends_while_smtp_is_silent("RCPT");
}

#[test]
fn sigterm_while_the_mail_server_thinks_about_the_mail() {
    ends_while_smtp_is_silent(".");
}

#[test]
fn sigterm_while_the_mail_server_thinks_about_quit_finds_the_digest_recorded() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let mta = Mta::new();
    mta.set(&[("QUIT", Answer::IsSilent)]);
    let tlsrptd = world.tlsrptd(&format!("{}{}", world.mailbox(""), sending(&mta)));
    let run = tlsrptd.spawn(&["run"]);
    until("QUIT", LONG, || mta.has_heard("QUIT").then_some(()));

    run.terminate(END).exits(0);

    assert_eq!(tlsrptd.count("SELECT count(sent_at) AS n FROM digests"), 1);
}

#[test]
fn sighup_reads_the_configuration_again() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    world
        .dovecot
        .deliver(GREEK, &Report::quiet("two").by("other.example").mail());
    let first = format!(
        "{}{}",
        world.mailbox("poll_interval = \"1h\""),
        sending(&Mta::new())
    );
    let tlsrptd = world.tlsrptd(&first);
    let run = tlsrptd.spawn(&["run"]);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));
    let other = format!("name = \"other\"\nuser = {GREEK:?}\npassword = {GREEK_PASSWORD:?}");

    tlsrptd.configure(&format!("{}{first}", world.mailbox(&other)));
    run.signal(Signal::HUP);

    until("the other mailbox", LONG, || {
        (tlsrptd.reports() == 2).then_some(())
    });
    run.terminate(END).exits(0).says(&["configuration read again"]);
}

#[test]
fn sighup_with_a_bad_configuration_leaves_the_old_one_in_force_and_says_why() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let good = format!(
        "{}{}",
        world.mailbox("poll_interval = \"1s\""),
        sending(&Mta::new())
    );
    let tlsrptd = world.tlsrptd(&good);
    let run = tlsrptd.spawn(&["run"]);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));

    tlsrptd.configure(&good.replace("poll_interval = \"1s\"", "poll_interval = \"soon\""));
    run.signal(Signal::HUP);

    until("the refusal", LONG, || {
        run.log()
            .contains("the old configuration stays in force")
            .then_some(())
    });
    world
        .dovecot
        .deliver(RUA, &Report::quiet("two").by("other.example").mail());
    let database = rusqlite::Connection::open(tlsrptd.database()).unwrap();
    until("the next poll", LONG, || {
        let n: i64 = database
            .query_row("SELECT count(*) FROM reports", (), |row| row.get(0))
            .unwrap();
        (n == 2).then_some(())
    });
    drop(database);
    run.terminate(END).exits(0).says(&["poll_interval", "soon"]);
}

#[test]
fn sighup_with_another_database_leaves_the_old_configuration_in_force() {
    let world = World::new();
    let good = format!(
        "{}{}",
        world.mailbox("poll_interval = \"1s\""),
        sending(&Mta::new())
    );
    let tlsrptd = world.tlsrptd(&good);
    let run = tlsrptd.spawn(&["run"]);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));
    let text = std::fs::read_to_string(tlsrptd.config()).unwrap();

    std::fs::write(tlsrptd.config(), text.replace("tlsrptd.db", "another.db")).unwrap();
    run.signal(Signal::HUP);

    until("the refusal", LONG, || {
        run.log().contains("store.path").then_some(())
    });
    run.terminate(END).exits(0).says(&["restart tlsrptd"]);
}

#[test]
fn sighup_while_a_digest_is_sent_does_not_send_it_twice() {
    let world = World::new();
    world.dovecot.deliver(
        RUA,
        &Report::quiet("one").failing("certificate-expired", 3).mail(),
    );
    let mta = Mta::new();
    mta.set(&[(".", Answer::SaysLate("250 well\r\n", Duration::from_secs(6)))]);
    let tlsrptd = world.tlsrptd(&format!("{}{}", world.mailbox(""), sending(&mta)));
    let run = tlsrptd.spawn(&["run"]);
    until("the mail", LONG, || mta.has_heard(".").then_some(()));

    run.signal(Signal::HUP);

    until("the new configuration", LONG, || {
        run.log().contains("configuration read again").then_some(())
    });
    assert_eq!(tlsrptd.count("SELECT count(sent_at) AS n FROM digests"), 1);
    run.terminate(END).exits(0);
    assert_eq!(mta.received().len(), 1);
}
