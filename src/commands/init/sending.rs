//! Who gets the digest, and what carries it.

use super::Setup;
use super::answers::{Answers, Login, Sending};
use super::ask::{Asker, Question};
use super::providers::{self, Guess, server};
use super::questions::{an_address, domain_of, some_text};
use crate::cli::InitArgs;
use crate::config::{Provider, TlsMode};

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
            text: "Server that takes the digest (localhost:25 is the one of this machine; or sendmail)",
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
        Some(server) => {
            let account = account(asker, args, answers, server.tls)?;
            Sending::Server(server, account)
        }
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

/// The login at the mail server; `None` for none, as is likely where there is no TLS.
fn account(
    asker: &Asker,
    args: &InitArgs,
    answers: &Answers,
    tls: TlsMode,
) -> anyhow::Result<Option<(String, Login)>> {
    let likely = match tls {
        TlsMode::None => "none",
        TlsMode::Implicit | TlsMode::Starttls => &answers.mailbox.user,
    };
    let user = asker.answer(
        &Question {
            text: "Login name there (none for no login)",
            flag: "smtp-user",
            given: args.smtp_user.as_deref(),
            default: Some(likely),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mailbox_gets_no_digest() {
        assert!(recipients("a@example.org, TLSRPT@example.org", "tlsrpt@example.org").is_err());
        assert_eq!(
            recipients("a@example.org,b@example.org", "tlsrpt@example.org").unwrap(),
            ["a@example.org", "b@example.org"]
        );
    }
}
