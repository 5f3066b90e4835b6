//! The rules of docs/digest.md, each by example, over histories built by hand.
#![expect(clippy::arithmetic_side_effects, reason = "test data are small")]

mod joined;
mod life;
mod news;
mod order;
mod patterns;
mod samples;
mod whose;

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::civil::{Date, date};

use super::cause::{Cause, Record, mx_matches, refine, tlsa_usages};
use super::history::{self, DetailOf, Entry, Failure, History, Kind, PolicyText, Remark, Saying, Seen, Sum};
use super::place::{self, Place};
use super::problem::{Problem, State, Witness};
use super::{id, spot};

/// A day of November 2026.
fn nov(day: i8) -> Date {
    date(2026, 11, day)
}

fn sts(mode: &str, mx: &[&str]) -> Rc<PolicyText> {
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
    lines.extend(mx.iter().map(|mx| format!("mx: {mx}")));
    lines.push("max_age: 604800".into());
    Rc::new(PolicyText {
        policy_type: "sts".into(),
        mode: Some(mode.into()),
        lines,
        mx_host: Vec::new(),
    })
}

/// An sts entry that shows no policy.
fn sts_unseen() -> Rc<PolicyText> {
    Rc::new(PolicyText {
        policy_type: "sts".into(),
        ..PolicyText::default()
    })
}

fn tlsa(records: &[&str]) -> Rc<PolicyText> {
    Rc::new(PolicyText {
        policy_type: "tlsa".into(),
        lines: records.iter().map(|&record| record.to_owned()).collect(),
        ..PolicyText::default()
    })
}

fn no_policy() -> Rc<PolicyText> {
    Rc::new(PolicyText {
        policy_type: "no-policy-found".into(),
        ..PolicyText::default()
    })
}

/// Failure details as sent.
#[derive(Debug, Clone, Default)]
struct Detail {
    kind: &'static str,
    mx: &'static str,
    ip: &'static str,
    from: &'static str,
    reason: &'static str,
    count: u64,
}

fn detail(kind: &'static str, mx: &'static str, count: u64) -> Detail {
    Detail {
        kind,
        mx,
        count,
        ..Detail::default()
    }
}

fn expired(count: u64) -> Detail {
    detail("certificate-expired", "mx2.example.com", count)
}

/// Google's and Microsoft's word for a failure of TLS.
fn vague(count: u64) -> Detail {
    detail("validation-failure", "mx2.example.com", count)
}

fn broken(count: u64) -> Detail {
    detail("validation-failure", "mx1.example.com", count).because("tls-handshake-failure")
}

fn fetch_error(count: u64) -> Detail {
    detail("sts-policy-fetch-error", "", count)
}

impl Detail {
    fn because(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    fn at(self, ip: &'static str) -> Self {
        Self { ip, ..self }
    }

    fn from(self, from: &'static str) -> Self {
        Self { from, ..self }
    }
}

/// A history in the making.
#[derive(Debug, Clone)]
struct World {
    history: History,
    n_reports: i64,
    policy: Rc<PolicyText>,
    domain: &'static str,
}

impl World {
    /// Asked on this day; example.com with MTA-STS in enforce and two MX.
    fn on(today: Date) -> Self {
        Self {
            history: History {
                today,
                our_domains: Vec::new(),
                our_mx: Vec::new(),
                learnt_mx: std::collections::BTreeSet::new(),
                entries: Vec::new(),
                failures: Vec::new(),
                older: Vec::new(),
                remarks: Vec::new(),
                unproven: std::collections::BTreeSet::new(),
            },
            n_reports: 0,
            policy: sts("enforce", &["mx1.example.com", "mx2.example.com"]),
            domain: "example.com",
        }
    }

    fn under(mut self, policy: Rc<PolicyText>) -> Self {
        self.policy = policy;
        self
    }

    fn to(mut self, domain: &'static str) -> Self {
        self.domain = domain;
        self
    }

    /// A report with so many good and failed connections.
    fn report(mut self, reporter: &str, day: Date, ok: u64, failed: u64, details: &[Detail]) -> Self {
        self.n_reports += 1;
        self.also(reporter, day, ok, failed, details)
    }

    /// Clean reports for these days.
    fn clean(self, reporter: &str, days: impl IntoIterator<Item = Date>) -> Self {
        days.into_iter()
            .fold(self, |world, day| world.report(reporter, day, 100, 0, &[]))
    }

    /// A further entry of the same report.
    fn also(mut self, reporter: &str, day: Date, ok: u64, failed: u64, details: &[Detail]) -> Self {
        let entry = Entry {
            report: self.n_reports,
            day,
            seen: Rc::new(Seen {
                reporter: reporter.into(),
                domain: self.domain.into(),
                policy: self.policy.clone(),
            }),
            ok: Some(ok),
            failed: Some(failed),
        };
        let at = self.history.entries.len();
        let mut failures: BTreeMap<(Cause, Place), Failure> = BTreeMap::new();
        for detail in details {
            let failure = failure(at, &entry, detail);
            match failures.get_mut(&(failure.cause, failure.place.clone())) {
                Some(known) => add(known, failure),
                None => {
                    failures.insert((failure.cause, failure.place.clone()), failure);
                }
            }
        }
        self.history.failures.extend(failures.into_values());
        self.history.entries.push(entry);
        self
    }

    fn said(mut self, about: &str, day: Date, saying: Saying) -> Self {
        self.history.remarks.push(Remark {
            about: about.into(),
            day,
            by: "admin".into(),
            saying,
        });
        self
    }

    fn ours(mut self, domains: &[&str]) -> Self {
        self.history.our_domains = domains.iter().map(|&domain| domain.to_owned()).collect();
        self
    }

    fn mx(mut self, mx: &[&str]) -> Self {
        self.history.our_mx = mx.iter().map(|&mx| mx.to_owned()).collect();
        self
    }

    fn asked_on(&self, today: Date) -> Self {
        let mut world = self.clone();
        world.history.today = today;
        world
    }

    fn problems(&self) -> Vec<Problem> {
        super::problems(&self.history, &id::hash)
    }

    /// The only problem.
    fn problem(&self) -> Problem {
        let mut problems = self.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems.remove(0)
    }

    /// The problem of this cause and place.
    fn problem_of(&self, cause: Cause, name: &str) -> Problem {
        let problems = self.problems();
        problems
            .iter()
            .find(|problem| problem.cause == cause && problem.place.name() == name)
            .unwrap_or_else(|| panic!("{problems:#?}"))
            .clone()
    }

    fn state(&self) -> State {
        self.problem().state
    }
}

/// As the store reads it.
fn failure(entry_at: usize, entry: &Entry, detail: &Detail) -> Failure {
    let patterns = spot::patterns(&entry.policy);
    let cause = refine(&Record {
        policy_type: &entry.policy.policy_type,
        tlsa_usages: &tlsa_usages(&entry.policy.lines),
        result_type: detail.kind,
        reason: detail.reason,
        mx_in_policy: (!detail.mx.is_empty() && !patterns.is_empty())
            .then(|| patterns.iter().any(|pattern| mx_matches(pattern, detail.mx))),
    });
    let details = [
        (DetailOf::ReceivingIp, detail.ip),
        (DetailOf::SendingIp, detail.from),
        (DetailOf::Reason, detail.reason),
    ];
    let details = details.into_iter().filter(|(_, text)| !text.is_empty());
    Failure {
        entry: entry_at,
        failed: known(detail.count),
        kind: Rc::new(Kind {
            cause,
            place: place::of(
                cause,
                detail.mx,
                &entry.domain,
                &entry.policy.policy_type,
                &entry.policy.mx_host,
            ),
            mx: if detail.mx.is_empty() {
                Vec::new()
            } else {
                vec![detail.mx.to_owned()]
            },
            result_types: vec![detail.kind.to_owned()],
            failure_types: vec![1],
        }),
        details: details
            .map(|(of, text)| history::Detail {
                of,
                text: text.into(),
                n: detail.count,
            })
            .collect(),
    }
}

fn add(known: &mut Failure, more: Failure) {
    known.failed.add(more.failed);
    let details = std::mem::take(&mut known.details).into_vec().into_iter();
    known.details = details.chain(more.details).collect();
}

fn known(count: u64) -> Sum {
    Sum {
        known: count,
        at_least: false,
    }
}

fn witness<'p>(problem: &'p Problem, reporter: &str) -> &'p Witness {
    problem
        .witnesses
        .iter()
        .find(|witness| witness.reporter == reporter)
        .unwrap()
}

/// Failed of all connections.
fn seen(problem: &Problem, reporter: &str) -> (u64, u64) {
    let witness = witness(problem, reporter);
    (witness.failed.known, witness.total.known)
}

fn backup(mx: &'static str) -> Detail {
    detail("validation-failure", mx, 24)
}
