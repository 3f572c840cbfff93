//! The SQLite file is taken away, or another one put in its place, while it is used.

use std::{fs, path::Path, sync::Arc};

use crate::{
    clients::upload,
    draft::Draft,
    gone::unavailable,
    marketplace::Marketplace,
    whole::{checked, json, xml},
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
