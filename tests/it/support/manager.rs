//! A service manager, as far as a service can tell: the socket of `sd_notify`.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::wait::{LONG, until};

/// Hears what a service says until the test ends.
pub(crate) struct Manager {
    socket: PathBuf,
    heard: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Manager {
    /// One whose socket lies in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let socket = folder.join("notify");
        let listener = UnixDatagram::bind(&socket).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let messages = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n_bytes) = listener.recv(&mut buffer) {
                let message = String::from_utf8_lossy(&buffer[..n_bytes]).into_owned();
                messages.lock().unwrap().push((Instant::now(), message));
            }
        });
        Self { socket, heard }
    }

    /// Lets a command find it.
    pub(crate) fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("NOTIFY_SOCKET", &self.socket)
    }

    /// The same, with a watchdog that bites after `limit`.
    pub(crate) fn with_watchdog<'a>(&self, command: &'a mut Command, limit: Duration) -> &'a mut Command {
        self.of(command)
            .env("WATCHDOG_USEC", limit.as_micros().to_string())
    }

    /// All that was said, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let lines = heard.iter().flat_map(|(_, message)| message.lines());
        lines.map(str::to_owned).collect()
    }

    /// How often the watchdog was fed.
    pub(crate) fn feedings(&self) -> usize {
        self.lines().iter().filter(|line| *line == "WATCHDOG=1").count()
    }

    /// Waits for a line in which all of `words` are.
    #[track_caller]
    pub(crate) fn hears(&self, words: &[&str]) -> String {
        until(&format!("{words:?} in what the service says"), LONG, || {
            let mut lines = self.lines().into_iter();
            lines.find(|line| words.iter().all(|word| line.contains(word)))
        })
    }

    /// Waits until nothing has been heard for so long.
    #[track_caller]
    pub(crate) fn hears_nothing_for(&self, silence: Duration) {
        until(&format!("silence for {silence:?}"), LONG, || {
            let heard = self.heard.lock().unwrap();
            let (last, _) = heard.last()?;
            (last.elapsed() > silence).then_some(())
        });
    }
}
