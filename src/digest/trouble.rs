//! Our own trouble in words: mailboxes and mails that can't be read, recipients that are refused. Pure.

use crate::authenticate::Cause;
use crate::digest::model::{MailKind, Options, Outlook};
use crate::digest::parts::{Finding, Row, Tone};
use crate::digest::{kept_out, names, words};
use crate::oauth::NEEDS_AUTHORISATION;
use crate::store::rows::{DigestFacts, RejectedMail, Unproven};

pub(crate) const TAG: &str = "TROUBLE";

/// Longest error in the digest, in characters; ours may name a server, a folder and the server's answer.
const ERROR_CHARS: usize = 240;

/// Longest place of a mail, in characters.
const LOCATOR_CHARS: usize = 80;

/// Everything that keeps us from reading or mailing. That reports aren't proven is not among it where `in_brief`: the
/// mail's Subject and first lines say it.
pub(crate) fn findings(facts: &DigestFacts, options: &Options, in_brief: bool) -> Vec<Finding> {
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
    findings.extend(unproven(facts).filter(|_| !in_brief));
    findings.extend(kept_out::set_aside(facts));
    findings.extend(kept_out::floods(facts));
    findings
}

/// That most reports aren't proven: then it isn't quiet, whatever the rest says.
pub(crate) fn blind(facts: &DigestFacts) -> Option<String> {
    let Unproven {
        failing,
        all,
        counted,
    } = facts.unproven?;
    let reports = format!(
        "{} of {}",
        words::number(failing),
        words::count(all, "daily report")
    );
    Some(if counted {
        format!("{reports} not proven, counted as before")
    } else {
        format!("{reports} set aside, not proven")
    })
}

/// Whether a line is enough on reports that aren't proven: mails have told all of it.
pub(crate) fn is_in_brief(kind: MailKind, outlook: &Outlook) -> bool {
    kind == MailKind::Daily && outlook.kept_out.was_told_in_full
}

/// For the top of the mail: the setting to change, and where more is said; for an audience what it is told.
pub(crate) fn setting(kind: MailKind, facts: &DigestFacts, outlook: &Outlook) -> Option<String> {
    let is_told = facts.unproven.is_some() && kind != MailKind::Urgent;
    let for_us = is_told.then(|| {
        let more = if is_in_brief(kind, outlook) {
            "docs/authentication.md"
        } else {
            "TROUBLE"
        };
        format!(
            "They bear no good DKIM signature. Change authserv_id or unauthenticated in [authentication]; {more} says more."
        )
    });
    for_us.or_else(|| kept_out::of_their_domains(kind, facts))
}

fn unproven(facts: &DigestFacts) -> Option<Finding> {
    let title = blind(facts)?;
    let counts = if facts.unproven.is_some_and(|unproven| unproven.counted) {
        "These reporters used to be proven by DKIM, so their reports count as before, whoever sent them."
    } else {
        "Who sent them is not proven by DKIM, so they count nowhere: what they report is missing from this mail."
    };
    let main = facts.kept_out.unproven_for.first().map(|(cause, _)| *cause);
    let (cause, fix) = cause(main);
    let remedy = [
        Row::text("Cause", cause.to_owned()),
        Row::command(
            "Why",
            "tlsrptd sql \"SELECT authentication_reason, count(*) FROM reports_all GROUP BY 1\"".to_owned(),
        ),
        Row::text(
            "Fix",
            format!(
                "{fix} unauthenticated = \"count\", so that all count. docs/authentication.md says more."
            ),
        ),
    ];
    Some(Finding {
        tag: TAG,
        tone: Tone::Trouble,
        id: None,
        title,
        rows: std::iter::once(Row::text("", counts.to_owned()))
            .chain(kept_out::reasons(facts))
            .chain(remedy)
            .chain(kept_out::remedies(facts))
            .collect(),
    })
}

/// What is mostly behind it, by the most frequent reason, and the beginning of what to do.
fn cause(main: Option<Cause>) -> (&'static str, &'static str) {
    match main {
        None | Some(Cause::Changed) => (
            "Mostly something on the way to the mailbox that changes mails: a gateway's footer, a list.",
            "Let it leave mails to the rua address alone. Or set authserv_id, so that what the MX before it found \
             counts; or",
        ),
        Some(Cause::KeyGone) => (
            "Mostly senders that have replaced their keys since: usual for old mails.",
            "Nothing, if newer ones are proven; the old ones count by the commands below. Or set",
        ),
        Some(Cause::Expired) => (
            "Mostly mails that waited for long, or were copied by something that gave them a new date.",
            "Let nothing keep mails to the rua address back. Or set authserv_id, so that what the MX found counts; or",
        ),
        Some(Cause::Unsigned) => (
            "The senders don't sign, or something takes signatures away.",
            "Let nothing on the way take DKIM-Signature away; ask the senders to sign. Or set authserv_id, so that what \
             the MX found counts; or",
        ),
        Some(Cause::NoAnswer) => (
            "Mostly a name server that doesn't answer.",
            "Set nameservers in [authentication] to one that does; tlsrptd check asks it. Or set",
        ),
        Some(Cause::Mx) => (
            "Mostly an MX that found no good signature, or wrote nothing.",
            "See what it writes in Authentication-Results; mode = \"auto\" verifies signatures too. Or set",
        ),
        Some(Cause::Weak) => (
            "The senders sign in a way that proves nothing: l=, SHA-1, a short key or one for tests.",
            "Tell the senders. Or set",
        ),
    }
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
