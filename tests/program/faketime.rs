//! libfaketime. Its command would stand between a program and our signals.

use std::path::PathBuf;

/// The library that changes the clock of a program that loads it.
#[expect(clippy::expect_used, reason = "a test may panic")]
pub(crate) fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    folders
        .map(|folder| folder.unwrap().path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime is missing; run ./test, which installs it")
}
