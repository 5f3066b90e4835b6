//! What one reporter says of one domain on one day.

use std::ops::Range;

use jiff::civil::Date;

use super::Read;
use crate::assess::history::Sum;

/// What one reporter says of one domain on one day: a known day.
#[derive(Debug, Clone)]
pub(in crate::assess) struct Row<'a> {
    pub(in crate::assess) day: Date,
    pub(in crate::assess) reporter: &'a str,
    pub(in crate::assess) n_reports: u64,
    pub(in crate::assess) total: Sum,
    pub(in crate::assess) failed: Sum,
    /// Whether it has entries of type `sts`, `tlsa`, `no-policy-found`, and of others than `tlsa`.
    pub(in crate::assess) has: Has,
    /// Stands for the reporter, in the order of names.
    pub(in crate::assess) reporter_number: usize,
    pub(super) reads: Range<usize>,
}

/// Which policy types there are.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of types")]
pub(in crate::assess) struct Has {
    pub(in crate::assess) sts: bool,
    /// A policy's text.
    pub(in crate::assess) text: bool,
    pub(in crate::assess) tlsa: bool,
    pub(in crate::assess) not_found: bool,
    /// Any but `tlsa`.
    pub(in crate::assess) others: bool,
}

impl Has {
    fn take(&mut self, policy_type: &str, has_text: bool) {
        self.text |= has_text;
        self.others |= policy_type != "tlsa";
        match policy_type {
            "sts" => self.sts = true,
            "tlsa" => self.tlsa = true,
            "no-policy-found" => self.not_found = true,
            _ => {}
        }
    }
}

/// The row of these entries, with its domain.
pub(super) fn row<'a>(
    reads: &[Read<'a>],
    span: Range<usize>,
    reporter_number: usize,
) -> Option<(&'a str, Row<'a>)> {
    let of_row = reads.get(span.clone())?;
    let first = of_row.first()?.entry;
    let mut row = Row {
        day: first.day,
        reporter: &first.reporter,
        n_reports: 0,
        total: Sum::default(),
        failed: Sum::default(),
        has: Has::default(),
        reporter_number,
        reads: span,
    };
    for report in of_row.chunk_by(|a, b| a.entry.report == b.entry.report) {
        row.n_reports = row.n_reports.saturating_add(1);
        // All and failed connections by type.
        let (mut sts, mut tlsa, mut others) = <((Sum, Sum), (Sum, Sum), (Sum, Sum))>::default();
        for Read { entry, policy, .. } in report {
            let sums = match entry.policy.policy_type.as_str() {
                "sts" => &mut sts,
                "tlsa" => &mut tlsa,
                _ => &mut others,
            };
            sums.0.take(entry.ok);
            sums.0.take(entry.failed);
            sums.1.take(entry.failed);
            row.has.take(&entry.policy.policy_type, policy.is_some());
        }
        row.total.add(sts.0.larger(tlsa.0));
        row.total.add(others.0);
        row.failed.add(sts.1.larger(tlsa.1));
        row.failed.add(others.1);
    }
    Some((&first.domain, row))
}
