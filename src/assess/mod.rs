//! What the reports of all days say together: problems, one a repair, and how each domain stands. Pure: from the rows
//! of [`history::History`] alone, whatever the order in which the reports came.
//!
//! The rules stand in docs/digest.md. [`cause`] and [`place`] tell which repair a failure asks for; [`problem`] holds what is known of it.

pub mod cause;
pub mod complete;
pub mod domains;
pub mod drift;
pub mod history;
pub mod impact;
pub mod news;
pub mod place;
pub mod policy;
pub mod problem;
pub mod ready;
pub mod sessions;
pub mod silence;
pub mod tlsa;

pub use domains::{complete, domains, reporters};
pub use drift::drift;
