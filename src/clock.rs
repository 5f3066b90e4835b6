//! The one place that reads the clock; everything else takes `now` as a parameter.

use jiff::Timestamp;

/// This moment, to the second.
#[expect(clippy::disallowed_methods, reason = "the one clock")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
