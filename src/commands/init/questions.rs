//! The questions, in their order.

use std::path::PathBuf;

use super::Setup;
use super::answers::{Answers, Login, Mailbox, OAuth2, Sending};
use super::ask::{Asker, Question, say, secret_from_stdin, wrong};
use super::place;
use super::providers::{self, Guess, Server, server};
use crate::cli::{InitArgs, Tls};
use crate::commands::output::printable;
use crate::config::{Provider, TlsMode};

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

/// OAuth 2 where the provider demands it, or where a person prefers it.
fn oauth2(setup: &mut Setup, args: &InitArgs, provider: Option<Provider>) -> anyhow::Result<Option<OAuth2>> {
    let Some(provider) = provider else {
        return match args.client_id {
            Some(_) => Err(wrong(
                "--client-id is for --imap google or --imap microsoft; for others see docs/oauth.md",
            )),
            None => Ok(None),
        };
    };
    let has_password = args.password_file.is_some() || args.password_command.is_some() || args.password_stdin;
    if provider == Provider::Google && args.client_id.is_none() {
        let offers =
            "Google takes an app password (it needs 2-step verification), or OAuth 2 (docs/oauth.md).";
        if has_password || !setup.asker.asks() {
            return Ok(None);
        }
        say(offers)?;
        if !setup.asker.confirm("OAuth 2?", false)? {
            return Ok(None);
        }
    }
    if provider == Provider::Microsoft && has_password {
        return Err(wrong(
            "Microsoft takes no passwords over IMAP; give --client-id and see docs/oauth.md",
        ));
    }
    say("docs/oauth.md leads through what the provider wants, and where the following comes from.")?;
    oauth2_section(setup, args, provider).map(Some)
}

fn oauth2_section(setup: &mut Setup, args: &InitArgs, provider: Provider) -> anyhow::Result<OAuth2> {
    let client_id = setup.asker.answer(
        &Question {
            text: "Application (client) id",
            flag: "client-id",
            given: args.client_id.as_deref(),
            default: None,
        },
        some_text,
    )?;
    let tenant = match provider {
        Provider::Microsoft => Some(setup.asker.answer(
            &Question {
                text: "Directory (tenant) id or domain; consumers for Outlook.com",
                flag: "tenant",
                given: args.tenant.as_deref(),
                default: None,
            },
            some_text,
        )?),
        Provider::Google | Provider::Custom => None,
    };
    let asks = setup.asker.asks();
    let person = match provider {
        Provider::Microsoft if asks && args.refresh_token_file.is_none() => setup.asker.confirm(
            "Authorised by a person (refresh token)? Otherwise client credentials.",
            false,
        )?,
        _ => true,
    };
    let client_secret_file = match &args.client_secret_file {
        Some(file) => Some(std::path::absolute(file)?),
        None if asks && (provider == Provider::Google || !person) => {
            Some(typed(setup, "Client secret", "client-secret")?)
        }
        None => None,
    };
    let refresh_token_file = match &args.refresh_token_file {
        Some(file) => Some(std::path::absolute(file)?),
        None if asks && person => {
            let database = args.database.clone();
            let database = database.unwrap_or_else(|| place::default_database(&setup.config));
            let path = std::path::absolute(database)?.with_file_name("refresh-token");
            Some(typed_into(setup, "Refresh token", path)?)
        }
        None => None,
    };
    Ok(OAuth2 {
        provider,
        tenant,
        client_id,
        client_secret_file,
        refresh_token_file,
    })
}

/// A secret that is typed, in a file beside the configuration.
fn typed(setup: &mut Setup, text: &str, name: &str) -> anyhow::Result<PathBuf> {
    let path = setup.beside(name);
    typed_into(setup, text, path)
}

fn typed_into(setup: &mut Setup, text: &str, path: PathBuf) -> anyhow::Result<PathBuf> {
    use secrecy::ExposeSecret;
    let secret = setup.asker.secret(text, "the flag for its file")?;
    setup.write(&path, secret.expose_secret().as_bytes())?;
    Ok(path)
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

/// Who gets the digest, and what carries it.
pub(super) fn sending(setup: &Setup, args: &InitArgs, answers: &mut Answers) -> anyhow::Result<()> {
    let asker = &setup.asker;
    let given = (!args.to.is_empty()).then(|| args.to.join(","));
    let mailbox = answers.address.clone();
    answers.to = asker.answer(
        &Question {
            text: "Who gets the digest (addresses, separated by commas)",
            flag: "to",
            given: given.as_deref(),
            default: None,
        },
        |text| recipients(text, &mailbox),
    )?;
    let guess = match &answers.oauth2 {
        Some(oauth2) if oauth2.provider == Provider::Microsoft => providers::microsoft(&domain_of(&mailbox)),
        Some(_) => providers::google(),
        None => likely_sender(&answers.mailbox.server.host, &mailbox),
    };
    let tls = args.smtp_tls.map(TlsMode::from);
    let to_server = asker.answer(
        &Question {
            text: "Server that takes the digest (or sendmail)",
            flag: "smtp",
            given: args.smtp.as_deref(),
            default: Some(&guess.smtp),
        },
        |text| match text {
            "sendmail" => Ok(None),
            _ => server(text, tls).map(Some),
        },
    )?;
    answers.sending = match to_server {
        None => Sending::Sendmail,
        Some(server) => Sending::Server(server, account(asker, args, answers)?),
    };
    let from = &Question {
        text: "The digest's sender",
        flag: "from",
        given: args.from.as_deref(),
        default: Some(&mailbox),
    };
    // Most servers take no other sender than the account; asked only where it is likely to matter.
    answers.from = match &answers.sending {
        Sending::Server(_, Some(_)) if args.from.is_none() => mailbox,
        _ => asker.answer(from, an_address)?,
    };
    Ok(())
}

/// After a failure.
pub(super) fn forget_sending(args: &mut InitArgs, answers: &Answers) {
    args.to.clone_from(&answers.to);
    args.smtp = None;
    args.smtp_tls = None;
    args.smtp_user = None;
    args.smtp_password_file = None;
}

fn likely_sender(imap: &str, mailbox: &str) -> Guess {
    let by_domain = providers::guess(&domain_of(mailbox));
    if by_domain.imap == imap {
        return by_domain;
    }
    let google = providers::google();
    if google.imap == imap {
        return google;
    }
    let smtp = imap
        .strip_prefix("imap.")
        .map_or_else(|| imap.to_owned(), |rest| format!("smtp.{rest}"));
    Guess { smtp, ..by_domain }
}

/// The login at the mail server; `None` for none.
fn account(asker: &Asker, args: &InitArgs, answers: &Answers) -> anyhow::Result<Option<(String, Login)>> {
    let user = asker.answer(
        &Question {
            text: "Login name there (none for no login)",
            flag: "smtp-user",
            given: args.smtp_user.as_deref(),
            default: Some(&answers.mailbox.user),
        },
        some_text,
    )?;
    if user == "none" {
        return Ok(None);
    }
    if let Some(file) = &args.smtp_password_file {
        return Ok(Some((user, Login::File(std::path::absolute(file)?))));
    }
    let login = if user == answers.mailbox.user {
        answers.mailbox.login.clone()
    } else {
        Login::Password(asker.secret("Password there", "--smtp-password-file")?)
    };
    Ok(Some((user, login)))
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

fn recipients(text: &str, mailbox: &str) -> Result<Vec<String>, String> {
    let to: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(an_address)
        .collect::<Result<_, _>>()?;
    if to.is_empty() {
        return Err("name at least one address".to_owned());
    }
    if to.iter().any(|to| to.eq_ignore_ascii_case(mailbox)) {
        return Err(format!(
            "{mailbox:?} is the mailbox that is read; name another address, which people read"
        ));
    }
    Ok(to)
}

fn an_address(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is no address; write for example tlsrpt@example.org");
    let address: lettre::Address = text.parse().map_err(|_| wrong())?;
    Ok(address.to_string())
}

fn some_text(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("it is empty or has control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn domain_of(address: &str) -> String {
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

    #[test]
    fn the_mailbox_gets_no_digest() {
        assert!(recipients("a@example.org, TLSRPT@example.org", "tlsrpt@example.org").is_err());
        assert_eq!(
            recipients("a@example.org,b@example.org", "tlsrpt@example.org").unwrap(),
            ["a@example.org", "b@example.org"]
        );
    }
}
