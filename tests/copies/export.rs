//! `export DIR`.

use std::{fs, os::unix::fs::symlink};

use crate::{
    folder::{Folder, eight, names},
    server::draft::Draft,
};

/// A folder with eight entries in `data`.
fn eight_stored() -> Folder {
    let folder = Folder::new();
    for draft in eight() {
        folder.keep("old", &draft);
    }
    folder
        .run(&["import", "old", "--data", "data"])
        .ended(0, "8 entries imported, 0 there already, 0 refused\n");
    folder
}

#[test]
fn an_export_that_was_cut_short_goes_on_where_it_was() {
    let folder = eight_stored();
    let export = ["export", "new", "--data", "data"];
    folder.run(&export).ended(0, "8 entries exported, 0 there already\n");
    let files: Vec<_> = folder.tree("new").into_keys().collect();
    for file in &files[..3] {
        fs::remove_file(folder.path("new").join(file)).unwrap();
    }
    // What is left of one that was killed.
    let unfinished = folder.path("new").join(&files[0]);
    let name = format!(".{}.part", unfinished.file_name().unwrap().to_str().unwrap());
    fs::write(unfinished.with_file_name(name), "<rdf:RDF").unwrap();
    let kept = fs::metadata(folder.path("new").join(&files[7])).unwrap().modified().unwrap();
    folder.run(&export).ended(0, "3 entries exported, 5 there already\n");
    assert_eq!(folder.tree("new"), folder.tree("old"));
    assert_eq!(fs::metadata(folder.path("new").join(&files[7])).unwrap().modified().unwrap(), kept);
}

#[test]
fn another_file_under_the_name_of_an_entry_stays_and_is_an_error() {
    let folder = eight_stored();
    folder.run(&["export", "new", "--data", "data"]).ended(0, "8 entries exported, 0 there already\n");
    let file = folder.tree("new").into_keys().next().unwrap();
    let path = folder.path("new").join(file);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    folder
        .run(&["export", "new", "--data", "data"])
        .ended(3, "")
        .said(&["is there already, and is not the entry"]);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn nothing_is_written_through_links_out_of_the_directory() {
    let folder = eight_stored();
    fs::create_dir_all(folder.path("new")).unwrap();
    fs::create_dir_all(folder.path("elsewhere")).unwrap();
    let identifier = Draft::new("one").identifier().to_string();
    symlink(folder.path("elsewhere"), folder.path("new").join(&identifier)).unwrap();
    folder
        .run(&["export", "new", "--data", "data"])
        .ended(3, "")
        .said(&["error: cannot use new/", &identifier]);
    assert_eq!(names(&folder.path("elsewhere")), [""; 0]);

    // The same for the file itself.
    fs::remove_file(folder.path("new").join(&identifier)).unwrap();
    let draft = Draft::new("four");
    let target = folder.path("victim");
    fs::write(&target, draft.signed()).unwrap();
    let file = folder.path("new").join(format!("{}.xml", &draft.path()["/metadata/".len()..]));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&file);
    symlink(&target, &file).unwrap();
    folder.run(&["export", "new", "--data", "data"]).ended(3, "").said(&["is not the entry"]);
}

#[test]
fn two_exports_into_one_directory_do_not_mix() {
    let folder = eight_stored();
    fs::create_dir_all(folder.path("new")).unwrap();
    let held = fs::File::open(folder.path("new")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    folder
        .run(&["export", "new", "--data", "data"])
        .ended(3, "")
        .said(&["error: another export writes to new"]);
    drop(held);
    folder.run(&["export", "new", "--data", "data"]).ended(0, "8 entries exported, 0 there already\n");
}

#[test]
fn where_there_is_no_database_that_is_said() {
    let folder = Folder::new();
    for task in [&["export", "new"][..], &["check"]] {
        let done = folder.run(&[task, &["--data", "data"]].concat());
        done.ended(3, "")
            .said(&["error: there is no Marketplace's data: data/marketplace.sqlite does not exist"]);
    }
    assert_eq!(names(folder.0.path()), [""; 0]);
}
