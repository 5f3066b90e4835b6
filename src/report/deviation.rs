//! The tolerances that reading a report may need, by the name under which they are stored.

/// A member name other than RFC 8460's.
pub const ALIAS_KEY: &str = "alias-key";
/// A count written as a string of digits.
pub const COUNT_AS_STRING: &str = "count-as-string";
/// A whole count written with a fraction or an exponent.
pub const COUNT_AS_FLOAT: &str = "count-as-float";
/// A count that isn't there.
pub const COUNT_MISSING: &str = "count-missing";
/// A count that can't be read.
pub const COUNT_UNREADABLE: &str = "count-unreadable";
/// A raw control character within a string.
pub const CONTROL_CHARACTER: &str = "control-character";
/// No usable start or end.
pub const DATE_RANGE_INFERRED: &str = "date-range-inferred";
/// A date-time without zone.
pub const DATE_TIME_WITHOUT_ZONE: &str = "date-time-without-zone";
/// A date-time as seconds or milliseconds since 1970.
pub const DATE_TIME_AS_EPOCH: &str = "date-time-as-epoch";
/// A date-time at 24:00.
pub const DATE_TIME_AT_24: &str = "date-time-at-24";
/// A date-time that can't be read.
pub const DATE_TIME_UNREADABLE: &str = "date-time-unreadable";
/// Details that don't add up to the summary.
pub const DETAILS_DIFFER: &str = "details-differ-from-summary";
/// A member name twice in one object.
pub const DUPLICATE_KEY: &str = "duplicate-key";
/// An empty string where a value belongs.
pub const EMPTY_VALUE: &str = "empty-value";
/// An end before the start.
pub const END_BEFORE_START: &str = "end-before-start";
/// An entry of a list that isn't an object.
pub const ENTRY_SKIPPED: &str = "entry-skipped";
/// A list in a string.
pub const JSON_IN_STRING: &str = "json-in-string";
/// Half a surrogate pair.
pub const LONE_SURROGATE: &str = "lone-surrogate";
/// An "mx-host" with a leading `mx:`.
pub const MX_PREFIX: &str = "mx-prefix";
/// A value that isn't a string where one belongs.
pub const NOT_A_STRING: &str = "not-a-string";
/// A null.
pub const NULL_VALUE: &str = "null-value";
/// An address that isn't one.
pub const IP_UNREADABLE: &str = "ip-unreadable";
/// No policy domain.
pub const POLICY_DOMAIN_INFERRED: &str = "policy-domain-inferred";
/// No policy domain, and nothing to infer it from.
pub const POLICY_DOMAIN_MISSING: &str = "policy-domain-missing";
/// No policy type.
pub const POLICY_TYPE_MISSING: &str = "policy-type-missing";
/// No report-id.
pub const REPORT_ID_DERIVED: &str = "report-id-derived";
/// A single object or string in place of a list.
pub const SINGLE_FOR_LIST: &str = "single-for-list";
/// Bytes after the document.
pub const TRAILING_BYTES: &str = "trailing-bytes";
/// A text or list that is too long.
pub const TRUNCATED: &str = "truncated";
/// A known type in another spelling.
pub const TYPE_SPELLING: &str = "type-spelling";
/// A domain in Unicode.
pub const U_LABEL: &str = "u-label";

/// Every name above with what it means; docs/sql.md lists them.
pub const ALL: &[(&str, &str)] = &[
    (
        ALIAS_KEY,
        "a member has another name than RFC 8460 gives it, such as additional-info-uri",
    ),
    (COUNT_AS_STRING, "a count is a string of digits"),
    (
        COUNT_AS_FLOAT,
        "a whole count is written with a fraction or an exponent, such as 12.0",
    ),
    (COUNT_MISSING, "a count is absent; it is taken as 0"),
    (
        COUNT_UNREADABLE,
        "a count is null, negative, fractional, too large or no number; it is stored as NULL",
    ),
    (
        CONTROL_CHARACTER,
        "a string holds raw control characters; they were read as blanks",
    ),
    (
        DATE_RANGE_INFERRED,
        "start or end is absent or unreadable; it comes from the file name, else from the mail's Date",
    ),
    (
        DATE_TIME_WITHOUT_ZONE,
        "a date-time has no zone; it is taken as UTC",
    ),
    (
        DATE_TIME_AS_EPOCH,
        "a date-time is a number of seconds or milliseconds since 1970",
    ),
    (
        DATE_TIME_AT_24,
        "a date-time is at 24:00; it is taken as 00:00 of the next day",
    ),
    (
        DATE_TIME_UNREADABLE,
        "a date-time can't be read or isn't within the years 0 to 9999",
    ),
    (
        DETAILS_DIFFER,
        "the failure details don't add up to the summary's failures, which RFC 8460 allows",
    ),
    (DUPLICATE_KEY, "an object has a member twice; the last one counts"),
    (EMPTY_VALUE, "a value is an empty string; it is taken as absent"),
    (
        END_BEFORE_START,
        "the date range ends before it starts; it is kept as sent",
    ),
    (
        ENTRY_SKIPPED,
        "an entry of policies or failure-details isn't an object; it was skipped",
    ),
    (IP_UNREADABLE, "an IP address can't be read; it is kept as sent"),
    (JSON_IN_STRING, "a list is JSON within a string; it was unpacked"),
    (
        LONE_SURROGATE,
        "a string holds half a surrogate pair; it was replaced by U+FFFD",
    ),
    (MX_PREFIX, "an mx-host begins with \"mx:\"; that was stripped"),
    (NOT_A_STRING, "a value is no string where RFC 8460 wants one"),
    (NULL_VALUE, "a value is null; it is taken as absent"),
    (
        POLICY_DOMAIN_INFERRED,
        "policy-domain is absent; it comes from the mail's header, the file name or the report-id",
    ),
    (
        POLICY_DOMAIN_MISSING,
        "policy-domain is absent and nothing says it",
    ),
    (POLICY_TYPE_MISSING, "policy-type is absent"),
    (
        REPORT_ID_DERIVED,
        "report-id is absent; it was derived from the content",
    ),
    (
        SINGLE_FOR_LIST,
        "a single object or string stands in place of a list",
    ),
    (
        TRAILING_BYTES,
        "something follows the JSON document; it was ignored",
    ),
    (
        TRUNCATED,
        "a text or list is longer than is kept (4096 bytes, 1000 entries); the rest was dropped",
    ),
    (
        TYPE_SPELLING,
        "a policy-type or result-type is known but spelt otherwise, such as in upper case",
    ),
    (U_LABEL, "a domain is in Unicode; it is stored as an A-label"),
];
