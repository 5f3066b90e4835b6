//! What OAuth 2 asks for, where the provider demands it or a person prefers it.

use std::path::PathBuf;

use super::Setup;
use super::answers::OAuth2;
use super::ask::{Question, say, wrong};
use super::place;
use super::questions::some_text;
use crate::cli::InitArgs;
use crate::config::Provider;

/// OAuth 2 where the provider demands it, or where a person prefers it.
pub(super) fn oauth2(
    setup: &mut Setup,
    args: &InitArgs,
    provider: Option<Provider>,
) -> anyhow::Result<Option<OAuth2>> {
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
