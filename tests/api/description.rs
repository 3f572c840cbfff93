//! The description of the API is true: `schemathesis` calls every operation as it says, well and badly.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

use crate::{
    answers::shown,
    server::{Server, draft::Draft},
    start,
};

/// Of the environment that `tests/setup.sh` makes.
const SCHEMATHESIS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin/schemathesis");
/// What it knows of this API besides its description.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/schemathesis.toml");

/// The entry that the examples of the description name, and others.
fn filled() -> Server {
    let server = start(|_| {});
    let example = Draft::new("an image\n").created("2011-09-13T09:58:54Z").text("tag", "latest");
    let newer = example.clone().email("joe@example.org");
    for draft in [
        &example.clone().created("2010-01-01T00:00:00Z"),
        &example,
        &newer,
        &newer.clone().created("2014-01-01T00:00:00Z").deprecated("a hole"),
        &Draft::new("b").valid("2012-12-12T12:12:12Z").text("title", "<b>&amp;\u{2028}"),
    ] {
        server.publish(draft.signed());
    }
    server
}

#[test]
fn every_operation_answers_as_it_is_described() {
    assert!(Path::new(SCHEMATHESIS).exists(), "run `tests/setup.sh tests`");
    let server = filled();
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(SCHEMATHESIS)
        .args(["--config-file", CONFIG, "run", "--no-color"])
        .arg(format!("{}/api/openapi.json", server.base))
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(!said.contains("Unresolvable"), "{said}");
    let tested = operations(&shown(&server, "/api/openapi.json")).len();
    assert!(said.contains(&format!("Tested: {tested}")), "{said}");
}

#[test]
fn every_route_is_described_and_every_example_exists() {
    let server = filled();
    let description = shown(&server, "/api/openapi.json");
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."));
    let operations = operations(&description);
    assert_eq!(operations.len(), 12, "{operations:?}");
    for (method, path) in operations.iter().filter(|(method, _)| method == "get") {
        let path = path
            .replace("{identifier}", "IndydRp_W-qiut7CJbYsRxJODTB")
            .replace("{email}", "jane.tester@example.org")
            .replace("{created}", "2011-09-13T09:58:54Z");
        let query = if path.ends_with("/tagged") { "?tag=latest" } else { "" };
        assert_eq!(server.get(&format!("{path}{query}")).send().status, 200, "{method} {path}");
    }
}

/// Methods and paths.
fn operations(description: &Value) -> BTreeSet<(String, String)> {
    let paths = description["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))
    });
    operations.collect()
}
