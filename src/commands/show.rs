//! `show`: one thing with all that is known of it.

use std::io::Write;

use anyhow::bail;

use super::End;
use super::output::printable;
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
        TextOrJson::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
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
        (
            "Reporter",
            format!("{} ({})", report.submitter, report.authentication),
        ),
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
    let mut text = format!("Report {}, {}\n", report.id, report.status);
    for (label, value) in rows {
        text.push_str(&format!("{label:<13} {}\n", printable(&value)));
    }
    for policy in &report.policies {
        text.push('\n');
        policy_text(&mut text, policy);
    }
    text.push_str("\nAs sent:\n");
    for line in report.json.lines() {
        text.push_str(&printable(line));
        text.push('\n');
    }
    text
}

fn policy_text(text: &mut String, policy: &ShownPolicy) {
    let count = |count: Option<i64>| count.map_or("unreadable".to_owned(), |count| count.to_string());
    let domain = policy.policy_domain.as_deref().unwrap_or("(no domain)");
    let mode = policy
        .sts_mode
        .as_deref()
        .map_or(String::new(), |mode| format!(", {mode}"));
    text.push_str(&printable(&format!("{domain}: {}{mode}", policy.policy_type)));
    text.push_str(&format!(
        "\n  connections: {} good, {} failed\n",
        count(policy.total_successful_session_count),
        count(policy.total_failure_session_count)
    ));
    for line in &policy.policy_string {
        text.push_str(&format!("  policy: {}\n", printable(line)));
    }
    for failure in &policy.failure_details {
        let kind = failure.result_type.as_deref().unwrap_or("(no result type)");
        text.push_str(&format!(
            "  {} failed: {}\n",
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
        for (label, value) in details {
            if let Some(value) = value {
                text.push_str(&format!("    {label}: {}\n", printable(value)));
            }
        }
    }
}
