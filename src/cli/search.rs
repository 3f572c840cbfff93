//! Searching a Marketplace: arguments, the verdict on what is found, and how it is told.

mod tell;

use clap::{Args, ValueEnum};
use rayon::prelude::*;

use super::{Failure, Session, judge::Judge};
use crate::{
    marketplace::{Client, ClientError, Latest, Search, Sort},
    metadata::State,
};

use tell::Found;

/// The most entries that can be asked for: they are kept, in short, until the table is as wide as it has to be.
const MAX_LIMIT: usize = 100_000;
/// How many entries are judged at once, and how many bytes of them: enough to keep every core busy.
const BATCH: usize = 32;
const BATCH_BYTES: usize = 16 << 20;

/// What is searched for, and how much of it is told.
#[derive(Args, Clone, Debug)]
pub struct SearchArgs {
    /// Find what has all these words in it: in title, description, identifier, locations, the endorser's address,
    /// kind, operating system, its version or its architecture, or the date of the endorsement
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Find what has this in the name of its operating system
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub os: String,
    /// Find what has this in the version of its operating system
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub os_version: String,
    /// Find what has this in its architecture
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub os_arch: String,
    /// Find what has this in its endorser's e-mail address
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub endorser: String,
    /// Find what has this in its kind, by custom machine or disk
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub kind: String,
    /// Find what is in this state
    #[arg(long, value_name = "STATE", default_value = "valid")]
    pub status: Wanted,
    /// List it in this order: created (when it was endorsed), os, os-version, os-arch, email, kind, identifier or
    /// title; `-` before it turns it round
    #[arg(long, value_name = "KEY", default_value = "-created", allow_hyphen_values = true)]
    pub sort: Sort,
    /// List no more than this
    #[arg(long, value_name = "N", default_value = "50", value_parser = limit)]
    pub limit: usize,
    /// Print identifiers alone, each once
    #[arg(long, conflicts_with = "json")]
    pub ids: bool,
}

/// The states that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// Neither expired nor deprecated
    Valid,
    /// Past `dcterms:valid`, not deprecated
    Expired,
    /// Deprecated, expired or not
    Deprecated,
    /// Any of them
    All,
}

fn limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_LIMIT).contains(number));
    number.ok_or_else(|| format!("it is a number from 1 to {MAX_LIMIT}"))
}

impl SearchArgs {
    /// What is searched for.
    pub fn search(&self) -> Search {
        Search {
            words: self.words.clone(),
            os: self.os.clone(),
            os_version: self.os_version.clone(),
            os_arch: self.os_arch.clone(),
            endorser: self.endorser.clone(),
            kind: self.kind.clone(),
            state: match self.status {
                Wanted::Valid => Some(State::Valid),
                Wanted::Expired => Some(State::Expired),
                Wanted::Deprecated => Some(State::Deprecated),
                Wanted::All => None,
            },
            order: self.sort,
        }
    }

    /// Searches, judges and tells what is found.
    ///
    /// # Errors
    /// A [`Failure`] if the Marketplace cannot be asked, or its answer ends half-way; what came until then is
    /// told.
    pub fn run(&self, client: &Client, judge: &Judge, session: &Session) -> Result<(), Failure> {
        let search = self.search();
        session.detail(format_args!("searching {}", client.endpoint()));
        let mut list = client.search(&search)?;
        let mut found = Found::new(self.ids, self.limit, client, session);
        let end = loop {
            let (batch, end) = batch(&mut list);
            // What is not looked for is passed over before the rest is done with it.
            let judge = |document: Vec<u8>| Some(judge.judge(&document)).filter(|found| found.fits(&search));
            let judged: Vec<_> = batch.into_par_iter().map(judge).collect();
            for judged in judged {
                found.take(judged);
            }
            match end {
                _ if found.is_enough() => break Ok(()),
                End::NotYet => {}
                End::Reached => break Ok(()),
                End::Failed(error) => break Err(error.into()),
            }
        };
        found.finish(end.is_ok());
        end
    }
}

/// What follows the entries that were read.
enum End {
    NotYet,
    Reached,
    Failed(ClientError),
}

/// The next entries of a list.
fn batch(list: &mut Latest) -> (Vec<Vec<u8>>, End) {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH && bytes < BATCH_BYTES {
        match list.next() {
            Some(Ok(document)) => {
                bytes += document.len();
                batch.push(document);
            }
            Some(Err(error)) => return (batch, End::Failed(error)),
            None => return (batch, End::Reached),
        }
    }
    (batch, End::NotYet)
}
