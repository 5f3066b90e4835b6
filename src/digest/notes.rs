//! Sentences beside the problems: how recent the reports are, who is silent, what was fine, what comes next. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil;

use crate::assess::cause::Cause;
use crate::config::SendWhen;
use crate::digest::consequence::blocks_enforce;
use crate::digest::model::{MAX_BRIEF, MAX_FULL, MailKind, Options, Outlook, Sorted};
use crate::digest::parts::{Finding, Row, Section, Tone};
use crate::digest::reading::{Frame, connections};
use crate::digest::{names, words};
use crate::store::rows::DigestFacts;

/// What enforce would have held for the domains in testing whose problems are told.
pub(crate) fn ledgers(outlook: &Outlook, sorted: &Sorted<'_>) -> Vec<Section> {
    let mut sentences: Vec<&String> = Vec::new();
    for reading in sorted.open.iter().take(MAX_FULL) {
        if !blocks_enforce(reading.problem) {
            continue;
        }
        for sentence in reading
            .domains()
            .into_iter()
            .filter_map(|domain| outlook.ledgers.get(domain))
        {
            if !sentences.contains(&sentence) && sentences.len() < 3 {
                sentences.push(sentence);
            }
        }
    }
    sentences
        .into_iter()
        .map(|sentence| Section::Paragraph(sentence.clone()))
        .collect()
}

/// What the mail doesn't tell: other open problems, and what was fine.
pub(crate) fn rest(kind: MailKind, facts: &DigestFacts, outlook: &Outlook, sorted: &Sorted<'_>) -> String {
    let told: Vec<&str> = sorted
        .open
        .iter()
        .chain(&sorted.brief)
        .flat_map(|reading| std::iter::once(reading.problem).chain(reading.folded.iter().copied()))
        .map(|problem| problem.id.as_str())
        .collect();
    let others: Vec<String> = outlook
        .problems
        .iter()
        .map(|(problem, _)| problem)
        .filter(|problem| problem.is_open() && !told.contains(&problem.id.as_str()))
        .filter(|problem| {
            problem
                .acknowledged_until
                .is_none_or(|until| until < outlook.today)
        })
        .map(|problem| format!("#{}", problem.id))
        .collect();
    let ok = facts
        .domains
        .iter()
        .map(|domain| domain.ok)
        .reduce(words::add)
        .unwrap_or_default();
    let were = if ok.known == 1 { "was" } else { "were" };
    let fine = if ok.known == 0 {
        String::new()
    } else {
        format!("; {} {were} fine", connections(ok))
    };
    // The week says so itself.
    let acknowledged = if outlook.acknowledged > 0 && kind == MailKind::Daily {
        format!(" {} acknowledged.", words::number(outlook.acknowledged))
    } else {
        String::new()
    };
    match others.len() {
        // An old policy fails nothing.
        0 if sorted
            .open
            .iter()
            .all(|reading| reading.problem.cause == Cause::StalePolicy) =>
        {
            format!("No failure{fine}.{acknowledged}")
        }
        0 => format!("No other failure{fine}.{acknowledged}"),
        1 => format!(
            "{} goes on as told before{fine}.{acknowledged}",
            words::list(&others, 1)
        ),
        _ => format!(
            "{} go on as told before{fine}.{acknowledged}",
            words::list(&others, 4)
        ),
    }
}

/// How recent the reports are: `Reports in: Google and Microsoft to 19 Nov, Mail.ru to 18 Nov.`
pub(crate) fn reports_in(outlook: &Outlook) -> Option<String> {
    let mut by_day: BTreeMap<Reverse<civil::Date>, Vec<String>> = BTreeMap::new();
    for (reporter, day) in &outlook.newest_days {
        by_day
            .entry(Reverse(*day))
            .or_default()
            .push(names::reporter(reporter, reporter));
    }
    let groups: Vec<String> = by_day
        .iter()
        .take(3)
        .map(|(day, names)| {
            format!(
                "{} to {}",
                words::list(names, 4),
                words::day(day.0, outlook.today)
            )
        })
        .collect();
    if groups.is_empty() {
        // Where nobody reports any more.
        let newest = outlook.newest_day.filter(|_| outlook.no_reports_days.is_some())?;
        return Some(format!(
            "The newest report is about {}.",
            words::day(newest, outlook.today)
        ));
    }
    Some(format!("Reports in: {}.", groups.join(", ")))
}

pub(crate) fn no_reports(outlook: &Outlook) -> Option<Section> {
    let days = outlook.no_reports_days?;
    let domain = names::checked_host(&outlook.main_domain).unwrap_or("DOMAIN");
    let title = if days == 0 {
        let silent: Vec<String> = outlook
            .all_silent
            .iter()
            .map(|reporter| names::reporter(reporter, reporter))
            .collect();
        format!("{} no longer report: look at your side", words::list(&silent, 4))
    } else {
        format!(
            "no reports for {}: look at your side",
            words::count(u64::from(days), "day")
        )
    };
    Some(Section::Finding(Finding {
        tag: "SILENT",
        tone: Tone::Trouble,
        id: None,
        title,
        rows: vec![
            Row::command("Check", "tlsrptd check".to_owned()),
            Row::command("", format!("dig +short TXT _smtp._tls.{domain}")),
            Row::text(
                "",
                format!(
                    "{}In this order: the mailbox, its Junk folder and quota; that record; MX and spam filter of the \
                     address in it.",
                    if outlook.suspects_dnssec {
                        "Those who check DNSSEC are silent: check that first. "
                    } else {
                        ""
                    }
                ),
            ),
        ],
    }))
}

pub(crate) fn silent(outlook: &Outlook, frame: Frame) -> Vec<Section> {
    if outlook.no_reports_days.is_some() {
        return Vec::new();
    }
    let silent = outlook.silent.iter().take(MAX_FULL);
    silent
        .map(|silence| {
            Section::Finding(Finding {
                tag: "SILENT",
                tone: Tone::Calm,
                id: None,
                title: format!(
                    "{}: nothing since {}",
                    names::reporter(&silence.reporter, &silence.reporter),
                    words::day(silence.last_day, frame.today)
                ),
                rows: vec![Row::text(
                    "",
                    format!(
                        "Its longest pause in the four weeks before was {}.{}{}",
                        words::count(u64::from(silence.longest_pause), "day"),
                        if outlook.silent.len() == 1 {
                            " Others report as usual: not you."
                        } else {
                            ""
                        },
                        only_first_address(&silence.reporter)
                    ),
                )],
            })
        })
        .collect()
}

/// Microsoft reports to one address only, which no report shows.
fn only_first_address(reporter: &str) -> &'static str {
    if reporter == "microsoft.com" {
        " Unless the TXT record _smtp._tls has another first address in rua now: Microsoft reports to the first one only."
    } else {
        ""
    }
}

pub(crate) fn drift(outlook: &Outlook) -> Option<Section> {
    (!outlook.drift.is_empty()).then(|| Section::Lines {
        title: "What senders see".to_owned(),
        lines: outlook
            .drift
            .iter()
            .take(MAX_BRIEF)
            .map(|(_, text)| text.clone())
            .collect(),
        more: None,
    })
}

/// What stays below the noise gate.
pub(crate) fn not_listed(n: u64, command: &str) -> Option<Section> {
    (n > 0).then(|| {
        Section::Paragraph(format!(
            "Not listed: {} ({command}).",
            words::count(n, "single failure")
        ))
    })
}

/// What was read to get there; and, if so, that nothing was changed.
pub(crate) fn mails_read(facts: &DigestFacts, options: &Options) -> Option<String> {
    let mails = &facts.mails;
    if mails.read == 0 {
        return None;
    }
    let mut parts = Vec::new();
    let duplicates = if mails.duplicates == 1 {
        "duplicate"
    } else {
        "duplicates"
    };
    let other = if mails.not_reports == 1 {
        "other mail"
    } else {
        "other mails"
    };
    let unreadable = "unreadable (tlsrptd mails)";
    for (n, what) in [
        (mails.duplicates, duplicates),
        (mails.not_reports, other),
        (mails.rejected, unreadable),
        (mails.too_old, "too old"),
    ] {
        if n > 0 {
            parts.push(format!("{}{}{what}", words::number(n), words::NBSP));
        }
    }
    let today = options.day(facts.due_at);
    let days = facts
        .days
        .map(|(first, last)| format!(" of {}", words::days(first, last, today)))
        .unwrap_or_default();
    let of_these = if parts.is_empty() {
        format!(": {}{days}", words::count(facts.reports, "report"))
    } else {
        format!(
            ": {}{days}, {}",
            words::count(facts.reports, "report"),
            parts.join(", ")
        )
    };
    let unchanged = if options.mailbox_unchanged {
        " Nothing was changed in the mailbox."
    } else {
        ""
    };
    Some(format!(
        "{} read{of_these}.{unchanged}",
        words::count(mails.read, "mail")
    ))
}

pub(crate) fn what_comes_next(facts: &DigestFacts, options: &Options) -> String {
    let today = options.day(facts.due_at);
    // Those that were set aside have come.
    if facts.reports == 0 && facts.mails.set_aside == 0 && facts.unproven.is_none() {
        return "Senders start to report a day or two after the TXT record _smtp._tls of a domain names the mailbox."
            .to_owned();
    }
    match (options.send, today.nth_weekday(1, options.weekly.into())) {
        (SendWhen::Always, _) => "From now on a mail comes every day.".to_owned(),
        (SendWhen::New, Ok(day)) => format!(
            "From now on: a mail when something changes, a summary on {:?}s, the next on {}.",
            day.weekday(),
            words::day(day, today)
        ),
        (SendWhen::New, Err(_)) => "From now on a mail comes when something changes.".to_owned(),
    }
}
