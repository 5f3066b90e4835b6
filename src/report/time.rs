//! The date-times of a report's date range.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::deviation;
use super::object::{Kind, kind, string};
use super::value::Reader;

/// Longest text that can be a date-time.
const MAX_DATE_TIME: usize = 64;
/// From here on a number counts milliseconds: in seconds it would lie beyond the year 5000.
const MIN_MILLISECONDS: i64 = 100_000_000_000;

impl Reader {
    /// A date-time of the date range, to the second.
    ///
    /// RFC 8460, Section 4.4 asks for RFC 3339. Microsoft has been seen to leave out the zone; such a time is UTC.
    pub(super) fn date_time(&mut self, value: Option<&RawValue>) -> Option<Timestamp> {
        let value = value?;
        let time = match kind(value) {
            Kind::String => string(value).and_then(|(text, _)| self.parse_date_time(text.trim())),
            Kind::Number => self.epoch(value.get()),
            _ => None,
        };
        if time.is_none() {
            self.note(deviation::DATE_TIME_UNREADABLE);
        }
        time
    }

    fn parse_date_time(&mut self, text: &str) -> Option<Timestamp> {
        if text.is_empty() || text.len() > MAX_DATE_TIME || text.starts_with(['-', '+']) {
            return None;
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return self.epoch(text);
        }
        if let Some(time) = self.instant(text) {
            return whole_second(time);
        }
        // RFC 8460, Section 4.1 itself speaks of 24:00.
        let (date, rest) = text.split_at_checked(10)?;
        let rest = rest.strip_prefix(['T', 't', ' '])?.strip_prefix("24:00")?;
        let time = self.instant(&format!("{date}T00:00{rest}"))?;
        self.note(deviation::DATE_TIME_AT_24);
        whole_second(time.checked_add(SignedDuration::from_hours(24)).ok()?)
    }

    fn instant(&mut self, text: &str) -> Option<Timestamp> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Some(time);
        }
        let local: DateTime = text.parse().ok()?;
        let time = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
        self.note(deviation::DATE_TIME_WITHOUT_ZONE);
        Some(time)
    }

    fn epoch(&mut self, text: &str) -> Option<Timestamp> {
        let number: i64 = text.split('.').next()?.parse().ok()?;
        let time = if number.abs() >= MIN_MILLISECONDS {
            Timestamp::from_millisecond(number).ok()?
        } else {
            Timestamp::from_second(number).ok()?
        };
        self.note(deviation::DATE_TIME_AS_EPOCH);
        whole_second(time)
    }
}

/// Without fraction, and only of years that four digits can write.
fn whole_second(time: Timestamp) -> Option<Timestamp> {
    let year_0 = -62_167_219_200;
    let second = time.as_second();
    // The fraction of a time before 1970 is negative: round down there too.
    let second = if time.subsec_nanosecond() < 0 {
        second.checked_sub(1)?
    } else {
        second
    };
    (second >= year_0)
        .then(|| Timestamp::from_second(second).ok())
        .flatten()
}
