//! New databases of both kinds.

use stratuslab::{
    Password,
    server::{settings::Database, store::Store},
};
use tempfile::TempDir;

use crate::postgres;

/// A database that did not exist before, and goes with this.
pub(crate) struct Fresh {
    pub(crate) database: Database,
    _folder: TempDir,
}

impl Fresh {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { database: Database::Sqlite(folder.path().join("data/marketplace.sqlite")), _folder: folder }
    }

    pub(crate) fn postgres() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { database: Database::Postgres(Password::new(postgres::url())), _folder: folder }
    }

    /// As one process opens it.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.database).await.unwrap()
    }
}

/// Tests that hold of both kinds of database.
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($fresh:ident) $body:block)+) => {
        $($(#[$attribute])* async fn $name($fresh: $crate::fresh::Fresh) $body)+
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::fresh::Fresh::sqlite()).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::fresh::Fresh::postgres()).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;
