//! Erases a domain.

use rusqlite::{Connection, named_params};
use serde::Serialize;

use super::{Store, StoreError, texts};

/// What was erased; `forget --format json` has these fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Reports that were about the domain alone: erased as a whole.
    pub reports: usize,
    /// Reports about other domains too: the entries about this one and the text as sent are erased.
    pub shortened_reports: usize,
    /// Entries of reports about the domain.
    pub policy_results: usize,
    /// Distinct failures of the domain.
    pub failure_types: usize,
    /// Problems of the domain alone.
    pub problems: usize,
    /// What people said of the domain or its hosts.
    pub remarks: usize,
    /// Bytes of rejected mails. All of them: what is in them can't be told.
    pub raw_mails: usize,
    /// Reasons that name the domain, as in the name of an attachment.
    pub reasons: usize,
    /// Texts of sent digests that name the domain.
    pub digests: usize,
    /// Digests that name the domain and are still to be sent: these stay.
    pub waiting_digests: usize,
}

impl Forgotten {
    /// Whether there was nothing about the domain.
    pub fn is_nothing(&self) -> bool {
        let about = Self {
            raw_mails: 0,
            ..*self
        };
        about == Self::default()
    }
}

impl Store {
    /// Erases everything about a domain (lower case, A-labels), and what might be about it. Overwrites the places in
    /// the file, and the file of recent changes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then nothing was erased, or only the overwriting failed.
    pub fn forget(&mut self, domain: &str) -> Result<Forgotten, StoreError> {
        self.db.pragma_update(None, "secure_delete", true)?;
        let tx = self.begin()?;
        let mut forgotten = Forgotten::default();
        forget_reports(&tx, domain, &mut forgotten)?;
        if forgotten.policy_results > 0 || names_domain(&tx, domain)? {
            forgotten.raw_mails = tx.execute("DELETE FROM raw_mail", ())?;
            tx.execute("DELETE FROM waiting", ())?;
        }
        forget_reasons(&tx, domain, &mut forgotten)?;
        forget_digests(&tx, domain, &mut forgotten)?;
        tx.commit()?;
        if !forgotten.is_nothing() {
            // What retention removed earlier may still stand in free pages, and all of it in the write-ahead log.
            self.db.execute_batch("VACUUM")?;
            self.db
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        }
        Ok(forgotten)
    }
}

fn forget_reports(db: &Connection, domain: &str, forgotten: &mut Forgotten) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS about (id INTEGER PRIMARY KEY, alone INTEGER NOT NULL) STRICT",
    )?;
    db.execute("DELETE FROM about", ())?;
    let n_about = db.execute(
        "INSERT INTO about
         SELECT policy_result.report, min(policy.policy_domain = :domain)
         FROM policy_result JOIN policy ON policy.id = policy_result.policy
         GROUP BY policy_result.report HAVING max(policy.policy_domain = :domain) = 1",
        named_params! { ":domain": domain },
    )?;
    forgotten.policy_results = db.execute(
        "DELETE FROM policy_result WHERE policy IN (SELECT id FROM policy WHERE policy_domain = :domain)",
        named_params! { ":domain": domain },
    )?;
    // The Message-ID may hold the domain; the rows of mails stay, so that they aren't read again.
    db.execute(
        "UPDATE mail SET message_id = NULL
         WHERE id IN (SELECT mail_report.mail FROM mail_report JOIN about ON about.id = mail_report.report)",
        (),
    )?;
    texts::part_from_forgotten(db)?;
    db.execute(
        "DELETE FROM report_json WHERE report IN (SELECT id FROM about)",
        (),
    )?;
    forgotten.reports = db.execute(
        "DELETE FROM report WHERE id IN (SELECT id FROM about WHERE alone)",
        (),
    )?;
    forget_problems(db, domain, forgotten)?;
    forgotten.shortened_reports = n_about.saturating_sub(forgotten.reports);
    forgotten.failure_types = db.execute(
        "DELETE FROM failure_type WHERE policy_domain = :domain",
        named_params! { ":domain": domain },
    )?;
    db.execute(
        "DELETE FROM domain_day_sum WHERE policy_domain = :domain",
        named_params! { ":domain": domain },
    )?;
    db.execute(
        "DELETE FROM policy WHERE policy_domain = :domain",
        named_params! { ":domain": domain },
    )?;
    db.execute_batch(
        "DELETE FROM sender WHERE id NOT IN (SELECT sender FROM report);
         DELETE FROM json_template
         WHERE NOT EXISTS (SELECT 1 FROM report_json WHERE report_json.template = json_template.id);
         DROP TABLE about;",
    )
}

/// Problems of the domain alone, and what people said of it. A problem of an MX that other domains share stays.
fn forget_problems(db: &Connection, domain: &str, forgotten: &mut Forgotten) -> rusqlite::Result<()> {
    let below = format!(".{domain}");
    forgotten.problems = db.execute(
        "DELETE FROM problem
         WHERE NOT EXISTS (SELECT 1 FROM failure WHERE failure.problem = problem.number)
           AND NOT EXISTS (SELECT 1 FROM problem_domain
                           WHERE problem_domain.problem = problem.number AND domain <> :domain)
           AND (place = :domain OR substr(place, -length(:below)) = :below
                OR EXISTS (SELECT 1 FROM problem_domain WHERE problem_domain.problem = problem.number)
                OR (first_day = '' AND NOT EXISTS (SELECT 1 FROM telling WHERE telling.problem = problem.number)
                    AND NOT EXISTS (SELECT 1 FROM remark WHERE remark.problem = problem.number)))",
        named_params! { ":domain": domain, ":below": below },
    )?;
    db.execute(
        "DELETE FROM problem_domain WHERE domain = :domain",
        named_params! { ":domain": domain },
    )?;
    forgotten.remarks = db.execute(
        "DELETE FROM remark
         WHERE about = :domain OR instr(lower(text), :domain) > 0
            OR (substr(about, -length(:below)) = :below
                AND about NOT IN (SELECT policy_domain FROM policy))",
        named_params! { ":domain": domain, ":below": below },
    )?;
    // All of it is derived anew from what is left.
    db.execute_batch(
        "DELETE FROM outcome; DELETE FROM outcome_problem; DELETE FROM learnt_mx; DELETE FROM state WHERE key = 'learnt'",
    )?;
    db.execute(
        "DELETE FROM told_event WHERE instr(key, :domain) > 0",
        named_params! { ":domain": domain },
    )?;
    Ok(())
}

/// Whether a rejected mail's reason names the domain.
fn names_domain(db: &Connection, domain: &str) -> rusqlite::Result<bool> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM mail WHERE instr(lower(reason), :domain) > 0)",
        named_params! { ":domain": domain },
        |row| row.get(0),
    )
}

/// Reasons quote what a mail said, such as the names of attachments.
fn forget_reasons(db: &Connection, domain: &str, forgotten: &mut Forgotten) -> rusqlite::Result<()> {
    const ERASED: &str = "the reason was erased with the domain that it named";
    forgotten.reasons = db.execute(
        "UPDATE mail SET reason = :erased, message_id = NULL WHERE instr(lower(reason), :domain) > 0",
        named_params! { ":erased": ERASED, ":domain": domain },
    )?;
    db.execute(
        "UPDATE mail_report SET reason = :erased WHERE instr(lower(reason), :domain) > 0",
        named_params! { ":erased": ERASED, ":domain": domain },
    )?;
    Ok(())
}

/// A digest's text is needed only until it is sent.
fn forget_digests(db: &Connection, domain: &str, forgotten: &mut Forgotten) -> rusqlite::Result<()> {
    let digests: Vec<(i64, String, Vec<u8>, bool)> = db
        .prepare("SELECT id, subject, mail, sent_at IS NOT NULL FROM digest WHERE length(mail) > 0")?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, subject, mail, is_sent) in digests {
        if !names(&mail, domain) && !subject.to_lowercase().contains(domain) {
            continue;
        }
        if !is_sent {
            forgotten.waiting_digests = forgotten.waiting_digests.saturating_add(1);
            continue;
        }
        db.execute(
            "UPDATE digest SET mail = x'', subject = '(erased)' WHERE id = :id",
            named_params! { ":id": id },
        )?;
        forgotten.digests = forgotten.digests.saturating_add(1);
    }
    Ok(())
}

/// Whether a mail of ours may name the domain: soft line breaks may part the name, and base64 hides it.
fn names(mail: &[u8], domain: &str) -> bool {
    let text = String::from_utf8_lossy(mail).replace("=\r\n", "").to_lowercase();
    text.contains(domain) || text.contains("content-transfer-encoding: base64")
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn name_is_found_behind_a_soft_line_break_and_suspected_in_base64() {
        assert!(names(b"at exam=\r\nple.org: 2", "example.org"));
        assert!(names(
            b"Content-Transfer-Encoding: base64\r\n\r\nAAAA",
            "example.org"
        ));
        assert!(!names(b"at example.net: 2", "example.org"));
    }
}
