//! What a report is recognised by. Both hashes cover the JSON alone, so that copies in other mails are recognised.

use ring::digest::{Context, SHA256};

use super::parse::Draft;
use super::{FailureDetails, PolicyResult};

/// Over what tells one report from another: RFC 8460 gives no key, and senders reuse report-ids.
pub(super) fn identity(draft: &Draft) -> [u8; 32] {
    let mut hash = Hash::new();
    head(&mut hash, draft);
    let mut domains: Vec<_> = draft
        .policies
        .iter()
        .map(|result| result.policy.policy_domain.as_deref())
        .collect();
    domains.sort_unstable();
    domains.dedup();
    hash.length(domains.len());
    for domain in domains {
        hash.text(domain);
    }
    hash.finish()
}

/// Over everything in it.
pub(super) fn content(draft: &Draft) -> [u8; 32] {
    let mut hash = Hash::new();
    head(&mut hash, draft);
    hash.text(draft.contact_info.as_deref());
    hash.length(draft.policies.len());
    for result in &draft.policies {
        policy_result(&mut hash, result);
    }
    hash.finish()
}

fn head(hash: &mut Hash, draft: &Draft) {
    hash.text(draft.organization_name.as_deref());
    hash.text(draft.report_id.as_deref());
    for time in [draft.start, draft.end] {
        hash.bytes(
            time.map(|time| time.as_second().to_be_bytes())
                .as_ref()
                .map(<[u8; 8]>::as_slice),
        );
    }
}

fn policy_result(hash: &mut Hash, result: &PolicyResult) {
    hash.text(Some(result.policy.policy_type.as_str()));
    hash.text(result.policy.policy_domain.as_deref());
    for texts in [&result.policy.policy_string, &result.policy.mx_host] {
        hash.length(texts.len());
        for text in texts {
            hash.text(Some(text));
        }
    }
    hash.number(result.successful);
    hash.number(result.failed);
    hash.length(result.failure_details.len());
    for detail in &result.failure_details {
        failure_details(hash, detail);
    }
}

fn failure_details(hash: &mut Hash, detail: &FailureDetails) {
    hash.text(detail.result_type.as_ref().map(super::ResultType::as_str));
    hash.number(detail.failed_session_count);
    for text in [
        &detail.sending_mta_ip,
        &detail.receiving_mx_hostname,
        &detail.receiving_mx_helo,
        &detail.receiving_ip,
        &detail.failure_reason_code,
        &detail.additional_information,
    ] {
        hash.text(text.as_deref());
    }
}

/// SHA-256 over values that can't run into each other: each has a mark for absent or its length before it.
struct Hash(Context);

impl Hash {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.0.update(&[0]),
            Some(bytes) => {
                self.0.update(&[1]);
                self.length(bytes.len());
                self.0.update(bytes);
            }
        }
    }

    fn text(&mut self, text: Option<&str>) {
        self.bytes(text.map(str::as_bytes));
    }

    fn number(&mut self, number: Option<u64>) {
        self.bytes(number.map(u64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    fn length(&mut self, length: usize) {
        self.0
            .update(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
    }

    fn finish(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        bytes
    }
}
