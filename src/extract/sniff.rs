//! What bytes are, told by the bytes.

/// Whether these bytes begin a gzip stream (RFC 1952).
pub fn looks_like_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Whether these bytes begin a zip archive, an empty one too.
pub fn looks_like_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Whether these bytes begin a JSON object, in UTF-8 or, with a byte order mark, in UTF-16.
pub fn looks_like_json(bytes: &[u8]) -> bool {
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let marks = if is_utf16 { 2 } else { 3 };
    let has_mark = is_utf16 || bytes.starts_with(&[0xef, 0xbb, 0xbf]);
    let text = if has_mark {
        bytes.get(marks..).unwrap_or_default()
    } else {
        bytes
    };
    // The other half of each UTF-16 unit of ASCII is a NUL.
    let is_padding = |byte: u8| is_blank(byte) || (is_utf16 && byte == 0);
    text.iter().find(|byte| !is_padding(**byte)) == Some(&b'{')
}

/// Whether these bytes may lead to a report: JSON, gzip or zip.
pub(super) fn is_of_use(bytes: &[u8]) -> bool {
    looks_like_gzip(bytes) || looks_like_zip(bytes) || looks_like_json(bytes)
}
