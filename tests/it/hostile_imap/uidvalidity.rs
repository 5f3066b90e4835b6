//! UIDVALIDITY that changes between reading and removing: UIDs mean other mails then, so nothing is removed by them.

use super::*;

const KEYS: [&str; 2] = ["after = \"delete\"", "after = \"move:Done\""];
/// Before these commands the folder is made anew.
const NEW_FOLDER: &str = "* 2 EXISTS\r\n* OK [UIDVALIDITY 8] x\r\n* OK [UIDNEXT 3] x\r\n";

/// Polls once more, the folder having been made anew: all is read again, stored once, and removed by its new UIDs.
fn next_poll_reads_again(scene: &Scene, keys: &str) {
    scene.set(&Vec::new());
    scene.server.renumber();
    let n_heard = scene.server.heard().len();

    let run = scene.poll();

    assert_eq!(run.code, Some(0), "{}", run.log);
    let heard = scene.server.heard()[n_heard..].join("\n");
    assert!(heard.contains("UID FETCH 1:2 (UID RFC822.SIZE"), "{heard}");
    assert_eq!(scene.reports(), ["healthy", "hostile-1", "hostile-2"]);
    assert_eq!(scene.server.inbox(), [0; 0]);
    for n in [1, 2] {
        assert_eq!(scene.server.copies(n), (0, usize::from(keys.contains("move"))));
    }
}

#[test]
fn uidvalidity_that_changes_between_examine_and_select_removes_nothing() {
    for keys in KEYS {
        let select = say(format!("{NEW_FOLDER}% OK done\r\n"));
        let scene = Scene::new(&vec![("SELECT", select)], keys);

        let run = scene.poll();

        assert_eq!(run.code, Some(0), "{}", run.log);
        assert_eq!(scene.reports().len(), 3);
        assert_eq!(scene.server.changes(), [""; 0]);
        next_poll_reads_again(&scene, keys);
    }
}

#[test]
fn uidvalidity_that_changes_in_mid_session_removes_nothing() {
    let change = Act::SayFirst(b"* OK [UIDVALIDITY 8] made anew\r\n".to_vec());
    let steps = [
        ("RFC822.SIZE", "list of mails"),
        ("BODY.PEEK", "fetch"),
        ("(UID)#1", "fetch"),
        ("LIST", "list of folders"),
    ];
    for (at, step) in steps {
        for keys in KEYS.iter().filter(|keys| at != "LIST" || keys.contains("move")) {
            let row = Row {
                keys,
                ..row(
                    format!("another UIDVALIDITY at {at}"),
                    at,
                    change.clone(),
                    End::Fails(step, &["UIDVALIDITY"]),
                )
            };
            let scene = Scene::new(&row.acts, keys);
            let faults = faults(&row, &scene);
            assert!(faults.is_empty(), "{}", faults.join("\n"));
            assert_eq!(scene.server.changes(), [""; 0], "{}", row.name);
            next_poll_reads_again(&scene, keys);
        }
    }
}

#[test]
fn uidvalidity_that_changes_between_marking_and_expunging_expunges_nothing() {
    for keys in KEYS {
        let acts = vec![
            (
                "UID STORE",
                Act::SayFirst(b"* OK [UIDVALIDITY 8] made anew\r\n".to_vec()),
            ),
            (
                "CAPABILITY",
                say("* CAPABILITY IMAP4rev1 UIDPLUS\r\n% OK done\r\n"),
            ),
        ];
        let scene = Scene::new(&acts, keys);

        let run = scene.poll();

        assert_eq!(run.code, Some(3), "{}", run.log);
        assert!(run.log.contains("delete failed"), "{}", run.log);
        let changes = scene.server.changes().join("\n");
        assert!(
            changes.contains("UID STORE") && !changes.contains("EXPUNGE"),
            "{changes}"
        );
        assert_eq!(scene.server.inbox(), [1, 2]);
    }
}

#[test]
fn uidvalidity_that_is_told_again_in_mid_session_is_no_change() {
    let same = Act::SayFirst(b"* OK [UIDVALIDITY 7] as before\r\n".to_vec());
    check(&[
        Row {
            keys: KEYS[0],
            ..row("the same at UID FETCH", "UID FETCH", same.clone(), End::Reads)
        },
        Row {
            keys: KEYS[1],
            ..row("the same at UID MOVE", "UID MOVE", same, End::Reads)
        },
    ]);
}
