//! Sets of days, 64 to a word: of many days in a row, as reporters know them, twelve words are two years.

use jiff::civil::Date;

use super::days::{self, number};

/// Days of a word.
const BITS: i32 = 64;

/// A set of days. It takes no more memory than a list of them, however far apart they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DaySet(
    /// Words that aren't empty, by number.
    Vec<(i32, u64)>,
);

impl DaySet {
    /// Adds a day, quickly if it comes after all others.
    pub(super) fn insert(&mut self, day: Date) {
        let (word, bit) = place(day);
        match self.0.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            Some((last, _)) if *last > word => match self.0.binary_search_by_key(&word, |(word, _)| *word) {
                Ok(at) => self
                    .0
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|(_, bits)| *bits |= bit),
                Err(at) => self.0.insert(at, (word, bit)),
            },
            _ => self.0.push((word, bit)),
        }
    }

    /// Adds the days of another set.
    pub(super) fn add(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        let mut new = Vec::new();
        let mut own = self.0.iter_mut().peekable();
        for (word, bits) in &other.0 {
            while own.next_if(|(own, _)| own < word).is_some() {}
            match own.peek_mut() {
                Some((own, own_bits)) if own == word => *own_bits |= bits,
                _ => new.push((*word, *bits)),
            }
        }
        if !new.is_empty() {
            self.0.append(&mut new);
            self.0.sort_unstable();
        }
    }

    /// Removes the days of another set.
    pub(super) fn remove(&mut self, other: &Self) {
        self.each(|word, bits| bits & !other.word(word));
    }

    /// Removes the days that aren't in another set.
    pub(super) fn keep(&mut self, other: &Self) {
        self.each(|word, bits| bits & other.word(word));
    }

    /// Removes the days before this one.
    pub(super) fn keep_since(&mut self, first: Date) {
        let (start, bit) = place(first);
        self.each(|word, bits| match word {
            word if word < start => 0,
            word if word == start => bits & from(bit),
            _ => bits,
        });
    }

    fn each(&mut self, change: impl Fn(i32, u64) -> u64) {
        self.0.retain_mut(|(word, bits)| {
            *bits = change(*word, *bits);
            *bits != 0
        });
    }

    fn word(&self, word: i32) -> u64 {
        let at = self.0.binary_search_by_key(&word, |(word, _)| *word);
        at.ok().and_then(|at| self.0.get(at)).map_or(0, |(_, bits)| *bits)
    }

    /// Whether the day is one of them.
    pub(super) fn contains(&self, day: Date) -> bool {
        let (word, bit) = place(day);
        self.word(word) & bit != 0
    }

    /// The words of the days after `from` and before `before`.
    fn words(&self, after: Date, before: Date) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        let (first, first_bit) = place(after);
        let (last, last_bit) = place(before);
        let start = self.0.partition_point(|(word, _)| *word < first);
        let end = self.0.partition_point(|(word, _)| *word <= last);
        let words = self.0.get(start..end).unwrap_or_default();
        words.iter().map(move |(word, bits)| {
            let mut bits = *bits;
            if *word == first {
                bits &= from(first_bit) & !first_bit;
            }
            if *word == last {
                bits &= !from(last_bit);
            }
            (*word, bits)
        })
    }

    /// How many lie after `after` and before `before`.
    pub(super) fn count(&self, after: Date, before: Date) -> u32 {
        let counts = self.words(after, before).map(|(_, bits)| bits.count_ones());
        counts.fold(0, u32::saturating_add)
    }

    /// The numbers of the days after `after` and before `before`, oldest first.
    pub(super) fn numbers(&self, after: Date, before: Date) -> impl Iterator<Item = i32> {
        self.words(after, before)
            .flat_map(|(word, bits)| numbers(word, bits))
    }

    /// The days after `after` and before `before`, oldest first.
    pub(super) fn between(&self, after: Date, before: Date) -> impl Iterator<Item = Date> {
        self.numbers(after, before).map(days::date)
    }

    /// The `n`-th of these days, from 0 on.
    pub(super) fn nth(&self, after: Date, before: Date, n: u32) -> Option<Date> {
        let mut left = n;
        for (word, bits) in self.words(after, before) {
            let count = bits.count_ones();
            if left < count {
                return numbers(word, bits)
                    .nth(usize::try_from(left).ok()?)
                    .map(days::date);
            }
            left = left.saturating_sub(count);
        }
        None
    }

    /// The newest day up to this one.
    pub(super) fn newest(&self, up_to: Date) -> Option<Date> {
        let (last, bit) = place(up_to);
        let end = self.0.partition_point(|(word, _)| *word <= last);
        let words = self.0.get(..end)?.iter().rev();
        words
            .map(|(word, bits)| {
                (
                    *word,
                    if *word == last {
                        bits & (bit | !from(bit))
                    } else {
                        *bits
                    },
                )
            })
            .find(|(_, bits)| *bits != 0)
            .map(|(word, bits)| {
                days::date(of(
                    word,
                    u64::BITS.saturating_sub(1).saturating_sub(bits.leading_zeros()),
                ))
            })
    }

    /// All days from this one on, oldest first.
    pub(super) fn since(&self, first: Date) -> impl Iterator<Item = Date> {
        let is_first = self.contains(first).then_some(first);
        is_first.into_iter().chain(self.between(first, Date::MAX))
    }
}

/// The word and bit of a day.
fn place(day: Date) -> (i32, u64) {
    let number = number(day);
    let bit = number.rem_euclid(BITS).unsigned_abs();
    (number.div_euclid(BITS), 1_u64.checked_shl(bit).unwrap_or(0))
}

/// This bit and all later ones.
fn from(bit: u64) -> u64 {
    !bit.saturating_sub(1)
}

/// The number of the day of a bit.
fn of(word: i32, bit: u32) -> i32 {
    word.saturating_mul(BITS).saturating_add(bit.cast_signed())
}

/// The days of a word, oldest first.
fn numbers(word: i32, mut bits: u64) -> impl Iterator<Item = i32> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let bit = bits.trailing_zeros();
            bits &= bits.saturating_sub(1);
            of(word, bit)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::assess::days::{after, date};

    fn day() -> impl Strategy<Value = Date> {
        // Mostly near each other, before and after 1970, and far from all others.
        prop_oneof![8 => -200_i32..200, 1 => -4_000_000_i32..2_900_000].prop_map(date)
    }

    fn days() -> impl Strategy<Value = BTreeSet<Date>> {
        proptest::collection::btree_set(day(), 0..60)
    }

    fn set(days: impl IntoIterator<Item = Date>) -> DaySet {
        let mut set = DaySet::default();
        days.into_iter().for_each(|day| set.insert(day));
        set
    }

    fn all(set: &DaySet) -> Vec<Date> {
        set.between(Date::MIN, Date::MAX).collect()
    }

    proptest! {
        #[test]
        fn days_of_a_set_are_found_as_in_a_sorted_list(one in days(), from in day(), to in day(), n in 0_u32..9) {
            let own = set(one.iter().rev().copied());
            prop_assert_eq!(&own, &set(one.iter().copied()));
            let within = |day: &&Date| **day > from && **day < to;
            let expected: Vec<Date> = one.iter().filter(within).copied().collect();
            prop_assert_eq!(own.between(from, to).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(own.count(from, to), u32::try_from(expected.len()).unwrap());
            prop_assert_eq!(own.nth(from, to, n), expected.get(usize::try_from(n).unwrap()).copied());
            prop_assert_eq!(own.newest(to), one.range(..=to).next_back().copied());
            prop_assert_eq!(own.contains(to), one.contains(&to));
            let since: Vec<Date> = one.range(from..).copied().collect();
            prop_assert_eq!(own.since(from).collect::<Vec<_>>(), since.clone());
            let mut kept = own;
            kept.keep_since(from);
            prop_assert_eq!(all(&kept), since);
        }

        #[test]
        fn sets_are_joined_and_cut_as_sorted_lists_are(one in days(), other in days()) {
            let (own, others) = (set(one.iter().copied()), set(other.iter().copied()));
            let mut joined = own.clone();
            joined.add(&others);
            prop_assert_eq!(all(&joined), one.union(&other).copied().collect::<Vec<_>>());
            let mut rest = own.clone();
            rest.remove(&others);
            prop_assert_eq!(all(&rest), one.difference(&other).copied().collect::<Vec<_>>());
            let mut both = own;
            both.keep(&others);
            prop_assert_eq!(all(&both), one.intersection(&other).copied().collect::<Vec<_>>());
        }

        #[test]
        fn a_day_is_found_by_its_number(number in -4_371_587_i32..=2_932_896) {
            let day = date(number);
            prop_assert_eq!(days::number(day), number);
            prop_assert_eq!(after(day, 1), day.tomorrow().unwrap_or(Date::MAX));
        }
    }
}
