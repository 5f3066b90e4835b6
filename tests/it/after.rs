//! What happens to mails on the server once they are stored.

use super::support::*;

/// A stored, a duplicate, a broken one and a letter: UIDs 1 to 4.
fn world_with_four_mails() -> World {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    session.append("INBOX", &Report::quiet("one").mail());
    session.append("INBOX", &Report::quiet("one").mail());
    session.append("INBOX", &Report::quiet("broken").broken_mail());
    session.append("INBOX", &letter("Please call me back."));
    world
}

#[test]
fn by_default_nothing_in_the_mailbox_changes() {
    let world = world_with_four_mails();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    let mut session = world.dovecot.login(RUA);
    let before = (session.folders(), session.flags("INBOX"));

    tlsrptd.run(&["poll"]).exits(3);
    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!((session.folders(), session.flags("INBOX")), before);
    assert_eq!(before.1.len(), 4);
}

#[test]
fn settled_mails_are_moved_and_the_target_is_made() {
    let world = world_with_four_mails();
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"move:Processed\""));

    tlsrptd.run(&["poll"]).exits(3);

    let mut session = world.dovecot.login(RUA);
    assert_eq!(session.uids("INBOX"), [3, 4]);
    assert_eq!(session.uids("Processed").len(), 2);
    let moved = session.mails("Processed");
    assert!(
        moved
            .iter()
            .all(|mail| String::from_utf8_lossy(mail).contains("<one@reporter.example>"))
    );
}

#[test]
fn settled_mails_are_moved_into_a_folder_whose_name_is_not_ascii() {
    let world = world_with_four_mails();
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"move:Größe\""));

    tlsrptd.run(&["poll"]).exits(3);

    assert_eq!(world.dovecot.login(RUA).uids("Gr&APYA3w-e").len(), 2);
}

#[test]
fn settled_mails_are_deleted_and_no_others() {
    let world = world_with_four_mails();
    let mut session = world.dovecot.login(RUA);
    session.command("SELECT INBOX");
    session.command("UID STORE 4 +FLAGS (\\Deleted)");
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"delete\""));

    tlsrptd.run(&["poll"]).exits(3);

    assert_eq!(
        session.flags("INBOX"),
        [(3, vec![]), (4, vec!["\\Deleted".to_owned()])]
    );
    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn a_mail_with_one_good_and_one_broken_report_stays() {
    let world = World::new();
    let (good, broken) = (Report::quiet("good").mail(), Report::quiet("bad").broken_mail());
    let mail = [
        b"From: <tls@reporter.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"d\"\r\n".as_slice(),
        b"\r\n--d\r\nContent-Type: message/rfc822\r\n\r\n",
        &good,
        b"\r\n--d\r\nContent-Type: message/rfc822\r\n\r\n",
        &broken,
        b"\r\n--d--\r\n",
    ]
    .concat();
    world.dovecot.deliver(RUA, &mail);
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"delete\""));

    tlsrptd.run(&["poll"]).exits(3);

    assert_eq!(tlsrptd.reports(), 1, "{:?}", tlsrptd.sql("SELECT * FROM mails"));
    assert_eq!(world.dovecot.login(RUA).uids("INBOX"), [1]);
    assert_eq!(tlsrptd.mails("stored"), 1);
}

#[test]
fn only_mails_older_than_after_days_are_deleted() {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    let old = days_ago(20).strftime("\"%d-%b-%Y 12:00:00 +0000\"").to_string();
    session.append_received("INBOX", &old, &Report::quiet("old").mail());
    session.append("INBOX", &Report::quiet("new").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"delete\"\nafter_days = 7"));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 2);
    assert_eq!(session.uids("INBOX"), [2]);
}

#[test]
fn a_mail_is_deleted_by_a_later_poll_when_it_has_become_old_enough() {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    let old = days_ago(20).strftime("\"%d-%b-%Y 12:00:00 +0000\"").to_string();
    session.append_received("INBOX", &old, &Report::quiet("old").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"delete\"\nafter_days = 30"));
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(session.uids("INBOX"), [1]);

    tlsrptd.configure(&world.mailbox("after = \"delete\"\nafter_days = 10"));
    tlsrptd.run(&["poll"]).exits(0);

    assert!(session.uids("INBOX").is_empty());
}

#[test]
fn a_dry_run_deletes_nothing() {
    let world = world_with_four_mails();
    let tlsrptd = world.tlsrptd(&world.mailbox("after = \"delete\""));

    tlsrptd.run(&["poll", "--dry-run"]).exits(3);

    assert_eq!(world.dovecot.login(RUA).uids("INBOX"), [1, 2, 3, 4]);
}
