//! Which of the reports of one identity counts.

use std::collections::BTreeSet;

use rusqlite::{Connection, named_params};

use super::entries::count_days;
use super::record::settle_mails_of;

/// What becomes of a report that another of its identity beats.
pub(super) fn loser(winner_is_proven: bool, is_proven: bool) -> &'static str {
    if winner_is_proven && !is_proven {
        "replaced"
    } else {
        "conflict"
    }
}

/// Lets of the reports of one identity the one count that would, had they come in any order.
pub(super) fn elect(db: &Connection, identity: &[u8]) -> rusqlite::Result<()> {
    let rivals: Vec<(i64, String, bool)> = db
        .prepare_cached(
            "SELECT id, status, authentication IN ('dkim', 'trusted-mx') AS is_proven FROM (
                 SELECT * FROM report WHERE identity = :identity AND status = 'counted'
                 UNION ALL
                 SELECT * FROM report WHERE identity = :identity AND status <> 'counted')
             WHERE status IN ('counted', 'conflict', 'replaced')
             ORDER BY is_proven DESC, sessions DESC, content",
        )?
        .query_map(named_params! { ":identity": identity }, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let Some((winner, losers)) = rivals.split_first() else {
        return Ok(());
    };
    // At most one counts at any moment.
    let wanted = losers
        .iter()
        .map(|rival| (rival, loser(winner.2, rival.2)))
        .chain([(winner, "counted")]);
    for ((report, status, _), wanted) in wanted.filter(|((_, status, _), wanted)| status != wanted) {
        db.execute(
            "UPDATE report SET status = :status WHERE id = :report",
            named_params! { ":status": wanted, ":report": report },
        )?;
        if status == "counted" || wanted == "counted" {
            for failure_type in failure_types(db, *report)? {
                count_days(db, failure_type)?;
            }
        }
        settle_mails_of(db, *report)?;
    }
    Ok(())
}

/// The failure types that a report shows.
pub(super) fn failure_types(db: &Connection, report: i64) -> rusqlite::Result<BTreeSet<i64>> {
    db.prepare_cached(
        "SELECT DISTINCT failure.failure_type FROM failure
         JOIN policy_result ON policy_result.id = failure.policy_result
         WHERE policy_result.report = :report AND failure.failure_type IS NOT NULL",
    )?
    .query_map(named_params! { ":report": report }, |row| row.get(0))?
    .collect()
}
