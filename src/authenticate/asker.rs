//! Keys for work that can't wait asynchronously: a thread of its own asks for them.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, SyncSender};

use super::{Answer, Fault, Keys, Resolver};
use crate::config::AuthenticationConfig;

type Question = (BTreeSet<String>, SyncSender<Keys>);

/// Asks from a thread that ends with it.
pub struct Asker {
    questions: Option<SyncSender<Question>>,
}

impl Asker {
    /// One for these name servers.
    pub fn new(config: &AuthenticationConfig) -> Self {
        let config = config.clone();
        let (sender, questions) = mpsc::sync_channel(0);
        let thread = std::thread::Builder::new().name("keys".to_owned());
        let started = thread.spawn(move || answer(&config, &questions));
        Self {
            questions: started.is_ok().then_some(sender),
        }
    }

    /// Waits for the keys of these names.
    pub fn keys(&self, names: BTreeSet<String>) -> Keys {
        if names.is_empty() {
            return Keys::default();
        }
        let (reply, answer) = mpsc::sync_channel(1);
        let all = names.clone();
        let asked = self
            .questions
            .as_ref()
            .map(|questions| questions.send((names, reply)));
        if let (Some(Ok(())), Ok(keys)) = (asked, answer.recv()) {
            return keys;
        }
        let failed = Fault::NoResolver("no thread could be started".to_owned());
        all.into_iter()
            .map(|name| (name, Answer::Failed(failed.clone())))
            .collect()
    }
}

/// Answers until nobody can ask any more.
fn answer(config: &AuthenticationConfig, questions: &Receiver<Question>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        let mut resolver = Resolver::new(config);
        while let Ok((names, reply)) = questions.recv() {
            let keys = resolver.keys(names).await;
            if reply.send(keys).is_err() {
                return;
            }
        }
    });
}
