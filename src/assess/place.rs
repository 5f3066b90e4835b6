//! Where a repair is to be made.

use std::fmt;

/// Where a repair is to be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
