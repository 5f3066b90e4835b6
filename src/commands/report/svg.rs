//! Drawings of days: numbers in, SVG out. No text of strangers gets in here.

use jiff::civil::Date;

/// Height of a chart of bars, in its own units.
const HEIGHT: u64 = 100;
/// Width of a day, in its own units.
const DAY: u64 = 10;
/// The smallest bar that shows, in units of height.
const LEAST: u64 = 3;

/// A span of days without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The first day.
    pub(super) first: Date,
    /// How many there are.
    pub(super) days: usize,
}

impl Span {
    /// From `first` to `last`, both included; at least one day.
    pub(super) fn new(first: Date, last: Date) -> Self {
        let days = first.until(last).map_or(0, |span| span.get_days());
        Self {
            first,
            days: usize::try_from(days).unwrap_or(0).saturating_add(1),
        }
    }

    /// The place of a day in it.
    pub(super) fn index(&self, day: Date) -> Option<usize> {
        let days = self.first.until(day).ok()?.get_days();
        usize::try_from(days).ok().filter(|index| *index < self.days)
    }

    fn width(&self) -> u64 {
        units(self.days)
    }
}

/// A day of a chart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bar {
    /// Good connections.
    pub(super) ok: u64,
    /// Failed ones.
    pub(super) failed: u64,
}

/// What a reporter says of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Cell {
    /// No report.
    #[default]
    Missing,
    /// A report without a connection, or with a count that can't be read.
    Known,
    /// Connections, none of which failed.
    Clean,
    /// Failed connections.
    Failing,
}

/// Connections by day as bars, the failed ones below in another colour; with `tips`, each day says its numbers.
pub(super) fn bars(span: Span, bars: &[Bar], tips: bool) -> String {
    let top = bars
        .iter()
        .map(|bar| bar.ok.saturating_add(bar.failed))
        .max()
        .unwrap_or(0);
    let (mut good, mut bad, mut hints) = (String::new(), String::new(), String::new());
    for (at, bar) in bars.iter().enumerate() {
        let x = units(at);
        let bad_height = height(bar.failed, top);
        let good_height = height(bar.ok, top).min(HEIGHT.saturating_sub(bad_height));
        column(&mut bad, x, HEIGHT, bad_height);
        column(&mut good, x, HEIGHT.saturating_sub(bad_height), good_height);
        if tips && bar.ok.saturating_add(bar.failed) > 0 {
            let total = bar.ok.saturating_add(bar.failed);
            hint(
                &mut hints,
                span,
                at,
                &format!("{total} connections, {} failed", bar.failed),
            );
        }
    }
    svg(
        span.width(),
        HEIGHT,
        "bars",
        &format!("{}{}{hints}", path("good", &good), path("bad", &bad)),
    )
}

/// The days of one reporter as cells: failing ones are full, clean ones low, known ones a line, missing ones empty.
pub(super) fn cells(span: Span, cells: &[Cell]) -> String {
    let mut paths = [Cell::Known, Cell::Clean, Cell::Failing].map(|cell| (cell, String::new()));
    for (cell, path) in &mut paths {
        for (start, length) in runs(cells, *cell) {
            let (top, height) = match cell {
                Cell::Failing => (0, 20),
                Cell::Clean => (7, 13),
                Cell::Known | Cell::Missing => (16, 4),
            };
            let gap = u64::from(span.days <= 100);
            // With few days each has its own box, with many a run is one.
            let boxes = if gap == 1 { length } else { 1 };
            let width = units(length)
                .checked_div(u64::try_from(boxes).unwrap_or(1))
                .unwrap_or(DAY);
            for n in 0..boxes {
                let x = units(start.saturating_add(n));
                rect(
                    path,
                    x.saturating_add(gap),
                    top,
                    width.saturating_sub(gap.saturating_mul(2)),
                    height,
                );
            }
        }
    }
    let [known, clean, failing] = paths;
    let inner = [
        path("known", &known.1),
        path("good", &clean.1),
        path("bad", &failing.1),
    ]
    .concat();
    svg(span.width(), 20, "cells", &inner)
}

/// The lives of a problem: each a bar from its first to its last failing day.
pub(super) fn lives(span: Span, lives: &[(Date, Date)]) -> String {
    let mut drawn = String::new();
    for (first, last) in lives {
        let Some(end) = span.index(*last) else { continue };
        let start = span.index(*first).unwrap_or(0);
        let width = units(end.saturating_add(1).saturating_sub(start));
        // A single day of years would not be seen.
        let least = span.width().checked_div(120).unwrap_or(0);
        rect(&mut drawn, units(start), 4, width.max(least), 12);
    }
    let line = format!(
        "<path class=\"known\" d=\"M0 9h{}v2h-{}z\"/>",
        span.width(),
        span.width()
    );
    svg(
        span.width(),
        20,
        "cells",
        &format!("{line}{}", path("bad", &drawn)),
    )
}

/// The runs of a cell: where each starts, and how long it is.
fn runs(cells: &[Cell], wanted: Cell) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in cells.iter().enumerate().filter(|(_, cell)| **cell == wanted) {
        match runs.last_mut() {
            Some((start, length)) if start.saturating_add(*length) == at => {
                *length = length.saturating_add(1);
            }
            _ => runs.push((at, 1)),
        }
    }
    runs
}

fn units(days: usize) -> u64 {
    u64::try_from(days).unwrap_or(u64::MAX).saturating_mul(DAY)
}

/// The height of a bar; what isn't 0 shows.
fn height(n: u64, top: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    let scaled = u128::from(n)
        .saturating_mul(u128::from(HEIGHT))
        .checked_div(u128::from(top))
        .unwrap_or(0);
    u64::try_from(scaled).unwrap_or(HEIGHT).clamp(LEAST, HEIGHT)
}

/// A bar upwards from `bottom`.
fn column(path: &mut String, x: u64, bottom: u64, height: u64) {
    if height > 0 {
        rect(
            path,
            x.saturating_add(1),
            bottom.saturating_sub(height),
            DAY.saturating_sub(2),
            height,
        );
    }
}

fn rect(path: &mut String, x: u64, y: u64, width: u64, height: u64) {
    path.extend([format!("M{x} {y}h{width}v{height}h-{width}z")]);
}

fn path(class: &str, d: &str) -> String {
    if d.is_empty() {
        String::new()
    } else {
        format!("<path class=\"{class}\" d=\"{d}\"/>")
    }
}

fn hint(hints: &mut String, span: Span, at: usize, text: &str) {
    let days = i64::try_from(at).unwrap_or(0);
    let day = span
        .first
        .saturating_add(jiff::Span::new().try_days(days).unwrap_or_default());
    hints.extend([format!(
        "<rect class=\"tip\" x=\"{}\" y=\"0\" width=\"{DAY}\" height=\"{HEIGHT}\"><title>{day}: {text}</title></rect>",
        units(at)
    )]);
}

fn svg(width: u64, height: u64, class: &str, inner: &str) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{inner}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn span(days: usize) -> Span {
        Span {
            first: date(2026, 11, 1),
            days,
        }
    }

    #[test]
    fn a_single_failure_among_thousands_shows() {
        let drawn = bars(
            span(1),
            &[Bar {
                ok: 100_000,
                failed: 1,
            }],
            false,
        );
        assert!(drawn.contains("class=\"bad\" d=\"M1 97h8v3h-8z\""), "{drawn}");
    }

    #[test]
    fn good_and_failed_bars_never_leave_the_chart() {
        for (ok, failed) in [(u64::MAX, u64::MAX), (0, 5), (5, 0), (1, 1_000_000)] {
            let drawn = bars(span(1), &[Bar { ok, failed }], true);
            let (good, bad) = (
                height(ok, ok.saturating_add(failed)),
                height(failed, ok.saturating_add(failed)),
            );
            assert!(good.min(HEIGHT - bad) + bad <= HEIGHT, "{drawn}");
        }
    }

    #[test]
    fn days_of_a_kind_are_one_run() {
        use Cell::{Clean, Missing};
        let cells = [Clean, Clean, Missing, Clean];
        assert_eq!(runs(&cells, Clean), [(0, 2), (3, 1)]);
    }

    #[test]
    fn a_day_outside_the_span_has_no_place_in_it() {
        let november = Span::new(date(2026, 11, 1), date(2026, 11, 30));
        assert_eq!(november.days, 30);
        assert_eq!(november.index(date(2026, 11, 30)), Some(29));
        assert_eq!(november.index(date(2026, 12, 1)), None);
        assert_eq!(november.index(date(2026, 10, 31)), None);
    }
}
