//! Cutting a Marketplace's list into its entries, without holding the list in memory.

use std::io::{self, BufRead, BufReader, Read};

use quick_xml::{Reader, events::Event};

use super::{MAX_DOCUMENT_BYTES, is_white_space};

/// Why a list could not be cut into entries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntriesError {
    /// The list could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// An entry is larger than [`MAX_DOCUMENT_BYTES`].
    #[error("entry {number} is larger than {limit} bytes")]
    TooLarge {
        /// Which entry, counted from 1.
        number: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// What stands around the entries is not a `<metadata>` list.
    #[error("not a list of entries: {what}")]
    List {
        /// What is wrong.
        what: String,
    },
}

/// What is wrong with a list that was not read to its end.
const CUT_SHORT: &str = "it ends before </metadata>";

/// The entries of a document: see [`entries`].
pub struct Entries<R> {
    reader: Reader<Tap<BufReader<R>>>,
    state: State,
    list: bool,
    /// Entries given so far.
    count: usize,
}

#[derive(PartialEq)]
enum State {
    Start,
    InList,
    Done,
}

/// Gives each entry of the `<metadata>` list in `input`, as the bytes that stand there, one at
/// a time; anything that is no such list gives itself, whole, as the only entry. Nothing but the
/// boundaries is judged here: an entry still has to go through [`super::Source::read`].
///
/// The wrapper is in no namespace and declares none, so every entry means the same on its own.
pub fn entries<R: Read>(input: R) -> Entries<R> {
    let tap = Tap { inner: BufReader::new(input), kept: Vec::new(), base: 0, full: false };
    Entries { reader: Reader::from_reader(tap), state: State::Start, list: false, count: 0 }
}

impl<R: Read> Iterator for Entries<R> {
    type Item = Result<Vec<u8>, EntriesError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = match self.state {
            State::Start => self.first(),
            State::InList => self.following(),
            State::Done => return None,
        };
        match entry {
            Ok(Some(entry)) => {
                self.count += 1;
                Some(Ok(entry))
            }
            Ok(None) => {
                self.state = State::Done;
                None
            }
            Err(error) => {
                self.state = State::Done;
                Some(Err(error))
            }
        }
    }
}

impl<R> Entries<R> {
    /// Whether the document is a list: known once the first entry was asked for.
    pub fn is_list(&self) -> bool {
        self.list
    }
}

impl<R: Read> Entries<R> {
    /// Decides between list and single document at the root's start tag.
    fn first(&mut self) -> Result<Option<Vec<u8>>, EntriesError> {
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match self.reader.read_event_into(&mut buffer) {
                Ok(Event::Start(tag)) if tag.name().as_ref() == "metadata" => {
                    if !is_white_space(tag.attributes_raw()) {
                        return Err(list(
                            "its root element has attributes, so that entries would not stand alone",
                        ));
                    }
                    // quick-xml does not count a byte order mark.
                    let kept = &mut self.reader.get_mut().kept;
                    if kept.starts_with(b"\xEF\xBB\xBF") {
                        kept.drain(..3);
                    }
                    (self.state, self.list) = (State::InList, true);
                    return self.following();
                }
                Ok(Event::Empty(tag)) if tag.name().as_ref() == "metadata" => {
                    (self.state, self.list) = (State::InList, true);
                    return self.end_of_document();
                }
                Ok(Event::Decl(_) | Event::Comment(_) | Event::PI(_)) => {}
                Ok(Event::Text(text)) if is_white_space(&text) => {}
                Err(quick_xml::Error::Io(error)) => return Err(self.read_error(&error)),
                // Any other root, or none, or no XML at all: for the parser to judge.
                Ok(_) | Err(_) => {
                    self.state = State::Done;
                    return self.whole().map(Some);
                }
            }
        }
    }

    fn whole(&mut self) -> Result<Vec<u8>, EntriesError> {
        let tap = self.reader.get_mut();
        let room = MAX_DOCUMENT_BYTES + 1 - tap.kept.len().min(MAX_DOCUMENT_BYTES + 1);
        let mut bytes = std::mem::take(&mut tap.kept);
        (&mut tap.inner).take(room as u64).read_to_end(&mut bytes)?;
        if bytes.len() > MAX_DOCUMENT_BYTES { Err(self.too_large()) } else { Ok(bytes) }
    }

    /// The next child of the list.
    fn following(&mut self) -> Result<Option<Vec<u8>>, EntriesError> {
        let (mut buffer, mut depth) = (Vec::new(), 0_usize);
        loop {
            if depth == 0 {
                let position = self.reader.buffer_position();
                self.reader.get_mut().forget_before(position);
            }
            buffer.clear();
            let event = match self.reader.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(quick_xml::Error::Io(error)) => return Err(self.read_error(&error)),
                // What is open at the end is all that is left to be a syntax error.
                Err(quick_xml::Error::Syntax(_)) if self.reader.get_mut().is_at_end() => {
                    return Err(list(CUT_SHORT));
                }
                Err(error) => return Err(list(error.to_string())),
            };
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) if depth == 0 => return self.end_of_document(),
                Event::End(_) => depth -= 1,
                Event::Eof => return Err(list(CUT_SHORT)),
                Event::Empty(_) => {}
                Event::Text(text) if depth > 0 || is_white_space(&text) => continue,
                Event::Comment(_) | Event::PI(_) => continue,
                _ if depth > 0 => continue,
                _ => return Err(list("there is text between the entries")),
            }
            if depth == 0 {
                let end = self.reader.buffer_position();
                let entry = self.reader.get_mut().take_until(end);
                return if entry.len() > MAX_DOCUMENT_BYTES {
                    Err(self.too_large())
                } else {
                    Ok(Some(entry))
                };
            }
        }
    }

    /// After the root's end tag nothing may follow but comments and processing instructions.
    fn end_of_document(&mut self) -> Result<Option<Vec<u8>>, EntriesError> {
        let mut buffer = Vec::new();
        loop {
            let position = self.reader.buffer_position();
            self.reader.get_mut().forget_before(position);
            buffer.clear();
            match self.reader.read_event_into(&mut buffer) {
                Ok(Event::Eof) => return Ok(None),
                Ok(Event::Comment(_) | Event::PI(_)) => {}
                Ok(Event::Text(text)) if is_white_space(&text) => {}
                Ok(_) => return Err(list("something follows </metadata>")),
                Err(quick_xml::Error::Io(error)) => return Err(self.read_error(&error)),
                Err(error) => return Err(list(error.to_string())),
            }
        }
    }

    /// An I/O error as the parser hands it on, unless it is the tap's own.
    fn read_error(&mut self, error: &io::Error) -> EntriesError {
        if self.reader.get_mut().full {
            self.too_large()
        } else {
            EntriesError::Io(io::Error::new(error.kind(), error.to_string()))
        }
    }

    fn too_large(&self) -> EntriesError {
        EntriesError::TooLarge { number: self.count + 1, limit: MAX_DOCUMENT_BYTES }
    }
}

fn list(what: impl Into<String>) -> EntriesError {
    EntriesError::List { what: what.into() }
}

/// A reader that keeps what was read since [`Tap::forget_before`], up to the size of an entry.
struct Tap<R> {
    inner: R,
    kept: Vec<u8>,
    /// Offset in the input of the first byte kept.
    base: u64,
    /// Whether reading stopped because an entry is too large.
    full: bool,
}

impl<R> Tap<R> {
    fn forget_before(&mut self, position: u64) {
        self.take_until(position);
    }

    fn take_until(&mut self, position: u64) -> Vec<u8> {
        let length = usize::try_from(position.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let length = length.min(self.kept.len());
        self.base += length as u64;
        let rest = self.kept.split_off(length);
        std::mem::replace(&mut self.kept, rest)
    }
}

impl<R: BufRead> Tap<R> {
    fn is_at_end(&mut self) -> bool {
        self.inner.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

impl<R: BufRead> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Tap<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.kept.len() > MAX_DOCUMENT_BYTES {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The buffer still holds what fill_buf gave, so asking again reads nothing.
        if let Ok(available) = self.inner.fill_buf() {
            self.kept.extend_from_slice(&available[..amount.min(available.len())]);
        }
        self.inner.consume(amount);
    }
}
