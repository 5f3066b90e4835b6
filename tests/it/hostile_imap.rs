//! IMAP servers that want to hang, crash or bloat the program, polled by the real binary beside a healthy mailbox.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::support::hostile::{Act, Acts, Hostile, given, listed, mail};
use super::support::*;

/// Of each poll that fails: connecting and login 2 s each, silence 1 s, all of it 6 s, besides what a busy machine needs.
const LIMITS: &str = "[limits]\nconnect_timeout = \"2s\"\nsilence_timeout = \"1s\"\npoll_deadline = \"6s\"\n";
/// Longest run, the healthy mailbox included.
const LONGEST: Duration = Duration::from_secs(20);
/// Most memory above that of a run on a server that behaves.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// How a poll of the server ends.
enum End {
    /// Both reports are read.
    Reads,
    /// So many reports are read, and nothing fails.
    ReadsOnly(i64),
    /// With an error of these words; the server is named by each.
    Fails(&'static [&'static str]),
}

struct Row {
    name: String,
    acts: Acts,
    keys: &'static str,
    end: End,
}

fn row(name: impl Into<String>, at: &'static str, act: Act, end: End) -> Row {
    let (name, acts, keys) = (name.into(), vec![(at, act)], "");
    Row {
        name,
        acts,
        keys,
        end,
    }
}

fn say(text: impl Into<Vec<u8>>) -> Act {
    Act::Say(text.into())
}

struct Run {
    tlsrptd: Tlsrptd,
    port: u16,
    /// Holds the database.
    _folder: tempfile::TempDir,
    code: Option<i32>,
    log: String,
    took: Duration,
    peak: u64,
}

/// Polls the server and then a healthy mailbox.
fn poll(acts: &Acts, keys: &str) -> Run {
    poll_by(acts, keys, |tlsrptd| tlsrptd.command(&["poll"]))
}

fn poll_by(acts: &Acts, keys: &str, command: impl Fn(&Tlsrptd) -> Command) -> Run {
    let folder = temporary_folder();
    let maildir = folder.path().join("m");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    fs::write(
        maildir.join("new/1700000000.1.test"),
        Report::quiet("healthy").mail(),
    )
    .unwrap();
    let server = Hostile::new(acts.clone());
    let configuration = format!(
        "[[mailbox]]\nname = \"hostile\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"tls\"\n\
         password = \"secret\"\n{keys}\n[[mailbox]]\nname = \"healthy\"\nkind = \"maildir\"\npath = {}\n{LIMITS}",
        server.port,
        quoted(&maildir)
    );
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), &configuration);
    let path = folder.path().join("log");
    let log = File::create(&path).unwrap();
    let started = Instant::now();
    let mut child = command(&tlsrptd)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = until("the poll to end", LONG, || {
        // It only grows, so that the last look counts. What wait4 gives holds the memory of the test itself.
        peak = peak_of(child.id()).unwrap_or(peak);
        child.try_wait().unwrap()
    });
    Run {
        code: status.code(),
        log: String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        took: started.elapsed(),
        peak,
        tlsrptd,
        port: server.port,
        _folder: folder,
    }
}

/// The largest resident set that a process has had, in bytes.
fn peak_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
}

/// The memory of a run on a server that behaves.
fn usual_memory() -> u64 {
    static USUAL: OnceLock<u64> = OnceLock::new();
    *USUAL.get_or_init(|| {
        let run = poll(&Vec::new(), "");
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert_eq!(run.tlsrptd.mails("stored"), 3);
        run.peak
    })
}

/// What is wrong with what became of a row.
fn faults(row: &Row) -> Vec<String> {
    let run = poll(&row.acts, row.keys);
    let above = run.peak.saturating_sub(usual_memory());
    let mut faults = Vec::new();
    let mut demand = |is_so: bool, what: String| {
        if !is_so {
            faults.push(format!("{}: {what}; its log:\n{}", row.name, run.log));
        }
    };
    let (code, n_reports, words): (_, _, &[&str]) = match row.end {
        End::Reads => (0, Some(2), &[]),
        End::ReadsOnly(n) => (0, Some(n), &[]),
        End::Fails(words) => (3, None, words),
    };
    demand(run.code == Some(code), format!("exit status {:?}", run.code));
    if code == 3 {
        let server = format!("127.0.0.1:{}: ", run.port);
        demand(run.log.contains(&server), "the server is not named".to_owned());
    }
    for word in words {
        demand(run.log.contains(word), format!("{word:?} is not said"));
    }
    let is_clean = !run.log.contains(|c: char| c.is_control() && c != '\n');
    demand(is_clean, format!("control characters in {:?}", run.log));
    demand(!run.log.contains("panicked"), "a panic".to_owned());
    demand(run.log.len() < 2000, format!("{} bytes are said", run.log.len()));
    demand(run.took < LONGEST, format!("it took {:?}", run.took));
    demand(above < MOST_MEMORY, format!("it took {} MiB", above >> 20));
    let stored = "SELECT count(*) AS n FROM mails WHERE outcome = 'stored' AND source =";
    if let Some(n_reports) = n_reports {
        let n_read = run.tlsrptd.count(&format!("{stored} 'hostile'"));
        demand(n_read == n_reports, format!("{n_read} reports"));
    }
    let n_healthy = run.tlsrptd.count(&format!("{stored} 'healthy'"));
    demand(
        n_healthy == 1,
        format!("{n_healthy} reports of the healthy mailbox"),
    );
    faults
}

#[track_caller]
fn check(rows: &[Row]) {
    let faults: Vec<String> = rows.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The commands of a poll that moves mails, and what an error at each is called.
const COMMANDS: [(&str, &str); 9] = [
    ("CAPABILITY", "capabilities"),
    ("LOGIN", "login"),
    ("EXAMINE", "folder"),
    ("RFC822.SIZE", "list of mails"),
    ("BODY.PEEK", "fetch"),
    ("SELECT", "folder"),
    ("LIST", "list of folders"),
    ("CREATE", "create folder"),
    ("UID MOVE", "move"),
];

fn at_every_command(act: &Act, what: &str) {
    let rows: Vec<Row> = COMMANDS
        .iter()
        .map(|(command, step)| Row {
            keys: "after = \"move:Done\"",
            ..row(
                format!("{what} at {command}"),
                command,
                act.clone(),
                End::Fails(Box::leak(Box::new([*step]))),
            )
        })
        .collect();
    check(&rows);
}

#[test]
fn no_at_every_command() {
    at_every_command(&say("% NO never\r\n"), "NO");
}

#[test]
fn bad_at_every_command() {
    at_every_command(&say("% BAD never\r\n"), "BAD");
}

#[test]
fn bye_at_every_command() {
    at_every_command(&Act::End(b"* BYE enough\r\n".to_vec()), "BYE");
}

#[test]
fn end_of_stream_at_every_command() {
    at_every_command(&Act::End(Vec::new()), "end of stream");
}

#[test]
fn silence_at_every_command() {
    at_every_command(&say(""), "silence");
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
        row("no greeting", "", say(""), End::Fails(&["greeting"])),
        row(
            "hung up on",
            "",
            Act::End(Vec::new()),
            End::Fails(&["greeting", "closed"]),
        ),
        row(
            "BYE",
            "",
            Act::End(b"* BYE full\r\n".to_vec()),
            End::Fails(&["greeting", "full"]),
        ),
        row(
            "PREAUTH",
            "",
            say("* PREAUTH hello\r\n"),
            End::Fails(&["greeting", "PREAUTH"]),
        ),
        row(
            "SMTP",
            "",
            say("220 mx ESMTP\r\n"),
            End::Fails(&["greeting", "not IMAP"]),
        ),
        row(
            "line without end",
            "",
            flood("* OK aaaaaaa"),
            End::Fails(&["greeting", "longer"]),
        ),
        row(
            "drip",
            "",
            Act::Drip(b"* OK aaaaaaaaaaaaaaaaaaaaaaaa".to_vec()),
            End::Fails(&["greeting"]),
        ),
        row(
            "binary",
            "",
            flood("\0\u{1}\u{fffd}\r\r\n"),
            End::Fails(&["greeting", "not IMAP"]),
        ),
    ]);
}

#[test]
fn floods() {
    let list = "RFC822.SIZE";
    let flood = |first: &str, rest: &str| Act::Flood(first.as_bytes().to_vec(), rest.as_bytes().to_vec());
    let warnings = "* OK a warning without end\r\n".repeat(100);
    let flags = "* 1 FETCH (FLAGS (\\Seen))\r\n".repeat(100);
    let lines: Vec<Row> = ["CAPABILITY", "EXAMINE", list, "BODY.PEEK", "LOGIN"]
        .into_iter()
        .flat_map(|at| {
            [
                // Whichever bound comes first.
                row(
                    format!("warnings at {at}"),
                    at,
                    flood("", &warnings),
                    End::Fails(&[]),
                ),
                row(format!("flags at {at}"), at, flood("", &flags), End::Fails(&[])),
                row(
                    format!("endless line at {at}"),
                    at,
                    flood("* OK ", &"a".repeat(9000)),
                    End::Fails(&["longer"]),
                ),
                row(
                    format!("4 MB line at {at}"),
                    at,
                    say(format!("* OK {}\r\n% OK done\r\n", "a".repeat(4_000_000))),
                    End::Fails(&["longer"]),
                ),
            ]
        })
        .collect();
    check(&lines);
    let folders = "* LIST () \"/\" \"a folder of many\"\r\n".repeat(100);
    let missing = Row {
        acts: vec![
            ("EXAMINE", say("% NO [NONEXISTENT] none\r\n")),
            ("LIST", flood("", &folders)),
        ],
        ..row("folders", "", say(""), End::Fails(&[]))
    };
    // The server says that there are billions, so that the list may be long; the deadline ends it.
    let billions = "* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967295] x\r\n% OK\r\n";
    let mails: String = (1..2000).map(|uid| listed(uid, 900)).collect();
    let listing = Row {
        acts: vec![("EXAMINE", say(billions)), ("RFC822.SIZE", flood("", &mails))],
        ..row(
            "list of mails",
            "",
            say(""),
            End::Fails(&["INBOX", "poll_deadline"]),
        )
    };
    let drip = row(
        "drip",
        list,
        Act::Drip(b"* OK a\r\n".to_vec()),
        End::Fails(&["INBOX", "poll_deadline"]),
    );
    check(&[missing, listing, drip]);
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
    let huge = vec![b'a'; 24 * 1024 * 1024];
    let larger = [given(1, &huge), b"% OK done\r\n".to_vec()].concat();
    check(&[
        row(
            "literal of 4 GiB",
            body,
            literal("{4294967295}"),
            End::Fails(&["fetch", "announced"]),
        ),
        row(
            "literal of 26 digits",
            body,
            literal("{99999999999999999999999999}"),
            End::Fails(&["fetch", "announced"]),
        ),
        row(
            "more bytes than RFC822.SIZE",
            body,
            say(larger),
            End::Fails(&["fetch", "sent more than"]),
        ),
    ]);
}

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
            End::Fails(&["list of mails", "UID"]),
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
            End::Fails(&["folder", "UIDVALIDITY"]),
        ),
        row(
            "no UIDVALIDITY",
            "EXAMINE",
            folder("* OK [UIDNEXT 3] x\r\n"),
            End::Fails(&["folder", "UIDVALIDITY"]),
        ),
        row(
            "no UIDNEXT",
            "EXAMINE",
            folder("* OK [UIDVALIDITY 7] x\r\n"),
            End::Fails(&["folder", "UIDNEXT"]),
        ),
        row(
            "UIDNEXT far too high",
            "EXAMINE",
            folder("* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967295] x\r\n"),
            End::Reads,
        ),
        row(
            "UIDNEXT far too low",
            "EXAMINE",
            folder("* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n"),
            End::ReadsOnly(0),
        ),
        Row {
            keys: "after = \"delete\"",
            ..row(
                "another UIDVALIDITY when mails are deleted",
                "SELECT",
                folder("* OK [UIDVALIDITY 8] x\r\n* OK [UIDNEXT 3] x\r\n"),
                End::Reads,
            )
        },
    ]);
}

#[test]
fn nesting() {
    // `@` stands for the parentheses, which are closed again where it says so.
    let places = [
        ("EXAMINE", "* OK [PERMANENTFLAGS @] x\r\n% OK\r\n", true),
        ("EXAMINE", "* OK [PERMANENTFLAGS @\r\n% OK\r\n", false),
        ("EXAMINE", "* FLAGS @\r\n% OK\r\n", true),
        ("CAPABILITY", "* CAPABILITY @\r\n% OK\r\n", true),
        ("UID FETCH", "* 1 FETCH (UID 1 BODYSTRUCTURE @)\r\n% OK\r\n", true),
        ("UID FETCH", "* 1 FETCH (UID 1 BODYSTRUCTURE @\r\n% OK\r\n", false),
        ("UID FETCH", "* 1 FETCH (UID 1 ENVELOPE @)\r\n% OK\r\n", true),
        ("UID FETCH", "* 1 FETCH (UID 1 X-NEST @)\r\n% OK\r\n", true),
        ("", "* OK [BADCHARSET @] x\r\n", true),
    ];
    let rows = |n: usize, end: fn() -> End| -> Vec<Row> {
        let row = |(at, text, is_closed): (_, &str, bool)| {
            let closing = if is_closed { ")".repeat(n) } else { String::new() };
            let name = format!("{n} in {text:?}");
            row(
                name,
                at,
                say(text.replace('@', &("(".repeat(n) + &closing))),
                end(),
            )
        };
        places.into_iter().map(row).collect()
    };
    // Longer lines are refused for their length, so the smaller number shows the bound on nesting.
    check(&rows(100_000, || End::Fails(&["longer than"])));
    check(&rows(30_000, || End::Fails(&["parentheses"])));
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
            let run = poll_by(&vec![("UID FETCH", say(text))], "", small_stack);
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
            End::Fails(&["folder \"INBOX\" refused", "a\\u{1b}[31mb\\u{202e}c", "d\\u{7}"]),
        ),
        names(
            literal(lines),
            End::Fails(&["folder \"INBOX\" refused", "a\\u{d}\\u{a}* BYE"]),
        ),
        names(
            literal(&"n".repeat(9000)),
            End::Fails(&["list of folders", "announced 9000"]),
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
    let run = poll(&lost.acts, delete);
    assert!(run.log.contains("neither MOVE nor UIDPLUS"), "{}", run.log);
    assert_eq!((run.code, run.tlsrptd.mails("stored")), (Some(0), 3));
    check(&[
        lost,
        row("none at all", "CAPABILITY", say("% OK\r\n"), End::Reads),
        row(
            "LOGINDISABLED",
            "CAPABILITY",
            say("* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n% OK\r\n"),
            End::Fails(&["login", "LOGINDISABLED"]),
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
