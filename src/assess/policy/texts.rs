//! Which texts of policies senders showed, day after day: enough to know an old one by long afterwards.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Policy;
use super::walk::LAGGARD_DAYS;
use crate::assess::history::PolicyText;
use crate::assess::sessions::days_between;

/// What begins on so many known days running is told by these.
const FIRST_DAYS: u32 = 3;

/// Takes what senders showed, oldest day first. Senders of a domain, and domains, are told apart by numbers of the caller,
/// from 0 on and without gaps.
#[derive(Debug, Default)]
pub struct Texts {
    /// What was read of policies before, by where they stand; they are kept so that nothing else comes to stand there.
    read: FxHashMap<*const PolicyText, (Rc<PolicyText>, Option<Text>)>,
    numbers: BTreeMap<Policy, usize>,
    policies: Vec<Policy>,
    /// By text, the number of the same without `max_age`.
    ageless: Vec<usize>,
    /// By sender.
    shown: Vec<Option<Last>>,
    /// By domain.
    newest: Vec<Option<Newest>>,
    /// Texts of domains, each also without `max_age`.
    known: FxHashSet<(usize, usize)>,
    /// The texts without `max_age` of which one with it is known.
    whole: FxHashSet<(usize, usize)>,
}

/// The text of a domain that was new last, or to which a sender has gone back.
#[derive(Debug, Clone, Copy)]
struct Newest {
    text: usize,
    since: Date,
    /// What a sender has gone back from: its text, and since when that was the newest.
    before: Option<(usize, usize, Date)>,
}

/// What a sender showed of a domain last.
#[derive(Debug, Clone, Copy)]
struct Last {
    text: Text,
    n: u32,
    /// The last text that it showed while that was the newest, and on which day.
    newest: Option<(usize, Date)>,
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
    pub fn text(&mut self, policy: &Rc<PolicyText>) -> Option<Text> {
        if let Some((_, text)) = self.read.get(&Rc::as_ptr(policy)) {
            return *text;
        }
        let text = self.read(policy);
        self.read.insert(Rc::as_ptr(policy), (Rc::clone(policy), text));
        text
    }

    fn read(&mut self, policy: &PolicyText) -> Option<Text> {
        if policy.policy_type == "no-policy-found" {
            return Some(Text::NotFound);
        }
        let policy = Policy::read(policy)?;
        let ageless = self.number(Policy {
            max_age: None,
            ..policy.clone()
        });
        let number = self.number(policy);
        if let Some(of) = self.ageless.get_mut(number) {
            *of = ageless;
        }
        Some(Text::This(number))
    }

    fn number(&mut self, policy: Policy) -> usize {
        let next = self.policies.len();
        *self.numbers.entry(policy).or_insert_with_key(|policy| {
            self.policies.push(policy.clone());
            self.ageless.push(next);
            next
        })
    }

    /// Takes an entry of a sender of a domain. In which order those of a day come doesn't matter.
    pub fn take(&mut self, (sender, domain): (usize, usize), text: Text, day: Date) -> Worth {
        if let Some(worth) = self.take_again((sender, domain), text, day) {
            return worth;
        }
        let before = self.shown.get(sender).copied().flatten();
        let n = before
            .filter(|last| last.text == text)
            .map_or(1, |last| last.n.saturating_add(1));
        let mut last = Last {
            text,
            n,
            newest: before.and_then(|last| last.newest),
        };
        let is_late = match text {
            Text::This(number) => self.is_late((sender, domain), number, day, &mut last.newest),
            Text::NotFound => false,
        };
        put(&mut self.shown, sender, last);
        Worth {
            begins: n <= FIRST_DAYS,
            is_late,
        }
    }

    /// Takes what a sender showed before too, if that was and stays the newest text of the domain: most entries do.
    #[inline]
    fn take_again(&mut self, (sender, domain): (usize, usize), text: Text, day: Date) -> Option<Worth> {
        let last = self.shown.get_mut(sender)?.as_mut()?;
        if last.text != text {
            return None;
        }
        if let Text::This(number) = text {
            let newest = self.newest.get(domain)?.as_ref()?;
            let is_settled = newest.before.is_none() || newest.since != day;
            if newest.text != number || !is_settled {
                return None;
            }
            last.newest = Some((number, day));
        }
        last.n = last.n.saturating_add(1);
        Some(Worth {
            begins: last.n <= FIRST_DAYS,
            is_late: false,
        })
    }

    fn is_late(
        &mut self,
        (sender, domain): (usize, usize),
        number: usize,
        day: Date,
        shown: &mut Option<(usize, Date)>,
    ) -> bool {
        let is_fresh = self.is_fresh(domain, number);
        let mut newest = self.newest.get(domain).copied().flatten().unwrap_or(Newest {
            text: number,
            since: day,
            before: None,
        });
        // Who shows both on one day has not gone back.
        if let Some((who, text, since)) = newest.before.filter(|_| newest.since == day)
            && who == sender
            && self.is_same(number, text)
        {
            newest = Newest {
                text,
                since,
                before: None,
            };
        }
        let goes_back = shown.is_some_and(|(text, last)| {
            newest.since <= last && last < day && self.is_same(text, newest.text)
        });
        let mut is_late = false;
        if self.is_same(number, newest.text) {
            if self.ageless.get(number) == Some(&newest.text) {
                newest.text = number;
            }
        } else if is_fresh || goes_back {
            newest = Newest {
                text: number,
                since: day,
                before: (!is_fresh).then_some((sender, newest.text, newest.since)),
            };
        } else {
            is_late = days_between(newest.since, day) >= LAGGARD_DAYS;
        }
        if self.is_same(number, newest.text) {
            *shown = Some((number, day));
        }
        put(&mut self.newest, domain, newest);
        // Whether somebody has gone back on this day, is known only when it is over.
        let before = newest.before.filter(|_| newest.since == day);
        is_late
            || before.is_some_and(|(_, text, since)| {
                !self.is_same(number, text) && days_between(since, day) >= LAGGARD_DAYS
            })
    }

    /// Whether nobody has shown a text of a domain before, with or without `max_age`.
    fn is_fresh(&mut self, domain: usize, number: usize) -> bool {
        let ageless = self.ageless.get(number).copied().unwrap_or(number);
        let is_new = self.known.insert((domain, ageless));
        if ageless == number {
            return is_new;
        }
        // The first with it is the one that was shown without.
        let is_first = self.whole.insert((domain, ageless));
        self.known.insert((domain, number)) && (is_new || !is_first)
    }

    fn is_same(&self, a: usize, b: usize) -> bool {
        let of = |number| self.policies.get(number);
        a == b || of(a).zip(of(b)).is_some_and(|(a, b)| a.is_same(b))
    }
}

fn put<T>(list: &mut Vec<Option<T>>, at: usize, value: T) {
    if list.len() <= at {
        list.resize_with(at.saturating_add(1), || None);
    }
    if let Some(place) = list.get_mut(at) {
        *place = Some(value);
    }
}
