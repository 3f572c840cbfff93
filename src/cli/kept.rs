//! The images that are kept: shown, checked, removed, and taken from files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use indicatif::HumanBytes;
use serde_json::{Map, Value, json};

use super::{
    Failure, Session, Status,
    image::{checksums_value, size},
    progress::Progress,
    reason, shown,
};
use crate::{
    Identifier, Metadata, Timestamp,
    cache::{AddError, Cache, CachedImage, Told},
    checksum::DigestOptions,
    dsig::{AlgorithmPolicy, Verified},
    metadata::rules::Leniency,
    validate::{Options, validate},
    xml,
};

/// How deep directories are looked into, and how many files are looked at.
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 100_000;

/// Room on the disk; none is `0`.
///
/// # Errors
/// In words, if it is no number of bytes.
pub fn room(text: &str) -> Result<u64, String> {
    if text == "0" { Ok(0) } else { size(text) }
}

/// Shows the images, what was used last first.
///
/// # Errors
/// A [`Failure`] if the cache cannot be read.
pub fn list(cache: &Cache, session: &Session) -> Result<(), Failure> {
    let mut images = cache.images()?;
    images.sort_by_key(|image| std::cmp::Reverse(image.last_used()));
    for image in &images {
        let (digests, used) = (&image.record.digests, used(image));
        let (identifier, path) = (digests.identifier(), shown(&image.path));
        session.result(format_args!("{identifier}  {:>11}  {used}  {path}", size_text(digests.bytes())));
        session.object(&image.path, fields(image));
    }
    let taken: u64 = images.iter().map(CachedImage::allocated).sum();
    session.note(format_args!(
        "{} {} on the disk in {}",
        counted(images.len(), "image"),
        match images.len() {
            1 => format!("takes {}", size_text(taken)),
            _ => format!("take {}", size_text(taken)),
        },
        shown(cache.root())
    ));
    Ok(())
}

/// Reads every image.
///
/// # Errors
/// A [`Failure`] if the cache cannot be read.
pub fn verify(cache: &Cache, session: &Session) -> Result<(), Failure> {
    let images = cache.images()?;
    let total = images.iter().map(|image| image.record.digests.bytes()).sum();
    let bar = Progress::bar(session, Some(total));
    for image in images {
        let (path, mut fields) = (image.path.clone(), fields(&image));
        let lookup = match cache.verify(image, |bytes| bar.advance(bytes)) {
            Ok(lookup) => lookup,
            Err(error) => {
                session.fail_input(&path, &error.into());
                continue;
            }
        };
        let verdict = match (&lookup.image, lookup.altered.first()) {
            (Some(_), _) => {
                session.result(format_args!("Unaltered: {}", shown(&path)));
                "unaltered"
            }
            (None, Some(aside)) => {
                session.say(format_args!("Altered: {}", shown(&path)));
                session.say(format_args!("it is now {}", shown(aside)));
                fields.insert("aside".to_owned(), aside.to_string_lossy().into());
                session.raise(Status::No);
                "altered"
            }
            // Another process has removed it.
            (None, None) => continue,
        };
        fields.insert("verdict".to_owned(), verdict.into());
        session.object(&path, fields);
    }
    Ok(())
}

/// Makes room.
///
/// # Errors
/// A [`Failure`] if something cannot be removed.
pub fn prune(cache: &Cache, max_bytes: u64, session: &Session) -> Result<(), Failure> {
    let pruned = cache.prune(max_bytes)?;
    for path in &pruned.removed {
        session.result(format_args!("Removed: {}", shown(path)));
    }
    let (freed, left) = (size_text(pruned.freed), size_text(pruned.left));
    session.note(format_args!("{freed} freed, {left} still taken"));
    if pruned.left > max_bytes {
        session.warn("what is left is being fetched or removed by another process");
    }
    let removed: Value = pruned.removed.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    session.bare_object(Map::from_iter([
        ("removed".to_owned(), removed),
        ("freed".to_owned(), pruned.freed.into()),
        ("left".to_owned(), pruned.left.into()),
    ]));
    Ok(())
}

/// Copies images and entries into the cache. A file in a directory is taken only if an entry describes it.
///
/// # Errors
/// A [`Failure`] if the cache cannot be written.
pub fn add(cache: &Cache, paths: &[PathBuf], session: &Session) -> Result<(), Failure> {
    let mut found = Found::default();
    for path in paths {
        if let Err(failure) = found.look(path, 0, session) {
            session.fail_input(path, &failure);
        }
    }
    for (identifier, entries) in &found.entries {
        let lock = cache.lock(*identifier, || session.note("waiting for another process"))?;
        let told: Vec<_> = entries.values().map(Entry::told).collect();
        cache.keep_documents(&lock, &told)?;
    }
    found.know(cache);
    for (path, named) in &found.images {
        match add_image(cache, path, *named, &found, session) {
            Ok(Some(image)) => {
                let (identifier, kept) = (image.record.digests.identifier(), shown(&image.path));
                session.result(format_args!("Added: {}: {identifier}  {kept}", shown(path)));
                let mut fields = fields(&image);
                fields.insert("path".to_owned(), image.path.to_string_lossy().into());
                session.object(path, fields);
            }
            Ok(None) => session.detail(format_args!("{}: no entry describes it", shown(path))),
            Err(failure) => session.fail_input(path, &failure),
        }
    }
    let entries: usize = found.entries.values().map(BTreeMap::len).sum();
    session.note(format_args!("{} kept for use without a Marketplace", counted(entries, "entry")));
    Ok(())
}

/// What may be added.
#[derive(Default)]
struct Found {
    /// Files, and whether each was named or lay in a directory.
    images: Vec<(PathBuf, bool)>,
    /// The entries of each image, by their bytes.
    entries: BTreeMap<Identifier, BTreeMap<Vec<u8>, Entry>>,
    /// The images that entries describe, here or in the cache, and the largest of them in bytes.
    described: BTreeSet<Identifier>,
    largest: u64,
    /// The sizes of those of which no entry states a compression: the image may be a compressed file itself.
    as_they_are: BTreeSet<u64>,
    looked_at: usize,
}

/// An entry that verifies.
struct Entry(Verified<Metadata>);

impl Entry {
    fn told(&self) -> Told<'_> {
        Told { document: self.0.document(), withdrawal: self.0.deprecated.is_some() }
    }
}

impl Found {
    fn look(&mut self, path: &Path, depth: usize, session: &Session) -> Result<(), Failure> {
        let failed = |error: &std::io::Error| {
            Failure::new(Status::File, format_args!("cannot read {}: {}", shown(path), reason(error)))
        };
        // A link that is named is followed; one in a directory could lead anywhere.
        let found = if depth == 0 { fs::metadata(path) } else { fs::symlink_metadata(path) };
        let found = found.map_err(|error| failed(&error))?;
        self.looked_at += 1;
        if self.looked_at > MAX_FILES {
            let fact = format!("there are more than {MAX_FILES} files in {}", shown(path));
            return Err(Failure::new(Status::File, fact));
        }
        if found.is_dir() {
            if depth >= MAX_DEPTH {
                session.note(format_args!("{} is too deep to be looked into", shown(path)));
                return Ok(());
            }
            let mut inside = Vec::new();
            for entry in fs::read_dir(path).map_err(|error| failed(&error))? {
                inside.push(entry.map_err(|error| failed(&error))?.path());
            }
            inside.sort();
            for path in inside {
                // One that cannot be read does not hide the others.
                if let Err(failure) = self.look(&path, depth + 1, session) {
                    session.fail_input(&path, &failure);
                }
            }
            return Ok(());
        }
        // What is not a file is an image only if it is named.
        let is_entries = found.is_file() && self.read_entries(path, session);
        if !is_entries && (depth == 0 || found.is_file()) {
            self.images.push((path.to_owned(), depth == 0));
        }
        Ok(())
    }

    /// Takes the entries of a file whose signatures hold; false if it is none of entries.
    fn read_entries(&mut self, path: &Path, session: &Session) -> bool {
        let Some(documents) = documents(path) else { return false };
        for (number, document) in (1..).zip(documents) {
            match verified(&document) {
                Ok(entry) => {
                    self.entries.entry(entry.identifier).or_default().insert(document, Entry(entry));
                }
                Err(why) => {
                    session.warn(format_args!("{}: entry {number} is not kept: {why}", shown(path)));
                }
            }
        }
        true
    }

    /// Which images are described, now that all entries are in the cache.
    fn know(&mut self, cache: &Cache) {
        for identifier in cache.documented().unwrap_or_default() {
            for document in cache.documents(identifier).unwrap_or_default() {
                if let Ok(entry) = verified(&document) {
                    self.described.insert(entry.identifier);
                    self.largest = self.largest.max(entry.bytes);
                    if entry.compression.is_none() {
                        self.as_they_are.insert(entry.bytes);
                    }
                }
            }
        }
    }
}

/// An entry whose signature holds, be it by SHA-1: whether it counts is decided when it is used.
fn verified(document: &[u8]) -> Result<Verified<Metadata>, String> {
    let mut options = Options::new(Timestamp::now());
    options.policy = AlgorithmPolicy::new(true);
    options.leniency = Leniency::OldEntries;
    validate(document, &options)
        .into_verified()
        .map_err(|report| report.deciding().and_then(|check| check.message.clone()).unwrap_or_default())
}

/// The entries in a file; `None` if it holds none.
fn documents(path: &Path) -> Option<Vec<Vec<u8>>> {
    use std::io::Read as _;
    let mut file = fs::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|it| it.is_file()))?;
    let mut head = [0; 64];
    let count = file.read(&mut head).ok()?;
    let head = head.get(..count)?;
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    if !head.trim_ascii_start().starts_with(b"<") {
        return None;
    }
    let entries: Result<Vec<_>, _> = xml::entries(fs::File::open(path).ok()?).collect();
    entries.ok().filter(|entries| !entries.is_empty())
}

/// Adds an image; `None` if it was not named and no entry describes it.
fn add_image(
    cache: &Cache,
    path: &Path,
    named: bool,
    found: &Found,
    session: &Session,
) -> Result<Option<CachedImage>, Failure> {
    let length = fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| found.len());
    let read = |expand: bool, max_bytes: Option<u64>, wanted: &dyn Fn(Identifier) -> bool| {
        let bar = Progress::bar(session, length);
        let options = DigestOptions { max_bytes, expand, ..DigestOptions::default() };
        cache.add(path, &options, wanted, |bytes| bar.advance(bytes))
    };
    let described = |identifier: Identifier| found.described.contains(&identifier);
    // As when it is fetched: of this size is what is described, which could be a compressed file.
    let as_it_is = length.is_some_and(|length| found.as_they_are.contains(&length));
    let added = if as_it_is { read(false, length, &described) } else { Ok(None) };
    let added = match added {
        // More than any image that is described is none of them, and could be without end.
        Ok(None) if !named => read(true, Some(found.largest), &described),
        Ok(None) => read(true, None, &|_| true),
        added => added,
    };
    match added {
        // What lies beside images need not be one.
        Err(error) if !named && matches!(error, AddError::Image(_)) => {
            session.detail(&error);
            Ok(None)
        }
        added => Ok(added?),
    }
}

fn fields(image: &CachedImage) -> Map<String, Value> {
    let record = &image.record;
    let fields = json!({
        "identifier": record.digests.identifier().to_string(),
        "bytes": record.digests.bytes(),
        "allocated": image.allocated(),
        "checksums": checksums_value(record.digests.checksums()),
        "format": record.format,
        "virtual_size": record.virtual_size,
        "added": record.added.to_string(),
        "used": used(image),
        "from": record.from,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn used(image: &CachedImage) -> String {
    let since = image.last_used().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let time = i64::try_from(since.as_secs()).ok().and_then(Timestamp::from_unix_seconds);
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn size_text(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

fn counted(number: usize, what: &str) -> String {
    match (number, what) {
        (1, what) => format!("1 {what}"),
        (number, "entry") => format!("{number} entries"),
        (number, what) => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_may_be_none() {
        assert_eq!((room("0"), room("10G")), (Ok(0), Ok(10 << 30)));
        assert!(room("much").is_err());
    }
}
