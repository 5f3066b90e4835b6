//! Sets of days, 64 to a word: of many days in a row, as reporters know them, twelve words are two years. Days are given
//! by their numbers ([`days::number`]), since finding these takes longer than what is done with them here.

use jiff::civil::Date;

use super::days;

/// Days of a word.
const BITS: i32 = 64;
/// So many days without any are a silence: [`heard`] spreads each day over as many.
pub(super) const QUIET_DAYS: i32 = 14;

/// A set of days. It takes no more memory than a list of them, however far apart they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DaySet(
    /// Words that aren't empty, by number.
    Vec<(i32, u64)>,
);

impl DaySet {
    /// Adds a day, quickly if it comes after all others.
    pub(super) fn insert(&mut self, day: i32) {
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
        self.each(other, |own, others| own & !others);
    }

    /// Removes the days that aren't in another set.
    pub(super) fn keep(&mut self, other: &Self) {
        self.each(other, |own, others| own & others);
    }

    /// Changes each word by what the other set has at its place.
    #[inline]
    fn each(&mut self, other: &Self, change: impl Fn(u64, u64) -> u64) {
        let mut others = other.0.iter().peekable();
        self.0.retain_mut(|(word, bits)| {
            while others.next_if(|(other, _)| other < word).is_some() {}
            let found = others.peek().filter(|(other, _)| other == word);
            *bits = change(*bits, found.map_or(0, |(_, bits)| *bits));
            *bits != 0
        });
    }

    /// Removes the days before this one.
    pub(super) fn keep_since(&mut self, first: i32) {
        let (start, bit) = place(first);
        let end = self.0.partition_point(|(word, _)| *word < start);
        self.0.drain(..end);
        if let Some((word, bits)) = self.0.first_mut()
            && *word == start
        {
            *bits &= from(bit);
            if *bits == 0 {
                self.0.remove(0);
            }
        }
    }

    fn word(&self, word: i32) -> u64 {
        let at = self.0.binary_search_by_key(&word, |(word, _)| *word);
        at.ok().and_then(|at| self.0.get(at)).map_or(0, |(_, bits)| *bits)
    }

    /// The words of the days after `from` and before `before`.
    fn words(&self, after: i32, before: i32) -> impl Iterator<Item = (i32, u64)> {
        let (first, first_bit) = place(after);
        let (last, last_bit) = place(before);
        let start = self.0.partition_point(|(word, _)| *word < first);
        let words = self.0.get(start..).unwrap_or_default();
        let words = words.iter().take_while(move |(word, _)| *word <= last);
        words.map(move |(word, bits)| {
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
    pub(super) fn count(&self, after: i32, before: i32) -> u32 {
        let counts = self.words(after, before).map(|(_, bits)| bits.count_ones());
        counts.fold(0, u32::saturating_add)
    }

    /// The numbers of the days after `after` and before `before`, oldest first.
    pub(super) fn numbers(&self, after: i32, before: i32) -> impl Iterator<Item = i32> {
        self.words(after, before)
            .flat_map(|(word, bits)| numbers(word, bits))
    }

    /// The days after `after` and before `before`, oldest first.
    pub(super) fn between(&self, after: i32, before: i32) -> impl Iterator<Item = Date> {
        dates(self.numbers(after, before))
    }

    /// The days that are in another set too, oldest first.
    pub(super) fn common(&self, other: &Self) -> impl Iterator<Item = i32> {
        let mut others = other.0.iter().peekable();
        let words = self.0.iter().filter_map(move |(word, bits)| {
            while others.next_if(|(other, _)| other < word).is_some() {}
            let found = others.peek().filter(|(other, _)| other == word)?;
            Some((*word, bits & found.1))
        });
        words.flat_map(|(word, bits)| numbers(word, bits))
    }

    /// The `n`-th of these days, from 0 on.
    pub(super) fn nth(&self, after: i32, before: i32, n: u32) -> Option<i32> {
        let mut left = n;
        for (word, bits) in self.words(after, before) {
            let count = bits.count_ones();
            if left < count {
                return numbers(word, bits).nth(usize::try_from(left).ok()?);
            }
            left = left.saturating_sub(count);
        }
        None
    }

    /// The newest day up to this one.
    pub(super) fn newest(&self, up_to: i32) -> Option<i32> {
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
                of(
                    word,
                    u64::BITS.saturating_sub(1).saturating_sub(bits.leading_zeros()),
                )
            })
    }

    /// The first day from this one on and before `before` up to which none of them lies within the last 14 days.
    pub(super) fn quiet(&self, from_day: i32, before: i32) -> Option<i32> {
        let (mut word, bit) = place(from_day);
        let mut asked = from(bit);
        let mut before_it = self.word(word.saturating_sub(1));
        let start = self.0.partition_point(|(other, _)| *other < word);
        let mut words = self.0.get(start..)?.iter().peekable();
        loop {
            let here = words.next_if(|(other, _)| *other == word);
            let bits = here.map_or(0, |(_, bits)| *bits);
            let quiet = !heard(before_it, bits) & asked;
            if quiet != 0 {
                return Some(of(word, quiet.trailing_zeros())).filter(|day| *day < before);
            }
            before_it = bits;
            asked = u64::MAX;
            word = word.checked_add(1)?;
            if of(word, 0) >= before {
                return None;
            }
        }
    }

    /// All days from this one on, oldest first.
    pub(super) fn since(&self, first: i32) -> impl Iterator<Item = Date> {
        dates(self.numbers(first.saturating_sub(1), i32::MAX))
    }
}

/// Which days of a word come up to 13 days after one of this word or the one before.
fn heard(before: u64, word: u64) -> u64 {
    let mut bits = (u128::from(word) << 64) | u128::from(before);
    bits |= bits << 1;
    bits |= bits << 2;
    bits |= bits << 4;
    bits |= bits << 6;
    u64::try_from(bits >> 64).unwrap_or(u64::MAX)
}

/// The days of these numbers. The day after another one is found sooner than that of any number.
fn dates(numbers: impl Iterator<Item = i32>) -> impl Iterator<Item = Date> {
    let mut last: Option<(i32, Date)> = None;
    numbers.map(move |number| {
        let next = last
            .filter(|(before, _)| before.saturating_add(1) == number)
            .and_then(|(_, day)| day.tomorrow().ok());
        let day = next.unwrap_or_else(|| days::date(number));
        last = Some((number, day));
        day
    })
}

/// The word and bit of a day.
#[inline]
fn place(number: i32) -> (i32, u64) {
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

    fn day() -> impl Strategy<Value = i32> {
        // Mostly near each other, before and after 1970, and far from all others.
        prop_oneof![8 => -200_i32..200, 1 => -4_000_000_i32..2_900_000]
    }

    fn days() -> impl Strategy<Value = BTreeSet<i32>> {
        proptest::collection::btree_set(day(), 0..60)
    }

    fn set(days: impl IntoIterator<Item = i32>) -> DaySet {
        let mut set = DaySet::default();
        days.into_iter().for_each(|day| set.insert(day));
        set
    }

    fn all(set: &DaySet) -> Vec<i32> {
        set.numbers(i32::MIN, i32::MAX).collect()
    }

    fn as_dates<'a>(days: impl IntoIterator<Item = &'a i32>) -> Vec<Date> {
        days.into_iter().copied().map(date).collect()
    }

    proptest! {
        #[test]
        fn days_of_a_set_are_found_as_in_a_sorted_list(one in days(), from in day(), to in day(), n in 0_u32..9) {
            let own = set(one.iter().rev().copied());
            prop_assert_eq!(&own, &set(one.iter().copied()));
            let within = |day: &&i32| **day > from && **day < to;
            let expected: Vec<i32> = one.iter().filter(within).copied().collect();
            prop_assert_eq!(own.numbers(from, to).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(own.between(from, to).collect::<Vec<_>>(), as_dates(&expected));
            prop_assert_eq!(own.count(from, to), u32::try_from(expected.len()).unwrap());
            prop_assert_eq!(own.nth(from, to, n), expected.get(usize::try_from(n).unwrap()).copied());
            prop_assert_eq!(own.newest(to), one.range(..=to).next_back().copied());
            let since: Vec<i32> = one.range(from..).copied().collect();
            prop_assert_eq!(own.since(from).collect::<Vec<_>>(), as_dates(&since));
            let mut kept = own;
            kept.keep_since(from);
            prop_assert_eq!(&kept, &set(since));
        }

        #[test]
        fn quiet_begins_when_the_last_fourteen_days_have_none(one in days(), from in -250_i32..250, n in 0_i32..300) {
            let before = from.saturating_add(n);
            let is_quiet = |day: &i32| one.range(day.saturating_sub(13)..=*day).next().is_none();
            let expected = (from..before).find(is_quiet);
            prop_assert_eq!(set(one.iter().copied()).quiet(from, before), expected);
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
            let common: Vec<i32> = one.intersection(&other).copied().collect();
            prop_assert_eq!(own.common(&others).collect::<Vec<_>>(), common.clone());
            let mut both = own;
            both.keep(&others);
            prop_assert_eq!(&both, &set(common));
        }

        #[test]
        fn a_day_is_found_by_its_number(number in -4_371_587_i32..=2_932_896) {
            let day = date(number);
            prop_assert_eq!(days::number(day), number);
            prop_assert_eq!(after(day, 1), day.tomorrow().unwrap_or(Date::MAX));
        }
    }
}
