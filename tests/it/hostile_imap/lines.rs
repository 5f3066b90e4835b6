//! Lines that a parser may stumble over, and what is injected before TLS.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::*;

#[test]
fn nesting() {
    // `@` stands for the parentheses, which are closed again where it says so.
    let places = [
        ("EXAMINE", "folder", "* OK [PERMANENTFLAGS @] x\r\n% OK\r\n", true),
        ("EXAMINE", "folder", "* OK [PERMANENTFLAGS @\r\n% OK\r\n", false),
        ("EXAMINE", "folder", "* FLAGS @\r\n% OK\r\n", true),
        ("CAPABILITY", "capabilities", "* CAPABILITY @\r\n% OK\r\n", true),
        (
            "UID FETCH",
            "list of mails",
            "* 1 FETCH (UID 1 BODYSTRUCTURE @)\r\n% OK\r\n",
            true,
        ),
        (
            "UID FETCH",
            "list of mails",
            "* 1 FETCH (UID 1 BODYSTRUCTURE @\r\n% OK\r\n",
            false,
        ),
        (
            "UID FETCH",
            "list of mails",
            "* 1 FETCH (UID 1 ENVELOPE @)\r\n% OK\r\n",
            true,
        ),
        (
            "UID FETCH",
            "list of mails",
            "* 1 FETCH (UID 1 X-NEST @)\r\n% OK\r\n",
            true,
        ),
        ("", "greeting", "* OK [BADCHARSET @] x\r\n", true),
    ];
    let rows = |n: usize, words: &'static [&'static str]| -> Vec<Row> {
        let row = |(at, step, text, is_closed): (_, _, &str, bool)| {
            let closing = if is_closed { ")".repeat(n) } else { String::new() };
            let name = format!("{n} in {text:?}");
            row(
                name,
                at,
                say(text.replace('@', &("(".repeat(n) + &closing))),
                End::Fails(step, words),
            )
        };
        places.into_iter().map(row).collect()
    };
    // Longer lines are refused for their length, so the smaller number shows the bound on nesting.
    check(&rows(100_000, &["longer than"]));
    check(&rows(30_000, &["parentheses"]));
}

#[test]
fn nesting_just_below_the_bound_does_not_abort_whatever_the_limit_for_stacks() {
    let small_stack = |tlsrptd: &Tlsrptd| {
        let poll = tlsrptd.command(&["poll"]);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "ulimit -s 512; exec \"$@\"", "sh"]);
        shell.arg(poll.get_program()).args(poll.get_args());
        shell
    };
    for kind in ["BODYSTRUCTURE", "ENVELOPE", "X-NEST"] {
        for n in [50, 58] {
            let text = format!(
                "* 1 FETCH (UID 1 {kind} {}{})\r\n% OK\r\n",
                "(".repeat(n),
                ")".repeat(n)
            );
            let scene = Scene::new(&vec![("UID FETCH", say(text))], "");
            let run = scene.poll_by(small_stack(&scene.tlsrptd));
            assert!(
                matches!(run.code, Some(0 | 3)),
                "{kind}: {:?}\n{}",
                run.code,
                run.log
            );
            assert!(!run.log.contains("parentheses"), "{}", run.log);
        }
    }
}

#[test]
fn folder_names() {
    let names = |list: String, end| Row {
        acts: vec![
            ("EXAMINE", say("% NO [NONEXISTENT] \u{1b}[2J\r\n")),
            ("LIST", say(list + "% OK done\r\n")),
        ],
        ..row("folders", "", say(""), end)
    };
    let literal = |name: &str| format!("* LIST () \"/\" {{{}}}\r\n{name}\r\n", name.len());
    let (colours, lines) = ("a\u{1b}[31mb\u{202e}c", "a\r\n* BYE\r\nb");
    check(&[
        names(
            literal(colours) + "* LIST () \"/\" \"d\u{7}\u{9b}e\"\r\n",
            End::Fails(
                "folder \"INBOX\" refused",
                &["a\\u{1b}[31mb\\u{202e}c", "d\\u{7}"],
            ),
        ),
        names(
            literal(lines),
            End::Fails("folder \"INBOX\" refused", &["a\\u{d}\\u{a}* BYE"]),
        ),
        names(
            literal(&"n".repeat(9000)),
            End::Fails("list of folders", &["announced 9000"]),
        ),
    ]);
}

#[test]
fn capabilities_that_change_after_login() {
    let delete = "after = \"delete\"";
    let lost = Row {
        keys: delete,
        acts: vec![
            ("LOGIN", say("% OK [CAPABILITY IMAP4rev1 MOVE UIDPLUS] in\r\n")),
            ("CAPABILITY", say("* CAPABILITY IMAP4rev1\r\n% OK\r\n")),
        ],
        ..row("MOVE and UIDPLUS are gone", "", say(""), End::Reads)
    };
    let scene = Scene::new(&lost.acts, delete);
    let run = scene.poll();
    assert!(run.log.contains("neither MOVE nor UIDPLUS"), "{}", run.log);
    assert_eq!((run.code, scene.reports().len()), (Some(0), 3));
    assert_eq!(scene.server.changes(), [""; 0]);
    check(&[
        lost,
        row("none at all", "CAPABILITY", say("% OK\r\n"), End::Reads),
        row(
            "LOGINDISABLED",
            "CAPABILITY",
            say("* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n% OK\r\n"),
            End::Fails("login", &["LOGINDISABLED"]),
        ),
    ]);
}

#[test]
fn what_is_injected_before_tls_counts_for_nothing() {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let injected = "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n* BYE injected\r\nA0002 NO injected\r\nA0003 NO injected\r\n";
    let port = injecting(world.dovecot.imap, injected);
    let tlsrptd = world.tlsrptd(&world.mailbox_at(port, "tls = \"starttls\""));

    tlsrptd.run(&["poll"]).exits(0).never_says(&["injected"]);

    assert_eq!(tlsrptd.reports(), 1);
}

/// A port that leads to the server, and says more behind its answer to the first command, in the same packet.
fn injecting(to: u16, injected: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).unwrap();
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || io::copy(&mut from_client, &mut to_server));
        let mut server = BufReader::new(server);
        let mut line = String::new();
        server.read_line(&mut line).unwrap();
        client.write_all(line.as_bytes()).unwrap();
        line.clear();
        server.read_line(&mut line).unwrap();
        assert!(line.contains(" OK "), "STARTTLS is answered by {line:?}");
        client.write_all((line + injected).as_bytes()).unwrap();
        io::copy(&mut server, &mut client)
    });
    port
}
