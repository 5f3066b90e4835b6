//! Where exactly: the odd node out, if there is one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};

use super::cause::{Cause, host_form, mx_matches};
use super::count::{Index, Row};
use super::days::{Numbers, date, number};
use super::dayset::DaySet;
use super::history::{Kind, PolicyText, Seen};
use super::place::{Place, is_host};
use super::problem::Spot;

/// So many failed connections with an address, and "only over IPv6" can be said.
const LEAST_IPV6: u64 = 5;

/// Of a policy so many lines are read, and of a domain so many MX hosts are known: more has only who means harm.
const MAX_LINES: usize = 200;
const MAX_MX: usize = 50;

/// The MX names and patterns that a policy lists, lower case.
pub(super) fn patterns(policy: &PolicyText) -> BTreeSet<String> {
    if policy.policy_type == "tlsa" {
        return policy.mx_host.iter().map(|name| host_form(name)).collect();
    }
    let lines = policy.lines.iter().flat_map(|line| line.lines()).take(MAX_LINES);
    let listed: BTreeSet<String> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("mx"))
        .map(|(_, name)| host_form(name))
        .collect();
    if listed.is_empty() {
        return policy.mx_host.iter().map(|name| host_form(name)).collect();
    }
    listed
}

/// On which days failures of any cause named an MX; and the networks that reporters sent from.
#[derive(Debug, Default)]
pub(super) struct Names<'h> {
    failing: HashMap<&'h str, DaySet>,
    by_domain: HashMap<&'h str, BTreeSet<&'h str>>,
    networks: HashMap<&'h str, BTreeSet<Network>>,
}

impl<'h> Names<'h> {
    pub(super) fn new(index: &Index<'h>) -> Self {
        let mut names = Self::default();
        // Failures share their kind, and entries what is seen: of each pair there are few.
        let mut shared: FxHashMap<(*const Kind, *const Seen), (&Kind, &Seen, DaySet)> = FxHashMap::default();
        // Texts are shared too.
        let mut known: FxHashMap<*const u8, Option<Network>> = FxHashMap::default();
        let mut of_seen: FxHashMap<*const Seen, (&str, BTreeSet<Network>)> = FxHashMap::default();
        let mut numbers = Numbers::default();
        for failure in &index.history.failures {
            let Some(entry) = index.history.entries.get(failure.entry) else {
                continue;
            };
            let (kind, seen) = (&failure.kind, &entry.seen);
            let (.., days) = shared
                .entry((Rc::as_ptr(kind), Rc::as_ptr(seen)))
                .or_insert_with(|| (kind, seen, DaySet::default()));
            days.insert(numbers.of(entry.day));
            let (_, networks) = of_seen
                .entry(Rc::as_ptr(seen))
                .or_insert_with(|| (&seen.reporter, BTreeSet::new()));
            networks.extend(failure.sending_ips().filter_map(|(ip, _)| {
                let network = known.entry(ip.as_ptr()).or_insert_with(|| Network::of(ip));
                *network
            }));
        }
        for (kind, seen, days) in shared.values() {
            let of_domain = names.by_domain.entry(&seen.domain).or_default();
            for mx in &kind.mx {
                of_domain.insert(mx);
                names.failing.entry(mx).or_default().add(days);
            }
        }
        for (reporter, networks) in of_seen.into_values() {
            names.networks.entry(reporter).or_default().extend(networks);
        }
        names
    }

    /// Whether a failure named this MX in these days.
    pub(super) fn is_named(&self, mx: &str, first: Date, last: Date) -> bool {
        let (before, after) = (number(first).saturating_sub(1), number(last).saturating_add(1));
        self.failing
            .get(mx)
            .is_some_and(|days| days.nth(before, after, 0).is_some())
    }

    /// The first day on which a failure named this MX.
    pub(super) fn first_named(&self, mx: &str) -> Option<Date> {
        let first = self.failing.get(mx)?.nth(i32::MIN, i32::MAX, 0);
        first.map(date)
    }

    /// MX hosts that the failures of a domain name.
    pub(super) fn of_domain(&self, domain: &str) -> impl Iterator<Item = &'h str> + use<'_, 'h> {
        self.by_domain.get(domain).into_iter().flatten().copied()
    }
}

/// The MX hosts that these domains are known to have: by the policies of the failing entries, by other failures, and
/// those configured that fit.
pub(super) fn known_mx(index: &Index<'_>, names: &Names<'_>, rows: &[Row<'_>]) -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    let mut seen: FxHashSet<*const Seen> = FxHashSet::default();
    let mut read: FxHashSet<*const PolicyText> = FxHashSet::default();
    let mut domains: BTreeSet<&str> = BTreeSet::new();
    for row in rows.iter().filter(|row| seen.insert(Rc::as_ptr(&row.entry.seen))) {
        if read.insert(Rc::as_ptr(&row.entry.policy)) {
            listed.extend(patterns(&row.entry.policy));
        }
        domains.insert(&row.entry.domain);
    }
    let mut hosts: BTreeSet<String> = listed.iter().filter(|name| is_host(name)).cloned().collect();
    for domain in &domains {
        hosts.extend(names.of_domain(domain).take(MAX_MX).map(str::to_owned));
    }
    let ours = index.history.our_mx.iter().map(|name| host_form(name));
    hosts.extend(ours.filter(|mx| listed.is_empty() || listed.iter().any(|pattern| mx_matches(pattern, mx))));
    hosts
}

/// Where exactly these failures happened.
pub(super) fn spot(
    index: &Index<'_>,
    names: &Names<'_>,
    place: &Place,
    rows: &[Row<'_>],
    others: &BTreeSet<String>,
) -> Spot {
    let (first, last) = (rows.iter().map(Row::day).min(), rows.iter().map(Row::day).max());
    let Some((first, last)) = first.zip(last) else {
        return Spot::default();
    };
    let receiving_ips = addresses(rows);
    let n_ipv6 = n_with_ipv6(&receiving_ips);
    let is_mx = matches!(place, Place::Mx(_));
    let unnamed_mx = others
        .iter()
        .filter(|mx| is_mx && *mx != place.name() && !names.is_named(mx, first, last))
        .cloned()
        .collect();
    Spot {
        unnamed_mx,
        only_ipv6: n_ipv6.is_some_and(|n_ipv6| n_ipv6 >= LEAST_IPV6),
        receiving_ips,
        sending_network: sending_network(names, rows),
        proven_good: if is_mx {
            proven_good(index, place, rows, others)
        } else {
            Vec::new()
        },
    }
}

fn addresses(rows: &[Row<'_>]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (ip, count) in rows.iter().flat_map(|row| row.failure.receiving_ips()) {
        let sum = counts.entry(ip).or_default();
        *sum = sum.saturating_add(count);
    }
    most_first(counts)
}

/// Largest count first, then by name.
pub(super) fn most_first(counts: BTreeMap<&str, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

/// Connections over IPv6 if all were; `None` if one wasn't, or was over something unreadable.
fn n_with_ipv6(addresses: &[(String, u64)]) -> Option<u64> {
    addresses.iter().try_fold(0_u64, |sum, (ip, count)| {
        let ip: IpAddr = ip.parse().ok()?;
        ip.is_ipv6().then(|| sum.saturating_add(*count))
    })
}

/// The /24 or /48 of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    V4([u8; 3]),
    V6([u16; 3]),
}

impl Network {
    fn of(ip: &str) -> Option<Self> {
        match ip.parse().ok()? {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Some(Self::V4([a, b, c]))
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                Some(Self::V6([a, b, c]))
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b, c]) => write!(f, "{a}.{b}.{c}.0/24"),
            Self::V6([a, b, c]) => write!(f, "{a:x}:{b:x}:{c:x}::/48"),
        }
    }
}

/// The one network from which the only reporter's failures came, if it has others.
fn sending_network(names: &Names<'_>, rows: &[Row<'_>]) -> Option<String> {
    let first = rows.first()?;
    if rows.iter().any(|row| row.by != first.by) {
        return None;
    }
    let mut only: Option<(Network, &str)> = None;
    for (ip, _) in rows.iter().flat_map(|row| row.failure.sending_ips()) {
        // Most addresses are the same.
        if only.is_some_and(|(_, last)| last == ip) {
            continue;
        }
        let Some(network) = Network::of(ip) else {
            continue;
        };
        if only.is_some_and(|(known, _)| known != network) {
            return None;
        }
        only = Some((network, ip));
    }
    let has_others = names
        .networks
        .get(first.reporter())
        .is_some_and(|all| all.len() > 1);
    only.filter(|_| has_others)
        .map(|(network, _)| network.to_string())
}

/// Good connections to other MX hosts by `tlsa` entries, which name them as policy domains, on the failing days.
fn proven_good(
    index: &Index<'_>,
    place: &Place,
    rows: &[Row<'_>],
    others: &BTreeSet<String>,
) -> Vec<(String, u64)> {
    let mut days = DaySet::default();
    for row in rows {
        days.insert(row.number);
    }
    let mut good: BTreeMap<&str, u64> = BTreeMap::new();
    for mx in others.iter().filter(|mx| *mx != place.name()) {
        for pair in index.of_domain(mx) {
            for day in days.common(&pair.connected).map(date) {
                for entry in index.on(pair, day) {
                    if entry.policy.policy_type == "tlsa" && entry.ok.is_some_and(|ok| ok > 0) {
                        let sum = good.entry(mx).or_default();
                        *sum = sum.saturating_add(entry.ok.unwrap_or_default());
                    }
                }
            }
        }
    }
    most_first(good)
}

/// Whether a wildcard of a policy falls short of this host by labels: `*.example.net` and `a.b.example.net`.
pub(super) fn is_wildcard_too_short(policy: &PolicyText, host: &str) -> bool {
    patterns(policy).iter().any(|pattern| {
        pattern
            .strip_prefix("*.")
            .and_then(|suffix| host.strip_suffix(suffix)?.strip_suffix('.'))
            .is_some_and(|labels| labels.contains('.'))
    })
}

/// Whether the failures of a cause may have to do with single hosts.
pub(super) fn is_about_certificates(cause: Cause) -> bool {
    matches!(cause, Cause::Expired | Cause::WrongName | Cause::NotTrusted)
}
