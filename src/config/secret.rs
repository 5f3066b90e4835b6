//! Where passwords and tokens come from. Their values never reach logs, errors or `Debug`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;

use super::{AuthMethod, ConfigError};

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
}

/// Demands that there is no source: without a login name it would be of no use.
pub(super) fn none(place: &str, given: &Given<'_>) -> Result<(), ConfigError> {
    let password = given.plain.is_some()
        || given.file.is_some()
        || given.env.is_some()
        || given.command.is_some()
        || given.credential.is_some();
    if password || given.token_command.is_some() {
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
) -> Result<SecretSource, ConfigError> {
    let passwords: Vec<(&str, SecretSource)> = [
        given
            .plain
            .map(|secret| ("password", SecretSource::Plain(secret.clone()))),
        given
            .file
            .map(|path| ("password_file", SecretSource::File(path.to_owned()))),
        given
            .env
            .map(|name| ("password_env", SecretSource::Env(name.to_owned()))),
        given
            .command
            .map(|command| ("password_command", SecretSource::Command(command.to_vec()))),
        given
            .credential
            .map(|name| ("password_credential", SecretSource::Credential(name.to_owned()))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let names = || {
        passwords
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let wrong = |problem: String| ConfigError::value(place, problem);
    for (name, command) in [
        ("password_command", given.command),
        ("token_command", given.token_command),
    ] {
        if command.is_some_and(<[String]>::is_empty) {
            return Err(wrong(format!(
                "{name} is empty; write a program and its arguments, as in [\"pass\", \"show\", \"mail\"]"
            )));
        }
    }
    match (auth, given.token_command, passwords.as_slice()) {
        (AuthMethod::Xoauth2, Some(command), []) => Ok(SecretSource::Command(command.to_vec())),
        (AuthMethod::Xoauth2, _, _) => Err(wrong(
            "auth = \"xoauth2\" needs token_command, and no password".to_owned(),
        )),
        (AuthMethod::Password, Some(_), _) => Err(wrong("token_command needs auth = \"xoauth2\"".to_owned())),
        (AuthMethod::Password, None, [(_, source)]) => Ok(source.clone()),
        (AuthMethod::Password, None, []) => Err(wrong(
            "there is no password; give password_file, password_env, password_command, \
             password_credential or password"
                .to_owned(),
        )),
        (AuthMethod::Password, None, _) => Err(wrong(format!("{} are given; keep exactly one", names()))),
    }
}
