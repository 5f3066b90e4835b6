//! Months of reports go through the real pipeline, and each morning's mail, or that none is sent, is a snapshot.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    reason = "a test may panic, and a month takes lines"
)]

mod combinations;
mod old_mailbox;
mod samples;
mod verbs;
mod weeks;
mod world;
