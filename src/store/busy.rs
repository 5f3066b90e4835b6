//! Waiting for another process to let go of the database, but not when we are told to stop.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(25);
/// Looks of a statement before it fails: 30 s.
const LOOKS: c_int = 1200;
/// The same once the process is told to stop: 1 s, so that a digest that was just accepted is recorded nevertheless.
const LAST_LOOKS: c_int = 40;

/// Whether the process is told to stop.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Makes statements that wait for another process fail within a second from now on. May be called from any thread.
pub fn give_up_waiting() {
    STOPPING.store(true, Ordering::Relaxed);
}

/// Lets the statements of a connection wait.
pub(super) fn wait_for_others(db: &mut Connection) -> rusqlite::Result<()> {
    db.busy_handler(Some(look_again))
}

/// SQLite asks after `n_looks` looks of this statement whether to look again.
fn look_again(n_looks: c_int) -> bool {
    let limit = if STOPPING.load(Ordering::Relaxed) {
        LAST_LOOKS
    } else {
        LOOKS
    };
    if n_looks >= limit {
        return false;
    }
    std::thread::sleep(PAUSE);
    true
}
