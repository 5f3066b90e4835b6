//! Which texts of policies senders showed, day after day: enough to know an old one by long afterwards.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Policy;
use super::walk::LAGGARD_DAYS;
use crate::assess::history::PolicyText;
use crate::assess::sessions::days_between;

/// What begins on so many known days running is told by these.
const FIRST_DAYS: u32 = 3;

/// Takes what senders showed, oldest day first. Senders of a domain, and domains, are told apart by numbers of the caller.
#[derive(Debug, Default)]
pub struct Texts {
    numbers: BTreeMap<Policy, usize>,
    policies: Vec<Policy>,
    shown: FxHashMap<usize, Last>,
    /// By domain, the text that was new last, and since when.
    newest: FxHashMap<usize, (usize, Date)>,
    known: FxHashSet<(usize, usize)>,
}

/// What a sender showed of a domain last.
#[derive(Debug, Clone, Copy)]
struct Last {
    text: Text,
    day: Date,
    n: u32,
}

/// What an entry shows of a policy's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// That there is no policy.
    NotFound,
    /// This one, by its number.
    This(usize),
}

/// What an entry is worth where its day is long past.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worth {
    /// It shows another text than the entries before, or has begun to.
    pub begins: bool,
    /// It may show an old text for too long.
    pub is_late: bool,
}

impl Texts {
    /// The text that an entry shows; `None` if it says nothing of that.
    pub fn text(&mut self, policy: &PolicyText) -> Option<Text> {
        if policy.policy_type == "no-policy-found" {
            return Some(Text::NotFound);
        }
        let policy = Policy::read(policy)?;
        let next = self.policies.len();
        let number = *self.numbers.entry(policy).or_insert_with_key(|policy| {
            self.policies.push(policy.clone());
            next
        });
        Some(Text::This(number))
    }

    /// Takes an entry of a sender of a domain.
    pub fn take(&mut self, (sender, domain): (usize, usize), text: Text, day: Date) -> Worth {
        let last = self.shown.get(&sender).copied();
        let n = match last {
            Some(last) if last.text == text => last.n.saturating_add(1),
            _ => 1,
        };
        self.shown.insert(sender, Last { text, day, n });
        let begins = n <= FIRST_DAYS;
        let Text::This(number) = text else {
            return Worth {
                begins,
                is_late: false,
            };
        };
        let is_fresh = self.known.insert((domain, number));
        let Some((newest, since)) = self.newest.get(&domain).copied() else {
            self.newest.insert(domain, (number, day));
            return Worth {
                begins,
                is_late: false,
            };
        };
        if self.is_same(number, newest) {
            return Worth {
                begins,
                is_late: false,
            };
        }
        let goes_back = last.is_some_and(|last| last.text == Text::This(newest) && last.day < day);
        if is_fresh || goes_back {
            self.newest.insert(domain, (number, day));
            return Worth {
                begins,
                is_late: false,
            };
        }
        Worth {
            begins,
            is_late: days_between(since, day) >= LAGGARD_DAYS,
        }
    }

    /// Whether two texts may be the same: some reporters leave `max_age` out.
    fn is_same(&self, a: usize, b: usize) -> bool {
        let (Some(a), Some(b)) = (self.policies.get(a), self.policies.get(b)) else {
            return false;
        };
        let is_same_age = a.max_age.is_none() || b.max_age.is_none() || a.max_age == b.max_age;
        (&a.mode, &a.mx) == (&b.mode, &b.mx) && is_same_age
    }
}
