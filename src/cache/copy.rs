//! Copies of what is kept: by reference where the file system can, else without the holes; never a second
//! name of the same file, through which it could be altered.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::MetadataExt as _,
};

use rustix::{
    fs::{SeekFrom, copy_file_range, ioctl_ficlone, seek},
    io::Errno,
};

use super::{CacheError, CachedImage, record::Stamp};

/// Bytes copied at a time.
const PIECE: usize = 8 << 20;

/// Copies an image, which `from` is the open file of, into `to`, an empty file or a stream; `progress` is told the
/// bytes.
///
/// # Errors
/// [`CacheError::Changed`] if it is not, or does not stay, what it was; [`CacheError::Io`].
pub fn copy(
    image: &CachedImage,
    from: &File,
    to: &File,
    progress: impl FnMut(u64),
) -> Result<(), CacheError> {
    let is_file = to.metadata().is_ok_and(|to| to.is_file());
    copied(
        image,
        from,
        |file, length, mut progress| {
            if !is_file {
                stream(file, to, length, &mut progress)
            } else if ioctl_ficlone(to, file).is_ok() {
                progress(length);
                Ok(())
            } else {
                copy_data(file, to, length, &mut progress)
            }
        },
        progress,
    )
}

/// Writes an image to `to`, from where that stands.
///
/// # Errors
/// As for [`copy`].
pub fn write(image: &CachedImage, from: &File, to: &File) -> Result<(), CacheError> {
    copied(image, from, |file, length, mut progress| stream(file, to, length, &mut progress), |_| {})
}

fn copied<P: FnMut(u64)>(
    image: &CachedImage,
    mut file: &File,
    copy: impl FnOnce(&File, u64, P) -> io::Result<()>,
    progress: P,
) -> Result<(), CacheError> {
    let path = &image.path;
    let unchanged = |file: &File| {
        let found = file.metadata().map_err(CacheError::io("read", path))?;
        let now = Stamp::from(&found);
        // Removed meanwhile, it is what it was to whoever has it open.
        let removed = found.nlink() == 0 && now.is_but_removed(&image.record.stamp);
        if now == image.record.stamp || removed {
            Ok(())
        } else {
            Err(CacheError::Changed { path: path.clone() })
        }
    };
    unchanged(file)?;
    file.seek(io::SeekFrom::Start(0)).map_err(CacheError::io("read", path))?;
    copy(file, image.record.digests.bytes(), progress).map_err(CacheError::io("copy", path))?;
    unchanged(file)
}

/// Copies the data of a file, and as long a file; holes stay holes where the file system tells them.
fn copy_data(from: &File, to: &File, length: u64, progress: &mut impl FnMut(u64)) -> io::Result<()> {
    to.set_len(length)?;
    let mut at = 0;
    while at < length {
        let (start, end) = match seek(from, SeekFrom::Data(at)) {
            Ok(start) => (start, seek(from, SeekFrom::Hole(start)).unwrap_or(length)),
            // No more data (lseek(2)).
            Err(Errno::NXIO) => (length, length),
            Err(_) => (at, length),
        };
        progress(start.min(length) - at);
        copy_piece(from, to, start.min(length), end.min(length), progress)?;
        at = end.max(start);
    }
    Ok(())
}

fn copy_piece(
    from: &File,
    to: &File,
    start: u64,
    end: u64,
    progress: &mut impl FnMut(u64),
) -> io::Result<()> {
    let (mut read_at, mut write_at) = (start, start);
    while read_at < end {
        let wanted = usize::try_from(end - read_at).unwrap_or(PIECE).min(PIECE);
        match copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), wanted) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => progress(count as u64),
            Err(Errno::INTR) => {}
            // Between some file systems, and on old kernels, it is not done.
            Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => {
                return copy_by_hand(from, to, read_at, end, progress);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn copy_by_hand(
    mut from: &File,
    mut to: &File,
    start: u64,
    end: u64,
    progress: &mut impl FnMut(u64),
) -> io::Result<()> {
    from.seek(io::SeekFrom::Start(start))?;
    to.seek(io::SeekFrom::Start(start))?;
    stream(from, to, end - start, progress)
}

/// Copies so many bytes from where the files stand.
fn stream(from: &File, mut to: &File, length: u64, progress: &mut impl FnMut(u64)) -> io::Result<()> {
    let mut rest = from.take(length);
    let mut buffer = vec![0; 1 << 20];
    let mut left = length;
    while left > 0 {
        let count = rest.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&buffer[..count])?;
        left -= count as u64;
        progress(count as u64);
    }
    Ok(())
}
