//! More than a client can bear: endless lines, long lines, large literals.

use super::*;

fn flood(first: &str, rest: &str) -> Act {
    Act::Flood(first.as_bytes().to_vec(), rest.as_bytes().to_vec())
}

/// The same at commands from the first to the last.
fn at_commands(what: &str, act: &Act, words: &'static [&'static str]) {
    // Whichever bound comes first: that of the answer, of the login, or of the poll.
    let steps = [
        ("CAPABILITY", "capabilities|login"),
        ("LOGIN", "login"),
        ("EXAMINE", "folder|open \"INBOX\""),
        ("RFC822.SIZE", "list of mails|read \"INBOX\""),
        ("BODY.PEEK", "fetch|read \"INBOX\""),
    ];
    let rows = steps.map(|(at, step)| {
        row(
            format!("{what} at {at}"),
            at,
            act.clone(),
            End::Fails(step, words),
        )
    });
    check(&rows);
}

#[test]
fn floods_of_warnings() {
    // Long enough that they are bounded by their bytes before the time is up, also on a busy machine;
    let warnings = format!("* OK {}\r\n", "a warning without end ".repeat(25)).repeat(10);
    at_commands("warnings", &flood("", &warnings), &[]);
    // short ones take the most time.
    let short = "* OK x\r\n".repeat(100);
    check(&[row(
        "short warnings",
        "RFC822.SIZE",
        flood("", &short),
        End::Fails("list of mails|read \"INBOX\"", &[]),
    )]);
}

#[test]
fn floods_of_flags() {
    let flags = format!("* 1 FETCH (FLAGS (\\Seen{}))\r\n", " $AnyKeyword".repeat(40)).repeat(10);
    at_commands("flags", &flood("", &flags), &[]);
}

#[test]
fn lines_that_are_too_long() {
    at_commands("endless line", &flood("* OK ", &"a".repeat(9000)), &["longer"]);
    let long = format!("* OK {}\r\n% OK done\r\n", "a".repeat(4_000_000));
    at_commands("4 MB line", &say(long), &["longer"]);
}

#[test]
fn floods_of_what_was_asked_for() {
    let asked = Row {
        keys: "auth = \"xoauth2\"\ntoken_command = [\"/bin/echo\", \"secret\"]",
        acts: vec![
            ("SASL", flood("+ \r\n", "+ \r\n")),
            (
                "CAPABILITY",
                say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n% OK\r\n"),
            ),
        ],
        ..row("questions without end", "", say(""), End::Fails("login", &[]))
    };
    let folders = "* LIST () \"/\" \"a folder of many\"\r\n".repeat(100);
    let missing = Row {
        acts: vec![
            ("EXAMINE", say("% NO [NONEXISTENT] none\r\n")),
            ("LIST", flood("", &folders)),
        ],
        ..row(
            "folders",
            "",
            say(""),
            End::Fails("list of folders|open \"INBOX\"", &[]),
        )
    };
    // The server says that there are billions, so that the list may be long: some megabytes, or the deadline, end it.
    let billions = "* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967295] x\r\n% OK\r\n";
    let mails: String = (1..2000).map(|uid| listed(uid, 900)).collect();
    let listing = Row {
        acts: vec![("EXAMINE", say(billions)), ("RFC822.SIZE", flood("", &mails))],
        ..row(
            "list of mails",
            "",
            say(""),
            End::Fails("list of mails|read \"INBOX\"", &[]),
        )
    };
    let drip = row(
        "drip",
        "RFC822.SIZE",
        Act::Drip(b"* OK a\r\n".to_vec()),
        End::Fails("read \"INBOX\"", &["poll_deadline"]),
    );
    check(&[asked, missing, listing, drip]);
}

#[test]
fn sizes() {
    let body = "BODY.PEEK";
    let literal = |text: &str| {
        Act::Flood(
            format!("* 1 FETCH (UID 1 BODY[]<0> {text}\r\n").into(),
            vec![b'a'; 65536],
        )
    };
    // More than what is borne beyond the announced sizes, and no more, for a busy server falls silent over it.
    let huge = vec![b'a'; 6 * 1024 * 1024];
    let larger = [given(1, &huge), b"% OK done\r\n".to_vec()].concat();
    check(&[
        row(
            "literal of 4 GiB",
            body,
            literal("{4294967295}"),
            End::Fails("fetch", &["announced"]),
        ),
        row(
            "literal of 26 digits",
            body,
            literal("{99999999999999999999999999}"),
            End::Fails("fetch", &["announced"]),
        ),
        row(
            "more bytes than RFC822.SIZE",
            body,
            say(larger),
            End::Fails("fetch", &["sent more than"]),
        ),
    ]);
}
