//! A running Marketplace: what every request shares.

use std::sync::Arc;

use crate::Timestamp;

use super::{
    mail::{Mailer, MailerError},
    metrics::Metrics,
    settings::Settings,
    store::Store,
};

/// What every request shares. Cheap to clone; the `State` of all handlers.
#[derive(Clone, Debug)]
pub struct Marketplace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: Settings,
    store: Store,
    metrics: Metrics,
    mailer: Result<Option<Mailer>, MailerError>,
}

impl Marketplace {
    /// A Marketplace over a database.
    pub fn new(settings: Settings, store: Store) -> Self {
        let mailer =
            settings.mail.as_ref().map(|mail| Mailer::new(mail, settings.public_url.as_ref())).transpose();
        Self(Arc::new(Shared { settings, store, metrics: Metrics::default(), mailer }))
    }

    /// How it is set up.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Its database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Who sends its mail; `None` if none is to be sent.
    ///
    /// # Errors
    /// [`MailerError`] if none can be sent with these settings: a reason not to start.
    pub fn mailer(&self) -> Result<Option<&Mailer>, &MailerError> {
        self.0.mailer.as_ref().map(Option::as_ref)
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
