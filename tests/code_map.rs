//! The code map in ARCHITECTURE.md is the tree.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The sources below a folder, but for tests, as the map names them.
fn sources(folder: &Path) -> BTreeSet<String> {
    let mut sources = BTreeSet::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap();
        if name == "tests" {
            continue;
        }
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inner = path.strip_prefix(Path::new(ROOT).join("src")).unwrap();
            sources.insert(inner.display().to_string());
        }
    }
    sources
}

/// The paths at the beginnings of the map's lines.
fn mapped() -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).unwrap();
    let map = text.lines().skip_while(|line| *line != "## Code map").skip(1);
    let map = map.take_while(|line| !line.starts_with("## "));
    map.filter_map(|line| line.split_once("  "))
        .map(|(path, _)| path.to_owned())
        .collect()
}

#[test]
fn the_code_map_has_every_source_once_and_no_other() {
    let lines: Vec<String> = mapped()
        .into_iter()
        .filter(|path| {
            Path::new(path)
                .extension()
                .is_some_and(|extension| extension == "rs")
        })
        .filter(|path| !path.starts_with("tests/") && !path.starts_with("benches/"))
        .collect();
    let mapped: BTreeSet<String> = lines.iter().cloned().collect();
    assert_eq!(lines.len(), mapped.len(), "a source stands in the map twice");
    let there = sources(&PathBuf::from(ROOT).join("src"));
    let missing: Vec<_> = there.difference(&mapped).collect();
    let gone: Vec<_> = mapped.difference(&there).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "the code map of ARCHITECTURE.md lacks {missing:?} and has {gone:?}, which isn't there"
    );
}

#[test]
fn what_the_code_map_names_outside_the_sources_is_there() {
    let outside: Vec<String> = mapped()
        .into_iter()
        .filter(|path| path.starts_with("tests/") || path.starts_with("benches/") || path.ends_with('/'))
        .collect();
    assert!(outside.len() >= 10, "{outside:?}");
    for path in outside {
        assert!(Path::new(ROOT).join(&path).exists(), "{path}");
    }
}
