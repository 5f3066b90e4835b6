//! What happens to mails on the server once they are stored.

use super::support::*;

/// When a mail came that is old by any clock, but not 9999 days old.
const OLD: &str = "\"01-Jan-2020 12:00:00 +0000\"";

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
    session.append_received("INBOX", OLD, &Report::quiet("old").mail());
    session.append("INBOX", &Report::quiet("new").mail());
    let tlsrptd = world.tlsrptd(&world.mailbox("since = \"forever\"\nafter = \"delete\"\nafter_days = 7"));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 2);
    assert_eq!(session.uids("INBOX"), [2]);
}

#[test]
fn a_mail_is_deleted_by_a_later_poll_when_it_has_become_old_enough() {
    let world = World::new();
    let mut session = world.dovecot.login(RUA);
    session.append_received("INBOX", OLD, &Report::quiet("old").mail());
    let deleted_after = |days: u32| {
        let mailbox = world.mailbox(&format!(
            "since = \"forever\"\nafter = \"delete\"\nafter_days = {days}"
        ));
        // Belongs to [store], which comes before.
        format!("retention = \"forever\"\n{mailbox}")
    };
    let tlsrptd = world.tlsrptd(&deleted_after(9999));
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(session.uids("INBOX"), [1]);

    tlsrptd.configure(&deleted_after(7));
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

/// A Courier behind a proxy, which has no MOVE: mails are copied, marked and expunged.
struct Copying {
    site: Site,
    proxy: Proxy,
    tlsrptd: Tlsrptd,
}

impl Copying {
    fn new() -> Self {
        let site = Site::new(Brand::Courier);
        site.deliver(&Report::quiet("one").mail());
        site.deliver(&Report::quiet("two").mail());
        let proxy = Proxy::to(site.plain());
        let keys = format!("port = {}\ntls = \"none\"\nafter = \"move:Done\"", proxy.port);
        let tlsrptd = site.tlsrptd(&keys);
        Self { site, proxy, tlsrptd }
    }

    /// Mails in INBOX and in the folder that they are moved to.
    fn n_mails(&self) -> (usize, usize) {
        let mut session = self.site.login();
        let n_inbox = session.uids("INBOX").len();
        (n_inbox, session.uids(&self.site.wire("Done")).len())
    }

    /// Demands that the next poll moves both mails, whatever copies there are, and that nothing is stored twice.
    fn next_poll_moves_both(&self, n_copies: usize) {
        self.proxy.set(Fault::None);
        self.tlsrptd.run(&["poll"]).exits(0);
        assert_eq!(self.n_mails(), (0, n_copies + 2));
        assert_eq!((self.tlsrptd.reports(), self.tlsrptd.mails("duplicate")), (2, 0));
    }
}

#[test]
fn courier_cut_off_between_copying_and_expunging_has_both_mails_and_one_more_copy_of_each() {
    let courier = Copying::new();
    for (words, n_copies) in [("UID COPY", 0), ("UID STORE", 2), ("UID EXPUNGE", 4)] {
        courier.proxy.set(Fault::CutBefore(words));
        let ended = courier.tlsrptd.run(&["poll"]);
        assert_ne!(ended.code, Some(0), "{ended:?}");
        assert_eq!(courier.proxy.n_struck(), 1, "{words}: {ended:?}");
        assert_eq!(courier.n_mails(), (2, n_copies), "{words}: {ended:?}");
    }
    courier.next_poll_moves_both(4);
}

#[test]
fn killed_between_copying_and_expunging_both_mails_are_on_courier_and_one_more_copy_of_each() {
    let courier = Copying::new();
    for (words, n_copies) in [("UID STORE", 2), ("UID EXPUNGE", 4)] {
        courier.proxy.set(Fault::StallBefore(words));
        let poll = courier.tlsrptd.spawn(&["poll"]);
        courier.proxy.wait_for_stall();
        poll.kill();
        assert_eq!(courier.n_mails(), (2, n_copies), "{words}");
    }
    courier.next_poll_moves_both(4);
}
