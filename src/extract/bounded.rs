//! Decompression that stops at a limit, whatever sizes are announced.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};

use flate2::Decompress;

use super::gzip::Member;
use super::{ExtractError, deviation, sniff};

/// Most members of one gzip stream; an empty one takes 20 bytes and some time.
const MAX_MEMBERS: usize = 1000;
/// Bytes after which it is clear whether they begin something of use.
const SNIFF_BYTES: usize = 1024;
/// Bytes read at once.
const CHUNK: usize = 32 * 1024;

thread_local! {
    /// What decompressing needs besides its output. Made for each mail anew it takes longer than a small report, and
    /// leaves holes in the heap.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

struct Scratch {
    inflate: Decompress,
    chunk: Box<[u8]>,
}

/// Lends what decompressing needs; what a panic takes away is made anew.
fn with_scratch<T>(act: impl FnOnce(&mut Scratch) -> T) -> T {
    let mut scratch = SCRATCH.take().unwrap_or_else(|| {
        Box::new(Scratch {
            inflate: Decompress::new(false),
            chunk: vec![0; CHUNK].into_boxed_slice(),
        })
    });
    let result = act(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}

/// How many bytes the parts of one mail may still decompress to.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    left: u64,
}

/// What a compressed stream gave.
#[derive(Debug, Default)]
pub(super) struct Inflated {
    /// Its bytes; only the first where they are of no use to us.
    pub(super) bytes: Vec<u8>,
    /// Whether anything came out.
    pub(super) is_empty: bool,
    /// Why it ended early.
    pub(super) error: Option<std::io::Error>,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, left: limit }
    }

    /// Takes so many bytes.
    pub(super) fn spend(&mut self, n_bytes: usize) -> Result<(), ExtractError> {
        let left = u64::try_from(n_bytes)
            .ok()
            .and_then(|n_bytes| self.left.checked_sub(n_bytes));
        self.left = left.ok_or(ExtractError::Limit {
            limit: "decompressed_bytes",
            value: self.limit,
        })?;
        Ok(())
    }

    /// Reads a decompressor to its end or first error, within the budget.
    ///
    /// What can't be JSON or an archive is counted and thrown away, so that a bomb takes no memory.
    pub(super) fn read(&mut self, from: impl Read) -> Result<Inflated, ExtractError> {
        with_scratch(|scratch| self.read_by(&mut scratch.chunk, from))
    }

    fn read_by(&mut self, chunk: &mut [u8], mut from: impl Read) -> Result<Inflated, ExtractError> {
        let mut inflated = Inflated {
            is_empty: true,
            ..Inflated::default()
        };
        let mut is_of_use = true;
        let mut is_judged = false;
        loop {
            let n_bytes = match from.read(chunk) {
                Ok(0) => break,
                Ok(n_bytes) => n_bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    inflated.error = Some(error);
                    break;
                }
            };
            self.spend(n_bytes)?;
            inflated.is_empty = false;
            if is_of_use {
                inflated
                    .bytes
                    .extend_from_slice(chunk.get(..n_bytes).unwrap_or_default());
                // Judged once: going over all bytes for each chunk would take quadratic time.
                if !is_judged && inflated.bytes.len() >= SNIFF_BYTES {
                    is_judged = true;
                    is_of_use = sniff::is_of_use(&inflated.bytes);
                }
            }
        }
        if !is_of_use {
            inflated.bytes.truncate(SNIFF_BYTES);
        }
        Ok(inflated)
    }

    /// Decompresses gzip (RFC 1952): all members, whatever follows them, as much as a damaged one gives.
    pub(super) fn gunzip(
        &mut self,
        compressed: &[u8],
        deviations: &mut BTreeSet<&'static str>,
    ) -> Result<Inflated, ExtractError> {
        let mut all = Inflated {
            is_empty: true,
            ..Inflated::default()
        };
        let mut rest = compressed;
        for n_member in 0..MAX_MEMBERS {
            if !sniff::looks_like_gzip(rest) {
                break;
            }
            let mut member = with_scratch(|scratch| {
                let mut reader = Member::new(rest, &mut scratch.inflate);
                let member = self.read_by(&mut scratch.chunk, &mut reader);
                rest = reader.into_rest();
                member
            })?;
            if n_member > 0 {
                deviations.insert(deviation::GZIP_MEMBERS);
            }
            all.is_empty &= member.is_empty;
            if all.bytes.is_empty() && n_member == 0 {
                all.bytes = member.bytes;
            } else {
                all.bytes.append(&mut member.bytes);
            }
            if let Some(error) = member.error {
                deviations.insert(match error.kind() {
                    ErrorKind::UnexpectedEof => deviation::GZIP_TRUNCATED,
                    _ => deviation::GZIP_CHECKSUM,
                });
                all.error = Some(error);
                return Ok(all);
            }
        }
        if !rest.is_empty() {
            deviations.insert(deviation::GZIP_TRAILING_BYTES);
        }
        Ok(all)
    }
}
