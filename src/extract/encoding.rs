//! Transfer encodings (RFC 2045, Section 6), read leniently.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use super::header::Encoding;
use super::{deviation, sniff};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A part's content.
pub(super) fn decode<'a>(
    body: &'a [u8],
    encoding: Encoding,
    deviations: &mut BTreeSet<&'static str>,
) -> Cow<'a, [u8]> {
    match encoding {
        Encoding::Identity => Cow::Borrowed(body),
        Encoding::Base64 if sniff::is_of_use(body) => {
            deviations.insert(deviation::TRANSFER_ENCODING);
            Cow::Borrowed(body)
        }
        Encoding::Base64 => Cow::Owned(base64(body, deviations)),
        Encoding::QuotedPrintable => quoted_printable_decode(body).map_or_else(
            || {
                deviations.insert(deviation::TRANSFER_ENCODING);
                Cow::Borrowed(body)
            },
            Cow::Owned,
        ),
    }
}

/// Base64; at once where it is as nearly everybody sends it: lines of the alphabet alone, padding at the end.
fn base64(body: &[u8], deviations: &mut BTreeSet<&'static str>) -> Vec<u8> {
    /// Longer bodies aren't copied whole.
    const MAX_AT_ONCE: usize = 64 * 1024;
    if body.len() > MAX_AT_ONCE {
        return base64_among_others(body, deviations);
    }
    let mut characters = Vec::with_capacity(body.len());
    for line in body.split(|byte| *byte == b'\n') {
        characters.extend_from_slice(line.trim_ascii());
    }
    let end = characters.iter().rposition(|byte| *byte != b'=');
    characters.truncate(end.map_or(0, |end| end.saturating_add(1)));
    LENIENT
        .decode(&characters)
        .unwrap_or_else(|_| base64_among_others(body, deviations))
}

/// Base64 without what doesn't belong there: other bytes are dropped, padding ends a group.
fn base64_among_others(body: &[u8], deviations: &mut BTreeSet<&'static str>) -> Vec<u8> {
    /// Characters decoded at once; whole groups of four.
    const CHUNK: usize = 4 * 4096;
    let mut bytes = Vec::with_capacity(body.len().saturating_div(4).saturating_mul(3));
    let mut chunk = Vec::with_capacity(CHUNK.min(body.len()));
    for &byte in body {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => chunk.push(byte),
            b'=' => flush(&mut chunk, &mut bytes),
            byte if byte.is_ascii_whitespace() => {}
            _ => {
                deviations.insert(deviation::BASE64_STRAY_BYTES);
            }
        }
        if chunk.len() == CHUNK {
            flush(&mut chunk, &mut bytes);
        }
    }
    flush(&mut chunk, &mut bytes);
    bytes
}

fn flush(chunk: &mut Vec<u8>, bytes: &mut Vec<u8>) {
    if chunk.len() % 4 == 1 {
        // Six bits make no byte.
        chunk.pop();
    }
    // Only characters of the alphabet, in a possible number: nothing can fail.
    drop(LENIENT.decode_vec(&chunk, bytes));
    chunk.clear();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn base64_that_is_decoded_at_once_comes_to_the_same(body in "([A-Za-z0-9+/]{0,9}|\r\n|\n|=| |\t|-|\x0b|é){0,9}={0,3}\n?") {
            let (mut one, mut other) = (BTreeSet::new(), BTreeSet::new());
            let at_once = base64(body.as_bytes(), &mut one);
            prop_assert_eq!(at_once, base64_among_others(body.as_bytes(), &mut other));
            prop_assert_eq!(one, other);
        }
    }
}
