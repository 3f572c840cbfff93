//! The SQLite file is taken away, or another one put in its place, while it is used.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
    sync::Arc,
};

use crate::{
    clients::{Sent, upload},
    draft::Draft,
    gone::unavailable,
    marketplace::{Marketplace, command},
    whole::{checked, exactly, json, there, xml},
};

const FILES: [&str; 3] = ["marketplace.sqlite", "marketplace.sqlite-wal", "marketplace.sqlite-shm"];

fn move_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in FILES {
        // The last one to close it removes two of them.
        let _ = fs::rename(from.join(name), to.join(name));
    }
}

fn signed(image: &str) -> (Draft, String) {
    let draft = Draft::new(image);
    let document = String::from_utf8(draft.signed()).unwrap();
    (draft, document)
}

#[test]
fn nothing_is_taken_into_a_file_that_is_no_longer_there() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    let place = ["--data", data.to_str().unwrap()];
    let marketplace = Marketplace::start_in(&folder, &place);
    let [(first, one), (second, two)] = ["one", "two"].map(signed);
    assert_eq!(upload(marketplace.address, &one).status, 201);
    move_all(&data, &away);
    // Again and again: it is not made anew either.
    for _ in 0..3 {
        unavailable(&upload(marketplace.address, &two));
        unavailable(&xml(&marketplace, &first.path()));
        unavailable(&xml(&marketplace, "/metadata"));
        assert_eq!(marketplace.get("/readyz").status, 503);
        assert_eq!(marketplace.get("/healthz").status, 200);
    }
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
    marketplace.wait_for_log("removed or replaced");
    // It was only moved.
    move_all(&away, &data);
    assert_eq!(marketplace.get("/readyz").status, 200);
    assert_eq!(xml(&marketplace, &first.path()).body, one);
    assert_eq!(xml(&marketplace, &second.path()).status, 404);
    assert_eq!(upload(marketplace.address, &two).status, 201);
    marketplace.kill();
    let marketplace = Marketplace::start_in(&folder, &place);
    assert_eq!(xml(&marketplace, &second.path()).body, two);
    checked(&marketplace, &place, 2);
}

#[test]
fn another_file_in_its_place_is_not_mixed_with_it_and_served_after_a_restart() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    let [(first, one), (second, two), (third, three)] = ["one", "two", "three"].map(signed);
    for (data, document) in [("data", &one), ("other", &two)] {
        let marketplace = Marketplace::start_in(&folder, &["--data", path(data).to_str().unwrap()]);
        assert_eq!(upload(marketplace.address, document).status, 201);
        assert_eq!(marketplace.stop().status, Some(0));
    }
    let (data, other) = (path("data"), path("other"));
    let place = ["--data", data.to_str().unwrap()];
    let marketplace = Marketplace::start_in(&folder, &place);
    assert_eq!(xml(&marketplace, &first.path()).body, one);
    fs::rename(other.join(FILES[0]), data.join(FILES[0])).unwrap();
    for _ in 0..3 {
        unavailable(&xml(&marketplace, &first.path()));
        unavailable(&xml(&marketplace, &second.path()));
        unavailable(&upload(marketplace.address, &three));
    }
    assert_eq!(marketplace.stop().status, Some(0));
    let marketplace = Marketplace::start_in(&folder, &place);
    assert_eq!(xml(&marketplace, &first.path()).status, 404);
    assert_eq!(xml(&marketplace, &second.path()).body, two);
    assert_eq!(upload(marketplace.address, &three).status, 201);
    assert_eq!(xml(&marketplace, &third.path()).body, three);
    assert_eq!(json(&marketplace, "/api/v1/changes")["newest"], 2);
    checked(&marketplace, &place, 2);
}

/// A command that heeds the rights of files, even as root.
fn heeding_rights(command: &Command) -> Command {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut heeding = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        heeding.args(["--bounding-set", "-dac_override,-dac_read_search"]);
    }
    heeding.arg(command.get_program()).args(command.get_args());
    heeding
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_may_not_be_opened_any_more_loses_nothing_and_is_told_at_the_next_start() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let data = folder.path().join("data");
    let place = ["--data", data.to_str().unwrap()];
    let serve = || {
        let mut serve = command(folder.path());
        serve.args(["serve", "--listen", "127.0.0.1:0"]).args(place);
        let mut serve = heeding_rights(&serve);
        serve.env("HOME", folder.path());
        serve
    };
    let marketplace = Marketplace::run(serve(), &folder);
    let mut sent: Vec<_> = (0..12)
        .map(|number| {
            let word = format!("word{number}end");
            let draft = Draft::new(&format!("image {number}")).text("description", &word);
            let document = String::from_utf8(draft.signed()).unwrap();
            Sent { path: draft.path(), document, word, status: 0 }
        })
        .collect();
    for (number, sent) in sent.iter_mut().enumerate() {
        if number == 4 {
            for name in FILES {
                set_mode(&data.join(name), 0);
            }
        }
        if number == 8 {
            for name in FILES {
                set_mode(&data.join(name), 0o600);
            }
        }
        let answer = upload(marketplace.address, &sent.document);
        // What is open may still be used.
        assert!(answer.status == 201 || (4..8).contains(&number) && answer.status == 503, "{}", answer.body);
        sent.status = answer.status;
    }
    let entries = there(&marketplace, &sent);
    exactly(&marketplace, &entries);
    checked(&marketplace, &place, entries.len());
    assert_eq!(marketplace.stop().status, Some(0));
    set_mode(&data.join(FILES[0]), 0);
    let output = serve().output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]), "{told}");
    assert!(
        told.contains(&format!("cannot use the data in {}/marketplace.sqlite: ", data.display())),
        "{told}"
    );
}
