//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// Long enough for anything on a busy machine; a test that meets it has failed.
pub(crate) const LONG: Duration = Duration::from_mins(3);

/// A signal ends the program within this much of its own time (see `Running::terminate`), as it promises. Any limit of
/// the program that it would wait for in vain is longer.
pub(crate) const END: Duration = Duration::from_secs(5);

/// Asks until there is an answer.
///
/// # Panics
///
/// With `what`, when there is none within `limit`.
pub(crate) fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
