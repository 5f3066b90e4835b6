//! A database in a folder of its own, filled without the program.

use jiff::Timestamp;
use serde_json::Value as Json;
use tempfile::TempDir;
use tlsrptd::config::{Config, Span};
use tlsrptd::prepare::{Input, prepare};
use tlsrptd::store::{IncomingMail, Origin, Store};

/// The morning of these tests.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}

/// A database and its configuration.
pub(crate) struct Place {
    _folder: TempDir,
    pub(crate) config: Config,
    pub(crate) store: Store,
}

impl Place {
    /// An empty one, once `configure` has had its way.
    pub(crate) fn with(configure: impl FnOnce(&mut Config)) -> Self {
        // In memory where that can be: nearly all the time would be the disk's.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let mut config = Config::default();
        config.store.path = folder.path().join("tlsrptd.db");
        config.store.retention = Span::Forever;
        config.digest.announce_days = 0;
        configure(&mut config);
        let store = Store::open(&config.store).unwrap();
        Self {
            _folder: folder,
            config,
            store,
        }
    }

    /// Takes reports in, all at once.
    pub(crate) fn record(&mut self, reports: &[Json]) {
        let mails: Vec<IncomingMail> = reports
            .iter()
            .map(|report| {
                let bytes = report.to_string().into_bytes();
                let input = Input::File {
                    bytes: &bytes,
                    name: None,
                };
                prepare(Origin::default(), input, &self.config.limits, now())
            })
            .collect();
        self.store.record(&mails, None, Span::Forever, now()).unwrap();
    }
}
