//! Walks through a domain's days: which text holds, who lags behind, who lost it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Outdated, Policy, PolicyDrift, PolicyHistory, Reign, Seen, StaleDay};
use crate::assess::cause::Cause;
use crate::assess::sessions::{DomainRows, Index, Row, days_between};
use crate::assess::silence::Calendar;

/// A laggard still shows the old text so many days after another reporter showed the new one.
pub(super) const LAGGARD_DAYS: i64 = 3;
/// Two texts a day on so many known days running are two answers.
const TWO_ANSWERS_DAYS: u32 = 3;
/// So many days from the first one on, what a reporter shows for the first time is no change.
const BEGINNING_DAYS: i64 = 7;
/// No policy found on so many known days running: it is gone.
const GONE_DAYS: u32 = 2;
/// Nobody waits for a reporter that has not shown a policy for so many days.
const FORGOTTEN_DAYS: i64 = 14;

/// What a reporter showed of a domain on one day.
struct Shown<'r, 'a> {
    row: &'r Row<'a>,
    /// Numbers of the texts.
    texts: Vec<usize>,
    /// Those of them that came without `max_age`, as they came.
    ageless: Vec<usize>,
}

impl Shown<'_, '_> {
    /// Whether it may show this text.
    fn shows(&self, index: &Index<'_>, text: usize) -> bool {
        self.texts.contains(&text)
            || self.ageless.iter().any(|ageless| {
                let (ageless, text) = (index.policy(*ageless), index.policy(text));
                ageless
                    .zip(text)
                    .is_some_and(|(ageless, text)| ageless.is_same(text))
            })
    }
}

/// Everything about the policy of one domain.
pub(in crate::assess) fn history(
    index: &Index<'_>,
    rows: &DomainRows<'_>,
    calendar: &Calendar<'_>,
) -> PolicyHistory {
    let mut shown: Vec<Shown<'_, '_>> = rows.rows.iter().map(|row| shown(index, row)).collect();
    fill_in_max_age(index, &mut shown);
    let turns = turns(index, &shown);
    let mut drift = Vec::new();
    for turn in &turns {
        drift.extend(changed(index, &shown, turn));
    }
    let (outdated, stale) = late(index, &shown, &turns, calendar, &mut drift);
    by_reporter(index, &shown, &mut drift);
    drift.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    PolicyHistory {
        seen: seen(index, &shown),
        outdated,
        stale,
        reigns: turns
            .iter()
            .filter_map(|turn| {
                Some(Reign {
                    since: turn.since,
                    reporter: turn.reporter.to_owned(),
                    policy: index.policy(turn.text)?.clone(),
                })
            })
            .collect(),
        drift,
    }
}

fn shown<'r, 'a>(index: &Index<'_>, row: &'r Row<'a>) -> Shown<'r, 'a> {
    let mut texts: Vec<usize> = index.entries(row).iter().filter_map(|read| read.policy).collect();
    if texts.len() > 1 {
        texts.sort_unstable();
        texts.dedup();
    }
    let is_ageless = |text: &usize| index.policy(*text).is_some_and(|policy| policy.max_age.is_none());
    let ageless = texts.iter().copied().filter(is_ageless).collect();
    Shown { row, texts, ageless }
}

/// Mode and patterns of a text.
type Ageless<'a> = (&'a str, &'a BTreeSet<String>);

/// Some reporters leave `max_age` out: such a text is the newest one so far that is the same otherwise, or else the first
/// one.
fn fill_in_max_age(index: &Index<'_>, shown: &mut [Shown<'_, '_>]) {
    let mut seen = BTreeSet::new();
    // The texts that are the same otherwise, each with the row that has it first.
    let mut whole: BTreeMap<Ageless<'_>, Vec<(usize, usize)>> = BTreeMap::new();
    let rows = shown.iter().enumerate();
    for (at, number) in rows.flat_map(|(at, shown)| shown.texts.iter().map(move |text| (at, *text))) {
        if !seen.insert(number) {
            continue;
        }
        if let Some(policy) = index.policy(number).filter(|policy| policy.max_age.is_some()) {
            whole
                .entry((&policy.mode, &policy.mx))
                .or_default()
                .push((at, number));
        }
    }
    let replacement = |number: usize, at: usize| {
        let policy = index.policy(number).filter(|policy| policy.max_age.is_none())?;
        let whole = whole.get(&(policy.mode.as_str(), &policy.mx))?;
        let n_until = whole.partition_point(|(first, _)| *first <= at);
        whole.get(n_until.saturating_sub(1)).map(|(_, number)| *number)
    };
    for (at, shown) in shown
        .iter_mut()
        .enumerate()
        .filter(|(_, shown)| !shown.ageless.is_empty())
    {
        for text in &mut shown.texts {
            *text = replacement(*text, at).unwrap_or(*text);
        }
        shown.texts.sort_unstable();
        shown.texts.dedup();
    }
}

/// A reign, by numbers.
struct Turn<'a> {
    since: Date,
    reporter: &'a str,
    text: usize,
    before: Option<usize>,
    returns: u32,
}

/// The texts in turn. A text takes over when a reporter shows it that nobody showed before, or when a reporter that
/// has shown the present one goes back to an old one.
fn turns<'a>(index: &Index<'_>, shown: &[Shown<'_, 'a>]) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    let mut times: FxHashMap<usize, u32> = FxHashMap::default();
    let (mut known, mut first_day) = (FxHashSet::default(), None);
    // Who has shown the present text in its reign.
    let mut followers: FxHashSet<usize> = FxHashSet::default();
    for shown in shown.iter().filter(|shown| !shown.texts.is_empty()) {
        let Shown { row, texts, .. } = shown;
        let current = turns.last().map(|turn| turn.text);
        // Where the first days already show two texts, which is the newer one can't be told yet.
        let first_day = *first_day.get_or_insert(row.day);
        let is_beginning = current.is_some()
            && known.insert(row.reporter_number)
            && days_between(first_day, row.day) < BEGINNING_DAYS;
        if is_beginning {
            for text in texts {
                times.entry(*text).or_insert(0);
            }
        }
        known.insert(row.reporter_number);
        let fresh = texts.iter().find(|text| !times.contains_key(text));
        let went_back =
            followers.contains(&row.reporter_number) && current.is_some_and(|text| !shown.shows(index, text));
        let back = texts.first().filter(|_| went_back);
        if let Some(text) = fresh.or(back) {
            let returns = times
                .entry(*text)
                .and_modify(|n| *n = n.saturating_add(1))
                .or_insert(0);
            turns.push(Turn {
                since: row.day,
                reporter: row.reporter,
                text: *text,
                before: current,
                returns: *returns,
            });
            followers.clear();
        }
        if turns.last().is_some_and(|turn| shown.shows(index, turn.text)) {
            followers.insert(row.reporter_number);
        }
    }
    turns
}

type Told = (Date, String, PolicyDrift);

/// The event of a turn; the first text of all is one only if there was none before.
fn changed(index: &Index<'_>, shown: &[Shown<'_, '_>], turn: &Turn<'_>) -> Option<Told> {
    let before = turn.before.and_then(|number| index.policy(number)).cloned();
    let had_none = || {
        shown
            .iter()
            .any(|shown| shown.row.has.not_found && shown.row.day < turn.since)
    };
    if before.is_none() && !had_none() {
        return None;
    }
    let after = index.policy(turn.text)?.clone();
    let event = PolicyDrift::Changed {
        before,
        after,
        returns: turn.returns,
    };
    Some((turn.since, turn.reporter.to_owned(), event))
}

/// Laggards and stale copies: reporters that show an old text although another has shown the new one. Who does so to
/// this day, is given back, and the days on which a copy was stale.
fn late(
    index: &Index<'_>,
    shown: &[Shown<'_, '_>],
    turns: &[Turn<'_>],
    calendar: &Calendar<'_>,
    drift: &mut Vec<Told>,
) -> (Vec<Outdated>, Vec<StaleDay>) {
    let mut outdated: BTreeMap<&str, Outdated> = BTreeMap::new();
    let mut stale = Vec::new();
    for (i, turn) in turns.iter().enumerate().filter(|(_, turn)| turn.before.is_some()) {
        let next = turns.get(i.saturating_add(1)).map(|next| next.since);
        let start = shown.partition_point(|shown| shown.row.day < turn.since);
        let (mut up_to_date, mut told) = (BTreeSet::new(), BTreeSet::new());
        outdated.clear();
        for shown in shown.iter().skip(start) {
            if next.is_some_and(|next| shown.row.day >= next) {
                break;
            }
            if shown.shows(index, turn.text) {
                up_to_date.insert(shown.row.reporter);
                outdated.remove(shown.row.reporter);
            }
            let Some(old) = shown
                .texts
                .first()
                .filter(|_| !up_to_date.contains(shown.row.reporter))
            else {
                continue;
            };
            let (laggard, is_stale) = how_late(index, shown, turn, *old, calendar);
            if laggard.is_some() || is_stale {
                let last = outdated.entry(shown.row.reporter).or_insert_with(|| Outdated {
                    reporter: shown.row.reporter.to_owned(),
                    changed: turn.since,
                    last_day: shown.row.day,
                    is_stale,
                });
                last.last_day = shown.row.day;
                last.is_stale |= is_stale;
            }
            if is_stale {
                stale.push(StaleDay {
                    day: shown.row.day,
                    reporter: shown.row.reporter.to_owned(),
                    changed: turn.since,
                });
            }
            if let Some(event) = laggard.filter(|_| told.insert(shown.row.reporter)) {
                drift.push((shown.row.day, shown.row.reporter.to_owned(), event));
            }
        }
    }
    let today = index.history.today;
    outdated.retain(|_, outdated| days_between(outdated.last_day, today) <= FORGOTTEN_DAYS);
    (outdated.into_values().collect(), stale)
}

/// Whether a reporter lags behind, and whether what it shows is stale.
fn how_late(
    index: &Index<'_>,
    shown: &Shown<'_, '_>,
    turn: &Turn<'_>,
    old: usize,
    calendar: &Calendar<'_>,
) -> (Option<PolicyDrift>, bool) {
    let (Some(old), Some(new)) = (index.policy(old), index.policy(turn.text)) else {
        return (None, false);
    };
    let (old, new, changed, row) = (old.clone(), new.clone(), turn.since, shown.row);
    let days = days_between(changed, row.day);
    let is_laggard = days >= LAGGARD_DAYS && calendar.is_watched(row.reporter, row.day);
    let is_stale = days > old.days_until_stale() || (is_laggard && holds_mail(index, row, &old));
    (
        is_laggard.then_some(PolicyDrift::Laggard { changed, old, new }),
        is_stale,
    )
}

/// Whether an MX failed for not being in the policy, and isn't in the old text.
fn holds_mail(index: &Index<'_>, row: &Row<'_>, old: &Policy) -> bool {
    let mut failures = index.failing(row).flat_map(|(_, failures)| failures.iter());
    failures
        .any(|failure| failure.cause == Cause::MxNotInPolicy && failure.mx.iter().any(|mx| !old.covers(mx)))
}

/// A reporter's state while its days are walked through.
#[derive(Default)]
struct Walk {
    last: Option<(Date, usize)>,
    missing: u32,
    doubled: u32,
}

/// Two answers and lost policies, reporter by reporter.
fn by_reporter(index: &Index<'_>, shown: &[Shown<'_, '_>], drift: &mut Vec<Told>) {
    let mut walks: FxHashMap<usize, Walk> = FxHashMap::default();
    for Shown { row, texts, .. } in shown {
        let walk = walks.entry(row.reporter_number).or_default();
        let mut tell = |event| drift.push((row.day, row.reporter.to_owned(), event));
        let policy = |number: Option<&usize>| number.and_then(|number| index.policy(*number)).cloned();
        walk.doubled = if texts.len() > 1 {
            walk.doubled.saturating_add(1)
        } else {
            0
        };
        if walk.doubled == TWO_ANSWERS_DAYS
            && let (Some(a), Some(b)) = (policy(texts.first()), policy(texts.last()))
        {
            tell(PolicyDrift::TwoAnswers { texts: (a, b) });
        }
        if let Some(text) = texts.last() {
            (walk.last, walk.missing) = (Some((row.day, *text)), 0);
        } else if row.has.not_found && !row.has.sts {
            walk.missing = walk.missing.saturating_add(1);
            if walk.missing == GONE_DAYS
                && let Some((last_seen, number)) = walk.last
                && let Some(policy) = policy(Some(&number)).filter(|policy| !policy.is_none())
            {
                tell(PolicyDrift::Gone { last_seen, policy });
            }
        }
    }
}

fn seen(index: &Index<'_>, shown: &[Shown<'_, '_>]) -> Vec<Seen> {
    let mut seen: FxHashMap<(usize, usize), (&str, Date, Date, u64)> = FxHashMap::default();
    for Shown { row, texts, .. } in shown {
        for text in texts {
            let key = (row.reporter_number, *text);
            let (_, _, last_day, days) = seen.entry(key).or_insert((row.reporter, row.day, row.day, 0));
            *last_day = row.day;
            *days = days.saturating_add(1);
        }
    }
    let seen: BTreeMap<_, _> = seen.into_iter().collect();
    let mut seen: Vec<Seen> = seen
        .into_iter()
        .filter_map(|((_, text), (reporter, first_day, last_day, days))| {
            Some(Seen {
                reporter: reporter.to_owned(),
                policy: index.policy(text)?.clone(),
                first_day,
                last_day,
                days,
            })
        })
        .collect();
    seen.sort_by(|a, b| (a.first_day, &a.reporter, a.last_day).cmp(&(b.first_day, &b.reporter, b.last_day)));
    seen
}

/// Whether a domain that had a policy has none any more: on the newest two known days or more, the reporters that
/// once showed it found none.
pub(in crate::assess) fn is_gone(rows: &DomainRows<'_>) -> bool {
    let readers: BTreeSet<usize> = rows
        .rows
        .iter()
        .filter(|row| row.has.text)
        .map(|row| row.reporter_number)
        .collect();
    let newest = rows
        .rows
        .iter()
        .rev()
        .filter(|row| readers.contains(&row.reporter_number));
    let without = newest
        .take_while(|row| !row.has.sts)
        .filter(|row| row.has.not_found);
    let days: BTreeSet<Date> = without.map(|row| row.day).collect();
    days.len() >= 2
}
