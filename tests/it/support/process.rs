//! Child processes that end with the test, found by their own pid and never by name.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};

use super::wait::{LONG, until};

/// Ticks of CPU time in a second, on every machine that Linux runs on today.
const USER_HZ: u64 = 100;

/// A server of the test.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts a server, which must lead a process group of its own (Postfix sees to that itself), and waits until
    /// `port` answers; `None` if it ended first, as it does when another process has taken one of its ports.
    pub(crate) fn start(command: &mut Command, output: &Path, port: u16) -> Option<Self> {
        Self::start_until(command, output, || greets(port))
    }

    /// The same for a server that says nothing before it is asked.
    pub(crate) fn start_silent(command: &mut Command, output: &Path, port: u16) -> Option<Self> {
        Self::start_until(command, output, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        })
    }

    fn start_until(command: &mut Command, output: &Path, is_up: impl Fn() -> bool) -> Option<Self> {
        rustix::process::set_child_subreaper(Some(pid(std::process::id()))).unwrap();
        let log = File::create(output).unwrap();
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start {}: {error}; run ./test, which installs it",
                    program.display()
                )
            });
        let mut server = Self { child };
        until("a server's greeting", LONG, || {
            if server.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            is_up().then_some(true)
        })
        .then_some(server)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The processes that it has started and that run `name` (at most 15 characters).
    pub(crate) fn children(&self, name: &str) -> Vec<u32> {
        let list = format!("/proc/{0}/task/{0}/children", self.pid());
        let is_named =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
        let children = fs::read_to_string(list).unwrap_or_default();
        children
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .filter(is_named)
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its group holds only what it has started itself; nothing worth keeping is left in a test's folder.
        let leader = pid(self.pid());
        let _gone = if rustix::process::getpgid(Some(leader)) == Ok(leader) {
            rustix::process::kill_process_group(leader, Signal::KILL)
        } else {
            rustix::process::kill_process(leader, Signal::KILL)
        };
        let _reaped = self.child.wait();
        // Its own children have become ours: they are gone when the folder goes, and leave no zombies behind.
        while matches!(
            rustix::process::waitpgid(leader, WaitOptions::empty()),
            Ok(Some(_))
        ) {}
    }
}

/// Sends a signal to a process that the test has started.
pub(crate) fn signal(process: u32, signal: Signal) {
    rustix::process::kill_process(pid(process), signal).unwrap();
}

fn pid(raw: u32) -> Pid {
    Pid::from_raw(raw.try_into().unwrap()).unwrap()
}

/// Whether something on this port says its greeting.
fn greets(port: u16) -> bool {
    use std::io::Read as _;
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.read(&mut [0; 200]).is_ok_and(|n_bytes| n_bytes > 0)
}

/// Waits until something listens on this port.
pub(crate) fn listens(port: u16) {
    until("a server to listen", LONG, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
    });
}

/// Starts a program, given as the arguments, in namespaces of its own: all that it has started ends with it, also
/// what has left its process group, and what it mounts is seen by no one else.
pub(crate) fn namespace() -> Command {
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child=KILL"]);
    command.process_group(0);
    command
}

/// Tries again with other ports where one was taken meanwhile.
pub(crate) fn retry<T>(what: &str, log: &Path, mut start: impl FnMut() -> Option<T>) -> T {
    (0..5).find_map(|_| start()).unwrap_or_else(|| {
        panic!(
            "{what} ended at once, five times:\n{}",
            fs::read_to_string(log).unwrap_or_default()
        )
    })
}

/// What libfaketime reads, where all the tests run under another clock (`faketime '2027-03-28 12:00' ...`): a program
/// without it would live on another day than its test and the servers.
pub(crate) fn clock() -> impl Iterator<Item = (&'static str, OsString)> {
    let names = ["LD_PRELOAD", "FAKETIME"].into_iter();
    names.filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// What `name` in /proc says of each thread of a process; the program works in a thread of its own.
pub(crate) fn of_threads(pid: u32, name: &str) -> String {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return String::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join(name)).ok())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a thread of a process waits for a CPU, has one, or waits for a disk.
pub(crate) fn is_held_up(pid: u32) -> bool {
    let threads = of_threads(pid, "stat");
    // `PID (NAME) STATE ...`
    threads
        .split(") ")
        .skip(1)
        .any(|rest| rest.starts_with(['R', 'D']))
}

/// The time that a process has computed so far, in user and system mode; 0 if it is gone.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let (_, rest) = stat.rsplit_once(") ").unwrap_or_default();
    let n_ticks: u64 = rest
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(n_ticks * 1000 / USER_HZ)
}
