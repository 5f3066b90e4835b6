//! Patterns worth a name: a few findings that together tell what happened. Those that reports alone can show.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::build::Draft;
use super::cause::{Cause, mx_matches};
use super::count::Index;
use super::days::between;
use super::impact::Basis;
use super::join::Key;
use super::place::Place;
use super::problem::{Episode, Named, Problem, Whose};
use super::spot::{Names, is_about_certificates, is_wildcard_too_short, patterns};

mod tlsa;

/// So many domains and zones, and trouble is at the one reporter that sees it.
const UNRELATED: usize = 3;

/// C20: one reporter, three or more domains on unrelated places, at most two days, while others see nothing.
pub(super) fn mark_reporter_trouble(drafts: &mut [Draft<'_>]) {
    let mut by_reporter: BTreeMap<(String, Date), Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        let problem = &draft.problem;
        let (Some(episode), [witness]) = (problem.episode(), &problem.witnesses[..]) else {
            continue;
        };
        let is_beyond_doubt = problem.whose == Whose::OnlyOne && !witness.is_unproven;
        if !is_beyond_doubt || between(episode.first_day, episode.last_day) > 1 {
            continue;
        }
        // Both windows of two days that it may be part of.
        let begins = [Some(episode.first_day), episode.first_day.yesterday().ok()];
        for begin in begins.into_iter().flatten() {
            if between(begin, episode.last_day) <= 1 {
                let key = (witness.reporter.clone(), begin);
                by_reporter.entry(key).or_default().push(at);
            }
        }
    }
    for members in by_reporter.into_values() {
        let problems = || {
            members
                .iter()
                .filter_map(|at| drafts.get(*at))
                .map(|draft| &draft.problem)
        };
        let domains: BTreeSet<&String> = problems().flat_map(|problem| &problem.domains).collect();
        let zones: BTreeSet<&str> = problems().map(zone).collect();
        if domains.len() >= UNRELATED && zones.len() >= UNRELATED {
            for at in &members {
                if let Some(draft) = drafts.get_mut(*at) {
                    draft.problem.named = Some(Named::C20ReporterTrouble);
                }
            }
        }
    }
    for draft in drafts {
        if draft.problem.named == Some(Named::C20ReporterTrouble) {
            draft.problem.whose = Whose::Theirs;
        }
    }
}

/// What places must not share to be unrelated: the domain above an MX host, the domain of a policy.
fn zone(problem: &Problem) -> &str {
    match &problem.place {
        Place::Mx(name) => name.split_once('.').map_or(name.as_str(), |(_, zone)| zone),
        Place::Policy(name) | Place::Unnamed(name) => name,
    }
}

/// Gives each problem that has none its name.
pub(super) fn name_all<'h>(index: &Index<'h>, names: &Names<'h>, drafts: &mut [Draft<'h>]) {
    let episodes: BTreeMap<Key, Episode> = drafts
        .iter()
        .filter_map(|draft| {
            let problem = &draft.problem;
            Some(((problem.cause, problem.place.clone()), problem.episode()?.clone()))
        })
        .collect();
    for draft in drafts {
        let Some(episode) = draft.problem.episode().cloned() else {
            continue;
        };
        if draft.problem.named.is_none() {
            let look = Look {
                index,
                names,
                episodes: &episodes,
                draft,
                problem: &draft.problem,
                episode,
            };
            draft.problem.named = look.name();
        }
    }
}

/// A look at one problem among all.
struct Look<'d, 'h> {
    index: &'d Index<'h>,
    names: &'d Names<'h>,
    episodes: &'d BTreeMap<Key, Episode>,
    draft: &'d Draft<'h>,
    problem: &'d Problem,
    episode: Episode,
}

impl<'h> Look<'_, 'h> {
    fn name(&self) -> Option<Named> {
        let found = |is_so: bool, name| is_so.then_some(name);
        match self.problem.cause {
            Cause::Expired | Cause::WrongName | Cause::NotTrusted => found(
                self.problem.cause == Cause::WrongName && self.is_for_the_domain(),
                Named::C18CertificateForDomain,
            )
            .or(found(self.is_node_left_behind(), Named::C1NodeLeftBehind)),
            Cause::MxNotInPolicy => self.mx_not_in_policy(),
            Cause::PolicyFetch => found(self.is_policy_removed(), Named::C6PolicyRemoved)
                .or(found(self.is_policy_host_expired(), Named::C8PolicyHostExpired))
                .or(found(self.is_policy_blocked(), Named::C10PolicyBlocked)),
            Cause::PolicyHostCertificate => found(self.is_policy_host_expired(), Named::C8PolicyHostExpired),
            Cause::TlsaMismatch => self.tlsa(),
            Cause::Dnssec => Some(Named::C14DnssecExpired),
            Cause::NoStarttls => found(self.is_stripped(), Named::C15StarttlsStripped)
                .or(found(self.is_rate_limit(), Named::C17RateLimit)),
            Cause::Handshake | Cause::NotSpecified => found(self.is_old_tls(), Named::C16OldTls)
                .or(found(self.is_rate_limit(), Named::C17RateLimit))
                .or(found(self.is_one_sender(), Named::C21OneSender)),
            _ => None,
        }
    }

    /// C1.
    fn is_node_left_behind(&self) -> bool {
        is_about_certificates(self.problem.cause)
            && !self.problem.spot.unnamed_mx.is_empty()
            && self.problem.failed.known >= 5
    }

    /// Whether every known MX of the domains has the same trouble, begun within two days of this.
    fn is_on_all_mx(&self) -> bool {
        let place = self.problem.place.name();
        self.draft.hosts.iter().filter(|mx| *mx != place).all(|mx| {
            let key = (self.problem.cause, Place::Mx(mx.clone()));
            self.episodes
                .get(&key)
                .is_some_and(|other| between(other.first_day, self.episode.first_day).abs() <= 2)
        })
    }

    /// C18: since the first day on which anybody saw a policy.
    fn is_for_the_domain(&self) -> bool {
        let domains: BTreeSet<&'h str> = self.draft.rows.iter().map(|row| &*row.entry.domain).collect();
        let had_policy_before = domains.iter().any(|domain| {
            self.index.reporters(domain).any(|reporter| {
                let entries = self.index.entries(reporter, domain).iter();
                entries
                    .take_while(|(day, _)| *day < self.episode.first_day)
                    .filter_map(|(_, at)| self.index.history.entries.get(*at))
                    .any(|entry| entry.policy.policy_type == "sts")
            })
        });
        let has_policy = self
            .draft
            .rows
            .iter()
            .any(|row| row.entry.policy.policy_type == "sts");
        has_policy && !had_policy_before && self.is_on_all_mx()
    }

    /// C7, C3 and C2.
    fn mx_not_in_policy(&self) -> Option<Named> {
        let Place::Mx(mx) = &self.problem.place else {
            return None;
        };
        let policy = self.problem.policy.as_ref()?;
        let listed = patterns(policy);
        if listed.iter().any(|pattern| mx_matches(pattern, mx)) {
            return None;
        }
        if self.problem.basis == Basis::Enforce && self.is_moved(mx) {
            return Some(Named::C7MxMove);
        }
        if is_wildcard_too_short(policy, mx) {
            return Some(Named::C3WildcardTooShort);
        }
        let others = self.draft.hosts.iter().filter(|host| *host != mx);
        let has_other = others
            .into_iter()
            .any(|host| listed.iter().any(|pattern| mx_matches(pattern, host)));
        has_other.then_some(Named::C2BackupMxForgotten)
    }

    /// Whether mail goes to a new MX, but by an old policy: a newer text lists it, or no connection was good since its
    /// name first appeared.
    fn is_moved(&self, mx: &str) -> bool {
        let is_new = self.names.first_named(mx) == Some(self.episode.first_day);
        let is_all = self.problem.failed.known >= 5 && self.problem.failed.known >= self.problem.total.known;
        let domains: BTreeSet<&'h str> = self.draft.rows.iter().map(|row| &*row.entry.domain).collect();
        let is_listed = || {
            domains.iter().any(|domain| {
                self.index.reporters(domain).any(|reporter| {
                    let entries = self.index.entries(reporter, domain).iter();
                    entries
                        .filter_map(|(_, at)| self.index.history.entries.get(*at))
                        .filter(|entry| entry.policy.policy_type == "sts")
                        .any(|entry| {
                            patterns(&entry.policy)
                                .iter()
                                .any(|pattern| mx_matches(pattern, mx))
                        })
                })
            })
        };
        is_new && (is_all || is_listed())
    }

    /// C6: the sender says so, or goes by a copy where another finds no policy any more.
    fn is_policy_removed(&self) -> bool {
        let says_so = self
            .problem
            .reasons
            .iter()
            .any(|reason| reason.contains("no-mta-sts-dns-txt-record"));
        let copies = self
            .draft
            .rows
            .iter()
            .filter(|row| !row.entry.policy.lines.is_empty());
        let domains: BTreeSet<&'h str> = copies.map(|row| &*row.entry.domain).collect();
        says_so
            || domains.iter().any(|domain| {
                self.index.reporters(domain).any(|reporter| {
                    let entries = self.index.entries(reporter, domain);
                    entries
                        .iter()
                        .rev()
                        .take_while(|(day, _)| *day >= self.episode.first_day)
                        .filter_map(|(_, at)| self.index.history.entries.get(*at))
                        .any(|entry| entry.policy.policy_type == "no-policy-found")
                })
            })
    }

    /// C8: expired, and nobody could use the policy.
    fn is_policy_host_expired(&self) -> bool {
        let is_expired = self
            .problem
            .reasons
            .iter()
            .any(|reason| reason.to_ascii_lowercase().contains("expired"));
        is_expired && self.problem.unaffected.is_empty()
    }

    /// C10.
    fn is_policy_blocked(&self) -> bool {
        self.problem.witnesses.len() == 1 && !self.problem.unaffected.is_empty() && self.failing_days() >= 3
    }

    fn failing_days(&self) -> usize {
        let range = self.episode.first_day..=self.episode.last_day;
        self.draft.life.days.range(range).count()
    }

    /// C15: several reporters, every MX.
    fn is_stripped(&self) -> bool {
        matches!(self.problem.place, Place::Mx(_))
            && self.problem.witnesses.len() >= 2
            && self.draft.hosts.len() >= 2
            && self.is_on_all_mx()
    }

    /// C16: one MX, each reporter always since a day of its own.
    fn is_old_tls(&self) -> bool {
        let firsts: BTreeSet<Date> = self
            .problem
            .witnesses
            .iter()
            .map(|witness| witness.first_day)
            .collect();
        let always = || {
            self.problem.witnesses.iter().all(|witness| {
                let known = self.draft.life.known.get(witness.reporter.as_str());
                known.is_some_and(|known| {
                    known.since(witness.first_day).all(|day| {
                        let by = self.draft.life.days.get(&day);
                        by.is_some_and(|by| by.contains_key(witness.reporter.as_str()))
                    })
                })
            })
        };
        self.problem.cause == Cause::Handshake
            && firsts.len() >= 2
            && !self.problem.spot.unnamed_mx.is_empty()
            && always()
    }

    /// C17: few of many, here and there, for a week or longer.
    fn is_rate_limit(&self) -> bool {
        let (failed, total) = (self.problem.failed.known, self.problem.total.known);
        let other_mx = self.draft.hosts.iter().any(|mx| {
            let key = (self.problem.cause, Place::Mx(mx.clone()));
            *mx != self.problem.place.name()
                && self.episodes.get(&key).is_some_and(|other| {
                    other.first_day <= self.episode.last_day && self.episode.first_day <= other.last_day
                })
        });
        let senders: BTreeSet<&str> = self
            .draft
            .rows
            .iter()
            .flat_map(|row| row.failure.sending_ips())
            .map(|(ip, _)| ip)
            .collect();
        let range = self.episode.first_day..=self.episode.last_day;
        let n_known = self
            .problem
            .known_days
            .iter()
            .filter(|day| range.contains(day))
            .count();
        total >= 20
            && failed.saturating_mul(20) < total
            && between(self.episode.first_day, self.episode.last_day) >= 6
            && self.failing_days() < n_known
            && (other_mx || senders.len() >= 3)
    }

    /// C21: most connections of one, none of others.
    fn is_one_sender(&self) -> bool {
        self.problem.whose == Whose::OnlyOne
            && self.problem.failed.known.saturating_mul(2) >= self.problem.total.known
            && self.failing_days() >= 2
    }
}
