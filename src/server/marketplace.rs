//! A running Marketplace: what every request shares.

use std::sync::Arc;

use crate::Timestamp;

use super::{settings::Settings, store::Store};

/// What every request shares. Cheap to clone; the `State` of all handlers.
#[derive(Clone, Debug)]
pub struct Marketplace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: Settings,
    store: Store,
}

impl Marketplace {
    /// A Marketplace over a database.
    pub fn new(settings: Settings, store: Store) -> Self {
        Self(Arc::new(Shared { settings, store }))
    }

    /// How it is set up.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Its database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The time of the server's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// `/metadata/…` as links on its pages have it: with the prefix of the public URL.
    pub fn path(&self, path: &str) -> String {
        let prefix = self.0.settings.public_url.as_ref().map_or("", |url| &url.prefix);
        format!("{prefix}{path}")
    }
}
