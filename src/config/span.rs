//! A span of whole days, or for ever.

use std::fmt;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Deserializer, de};

/// How far back something reaches: `"400d"` or `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// This many days.
    Days(u32),
    /// Without end.
    Forever,
}

impl Span {
    /// The moment this span before `now`; `None` for ever.
    pub fn before(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::Days(days) => Some(
                now.to_zoned(TimeZone::UTC)
                    .checked_sub(i64::from(days).days())
                    .map_or(Timestamp::MIN, |then| then.timestamp()),
            ),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write!(f, "{days}d"),
            Self::Forever => f.write_str("forever"),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        match (text.as_str(), days) {
            ("forever", _) => Ok(Self::Forever),
            (_, Some(days)) => Ok(Self::Days(days)),
            (_, None) => Err(de::Error::custom(format!(
                "{text:?} is not a span; write whole days such as \"400d\", or \"forever\""
            ))),
        }
    }
}
