//! The servers themselves, so that a fault of the tests isn't taken for one of the program.

use super::support::*;

#[test]
fn a_mail_given_to_postfix_arrives_in_dovecot() {
    let world = World::with_postfix();
    let mail = Report::quiet("one").mail();

    world.postfix().deliver(RUA, &mail);

    let mut inbox = world.dovecot.login(RUA);
    let uids = until("the mail to arrive", LONG, || {
        let uids = inbox.uids("INBOX");
        (!uids.is_empty()).then_some(uids)
    });
    let arrived = inbox.fetch("INBOX", uids[0]);
    assert!(arrived.ends_with(&mail), "{}", String::from_utf8_lossy(&arrived));
}

#[test]
fn a_password_that_is_not_ascii_opens_the_mailbox() {
    let world = World::new();
    assert!(world.dovecot.login(GREEK).uids("INBOX").is_empty());
}

#[test]
fn dovecot_keeps_its_mails_over_a_restart() {
    let mut world = World::new();
    world.dovecot.plant(RUA, reports::many(20));
    let before = world.dovecot.login(RUA).uids("INBOX");

    world.dovecot.stop();
    world.dovecot.start_again();

    assert_eq!(world.dovecot.login(RUA).uids("INBOX"), before);
    assert_eq!(before.len(), 20);
}
