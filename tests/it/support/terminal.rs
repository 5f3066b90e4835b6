//! The program on a terminal: a pseudo-terminal that is read and typed into.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::tlsrptd::binary;
use super::wait::{LONG, until};

/// A verb at work on a terminal; killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
    /// Ends when all that was shown is on the screen, and nobody is there any more to show more.
    reader: JoinHandle<()>,
    /// Up to where the screen was read.
    at: usize,
}

impl Terminal {
    /// Starts the program on a terminal with so many columns.
    pub(crate) fn start(arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 40,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = || -> Stdio {
            let path = name.to_str().unwrap();
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .unwrap()
                .into()
        };
        let program = binary();
        // It makes the terminal the one of the session, which passwords are read from.
        let mut command = Command::new("/usr/bin/setsid");
        command.env_clear();
        command.envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command
            .env("TERM", "xterm")
            .envs(environment.iter().copied())
            .arg("--ctty")
            .arg(program.get_program())
            .args(arguments)
            .current_dir("/")
            .stdin(slave())
            .stdout(slave())
            .stderr(slave());
        let child = command.spawn().unwrap();
        drop(command);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut reader, seen) = (File::from(master.try_clone().unwrap()), Arc::clone(&screen));
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO once nobody has the terminal open any more.
            while let Ok(n_bytes @ 1..) = reader.read(&mut bytes) {
                seen.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&bytes[..n_bytes]));
            }
        });
        Self {
            child,
            keyboard: File::from(master),
            screen,
            reader,
            at: 0,
        }
    }

    /// All that was shown so far.
    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until `text` is shown, after what was waited for before.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let start = std::time::Instant::now();
        loop {
            let is_over = self.reader.is_finished();
            let screen = self.screen();
            if let Some(found) = screen.get(self.at..).and_then(|rest| rest.find(text)) {
                self.at += found + text.len();
                return;
            }
            let is_late = start.elapsed() > LONG;
            assert!(!is_late && !is_over, "{text:?} was never shown:\n{screen}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for `question`, then answers it.
    #[track_caller]
    pub(crate) fn answers(&mut self, question: &str, line: &str) {
        self.expect(question);
        self.types(line);
    }

    /// Waits for a question whose answer isn't shown, then answers it.
    #[track_caller]
    pub(crate) fn answers_in_secret(&mut self, question: &str, line: &str) {
        self.expect(question);
        until("the terminal to hide what is typed", LONG, || {
            let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
            (!modes.contains(LocalModes::ECHO)).then_some(())
        });
        self.types(line);
    }

    /// Waits for the end and gives the exit status and all that was shown.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let status = until("the program to end", LONG, || self.child.try_wait().unwrap());
        // What it said last may still be on its way.
        until("all of the screen", LONG, || {
            self.reader.is_finished().then_some(())
        });
        (status.code(), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
