//! Which lines of an IMAP server the parser may see (RFC 9051, Section 7).

use std::io;
use std::time::Duration;

use memchr::memchr2;

use super::Allowance;

/// Longest answer, literals not counted, in bytes. We ask for nothing longer; the parser is quadratic.
const MAX_ANSWER: usize = 64 * 1024;
/// Most parentheses that one answer may open, quoted or not: a bound on the parser's recursion that holds
/// however the parser reads the line. What we ask for has three.
const MAX_PARENTHESES: usize = 60;
/// Longest folder name that comes as a literal, in bytes.
const MAX_NAME: u64 = 4096;

/// Why a server's bytes are not handed to the parser.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::mailbox) enum Breach {
    #[error("the server sent a line longer than {MAX_ANSWER} bytes")]
    LongLine,
    #[error("the server sent an answer with more than {MAX_PARENTHESES} parentheses")]
    Parentheses,
    #[error("the server announced {announced} bytes where at most {limit} are taken")]
    Literal { announced: u64, limit: u64 },
    #[error("the server sent a literal where none belongs")]
    MisplacedLiteral,
    #[error("the server sent more than {0} bytes for one command")]
    TooMuch(u64),
    #[error("the server sent something that is not IMAP")]
    NotImap,
    #[error("the server was silent for {} s", .0.as_secs_f32())]
    Silent(Duration),
}

impl From<Breach> for io::Error {
    fn from(breach: Breach) -> Self {
        let kind = match breach {
            Breach::Silent(_) => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, breach)
    }
}

/// What status lines said; async-imap hides some of it.
#[derive(Debug, Clone, Default)]
pub(in crate::mailbox) struct Heard {
    /// The text of the last tagged OK, NO or BAD, with its code.
    pub(in crate::mailbox) tagged: String,
    /// The text of BYE.
    pub(in crate::mailbox) bye: Option<String>,
    /// The words of the last untagged CAPABILITY, in upper case.
    pub(in crate::mailbox) capabilities: Vec<String>,
}

/// What is done with a line.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mailbox) enum Verdict {
    /// To the parser; `literal` bytes follow unseen.
    Pass { literal: u64 },
    /// Away with it.
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// OK, NO, BAD, BYE, PREAUTH or `+`: text up to the line end.
    Status,
    /// FETCH, which may hold literals.
    Fetch,
    /// LIST, LSUB or STATUS, where the name may be a literal.
    Named,
    /// CAPABILITY, FLAGS, EXISTS, RECENT, EXPUNGE.
    Plain,
    /// What we never ask for.
    Unasked,
}

/// The answer that is being read: a line, or several with literals between them.
#[derive(Debug, Default)]
pub(in crate::mailbox) struct Answer {
    pub(in crate::mailbox) heard: Heard,
    allowance: Allowance,
    /// Bytes outside literals since the command began.
    n_plain: u64,
    /// None: the next line begins an answer.
    kind: Option<Kind>,
    length: usize,
    parentheses: usize,
    depth: usize,
    n_literal: u64,
}

impl Answer {
    pub(in crate::mailbox) fn begin(&mut self, allowance: Allowance) {
        self.allowance = allowance;
        self.n_plain = 0;
        self.heard.tagged.clear();
    }

    /// Whether `pending` bytes without a line end may still become a line.
    pub(in crate::mailbox) fn fits(&self, pending: usize) -> Result<(), Breach> {
        if self.length.saturating_add(pending) > MAX_ANSWER {
            return Err(Breach::LongLine);
        }
        Ok(())
    }

    /// Judges a line with its CRLF; the first of an answer, or what follows a literal.
    pub(in crate::mailbox) fn line(&mut self, line: &mut [u8]) -> Result<Verdict, Breach> {
        self.fits(line.len())?;
        self.count(line)?;
        // A lone CR or LF could mean a line end to us and not to the parser, or the reverse.
        let body = match line {
            [body @ .., b'\r', b'\n'] if !body.contains(&b'\r') => body,
            _ => return Err(Breach::NotImap),
        };
        let literal = announced(body)?;
        let follows_literal = self.kind.is_some();
        let kind = match self.kind {
            Some(kind) => kind,
            None => classify(body).ok_or(Breach::NotImap)?,
        };
        match (kind, literal) {
            (Kind::Status, None) => {
                self.listen(body)?;
                Ok(self.end(Verdict::Pass { literal: 0 }))
            }
            (Kind::Plain, None) => {
                self.listen_capability(body);
                Ok(self.end(Verdict::Pass { literal: 0 }))
            }
            (Kind::Unasked, None) => Ok(self.end(Verdict::Drop)),
            (Kind::Status | Kind::Plain | Kind::Unasked, Some(_)) => Err(Breach::MisplacedLiteral),
            (Kind::Fetch | Kind::Named, _) => {
                self.kind = Some(kind);
                self.structured(kind, body, literal, follows_literal)
            }
        }
    }

    fn count(&mut self, line: &[u8]) -> Result<(), Breach> {
        self.length = self.length.saturating_add(line.len());
        self.n_plain = self
            .n_plain
            .saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        if self.n_plain > self.allowance.plain {
            return Err(Breach::TooMuch(self.allowance.plain));
        }
        for byte in line {
            self.parentheses = self.parentheses.saturating_add(usize::from(*byte == b'('));
        }
        if self.parentheses > MAX_PARENTHESES {
            return Err(Breach::Parentheses);
        }
        Ok(())
    }

    fn end(&mut self, verdict: Verdict) -> Verdict {
        self.kind = None;
        self.length = 0;
        self.parentheses = 0;
        self.depth = 0;
        self.n_literal = 0;
        verdict
    }

    /// FETCH, LIST and STATUS. Whatever the parser might read across a line end is refused: open quotes,
    /// open parentheses, literals anywhere but behind `BODY[…] ` in a FETCH or as a name.
    fn structured(
        &mut self,
        kind: Kind,
        body: &mut [u8],
        literal: Option<u64>,
        follows_literal: bool,
    ) -> Result<Verdict, Breach> {
        hide_missing_date(body);
        let depth = depth_after(body, self.depth, follows_literal);
        let Some(announced) = literal else {
            return match (kind, depth) {
                (_, Some(0)) => Ok(self.end(Verdict::Pass { literal: 0 })),
                // A folder name that the parser could not read would end the session; it is left out.
                (Kind::Named, _) if !follows_literal => Ok(self.end(Verdict::Drop)),
                _ => Err(Breach::NotImap),
            };
        };
        let text = before_literal(body);
        let (limit, is_expected) = match kind {
            Kind::Fetch => (
                self.allowance.literal,
                depth == Some(1) && (text.ends_with(b"] ") || text.ends_with(b"> ")),
            ),
            _ => (MAX_NAME, depth == Some(0) && text.ends_with(b" ")),
        };
        if !is_expected {
            return Err(Breach::MisplacedLiteral);
        }
        self.depth = depth.unwrap_or_default();
        self.n_literal = self.n_literal.saturating_add(announced);
        if self.n_literal > limit {
            return Err(Breach::Literal { announced, limit });
        }
        Ok(Verdict::Pass { literal: announced })
    }

    fn listen(&mut self, body: &[u8]) -> Result<(), Breach> {
        // imap-proto cuts the byte behind the code's bracket and panics if that splits a character.
        if body
            .windows(2)
            .any(|pair| matches!(pair, [b']', next] if !next.is_ascii()))
        {
            return Err(Breach::NotImap);
        }
        let text = String::from_utf8_lossy(body);
        let mut words = text.splitn(3, ' ');
        let (first, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rest = words.next().unwrap_or_default().to_owned();
        if first == "*" && status.eq_ignore_ascii_case("BYE") {
            self.heard.bye = Some(rest);
        } else if !matches!(first, "*" | "+") {
            self.heard.tagged = rest;
        }
        Ok(())
    }

    fn listen_capability(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body).to_ascii_uppercase();
        if let Some(words) = text.strip_prefix("* CAPABILITY ") {
            self.heard.capabilities = words.split(' ').map(str::to_owned).collect();
        }
    }
}

fn classify(body: &[u8]) -> Option<Kind> {
    if body.is_empty() {
        return Some(Kind::Unasked);
    }
    if body.starts_with(b"+") {
        return Some(Kind::Status);
    }
    let mut words = body.split(|byte| *byte == b' ');
    let (first, second, third) = (words.next()?, words.next()?, words.next());
    let is = |word: &[u8], names: &[&str]| {
        names
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    if first != b"*" {
        // async-imap's tags.
        let is_tag = matches!(first, [b'A', digits @ ..] if is_number(digits));
        return (is_tag && is(second, &["OK", "NO", "BAD"])).then_some(Kind::Status);
    }
    if is(second, &["OK", "NO", "BAD", "BYE", "PREAUTH"]) {
        return Some(Kind::Status);
    }
    if is(second, &["LIST", "LSUB", "STATUS"]) {
        return Some(Kind::Named);
    }
    if is(second, &["CAPABILITY", "FLAGS"]) {
        return Some(Kind::Plain);
    }
    Some(match third {
        Some(word) if is_number(second) && is(word, &["FETCH"]) => Kind::Fetch,
        Some(word) if is_number(second) && is(word, &["EXISTS", "RECENT", "EXPUNGE"]) => Kind::Plain,
        _ => Kind::Unasked,
    })
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// The size of a literal that this line announces at its end.
fn announced(body: &[u8]) -> Result<Option<u64>, Breach> {
    let digits = match body {
        [rest @ .., b'}'] => match rest.iter().rposition(|byte| !byte.is_ascii_digit()) {
            Some(at) if rest.get(at) == Some(&b'{') => rest.get(at.saturating_add(1)..).unwrap_or_default(),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    if digits.is_empty() {
        return Ok(None);
    }
    let number: String = digits.iter().copied().map(char::from).collect();
    match number.parse::<u32>() {
        Ok(announced) => Ok(Some(announced.into())),
        Err(_) => Err(Breach::Literal {
            announced: number.parse().unwrap_or(u64::MAX),
            limit: u32::MAX.into(),
        }),
    }
}

/// What stands before the `{n}` at the end.
fn before_literal(body: &[u8]) -> &[u8] {
    let at = body.iter().rposition(|byte| *byte == b'{').unwrap_or_default();
    body.get(..at).unwrap_or_default()
}

/// How many parentheses are open after `text`; `None` if they or the quotes in it are not in order.
/// Quoted strings must begin and end at the border of a word, and end on their line.
fn depth_after(text: &[u8], depth: usize, follows_literal: bool) -> Option<usize> {
    let mut depth = depth;
    let mut is_quoted = false;
    let mut is_escaped = false;
    let mut must_end = follows_literal;
    let mut may_begin = false;
    for &byte in text {
        if is_quoted {
            match (is_escaped, byte) {
                (true, b'"' | b'\\') => is_escaped = false,
                (true, _) => return None,
                (false, b'\\') => is_escaped = true,
                (false, b'"') => (is_quoted, must_end) = (false, true),
                (false, _) => {}
            }
            continue;
        }
        if must_end && !matches!(byte, b' ' | b')') {
            return None;
        }
        must_end = false;
        match byte {
            b'"' if may_begin => is_quoted = true,
            b'"' => return None,
            b'(' => depth = depth.checked_add(1)?,
            b')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        may_begin = matches!(byte, b' ' | b'(');
    }
    (!is_quoted).then_some(depth)
}

/// imap-proto panics on `INTERNALDATE NIL`; under another name it passes over it.
fn hide_missing_date(body: &mut [u8]) {
    const MISSING: &[u8] = b"INTERNALDATE NIL";
    let mut from = 0_usize;
    while let Some(rest) = body.get_mut(from..)
        && let Some(at) = memchr2(b'I', b'i', rest)
    {
        let end = at.saturating_add(MISSING.len());
        if let Some(name) = rest.get_mut(at..end)
            && name.eq_ignore_ascii_case(MISSING)
            && let Some(first) = name.first_mut()
        {
            *first = b'X';
        }
        from = from.saturating_add(at).saturating_add(1);
    }
}
