//! How far folders were read, and what may leave them.

use super::super::{CursorMove, Folder, FolderKey, IncomingMail};
use super::{NOW, Place, at, failing, mail};
use crate::config::Span;

const INBOX: FolderKey<'_> = FolderKey {
    server: "imap.example.org:993",
    user: "reports",
    name: "INBOX",
};

impl Place {
    fn inbox(&mut self, uid_validity: u32, uid_next: u32) -> Folder {
        self.store
            .folder(INBOX, uid_validity, uid_next, Span::Days(30), at(NOW))
            .unwrap()
    }

    /// Records a mail of the folder and moves the cursor onto it.
    fn read(&mut self, folder: &Folder, uid: u32) {
        let cursor = CursorMove {
            folder: folder.id,
            last_uid: uid,
        };
        let mail = mail_at(folder, uid);
        self.store
            .record(&[mail], Some(cursor), Span::Forever, at(NOW))
            .unwrap();
    }

    fn pending(&self, folder: &Folder) -> Vec<u32> {
        let pending = self.store.pending(folder.id, at(NOW), 100).unwrap();
        pending.into_iter().map(|mail| mail.uid).collect()
    }
}

fn mail_at(folder: &Folder, uid: u32) -> IncomingMail {
    let mut mail = mail(&[failing(&uid.to_string(), "2026-11-20", "certificate-expired")]);
    mail.origin.folder = Some(folder.id);
    mail.origin.uid_validity = Some(7);
    mail.origin.uid = Some(uid);
    mail
}

#[test]
fn the_cursor_moves_with_the_batch_and_never_back() {
    let mut place = Place::new();
    let folder = place.inbox(7, 10);
    assert_eq!(folder.last_uid, 0);
    place.read(&folder, 5);
    assert_eq!(place.inbox(7, 10).last_uid, 5);
    place.read(&folder, 3);
    assert_eq!(place.inbox(7, 10).last_uid, 5);
}

#[test]
fn mails_that_were_there_when_a_folder_was_first_seen_are_backfill() {
    let mut place = Place::new();
    let first = place.inbox(7, 10);
    assert_eq!((first.backfill_below, first.old_below), (10, 10));
    assert_eq!(first.not_before, Some(at("2026-10-23T06:00:00Z")));
    let later = place.inbox(7, 20);
    assert_eq!((later.backfill_below, later.old_below), (10, 10));
}

#[test]
fn backfill_ends_at_the_uidnext_of_a_server_that_had_given_one_too_high() {
    let mut place = Place::new();
    place.inbox(7, u32::MAX);
    let later = place.inbox(7, 20);
    assert!(!later.rescan);
    assert_eq!((later.backfill_below, later.old_below), (20, 20));
}

#[test]
fn a_new_uidvalidity_starts_over_without_backfill() {
    let mut place = Place::new();
    let folder = place.inbox(7, 10);
    place.read(&folder, 9);
    let again = place.inbox(8, 10);
    assert!(again.rescan);
    assert_eq!(
        (again.last_uid, again.backfill_below, again.old_below),
        (0, 0, 10)
    );
    assert!(!place.inbox(8, 10).rescan);
}

#[test]
fn a_uidnext_at_or_below_the_cursor_starts_over() {
    for (uid_next, rescan) in [(11, false), (10, false), (9, true), (5, true)] {
        let mut place = Place::new();
        let folder = place.inbox(7, 10);
        place.read(&folder, 9);
        assert_eq!(place.inbox(7, uid_next).rescan, rescan, "UIDNEXT {uid_next}");
    }
}

#[test]
fn two_servers_on_one_host_have_two_cursors() {
    let mut place = Place::new();
    let folder = place.inbox(7, 10);
    place.read(&folder, 9);
    let other_port = FolderKey {
        server: "imap.example.org:1993",
        ..INBOX
    };
    let other = place
        .store
        .folder(other_port, 7, 10, Span::Forever, at(NOW))
        .unwrap();
    assert_eq!(other.last_uid, 0);
    assert_ne!(other.id, folder.id);
}

#[test]
fn settled_mails_are_pending_until_they_have_left() {
    let mut place = Place::new();
    let folder = place.inbox(7, 10);
    for uid in [3, 4, 5] {
        place.read(&folder, uid);
    }
    assert_eq!(place.pending(&folder), [3, 4, 5]);
    let gone: Vec<i64> = place
        .store
        .pending(folder.id, at(NOW), 2)
        .unwrap()
        .into_iter()
        .map(|mail| mail.mail)
        .collect();
    place.store.mark_left(&gone, at(NOW)).unwrap();
    assert_eq!(place.pending(&folder), [5]);
}

#[test]
fn only_mails_received_before_the_moment_are_pending() {
    let mut place = Place::new();
    let folder = place.inbox(7, 10);
    place.read(&folder, 3);
    let pending_at = |moment: &str| place.store.pending(folder.id, at(moment), 9).unwrap().len();
    // Received 2026-11-21T03:00:00Z.
    assert_eq!(pending_at("2026-11-21T02:59:59Z"), 0);
    assert_eq!(pending_at("2026-11-21T03:00:00Z"), 1);
}

#[test]
fn after_a_rescan_nothing_leaves_by_an_old_uid() {
    let mut place = Place::new();
    let folder = place.inbox(7, 10);
    place.read(&folder, 3);
    place.inbox(8, 10);
    assert_eq!(place.pending(&folder), Vec::<u32>::new());
}

#[test]
fn a_mail_whose_report_lost_a_conflict_is_pending_no_more() {
    let mut place = Place::new();
    let folder = place.inbox(7, 10);
    place.read(&folder, 3);
    let mut winner = failing("3", "2026-11-20", "certificate-expired");
    winner["policies"][0]["summary"]["total-successful-session-count"] = 99.into();
    place.record(&[mail(&[winner])]);
    assert_eq!(place.row("SELECT outcome FROM mails WHERE uid = 3"), "conflict");
    assert_eq!(place.pending(&folder), Vec::<u32>::new());
}

#[test]
fn a_maildir_is_known_by_base_names_and_forgets_those_that_are_gone() {
    let mut place = Place::new();
    let path = "/var/mail/reports";
    let (folder, known) = place.store.maildir(path, Span::Forever, at(NOW)).unwrap();
    assert!(known.is_empty() && folder.backfill_below > 0);
    let mut read = mail(&[failing("1", "2026-11-20", "certificate-expired")]);
    read.origin.folder = Some(folder.id);
    read.origin.base_name = Some("a".to_owned());
    place.record(&[read]);
    place
        .store
        .maildir_polled(folder.id, &["b".to_owned()], std::iter::empty(), true)
        .unwrap();
    let (folder, known) = place.store.maildir(path, Span::Forever, at(NOW)).unwrap();
    assert_eq!(folder.backfill_below, 0);
    assert_eq!(known.iter().collect::<Vec<_>>(), ["a", "b"]);
    place
        .store
        .maildir_polled(folder.id, &[], std::iter::once(&"a".to_owned()), true)
        .unwrap();
    let (_, known) = place.store.maildir(path, Span::Forever, at(NOW)).unwrap();
    assert_eq!(known.iter().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn all_that_a_maildir_held_at_first_is_backfill_however_many_polls_it_takes() {
    let mut place = Place::new();
    let path = "/var/mail/reports";
    let (folder, _) = place.store.maildir(path, Span::Forever, at(NOW)).unwrap();
    place
        .store
        .maildir_polled(folder.id, &["old".to_owned()], std::iter::empty(), false)
        .unwrap();
    let (again, known) = place.store.maildir(path, Span::Forever, at(NOW)).unwrap();
    assert_eq!(again, folder);
    assert!(known.contains("old"));
}
