//! Months of reports go through the real pipeline, and each morning's mail, or that none is sent, is a snapshot.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod combinations;
mod samples;
mod weeks;
mod world;
