//! An IMAP server that behaves but where the test says otherwise, and remembers what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::reports::Report;

/// What the server does at a command; in texts `%` stands for the command's tag.
#[derive(Clone)]
pub(crate) enum Act {
    /// Says this.
    Say(Vec<u8>),
    /// Says this and then what a server that behaves says.
    SayFirst(Vec<u8>),
    /// Says this and hangs up.
    End(Vec<u8>),
    /// Does as it was told and hangs up without a word.
    ObeyAndEnd,
    /// Says the first, and then the second until the client has had enough.
    Flood(Vec<u8>, Vec<u8>),
    /// Says this over and over, a byte at a time.
    Drip(Vec<u8>),
}

/// What a server does at commands by what they contain; "" is the greeting, and the first that fits counts. `SASL` is
/// a client's line in answer to a `+`. A text that ends with `#2` is for the second such command of a session only.
pub(crate) type Acts = Vec<(&'static str, Act)>;

/// The server, in clear text on loopback. Its INBOX holds two reports.
pub(crate) struct Hostile {
    pub(crate) port: u16,
    mailbox: Arc<Mutex<Mailbox>>,
}

struct Mailbox {
    acts: Acts,
    /// What clients have said, without tags.
    heard: Vec<String>,
    uid_validity: u32,
    uid_next: u32,
    inbox: BTreeMap<u32, Vec<u8>>,
    /// Those of them that are marked as deleted.
    marked: BTreeSet<u32>,
    /// The folder to move to, once it was made.
    target: Option<Vec<Vec<u8>>>,
}

impl Hostile {
    pub(crate) fn new(acts: Acts) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mailbox = Arc::new(Mutex::new(Mailbox {
            acts,
            heard: Vec::new(),
            uid_validity: 7,
            uid_next: 3,
            inbox: BTreeMap::from([(1, mail(1)), (2, mail(2))]),
            marked: BTreeSet::new(),
            target: None,
        }));
        let shared = Arc::clone(&mailbox);
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let shared = Arc::clone(&shared);
                // A client may hang up whenever it likes.
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Self { port, mailbox }
    }

    /// Behaves otherwise from the next command on.
    pub(crate) fn set(&self, acts: Acts) {
        self.mailbox.lock().unwrap().acts = acts;
    }

    /// What clients have said so far, without tags.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.mailbox.lock().unwrap().heard.clone()
    }

    /// Commands that change what is in folders.
    pub(crate) fn changes(&self) -> Vec<String> {
        let verbs = [
            "UID COPY",
            "UID MOVE",
            "UID STORE",
            "UID EXPUNGE",
            "EXPUNGE",
            "CLOSE",
        ];
        let is_change = |command: &String| verbs.iter().any(|verb| command.starts_with(verb));
        self.heard().into_iter().filter(is_change).collect()
    }

    /// The UIDs in INBOX.
    pub(crate) fn inbox(&self) -> Vec<u32> {
        self.mailbox.lock().unwrap().inbox.keys().copied().collect()
    }

    /// How often the mail of this number is in INBOX, and in the folder that mails were moved to.
    pub(crate) fn copies(&self, n: u32) -> (usize, usize) {
        let id = format!("<hostile-{n}@");
        let is_wanted = |mail: &&Vec<u8>| String::from_utf8_lossy(mail).contains(&id);
        let mailbox = self.mailbox.lock().unwrap();
        let n_inbox = mailbox.inbox.values().filter(is_wanted).count();
        (n_inbox, mailbox.target.iter().flatten().filter(is_wanted).count())
    }

    /// Another mail comes in.
    pub(crate) fn deliver(&self, mail: Vec<u8>) {
        let mut mailbox = self.mailbox.lock().unwrap();
        let uid = mailbox.uid_next;
        mailbox.uid_next += 1;
        mailbox.inbox.insert(uid, mail);
    }

    /// INBOX is made anew: another UIDVALIDITY, and the same mails in another order, so that each UID means another.
    pub(crate) fn renumber(&self) {
        let mut mailbox = self.mailbox.lock().unwrap();
        mailbox.uid_validity += 1;
        let mails: Vec<Vec<u8>> = mailbox.inbox.values().rev().cloned().collect();
        mailbox.inbox = (1..).zip(mails).collect();
    }
}

fn serve(stream: TcpStream, mailbox: &Mutex<Mailbox>) -> std::io::Result<()> {
    let mut client = BufReader::new(stream);
    let greeting = mailbox.lock().unwrap().acts.iter().find_map(|(at, act)| {
        let is_greeting = at.is_empty();
        is_greeting.then(|| act.clone())
    });
    let greeting = greeting.unwrap_or(Act::Say(b"* OK ready\r\n".to_vec()));
    if !perform(client.get_mut(), &greeting, "*", &[])? {
        return Ok(());
    }
    let (mut n_heard, mut authenticating) = (BTreeMap::new(), None::<String>);
    loop {
        let mut line = String::new();
        if client.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let (tag, command) = if let Some(tag) = authenticating.take() {
            (tag, format!("SASL {line}"))
        } else {
            let (tag, command) = line.split_once(' ').unwrap_or_default();
            (tag.to_owned(), command.to_owned())
        };
        let (act, usual) = {
            let mut mailbox = mailbox.lock().unwrap();
            mailbox.heard.push(command.clone());
            let act = mailbox.scripted(&command, &mut n_heard);
            let obeys = matches!(act, None | Some(Act::ObeyAndEnd | Act::SayFirst(_)));
            let usual = if obeys { mailbox.obey(&command) } else { Vec::new() };
            (act.unwrap_or_else(|| Act::Say(usual.clone())), usual)
        };
        // A scripted answer to AUTHENTICATE doesn't ask for more.
        authenticating = usual.starts_with(b"+").then(|| tag.clone());
        if !perform(client.get_mut(), &act, &tag, &usual)? {
            return Ok(());
        }
    }
}

/// Whether the session goes on.
fn perform(client: &mut TcpStream, act: &Act, tag: &str, usual: &[u8]) -> std::io::Result<bool> {
    match act {
        Act::Say(text) => client.write_all(&tagged(text, tag))?,
        Act::SayFirst(text) => client.write_all(&tagged(&[text, usual].concat(), tag))?,
        Act::End(text) => {
            client.write_all(&tagged(text, tag))?;
            return Ok(false);
        }
        Act::ObeyAndEnd => return Ok(false),
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

impl Mailbox {
    /// The act for a command; `n_heard` counts commands by the texts that they contain.
    fn scripted(&self, command: &str, n_heard: &mut BTreeMap<&'static str, u32>) -> Option<Act> {
        let mut found = None;
        for (at, act) in self.acts.iter().filter(|(at, _)| !at.is_empty()) {
            let (text, nth) = at.split_once('#').unwrap_or((at, ""));
            if command.contains(text) {
                let n = n_heard.entry(at).or_default();
                *n += 1;
                if found.is_none() && (nth.is_empty() || nth.parse() == Ok(*n)) {
                    found = Some(act.clone());
                }
            }
        }
        found
    }

    /// Does what a command asks for, and answers.
    fn obey(&mut self, command: &str) -> Vec<u8> {
        let words: Vec<&str> = command.split(' ').collect();
        let uids = words.get(2).map_or_else(Vec::new, |set| self.there(set));
        let untagged = match words.as_slice() {
            ["CAPABILITY", ..] => b"* CAPABILITY IMAP4rev1 UIDPLUS MOVE\r\n".to_vec(),
            ["AUTHENTICATE", ..] => return b"+ \r\n".to_vec(),
            ["EXAMINE" | "SELECT", ..] => self.opened(),
            ["STATUS", ..] => format!("* STATUS INBOX (UIDNEXT {})\r\n", self.uid_next).into_bytes(),
            ["LIST", ..] if self.target.is_some() => {
                b"* LIST () \"/\" INBOX\r\n* LIST () \"/\" Done\r\n".to_vec()
            }
            ["LIST", ..] => b"* LIST () \"/\" INBOX\r\n".to_vec(),
            ["CREATE", ..] => {
                self.target = Some(Vec::new());
                Vec::new()
            }
            ["UID", "COPY" | "MOVE", ..] if self.target.is_none() => {
                return b"% NO [TRYCREATE] make it first\r\n".to_vec();
            }
            ["UID", verb @ ("COPY" | "MOVE"), ..] => {
                let mails = uids.iter().map(|uid| self.inbox[uid].clone());
                self.target.get_or_insert_default().extend(mails);
                if *verb == "MOVE" {
                    self.inbox.retain(|uid, _| !uids.contains(uid));
                }
                Vec::new()
            }
            ["UID", "STORE", ..] => {
                self.marked.extend(uids);
                Vec::new()
            }
            ["UID", "EXPUNGE", ..] => {
                let marked = &self.marked;
                self.inbox
                    .retain(|uid, _| !(uids.contains(uid) && marked.contains(uid)));
                Vec::new()
            }
            ["UID", "FETCH", ..] => self.fetched(&uids, command),
            _ => Vec::new(),
        };
        [untagged, b"% OK done\r\n".to_vec()].concat()
    }

    fn opened(&self) -> Vec<u8> {
        let (n_mails, validity, next) = (self.inbox.len(), self.uid_validity, self.uid_next);
        format!("* {n_mails} EXISTS\r\n* OK [UIDVALIDITY {validity}] valid\r\n* OK [UIDNEXT {next}] next\r\n")
            .into_bytes()
    }

    fn fetched(&self, uids: &[u32], command: &str) -> Vec<u8> {
        uids.iter()
            .flat_map(|uid| {
                let mail = &self.inbox[uid];
                if command.contains("RFC822.SIZE") {
                    listed(*uid, mail.len()).into_bytes()
                } else if command.contains("BODY.PEEK") {
                    given(*uid, mail)
                } else {
                    format!("* {uid} FETCH (UID {uid})\r\n").into_bytes()
                }
            })
            .collect()
    }

    /// The UIDs in INBOX that are in a set such as `1:3,7`.
    fn there(&self, set: &str) -> Vec<u32> {
        let is_in = |uid: u32| {
            set.split(',').any(|range| {
                let (first, last) = range.split_once(':').unwrap_or((range, range));
                first.parse().is_ok_and(|first: u32| first <= uid)
                    && last.parse().is_ok_and(|last: u32| uid <= last)
            })
        };
        self.inbox.keys().copied().filter(|uid| is_in(*uid)).collect()
    }
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
