//! `import`, `export`, `mirror` and `check` over PostgreSQL.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its material has failed")]

#[path = "copies/folder.rs"]
mod folder;
#[path = "common/pki.rs"]
mod pki;
mod postgres;
mod server;

use sqlx::{Connection as _, Executor as _};

use folder::{Folder, eight};

#[test]
fn an_exported_copy_of_what_was_imported_is_the_same_file_by_file() {
    let (folder, database) = (Folder::new(), postgres::url());
    for draft in eight() {
        folder.keep("old", &draft);
    }
    let run = |arguments: &[&str]| folder.run(&[arguments, &["--database", &database]].concat());
    run(&["import", "old"]).ended(0, "8 entries imported, 0 there already, 0 refused\n");
    run(&["import", "old"]).ended(0, "0 entries imported, 8 there already, 0 refused\n");
    run(&["export", "new"]).ended(0, "8 entries exported, 0 there already\n");
    assert_eq!(folder.tree("new"), folder.tree("old"));
    run(&["check"]).ended(0, "8 entries checked, 0 faults\n");
}

#[test]
fn one_mirrors_the_other_whichever_database_they_have() {
    let folder = Folder::new();
    let source = server::start(|_| {});
    let mut drafts = eight();
    drafts.sort_by_key(server::draft::Draft::path);
    for draft in drafts {
        source.publish(draft.signed());
    }
    let database = postgres::url();
    let mirror = ["mirror", &source.base, "--once", "--database", &database];
    folder.run(&mirror).ended(0, "8 entries taken, 0 there already, 0 refused\n");
    folder.run(&mirror).ended(0, "0 entries taken, 0 there already, 0 refused\n");
    let password = stratuslab::Password::new(database);
    let copy = server::start_on(Some(stratuslab::server::settings::Database::Postgres(password)), |_| {});
    let back = ["mirror", &copy.base, "--once", "--data", "data"];
    folder.run(&back).ended(0, "8 entries taken, 0 there already, 0 refused\n");
    folder.run(&["check", "--data", "data"]).ended(0, "8 entries checked, 0 faults\n");
}

#[test]
fn each_planted_fault_is_found() {
    for (statement, faults) in [
        ("UPDATE document SET sha256 = 'x'::bytea WHERE entry = (SELECT max(id) FROM latest)", 1),
        ("DELETE FROM document WHERE entry = (SELECT max(id) FROM latest)", 1),
        ("UPDATE entry SET os = 'windows' WHERE id = (SELECT max(id) FROM latest)", 1),
        ("UPDATE latest SET state = 1 WHERE state = 3", 1),
        ("UPDATE series SET newest = 1 WHERE newest = (SELECT max(id) FROM latest)", 3),
        ("DELETE FROM latest WHERE id = (SELECT max(id) FROM latest)", 1),
        ("DELETE FROM change WHERE sequence = 3", 1),
        ("UPDATE feed SET newest = newest - 1", 1),
        ("DELETE FROM endorser", 2),
    ] {
        let (folder, database) = (Folder::new(), postgres::url());
        for draft in eight() {
            folder.keep("old", &draft);
        }
        let imported = folder.run(&["import", "old", "--database", &database]);
        imported.ended(0, "8 entries imported, 0 there already, 0 refused\n");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = sqlx::postgres::PgConnection::connect(&database).await.unwrap();
            assert!(connection.execute(statement).await.unwrap().rows_affected() > 0, "{statement}");
        });
        let done = folder.run(&["check", "--database", &database]);
        done.ended(1, &format!("8 entries checked, {faults} faults\n"));
    }
}
