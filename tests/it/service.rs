//! What a service manager hears from the daemon, and when its watchdog is fed.

use std::time::Duration;

use super::support::mta::Mta;
use super::support::*;

/// The watchdog of these tests; it is fed four times as often.
const WATCHDOG: Duration = Duration::from_millis(800);

/// A `[digest]` and `[smtp]` that lead nowhere.
fn sending() -> String {
    format!(
        "[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n[smtp]\n{}",
        Mta::new().keys()
    )
}

/// Waits until the watchdog was fed ten times more.
#[track_caller]
fn is_fed(manager: &Manager) {
    let before = manager.feedings();
    until("ten feedings", LONG, || {
        (manager.feedings() >= before + 10).then_some(())
    });
}

#[test]
fn the_manager_hears_ready_then_the_last_poll_and_the_next() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let manager = Manager::new(&world.path(""));
    let tlsrptd = world.tlsrptd(&(world.mailbox("poll_interval = \"1h\"") + &sending()));

    let run = Running::start(manager.of(&mut tlsrptd.command(&["run"])));

    manager.hears(&["STATUS=", "last poll", "1 new report", "next"]);
    run.terminate(END).exits(0);
    // What it said at the end may still be on its way to us.
    manager.hears(&["STATUS=stopping"]);
    let lines = manager.lines();
    assert_eq!(lines[..2], ["READY=1", "STATUS=first poll of rua"], "{lines:#?}");
    assert_eq!(
        lines[lines.len() - 2..],
        ["STOPPING=1", "STATUS=stopping"],
        "{lines:#?}"
    );
    // Nobody has asked for it.
    assert_eq!(manager.feedings(), 0);
}

#[test]
fn the_manager_hears_when_the_configuration_is_read_again_and_when_it_is_refused() {
    let world = World::new();
    let manager = Manager::new(&world.path(""));
    let good = world.mailbox("poll_interval = \"1h\"") + &sending();
    let tlsrptd = world.tlsrptd(&good);
    let run = Running::start(manager.of(&mut tlsrptd.command(&["run"])));
    manager.hears(&["last poll"]);

    tlsrptd.configure(&good.replace("1h", "soon"));
    run.signal(Signal::HUP);

    manager.hears(&["STATUS=", "the changed configuration was refused"]);
    run.terminate(END).exits(0);
    // What it said at the end may still be on its way to us.
    manager.hears(&["STATUS=stopping"]);
    let lines = manager.lines();
    let at = lines.iter().position(|line| line == "RELOADING=1").unwrap();
    assert!(lines[at + 1].starts_with("MONOTONIC_USEC="), "{lines:#?}");
    assert_eq!(lines[at + 2], "READY=1", "{lines:#?}");
}

#[test]
fn the_watchdog_is_fed_while_the_server_is_down() {
    let world = World::new();
    let manager = Manager::new(&world.path(""));
    let [nobody] = own_ports();
    let mailbox = world.mailbox_at(nobody, "poll_interval = \"1s\"");
    let tlsrptd = world.tlsrptd(&(mailbox + &sending()));

    let run = Running::start(manager.with_watchdog(&mut tlsrptd.command(&["run"]), WATCHDOG));

    manager.hears(&["STATUS=", "failing: rua"]);
    is_fed(&manager);
    run.terminate(END).exits(0);
}

#[test]
fn the_watchdog_is_fed_while_a_poll_waits_for_a_silent_server() {
    let world = World::new();
    let manager = Manager::new(&world.path(""));
    let proxy = Proxy::to(world.dovecot.imaps);
    proxy.set(Fault::StallAfter(0));
    let tlsrptd = world.tlsrptd(&(world.mailbox_at(proxy.port, "") + &sending()));

    let run = Running::start(manager.with_watchdog(&mut tlsrptd.command(&["run"]), WATCHDOG));

    proxy.wait_for_stall();
    is_fed(&manager);
    run.terminate(END).exits(0);
}

#[test]
fn the_watchdog_is_fed_while_the_database_is_gone() {
    let world = World::new();
    let manager = Manager::new(&world.path(""));
    let tlsrptd = world.tlsrptd(&(world.mailbox("poll_interval = \"1s\"") + &sending()));
    let run = Running::start(manager.with_watchdog(&mut tlsrptd.command(&["run"]), WATCHDOG));
    manager.hears(&["last poll"]);

    std::fs::remove_file(tlsrptd.database()).unwrap();

    manager.hears(&["STATUS=waiting for the database"]);
    is_fed(&manager);
    run.terminate(END).exits(0);
}

#[test]
fn the_watchdog_is_not_fed_once_a_poll_has_outlived_its_deadline() {
    let world = World::new();
    let manager = Manager::new(&world.path(""));
    // Nobody writes into it, so reading it never ends, and takes the loop with it.
    let pipe = world.path("pipe");
    let mode = std::process::Command::new("/usr/bin/mkfifo").arg(&pipe).status();
    assert!(mode.unwrap().success());
    let mailbox = world.mailbox(&format!("password_file = {}", quoted(&pipe)));
    let limits = "[limits]\npoll_deadline = \"10s\"\n";
    let tlsrptd = world.tlsrptd(&(mailbox + &sending() + limits));

    let _run = Running::start(manager.with_watchdog(&mut tlsrptd.command(&["run"]), WATCHDOG));

    // Not before: a slow poll is none that hangs. That it is fed far more often by then is no matter on a busy machine.
    until("ten feedings", LONG, || (manager.feedings() >= 10).then_some(()));
    manager.hears_nothing_for(WATCHDOG * 2);
}
