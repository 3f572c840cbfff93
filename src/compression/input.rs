//! A buffered file that knows where it is, can look ahead, and remembers whether it failed.

use std::io::{self, BufRead, Read};

/// Bytes read from the file at a time.
const BUFFER: usize = 64 << 10;

pub(super) struct Input<R> {
    file: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    offset: u64,
    failed: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(file: R) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { file, buffer, start: 0, end: 0, offset: 0, failed: false }
    }

    /// Bytes consumed since the start of the file.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the last error was the file's own, not the decoder's.
    pub(super) const fn failed(&self) -> bool {
        self.failed
    }

    /// The next `count` bytes (at most a buffer) without consuming them; fewer only at the end.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(self.buffer.len());
        if self.start + count > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < count {
            let read = read_some(&mut self.file, &mut self.buffer[self.end..]);
            self.failed = read.is_err();
            match read? {
                0 => break,
                read => self.end += read,
            }
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Consumes the zero bytes that come next and returns how many they were.
    pub(super) fn skip_zeros(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let available = self.fill_buf()?;
            let zeros = available.iter().take_while(|&&byte| byte == 0).count();
            let more = zeros == available.len() && zeros > 0;
            self.consume(zeros);
            skipped += zeros as u64;
            if !more {
                return Ok(skipped);
            }
        }
    }
}

impl<R: Read> Read for Input<R> {
    /// Large reads go past the buffer once it is empty, so a raw image is not copied twice.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && into.len() >= self.buffer.len() {
            let read = read_some(&mut self.file, into);
            self.failed = read.is_err();
            self.offset += *read.as_ref().unwrap_or(&0) as u64;
            return read;
        }
        let mut available = self.fill_buf()?;
        let count = available.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.peek(1)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }
}

/// Reads once; a signal that comes in between is no failure, and decoders would not try again.
fn read_some(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
