//! `check` finds each fault that is planted into the database.

use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::folder::{Folder, eight};

/// A folder with eight entries in `data`, and this done to the SQLite file behind the server's back.
fn with(statement: &'static str) -> Folder {
    let folder = Folder::new();
    for draft in eight() {
        folder.keep("old", &draft);
    }
    folder
        .run(&["import", "old", "--data", "data"])
        .ended(0, "8 entries imported, 0 there already, 0 refused\n");
    let file = folder.path("data/marketplace.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut connection = options.connect().await.unwrap();
        let done = connection.execute(statement).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
        connection.close().await.unwrap();
    });
    folder
}

/// Requires that `check` finds so many faults, these among them.
#[track_caller]
fn found(statement: &'static str, faults: u64, words: &[&str]) {
    let folder = with(statement);
    let done = folder.run(&["check", "--data", "data"]);
    assert_eq!(done.status, Some(1), "{statement}: {done:?}");
    done.said(words);
    assert!(done.stdout.ends_with(&format!(" checked, {faults} faults\n")), "{statement}: {done:?}");
}

#[test]
fn a_byte_of_a_document_that_changed_is_found() {
    found(
        "UPDATE document SET bytes = CAST(replace(CAST(bytes AS TEXT), 'ttylinux', 'ttylinus') AS BLOB)
         WHERE entry = (SELECT max(id) FROM latest)",
        2,
        &["its bytes are not those whose SHA-256 is kept", "digest"],
    );
}

#[test]
fn a_digest_that_changed_is_found() {
    found(
        "UPDATE document SET sha256 = x'00' WHERE entry = (SELECT max(id) FROM latest)",
        1,
        &["its bytes are not those whose SHA-256 is kept"],
    );
}

#[test]
fn a_document_that_is_gone_is_found() {
    found("DELETE FROM document WHERE entry = (SELECT max(id) FROM latest)", 1, &["it has no document"]);
}

#[test]
fn a_document_under_the_key_of_another_is_found() {
    found(
        "UPDATE document SET entry = -entry WHERE entry = (SELECT max(id) FROM latest)",
        2,
        &["it has no document", "there is a document without an entry"],
    );
    found(
        "UPDATE document SET (bytes, sha256) = (SELECT bytes, sha256 FROM document
         WHERE entry = (SELECT min(id) FROM entry)) WHERE entry = (SELECT max(id) FROM entry)",
        1,
        &["the document says something else than", "entry.identifier"],
    );
}

#[test]
fn a_column_that_says_something_else_is_found() {
    for (statement, column) in [
        ("UPDATE entry SET os = 'windows' WHERE id = (SELECT max(id) FROM latest)", "entry.os"),
        ("UPDATE entry SET valid = valid + 1 WHERE id = (SELECT max(id) FROM latest)", "entry.valid"),
        ("UPDATE entry SET bytes = 'many' WHERE id = (SELECT max(id) FROM latest)", "entry.bytes"),
        ("UPDATE entry SET locations = '[]' WHERE id = (SELECT min(id) FROM entry)", "entry.locations"),
        (
            "UPDATE entry SET deprecated = '' WHERE deprecated IS NULL AND id = (SELECT min(id) FROM entry)",
            "entry.deprecated",
        ),
        ("UPDATE latest SET words = 'x' WHERE id = (SELECT max(id) FROM latest)", "latest.words"),
        ("UPDATE latest SET state = 1 WHERE state = 3", "latest.state"),
    ] {
        found(statement, 1, &["the document says something else than", column]);
    }
}

#[test]
fn an_order_that_is_wrong_is_found() {
    found(
        "UPDATE series SET (created, newest) = (SELECT created, id FROM entry e
         WHERE e.identifier = series.identifier AND e.email = series.email ORDER BY id LIMIT 1)
         WHERE (identifier, email) = (SELECT identifier, email FROM entry GROUP BY 1, 2 HAVING count(*) > 1)",
        3,
        &[
            "another entry than the newest counts as that",
            "its newest entry is in no list",
            "an entry that is not the newest is in lists",
        ],
    );
    found(
        "UPDATE series SET newest = 1 WHERE newest = (SELECT max(id) FROM latest)",
        3,
        &["its newest entry is not there"],
    );
}

#[test]
fn an_entry_that_no_list_and_no_mirror_gets_is_found() {
    found(
        "DELETE FROM latest WHERE id = (SELECT max(id) FROM latest)",
        2,
        &["its newest entry is in no list", "what is searched"],
    );
    found("DELETE FROM change WHERE sequence = 3", 1, &["it is not among the changes"]);
    found(
        "UPDATE change SET entry = (SELECT max(entry) FROM change) WHERE sequence = 1",
        2,
        &["among the changes twice"],
    );
    found("UPDATE feed SET newest = newest - 1", 1, &["beyond the newest"]);
    found("DELETE FROM endorser", 2, &["an endorser who is not in the list of endorsers"]);
}

#[test]
fn faults_are_told_in_json_as_well() {
    let folder = with("UPDATE entry SET os = 'windows' WHERE id = (SELECT max(id) FROM latest)");
    let done = folder.run(&["check", "--data", "data", "--json"]);
    let objects: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(done.status, Some(1));
    assert_eq!(objects[0]["fault"], "the document says something else than entry.os");
    assert_eq!(objects[0]["entry"].as_str().unwrap().split('/').count(), 3);
    assert_eq!(objects[1], serde_json::json!({ "entries": 8, "faults": 1 }));
}
