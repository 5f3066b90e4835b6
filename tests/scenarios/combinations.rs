//! Faults that have a name.
