//! From the failures of one problem to all that is known of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::cause::{Cause, host_form};
use super::count::{Groups, Index, Row, failed};
use super::figures;
use super::history::{Remark, Sum};
use super::impact::{Basis, verdict};
use super::join::Key;
use super::life::Life;
use super::place::Place;
use super::problem::{Ending, Episode, Problem, State};
use super::said::{Said, acknowledged, notes};
use super::spot::{Names, known_mx, spot};
use super::whose::{unaffected, whose};

/// A problem with what the look at all of them needs.
#[derive(Debug)]
pub(super) struct Draft<'h> {
    pub(super) problem: Problem,
    pub(super) life: Life<'h>,
    /// The failures of the present or last episode.
    pub(super) rows: Vec<Row<'h>>,
    /// The MX hosts that its domains are known to have.
    pub(super) hosts: BTreeSet<String>,
}

/// Failures that count, and those about what was retired before.
#[derive(Debug, Default)]
pub(super) struct Sifted<'h> {
    pub(super) live: Groups<'h>,
    pub(super) retired: Groups<'h>,
}

/// Sets aside what is retired, and what isn't about our domains unless there is nothing else.
pub(super) fn sift<'h>(index: &Index<'h>, said: &Said<'h>, groups: Groups<'h>) -> Sifted<'h> {
    let mut sifted = Sifted::default();
    for (key, mut rows) in groups {
        if rows.iter().any(|row| is_ours(index, row)) {
            rows.retain(|row| is_ours(index, row));
        }
        let of_place = said.retired(key.1.name());
        let (retired, live): (Vec<Row<'h>>, Vec<Row<'h>>) = rows.into_iter().partition(|row| {
            let since = [of_place, said.retired(&row.entry.domain)];
            since.into_iter().flatten().any(|since| row.day() >= since)
        });
        if !retired.is_empty() {
            sifted.retired.insert(key.clone(), retired);
        }
        if !live.is_empty() {
            sifted.live.insert(key, live);
        }
    }
    sifted
}

/// Whether a failure is about a domain of ours, or about the MX host of one.
fn is_ours(index: &Index<'_>, row: &Row<'_>) -> bool {
    let ours = &index.history.our_domains;
    let domain = &*row.entry.domain;
    ours.is_empty()
        || ours.iter().any(|name| host_form(name) == domain)
        || (row.entry.policy.policy_type == "tlsa" && index.history.is_our_mx(domain))
}

/// The problem of these failures, with what they tell without notes if that is known; `None` if there are none.
pub(super) fn draft<'h>(
    index: &Index<'h>,
    names: &Names<'h>,
    said: &Said<'h>,
    (cause, place): Key,
    (mut rows, life): (Vec<Row<'h>>, Option<Life<'h>>),
    (id, aliases): (String, Vec<String>),
) -> Option<Draft<'h>> {
    let today = index.history.today;
    let about_id = said.about(std::iter::once(&id).chain(&aliases).map(String::as_str));
    let life = with_notes(index, cause, &rows, &notes(&about_id), life);
    let (episode, pause) = shown(&life)?;
    let (failure_types, failures) = (figures::failure_types(&rows), figures::failures(&rows));
    rows.retain(|row| (episode.first_day..=episode.last_day).contains(&row.day()));
    let verdict = verdict(index, cause, &rows, episode.last_day);
    let unaffected = unaffected(index, cause, &place, &rows);
    let witnesses = figures::witnesses(index, &life, &episode, &rows);
    let hosts = known_mx(index, names, &rows);
    let domains = figures::domains(&rows);
    let problem = Problem {
        aliases,
        state: life.state(today),
        impact: verdict.impact,
        basis: verdict.basis,
        bases: verdict.bases,
        last_known_mode: verdict.last_known_mode,
        whose: whose(index, cause, &rows, &unaffected),
        spot: spot(index, names, &place, &rows, &hosts),
        named: None,
        episodes: life.episodes.clone(),
        known_days: figures::known_days(&life, &episode, &witnesses),
        unaffected,
        failed: episode.failed,
        total: figures::total(&witnesses),
        days: figures::day_counts(&life),
        is_proven: figures::is_proven(index, &rows),
        delivered_in_spite: rows.iter().all(Row::is_in_spite),
        reasons: figures::reasons(&rows),
        result_types: figures::result_types(&rows),
        failure_types,
        failures,
        policy: figures::policy(&rows),
        longest_pause: pause.0,
        clean_days_needed: pause.1,
        remarks: remarks(said, &id, &about_id, &place),
        acknowledged_until: acknowledged(&about_id, episode.first_day),
        cached_until: figures::cached_until(index, cause, &life, &rows),
        newer_since: None,
        is_foreign: !rows.iter().any(|row| is_ours(index, row)),
        is_provider: is_provider(index, &place, &domains),
        is_retired: false,
        retired_since: None,
        after_retirement: Sum::default(),
        held_after_retirement: false,
        id,
        cause,
        place,
        domains,
        witnesses,
    };
    let mut draft = Draft {
        problem,
        life,
        rows,
        hosts,
    };
    retire(said, &mut draft, today);
    Some(draft)
}

/// What the rows tell with these notes, from what they tell without any where that is known.
fn with_notes<'h>(
    index: &Index<'h>,
    cause: Cause,
    rows: &[Row<'h>],
    notes: &[Date],
    life: Option<Life<'h>>,
) -> Life<'h> {
    let known = life.filter(|_| notes.is_empty());
    known.unwrap_or_else(|| Life::new(index, cause, rows, notes))
}

/// The present or last episode, with its longest pause and the clean days that it needs.
fn shown(life: &Life<'_>) -> Option<(Episode, (Option<u32>, u32))> {
    let at = life.shown();
    Some((life.episodes.get(at)?.clone(), life.pause_of(at)))
}

/// What was said of a problem or its place, oldest first.
fn remarks(said: &Said<'_>, id: &str, about_id: &[&Remark], place: &Place) -> Vec<Remark> {
    let about_place = said.about([place.name()].into_iter().filter(|name| *name != id));
    let mut remarks: Vec<Remark> = about_id.iter().chain(&about_place).copied().cloned().collect();
    remarks.sort_by_key(|remark| remark.day);
    remarks
}

/// Whether the MX is outside our domains and fails for at least two of them.
fn is_provider(index: &Index<'_>, place: &Place, domains: &[String]) -> bool {
    let history = index.history;
    let Place::Mx(mx) = place else {
        return false;
    };
    let is_inside = |domain: &String| {
        let domain = host_form(domain);
        *mx == domain || mx.strip_suffix(&domain).is_some_and(|host| host.ends_with('.'))
    };
    !history.our_domains.is_empty()
        && domains.len() >= 2
        && !history.our_domains.iter().any(is_inside)
        && !history.our_mx.iter().any(|name| host_form(name) == *mx)
}

/// Closes a problem whose place, or each of whose domains, is retired.
fn retire(said: &Said<'_>, draft: &mut Draft<'_>, today: Date) {
    let problem = &mut draft.problem;
    let of_domains: Option<Vec<Date>> = problem.domains.iter().map(|name| said.retired(name)).collect();
    let since = [
        said.retired(problem.place.name()),
        of_domains.and_then(|days| days.into_iter().max()),
    ];
    let Some(since) = since.into_iter().flatten().min().filter(|since| *since <= today) else {
        return;
    };
    problem.is_retired = true;
    problem.retired_since = Some(since);
    for episode in &mut problem.episodes {
        // Later days look clean only because their failures are set aside.
        if episode.ended.is_none_or(|(_, day)| day >= since) {
            episode.ended = Some((Ending::Past, since.max(episode.last_day)));
        }
    }
    let ended = problem.episode().and_then(|episode| episode.ended);
    if problem.state != State::BelowGate && matches!(ended, Some((Ending::Past, _))) {
        problem.state = State::Past;
    }
}

/// Adds what failed although it was retired: counted, and nothing else.
pub(super) fn add_retired<'h>(
    index: &Index<'h>,
    names: &Names<'h>,
    said: &Said<'h>,
    drafts: &mut Vec<Draft<'h>>,
    retired: Groups<'h>,
    ids: &dyn Fn(Cause, &Place) -> String,
) {
    let at: BTreeMap<Key, usize> = drafts
        .iter()
        .enumerate()
        .map(|(at, draft)| ((draft.problem.cause, draft.problem.place.clone()), at))
        .collect();
    for (key, rows) in retired {
        let after_retirement = retired_sum(&rows);
        let is_held = rows
            .iter()
            .any(|row| super::impact::basis(&row.entry.policy) == Basis::Enforce);
        let known = at.get(&key).and_then(|at| drafts.get_mut(*at));
        if let Some(draft) = known {
            draft.problem.after_retirement = after_retirement;
            draft.problem.held_after_retirement = is_held;
            continue;
        }
        let id = ids(key.0, &key.1);
        if let Some(mut draft) = draft(index, names, said, key, (rows, None), (id, Vec::new())) {
            draft.problem.episodes.iter_mut().for_each(hide);
            draft.problem.state = State::BelowGate;
            draft.problem.after_retirement = after_retirement;
            draft.problem.held_after_retirement = is_held;
            drafts.push(draft);
        }
    }
}

/// Nothing that failed after its retirement is to be shown.
fn hide(episode: &mut Episode) {
    episode.visible_from = None;
}

/// Failed connections of all reporters and days.
fn retired_sum(rows: &[Row<'_>]) -> Sum {
    let mut by_day: BTreeMap<(Date, &str), Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        by_day.entry((row.day(), row.reporter())).or_default().push(row);
    }
    let mut sum = Sum::default();
    for rows in by_day.into_values() {
        sum.add(failed(rows.into_iter()));
    }
    sum
}
