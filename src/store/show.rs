//! One report with everything that is known of it.

use rusqlite::{OptionalExtension, named_params};
use serde::Serialize;

use super::{Store, StoreError};

/// A report as `show report` prints it; `--format json` has these fields.
#[derive(Debug, Clone, Serialize)]
pub struct ShownReport {
    /// Id in `reports`.
    pub id: i64,
    /// `counted`, `conflict`, `set-aside` or `replaced`.
    pub status: String,
    /// As sent.
    pub organization_name: Option<String>,
    /// As sent, or derived.
    pub report_id: String,
    /// As sent.
    pub contact_info: Option<String>,
    /// Domain that identifies the reporter.
    pub submitter: String,
    /// RFC 3339, UTC.
    pub start_datetime: String,
    /// RFC 3339, UTC.
    pub end_datetime: String,
    /// RFC 3339, UTC.
    pub stored_at: String,
    /// What is known of its origin, as in `reports`.
    pub authentication: String,
    /// The domain that is proven, if one is.
    pub signing_domain: Option<String>,
    /// Why none is, if that was looked at.
    pub authentication_reason: Option<String>,
    /// Why it is set aside, as in `reports_all`, if it is.
    pub set_aside_for: Option<String>,
    /// Whether it counts though it isn't proven, for its reporter used to be.
    pub set_free: bool,
    /// The tolerances that reading it needed.
    pub deviations: Vec<String>,
    /// Where the mail lay: mailbox or `import`, and locator.
    pub mail: Option<(String, String)>,
    /// Its policies in order.
    pub policies: Vec<ShownPolicy>,
    /// The document as sent.
    pub json: String,
}

/// An entry of a report's "policies".
#[derive(Debug, Clone, Serialize)]
pub struct ShownPolicy {
    /// `sts`, `tlsa`, `no-policy-found` or as sent.
    pub policy_type: String,
    /// The domain, if given.
    pub policy_domain: Option<String>,
    /// The MTA-STS mode, if given.
    pub sts_mode: Option<String>,
    /// The policy's lines or records.
    pub policy_string: Vec<String>,
    /// The MX patterns.
    pub mx_host: Vec<String>,
    /// Sessions that met the policy; none: unreadable.
    pub total_successful_session_count: Option<i64>,
    /// Sessions that failed; none: unreadable.
    pub total_failure_session_count: Option<i64>,
    /// What failed, in order.
    pub failure_details: Vec<ShownFailure>,
}

/// An entry of "failure-details".
#[derive(Debug, Clone, Serialize)]
pub struct ShownFailure {
    /// What failed.
    pub result_type: Option<String>,
    /// The MX.
    pub receiving_mx_hostname: Option<String>,
    /// What the MX calls itself.
    pub receiving_mx_helo: Option<String>,
    /// The MX's address.
    pub receiving_ip: Option<String>,
    /// The sender's address.
    pub sending_mta_ip: Option<String>,
    /// Failed sessions; none: unreadable.
    pub failed_session_count: Option<i64>,
    /// The sender's reason.
    pub failure_reason_code: Option<String>,
    /// More from the sender.
    pub additional_information: Option<String>,
}

impl Store {
    /// A report by its id, counted or not; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn show_report(&self, id: i64) -> Result<Option<ShownReport>, StoreError> {
        let report = self
            .db
            .query_row(
                "SELECT r.id, r.status, r.organization_name, r.report_id, r.contact_info, r.submitter,
                        r.start_datetime, r.end_datetime, r.stored_at, r.authentication, r.deviations,
                        coalesce(r.json, ''), m.source, m.locator, r.signing_domain, r.authentication_reason,
                        (SELECT set_free FROM report WHERE report.id = r.id), r.set_aside_for
                 FROM reports_all AS r LEFT JOIN mails AS m ON m.id = r.mail WHERE r.id = :id",
                named_params! { ":id": id },
                |row| {
                    let (source, locator): (Option<String>, Option<String>) = (row.get(12)?, row.get(13)?);
                    Ok(ShownReport {
                        id: row.get(0)?,
                        status: row.get(1)?,
                        organization_name: row.get(2)?,
                        report_id: row.get(3)?,
                        contact_info: row.get(4)?,
                        submitter: row.get(5)?,
                        start_datetime: row.get(6)?,
                        end_datetime: row.get(7)?,
                        stored_at: row.get(8)?,
                        authentication: row.get(9)?,
                        deviations: list(row.get_ref(10)?.as_str()?),
                        json: row.get(11)?,
                        mail: source.zip(locator),
                        signing_domain: row.get(14)?,
                        authentication_reason: row.get(15)?,
                        set_free: row.get(16)?,
                        set_aside_for: row.get(17)?,
                        policies: Vec::new(),
                    })
                },
            )
            .optional()?;
        let Some(mut report) = report else { return Ok(None) };
        report.policies = self.shown_policies(id)?;
        Ok(Some(report))
    }

    fn shown_policies(&self, report: i64) -> Result<Vec<ShownPolicy>, StoreError> {
        let mut policies = Vec::new();
        let mut statement = self.db.prepare(
            "SELECT policy_result.id, policy.policy_type, nullif(policy.policy_domain, ''),
                    nullif(policy.sts_mode, ''), policy.policy_string, policy.mx_host,
                    policy_result.successful, policy_result.failed
             FROM policy_result JOIN policy ON policy.id = policy_result.policy
             WHERE policy_result.report = :report ORDER BY policy_result.id",
        )?;
        let mut rows = statement.query(named_params! { ":report": report })?;
        while let Some(row) = rows.next()? {
            policies.push(ShownPolicy {
                policy_type: row.get(1)?,
                policy_domain: row.get(2)?,
                sts_mode: row.get(3)?,
                policy_string: list(row.get_ref(4)?.as_str().unwrap_or_default()),
                mx_host: list(row.get_ref(5)?.as_str().unwrap_or_default()),
                total_successful_session_count: row.get(6)?,
                total_failure_session_count: row.get(7)?,
                failure_details: self.shown_failures(row.get(0)?)?,
            });
        }
        Ok(policies)
    }

    fn shown_failures(&self, policy_result: i64) -> Result<Vec<ShownFailure>, StoreError> {
        let failures = self
            .db
            .prepare_cached(
                "SELECT result_type, receiving_mx_hostname, receiving_mx_helo, receiving_ip, sending_mta_ip,
                        failed_session_count, failure_reason_code, additional_information
                 FROM failure WHERE policy_result = :policy_result AND detail = 1 ORDER BY id",
            )?
            .query_map(named_params! { ":policy_result": policy_result }, |row| {
                Ok(ShownFailure {
                    result_type: row.get(0)?,
                    receiving_mx_hostname: row.get(1)?,
                    receiving_mx_helo: row.get(2)?,
                    receiving_ip: row.get(3)?,
                    sending_mta_ip: row.get(4)?,
                    failed_session_count: row.get(5)?,
                    failure_reason_code: row.get(6)?,
                    additional_information: row.get(7)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(failures)
    }
}

fn list(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
