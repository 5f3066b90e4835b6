//! NO, BAD, BYE, the end of the stream and silence at every command that is ever sent, and odd greetings. After each,
//! nothing is lost, and the next poll of a server that behaves again completes the work.

use super::*;

/// A kind of server or configuration that makes the program send other commands.
struct Way {
    keys: &'static str,
    /// What the server says in any case.
    setting: &'static [(&'static str, &'static str)],
    /// Commands, and what an error at each is called.
    commands: &'static [(&'static str, &'static str)],
}

const MOVE: &str = "after = \"move:Done\"";
const DELETE: &str = "after = \"delete\"";
const NO_MOVE: (&str, &str) = ("CAPABILITY", "* CAPABILITY IMAP4rev1 UIDPLUS\r\n% OK done\r\n");
/// As Courier opens a folder.
const NO_UIDNEXT: &str = "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n% OK done\r\n";

/// Up to the login.
const CONNECTING: [Way; 3] = [
    Way {
        keys: "",
        setting: &[],
        commands: &[
            ("CAPABILITY#1", "capabilities"),
            ("LOGIN", "login"),
            ("CAPABILITY#2", "capabilities"),
        ],
    },
    Way {
        keys: "",
        setting: &[(
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN\r\n% OK done\r\n",
        )],
        commands: &[("AUTHENTICATE PLAIN", "login"), ("SASL", "login")],
    },
    Way {
        keys: "auth = \"xoauth2\"\ntoken_command = [\"/bin/echo\", \"secret\"]",
        setting: &[(
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n% OK done\r\n",
        )],
        commands: &[("AUTHENTICATE XOAUTH2", "login"), ("SASL", "login")],
    },
];

/// Up to the last mail.
const READING: [Way; 2] = [
    Way {
        keys: "",
        setting: &[],
        commands: &[
            ("EXAMINE", "folder"),
            ("RFC822.SIZE", "list of mails"),
            ("BODY.PEEK", "fetch"),
        ],
    },
    Way {
        keys: "",
        setting: &[("EXAMINE", NO_UIDNEXT), ("SELECT", NO_UIDNEXT)],
        commands: &[("STATUS", "folder"), ("SELECT", "folder")],
    },
];

/// What comes after that with MOVE,
const MOVING: [Way; 1] = [Way {
    keys: MOVE,
    setting: &[],
    commands: &[
        ("SELECT", "folder"),
        ("(UID)#1", "fetch"),
        ("LIST", "list of folders"),
        ("CREATE", "create folder"),
        ("SUBSCRIBE", "create folder"),
        ("UID MOVE", "move"),
        ("(UID)#2", "fetch"),
    ],
}];

/// and without.
const COPYING: [Way; 2] = [
    Way {
        keys: MOVE,
        setting: &[NO_MOVE],
        commands: &[
            ("UID COPY", "move"),
            ("UID STORE", "delete"),
            ("UID EXPUNGE", "delete"),
            ("(UID)#2", "fetch"),
        ],
    },
    Way {
        keys: DELETE,
        setting: &[NO_MOVE],
        commands: &[
            ("(UID)#1", "fetch"),
            ("UID STORE", "delete"),
            ("UID EXPUNGE", "delete"),
            ("(UID)#2", "fetch"),
        ],
    },
];

fn at_every_command(what: &str, act: &Act, ways: &[&[Way]]) {
    let mut faults = Vec::new();
    for way in ways.iter().copied().flatten() {
        let setting: Acts = way.setting.iter().map(|(at, text)| (*at, say(*text))).collect();
        for (command, step) in way.commands {
            // No mail program shows the folder then, and that is all.
            let is_harmless = what == "NO" && *command == "SUBSCRIBE";
            let end = if is_harmless {
                End::Reads
            } else {
                End::Fails(step, &[])
            };
            let row = Row {
                acts: [vec![(*command, act.clone())], setting.clone()].concat(),
                keys: way.keys,
                ..row(format!("{what} at {command}"), "", say(""), end)
            };
            let scene = Scene::new(&row.acts, row.keys);
            faults.extend(super::faults(&row, &scene));
            faults.extend(what_stays_broken(&row, &scene, &setting));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is wrong after a poll of the server that behaves again.
fn what_stays_broken(row: &Row, scene: &Scene, setting: &Acts) -> Vec<String> {
    let heard = scene.server.heard().join("\n");
    scene.set(setting);
    let run = scene.poll();
    let mut faults = scene.losses(row.keys);
    let stored = (scene.mails("hostile", "stored"), scene.reports().len());
    if run.code != Some(0) || stored != (2, 3) {
        faults.push(format!(
            "{:?}, and of mails and reports are stored {stored:?}",
            run.code
        ));
    }
    let n_copied = heard.matches("UID COPY").count();
    for n in [1, 2] {
        let (n_inbox, n_moved) = scene.server.copies(n);
        let (is_left, is_moved) = (row.keys.is_empty() || row.keys.contains("auth"), row.keys == MOVE);
        // One more for each attempt to copy that may have come about.
        let most = usize::from(is_moved) * (1 + n_copied);
        if n_inbox != usize::from(is_left) || n_moved < usize::from(is_moved) || n_moved > most {
            faults.push(format!(
                "mail {n} is {n_inbox} times in INBOX and {n_moved} times elsewhere"
            ));
        }
    }
    let whole = |fault| format!("after {}: {fault}; its log:\n{}", row.name, run.log);
    faults.into_iter().map(whole).collect()
}

const EVERY: [&[Way]; 4] = [&CONNECTING, &READING, &MOVING, &COPYING];

#[test]
fn no_at_every_command() {
    at_every_command("NO", &say("% NO never\r\n"), &EVERY);
}

#[test]
fn bad_at_every_command() {
    at_every_command("BAD", &say("% BAD never\r\n"), &EVERY);
}

#[test]
fn bye_at_every_command() {
    at_every_command("BYE", &Act::End(b"* BYE enough\r\n".to_vec()), &EVERY);
}

#[test]
fn end_of_stream_at_every_command() {
    at_every_command("end of stream", &Act::End(Vec::new()), &EVERY);
}

#[test]
fn end_of_stream_instead_of_the_answer_to_every_command_that_was_obeyed() {
    let ways: [&[Way]; 2] = [&MOVING, &COPYING];
    at_every_command("end of stream after the deed", &Act::ObeyAndEnd, &ways);
}

#[test]
fn silence_at_every_command_up_to_the_login() {
    at_every_command("silence", &say(""), &[&CONNECTING[..1]]);
}

#[test]
fn silence_at_every_line_of_authenticate() {
    at_every_command("silence", &say(""), &[&CONNECTING[1..]]);
}

#[test]
fn silence_at_every_command_that_reads() {
    at_every_command("silence", &say(""), &[&READING]);
}

#[test]
fn silence_at_every_command_that_moves() {
    at_every_command("silence", &say(""), &[&MOVING]);
}

#[test]
fn silence_at_every_command_that_copies_and_deletes() {
    at_every_command("silence", &say(""), &[&COPYING]);
}

#[test]
fn whatever_is_said_to_starttls_no_password_follows() {
    let acts = [
        ("NO", say("% NO never\r\n"), "STARTTLS"),
        ("BAD", say("% BAD never\r\n"), "STARTTLS"),
        ("BYE", Act::End(b"* BYE enough\r\n".to_vec()), "STARTTLS"),
        ("end of stream", Act::End(Vec::new()), "STARTTLS"),
        ("silence", say(""), "STARTTLS"),
        ("OK and clear text", say("% OK go on\r\n* OK ready\r\n"), "TLS"),
        (
            "OK and the end of the stream",
            Act::End(b"% OK go on\r\n".to_vec()),
            "TLS",
        ),
    ];
    for (what, act, step) in acts {
        let row = Row {
            keys: "tls = \"starttls\"",
            ..row(
                format!("{what} at STARTTLS"),
                "STARTTLS",
                act,
                End::Fails(step, &[]),
            )
        };
        let scene = Scene::new(&row.acts, row.keys);
        let faults = faults(&row, &scene);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        let heard = scene.server.heard();
        // What follows an OK is the beginning of TLS.
        assert_eq!(heard.first().map(String::as_str), Some("STARTTLS"), "{heard:?}");
        let is_told = heard
            .iter()
            .any(|line| line.contains("LOGIN") || line.contains("secret"));
        assert!(!is_told, "{heard:?}");
    }
}

#[test]
fn a_server_with_neither_move_nor_uidplus_is_told_to_change_nothing() {
    for keys in [MOVE, DELETE] {
        let scene = Scene::new(
            &vec![("CAPABILITY", say("* CAPABILITY IMAP4rev1\r\n% OK done\r\n"))],
            keys,
        );

        let run = scene.poll();

        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(run.log.contains("neither MOVE nor UIDPLUS"), "{}", run.log);
        assert_eq!(scene.server.changes(), [""; 0]);
        assert_eq!((scene.server.inbox(), scene.reports().len()), (vec![1, 2], 3));
    }
}

#[test]
fn no_command_is_sent_that_these_tests_do_not_know() {
    let known = [
        "CAPABILITY",
        "LOGIN",
        "AUTHENTICATE",
        "SASL",
        "EXAMINE",
        "SELECT",
        "STATUS",
        "LIST",
        "CREATE",
        "SUBSCRIBE",
        "UID FETCH",
        "UID MOVE",
        "UID COPY",
        "UID STORE",
        "UID EXPUNGE",
        "LOGOUT",
    ];
    let mut heard = Vec::new();
    for way in EVERY.iter().copied().flatten() {
        let setting: Acts = way.setting.iter().map(|(at, text)| (*at, say(*text))).collect();
        let scene = Scene::new(&setting, way.keys);
        assert_eq!(scene.poll().code, Some(0), "{}", scene.log());
        heard.extend(scene.server.heard());
    }
    for command in &heard {
        assert!(known.iter().any(|known| command.starts_with(known)), "{command}");
    }
    for known in known {
        assert!(
            heard.iter().any(|command| command.starts_with(known)),
            "{known} is never sent"
        );
    }
}

#[test]
fn whatever_is_said_to_logout() {
    let acts = [
        say(""),
        say("% NO stay\r\n"),
        say("% BAD what\r\n"),
        Act::End(Vec::new()),
        Act::Flood(Vec::new(), b"* OK still here\r\n".to_vec()),
    ];
    let rows: Vec<Row> = acts
        .into_iter()
        .map(|act| row("at LOGOUT", "LOGOUT", act, End::Reads))
        .collect();
    check(&rows);
}

#[test]
fn greetings() {
    let flood = |piece: &str| Act::Flood(Vec::new(), piece.as_bytes().to_vec());
    check(&[
        row("no greeting", "", say(""), End::Fails("greeting", &[])),
        row(
            "hung up on",
            "",
            Act::End(Vec::new()),
            End::Fails("greeting", &["closed"]),
        ),
        row(
            "BYE",
            "",
            Act::End(b"* BYE full\r\n".to_vec()),
            End::Fails("greeting", &["full"]),
        ),
        row(
            "PREAUTH",
            "",
            say("* PREAUTH hello\r\n"),
            End::Fails("greeting", &["PREAUTH"]),
        ),
        row(
            "SMTP",
            "",
            say("220 mx ESMTP\r\n"),
            End::Fails("greeting", &["not IMAP"]),
        ),
        row(
            "line without end",
            "",
            flood("* OK aaaaaaa"),
            End::Fails("greeting", &["longer"]),
        ),
        row(
            "drip",
            "",
            Act::Drip(b"* OK aaaaaaaaaaaaaaaaaaaaaaaa".to_vec()),
            End::Fails("greeting", &[]),
        ),
        row(
            "binary",
            "",
            flood("\0\u{1}\u{fffd}\r\r\n"),
            End::Fails("greeting", &["not IMAP"]),
        ),
    ]);
}
