//! The failing days of a problem, and what each reporter says of it on them.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::count::{Index, Row, failed, failed_of};
use super::history::Sum;

/// What one reporter says of a problem on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fail {
    pub(super) failed: Sum,
    pub(super) total: Sum,
    /// Of the failed, those of joined rows.
    pub(super) unspecified: Sum,
    /// Whether the report counts all of them as successful.
    pub(super) is_in_spite: bool,
}

/// The failing days of a problem, each by reporter.
#[derive(Debug, Default)]
pub(super) struct Days<'h> {
    /// Who fails on any of them: their places among all by name, and their names, in this order.
    pub(super) reporters: Vec<(usize, &'h str)>,
    list: Vec<FailingDay>,
    /// With the reporter's place in `reporters`.
    fails: Vec<(usize, Fail)>,
}

#[derive(Debug, Clone, Copy)]
struct FailingDay {
    day: Date,
    number: i32,
    /// Which of `fails` are the day's.
    from: usize,
    to: usize,
}

/// Who says what on one day, by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnDay<'d, 'h> {
    pub(super) day: Date,
    pub(super) number: i32,
    reporters: &'d [(usize, &'h str)],
    /// With the reporter's place in [`Days::reporters`].
    pub(super) fails: &'d [(usize, Fail)],
}

impl<'d, 'h> OnDay<'d, 'h> {
    /// By name.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'h str, &'d Fail)> {
        let name = |at: usize| self.reporters.get(at).map(|(_, name)| *name);
        self.fails
            .iter()
            .filter_map(move |(at, fail)| Some((name(*at)?, fail)))
    }

    pub(super) fn contains_key(self, reporter: &str) -> bool {
        let place = self.reporters.binary_search_by_key(&reporter, |(_, name)| *name);
        place.is_ok_and(|place| self.has(place))
    }

    /// Whether the reporter in this place of [`Days::reporters`] fails.
    pub(super) fn has(self, place: usize) -> bool {
        // Anybody may be many reporters.
        self.fails
            .binary_search_by_key(&place, |(other, _)| *other)
            .is_ok()
    }
}

impl<'h> Days<'h> {
    fn on(&self, day: FailingDay) -> OnDay<'_, 'h> {
        OnDay {
            day: day.day,
            number: day.number,
            reporters: &self.reporters,
            fails: self.fails.get(day.from..day.to).unwrap_or_default(),
        }
    }

    /// The one in this place.
    pub(super) fn at(&self, place: usize) -> Option<OnDay<'_, 'h>> {
        self.list.get(place).map(|day| self.on(*day))
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = OnDay<'_, 'h>> {
        self.list.iter().map(|day| self.on(*day))
    }

    /// Those within this range, oldest first.
    pub(super) fn range(&self, range: RangeInclusive<Date>) -> impl Iterator<Item = OnDay<'_, 'h>> {
        let start = self.list.partition_point(|day| day.day < *range.start());
        let days = self.list.get(start..).unwrap_or_default().iter();
        days.take_while(move |day| day.day <= *range.end())
            .map(|day| self.on(*day))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as a map is asked")]
    pub(super) fn get(&self, day: &Date) -> Option<OnDay<'_, 'h>> {
        let at = self.list.binary_search_by_key(day, |day| day.day).ok()?;
        self.list.get(at).map(|day| self.on(*day))
    }

    /// Their numbers, oldest first.
    pub(super) fn numbers(&self) -> Vec<i32> {
        self.list.iter().map(|day| day.number).collect()
    }

    /// The place in `reporters` of who has this one among all.
    pub(super) fn place(&self, by: usize) -> Option<usize> {
        self.reporters.binary_search_by_key(&by, |(by, _)| *by).ok()
    }
}

/// The failing days of these rows.
pub(super) fn days<'h>(index: &Index<'h>, rows: &[Row<'h>]) -> Days<'h> {
    let mut reporters: Vec<(usize, &str)> = Vec::new();
    for row in rows {
        if reporters.last().is_none_or(|(by, _)| *by != row.by) {
            reporters.push((row.by, row.reporter()));
        }
    }
    reporters.sort_unstable_by_key(|(by, _)| *by);
    reporters.dedup_by_key(|(by, _)| *by);
    let mut days = Days {
        reporters,
        ..Days::default()
    };
    let mut rows: Vec<&Row<'h>> = rows.iter().collect();
    rows.sort_unstable_by_key(|row| (row.number, row.by, row.entry_at));
    for rows in rows.chunk_by(|one, other| (one.number, one.by) == (other.number, other.by)) {
        let Some((first, place)) = rows.first().and_then(|row| Some((row, days.place(row.by)?))) else {
            continue;
        };
        let all = failed_of(rows);
        let mut total = index.total(rows);
        // Detected without being counted: mox does so for mail that was sent without encryption.
        total.known = total.known.max(all.known);
        let is_joined = rows.iter().any(|row| row.is_joined);
        let fail = Fail {
            failed: all,
            total,
            unspecified: if is_joined {
                failed(rows.iter().copied().filter(|row| row.is_joined))
            } else {
                Sum::default()
            },
            is_in_spite: rows.iter().all(|row| row.is_in_spite()),
        };
        let from = days.fails.len();
        days.fails.push((place, fail));
        let to = days.fails.len();
        match days.list.last_mut().filter(|last| last.number == first.number) {
            Some(last) => last.to = to,
            None => days.list.push(FailingDay {
                day: first.day(),
                number: first.number,
                from,
                to,
            }),
        }
    }
    days
}
