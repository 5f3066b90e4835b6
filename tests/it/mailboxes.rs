//! Which mails are read, in which folders and mailboxes, and that none is missed or read twice.

use super::support::*;

/// "Berichte/Größe" in modified UTF-7 (RFC 3501, Section 5.1.3).
const FOLDER_ON_THE_WIRE: &str = "Berichte/Gr&APYA3w-e";

#[test]
fn a_folder_whose_name_is_not_ascii_is_read() {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    session.command(&format!("CREATE \"{FOLDER_ON_THE_WIRE}\""));
    session.append(FOLDER_ON_THE_WIRE, &Report::quiet("one").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("folder = \"Berichte/Größe\""));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(
        tlsrptd.value("SELECT folder FROM mails WHERE outcome = 'stored'"),
        "Berichte/Größe"
    );
}

#[test]
fn a_missing_folder_is_an_error_that_lists_those_there_are() {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    session.command(&format!("CREATE \"{FOLDER_ON_THE_WIRE}\""));
    session.command("CREATE \"Reports\"");
    let tlsrptd = world.tlsrptd(&world.mailbox("folder = \"Reprots\""));

    tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&["rua", "Reprots", "INBOX", "Reports", "Berichte/Größe"]);

    assert_eq!(
        session.folders(),
        ["Berichte", FOLDER_ON_THE_WIRE, "INBOX", "Reports"]
    );
}

#[test]
fn several_folders_are_read() {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    session.command("CREATE \"Junk\"");
    session.append("INBOX", &Report::quiet("in the inbox").mail());
    session.append("Junk", &Report::quiet("taken for junk").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("folders = [\"INBOX\", \"Junk\"]"));

    tlsrptd.run(&["poll"]).exits(0);

    let folders = tlsrptd.sql("SELECT folder FROM mails ORDER BY folder");
    assert_eq!(
        folders,
        [
            serde_json::json!({"folder": "INBOX"}),
            serde_json::json!({"folder": "Junk"})
        ]
    );
    assert_eq!(tlsrptd.reports(), 2);
}

#[test]
fn a_missing_folder_does_not_keep_the_others_from_being_read() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("folders = [\"Gone\", \"INBOX\"]"));

    tlsrptd.run(&["poll"]).exits(3).says(&["Gone"]);

    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn a_folder_is_found_below_the_personal_namespace() {
    let world = World::with(Layout {
        prefix: "INBOX.",
        ..Layout::default()
    });
    let mut session = world.dovecot.login(RUA);
    session.command("CREATE \"INBOX.Reports\"");
    session.append("INBOX.Reports", &Report::quiet("one").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("folder = \"Reports\""));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn a_second_poll_reads_only_what_is_new() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    tlsrptd.run(&["poll"]).exits(0);
    world.dovecot.deliver(RUA, &Report::quiet("two").mail());

    tlsrptd.run(&["poll"]).exits(0);
    tlsrptd.run(&["poll"]).exits(0);

    let rows = tlsrptd.sql("SELECT uid, outcome, backfill FROM mails ORDER BY uid");
    let row = |uid, backfill| serde_json::json!({"uid": uid, "outcome": "stored", "backfill": backfill});
    assert_eq!(rows, [row(1, 1), row(2, 0)]);
}

#[test]
fn a_folder_made_anew_is_read_again_without_doubling() {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    let tlsrptd = world.tlsrptd(&world.mailbox("folder = \"Reports\""));
    let mut fill = |ids: &[&str]| {
        session.command("CREATE \"Reports\"");
        for id in ids {
            session.append("Reports", &Report::quiet(*id).mail());
        }
        session.command("STATUS \"Reports\" (UIDVALIDITY)")
    };
    let before = fill(&["one", "two", "three"]);
    tlsrptd.run(&["poll"]).exits(0);
    world.dovecot.login(RUA).command("DELETE \"Reports\"");
    let after = fill(&["three", "two", "one", "four"]);
    assert_ne!(
        before, after,
        "UIDVALIDITY is the same, so this test would show nothing"
    );

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 4);
    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (4, 3));
    assert_eq!(
        tlsrptd.count("SELECT count(DISTINCT uid_validity) AS n FROM mails"),
        2
    );
}

#[test]
fn flags_mean_nothing() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("seen").mail());
    world.dovecot.deliver(RUA, &Report::quiet("deleted").mail());
    let mut session = world.dovecot.login(RUA);
    session.command("SELECT INBOX");
    session.command("UID STORE 1 +FLAGS (\\Seen \\Answered)");
    session.command("UID STORE 2 +FLAGS (\\Deleted)");
    let tlsrptd = world.tlsrptd(&world.mailbox(""));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 2);
}

#[test]
fn a_mail_over_the_limit_is_rejected_without_being_downloaded() {
    let world = World::new();
    let huge = letter(
        &"x".repeat(70)
            .repeat(100)
            .repeat(1000)
            .replace("xxxxxxxxxx", "xxxxxxxx\r\n"),
    );
    world.dovecot.deliver(RUA, &huge);
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let proxy = Proxy::to(world.dovecot.imaps);
    proxy.set(Fault::CutAfter(1024 * 1024));
    let limits = "[limits]\nmail_bytes = 1048576\n";
    let tlsrptd = world.tlsrptd(&(world.mailbox_at(proxy.port, "") + limits));

    tlsrptd.run(&["poll"]).exits(3);

    assert_eq!((tlsrptd.mails("rejected"), tlsrptd.mails("stored")), (1, 1));
    let reason = tlsrptd.value("SELECT reason FROM mails WHERE outcome = 'rejected'");
    assert!(
        reason
            .as_str()
            .is_some_and(|reason| reason.contains("mail_bytes")),
        "{reason}"
    );
}

#[test]
fn the_second_mailbox_is_served_while_the_first_is_down() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let [nobody] = own_ports();
    let down = world.mailbox_at(nobody, "name = \"down\"");
    let tlsrptd = world.tlsrptd(&(down + &world.mailbox("")));

    tlsrptd
        .run(&["poll"])
        .exits(3)
        .says(&["down", &nobody.to_string()]);

    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn polling_goes_on_after_the_server_was_down() {
    let mut world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    tlsrptd.run(&["poll"]).exits(0);
    world.dovecot.stop();
    tlsrptd.run(&["poll"]).exits(1);
    world.dovecot.start_again();
    world.dovecot.deliver(RUA, &Report::quiet("two").mail());

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!((tlsrptd.reports(), tlsrptd.mails("stored")), (2, 2));
}

#[test]
fn a_server_process_killed_in_mid_fetch_loses_and_doubles_nothing() {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(1500));
    let proxy = Proxy::to(world.dovecot.imaps);
    let tlsrptd = world.tlsrptd(&world.mailbox_at(proxy.port, ""));
    proxy.set(Fault::StallAfter(1_500_000));
    let poll = tlsrptd.spawn(&["poll"]);
    proxy.wait_for_stall();

    let sessions = world.dovecot.sessions();
    assert_eq!(sessions.len(), 1);
    process::signal(sessions[0], Signal::KILL);
    proxy.set(Fault::None);

    poll.wait(LONG).exits(3).says(&["rua", "localhost"]);
    assert!(
        tlsrptd.reports() < 1500,
        "everything had been read before the kill, so this test shows nothing"
    );
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(
        tlsrptd.count("SELECT count(DISTINCT report_id) AS n FROM reports"),
        1500
    );
    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (1500, 0));
}

#[test]
fn a_connection_cut_in_mid_fetch_loses_and_doubles_nothing() {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(500));
    let proxy = Proxy::to(world.dovecot.imaps);
    let tlsrptd = world.tlsrptd(&world.mailbox_at(proxy.port, ""));
    proxy.set(Fault::CutAfter(500_000));
    tlsrptd.run(&["poll"]).exits(1).says(&["rua", "localhost"]);
    proxy.set(Fault::None);

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (500, 0));
}

/// Two batches of 100 mails behind a proxy; how many bytes of a poll of theirs end within the second.
fn two_batches(world: &World, proxy: &Proxy) -> (String, usize) {
    world.dovecot.plant(RUA, reports::many(200));
    let configuration = world.mailbox_at(proxy.port, "") + "[limits]\nbatch_mails = 100\n";
    let whole = Tlsrptd::new(&world.path("whole"), &configuration);
    whole.run(&["poll"]).exits(0);
    (configuration, proxy.n_bytes() / 4 * 3)
}

#[test]
fn what_came_before_a_cut_is_recorded_at_once() {
    let world = World::new();
    let proxy = Proxy::to(world.dovecot.imaps);
    let (configuration, n_bytes) = two_batches(&world, &proxy);
    let tlsrptd = world.tlsrptd(&configuration);
    proxy.set(Fault::CutAfter(n_bytes));

    tlsrptd.run(&["poll"]).exits(3);

    assert_eq!(tlsrptd.mails("stored"), 100);
}

#[test]
fn what_came_before_a_standstill_is_recorded_meanwhile() {
    let world = World::new();
    let proxy = Proxy::to(world.dovecot.imaps);
    let (configuration, n_bytes) = two_batches(&world, &proxy);
    let tlsrptd = world.tlsrptd(&configuration);
    proxy.set(Fault::StallAfter(n_bytes));
    let poll = tlsrptd.spawn(&["poll"]);
    proxy.wait_for_stall();

    until("the first batch to be recorded", LONG, || {
        (tlsrptd.mails("stored") == 100).then_some(())
    });

    proxy.set(Fault::None);
    poll.wait(LONG).exits(0);
    assert_eq!(tlsrptd.mails("stored"), 200);
}

#[test]
fn a_server_that_falls_silent_ends_the_poll_within_its_limit() {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(300));
    let proxy = Proxy::to(world.dovecot.imaps);
    let limits = "[limits]\nsilence_timeout = \"1s\"\n";
    let tlsrptd = world.tlsrptd(&(world.mailbox_at(proxy.port, "") + limits));
    proxy.set(Fault::StallAfter(300_000));

    let ended = tlsrptd.run(&["poll"]).exits(1).says(&["rua", "localhost"]);

    assert!(ended.took.as_secs() < 50, "it took {:?}", ended.took);
}

#[test]
fn a_maildir_is_read_and_left_alone() {
    let world = World::new();
    world
        .dovecot
        .plant(RUA, [Report::quiet("one").mail(), Report::quiet("two").mail()]);
    let maildir = world.dovecot.maildir(RUA, "INBOX");
    let mailbox = format!(
        "[[mailbox]]\nname = \"local\"\nkind = \"maildir\"\npath = {}\n",
        quoted(&maildir)
    );
    let tlsrptd = world.tlsrptd(&mailbox);
    let before = files_below(&maildir);

    tlsrptd.run(&["poll"]).exits(0);
    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (2, 0));
    assert_eq!(files_below(&maildir), before);
}

#[test]
fn a_mail_of_a_maildir_that_moves_from_new_to_cur_is_not_read_again() {
    let world = World::new();
    world.dovecot.plant(RUA, [Report::quiet("one").mail()]);
    let maildir = world.dovecot.maildir(RUA, "INBOX");
    let mailbox = format!(
        "[[mailbox]]\nname = \"local\"\nkind = \"maildir\"\npath = {}\n",
        quoted(&maildir)
    );
    let tlsrptd = world.tlsrptd(&mailbox);
    tlsrptd.run(&["poll"]).exits(0);
    let name = files_below(&maildir.join("new")).remove(0);
    std::fs::rename(
        maildir.join("new").join(&name),
        maildir.join("cur").join(format!("{name}:2,S")),
    )
    .unwrap();

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.count("SELECT count(*) AS n FROM mails"), 1);
}

/// Names of all files below a folder, sorted.
fn files_below(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(&inner).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                names.push(entry.path().strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    names.sort();
    names
}
