//! The program under test: the real binary.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::process;
use super::wait::LONG;

/// How often a program that is to end is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What a verb said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// How long it took from the start, or from [`Running::terminate`].
    pub(crate) took: Duration,
}

impl Ended {
    /// Demands an exit status.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Demands that each of `words` is in the output.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        let all = self.all();
        for word in words {
            assert!(all.contains(word), "{word:?} is not in:\n{all}");
        }
        self
    }

    /// Demands that none of `words` is in the output.
    #[track_caller]
    pub(crate) fn never_says(self, words: &[&str]) -> Self {
        let all = self.all();
        for word in words {
            assert!(!all.contains(word), "{word:?} is in:\n{all}");
        }
        self
    }

    fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A configuration and a database of the program.
pub(crate) struct Tlsrptd {
    folder: PathBuf,
}

impl Tlsrptd {
    /// One whose files lie in `folder`, with `configuration` beside `[store]` path.
    pub(crate) fn new(folder: &Path, configuration: &str) -> Self {
        fs::create_dir_all(folder).unwrap();
        let program = Self {
            folder: folder.to_owned(),
        };
        program.configure(configuration);
        program
    }

    /// Writes another configuration.
    pub(crate) fn configure(&self, configuration: &str) {
        let database = self.database();
        let text = format!(
            "{}[store]\npath = {:?}\n{configuration}",
            // The mails of these tests are unsigned.
            if configuration.contains("[authentication]") {
                ""
            } else {
                "[authentication]\nmode = \"off\"\n"
            },
            database.display().to_string()
        );
        fs::write(self.config(), text).unwrap();
        fs::set_permissions(self.config(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("tlsrptd.db")
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("tlsrptd.toml")
    }

    /// The binary with `--config` and a clean environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        command.args(arguments).arg("--config").arg(self.config());
        command
    }

    /// Runs a verb to its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Running::start(&mut self.command(arguments)).wait(LONG)
    }

    /// Runs a verb with `input` on standard input.
    #[track_caller]
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ended {
        Running::start_with_input(&mut self.command(arguments), input).wait(LONG)
    }

    /// Starts a verb and goes on.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// The rows of a query, each an object keyed by column.
    #[track_caller]
    pub(crate) fn sql(&self, query: &str) -> Vec<Value> {
        let ended = self.run(&["sql", query, "--format", "json"]).exits(0);
        match serde_json::from_str(&ended.stdout) {
            Ok(Value::Array(rows)) => rows,
            other => panic!("{query:?} gives {other:?} from:\n{}", ended.stdout),
        }
    }

    /// The one value of the one row of a query.
    #[track_caller]
    pub(crate) fn value(&self, query: &str) -> Value {
        let rows = self.sql(query);
        let [Value::Object(row)] = rows.as_slice() else {
            panic!("{query:?} gives {rows:?}");
        };
        assert_eq!(row.len(), 1, "{query:?} gives {row:?}");
        row.values().next().unwrap().clone()
    }

    /// The one number of a query; 0 while there is no database.
    #[track_caller]
    pub(crate) fn count(&self, query: &str) -> i64 {
        if !self.database().exists() {
            return 0;
        }
        self.value(query).as_i64().unwrap()
    }

    /// How many mails ended so.
    #[track_caller]
    pub(crate) fn mails(&self, outcome: &str) -> i64 {
        self.count(&format!(
            "SELECT count(*) AS n FROM mails WHERE outcome = '{outcome}'"
        ))
    }

    /// How many reports count.
    #[track_caller]
    pub(crate) fn reports(&self) -> i64 {
        self.count("SELECT count(*) AS n FROM reports")
    }
}

/// The binary in a clean environment, in the root folder, by the clock of its test.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsrptd"));
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TZ", "UTC")
        .envs(process::clock())
        .current_dir("/");
    command
}

/// A verb at work; killed when dropped.
pub(crate) struct Running {
    child: Child,
    since: Instant,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<()>>,
    log: Arc<Mutex<String>>,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with_input(command, b"")
    }

    fn start_with_input(command: &mut Command, input: &[u8]) -> Self {
        let since = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
        // The program need not read its input; a pipe closed early is its own affair.
        std::thread::spawn(move || stdin.write_all(&input));
        let mut stdout = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, lines) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let stderr = std::thread::spawn(move || collect(stderr, &lines));
        Self {
            child,
            since,
            stdout: Some(stdout),
            stderr: Some(stderr),
            log,
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends SIGTERM and waits for the end, which must come within `limit` of the program's own time: when it is asleep,
    /// for whatever it waits, and when it computes. That it waits for a CPU or a disk is the machine's affair.
    #[track_caller]
    pub(crate) fn terminate(mut self, limit: Duration) -> Ended {
        let pid = self.pid();
        let computed_before = process::cpu_time(pid);
        self.since = Instant::now();
        process::signal(pid, Signal::TERM);
        let mut asleep = Duration::ZERO;
        let mut looked_at = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            std::thread::sleep(LOOK);
            let passed = looked_at.elapsed();
            looked_at = Instant::now();
            if !process::is_held_up(pid) {
                // When we couldn't look, it may have been held up as well.
                asleep += passed.min(LOOK * 5);
            }
            let computed = process::cpu_time(pid).saturating_sub(computed_before);
            assert!(
                asleep + computed < limit && self.since.elapsed() < LONG,
                "it did not end within {limit:?}: {asleep:?} asleep, {computed:?} computing, {:?} by the wall; its \
                 log:\n{}",
                self.since.elapsed(),
                self.log()
            );
        }
        self.wait(LONG)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        process::signal(self.pid(), signal);
    }

    /// Whether it ends by itself within `limit`.
    pub(crate) fn ends_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < limit {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_micros(500).min(limit));
        }
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills it as the kernel does when memory is short.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(mut self, limit: Duration) -> Ended {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                self.since.elapsed() < limit,
                "it did not end within {limit:?}; its log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = self.since.elapsed();
        self.stderr.take().unwrap().join().unwrap();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        Ended {
            code: status.code(),
            stdout,
            stderr: self.log(),
            took,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn collect(stderr: impl Read, log: &Mutex<String>) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).unwrap() > 0 {
        log.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
}
