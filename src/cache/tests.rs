//! What a cache remembers, and when it believes it.

use std::{
    fs,
    io::{Read as _, Seek as _},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::Value;
use tempfile::TempDir;

use super::*;

/// A cache with one image in it.
fn with_image(content: &[u8]) -> (TempDir, Cache, CachedImage) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    fs::write(&file, content).unwrap();
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let image = cache.add(&file, &DigestOptions::default(), |_| true, |_| {}).unwrap().unwrap();
    (folder, cache, image)
}

fn entry(image: &CachedImage) -> Metadata {
    Metadata::builder(&image.record.digests).build()
}

/// What is found, and how many bytes that took to be read.
fn found(cache: &Cache, entry: &Metadata) -> (Option<CachedImage>, u64) {
    let mut bytes = 0;
    let lookup = cache.find(&[entry], Check::Stamp, |count| bytes += count).unwrap();
    assert_eq!(lookup.altered, Vec::<PathBuf>::new());
    (lookup.image, bytes)
}

/// Changes what is written down.
fn rewrite(image: &CachedImage, change: impl FnOnce(&mut Value)) {
    let path = image.record_path();
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut record);
    fs::write(path, record.to_string()).unwrap();
}

fn unwritten(image: &CachedImage) -> Value {
    serde_json::from_slice::<Value>(&fs::read(image.record_path()).unwrap()).unwrap()["unwritten"].take()
}

#[test]
fn after_a_restart_of_the_system_an_image_is_read_once_more() {
    let (_folder, cache, image) = with_image(b"an image, if a short one");
    let entry = entry(&image);
    assert_eq!(found(&cache, &entry).1, 0);
    assert!(unwritten(&image).is_string());
    rewrite(&image, |record| record["unwritten"] = "another-boot".into());
    let (kept, read) = found(&cache, &entry);
    assert_eq!((kept.unwrap().path, read), (image.path.clone(), 24));
    // From then on it is known to be on the disk.
    assert_eq!(unwritten(&image), Value::Null);
    assert_eq!(found(&cache, &entry).1, 0);
    // What a power cut has left of it is not the image.
    rewrite(&image, |record| record["unwritten"] = "another-boot".into());
    let stamp = Stamp::of(&image.path).unwrap();
    fs::remove_file(&image.path).unwrap();
    fs::write(&image.path, [0; 24]).unwrap();
    assert_ne!(Stamp::of(&image.path).unwrap(), stamp);
    let lookup = cache.find(&[&entry], Check::Stamp, |_| {}).unwrap();
    assert!(lookup.image.is_none() && lookup.altered.len() == 1);
}

#[test]
fn what_has_been_here_for_a_while_is_settled_without_being_read() {
    let (_folder, cache, image) = with_image(b"an image, if a short one");
    rewrite(&image, |record| record["added"] = "2012-03-04T05:06:07Z".into());
    assert_eq!(found(&cache, &entry(&image)).1, 0);
    assert_eq!(unwritten(&image), Value::Null);
}

#[test]
fn records_are_written_as_they_are_read() {
    let (_folder, cache, image) = with_image(b"an image, if a short one");
    let kept = cache.images().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].record, image.record);
    assert_eq!(image.record.digests.checksums().len(), 4);
    // Without one of its checksums it could not be compared with every entry.
    rewrite(&image, |record| record["checksums"]["SHA-512"] = Value::Null);
    assert_eq!(cache.images().unwrap().len(), 0);
}

#[test]
fn an_entry_that_states_something_else_does_not_find_it() {
    let (_folder, cache, image) = with_image(b"an image, if a short one");
    let (right, mut wrong) = (entry(&image), entry(&image));
    wrong.bytes += 1;
    assert!(found(&cache, &wrong).0.is_none());
    let lookup = cache.find(&[&right, &wrong], Check::Stamp, |_| {}).unwrap();
    assert!(lookup.image.is_none(), "all of the entries have to be right");
    assert!(found(&cache, &right).0.is_some());
}

#[test]
fn only_one_has_a_lock() {
    let (_folder, cache, image) = with_image(b"one");
    let identifier = image.record.digests.identifier();
    let lock = cache.lock(identifier, || panic!("nobody has it")).unwrap();
    assert!(cache.try_lock(identifier).unwrap().is_none());
    // What is being fetched is not removed.
    assert_eq!(cache.prune(0).unwrap().removed, Vec::<PathBuf>::new());
    drop(lock);
    let pruned = cache.prune(0).unwrap();
    assert_eq!((pruned.removed, pruned.left), (vec![image.path], 0));
}

#[test]
fn a_copy_into_a_file_or_a_stream_is_the_image() {
    let content: Vec<u8> = (0..100_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let (folder, _cache, image) = with_image(&content);
    let mut file = tempfile::tempfile_in(folder.path()).unwrap();
    let mut copied = 0;
    let kept = fs::File::open(&image.path).unwrap();
    copy(&image, &kept, &file, |bytes| copied += bytes).unwrap();
    let mut read = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut read).unwrap();
    assert!(read == content && copied == 100_000);
    let (mut reader, writer) = io::pipe().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let writer = fs::File::from(std::os::fd::OwnedFd::from(writer));
            copy(&image, &kept, &writer, |_| {}).unwrap();
        });
        read.clear();
        reader.read_to_end(&mut read).unwrap();
    });
    assert!(read == content);
    // What was removed meanwhile is what it was to whoever has it open.
    let (_folder, _cache, changed) = with_image(&content);
    fs::remove_file(&image.path).unwrap();
    fs::write(&image.path, b"another").unwrap();
    let mut again = tempfile::tempfile_in(folder.path()).unwrap();
    copy(&image, &kept, &again, |_| {}).unwrap();
    read.clear();
    again.rewind().unwrap();
    again.read_to_end(&mut read).unwrap();
    assert!(read == content);
    // What changed meanwhile is no copy of it.
    let kept = fs::File::open(&changed.path).unwrap();
    fs::set_permissions(&changed.path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&changed.path, &content).unwrap();
    assert!(matches!(copy(&changed, &kept, &again, |_| {}), Err(CacheError::Changed { .. })));
}
