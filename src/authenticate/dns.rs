//! Asks for keys in the DNS: many at a time, each within a deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mail_auth::MessageAuthenticator;
use mail_auth::hickory_resolver::TokioResolver;
use mail_auth::hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use mail_auth::hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::hickory_resolver::net::{DnsError, NetError};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::hickory_resolver::proto::rr::{Name, RData, RecordType};
use mail_auth::hickory_resolver::system_conf::parse_resolv_conf;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::alignment::organisation;
use super::reason::Fault;
use crate::config::{AuthenticationConfig, Nameserver};

/// Where the system names its name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Look-ups under way at a time.
const AT_A_TIME: usize = 32;
/// Longest wait for one name server, tried twice.
const PATIENCE: Duration = Duration::from_secs(3);
/// A batch of mails may take this many times the deadline of one; what has no answer then is temporary.
const DEADLINES: u32 = 3;
/// Longest that an answer is kept.
const KEPT: Duration = Duration::from_hours(1);
/// Longest that the absence of an answer is kept.
const ABSENCE_KEPT: Duration = Duration::from_mins(5);
/// Longest text of an error, in characters.
const MAX_ERROR: usize = 100;

/// What the DNS has under the name of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The TXT records, each put together from its strings.
    Records(Vec<Vec<u8>>),
    /// None of these, in the name server's words.
    Absent(&'static str),
    /// Nothing is known at the moment.
    Failed(Fault),
}

/// The answers that are known, by name.
#[derive(Debug, Clone, Default)]
pub struct Keys(BTreeMap<String, Answer>);

impl Keys {
    /// What is known about a name; what has no answer has had no time for one.
    pub(super) fn get(&self, name: &str) -> Answer {
        self.0
            .get(name)
            .cloned()
            .unwrap_or(Answer::Failed(Fault::TimeOut))
    }
}

impl FromIterator<(String, Answer)> for Keys {
    fn from_iter<T: IntoIterator<Item = (String, Answer)>>(answers: T) -> Self {
        Self(answers.into_iter().collect())
    }
}

/// Asks name servers, and remembers what they said for as long as they said (an hour at most).
pub struct Resolver {
    nameservers: Vec<Nameserver>,
    deadline: Duration,
    /// From what it was made: the system's settings may change while we run.
    resolv_conf: Vec<u8>,
    inner: Result<TokioResolver, String>,
}

impl Resolver {
    /// A resolver for the name servers of the configuration, or of the system. Without any it answers that there is none.
    pub fn new(config: &AuthenticationConfig) -> Self {
        let mut resolver = Self {
            nameservers: config.nameservers.clone(),
            deadline: config.deadline,
            resolv_conf: Vec::new(),
            inner: Err(String::new()),
        };
        resolver.follow_system(true);
        resolver
    }

    /// Takes over settings of the system that have changed.
    fn follow_system(&mut self, is_first: bool) {
        if !self.nameservers.is_empty() {
            if is_first {
                self.inner = of_nameservers(&self.nameservers);
            }
            return;
        }
        match std::fs::read(RESOLV_CONF) {
            Ok(text) if !is_first && text == self.resolv_conf && self.inner.is_ok() => {}
            Ok(text) => {
                self.inner = of_system(&text);
                self.resolv_conf = text;
            }
            Err(error) => self.inner = Err(format!("{RESOLV_CONF}: {error}")),
        }
    }

    /// Asks for these names; those of one organisation wait for one of each other's.
    pub async fn keys(&mut self, names: BTreeSet<String>) -> Keys {
        if names.is_empty() {
            return Keys::default();
        }
        self.follow_system(false);
        let resolver = match &self.inner {
            Ok(resolver) => resolver,
            Err(error) => {
                let failed = Answer::Failed(Fault::NoResolver(error.clone()));
                return names.into_iter().map(|name| (name, failed.clone())).collect();
            }
        };
        let end = Instant::now()
            .checked_add(self.deadline.saturating_mul(DEADLINES))
            .unwrap_or_else(Instant::now);
        let mut waiting = in_turn(names).into_iter();
        let mut answers = BTreeMap::new();
        let mut asking = JoinSet::new();
        loop {
            while asking.len() < AT_A_TIME
                && let Some(name) = waiting.next()
            {
                let (resolver, deadline) = (resolver.clone(), self.deadline);
                asking.spawn(async move {
                    let answer = timeout(deadline, ask(&resolver, &name)).await;
                    (name, answer.unwrap_or(Answer::Failed(Fault::TimeOut)))
                });
            }
            match timeout_at(end, asking.join_next()).await {
                Ok(Some(Ok((name, answer)))) => {
                    answers.insert(name, answer);
                }
                // A name whose look-up panicked has no answer.
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => return Keys(answers),
            }
        }
    }

    /// Whether name servers answer at all.
    ///
    /// # Errors
    ///
    /// Why they don't, in words.
    pub async fn check(&mut self) -> Result<(), String> {
        self.follow_system(false);
        let resolver = self.inner.as_ref().map_err(Clone::clone)?;
        match timeout(self.deadline, resolver.lookup(Name::root(), RecordType::NS)).await {
            Err(_) | Ok(Err(NetError::Timeout)) => Err("no name server answers".to_owned()),
            Ok(Ok(_) | Err(NetError::Dns(_))) => Ok(()),
            Ok(Err(error)) => Err(short(&error.to_string())),
        }
    }
}

/// The first name of each organisation, then the second of each, so that nobody's many names keep others waiting.
fn in_turn(names: BTreeSet<String>) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut turns: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for name in names {
        let domain = name
            .split_once("._domainkey.")
            .map_or(name.as_str(), |(_, domain)| domain);
        let turn = seen
            .entry(organisation(domain.trim_end_matches('.')))
            .or_default();
        turns.entry(*turn).or_default().push(name);
        *turn = turn.saturating_add(1);
    }
    turns.into_values().flatten().collect()
}

async fn ask(resolver: &TokioResolver, name: &str) -> Answer {
    let Ok(name) = Name::from_ascii(name) else {
        return Answer::Absent("no valid name");
    };
    match resolver.txt_lookup(name).await {
        Ok(lookup) => Answer::Records(
            lookup
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::TXT(txt) => Some(txt.txt_data.concat()),
                    _ => None,
                })
                .collect(),
        ),
        Err(NetError::Dns(DnsError::NoRecordsFound(absence))) => match absence.response_code {
            ResponseCode::NXDomain => Answer::Absent("NXDOMAIN"),
            ResponseCode::NoError => Answer::Absent("no TXT record"),
            code => Answer::Failed(Fault::Server(code.to_string())),
        },
        Err(NetError::Timeout) => Answer::Failed(Fault::TimeOut),
        Err(NetError::Dns(DnsError::ResponseCode(code))) => Answer::Failed(Fault::Server(code.to_string())),
        Err(error) => Answer::Failed(Fault::Server(short(&error.to_string()))),
    }
}

fn short(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control())
        .take(MAX_ERROR)
        .collect()
}

fn of_system(resolv_conf: &[u8]) -> Result<TokioResolver, String> {
    let (config, _) = parse_resolv_conf(resolv_conf).map_err(|error| format!("{RESOLV_CONF}: {error}"))?;
    // Names are whole: a search list would only make more of them.
    let config = ResolverConfig::from_parts(None, Vec::new(), config.name_servers().to_vec());
    build(config).map_err(|error| short(&error.to_string()))
}

fn of_nameservers(nameservers: &[Nameserver]) -> Result<TokioResolver, String> {
    let servers = nameservers.iter().map(|Nameserver(address)| {
        let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
        (udp.port, tcp.port) = (address.port(), address.port());
        NameServerConfig::new(address.ip(), true, vec![udp, tcp])
    });
    let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
    build(config).map_err(|error| short(&error.to_string()))
}

fn build(config: ResolverConfig) -> Result<TokioResolver, NetError> {
    let mut options = ResolverOpts::default();
    options.timeout = PATIENCE;
    options.attempts = 1;
    // A key of 4096 bits doesn't fit into 512 bytes.
    options.edns0 = true;
    options.use_hosts_file = ResolveHosts::Never;
    options.positive_max_ttl = Some(KEPT);
    options.negative_max_ttl = Some(ABSENCE_KEPT);
    // Never used, but made of the system's certificates if we don't.
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| NetError::Msg(error.to_string()))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .with_tls_config(tls)
        .build()
}

/// mail-auth with no name server to ask.
pub(super) fn offline() -> Result<MessageAuthenticator, NetError> {
    build(ResolverConfig::from_parts(None, Vec::new(), Vec::new())).map(MessageAuthenticator)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn without_name_servers_each_question_says_so() {
        let error = of_system(b"# nothing\n").map(|_| ()).unwrap_err();
        let mut resolver = Resolver {
            nameservers: vec![Nameserver(([127, 0, 0, 1], 53).into())],
            deadline: Duration::from_secs(1),
            resolv_conf: Vec::new(),
            inner: Err(error.clone()),
        };
        let keys = resolver.keys(BTreeSet::from(["a.".to_owned()])).await;
        assert_eq!(keys.get("a."), Answer::Failed(Fault::NoResolver(error.clone())));
        assert_eq!(resolver.check().await, Err(error));
    }

    #[test]
    fn many_names_of_one_organisation_keep_nobody_waiting() {
        let names = [
            "a._domainkey.example.com.",
            "b._domainkey.x.example.com.",
            "z._domainkey.example.net.",
        ];
        let order = in_turn(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(order, [names[0], names[2], names[1]]);
    }
}
