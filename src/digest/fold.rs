//! Problems that are told as one: the same cause about the policies of many domains, begun together. Pure.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::digest::reading::Reading;

/// From so many domains on.
const MIN_DOMAINS: usize = 3;
/// First days that lie so many hours apart at most belong together.
const MAX_HOURS: i64 = 48;

/// Folds problems about policies; of those folded the oldest gives the id. State stays with each.
pub(crate) fn fold(readings: Vec<Reading<'_>>) -> Vec<Reading<'_>> {
    let mut kept = Vec::new();
    let mut by_cause: BTreeMap<_, Vec<Reading<'_>>> = BTreeMap::new();
    for reading in readings {
        if reading.problem.cause.is_about_the_policy() {
            let key = (reading.problem.cause, reading.event);
            by_cause.entry(key).or_default().push(reading);
        } else {
            kept.push(reading);
        }
    }
    for mut group in by_cause.into_values() {
        group.sort_by_cached_key(|reading| (reading.first_day(), reading.key()));
        let mut run: Vec<Reading<'_>> = Vec::new();
        for reading in group {
            let begins_apart = run
                .first()
                .is_some_and(|first| !lie_close(first.first_day(), reading.first_day()));
            if begins_apart {
                kept.extend(folded(std::mem::take(&mut run)));
            }
            run.push(reading);
        }
        kept.extend(folded(run));
    }
    kept
}

fn lie_close(first: Date, other: Date) -> bool {
    other.duration_since(first).as_hours().abs() <= MAX_HOURS
}

fn folded(run: Vec<Reading<'_>>) -> Vec<Reading<'_>> {
    if run.len() < MIN_DOMAINS {
        return run;
    }
    let mut run = run.into_iter();
    let Some(mut first) = run.next() else {
        return Vec::new();
    };
    first.folded = run.map(|reading| reading.problem).collect();
    vec![first]
}
