//! `problems`: the list of what is to be repaired; and the words and JSON of one, shared with `show`.

use std::io::Write;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::End;
use super::output::{Rows, document, printable, table};
use super::saying;
use crate::assess::history::Sum;
use crate::assess::problem::{Problem, Whose};
use crate::cli::{ProblemsArgs, RowFormat, Table};
use crate::config::Config;
use crate::digest::fill::Fill;
use crate::digest::{self, guide, names};
use crate::store::{QueryOutput, Store, Value};

/// Columns of `--format csv`, a row a problem.
const CSV_COLUMNS: [&str; 17] = [
    "id",
    "state",
    "cause",
    "place",
    "place_kind",
    "impact",
    "policy",
    "whose",
    "first_day",
    "last_day",
    "failed",
    "total",
    "reporters",
    "domains",
    "acknowledged_until",
    "is_retired",
    "is_foreign",
];
/// Columns for people.
const COLUMNS: [&str; 7] = [
    "id",
    "state",
    "first day",
    "last day",
    "failed",
    "mail",
    "problem",
];

/// Lists the open problems, or all.
pub(super) fn problems(config: &Config, args: &ProblemsArgs) -> anyhow::Result<End> {
    let store = Store::open_read_only(&config.store)?;
    let all = store.problems(saying::today(), &config.domains)?;
    let shown: Vec<&Problem> = all
        .iter()
        .filter(|problem| args.all || is_listed(problem))
        .collect();
    match args.format {
        Table::Json => {
            let list: Vec<Json> = shown.iter().map(|problem| problem_json(problem)).collect();
            writeln!(std::io::stdout().lock(), "{}", document(&list)?)?;
        }
        Table::Csv => csv(&shown)?,
        Table::Text => write!(std::io::stdout().lock(), "{}", text(&shown, &all))?,
    }
    Ok(End::Done)
}

/// Whether it is listed without `--all`: it asks for something of ours.
pub(super) fn is_listed(problem: &Problem) -> bool {
    problem.is_open() && !problem.is_foreign && !problem.is_retired
}

fn text(shown: &[&Problem], all: &[Problem]) -> String {
    let rows: Vec<Vec<Value>> = shown.iter().map(|problem| row(problem)).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        text.push_str(&table(&COLUMNS.map(str::to_owned), &rows, ""));
        text.push('\n');
    }
    let n_open = shown.iter().filter(|problem| is_listed(problem)).count();
    let n_acknowledged = shown
        .iter()
        .filter(|problem| is_listed(problem) && problem.acknowledged_until.is_some())
        .count();
    let mut summary = match n_open {
        0 => "No problem is open".to_owned(),
        n => format!("{n} open"),
    };
    if n_acknowledged > 0 {
        summary.extend([format!(", of these {n_acknowledged} acknowledged")]);
    }
    let n_more = all.len().saturating_sub(shown.len());
    if n_more > 0 {
        summary.extend([format!("; {n_more} more with --all")]);
    }
    if !shown.is_empty() {
        summary.push_str("; `tlsrptd show ID` tells all of one");
    }
    text.push_str(&summary);
    text.push('\n');
    text
}

fn row(problem: &Problem) -> Vec<Value> {
    let (first, last) = days(problem);
    let mut state = problem.state.as_str().to_owned();
    if problem.is_retired {
        "retired".clone_into(&mut state);
    } else if problem.acknowledged_until.is_some() && problem.is_open() {
        state.push_str(", acknowledged");
    }
    [
        problem.id.clone(),
        state,
        first,
        last,
        sum(problem.failed),
        guide::impact_in_short(problem.impact).to_owned(),
        headline(problem),
    ]
    .map(Value::Text)
    .to_vec()
}

fn csv(shown: &[&Problem]) -> std::io::Result<()> {
    let mut rows = Rows::new(RowFormat::Csv);
    rows.columns(&CSV_COLUMNS.map(str::to_owned))?;
    let number = |n: u64| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
    let size = |n: usize| number(u64::try_from(n).unwrap_or(u64::MAX));
    for problem in shown {
        let (first, last) = days(problem);
        let until = problem.acknowledged_until;
        let name = |text: &str| Value::Text(text.to_owned());
        rows.row(vec![
            name(&problem.id),
            name(problem.state.as_str()),
            name(problem.cause.as_str()),
            name(problem.place.name()),
            name(problem.place.kind()),
            name(problem.impact.as_str()),
            name(guide::basis_name(problem.basis)),
            name(whose_name(problem.whose)),
            Value::Text(first),
            Value::Text(last),
            number(problem.failed.known),
            number(problem.total.known),
            size(problem.witnesses.len()),
            size(problem.domains.len()),
            until.map_or(Value::Null, |day| Value::Text(day.to_string())),
            Value::Integer(i64::from(problem.is_retired)),
            Value::Integer(i64::from(problem.is_foreign)),
        ])?;
    }
    rows.finish()
}

/// First and last day of the present or last episode; empty without one.
fn days(problem: &Problem) -> (String, String) {
    problem.episode().map_or_else(Default::default, |episode| {
        (episode.first_day.to_string(), episode.last_day.to_string())
    })
}

fn sum(sum: Sum) -> String {
    let at_least = if sum.at_least { ">= " } else { "" };
    format!("{at_least}{}", sum.known)
}

/// The problem in a few words, those of the mails; fit to print.
pub(super) fn headline(problem: &Problem) -> String {
    printable(&digest::headline(problem))
}

/// A text of the table with the problem's names in its gaps; fit to print.
pub(super) fn filled(problem: &Problem, template: &str) -> String {
    printable(&Fill::of(problem, names::host).apply(template))
}

/// What it does to mail: while it is open, in the words of the mails.
pub(super) fn mail(problem: &Problem, today: Date) -> String {
    if problem.is_open() {
        return digest::mail_and_whose(problem, today).0;
    }
    format!(
        "{}; {}",
        guide::basis_words(problem.basis),
        guide::impact_words(problem.cause, problem.impact)
    )
}

/// A name for machines, as in the view `problems`.
fn whose_name(whose: Whose) -> &'static str {
    match whose {
        Whose::YoursProven => "yours-proven",
        Whose::YoursSeen => "yours-seen",
        Whose::OnlyOne => "only-one",
        Whose::CantTell => "cant-tell",
        Whose::Theirs => "theirs",
    }
}

/// A problem as `problems` and `show` print it as JSON (docs/json.md).
pub(super) fn problem_json(problem: &Problem) -> Json {
    let episode = problem.episode();
    json!({
        "id": problem.id,
        "aliases": problem.aliases,
        "headline": headline(problem),
        "state": problem.state.as_str(),
        "is_open": problem.is_open(),
        "cause": problem.cause.as_str(),
        "place": problem.place.name(),
        "place_kind": problem.place.kind(),
        "domains": problem.domains,
        "impact": problem.impact.as_str(),
        "policy": guide::basis_name(problem.basis),
        "whose": whose_name(problem.whose),
        "named": problem.named.and_then(guide::combination).map(|known| known.number),
        "first_day": episode.map(|episode| episode.first_day),
        "last_day": episode.map(|episode| episode.last_day),
        "failed": problem.failed.known,
        "total": problem.total.known,
        "at_least": problem.failed.at_least || problem.total.at_least,
        "reporters": problem.witnesses.iter().map(|witness| json!({
            "reporter": witness.reporter,
            "failed": witness.failed.known,
            "total": witness.total.known,
            "at_least": witness.failed.at_least || witness.total.at_least,
            "first_day": witness.first_day,
            "last_day": witness.last_day,
            "newest_day": witness.newest_day,
            "clean_days": witness.clean_days.len(),
        })).collect::<Vec<_>>(),
        "clean_days_needed": problem.clean_days_needed,
        "acknowledged_until": problem.acknowledged_until,
        "is_retired": problem.is_retired,
        "is_foreign": problem.is_foreign,
    })
}
