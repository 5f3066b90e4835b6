//! The entries of "policies" and of "failure-details", counted while they are read.

use serde_json::value::RawValue;

use super::object::{Kind, elements, kind};
use super::value::Reader;
use super::{FailureDetails, ParseError, Policy, PolicyResult, PolicyType, ResultType, deviation};
use crate::config::Limits;

/// The entries of "policies", counted while they are read.
pub(super) struct Entries<'l> {
    limits: &'l Limits,
    pub(super) policies: Vec<PolicyResult>,
    pub(super) n_policies: u32,
    n_details: u32,
    /// Whether an entry holds an object "policy" or "summary": what makes this a report.
    pub(super) found: bool,
}

impl<'l> Entries<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            policies: Vec::new(),
            n_policies: 0,
            n_details: 0,
            found: false,
        }
    }

    pub(super) fn read(&mut self, reader: &mut Reader, list: &RawValue) -> Result<(), ParseError> {
        let mut result = Ok(());
        match kind(list) {
            Kind::List => elements(list, |entry| {
                result = self.add(reader, entry);
                result.is_ok()
            }),
            Kind::Object => {
                reader.note(deviation::SINGLE_FOR_LIST);
                result = self.add(reader, list);
            }
            Kind::Null => reader.note(deviation::NULL_VALUE),
            Kind::String | Kind::Number | Kind::Bool => result = Err(ParseError::NotAReport),
        }
        result
    }

    fn add(&mut self, reader: &mut Reader, entry: &RawValue) -> Result<(), ParseError> {
        count_one(&mut self.n_policies, self.limits.policies, "policies")?;
        let [policy, summary, details] = reader
            .fields(
                entry,
                [&["policy"], &["summary"], &["failure-details", "failure-detail"]],
            )
            .unwrap_or_default();
        let policy = policy.filter(|value| kind(value) == Kind::Object);
        let summary = summary.filter(|value| kind(value) == Kind::Object);
        if policy.is_none() && summary.is_none() {
            reader.note(deviation::ENTRY_SKIPPED);
            return Ok(());
        }
        self.found = true;
        let policy = read_policy(reader, policy);
        let [successful, failed] = summary
            .and_then(|summary| {
                reader.fields(
                    summary,
                    [
                        &[
                            "total-successful-session-count",
                            "total-success-session-count",
                            "total-successful-count",
                        ],
                        &[
                            "total-failure-session-count",
                            "total-failed-session-count",
                            "total-failure-count",
                        ],
                    ],
                )
            })
            .unwrap_or_default();
        let mut result = PolicyResult {
            policy,
            successful: reader.count(successful),
            failed: reader.count(failed),
            failure_details: Vec::new(),
        };
        if let Some(details) = details {
            self.add_details(reader, details, &mut result.failure_details)?;
        }
        if differ(&result) {
            reader.note(deviation::DETAILS_DIFFER);
        }
        self.policies.push(result);
        Ok(())
    }

    fn add_details(
        &mut self,
        reader: &mut Reader,
        list: &RawValue,
        details: &mut Vec<FailureDetails>,
    ) -> Result<(), ParseError> {
        let mut result = Ok(());
        match kind(list) {
            Kind::List => elements(list, |entry| {
                result = self.add_detail(reader, entry, details);
                result.is_ok()
            }),
            Kind::Object => {
                reader.note(deviation::SINGLE_FOR_LIST);
                result = self.add_detail(reader, list, details);
            }
            Kind::Null => reader.note(deviation::NULL_VALUE),
            Kind::String | Kind::Number | Kind::Bool => reader.note(deviation::ENTRY_SKIPPED),
        }
        result
    }

    fn add_detail(
        &mut self,
        reader: &mut Reader,
        entry: &RawValue,
        details: &mut Vec<FailureDetails>,
    ) -> Result<(), ParseError> {
        count_one(
            &mut self.n_details,
            self.limits.failure_details,
            "failure_details",
        )?;
        let Some(
            [
                result_type,
                sending_ip,
                mx,
                helo,
                receiving_ip,
                count,
                reason,
                information,
            ],
        ) = reader.fields(
            entry,
            [
                &["result-type"],
                &["sending-mta-ip", "ip-address"],
                &["receiving-mx-hostname"],
                &["receiving-mx-helo"],
                &["receiving-ip"],
                &["failed-session-count"],
                &["failure-reason-code", "failure-error-code"],
                &["additional-information", "additional-info-uri", "additional-info"],
            ],
        )
        else {
            reader.note(deviation::ENTRY_SKIPPED);
            return Ok(());
        };
        details.push(FailureDetails {
            result_type: reader.text(result_type).map(|text| {
                let known = ResultType::from_text(&text);
                note_spelling(reader, known.as_str(), &text);
                known
            }),
            sending_mta_ip: reader.ip(sending_ip),
            receiving_mx_hostname: reader.domain(mx),
            receiving_mx_helo: reader.text(helo),
            receiving_ip: reader.ip(receiving_ip),
            failed_session_count: reader.count(count),
            failure_reason_code: reader.text(reason),
            additional_information: reader.text(information),
        });
        Ok(())
    }
}

fn count_one(n: &mut u32, most: u32, limit: &'static str) -> Result<(), ParseError> {
    *n = n.saturating_add(1);
    if *n > most {
        return Err(ParseError::Limit {
            limit,
            value: most.into(),
        });
    }
    Ok(())
}

fn read_policy(reader: &mut Reader, policy: Option<&RawValue>) -> Policy {
    let [policy_type, policy_string, domain, mx_host] = policy
        .and_then(|policy| {
            reader.fields(
                policy,
                [
                    &["policy-type"],
                    &["policy-string"],
                    &["policy-domain", "domain"],
                    &["mx-host", "mx-host-pattern"],
                ],
            )
        })
        .unwrap_or_default();
    let policy_type = if let Some(text) = reader.text(policy_type) {
        let known = PolicyType::from_text(&text);
        note_spelling(reader, known.as_str(), &text);
        known
    } else {
        reader.note(deviation::POLICY_TYPE_MISSING);
        PolicyType::Unregistered(String::new())
    };
    Policy {
        policy_type,
        policy_string: reader.list(policy_string),
        policy_domain: reader.domain(domain),
        mx_host: reader.mx_hosts(mx_host),
    }
}

fn note_spelling(reader: &mut Reader, known: &str, text: &str) {
    if known != text {
        reader.note(deviation::TYPE_SPELLING);
    }
}

/// Whether the details add up to something else than the summary.
fn differ(result: &PolicyResult) -> bool {
    let mut sum = 0_u64;
    for detail in &result.failure_details {
        let Some(count) = detail.failed_session_count else {
            return false;
        };
        sum = sum.saturating_add(count);
    }
    !result.failure_details.is_empty() && result.failed.is_some_and(|failed| failed != sum)
}
