//! What signals ask of the daemon, and what it may still end.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::store::give_up_waiting;

/// Time for a digest under way when the process is told to stop; it goes again otherwise.
const LAST_SEND: Duration = Duration::from_secs(3);
// All is over five seconds after the signal; what is left of them is for the database.
const _: () = assert!(LAST_SEND.as_secs() <= 3);

/// The signals that the daemon obeys.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Stop,
    Reload,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn recv(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::Reload,
        }
    }
}

/// Runs a digest step. It isn't cut short to read the configuration again, which would send it twice; an end has to
/// come soon, so then it gets a few more seconds.
pub(super) async fn unless_stopped(signals: &mut Signals, step: impl Future<Output = ()>) -> Option<Told> {
    let mut step = std::pin::pin!(step);
    let mut reload = None;
    loop {
        tokio::select! {
            biased;
            () = &mut step => return reload,
            told = signals.recv() => match told {
                Told::Reload => reload = Some(told),
                Told::Stop => break,
            },
        }
    }
    if timeout(LAST_SEND, step).await.is_err() {
        tracing::warn!("the digest under way was not accepted in time; it goes again at the next start");
    }
    Some(Told::Stop)
}

/// Lets no statement of the database wait for another process once we are told to stop. That wait isn't asynchronous,
/// so a thread of its own hears the signals.
pub(super) fn stop_waiting_when_told() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async { while signals.recv().await != Told::Stop {} });
            give_up_waiting();
        })?;
    Ok(())
}
