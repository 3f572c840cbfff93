//! The one call: from a reference to a verified file.

use std::{collections::BTreeSet, fs::File, io::ErrorKind, sync::Arc};

use crate::{
    Identifier, Location, Metadata, Timestamp,
    cache::{Cache, CacheError, CachedImage, Check, Lock, Source, Told},
    dsig::Verified,
    marketplace::{Client, ClientError, Reference},
    metadata::rules::Leniency,
    policy::{Approved, Decisions, Policy},
    validate::{Options, Requirement, validate},
};

use super::{DownloadError, DownloadOptions, Event, Expected, Fetcher, Observer};

/// What hands out images.
pub struct Provider<'a> {
    /// Where they are kept.
    pub cache: &'a Cache,
    /// How it is found that one that is kept is still what it was.
    pub check: Check,
    /// Which may be used.
    pub policy: &'a Policy,
    /// How they are fetched.
    pub options: &'a DownloadOptions,
    /// Fetches nothing from anywhere else: an image is in the cache, or in a file of this machine.
    pub offline: bool,
    /// Told what happens.
    pub observe: &'a Observer<'a>,
}

/// Where the documents come from that say something of an image.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Whence<'a> {
    /// A Marketplace. If it cannot be reached, what it said before counts; `None` forbids that.
    Marketplace(&'a Client, Fallback),
    /// Files of this machine: then an image may lie in one, too.
    Files(&'a [Vec<u8>]),
    /// What was said before.
    Cache,
}

/// Whether what a Marketplace said before counts if it cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// It does: an entry's own date of expiry bounds for how long.
    #[default]
    Remembered,
    /// It does not.
    Nothing,
}

/// An image that may be used.
#[derive(Debug)]
#[non_exhaustive]
pub struct Obtained {
    /// The file: it is kept, and not to be written to.
    pub image: CachedImage,
    /// The same, open: whoever empties the cache takes its name away, and not its content.
    pub file: File,
    /// The entry that describes it.
    pub entry: Verified<Metadata>,
    /// Where it comes from.
    pub origin: Origin,
    /// How the policy came to its decision.
    pub decisions: Decisions,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Cache,
    /// This location.
    Location(String),
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The Marketplace does not answer, or not as one.
    #[error(transparent)]
    Marketplace(#[from] ClientError),
    /// Nobody says anything of the image.
    #[error("there is no entry for {reference}{}", at(.endpoint.as_deref()))]
    NoEntry {
        /// What was asked for.
        reference: String,
        /// The Marketplace, if one was asked.
        endpoint: Option<String>,
    },
    /// Files are about more than one image, and none was named.
    #[error("there are entries of {images} images")]
    Several {
        /// How many.
        images: usize,
        /// One of them.
        first: Identifier,
    },
    /// The policy refuses it.
    #[error("the image is refused by the policy")]
    Refused(Box<Decisions>),
    /// It is not here, and nothing may be fetched.
    #[error("the image {identifier} is not in the cache")]
    NotCached {
        /// Which image.
        identifier: Identifier,
    },
    /// It cannot be fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// It cannot be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

fn at(endpoint: Option<&str>) -> String {
    endpoint.map(|endpoint| format!(" at {endpoint}")).unwrap_or_default()
}

impl Provider<'_> {
    /// The image referred to, in a file of this machine: verified documents say what it is, the policy
    /// that it may be used, and size and every checksum that it is that. Without a reference, it is
    /// whatever the documents are about.
    ///
    /// # Errors
    /// [`ImageError`]; nothing has then been handed out.
    pub fn image(
        &self,
        reference: Option<&Reference>,
        whence: Whence<'_>,
        now: Timestamp,
    ) -> Result<Obtained, ImageError> {
        let documents = self.documents(reference, whence)?;
        if documents.is_empty() {
            let endpoint = match whence {
                Whence::Marketplace(client, _) => Some(client.endpoint().to_string()),
                _ => None,
            };
            let reference = reference.map_or_else(|| "any image".to_owned(), ToString::to_string);
            return Err(ImageError::NoEntry { reference, endpoint });
        }
        let (mut decisions, documents) = self.decide(reference, documents, now)?;
        // What was decided is what is used: no document is asked for again.
        let Some(approved) = decisions.approved.take() else {
            if let Some(reference) = reference {
                self.remember_refused(reference.identifier, &documents, now);
            }
            return Err(ImageError::Refused(Box::new(decisions)));
        };
        let ((image, file), origin) = self.kept_or_fetched(&approved, &documents, whence, now)?;
        Ok(Obtained { image, file, entry: approved.entry, origin, decisions })
    }

    /// What the policy says of all that is said and remembered.
    fn decide(
        &self,
        reference: Option<&Reference>,
        mut documents: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(Decisions, Vec<Vec<u8>>), ImageError> {
        let decisions = self.policy.decide(reference, &documents, now);
        if reference.is_some() {
            return Ok((decisions, documents));
        }
        let named =
            decisions.decisions.iter().filter_map(|decision| decision.entry.parse::<Reference>().ok());
        let images: BTreeSet<_> = named.map(|entry| entry.identifier).collect();
        match (images.first(), images.len()) {
            (Some(&first), 1) => {
                // Now that it is known which image it is: what else was said of it?
                let known = self.cache.documents(first)?;
                let unsaid: Vec<_> =
                    known.into_iter().filter(|document| !documents.contains(document)).collect();
                documents.extend(unsaid);
                Ok((self.policy.decide(Some(&Reference::image(first)), &documents, now), documents))
            }
            (Some(&first), images) => Err(ImageError::Several { images, first }),
            (None, _) => Ok((decisions, documents)),
        }
    }

    /// All that anyone says.
    fn documents(
        &self,
        reference: Option<&Reference>,
        whence: Whence<'_>,
    ) -> Result<Vec<Vec<u8>>, ImageError> {
        let remembered = match reference {
            Some(reference) => self.cache.documents(reference.identifier)?,
            None => Vec::new(),
        };
        let said = match whence {
            Whence::Cache => return Ok(remembered),
            // The policy's word on who counts is as good for these.
            Whence::Files(documents) => documents.to_vec(),
            Whence::Marketplace(client, fallback) => {
                let Some(reference) = reference else { return Ok(Vec::new()) };
                let dispensable = fallback == Fallback::Remembered && !remembered.is_empty();
                let said = if dispensable {
                    client.hurried().documents(reference)
                } else {
                    client.documents(reference)
                };
                match said {
                    Ok(said) => said,
                    Err(error) if dispensable && error.is_unreachable() => {
                        (self.observe)(&Event::Unreachable(&error));
                        return Ok(remembered);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        if said.is_empty() {
            return Ok(said);
        }
        // A Marketplace that shows an older state than it did is found out by what is remembered.
        let unsaid: Vec<_> = remembered.into_iter().filter(|document| !said.contains(document)).collect();
        Ok(said.into_iter().chain(unsaid).collect())
    }

    fn kept_or_fetched(
        &self,
        approved: &Approved,
        documents: &[Vec<u8>],
        whence: Whence<'_>,
        now: Timestamp,
    ) -> Result<((CachedImage, File), Origin), ImageError> {
        let entry: &Metadata = &approved.entry;
        let others: Vec<&Metadata> = approved.others.iter().map(|other| &**other).collect();
        if let Some(image) = self.kept(entry, &others)? {
            // What is new of what was said is remembered, but nobody waits for that.
            if let Some(lock) = self.cache.try_lock(entry.identifier).ok().flatten() {
                self.remember(&lock, documents, now);
            }
            return Ok((image, Origin::Cache));
        }
        // An entry that is remembered is a Marketplace's, perhaps, whatever else lies here.
        let own = |given: &[Vec<u8>]| given.iter().any(|document| document == approved.entry.document());
        let files = matches!(whence, Whence::Files(given) if own(given));
        let mut locations = self.policy.locations(entry);
        if self.offline {
            locations.retain(|location| files && matches!(location.parse(), Ok(Location::File(_))));
            if locations.is_empty() {
                return Err(ImageError::NotCached { identifier: entry.identifier });
            }
        }
        let lock = self.cache.lock(entry.identifier, || (self.observe)(&Event::Waiting))?;
        // Another process may have fetched it meanwhile.
        if let Some(image) = self.kept(entry, &others)? {
            self.remember(&lock, documents, now);
            return Ok((image, Origin::Cache));
        }
        let folder = self.cache.partial(&lock)?;
        let mut options = self.options.clone();
        if !self.policy.locations.is_empty() {
            // Where an image may not lie, a redirect leads it no better.
            let allowed = self.policy.locations.clone();
            options.remote.redirects =
                Some(Arc::new(move |url| allowed.iter().any(|prefix| prefix.covers(url))));
        }
        let from = Fetcher {
            expected: Expected { entry, others: &others },
            folder: &folder,
            options: &options,
            observe: self.observe,
            files,
        };
        let fetched = from.fetch(&locations)?;
        let source =
            Source { image: &fetched.image, content: &fetched.content, from: fetched.location.clone() };
        let image = self.cache.insert(&lock, source)?;
        // As long as there is the lock nobody removes it.
        let file = File::open(&image.path).map_err(CacheError::io("read", &image.path))?;
        // Whatever other locations left.
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            (self.observe)(&Event::Unkept(&CacheError::io("remove", &folder)(error)));
        }
        self.remember(&lock, documents, now);
        Ok(((image, file), Origin::Location(fetched.location)))
    }

    /// What is kept, open.
    fn kept(
        &self,
        entry: &Metadata,
        others: &[&Metadata],
    ) -> Result<Option<(CachedImage, File)>, CacheError> {
        let entries: Vec<_> = std::iter::once(entry).chain(others.iter().copied()).collect();
        let lookup = self.cache.find(&entries, self.check, |bytes| (self.observe)(&Event::Bytes(bytes)))?;
        for altered in &lookup.altered {
            (self.observe)(&Event::Altered(altered));
        }
        let Some(image) = lookup.image else { return Ok(None) };
        match File::open(&image.path) {
            Ok(file) => Ok(Some((image, file))),
            // Another process has just removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CacheError::io("read", &image.path)(error)),
        }
    }

    /// What is said of an image that was handed out before, a withdrawal perhaps, counts as well when nobody
    /// can be asked. Of others there is nothing to be remembered.
    fn remember_refused(&self, identifier: Identifier, documents: &[Vec<u8>], now: Timestamp) {
        let known = self.cache.documents(identifier).unwrap_or_default();
        if known.is_empty() || documents.iter().all(|document| known.contains(document)) {
            return;
        }
        // Whoever fetches it remembers what was said to him.
        if let Some(lock) = self.cache.try_lock(identifier).ok().flatten() {
            self.remember(&lock, documents, now);
        }
    }

    /// Keeps the documents for when nobody can be asked: what verifies and is about the image. The image is
    /// there whether that works or not.
    fn remember(&self, lock: &Lock, documents: &[Vec<u8>], now: Timestamp) {
        let known = self.cache.documents(lock.identifier()).unwrap_or_default();
        let fresh = documents.iter().filter(|document| !known.contains(document));
        let told: Vec<_> = fresh.filter_map(|document| self.told(lock.identifier(), document, now)).collect();
        if let Err(error) = self.cache.keep_documents(lock, &told) {
            (self.observe)(&Event::Unkept(&error));
        }
    }

    /// A document that says something of an image that the policy could believe.
    fn told<'a>(&self, image: Identifier, document: &'a [u8], now: Timestamp) -> Option<Told<'a>> {
        let mut options = Options::new(now);
        options.policy = self.policy.signatures;
        options.leniency = Leniency::OldEntries;
        options.anchors = self.policy.anchors.as_ref();
        options.require.extend(options.anchors.map(|_| Requirement::Trusted));
        let entry = validate(document, &options).into_verified().ok()?;
        let withdrawal = entry.deprecated.is_some();
        (entry.identifier == image).then_some(Told { document, withdrawal })
    }
}
