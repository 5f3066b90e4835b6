//! Bytes to text.

use std::collections::BTreeSet;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::bounded::Budget;
use super::{ExtractError, deviation};

/// The text of a JSON document: UTF-8, UTF-16 with a byte order mark, else the charset that its part names, else
/// UTF-8 with U+FFFD for what is none.
pub(super) fn decode(
    bytes: Vec<u8>,
    charset: Option<&str>,
    budget: &mut Budget,
    deviations: &mut BTreeSet<&'static str>,
) -> Result<String, ExtractError> {
    if let Some((encoding, length)) = Encoding::for_bom(&bytes) {
        deviations.insert(deviation::BYTE_ORDER_MARK);
        let text = bytes.get(length..).unwrap_or_default();
        if encoding == UTF_16BE || encoding == UTF_16LE {
            deviations.insert(deviation::UTF16);
            return convert(text, encoding, budget, deviations);
        }
        return utf8(text.to_vec(), None, budget, deviations);
    }
    utf8(bytes, charset, budget, deviations)
}

fn utf8(
    bytes: Vec<u8>,
    charset: Option<&str>,
    budget: &mut Budget,
    deviations: &mut BTreeSet<&'static str>,
) -> Result<String, ExtractError> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error.into_bytes(),
    };
    let named = charset.and_then(|label| Encoding::for_label_no_replacement(label.as_bytes()));
    match named.filter(|encoding| encoding.is_ascii_compatible() && *encoding != UTF_8) {
        Some(encoding) => {
            deviations.insert(deviation::CHARSET);
            convert(&bytes, encoding, budget, deviations)
        }
        None => convert(&bytes, UTF_8, budget, deviations),
    }
}

/// Converts within the budget: a byte may become three.
fn convert(
    bytes: &[u8],
    encoding: &'static Encoding,
    budget: &mut Budget,
    deviations: &mut BTreeSet<&'static str>,
) -> Result<String, ExtractError> {
    /// Bytes converted at once.
    const CHUNK: usize = 64 * 1024;
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::new();
    let mut chunks = bytes.chunks(CHUNK).peekable();
    while let Some(chunk) = chunks.next() {
        let before = text.len();
        text.reserve(decoder.max_utf8_buffer_length(chunk.len()).unwrap_or(CHUNK));
        let (_, _, replaced) = decoder.decode_to_string(chunk, &mut text, chunks.peek().is_none());
        if replaced {
            deviations.insert(deviation::INVALID_UTF8);
        }
        budget.spend(text.len().saturating_sub(before))?;
    }
    Ok(text)
}
