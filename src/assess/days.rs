//! Arithmetic of days.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

const EPOCH: Date = Date::constant(1970, 1, 1);
const SECONDS: i64 = 86_400;

/// Days from one day to another; negative where the other comes first.
pub(super) fn between(from: Date, to: Date) -> i32 {
    let days = to.duration_since(from).as_hours() / 24;
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

/// So many days later.
pub(super) fn after(day: Date, days: i64) -> Date {
    let number = i32::try_from(days)
        .ok()
        .and_then(|days| number(day).checked_add(days));
    number.map_or_else(
        || day.saturating_add(days.clamp(-7_000_000, 7_000_000).days()),
        date,
    )
}

/// Days since 1970.
pub(super) fn number(day: Date) -> i32 {
    between(EPOCH, day)
}

/// Days to their numbers, quickly where one day is asked for many times in a row.
#[derive(Debug, Default)]
pub(super) struct Numbers(Option<(Date, i32)>);

impl Numbers {
    pub(super) fn of(&mut self, day: Date) -> i32 {
        match self.0 {
            Some((last, number)) if last == day => number,
            _ => {
                let number = number(day);
                self.0 = Some((day, number));
                number
            }
        }
    }
}

/// The day of that number, or the nearest that there is.
pub(super) fn date(number: i32) -> Date {
    // Many times faster than adding a span, but not for the last years of the calendar.
    let seconds = i64::from(number).saturating_mul(SECONDS);
    Timestamp::from_second(seconds).map_or_else(
        |_| EPOCH.saturating_add(i64::from(number).clamp(-7_000_000, 7_000_000).days()),
        |moment| Offset::UTC.to_datetime(moment).date(),
    )
}

/// Whether both days lie within seven days in a row.
pub(super) fn within_a_week(one: Date, other: Date) -> bool {
    between(one, other).abs() < 7
}
