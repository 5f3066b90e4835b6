//! Where passwords and tokens come from. Their values never reach logs, errors or `Debug`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;

use super::{AuthMethod, ConfigError, OAuth2Config};

/// Limit for a password or token command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest secret, in bytes; OAuth tokens reach a few kilobytes.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Where a secret comes from; read anew for each connection.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The value itself, from the configuration.
    Plain(SecretString),
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A command that prints it; program and arguments, no shell.
    Command(Vec<String>),
    /// A name in systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// Where the password or token of a login comes from.
#[derive(Debug, Clone)]
pub enum LoginSource {
    /// A secret that is there already, or that a command prints.
    Secret(SecretSource),
    /// Access tokens that we fetch ourselves.
    OAuth2(Box<OAuth2Config>),
}

/// Why a secret could not be had; the attempt may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("cannot read the secret in {path}: {cause}; check the path and that this user may read it")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not; its text is part of the message.
        cause: std::io::Error,
    },
    /// The variable isn't set.
    #[error("the environment variable {0} is not set; set it for this process")]
    Env(String),
    /// Not run by systemd with credentials.
    #[error(
        "$CREDENTIALS_DIRECTORY is not set, so the credential {0:?} can't be read; start by systemd with LoadCredential={0}:FILE"
    )]
    NoCredentials(String),
    /// The command failed.
    #[error("the secret command {program:?} {problem}; run it by hand as this user")]
    Command {
        /// The program.
        program: String,
        /// What happened.
        problem: String,
    },
    /// Nothing came, or far too much.
    #[error(
        "{0} gives no usable secret: it is empty, not UTF-8, has several lines or is larger than 64 KiB; let it give the secret alone"
    )]
    Unusable(String),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] says which source failed, never what it held.
    pub async fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Plain(secret) => Ok(secret.clone()),
            Self::File(path) => read_file(path),
            Self::Env(name) => std::env::var(name)
                .map(Into::into)
                .map_err(|_| SecretError::Env(name.clone())),
            Self::Command(command) => run(command).await,
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
                read_file(&Path::new(&folder).join(name))
            }
        }
    }
}

fn read_file(path: &Path) -> Result<SecretString, SecretError> {
    let bytes = std::fs::read(path).map_err(|cause| SecretError::File {
        path: path.to_owned(),
        cause,
    })?;
    clean(bytes, &path.display().to_string())
}

async fn run(command: &[String]) -> Result<SecretString, SecretError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| SecretError::Unusable("the command".into()))?;
    let failed = |problem: String| SecretError::Command {
        program: program.clone(),
        problem,
    };
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("can't be started: {error}")))?;
    let output = tokio::time::timeout(COMMAND_TIMEOUT, child.wait_with_output())
        .await
        .map_err(|_| failed("did not end within 30 seconds".to_owned()))?
        .map_err(|error| failed(format!("can't be read: {error}")))?;
    if output.status.success() {
        clean(output.stdout, program)
    } else {
        let stderr: String = String::from_utf8_lossy(&output.stderr)
            .trim()
            .chars()
            .take(200)
            .collect();
        Err(failed(format!("ended with {}: {stderr:?}", output.status)))
    }
}

/// Takes off the final line break, the classic trap of secret files.
fn clean(bytes: Vec<u8>, what: &str) -> Result<SecretString, SecretError> {
    let unusable = || SecretError::Unusable(what.to_owned());
    let text = String::from_utf8(bytes).map_err(|_| unusable())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.len() > MAX_SECRET_BYTES || line.contains(['\r', '\n', '\0']) {
        return Err(unusable());
    }
    Ok(line.into())
}

/// The keys of one section that may hold a secret.
pub(super) struct Given<'a> {
    pub(super) plain: Option<&'a SecretString>,
    pub(super) file: Option<&'a Path>,
    pub(super) env: Option<&'a str>,
    pub(super) command: Option<&'a [String]>,
    pub(super) credential: Option<&'a str>,
    pub(super) token_command: Option<&'a [String]>,
    /// The section that `oauth2` refers to.
    pub(super) oauth2: Option<&'a OAuth2Config>,
}

impl Given<'_> {
    /// The sources of a password or client secret, each with what the key `prefix` is followed by.
    fn sources(&self) -> Vec<(&'static str, SecretSource)> {
        [
            self.plain.map(|secret| ("", SecretSource::Plain(secret.clone()))),
            self.file
                .map(|path| ("_file", SecretSource::File(path.to_owned()))),
            self.env.map(|name| ("_env", SecretSource::Env(name.to_owned()))),
            self.command
                .map(|command| ("_command", SecretSource::Command(command.to_vec()))),
            self.credential
                .map(|name| ("_credential", SecretSource::Credential(name.to_owned()))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Demands no more than one source; `key` is that of the value itself.
pub(super) fn at_most_one(
    place: &str,
    key: &str,
    given: &Given<'_>,
) -> Result<Option<SecretSource>, ConfigError> {
    if given.command.is_some_and(<[String]>::is_empty) {
        return Err(ConfigError::value(
            place,
            format!(
                "{key}_command is empty; write a program and its arguments, as in [\"pass\", \"show\", \"mail\"]"
            ),
        ));
    }
    let sources = given.sources();
    if sources.len() > 1 {
        return Err(ConfigError::value(
            place,
            format!("{} are given; keep exactly one", names(key, &sources)),
        ));
    }
    Ok(sources.into_iter().next().map(|(_, source)| source))
}

fn names(key: &str, sources: &[(&str, SecretSource)]) -> String {
    let names: Vec<String> = sources.iter().map(|(end, _)| format!("{key}{end}")).collect();
    names.join(" and ")
}

/// Demands that there is no source: without a login name it would be of no use.
pub(super) fn none(place: &str, given: &Given<'_>) -> Result<(), ConfigError> {
    if given.oauth2.is_some() {
        let problem = "there is oauth2, but no user; add user, or take the other out";
        return Err(ConfigError::value(place, problem));
    }
    if !given.sources().is_empty() || given.token_command.is_some() {
        let problem = "there is a password or token_command, but no user; add user, or take the other out";
        return Err(ConfigError::value(place, problem));
    }
    Ok(())
}

/// Demands exactly one source of the kind that `auth` needs.
pub(super) fn exactly_one(
    place: &str,
    auth: AuthMethod,
    given: &Given<'_>,
) -> Result<LoginSource, ConfigError> {
    let wrong = |problem: &str| Err(ConfigError::value(place, problem));
    if given.token_command.is_some_and(<[String]>::is_empty) {
        return wrong(
            "token_command is empty; write a program and its arguments, as in [\"pass\", \"show\", \"mail\"]",
        );
    }
    let password = at_most_one(place, "password", given)?;
    match (auth, given.token_command, given.oauth2, password) {
        (AuthMethod::Xoauth2, Some(command), None, None) => {
            Ok(LoginSource::Secret(SecretSource::Command(command.to_vec())))
        }
        (AuthMethod::Xoauth2, None, Some(section), None) => {
            section.complete()?;
            Ok(LoginSource::OAuth2(Box::new(section.clone())))
        }
        (AuthMethod::Xoauth2, _, _, _) => {
            wrong("auth = \"xoauth2\" needs either oauth2 or token_command, and no password")
        }
        (AuthMethod::Password, Some(_), _, _) => wrong("token_command needs auth = \"xoauth2\""),
        (AuthMethod::Password, None, Some(_), _) => wrong("oauth2 needs auth = \"xoauth2\""),
        (AuthMethod::Password, None, None, Some(source)) => Ok(LoginSource::Secret(source)),
        (AuthMethod::Password, None, None, None) => wrong(
            "there is no password; give password_file, password_env, password_command, \
             password_credential or password",
        ),
    }
}
