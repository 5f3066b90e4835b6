//! `explain`: what a cause, a result type or a combination means, and what to do.

use std::io::Write;

use anyhow::bail;
use serde_json::{Value as Json, json};

use super::End;
use super::output::{document, row, wrapped};
use crate::assess::cause::Cause;
use crate::cli::TextOrJson;
use crate::digest::guide::{self, Combination, Said};
use crate::digest::{names, texts};

/// Prints the page of `name`, or the names that have one.
pub(super) fn explain(name: Option<&str>, format: TextOrJson) -> anyhow::Result<End> {
    let (text, json) = match name {
        None => (contents(), contents_json()),
        Some(name) => page(name)?,
    };
    let mut out = std::io::stdout().lock();
    match format {
        TextOrJson::Json => writeln!(out, "{}", document(&json)?)?,
        TextOrJson::Text => write!(out, "{text}")?,
    }
    Ok(End::Done)
}

/// The page of a cause; else of a result type; else of a combination.
fn page(name: &str) -> anyhow::Result<(String, Json)> {
    let wanted = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    if let Some(cause) = Cause::ALL.into_iter().find(|cause| cause.as_str() == wanted) {
        return Ok((cause_text(cause), cause_json(cause)));
    }
    if let Some(result_type) = guide::RESULT_TYPES.into_iter().find(|known| *known == wanted) {
        return Ok((type_text(result_type), type_json(result_type)));
    }
    let combination = guide::COMBINATIONS
        .iter()
        .find(|known| known.number.eq_ignore_ascii_case(&wanted) || known.word == wanted);
    if let Some(combination) = combination {
        return Ok((combination_text(combination), combination_json(combination)));
    }
    let near = nearest(&wanted).map_or_else(|| ";".to_owned(), |near| format!("; do you mean {near}?"));
    bail!(
        "{:?} is neither a cause nor a result type nor a combination{near} `tlsrptd explain` lists all; a result \
         type that isn't listed is the sender's own, see `tlsrptd explain unknown`",
        names::clean(name, names::NAME_CHARS)
    )
}

/// The known name that is most like `wanted`, if one is like it at all.
fn nearest(wanted: &str) -> Option<&'static str> {
    let combinations = guide::COMBINATIONS.iter().map(|known| known.word);
    Cause::ALL
        .into_iter()
        .map(Cause::as_str)
        .chain(guide::RESULT_TYPES)
        .chain(combinations)
        .map(|known| {
            // A part of a name is like it, however short.
            let is_part = wanted.len() > 3 && known.contains(wanted);
            let likeness = strsim::jaro_winkler(known, wanted);
            (if is_part { 0.9_f64.max(likeness) } else { likeness }, known)
        })
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn contents() -> String {
    let mut lines = vec!["Causes, by what is to be repaired:".to_owned()];
    let width = 27;
    let entry = |name: &str, text: &str| wrapped(text, &format!("  {name:<width$}"), width.saturating_add(2));
    lines.extend(Cause::ALL.map(|cause| {
        entry(
            cause.as_str(),
            &guide::general(cause, texts::text(cause).headline),
        )
    }));
    lines.extend([String::new(), "Result types, as reports have them:".to_owned()]);
    lines.extend(guide::RESULT_TYPES.map(|name| entry(name, texts::meaning(name).unwrap_or_default())));
    lines.extend([String::new(), "Combinations:".to_owned()]);
    lines.extend(guide::COMBINATIONS.map(|known| entry(known.number, known.name)));
    lines.extend([
        String::new(),
        "`tlsrptd explain NAME` tells what is known of one.".to_owned(),
    ]);
    lines.push(String::new());
    lines.join("\n")
}

fn contents_json() -> Json {
    json!({
        "causes": Cause::ALL.map(|cause| json!({
            "name": cause.as_str(),
            "headline": guide::general(cause, texts::text(cause).headline),
        })),
        "result_types": guide::RESULT_TYPES.map(|name| json!({"name": name, "meaning": texts::meaning(name)})),
        "combinations": guide::COMBINATIONS.map(|known| json!({"name": known.number, "title": known.name})),
    })
}

fn cause_text(cause: Cause) -> String {
    let (words, guide) = (texts::text(cause), guide::guide(cause));
    let fill = |template: &str| guide::general(cause, template);
    let mut lines = vec![format!("{cause}: {}", fill(words.headline)), String::new()];
    lines.push(row("Seen", &fill(words.saw)));
    lines.extend(list(
        "Mail",
        guide::outcomes(cause)
            .into_iter()
            .map(|(under, words)| format!("{under}: {words}")),
    ));
    let signs = guide.signs.iter().map(|sign| match sign.signs {
        "" => fill(sign.what),
        signs => format!("{} Signs: {}", fill(sign.what), lower_first(&fill(signs))),
    });
    for (n, text) in (1_u32..).zip(signs) {
        let label = if n == 1 { "Cause" } else { "" };
        lines.push(wrapped(&text, &format!("{label:<10}{n}. "), 13));
    }
    for (i, command) in guide::commands(cause).enumerate() {
        // A command stays in one line, to be copied.
        let label = if i == 0 { "Check" } else { "" };
        lines.push(format!("{label:<10}{}", fill(command)));
    }
    lines.push(row("", &fill(words.reading)));
    lines.extend(rows("Fix", filled([fill(words.fix), fill(guide.lasting)])));
    lines.extend(rows("Who", filled([fill(words.who), fill(guide.others)])));
    lines.push(row("Urgency", guide.urgency));
    lines.extend(list("Said as", guide.said.iter().map(said_text)));
    lines.extend(list(
        "Bounces",
        guide
            .bounces
            .iter()
            .map(|bounce| format!("{} ({})", bounce.codes, bounce.by)),
    ));
    lines.extend(list("Note", guide.remarks.iter().map(|remark| fill(remark))));
    lines.push(String::new());
    lines.join("\n")
}

fn filled<const N: usize>(texts: [String; N]) -> impl Iterator<Item = String> {
    texts.into_iter().filter(|text| !text.is_empty())
}

/// A list, each of its texts behind a hyphen unless it is the only one.
fn list(label: &str, texts: impl Iterator<Item = String>) -> Vec<String> {
    let texts: Vec<String> = texts.collect();
    let is_one = texts.len() == 1;
    let lines = texts.iter().enumerate().map(|(i, text)| {
        let label = if i == 0 { label } else { "" };
        if is_one {
            row(label, text)
        } else {
            wrapped(text, &format!("{label:<10}- "), 12)
        }
    });
    lines.collect()
}

/// Lines of which the first has the label.
fn rows(label: &str, texts: impl Iterator<Item = String>) -> Vec<String> {
    texts
        .enumerate()
        .map(|(i, text)| row(if i == 0 { label } else { "" }, &text))
        .collect()
}

/// A text in the middle of a line.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let second_is_lower = text.chars().nth(1).is_none_or(|c| !c.is_ascii_uppercase());
    match chars.next() {
        // Not of names such as IPv6 or MX, nor of senders.
        Some(first) if second_is_lower && !is_name(text) => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    ["Stalwart", "Mail.ru", "Microsoft", "Google", "Postfix"]
        .iter()
        .any(|name| text.starts_with(name))
}

fn said_text(said: &Said) -> String {
    let result_type = match said.result_type {
        "" => "no result type",
        known => known,
    };
    format!("{result_type}, {}: {}", said.words(), said.by)
}

fn said_json(said: &Said) -> Json {
    json!({
        "result_type": said.result_type,
        "reason": said.reason,
        "policy_type": said.policy_type,
        "when": said.when.as_str(),
        "by": said.by,
    })
}

fn cause_json(cause: Cause) -> Json {
    let (words, guide) = (texts::text(cause), guide::guide(cause));
    let fill = |template: &str| guide::general(cause, template);
    json!({
        "kind": "cause",
        "name": cause.as_str(),
        "headline": fill(words.headline),
        "saw": fill(words.saw),
        "mail": guide::impacts(cause).into_iter().map(|(basis, impact)| json!({
            "policy": guide::basis_name(basis),
            "impact": impact.as_str(),
            "words": guide::impact_words(cause, impact),
        })).collect::<Vec<_>>(),
        "causes": guide.signs.iter().map(|sign| json!({"what": fill(sign.what), "signs": fill(sign.signs)}))
            .collect::<Vec<_>>(),
        "check": guide::commands(cause).map(fill).collect::<Vec<_>>(),
        "reading": fill(words.reading),
        "fix": fill(words.fix),
        "lasting": fill(guide.lasting),
        "who": fill(words.who),
        "others": guide.others,
        "urgency": guide.urgency,
        "said_as": guide.said.iter().map(said_json).collect::<Vec<_>>(),
        "bounces": guide.bounces.iter().map(|bounce| json!({"codes": bounce.codes, "by": bounce.by}))
            .collect::<Vec<_>>(),
        "remarks": guide.remarks.iter().map(|remark| fill(remark)).collect::<Vec<_>>(),
    })
}

fn type_text(result_type: &str) -> String {
    let meaning = texts::meaning(result_type).unwrap_or_default();
    let mut lines = vec![
        format!("{result_type} (result type)"),
        String::new(),
        row("Meaning", meaning),
    ];
    let causes = guide::causes_of(result_type);
    for (i, cause) in causes.iter().enumerate() {
        let headline = guide::general(*cause, texts::text(*cause).headline);
        let label = if i == 0 { "Read as" } else { "" };
        lines.push(row(label, &format!("{cause}: {headline}")));
        let said = guide::guide(*cause).said.iter();
        for said in said.filter(|said| said.result_type == result_type) {
            lines.push(wrapped(
                &format!("{}: {}", said.words(), said.by),
                &format!("{:10}- ", ""),
                12,
            ));
        }
    }
    lines.extend(rows(
        "Said by",
        senders(result_type).map(|(name, says)| format!("{name}: {says}")),
    ));
    let more = causes.iter().map(|cause| format!("tlsrptd explain {cause}"));
    lines.extend(rows("More", more));
    lines.push(String::new());
    lines.join("\n")
}

/// The senders of which it is known what they say.
fn senders(result_type: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let says = guide::senders_of(result_type).map(|row| row.says);
    guide::SENDERS
        .into_iter()
        .zip(says.into_iter().flatten())
        .filter(|(_, says)| !says.is_empty())
}

fn type_json(result_type: &str) -> Json {
    let causes = guide::causes_of(result_type);
    json!({
        "kind": "result-type",
        "name": result_type,
        "meaning": texts::meaning(result_type),
        "causes": causes.iter().map(|cause| json!({
            "name": cause.as_str(),
            "headline": guide::general(*cause, texts::text(*cause).headline),
            "said_as": guide::guide(*cause).said.iter()
                .filter(|said| said.result_type == result_type).map(said_json).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "senders": senders(result_type).map(|(name, says)| json!({"name": name, "says": says}))
            .collect::<Vec<_>>(),
    })
}

fn combination_text(known: &Combination) -> String {
    let mut lines = vec![format!("{}: {}", known.number, known.name), String::new()];
    lines.push(row("Pattern", known.pattern));
    lines.push(row("Meaning", known.says));
    lines.push(row("Fix", known.fix));
    let told = match known.needs {
        guide::Needs::Reports => "tlsrptd tells it from the reports alone",
        guide::Needs::ALook => "not told by tlsrptd: it takes a look at DNS or the web server",
    };
    lines.push(row("Told", told));
    lines.push(String::new());
    lines.join("\n")
}

fn combination_json(known: &Combination) -> Json {
    json!({
        "kind": "combination",
        "name": known.number,
        "word": known.word,
        "title": known.name,
        "pattern": known.pattern,
        "says": known.says,
        "fix": known.fix,
        "needs_a_look": known.needs == guide::Needs::ALook,
    })
}
