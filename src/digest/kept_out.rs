//! Reports that don't count, and who is new, in words. Pure.

use crate::authenticate::Cause;
use crate::digest::model::Outlook;
use crate::digest::parts::{Finding, Row, Section, Tone};
use crate::digest::{names, trouble, words};
use crate::store::rows::{DigestFacts, Flood};

/// Names in a sentence.
const MAX_NAMED: usize = 3;
/// Causes in a sentence.
const MAX_CAUSES: usize = 4;

/// What there is to say of reports that don't count, and of who is new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Domains that are reported on for the first time, where none are listed.
    pub new_domains: Vec<String>,
    /// Reporters that would be silent, had not reports of theirs come that don't count.
    pub held: Vec<Held>,
    /// Whether a sender is cut off of which no mail of this month has told so.
    pub is_new_flood: bool,
    /// Whether mails have told on three days, the last of them within a week, that most signatures fail.
    pub was_told_blind: bool,
    /// Whether they have told of the present state, set aside or counted as before, so that a line is enough.
    pub was_told_in_full: bool,
}

/// Reports of a silent reporter that came and don't count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// The reporter.
    pub reporter: String,
    /// The newest day of which a report of it counts.
    pub last_day: jiff::civil::Date,
    /// How many came about later days.
    pub reports: u64,
    /// Whether one waits for a name server.
    pub waits: bool,
}

/// Reports whose origin isn't proven.
pub(crate) fn set_aside(facts: &DigestFacts) -> Option<Finding> {
    let n = facts.mails.set_aside;
    if n == 0 || facts.unproven.is_some_and(|unproven| !unproven.counted) {
        return None;
    }
    let title = if facts.previous_at.is_none() {
        let all = n.saturating_add(facts.reports);
        format!(
            "{} of {} set aside",
            words::number(n),
            words::count(all, "report")
        )
    } else {
        format!("{} set aside", words::count(n, "report"))
    };
    Some(Finding {
        tag: trouble::TAG,
        tone: Tone::Trouble,
        id: None,
        title,
        rows: vec![
            Row::text(
                "",
                "Who sent them is not proven by DKIM, so they count nowhere. This is told once.".to_owned(),
            ),
            Row::command("Why", "tlsrptd mails --outcome set-aside".to_owned()),
        ]
        .into_iter()
        .chain(reasons(facts))
        .chain(changed(facts))
        .chain(remedies(facts))
        .collect(),
    })
}

/// Why reports aren't proven.
pub(crate) fn reasons(facts: &DigestFacts) -> Vec<Row> {
    let causes = &facts.kept_out.unproven_for;
    if causes.is_empty() {
        return Vec::new();
    }
    let parts: Vec<String> = causes
        .iter()
        .take(MAX_CAUSES)
        .map(|(cause, n)| format!("{}{}{}", words::number(*n), words::NBSP, spoken(*cause)))
        .collect();
    let n_more = causes
        .iter()
        .skip(MAX_CAUSES)
        .fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
    let more = if n_more > 0 {
        format!("; {} for other reasons", words::number(n_more))
    } else {
        String::new()
    };
    let mut rows = vec![Row::text("", format!("{}{more}.", parts.join("; ")))];
    if has(facts, Cause::KeyGone) {
        rows.push(Row::text(
            "",
            "A key that is gone is usual for old mails, and proves nothing against them.".to_owned(),
        ));
    }
    rows
}

fn has(facts: &DigestFacts, wanted: Cause) -> bool {
    let causes = &facts.kept_out.unproven_for;
    causes.iter().any(|(cause, _)| *cause == wanted)
}

/// What to do where something changes mails on the way.
fn changed(facts: &DigestFacts) -> Option<Row> {
    let fix = "Let what changes mails (a footer, a tag in the Subject) leave those to the rua address alone.";
    has(facts, Cause::Changed).then(|| Row::text("Fix", fix.to_owned()))
}

/// How to let reports count all the same.
pub(crate) fn remedies(facts: &DigestFacts) -> Vec<Row> {
    let has = |wanted: Cause| has(facts, wanted);
    let mut rows = Vec::new();
    if has(Cause::KeyGone) || has(Cause::Changed) || has(Cause::Expired) {
        rows.push(Row::command("Count", "tlsrptd accept --from DOMAIN".to_owned()));
    }
    if has(Cause::KeyGone) {
        rows.push(Row::command(
            "",
            "tlsrptd import --authentication off FILE".to_owned(),
        ));
    }
    rows
}

fn spoken(cause: Cause) -> &'static str {
    match cause {
        Cause::KeyGone => "signed with a key that is not in the DNS any more",
        Cause::Changed => "changed on the way after they were signed",
        Cause::Expired => "came after their signature had expired",
        Cause::Unsigned => "without a signature of who is in From",
        Cause::NoAnswer => "without an answer of a name server",
        Cause::Mx => "that your MX doesn't vouch for",
        Cause::Weak => "signed in a way that proves nothing",
    }
}

/// Senders of far more reports than usual.
pub(crate) fn floods(facts: &DigestFacts) -> Option<Finding> {
    let floods = &facts.kept_out.floods;
    let first = floods.first()?;
    let n = floods
        .iter()
        .fold(0_u64, |sum, flood| sum.saturating_add(flood.reports));
    let names: Vec<String> = floods.iter().map(sender).collect();
    let domain = names::checked_host(&first.reporter).unwrap_or("DOMAIN");
    Some(Finding {
        tag: trouble::TAG,
        tone: Tone::Trouble,
        id: None,
        title: format!(
            "{} of {} cut off: far more than usual",
            words::count(n, "report"),
            words::list_and_more(&names, MAX_NAMED)
        ),
        rows: vec![
            Row::text(
                "",
                "What is beyond limits.reports_a_day is kept, and counts nowhere. Reports of other days count as ever."
                    .to_owned(),
            ),
            Row::command("Count", format!("tlsrptd accept --from {domain}")),
        ],
    })
}

fn sender(flood: &Flood) -> String {
    names::reporter(&flood.reporter, &flood.reporter)
}

/// What is said once, or of few, at the end of a mail: domains that are new, senders that are, and reporters of which
/// nothing counts.
pub(crate) fn sections(facts: &DigestFacts, outlook: &Outlook) -> Vec<Section> {
    let mut sentences: Vec<String> = outlook
        .kept_out
        .held
        .iter()
        .take(MAX_NAMED)
        .map(|held| of_held(held, outlook))
        .collect();
    for sender in facts.kept_out.new_senders.iter().take(MAX_NAMED) {
        let domain = names::host(&sender.signing_domain);
        sentences.push(format!(
            "Reports of {} come from {domain} too (new sender d={domain}); before, {} sent them.",
            names::quoted(&sender.organization_name, names::NAME_CHARS),
            names::reporter(&sender.known, &sender.known)
        ));
    }
    if !outlook.kept_out.new_domains.is_empty() {
        let domains: Vec<String> = outlook
            .kept_out
            .new_domains
            .iter()
            .map(|domain| names::host(domain))
            .collect();
        sentences.push(format!(
            "Reported on for the first time: {}. List your domains in domains.mail if not all of these are yours.",
            words::list_and_more(&domains, MAX_NAMED)
        ));
    }
    sentences.into_iter().map(Section::Paragraph).collect()
}

fn of_held(held: &Held, outlook: &Outlook) -> String {
    let why = if held.waits {
        "wait for a name server that answers"
    } else {
        "are set aside, not proven (tlsrptd mails)"
    };
    format!(
        "{}: {} about days after {} {why}.",
        names::reporter(&held.reporter, &held.reporter),
        words::count(held.reports, "report"),
        words::day(held.last_day, outlook.today)
    )
}

/// That there are reports about others, for the first look.
pub(crate) fn foreign(outlook: &Outlook) -> Option<Section> {
    let foreign = &outlook.week.foreign;
    (!foreign.is_empty()).then(|| Section::Paragraph(foreign_sentence(foreign)))
}

/// That there are reports about others.
pub(crate) fn foreign_sentence(foreign: &[String]) -> String {
    let named: Vec<String> = foreign.iter().map(|name| names::host(name)).collect();
    let domains = words::count(u64::try_from(foreign.len()).unwrap_or(u64::MAX), "domain");
    format!(
        "Reports about {domains} that you don't list: {}. Add what is yours to domains.mail.",
        words::list_and_more(&named, MAX_NAMED)
    )
}
