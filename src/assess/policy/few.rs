//! A few numbers.

use std::ops::{Deref, DerefMut};

/// Numbers in order, each once. Mostly there is one, which then takes no allocation.
pub(super) enum Few {
    One(Option<usize>),
    Many(Vec<usize>),
}

impl Few {
    pub(super) fn new(mut numbers: impl Iterator<Item = usize>) -> Self {
        let first = numbers.next();
        let Some((first, second)) = first.zip(numbers.next()) else {
            return Self::One(first);
        };
        let mut few = Self::Many([first, second].into_iter().chain(numbers).collect());
        few.tidy();
        few
    }

    /// After changes.
    pub(super) fn tidy(&mut self) {
        if let Self::Many(numbers) = self {
            numbers.sort_unstable();
            numbers.dedup();
        }
    }
}

impl Deref for Few {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        match self {
            Self::One(one) => one.as_slice(),
            Self::Many(numbers) => numbers,
        }
    }
}

impl DerefMut for Few {
    fn deref_mut(&mut self) -> &mut [usize] {
        match self {
            Self::One(one) => one.as_mut_slice(),
            Self::Many(numbers) => numbers,
        }
    }
}
