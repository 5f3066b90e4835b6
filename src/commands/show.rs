//! `show`: one thing with all that is known of it.

use std::io::Write;

use anyhow::bail;

use super::End;
use super::output::{document, printable};
use crate::cli::TextOrJson;
use crate::config::Config;
use crate::store::{ShownPolicy, ShownReport, Store};

/// Prints a report.
pub(super) fn report(config: &Config, id: i64, format: TextOrJson) -> anyhow::Result<End> {
    let store = Store::open_read_only(&config.store)?;
    let Some(report) = store.show_report(id)? else {
        bail!("there is no report {id}; `tlsrptd sql \"SELECT id, day, submitter FROM reports\"` lists them");
    };
    let mut out = std::io::stdout().lock();
    match format {
        TextOrJson::Json => writeln!(out, "{}", document(&report)?)?,
        TextOrJson::Text => write!(out, "{}", text(&report))?,
    }
    Ok(End::Done)
}

fn text(report: &ShownReport) -> String {
    let none = "(none)".to_owned();
    let mail = report
        .mail
        .as_ref()
        .map_or(none.clone(), |(source, locator)| format!("{source}: {locator}"));
    let deviations = if report.deviations.is_empty() {
        none.clone()
    } else {
        report.deviations.join(", ")
    };
    let rows = [
        (
            "Organization",
            report.organization_name.clone().unwrap_or(none.clone()),
        ),
        ("Reporter", report.submitter.clone()),
        ("Origin", origin(report)),
        ("Contact", report.contact_info.clone().unwrap_or(none)),
        ("Report id", report.report_id.clone()),
        (
            "Covers",
            format!("{} to {}", report.start_datetime, report.end_datetime),
        ),
        ("Stored", report.stored_at.clone()),
        ("Mail", mail),
        ("Oddities", deviations),
    ];
    let mut lines = vec![format!("Report {}, {}", report.id, report.status)];
    lines.extend(rows.map(|(label, value)| format!("{label:<13} {}", printable(&value))));
    for policy in &report.policies {
        lines.push(String::new());
        lines.extend(policy_lines(policy));
    }
    lines.extend(["", "As sent:"].map(str::to_owned));
    lines.extend(report.json.lines().map(printable));
    lines.push(String::new());
    lines.join("\n")
}

/// What is known of a report's origin, and what follows.
fn origin(report: &ShownReport) -> String {
    let signer = report.signing_domain.as_deref().unwrap_or_default();
    let known = match report.authentication.as_str() {
        "dkim" => format!("proven: signed by {signer}"),
        "trusted-mx" => format!("proven: signed by {signer}, as your MX found"),
        "temporary" => "not judged yet".to_owned(),
        "unchecked" => "nobody looked".to_owned(),
        _ => "not proven".to_owned(),
    };
    let reason = report
        .authentication_reason
        .as_ref()
        .map_or(String::new(), |reason| format!(": {reason}"));
    let follows = match report.status.as_str() {
        _ if report.set_free => "; it counts as before, for most of this reporter's signatures fail now",
        "set-aside" if report.set_aside_for.as_deref() == Some("foreign") => {
            "; about none of domains.mail, so it is set aside; `tlsrptd accept` counts it"
        }
        "set-aside" if report.set_aside_for.as_deref() == Some("flood") => {
            "; one of far more that day than usual, so it is set aside; `tlsrptd accept` counts it"
        }
        "set-aside" if report.authentication == "temporary" => "; tried again for three days",
        "set-aside" => "; `tlsrptd accept` counts it",
        _ => "",
    };
    format!("{known}{reason}{follows}")
}

fn policy_lines(policy: &ShownPolicy) -> Vec<String> {
    let count = |count: Option<i64>| count.map_or("unreadable".to_owned(), |count| count.to_string());
    let domain = policy.policy_domain.as_deref().unwrap_or("(no domain)");
    let mode = policy
        .sts_mode
        .as_deref()
        .map_or(String::new(), |mode| format!(", {mode}"));
    let mut lines = vec![
        printable(&format!("{domain}: {}{mode}", policy.policy_type)),
        format!(
            "  connections: {} good, {} failed",
            count(policy.total_successful_session_count),
            count(policy.total_failure_session_count)
        ),
    ];
    lines.extend(
        policy
            .policy_string
            .iter()
            .map(|line| format!("  policy: {}", printable(line))),
    );
    for failure in &policy.failure_details {
        let kind = failure.result_type.as_deref().unwrap_or("(no result type)");
        lines.push(format!(
            "  {} failed: {}",
            count(failure.failed_session_count),
            printable(kind)
        ));
        let details = [
            ("MX", &failure.receiving_mx_hostname),
            ("MX address", &failure.receiving_ip),
            ("MX said", &failure.receiving_mx_helo),
            ("sender's address", &failure.sending_mta_ip),
            ("reason", &failure.failure_reason_code),
            ("more", &failure.additional_information),
        ];
        lines.extend(details.into_iter().filter_map(|(label, value)| {
            value
                .as_ref()
                .map(|value| format!("    {label}: {}", printable(value)))
        }));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(authentication: &str, status: &str) -> ShownReport {
        ShownReport {
            id: 1,
            status: status.to_owned(),
            organization_name: None,
            report_id: "1".to_owned(),
            contact_info: None,
            submitter: "example.net".to_owned(),
            start_datetime: String::new(),
            end_datetime: String::new(),
            stored_at: String::new(),
            authentication: authentication.to_owned(),
            signing_domain: None,
            authentication_reason: None,
            set_free: false,
            set_aside_for: None,
            deviations: Vec::new(),
            mail: None,
            policies: Vec::new(),
            json: String::new(),
        }
    }

    #[test]
    fn origin_says_what_is_known_and_what_follows() {
        let mut proven = report("dkim", "counted");
        proven.signing_domain = Some("example.net".to_owned());
        let mut failed = report("failed", "set-aside");
        failed.authentication_reason = Some("no key".to_owned());
        let mut free = report("failed", "counted");
        free.set_free = true;
        let mut foreign = report("dkim", "set-aside");
        foreign.signing_domain = Some("example.net".to_owned());
        foreign.set_aside_for = Some("foreign".to_owned());
        for (report, expected) in [
            (
                foreign,
                "proven: signed by example.net; about none of domains.mail, so it is set aside; `tlsrptd accept` counts it",
            ),
            (proven, "proven: signed by example.net"),
            (failed, "not proven: no key; `tlsrptd accept` counts it"),
            (
                free,
                "not proven; it counts as before, for most of this reporter's signatures fail now",
            ),
            (
                report("temporary", "set-aside"),
                "not judged yet; tried again for three days",
            ),
            (report("unchecked", "counted"), "nobody looked"),
        ] {
            assert_eq!(origin(&report), expected);
        }
    }
}
