//! The verdict: Subject and first line of the digest. Pure.

use crate::digest::item::Reading;
use crate::digest::model::Options;
use crate::digest::{TAG, names, words};
use crate::store::rows::{DigestFacts, Sum};

/// Longest Subject with its tag, in characters: one header line (RFC 5322, Section 2.1.1).
pub(crate) const MAX_CHARS: usize = 78;

/// The verdict, without the tag.
pub(crate) fn verdict(
    facts: &DigestFacts,
    new: &[Reading<'_>],
    ongoing: &[Reading<'_>],
    options: &Options,
) -> String {
    let held = new.iter().any(Reading::holds_mail);
    if facts.previous_at.is_none() {
        return first(facts, new, held);
    }
    if let Some(verdict) = news(new, held) {
        return verdict;
    }
    if let Some(verdict) = new_trouble(facts, options) {
        return verdict;
    }
    let goes_on = going_on(ongoing.len());
    // While a mailbox can't be read, nothing is known to be quiet.
    if let Some(unread) = unread(facts, options, false) {
        return match goes_on {
            Some(goes_on) => fit(&[format!("{unread}, {goes_on}"), unread]),
            None => fit(&[unread]),
        };
    }
    match goes_on {
        Some(goes_on) => {
            let held = ongoing.iter().any(Reading::holds_mail);
            with_held(format!("nothing new: {goes_on}"), held, "mail still held back")
        }
        None => quiet(facts, options),
    }
}

fn going_on(n: usize) -> Option<String> {
    let goes = if n == 1 { "goes" } else { "go" };
    (n > 0).then(|| format!("{} {goes} on", words::count(to_u64(n), "failure type")))
}

fn first(facts: &DigestFacts, new: &[Reading<'_>], held: bool) -> String {
    if facts.reports == 0 {
        return fit(&["First digest: no reports yet".to_owned()]);
    }
    let reports = words::count(facts.reports, "report");
    if new.is_empty() {
        return fit(&[format!(
            "First digest: {reports}, {}, {}",
            reporters(facts),
            no_failures(facts)
        )]);
    }
    let types = words::count(to_u64(new.len()), "failure type");
    with_held(
        format!("First digest: {reports}, {types}"),
        held,
        "mail held back",
    )
}

fn news(new: &[Reading<'_>], held: bool) -> Option<String> {
    let one = new.first()?;
    let types = words::count(to_u64(new.len()), "new failure type");
    let mut domains: Vec<&str> = new.iter().map(Reading::domain).collect();
    domains.sort_unstable();
    domains.dedup();
    if new.len() == 1 {
        let verdict = one.verdict();
        if chars(&verdict) <= room() {
            return Some(with_held(verdict, held, "mail held back"));
        }
    }
    Some(match domains.as_slice() {
        [domain] => {
            // The number matters more than the end of a long name.
            let rest = format!(": {types}");
            let domain = names::clean(domain, room().saturating_sub(chars(&rest)));
            with_held(format!("{domain}{rest}"), held, "mail held back")
        }
        several => {
            let verdict = format!("{}: {types}", words::count(to_u64(several.len()), "domain"));
            with_held(verdict, held, "mail held back")
        }
    })
}

fn new_trouble(facts: &DigestFacts, options: &Options) -> Option<String> {
    let mut troubles: Vec<String> = unread(facts, options, true).into_iter().collect();
    let n_refused = facts.refused.iter().filter(|refused| refused.new).count();
    if n_refused > 0 {
        troubles.push(format!(
            "{} refused",
            words::count(to_u64(n_refused), "recipient")
        ));
    }
    if !facts.rejected.is_empty() {
        let n_rejected = facts.mails.rejected.max(to_u64(facts.rejected.len()));
        troubles.push(format!("{} could not be read", words::count(n_rejected, "mail")));
    }
    let one = troubles.first()?;
    Some(fit(&[
        troubles.join(", "),
        format!("{one} (and more)"),
        one.clone(),
    ]))
}

/// Mailboxes that can't be read: those that no digest has told (`new`), or the others.
fn unread(facts: &DigestFacts, options: &Options, new: bool) -> Option<String> {
    let mailboxes: Vec<_> = facts
        .failing
        .iter()
        .filter(|mailbox| mailbox.new == new)
        .collect();
    let still = if new { "" } else { "still " };
    match mailboxes.as_slice() {
        [] => None,
        [one] => {
            let since = words::day(options.day(one.since), options.day(facts.due_at));
            Some(format!(
                "mailbox {} {still}not read since {since}",
                names::clean(&one.name, 24)
            ))
        }
        several => Some(format!("{} mailboxes {still}not read", several.len())),
    }
}

fn quiet(facts: &DigestFacts, options: &Options) -> String {
    let today = options.day(facts.due_at);
    if facts.reports == 0 {
        let since = facts
            .previous_at
            .map(|at| format!(" since {}", words::day(options.day(at), today)));
        return fit(&[format!("No reports{}", since.unwrap_or_default())]);
    }
    let verdict = format!(
        "All quiet: {}, {}, {}",
        words::count(facts.reports, "report"),
        reporters(facts),
        no_failures(facts)
    );
    match facts.days {
        Some((first, last)) => fit(&[
            format!("{verdict} ({})", words::days(first, last, today)),
            verdict,
        ]),
        None => fit(&[verdict]),
    }
}

fn reporters(facts: &DigestFacts) -> String {
    words::count(to_u64(facts.reporters.len()), "reporter")
}

/// `no failures`, or what may truly be said.
fn no_failures(facts: &DigestFacts) -> &'static str {
    let failed = facts
        .domains
        .iter()
        .map(|domain| domain.failed)
        .fold(Sum::default(), words::add);
    if failed.known > 0 || !facts.over.is_empty() {
        "no current failures"
    } else if failed.at_least {
        "no known failures"
    } else {
        "no failures"
    }
}

fn with_held(verdict: String, held: bool, words: &str) -> String {
    if held {
        fit(&[format!("{verdict}, {words}"), verdict])
    } else {
        fit(&[verdict])
    }
}

/// The first candidate that fits, else the last one cut; in plain ASCII.
fn fit(candidates: &[String]) -> String {
    let ascii = |text: &String| -> String {
        words::plain(text)
            .chars()
            .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' })
            .collect()
    };
    candidates
        .iter()
        .map(ascii)
        .find(|text| chars(text) <= room())
        .unwrap_or_else(|| {
            let last = candidates.last().map(ascii).unwrap_or_default();
            names::clean(&last, room())
        })
}

fn room() -> usize {
    MAX_CHARS.saturating_sub(TAG.len())
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
