//! Where a repair is to be made.

use serde::{Deserialize, Serialize};

use std::fmt;

use super::cause::{Cause, host_form};

/// Where a repair is to be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// An MX host, by its name in lower case.
    Mx(String),
    /// The policy of this domain, or its web server.
    Policy(String),
    /// An MX of this domain that the reports don't name.
    Unnamed(String),
}

impl Place {
    /// Its kind for machines: `mx`, `policy` or `unnamed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mx(_) => "mx",
            Self::Policy(_) => "policy",
            Self::Unnamed(_) => "unnamed",
        }
    }

    /// The MX host or the domain.
    pub fn name(&self) -> &str {
        match self {
            Self::Mx(name) | Self::Policy(name) | Self::Unnamed(name) => name,
        }
    }

    /// The inverse of [`Place::kind`] and [`Place::name`].
    pub fn from_parts(kind: &str, name: &str) -> Self {
        match kind {
            "mx" => Self::Mx(name.to_owned()),
            "policy" => Self::Policy(name.to_owned()),
            _ => Self::Unnamed(name.to_owned()),
        }
    }
}

/// The place of one failure, by its own record: the MX host if it names one, else the only one that its `tlsa` policy
/// lists in "mx-host"; for the policy's file or web server the policy's domain.
pub fn of(cause: Cause, mx: &str, domain: &str, policy_type: &str, mx_host: &[String]) -> Place {
    let domain = host_form(domain);
    if cause.is_about_the_policy() {
        return Place::Policy(domain);
    }
    let mx = host_form(mx);
    if !mx.is_empty() {
        return Place::Mx(mx);
    }
    match mx_host {
        [only] if policy_type == "tlsa" && is_host(&host_form(only)) => Place::Mx(host_form(only)),
        _ => Place::Unnamed(domain),
    }
}

/// Whether a text is the name of a host, rather than a pattern or nothing.
pub(super) fn is_host(text: &str) -> bool {
    text.contains('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_the_mx_if_one_is_named() {
        let place = of(Cause::Expired, "MX1.example.com.", "example.com", "sts", &[]);
        assert_eq!(place, Place::Mx("mx1.example.com".into()));
    }

    #[test]
    fn place_of_a_policy_cause_is_the_domain_whatever_mx_is_named() {
        let place = of(Cause::PolicyFetch, "mx1.example.com", "Example.com", "sts", &[]);
        assert_eq!(place, Place::Policy("example.com".into()));
    }

    #[test]
    fn only_mx_host_of_a_tlsa_policy_is_the_place() {
        let mx_host = ["mx1.example.com".to_owned()];
        assert_eq!(
            of(Cause::TlsaMismatch, "", "example.com", "tlsa", &mx_host),
            Place::Mx("mx1.example.com".into())
        );
        assert_eq!(
            of(Cause::NotSpecified, "", "example.com", "sts", &mx_host),
            Place::Unnamed("example.com".into())
        );
    }

    #[test]
    fn kind_and_name_give_the_place_back() {
        for place in [
            Place::Mx("a.example".into()),
            Place::Policy("b.example".into()),
            Place::Unnamed("c.example".into()),
        ] {
            assert_eq!(Place::from_parts(place.kind(), place.name()), place);
        }
    }
}
