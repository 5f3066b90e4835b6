//! What people have said, by what it is about.

use std::collections::HashMap;

use jiff::civil::Date;

use super::cause::host_form;
use super::history::{History, Remark, Saying};

/// The remarks, by what they are about.
#[derive(Debug)]
pub(super) struct Said<'h>(HashMap<String, Vec<(usize, &'h Remark)>>);

impl<'h> Said<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut about: HashMap<String, Vec<(usize, &Remark)>> = HashMap::new();
        for (at, remark) in history.remarks.iter().enumerate() {
            let name = host_form(remark.about.trim_start_matches('#'));
            about.entry(name).or_default().push((at, remark));
        }
        Self(about)
    }

    /// What was said about any of these, oldest first.
    pub(super) fn about<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<&'h Remark> {
        let mut remarks: Vec<(usize, &Remark)> = names
            .filter_map(|name| self.0.get(name))
            .flatten()
            .copied()
            .collect();
        remarks.sort_by_key(|(at, remark)| (remark.day, *at));
        remarks.dedup_by_key(|(at, _)| *at);
        remarks.into_iter().map(|(_, remark)| remark).collect()
    }

    /// Since when a domain or MX is retired.
    pub(super) fn retired(&self, name: &str) -> Option<Date> {
        let remarks = self.0.get(name)?.iter();
        remarks
            .filter(|(_, remark)| remark.saying == Saying::Retired)
            .map(|(_, remark)| remark.day)
            .min()
    }
}

/// The days of notes and of `fixed`, which shorten the proof.
pub(super) fn notes(remarks: &[&Remark]) -> Vec<Date> {
    remarks
        .iter()
        .filter(|remark| matches!(remark.saying, Saying::Note(_) | Saying::Fixed))
        .map(|remark| remark.day)
        .collect()
}

/// Until when a problem is acknowledged: by the newest `ack` if it isn't older than the episode.
pub(super) fn acknowledged(remarks: &[&Remark], episode: Date) -> Option<Date> {
    remarks
        .iter()
        .rev()
        .find_map(|remark| match remark.saying {
            Saying::Acknowledged(until) => Some((remark.day, until)),
            _ => None,
        })
        .filter(|(day, _)| *day >= episode)
        .map(|(_, until)| until)
}
