//! Who saw a problem, when, how often and where; and whose it is. Pure.

use crate::assess::cause::Cause;
use crate::assess::history::Sum;
use crate::assess::news::Event;
use crate::assess::place::Place;
use crate::assess::problem::{Whose, Witness};
use crate::digest::hosts::short_host;
use crate::digest::reading::{Frame, Reading, connections};
use crate::digest::{names, words};

/// Reporters named for one problem; further ones are counted.
const MAX_REPORTERS: usize = 4;
/// Addresses named for one problem.
const MAX_ADDRESSES: usize = 2;
/// Characters of an address that isn't one.
const ADDRESS_CHARS: usize = 45;

impl Reading<'_> {
    /// Who saw it, when, how often and where.
    pub(crate) fn seen(&self, frame: Frame) -> String {
        let mut parts = vec![self.when(frame)];
        parts.extend(self.by_reporter(frame));
        parts.extend(self.reasons());
        parts.extend(self.place());
        parts.extend(self.unaffected());
        parts.extend(self.listed_domains());
        parts.extend(self.last_time(frame));
        parts.join(" ")
    }

    fn when(&self, frame: Frame) -> String {
        let (first, last) = (self.first_day(), self.last_day());
        let days = words::days(first, last, frame.today);
        match self.event {
            _ if frame.is_first && first != last => format!(
                "Since {}, last {}.",
                words::day(first, frame.today),
                words::day(last, frame.today)
            ),
            Event::New if first == last && !frame.is_first => format!("{days}, first day."),
            Event::WasNotOver => format!("{days}; a report came late, so it was not over."),
            Event::Reminder(day) => format!("{days}, day {day} since it was told."),
            _ => format!("{days}."),
        }
    }

    fn by_reporter(&self, frame: Frame) -> Vec<String> {
        if !self.folded.is_empty() {
            let all = self.problem.witnesses.iter();
            let all: Vec<String> = all
                .map(|witness| names::reporter(&witness.reporter, &witness.reporter))
                .collect();
            return vec![format!(
                "{}, {}.",
                connections(self.failed()),
                words::list(&all, MAX_REPORTERS)
            )];
        }
        let witnesses = &self.problem.witnesses;
        let mut parts = Vec::new();
        for (i, witness) in witnesses.iter().take(MAX_REPORTERS).enumerate() {
            let share = if i == 0 {
                words::share(witness.failed, witness.total)
            } else {
                words::short_share(witness.failed, witness.total)
            };
            let share = with_remarks(&share, &self.remarks_on(witness, frame));
            parts.push(format!(
                "{}: {share}.",
                names::reporter(&witness.reporter, &witness.reporter)
            ));
        }
        let rest = witnesses.iter().skip(MAX_REPORTERS);
        let n_rest = rest.clone().count();
        if n_rest > 0 {
            let failed = rest
                .map(|witness| witness.failed)
                .reduce(words::add)
                .unwrap_or_default();
            let others = if n_rest == 1 { "other" } else { "others" };
            parts.push(format!(
                "{n_rest}{}{others}: {}.",
                words::NBSP,
                connections(failed)
            ));
        }
        parts
    }

    fn remarks_on(&self, witness: &Witness, frame: Frame) -> Vec<String> {
        let mut remarks = Vec::new();
        if witness.is_unproven {
            remarks.push("unverified".to_owned());
        }
        let (first, last) = (self.first_day(), self.last_day());
        if (witness.first_day, witness.last_day) != (first, last) && self.problem.witnesses.len() > 1 {
            remarks.push(words::days(witness.first_day, witness.last_day, frame.today));
        }
        let some_know = self.problem.witnesses.iter().any(|witness| !witness.is_vague);
        if witness.is_vague && some_know {
            remarks.push("no reason given".to_owned());
        } else if witness.unspecified.known > 0 && !self.problem.cause.is_vague() {
            remarks.push(format!(
                "{}{}without a reason",
                words::sum(witness.unspecified),
                words::NBSP
            ));
        }
        if witness.names_no_mx && !witness.is_vague && matches!(self.problem.place, Place::Mx(_)) {
            remarks.push("MX not named".to_owned());
        }
        remarks
    }

    fn reasons(&self) -> Option<String> {
        let reasons: Vec<String> = self
            .problem
            .reasons
            .iter()
            .filter(|reason| !is_filler(reason))
            .take(2)
            .map(|reason| names::quoted(reason, names::REASON_CHARS))
            .collect();
        match (self.problem.cause, reasons.as_slice()) {
            (Cause::PolicyFetch, []) => Some("No reason given.".to_owned()),
            (_, []) => None,
            (_, [one]) => Some(format!("Reason given: {one}.")),
            (_, several) => Some(format!("Reasons given: {}.", several.join(", "))),
        }
    }

    /// Where exactly: the MX, its addresses, and which others no failure named.
    fn place(&self) -> Option<String> {
        // The policy decides that, whatever the address.
        if self.problem.cause == Cause::MxNotInPolicy {
            return None;
        }
        let spot = &self.problem.spot;
        let (one, several) = match spot.receiving_ips.as_slice() {
            [] => (String::new(), None),
            [(only, _)] if spot.only_ipv6 => (format!("{}; only over IPv6", address(only)), None),
            [(only, _)] => (address(only), None),
            several => (String::new(), Some(addresses(several, spot.only_ipv6))),
        };
        let alone = (!one.is_empty())
            .then(|| format!("Address: {one}."))
            .or(several.clone());
        let Place::Mx(_) = &self.problem.place else {
            return alone;
        };
        let others: Vec<String> = spot
            .unnamed_mx
            .iter()
            .map(|host| short_host(self.problem, host))
            .collect();
        let good: Vec<String> = spot
            .proven_good
            .iter()
            .take(2)
            .map(|(host, ok)| {
                format!(
                    "{}: {}{}good",
                    short_host(self.problem, host),
                    words::number(*ok),
                    words::NBSP
                )
            })
            .collect();
        if others.is_empty() && good.is_empty() {
            return alone;
        }
        let at = if one.is_empty() {
            String::new()
        } else {
            format!(" ({one})")
        };
        let contrast = if good.is_empty() {
            format!("no failure named {}", words::list_or(&others, 2))
        } else {
            good.join(", ")
        };
        let only = format!("Only {}{at}; {contrast}.", self.short.mx);
        Some(std::iter::once(only).chain(several).collect::<Vec<_>>().join(" "))
    }

    /// Who could have seen it and did not.
    fn unaffected(&self) -> Option<String> {
        if self.problem.whose != Whose::OnlyOne {
            return None;
        }
        let best = self.problem.unaffected.iter().max_by_key(|other| other.ok)?;
        let name = names::reporter(&best.reporter, &best.reporter);
        let ok = connections(Sum {
            known: best.ok,
            at_least: false,
        });
        Some(if self.problem.cause == Cause::StalePolicy {
            format!("{name} used the new one on the same days: {ok}.")
        } else if self.problem.cause.is_about_the_policy() {
            format!("{name} used the policy on the same days: {ok}.")
        } else {
            format!("{name} had no such failure on the same days: {ok}.")
        })
    }

    fn last_time(&self, frame: Frame) -> Option<String> {
        let before = self.problem.episodes.iter().rev().nth(1)?;
        before.visible_from?;
        Some(format!(
            "Last time {}: {}.",
            words::days(before.first_day, before.last_day, frame.today),
            connections(before.failed)
        ))
    }

    /// Whose it is, how that is known, and what would tell more.
    pub(crate) fn whose(&self, frame: Frame) -> String {
        let whose = self.whose_it_is(frame);
        // Those who waited know no more.
        let can_wait = !frame.is_only_reporter && matches!(self.event, Event::New | Event::Returned);
        match self.problem.whose {
            Whose::CantTell if self.problem.cause == Cause::StalePolicy => whose,
            Whose::CantTell if can_wait => format!("{whose} The check below tells; or wait a day."),
            Whose::CantTell => format!("{whose} The check below tells."),
            _ => whose,
        }
    }

    /// Whose it is, and how that is known.
    pub(crate) fn whose_it_is(&self, frame: Frame) -> String {
        let reporter = &self.short.reporter;
        let text = match self.problem.whose {
            _ if self.problem.cause == Cause::StalePolicy => {
                "Yours: senders fetch the file again when the id in DNS changes.".to_owned()
            }
            Whose::YoursProven => self.proven(),
            Whose::YoursSeen => format!("Yours: seen by {reporter}."),
            Whose::OnlyOne if self.problem.cause.is_about_the_policy() => format!(
                "{} Often IPv6, or a block (CDN, bot or country filter) at your web host; sometimes {reporter}.",
                self.only()
            ),
            // Good connections of others carry no MX.
            Whose::OnlyOne if is_about_a_certificate(self.problem.cause) => format!(
                "{} Others may have come by another MX or address: the check below tells.",
                self.only()
            ),
            Whose::OnlyOne => format!(
                "{} It may still need a change on your server: look in its log, update its software.",
                self.only()
            ),
            Whose::Theirs => format!(
                "Looks like trouble at {reporter}: several unrelated places at once. Nothing to do unless it lasts."
            ),
            Whose::CantTell if !self.problem.is_proven => {
                format!("Can't tell: who sent the reports of {reporter} is not proven.")
            }
            Whose::CantTell if self.has_unverified() => {
                format!("Can't tell: {reporter} is the only verified one that reports on this.")
            }
            Whose::CantTell if frame.is_only_reporter => {
                format!("Can't tell: only {reporter} reports to you.")
            }
            Whose::CantTell => format!("Can't tell: {reporter} is the only one that reports on this."),
        };
        if self.problem.is_provider && matches!(self.problem.place, Place::Mx(_)) {
            format!(
                "{text} {} isn't among your hosts: tell those who run it.",
                self.short.mx
            )
        } else {
            text
        }
    }

    /// That one alone sees it, and whether it is the one that it says.
    fn only(&self) -> String {
        let reporter = &self.short.reporter;
        let see = if self.problem.vouching().count() == 1 {
            "sees"
        } else {
            "see"
        };
        if !self.problem.is_proven {
            format!("Only {reporter} {see} it, unverified.")
        } else if self.has_unverified() {
            format!("Only {reporter} {see} it, and unverified ones.")
        } else {
            format!("Only {reporter} {see} it.")
        }
    }

    /// Whether others than those who vouch for it saw it.
    fn has_unverified(&self) -> bool {
        self.problem.vouching().count() < self.problem.witnesses.len()
    }

    fn proven(&self) -> String {
        match self.problem.cause {
            Cause::MxNotInPolicy => {
                let patterns: Vec<String> = self
                    .patterns()
                    .iter()
                    .map(|pattern| names::host(pattern))
                    .collect();
                if patterns.is_empty() {
                    "Yours: the report itself shows it.".to_owned()
                } else {
                    format!("Yours: the policy lists only {}.", words::list(&patterns, 3))
                }
            }
            Cause::PolicyInvalid => "Yours: the file came, but isn't a policy.".to_owned(),
            Cause::TlsaUnusable => "Yours: the records themselves show it.".to_owned(),
            _ => "Yours: the report itself shows it.".to_owned(),
        }
    }
}

/// An address as it is written, or what stands in its place.
fn address(text: &str) -> String {
    text.parse::<std::net::IpAddr>()
        .map_or_else(|_| names::quoted(text, ADDRESS_CHARS), |ip| ip.to_string())
}

/// `Addresses: 192.0.2.26 (37), 192.0.2.27 (9) and 3 more.`
fn addresses(counts: &[(String, u64)], only_ipv6: bool) -> String {
    let shown: Vec<String> = counts
        .iter()
        .take(MAX_ADDRESSES)
        .map(|(text, n)| format!("{}{}({})", address(text), words::NBSP, words::number(*n)))
        .collect();
    let rest = match counts.len().saturating_sub(MAX_ADDRESSES) {
        0 => String::new(),
        rest => format!(" and {rest}{}more", words::NBSP),
    };
    let only_ipv6 = if only_ipv6 { "; only over IPv6" } else { "" };
    format!("Addresses: {}{rest}{only_ipv6}.", shown.join(", "))
}

/// Whether an MX shows it to whoever comes there, whatever the sender's software.
fn is_about_a_certificate(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Expired | Cause::WrongName | Cause::NotYetValid | Cause::NotTrusted | Cause::TlsaMismatch
    )
}

/// `37 of 410 connections (9 %)` with remarks put into its brackets.
fn with_remarks(share: &str, remarks: &[String]) -> String {
    if remarks.is_empty() {
        return share.to_owned();
    }
    let remarks = remarks.join(", ");
    match share.strip_suffix(')') {
        Some(open) => format!("{open}, {remarks})"),
        None => format!("{share} ({remarks})"),
    }
}

/// `VALIDATION_FAILURE` and the like, which Microsoft gives as reasons, say nothing in prose.
fn is_filler(reason: &str) -> bool {
    ["validation_failure", "mx_hosts_mismatch"]
        .iter()
        .any(|filler| reason.eq_ignore_ascii_case(filler))
}
