//! What `SECURITY.md` names is there: each error it promises, and each test that shows it.

#![allow(clippy::unwrap_used, reason = "a test without its material has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The texts of all Rust files below a folder.
fn sources(folder: &str) -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

/// The rows of the tables with an error and a test.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    cells
        .filter_map(|cells| if let [_, error, test] = cells[..] { Some((error, test)) } else { None })
        .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_refusal_has_its_error_and_its_test() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SECURITY.md")).unwrap();
    let (errors, tests) = (sources("src").concat(), sources("tests").concat());
    let (mut promised, mut shown) = (0, 0);
    for (error, test) in rows(&page) {
        // Errors are variants; the third column of the other tables says something else.
        for name in quoted(error).filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase())) {
            let variant = [" {", "(", ","].iter().any(|end| errors.contains(&format!("\n    {name}{end}")));
            assert!(variant, "there is no error {name}");
            promised += 1;
        }
        for name in quoted(test).filter(|name| name.contains('_') && !name.contains(['/', '-'])) {
            // `…` stands for what the name before it begins or this one ends with.
            let there = match name.strip_prefix('…') {
                Some(end) => tests.contains(&format!("{end}() {{")),
                None => tests.contains(&format!("fn {}", name.trim_end_matches('…'))),
            };
            assert!(there, "there is no test {name}");
            shown += 1;
        }
        for file in quoted(test).filter(|name| name.starts_with("tests/")) {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "there is no {file}");
        }
    }
    assert!(promised > 50 && shown > 50, "{promised} errors, {shown} tests");
}
