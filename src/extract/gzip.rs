//! One member of a gzip stream (RFC 1952), with an inflate state that is used again and again: flate2's own reader of
//! gzip makes one for each member.

use std::io::{self, ErrorKind, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Bytes before the optional fields of the header.
const HEADER: usize = 10;
/// Flags of the header.
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

/// Where in a member the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Data,
    Trailer,
    End,
}

/// Reads one member.
pub(super) struct Member<'a, 's> {
    rest: &'a [u8],
    inflate: &'s mut Decompress,
    crc: Crc,
    stage: Stage,
}

impl<'a, 's> Member<'a, 's> {
    pub(super) fn new(bytes: &'a [u8], inflate: &'s mut Decompress) -> Self {
        inflate.reset(false);
        Self {
            rest: bytes,
            inflate,
            crc: Crc::new(),
            stage: Stage::Header,
        }
    }

    /// What follows as far as it was read.
    pub(super) fn into_rest(self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, n_bytes: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(n_bytes)
            .ok_or(ErrorKind::UnexpectedEof)?;
        self.rest = rest;
        Ok(taken)
    }

    fn header(&mut self) -> io::Result<()> {
        let &[0x1f, 0x8b, 8, flags, ..] = self.take(HEADER)? else {
            return Err(io::Error::new(ErrorKind::InvalidInput, "invalid gzip header"));
        };
        if flags & FEXTRA != 0 {
            let length = self
                .take(2)?
                .iter()
                .rev()
                .fold(0_u16, |sum, byte| (sum << 8) | u16::from(*byte));
            self.take(usize::from(length))?;
        }
        for flag in [FNAME, FCOMMENT] {
            if flags & flag != 0 {
                let end = memchr::memchr(0, self.rest).ok_or(ErrorKind::UnexpectedEof)?;
                self.take(end.saturating_add(1))?;
            }
        }
        if flags & FHCRC != 0 {
            self.take(2)?;
        }
        Ok(())
    }

    fn data(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (n_in, n_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(self.rest, out, FlushDecompress::None)
            .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "corrupt deflate stream"))?;
        let difference =
            |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
        let n_in = difference(self.inflate.total_in(), n_in);
        let n_out = difference(self.inflate.total_out(), n_out);
        self.take(n_in)?;
        self.crc.update(out.get(..n_out).unwrap_or_default());
        if status == Status::StreamEnd {
            self.stage = Stage::Trailer;
        } else if n_in == 0 && n_out == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(n_out)
    }

    /// Checksum and length.
    fn trailer(&mut self) -> io::Result<()> {
        self.stage = Stage::End;
        let trailer = self.take(8)?;
        let expected = [self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes()];
        if trailer == expected.as_flattened() {
            return Ok(());
        }
        Err(io::Error::new(
            ErrorKind::InvalidInput,
            "corrupt gzip stream does not have a matching checksum",
        ))
    }
}

impl Read for Member<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.stage == Stage::Header {
            self.header()?;
            self.stage = Stage::Data;
        }
        while self.stage == Stage::Data {
            let n_bytes = self.data(out)?;
            if n_bytes > 0 {
                return Ok(n_bytes);
            }
        }
        if self.stage == Stage::Trailer {
            self.trailer()?;
        }
        Ok(0)
    }
}
