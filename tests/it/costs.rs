//! What a poll costs, in counts that are the same on every machine.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use rusqlite::Connection;

use super::support::script::Script;
use super::support::*;

/// A scripted mailbox of 100,000 mails, all of them older than what is read, behind UIDNEXT 100001.
fn large_mailbox() -> Script {
    Script::new("* OK [CAPABILITY IMAP4rev1] ready\r\n", |line| {
        let (tag, command) = line.split_once(' ')?;
        let verb = command.split_once(' ').map_or(command, |(verb, _)| verb);
        let untagged = match verb.to_uppercase().as_str() {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1\r\n",
            "EXAMINE" => "* 100000 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 100001] x\r\n",
            "LOGOUT" => "* BYE bye\r\n",
            // The listing; of so many the last one will do.
            "UID" => {
                "* 100000 FETCH (UID 100000 RFC822.SIZE 3800 INTERNALDATE \"01-Jan-2001 00:00:00 +0000\")\r\n"
            }
            _ => "",
        };
        Some(format!("{untagged}{tag} OK done\r\n"))
    })
}

#[test]
fn a_poll_of_an_unchanged_mailbox_of_100_000_mails_sends_five_commands_and_no_fetch() {
    let world = World::new();
    let server = large_mailbox();
    let tlsrptd = world.tlsrptd(&world.mailbox_at(server.port, "tls = \"none\""));
    // The program doesn't wait for ever for what the server says to its farewell.
    let heard = |n_polls: usize| {
        until("the farewell", LONG, || {
            let heard = server.heard();
            let n_farewells = heard.iter().filter(|line| line.ends_with(" LOGOUT")).count();
            (n_farewells == n_polls).then_some(heard)
        })
    };
    tlsrptd.run(&["poll"]).exits(0);
    let n_before = heard(1).len();

    tlsrptd.run(&["poll"]).exits(0);

    let heard = heard(2);
    let commands: Vec<&str> = heard[n_before..]
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(
        commands,
        ["CAPABILITY", "LOGIN", "CAPABILITY", "EXAMINE", "LOGOUT"]
    );
}

#[test]
fn the_mails_of_a_large_mailbox_are_listed_10_000_uids_at_a_time() {
    let world = World::new();
    let server = Script::new("* OK [CAPABILITY IMAP4rev1] ready\r\n", |line| {
        let (tag, command) = line.split_once(' ')?;
        let untagged = match command {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1\r\n".to_owned(),
            "LOGOUT" => "* BYE bye\r\n".to_owned(),
            _ if command.starts_with("EXAMINE") => {
                "* 22000 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 22001] x\r\n".to_owned()
            }
            _ if command.starts_with("UID FETCH") => {
                let uids = command.split(' ').nth(2)?;
                let (first, last) = uids.split_once(':')?;
                answers(first.parse().ok()?..=last.parse().ok()?, |uid| {
                    format!("UID {uid} RFC822.SIZE 14 INTERNALDATE \"01-Jan-2001 03:00:00 +0000\"")
                })
            }
            _ => String::new(),
        };
        Some(format!("{untagged}{tag} OK done\r\n"))
    });
    let tlsrptd = world.tlsrptd(&world.mailbox_at(server.port, "tls = \"none\""));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(fetches(&server), ["1:10000", "10001:20000", "20001:22000"]);
}

#[test]
fn where_uids_have_large_gaps_more_of_them_are_listed_at_a_time() {
    let world = World::new();
    let server = large_mailbox();
    let tlsrptd = world.tlsrptd(&world.mailbox_at(server.port, "tls = \"none\""));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(fetches(&server), ["1:10000", "10001:50000", "50001:100000"]);
}

/// The UIDs that were asked for, command by command.
fn fetches(server: &Script) -> Vec<String> {
    let fetches = server.heard().into_iter().filter_map(|line| {
        let (_, rest) = line.split_once("UID FETCH ")?;
        Some(rest.split(' ').next()?.to_owned())
    });
    fetches.collect()
}

#[test]
fn a_poll_of_an_unchanged_mailbox_reads_less_than_10_kb() {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(200));
    let proxy = Proxy::to(world.dovecot.imaps);
    let tlsrptd = world.tlsrptd(&world.mailbox_at(proxy.port, ""));
    tlsrptd.run(&["poll"]).exits(0);
    assert!(proxy.n_bytes() > 200 * 1000, "{}", proxy.n_bytes());

    tlsrptd.run(&["poll"]).exits(0);

    assert!(proxy.n_bytes() < 10_000, "{}", proxy.n_bytes());
}

/// How many transactions `act` commits. A reader keeps them in the WAL, whose frames that end one say how large the
/// database is then (the SQLite file format, section 4.1).
fn transactions(database: &Path, act: impl FnOnce()) -> usize {
    let reader = Connection::open(database).unwrap();
    reader
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        .unwrap();
    act();
    let wal = fs::read(format!("{}-wal", database.display())).unwrap();
    let (header, frames) = wal.split_at_checked(32).unwrap_or_default();
    if frames.is_empty() {
        return 0;
    }
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let page = usize::try_from(number(&header[8..12])).unwrap();
    let frames = frames.chunks_exact(24 + page);
    let valid = frames.take_while(|frame| frame[8..16] == header[16..24]);
    valid.filter(|frame| number(&frame[4..8]) > 0).count()
}

#[test]
fn a_poll_of_an_unchanged_mailbox_is_one_transaction_at_most() {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(20));
    let tlsrptd = world.tlsrptd(&world.mailbox_at(world.dovecot.imaps, ""));
    tlsrptd.run(&["poll"]).exits(0);

    let n_transactions = transactions(&tlsrptd.database(), || {
        tlsrptd.run(&["poll"]).exits(0);
    });

    // None within the same second, for then nothing has changed.
    assert!(n_transactions <= 1, "{n_transactions}");
}

#[test]
fn each_batch_of_mails_is_one_transaction() {
    let world = World::new();
    let mailbox = world.mailbox_at(world.dovecot.imaps, "");
    let tlsrptd = world.tlsrptd(&format!("[limits]\nbatch_mails = 2\n{mailbox}"));
    let poll_of = |ids: std::ops::Range<u32>| {
        world
            .dovecot
            .plant(RUA, ids.map(|id| Report::quiet(id.to_string()).mail()));
        transactions(&tlsrptd.database(), || {
            tlsrptd.run(&["poll"]).exits(0);
        })
    };
    world.dovecot.plant(RUA, reports::many(1));
    tlsrptd.run(&["poll"]).exits(0);

    let (few, many) = (poll_of(0..2), poll_of(2..62));

    assert_eq!(tlsrptd.reports(), 63);
    // Beside 1 and 30 batches there is what the end of a poll writes, which differs by what is new to it.
    assert!((26..=32).contains(&(many - few)), "{few} and {many}");
}

/// A FETCH answer for each mail.
fn answers(uids: RangeInclusive<u32>, about: impl Fn(u32) -> String) -> String {
    let answers: Vec<String> = uids
        .map(|uid| format!("* {uid} FETCH ({})\r\n", about(uid)))
        .collect();
    answers.concat()
}

#[test]
fn new_mails_are_fetched_once_each_in_batches() {
    let world = World::new();
    let server = Script::new("* OK [CAPABILITY IMAP4rev1] ready\r\n", |line| {
        let (tag, command) = line.split_once(' ')?;
        let untagged = match command {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1\r\n".to_owned(),
            "LOGOUT" => "* BYE bye\r\n".to_owned(),
            _ if command.starts_with("EXAMINE") => {
                "* 7 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 8] x\r\n".to_owned()
            }
            _ if command.contains("RFC822.SIZE") => answers(1..=7, |uid| {
                format!("UID {uid} RFC822.SIZE 14 INTERNALDATE \"22-Nov-2026 03:00:00 +0000\"")
            }),
            _ if !command.starts_with("UID FETCH") => String::new(),
            _ => {
                let uids = command
                    .strip_prefix("UID FETCH ")
                    .and_then(|rest| rest.split(' ').next());
                let (first, last) = uids.and_then(|uids| uids.split_once(':').or(Some((uids, uids))))?;
                answers(first.parse().ok()?..=last.parse().ok()?, |uid| {
                    format!("UID {uid} BODY[]<0> {{14}}\r\nSubject: x\r\n\r\n")
                })
            }
        };
        Some(format!("{untagged}{tag} OK done\r\n"))
    });
    let limits = "[limits]\nbatch_mails = 3\n";
    let mailbox = world.mailbox_at(server.port, "tls = \"none\"\nsince = \"forever\"");
    let tlsrptd = world.tlsrptd(&format!("{limits}{mailbox}"));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(fetches(&server), ["1:7", "1:3", "4:6", "7"]);
    assert_eq!(tlsrptd.mails("not-a-report"), 7);
}
