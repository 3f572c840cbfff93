//! Databases that are made anew, are newer than the program, break, or lose who writes to them.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use stratuslab::{
    Password,
    server::{
        key::EntryKey,
        selection::{Selection, Status},
        settings::Database,
        store::{AddError, Added, Order, Store, StoreError},
    },
};

use crate::{
    entries::{draft, first, now},
    fresh::{Fresh, on_both},
    postgres::Server,
};

const CHILD: &str = "STRATUSLAB_TEST_STORE";

on_both! {
    async fn what_was_stored_is_there_when_the_database_is_opened_again(fresh) {
        let (entry, name) = {
            let store = fresh.open().await;
            let entry = draft("a").sign();
            store.add(&entry, Order::Newest, now()).await.unwrap();
            let name = store.feed().await.unwrap().0;
            store.close().await;
            assert!(store.ping().await.is_err());
            (entry, name)
        };
        let store = fresh.open().await;
        store.ping().await.unwrap();
        assert_eq!(store.feed().await.unwrap(), (name, 1));
        assert_eq!(store.document(&entry.key, now()).await.unwrap().unwrap().bytes, entry.document);
        assert_eq!(store.list(&Selection::default(), &first(10), now()).await.unwrap().entries.len(), 1);
    }

    async fn many_may_open_a_new_database_at_once(fresh) {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let database = fresh.database.clone();
            tasks.spawn(async move { Store::open(&database).await.unwrap() });
        }
        let stores = tasks.join_all().await;
        let name = stores[0].feed().await.unwrap();
        for store in &stores {
            assert_eq!(store.feed().await.unwrap(), name);
        }
        assert_eq!(stores[5].add(&draft("a").sign(), Order::Newest, now()).await.unwrap(), Added::Created);
    }

    async fn a_database_of_a_later_version_is_left_alone(fresh) {
        drop(fresh.open().await);
        execute(&fresh.database, "UPDATE schema_version SET version = 77").await;
        match Store::open(&fresh.database).await {
            Err(StoreError::Newer { found: 77, known }) => assert!(known < 77),
            other => unreachable!("{other:?}"),
        }
    }

    async fn what_was_answered_outlasts_a_kill(fresh) {
        for round in 0..3 {
            let mut child = child(&fresh.database, round);
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            // A test's line may follow what the test prints.
            let keys = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<EntryKey>().ok());
            let mut answered: Vec<_> = keys.take(40 + round * 7).collect();
            child.kill().unwrap();
            child.wait().unwrap();
            let store = fresh.open().await;
            for key in answered.drain(..) {
                let document = store.document(&key, now()).await.unwrap().unwrap_or_else(|| unreachable!("{key}"));
                stratuslab::dsig::verify(&document.bytes, &stratuslab::dsig::AlgorithmPolicy::default()).unwrap();
            }
            // All that is there is there as a whole.
            let all = Selection { status: Status::All, ..Selection::default() };
            let (page, documents) = store.list_documents(&all, &first(1000), now()).await.unwrap();
            assert_eq!(page.entries.len(), documents.len());
            assert!(page.entries.len() >= 40 * (round + 1));
            let searched = Selection { words: vec!["description".into()], ..all.clone() };
            assert_eq!(store.count(&searched, 1000, now()).await.unwrap(), documents.len() as u64);
            assert_eq!(store.feed().await.unwrap().1, i64::try_from(documents.len()).unwrap());
            assert_eq!(store.changes(0, 1000).await.unwrap().len(), documents.len());
            store.add(&draft(&format!("after {round}")).sign(), Order::Newest, now()).await.unwrap();
        }
    }
}

/// A process that adds entries until it is killed, and names each that was taken.
fn child(database: &Database, round: usize) -> std::process::Child {
    let url = match database {
        Database::Sqlite(file) => file.to_str().unwrap().to_owned(),
        Database::Postgres(url) => url.as_str().to_owned(),
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::adds_until_it_is_killed", "--ignored", "--nocapture"]);
    command.env(CHILD, format!("{round} {url}")).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, in a process that is killed"]
async fn adds_until_it_is_killed() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (round, url) = told.split_once(' ').unwrap();
    let database = if url.starts_with("postgres:") {
        Database::Postgres(Password::new(url.to_owned()))
    } else {
        Database::Sqlite(url.into())
    };
    let store = Store::open(&database).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let (store, round) = (store.clone(), round.to_owned());
        tasks.spawn(async move {
            for n in 0..200 {
                let entry = draft(&format!("{round} {task} {n}")).sign();
                store.add(&entry, Order::Newest, now()).await.unwrap();
                println!("\nadded {}", entry.key);
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_words_is_merged_when_nobody_adds_anything() {
    let fresh = Fresh::sqlite();
    let store = fresh.open().await;
    for image in 0..60 {
        store.add(&draft(&format!("image {image}")).sign(), Order::Newest, now()).await.unwrap();
    }
    let Database::Sqlite(file) = &fresh.database else { unreachable!() };
    let url = format!("sqlite://{}", file.display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let mut pieces = async || {
        let count = sqlx::query_scalar("SELECT count(DISTINCT segid) FROM latest_words_idx");
        count.fetch_one(&mut connection).await.unwrap()
    };
    let before: i64 = pieces().await;
    assert!(before > 2, "{before}");
    let started = Instant::now();
    while pieces().await > 1 {
        assert!(started.elapsed() < Duration::from_mins(1), "it is not merged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let selection = Selection { words: vec!["description".to_owned()], ..Selection::default() };
    assert_eq!(store.count(&selection, 100, now()).await.unwrap(), 60);
}

async fn execute(database: &Database, statement: &'static str) {
    sqlx::any::install_default_drivers();
    let url = match database {
        Database::Sqlite(file) => format!("sqlite://{}", file.display()),
        Database::Postgres(url) => url.as_str().to_owned(),
    };
    let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_is_reported_and_one_that_comes_back_serves_again() {
    let server = Server::start();
    let store = Store::open(&Database::Postgres(Password::new(server.url()))).await.unwrap();
    let (before, after) = (draft("a").sign(), draft("b").sign());
    store.add(&before, Order::Newest, now()).await.unwrap();
    server.stop();
    let start = Instant::now();
    assert!(store.ping().await.is_err());
    assert!(store.list(&Selection::default(), &first(10), now()).await.is_err());
    match store.add(&after, Order::Newest, now()).await {
        Err(AddError::Store(error)) => assert!(!error.to_string().contains("stratuslab@"), "{error}"),
        other => unreachable!("{other:?}"),
    }
    // Nobody waits for a database that is not there.
    assert!(start.elapsed() < Duration::from_mins(1));
    server.start_again();
    store.ping().await.unwrap();
    assert!(store.document(&before.key, now()).await.unwrap().is_some());
    store.add(&after, Order::Newest, now()).await.unwrap();
    assert_eq!(store.list(&Selection::default(), &first(10), now()).await.unwrap().entries.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_while_many_add_has_what_it_answered_and_nothing_twice() {
    let server = Server::start();
    let database = Database::Postgres(Password::new(server.url()));
    let stores = [Store::open(&database).await.unwrap(), Store::open(&database).await.unwrap()];
    let (answer, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..6 {
        let (store, answer) = (stores[task % 2].clone(), answer.clone());
        tasks.spawn(async move {
            for n in 0..30 {
                let entry = draft(&format!("{task} {n}")).sign();
                match store.add(&entry, Order::Newest, now()).await {
                    Ok(added) => answer.send((entry, added)).unwrap(),
                    Err(AddError::Store(_)) => {}
                    Err(other) => unreachable!("{other}"),
                }
            }
        });
    }
    drop(answer);
    let mut answered = Vec::new();
    while let Some(next) = answers.recv().await {
        answered.push(next);
        if [20, 60].contains(&answered.len()) {
            server.stop();
            server.start_again();
        }
    }
    tasks.join_all().await;
    assert!(answered.len() > 60);
    for (entry, added) in &answered {
        assert_eq!(*added, Added::Created);
        assert!(stores[0].document(&entry.key, now()).await.unwrap().unwrap().bytes == entry.document);
    }
    let changes = stores[1].changes(0, 1000).await.unwrap();
    assert!(changes.len() >= answered.len());
    assert_eq!(stores[1].feed().await.unwrap().1, i64::try_from(changes.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_extension_for_substrings_words_are_found_nevertheless() {
    let server = Server::start();
    let owner = server.url();
    let name = owner.rsplit('/').next().unwrap();
    // Not a superuser, in a database that is another's, cannot make it.
    server.psql(name, "CREATE ROLE plain LOGIN PASSWORD 'a secret'; GRANT ALL ON SCHEMA public TO plain");
    let url = owner.replace("stratuslab@", "plain:a%20secret@");
    let store = Store::open(&Database::Postgres(Password::new(url.clone()))).await.unwrap();
    store.add(&draft("a").sign(), Order::Newest, now()).await.unwrap();
    for (word, count) in [("DESCRIPTION", 1), ("absent", 0)] {
        let selection = Selection { words: vec![word.to_owned()], ..Selection::default() };
        assert_eq!(store.count(&selection, 10, now()).await.unwrap(), count);
    }
    // This fails if it is there.
    server.psql(name, "CREATE EXTENSION pg_trgm");
    server.stop();
    let error = Store::open(&Database::Postgres(Password::new(url))).await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_database_that_cannot_be_had_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "no database, and longer than its header would have to be")
        .unwrap();
    let file = |name: &str| Database::Sqlite(folder.path().join(name));
    for database in [
        file("file"),
        file("file/below"),
        Database::Postgres(Password::new("postgres://u:secret@127.0.0.1:1/x".to_owned())),
        Database::Postgres(Password::new("postgres://u:secret@[::1/x".to_owned())),
        Database::Postgres(Password::new("mysql://u:secret@localhost/x".to_owned())),
    ] {
        match Store::open(&database).await {
            Err(StoreError::Database { cause }) => assert!(!cause.contains("secret"), "{cause}"),
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_folder_of_a_file_is_its_owners_alone_and_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a ?&#%41é;/b?mode=ro#x");
    let store = Store::open(&Database::Sqlite(file.clone())).await.unwrap();
    store.add(&draft("a").sign(), Order::Newest, now()).await.unwrap();
    assert!(file.exists());
    let mode = std::fs::metadata(file.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_disk_that_takes_no_more_is_an_error_and_nothing_is_half_stored() {
    let fresh = Fresh::sqlite();
    drop(fresh.open().await);
    let Database::Sqlite(file) = &fresh.database else { unreachable!() };
    // Files end after 6000 blocks of 512 bytes there.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 6000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::adds_until_the_disk_is_full", "--ignored", "--nocapture"]);
    let output = command.env(CHILD, file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8(output.stdout).unwrap();
    let keys: Vec<EntryKey> =
        output.lines().filter_map(|line| line.strip_prefix("added ")?.parse().ok()).collect();
    assert!(keys.len() > 10);
    assert_eq!(output.lines().filter(|line| *line == "failed").count(), 5);
    let store = fresh.open().await;
    for key in &keys {
        assert!(store.document(key, now()).await.unwrap().is_some());
    }
    let (page, documents) = store.list_documents(&Selection::default(), &first(1000), now()).await.unwrap();
    assert_eq!((page.entries.len(), documents.len()), (keys.len(), keys.len()));
    assert_eq!(store.changes(0, 1000).await.unwrap().len(), keys.len());
    store.add(&draft("room").sign(), Order::Newest, now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, in a process whose files may not grow"]
async fn adds_until_the_disk_is_full() {
    let Ok(file) = std::env::var(CHILD) else { return };
    let store = Store::open(&Database::Sqlite(file.into())).await.unwrap();
    let mut failed = 0;
    for n in 0..1000 {
        let entry = draft(&n.to_string()).sign();
        match store.add(&entry, Order::Newest, now()).await {
            Ok(_) => println!("\nadded {}", entry.key),
            Err(AddError::Store(StoreError::Database { .. })) => {
                println!("\nfailed");
                failed += 1;
            }
            Err(other) => unreachable!("{other}"),
        }
        // Reading goes on.
        store.list(&Selection::default(), &first(10), now()).await.unwrap();
        if failed == 5 {
            return;
        }
    }
}
