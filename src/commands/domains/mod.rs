//! `domains`: how each domain stands.

use std::io::Write;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::End;
use super::output::{document, printable, records, terminal_columns};
use super::ready::{self, protection};
use crate::assess::domains::{DomainState, Survey, Volume, WEEK_DAYS};
use crate::assess::sessions::Standing;
use crate::cli::{TextOrJson, TextOrJsonArgs};
use crate::clock;
use crate::config::Config;
use crate::digest::{names, words};
use crate::store::Store;

/// Lists the domains with what senders apply, and whether they are ready to enforce.
pub(super) fn domains(config: &Config, args: &TextOrJsonArgs) -> anyhow::Result<End> {
    let (survey, today) = survey(config)?;
    let mut out = std::io::stdout().lock();
    match args.format {
        TextOrJson::Json => {
            let documents: Vec<Json> = survey.domains.iter().map(json).collect();
            writeln!(out, "{}", document(&documents)?)?;
        }
        TextOrJson::Text => write!(out, "{}", text(&survey, today))?,
    }
    Ok(End::Done)
}

/// Everything about domains and reporters, and the day on which it is asked.
pub(super) fn survey(config: &Config) -> anyhow::Result<(Survey, Date)> {
    let store = Store::open_read_only(&config.store)?;
    let today = clock::now().to_zoned(TimeZone::UTC).date();
    let history = store.whole_history(today, &config.domains)?;
    let problems = store.problems(today, &config.domains)?;
    Ok((Survey::of(&history, &problems), today))
}

/// The states of our domains, those with most connections in the last week first.
pub(super) fn ours(survey: &Survey) -> impl Iterator<Item = &DomainState> {
    let mut states: Vec<&DomainState> = survey.domains.iter().collect();
    states.retain(|state| state.standing == Standing::Ours);
    states.sort_by(|a, b| (b.week.total.known, &a.domain).cmp(&(a.week.total.known, &b.domain)));
    states.into_iter()
}

fn text(survey: &Survey, today: Date) -> String {
    let rows: Vec<Vec<String>> = ours(survey).map(|state| row(state, today)).collect();
    let mut parts = vec![if rows.is_empty() {
        "no reports about domains of ours yet\n".to_owned()
    } else {
        let headings = [
            "Domain",
            "Policy",
            "Since",
            "Connections",
            "Failed",
            "Open",
            "Ready to enforce?",
        ];
        table(&headings, &rows)
    }];
    if let Some((first, last)) = survey.completeness.newest(WEEK_DAYS) {
        let days = words::days(first, last, today);
        parts.push(format!("\nConnections of the newest complete week, {days}.\n"));
    }
    for (standing, words) in [
        ("foreign", "Reports about domains that domains.mail doesn't list"),
        ("retired", "Retired"),
    ] {
        let of_standing = |state: &&DomainState| self::standing(state.standing) == standing;
        let states = survey.domains.iter().filter(of_standing);
        let names: Vec<String> = states.map(|state| names::host(&state.domain)).collect();
        if !names.is_empty() {
            parts.push(format!("{words}: {}\n", words::list(&names, 10)));
        }
    }
    lines(&parts.concat())
}

fn row(state: &DomainState, today: Date) -> Vec<String> {
    let dane = if state.has_dane && !state.policy.reigns.is_empty() {
        " + DANE"
    } else {
        ""
    };
    let open: Vec<String> = state.open_problems.iter().map(|id| format!("#{id}")).collect();
    vec![
        names::host(&state.domain),
        format!("{}{dane}", protection(state.protection)),
        state
            .policy
            .mode_since()
            .map_or(String::new(), |since| words::day(since, today)),
        words::sum(state.week.total),
        words::sum(state.week.failed),
        words::list(&open, 3),
        ready::verdict(state, today),
    ]
}

/// Rows below their headings, in columns; a line for each cell where a terminal is too narrow for that.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&headings]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in [&headings].into_iter().chain(rows) {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    let is_too_wide = |columns: u16| {
        text.lines()
            .any(|line| line.chars().count() > usize::from(columns))
    };
    if terminal_columns().is_some_and(is_too_wide) {
        return records(&headings, rows, "");
    }
    text
}

/// Lines fit to print in a terminal.
pub(super) fn lines(text: &str) -> String {
    let lines = text.lines().map(|line| printable(&words::plain(line)) + "\n");
    lines.collect()
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Ours => "ours",
        Standing::Retired(_) => "retired",
        Standing::Foreign => "foreign",
    }
}

/// A domain for machines; docs/digest.md, "JSON".
fn json(state: &DomainState) -> Json {
    let policies = state.policy.seen.iter().map(|seen| {
        json!({
            "reporter": seen.reporter,
            "mode": seen.policy.mode,
            "mx": seen.policy.mx,
            "max_age": seen.policy.max_age,
            "first_day": seen.first_day,
            "last_day": seen.last_day,
            "days": seen.days,
        })
    });
    let outdated = state.policy.outdated.iter().map(|outdated| {
        json!({
            "reporter": outdated.reporter,
            "changed": outdated.changed,
            "last_day": outdated.last_day,
            "stale": outdated.is_stale,
        })
    });
    let tlsa = state.tlsa.iter().map(|seen| {
        json!({
            "place": seen.place,
            "reporter": seen.reporter,
            "records": seen.records,
            "first_day": seen.first_day,
            "last_day": seen.last_day,
            "days": seen.days,
        })
    });
    json!({
        "domain": state.domain,
        "standing": standing(state.standing),
        "retired_since": match state.standing {
            Standing::Retired(since) => Some(since),
            Standing::Ours | Standing::Foreign => None,
        },
        "policy": protection(state.protection),
        "policy_since": state.policy.mode_since(),
        "dane": state.has_dane,
        "first_day": state.known.0,
        "last_day": state.known.1,
        "week": volume(&state.week),
        "fortnight": volume(&state.fortnight),
        "all": volume(&state.all),
        "tiny": state.is_tiny,
        "verdict": ready::name(&state.readiness.verdict),
        "problems": state.open_problems,
        "policies": policies.collect::<Vec<_>>(),
        "outdated": outdated.collect::<Vec<_>>(),
        "tlsa": tlsa.collect::<Vec<_>>(),
    })
}

fn volume(volume: &Volume) -> Json {
    let reporters = volume.reporters.iter().map(|(reporter, total, reports)| {
        json!({"reporter": reporter, "connections": total.known, "reports": reports})
    });
    json!({
        "days": dated(volume.days),
        "reports": volume.reports,
        "connections": volume.total.known,
        "failed": volume.failed.known,
        "at_least": volume.total.at_least || volume.failed.at_least,
        "reporters": reporters.collect::<Vec<_>>(),
    })
}

/// First and last day.
pub(super) fn dated(days: Option<(Date, Date)>) -> Json {
    days.map_or(Json::Null, |(first, last)| json!({"first": first, "last": last}))
}

#[cfg(test)]
mod tests;
