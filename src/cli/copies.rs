//! What `stratus-marketplace import`, `export`, `mirror` and `check` have in common.

use clap::{Args, builder::BoolishValueParser};
use tokio::runtime::{Builder, Handle, Runtime};

use super::{Failure, Session, Status, database, reason, serve::flag};
use crate::server::{settings::Database, store::Store};

/// What is asked of entries that come from elsewhere than an upload.
#[derive(Args, Clone, Debug, Default)]
pub struct IntakeArgs {
    /// Accept signatures with SHA-1, as old tools make them, and RSA keys down to 1024 bits
    #[arg(long, env = "STRATUSLAB_MARKETPLACE_ALLOW_SHA1", value_parser = BoolishValueParser::new())]
    pub allow_sha1: bool,
}

impl IntakeArgs {
    /// Whether SHA-1 is good enough, by the arguments, the environment or the configuration.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be read.
    pub fn allow_sha1(&self, session: &Session) -> Result<bool, Failure> {
        let configured = session.config()?.marketplace.allow_sha1;
        Ok(flag("allow_sha1", self.allow_sha1, configured, session))
    }
}

/// What helps if entries are refused for their algorithms.
pub const OLD_SIGNATURES: &str = "--allow-sha1 accepts such signatures, for entries made with old tools";

/// An open database, for those who are not async.
#[derive(Debug)]
pub struct Opened {
    database: Database,
    store: Store,
    runtime: Runtime,
}

impl Opened {
    /// Opens the database.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot be used.
    pub fn open(database: Database) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::new(Status::File, format_args!("cannot start threads: {}", reason(&error)))
        })?;
        let store =
            runtime.block_on(Store::open(&database)).map_err(|error| database::failure(&database, &error))?;
        Ok(Self { database, store, runtime })
    }

    /// The entries, and who waits for them.
    pub fn entries(&self) -> (&Store, &Handle) {
        (&self.store, self.runtime.handle())
    }

    /// Why the database can no longer be used.
    pub fn failure(&self, error: &crate::server::store::StoreError) -> Failure {
        database::failure(&self.database, error)
    }

    /// Leaves the database as whole as it can be.
    pub fn close(self) {
        self.runtime.block_on(self.store.close());
    }
}

/// `1 entry`, `2 entries`.
pub fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}
