//! The questions, in their order, but for those in `oauth2.rs` and `sending.rs`.

use std::path::PathBuf;

use super::Setup;
use super::answers::{Answers, Login, Mailbox, Sending};
use super::ask::{Asker, Question, say, secret_from_stdin, wrong};
use super::oauth2::oauth2;
use super::place;
use super::providers::{self, Guess, Server, server};
use crate::cli::{InitArgs, Tls};
use crate::commands::output::printable;
use crate::config::TlsMode;

/// Folders that are shown to choose from.
const MAX_FOLDERS: usize = 50;

impl From<Tls> for TlsMode {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Implicit => Self::Implicit,
            Tls::Starttls => Self::Starttls,
            Tls::None => Self::None,
        }
    }
}

/// The mailbox and how to log in; what concerns sending is only likely as yet.
pub(super) fn mailbox(setup: &mut Setup, args: &InitArgs) -> anyhow::Result<Answers> {
    let address = setup.asker.answer(
        &Question {
            text: "Address of the mailbox that reports go to (rua=mailto:...)",
            flag: "address",
            given: args.address.as_deref(),
            default: None,
        },
        an_address,
    )?;
    let likely = providers::guess(&domain_of(&address));
    let (imap, guess) = imap_server(&setup.asker, args, &address, &likely)?;
    let user = setup.asker.answer(
        &Question {
            text: "Login name",
            flag: "user",
            given: args.user.as_deref(),
            default: Some(&address),
        },
        some_text,
    )?;
    let oauth2 = oauth2(setup, args, guess.provider)?;
    let login = match &oauth2 {
        Some(_) => Login::OAuth2,
        None => password(&setup.asker, args)?,
    };
    let database = args
        .database
        .clone()
        .unwrap_or_else(|| place::default_database(&setup.config));
    let folders = if args.folder.is_empty() {
        vec!["INBOX".to_owned()]
    } else {
        args.folder.clone()
    };
    Ok(Answers {
        database: std::path::absolute(database)?,
        mailbox: Mailbox {
            server: imap,
            user,
            login,
            folders,
        },
        oauth2,
        ca_file: args.ca_file.as_ref().map(std::path::absolute).transpose()?,
        to: vec![address.clone()],
        from: address.clone(),
        address,
        timezone: timezone(args),
        authentication: args.authentication.unwrap_or_default(),
        sending: Sending::Sendmail,
        imap_password: setup.beside("imap-password"),
        smtp_password: setup.beside("smtp-password"),
    })
}

/// After a failure: the same questions again, with the answers given as what is likely.
pub(super) fn forget_login(args: &mut InitArgs, answers: &Answers) {
    args.address = Some(answers.address.clone());
    args.imap = None;
    args.imap_tls = None;
    args.user = None;
    args.password_file = None;
    args.password_command = None;
    args.password_stdin = false;
    args.client_id = None;
}

fn imap_server(
    asker: &Asker,
    args: &InitArgs,
    address: &str,
    likely: &Guess,
) -> anyhow::Result<(Server, Guess)> {
    let tls = args.imap_tls.map(TlsMode::from);
    asker.answer(
        &Question {
            text: "IMAP server (or google, or microsoft)",
            flag: "imap",
            given: args.imap.as_deref(),
            default: Some(&likely.imap),
        },
        |text| {
            let guess = match text.to_lowercase().as_str() {
                "google" => providers::google(),
                "microsoft" => providers::microsoft(&domain_of(address)),
                _ if text == likely.imap => likely.clone(),
                _ => Guess {
                    imap: text.to_owned(),
                    smtp: text
                        .strip_prefix("imap.")
                        .map_or_else(|| host_alone(text), |rest| format!("smtp.{}", host_alone(rest))),
                    provider: None,
                },
            };
            Ok((server(&guess.imap, tls)?, guess))
        },
    )
}

fn password(asker: &Asker, args: &InitArgs) -> anyhow::Result<Login> {
    let absolute = |path: &PathBuf| std::path::absolute(path);
    if let Some(file) = &args.password_file {
        return Ok(Login::File(absolute(file)?));
    }
    if let Some(command) = &args.password_command {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err(wrong(
                "--password-command is empty; give a program and its arguments",
            ));
        }
        return Ok(Login::Command(words));
    }
    if args.password_stdin {
        return secret_from_stdin().map(Login::Password);
    }
    let flags = "--password-file, --password-command or --password-stdin";
    asker.secret("Password", flags).map(Login::Password)
}

/// Which folders to read, by number or name.
pub(super) fn folders(
    asker: &Asker,
    args: &InitArgs,
    answers: &mut Answers,
    names: &[String],
) -> anyhow::Result<()> {
    if !args.folder.is_empty() || !asker.asks() || names.len() < 2 {
        return Ok(());
    }
    say("Folders:")?;
    for (n, name) in names.iter().enumerate().take(MAX_FOLDERS) {
        say(&format!("  {:>3}  {}", n.saturating_add(1), printable(name)))?;
    }
    if names.len() > MAX_FOLDERS {
        say(&format!(
            "  and {} more; name them",
            names.len().saturating_sub(MAX_FOLDERS)
        ))?;
    }
    let question = Question {
        text: "Folders to read, by number or name, separated by commas (the junk folder too, if there is one)",
        flag: "folder",
        given: None,
        default: Some("INBOX"),
    };
    answers.mailbox.folders = asker.answer(&question, |text| chosen(text, names))?;
    Ok(())
}

fn chosen(text: &str, names: &[String]) -> Result<Vec<String>, String> {
    let mut folders = Vec::new();
    for choice in text.split(',').map(str::trim).filter(|choice| !choice.is_empty()) {
        let by_number = choice
            .parse::<usize>()
            .ok()
            .and_then(|n| names.get(n.checked_sub(1)?));
        let by_name = || names.iter().find(|name| name.as_str() == choice);
        let in_any_case = || names.iter().find(|name| name.eq_ignore_ascii_case(choice));
        let folder = by_name()
            .or(by_number)
            .or_else(in_any_case)
            .ok_or_else(|| format!("there is no folder {choice:?}"))?;
        if !folders.contains(folder) {
            folders.push(folder.clone());
        }
    }
    if folders.is_empty() {
        return Err("choose at least one".to_owned());
    }
    Ok(folders)
}

/// The domains whose records are shown.
pub(super) fn domains(setup: &Setup, args: &InitArgs, answers: &Answers) -> anyhow::Result<Vec<String>> {
    let given = (!args.domain.is_empty()).then(|| args.domain.join(","));
    let likely = domain_of(&answers.address);
    setup.asker.answer(
        &Question {
            text: "Your mail domains, for the DNS records to publish (separated by commas)",
            flag: "domain",
            given: given.as_deref(),
            default: Some(&likely),
        },
        |text| {
            let name = |domain: &str| {
                idna::domain_to_ascii(domain.trim_end_matches('.'))
                    .ok()
                    .filter(|name| name.contains('.') && !name.contains(char::is_whitespace))
                    .ok_or_else(|| format!("{domain:?} is no domain"))
            };
            text.split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(name)
                .collect()
        },
    )
}

fn timezone(args: &InitArgs) -> String {
    let system = || jiff::tz::TimeZone::system().iana_name().map(str::to_owned);
    args.timezone
        .clone()
        .or_else(system)
        .unwrap_or_else(|| "UTC".to_owned())
}

pub(super) fn an_address(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is no address; write for example tlsrpt@example.org");
    let address: lettre::Address = text.parse().map_err(|_| wrong())?;
    Ok(address.to_string())
}

pub(super) fn some_text(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("it is empty or has control characters".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn domain_of(address: &str) -> String {
    address
        .rsplit_once('@')
        .map_or(address, |(_, domain)| domain)
        .to_lowercase()
}

fn host_alone(server: &str) -> String {
    server.split(':').next().unwrap_or(server).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_chosen_by_number_and_name() {
        let names: Vec<String> = ["2", "INBOX", "Junk"].map(str::to_owned).to_vec();
        assert_eq!(chosen("inbox, 3", &names).unwrap(), ["INBOX", "Junk"]);
        assert_eq!(chosen("2", &names).unwrap(), ["2"], "a name goes before a number");
        assert!(chosen("4", &names).is_err());
        assert!(chosen(" , ", &names).is_err());
    }
}
