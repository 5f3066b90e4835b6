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

#[cfg(test)]
mod tests {
    use super::*;

    /// `{}` as one stored block, behind a header with these flags and fields.
    fn member(flags: u8, fields: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(b"{}");
        let mut bytes = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
        bytes.extend(fields);
        bytes.extend([1, 2, 0, 0xfd, 0xff, b'{', b'}']);
        bytes.extend(crc.sum().to_le_bytes());
        bytes.extend(2_u32.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> (String, Option<ErrorKind>) {
        let mut inflate = Decompress::new(false);
        let mut text = String::new();
        let result = Member::new(bytes, &mut inflate).read_to_string(&mut text);
        (text, result.err().map(|error| error.kind()))
    }

    #[test]
    fn optional_fields_of_the_header_are_passed_over() {
        let all = FHCRC | FEXTRA | FNAME | FCOMMENT;
        for (flags, fields) in [
            (0, &b""[..]),
            (FNAME, b"a.json\0"),
            (FEXTRA, b"\x03\0abc"),
            (all, b"\x01\0xname\0comment\0\0\0"),
        ] {
            assert_eq!(read(&member(flags, fields)), ("{}".to_owned(), None), "{flags}");
        }
    }

    #[test]
    fn a_member_that_ends_anywhere_too_early_is_an_error() {
        let whole = member(FNAME, b"a.json\0");
        for n_bytes in 0..whole.len() {
            let (_, error) = read(&whole[..n_bytes]);
            assert_eq!(error, Some(ErrorKind::UnexpectedEof), "{n_bytes}");
        }
    }

    #[test]
    fn a_state_that_failed_reads_the_next_member() {
        let mut inflate = Decompress::new(false);
        let mut text = String::new();
        let broken = [&member(0, b"")[..10], &[0xff; 20]].concat();
        Member::new(&broken, &mut inflate)
            .read_to_string(&mut text)
            .unwrap_err();
        Member::new(&member(0, b""), &mut inflate)
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "{}");
    }
}
