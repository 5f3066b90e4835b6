//! A server without MOVE: mails are copied, marked and expunged. Cut or killed in between, nothing is lost; each time
//! the target folder has one more copy at most.

use super::*;

const MOVE: &str = "after = \"move:Done\"";
const STEPS: [&str; 3] = ["UID COPY", "UID STORE", "UID EXPUNGE"];

fn no_move() -> (&'static str, Act) {
    (
        "CAPABILITY",
        say("* CAPABILITY IMAP4rev1 UIDPLUS\r\n% OK done\r\n"),
    )
}

/// Demands that both mails are stored and still in INBOX, and copied so often; and that the next poll moves them,
/// with one more copy.
fn is_there_and_moved_by_the_next_poll(scene: &Scene, n_copies: usize) {
    assert_eq!(scene.mails("hostile", "stored"), 2);
    for n in [1, 2] {
        assert_eq!(scene.server.copies(n), (1, n_copies), "{}", scene.log());
    }
    scene.set(&vec![no_move()]);

    let run = scene.poll();

    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(scene.reports(), ["healthy", "hostile-1", "hostile-2"]);
    for n in [1, 2] {
        assert_eq!(scene.server.copies(n), (0, n_copies + 1), "{}", run.log);
    }
}

#[test]
fn connection_cut_between_copying_and_expunging_leaves_at_most_one_more_copy() {
    for (n_copies, at) in STEPS.into_iter().enumerate() {
        let scene = Scene::new(&vec![(at, Act::End(Vec::new())), no_move()], MOVE);

        let run = scene.poll();

        assert_eq!(run.code, Some(3), "{at}: {}", run.log);
        // Before COPY was obeyed there is none; then there is one, however far it came.
        is_there_and_moved_by_the_next_poll(&scene, n_copies.min(1));
    }
}

#[test]
fn program_killed_between_copying_and_expunging_leaves_at_most_one_more_copy() {
    for (n_copies, at) in STEPS.into_iter().enumerate() {
        let scene = Scene::new(&vec![(at, say("")), no_move()], MOVE);
        let mut poll = scene.spawn(scene.tlsrptd.command(&["poll"]));
        until("the command", LONG, || {
            let heard = scene.server.heard();
            heard.iter().any(|command| command.starts_with(at)).then_some(())
        });

        poll.kill().unwrap();
        poll.wait().unwrap();

        is_there_and_moved_by_the_next_poll(&scene, n_copies.min(1));
    }
}

#[test]
fn mails_that_were_expunged_before_the_connection_was_cut_are_not_copied_again() {
    let scene = Scene::new(&vec![("UID EXPUNGE", Act::ObeyAndEnd), no_move()], MOVE);
    assert_eq!(scene.poll().code, Some(3));
    scene.set(&vec![no_move()]);

    let run = scene.poll();

    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!((scene.server.copies(1), scene.server.copies(2)), ((0, 1), (0, 1)));
    assert_eq!(scene.reports().len(), 3);
}

#[test]
fn each_cut_between_copying_and_expunging_leaves_one_copy_and_no_mail_is_lost() {
    let scene = Scene::new(&vec![("UID STORE", Act::End(Vec::new())), no_move()], MOVE);
    for n_copies in 1..=3 {
        scene.poll();
        assert_eq!(scene.server.copies(1), (1, n_copies));
    }
    is_there_and_moved_by_the_next_poll(&scene, 3);
}
