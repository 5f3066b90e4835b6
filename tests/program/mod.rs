//! The real binary, with the configuration of a folder.

pub(crate) mod clock;
mod faketime;

use std::path::Path;
use std::process::{Command, Output};

/// The binary, to be run in `folder` with its `tlsrptd.toml`, on [`clock::TODAY`], and with nothing else of the environment.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsrptd"));
    command
        .args(arguments)
        .arg("--config")
        .arg(folder.join("tlsrptd.toml"))
        .env_clear()
        .envs(clock::set())
        .current_dir(folder);
    command
}

/// Runs it, demands its exit status and gives what it printed; where it failed, with what it said on standard error.
#[track_caller]
pub(crate) fn run(mut command: Command, status: i32) -> String {
    let Output {
        status: ended,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    assert_eq!(ended.code(), Some(status), "{command:?}:\n{text}");
    if status == 0 {
        String::from_utf8(stdout).unwrap()
    } else {
        text
    }
}
