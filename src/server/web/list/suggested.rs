//! Values that fields suggest: looked up once a minute for all who see the page.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::{
    Timestamp,
    server::store::{Store, StoreError, Suggestions},
};

/// Suggestions of the minute. Those of another process may be a minute older or newer, which nobody minds.
#[derive(Debug, Default)]
pub struct Suggested(Mutex<Minute>);

#[derive(Clone, Debug, Default)]
struct Minute {
    number: i64,
    suggestions: Arc<OnceCell<Arc<Suggestions>>>,
}

impl Suggested {
    /// The suggestions; whoever asks first in a minute looks them up.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub async fn of(&self, store: &Store, now: Timestamp) -> Result<Arc<Suggestions>, StoreError> {
        let suggestions = self.minute(now.unix_seconds().div_euclid(60));
        suggestions.get_or_try_init(async || store.suggestions().await.map(Arc::new)).await.cloned()
    }

    fn minute(&self, number: i64) -> Arc<OnceCell<Arc<Suggestions>>> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.number != number {
            *minute = Minute { number, suggestions: Arc::default() };
        }
        Arc::clone(&minute.suggestions)
    }
}
