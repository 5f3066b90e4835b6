//! What the checklist leaves out because somebody has retired its MX.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ledger::{blocks, held_of};
use super::{Case, WINDOW_DAYS};
use crate::assess::history::{Failure, Sum};
use crate::assess::sessions::plus;

/// A retired MX at which connections failed all the same. Ready is only who no longer has it in the MX record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredMx {
    /// Its name.
    pub mx: String,
    /// Since when somebody says that it isn't used.
    pub since: Date,
    /// Connections that failed there on the 14 days or since, and that enforce would have held.
    pub failed: Sum,
    /// The last day on which one did.
    pub last_day: Date,
}

/// The retired MX hosts at which connections to the domain failed on the 14 days up to `last`, or since.
pub(super) fn retired_mx(case: &Case<'_, '_>, last: Date) -> Vec<RetiredMx> {
    let index = case.index;
    let first = plus(last, 1 - WINDOW_DAYS);
    let mut found: BTreeMap<&str, RetiredMx> = BTreeMap::new();
    for row in case.rows.rows.iter().filter(|row| row.day >= first) {
        // MTA-STS says nothing of connections under DANE.
        for (read, failures) in index
            .failing(row)
            .filter(|(read, _)| read.entry.policy.policy_type != "tlsa")
        {
            let mut of_mx: BTreeMap<&str, Vec<&Failure>> = BTreeMap::new();
            for failure in failures.iter().filter(|failure| blocks(failure.cause)) {
                // Of several names one that is in use makes it no failure of a retired MX.
                if failure
                    .mx
                    .iter()
                    .all(|mx| index.retired.contains_key(mx.as_str()))
                    && let Some(mx) = failure.mx.first()
                {
                    of_mx.entry(mx).or_default().push(failure);
                }
            }
            for (mx, failures) in of_mx {
                let Some(since) = index.retired.get(mx) else {
                    continue;
                };
                let retired = found.entry(mx).or_insert_with(|| RetiredMx {
                    mx: mx.to_owned(),
                    since: *since,
                    failed: Sum::default(),
                    last_day: row.day,
                });
                retired.failed.add(held_of(&failures, read.entry.failed));
                retired.last_day = retired.last_day.max(row.day);
            }
        }
    }
    found.into_values().collect()
}
