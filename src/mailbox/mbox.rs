//! Messages of an mbox file, one after the other in bounded memory.
//!
//! The format is mboxrd: a message begins with a `From ` line and ends with an empty line, and one `>` is taken
//! off lines such as `>>From `. Plain mbox (mboxo), which quotes `From ` only, reads the same.

use std::io::{self, BufRead};

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, fmt::strtime};

use super::maildir::Bounded;

/// Longest piece of a line held beside the message, in bytes.
const MAX_PIECE: usize = 64 * 1024;

/// A message of an mbox.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The date in the `From ` line.
    pub(super) received_at: Option<Timestamp>,
    /// The message without `From ` line and quoting.
    pub(super) content: Bounded,
}

/// Whether content that begins like this is an mbox.
pub(super) fn is_mbox(head: &[u8]) -> bool {
    // "From : a@example.org" is a header field in old spelling.
    head.strip_prefix(b"From ")
        .is_some_and(|rest| !rest.trim_ascii_start().starts_with(b":"))
}

/// Reads an mbox message by message.
pub(super) struct Reader<R> {
    source: R,
    limit: u64,
    /// The date of the `From ` line that was read last.
    received_at: Option<Timestamp>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing read yet.
    Start,
    /// Behind a `From ` line.
    InMessage,
    /// At the end, or behind an error.
    Done,
}

impl<R: BufRead> Reader<R> {
    /// Messages larger than `limit` bytes are passed over, and the next one is found.
    pub(super) fn new(source: R, limit: u64) -> Self {
        Self {
            source,
            limit,
            received_at: None,
            state: State::Start,
        }
    }

    fn message(&mut self) -> io::Result<Option<Message>> {
        let mut piece = Vec::new();
        if self.state == State::Start {
            let whole = self.piece(&mut piece)?;
            self.received_at = date(&piece);
            self.skip_line(whole)?;
        }
        let received_at = self.received_at;
        let mut body = Body::new(self.limit);
        let mut line_start = true;
        // The empty line before a `From ` line belongs to the format and not to the message.
        let mut held = Vec::new();
        let mut any = false;
        loop {
            let whole = self.piece(&mut piece)?;
            if piece.is_empty() {
                self.state = State::Done;
                break;
            }
            let after_blank = line_start && (!held.is_empty() || !any);
            if after_blank && piece.starts_with(b"From ") {
                self.received_at = date(&piece);
                self.skip_line(whole)?;
                self.state = State::InMessage;
                break;
            }
            any = true;
            body.push(&held);
            held.clear();
            if line_start && matches!(piece.as_slice(), b"\n" | b"\r\n") {
                held.extend_from_slice(&piece);
            } else if line_start {
                body.push(unquoted(&piece));
            } else {
                body.push(&piece);
            }
            line_start = whole;
        }
        Ok(Some(Message {
            received_at,
            content: body.finish(),
        }))
    }

    /// Reads a line, or a piece of a very long one, into `piece`; whether it ended with a line break.
    fn piece(&mut self, piece: &mut Vec<u8>) -> io::Result<bool> {
        piece.clear();
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let room = MAX_PIECE.saturating_sub(piece.len());
            let window = available.get(..room).unwrap_or(available);
            let line: &[u8] = window
                .split_inclusive(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default();
            piece.extend_from_slice(line);
            let n_used = line.len();
            self.source.consume(n_used);
            if piece.ends_with(b"\n") {
                return Ok(true);
            }
            if n_used == 0 || piece.len() >= MAX_PIECE {
                return Ok(false);
            }
        }
    }

    /// Reads on to the end of a line of which a piece was read.
    fn skip_line(&mut self, mut whole: bool) -> io::Result<()> {
        let mut piece = Vec::new();
        while !whole {
            whole = self.piece(&mut piece)?;
            if piece.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Done {
            return None;
        }
        let message = self.message();
        if message.is_err() {
            self.state = State::Done;
        }
        message.transpose()
    }
}

/// Collects a message up to the limit and counts on from there.
struct Body {
    bytes: Vec<u8>,
    size: u64,
    limit: u64,
}

impl Body {
    fn new(limit: u64) -> Self {
        Self {
            bytes: Vec::new(),
            size: 0,
            limit,
        }
    }

    fn push(&mut self, piece: &[u8]) {
        self.size = self
            .size
            .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if self.size > self.limit {
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(piece);
        }
    }

    fn finish(self) -> Bounded {
        if self.size > self.limit {
            Bounded::TooLarge { size: self.size }
        } else {
            Bounded::Bytes(self.bytes)
        }
    }
}

/// The line with one `>` less if it is a quoted `From ` line.
fn unquoted(line: &[u8]) -> &[u8] {
    match line.strip_prefix(b">") {
        Some(rest) => {
            let n_quotes = rest.iter().take_while(|byte| **byte == b'>').count();
            let quoted = rest
                .get(n_quotes..)
                .is_some_and(|text| text.starts_with(b"From "));
            if quoted { rest } else { line }
        }
        None => line,
    }
}

/// The date of a line such as `From a@example.org Sat Nov 21 07:00:00 2026`, with or without a numeric zone
/// before or behind the year; without one it is UTC.
fn date(line: &[u8]) -> Option<Timestamp> {
    let line = String::from_utf8_lossy(line.get(..line.len().min(1000))?);
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let weekday = words
        .iter()
        .rposition(|word| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(word))?;
    let mut words = words.into_iter().skip(weekday.saturating_add(1));
    let (month, day, time) = (words.next()?, words.next()?, words.next()?);
    let (zones, years): (Vec<&str>, Vec<&str>) = words.partition(|word| word.starts_with(['+', '-']));
    let year = years.into_iter().rfind(|word| word.parse::<i16>().is_ok())?;
    let civil: DateTime = strtime::parse("%Y %b %d %H:%M:%S", format!("{year} {month} {day} {time}"))
        .and_then(|parsed| parsed.to_datetime())
        .ok()?;
    let offset = match zones.first() {
        Some(zone) => strtime::parse("%z", zone).ok()?.offset()?,
        None => Offset::UTC,
    };
    civil
        .to_zoned(TimeZone::fixed(offset))
        .map(|zoned| zoned.timestamp())
        .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(mbox: &[u8], limit: u64) -> Vec<Bounded> {
        Reader::new(mbox, limit)
            .map(|message| message.unwrap().content)
            .collect()
    }

    fn bytes(text: &str) -> Bounded {
        Bounded::Bytes(text.as_bytes().to_vec())
    }

    /// Writes mails as mboxrd does.
    fn written(mails: &[Vec<u8>]) -> Vec<u8> {
        let mut mbox = Vec::new();
        for mail in mails {
            mbox.extend_from_slice(b"From MAILER-DAEMON Sat Nov 21 07:00:00 2026\n");
            for line in mail.split_inclusive(|byte| *byte == b'\n') {
                let n_quotes = line.iter().take_while(|byte| **byte == b'>').count();
                if line[n_quotes..].starts_with(b"From ") {
                    mbox.push(b'>');
                }
                mbox.extend_from_slice(line);
            }
            mbox.push(b'\n');
        }
        mbox
    }

    #[test]
    fn messages_are_split_at_from_lines_after_an_empty_line() {
        let mbox = b"From a@example.org Sat Nov 21 07:00:00 2026\nSubject: 1\n\none\nFrom here on\n\nFrom b\nSubject: 2\n";
        assert_eq!(
            split(mbox, 100),
            [bytes("Subject: 1\n\none\nFrom here on\n"), bytes("Subject: 2\n")]
        );
    }

    #[test]
    fn one_level_of_quoting_is_taken_off() {
        let mbox = b"From a\n\n>From x\n>>From y\n>Fromage\n> From z\n\n";
        assert_eq!(
            split(mbox, 100),
            [bytes("\nFrom x\n>From y\n>Fromage\n> From z\n")]
        );
    }

    #[test]
    fn line_breaks_of_windows_are_kept_and_understood() {
        let mbox = b"From a\r\nSubject: 1\r\n\r\none\r\n\r\nFrom b\r\nSubject: 2\r\n";
        assert_eq!(
            split(mbox, 100),
            [bytes("Subject: 1\r\n\r\none\r\n"), bytes("Subject: 2\r\n")]
        );
    }

    #[test]
    fn message_over_the_limit_is_measured_and_the_next_one_found() {
        let long = [vec![b'x'; 999_999], b"\n".to_vec()].concat();
        let mbox = written(&[long, b"Subject: 2\n".to_vec()]);
        assert_eq!(
            split(&mbox, 100),
            [Bounded::TooLarge { size: 1_000_000 }, bytes("Subject: 2\n")]
        );
    }

    #[test]
    fn endless_line_is_passed_over_in_bounded_memory() {
        let endless = io::BufReader::new(io::Read::take(io::repeat(b'x'), 50_000_000));
        let mbox = io::BufReader::new(io::Read::chain(&b"From a\n"[..], endless));
        let messages: Vec<_> = Reader::new(mbox, 100).collect();
        assert_eq!(messages.len(), 1);
        assert_eq!(
            messages[0].as_ref().unwrap().content,
            Bounded::TooLarge { size: 50_000_000 }
        );
    }

    #[test]
    fn dates_of_from_lines_are_read_with_and_without_zone() {
        let utc = "2026-11-21T07:00:00Z".parse().ok();
        let east = "2026-11-21T05:00:00Z".parse().ok();
        for (line, expected) in [
            ("From a@example.org Sat Nov 21 07:00:00 2026\n", utc),
            ("From - Sat Nov 21 07:00:00 2026\r\n", utc),
            ("From 17@xxx Sat Nov 21 07:00:00 +0200 2026", east),
            ("From a Sat Nov 21 07:00:00 2026 +0200", east),
            ("From a@example.org", None),
            ("From a Sat Foo 21 07:00:00 2026", None),
            ("From a Sat Nov 99 07:00:00 2026", None),
        ] {
            assert_eq!(date(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn header_field_in_old_spelling_is_no_mbox() {
        assert!(!is_mbox(b"From : a@example.org\n"));
        assert!(!is_mbox(b"From: a@example.org\n"));
        assert!(is_mbox(b"From a@example.org Sat Nov 21"));
    }

    /// Bytes in which the words of the format are frequent.
    fn mail() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"From ".to_vec()),
            Just(b">".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..5),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| {
            let mut mail = pieces.concat();
            mail.push(b'\n');
            mail
        })
    }

    proptest! {
        #[test]
        fn mails_written_as_mboxrd_come_back(mails in prop::collection::vec(mail(), 1..6)) {
            let expected: Vec<_> = mails.iter().cloned().map(Bounded::Bytes).collect();
            prop_assert_eq!(split(&written(&mails), 10_000), expected);
        }

        #[test]
        fn arbitrary_bytes_are_split_without_panic(mbox in mail(), limit in 0_u64..50) {
            let n_messages = split(&mbox, limit).len();
            prop_assert!(n_messages >= 1);
        }
    }
}
