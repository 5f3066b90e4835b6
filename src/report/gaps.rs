//! What a report leaves out, taken from the mail around it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::parse::Draft;
use super::value::{Reader, domain};
use super::{Context, Report, deviation};

/// From 00:00:00 to 23:59:59.
const A_DAY: SignedDuration = SignedDuration::from_secs(24 * 60 * 60 - 1);

pub(super) fn fill(draft: Draft, content: &[u8; 32], context: &Context<'_>, reader: &mut Reader) -> Report {
    let file_name = context.file_name.and_then(FileName::parse);
    let (start, end) = date_range(&draft, file_name.as_ref(), context, reader);
    if end < start {
        reader.note(deviation::END_BEFORE_START);
    }
    let mut policies = draft.policies;
    if policies
        .iter()
        .any(|result| result.policy.policy_domain.is_none())
    {
        let inferred = context
            .tls_report_domain
            .and_then(domain)
            .or_else(|| file_name.as_ref().and_then(|name| domain(name.policy_domain)))
            .or_else(|| draft.report_id.as_deref().and_then(report_id_tail));
        reader.note(match inferred {
            Some(_) => deviation::POLICY_DOMAIN_INFERRED,
            None => deviation::POLICY_DOMAIN_MISSING,
        });
        for result in policies
            .iter_mut()
            .filter(|result| result.policy.policy_domain.is_none())
        {
            result.policy.policy_domain.clone_from(&inferred);
        }
    }
    let report_id = draft.report_id.unwrap_or_else(|| {
        reader.note(deviation::REPORT_ID_DERIVED);
        derived_id(content)
    });
    Report {
        organization_name: draft.organization_name,
        report_id,
        contact_info: draft.contact_info,
        start,
        end,
        policies,
    }
}

fn date_range(
    draft: &Draft,
    file_name: Option<&FileName<'_>>,
    context: &Context<'_>,
    reader: &mut Reader,
) -> (Timestamp, Timestamp) {
    if let (Some(start), Some(end)) = (draft.start, draft.end) {
        return (start, end);
    }
    reader.note(deviation::DATE_RANGE_INFERRED);
    if let Some((begin, end)) = file_name.and_then(|name| name.range) {
        return (draft.start.unwrap_or(begin), draft.end.unwrap_or(end));
    }
    let day_from = |start: Timestamp| (start, start.checked_add(A_DAY).unwrap_or(start));
    match (draft.start, draft.end) {
        (Some(start), _) => day_from(start),
        (None, Some(end)) => {
            // One second earlier, so that an end at 00:00:00 belongs to the day that it ends.
            let last = end.checked_sub(SignedDuration::from_secs(1)).unwrap_or(end);
            (midnight(last), end)
        }
        (None, None) => {
            let date = context.date.unwrap_or(Timestamp::UNIX_EPOCH);
            let day_before = date.checked_sub(SignedDuration::from_hours(24)).unwrap_or(date);
            day_from(midnight(day_before))
        }
    }
}

/// The start of the UTC day.
fn midnight(time: Timestamp) -> Timestamp {
    time.to_zoned(TimeZone::UTC)
        .start_of_day()
        .map_or(time, |day| day.timestamp())
}

/// The domain at the end of a report-id such as `2026-11-21T00:00:00Z_example.com`.
fn report_id_tail(report_id: &str) -> Option<String> {
    let (_, tail) = report_id.rsplit_once(['_', '+'])?;
    let domain = domain(tail)?;
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let (_, top) = domain.rsplit_once('.')?;
    let is_host =
        domain.len() <= 253 && domain.split('.').all(label) && !top.bytes().all(|b| b.is_ascii_digit());
    is_host.then_some(domain)
}

fn derived_id(content: &[u8; 32]) -> String {
    let head = content.first_chunk().copied().map_or(0, u64::from_be_bytes);
    format!("derived-{head:016x}")
}

/// `sender!policy-domain!begin!end[!unique-id].json[.gz]` (RFC 8460, Section 5.1).
struct FileName<'a> {
    policy_domain: &'a str,
    range: Option<(Timestamp, Timestamp)>,
}

impl<'a> FileName<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let mut fields = name.split('!');
        let (_sender, policy_domain, begin, end) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let epoch = |text: &str| -> Option<Timestamp> {
            let digits = text.split('.').next()?;
            digits
                .parse()
                .ok()
                .and_then(|second| Timestamp::from_second(second).ok())
        };
        Some(Self {
            policy_domain,
            range: epoch(begin).zip(epoch(end)),
        })
    }
}
