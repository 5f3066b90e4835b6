//! A mail's leaf parts, in one pass over its lines.
//!
//! mail-parser reads the header fields, but doesn't split the parts here: for each multipart whose boundary never
//! comes it scans to the mail's end (quadratic time), it keeps every part, and an attached mail nests its result.
//! A stack of open boundaries, as deep as `limits.nesting`, takes one pass and no memory.

use memchr::memchr;

use super::header::{self, Encoding, PartHeader};
use super::{Envelope, ExtractError};

/// A cursor over lines, each with its line end.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at.saturating_add(1));
        rest.get(..end).filter(|line| !line.is_empty())
    }

    /// Goes on to what follows the line that [`Lines::peek`] gave.
    pub(super) fn pass(&mut self, line: &[u8]) {
        self.at = self.at.saturating_add(line.len());
    }
}

/// A leaf part: neither multipart nor an attached mail as such.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    pub(super) header: PartHeader,
    /// Its body, still encoded.
    pub(super) body: &'a [u8],
    /// How many multiparts and mails it stands in.
    pub(super) depth: u32,
    /// Whether a header around it says that the mail is a TLS report.
    pub(super) announced: bool,
    /// Whether a boundary ended it, rather than the mail's end.
    pub(super) is_closed: bool,
}

/// A multipart whose end hasn't come.
#[derive(Debug)]
struct Open {
    boundary: Vec<u8>,
    header: PartHeader,
    start: usize,
    depth: u32,
    announced: bool,
    /// Whether its boundary has come at least once.
    is_begun: bool,
}

/// A leaf whose end hasn't come.
#[derive(Debug)]
struct Begun {
    header: PartHeader,
    start: usize,
    depth: u32,
    announced: bool,
}

/// Walks through one mail.
pub(super) struct Walk<'a, F> {
    lines: Lines<'a>,
    open: Vec<Open>,
    leaf: Option<Begun>,
    /// Of the mail's own header, once that was read.
    envelope: Option<Envelope>,
    max_depth: u32,
    visit: F,
}

impl<'a, F: FnMut(Leaf<'a>) -> Result<(), ExtractError>> Walk<'a, F> {
    /// Hands every leaf part of the mail to `visit`, in order, and gives the mail's own header fields; `depth` is what
    /// the mail itself stands in.
    ///
    /// # Errors
    ///
    /// [`ExtractError::Limit`] beyond `max_depth`, and what `visit` gives.
    pub(super) fn run(
        mail: &'a [u8],
        depth: u32,
        max_depth: u32,
        announced: bool,
        visit: F,
    ) -> Result<Envelope, ExtractError> {
        let mut walk = Self {
            lines: Lines::new(mail),
            open: Vec::new(),
            leaf: None,
            envelope: None,
            max_depth,
            visit,
        };
        walk.begin(depth, announced)?;
        while let Some(line) = walk.lines.peek() {
            let start = walk.lines.at;
            match walk
                .open
                .iter()
                .rposition(|open| boundary_end(line, &open.boundary).is_some())
            {
                None => walk.lines.pass(line),
                Some(level) => walk.at_boundary(level, line, start)?,
            }
        }
        let end = mail.len();
        walk.end_leaf(end, false)?;
        while let Some(open) = walk.open.pop() {
            walk.end_open(open, end)?;
        }
        Ok(walk.envelope.unwrap_or_default())
    }

    /// Reads a part's header and begins the part: a multipart, a leaf, or an attached mail, which has a header again.
    fn begin(&mut self, mut depth: u32, mut announced: bool) -> Result<(), ExtractError> {
        // There a part without a type is a mail (RFC 2046, Section 5.1.5).
        let mut is_in_digest = self
            .open
            .last()
            .is_some_and(|open| open.header.media_type == "multipart/digest");
        loop {
            if depth > self.max_depth {
                return Err(ExtractError::Limit {
                    limit: "nesting",
                    value: self.max_depth.into(),
                });
            }
            let open = &self.open;
            let mut header = header::read(&mut self.lines, |line| {
                line.starts_with(b"--")
                    && open
                        .iter()
                        .any(|open| boundary_end(line, &open.boundary).is_some())
            });
            let envelope = std::mem::take(&mut header.envelope);
            self.envelope.get_or_insert(envelope);
            announced |= header.announces_report;
            depth = depth.saturating_add(1);
            let start = self.lines.at;
            let is_mail = matches!(header.media_type.as_str(), "message/rfc822" | "message/global")
                || (is_in_digest && header.media_type.is_empty());
            is_in_digest = false;
            if is_mail && header.encoding == Encoding::Identity {
                continue;
            }
            match header
                .boundary
                .clone()
                .filter(|_| header.media_type.starts_with("multipart/"))
            {
                Some(boundary) => self.open.push(Open {
                    boundary: boundary.into_bytes(),
                    header,
                    start,
                    depth,
                    announced,
                    is_begun: false,
                }),
                None => {
                    self.leaf = Some(Begun {
                        header,
                        start,
                        depth: depth.saturating_sub(1),
                        announced,
                    });
                }
            }
            return Ok(());
        }
    }

    fn at_boundary(&mut self, level: usize, line: &'a [u8], start: usize) -> Result<(), ExtractError> {
        self.end_leaf(start, true)?;
        while self.open.len() > level.saturating_add(1) {
            if let Some(open) = self.open.pop() {
                self.end_open(open, start)?;
            }
        }
        self.lines.at = start.saturating_add(line.len());
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.is_begun = true;
        let (depth, announced) = (open.depth, open.announced);
        if boundary_end(line, &open.boundary) == Some(BoundaryEnd::Last) {
            self.open.pop();
            return Ok(());
        }
        self.begin(depth, announced)
    }

    fn end_leaf(&mut self, end: usize, is_closed: bool) -> Result<(), ExtractError> {
        let Some(leaf) = self.leaf.take() else {
            return Ok(());
        };
        let body = self.lines.bytes.get(leaf.start..end).unwrap_or_default();
        (self.visit)(Leaf {
            header: leaf.header,
            // The line end before a boundary belongs to the boundary (RFC 2046, Section 5.1.1).
            body: if is_closed { strip_line_end(body) } else { body },
            depth: leaf.depth,
            announced: leaf.announced,
            is_closed: is_closed || self.open.is_empty(),
        })
    }

    /// A multipart whose boundary never came is a leaf.
    fn end_open(&mut self, open: Open, end: usize) -> Result<(), ExtractError> {
        if open.is_begun {
            return Ok(());
        }
        let body = self.lines.bytes.get(open.start..end).unwrap_or_default();
        (self.visit)(Leaf {
            header: open.header,
            body,
            depth: open.depth,
            announced: open.announced,
            is_closed: false,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BoundaryEnd {
    Next,
    Last,
}

/// Whether the line is this boundary (RFC 2046, Section 5.1.1), and if so, which form of it.
fn boundary_end(line: &[u8], boundary: &[u8]) -> Option<BoundaryEnd> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    match rest.trim_ascii() {
        b"" => Some(BoundaryEnd::Next),
        b"--" => Some(BoundaryEnd::Last),
        _ => None,
    }
}

fn strip_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
