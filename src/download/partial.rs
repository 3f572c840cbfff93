//! What has come of a transfer: a file with the octets as they lie at the location, and beside it what
//! lets a later transfer go on where this one breaks off.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    cache::{SparseWriter, name_of},
    location::{Arriving, Location},
};

/// The largest state that is read, in bytes.
const MAX_STATE: u64 = 64 << 10;

/// The files of a transfer from one location.
#[derive(Debug)]
pub(super) struct Partial {
    /// The octets as they lie there.
    pub(super) path: PathBuf,
    /// The content, where that is something else.
    pub(super) content: PathBuf,
    state: PathBuf,
    pub(super) file: File,
}

impl Partial {
    /// The files of a transfer from `location`, in a folder that nobody else uses now.
    pub(super) fn open(folder: &Path, location: &Location) -> io::Result<Self> {
        let stem = name_of(location.to_string().as_bytes());
        let file = |extension: &str| folder.join(format!("{stem}.{extension}"));
        let path = file("part");
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        Ok(Self { path, content: file("content"), state: file("json"), file: opened })
    }

    /// What an earlier transfer left, and its bytes.
    pub(super) fn held(&self) -> Option<(Value, u64)> {
        let mut text = Vec::new();
        File::open(&self.state).ok()?.take(MAX_STATE).read_to_end(&mut text).ok()?;
        let state: Value = serde_json::from_slice(&text).ok()?;
        let length = self.file.metadata().ok()?.len();
        (length > 0).then(|| (state.get("held").cloned().unwrap_or_default(), length))
    }

    /// A transfer begins after so many bytes that are here. `held` is what a later one will need.
    pub(super) fn begin(&self, position: u64, held: Option<Value>) -> io::Result<()> {
        self.file.set_len(position)?;
        match held {
            Some(held) => fs::write(&self.state, json!({ "held": held }).to_string()),
            None => remove(&self.state),
        }
    }

    /// Nothing of it is of any use.
    pub(super) fn discard(&self) -> io::Result<()> {
        for path in [&self.state, &self.path, &self.content] {
            remove(path)?;
        }
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The octets of an object: those that are here, then those that arrive, which are written down.
pub(super) struct Octets<'a> {
    file: &'a File,
    arriving: Box<dyn Arriving>,
    /// Bytes that were here.
    held: u64,
    /// Bytes of them that were handed out.
    read: u64,
    writer: SparseWriter<'a>,
    /// Why something could not be read or written here.
    pub(super) disk: Option<io::Error>,
}

impl<'a> Octets<'a> {
    pub(super) fn new(partial: &'a Partial, arriving: Box<dyn Arriving>) -> Self {
        let held = arriving.position();
        let writer = SparseWriter::new(&partial.file, held);
        Self { file: &partial.file, arriving, held, read: 0, writer, disk: None }
    }

    /// Bytes of the object, here or not, if that is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.arriving.length()
    }

    /// All has come: the file has its length.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.writer.finish()
    }

    fn on_disk<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            self.disk = Some(error);
            io::Error::other("the disk")
        })
    }
}

impl Read for Octets<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read < self.held {
            let room = usize::try_from(self.held - self.read).unwrap_or(usize::MAX).min(into.len());
            let read = self.file.read_at(&mut into[..room], self.read);
            let read = read.and_then(|count| match count {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            });
            let count = self.on_disk(read)?;
            self.read += count as u64;
            return Ok(count);
        }
        let count = self.arriving.read(into)?;
        let written = self.writer.write(&into[..count]);
        self.on_disk(written)?;
        Ok(count)
    }
}

impl Drop for Octets<'_> {
    /// What has come stays for a later transfer, also if zeros came last.
    fn drop(&mut self) {
        if self.disk.is_none() && self.file.metadata().is_ok_and(|found| found.len() < self.writer.position())
        {
            let _ = self.writer.finish();
        }
    }
}
