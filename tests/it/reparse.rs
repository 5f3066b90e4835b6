//! Rejected mails of which no bytes were kept are had from the server again.

use super::support::*;

/// A mailbox with one mail that is larger than the limit it was polled with, which is then raised.
fn polled_with_a_small_limit(world: &World) -> Tlsrptd {
    let mut mail = Report::quiet("one").mail();
    mail.extend(b"\r\n".repeat(1000));
    world.dovecot.login(RUA).append("INBOX", &mail);
    let mailbox = world.mailbox("");
    let tlsrptd = world.tlsrptd(&format!("{mailbox}[limits]\nmail_bytes = 1024\n"));
    tlsrptd.run(&["poll"]).exits(3);
    assert_eq!(tlsrptd.mails("rejected"), 1);
    tlsrptd.configure(&mailbox);
    tlsrptd
}

#[test]
fn a_rejected_mail_is_fetched_again_by_its_uid_and_stored() {
    let world = World::new();
    let tlsrptd = polled_with_a_small_limit(&world);

    tlsrptd.run(&["reparse"]).exits(0).says(&[
        "was rejected and is now stored",
        "1 rejected mails: 1 are read now",
    ]);

    assert_eq!((tlsrptd.mails("stored"), tlsrptd.reports()), (1, 1));
    assert_eq!(world.dovecot.login(RUA).flags("INBOX")[0].1, [""; 0]);
}

#[test]
fn a_rejected_mail_that_is_gone_from_the_server_stays_rejected() {
    let world = World::new();
    let tlsrptd = polled_with_a_small_limit(&world);
    let mut session = world.dovecot.login(RUA);
    session.command("SELECT INBOX");
    session.command("STORE 1 +FLAGS (\\Deleted)");
    session.command("EXPUNGE");

    tlsrptd
        .run(&["reparse"])
        .exits(3)
        .says(&["can't be read again: it is gone from the folder"]);

    assert_eq!(tlsrptd.mails("rejected"), 1);
}

#[test]
fn a_server_that_is_down_leaves_the_mail_as_it_was_and_is_named() {
    let mut world = World::new();
    let tlsrptd = polled_with_a_small_limit(&world);
    world.dovecot.stop();

    tlsrptd
        .run(&["reparse"])
        .exits(3)
        .says(&["can't be read again", "connect", "0 are read now"]);
}
