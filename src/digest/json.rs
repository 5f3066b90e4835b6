//! The mail for machines. Its shape is a promise; see [`crate::digest::Digest::to_json`].

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::assess::history;
use crate::assess::news::Event;
use crate::assess::problem::{Problem, Whose};
use crate::digest::model::{MailKind, Outlook};
use crate::digest::reading::Reading;
use crate::digest::{names, subject, words};
use crate::store::rows::{self, DigestFacts};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Document {
    kind: &'static str,
    subject: String,
    due_at: Timestamp,
    previous_at: Option<Timestamp>,
    report_range: Range<i64>,
    reports: u64,
    days: Option<Range<Date>>,
    mails: Mails,
    problems: Vec<Item>,
    acknowledged: u64,
    not_listed: u64,
    silent: Vec<Silent>,
    drift: Vec<String>,
    domains: Vec<Totals>,
    reporters: Vec<Reporter>,
    rejected_mails: Vec<RejectedMail>,
    kept_out: KeptOut,
    new_senders: Vec<NewSender>,
    failing_mailboxes: Vec<Trouble>,
    refused_recipients: Vec<Trouble>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Range<T> {
    first: T,
    last: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Mails {
    read: u64,
    duplicates: u64,
    not_reports: u64,
    rejected: u64,
    too_old: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Sum {
    count: u64,
    at_least: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Item {
    id: String,
    event: Option<&'static str>,
    cause: &'static str,
    place: String,
    place_kind: &'static str,
    state: &'static str,
    impact: &'static str,
    whose: &'static str,
    headline: String,
    first_day: Option<Date>,
    last_day: Option<Date>,
    failed: Sum,
    total: Sum,
    domains: Vec<String>,
    reporters: Vec<ItemReporter>,
    reasons: Vec<String>,
    receiving_ips: Vec<String>,
    failure_types: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ItemReporter {
    reporter: String,
    failed: Sum,
    total: Sum,
    first_day: Date,
    last_day: Date,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Silent {
    reporter: String,
    last_day: Date,
    longest_pause_days: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Totals {
    policy_domain: String,
    policy: String,
    ok: Sum,
    failed: Sum,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Reporter {
    submitter: String,
    organization_name: String,
    reports: u64,
    ok: Sum,
    failed: Sum,
    last_day: Date,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct RejectedMail {
    id: i64,
    source: String,
    locator: String,
    received_at: Option<Timestamp>,
    reason: String,
}

/// Reports that don't count.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct KeptOut {
    unproven: u64,
    foreign: u64,
    foreign_domains: Vec<String>,
    floods: Vec<Flood>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Flood {
    reporter: String,
    reports: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct NewSender {
    organization_name: String,
    signing_domain: String,
    known: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Trouble {
    name: String,
    since: Timestamp,
    error: String,
    new: bool,
}

impl Document {
    pub(crate) fn new(
        kind: MailKind,
        facts: &DigestFacts,
        outlook: &Outlook,
        verdict: &str,
        told: &[(String, Event)],
    ) -> Self {
        let event_of = |problem: &Problem| {
            told.iter()
                .find(|(id, _)| *id == problem.id)
                .map(|(_, event)| *event)
        };
        Self {
            kind: kind.as_str(),
            subject: subject::line(kind, verdict),
            due_at: facts.due_at,
            previous_at: facts.previous_at,
            report_range: Range {
                first: facts.after_report.saturating_add(1),
                last: facts.last_report,
            },
            reports: facts.reports,
            days: facts.days.map(|(first, last)| Range { first, last }),
            mails: Mails {
                read: facts.mails.read,
                duplicates: facts.mails.duplicates,
                not_reports: facts.mails.not_reports,
                rejected: facts.mails.rejected,
                too_old: facts.mails.too_old,
            },
            problems: outlook
                .problems
                .iter()
                .filter(|(problem, _)| problem.is_open() || event_of(problem).is_some())
                .map(|(problem, _)| Item::new(problem, event_of(problem)))
                .collect(),
            acknowledged: outlook.acknowledged,
            not_listed: outlook.not_listed,
            silent: outlook
                .silent
                .iter()
                .map(|silence| Silent {
                    reporter: silence.reporter.clone(),
                    last_day: silence.last_day,
                    longest_pause_days: silence.longest_pause,
                })
                .collect(),
            drift: outlook.drift.iter().map(|(_, text)| words::plain(text)).collect(),
            domains: facts.domains.iter().map(Totals::from).collect(),
            reporters: facts.reporters.iter().map(Reporter::from).collect(),
            rejected_mails: facts.rejected.iter().map(RejectedMail::from).collect(),
            kept_out: KeptOut::from(facts),
            new_senders: facts.kept_out.new_senders.iter().map(NewSender::from).collect(),
            failing_mailboxes: facts.failing.iter().map(Trouble::from).collect(),
            refused_recipients: facts.refused.iter().map(Trouble::from).collect(),
        }
    }

    /// The document as indented JSON, with characters that could forge a terminal's output as `\u` escapes.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = names::json_escaped(&serde_json::to_string_pretty(self)?);
        text.push('\n');
        Ok(text)
    }
}

impl From<history::Sum> for Sum {
    fn from(sum: history::Sum) -> Self {
        Self {
            count: sum.known,
            at_least: sum.at_least,
        }
    }
}

impl Item {
    fn new(problem: &Problem, event: Option<Event>) -> Self {
        let reading = Reading::new(problem, event.unwrap_or(Event::Ongoing));
        Self {
            id: problem.id.clone(),
            event: event.map(Event::as_str),
            cause: problem.cause.as_str(),
            place: problem.place.name().to_owned(),
            place_kind: problem.place.kind(),
            state: problem.state.as_str(),
            impact: problem.impact.as_str(),
            whose: match problem.whose {
                Whose::YoursProven => "yours-proven",
                Whose::YoursSeen => "yours-seen",
                Whose::OnlyOne => "only-one",
                Whose::CantTell => "cant-tell",
                Whose::Theirs => "theirs",
            },
            headline: words::plain(&reading.headline()),
            first_day: problem.episode().map(|episode| episode.first_day),
            last_day: problem.episode().map(|episode| episode.last_day),
            failed: problem.failed.into(),
            total: problem.total.into(),
            domains: problem.domains.clone(),
            reporters: problem
                .witnesses
                .iter()
                .map(|witness| ItemReporter {
                    reporter: witness.reporter.clone(),
                    failed: witness.failed.into(),
                    total: witness.total.into(),
                    first_day: witness.first_day,
                    last_day: witness.last_day,
                })
                .collect(),
            reasons: problem.reasons.clone(),
            receiving_ips: problem
                .spot
                .receiving_ips
                .iter()
                .map(|(ip, _)| ip.clone())
                .collect(),
            failure_types: problem.failure_types.clone(),
        }
    }
}

impl From<&rows::DomainTotals> for Totals {
    fn from(domain: &rows::DomainTotals) -> Self {
        Self {
            policy_domain: domain.policy_domain.clone(),
            policy: domain.policy.clone(),
            ok: domain.ok.into(),
            failed: domain.failed.into(),
        }
    }
}

impl From<&rows::ReporterTotals> for Reporter {
    fn from(reporter: &rows::ReporterTotals) -> Self {
        Self {
            submitter: reporter.submitter.clone(),
            organization_name: reporter.organization_name.clone(),
            reports: reporter.reports,
            ok: reporter.ok.into(),
            failed: reporter.failed.into(),
            last_day: reporter.last_day,
        }
    }
}

impl From<&rows::RejectedMail> for RejectedMail {
    fn from(mail: &rows::RejectedMail) -> Self {
        Self {
            id: mail.id,
            source: mail.source.clone(),
            locator: mail.locator.clone(),
            received_at: mail.received_at,
            reason: mail.reason.clone(),
        }
    }
}

impl From<&DigestFacts> for KeptOut {
    fn from(facts: &DigestFacts) -> Self {
        let kept_out = &facts.kept_out;
        let floods = kept_out.floods.iter().map(|flood| Flood {
            reporter: flood.reporter.clone(),
            reports: flood.reports,
        });
        Self {
            unproven: facts.mails.set_aside,
            foreign: kept_out.foreign_reports,
            foreign_domains: kept_out.foreign_domains.clone(),
            floods: floods.collect(),
        }
    }
}

impl From<&rows::NewSender> for NewSender {
    fn from(sender: &rows::NewSender) -> Self {
        Self {
            organization_name: sender.organization_name.clone(),
            signing_domain: sender.signing_domain.clone(),
            known: sender.known.clone(),
        }
    }
}

impl From<&rows::FailingMailbox> for Trouble {
    fn from(mailbox: &rows::FailingMailbox) -> Self {
        Self {
            name: mailbox.name.clone(),
            since: mailbox.since,
            error: mailbox.error.clone(),
            new: mailbox.new,
        }
    }
}

impl From<&rows::RefusedRecipient> for Trouble {
    fn from(refused: &rows::RefusedRecipient) -> Self {
        Self {
            name: refused.recipient.clone(),
            since: refused.since,
            error: refused.error.clone(),
            new: refused.new,
        }
    }
}
