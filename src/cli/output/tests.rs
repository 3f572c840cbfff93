use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A folder with `a.xml` in it.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.xml");
    fs::write(&file, "old").unwrap();
    (folder, file)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_new_file_has_the_permissions_of_any_new_file() {
    let (folder, other) = folder();
    let file = folder.path().join("b.xml");
    write_new(&file, b"new", false).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert_eq!(mode(&file), mode(&other), "other is made by the standard library under the same umask");
    assert_eq!(names(folder.path()), ["a.xml", "b.xml"]);
}

#[test]
fn c5_an_existing_file_is_kept_unless_overwriting_is_asked_for() {
    let (folder, file) = folder();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(write_new(&file, b"new", false), Err(OutputError::Exists { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"old");
    write_new(&file, b"new", true).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert_eq!(mode(&file), 0o640);
    assert_eq!(names(folder.path()), ["a.xml"]);
}

#[test]
fn what_is_prepared_is_put_in_its_place_or_leaves_nothing() {
    let (folder, file) = folder();
    drop(prepare(&file, b"new", true).unwrap());
    assert_eq!(fs::read(&file).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["a.xml"]);
    let prepared = prepare(&file, b"new", true).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"old");
    prepared.put().unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["a.xml"]);
    // Somebody else was first.
    let other = folder.path().join("b.xml");
    let prepared = prepare(&other, b"new", false).unwrap();
    fs::write(&other, "theirs").unwrap();
    assert!(matches!(prepared.put(), Err(OutputError::Exists { .. })));
    assert_eq!(fs::read(&other).unwrap(), b"theirs");
    assert_eq!(names(folder.path()), ["a.xml", "b.xml"]);
    assert!(matches!(prepare(Path::new("/dev/null"), b"", true), Err(OutputError::NotRegular { .. })));
    assert!(matches!(prepare(folder.path(), b"", true), Err(OutputError::Directory { .. })));
}

#[test]
fn c20_the_first_original_is_kept() {
    let (folder, file) = folder();
    let original = folder.path().canonicalize().unwrap().join("a.xml.orig");
    assert_eq!(replace_keeping_original(&file, b"old", b"signed").unwrap(), Some(original.clone()));
    assert_eq!(replace_keeping_original(&file, b"signed", b"signed again").unwrap(), None);
    assert_eq!(fs::read(&file).unwrap(), b"signed again");
    assert_eq!(fs::read(&original).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["a.xml", "a.xml.orig"]);
}

#[test]
fn c20_whatever_is_called_orig_stays() {
    let (folder, file) = folder();
    let original = folder.path().join("a.xml.orig");
    symlink("nowhere", &original).unwrap();
    assert_eq!(replace_keeping_original(&file, b"old", b"signed").unwrap(), None);
    assert_eq!(fs::read_link(&original).unwrap(), Path::new("nowhere"));
    fs::remove_file(&original).unwrap();
    fs::create_dir(&original).unwrap();
    assert_eq!(replace_keeping_original(&file, b"signed", b"signed again").unwrap(), None);
    assert_eq!(fs::read(&file).unwrap(), b"signed again");
}

#[test]
fn c22_any_file_name_is_written() {
    let (folder, _) = folder();
    let longest = [b'x'; 250];
    for name in [&b"a b.xml"[..], b"a\nb.xml", b"\xff.xml", b"-", &longest] {
        let path = folder.path().join(OsStr::from_bytes(name));
        write_new(&path, b"1", false).unwrap();
        replace_keeping_original(&path, b"1", b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
    }
}

#[test]
fn replacing_keeps_permissions_and_follows_links() {
    let (folder, file) = folder();
    fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
    let link = folder.path().join("link.xml");
    symlink("a.xml", &link).unwrap();
    let kept = replace_keeping_original(&link, b"old", b"signed").unwrap().unwrap();
    assert!(kept.ends_with("a.xml.orig"));
    assert_eq!(mode(&file), 0o604);
    assert_eq!(mode(&kept), 0o604);
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("a.xml"));
    assert_eq!(fs::read(&file).unwrap(), b"signed");
    write_new(&link, b"once more", true).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"once more");
    assert_eq!(names(folder.path()), ["a.xml", "a.xml.orig", "link.xml"]);
}

#[test]
fn what_cannot_be_replaced_is_told_apart() {
    let (folder, file) = folder();
    let replaced = |path: &Path| replace_keeping_original(path, b"old", b"x").unwrap_err();
    assert!(matches!(replaced(folder.path()), OutputError::Directory { .. }));
    assert!(matches!(replaced(Path::new("/dev/null")), OutputError::NotRegular { .. }));
    fs::remove_file(&file).unwrap();
    assert!(matches!(replaced(&file), OutputError::Vanished { .. }));
    let written = |path: &Path| write_new(path, b"x", true).unwrap_err();
    assert!(matches!(written(folder.path()), OutputError::Directory { .. }));
    assert!(matches!(written(&folder.path().join("none/x")), OutputError::NoDirectory { .. }));
    symlink("nowhere", &file).unwrap();
    assert!(matches!(written(&file), OutputError::DanglingLink { .. }));
    assert_eq!(names(folder.path()), ["a.xml"]);
}

#[test]
fn what_was_saved_after_the_reading_is_not_lost() {
    let (folder, file) = folder();
    for original in [&b""[..], b"ol", b"older", b"odd"] {
        let error = replace_keeping_original(&file, original, b"signed").unwrap_err();
        assert!(error.to_string().ends_with("a.xml: it changed while it was signed"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), b"old");
    }
    assert_eq!(names(folder.path()), ["a.xml"]);
    // Also where nothing would keep it.
    fs::write(folder.path().join("a.xml.orig"), "first").unwrap();
    assert!(replace_keeping_original(&file, b"ol", b"signed").is_err());
    assert_eq!(fs::read(&file).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["a.xml", "a.xml.orig"]);
}

#[test]
fn several_at_once_keep_the_original_and_wait_for_no_one() {
    const AT_ONCE: usize = 4;
    let barrier = std::sync::Barrier::new(AT_ONCE);
    for _ in 0..20 {
        let (folder, file) = folder();
        let replace = || {
            barrier.wait();
            replace_keeping_original(&file, b"old", b"signed")
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(replace)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| matches!(result, Ok(Some(_)))).count(), 1, "{results:?}");
        for error in results.into_iter().filter_map(Result::err) {
            assert!(matches!(error, OutputError::Changed { .. }), "{error}");
        }
        assert_eq!(fs::read(&file).unwrap(), b"signed");
        assert_eq!(fs::read(folder.path().join("a.xml.orig")).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.xml", "a.xml.orig"]);
    }
}

#[test]
fn a_block_device_is_not_written_to() {
    let (folder, _) = folder();
    let device = folder.path().join("disk");
    // The number of a loop device there is not: opening it would fail.
    let made = Command::new("mknod").arg(&device).args(["b", "7", "1048575"]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: only root may make block devices");
        return;
    }
    for refused in [check_new(&device, true), write_new(&device, b"x", true), write_new(&device, b"x", false)]
    {
        let error = refused.unwrap_err();
        assert!(matches!(error, OutputError::BlockDevice { .. }), "{error}");
    }
}

#[test]
fn what_can_be_told_before_writing_is() {
    let (folder, file) = folder();
    let inside = |name: &str| folder.path().join(name);
    symlink("nowhere", inside("dangling")).unwrap();
    let paths = [file.clone(), inside("new"), inside("no/new"), inside("a.xml/new"), inside("dangling")];
    for path in paths.iter().map(PathBuf::as_path).chain([folder.path(), Path::new("/dev/null")]) {
        for overwrite in [false, true] {
            let checked = check_new(path, overwrite).map_err(|error| error.to_string());
            let before = names(folder.path());
            let written = write_new(path, b"old", overwrite).map_err(|error| error.to_string());
            assert_eq!(checked, written, "{}", path.display());
            if before != names(folder.path()) {
                fs::remove_file(path).unwrap();
            }
        }
    }
    assert_eq!(names(folder.path()), ["a.xml", "dangling"]);
}

#[test]
fn a_stream_is_written_to_and_not_replaced() {
    write_new(Path::new("/dev/null"), b"x", false).unwrap();
    let error = write_new(Path::new("/dev/full"), b"x", false).unwrap_err();
    assert_eq!(error.to_string(), "cannot write /dev/full: No space left on device");
}

#[test]
fn c27_nothing_is_left_when_the_final_name_cannot_be_given() {
    let (folder, _) = folder();
    // A name of 256 bytes is too long for Linux's file systems, a temporary one is not.
    let path = folder.path().join("x".repeat(256));
    assert!(matches!(write_new(&path, b"x", false), Err(OutputError::Write { .. })));
    // FILE can be written and FILE.orig cannot.
    let path = folder.path().join("x".repeat(253));
    fs::write(&path, "old").unwrap();
    let error = replace_keeping_original(&path, b"old", b"new").unwrap_err();
    assert!(error.to_string().ends_with(".orig: File name too long"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn a_copy_stands_in_where_links_are_not_possible() {
    let (folder, file) = folder();
    let found = fs::metadata(&file).unwrap();
    // No link can lead from another file system; the copy is made all the same.
    let elsewhere = TempDir::new_in("/dev/shm").unwrap();
    let mut copy = Staged::linked(elsewhere.path(), &file, b"old", &found).unwrap();
    let target = elsewhere.path().join("a.xml.orig");
    copy.persist(&mut pending(), &target, false).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"old");
    assert_eq!(mode(&target), mode(&file));
    drop(copy);
    assert_eq!(names(elsewhere.path()), ["a.xml.orig"]);
    drop(folder);
}
