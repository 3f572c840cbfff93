//! The trust anchors of a server, which runs for longer than a CRL is current.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};

use crate::trust::{AnchorFiles, Anchors, AnchorsError};

/// How often the files are read again. A CRL is good for days, but a certificate may be revoked any time.
const INTERVAL: Duration = Duration::from_mins(10);

/// Trust anchors that are read again from time to time. Cheap to clone.
#[derive(Clone)]
pub struct LiveAnchors(Arc<Live>);

struct Live {
    current: RwLock<Arc<Anchors>>,
    /// `None` if they stay as they are.
    files: Option<AnchorFiles>,
}

impl LiveAnchors {
    /// What is in these files.
    ///
    /// # Errors
    /// [`AnchorsError`] if one cannot be used.
    pub fn read(files: AnchorFiles) -> Result<Self, AnchorsError> {
        let current = RwLock::new(Arc::new(files.read()?));
        Ok(Self(Arc::new(Live { current, files: Some(files) })))
    }

    /// What there is now.
    pub fn current(&self) -> Arc<Anchors> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again; what there was stays if they cannot be used.
    ///
    /// # Errors
    /// [`AnchorsError`] if one cannot be used.
    pub fn reload(&self) -> Result<(), AnchorsError> {
        if let Some(files) = &self.0.files {
            let anchors = Arc::new(files.read()?);
            *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = anchors;
        }
        Ok(())
    }

    /// Reads the files again and again; never returns.
    pub async fn follow(self) {
        loop {
            sleep(INTERVAL).await;
            let anchors = self.clone();
            match spawn_blocking(move || anchors.reload()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the trust anchors stay as they were"),
                Err(error) => tracing::error!(%error, "the trust anchors cannot be read"),
            }
        }
    }
}

impl From<Anchors> for LiveAnchors {
    /// Anchors that stay as they are.
    fn from(anchors: Anchors) -> Self {
        Self(Arc::new(Live { current: RwLock::new(Arc::new(anchors)), files: None }))
    }
}

impl fmt::Debug for LiveAnchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveAnchors").field("files", &self.0.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::certificate::fresh;

    fn authority(name: &str) -> Vec<u8> {
        fresh::self_signed(name, None).to_pem().unwrap()
    }

    #[test]
    fn what_is_in_the_files_now_counts_and_a_broken_file_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, authority("One")).unwrap();
        let files = AnchorFiles { file: Some(file.clone()), ..AnchorFiles::default() };
        let anchors = LiveAnchors::read(files).unwrap();
        let before = anchors.current();
        assert_eq!(before.len(), 1);
        fs::write(&file, [authority("One"), authority("Two")].concat()).unwrap();
        assert_eq!(anchors.current().len(), 1, "not before it is told to");
        anchors.reload().unwrap();
        assert_eq!((anchors.current().len(), before.len()), (2, 1));
        fs::write(&file, "nonsense").unwrap();
        assert!(anchors.reload().is_err());
        assert_eq!(anchors.current().len(), 2);
    }
}
