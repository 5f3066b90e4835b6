//! Writes how problems stand, and what belongs to them, where that differs from what is kept.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rusqlite::{Connection, named_params};

use super::belongings::{keep_failure_types, keep_joined, keep_stale};
use super::derive::joined;
use super::expired::Expired;
use super::history::Read;
use super::keys::Keys;
use crate::assess::impact::Basis;
use crate::assess::problem::{Ending, Episode, Named, Problem, Whose};

/// How a problem stands, as the row keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Standing {
    /// From `state` to `visible_from` in the order of the table, and `acknowledged_until`.
    texts: [String; 9],
    /// From `failed` on in the order of the table.
    numbers: [i64; 7],
}

/// Everything that is kept of a problem but its key and id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Kept {
    standing: Standing,
    episodes: BTreeSet<EpisodeRow>,
    domains: BTreeSet<String>,
    reporters: BTreeSet<ReporterRow>,
}

/// The columns of `problem_episode`, but for the first.
type EpisodeRow = (String, String, String, i64, bool, String, String, String);
/// The columns of `problem_reporter`, but for the first.
type ReporterRow = (String, String, String, i64, i64, bool);

pub(super) fn keep(
    db: &Connection,
    keys: &mut Keys,
    read: &Read,
    problems: &[Problem],
    expired: &BTreeMap<i64, Vec<Expired>>,
) -> rusqlite::Result<()> {
    let before = kept_before(db)?;
    let mut now: BTreeMap<i64, Kept> = BTreeMap::new();
    for problem in problems {
        let number = keys.number_or_new(db, &(problem.cause, problem.place.clone()))?;
        now.insert(number, kept_of(problem));
    }
    let nothing = Kept::default();
    for number in before
        .keys()
        .filter(|number| !now.contains_key(number))
        .copied()
        .collect::<Vec<_>>()
    {
        let known = before.get(&number).unwrap_or(&nothing);
        now.insert(number, gone(known, expired.get(&number)));
    }
    for (number, kept) in &now {
        write(db, *number, before.get(number).unwrap_or(&nothing), kept)?;
    }
    keep_stale(db, keys, &read.history)?;
    keep_joined(db, &joined(read, keys, problems))?;
    keep_failure_types(db, keys, &read.history, problems)
}

/// What is left of a problem that no report shows any more.
fn gone(known: &Kept, expired: Option<&Vec<Expired>>) -> Kept {
    let episodes: Vec<Episode> = expired
        .into_iter()
        .flatten()
        .map(Expired::episode_alone)
        .collect();
    let Some(last) = episodes.last() else {
        return Kept::default();
    };
    let mut kept = known.clone();
    let state = match last.ended {
        Some((Ending::Resolved, _)) => "resolved",
        _ => "past",
    };
    let [state_text, _, _, _, _, first_day, last_day, visible_from, _] = &mut kept.standing.texts;
    state.clone_into(state_text);
    *first_day = last.first_day.to_string();
    *last_day = last.last_day.to_string();
    *visible_from = text_of(last.visible_from);
    kept.episodes = episodes.iter().map(episode_row).collect();
    kept
}

fn kept_of(problem: &Problem) -> Kept {
    let Some(last) = problem.episode() else {
        return Kept::default();
    };
    Kept {
        standing: Standing {
            texts: [
                problem.state.as_str().to_owned(),
                problem.impact.as_str().to_owned(),
                basis_text(problem.basis).to_owned(),
                whose_text(problem.whose).to_owned(),
                problem.named.map_or("", named_text).to_owned(),
                last.first_day.to_string(),
                last.last_day.to_string(),
                text_of(last.visible_from),
                text_of(problem.acknowledged_until),
            ],
            numbers: [
                number(problem.failed.known),
                number(problem.total.known),
                i64::from(problem.failed.at_least || problem.total.at_least),
                i64::try_from(problem.witnesses.len()).unwrap_or(i64::MAX),
                i64::try_from(problem.domains.len()).unwrap_or(i64::MAX),
                i64::from(problem.is_retired),
                i64::from(problem.is_foreign),
            ],
        },
        episodes: problem.episodes.iter().map(episode_row).collect(),
        domains: problem.domains.iter().cloned().collect(),
        reporters: problem
            .witnesses
            .iter()
            .map(|witness| {
                (
                    witness.reporter.clone(),
                    witness.first_day.to_string(),
                    witness.last_day.to_string(),
                    number(witness.failed.known),
                    number(witness.total.known),
                    witness.failed.at_least || witness.total.at_least,
                )
            })
            .collect(),
    }
}

fn episode_row(episode: &Episode) -> EpisodeRow {
    let (ended, ended_day) = match episode.ended {
        None => ("", String::new()),
        Some((Ending::Resolved, day)) => ("resolved", day.to_string()),
        Some((Ending::Past, day)) => ("past", day.to_string()),
    };
    (
        episode.first_day.to_string(),
        episode.last_day.to_string(),
        text_of(episode.visible_from),
        number(episode.failed.known),
        episode.failed.at_least,
        ended.to_owned(),
        ended_day,
        text_of(episode.by_note),
    )
}

fn text_of(day: Option<Date>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// A count as SQLite keeps it.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn basis_text(basis: Basis) -> &'static str {
    match basis {
        Basis::Enforce => "enforce",
        Basis::Dane => "dane",
        Basis::Testing => "testing",
        Basis::NoMode => "none",
        Basis::NoPolicy => "no-policy",
        Basis::Unknown => "unknown",
    }
}

fn whose_text(whose: Whose) -> &'static str {
    match whose {
        Whose::YoursProven => "yours-proven",
        Whose::YoursSeen => "yours-seen",
        Whose::OnlyOne => "only-one",
        Whose::CantTell => "cant-tell",
        Whose::Theirs => "theirs",
    }
}

fn named_text(named: Named) -> &'static str {
    match named {
        Named::C1NodeLeftBehind => "node-left-behind",
        Named::C2BackupMxForgotten => "backup-mx-forgotten",
        Named::C3WildcardTooShort => "wildcard-too-short",
        Named::C6PolicyRemoved => "policy-removed",
        Named::C7MxMove => "mx-move",
        Named::C8PolicyHostExpired => "policy-host-expired",
        Named::C10PolicyBlocked => "policy-blocked",
        Named::C11TlsaNotUpdated => "tlsa-not-updated",
        Named::C12TlsaOverlapTooShort => "tlsa-overlap-too-short",
        Named::C14DnssecExpired => "dnssec-expired",
        Named::C15StarttlsStripped => "starttls-stripped",
        Named::C16OldTls => "old-tls",
        Named::C17RateLimit => "rate-limit",
        Named::C18CertificateForDomain => "certificate-for-domain",
        Named::C20ReporterTrouble => "reporter-trouble",
        Named::C21OneSender => "one-sender",
        Named::C23TlsaChangedFirst => "tlsa-changed-first",
    }
}

/// What is kept of each problem now.
fn kept_before(db: &Connection) -> rusqlite::Result<BTreeMap<i64, Kept>> {
    let mut all: BTreeMap<i64, Kept> = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT number, state, impact, policy, whose, named, first_day, last_day, visible_from, acknowledged_until,
                failed, total, at_least, reporters, domains, is_retired, is_foreign FROM problem",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let mut standing = Standing::default();
        for (at, text) in (1..).zip(&mut standing.texts) {
            *text = row.get(at)?;
        }
        for (at, number) in (10..).zip(&mut standing.numbers) {
            *number = row.get(at)?;
        }
        all.entry(row.get(0)?).or_default().standing = standing;
    }
    let mut statement = db.prepare(
        "SELECT problem, first_day, last_day, visible_from, failed, at_least, ended, ended_day, by_note
         FROM problem_episode",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let episode = (
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
            row.get(8)?,
        );
        all.entry(row.get(0)?).or_default().episodes.insert(episode);
    }
    let mut statement = db.prepare("SELECT problem, domain FROM problem_domain")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        all.entry(row.get(0)?).or_default().domains.insert(row.get(1)?);
    }
    let mut statement = db.prepare(
        "SELECT problem, reporter, first_day, last_day, failed, total, at_least FROM problem_reporter",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let reporter = (
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.get(6)?,
        );
        all.entry(row.get(0)?).or_default().reporters.insert(reporter);
    }
    Ok(all)
}

/// Writes what differs.
fn write(db: &Connection, problem: i64, before: &Kept, now: &Kept) -> rusqlite::Result<()> {
    if before.standing != now.standing {
        write_standing(db, problem, &now.standing)?;
    }
    if before.episodes != now.episodes {
        clear(db, "problem_episode", problem)?;
        for (first_day, last_day, visible_from, failed, at_least, ended, ended_day, by_note) in &now.episodes
        {
            db.prepare_cached(
                "INSERT INTO problem_episode (problem, first_day, last_day, visible_from, failed, at_least, ended,
                                              ended_day, by_note)
                 VALUES (:problem, :first_day, :last_day, :visible_from, :failed, :at_least, :ended, :ended_day,
                         :by_note)",
            )?
            .execute(named_params! {
                ":problem": problem, ":first_day": first_day, ":last_day": last_day, ":visible_from": visible_from,
                ":failed": failed, ":at_least": at_least, ":ended": ended, ":ended_day": ended_day,
                ":by_note": by_note,
            })?;
        }
    }
    if before.domains != now.domains {
        clear(db, "problem_domain", problem)?;
        for domain in &now.domains {
            db.prepare_cached("INSERT INTO problem_domain (problem, domain) VALUES (:problem, :domain)")?
                .execute(named_params! { ":problem": problem, ":domain": domain })?;
        }
    }
    if before.reporters != now.reporters {
        clear(db, "problem_reporter", problem)?;
        for (reporter, first_day, last_day, failed, total, at_least) in &now.reporters {
            db.prepare_cached(
                "INSERT INTO problem_reporter (problem, reporter, first_day, last_day, failed, total, at_least)
                 VALUES (:problem, :reporter, :first_day, :last_day, :failed, :total, :at_least)",
            )?
            .execute(named_params! {
                ":problem": problem, ":reporter": reporter, ":first_day": first_day, ":last_day": last_day,
                ":failed": failed, ":total": total, ":at_least": at_least,
            })?;
        }
    }
    Ok(())
}

fn clear(db: &Connection, table: &str, problem: i64) -> rusqlite::Result<()> {
    db.prepare_cached(&format!("DELETE FROM {table} WHERE problem = :problem"))?
        .execute(named_params! { ":problem": problem })?;
    Ok(())
}

fn write_standing(db: &Connection, problem: i64, standing: &Standing) -> rusqlite::Result<()> {
    let [
        state,
        impact,
        policy,
        whose,
        named,
        first_day,
        last_day,
        visible_from,
        until,
    ] = &standing.texts;
    let [
        failed,
        total,
        at_least,
        reporters,
        domains,
        is_retired,
        is_foreign,
    ] = &standing.numbers;
    db.prepare_cached(
        "UPDATE problem SET state = :state, impact = :impact, policy = :policy, whose = :whose, named = :named,
             first_day = :first_day, last_day = :last_day, visible_from = :visible_from,
             acknowledged_until = :until, failed = :failed, total = :total, at_least = :at_least,
             reporters = :reporters, domains = :domains, is_retired = :is_retired, is_foreign = :is_foreign
         WHERE number = :problem",
    )?
    .execute(named_params! {
        ":state": state, ":impact": impact, ":policy": policy, ":whose": whose, ":named": named,
        ":first_day": first_day, ":last_day": last_day, ":visible_from": visible_from, ":until": until,
        ":failed": failed, ":total": total, ":at_least": at_least, ":reporters": reporters, ":domains": domains,
        ":is_retired": is_retired, ":is_foreign": is_foreign, ":problem": problem,
    })?;
    Ok(())
}
