//! `debug-info`: what somebody who helps needs to know, without secrets, names or reports.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::io::Write;
use std::path::Path;

use secrecy::ExposeSecret;

use super::End;
use crate::clock;
use crate::config::{After, AuthenticationConfig, Config, MailboxConfig, Transport};
use crate::store::{DebugFacts, Store};

/// Longest error that is shown, in characters.
const ERROR_CHARS: usize = 300;
/// Shorter texts of the configuration are too common to be taken out wherever they stand.
const MIN_HIDDEN: usize = 3;

/// Prints it.
pub(super) fn debug_info(config: &Config) -> anyhow::Result<End> {
    let facts = if config.store.path.exists() {
        Store::open_read_only(&config.store)
            .and_then(|store| store.debug_facts())
            .map_err(|error| error.to_string())
    } else {
        Err("there is no database yet".to_owned())
    };
    let wal = config.store.path.with_extension("db-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let sizes = (size(&config.store.path), size(&wal));
    let now = clock::now().strftime("%Y-%m-%dT%H:%MZ").to_string();
    let text = text(config, &facts, sizes, &now);
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(End::Done)
}

/// Everything that is shown, in lines `label: value`.
fn text(config: &Config, facts: &Result<DebugFacts, String>, sizes: (u64, u64), now: &str) -> String {
    let mut lines = vec![
        line("tlsrptd", env!("CARGO_PKG_VERSION")),
        line(
            "built for",
            format!("{} {}", std::env::consts::ARCH, std::env::consts::OS),
        ),
        line("at", now),
    ];
    lines.extend(settings(config));
    lines.push(line(
        "database bytes",
        format!("{} and {} of write-ahead log", sizes.0, sizes.1),
    ));
    let mask = Mask::of(config);
    match facts {
        Ok(facts) => {
            lines.push(line("sqlite", &facts.sqlite));
            lines.push(line("schema", facts.schema.to_string()));
            lines.extend(
                facts
                    .rows
                    .iter()
                    .map(|(table, rows)| line(&format!("rows of {table}"), rows.to_string())),
            );
            lines.extend(of_origins(&facts.origins));
            lines.extend(
                facts
                    .errors
                    .iter()
                    .map(|(what, error)| line(&format!("error of {what}"), mask.hide(error))),
            );
        }
        Err(error) => lines.push(line("database", mask.hide(error))),
    }
    lines.concat()
}

/// How many reports are proven in which way and count, in one line; nothing without reports.
fn of_origins(origins: &[(String, String, i64)]) -> Option<String> {
    let parts: Vec<String> = origins
        .iter()
        .map(|(authentication, status, n)| format!("{authentication} {status} {n}"))
        .collect();
    (!parts.is_empty()).then(|| line("reports by origin", parts.join(", ")))
}

fn line(label: &str, value: impl Into<String>) -> String {
    let mut line = format!("{label}: ");
    line.push_str(&value.into());
    line.push('\n');
    line
}

/// What is set, by a list of what may be shown: a key that isn't here isn't shown.
fn settings(config: &Config) -> Vec<String> {
    let (store, digest, smtp) = (&config.store, &config.digest, &config.smtp);
    let mut lines = vec![line(
        "store",
        format!(
            "retention {:?}, group_readable {}",
            store.retention, store.group_readable
        ),
    )];
    lines.extend(
        config
            .mailboxes
            .iter()
            .enumerate()
            .map(|(n, mailbox)| line(&format!("mailbox {}", n.saturating_add(1)), of_mailbox(mailbox))),
    );
    lines.extend(config.oauth2.iter().enumerate().map(|(n, section)| {
        let shown = format!("{:?}, {:?}", section.provider, section.grant);
        line(&format!("oauth2 {}", n.saturating_add(1)), shown)
    }));
    lines.push(line("authentication", of_authentication(&config.authentication)));
    lines.push(line(
        "digest",
        format!(
            "at {}, send {:?}, weekly {:?}, announce_days {}, {} recipients, {} other audiences",
            digest.at,
            digest.send,
            digest.weekly,
            digest.announce_days,
            digest.to.len(),
            digest.audiences().len().saturating_sub(1)
        ),
    ));
    let way = match smtp.transport {
        Transport::Smtp => format!(
            "port {}, tls {:?}, {}",
            smtp.port(),
            smtp.tls,
            login(smtp.user.is_some(), &smtp.auth)
        ),
        Transport::Sendmail | Transport::File => String::new(),
    };
    lines.push(line("smtp", format!("{:?} {way}", smtp.transport).trim_end()));
    lines.push(line(
        "domains",
        format!(
            "{} mail, {} mx",
            config.domains.mail.len(),
            config.domains.mx.len()
        ),
    ));
    lines.push(line(
        "monitor",
        if config.monitor.ping_url.is_some() {
            "yes"
        } else {
            "no"
        },
    ));
    lines.push(line("limits", format!("{:?}", config.limits)));
    lines
}

fn of_authentication(section: &AuthenticationConfig) -> String {
    let authserv_id = if section.authserv_id.is_empty() {
        "not set"
    } else {
        "set"
    };
    format!(
        "mode {}, authserv_id {authserv_id}, unauthenticated {:?}, {} name servers",
        section.mode.name(),
        section.unauthenticated,
        section.nameservers.len()
    )
}

fn login(has_user: bool, auth: &impl Debug) -> String {
    if has_user {
        format!("login by {auth:?}")
    } else {
        "no login".to_owned()
    }
}

fn of_mailbox(mailbox: &MailboxConfig) -> String {
    let after = match mailbox.after {
        After::Leave => "leave",
        After::Move(_) => "move",
        After::Delete => "delete",
    };
    let secret = match mailbox.secret() {
        Ok(source) => {
            let shown = format!("{source:?}");
            // The kinds of source alone: what is in them names files and programs.
            let kinds = ["Plain", "File", "Env", "Command", "Credential", "OAuth2"];
            kinds
                .into_iter()
                .find(|kind| shown.contains(*kind))
                .unwrap_or("other")
        }
        Err(_) => "none",
    };
    let mut text = format!(
        "{:?}, port {}, tls {:?}, ",
        mailbox.kind,
        mailbox.port(),
        mailbox.tls
    );
    let written = write!(
        text,
        "auth {:?} from {secret}, {} folders, poll_interval {:?}, since {:?}, after {after} {}",
        mailbox.auth,
        mailbox.folders().len(),
        mailbox.poll_interval,
        mailbox.since,
        mailbox.after_days
    );
    debug_assert!(written.is_ok(), "a String takes everything");
    text
}

/// Takes names out of errors, which quote servers and the configuration.
struct Mask {
    /// Longest first, so that none is left in part.
    hidden: Vec<String>,
}

impl Mask {
    fn of(config: &Config) -> Self {
        let mut hidden: BTreeSet<String> = BTreeSet::new();
        let mut add = |text: &str| {
            if text.chars().count() >= MIN_HIDDEN {
                hidden.insert(text.to_lowercase());
            }
        };
        let display = |path: &Option<std::path::PathBuf>| {
            path.as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default()
        };
        add(&config.store.path.display().to_string());
        for mailbox in &config.mailboxes {
            add(&mailbox.name);
            add(&mailbox.host);
            add(&mailbox.user);
            add(mailbox
                .password
                .as_ref()
                .map_or("", |secret| secret.expose_secret()));
            add(&display(&mailbox.path));
            add(&display(&mailbox.password_file));
            mailbox
                .folders()
                .iter()
                .filter(|folder| *folder != "INBOX")
                .for_each(|folder| add(folder));
        }
        for section in &config.oauth2 {
            add(&section.name);
            add(&section.client_id);
            add(section.tenant.as_deref().unwrap_or_default());
            add(section
                .client_secret
                .as_ref()
                .map_or("", |secret| secret.expose_secret()));
        }
        add(&config.authentication.authserv_id);
        let smtp = &config.smtp;
        add(&smtp.host);
        add(smtp.user.as_deref().unwrap_or_default());
        add(smtp.password.as_ref().map_or("", |secret| secret.expose_secret()));
        add(config
            .monitor
            .ping_url
            .as_ref()
            .map_or("", |secret| secret.expose_secret()));
        for audience in config.digest.audiences() {
            audience
                .to
                .iter()
                .chain(&audience.domains)
                .for_each(|text| add(text));
        }
        let domains = config.domains.mail.iter().chain(&config.domains.mx);
        domains.for_each(|domain| add(domain));
        let mut hidden: Vec<String> = hidden.into_iter().collect();
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self { hidden }
    }

    /// Lower case, without anything that the configuration names, and without any word that may be an address, a host, a
    /// path or a token.
    fn hide(&self, error: &str) -> String {
        let mut text = error.to_lowercase();
        for hidden in &self.hidden {
            text = text.replace(hidden, "<…>");
        }
        let is_plain = |word: &str| {
            let inner = word.trim_matches(|c: char| c.is_ascii_punctuation());
            let is_word = inner.len() <= 20
                && inner
                    .chars()
                    .all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_' | '\''));
            let is_code = inner.len() <= 6 && inner.chars().all(|c| c.is_ascii_digit() || c == '.');
            let is_key = ["smtp.", "digest.", "store.", "limits."]
                .iter()
                .any(|section| inner.starts_with(section));
            is_word || is_code || is_key
        };
        let words: Vec<&str> = text
            .split_whitespace()
            .map(|word| {
                if is_plain(word) || word.contains("<…>") && !word.contains('@') {
                    word
                } else {
                    "<…>"
                }
            })
            .collect();
        words.join(" ").chars().take(ERROR_CHARS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A configuration in which every text is the given one, with a mark of its own.
    fn config(word: &str) -> Config {
        let text = format!(
            "[store]\npath = \"/tmp/{word}-path/x.db\"\n\
             [[mailbox]]\nname = \"{word}-name\"\nhost = \"{word}-host.example\"\nuser = \"{word}-user@{word}.example\"\n\
             password = \"{word}-password\"\nfolder = \"{word}-folder\"\nafter = \"move:{word}-target\"\n\
             [[mailbox]]\nname = \"{word}-other\"\nhost = \"h\"\nuser = \"u\"\npassword_file = \"/{word}-file\"\n\
             [[oauth2]]\nname = \"{word}-tokens\"\nprovider = \"microsoft\"\ntenant = \"{word}-tenant\"\n\
             client_id = \"{word}-client\"\nclient_secret = \"{word}-secret\"\n\
             refresh_token_file = \"/{word}-refresh\"\n\
             [digest]\nfrom = \"{word}@from.example\"\nto = [\"{word}@to.example\"]\n\
             [[digest.audience]]\nname = \"{word}-team\"\ndomains = [\"{word}.example\"]\nto = [\"{word}@team.example\"]\n\
             [smtp]\nhost = \"{word}-smtp.example\"\nuser = \"{word}-sender\"\npassword = \"{word}-smtp-password\"\n\
             [domains]\nmail = [\"{word}.example\"]\nmx = [\"mx.{word}.example\"]\n\
             [authentication]\nmode = \"trust-mx\"\nauthserv_id = \"{word}-mx.example\"\nnameservers = [\"192.0.2.53\"]\n\
             [monitor]\nping_url = \"https://hc.example/{word}-ping\"\n"
        );
        Config::parse(&text, "x").unwrap()
    }

    fn shown(config: &Config, error: &str) -> String {
        let facts = DebugFacts {
            sqlite: "3".to_owned(),
            schema: 1,
            rows: vec![("report", 3)],
            origins: vec![
                ("dkim".to_owned(), "counted".to_owned(), 2),
                ("none".to_owned(), "set-aside".to_owned(), 1),
            ],
            errors: vec![("mailbox", error.to_owned())],
        };
        text(config, &Ok(facts), (1, 2), "now")
    }

    proptest! {
        #[test]
        fn nothing_that_the_configuration_names_is_shown(word in "zq[a-z0-9]{6,12}") {
            let config = config(&word);
            let error = format!(
                "{word}-host.example:993: cannot log in as {word}-user@{word}.example: [AUTH] {word}-password is wrong, \
                 \"{word}-folder\" of ({word}-name) and <{word}@to.example> 550 5.1.1 no /{word}-file"
            );
            let text = shown(&config, &error);
            prop_assert!(!text.to_lowercase().contains(&word), "{}", text);
            prop_assert!(text.contains("cannot log in as"), "{}", text);
        }

        #[test]
        fn no_address_host_path_or_token_of_an_error_is_shown(
            user in "[a-z]{4,8}[0-9]", host in "[a-z]{3,8}[0-9]\\.[a-z]{2,5}", token in "[A-Za-z]{3}[0-9][A-Za-z0-9]{8,40}",
        ) {
            let error = format!("cannot mail <{user}@{host}>, asked {host}:25 (192.0.2.77) for /home/{user}/x: {token}");
            let text = shown(&config("zqzqzqzq"), &error);
            for secret in [&user, &host, &token.to_lowercase(), &"192.0.2.77".to_owned()] {
                prop_assert!(!text.contains(secret.as_str()), "{:?} is in {}", secret, text);
            }
        }
    }

    #[test]
    fn what_helps_is_shown() {
        let text = shown(&config("zqzqzqzq"), "Connection refused; check smtp.host");
        for part in [
            "tlsrptd: ",
            "schema: 1",
            "rows of report: 3",
            "authentication: mode trust-mx, authserv_id set, unauthenticated SetAside, 1 name servers",
            "reports by origin: dkim counted 2, none set-aside 1",
            "port 993, tls Implicit",
            "from Plain",
            "from File",
            "oauth2 1: Microsoft",
            "1 recipients, 1 other audiences",
            "error of mailbox: connection refused; check smtp.host",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}
