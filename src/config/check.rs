//! Checks of values that types can't express.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::ExposeSecret;

use super::oauth2::is_loopback;
use super::{
    After, AuthenticationMode, Config, ConfigError, LoginSource, MailboxConfig, MailboxKind, SecretSource,
    Span, TlsMode, Transport,
};

/// Checks all values, whatever the verb.
pub(super) fn values(config: &Config) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    for mailbox in &config.mailboxes {
        if mailbox.name.is_empty() {
            return Err(ConfigError::value(
                "[[mailbox]]",
                "name is missing; give each mailbox a name of its own",
            ));
        }
        if !names.insert(&mailbox.name) {
            return Err(ConfigError::value(
                "[[mailbox]]",
                format!(
                    "name {:?} is used twice; give each mailbox a name of its own",
                    mailbox.name
                ),
            ));
        }
        one_mailbox(mailbox)?;
    }
    for mailbox in config
        .mailboxes
        .iter()
        .filter(|mailbox| mailbox.after != After::Leave)
    {
        if let Span::Days(days) = config.store.retention
            && mailbox.after_days >= days
        {
            return Err(ConfigError::value(
                &format!("mailbox {:?}", mailbox.name),
                format!(
                    "after_days is {}, but store.retention forgets a mail after {days} days and then it would stay for \
                     ever; make after_days smaller or retention longer",
                    mailbox.after_days
                ),
            ));
        }
    }
    digest(config)?;
    if config.smtp.tls == TlsMode::None && !config.smtp.host.is_empty() {
        only_loopback("[smtp]", &config.smtp.host)?;
    }
    oauth2(config)?;
    monitor(config)?;
    authentication(config)?;
    limits(config)
}

fn authentication(config: &Config) -> Result<(), ConfigError> {
    let authentication = &config.authentication;
    let wrong = |problem: &str| Err(ConfigError::value("[authentication]", problem));
    if authentication.mode == AuthenticationMode::TrustMx && authentication.authserv_id.is_empty() {
        return wrong(
            "mode = \"trust-mx\" needs authserv_id: the name that your MX puts first in its Authentication-Results",
        );
    }
    if authentication.deadline < Duration::from_secs(1) || authentication.deadline > Duration::from_mins(1) {
        return wrong("deadline must be from 1s to 1m; write for example \"10s\"");
    }
    Ok(())
}

fn oauth2(config: &Config) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    for section in &config.oauth2 {
        if section.name.is_empty() || !names.insert(&section.name) {
            return Err(ConfigError::value(
                "[[oauth2]]",
                format!(
                    "name {:?} is empty or used twice; give each section a name of its own",
                    section.name
                ),
            ));
        }
        section.check()?;
    }
    Ok(())
}

/// The URL itself is never quoted: it may hold a token.
fn monitor(config: &Config) -> Result<(), ConfigError> {
    let Some(url) = &config.monitor.ping_url else {
        return Ok(());
    };
    let wrong = |problem: &str| Err(ConfigError::value("[monitor]", problem));
    let uri = url.expose_secret().parse::<hyper::Uri>();
    let Ok((Some(scheme), Some(host))) = uri.as_ref().map(|uri| (uri.scheme_str(), uri.host())) else {
        return wrong("ping_url is not a URL; write for example \"https://hc-ping.com/...\"");
    };
    match scheme {
        "https" => Ok(()),
        "http" if is_loopback(host.trim_matches(['[', ']'])) => Ok(()),
        "http" => wrong("ping_url has http://, which is for loopback only; use https://"),
        _ => wrong("ping_url must begin with https://"),
    }
}

fn one_mailbox(mailbox: &MailboxConfig) -> Result<(), ConfigError> {
    let place = format!("mailbox {:?}", mailbox.name);
    let wrong = |problem: String| Err(ConfigError::value(&place, problem));
    if mailbox.poll_interval < Duration::from_secs(1) {
        return wrong("poll_interval is shorter than 1s; write for example \"15m\"".to_owned());
    }
    if mailbox.folder.is_some() && mailbox.folders.is_some() {
        return wrong("folder and folders are both given; keep one".to_owned());
    }
    let folders = mailbox.folders();
    if folders.is_empty()
        || folders
            .iter()
            .any(|folder| folder.is_empty() || folder.contains(['\r', '\n', '\0']))
    {
        return wrong(
            "folders is empty or has an empty or unprintable name; write for example \"INBOX\"".to_owned(),
        );
    }
    if let After::Move(target) = &mailbox.after {
        if folders.contains(target) {
            return wrong(format!(
                "after = \"move:{target}\" moves into a folder that is read; name another folder"
            ));
        }
        if target.contains(['\r', '\n', '\0']) {
            return wrong("after has an unprintable folder name".to_owned());
        }
    }
    if mailbox.kind == MailboxKind::Maildir && mailbox.after != After::Leave {
        return wrong("after works with kind = \"imap\" only; a Maildir is never changed".to_owned());
    }
    if mailbox.tls == TlsMode::None && !mailbox.host.is_empty() {
        only_loopback(&place, &mailbox.host)?;
    }
    Ok(())
}

/// `tls = "none"` would show password and mails to everyone on the way.
fn only_loopback(place: &str, host: &str) -> Result<(), ConfigError> {
    if is_loopback(host) {
        return Ok(());
    }
    Err(ConfigError::value(
        place,
        format!("tls = \"none\" is for loopback only, and {host:?} isn't; use \"implicit\" or \"starttls\""),
    ))
}

fn digest(config: &Config) -> Result<(), ConfigError> {
    let digest = &config.digest;
    TimeZone::get(&digest.timezone).map_err(|_| {
        ConfigError::value(
            "[digest]",
            format!(
                "timezone {:?} is unknown; write an IANA name such as \"Europe/Berlin\"",
                digest.timezone
            ),
        )
    })?;
    let mut names = BTreeSet::new();
    for audience in &digest.audience {
        audience.check()?;
        if !names.insert(&audience.name) {
            return Err(ConfigError::value(
                "[[digest.audience]]",
                format!(
                    "name {:?} is used twice; give each a name of its own",
                    audience.name
                ),
            ));
        }
    }
    for (key, address) in std::iter::once(("from", &digest.from)).chain(digest.to.iter().map(|to| ("to", to)))
    {
        let absent = key == "from" && address.is_empty();
        if !absent && address.parse::<lettre::message::Mailbox>().is_err() {
            return Err(ConfigError::value(
                "[digest]",
                format!("{key} {address:?} is not an address; write for example \"ops@example.org\""),
            ));
        }
    }
    Ok(())
}

fn limits(config: &Config) -> Result<(), ConfigError> {
    let limits = &config.limits;
    let whole: [(&str, u64, u64, u64); 11] = [
        ("mail_bytes", limits.mail_bytes, 1024, 1 << 30),
        ("decompressed_bytes", limits.decompressed_bytes, 1024, 1 << 30),
        ("leaf_parts", limits.leaf_parts.into(), 1, 1_000_000),
        ("nesting", limits.nesting.into(), 1, 64),
        ("json_depth", limits.json_depth.into(), 8, 120),
        ("policies", limits.policies.into(), 1, 1_000_000),
        ("failure_details", limits.failure_details.into(), 1, 10_000_000),
        ("reports_a_day", limits.reports_a_day, 1, u32::MAX.into()),
        ("poll_mails", limits.poll_mails.into(), 1, u32::MAX.into()),
        ("batch_mails", limits.batch_mails.into(), 1, 100_000),
        ("batch_bytes", limits.batch_bytes, 1024, 1 << 30),
    ];
    for (key, value, least, most) in whole {
        if !(least..=most).contains(&value) {
            return Err(ConfigError::value(
                "[limits]",
                format!("{key} is {value}; choose from {least} to {most}"),
            ));
        }
    }
    let times = [
        ("connect_timeout", limits.connect_timeout),
        ("silence_timeout", limits.silence_timeout),
        ("poll_deadline", limits.poll_deadline),
        ("health_after", limits.health_after),
    ];
    for (key, value) in times {
        if value < Duration::from_secs(1) {
            return Err(ConfigError::value(
                "[limits]",
                format!("{key} is shorter than 1s; write for example \"1m\""),
            ));
        }
    }
    Ok(())
}

/// What polling needs.
pub(super) fn mailboxes(config: &Config) -> Result<(), ConfigError> {
    if config.mailboxes.is_empty() {
        return Err(ConfigError::value(
            "[[mailbox]]",
            "there is none; add one with name, host, user and a password",
        ));
    }
    for mailbox in &config.mailboxes {
        let place = format!("mailbox {:?}", mailbox.name);
        match mailbox.kind {
            MailboxKind::Maildir if mailbox.path.is_none() => {
                return Err(ConfigError::value(
                    &place,
                    "path is missing; name the Maildir's folder",
                ));
            }
            MailboxKind::Maildir => {}
            MailboxKind::Imap => {
                for (key, value) in [("host", &mailbox.host), ("user", &mailbox.user)] {
                    if value.is_empty() {
                        return Err(ConfigError::value(&place, format!("{key} is missing; add it")));
                    }
                }
                mailbox.secret()?;
            }
        }
    }
    Ok(())
}

/// What sending a digest needs.
pub(super) fn sending(config: &Config) -> Result<(), ConfigError> {
    let (digest, smtp) = (&config.digest, &config.smtp);
    if digest.to.is_empty() {
        return Err(ConfigError::value(
            "[digest]",
            "to is missing; name the recipients, as in to = [\"ops@example.org\"]",
        ));
    }
    if digest.from.is_empty() {
        return Err(ConfigError::value(
            "[digest]",
            "from is missing; name the sender's address",
        ));
    }
    match smtp.transport {
        Transport::Smtp if smtp.host.is_empty() => {
            return Err(ConfigError::value(
                "[smtp]",
                "host is missing; name the mail server, or choose another transport",
            ));
        }
        Transport::File if smtp.path.is_none() => {
            return Err(ConfigError::value(
                "[smtp]",
                "path is missing; name the folder for the .eml files",
            ));
        }
        Transport::Smtp | Transport::File | Transport::Sendmail => {}
    }
    smtp.secret()?;
    Ok(())
}

/// Secrets that others can read.
pub(super) fn warnings(config: &Config, path: &Path) -> Vec<String> {
    let readable = |file: &Path| {
        std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    };
    let mailboxes = config
        .mailboxes
        .iter()
        .filter_map(|mailbox| mailbox.secret().ok());
    let mut files = BTreeSet::new();
    let mut secrets = Vec::new();
    for login in mailboxes.chain(config.smtp.secret().ok().flatten()) {
        match login {
            LoginSource::Secret(secret) => secrets.push(secret),
            LoginSource::OAuth2(section) => {
                secrets.extend(section.client_secret().ok().flatten());
                files.extend(section.refresh_token_file);
            }
        }
    }
    for secret in secrets {
        match secret {
            SecretSource::Plain(_) => files.insert(path.to_owned()),
            SecretSource::File(file) => files.insert(file),
            SecretSource::Env(_) | SecretSource::Command(_) | SecretSource::Credential(_) => false,
        };
    }
    let url = config.monitor.ping_url.is_some() && !files.contains(path) && readable(path);
    let url = url.then(|| {
        format!(
            "{0} holds monitor.ping_url and every user can read it; run: chmod o-r {0}",
            path.display()
        )
    });
    files
        .into_iter()
        .filter(|file| readable(file))
        .map(|file| {
            format!(
                "{0} holds a password or token and every user can read it; run: chmod o-r {0}",
                file.display()
            )
        })
        .chain(url)
        .collect()
}
