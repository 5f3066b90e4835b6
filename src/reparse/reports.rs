//! Stored reports, from the JSON that is kept of them.

use std::collections::BTreeSet;

use super::{Told, Work};
use crate::clock;
use crate::config::Limits;
use crate::extract;
use crate::prepare::{contact_domain, submitter};
use crate::report::{self, Context, ParseError, Parsed};
use crate::store::{Rewritten, StoreError, StoredReport};

/// A domain that no report can be about (RFC 2606): marks the entries that leave theirs out.
const GAP: &str = "gap.invalid";

impl Work<'_> {
    pub(super) fn reports(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some(stored) = self.store.stored_report_after(after)? {
            after = stored.id;
            self.done.reports = self.done.reports.saturating_add(1);
            let n_done = self.done.mails.saturating_add(self.done.reports);
            (self.tell)(Told::Progress(n_done, self.all.max(n_done)));
            let (parsed, deviations, submitter) = match read_again(&stored, &self.config.limits) {
                Ok(read) => read,
                Err(error) => {
                    self.done.unreadable = self.done.unreadable.saturating_add(1);
                    let id = stored.id;
                    let line = format!("report {id} can't be read any more and stays as it was: {error}");
                    (self.tell)(Told::Change(&line));
                    continue;
                }
            };
            let rewritten =
                self.store
                    .rewrite_report(stored.id, &parsed, &deviations, &submitter, clock::now())?;
            let what = match rewritten {
                Rewritten::Same => continue,
                Rewritten::Changed => "is read otherwise now".to_owned(),
                Rewritten::Merged(twin) => {
                    format!("is now known to be the same as report {twin}, and counts once")
                }
            };
            self.done.changed = self.done.changed.saturating_add(1);
            let line = format!("report {} of {} {what}", stored.id, stored.submitter);
            (self.tell)(Told::Change(&line));
        }
        Ok(())
    }
}

/// Reads a stored report again: what its mail once filled in is taken from what is stored.
fn read_again(
    stored: &StoredReport,
    limits: &Limits,
) -> Result<(Parsed, BTreeSet<String>, String), ParseError> {
    // RFC 8460, Section 5.1: sender, policy domain, begin, end; only the last two are filled in.
    let file_name = format!("-!!{}!{}.json", stored.start.as_second(), stored.end.as_second());
    let parse = |domain| {
        let context = Context {
            file_name: Some(&file_name),
            tls_report_domain: domain,
            date: Some(stored.start),
        };
        report::parse(&stored.json, limits, &context)
    };
    let mut parsed = parse(Some(GAP))?;
    let policies = &parsed.report.policies;
    let gap = policies
        .iter()
        .position(|result| result.policy.policy_domain.as_deref() == Some(GAP));
    if let Some(gap) = gap {
        let same_entries = policies.len() == stored.domains.len();
        let domain = stored
            .domains
            .get(gap)
            .filter(|domain| same_entries && !domain.is_empty());
        parsed = parse(domain.map(String::as_str))?;
    }
    let of_mail = extract::deviation::ALL.iter().map(|(name, _)| *name);
    let deviations = of_mail
        .filter(|name| stored.deviations.iter().any(|deviation| deviation == name))
        .chain(parsed.deviations.iter().copied())
        .map(str::to_owned)
        .collect();
    let contact = parsed.report.contact_info.as_deref().and_then(contact_domain);
    let submitter = submitter(contact, Some(&stored.submitter), stored.signing_domain.as_deref());
    Ok((parsed, deviations, submitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(json: &str) -> StoredReport {
        StoredReport {
            id: 1,
            json: json.to_owned(),
            deviations: vec!["zip".to_owned(), "alias-key".to_owned()],
            submitter: "example.com".to_owned(),
            signing_domain: None,
            start: "2026-11-20T00:00:00Z".parse().unwrap(),
            end: "2026-11-20T23:59:59Z".parse().unwrap(),
            domains: vec!["example.org".to_owned()],
        }
    }

    #[test]
    fn what_the_mail_filled_in_is_kept() {
        let json = r#"{"report-id": "a_example.net", "policies": [{"policy": {"policy-type": "sts"},
            "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0}}]}"#;
        let stored = stored(json);
        let (parsed, deviations, submitter) = read_again(&stored, &Limits::default()).unwrap();
        let report = parsed.report;
        assert_eq!((report.start, report.end), (stored.start, stored.end));
        assert_eq!(
            report.policies[0].policy.policy_domain.as_deref(),
            Some("example.org")
        );
        assert_eq!(submitter, "example.com");
        assert!(
            deviations.contains("zip") && !deviations.contains("alias-key"),
            "{deviations:?}"
        );
    }
}
