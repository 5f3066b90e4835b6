//! `[authentication]`: which reports count.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

/// Which reports count (RFC 8460, Section 3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthenticationConfig {
    /// How the origin of a report is proven.
    pub mode: AuthenticationMode,
    /// By this authserv-id (RFC 8601, Section 2.5) the Authentication-Results of our own MX are known; `none`: the MX
    /// writes none. Empty: no MX is trusted.
    pub authserv_id: String,
    /// What becomes of a report whose origin isn't proven.
    pub unauthenticated: Unauthenticated,
    /// Whether a key that its domain has published for `s=email` is taken for reports too.
    pub accept_email_keys: bool,
    /// Name servers to ask for keys; empty: those of the system.
    pub nameservers: Vec<Nameserver>,
    /// Longest wait for the keys of one mail.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub deadline: Duration,
}

impl Default for AuthenticationConfig {
    fn default() -> Self {
        Self {
            mode: AuthenticationMode::Auto,
            authserv_id: String::new(),
            unauthenticated: Unauthenticated::SetAside,
            accept_email_keys: true,
            nameservers: Vec::new(),
            deadline: Duration::from_secs(10),
        }
    }
}

/// How the origin of a report is proven (RFC 8460, Section 3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticationMode {
    /// By a DKIM signature that we verify; where that fails, by what our own MX found.
    #[default]
    Auto,
    /// By a DKIM signature that we verify.
    Verify,
    /// By what our own MX found.
    TrustMx,
    /// Not at all: every report counts, unchecked.
    Off,
}

/// What becomes of a report whose origin isn't proven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unauthenticated {
    /// It is stored, listed and told, but counts nowhere.
    #[default]
    SetAside,
    /// It counts like any other, marked.
    Count,
}

/// The address of a name server, `192.0.2.53` or `192.0.2.53:5353`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Nameserver(pub SocketAddr);

impl TryFrom<String> for Nameserver {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        address
            .or_else(|_| text.parse::<SocketAddr>())
            .map(Self)
            .map_err(|_| {
                format!("name server {text:?} is not an IP address; write for example \"192.0.2.53\"")
            })
    }
}
