//! What a digest says, in order. Pure: the same rows and options give the same words.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};

use crate::config::{SendWhen, Weekday};
use crate::digest::item::{Frame, Reading};
use crate::digest::json::Document;
use crate::digest::parts::{Row, Section};
use crate::digest::{TAG, names, subject, tables, trouble, words};
use crate::store::rows::{DigestFacts, DomainTotals, FailureItem, Sum};

/// New failures told in full.
const MAX_FULL: usize = 5;
/// Failures told at all, in full or in a line.
const MAX_LISTED: usize = 20;

/// What the digest depends on besides the database.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone of dates and times that are ours; report days are UTC.
    pub zone: TimeZone,
    /// When digests are sent.
    pub send: SendWhen,
    /// The day of the all-quiet mail.
    pub weekly: Weekday,
    /// Whether it is sure that no mailbox was changed, by this run's configuration.
    pub mailbox_unchanged: bool,
}

impl Options {
    pub(crate) fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    pub(crate) fn day(&self, at: Timestamp) -> civil::Date {
        self.zoned(at).date()
    }
}

/// Whether there is anything to tell that no digest has told.
pub fn news(facts: &DigestFacts) -> bool {
    facts.previous_at.is_none()
        || !facts.new.is_empty()
        || !facts.rejected.is_empty()
        || facts.failing.iter().any(|mailbox| mailbox.new)
        || facts.refused.iter().any(|refused| refused.new)
}

/// A digest, ready to be set as text or HTML.
///
/// In its texts a no-break space stands where no line may break.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// The Subject with its tag: ASCII, at most 78 characters.
    pub subject: String,
    /// The Subject without its tag: the first line of the body.
    pub verdict: String,
    /// All that follows.
    pub sections: Vec<Section>,
    document: Document,
}

impl Digest {
    /// What there is to say about `facts`.
    pub fn build(facts: &DigestFacts, options: &Options) -> Self {
        let frame = Frame {
            after_report: facts.after_report,
            last_report: facts.last_report,
            today: options.day(facts.due_at),
            first: facts.previous_at.is_none(),
        };
        let new = by_rank(&facts.new);
        let ongoing = by_rank(&facts.ongoing);
        let verdict = subject::verdict(facts, &new, &ongoing, options);
        let mut sections = vec![Section::Paragraph(lead(facts, &verdict, frame))];
        if facts.previous_at.is_none() {
            sections.extend(mails_read(facts, options).map(Section::Paragraph));
        }
        sections.extend(in_full(&new, frame));
        sections.extend(lines(
            "Also new",
            new.get(MAX_FULL..).unwrap_or_default(),
            MAX_LISTED.saturating_sub(MAX_FULL),
            false,
            frame,
        ));
        sections.extend(lines("Going on", &ongoing, MAX_LISTED, true, frame));
        sections.extend(
            trouble::findings(facts, options)
                .into_iter()
                .map(Section::Finding),
        );
        sections.extend(tables::over(facts, frame));
        sections.extend(tables::domains(&facts.domains));
        sections.extend(tables::reporters(&facts.reporters));
        if facts.previous_at.is_none() {
            sections.push(Section::Paragraph(what_comes_next(facts, options)));
        }
        Self {
            subject: format!("{TAG}{verdict}"),
            document: Document::new(facts, &verdict, &new, &ongoing),
            verdict,
            sections,
        }
    }

    /// The digest as one JSON document with all numbers; texts of reports are as sent.
    ///
    /// Keys: `subject`, `due_at`, `previous_at`, `report_range` (`first`, `last`: ids), `reports`, `days`, `mails`,
    /// `new`, `ongoing`, `over` (failures: `failure_types`, `policy_domain`, `policy_types`, `sts_modes`,
    /// `result_type`, `receiving_mx_hostname`, `cause`, `impact`, `urgency`, `headline`, `first_day`, `last_day`,
    /// `late`, `failed`, `total`, `reporters`, `reasons`, `more_reasons`, `receiving_ips`), `domains`, `reporters`,
    /// `rejected_mails`, `failing_mailboxes`, `refused_recipients`. A sum is `{"count": 3, "at_least": false}`.
    ///
    /// # Errors
    ///
    /// Never in practice: the shape has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        self.document.to_json()
    }
}

fn by_rank(items: &[FailureItem]) -> Vec<Reading<'_>> {
    let mut readings: Vec<Reading<'_>> = items.iter().map(Reading::new).collect();
    readings.sort_by_cached_key(Reading::rank);
    readings
}

/// How much was reported, and how recent it is.
fn lead(facts: &DigestFacts, verdict: &str, frame: Frame) -> String {
    let total =
        |pick: fn(&DomainTotals) -> Sum| facts.domains.iter().map(pick).fold(Sum::default(), words::add);
    let failed = total(|domain| domain.failed);
    let all = words::add(total(|domain| domain.ok), failed);
    let Some((first, last)) = facts.days else {
        return if facts.previous_at.is_none() {
            "Senders start to report a day or two after the TXT record _smtp._tls of a domain names the mailbox."
                .to_owned()
        } else {
            "No report came in since the last digest. If that goes on, look at the mailbox, its Junk folder and \
             the TXT record _smtp._tls of your domains."
                .to_owned()
        };
    };
    let failures = if failed == Sum::default() {
        "none failed".to_owned()
    } else {
        format!("{} failed", words::sum(failed))
    };
    let days = words::days(first, last, frame.today);
    let reports = words::count(facts.reports, "report");
    // Not twice what the verdict says already.
    let what = if verdict.contains(&words::plain(&reports)) {
        days
    } else {
        format!("{reports} about {days}")
    };
    format!(
        "{what}: {} connections, {failures}.{}",
        words::sum(all),
        reports_in(facts, frame)
    )
}

/// How recent the reports are: `Reports in: Google and Microsoft to 19 Nov, Mail.ru to 18 Nov.`
fn reports_in(facts: &DigestFacts, frame: Frame) -> String {
    let mut by_day: BTreeMap<Reverse<civil::Date>, Vec<String>> = BTreeMap::new();
    for reporter in &facts.reporters {
        let name = names::reporter(&reporter.submitter, &reporter.organization_name);
        by_day.entry(Reverse(reporter.last_day)).or_default().push(name);
    }
    let groups: Vec<String> = by_day
        .iter()
        .take(3)
        .map(|(day, names)| format!("{} to {}", words::list(names, 4), words::day(day.0, frame.today)))
        .collect();
    if groups.is_empty() {
        String::new()
    } else {
        format!(" Reports in: {}.", groups.join(", "))
    }
}

/// The gravest failures; advice that an earlier one gives is not repeated.
fn in_full(new: &[Reading<'_>], frame: Frame) -> Vec<Section> {
    let advice = |row: &Row| matches!(row.label, "Cause" | "Check" | "Fix");
    let mut given: Vec<Vec<Row>> = Vec::new();
    let mut sections = Vec::new();
    for reading in new.iter().take(MAX_FULL) {
        let mut finding = reading.finding(frame);
        let rows: Vec<Row> = finding.rows.iter().filter(|row| advice(row)).cloned().collect();
        if given.contains(&rows) {
            let at = finding.rows.iter().position(advice).unwrap_or_default();
            finding.rows.retain(|row| !advice(row));
            finding.rows.insert(
                at,
                Row::text("Fix", "Cause, check and fix are those given above.".to_owned()),
            );
        } else {
            given.push(rows);
        }
        sections.push(Section::Finding(finding));
    }
    sections
}

/// What was read to get there; and, if so, that nothing was changed.
fn mails_read(facts: &DigestFacts, options: &Options) -> Option<String> {
    let mails = &facts.mails;
    if mails.read == 0 {
        return None;
    }
    let mut parts = Vec::new();
    for (n, what) in [
        (
            mails.duplicates,
            if mails.duplicates == 1 {
                "duplicate"
            } else {
                "duplicates"
            },
        ),
        (mails.not_reports, "other mail"),
        (mails.rejected, "unreadable"),
        (mails.too_old, "too old"),
    ] {
        if n > 0 {
            parts.push(format!("{}{}{what}", words::number(n), words::NBSP));
        }
    }
    let of_these = if parts.is_empty() {
        String::new()
    } else {
        format!(", of these {}", words::list(&parts, 4))
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

fn lines(title: &str, readings: &[Reading<'_>], max: usize, since: bool, frame: Frame) -> Option<Section> {
    if readings.is_empty() {
        return None;
    }
    let rest = u64::try_from(readings.len().saturating_sub(max)).unwrap_or(u64::MAX);
    let more = (rest > 0).then(|| {
        format!(
            "tlsrptd sql \"SELECT DISTINCT policy_domain, receiving_mx_hostname, result_type FROM failures WHERE \
             report BETWEEN {} AND {}\"",
            frame.after_report.saturating_add(1),
            frame.last_report
        )
    });
    let mut lines: Vec<String> = readings
        .iter()
        .take(max)
        .map(|reading| reading.line(since, frame))
        .collect();
    if rest > 0 {
        lines.push(format!("and {} more:", words::number(rest)));
    }
    Some(Section::Lines {
        title: title.to_owned(),
        lines,
        more,
    })
}

fn what_comes_next(facts: &DigestFacts, options: &Options) -> String {
    let today = options.day(facts.due_at);
    match (options.send, today.nth_weekday(1, options.weekly.into())) {
        (SendWhen::Always, _) => "From now on a mail comes every day.".to_owned(),
        (SendWhen::New, Ok(day)) => format!(
            "The next mail comes when something changes, at the latest on {:?}, {}.",
            day.weekday(),
            words::day(day, today)
        ),
        (SendWhen::New, Err(_)) => "The next mail comes when something changes.".to_owned(),
    }
}
