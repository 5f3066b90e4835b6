//! Servers of well-known providers, and how a server is written.

use std::net::IpAddr;

use crate::config::{Provider, TlsMode, is_loopback};

/// A server as it stands in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    /// `None`: the usual one for `tls`.
    pub(super) port: Option<u16>,
    pub(super) tls: TlsMode,
}

/// What is likely for a mailbox's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guess {
    /// The IMAP server, as [`server`] reads it.
    pub(super) imap: String,
    /// The mail server for submission.
    pub(super) smtp: String,
    /// Whose OAuth 2 is needed or possible.
    pub(super) provider: Option<Provider>,
}

/// Domains of mailboxes, their IMAP server and their submission server.
const KNOWN: &[(&[&str], &str, &str)] = &[
    (
        &["fastmail.com", "fastmail.fm"],
        "imap.fastmail.com",
        "smtp.fastmail.com",
    ),
    (
        &["gmx.net", "gmx.de", "gmx.at", "gmx.ch"],
        "imap.gmx.net",
        "mail.gmx.net",
    ),
    (&["gmx.com"], "imap.gmx.com", "mail.gmx.com"),
    (&["web.de"], "imap.web.de", "smtp.web.de:587"),
    (&["posteo.de", "posteo.net"], "posteo.de", "posteo.de"),
    (&["mailbox.org"], "imap.mailbox.org", "smtp.mailbox.org"),
    (
        &["icloud.com", "me.com", "mac.com"],
        "imap.mail.me.com",
        "smtp.mail.me.com:587",
    ),
    (
        &["yahoo.com", "ymail.com"],
        "imap.mail.yahoo.com",
        "smtp.mail.yahoo.com",
    ),
];

/// The servers of Google, for Workspace too.
pub(super) fn google() -> Guess {
    Guess {
        imap: "imap.gmail.com".to_owned(),
        smtp: "smtp.gmail.com".to_owned(),
        provider: Some(Provider::Google),
    }
}

/// The servers of Microsoft 365; Outlook.com sends through another.
pub(super) fn microsoft(domain: &str) -> Guess {
    let is_outlook_com = OUTLOOK_COM.contains(&domain);
    Guess {
        imap: "outlook.office365.com".to_owned(),
        smtp: if is_outlook_com {
            "smtp-mail.outlook.com:587"
        } else {
            "smtp.office365.com:587"
        }
        .to_owned(),
        provider: Some(Provider::Microsoft),
    }
}

/// Domains of Outlook.com.
pub(super) const OUTLOOK_COM: &[&str] = &["outlook.com", "hotmail.com", "live.com", "msn.com"];

/// What is likely for an address in `domain` (lower case); nobody is asked for it.
pub(super) fn guess(domain: &str) -> Guess {
    if ["gmail.com", "googlemail.com"].contains(&domain) {
        return google();
    }
    if OUTLOOK_COM.contains(&domain) {
        return microsoft(domain);
    }
    let known = KNOWN.iter().find(|(domains, _, _)| domains.contains(&domain));
    match known {
        Some((_, imap, smtp)) => Guess {
            imap: (*imap).to_owned(),
            smtp: (*smtp).to_owned(),
            provider: None,
        },
        None => Guess {
            imap: format!("imap.{domain}"),
            smtp: format!("smtp.{domain}"),
            provider: None,
        },
    }
}

/// `HOST` or `HOST:PORT`; the port says how TLS begins unless `tls` does.
pub(super) fn server(text: &str, tls: Option<TlsMode>) -> Result<Server, String> {
    let wrong = || format!("{text:?} is no server; write HOST or HOST:PORT, such as imap.example.org:993");
    let (host, port) = match text.parse::<IpAddr>() {
        Ok(_) => (text, None),
        Err(_) => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (text, None),
        },
    };
    let host = host.trim_matches(['[', ']']);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(is_name) || port == Some(0) {
        return Err(wrong());
    }
    let by_port = match port {
        // A mail server on this machine, whose certificate is seldom for that name.
        Some(25) if is_loopback(host) => TlsMode::None,
        Some(25 | 143 | 587) => TlsMode::Starttls,
        _ => TlsMode::Implicit,
    };
    Ok(Server {
        host: host.to_owned(),
        port,
        tls: tls.unwrap_or(by_port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_provider_and_an_unknown_domain_have_a_guess() {
        assert_eq!(guess("gmail.com"), google());
        assert_eq!(guess("gmx.de").smtp, "mail.gmx.net");
        assert_eq!(guess("example.org").imap, "imap.example.org");
    }

    #[test]
    fn every_guess_is_a_server() {
        let domains = KNOWN.iter().flat_map(|(domains, _, _)| domains.iter());
        for domain in domains.chain(OUTLOOK_COM).chain(&["gmail.com", "example.org"]) {
            let guess = guess(domain);
            server(&guess.imap, None).unwrap();
            server(&guess.smtp, None).unwrap();
        }
    }

    #[test]
    fn the_port_says_how_tls_begins() {
        let tls = |text: &str| server(text, None).unwrap().tls;
        assert_eq!(tls("mx.example.org"), TlsMode::Implicit);
        assert_eq!(tls("mx.example.org:993"), TlsMode::Implicit);
        assert_eq!(tls("mx.example.org:143"), TlsMode::Starttls);
        assert_eq!(tls("mx.example.org:587"), TlsMode::Starttls);
        assert_eq!(tls("mx.example.org:25"), TlsMode::Starttls);
        assert_eq!(tls("localhost:25"), TlsMode::None);
        let chosen = server("localhost:143", Some(TlsMode::None)).unwrap();
        assert_eq!(chosen.tls, TlsMode::None);
    }

    #[test]
    fn an_address_may_have_a_port_too() {
        let v6 = server("[2001:db8::1]:993", None).unwrap();
        assert_eq!((v6.host.as_str(), v6.port), ("2001:db8::1", Some(993)));
        assert_eq!(server("2001:db8::1", None).unwrap().host, "2001:db8::1");
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in [
            "",
            "imap.example.org:",
            "imap.example.org:99999",
            "a b",
            "host:0",
            "x\"y",
        ] {
            assert!(server(text, None).is_err(), "{text:?}");
        }
    }
}
