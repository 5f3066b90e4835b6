//! UIDs, UIDVALIDITY and UIDNEXT that are not what they should be.

use super::*;

#[test]
fn uids() {
    let (list, body) = ("RFC822.SIZE", "BODY.PEEK");
    check(&[
        row(
            "uids doubled, zero and never asked for",
            list,
            say(format!(
                "{0}{1}{0}{2}{3}% OK done\r\n",
                listed(1, 900),
                listed(2, 900),
                listed(0, 900),
                listed(99, 900)
            )),
            End::Reads,
        ),
        row(
            "bodies never asked for",
            body,
            say([
                given(99, b"x"),
                given(1, &mail(1)),
                given(0, b"x"),
                given(2, &mail(2)),
                given(1, b"x"),
                b"% OK done\r\n".to_vec(),
            ]
            .concat()),
            End::Reads,
        ),
        row(
            "list without uids",
            list,
            say("* 1 FETCH (RFC822.SIZE 900)\r\n% OK done\r\n"),
            End::Fails("list of mails", &["UID"]),
        ),
    ]);
}

#[test]
fn numbers_of_folders() {
    let folder = |codes: &str| say(format!("* 2 EXISTS\r\n{codes}% OK done\r\n"));
    check(&[
        row(
            "UIDVALIDITY 0",
            "EXAMINE",
            folder("* OK [UIDVALIDITY 0] x\r\n* OK [UIDNEXT 3] x\r\n"),
            End::Fails("folder", &["UIDVALIDITY"]),
        ),
        row(
            "no UIDVALIDITY",
            "EXAMINE",
            folder("* OK [UIDNEXT 3] x\r\n"),
            End::Fails("folder", &["UIDVALIDITY"]),
        ),
        Row {
            acts: vec![
                ("STATUS", say("* STATUS INBOX (MESSAGES 2)\r\n% OK done\r\n")),
                ("EXAMINE", folder("* OK [UIDVALIDITY 7] x\r\n")),
            ],
            ..row("no UIDNEXT", "", say(""), End::Fails("folder", &["UIDNEXT"]))
        },
    ]);
}

/// A folder that is opened with this UIDNEXT.
fn with_uid_next(uid_next: u32) -> Acts {
    let text =
        format!("* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT {uid_next}] x\r\n% OK done\r\n");
    vec![("EXAMINE", say(text.clone())), ("SELECT", say(text))]
}

/// Polls a server that lies about UIDNEXT, and again once it doesn't and another mail has come.
fn uid_next_that_is_untrue_for_a_while(uid_next: u32, n_before: i64) {
    for keys in ["", "after = \"move:Done\""] {
        let scene = Scene::new(&with_uid_next(uid_next), keys);
        let run = scene.poll();
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert_eq!(scene.mails("hostile", "stored"), n_before);

        scene.set(&Vec::new());
        scene.server.deliver(mail(3));
        let run = scene.poll();

        assert_eq!(run.code, Some(0), "{}", run.log);
        let all = ["healthy", "hostile-1", "hostile-2", "hostile-3"];
        assert_eq!(scene.reports(), all, "UIDNEXT {uid_next} {keys}: {}", run.log);
        let is_left = keys.is_empty();
        assert_eq!(scene.server.inbox().is_empty(), !is_left, "{}", run.log);
        for n in 1..=3 {
            let place = (usize::from(is_left), usize::from(!is_left));
            assert_eq!(scene.server.copies(n), place, "mail {n}: {}", run.log);
        }
    }
}

#[test]
fn uidnext_that_was_far_too_high_has_lost_nothing_by_the_next_poll() {
    uid_next_that_is_untrue_for_a_while(u32::MAX, 2);
}

#[test]
fn uidnext_that_was_a_little_too_high_has_lost_nothing_by_the_next_poll() {
    // The mail that comes then has a UID below it.
    uid_next_that_is_untrue_for_a_while(4, 2);
}

#[test]
fn uidnext_that_was_too_low_has_lost_nothing_by_the_next_poll() {
    uid_next_that_is_untrue_for_a_while(1, 0);
    uid_next_that_is_untrue_for_a_while(2, 1);
}

#[test]
fn uidnext_that_falls_below_what_was_read_doubles_nothing() {
    let scene = Scene::new(&Vec::new(), "");
    assert_eq!(scene.poll().code, Some(0));
    for uid_next in [1, 2, 3] {
        scene.set(&with_uid_next(uid_next));
        let run = scene.poll();
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert_eq!(scene.reports(), ["healthy", "hostile-1", "hostile-2"]);
    }
}

/// Polls a server that gives no mail, and demands that both are read again by `reparse` once it does.
fn mails_that_are_not_given(answer: &str) {
    let scene = Scene::new(&vec![("BODY.PEEK", say(answer))], "after = \"delete\"");

    let run = scene.poll();

    assert_eq!(run.code, Some(3), "{}", run.log);
    assert_eq!(scene.mails("hostile", "rejected"), 2, "{}", run.log);
    let reasons = scene
        .tlsrptd
        .count("SELECT count(*) AS n FROM mails WHERE reason LIKE '%does not deliver it%'");
    assert_eq!(reasons, 2);
    assert_eq!(
        (scene.server.changes(), scene.server.inbox()),
        (vec![], vec![1, 2])
    );

    scene.set(&Vec::new());
    scene.tlsrptd.run(&["reparse"]).exits(0);
    assert_eq!(scene.reports(), ["healthy", "hostile-1", "hostile-2"]);
}

#[test]
fn mails_that_are_listed_and_given_without_a_body_are_rejected_and_kept_on_the_server() {
    mails_that_are_not_given("* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2 BODY[]<0> NIL)\r\n% OK done\r\n");
}

#[test]
fn mails_that_are_given_without_their_uid_are_rejected_and_kept_on_the_server() {
    mails_that_are_not_given("* 1 FETCH (BODY[]<0> {3}\r\nabc)\r\n% OK done\r\n");
}

#[test]
fn mail_that_is_refused_does_not_hold_up_those_behind_it() {
    let scene = Scene::new(&Vec::new(), "");
    scene.server.set(vec![(
        "UID FETCH 1 (UID BODY",
        say("% NO [SERVERBUG] broken\r\n"),
    )]);
    // As mails of some megabytes are.
    let each_alone = format!("{}[limits]\nbatch_mails = 1\n", scene.mailboxes);
    scene.tlsrptd.configure(&each_alone);

    let run = scene.poll();

    assert_eq!(run.code, Some(3), "{}", run.log);
    assert_eq!(scene.reports(), ["healthy", "hostile-2"], "{}", run.log);
    assert_eq!(scene.mails("hostile", "rejected"), 1);
}

#[test]
fn server_that_refuses_all_mails_has_none_rejected() {
    let scene = Scene::new(&vec![("BODY.PEEK", say("% NO [SERVERBUG] broken\r\n"))], "");
    let run = scene.poll();
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert_eq!(scene.mails("hostile", "rejected"), 0, "{}", run.log);

    scene.set(&Vec::new());
    assert_eq!(scene.poll().code, Some(0));
    assert_eq!(scene.reports(), ["healthy", "hostile-1", "hostile-2"]);
}
