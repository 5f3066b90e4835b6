//! Reports that don't count, and who is new, in words. Pure.

use crate::authenticate::Cause;
use crate::digest::model::{MailKind, Outlook};
use crate::digest::parts::{Finding, Row, Section, Tone};
use crate::digest::{names, trouble, words};
use crate::store::rows::{DigestFacts, Flood};

/// Names in a sentence.
const MAX_NAMED: usize = 3;
/// Causes in a sentence.
const MAX_CAUSES: usize = 4;
/// What to do where a name server doesn't answer.
const NAME_SERVERS: &str = "Set nameservers in [authentication] to one that answers";

/// What there is to say of reports that don't count, and of who is new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Domains that are reported on for the first time, where none are listed.
    pub new_domains: Vec<String>,
    /// Reporters that would be silent, had not reports of theirs come that don't count.
    pub held: Vec<Held>,
    /// Whether a sender is cut off of which no mail of this month has told so.
    pub is_new_flood: bool,
    /// Reports that are set aside, so that nothing is known of all.
    pub n_aside: u64,
    /// The day within the last week on which a mail told what is worth one by itself.
    pub told_aside: Option<jiff::civil::Date>,
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

/// Whether `n` are at least half of all reports that might count.
fn is_half(n: u64, facts: &DigestFacts) -> bool {
    let rest = facts.mails.set_aside.saturating_sub(n);
    n > 0 && n >= facts.reports.saturating_add(rest)
}

/// Whether a mail goes out for reports that are set aside: what a name server withholds or, of an audience, anything.
pub(crate) fn is_worth_a_mail(facts: &DigestFacts) -> bool {
    is_half(facts.mails.waiting, facts) || (facts.of_domains && is_half(facts.mails.set_aside, facts))
}

/// The same, if no mail of the last week has told it.
pub(crate) fn is_news(kind: MailKind, facts: &DigestFacts, outlook: &Outlook) -> bool {
    kind != MailKind::Urgent && outlook.kept_out.told_aside.is_none() && is_worth_a_mail(facts)
}

/// That at least half of the reports are set aside: then nothing is known to be quiet.
pub(crate) fn half(facts: &DigestFacts) -> Option<String> {
    if is_half(facts.mails.waiting, facts) {
        return Some(waiting(facts));
    }
    is_half(facts.mails.set_aside, facts)
        .then(|| format!("{} set aside, not proven", of_all(facts.mails.set_aside, facts)))
}

/// The same in fewer words.
pub(crate) fn half_in_short(facts: &DigestFacts) -> Option<String> {
    is_half(facts.mails.set_aside, facts)
        .then(|| format!("{} set aside", of_all(facts.mails.set_aside, facts)))
}

fn waiting(facts: &DigestFacts) -> String {
    let n = facts.mails.waiting;
    let wait = if n == 1 { "waits" } else { "wait" };
    format!("{} {wait} for a name server", of_all(n, facts))
}

fn of_all(n: u64, facts: &DigestFacts) -> String {
    let all = facts.mails.set_aside.saturating_add(facts.reports);
    format!("{} of {}", words::number(n), words::count(all, "report"))
}

/// What an audience is told of reports that are set aside: what to do about it isn't its business.
pub(crate) fn of_their_domains(kind: MailKind, facts: &DigestFacts) -> Option<String> {
    let n = facts.mails.set_aside;
    if !facts.of_domains || n == 0 || kind == MailKind::Urgent {
        return None;
    }
    let are = if n == 1 { "is" } else { "are" };
    Some(if is_half(n, facts) {
        let of_all = of_all(n, facts);
        format!("{of_all} about your domains {are} not proven; who runs tlsrptd is told.")
    } else {
        let reports = words::count(n, "report");
        format!("{reports} about your domains {are} set aside, not proven.")
    })
}

/// Reports whose origin isn't proven.
pub(crate) fn set_aside(facts: &DigestFacts) -> Option<Finding> {
    let n = facts.mails.set_aside;
    if n == 0 || facts.of_domains || facts.unproven.is_some_and(|unproven| !unproven.counted) {
        return None;
    }
    if is_half(facts.mails.waiting, facts) {
        return Some(no_answer(facts));
    }
    let title = if facts.previous_at.is_none() {
        format!("{} set aside", of_all(n, facts))
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
        .chain(fixes(facts, &[]))
        .chain(remedies(facts))
        .collect(),
    })
}

/// That a name server keeps most reports from counting.
fn no_answer(facts: &DigestFacts) -> Finding {
    let counts =
        "Until it tells the keys that signed them they count nowhere; it is asked again for three days.";
    let mut rows = vec![
        Row::text("", counts.to_owned()),
        Row::command("Check", "tlsrptd check".to_owned()),
        Row::text("Fix", format!("{NAME_SERVERS}.")),
    ];
    if facts.kept_out.unproven_for.len() > 1 {
        rows.extend(reasons(facts));
        rows.extend(fixes(facts, &[Cause::NoAnswer]));
        rows.extend(remedies(facts));
    }
    Finding {
        tag: trouble::TAG,
        tone: Tone::Trouble,
        id: None,
        title: waiting(facts),
        rows,
    }
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

/// What to do about each cause that there is, but for those of which more is said.
pub(crate) fn fixes(facts: &DigestFacts, but: &[Cause]) -> Vec<Row> {
    let causes = facts.kept_out.unproven_for.iter().map(|(cause, _)| *cause);
    let fixes = causes.filter(|cause| !but.contains(cause)).filter_map(fix);
    fixes.map(|fix| Row::text("Fix", fix)).collect()
}

/// What to do about a cause; `None` where [`remedies`] are all there is.
fn fix(cause: Cause) -> Option<String> {
    let fix = match cause {
        Cause::KeyGone | Cause::Expired => return None,
        Cause::Changed => {
            "Let what changes mails (a footer, a tag in the Subject) leave those to the rua address alone."
        }
        Cause::Unsigned => "Ask those who don't sign to do so; it may be a forgery too.",
        Cause::NoAnswer => return Some(format!("{NAME_SERVERS}; tlsrptd check asks it.")),
        Cause::Mx => {
            "See what your MX writes in Authentication-Results; mode = \"auto\" verifies signatures too."
        }
        Cause::Weak => {
            "Tell the senders that such a signature (l=, SHA-1, a short key or one for tests) proves nothing."
        }
    };
    Some(fix.to_owned())
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
