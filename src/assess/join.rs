//! Which failures are one repair although their reports say more or less of it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::FxHashSet;

use super::cause::Cause;
use super::count::{Groups, Index, Row};
use super::days::number;
use super::dayset::DaySet;
use super::life::Life;
use super::place::Place;
use super::problem::Episode;

/// Cause and place.
pub(super) type Key = (Cause, Place);

/// The failures of one problem.
#[derive(Debug)]
pub(super) struct Group<'h> {
    pub(super) rows: Vec<Row<'h>>,
    /// First failing day of its own rows.
    pub(super) first_day: Option<Date>,
    /// The vaguer problems whose failures joined, with the first day of those.
    pub(super) absorbed: BTreeMap<Key, Date>,
    /// What the rows tell without notes, where anybody has asked.
    pub(super) life: Option<Life<'h>>,
}

impl Group<'_> {
    fn absorb(&mut self, vague: Key, day: Date) {
        let first = self.absorbed.entry(vague).or_insert(day);
        *first = day.min(*first);
    }
}

/// When a precise problem was open.
#[derive(Debug, Clone)]
struct Span {
    key: Key,
    first: Date,
    /// `None`: still open.
    end: Option<Date>,
    failing: DaySet,
}

impl Span {
    fn has(&self, day: Date) -> bool {
        self.first <= day && self.end.is_none_or(|end| day <= end)
    }
}

/// Joins the groups: first details without an MX, then those without a reason.
pub(super) fn join<'h>(index: &Index<'h>, groups: Groups<'h>) -> BTreeMap<Key, Group<'h>> {
    let mut joined: BTreeMap<Key, Group<'h>> = groups
        .into_iter()
        .map(|(key, rows)| {
            let first_day = rows.iter().map(Row::day).min();
            let absorbed = BTreeMap::new();
            (
                key,
                Group {
                    rows,
                    first_day,
                    absorbed,
                    life: None,
                },
            )
        })
        .collect();
    join_unnamed(index, &mut joined);
    join_unspecified(index, &mut joined);
    joined
}

/// Details without MX join the only problem of their cause that is open for their domain.
fn join_unnamed<'h>(index: &Index<'h>, groups: &mut BTreeMap<Key, Group<'h>>) {
    let mut named: BTreeMap<(Cause, &str), BTreeSet<Key>> = BTreeMap::new();
    for (key, group) in groups.iter().filter(|(key, _)| matches!(key.1, Place::Mx(_))) {
        let mut pairs: FxHashSet<usize> = FxHashSet::default();
        for row in group.rows.iter().filter(|row| pairs.insert(row.pair)) {
            let keys = named.entry((key.0, &row.entry.domain)).or_default();
            if !keys.contains(key) {
                keys.insert(key.clone());
            }
        }
    }
    let mut spans = BTreeMap::new();
    let vague: Vec<Key> = groups
        .keys()
        .filter(|(_, place)| matches!(place, Place::Unnamed(_)))
        .cloned()
        .collect();
    for key in vague {
        // Failures without any detail are told apart: nothing says that they are the same.
        if key.0 == Cause::Unspecified {
            continue;
        }
        let Some(candidates) = named.get(&(key.0, key.1.name())) else {
            continue;
        };
        let candidates = spans_of(index, groups, candidates, &mut spans);
        absorb(index, groups, &key, &candidates, Needs::Open);
    }
}

/// Failures without a reason join the only problem with one that fails at their MX on the same day.
fn join_unspecified<'h>(index: &Index<'h>, groups: &mut BTreeMap<Key, Group<'h>>) {
    let mut precise: BTreeMap<&Place, BTreeSet<Key>> = BTreeMap::new();
    for key in groups.keys().filter(|key| explains(key.0)) {
        precise.entry(&key.1).or_default().insert(key.clone());
    }
    let precise: BTreeMap<Place, BTreeSet<Key>> = precise
        .into_iter()
        .map(|(place, keys)| (place.clone(), keys))
        .collect();
    let mut spans = BTreeMap::new();
    for (place, keys) in precise.iter().filter(|(place, _)| matches!(place, Place::Mx(_))) {
        let key = (Cause::NotSpecified, place.clone());
        if groups.contains_key(&key) {
            let candidates = spans_of(index, groups, keys, &mut spans);
            absorb(index, groups, &key, &candidates, Needs::SameDay);
        }
    }
}

/// Whether a cause may be what a report means that only says "certificate or handshake".
fn explains(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Expired
            | Cause::WrongName
            | Cause::NotTrusted
            | Cause::NotYetValid
            | Cause::TlsaMismatch
            | Cause::Handshake
    )
}

/// The visible episodes of these problems, by their rows so far.
fn spans_of<'h>(
    index: &Index<'h>,
    groups: &mut BTreeMap<Key, Group<'h>>,
    keys: &BTreeSet<Key>,
    known: &mut BTreeMap<Key, Vec<Rc<Span>>>,
) -> Vec<Rc<Span>> {
    let mut spans = Vec::new();
    for key in keys {
        if let Some(of_key) = known.get(key) {
            spans.extend(of_key.iter().cloned());
            continue;
        }
        let of_key = known.entry(key.clone()).or_insert_with(|| {
            let Some(group) = groups.get_mut(key) else {
                return Vec::new();
            };
            let life = group
                .life
                .get_or_insert_with(|| Life::new(index, key.0, &group.rows, &[]));
            life.episodes
                .iter()
                .filter(|episode| episode.visible_from.is_some())
                .map(|episode| Span {
                    key: key.clone(),
                    first: episode.first_day,
                    end: episode.ended.map(|(_, day)| day),
                    failing: failing(life, episode),
                })
                .map(Rc::new)
                .collect()
        });
        spans.extend(of_key.iter().cloned());
    }
    spans
}

/// The failing days of an episode.
fn failing(life: &Life<'_>, episode: &Episode) -> DaySet {
    let mut failing = DaySet::default();
    for on in life.days.range(episode.first_day..=episode.last_day) {
        failing.insert(on.number);
    }
    failing
}

/// What a vague stretch of failures must have in common with a precise one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Both were open at a time.
    Open,
    /// Both failed on a day.
    SameDay,
}

/// Moves the failures of `key` to the candidates that they belong to.
fn absorb<'h>(
    index: &Index<'h>,
    groups: &mut BTreeMap<Key, Group<'h>>,
    key: &Key,
    candidates: &[Rc<Span>],
    needs: Needs,
) {
    let Some(mut group) = groups.remove(key) else {
        return;
    };
    let life = group.life.take();
    let life = life.unwrap_or_else(|| Life::new(index, key.0, &group.rows, &[]));
    let mut targets: BTreeMap<i32, Option<&Key>> = BTreeMap::new();
    for episode in &life.episodes {
        let end = episode.ended.map(|(_, day)| day);
        let failing = failing(&life, episode);
        let spans: Vec<&Span> = candidates
            .iter()
            .map(|span| &**span)
            .filter(|span| match needs {
                Needs::Open => {
                    end.is_none_or(|end| span.first <= end)
                        && span.end.is_none_or(|end| end >= episode.first_day)
                }
                Needs::SameDay => span.failing.common(&failing).next().is_some(),
            })
            .collect();
        for on in life.days.range(episode.first_day..=episode.last_day) {
            targets.insert(on.number, target(&spans, on.day));
        }
    }
    let is_whole = !targets.values().any(Option::is_some);
    let target_of = |number: i32| targets.get(&number).copied().flatten();
    let mut moved: BTreeMap<&Key, Vec<Row<'h>>> = BTreeMap::new();
    let mut left = Vec::new();
    for mut row in std::mem::take(&mut group.rows) {
        if let Some(target) = target_of(row.number) {
            row.is_joined |= needs == Needs::SameDay;
            moved.entry(target).or_default().push(row);
        } else {
            left.push(row);
        }
    }
    for (target, mut rows) in moved {
        let first_day = rows.iter().map(Row::day).min();
        if let Some((target, first_day)) = groups.get_mut(target).zip(first_day) {
            target.absorb(key.clone(), first_day);
            target.rows.append(&mut rows);
            target.life = None;
        }
    }
    for (vague, day) in std::mem::take(&mut group.absorbed) {
        match target_of(number(day)).and_then(|key| groups.get_mut(key)) {
            Some(target) => target.absorb(vague, day),
            None => group.absorb(vague, day),
        }
    }
    if !left.is_empty() {
        group.first_day = left.iter().map(Row::day).min();
        group.rows = left;
        group.life = is_whole.then_some(life);
        groups.insert(key.clone(), group);
    }
}

/// The one problem that was open on a day; before all of them, the first one.
fn target<'s>(spans: &[&'s Span], day: Date) -> Option<&'s Key> {
    let mut open = spans.iter().filter(|span| span.has(day)).map(|span| &span.key);
    if let Some(key) = open.next() {
        return open.all(|other| other == key).then_some(key);
    }
    let first = spans
        .iter()
        .map(|span| span.first)
        .min()
        .filter(|first| day < *first)?;
    let mut earliest = spans
        .iter()
        .filter(|span| span.first == first)
        .map(|span| &span.key);
    let key = earliest.next()?;
    earliest.all(|other| other == key).then_some(key)
}

/// Ids and aliases of all problems: a problem that began as a vaguer one keeps that one's id, and what is left of the
/// vaguer one takes the id that thereby is free.
pub(super) fn ids(
    groups: &BTreeMap<Key, Group<'_>>,
    ids: &dyn Fn(Cause, &Place) -> String,
) -> BTreeMap<Key, (String, Vec<String>)> {
    let mut claims: Vec<(Date, &Key, &Key)> = Vec::new();
    for (key, group) in groups {
        for (vague, first) in &group.absorbed {
            let is_first = group.first_day.is_none_or(|own| *first < own);
            let left = groups.get(vague).and_then(|left| left.first_day);
            if is_first && left.is_none_or(|left| *first < left) {
                claims.push((*first, vague, key));
            }
        }
    }
    claims.sort();
    let mut taken: BTreeMap<&Key, &Key> = BTreeMap::new();
    let mut by_owner: BTreeMap<&Key, &Key> = BTreeMap::new();
    for (_, vague, key) in claims {
        if !taken.contains_key(vague) && !by_owner.contains_key(key) {
            taken.insert(vague, key);
            by_owner.insert(key, vague);
        }
    }
    let mut result = BTreeMap::new();
    for (key, group) in groups {
        let own = by_owner.get(key).or(taken.get(key)).copied().unwrap_or(key);
        let free =
            |other: &&Key| *other != own && !groups.contains_key(*other) && !taken.contains_key(*other);
        let mut aliases: Vec<String> = group
            .absorbed
            .keys()
            .filter(free)
            .map(|(cause, place)| ids(*cause, place))
            .collect();
        if let Some(vague) = by_owner.get(key)
            && !groups.contains_key(*vague)
        {
            aliases.push(ids(key.0, &key.1));
        }
        result.insert(key.clone(), (ids(own.0, &own.1), aliases));
    }
    result
}
