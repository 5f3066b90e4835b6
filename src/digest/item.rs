//! One failure of the digest in words. Pure.

use jiff::civil::Date;

use crate::digest::cause::{self, Cause};
use crate::digest::fill::Fill;
use crate::digest::impact::{self, Impact, Outcome};
use crate::digest::names;
use crate::digest::parts::{Block, Finding, Row};
use crate::digest::texts::{self, CauseText, Urgency};
use crate::digest::words;
use crate::store::rows::{FailureItem, ItemReporter};

/// Reporters named for one failure; further ones are counted.
const MAX_REPORTERS: usize = 5;

/// A failure with all that follows from it.
#[derive(Debug, Clone)]
pub(crate) struct Reading<'a> {
    pub(crate) item: &'a FailureItem,
    pub(crate) cause: Cause,
    pub(crate) outcome: Outcome,
    pub(crate) urgency: Urgency,
    text: &'static CauseText,
    pub(crate) fill: Fill,
}

/// Where a failure's numbers come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// First report id of the digest, exclusive.
    pub(crate) after_report: i64,
    /// Last report id, inclusive.
    pub(crate) last_report: i64,
    /// The digest's day, for dates without a year.
    pub(crate) today: Date,
    /// Whether it is the first digest, to which everything is new.
    pub(crate) first: bool,
}

impl<'a> Reading<'a> {
    /// Reads a row.
    pub(crate) fn new(item: &'a FailureItem) -> Self {
        let cause = cause::of(item);
        let outcome = impact::outcome(cause, item);
        let text = texts::text(cause);
        Self {
            item,
            cause,
            urgency: urgency(text, cause, &outcome, item),
            outcome,
            text,
            fill: fill(cause, item),
        }
    }

    /// Whether mail is being held back by it now.
    pub(crate) fn holds_mail(&self) -> bool {
        self.outcome.impact == Impact::Held && !self.item.late
    }

    /// What sorts the gravest first.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        let unknown_enforce = matches!(&self.outcome.last_known_mode, Some((mode, _)) if mode != "enforce");
        (
            self.item.late,
            self.outcome.impact,
            unknown_enforce,
            std::cmp::Reverse((self.item.reporters.len(), self.item.failed.known)),
        )
    }

    /// Its line.
    pub(crate) fn headline(&self) -> String {
        let headline = self.fill.apply(self.text.headline);
        let reasons = self.item.reasons.iter().any(|reason| !is_filler(reason));
        match self.cause {
            Cause::NotSpecified if !reasons => format!("{headline}, no reason given"),
            Cause::Unspecified => format!("{headline}, from {}", self.fill.reporter),
            _ => headline,
        }
    }

    /// The verdict for the Subject.
    pub(crate) fn verdict(&self) -> String {
        self.fill.apply(self.text.subject)
    }

    /// The policy's domain in prose.
    pub(crate) fn domain(&self) -> &str {
        &self.fill.domain
    }

    /// The policies that senders applied: `MTA-STS enforce and DANE`.
    pub(crate) fn policy(&self, today: Date) -> String {
        policy(self.item, today)
    }

    /// The whole finding.
    pub(crate) fn finding(&self, frame: Frame) -> Finding {
        let act = match (self.item.late, frame.first) {
            (false, _) => format!("act {}", self.urgency.as_str()),
            (true, false) => "late report".to_owned(),
            // The first digest reads old mails; their reports came in time.
            (true, true) => format!("not seen since {}", words::day(self.item.last_day, frame.today)),
        };
        Finding {
            tag: if frame.first { "OPEN" } else { "NEW" },
            title: self.headline(),
            context: format!("{}, {}; {act}", self.domain(), self.policy(frame.today)),
            rows: vec![
                Row::text("Mail", self.mail(frame)),
                Row::text("Seen", self.seen(frame)),
                Row::text("Type", self.kind()),
                Row::text("Whose", self.whose()),
                Row::text("Cause", self.causes()),
                self.check(),
                Row::text("Fix", self.fill.apply(self.text.fix)),
                Row {
                    label: "More",
                    blocks: vec![Block::Command(self.query(frame))],
                },
            ],
        }
    }

    /// The failure in one line; `since` for one that was told before.
    pub(crate) fn line(&self, since: bool, frame: Frame) -> String {
        let (first, last) = range(self.item);
        let when = if since {
            format!("since {}", words::day(self.item.first_day, frame.today))
        } else {
            words::days(first, last, frame.today)
        };
        let held = if self.holds_mail() { "; mail held back" } else { "" };
        let late = if self.item.late && !frame.first {
            "; late report"
        } else {
            ""
        };
        format!(
            "{} ({}, {}): {}, {when}; {}{held}{late}",
            self.headline(),
            self.domain(),
            self.policy(frame.today),
            words::share(self.item.failed, self.item.total),
            self.fill.reporter,
        )
    }

    /// Who saw it, when, how often and where.
    fn seen(&self, frame: Frame) -> String {
        let (first, last) = range(self.item);
        let mut parts = vec![format!("{}.", words::days(first, last, frame.today))];
        for reporter in self.item.reporters.iter().take(MAX_REPORTERS) {
            let days = if (reporter.first_day, reporter.last_day) == (first, last) {
                String::new()
            } else {
                format!(
                    ", {}",
                    words::days(reporter.first_day, reporter.last_day, frame.today)
                )
            };
            let share = words::share(reporter.failed, reporter.total);
            parts.push(format!("{}: {share}{days}.", name(reporter)));
        }
        let rest = self.item.reporters.iter().skip(MAX_REPORTERS);
        let n_rest = rest.clone().count();
        if n_rest > 0 {
            let failed = rest
                .map(|reporter| reporter.failed)
                .reduce(words::add)
                .unwrap_or_default();
            parts.push(format!("{n_rest} others: {} connections.", words::sum(failed)));
        }
        if let Some(addresses) = addresses(self.item) {
            parts.push(addresses);
        }
        parts.join(" ")
    }

    /// The raw result type, what it means, and the reasons given.
    fn kind(&self) -> String {
        let kind = match texts::meaning(&self.item.result_type) {
            Some(meaning) => format!("{}: {meaning}.", self.item.result_type),
            None => format!(
                "{}: not a type that RFC{}8460 knows.",
                self.fill.result_type,
                words::NBSP
            ),
        };
        let mut reasons: Vec<String> = self
            .item
            .reasons
            .iter()
            .map(|reason| names::quoted(reason, names::REASON_CHARS))
            .collect();
        if self.item.more_reasons > 0 {
            reasons.push(format!("{} more", words::number(self.item.more_reasons)));
        }
        match reasons.as_slice() {
            // A precise type needs no reason.
            [] if self.item.result_type == "validation-failure" => format!("{kind} No reason given."),
            [] => kind,
            [one] => format!("{kind} Reason given: {one}."),
            several => format!("{kind} Reasons given: {}.", several.join(", ")),
        }
    }

    fn whose(&self) -> String {
        let who = self.fill.apply(self.text.who);
        let reporter = &self.fill.reporter;
        let proven = match self.cause {
            Cause::MxNotInPolicy => cause::mx_in_policy(self.item) != Some(true),
            Cause::PolicyInvalid | Cause::TlsaUnusable => true,
            _ => false,
        };
        match self.item.reporters.len() {
            _ if self.cause == Cause::DaneRequired => format!("For {who}."),
            0 | 1 if proven => format!("Yours; the report itself shows it. For {who}."),
            0 | 1 => {
                format!(
                    "Can't tell yet; only {reporter} reports it. If the check shows it too, it is for {who}."
                )
            }
            _ => format!("Yours; seen by {reporter}. For {who}."),
        }
    }

    fn causes(&self) -> String {
        let causes = self.fill.apply(self.text.causes);
        let patterns = cause::mx_patterns(self.item);
        if self.cause != Cause::MxNotInPolicy || patterns.is_empty() {
            return causes;
        }
        let mx = &self.item.receiving_mx_hostname;
        let too_short = patterns.iter().find(|pattern| {
            pattern
                .strip_prefix('*')
                .is_some_and(|suffix| suffix.len() > 1 && mx.ends_with(suffix))
                && !cause::mx_matches(pattern, mx)
        });
        let shown: Vec<String> = patterns.iter().map(|pattern| names::host(pattern)).collect();
        match too_short {
            Some(pattern) => format!("{} covers one label only. {causes}", names::host(pattern)),
            None => format!("The policy lists only {}. {causes}", words::list(&shown, 3)),
        }
    }

    fn check(&self) -> Row {
        let mx = names::checked_host(&self.item.receiving_mx_hostname);
        let domain = names::checked_host(&self.item.policy_domain);
        let fill = Fill {
            mx: mx.unwrap_or("MX").to_owned(),
            domain: domain.unwrap_or("DOMAIN").to_owned(),
            ..Fill::default()
        };
        let uses = |gap: &str| self.text.check.iter().any(|command| command.contains(gap));
        let lists_mx = uses("dig +short MX");
        let mut blocks = Vec::new();
        if mx.is_none() && uses("{mx}") && !lists_mx {
            blocks.push(Block::Command(fill.apply("dig +short MX {domain}")));
        }
        blocks.extend(
            self.text
                .check
                .iter()
                .map(|command| Block::Command(fill.apply(command))),
        );
        let mut reading = Vec::new();
        if mx.is_none() && uses("{mx}") {
            reading.push("MX stands for each host that the first command lists.".to_owned());
        }
        if domain.is_none() && (uses("{domain}") || mx.is_none()) {
            reading.push("Put your domain in for DOMAIN.".to_owned());
        }
        reading.push(self.fill.apply(self.text.reading));
        blocks.push(Block::Text(reading.join(" ")));
        Row {
            label: "Check",
            blocks,
        }
    }

    /// The query that gives the failure's numbers.
    fn query(&self, frame: Frame) -> String {
        let ids: Vec<String> = self.item.ids.iter().map(ToString::to_string).collect();
        format!(
            "tlsrptd sql \"SELECT day, submitter, policy_type, failed_session_count, report FROM failures WHERE failure_type IN \
             ({}) AND report BETWEEN {} AND {}\"",
            ids.join(", "),
            frame.after_report.saturating_add(1),
            frame.last_report
        )
    }
}

/// `VALIDATION_FAILURE`, which Microsoft gives as a reason, is none.
fn is_filler(reason: &str) -> bool {
    reason.eq_ignore_ascii_case("validation_failure")
}

fn urgency(text: &CauseText, cause: Cause, outcome: &Outcome, item: &FailureItem) -> Urgency {
    let urgency = text.urgency(outcome.impact, outcome.basis);
    let many = item.failed.known >= 5 && item.failed.known.saturating_mul(5) >= item.total.known;
    // One sender's few broken connections are the weather, even where they hold up a mail for a while.
    if cause.is_noise_prone() && item.reporters.len() < 2 && !many {
        urgency.max(Urgency::ThisWeek)
    } else {
        urgency
    }
}

fn fill(cause: Cause, item: &FailureItem) -> Fill {
    let domain = if item.policy_domain.is_empty() {
        "a domain not named".to_owned()
    } else {
        names::host(&item.policy_domain)
    };
    let mx = names::host(&item.receiving_mx_hostname);
    let place = if cause.is_about_the_policy() {
        domain.clone()
    } else if mx.is_empty() && cause == Cause::MxNotInPolicy {
        "an MX (not named)".to_owned()
    } else if mx.is_empty() {
        format!("an MX of {domain}")
    } else {
        mx.clone()
    };
    let reporters: Vec<String> = item.reporters.iter().map(name).collect();
    Fill {
        place,
        mx: if mx.is_empty() { "the MX".to_owned() } else { mx },
        domain,
        reporter: if reporters.is_empty() {
            "nobody".to_owned()
        } else {
            words::list(&reporters, 3)
        },
        result_type: names::quoted(&item.result_type, 40),
    }
}

fn name(reporter: &ItemReporter) -> String {
    names::reporter(&reporter.submitter, &reporter.organization_name)
}

/// First and last day of the reports that show it.
fn range(item: &FailureItem) -> (Date, Date) {
    let first = item.reporters.iter().map(|reporter| reporter.first_day).min();
    let last = item.reporters.iter().map(|reporter| reporter.last_day).max();
    (first.unwrap_or(item.first_day), last.unwrap_or(item.last_day))
}

fn policy(item: &FailureItem, today: Date) -> String {
    let mut policies = Vec::new();
    for policy_type in &item.policy_types {
        match policy_type.as_str() {
            "sts" if item.sts_modes.is_empty() => policies.push(match &item.last_known_mode {
                Some((mode, day)) => {
                    format!(
                        "MTA-STS ({} on {})",
                        names::clean(mode, 20),
                        words::day(*day, today)
                    )
                }
                None => "MTA-STS (mode not reported)".to_owned(),
            }),
            "sts" => {
                let modes: Vec<String> = item.sts_modes.iter().map(|mode| names::clean(mode, 20)).collect();
                policies.push(format!("MTA-STS {}", words::list(&modes, 3)));
            }
            "tlsa" => policies.push("DANE".to_owned()),
            "no-policy-found" => policies.push("no policy".to_owned()),
            other => policies.push(format!("policy type {}", names::quoted(other, 40))),
        }
    }
    words::list(&policies, 4)
}

/// The receiving addresses; says so when all of several failures were over IPv6.
fn addresses(item: &FailureItem) -> Option<String> {
    if item.receiving_ips.is_empty() {
        return None;
    }
    let parsed: Vec<Option<std::net::IpAddr>> = item.receiving_ips.iter().map(|ip| ip.parse().ok()).collect();
    let shown: Vec<String> = item
        .receiving_ips
        .iter()
        .zip(&parsed)
        .map(|(text, ip)| ip.map_or_else(|| names::quoted(text, 45), |ip| ip.to_string()))
        .collect();
    let only_v6 = item.failed.known >= 5 && parsed.iter().all(|ip| ip.is_some_and(|ip| ip.is_ipv6()));
    let hint = if only_v6 { " (only IPv6)" } else { "" };
    Some(format!("Address: {}{hint}.", words::list(&shown, 3)))
}
