//! docs/reliability.md names tests that exist.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_promises_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let promises = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let mut tests = String::new();
    read_all(&root.join("tests"), &mut tests);
    read_all(&root.join("src"), &mut tests);
    let mut n_named = 0_u32;
    let is_head = |row: &str| row.starts_with("| promise |") || row.starts_with("|---");
    for row in promises
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter(|row| !is_head(row))
    {
        let cell = row.rsplit('|').nth(1).unwrap();
        assert!(cell.contains('`'), "no test is named: {row}");
        for name in cell.split('`').skip(1).step_by(2) {
            // A property has arguments.
            let is_there = tests.contains(&format!("fn {name}("));
            assert!(is_there, "there is no test {name}");
            n_named = n_named.saturating_add(1);
        }
    }
    assert!(n_named > 50, "{n_named}");
}

fn read_all(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
