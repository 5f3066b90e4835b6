//! `reporters`: who reports, how regularly, and who has stopped.

use std::io::Write;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::End;
use super::domains::{lines, survey, table};
use super::output::document;
use super::ready::named;
use crate::assess::domains::Survey;
use crate::assess::silence::ReporterState;
use crate::cli::{TextOrJson, TextOrJsonArgs};
use crate::config::Config;
use crate::digest::{names, words};

/// Lists the reporters.
pub(super) fn reporters(config: &Config, args: &TextOrJsonArgs) -> anyhow::Result<End> {
    let (survey, today) = survey(config)?;
    let mut out = std::io::stdout().lock();
    match args.format {
        TextOrJson::Json => writeln!(out, "{}", document(&json(&survey))?)?,
        TextOrJson::Text => write!(out, "{}", text(&survey, today))?,
    }
    Ok(End::Done)
}

pub(super) fn text(survey: &Survey, today: Date) -> String {
    if survey.reporters.is_empty() {
        return "no reports about domains of ours yet\n".to_owned();
    }
    let rows: Vec<Vec<String>> = survey.reporters.iter().map(|state| row(state, today)).collect();
    let headings = [
        "Reporter",
        "Newest day",
        "Days of 28",
        "Longest pause",
        "Reports",
        "Connections",
        "Remark",
    ];
    let mut parts = vec![table(&headings, &rows)];
    if let Some(day) = survey.completeness.newest_day {
        parts.push(format!(
            "\nThe newest complete day is {}.\n",
            words::day(day, today)
        ));
    }
    if let Some(days) = survey.quiet.none_for_days {
        parts.push(format!(
            "No reports for {}: look at your side.\n",
            words_of_days(days)
        ));
    } else if survey.quiet.is_ours() {
        parts.push(format!(
            "{} are silent: look at your side.\n",
            named(&survey.quiet.silent)
        ));
    }
    if survey.quiet.suspects_dnssec {
        parts.push(
            "Those that look up TLSA records are silent, others go on: check DNSSEC first.\n".to_owned(),
        );
    }
    if let [only] = survey.reporters.as_slice() {
        let only = names::reporter(&only.reporter, &only.reporter);
        parts.push(format!("Only {only} reports to you; that's common.\n"));
    }
    lines(&parts.concat())
}

fn row(state: &ReporterState, today: Date) -> Vec<String> {
    vec![
        names::reporter(&state.reporter, &state.reporter),
        words::day(state.newest_day, today),
        state.known_days.to_string(),
        state.longest_pause.map_or(String::new(), words_of_days),
        words::number(state.reports),
        words::sum(state.total),
        remark(state, today),
    ]
}

fn words_of_days(days: i64) -> String {
    words::count(days.unsigned_abs(), "day")
}

fn remark(state: &ReporterState, today: Date) -> String {
    match &state.silence {
        Some(silence) => format!(
            "silent since {}; longest pause before: {}",
            words::day(silence.last_day, today),
            words_of_days(silence.longest_before)
        ),
        None if state.is_loop_only => "1 connection a day: reports about reports".to_owned(),
        None if !state.is_watched => "irregular, its silence means nothing".to_owned(),
        None => String::new(),
    }
}

/// The reporters for machines; docs/digest.md, "JSON".
pub(super) fn json(survey: &Survey) -> Json {
    let awaited = |reporter: &str| {
        let mut reporters = survey.completeness.reporters.iter();
        reporters.any(|state| state.reporter == reporter && state.is_awaited)
    };
    let reporters = survey.reporters.iter().map(|state| {
        json!({
            "reporter": state.reporter,
            "first_day": state.first_day,
            "newest_day": state.newest_day,
            "known_days_of_28": state.known_days,
            "longest_pause_days": state.longest_pause,
            "watched": state.is_watched,
            "awaited": awaited(&state.reporter),
            "silent_days": state.silence.as_ref().map(|silence| silence.pause),
            "only_about_reports": state.is_loop_only,
            "sends_tlsa": state.sends_tlsa,
            "reports": state.reports,
            "connections": state.total.known,
            "failed": state.failed.known,
            "at_least": state.total.at_least || state.failed.at_least,
            "domains": state.domains,
        })
    });
    json!({
        "reporters": reporters.collect::<Vec<_>>(),
        "newest_complete_day": survey.completeness.newest_day,
        "silent": survey.quiet.silent,
        "none_for_days": survey.quiet.none_for_days,
        "look_at_your_side": survey.quiet.is_ours(),
        "check_dnssec": survey.quiet.suspects_dnssec,
    })
}
