//! An IMAP server that behaves but where the test says otherwise.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::reports::Report;

/// What the server does at a command; in texts `%` stands for the command's tag.
#[derive(Clone)]
pub(crate) enum Act {
    /// Says this.
    Say(Vec<u8>),
    /// Says this and hangs up.
    End(Vec<u8>),
    /// Says the first, and then the second until the client has had enough.
    Flood(Vec<u8>, Vec<u8>),
    /// Says this over and over, a byte at a time.
    Drip(Vec<u8>),
}

/// What a server does at commands by what they contain; "" is the greeting, and the first that fits counts.
pub(crate) type Acts = Vec<(&'static str, Act)>;

/// The server, in clear text on loopback. Its INBOX holds two reports.
pub(crate) struct Hostile {
    pub(crate) port: u16,
}

impl Hostile {
    pub(crate) fn new(acts: Acts) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let acts = Arc::new(acts);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let acts = Arc::clone(&acts);
                // A client may hang up whenever it likes.
                std::thread::spawn(move || drop(serve(stream, &acts)));
            }
        });
        Self { port }
    }
}

fn serve(stream: TcpStream, acts: &Acts) -> std::io::Result<()> {
    let mut client = BufReader::new(stream);
    let greeting = match acts.iter().find(|(at, _)| at.is_empty()) {
        Some((_, act)) => act.clone(),
        None => Act::Say(b"* OK ready\r\n".to_vec()),
    };
    if !perform(client.get_mut(), &greeting, "*")? {
        return Ok(());
    }
    let mut is_moved = false;
    loop {
        let mut line = String::new();
        if client.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
        is_moved |= command.starts_with("UID MOVE");
        let scripted = acts.iter().find(|(at, _)| !at.is_empty() && command.contains(at));
        let act = match scripted {
            Some((_, act)) => act.clone(),
            None => Act::Say(well_behaved(command, is_moved)),
        };
        if !perform(client.get_mut(), &act, tag)? {
            return Ok(());
        }
    }
}

/// Whether the session goes on.
fn perform(client: &mut TcpStream, act: &Act, tag: &str) -> std::io::Result<bool> {
    match act {
        Act::Say(text) => client.write_all(&tagged(text, tag))?,
        Act::End(text) => {
            client.write_all(&tagged(text, tag))?;
            return Ok(false);
        }
        Act::Flood(first, rest) => {
            client.write_all(&tagged(first, tag))?;
            loop {
                client.write_all(rest)?;
            }
        }
        Act::Drip(text) => {
            for byte in text.iter().cycle() {
                client.write_all(&[*byte])?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    Ok(true)
}

/// The text with the tag where `%` begins a line.
fn tagged(text: &[u8], tag: &str) -> Vec<u8> {
    // A long text has it at its end only; to search it would look like silence.
    let (long, text) = text.split_at(text.len().saturating_sub(10_000));
    let mut result = long.to_vec();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_prefix(b"%") {
            Some(rest) => result.extend([tag.as_bytes(), rest].concat()),
            None => result.extend(line),
        }
    }
    result
}

fn well_behaved(command: &str, is_moved: bool) -> Vec<u8> {
    let untagged = if command.starts_with("CAPABILITY") {
        b"* CAPABILITY IMAP4rev1 UIDPLUS MOVE\r\n".to_vec()
    } else if command.starts_with("EXAMINE") || command.starts_with("SELECT") {
        b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 3] next\r\n".to_vec()
    } else if command.starts_with("LIST") {
        b"* LIST () \"/\" INBOX\r\n".to_vec()
    } else if is_moved {
        Vec::new()
    } else if command.contains("RFC822.SIZE") {
        (listed(1, 900) + &listed(2, 900)).into_bytes()
    } else if command.contains("BODY.PEEK") {
        [given(1, &mail(1)), given(2, &mail(2))].concat()
    } else if command.starts_with("UID FETCH") {
        b"* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n".to_vec()
    } else {
        Vec::new()
    };
    [untagged, b"% OK done\r\n".to_vec()].concat()
}

/// A report's mail, the same for the same number.
pub(crate) fn mail(n: u32) -> Vec<u8> {
    Report::quiet(format!("hostile-{n}")).mail()
}

/// A line of a list of mails.
pub(crate) fn listed(uid: u32, size: usize) -> String {
    format!("* {uid} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"07-Nov-2026 07:00:00 +0100\")\r\n")
}

/// A mail as the server gives it.
pub(crate) fn given(uid: u32, mail: &[u8]) -> Vec<u8> {
    let begin = format!("* {uid} FETCH (UID {uid} BODY[]<0> {{{}}}\r\n", mail.len());
    [begin.as_bytes(), mail, b")\r\n"].concat()
}
