//! What a problem does to the mail, in words. Pure.

use crate::assess::cause::Cause;
use crate::assess::impact::{Basis, Impact};
use crate::assess::place::Place;
use crate::assess::problem::{Problem, State};
use crate::digest::hosts::OtherMx;
use crate::digest::reading::{Frame, Reading};
use crate::digest::{names, words};

/// The submitter whose queue is known to end after 24 hours.
const MICROSOFT: &str = "microsoft.com";

impl Reading<'_> {
    /// What happened to the mail.
    pub(crate) fn mail(&self, frame: Frame) -> String {
        let mut parts: Vec<String> = self.worse().into_iter().collect();
        parts.push(match self.problem.impact {
            Impact::Held => self.held(frame),
            Impact::BySender => "Held back by the sender's own rule for you, not by your policy.".to_owned(),
            Impact::Unknown => self.mode_unknown(frame),
            Impact::Plain => self.delivered("Delivered anyway, most likely without encryption."),
            Impact::Passed if self.problem.cause == Cause::TlsaUnusable => {
                "Delivered encrypted, but without a check of the server's identity.".to_owned()
            }
            Impact::Passed if self.problem.cause == Cause::MxNotInPolicy => {
                self.delivered("Delivered encrypted.")
            }
            Impact::Passed => self.delivered("Delivered anyway, encrypted, with the flaw ignored."),
            Impact::Delivered => self.delivered("Delivered anyway."),
            Impact::Unprotected => {
                "Delivered as if you had no policy: encrypted when possible, but not checked.".to_owned()
            }
            Impact::Cached if self.problem.cause == Cause::StalePolicy => self.stale(frame),
            Impact::Cached => self.cached(frame),
            Impact::InSpite if self.problem.cause == Cause::NoStarttls => {
                "Delivered in spite of it, most likely without encryption.".to_owned()
            }
            Impact::InSpite => {
                "Delivered in spite of it: the reports count these connections as successful.".to_owned()
            }
        });
        parts.join(" ")
    }

    fn held(&self, frame: Frame) -> String {
        let through = match &self.problem.place {
            Place::Mx(_) => format!("through {}", self.short.mx),
            _ => "where they see it".to_owned(),
        };
        let is_mixed = self
            .problem
            .bases
            .iter()
            .any(|basis| matches!(basis, Basis::Testing | Basis::NoMode | Basis::NoPolicy));
        let why = match (self.problem.cause, self.problem.basis) {
            (Cause::Dnssec, _) => format!("Senders that check DNSSEC don't deliver {through}."),
            (_, Basis::Dane) => {
                format!("Senders that check DANE don't deliver {through}, whatever your MTA-STS mode.")
            }
            _ if is_mixed => format!("Where the policy is enforce, senders don't deliver {through}."),
            _ => format!("Your policy is enforce, so senders don't deliver {through}."),
        };
        let then = match self.other_mx() {
            OtherMx::These(others) => format!("They try {others}, then wait and retry."),
            OtherMx::Several => "They try your other MX, then wait and retry.".to_owned(),
            OtherMx::None => "They wait and retry.".to_owned(),
            OtherMx::Unknown => "They try another MX if there is one, then wait and retry.".to_owned(),
        };
        let mut parts = vec![why, then, self.patience(frame)];
        if self.problem.basis == Basis::Dane && self.problem.cause != Cause::Dnssec {
            parts.push("Google doesn't check DANE: not affected.".to_owned());
        }
        parts.join(" ")
    }

    /// Until when senders hold it: the clock runs from the first failing day.
    fn patience(&self, frame: Frame) -> String {
        let hours = format!("24{}hours", words::NBSP);
        let place = match &self.problem.place {
            Place::Mx(_) => self.short.mx.clone(),
            _ => "it".to_owned(),
        };
        let arrives = if self.problem.cause == Cause::MxNotInPolicy {
            "once they know a policy that lists it".to_owned()
        } else {
            format!("once {place} is mended")
        };
        if !self.is_seen_by(MICROSOFT) {
            let days = words::count(5, "day");
            return format!(
                "They give up after 1 to {days} (Microsoft after {hours}); what still waits arrives {arrives}."
            );
        }
        let day = words::day(self.first_day(), frame.today);
        let refused = match self.other_mx() {
            OtherMx::These(others) => format!("what {others} did not take"),
            OtherMx::None => "mail".to_owned(),
            OtherMx::Several | OtherMx::Unknown => "what no other MX took".to_owned(),
        };
        let days_ago = frame.today.duration_since(self.first_day()).as_hours();
        let bounced = match days_ago.checked_div(24).unwrap_or(0) {
            ..=0 => format!("{refused} on {day} bounces tomorrow"),
            1 => format!("{refused} on {day} is bouncing now"),
            _ if self.problem.state == State::Fading => format!("{refused} on {day} has bounced"),
            _ => format!("{refused} from {day} on bounced a day later"),
        };
        format!(
            "Microsoft gives up after {hours}: {bounced}. Others wait for days; that mail arrives {arrives}."
        )
    }

    fn is_seen_by(&self, reporter: &str) -> bool {
        self.problem
            .witnesses
            .iter()
            .any(|witness| witness.reporter == reporter)
    }

    fn delivered(&self, how: &str) -> String {
        match self.problem.basis {
            Basis::Testing => {
                let enforce = match (&self.problem.place, self.other_mx()) {
                    (Place::Mx(_), OtherMx::These(others)) => format!(
                        "In enforce, senders would have skipped {} and tried {others}.",
                        self.short.mx
                    ),
                    _ => "In enforce it would be.".to_owned(),
                };
                let how = if self.problem.impact == Impact::Plain {
                    " Delivered, most likely without encryption."
                } else {
                    ""
                };
                format!("Nothing was held: the policy is in testing.{how} {enforce}")
            }
            Basis::NoMode => format!("{how} The policy's mode is none."),
            _ => how.to_owned(),
        }
    }

    fn cached(&self, frame: Frame) -> String {
        let who = if self.problem.witnesses.len() == 1 && self.is_only_one() {
            self.short.reporter.clone()
        } else {
            "Senders that hold a copy of the policy".to_owned()
        };
        let whose = if self.is_only_one() { "its" } else { "their" };
        match self.copies_until {
            Some(until) if until >= frame.today => format!(
                "Not affected. {who} may use {} copy until {}; after that {whose} mail comes without the \
                 protection of your policy.",
                if self.is_only_one() { "its" } else { "that" },
                words::day(until, frame.today)
            ),
            Some(until) if self.is_only_one() => format!(
                "Delivered. {who}'s copy ended on {}: its mail comes without the protection of your policy.",
                words::day(until, frame.today)
            ),
            Some(until) => format!(
                "Delivered. The last copies ended on {}: mail comes without the protection of your policy.",
                words::day(until, frame.today)
            ),
            None => {
                "Not held back by this alone. Senders with an older copy of the policy go on using it; all \
                     others deliver as if you had none."
                    .to_owned()
            }
        }
    }

    /// Senders that apply an old policy.
    fn stale(&self, frame: Frame) -> String {
        let who = &self.short.reporter;
        let go = if self.problem.witnesses.len() == 1 {
            "goes"
        } else {
            "go"
        };
        let old = match (self.problem.newer_since, self.folded.is_empty()) {
            (Some(day), true) => format!("the policy from before {}", words::day(day, frame.today)),
            _ => "an old policy".to_owned(),
        };
        let then = match self.problem.basis {
            Basis::Enforce => ", mode enforce: an MX that it doesn't list gets no mail from there.",
            Basis::Testing => ", mode testing: whatever fails is delivered all the same.",
            Basis::NoMode => ", mode none: its mail comes without protection.",
            _ => ".",
        };
        format!("Nothing failed by this. {who} {go} by {old}{then}")
    }

    fn mode_unknown(&self, frame: Frame) -> String {
        let then = match &self.problem.last_known_mode {
            Some((mode, day)) => format!(
                " The policy was {} on {}.",
                names::clean(mode, 20),
                words::day(*day, frame.today)
            ),
            None => String::new(),
        };
        format!(
            "The report doesn't say which mode the sender saw: held back if enforce, delivered if testing.{then}"
        )
    }
}

/// Whether a problem would hold mail if its policies in testing were in enforce.
pub(crate) fn blocks_enforce(problem: &Problem) -> bool {
    !problem.cause.is_about_the_policy()
        && !matches!(problem.cause, Cause::TlsaUnusable | Cause::DaneRequired)
        && problem.bases.contains(&Basis::Testing)
}
