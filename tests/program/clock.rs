//! The clock of the program, which every test sets: what it finds must not depend on the day, nor on the hour.

use std::ffi::OsString;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::faketime::library;

/// The day by the program's clock, UTC. It is noon when the tests start.
pub(crate) const TODAY: Date = date(2026, 11, 22);

/// What the environment holds for a program that is to have this clock.
#[expect(
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    reason = "this is where the true clock is left behind"
)]
pub(crate) fn set() -> [(&'static str, OsString); 3] {
    // Once, so that it goes on from one run of the program to the next.
    static OFFSET: OnceLock<i64> = OnceLock::new();
    let offset = OFFSET.get_or_init(|| {
        let noon = TODAY.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
        noon.as_second() - Timestamp::now().as_second()
    });
    [
        ("LD_PRELOAD", library().into()),
        ("FAKETIME", format!("{offset:+}").into()),
        // What measures durations goes on undisturbed.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ]
}
