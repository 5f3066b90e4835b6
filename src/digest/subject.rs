//! The verdict: Subject and first line of a mail. Pure.

use crate::assess::history::Sum;
use crate::assess::news::Event;
use crate::digest::model::{MailKind, Options, Outlook, Sorted, any_held};
use crate::digest::reading::Reading;
use crate::digest::{TAG, kept_out, names, trouble, words};
use crate::store::rows::DigestFacts;

/// Longest Subject with its tag, in characters: what a list of mails shows.
pub(crate) const MAX_CHARS: usize = 70;
/// A name in it is never cut to fewer characters.
const MIN_NAME_CHARS: usize = 10;
/// What stands before the verdict of an urgent mail in its Subject.
const URGENT: &str = "URGENT ";

/// The Subject: the verdict with its tag.
pub(crate) fn line(kind: MailKind, verdict: &str) -> String {
    let urgent = if kind == MailKind::Urgent { URGENT } else { "" };
    format!("{TAG}{urgent}{verdict}")
}

/// The verdict, without the tag.
pub(crate) fn verdict(
    kind: MailKind,
    facts: &DigestFacts,
    outlook: &Outlook,
    sorted: &Sorted<'_>,
    options: &Options,
) -> String {
    let room = room(kind);
    let blind = trouble::blind(facts).filter(|_| kind != MailKind::Urgent);
    if kind == MailKind::FirstLook && blind.is_none() {
        return fit(&first(facts, outlook, sorted), room);
    }
    let n_told = sorted
        .open
        .len()
        .saturating_add(sorted.brief.len())
        .saturating_add(outlook.drift.len())
        .saturating_add(if outlook.no_reports_days.is_some() {
            0
        } else {
            outlook.silent.len()
        });
    // Nothing else can be trusted to be all.
    if let Some(blind) = blind {
        return not_proven(blind, sorted, n_told, room);
    }
    let worst = sorted.open.first().or(sorted.brief.first());
    // Held mail before our own trouble, that before the rest.
    if let Some(held) = sorted.open.first().filter(|reading| reading.holds_mail()) {
        return with_more(&spoken(held), n_told, room);
    }
    if let Some(days) = outlook.no_reports_days {
        let verdict = if days == 0 {
            let n = to_u64(outlook.all_silent.len());
            format!(
                "{} no longer report: look at your side",
                words::count(n, "reporter")
            )
        } else {
            let days = words::count(u64::from(days), "day");
            format!("No reports for {days}: look at your side")
        };
        return fit(&[verdict], room);
    }
    if let Some(trouble) = new_trouble(facts, options, room) {
        return trouble;
    }
    if let Some(half) = kept_out::half(facts).filter(|_| kept_out::is_news(kind, facts, outlook)) {
        return with_more(&[half], n_told.saturating_add(1), room);
    }
    if let Some(worst) = worst {
        return with_more(&spoken(worst), n_told, room);
    }
    if let Some((drift, _)) = outlook.drift.first() {
        return with_more(std::slice::from_ref(drift), n_told, room);
    }
    fit(&quiet(facts, outlook, sorted, options), room)
}

/// That most reports aren't proven, and whether mail is held all the same.
fn not_proven(blind: String, sorted: &Sorted<'_>, n_told: usize, room: usize) -> String {
    if !sorted.open.first().is_some_and(Reading::holds_mail) {
        return with_more(&[blind], n_told.saturating_add(1), room);
    }
    let short = blind.replacen("daily report", "report", 1);
    let verdicts = [
        format!("Mail held back; {blind}"),
        format!("Mail held; {blind}"),
        format!("Mail held; {short}"),
    ];
    with_more(&verdicts, n_told, room)
}

/// What the Subject says of a problem: in full, then in ever fewer words.
fn spoken(reading: &Reading<'_>) -> Vec<String> {
    let headed = |word: &str| {
        let headlines = reading.headlines();
        headlines.map(|headline| format!("{word}: {headline}")).to_vec()
    };
    let followed = |end: &str| {
        let verdicts = reading.verdicts();
        let mut all = verdicts
            .each_ref()
            .map(|verdict| format!("{verdict}{end}"))
            .to_vec();
        // At last without what the body says at once.
        all.extend(verdicts.into_iter().last());
        all
    };
    match reading.event {
        Event::Resolved => headed("Resolved"),
        Event::Fading => headed("Fading"),
        Event::LateNews => headed("Late news"),
        Event::Returned => followed(" again"),
        Event::WasNotOver => followed(", was not over"),
        Event::Reminder(day) => followed(&format!(", day {day}")),
        Event::Worse(_) if !reading.holds_mail() => followed(", worse"),
        Event::Worse(_) | Event::New | Event::Ongoing | Event::Past => reading.verdicts().to_vec(),
    }
}

/// The verdict of the worst, in full or in fewer words, and how many more things are told.
fn with_more(verdicts: &[String], n_told: usize, room: usize) -> String {
    let more = n_told.saturating_sub(1);
    if more == 0 {
        return fit(verdicts, room);
    }
    let mut candidates: Vec<String> = verdicts
        .iter()
        .take(1)
        .map(|verdict| format!("{verdict}, + {more} more"))
        .collect();
    candidates.extend(verdicts.iter().map(|verdict| format!("{verdict} +{more}")));
    fit(&candidates, room)
}

fn first(facts: &DigestFacts, outlook: &Outlook, sorted: &Sorted<'_>) -> Vec<String> {
    let foreign = facts.kept_out.foreign_reports;
    if facts.reports == 0 && foreign > 0 {
        let reports = words::count(foreign, "report");
        return vec![format!("First look: {reports}, none about your domains")];
    }
    if let Some(aside) = first_set_aside(facts, outlook, sorted) {
        return aside;
    }
    if facts.reports == 0 {
        return vec!["First look: no reports yet".to_owned()];
    }
    let held = if any_held(outlook.problems.iter().map(|(problem, _)| problem)) {
        "mail held back"
    } else {
        "nothing held now"
    };
    let reports = words::count(facts.reports, "report");
    match sorted.open.as_slice() {
        [] => vec![
            format!(
                "First look: {reports}, {}, no open problem",
                reporters(facts.reporters.len())
            ),
            format!("First look: {reports}, no open problem"),
        ],
        open => {
            let problems = words::count(to_u64(open.len()), "open problem");
            let mut domains: Vec<&str> = open.iter().flat_map(Reading::domains).collect();
            domains.sort_unstable();
            domains.dedup();
            let verdict = format!("First look: {held}, {problems}");
            match domains.as_slice() {
                [one] => vec![format!("{verdict} ({})", names::host(one)), verdict],
                _ => vec![verdict],
            }
        }
    }
}

/// The first look where at least half of the reports are set aside.
fn first_set_aside(facts: &DigestFacts, outlook: &Outlook, sorted: &Sorted<'_>) -> Option<Vec<String>> {
    let verdicts = [kept_out::half(facts)?, kept_out::half_in_short(facts)?];
    let open = if any_held(outlook.problems.iter().map(|(problem, _)| problem)) {
        "mail held back, ".to_owned()
    } else if sorted.open.is_empty() {
        String::new()
    } else {
        format!("{}, ", words::count(to_u64(sorted.open.len()), "open problem"))
    };
    Some(verdicts.map(|half| format!("First look: {open}{half}")).to_vec())
}

fn new_trouble(facts: &DigestFacts, options: &Options, room: usize) -> Option<String> {
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
    Some(fit(
        &[troubles.join(", "), format!("{one} (and more)"), one.clone()],
        room,
    ))
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

/// Nothing is new: how the week was, or that nothing came.
fn quiet(facts: &DigestFacts, outlook: &Outlook, sorted: &Sorted<'_>, options: &Options) -> Vec<String> {
    let n_open = sorted.ongoing.len();
    let holds = sorted.ongoing.iter().any(Reading::holds_mail);
    let held = holds.then_some("Mail held");
    let goes_on = (n_open > 0).then(|| {
        let goes = if n_open == 1 { "goes" } else { "go" };
        let held = if holds { ", mail held back" } else { "" };
        format!("{} {goes} on{held}", words::count(to_u64(n_open), "problem"))
    });
    // While a mailbox can't be read, nothing is known to be quiet.
    if let Some(unread) = unread(facts, options, false) {
        return match goes_on {
            Some(goes_on) => vec![format!("{unread}, {goes_on}"), unread],
            None => vec![unread],
        };
    }
    // Nor while most of what came doesn't count.
    if let Some(half) = kept_out::half(facts) {
        return goes_on
            .map(|goes_on| format!("{half}, {goes_on}"))
            .into_iter()
            .chain(held.map(|held| format!("{held}; {half}")))
            .chain([half.clone()])
            .collect();
    }
    if let Some(goes_on) = goes_on {
        return vec![format!("Nothing new: {goes_on}")];
    }
    if let Some(gone) = gone(outlook).or_else(|| outdated(outlook)) {
        return vec![format!("Nothing new: {gone}"), gone];
    }
    let today = options.day(facts.due_at);
    let week = &outlook.week;
    let (reports, n_reporters, days) = if week.reports > 0 {
        (week.reports, week.n_reporters(), Some((week.first, week.last)))
    } else {
        (facts.reports, facts.reporters.len(), facts.days)
    };
    if reports == 0 {
        let since = facts
            .previous_at
            .map(|at| format!(" since {}", words::day(options.day(at), today)));
        return vec![format!("No reports{}", since.unwrap_or_default())];
    }
    let days = days.map(|(first, last)| words::days(first, last, today));
    all_quiet(facts, outlook, (reports, n_reporters), days)
}

/// Nothing is wrong with the reports that count.
fn all_quiet(
    facts: &DigestFacts,
    outlook: &Outlook,
    (reports, n_reporters): (u64, usize),
    days: Option<String>,
) -> Vec<String> {
    let has_failures = outlook.domains.iter().any(|line| line.failed != Sum::default());
    let failures = match (outlook.not_listed, outlook.acknowledged) {
        (0, 0) if !has_failures => "no failures",
        _ => "nothing to act on",
    };
    let n_reports = words::count(reports, "report");
    let verdicts = if facts.mails.set_aside > 0 {
        let count = if reports == 1 { "counts" } else { "count" };
        vec![format!("All quiet: {failures} in the {n_reports} that {count}")]
    } else {
        vec![
            format!("All quiet: {n_reports}, {}, {failures}", reporters(n_reporters)),
            format!("All quiet: {n_reports}, {failures}"),
            format!("All quiet: {failures}"),
        ]
    };
    match days {
        Some(days) => verdicts
            .iter()
            .map(|verdict| format!("{verdict} ({days})"))
            .chain(verdicts.last().cloned())
            .collect(),
        None => verdicts,
    }
}

/// Domains whose policy senders no longer find. Nobody reports a failure for that, but it isn't quiet.
fn gone(outlook: &Outlook) -> Option<String> {
    let mut gone = outlook.domains.iter().filter(|domain| domain.is_policy_gone);
    let first = gone.next()?;
    Some(match gone.count() {
        0 => format!("policy of {} still not found", names::host(&first.domain)),
        more => format!(
            "policies of {} still not found",
            words::count(to_u64(more.saturating_add(1)), "domain")
        ),
    })
}

/// Domains whose old policy senders still use.
fn outdated(outlook: &Outlook) -> Option<String> {
    let (first, _) = outlook.outdated.first()?;
    Some(match outlook.outdated.len() {
        1 => format!("old policy of {} still in use", names::host(first)),
        n => format!(
            "old policies of {} still in use",
            words::count(to_u64(n), "domain")
        ),
    })
}

fn reporters(n: usize) -> String {
    words::count(to_u64(n), "reporter")
}

/// The first candidate that fits, else the last one with its names cut; in plain ASCII.
fn fit(candidates: &[String], room: usize) -> String {
    let ascii = |text: &String| -> String {
        words::plain(text)
            .chars()
            .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' })
            .collect()
    };
    candidates
        .iter()
        .map(ascii)
        .find(|text| chars(text) <= room)
        .unwrap_or_else(|| {
            let last = candidates.last().map(ascii).unwrap_or_default();
            names::clean(&squeezed(last, room), room)
        })
}

/// The longest names lose their ends until the text fits, as far as that goes.
fn squeezed(mut text: String, room: usize) -> String {
    let ends = [':', ',', ')'];
    while chars(&text) > room {
        let longest = text
            .split(' ')
            .filter(|word| chars(word.trim_end_matches(ends)) > MIN_NAME_CHARS)
            .max_by_key(|word| chars(word));
        let Some(word) = longest.map(str::to_owned) else {
            break;
        };
        let name = word.trim_end_matches(ends);
        let excess = chars(&text).saturating_sub(room);
        let left = chars(name).saturating_sub(excess).max(MIN_NAME_CHARS);
        let end = word.strip_prefix(name).unwrap_or_default();
        text = text.replacen(&word, &format!("{}{end}", names::clean(name, left)), 1);
    }
    text
}

fn room(kind: MailKind) -> usize {
    let prefix = line(kind, "");
    MAX_CHARS.saturating_sub(prefix.len())
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
