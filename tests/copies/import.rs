//! `import DIR`.

use std::{fs, os::unix::fs::symlink};

use crate::{
    folder::{Done, Folder, eight},
    server::draft::Draft,
};

#[test]
fn an_exported_copy_of_what_was_imported_is_the_same_file_by_file() {
    let folder = Folder::new();
    for draft in eight() {
        folder.keep("old", &draft);
    }
    let import = ["import", "old", "--data", "data"];
    folder.run(&import).ended(0, "8 entries imported, 0 there already, 0 refused\n").said(&[]);
    folder.run(&import).ended(0, "0 entries imported, 8 there already, 0 refused\n");
    folder.run(&["export", "new", "--data", "data"]).ended(0, "8 entries exported, 0 there already\n");
    assert_eq!(folder.tree("new"), folder.tree("old"));
    assert_eq!(folder.tree("new").len(), 8);
    folder.run(&["check", "--data", "data"]).ended(0, "8 entries checked, 0 faults\n");
}

#[test]
fn an_original_server_s_data_directory_is_known_by_its_metadata_folder() {
    let folder = Folder::new();
    folder.keep("data.dir/metadata", &Draft::new("a"));
    fs::create_dir_all(folder.path("data.dir/datastore")).unwrap();
    fs::write(folder.path("data.dir/.sync"), "x").unwrap();
    let done = folder.run(&["import", "data.dir", "--data", "data"]);
    done.ended(0, "1 entry imported, 0 there already, 0 refused\n");
    assert_eq!(done.stderr, "");
}

#[test]
fn what_is_no_entry_is_reported_and_the_rest_is_imported() {
    let folder = Folder::new();
    let good = Draft::new("good");
    folder.keep("old", &good);
    // Another content under a name than the name says.
    let misplaced = folder.keep("old", &Draft::new("misplaced"));
    fs::rename(&misplaced, misplaced.with_file_name("2013-01-01T00:00:00Z.xml")).unwrap();
    let tampered = folder.keep("old", &Draft::new("tampered"));
    let text = fs::read_to_string(&tampered).unwrap();
    fs::write(&tampered, text.replace("ttylinux", "windows")).unwrap();
    let empty = folder.keep("old", &Draft::new("empty"));
    fs::write(&empty, "").unwrap();
    let large = folder.keep("old", &Draft::new("large"));
    fs::File::options().write(true).open(&large).unwrap().set_len((10 << 20) + 1).unwrap();
    let undated = folder.keep("old", &Draft::new("undated").undated());
    let done = folder.run(&["import", "old", "--data", "data"]);
    done.ended(1, "1 entry imported, 0 there already, 5 refused\n").said(&[
        "2013-01-01T00:00:00Z.xml is not imported: it is the entry ",
        &format!("{} is not imported: ", shown(&folder, &tampered)),
        &format!("{} is not imported: it is larger than 10 MiB", shown(&folder, &large)),
        &format!("{} is not imported: ", shown(&folder, &empty)),
        "there is no dcterms:valid",
    ]);
    assert!(done.stderr.contains(&shown(&folder, &undated)));
    let json = folder.run(&["import", "old", "--data", "data", "--json"]);
    let objects: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let objects = objects.as_array().unwrap();
    assert_eq!((json.status, objects.len()), (Some(1), 6), "{json:?}");
    assert_eq!(objects.iter().filter(|object| object["outcome"] == "same").count(), 1);
    assert_eq!(objects.iter().filter(|object| object["error"]["fact"].is_string()).count(), 5);
}

fn shown(folder: &Folder, path: &std::path::Path) -> String {
    path.strip_prefix(folder.0.path()).unwrap().display().to_string()
}

#[test]
fn nothing_is_followed_out_of_the_directory() {
    let folder = Folder::new();
    let outside = folder.keep("outside", &Draft::new("a"));
    let inside = folder.keep("old", &Draft::new("b"));
    let image = outside.parent().unwrap().parent().unwrap();
    symlink(image, folder.path("old").join(image.file_name().unwrap())).unwrap();
    symlink(&outside, inside.with_file_name("2013-01-01T00:00:00Z.xml")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        inside.with_file_name("2014-01-01T00:00:00Z.xml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    fs::write(folder.path("old/README"), "x").unwrap();
    fs::create_dir(folder.path("old/nonsense")).unwrap();
    fs::write(inside.with_file_name("yesterday.xml"), "x").unwrap();
    fs::create_dir(inside.with_file_name("2015-01-01T00:00:00Z.xml")).unwrap();
    fs::write(inside.with_file_name(".2016-01-01T00:00:00Z.xml.part"), "x").unwrap();
    let done = folder.run(&["import", "old", "--data", "data"]);
    done.ended(1, "1 entry imported, 0 there already, 7 refused\n").said(&[
        "a symbolic link",
        "a file among directories",
        "not a regular file",
        "its name is not IDENTIFIER/EMAIL/DATE.xml",
        "note: old/",
    ]);
}

#[test]
fn entries_of_old_tools_need_a_word() {
    let folder = Folder::new();
    let draft = Draft::new("a");
    let path = folder.keep("old", &draft);
    fs::write(&path, old_signature(&draft)).unwrap();
    let done = folder.run(&["import", "old", "--data", "data"]);
    done.ended(1, "0 entries imported, 0 there already, 1 refused\n").said(&["hint: --allow-sha1 accepts"]);
    let allowed = ["import", "old", "--data", "data", "--allow-sha1"];
    folder.run(&allowed).ended(0, "1 entry imported, 0 there already, 0 refused\n");
    // It is checked by the same measure.
    folder.run(&["check", "--data", "data"]).ended(1, "1 entry checked, 1 faults\n");
    let environment = folder
        .command()
        .args(["check", "--data", "data"])
        .env("STRATUSLAB_MARKETPLACE_ALLOW_SHA1", "true")
        .output();
    Done::from(environment.unwrap()).ended(0, "1 entry checked, 0 faults\n");
}

fn old_signature(draft: &Draft) -> Vec<u8> {
    use stratuslab::{Credentials, dsig, metadata::rules::Leniency};
    let jane = crate::pki::jane();
    let credentials = Credentials::from_pem(&jane.certificate_pem(), &jane.key_pem(), None).unwrap();
    let request = dsig::SignRequest {
        credentials: &credentials,
        method: Some(dsig::SignatureMethod::RsaSha1),
        email: None,
        created: "2012-03-04T05:06:07Z".parse().unwrap(),
        leniency: Leniency::Strict,
        include_chain: false,
    };
    dsig::sign(draft.unsigned().as_bytes(), &request).unwrap().document().to_vec()
}

#[test]
fn where_there_is_nothing_to_import_that_is_said() {
    let folder = Folder::new();
    folder.run(&["import", "absent", "--data", "data"]).ended(3, "").said(&["error: absent is no directory"]);
    fs::create_dir(folder.path("empty")).unwrap();
    folder
        .run(&["import", "empty", "--data", "data"])
        .ended(0, "0 entries imported, 0 there already, 0 refused\n")
        .said(&["there is no entry in empty"]);
}
