//! The disk is full: a file system of a few megabytes, in a mount namespace of the server's own
//! (unshare(1)), into which the test looks through `/proc`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use tempfile::TempDir;

use crate::{
    clients::{Sent, upload},
    draft::Draft,
    gone::unavailable,
    marketplace::Marketplace,
    whole::{exactly, there, xml},
};

/// `serve` with its data on a file system of this size, where `first` is done before.
fn serve(folder: &Path, size: &str, first: &str) -> Command {
    let data = folder.join("data");
    fs::create_dir(&data).unwrap();
    let line = format!("mount -t tmpfs -o size={size} tmpfs \"$0\" && {first} && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &line]).arg(&data);
    command.arg(assert_cmd::cargo::cargo_bin("stratus-marketplace"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    command.current_dir(folder).env("HOME", folder).env_remove("STRATUSLAB_MARKETPLACE_DATA");
    command
}

fn start(size: &str, first: &str) -> (Arc<TempDir>, Marketplace) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let marketplace = Marketplace::run(serve(folder.path(), size, first), &folder);
    (folder, marketplace)
}

/// The data as the server sees them.
fn data(marketplace: &Marketplace) -> PathBuf {
    let data = marketplace.folder.path().join("data");
    Path::new("/proc").join(marketplace.pid().to_string()).join("root").join(data.strip_prefix("/").unwrap())
}

/// `check`, beside the server.
fn check(marketplace: &Marketplace) -> Output {
    let mut command = Command::new("nsenter");
    command.args(["--preserve-credentials", "--user", "--mount", "--target", &marketplace.pid().to_string()]);
    command.arg(assert_cmd::cargo::cargo_bin("stratus-marketplace")).args(["check", "--data"]);
    command.arg(marketplace.folder.path().join("data")).env("HOME", marketplace.folder.path());
    command.output().unwrap()
}

/// An entry with a description of 100,000 bytes.
fn large(number: usize) -> Sent {
    let word = format!("word{number}end");
    let description = format!("It has {word}. {}", "Some text. ".repeat(9000));
    let draft = Draft::new(&format!("image {number}")).text("description", &description);
    Sent { path: draft.path(), document: String::from_utf8(draft.signed()).unwrap(), word, status: 0 }
}

#[test]
fn a_full_disk_takes_nothing_serves_everything_and_with_room_again_goes_on() {
    let (_folder, marketplace) =
        start("10m", "dd if=/dev/zero of=\"$0/ballast\" bs=1024 count=6144 2>/dev/null");
    let mut sent: Vec<Sent> = Vec::new();
    let mut refused = 0;
    while refused < 8 {
        assert!(sent.len() < 500, "it is never full");
        let mut next = large(sent.len());
        let answer = upload(marketplace.address, &next.document);
        next.status = answer.status;
        if answer.status == 503 {
            unavailable(&answer);
            refused += 1;
        } else {
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        sent.push(next);
        // Reading goes on.
        assert_eq!(xml(&marketplace, "/metadata?length=1").status, 200);
        assert!(xml(&marketplace, &sent[0].path).body == sent[0].document);
        assert_eq!(marketplace.get("/readyz").status, 200);
    }
    let taken = there(&marketplace, &sent);
    assert!(taken.len() > 5 && taken.iter().all(|sent| sent.status == 201));
    exactly(&marketplace, &taken);
    let count = taken.len();

    // The same documents are taken when there is room.
    fs::remove_file(data(&marketplace).join("ballast")).unwrap();
    for sent in &mut sent {
        let answer = upload(marketplace.address, &sent.document);
        assert_eq!(answer.status, 201, "{}\n{}", answer.body, marketplace.log());
        sent.status = 201;
    }
    let all = there(&marketplace, &sent);
    exactly(&marketplace, &all);
    let checked = check(&marketplace);
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success() && told.ends_with(&format!("{} entries checked, 0 faults\n", all.len())),
        "{told}"
    );
    println!(
        "full after {count} entries, {refused} uploads refused, all {} taken with room again",
        all.len()
    );
    let files = fs::read_dir(data(&marketplace)).unwrap();
    for file in files {
        let name = file.unwrap().file_name();
        assert!(name.to_string_lossy().starts_with("marketplace.sqlite"), "{name:?}");
    }
    let ended = marketplace.stop();
    assert_eq!(ended.status, Some(0));
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
    assert!(ended.log.contains("full"), "whoever looks after it is told why: {}", ended.log);
}

#[test]
fn one_that_finds_no_room_at_its_start_says_so_and_ends() {
    for size in ["4k", "64k"] {
        let folder = tempfile::tempdir().unwrap();
        let output = serve(folder.path(), size, "true").output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]), "{told}");
        let place = format!("cannot use the data in {}/data/marketplace.sqlite: ", folder.path().display());
        assert!(told.contains(&place) && told.contains("full"), "{told}");
    }
}
