//! Our own trouble in words: mailboxes and mails that can't be read, recipients that are refused. Pure.

use crate::digest::model::Options;
use crate::digest::parts::{Finding, Row, Tone};
use crate::digest::{names, words};
use crate::oauth::NEEDS_AUTHORISATION;
use crate::store::rows::{DigestFacts, RejectedMail};

const TAG: &str = "TROUBLE";

/// Longest error in the digest, in characters; ours may name a server, a folder and the server's answer.
const ERROR_CHARS: usize = 240;

/// Longest place of a mail, in characters.
const LOCATOR_CHARS: usize = 80;

/// Everything that keeps us from reading or mailing.
pub(crate) fn findings(facts: &DigestFacts, options: &Options) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let moment = |at| {
        let zoned = options.zoned(at);
        let day = words::day(zoned.date(), options.day(facts.due_at));
        format!("{day}{}{:02}:{:02}", words::NBSP, zoned.hour(), zoned.minute())
    };
    for mailbox in &facts.failing {
        findings.push(Finding {
            tag: TAG,
            tone: Tone::Trouble,
            id: None,
            title: format!(
                "mailbox {} {}not read since {}",
                names::clean(&mailbox.name, names::NAME_CHARS),
                if mailbox.error.contains(NEEDS_AUTHORISATION) {
                    format!("{NEEDS_AUTHORISATION}, ")
                } else {
                    String::new()
                },
                moment(mailbox.since)
            ),
            rows: vec![
                Row::text(
                    "",
                    "Reports that arrive there are missing from this mail; they are read once it works again."
                        .to_owned(),
                ),
                Row::text("Error", names::clean(&mailbox.error, ERROR_CHARS)),
                Row::command("Check", "tlsrptd check".to_owned()),
            ],
        });
    }
    for refused in &facts.refused {
        findings.push(Finding {
            tag: TAG,
            tone: Tone::Trouble,
            id: None,
            title: format!(
                "{} does not get the digest since {}",
                names::clean(&refused.recipient, names::NAME_CHARS),
                moment(refused.since)
            ),
            rows: vec![
                Row::text("", "The mail server refused the recipient.".to_owned()),
                Row::text("Error", names::clean(&refused.error, ERROR_CHARS)),
                Row::text(
                    "Fix",
                    "Correct digest.to in the configuration, or have the address made to work.".to_owned(),
                ),
            ],
        });
    }
    findings.extend(rejected(facts, options));
    findings.extend(set_aside(facts));
    findings
}

/// How many of the reports that came are set aside, if that is most of them: then it isn't quiet, nobody looks.
pub(crate) fn blind(facts: &DigestFacts) -> Option<String> {
    let (aside, counted) = (facts.mails.set_aside, facts.reports);
    (aside > counted).then(|| {
        format!(
            "{} of {} set aside, not proven",
            words::number(aside),
            words::count(aside.saturating_add(counted), "report")
        )
    })
}

fn set_aside(facts: &DigestFacts) -> Option<Finding> {
    let n = facts.mails.set_aside;
    if n == 0 {
        return None;
    }
    let mut rows = vec![
        Row::text(
            "",
            "Who sent them is not proven by DKIM, so they count nowhere. This is told once.".to_owned(),
        ),
        Row::command("Why", "tlsrptd mails --outcome set-aside".to_owned()),
    ];
    if blind(facts).is_some() {
        rows.push(Row::text(
            "Fix",
            "Where something on the way to the mailbox changes mails (a gateway's footer), let it leave these alone. To \
             count them all the same, set unauthenticated = \"count\" in [authentication]; docs/authentication.md says more."
                .to_owned(),
        ));
    }
    Some(Finding {
        tag: TAG,
        tone: Tone::Trouble,
        id: None,
        title: blind(facts).unwrap_or_else(|| format!("{} set aside", words::count(n, "report"))),
        rows,
    })
}

/// Mails that could not be read and are told of one by one.
const MAX_REJECTED: usize = 4;

fn rejected(facts: &DigestFacts, options: &Options) -> Option<Finding> {
    let n_listed = u64::try_from(facts.rejected.len()).unwrap_or(u64::MAX);
    let n_all = facts.mails.rejected.max(n_listed);
    if facts.rejected.is_empty() {
        return None;
    }
    let mut rows = vec![Row::text(
        "",
        format!(
            "What {} is missing from all numbers. This is told once.",
            if n_all == 1 { "it reports" } else { "they report" }
        ),
    )];
    rows.extend(
        facts
            .rejected
            .iter()
            .take(MAX_REJECTED)
            .map(|mail| Row::text("Mail", rejected_mail(mail, facts, options))),
    );
    let n_shown = u64::try_from(MAX_REJECTED).unwrap_or(u64::MAX).min(n_listed);
    let rest = n_all.saturating_sub(n_shown);
    if rest > 0 {
        rows.push(Row::text("", format!("and {} more", words::number(rest))));
    }
    rows.push(Row::command("More", "tlsrptd mails".to_owned()));
    Some(Finding {
        tag: TAG,
        tone: Tone::Trouble,
        id: None,
        title: format!("{} could not be read", words::count(n_all, "mail")),
        rows,
    })
}

fn rejected_mail(mail: &RejectedMail, facts: &DigestFacts, options: &Options) -> String {
    let received = mail.received_at.map(|at| {
        let day = words::day(options.day(at), options.day(facts.due_at));
        format!(", received {day}")
    });
    format!(
        "{}{}in {} ({}){}: {}",
        mail.id,
        words::NBSP,
        names::clean(&mail.source, names::NAME_CHARS),
        names::clean(&mail.locator, LOCATOR_CHARS),
        received.unwrap_or_default(),
        names::clean(&mail.reason, names::REASON_CHARS)
    )
}
