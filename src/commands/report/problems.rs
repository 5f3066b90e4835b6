//! The page's problems. Pure.

use jiff::civil::Date;

use super::model::{ProblemCard, days};
use super::svg::{self, Span};
use crate::assess::cause::Cause;
use crate::assess::history::Saying;
use crate::assess::impact::Impact;
use crate::assess::problem::{Ending, Problem, State};
use crate::commands::problems::{filled, headline, mail};
use crate::digest::{guide, names, texts, words};

/// The card of a problem, its lives drawn over `span`.
pub(super) fn card(problem: &Problem, span: Span, today: Date) -> ProblemCard {
    let lives: Vec<(Date, Date)> = problem
        .episodes
        .iter()
        .map(|episode| (episode.first_day, episode.last_day))
        .collect();
    let what = if problem.cause == Cause::StalePolicy {
        " connections under the old policy"
    } else {
        " failed"
    };
    let episodes = problem.episodes.iter().rev().map(|episode| {
        let end = match episode.ended {
            None if problem.state == State::Fading => "not proven to be over yet".to_owned(),
            None => "goes on".to_owned(),
            Some((Ending::Resolved, day)) => format!("over, proven on {day}"),
            Some((Ending::Past, day)) => format!("closed without proof on {day}"),
        };
        format!(
            "{}: {}{what}; {end}",
            days((episode.first_day, episode.last_day)),
            words::sum(episode.failed)
        )
    });
    ProblemCard {
        id: problem.id.clone(),
        headline: headline(problem),
        state: state_of(problem),
        impact: guide::impact_in_short(problem.impact).to_owned(),
        is_held: problem.impact == Impact::Held,
        days: problem.episode().map_or(String::new(), |episode| {
            days((episode.first_day, episode.last_day))
        }),
        facts: facts(problem, today),
        lives: svg::lives(span, &lives),
        episodes: episodes.collect(),
    }
}

fn facts(problem: &Problem, today: Date) -> Vec<(&'static str, String)> {
    let text = texts::text(problem.cause);
    let seen: Vec<String> = problem
        .witnesses
        .iter()
        .map(|witness| names::reporter(&witness.reporter, &witness.reporter))
        .collect();
    let domains: Vec<String> = problem.domains.iter().map(|name| names::host(name)).collect();
    let mut facts = vec![
        ("Mail", mail(problem, today)),
        (
            "Seen",
            format!(
                "{} of {} connections, by {}",
                words::sum(problem.failed),
                words::sum(problem.total),
                words::list(&seen, 6)
            ),
        ),
        ("Domains", words::list(&domains, 20)),
        ("Meaning", filled(problem, text.saw)),
        ("Fix", filled(problem, text.fix)),
    ];
    if let Some(known) = problem.named.and_then(guide::combination) {
        facts.push((
            "Part of",
            format!("{}, {}: {}", known.number, known.name, known.says),
        ));
    }
    facts.extend(problem.remarks.iter().map(|remark| {
        let said = match &remark.saying {
            Saying::Note(text) => names::clean(text, 500),
            Saying::Fixed => "marked as fixed".to_owned(),
            Saying::Acknowledged(until) => format!("acknowledged until {until}"),
            Saying::Retired => format!("{} retired", names::host(&remark.about)),
        };
        (
            "Note",
            format!(
                "{}, {}: {said}",
                remark.day,
                names::clean(&remark.by, names::NAME_CHARS)
            ),
        )
    }));
    facts.push(("More", format!("tlsrptd show {}", problem.id)));
    facts
}

fn state_of(problem: &Problem) -> String {
    let mut state = guide::state_in_short(problem.state).to_owned();
    if problem.is_retired {
        "retired".clone_into(&mut state);
    } else if let Some(until) = problem.acknowledged_until.filter(|_| problem.is_open()) {
        state.extend([format!(", acknowledged until {until}")]);
    }
    state
}
