//! The least IMAP client that shows what is in a mailbox.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wait::LONG;

/// A session in clear text over loopback. Every command must succeed.
pub(crate) struct Imap {
    stream: BufReader<TcpStream>,
    n_commands: u32,
}

impl Imap {
    /// Connects and logs in.
    pub(crate) fn login(port: u16, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut session = Self {
            stream: BufReader::new(stream),
            n_commands: 0,
        };
        session.line();
        let secret = STANDARD.encode(format!("\0{user}\0{password}"));
        session.command(&format!("AUTHENTICATE PLAIN {secret}"));
        session
    }

    /// Runs a command and gives its untagged answers, with literals in place.
    pub(crate) fn command(&mut self, command: &str) -> Vec<Vec<u8>> {
        self.send(&format!("{command}\r\n"));
        self.answers(command)
    }

    /// UIDs and flags of all mails of a folder (its name on the wire), ascending; `\Recent` is left out.
    pub(crate) fn flags(&mut self, folder: &str) -> Vec<(u32, Vec<String>)> {
        self.command(&format!("EXAMINE \"{folder}\""));
        let answers = self.command("UID FETCH 1:* (FLAGS)");
        answers
            .iter()
            .filter_map(|answer| uid_and_flags(&text(answer)))
            .collect()
    }

    /// UIDs of all mails of a folder.
    pub(crate) fn uids(&mut self, folder: &str) -> Vec<u32> {
        self.flags(folder).into_iter().map(|(uid, _)| uid).collect()
    }

    /// The folders' names on the wire, sorted.
    pub(crate) fn folders(&mut self) -> Vec<String> {
        let answers = self.command("LIST \"\" \"*\"");
        let name = |line: &Vec<u8>| {
            text(line)
                .rsplit(' ')
                .next()
                .unwrap()
                .trim()
                .trim_matches('"')
                .to_owned()
        };
        let mut names: Vec<String> = answers.iter().map(name).collect();
        names.sort();
        names
    }

    /// One mail.
    pub(crate) fn fetch(&mut self, folder: &str, uid: u32) -> Vec<u8> {
        self.command(&format!("EXAMINE \"{folder}\""));
        let answers = self.command(&format!("UID FETCH {uid} (BODY.PEEK[])"));
        let answer = answers
            .iter()
            .find(|answer| text(answer).contains(" FETCH "))
            .expect("no such mail");
        let line_end = answer.iter().position(|byte| *byte == b'\n').unwrap();
        let announced = text(&answer[..line_end]);
        let n_bytes: usize = announced
            .trim()
            .rsplit('{')
            .next()
            .unwrap()
            .trim_end_matches('}')
            .parse()
            .unwrap();
        answer[line_end + 1..line_end + 1 + n_bytes].to_vec()
    }

    /// All mails of a folder.
    pub(crate) fn mails(&mut self, folder: &str) -> Vec<Vec<u8>> {
        self.uids(folder)
            .into_iter()
            .map(|uid| self.fetch(folder, uid))
            .collect()
    }

    /// Puts a mail into a folder.
    pub(crate) fn append(&mut self, folder: &str, mail: &[u8]) {
        self.append_received(folder, "", mail);
    }

    /// Puts a mail into a folder with its INTERNALDATE, as `"01-Oct-2026 00:00:00 +0000"`.
    pub(crate) fn append_received(&mut self, folder: &str, at: &str, mail: &[u8]) {
        self.send(&format!("APPEND \"{folder}\" {at} {{{}}}\r\n", mail.len()).replace("  ", " "));
        // Not every server takes a literal unasked (RFC 7888).
        let answer = self.line();
        assert!(
            answer.starts_with(b"+"),
            "APPEND is answered by {:?}",
            text(&answer)
        );
        self.stream.get_mut().write_all(mail).unwrap();
        self.send("\r\n");
        self.answers("APPEND");
    }

    fn send(&mut self, text: &str) {
        let tagged = if text == "\r\n" {
            text.to_owned()
        } else {
            self.n_commands += 1;
            format!("t{} {text}", self.n_commands)
        };
        self.stream.get_mut().write_all(tagged.as_bytes()).unwrap();
    }

    fn answers(&mut self, command: &str) -> Vec<Vec<u8>> {
        let tag = format!("t{} ", self.n_commands);
        let mut answers = Vec::new();
        loop {
            let answer = self.line();
            if let Some(status) = text(&answer).strip_prefix(&tag) {
                assert!(status.starts_with("OK"), "{command:?} is answered by {status:?}");
                return answers;
            }
            answers.push(answer);
        }
    }

    /// A line with the literals in it.
    fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        loop {
            let start = line.len();
            let n_bytes = self.stream.read_until(b'\n', &mut line).unwrap();
            assert!(n_bytes > 0, "the IMAP server hung up after {:?}", text(&line));
            let end = text(&line[start..]);
            let Some(length) = end
                .strip_suffix("}\r\n")
                .and_then(|end| end.rsplit('{').next()?.parse::<usize>().ok())
            else {
                return line;
            };
            let literal = line.len();
            line.resize(literal + length, 0);
            self.stream.read_exact(&mut line[literal..]).unwrap();
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads `* 1 FETCH (UID 7 FLAGS (\Seen))`.
fn uid_and_flags(answer: &str) -> Option<(u32, Vec<String>)> {
    let (_, uid) = answer.split_once("UID ")?;
    let uid = uid
        .split(|char: char| !char.is_ascii_digit())
        .next()?
        .parse()
        .ok()?;
    let (_, flags) = answer.split_once("FLAGS (")?;
    let flags = flags.split_once(')')?.0.split_whitespace();
    let mut flags: Vec<String> = flags
        .filter(|flag| *flag != "\\Recent")
        .map(str::to_owned)
        .collect();
    flags.sort();
    Some((uid, flags))
}
