//! A progress bar, where standard error is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar, or nothing where nobody looks.
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new(name: &str) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} mails, {per_sec}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Self { bar }
    }

    /// So many mails of so many are done.
    pub(super) fn set(&mut self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
    }

    /// So many mails are done, of nobody knows how many.
    pub(super) fn count(&mut self, done: u64) {
        self.bar.set_length(done);
        self.bar.set_position(done);
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
