//! The sections of a mail that tell problems.

use crate::digest::model::{MAX_BRIEF, MAX_FULL, MailKind, Options, Outlook, Sorted};
use crate::digest::notes::{drift, ledgers, no_reports, rest, silent};
use crate::digest::parts::{Finding, Row, Section};
use crate::digest::reading::{Frame, Reading};
use crate::digest::{text, trouble, words};
use crate::store::rows::DigestFacts;

/// Lines for the problems that the first look tells in full; the gravest is told in any case.
const FIRST_LOOK_LINES: usize = 24;
/// Problems that the first look tells in a line or two each.
const FIRST_LOOK_BRIEF: usize = 10;
/// Of more of them, the causes that it tells so.
const FIRST_LOOK_CAUSES: usize = 5;
/// The gravest problems in full, the others in a line each. Advice that an earlier one gives is not repeated.
pub(super) fn open_problems(sorted: &Sorted<'_>, frame: Frame) -> Vec<Section> {
    let advice = |row: &Row| matches!(row.label, "Cause" | "Check" | "Fix");
    let mut given: Vec<&Reading<'_>> = Vec::new();
    let mut sections: Vec<Section> = Vec::new();
    let mut n_lines = 0_usize;
    for reading in sorted.open.iter().take(MAX_FULL) {
        let mut finding = reading.finding(frame);
        let earlier = given.iter().find(|earlier| reading.asks_for_the_same(earlier));
        let at = finding.rows.iter().position(advice);
        if let (Some(earlier), Some(at)) = (earlier, at) {
            finding.rows.retain(|row| !advice(row));
            let other = format!(
                "Cause, check and fix are those of #{}, with {} for {}.",
                earlier.problem.id, reading.full.place, earlier.full.place
            );
            finding.rows.insert(at, Row::text("Fix", other));
        } else {
            given.push(reading);
        }
        let section = Section::Finding(finding);
        n_lines = n_lines.saturating_add(text::height(&section));
        if frame.is_first && n_lines > FIRST_LOOK_LINES && !sections.is_empty() {
            break;
        }
        sections.push(section);
    }
    let rest = sorted.open.get(sections.len()..).unwrap_or_default();
    sections.extend(if frame.is_first && rest.len() > FIRST_LOOK_BRIEF {
        Some(by_cause("Also open", rest))
    } else {
        lines("Also open", rest, frame)
    });
    sections
}

/// Many problems, those of a cause in a line or two.
fn by_cause(title: &str, readings: &[Reading<'_>]) -> Section {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for reading in readings {
        let (what, place) = (reading.text.in_short, reading.where_in_short());
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, places)) => places.push(place),
            None => groups.push((what, vec![place])),
        }
    }
    // One cause takes no more room than "and 1 more".
    let shown = if groups.len() == FIRST_LOOK_CAUSES.saturating_add(1) {
        groups.len()
    } else {
        FIRST_LOOK_CAUSES
    };
    let mut lines: Vec<String> = groups
        .iter()
        .take(shown)
        .map(|(what, places)| {
            let n = u64::try_from(places.len()).unwrap_or(u64::MAX);
            format!(
                "{}, {what}: {}",
                words::count(n, "problem"),
                words::list_and_more(places, 2)
            )
        })
        .collect();
    let rest = groups.iter().skip(shown);
    let n_rest = rest.fold(0_usize, |n, (_, places)| n.saturating_add(places.len()));
    if n_rest > 0 {
        lines.push(format!("and {n_rest} more"));
    }
    Section::Lines {
        title: title.to_owned(),
        lines,
        more: Some("tlsrptd problems".to_owned()),
    }
}

/// What goes on: problems, and old policies that senders still use.
pub(crate) fn going_on(outlook: &Outlook, sorted: &Sorted<'_>, frame: Frame) -> Option<Section> {
    let mut section = lines("Going on", &sorted.ongoing, frame);
    let outdated = outlook
        .outdated
        .iter()
        .take(MAX_FULL)
        .map(|(_, text)| text.clone());
    match &mut section {
        Some(Section::Lines { lines, .. }) => {
            // Before the line that counts the rest.
            let at = lines.len().min(MAX_BRIEF);
            lines.splice(at..at, outdated);
            section
        }
        _ if outlook.outdated.is_empty() => None,
        _ => Some(Section::Lines {
            title: "Going on".to_owned(),
            lines: outdated.collect(),
            more: None,
        }),
    }
}

/// Problems in a line each.
pub(crate) fn lines(title: &str, readings: &[Reading<'_>], frame: Frame) -> Option<Section> {
    if readings.is_empty() {
        return None;
    }
    let rest = readings.len().saturating_sub(MAX_BRIEF);
    let mut lines: Vec<String> = readings
        .iter()
        .take(MAX_BRIEF)
        .map(|reading| reading.line(frame))
        .collect();
    if rest > 0 {
        lines.push(format!("and {rest} more:"));
    }
    Some(Section::Lines {
        title: title.to_owned(),
        lines,
        more: (rest > 0).then(|| "tlsrptd problems".to_owned()),
    })
}

/// What a daily mail says below its first lines.
pub(super) fn daily(
    kind: MailKind,
    facts: &DigestFacts,
    outlook: &Outlook,
    sorted: &Sorted<'_>,
    options: &Options,
    frame: Frame,
) -> Vec<Section> {
    // Where reports come and don't count, they aren't missing.
    let come_unproven = facts.unproven.is_some_and(|unproven| !unproven.counted);
    let mut sections: Vec<Section> = no_reports(outlook)
        .filter(|_| !come_unproven)
        .into_iter()
        .collect();
    sections.extend(open_problems(sorted, frame));
    let brief = sorted.brief.get(..MAX_BRIEF).unwrap_or(&sorted.brief);
    sections.extend(brief.iter().map(|reading| Section::Finding(reading.brief(frame))));
    sections.extend(lines(
        "Also",
        sorted.brief.get(MAX_BRIEF..).unwrap_or_default(),
        frame,
    ));
    sections.extend(
        trouble::findings(facts, options, trouble::is_in_brief(kind, outlook))
            .into_iter()
            .map(Section::Finding),
    );
    sections.extend(drift(outlook));
    // Silence makes no mail of its own.
    let has_news = !sections.is_empty();
    sections.extend(silent(outlook, frame));
    if has_news && !sorted.open.is_empty() {
        sections.extend(ledgers(outlook, sorted));
        sections.push(Section::Paragraph(rest(kind, facts, outlook, sorted)));
    }
    sections
}

/// The urgent mail: who, when, how many; what it means; how to check.
pub(super) fn urgent(open: &[Reading<'_>], frame: Frame) -> Vec<Section> {
    let mut sections = Vec::new();
    for (i, reading) in open.iter().take(MAX_FULL).enumerate() {
        let finding = reading.finding(frame);
        let keep = |row: &&Row| matches!(row.label, "Mail" | "Seen" | "Check" | "More");
        let rows: Vec<Row> = finding.rows.iter().filter(keep).cloned().collect();
        sections.push(Section::Finding(Finding {
            rows,
            title: if i == 0 && open.len() == 1 {
                reading.headline()
            } else {
                finding.title.clone()
            },
            ..finding
        }));
    }
    sections.extend(lines("Also", open.get(MAX_FULL..).unwrap_or_default(), frame));
    sections.push(Section::Paragraph(
        "This is sent once. The daily mail has the rest.".to_owned(),
    ));
    sections
}
