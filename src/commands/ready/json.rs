//! Readiness for machines.

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use crate::assess::domains::DomainState;
use crate::assess::ready::{Condition, MxListed, Unmet, Verdict};
use crate::commands::domains::dated;

/// Readiness for machines; docs/digest.md, "JSON".
pub(in crate::commands) fn json(state: &DomainState) -> Json {
    let readiness = &state.readiness;
    json!({
        "domain": state.domain,
        "verdict": name(&readiness.verdict),
        "since": since(&readiness.verdict),
        "problems": problems(&readiness.verdict),
        "window": dated(readiness.window),
        "conditions": readiness.conditions.iter().map(condition_json).collect::<Vec<_>>(),
        "ledger": readiness.ledger.as_ref().map(|ledger| json!({
            "held_14_days": ledger.recent.known,
            "connections_14_days": ledger.recent_total.known,
            "only_day": ledger.only_day,
            "held": ledger.all.known,
            "connections": ledger.all_total.known,
            "at_least": ledger.all.at_least || ledger.all_total.at_least,
        })),
        "unproven_mx": readiness.unproven_mx,
        "retired_mx": readiness.retired_mx.iter().map(|retired| json!({
            "mx": retired.mx,
            "since": retired.since,
            "failed": retired.failed.known,
            "at_least": retired.failed.at_least,
            "last_day": retired.last_day,
        })).collect::<Vec<_>>(),
    })
}

/// A verdict's name for machines.
pub(in crate::commands) fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Ready { .. } => "ready",
        Verdict::ReadyAsFarAs { .. } => "ready-as-far-as-one-can-tell",
        Verdict::NotYet(Unmet::Tiny { .. }) => "not-yet-tiny",
        Verdict::NotYet(Unmet::Traffic { .. }) => "not-yet-traffic",
        Verdict::NotYet(Unmet::Changed { .. }) => "not-yet-changed",
        Verdict::NotYet(Unmet::MxNotListed { .. }) => "not-yet-mx-not-listed",
        Verdict::NotYet(Unmet::PolicyProblems { .. }) => "not-yet-policy",
        Verdict::NotReady { .. } => "not-ready",
        Verdict::Enforces { .. } => "enforces",
        Verdict::ModeNone { .. } => "mode-none",
        Verdict::NoPolicy => "no-policy",
        Verdict::DaneOnly => "dane-only",
    }
}

fn since(verdict: &Verdict) -> Option<Date> {
    match verdict {
        Verdict::Ready { since }
        | Verdict::ReadyAsFarAs { since, .. }
        | Verdict::Enforces { since }
        | Verdict::ModeNone { since } => Some(*since),
        Verdict::NotYet(_) | Verdict::NotReady { .. } | Verdict::NoPolicy | Verdict::DaneOnly => None,
    }
}

fn problems(verdict: &Verdict) -> &[String] {
    match verdict {
        Verdict::NotReady { problems } | Verdict::NotYet(Unmet::PolicyProblems { problems }) => problems,
        _ => &[],
    }
}

fn condition_json(condition: &Condition) -> Json {
    let mut json = match condition {
        Condition::Traffic { days, sessions, .. } => {
            json!({"condition": "traffic", "days": days, "connections": sessions})
        }
        Condition::NoFailures { problems } => json!({"condition": "no-failures", "problems": problems}),
        Condition::SameText { since, until, .. } => {
            json!({"condition": "same-text", "since": since, "until": until})
        }
        Condition::MxListed(listed) => {
            let mx: &[String] = match listed {
                MxListed::All(mx) | MxListed::Missing(mx) => mx,
                MxListed::NotChecked => &[],
            };
            json!({"condition": "mx-listed", "mx": mx})
        }
        Condition::PolicyUsable { problems } => json!({"condition": "policy-usable", "problems": problems}),
        Condition::Reporters { reporters } => json!({"condition": "reporters", "reporters": reporters}),
    };
    if let Some(object) = json.as_object_mut() {
        object.insert("met".to_owned(), json!(condition.is_met()));
    }
    json
}
