//! One image from one location after the other.

use std::{
    fs::{self, File},
    io::{self, Cursor, Read as _},
    path::{Path, PathBuf},
};

use super::{
    DownloadError, DownloadOptions, Event, LocationFailure, LocationProblem, Observer,
    partial::{Octets, Partial},
};
use crate::{
    ChecksumAlgorithm, Compression, Location, Metadata,
    cache::keep,
    checksum::{DigestOptions, Image, ImageError, ImageFile},
    compression,
    http::{printable, shown},
};

/// What an image has to be: what each of these entries says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The one that is used.
    pub(crate) entry: &'a Metadata,
    /// Others that describe the same image.
    pub(crate) others: &'a [&'a Metadata],
}

/// Fetches one image into a folder.
pub(crate) struct Fetcher<'a> {
    pub(crate) expected: Expected<'a>,
    /// Nobody else uses it now.
    pub(crate) folder: &'a Path,
    pub(crate) options: &'a DownloadOptions,
    pub(crate) observe: &'a Observer<'a>,
    /// May it lie in a file of this machine? Only if the entry itself is one.
    pub(crate) files: bool,
}

/// What was fetched.
pub(crate) struct Fetched {
    /// What it is: size and checksums are those of the entries.
    pub(crate) image: Image,
    /// The file with its content.
    pub(crate) content: PathBuf,
    /// Where it came from.
    pub(crate) location: String,
}

/// How a transfer ends when it does not end well.
enum Failed {
    /// It is this location's fault; what came of it may be of use later, or not.
    Location { problem: LocationProblem, keep: bool },
    /// Another location would not help.
    Here(DownloadError),
}

/// A transfer.
struct Attempt {
    /// Bytes that were here before it.
    held: u64,
    /// The image, and the file with its content.
    result: Result<(Image, PathBuf), Failed>,
}

impl From<LocationProblem> for Failed {
    fn from(problem: LocationProblem) -> Self {
        Self::Location { problem, keep: false }
    }
}

impl Fetcher<'_> {
    /// Fetches the image from the first of the locations that gives it. `allowed` are those that a policy
    /// lets through, in order of preference.
    pub(crate) fn fetch(&self, allowed: &[&str]) -> Result<Fetched, DownloadError> {
        if self.expected.entry.locations.is_empty() {
            return Err(DownloadError::NoLocation);
        }
        let mut failures = Vec::new();
        for (number, &stated) in allowed.iter().enumerate() {
            let location = told(stated);
            match self.fetch_from(stated) {
                Ok((image, content)) => return Ok(Fetched { image, content, location }),
                Err(Failed::Here(error)) => return Err(error),
                Err(Failed::Location { problem, .. }) => {
                    let failure = LocationFailure { location, problem };
                    let more = number + 1 < allowed.len();
                    (self.observe)(&Event::Failed { failure: &failure, more });
                    failures.push(failure);
                }
            }
        }
        let refused =
            self.expected.entry.locations.iter().filter(|stated| !allowed.contains(&stated.as_str()));
        let refused = refused.map(|stated| told(stated));
        let refused =
            refused.map(|location| LocationFailure { location, problem: LocationProblem::NotAllowed });
        // What was tried is told last.
        Err(DownloadError::Failed(refused.chain(failures).collect()))
    }

    fn fetch_from(&self, stated: &str) -> Result<(Image, PathBuf), Failed> {
        let location: Location = stated.parse().map_err(LocationProblem::from)?;
        if let Location::File(file) = &location {
            if !self.files {
                return Err(LocationProblem::ForeignFile.into());
            }
            return self.copy(file.path());
        }
        let attempt = self.attempt(&location)?;
        match &attempt.result {
            // Two halves of different wholes, perhaps: once more, from the beginning.
            Err(Failed::Location { keep: false, .. }) if attempt.held > 0 => {
                (self.observe)(&Event::Discarded { location: &location.to_string() });
                self.attempt(&location)?.result
            }
            _ => attempt.result,
        }
    }

    /// A transfer. What is of no use any more is gone after it.
    fn attempt(&self, location: &Location) -> Result<Attempt, Failed> {
        let partial = Partial::open(self.folder, location).map_err(|cause| disk(self.folder, cause))?;
        let held = partial.held();
        let held = held.as_ref().map(|(held, bytes)| (held, *bytes));
        let arriving = match location.open(self.options.remote.clone(), held) {
            Some(Ok(arriving)) => arriving,
            Some(Err(error)) => {
                // What came before may still be of use.
                if held.is_none() {
                    partial.discard().map_err(|cause| disk(&partial.path, cause))?;
                }
                return Err(Failed::Location { problem: error.into(), keep: true });
            }
            None => return Err(LocationProblem::ForeignFile.into()),
        };
        let position = arriving.position();
        partial.begin(position, arriving.held()).map_err(|cause| disk(&partial.path, cause))?;
        let mut octets = Octets::new(&partial, arriving);
        let (name, length) = (location.to_string(), octets.length());
        (self.observe)(&Event::Begins { location: &name, length, held: position });
        let mut result = self.receive(&name, &partial, &mut octets);
        if let Some(cause) = octets.disk.take() {
            result = Err(disk(&partial.path, cause));
        }
        drop(octets);
        (self.observe)(&Event::Ends);
        let keep = match &result {
            Ok(_) => true,
            Err(Failed::Location { keep, .. }) => *keep,
            // A full disk must not stay full.
            Err(Failed::Here(_)) => false,
        };
        if !keep {
            partial.discard().map_err(|cause| disk(&partial.path, cause))?;
        }
        Ok(Attempt { held: position, result })
    }

    /// Reads what arrives to its end; the image, and the file with its content.
    fn receive(
        &self,
        name: &str,
        partial: &Partial,
        octets: &mut Octets<'_>,
    ) -> Result<(Image, PathBuf), Failed> {
        let stated = self.expected.entry.bytes;
        let mut head = Vec::with_capacity(compression::HEAD);
        let read = octets.by_ref().take(compression::HEAD as u64).read_to_end(&mut head);
        read.map_err(|error| self.problem(ImageError::of(name.into(), error)))?;
        let compression = self.packed(&head, octets.length());
        if let Some(found) = octets.length().filter(|&found| compression.is_none() && found != stated) {
            return Err(LocationProblem::Length { stated, found }.into());
        }
        let options = self.options(compression);
        let stream = Cursor::new(&head).chain(octets.by_ref());
        let progress = |bytes| (self.observe)(&Event::Bytes(bytes));
        let (image, content) = if compression.is_some() {
            let path = &partial.content;
            let file = File::create(path).map_err(|cause| disk(path, cause))?;
            let image = keep(name, stream, &options, progress, &file).map_err(|cause| disk(path, cause))?;
            let image = image.map_err(|error| self.problem(error))?;
            (image, path)
        } else {
            let image = Image::read(name, stream, &options, progress);
            let image = image.map_err(|error| self.problem(error))?;
            octets.finish().map_err(|cause| disk(&partial.path, cause))?;
            (image, &partial.path)
        };
        self.check(&image)?;
        Ok((image, content.clone()))
    }

    /// The image in a file of this machine, copied.
    fn copy(&self, path: &Path) -> Result<(Image, PathBuf), Failed> {
        let problem = |error| Failed::from(LocationProblem::Image(error));
        let length = ImageFile::open(path).map_err(problem)?.length();
        let file = File::open(path);
        let mut file = file.map_err(|cause| problem(ImageError::of(path.into(), cause)))?;
        let mut head = Vec::with_capacity(compression::HEAD);
        let read = file.by_ref().take(compression::HEAD as u64).read_to_end(&mut head);
        read.map_err(|cause| problem(ImageError::of(path.into(), cause)))?;
        let options = self.options(self.packed(&head, length));
        let content = self.folder.join("file.content");
        let to = File::create(&content).map_err(|cause| disk(&content, cause))?;
        (self.observe)(&Event::Begins { location: &path.display().to_string(), length, held: 0 });
        let progress = |bytes| (self.observe)(&Event::Bytes(bytes));
        let kept = keep(path, Cursor::new(head).chain(file), &options, progress, &to);
        (self.observe)(&Event::Ends);
        let result = kept.map_err(|cause| disk(&content, cause)).and_then(|image| {
            let image = image.map_err(|error| self.problem(error))?;
            self.check(&image)?;
            Ok((image, content.clone()))
        });
        if result.is_err() {
            let _ = fs::remove_file(&content);
        }
        result
    }

    /// How what begins with `head` is packed, if it is to be expanded. An entry that says nothing of a
    /// compression, and states the very length that lies there, is about the compressed file itself.
    fn packed(&self, head: &[u8], length: Option<u64>) -> Option<Compression> {
        let entry = self.expected.entry;
        let as_it_is = entry.compression.is_none() && length == Some(entry.bytes);
        Compression::recognise(head).filter(|_| !as_it_is)
    }

    /// All checksums, since other entries may state others; and no more content than there should be.
    fn options(&self, compression: Option<Compression>) -> DigestOptions {
        let compressed = match &self.expected.entry.compressed {
            Some(_) => vec![ChecksumAlgorithm::Sha512],
            None => Vec::new(),
        };
        DigestOptions {
            algorithms: ChecksumAlgorithm::ALL.to_vec(),
            compressed,
            threads: self.options.threads,
            max_bytes: Some(self.expected.entry.bytes),
            expand: compression.is_some(),
        }
    }

    fn check(&self, image: &Image) -> Result<(), LocationProblem> {
        let entries = std::iter::once(&self.expected.entry).chain(self.expected.others);
        let mut mismatches = Vec::new();
        for entry in entries {
            mismatches.extend(image.digests.check(entry).err().into_iter().flatten());
        }
        mismatches.dedup();
        if !mismatches.is_empty() {
            return Err(LocationProblem::Mismatch(mismatches));
        }
        if let (Some(stated), Some(found)) = (&self.expected.entry.compressed, &image.compressed) {
            let sha512 = found.checksums.first().map(crate::Checksum::value).unwrap_or_default();
            if stated.bytes != found.bytes || stated.sha512.value() != sha512 {
                let told = |bytes, sha512: &str| format!("{bytes} bytes with SHA-512 {sha512}");
                return Err(LocationProblem::CompressedMismatch {
                    stated: told(stated.bytes, stated.sha512.value()),
                    found: told(found.bytes, sha512),
                });
            }
        }
        Ok(())
    }

    /// What reading reports: the network's failures leave what came.
    fn problem(&self, error: ImageError) -> Failed {
        match error {
            ImageError::Remote { cause } => Failed::Location { keep: true, problem: cause.into() },
            ImageError::TooLarge { .. } => {
                LocationProblem::TooLarge { stated: self.expected.entry.bytes }.into()
            }
            error => LocationProblem::Image(error).into(),
        }
    }
}

/// A location as it may be shown: without what could be a password.
fn told(stated: &str) -> String {
    let (_, rest) = stated.split_once("://").unwrap_or_default();
    let has_user = rest.split(['/', '?', '#', '\\']).next().is_some_and(|authority| authority.contains('@'));
    printable(&if has_user { shown(stated) } else { stated.to_owned() })
}

fn disk(path: &Path, cause: io::Error) -> Failed {
    Failed::Here(DownloadError::Disk { path: path.to_owned(), cause })
}
