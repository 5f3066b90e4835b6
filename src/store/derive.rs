//! Derives problems from a history, under the ids that they have here.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::history::Read;
use super::keys::Keys;
use crate::assess;
use crate::assess::cause::Cause;
use crate::assess::history::{Kind, Remark};
use crate::assess::place::Place;
use crate::assess::problem::Problem;

/// The problems under the ids that they have here, which never change. The assessment knows no past but the reports: it
/// may call a problem by the id of a vaguer one that it began as, and such a claim comes and goes with reports.
pub(super) fn derive(read: &mut Read, keys: &Keys) -> Vec<Problem> {
    let ids = |cause: Cause, place: &Place| keys.id(cause, place);
    let mut problems = assess::problems(&read.history, &ids);
    let called: BTreeMap<String, String> = problems
        .iter()
        .map(|problem| (keys.id(problem.cause, &problem.place), problem.id.clone()))
        .filter(|(id, called)| id != called)
        .collect();
    let is_about_one = |remark: &Remark| called.contains_key(&remark.about);
    if read.history.remarks.iter().any(is_about_one) {
        let remarks = read.history.remarks.clone();
        for remark in &mut read.history.remarks {
            if let Some(called) = called.get(&remark.about) {
                remark.about.clone_from(called);
            }
        }
        problems = assess::problems(&read.history, &ids);
        read.history.remarks = remarks;
    }
    for problem in &mut problems {
        let id = keys.id(problem.cause, &problem.place);
        for remark in &mut problem.remarks {
            if remark.about == problem.id {
                remark.about.clone_from(&id);
            }
        }
        problem.id = id;
    }
    let own: BTreeSet<&str> = problems.iter().map(|problem| problem.id.as_str()).collect();
    let mut aliases: Vec<Vec<String>> = Vec::new();
    for problem in &problems {
        // Failures of a kind share it, and there are few kinds.
        let kinds: BTreeMap<*const Kind, &Kind> = problem
            .failures
            .iter()
            .filter_map(|at| read.history.failures.get(*at))
            .map(|failure| (Rc::as_ptr(&failure.kind), &*failure.kind))
            .collect();
        let joined = kinds.values().map(|kind| keys.id(kind.cause, &kind.place));
        let all: BTreeSet<String> = joined.filter(|id| !own.contains(id.as_str())).collect();
        aliases.push(
            all.into_iter()
                .chain(keys.aliases(problem.cause, &problem.place))
                .collect(),
        );
    }
    for (problem, aliases) in problems.iter_mut().zip(aliases) {
        problem.aliases = aliases;
    }
    problems
}

/// Failures of a problem in a policy result, by the ids of both, that belong to another problem, or to none.
pub(super) type Joined = BTreeMap<(i64, i64), Option<i64>>;

/// The failures that the reports around them, or people, take from the problem that they show by themselves.
pub(super) fn joined(read: &Read, keys: &Keys, problems: &[Problem]) -> Joined {
    let mut owners: Vec<Option<i64>> = vec![None; read.history.failures.len()];
    for problem in problems {
        let number = keys.number(problem.cause, &problem.place);
        for at in &problem.failures {
            if let Some(owner) = owners.get_mut(*at).filter(|_| number.is_some()) {
                *owner = number;
            }
        }
    }
    let mut alone: FxHashMap<*const Kind, Option<i64>> = FxHashMap::default();
    let mut joined = Joined::new();
    let failures = read.history.failures.iter().zip(&read.policy_results);
    for (at, (failure, policy_result)) in failures.enumerate() {
        let owner = owners.get(at).copied().flatten();
        let alone = alone
            .entry(Rc::as_ptr(&failure.kind))
            .or_insert_with(|| keys.number(failure.cause, &failure.place));
        if let Some(alone) = *alone
            && owner != Some(alone)
        {
            joined.insert((*policy_result, alone), owner);
        }
    }
    joined
}
