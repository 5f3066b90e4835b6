//! What strangers can send at its worst, on the real program: every mail gets its outcome, the mail after it is
//! read, memory stays bounded (`mails`), and nothing that was stored forges any output (`outputs`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    reason = "a test may panic, and a table is as long as it is"
)]

mod mails;
mod outputs;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a configuration, a fresh database and a folder for mails.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("mails")).unwrap();
        fs::create_dir(root.join("outbox")).unwrap();
        let path = |name: &str| root.join(name).display().to_string();
        let config = format!(
            "[authentication]\nmode = \"off\"\n[store]\npath = {:?}\nretention = \"forever\"\n\
             [[mailbox]]\nname = \"rua\"\nkind = \"maildir\"\npath = {:?}\nsince = \"forever\"\n\
             [digest]\nfrom = \"tlsrptd@example.org\"\nto = [\"ops@example.org\"]\nannounce_days = 0\n\
             [smtp]\ntransport = \"file\"\npath = {:?}\n",
            path("tlsrptd.db"),
            path("Maildir"),
            path("outbox"),
        );
        fs::write(root.join("tlsrptd.toml"), config).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn mails(&self) -> PathBuf {
        self.path().join("mails")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlsrptd"));
        command
            .env_clear()
            .current_dir(self.path())
            .args(["--config", "tlsrptd.toml"])
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output of a run that must succeed.
    fn print(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn sql(&self, query: &str) -> Vec<Value> {
        serde_json::from_str(&self.print(&["sql", "--format", "json", query])).unwrap()
    }
}
