//! `ready`: may a domain go from testing to enforce?

use std::io::Write;

use anyhow::bail;
use jiff::civil::Date;
use serde_json::Value as Json;

use super::End;
use super::domains::{ours, survey, table};
use super::output::document;
use crate::assess::domains::{DomainState, Protection};
use crate::assess::ready::{
    Condition, Ledger, MxListed, NEEDED_DAYS, NEEDED_SESSIONS, Readiness, RetiredMx, Unmet, Verdict,
    WINDOW_DAYS,
};
use crate::cli::{ReadyArgs, TextOrJson};
use crate::config::Config;
use crate::digest::{connections, names, words};

mod json;

pub(super) use json::{json, name};

/// Names listed in a sentence.
const NAMES_SHOWN: usize = 6;

/// Prints the checklist of a domain, or the verdict of every domain of ours.
pub(super) fn ready(config: &Config, args: &ReadyArgs) -> anyhow::Result<End> {
    let (survey, today) = survey(config)?;
    let mut states: Vec<&DomainState> = ours(&survey).collect();
    let asked = args
        .domain
        .as_deref()
        .map(|domain| domain.trim_end_matches('.').to_lowercase());
    if let Some(asked) = &asked {
        states.retain(|state| state.domain == *asked);
        if states.is_empty() {
            bail!(
                "no report about {asked:?} as a domain of yours; `tlsrptd domains` lists all there are reports about"
            );
        }
    }
    let mut out = std::io::stdout().lock();
    match (args.format, asked) {
        (TextOrJson::Json, _) => {
            let documents: Vec<Json> = states.iter().map(|state| json(state)).collect();
            writeln!(out, "{}", document(&documents)?)?;
        }
        (TextOrJson::Text, Some(_)) => {
            for state in states {
                write!(out, "{}", text(state, today))?;
            }
        }
        (TextOrJson::Text, None) => write!(out, "{}", overview(&states, today))?,
    }
    Ok(End::Done)
}

/// A line a domain.
pub(super) fn overview(states: &[&DomainState], today: Date) -> String {
    if states.is_empty() {
        return "no reports about domains of ours yet\n".to_owned();
    }
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|state| {
            vec![
                names::host(&state.domain),
                protection(state.protection).to_owned(),
                verdict(state, today),
            ]
        })
        .collect();
    format!(
        "{}\ntlsrptd ready DOMAIN shows every condition\n",
        table(&["Domain", "Policy", "Ready to enforce?"], &rows)
    )
}

/// What senders apply, in a word.
pub(super) fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::Enforce => "enforce",
        Protection::Testing => "testing",
        Protection::ModeNone => "mode none",
        Protection::UnknownMode => "unknown mode",
        Protection::Dane => "DANE",
        Protection::None => "no policy",
    }
}

/// The checklist of a domain.
pub(super) fn text(state: &DomainState, today: Date) -> String {
    let Readiness {
        verdict: answer,
        window,
        conditions,
        ledger,
        unproven_mx,
        retired_mx,
    } = &state.readiness;
    let mut lines = vec![format!(
        "{}: {}",
        names::host(&state.domain),
        verdict(state, today)
    )];
    if let (Some((first, last)), false) = (window, conditions.is_empty()) {
        lines.push(String::new());
        lines.push(format!(
            "The {WINDOW_DAYS} newest complete days, {}:",
            words::days(*first, *last, today)
        ));
        lines.extend(conditions.iter().map(|condition| {
            let (mark, words) = (mark(condition), self::condition(condition, today));
            let is_of_failures = matches!(condition, Condition::NoFailures { .. });
            let but = if is_of_failures && !retired_mx.is_empty() {
                ", but for what is left out"
            } else {
                ""
            };
            format!("  {mark:<3}  {words}{but}")
        }));
    }
    if let Some(ledger) = ledger {
        lines.push(String::new());
        lines.push(self::ledger(ledger, today));
    }
    if !unproven_mx.is_empty() {
        lines.push(String::new());
        lines.extend(unproven(unproven_mx));
    }
    if !retired_mx.is_empty() {
        lines.push(String::new());
        lines.extend(retired(&state.domain, retired_mx, answer, today));
    }
    if let Some(next) = next(&state.domain, answer, today) {
        lines.push(String::new());
        lines.push(format!("Next: {next}"));
    }
    super::domains::lines(&lines.join("\n"))
}

/// The verdict in words.
pub(super) fn verdict(state: &DomainState, today: Date) -> String {
    let since = |since: Date| {
        let at_least = if since <= state.known.0 { ", at least" } else { "" };
        format!("{at_least} since {}", words::day(since, today))
    };
    let retired: Vec<String> = state
        .readiness
        .retired_mx
        .iter()
        .map(|retired| names::host(&retired.mx))
        .collect();
    let only_if = if retired.is_empty() {
        String::new()
    } else {
        format!(
            ", only if {} {} no longer in the MX record",
            words::list(&retired, NAMES_SHOWN),
            if retired.len() == 1 { "is" } else { "are" }
        )
    };
    match &state.readiness.verdict {
        Verdict::Ready { since } => format!("ready since {}{only_if}", words::day(*since, today)),
        Verdict::ReadyAsFarAs { reporter, since } => format!(
            "ready since {}, as far as {} alone can tell{only_if}",
            words::day(*since, today),
            names::reporter(reporter, reporter)
        ),
        Verdict::NotYet(unmet) => format!("not yet: {}", self::unmet(unmet, today)),
        Verdict::NotReady { problems } => format!("not ready: {}", ids(problems)),
        Verdict::Enforces { since: day } => format!("in enforce{}", since(*day)),
        Verdict::ModeNone { since: day } => format!("mode none{}", since(*day)),
        Verdict::NoPolicy if state.protection == Protection::UnknownMode => "no mode seen".to_owned(),
        Verdict::NoPolicy => "no policy seen".to_owned(),
        Verdict::DaneOnly => "DANE only, which has no testing".to_owned(),
    }
}

fn unmet(unmet: &Unmet, today: Date) -> String {
    match unmet {
        Unmet::Tiny { sessions } => format!(
            "not enough traffic, {} in {WINDOW_DAYS} days",
            words::count(*sessions, "connection")
        ),
        Unmet::Traffic { days } => format!("not enough traffic yet, {days} of {NEEDED_DAYS} days"),
        Unmet::Changed { day, is_first, .. } => format!(
            "{} on {}",
            if *is_first { "first seen" } else { "changed" },
            words::day(*day, today)
        ),
        Unmet::MxNotListed { mx } => format!("{} isn't listed in the policy", hosts(mx)),
        Unmet::PolicyProblems { problems } => format!("repair {} first", ids(problems)),
    }
}

fn mark(condition: &Condition) -> &'static str {
    match condition.is_met() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    }
}

/// A condition in words, as it stands.
fn condition(condition: &Condition, today: Date) -> String {
    match condition {
        Condition::Traffic { days, sessions, .. } => format!(
            "testing was seen on {days} of {WINDOW_DAYS} days, {} ({NEEDED_DAYS} days or {NEEDED_SESSIONS} needed)",
            words::count(*sessions, "connection")
        ),
        Condition::NoFailures { problems } if problems.is_empty() => {
            "no failures that enforce would have held mail for".to_owned()
        }
        Condition::NoFailures { problems } => {
            format!(
                "failures that enforce would have held mail for: {}",
                ids(problems)
            )
        }
        Condition::SameText {
            since,
            is_first,
            until,
        } => {
            let how = if *is_first {
                "first seen on"
            } else {
                "unchanged since"
            };
            let until = until.map_or(String::new(), |until| {
                format!("; {WINDOW_DAYS} days are over with {}", words::day(until, today))
            });
            format!(
                "the policy is the same on all days: {how} {}{until}",
                words::day(*since, today)
            )
        }
        Condition::MxListed(MxListed::All(mx)) => format!("every MX is listed: {}", hosts(mx)),
        Condition::MxListed(MxListed::Missing(mx)) => format!("every MX is listed: not {}", hosts(mx)),
        Condition::MxListed(MxListed::NotChecked) => {
            "every MX is listed: not checked, domains.mx in the configuration names none of it".to_owned()
        }
        Condition::PolicyUsable { problems } if problems.is_empty() => {
            "every reporter can use the policy".to_owned()
        }
        Condition::PolicyUsable { problems } => {
            format!("every reporter can use the policy: {}", ids(problems))
        }
        Condition::Reporters { reporters } => match reporters.as_slice() {
            [] => "at least two reporters (not required): none".to_owned(),
            [one] => format!(
                "at least two reporters (not required): only {}",
                names::reporter(one, one)
            ),
            _ => format!("at least two reporters: {}", named(reporters)),
        },
    }
}

fn ledger(ledger: &Ledger, today: Date) -> String {
    let only_day = ledger.only_day.map_or(String::new(), |day| {
        format!(", all on {}", words::day(day, today))
    });
    let all = if ledger.all == ledger.recent {
        String::new()
    } else {
        format!(" ({} in all)", words::sum(ledger.all))
    };
    format!(
        "In {WINDOW_DAYS} days enforce would have held {}{only_day}{all}.",
        words::share(ledger.recent, ledger.recent_total)
    )
}

/// What to do about MX hosts that no report named: a backup gets no mail on good days.
fn unproven(mx: &[String]) -> Vec<String> {
    let mut lines = vec![format!(
        "No report has ever named {}. Test {} yourself:",
        hosts(mx),
        if mx.len() == 1 { "it" } else { "each" }
    )];
    for mx in mx
        .iter()
        .filter_map(|mx| names::checked_host(mx))
        .take(NAMES_SHOWN)
    {
        lines.push("  openssl s_client -starttls smtp -verify_return_error -brief \\".to_owned());
        lines.push(format!("    -verify_hostname {mx} -connect {mx}:25 </dev/null"));
    }
    lines
}

/// What failed at MX hosts that somebody retired, and which are therefore left out.
fn retired(domain: &str, retired: &[RetiredMx], verdict: &Verdict, today: Date) -> Vec<String> {
    let mut lines: Vec<String> = retired
        .iter()
        .take(NAMES_SHOWN)
        .map(|retired| {
            format!(
                "Left out: {}, retired since {}. {} failed there, last on {}.",
                names::host(&retired.mx),
                words::day(retired.since, today),
                connections(retired.failed),
                words::day(retired.last_day, today)
            )
        })
        .collect();
    if matches!(verdict, Verdict::Ready { .. } | Verdict::ReadyAsFarAs { .. }) {
        let what = if retired.len() == 1 { "it is" } else { "these are" };
        lines.push(format!(
            "Enforce would hold such mail. Ready only if {what} no longer in the MX record:"
        ));
        let domain = names::checked_host(domain).unwrap_or("DOMAIN");
        lines.push(format!("  dig +short MX {domain}"));
    }
    lines
}

/// What to do next.
fn next(domain: &str, verdict: &Verdict, today: Date) -> Option<String> {
    let domain = names::host(domain);
    let publish = format!(
        "  https://mta-sts.{domain}/.well-known/mta-sts.txt\nand change the id in the TXT record _mta-sts.{domain}."
    );
    Some(match verdict {
        Verdict::Ready { .. } | Verdict::ReadyAsFarAs { .. } => {
            format!("write \"mode: enforce\" instead of \"mode: testing\" into\n{publish}")
        }
        Verdict::NotReady { problems } | Verdict::NotYet(Unmet::PolicyProblems { problems }) => {
            let shows = problems
                .iter()
                .take(NAMES_SHOWN)
                .map(|id| format!("\n  tlsrptd show {id}"));
            format!("repair {}:{}", ids(problems), shows.collect::<String>())
        }
        Verdict::NotYet(Unmet::MxNotListed { mx }) => {
            let lines = mx
                .iter()
                .take(NAMES_SHOWN)
                .map(|mx| format!("\"mx: {}\"", names::host(mx)));
            let lines = words::list(&lines.collect::<Vec<_>>(), NAMES_SHOWN);
            format!("add {lines} to\n{publish}\nWhat isn't an MX any more: tlsrptd retire MX")
        }
        Verdict::NotYet(Unmet::Changed { until, .. }) => {
            format!("wait for the reports about {}.", words::day(*until, today))
        }
        Verdict::NotYet(Unmet::Traffic { .. }) => "wait for more reports.".to_owned(),
        Verdict::NotYet(Unmet::Tiny { .. }) => format!(
            "reports about so few connections tell little. Test every MX yourself,\n\
             then write \"mode: enforce\" into\n{publish}"
        ),
        Verdict::NoPolicy | Verdict::ModeNone { .. } => {
            format!("publish a policy with \"mode: testing\" (RFC 8461) as\n{publish}")
        }
        Verdict::Enforces { .. } | Verdict::DaneOnly => return None,
    })
}

fn ids(problems: &[String]) -> String {
    let ids: Vec<String> = problems.iter().map(|id| format!("#{id}")).collect();
    words::list(&ids, NAMES_SHOWN)
}

fn hosts(mx: &[String]) -> String {
    let hosts: Vec<String> = mx.iter().map(|mx| names::host(mx)).collect();
    words::list(&hosts, NAMES_SHOWN)
}

/// Reporters in prose.
pub(super) fn named(reporters: &[String]) -> String {
    let named: Vec<String> = reporters
        .iter()
        .map(|reporter| names::reporter(reporter, reporter))
        .collect();
    words::list(&named, NAMES_SHOWN)
}
