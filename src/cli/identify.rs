//! What images are, and whether lists of checksums say so.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
};

use serde_json::{Map, Value, json};

use super::{
    Failure, Session, Status,
    image::{self, ImageArgs},
    input,
    progress::Progress,
    session::error_value,
    shown,
};
use crate::{
    Checksum, ChecksumAlgorithm, Compression, ImageFormat,
    checksum::{
        Image,
        sums::{MAX_BYTES, SumsError, SumsFile},
    },
};

/// Images read side by side at most: more would not be faster, and each needs its buffers.
const IMAGES_AT_ONCE: usize = 4;

/// Lists of checksums.
#[derive(Debug)]
pub struct Sums(Vec<SumsFile>);

impl Sums {
    /// Reads lists; `-` is standard input.
    ///
    /// # Errors
    /// [`Failure`] if one cannot be read or is no such list.
    pub fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let list = |file: &PathBuf| {
            let bytes = input::read_up_to(file, MAX_BYTES as u64)?;
            SumsFile::parse(&bytes).map_err(|error| {
                let hint = match error {
                    SumsError::Signed => "gpg --decrypt checks the signature and prints the list without it",
                    _ => "sha512sum and the like write such lists, a checksum and a name on each line",
                };
                Failure::new(Status::No, error).about(input::name(file)).with_hint(hint)
            })
        };
        files.iter().map(list).collect::<Result<_, Failure>>().map(Self)
    }

    /// The files listed, each once, in the order of the lists. A name that looks like a URL is that
    /// of a file all the same: a list has nothing fetched.
    pub fn names(&self) -> Vec<PathBuf> {
        let mut seen = BTreeSet::new();
        let path = |name: &Path| if image::is_url(name) { Path::new(".").join(name) } else { name.into() };
        let names = self.0.iter().flat_map(SumsFile::entries).map(|entry| path(Path::new(&entry.name)));
        names.filter(|name| seen.insert(name.clone())).collect()
    }

    /// What is listed for an image: names may be shorter than the path by leading folders, and those
    /// that are the least shorter count.
    fn of(&self, image: &Path) -> Vec<&Checksum> {
        let entries = self.0.iter().flat_map(SumsFile::entries);
        let fitting =
            entries.filter_map(|entry| Some((fit(image, Path::new(&entry.name))?, &entry.checksum)));
        let fitting: Vec<_> = fitting.collect();
        let longest = fitting.iter().map(|&(parts, _)| parts).max();
        fitting.into_iter().filter(|&(parts, _)| Some(parts) == longest).map(|(_, sum)| sum).collect()
    }
}

/// With how many parts `image` ends with `name`, with or without `./` before that. `.` names no file.
fn fit(image: &Path, name: &Path) -> Option<usize> {
    let name = name.strip_prefix(".").unwrap_or(name);
    (!name.as_os_str().is_empty() && image.ends_with(name)).then(|| name.components().count())
}

/// Reads images, several side by side, and tells in their order what they are or, if there are
/// lists, whether they are what is listed. What is wrong with an image is told and the others are
/// gone on with.
pub fn identify(session: &Session, args: &ImageArgs, images: &[PathBuf], sums: Option<&Sums>) {
    let at_once = args.threads().get().min(images.len()).min(IMAGES_AT_ONCE);
    let progress = Progress::bar(session, total_length(images));
    let next = AtomicUsize::new(0);
    let (sender, results) = channel();
    thread::scope(|scope| {
        for _ in 0..at_once {
            let (sender, next, progress) = (sender.clone(), &next, &progress);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = images.get(index) else { break };
                    let stated = sums.map(|sums| sums.of(path));
                    let result = identified(session, args, path, stated.as_deref(), progress);
                    // There is someone to hear of it as long as this thread runs.
                    let _ = sender.send((index, result));
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let (mut told, mut printed) = (0, false);
        for (index, result) in results {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&told) {
                let read = result.is_ok();
                tell(session, &images[told], result, printed && sums.is_none());
                printed |= read;
                told += 1;
            }
        }
    });
}

/// Bytes of all images, if that can be known before they are opened.
fn total_length(images: &[PathBuf]) -> Option<u64> {
    images
        .iter()
        .map(|image| fs::metadata(image).ok().filter(fs::Metadata::is_file))
        .map(|m| Some(m?.len()))
        .sum()
}

/// An image, and what a list says against it.
struct Identified {
    image: Image,
    check: Option<Result<(), Failure>>,
}

fn identified(
    session: &Session,
    args: &ImageArgs,
    path: &Path,
    stated: Option<&[&Checksum]>,
    progress: &Progress,
) -> Result<Identified, Failure> {
    let algorithms: Vec<_> = match stated {
        Some([]) => {
            let fact = format_args!("no checksum is listed for {}", input::name(path));
            return Err(Failure::new(Status::No, fact));
        }
        // What is not going to be told or compared need not be computed.
        Some(stated) if !session.json() => stated.iter().map(|checksum| checksum.algorithm()).collect(),
        _ => ChecksumAlgorithm::ALL.to_vec(),
    };
    let image =
        image::open(session, args, path, &algorithms, &algorithms)?.digest(|n| progress.advance(n))?;
    let check = stated.map(|stated| check(path, &image, stated));
    Ok(Identified { image, check })
}

/// Whether the file, as it lies there, has the checksums that are listed.
fn check(path: &Path, image: &Image, stated: &[&Checksum]) -> Result<(), Failure> {
    let content = image.digests.checksums();
    let found = image.compressed.as_ref().map_or(content, |file| &file.checksums);
    let wrong: Vec<_> = stated.iter().filter(|checksum| !found.contains(checksum)).collect();
    let fact = |stated: &Checksum| {
        let same = |found: &&Checksum| found.algorithm() == stated.algorithm();
        let found = found.iter().find(same).map_or("not computed", Checksum::value);
        format!(
            "the {} checksum is listed as {} but the file's is {found}",
            stated.algorithm(),
            stated.value()
        )
    };
    if wrong.is_empty() {
        return Ok(());
    }
    let facts: Vec<_> = wrong.iter().map(|checksum| fact(checksum)).collect();
    let failure = Failure::new(Status::No, format_args!("{}: {}", shown(path), facts.join("; ")));
    Err(if wrong.iter().all(|checksum| content.contains(checksum)) {
        failure.with_hint("it is the checksum of what is in the compressed file")
    } else {
        failure
    })
}

fn tell(session: &Session, path: &Path, result: Result<Identified, Failure>, apart: bool) {
    let Identified { image, check } = match result {
        Ok(identified) => identified,
        Err(failure) => return session.fail_input(path, &failure),
    };
    let mut fields = fields(&image);
    match &check {
        None => {
            if apart {
                session.result("");
            }
            for line in lines(path, &image) {
                session.result(line);
            }
        }
        Some(Ok(())) => session.result(format_args!("{}: OK", shown(path))),
        Some(Err(failure)) => {
            session.result(format_args!("{}: FAILED", shown(path)));
            session.fail(failure);
            fields.insert("error".to_owned(), error_value(failure));
        }
    }
    session.object(path, fields);
}

/// One line for each thing there is to say.
fn lines(path: &Path, image: &Image) -> Vec<String> {
    let checksum = |prefix: &'static str| {
        move |checksum: &Checksum| format!("{prefix}{}: {}", checksum.algorithm(), checksum.value())
    };
    let mut lines = vec![
        format!("image: {}", shown(path)),
        format!("identifier: {}", image.digests.identifier()),
        format!("bytes: {}", image.digests.bytes()),
        format!("format: {}", format(image)),
    ];
    lines.extend(image.virtual_size.map(|size| format!("virtual size: {size}")));
    lines.extend(image.digests.checksums().iter().map(checksum("")));
    lines.extend(image.compression.map(|compression| format!("compression: {compression}")));
    if let Some(file) = &image.compressed {
        lines.push(format!("compressed bytes: {}", file.bytes));
        lines.extend(file.checksums.iter().map(checksum("compressed ")));
    }
    lines
}

fn fields(image: &Image) -> Map<String, Value> {
    let fields = [
        ("identifier", image.digests.identifier().to_string().into()),
        ("bytes", image.digests.bytes().into()),
        ("checksums", image::checksums_value(image.digests.checksums())),
        ("compression", json!(image.compression.map(Compression::extension))),
        ("compressed", image::compressed_value(image)),
        ("format", format(image).into()),
        ("virtual_size", json!(image.virtual_size)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What the content is, as an entry would state it.
fn format(image: &Image) -> &'static str {
    image.format.map_or("raw", ImageFormat::name)
}
