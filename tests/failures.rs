//! docs/failures.md is what `tlsrptd explain` says: `UPDATE=1 cargo test --test failures` writes it anew.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use tlsrptd::assess::cause::Cause;
use tlsrptd::digest::guide::{self, COMBINATIONS, GROUND_RULES, Needs, RESULT_TYPES, SENDERS};
use tlsrptd::digest::texts;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/failures.md");

/// The page; each paragraph, list entry and row is one line.
fn page() -> String {
    let mut lines: Vec<String> = [
        "# What failures mean, and what to do",
        "",
        "What `tlsrptd explain NAME` prints, in one place; both come from `src/digest/texts/` and \
         `src/digest/guide/`. In commands `MX` stands for the mail server's host name, `DOMAIN` for the mail domain, \
         `IP`, `ZONE` and `RESOLVER` for what they say.",
        "",
        "## Before all else",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    lines.extend(GROUND_RULES.map(|(title, text)| format!("- **{title}.** {text}")));
    lines.extend(["", "## Causes", "", "| cause | in mails |", "|---|---|"].map(str::to_owned));
    lines.extend(Cause::ALL.map(|cause| {
        let headline = guide::general(cause, texts::text(cause).headline);
        format!("| [`{cause}`](#{cause}) | {headline} |")
    }));
    for cause in Cause::ALL {
        lines.extend(section(cause));
    }
    lines.extend(result_types());
    lines.extend(combinations());
    lines.push(String::new());
    lines.join("\n")
}

fn section(cause: Cause) -> Vec<String> {
    let (words, known) = (texts::text(cause), guide::guide(cause));
    let fill = |template: &str| guide::general(cause, template);
    let mut lines = vec![
        String::new(),
        format!("### {cause}"),
        String::new(),
        format!("**{}.** {}", fill(words.headline), fill(words.saw)),
        String::new(),
        "**Mail**".to_owned(),
        String::new(),
    ];
    lines.extend(
        guide::outcomes(cause)
            .into_iter()
            .map(|(under, text)| format!("- {under}: {text}")),
    );
    lines.extend(["", "**Causes, most likely first**", ""].map(str::to_owned));
    for (n, sign) in (1..).zip(known.signs) {
        let signs = if sign.signs.is_empty() {
            String::new()
        } else {
            format!(" *Signs:* {}", fill(sign.signs))
        };
        lines.push(format!("{n}. {}{signs}", fill(sign.what)));
    }
    lines.extend(["", "**Check**", "", "```sh"].map(str::to_owned));
    lines.extend(guide::commands(cause).map(fill));
    lines.extend([
        "```".to_owned(),
        String::new(),
        fill(words.reading),
        String::new(),
    ]);
    lines.extend(what_to_do(cause));
    lines
}

/// The end of a section: fix, who, how senders put it, bounces, remarks.
fn what_to_do(cause: Cause) -> Vec<String> {
    let (words, known) = (texts::text(cause), guide::guide(cause));
    let fill = |template: &str| guide::general(cause, template);
    let mut lines = Vec::new();
    let fix = format!("**Fix** {} {}", fill(words.fix), fill(known.lasting));
    lines.extend([fix.trim_end().to_owned(), String::new()]);
    let others = if known.others.is_empty() {
        String::new()
    } else {
        format!(" {}", known.others)
    };
    let who = format!(
        "**Who** {}.{others} **Urgency** {}.",
        fill(words.who),
        known.urgency
    );
    lines.extend([who, String::new(), "**Said as**".to_owned(), String::new()]);
    for said in known.said {
        let result_type = match said.result_type {
            "" => "no result type".to_owned(),
            known => format!("`{known}`"),
        };
        lines.push(format!("- {result_type}, {}: {}", said.words(), said.by));
    }
    if !known.bounces.is_empty() {
        let bounces: Vec<String> = known
            .bounces
            .iter()
            .map(|bounce| format!("{} ({})", bounce.codes, bounce.by))
            .collect();
        lines.extend([String::new(), format!("**In bounces** {}.", bounces.join("; "))]);
    }
    if !known.remarks.is_empty() {
        lines.push(String::new());
        lines.extend(known.remarks.iter().map(|remark| fill(remark)));
    }
    lines
}

fn result_types() -> Vec<String> {
    let mut lines: Vec<String> = [
        "",
        "## Result types",
        "",
        "The same fault has other types from other senders. A type that RFC 8460 doesn't know is kept as sent \
         (cause `unknown`).",
        "",
        "| type | means | read as |",
        "|---|---|---|",
    ]
    .map(str::to_owned)
    .to_vec();
    lines.extend(RESULT_TYPES.map(|name| {
        let causes: Vec<String> = guide::causes_of(name)
            .iter()
            .map(|cause| format!("[`{cause}`](#{cause})"))
            .collect();
        format!(
            "| `{name}` | {} | {} |",
            texts::meaning(name).unwrap(),
            causes.join(", ")
        )
    }));
    lines.extend(["", "### Who can say what", ""].map(str::to_owned));
    lines.push(
        "That a type is missing from one sender's reports proves nothing. An empty field: not known; Postfix: with \
         tlsrpt-reporter."
            .to_owned(),
    );
    lines.push(String::new());
    lines.push(format!("| type | {} |", SENDERS.join(" | ")));
    lines.push(format!("|---|{}", "---|".repeat(SENDERS.len())));
    for name in RESULT_TYPES {
        if let Some(row) = guide::senders_of(name) {
            lines.push(format!("| `{name}` | {} |", row.says.join(" | ")));
        }
    }
    lines
}

fn combinations() -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "## Combinations".to_owned(),
        String::new(),
        "Findings that together say more than each; `show ID` names the one that a problem is part of."
            .to_owned(),
    ];
    for known in COMBINATIONS {
        let needs = match known.needs {
            Needs::Reports => "",
            Needs::ALook => " Not told by tlsrptd: it takes a look at DNS or the web server.",
        };
        lines.extend([
            String::new(),
            format!("### {}: {}", known.number, known.name),
            String::new(),
            format!("{} {}{needs}", known.pattern, known.says),
            String::new(),
            format!("**Fix** {}", known.fix),
        ]);
    }
    lines
}

#[test]
fn the_page_is_what_explain_says() {
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let committed = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        committed == page,
        "docs/failures.md is out of date; run UPDATE=1 cargo test --test failures"
    );
}

#[test]
fn the_page_has_every_combination_by_name() {
    let page = page();
    for (number, known) in (1..).zip(COMBINATIONS) {
        assert!(
            page.contains(&format!("\n### C{number}: {}\n", known.name)),
            "C{number}"
        );
    }
}

#[test]
fn no_gap_of_the_table_is_left_open() {
    let page = page();
    assert!(!page.contains('{') && !page.contains('}'));
}
