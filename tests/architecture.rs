//! The order of the modules, and what each keeps to itself. ARCHITECTURE.md says why.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// In the order a report travels; each module uses only those to its left.
const ORDER: &[&str] = &[
    "clock",
    "config",
    "report",
    "extract",
    "authenticate",
    "tls",
    "http",
    "ping",
    "oauth",
    "mailbox",
    "assess",
    "store",
    "digest",
    "prepare",
    "import",
    "reparse",
    "poll",
    "deliver",
    "daemon",
    "cli",
    "commands",
    "lib",
    "main",
];
/// These stages don't know each other; prepare joins them.
const STRANGERS: &[&str] = &["report", "extract", "authenticate", "mailbox"];

#[test]
fn modules_use_only_modules_to_their_left() {
    let faults: Vec<String> = sources()
        .iter()
        .flat_map(|source| wrong_arrows(&source.module, &source.text))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_reversed_arrow_is_found() {
    assert_eq!(
        wrong_arrows("store", "use crate::digest::Digest;"),
        ["store uses digest"]
    );
    assert_eq!(
        wrong_arrows("store", "use crate::{report::Report, digest::{a, b}};"),
        ["store uses digest"]
    );
    assert_eq!(
        wrong_arrows("extract", "crate::report::parse()"),
        ["extract uses report"]
    );
    assert_eq!(
        wrong_arrows("clock", "use super::super::store;"),
        ["clock says super::super, write crate::"]
    );
    assert!(wrong_arrows("digest", "use crate::store::DigestFacts; use crate::digest::x;").is_empty());
}

#[test]
fn what_belongs_to_one_module_stays_there() {
    let rules: &[(&str, &[&str])] = &[
        (
            "store",
            &[
                "\"SELECT ",
                "\"INSERT ",
                "\"UPDATE ",
                "\"DELETE FROM ",
                "rusqlite::",
            ],
        ),
        ("mailbox", &["async_imap"]),
        ("clock", &["Timestamp::now", "Zoned::now", "SystemTime::now"]),
    ];
    for source in sources() {
        for (home, words) in rules.iter().filter(|(home, _)| *home != source.module) {
            for line in source.text.lines().filter(|line| !line.contains("tlsrptd sql")) {
                let word = words.iter().find(|word| line.contains(**word));
                assert_eq!(
                    word,
                    None,
                    "{} must leave this to {home}: {line}",
                    source.path.display()
                );
            }
        }
    }
}

/// A file, without comments and tests.
struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let is_test = path
                .file_name()
                .is_some_and(|name| name == "tests.rs" || name == "tests");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
                let inner = path.strip_prefix(&root).unwrap().with_extension("");
                let module = inner.iter().next().unwrap().to_str().unwrap().to_owned();
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let text = code.collect::<Vec<_>>().join("\n");
                sources.push(Source { path, module, text });
            }
        }
    }
    assert!(
        sources.len() > 10,
        "the sources are not where this test looks for them"
    );
    sources
}

fn wrong_arrows(module: &str, text: &str) -> Vec<String> {
    let rank = |name: &str| ORDER.iter().position(|known| *known == name);
    let Some(own) = rank(module) else {
        return vec![format!("{module} has no place in ORDER")];
    };
    let mut faults = Vec::new();
    if text.contains("super::super") {
        faults.push(format!("{module} says super::super, write crate::"));
    }
    for other in mentioned(text).into_iter().filter(|other| other != module) {
        let known = STRANGERS.contains(&other.as_str()) && STRANGERS.contains(&module);
        if known || rank(&other).is_some_and(|rank| rank > own) {
            faults.push(format!("{module} uses {other}"));
        }
    }
    faults
}

/// The names after each `crate::`, also in `crate::{a::B, c}`.
fn mentioned(text: &str) -> Vec<String> {
    let name = |text: &str| {
        text.split(|char: char| !char.is_alphanumeric() && char != '_')
            .next()
            .unwrap()
            .to_owned()
    };
    let mut names = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.push(name(rest));
            continue;
        };
        let mut depth = 0_u32;
        let mut entry = String::new();
        for char in group.chars() {
            match char {
                '}' if depth == 0 => break,
                '{' => depth = depth.saturating_add(1),
                '}' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => names.push(name(std::mem::take(&mut entry).trim())),
                _ if depth == 0 => entry.push(char),
                _ => {}
            }
        }
        names.push(name(entry.trim()));
    }
    names
}
