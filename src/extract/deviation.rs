//! The tolerances that getting at a report's JSON may need, by the name under which they are stored.

/// Base64 with bytes that don't belong there.
pub const BASE64_STRAY_BYTES: &str = "base64-stray-bytes";
/// A byte order mark.
pub const BYTE_ORDER_MARK: &str = "byte-order-mark";
/// Text in another charset.
pub const CHARSET: &str = "charset";
/// A multipart that isn't closed.
pub const BOUNDARY_NOT_CLOSED: &str = "boundary-not-closed";
/// A wrong checksum.
pub const GZIP_CHECKSUM: &str = "gzip-checksum";
/// Several gzip members.
pub const GZIP_MEMBERS: &str = "gzip-members";
/// gzip within gzip.
pub const GZIP_IN_GZIP: &str = "gzip-in-gzip";
/// Bytes after the gzip stream.
pub const GZIP_TRAILING_BYTES: &str = "gzip-trailing-bytes";
/// A gzip stream that ends early.
pub const GZIP_TRUNCATED: &str = "gzip-truncated";
/// Bytes that aren't UTF-8.
pub const INVALID_UTF8: &str = "invalid-utf8";
/// A transfer encoding that is announced but not there.
pub const TRANSFER_ENCODING: &str = "transfer-encoding";
/// UTF-16.
pub const UTF16: &str = "utf16";
/// A zip archive.
pub const ZIP: &str = "zip";
/// A zip entry with an error.
pub const ZIP_DAMAGED: &str = "zip-damaged";

/// Every name above with what it means; docs/sql.md lists them.
pub const ALL: &[(&str, &str)] = &[
    (
        BASE64_STRAY_BYTES,
        "the base64 of the attachment holds bytes that don't belong there; they were ignored",
    ),
    (BOUNDARY_NOT_CLOSED, "the mail's last boundary isn't closed"),
    (BYTE_ORDER_MARK, "the JSON begins with a byte order mark"),
    (
        CHARSET,
        "the JSON isn't UTF-8 but in the charset that its part names",
    ),
    (
        GZIP_CHECKSUM,
        "the gzip stream is damaged or its checksum is wrong; what came out was kept",
    ),
    (GZIP_IN_GZIP, "the gzip stream holds another gzip stream"),
    (
        GZIP_MEMBERS,
        "the gzip stream has several members; they were joined",
    ),
    (
        GZIP_TRAILING_BYTES,
        "something follows the gzip stream; it was ignored",
    ),
    (
        GZIP_TRUNCATED,
        "the gzip stream ends too early; what came out was kept",
    ),
    (
        INVALID_UTF8,
        "the JSON isn't valid UTF-8; wrong bytes became U+FFFD",
    ),
    (
        TRANSFER_ENCODING,
        "the part isn't in the transfer encoding that it names; it was read as it is",
    ),
    (UTF16, "the JSON is UTF-16"),
    (
        ZIP,
        "the report came in a zip archive, which RFC 8460 doesn't know",
    ),
    (
        ZIP_DAMAGED,
        "the zip entry is damaged or its checksum is wrong; what came out was kept",
    ),
];
