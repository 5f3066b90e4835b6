//! How the long lists of a problem are kept: days by their distance, reporters by number.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::days::{after, between};
use super::history::Sum;
use super::problem::DayCount;

/// What the first distance is from.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Days in a row: how far the first is from the last one before, and how many more follow.
type Run = (i32, u32);

/// Lists of days.
pub(super) mod days {
    use super::{Date, Deserialize, Deserializer, EPOCH, Run, Serialize, Serializer, after, between};

    pub(in crate::assess) fn serialize<S: Serializer>(
        days: &[Date],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut runs: Vec<Run> = Vec::new();
        let mut last = EPOCH;
        for day in days {
            let gap = between(last, *day);
            last = *day;
            match runs.last_mut() {
                Some((_, more)) if gap == 1 => *more = more.saturating_add(1),
                _ => runs.push((gap, 0)),
            }
        }
        runs.serialize(serializer)
    }

    pub(in crate::assess) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Date>, D::Error> {
        let mut days = Vec::new();
        let mut last = EPOCH;
        for (gap, more) in Vec::<Run>::deserialize(deserializer)? {
            last = after(last, i64::from(gap));
            days.push(last);
            for _ in 0..more {
                let Ok(next) = last.tomorrow() else {
                    break;
                };
                last = next;
                days.push(last);
            }
        }
        Ok(days)
    }
}

/// A count: its day's distance from the one before, its reporter's number, failed and all connections.
type Count = (i32, usize, Sum, Sum);

/// Counts of days.
pub(super) mod counts {
    use super::{
        Count, DayCount, Deserialize, Deserializer, EPOCH, HashMap, Serialize, Serializer, after, between,
    };

    pub(in crate::assess) fn serialize<S: Serializer>(
        counts: &[DayCount],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut reporters: Vec<&str> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut rows: Vec<Count> = Vec::with_capacity(counts.len());
        let mut last = EPOCH;
        for count in counts {
            let number = *numbers.entry(&count.reporter).or_insert_with(|| {
                reporters.push(&count.reporter);
                reporters.len().saturating_sub(1)
            });
            rows.push((between(last, count.day), number, count.failed, count.total));
            last = count.day;
        }
        (reporters, rows).serialize(serializer)
    }

    pub(in crate::assess) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<DayCount>, D::Error> {
        let (reporters, rows) = <(Vec<String>, Vec<Count>)>::deserialize(deserializer)?;
        let mut last = EPOCH;
        let counts = rows.into_iter().map(|(gap, number, failed, total)| {
            if gap != 0 {
                last = after(last, i64::from(gap));
            }
            DayCount {
                day: last,
                reporter: reporters.get(number).cloned().unwrap_or_default(),
                failed,
                total,
            }
        });
        Ok(counts.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::days::date;
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Lists {
        #[serde(with = "days")]
        days: Vec<Date>,
        #[serde(with = "counts")]
        counts: Vec<DayCount>,
    }

    fn count() -> impl Strategy<Value = DayCount> {
        let sum = || (any::<u64>(), any::<bool>()).prop_map(Sum::from);
        (-9_i32..30_000, "[ab]{1,2}", sum(), sum()).prop_map(|(day, reporter, failed, total)| DayCount {
            day: date(day),
            reporter,
            failed,
            total,
        })
    }

    proptest! {
        #[test]
        fn lists_are_read_as_they_were_kept(
            days in proptest::collection::vec(-400_000_i32..400_000, 0..9),
            run in 0_i32..9,
            counts in proptest::collection::vec(count(), 0..9),
        ) {
            let days = days.iter().flat_map(|day| (*day..=day.saturating_add(run)).map(date)).collect();
            let lists = Lists { days, counts };
            let kept = postcard::to_stdvec(&lists).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Lists>(&kept).unwrap(), lists);
        }
    }
}
