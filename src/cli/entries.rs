//! Which entries a command is about: arguments, and where they come from.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Session, Status, input, network::NetworkArgs, shown};
use crate::{
    marketplace::{Client, Endpoint, Reference, ReferenceError},
    xml::{self, EntriesError},
};

/// The arguments that say which entries.
#[derive(Args, Clone, Debug)]
pub struct EntryArgs {
    /// An image's identifier, alone or with an endorser's address and a date (ID/EMAIL/CREATED), or the URL
    /// of an entry
    // A text here and parsed below: clap would repeat a password in a URL.
    #[arg(value_name = "ID|URL", required_unless_present = "metadata_file")]
    pub image: Option<String>,
    /// Read the entries from this file, also a list of them, instead of a Marketplace; `-` is standard
    /// input
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Vec<PathBuf>,
}

/// What was found. The documents prove nothing until they are verified.
#[derive(Debug)]
pub struct Gathered {
    /// What was asked for; `None` if that is whatever the files hold.
    pub reference: Option<Reference>,
    /// Every document that says something of it.
    pub documents: Vec<Vec<u8>>,
    /// The Marketplace they come from; `None` if they come from files.
    pub client: Option<Client>,
}

impl EntryArgs {
    /// What is asked for, with the Marketplace if a URL names it.
    ///
    /// # Errors
    /// A usage error if it is neither a reference nor a URL.
    pub fn reference(&self) -> Result<Option<(Option<Endpoint>, Reference)>, Failure> {
        self.image.as_deref().map(Reference::locate).transpose().map_err(Into::into)
    }

    /// All that files, or a Marketplace, say of it.
    ///
    /// # Errors
    /// A [`Failure`] if a file cannot be read, or the Marketplace does not answer.
    pub fn gather(&self, network: &NetworkArgs, session: &Session) -> Result<Gathered, Failure> {
        let asked = self.reference()?;
        if !self.metadata_file.is_empty() {
            let reference = asked.map(|(_, reference)| reference);
            return Ok(Gathered { reference, documents: self.documents()?, client: None });
        }
        let Some((endpoint, reference)) = asked else {
            return Err(Failure::new(Status::Usage, "neither an image nor a file is named"));
        };
        let client = network.client_at(endpoint, session)?;
        session.detail(format_args!("fetching the entries of {reference} from {}", client.endpoint()));
        let documents = client.documents(&reference)?;
        Ok(Gathered { reference: Some(reference), documents, client: Some(client) })
    }

    /// The documents in the files.
    ///
    /// # Errors
    /// A [`Failure`] if a file cannot be read or an entry is too large.
    pub fn documents(&self) -> Result<Vec<Vec<u8>>, Failure> {
        input::check_once(&self.metadata_file)?;
        let mut documents = Vec::new();
        for file in &self.metadata_file {
            let mut count = 0;
            for document in xml::entries(input::open(file)?) {
                count += 1;
                documents.push(document.map_err(|error| match error {
                    EntriesError::Io(error) => input::InputError::Read { path: file.clone(), error }.into(),
                    error => Failure::new(Status::No, error).about(shown(file)),
                })?);
            }
            if count == 0 {
                return Err(Failure::new(Status::No, format_args!("{} holds no entries", input::name(file))));
            }
        }
        Ok(documents)
    }
}

impl From<ReferenceError> for Failure {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::Endpoint(error) => error.into(),
            error => Self::new(Status::Usage, error),
        }
    }
}
