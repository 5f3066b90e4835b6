//! What the reports of all days say together: problems, one a repair, and how each domain stands. Pure: from the rows
//! of [`history::History`] alone, whatever the order in which the reports came.
//!
//! The rules stand in docs/digest.md. [`cause`] and [`place`] tell which repair a failure asks for; [`problem`] holds what is known of it.

mod build;
pub mod cause;
pub mod complete;
mod count;
mod days;
mod dayset;
pub mod domains;
pub mod drift;
mod failing;
mod figures;
mod gate;
pub mod history;
pub mod id;
pub mod impact;
mod join;
mod kept;
mod life;
mod named;
pub mod news;
pub mod place;
pub mod policy;
pub mod problem;
pub mod ready;
mod said;
pub mod sessions;
pub mod silence;
mod spot;
#[cfg(test)]
mod tests;
pub mod tlsa;
mod whose;

pub use domains::{complete, domains, reporters};
pub use drift::drift;

use std::cmp::Reverse;

use build::Draft;
use cause::Cause;
use count::Index;
use history::History;
use impact::Impact;
use place::Place;
use problem::Problem;
use said::Said;
use spot::Names;

/// All problems there ever were, also those below the noise gate: first where mail is held, then by number of reporters
/// and of failed connections. `ids` gives the id of a problem by its cause and place; [`id::hash`] is one.
pub fn problems(history: &History, ids: &dyn Fn(Cause, &Place) -> String) -> Vec<Problem> {
    let index = Index::new(history);
    let names = Names::new(&index);
    let said = Said::new(history);
    let sifted = build::sift(&index, &said, count::groups(&index));
    let groups = join::join(&index, sifted.live);
    let ids_of = join::ids(&groups, ids);
    let mut drafts: Vec<Draft<'_>> = groups
        .into_iter()
        .filter_map(|(key, group)| {
            let ids = ids_of.get(&key).cloned()?;
            build::draft(&index, &names, &said, key, (group.rows, group.life), ids)
        })
        .collect();
    build::add_retired(&index, &names, &said, &mut drafts, sifted.retired, ids);
    named::mark_reporter_trouble(&mut drafts);
    named::name_all(&index, &names, &mut drafts);
    let mut problems: Vec<Problem> = drafts.into_iter().map(|draft| draft.problem).collect();
    policy::tell_since(history, &mut problems);
    problems.sort_by_key(|problem| {
        let by_weight = (
            problem.impact != Impact::Held,
            Reverse(problem.witnesses.len()),
            Reverse(problem.failed.known),
        );
        (by_weight, problem.cause, problem.place.clone())
    });
    problems
}
