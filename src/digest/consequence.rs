//! What a failure did to the mail, in words. Pure.

use crate::digest::cause::{self, Cause};
use crate::digest::impact::{Basis, Impact};
use crate::digest::item::{Frame, Reading};
use crate::digest::{names, words};

impl Reading<'_> {
    /// What happened to the mail.
    pub(crate) fn mail(&self, frame: Frame) -> String {
        let mut text = match self.outcome.impact {
            Impact::Held => self.held(),
            Impact::BySender => "Held back by the sender's own rule for you, not by your policy.".to_owned(),
            Impact::Unknown => self.mode_unknown(frame),
            Impact::Plain => self.delivered("Delivered, most likely without encryption."),
            Impact::Passed if self.cause == Cause::TlsaUnusable => {
                "Delivered encrypted, but without a check of the server's identity.".to_owned()
            }
            Impact::Passed if self.cause == Cause::MxNotInPolicy => self.delivered("Delivered encrypted."),
            Impact::Passed => self.delivered("Delivered encrypted, with the flaw ignored."),
            Impact::Delivered => self.delivered("Delivered."),
            Impact::Unprotected => {
                "Delivered as if you had no policy: encrypted when possible, but not checked.".to_owned()
            }
            Impact::Cached => "Not held back by this alone. Senders with an older copy of the policy go on using \
                               it; all others deliver as if you had none: encrypted when possible, but not checked."
                .to_owned(),
            Impact::InSpite if self.cause == Cause::NoStarttls => {
                self.delivered("Delivered in spite of it, most likely without encryption.")
            }
            Impact::InSpite => {
                self.delivered("Delivered in spite of it: the reports count these connections as successful.")
            }
        };
        if self.item.late {
            let last = words::day(self.item.last_day, frame.today);
            let late = if frame.first {
                " No"
            } else {
                " The report came late; no"
            };
            text.extend([late, " failure is known after ", &last, "."]);
        }
        text
    }

    fn held(&self) -> String {
        let through = if self.item.receiving_mx_hostname.is_empty() {
            "where they see it".to_owned()
        } else {
            format!("through {}", self.fill.mx)
        };
        let why = match (self.cause, self.outcome.basis) {
            (Cause::Dnssec, _) => format!("Senders that check DNSSEC don't deliver {through}."),
            (_, Basis::Dane) => {
                format!("Senders that check DANE don't deliver {through}, whatever the MTA-STS mode.")
            }
            _ => format!("The policy is enforce, so senders don't deliver {through}."),
        };
        let then = match self.has_other_mx() {
            Some(true) => "They try the other MX, then wait and try again.",
            Some(false) => "They wait and try again.",
            None => "They try another MX if there is one, then wait and try again.",
        };
        let others = if self.cause != Cause::Dnssec && self.item.policy_types == ["tlsa"] {
            " Senders that don't check DANE are not affected."
        } else {
            ""
        };
        format!(
            "{why} {then} Microsoft gives up after 24{n}hours, others within 5{n}days. What is still waiting \
             arrives once it is mended; the oldest may have bounced.{others}",
            n = words::NBSP
        )
    }

    /// Whether the policy allows for another MX than the failing one.
    fn has_other_mx(&self) -> Option<bool> {
        let patterns = cause::mx_patterns(self.item);
        let mx = &self.item.receiving_mx_hostname;
        (!patterns.is_empty() && !mx.is_empty()).then(|| {
            patterns
                .iter()
                .any(|pattern| pattern.starts_with('*') || !cause::mx_matches(pattern, mx))
        })
    }

    fn delivered(&self, how: &str) -> String {
        match self.outcome.basis {
            Basis::Testing => {
                format!("Nothing was held back: the policy is in testing. In enforce it would be. {how}")
            }
            Basis::NoMode => format!("{how} The policy's mode is none."),
            _ => how.to_owned(),
        }
    }

    fn mode_unknown(&self, frame: Frame) -> String {
        let then = match &self.outcome.last_known_mode {
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
