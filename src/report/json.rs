//! A [`Report`] back to the JSON of RFC 8460.

use serde::Serialize;

use super::{FailureDetails, PolicyResult, Report};

/// The report in RFC 8460's form (Section 4.4). Reading it again gives the same report.
///
/// Absent values are left out; unreadable counts are null.
pub fn to_json(report: &Report) -> String {
    let body = Body {
        organization_name: report.organization_name.as_deref(),
        date_range: DateRange {
            start_datetime: report.start.to_string(),
            end_datetime: report.end.to_string(),
        },
        contact_info: report.contact_info.as_deref(),
        report_id: &report.report_id,
        policies: report.policies.iter().map(Entry::from).collect(),
    };
    // Strings, numbers and lists only: nothing in it can fail to serialise.
    serde_json::to_string(&body).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_name: Option<&'a str>,
    date_range: DateRange,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_info: Option<&'a str>,
    report_id: &'a str,
    policies: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DateRange {
    start_datetime: String,
    end_datetime: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    policy: Policy<'a>,
    summary: Summary,
    failure_details: Vec<Details<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_field_names, reason = "RFC 8460's names")]
struct Policy<'a> {
    policy_type: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    policy_string: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_domain: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    mx_host: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    total_successful_session_count: Option<u64>,
    total_failure_session_count: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sending_mta_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_mx_hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_mx_helo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_ip: Option<&'a str>,
    failed_session_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_information: Option<&'a str>,
}

impl<'a> From<&'a PolicyResult> for Entry<'a> {
    fn from(result: &'a PolicyResult) -> Self {
        Self {
            policy: Policy {
                policy_type: result.policy.policy_type.as_str(),
                policy_string: &result.policy.policy_string,
                policy_domain: result.policy.policy_domain.as_deref(),
                mx_host: &result.policy.mx_host,
            },
            summary: Summary {
                total_successful_session_count: result.successful,
                total_failure_session_count: result.failed,
            },
            failure_details: result.failure_details.iter().map(Details::from).collect(),
        }
    }
}

impl<'a> From<&'a FailureDetails> for Details<'a> {
    fn from(details: &'a FailureDetails) -> Self {
        Self {
            result_type: details.result_type.as_ref().map(super::ResultType::as_str),
            sending_mta_ip: details.sending_mta_ip.as_deref(),
            receiving_mx_hostname: details.receiving_mx_hostname.as_deref(),
            receiving_mx_helo: details.receiving_mx_helo.as_deref(),
            receiving_ip: details.receiving_ip.as_deref(),
            failed_session_count: details.failed_session_count,
            failure_reason_code: details.failure_reason_code.as_deref(),
            additional_information: details.additional_information.as_deref(),
        }
    }
}
