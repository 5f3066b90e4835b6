//! A progress bar, where standard error is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar with rate and time left, or nothing where nobody looks.
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// One that counts `what`, such as mails.
    pub(super) fn new(name: &str, what: &str) -> Self {
        let bar = Self::styled(&format!(
            "{{prefix}} {{wide_bar}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left"
        ));
        bar.bar.set_prefix(name.to_owned());
        bar
    }

    /// One that counts mails by their bytes, of which there are as many as `size` says. It is asked only if somebody looks.
    pub(super) fn of_bytes(name: &str, size: impl FnOnce() -> Option<u64>) -> Self {
        let size = std::io::stderr().is_terminal().then(size).flatten();
        let bar = Self::styled(match size {
            Some(_) => "{prefix} {wide_bar} {msg}, {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
            None => "{prefix} {msg}, {bytes}, {bytes_per_sec}",
        });
        if let Some(size) = size {
            bar.bar.set_length(size);
        }
        bar.bar.set_prefix(name.to_owned());
        bar
    }

    fn styled(template: &str) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// So many of so many are done.
    pub(super) fn set(&mut self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
    }

    /// So many mails with so many bytes are done.
    pub(super) fn count(&mut self, n_mails: u64, n_bytes: u64) {
        self.bar.set_message(format!("{n_mails} mails"));
        self.bar.set_position(n_bytes);
    }

    /// Runs `print`, which writes lines that stay, with the bar out of the way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
