//! `show ID`: a problem with all that is known of it, and for each figure the query that gives it.

use std::io::Write;

use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};

use super::End;
use super::output::{document, json_value, printable, row, table};
use super::problems::{headline, mail, problem_json};
use super::saying;
use crate::assess::cause::Cause;
use crate::assess::problem::Problem;
use crate::cli::TextOrJson;
use crate::config::Config;
use crate::digest::guide::{self, Combination};
use crate::digest::{self, names, words};
use crate::store::{Store, TraceQuestion, Traced, Value};

/// Prints a problem.
pub(super) fn show(config: &Config, given: &str, format: TextOrJson) -> anyhow::Result<End> {
    let today = saying::today();
    let mut store = Store::open_read_only(&config.store)?;
    let problems = store.problems(today, &config.domains)?;
    let problem = saying::resolve(&store, &problems, given)?;
    let episode = problem.episode();
    let question = TraceQuestion {
        id: &problem.id,
        episode: episode.map_or((today, today), |episode| (episode.first_day, episode.last_day)),
    };
    let shown = Shown {
        problem,
        figures: store.figures(&question)?,
        lists: store.lists(&question)?,
    };
    let mut out = std::io::stdout().lock();
    match format {
        TextOrJson::Json => writeln!(out, "{}", document(&shown.json())?)?,
        TextOrJson::Text => write!(out, "{}", shown.text(today))?,
    }
    Ok(End::Done)
}

/// A problem with the figures about it.
struct Shown<'a> {
    problem: &'a Problem,
    figures: Vec<Traced>,
    lists: Vec<Traced>,
}

impl Shown<'_> {
    fn json(&self) -> Json {
        let problem = self.problem;
        let mut json = problem_json(problem);
        let figures: Vec<Json> = self
            .figures
            .iter()
            .map(|figure| json!({"name": figure.name, "value": value(figure), "sql": figure.sql}))
            .collect();
        let lists: Vec<Json> = self
            .lists
            .iter()
            .map(|list| json!({"name": list.name, "rows": objects(list), "sql": list.sql}))
            .collect();
        let more = json!({
            "combination": problem.named.and_then(guide::combination).map(|known| json!({
                "name": known.number, "title": known.name, "says": known.says, "fix": known.fix,
            })),
            "unaffected": problem.unaffected.iter()
                .map(|other| json!({"reporter": other.reporter, "ok": other.ok})).collect::<Vec<_>>(),
            "result_types": problem.result_types,
            "reasons": problem.reasons,
            "failure_types": problem.failure_types,
            "figures": figures,
            "lists": lists,
        });
        if let (Json::Object(whole), Json::Object(more)) = (&mut json, more) {
            whole.extend(more);
        }
        json
    }

    fn text(&self, today: Date) -> String {
        let problem = self.problem;
        let mut lines = vec![format!("#{}  {}", problem.id, headline(problem)), String::new()];
        lines.push(row("State", &state(problem)));
        lines.push(row("Mail", &printable(&words::plain(&mail(problem, today)))));
        lines.push(row("Domains", &domains(problem)));
        lines.push(row("Seen", &self.seen()));
        lines.push(row("Whose", &printable(&whose(problem, today))));
        if let Some(known) = problem.named.and_then(guide::combination) {
            lines.push(row("Part of", &part_of(known)));
        }
        if problem.is_open() {
            lines.push(row("Over", &over(problem)));
        }
        if !problem.aliases.is_empty() {
            lines.push(row("Also", &format!("known as {}", problem.aliases.join(", "))));
        }
        lines.push(row("More", &format!("tlsrptd explain {}", problem.cause)));
        let lists: Vec<&Traced> = self.lists.iter().filter(|list| self.is_told(list)).collect();
        for (n, list) in (1_usize..).zip(&lists) {
            lines.push(String::new());
            lines.push(self.list_text(n, list));
        }
        lines.push(String::new());
        lines.push("The queries behind the lists above, and behind the figures under \"Seen\":".to_owned());
        let n_lists = lists.len();
        for (n, traced) in (1_usize..).zip(lists.into_iter().chain(&self.figures)) {
            let what = traced.name.replace('_', " ");
            let value = if n > n_lists {
                format!(": {}", plain(traced))
            } else {
                String::new()
            };
            lines.extend([String::new(), format!("[{n}] {what}{value}"), sql(traced)]);
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// Whether a list can have rows. Nothing fails by an old policy, so nobody gives a reason or an address.
    fn is_told(&self, list: &Traced) -> bool {
        self.problem.cause != Cause::StalePolicy || !matches!(list.name, "reasons" | "addresses")
    }

    fn list_text(&self, n: usize, list: &Traced) -> String {
        let title = match list.name {
            "history" => "History, by episode",
            "days_by_reporter" if self.problem.cause == Cause::StalePolicy => {
                "Days by reporter: under the old policy (\"failed\"; nothing did) of all its connections, newest first"
            }
            "days_by_reporter" => {
                "Days by reporter: failed of all its connections with the failing domains, newest first"
            }
            "domains" => "Domains, over all episodes",
            "reasons" => "Result types and reasons as sent",
            "addresses" => "MX hosts and addresses as sent",
            "reports" => "Reports behind it, newest first; `tlsrptd show report ID` prints one",
            "notes" => "What people said",
            _ => "Mails that told it",
        };
        let rows = if list.rows.is_empty() {
            "  none\n".to_owned()
        } else {
            table(&list.columns, &list.rows, "  ")
        };
        format!("{title} [{n}]:\n{}", rows.trim_end())
    }

    /// A figure, 0 where there is none.
    fn figure(&self, name: &str) -> u64 {
        let figure = self.figures.iter().find(|figure| figure.name == name);
        figure.and_then(|figure| value(figure).as_u64()).unwrap_or(0)
    }

    fn seen(&self) -> String {
        let at_least = if self.figure("unreadable_counts") == 0 {
            ""
        } else {
            "at least "
        };
        let days = self
            .problem
            .episode()
            .map_or(String::new(), |episode| span(episode.first_day, episode.last_day));
        let counted = |name: &str, noun: &str| {
            let n = self.figure(name);
            let plural = if n == 1 { "" } else { "s" };
            format!("{} {noun}{plural}", words::number(n))
        };
        words::plain(&format!(
            "{days}: {at_least}{} of {} {}, on {}, by {}, in {}",
            words::number(self.figure("failed")),
            counted("connections", "connection"),
            if self.problem.cause == Cause::StalePolicy {
                "under the old policy"
            } else {
                "failed"
            },
            counted("days", "day"),
            counted("reporters", "reporter"),
            counted("reports", "report"),
        ))
    }
}

/// The one value of a figure.
fn value(figure: &Traced) -> Json {
    figure
        .rows
        .first()
        .and_then(|row| row.first())
        .map_or(Json::Null, json_value)
}

fn plain(figure: &Traced) -> String {
    value(figure).to_string()
}

fn objects(list: &Traced) -> Vec<Json> {
    let object = |row: &Vec<Value>| {
        let pairs = list.columns.iter().cloned().zip(row.iter().map(json_value));
        Json::Object(pairs.collect::<Map<_, _>>())
    };
    list.rows.iter().map(object).collect()
}

/// The query as a command, in one line; there is no double quote, dollar sign or backslash in it that a shell would read.
fn sql(traced: &Traced) -> String {
    format!("tlsrptd sql \"{}\"", traced.sql)
}

fn span(first: Date, last: Date) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    }
}

fn state(problem: &Problem) -> String {
    let mut text = guide::state_in_short(problem.state).to_owned();
    if let Some(episode) = problem.episode() {
        if let Some((_, day)) = episode.ended {
            text.extend([format!(", since {day}")]);
        }
        if let Some(day) = episode.by_note {
            text.extend([format!(" after the note of {day}")]);
        }
    }
    if let Some(until) = problem.acknowledged_until {
        text.extend([format!("; acknowledged until {until}")]);
    }
    match problem.retired_since {
        Some(day) => text.extend([format!("; retired since {day}")]),
        None if problem.is_retired => text.push_str("; retired"),
        None => {}
    }
    if problem.is_foreign {
        text.push_str("; of no domain that is configured");
    }
    text
}

fn domains(problem: &Problem) -> String {
    let shown: Vec<String> = problem.domains.iter().map(|name| names::host(name)).collect();
    if shown.is_empty() {
        "none is named".to_owned()
    } else {
        words::plain(&words::list(&shown, shown.len()))
    }
}

/// Whose it is, in the words of the mails, and who could have seen it and did not.
fn whose(problem: &Problem, today: Date) -> String {
    let whose = words::plain(&digest::mail_and_whose(problem, today).1);
    let others: Vec<String> = problem
        .unaffected
        .iter()
        .map(|other| format!("{} ({} good)", names::reporter(&other.reporter, ""), other.ok))
        .collect();
    if others.is_empty() {
        return whose;
    }
    let others = words::plain(&words::list(&others, others.len()));
    format!("{whose} On these days no such failure: {others}.")
}

fn part_of(known: &Combination) -> String {
    format!("{}, {}: {} {}", known.number, known.name, known.says, known.fix)
}

/// What is still needed to call it over.
fn over(problem: &Problem) -> String {
    let needed = problem.clean_days_needed;
    let so_far: Vec<String> = problem
        .witnesses
        .iter()
        .map(|witness| {
            format!(
                "{} has {}, and reports up to {}",
                names::reporter(&witness.reporter, ""),
                witness.clean_days.len(),
                witness.newest_day
            )
        })
        .collect();
    printable(&format!(
        "when each reporter that saw it has {needed} clean days: {}",
        so_far.join("; ")
    ))
}
