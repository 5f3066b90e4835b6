//! `[[digest.audience]]`: who gets a digest about some domains only.

use serde::Deserialize;

use super::{ConfigError, DigestConfig};

/// The audience of `digest.to`, which is told of all domains and of our own trouble.
pub const DEFAULT_AUDIENCE: &str = "default";

/// Recipients, and what their digest is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audience {
    /// Its name in status, logs and SQL; unique.
    pub name: String,
    /// The policy domains, each by its name; empty: all.
    pub domains: Vec<String>,
    /// The recipients' addresses.
    pub to: Vec<String>,
}

impl Audience {
    /// Whether it is that of `digest.to`.
    pub fn is_default(&self) -> bool {
        self.name == DEFAULT_AUDIENCE
    }

    /// Whether it is a section without domains and recipients, as in the example.
    pub(super) fn is_empty(&self) -> bool {
        self.domains.is_empty() && self.to.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |problem: &str| Err(ConfigError::value("[[digest.audience]]", problem));
        if self.name.is_empty() || self.name == DEFAULT_AUDIENCE || self.name.contains(char::is_control) {
            return wrong(
                "name is missing, unprintable or \"default\", which is that of digest.to; give each audience a name",
            );
        }
        let place = format!("digest.audience {:?}", self.name);
        if self.domains.is_empty() != self.to.is_empty() {
            let problem = "domains and to belong together; name the domains and who is told of them";
            return Err(ConfigError::value(&place, problem));
        }
        if let Some(domain) = self.domains.iter().find(|domain| ascii(domain).is_none()) {
            return Err(ConfigError::value(
                &place,
                format!("domain {domain:?} is none; write for example \"example.org\""),
            ));
        }
        for address in &self.to {
            if address.parse::<lettre::message::Mailbox>().is_err() {
                return Err(ConfigError::value(
                    &place,
                    format!("to {address:?} is not an address; write for example \"team@example.org\""),
                ));
            }
        }
        Ok(())
    }
}

impl DigestConfig {
    /// Everybody who gets a digest, first those of `to`; domains as reports name them.
    pub fn audiences(&self) -> Vec<Audience> {
        let everybody = Audience {
            name: DEFAULT_AUDIENCE.to_owned(),
            domains: Vec::new(),
            to: self.to.clone(),
        };
        let others = self
            .audience
            .iter()
            .filter(|audience| !audience.is_empty())
            .map(|audience| Audience {
                domains: audience
                    .domains
                    .iter()
                    .filter_map(|domain| ascii(domain))
                    .collect(),
                ..audience.clone()
            });
        std::iter::once(everybody).chain(others).collect()
    }
}

/// Lower case, without a final dot, A-labels.
fn ascii(domain: &str) -> Option<String> {
    let is_of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    idna::domain_to_ascii(domain.trim().trim_end_matches('.'))
        .ok()
        .filter(|domain| !domain.is_empty() && domain.chars().all(is_of_names))
}
