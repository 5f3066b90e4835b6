//! IMAP servers that want to hang, crash or bloat the program, polled by the real binary beside a healthy mailbox.

mod commands;
mod copying;
mod floods;
mod folders;
mod lines;
mod uidvalidity;

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::support::hostile::{Act, Acts, Hostile, given, listed, mail};
use super::support::*;

/// Of polls that a limit must end: connecting and login 4 s each, silence 4 s, all of it 12 s, besides what a busy
/// machine needs. Other polls may take their time, for a busy machine is slow, too.
const LIMITS: &str =
    "[limits]\nconnect_timeout = \"4s\"\nsilence_timeout = \"4s\"\npoll_deadline = \"12s\"\n";
/// Longest run, the healthy mailbox included.
const LONGEST: Duration = Duration::from_mins(1);
/// Most memory above that of a run on a server that behaves.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// How a poll of the server ends.
#[derive(Clone, Copy)]
enum End {
    /// Both reports are read.
    Reads,
    /// With an error that names the server, then begins with one of these steps (between `|`), and has these words.
    Fails(&'static str, &'static [&'static str]),
}

struct Row {
    name: String,
    acts: Acts,
    keys: &'static str,
    end: End,
}

fn row(name: impl Into<String>, at: &'static str, act: Act, end: End) -> Row {
    let (name, acts, keys) = (name.into(), vec![(at, act)], "");
    Row {
        name,
        acts,
        keys,
        end,
    }
}

fn say(text: impl Into<Vec<u8>>) -> Act {
    Act::Say(text.into())
}

/// The server, and the program that polls it and then a healthy mailbox.
struct Scene {
    server: Hostile,
    tlsrptd: Tlsrptd,
    /// What is configured but limits.
    mailboxes: String,
    folder: tempfile::TempDir,
}

/// Whether nothing but a limit ends a poll of a server that acts so.
fn is_waited_for(acts: &Acts) -> bool {
    let is_endless = |act: &Act| match act {
        Act::Say(text) => text.is_empty(),
        Act::Flood(..) | Act::Drip(_) => true,
        Act::SayFirst(_) | Act::End(_) | Act::ObeyAndEnd => false,
    };
    acts.iter().any(|(_, act)| is_endless(act))
}

/// How a poll ended.
struct Run {
    code: Option<i32>,
    log: String,
    took: Duration,
    peak: u64,
}

impl Scene {
    /// With further or other keys of the mailbox.
    fn new(acts: &Acts, keys: &str) -> Self {
        let folder = temporary_folder();
        let maildir = folder.path().join("m");
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(maildir.join(part)).unwrap();
        }
        let healthy = Report::quiet("healthy").mail();
        fs::write(maildir.join("new/1700000000.1.test"), healthy).unwrap();
        let server = Hostile::new(acts.clone());
        let defaults = [
            ("name", "\"hostile\"".to_owned()),
            ("host", "\"127.0.0.1\"".to_owned()),
            ("port", server.port.to_string()),
            ("tls", "\"none\"".to_owned()),
            ("user", "\"tls\"".to_owned()),
            ("password", "\"secret\"".to_owned()),
        ];
        let mailboxes = format!(
            "{}[[mailbox]]\nname = \"healthy\"\nkind = \"maildir\"\npath = {}\n",
            section("[[mailbox]]", &defaults, keys),
            quoted(&maildir)
        );
        let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
        let scene = Self {
            server,
            tlsrptd,
            mailboxes,
            folder,
        };
        scene.set(acts);
        scene
    }

    /// Lets the server behave otherwise from the next command on.
    fn set(&self, acts: &Acts) {
        self.server.set(acts.clone());
        let limits = if is_waited_for(acts) { LIMITS } else { "" };
        self.tlsrptd.configure(&format!("{}{limits}", self.mailboxes));
    }

    fn poll(&self) -> Run {
        self.poll_by(self.tlsrptd.command(&["poll"]))
    }

    fn poll_by(&self, command: Command) -> Run {
        let started = Instant::now();
        let mut child = self.spawn(command);
        let mut peak = 0;
        let status = until("the poll to end", LONG, || {
            // It only grows, so that the last look counts. What wait4 gives holds the memory of the test itself.
            peak = peak_of(child.id()).unwrap_or(peak);
            child.try_wait().unwrap()
        });
        Run {
            code: status.code(),
            log: self.log(),
            took: started.elapsed(),
            peak,
        }
    }

    fn spawn(&self, mut command: Command) -> Child {
        let log = File::create(self.folder.path().join("log")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// What the last poll said.
    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }

    /// How many mails of a mailbox ended so.
    fn mails(&self, mailbox: &str, outcome: &str) -> i64 {
        let n = self.database().query_row(
            "SELECT count(*) FROM mails WHERE outcome = ?1 AND source = ?2",
            [outcome, mailbox],
            |row| row.get(0),
        );
        n.unwrap()
    }

    /// The reports that count, sorted.
    fn reports(&self) -> Vec<String> {
        let database = self.database();
        let mut query = database
            .prepare("SELECT report_id FROM reports ORDER BY report_id")
            .unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Looked into directly, for there are hundreds of polls to look at.
    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.tlsrptd.database()).unwrap()
    }

    /// What the server must never bring about: a mail that is neither in INBOX nor stored, or, when it is moved,
    /// neither in INBOX nor in the folder that it was moved to.
    fn losses(&self, keys: &str) -> Vec<String> {
        let stored = self.reports();
        let is_lost = |n: u32| {
            let (n_inbox, n_moved) = self.server.copies(n);
            let is_stored = stored.contains(&format!("hostile-{n}"));
            n_inbox == 0 && (!is_stored || (keys.contains("move") && n_moved == 0))
        };
        let lost = [1, 2].into_iter().filter(|n| is_lost(*n));
        lost.map(|n| format!("mail {n} is lost")).collect()
    }
}

/// The largest resident set that a process has had, in bytes.
fn peak_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
}

/// The memory of a run on a server that behaves.
fn usual_memory() -> u64 {
    static USUAL: OnceLock<u64> = OnceLock::new();
    *USUAL.get_or_init(|| {
        let scene = Scene::new(&Vec::new(), "");
        let run = scene.poll();
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert_eq!(scene.reports().len(), 3);
        run.peak
    })
}

/// What is wrong with what became of a row.
fn faults(row: &Row, scene: &Scene) -> Vec<String> {
    let run = scene.poll();
    let above = run.peak.saturating_sub(usual_memory());
    let mut faults = Vec::new();
    let mut demand = |is_so: bool, what: String| {
        if !is_so {
            faults.push(format!("{}: {what}; its log:\n{}", row.name, run.log));
        }
    };
    let (code, n_reports) = match row.end {
        End::Reads => (0, Some(2)),
        End::Fails(steps, words) => {
            let server = format!("127.0.0.1:{}: ", scene.server.port);
            let names = |step: &str| run.log.contains(&format!("{server}{step}"));
            let is_named = !steps.is_empty() && steps.split('|').any(names);
            demand(is_named, format!("the server, and then {steps:?}, are not named"));
            for word in words {
                demand(run.log.contains(word), format!("{word:?} is not said"));
            }
            (3, None)
        }
    };
    demand(run.code == Some(code), format!("exit status {:?}", run.code));
    let is_clean = !run.log.contains(|c: char| c.is_control() && c != '\n');
    demand(is_clean, format!("control characters in {:?}", run.log));
    demand(!run.log.contains("panicked"), "a panic".to_owned());
    demand(!run.log.contains("secret"), "the password is told".to_owned());
    demand(run.log.len() < 2000, format!("{} bytes are said", run.log.len()));
    demand(run.took < LONGEST, format!("it took {:?}", run.took));
    demand(above < MOST_MEMORY, format!("it took {} MiB", above >> 20));
    if let Some(n_reports) = n_reports {
        let n_read = scene.mails("hostile", "stored");
        demand(n_read == n_reports, format!("{n_read} reports"));
    }
    let n_healthy = scene.mails("healthy", "stored");
    demand(
        n_healthy == 1,
        format!("{n_healthy} reports of the healthy mailbox"),
    );
    for loss in scene.losses(row.keys) {
        demand(false, loss);
    }
    faults
}

#[track_caller]
fn check(rows: &[Row]) {
    let faults_of = |row: &Row| faults(row, &Scene::new(&row.acts, row.keys));
    let faults: Vec<String> = rows.iter().flat_map(faults_of).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
