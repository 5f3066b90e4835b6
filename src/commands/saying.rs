//! What the verbs share by which people say something: who says it, about what, where it is kept, and the answer.

use std::io::Write;

use anyhow::bail;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use nix::unistd::{Uid, User};
use serde_json::{Value as Json, json};

use crate::assess::problem::Problem;
use crate::cli::TextOrJson;
use crate::clock;
use crate::config::Config;
use crate::digest::names;
use crate::store::Store;

use super::output::document;
use super::problems::{headline, problem_json};

/// Longest note or reason, in characters.
const MAX_TEXT_CHARS: usize = 1000;
/// Ids that an error names.
const MAX_IDS: usize = 3;

/// The UTC day.
pub(super) fn today() -> Date {
    clock::now().to_zoned(TimeZone::UTC).date()
}

/// The system's user: who called sudo, else the name of the user id, else its number.
pub(super) fn who() -> String {
    let sudo = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    let uid = Uid::current();
    let user = || User::from_uid(uid).ok().flatten().map(|user| user.name);
    let name = sudo.or_else(user).unwrap_or_else(|| format!("uid {uid}"));
    names::clean(&name, names::NAME_CHARS)
}

/// The database to keep it in; for a dry run, a copy that goes away.
pub(super) fn open(config: &Config, dry_run: bool) -> anyhow::Result<Store> {
    Ok(if dry_run {
        Store::open_dry_run_existing(&config.store)?
    } else {
        Store::open_existing(&config.store)?
    })
}

/// A note or reason in one line.
pub(super) fn text(words: &str) -> anyhow::Result<String> {
    let text = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let n_chars = text.chars().count();
    if n_chars > MAX_TEXT_CHARS {
        bail!("the text has {n_chars} characters; say it in at most {MAX_TEXT_CHARS}");
    }
    Ok(text)
}

/// The problem that `given` names: an id, one that it had before, or the beginning of one.
pub(super) fn resolve<'a>(
    store: &Store,
    problems: &'a [Problem],
    given: &str,
) -> anyhow::Result<&'a Problem> {
    let wanted = given.trim().trim_start_matches('#').to_ascii_lowercase();
    let resolved = store.problem_id(&wanted)?;
    let is_it =
        |problem: &&Problem, id: &str| problem.id == id || problem.aliases.iter().any(|alias| alias == id);
    if let Some(id) = &resolved {
        if let Some(problem) = problems.iter().find(|problem| is_it(problem, id)) {
            return Ok(problem);
        }
        bail!(
            "no report that is kept shows problem {id} any more; `tlsrptd sql \"SELECT * FROM problem_episodes WHERE \
             problem = '{id}'\"` tells what is left of it"
        );
    }
    let begins: Vec<&Problem> = problems
        .iter()
        .filter(|problem| !wanted.is_empty() && problem.id.starts_with(&wanted))
        .collect();
    let given = names::clean(given, names::NAME_CHARS);
    if !begins.is_empty() {
        bail!("{given:?} could be {}; write more of it", listed(&begins));
    }
    let open: Vec<&Problem> = problems.iter().filter(|problem| problem.is_open()).collect();
    let hint = if open.is_empty() {
        "none is open".to_owned()
    } else {
        format!("open are {}", listed(&open))
    };
    bail!("there is no problem {given:?}; {hint}; `tlsrptd problems --all` lists all")
}

/// The problem that `given` names by a whole id: what is said of a problem must not reach another one by a slip.
pub(super) fn resolve_whole<'a>(
    store: &Store,
    problems: &'a [Problem],
    given: &str,
) -> anyhow::Result<&'a Problem> {
    let problem = resolve(store, problems, given)?;
    let wanted = given.trim().trim_start_matches('#').to_ascii_lowercase();
    let is_beginning = |id: &String| id.starts_with(&wanted) && *id != wanted;
    if problem.id != wanted
        && !problem.aliases.contains(&wanted)
        && std::iter::once(&problem.id)
            .chain(&problem.aliases)
            .any(is_beginning)
    {
        bail!(
            "{:?} is only the beginning of {} ({}); write the whole id to say something of it",
            names::clean(given, names::NAME_CHARS),
            problem.id,
            headline(problem)
        );
    }
    Ok(problem)
}

fn listed(problems: &[&Problem]) -> String {
    let shown = problems
        .iter()
        .take(MAX_IDS)
        .map(|problem| format!("{} ({})", problem.id, headline(problem)));
    let mut shown: Vec<String> = shown.collect();
    let rest = problems.len().saturating_sub(MAX_IDS);
    if rest > 0 {
        shown.push(format!("{rest} more"));
    }
    shown.join(", ")
}

/// What ends the output of a dry run.
pub(super) const DRY_RUN: &str = "dry run: nothing was kept";

/// What was said or taken back.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    /// `acknowledged`, `noted`, `fixed` or `retired`.
    pub what: &'static str,
    /// The id of a problem, or a name.
    pub about: &'a str,
    pub by: &'a str,
    /// UTC.
    pub day: Date,
    /// The note or the reason; empty where none was given.
    pub text: &'a str,
    /// The last day for which it holds.
    pub until: Option<Date>,
    /// The first day for which it holds, where that can be chosen.
    pub since: Option<Date>,
    /// How many earlier sayings were taken back; `None`: this is a saying.
    pub taken_back: Option<usize>,
    /// The problem that it is about, before it was said.
    pub problem: Option<&'a Problem>,
    /// Problems that it closed, as they are now.
    pub closed: Vec<&'a Problem>,
    /// Problems that it opened again, as they are now.
    pub reopened: Vec<&'a Problem>,
    pub dry_run: bool,
}

impl<'a> Said<'a> {
    pub(super) fn new(what: &'static str, about: &'a str, by: &'a str, day: Date, dry_run: bool) -> Self {
        Self {
            what,
            about,
            by,
            day,
            dry_run,
            ..Self::default()
        }
    }

    /// Prints it: the lines for people, or an object for machines, in which the problem is as in `now`.
    pub(super) fn print(
        &self,
        format: TextOrJson,
        mut lines: Vec<String>,
        now: &[Problem],
    ) -> anyhow::Result<()> {
        let text = match format {
            TextOrJson::Json => document(&self.json(now))?,
            TextOrJson::Text => {
                lines.extend(self.dry_run.then(|| DRY_RUN.to_owned()));
                lines.join("\n")
            }
        };
        writeln!(std::io::stdout().lock(), "{text}")?;
        Ok(())
    }

    fn json(&self, now: &[Problem]) -> Json {
        let list = |problems: &[&Problem]| -> Vec<Json> {
            problems.iter().map(|problem| problem_json(problem)).collect()
        };
        let problem = self
            .problem
            .map(|problem| now.iter().find(|now| now.id == problem.id).unwrap_or(problem));
        json!({
            "said": self.what,
            "about": self.about,
            "by": self.by,
            "day": self.day,
            "text": self.text,
            "until": self.until,
            "since": self.since,
            "taken_back": self.taken_back,
            "dry_run": self.dry_run,
            "problem": problem.map(problem_json),
            "closed": list(&self.closed),
            "reopened": list(&self.reopened),
        })
    }
}

/// `by alice`, and why if that was said.
pub(super) fn by(by: &str, why: &str) -> String {
    if why.is_empty() {
        format!("by {by}")
    } else {
        format!("by {by}: {why:?}")
    }
}
