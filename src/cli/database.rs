//! Where a Marketplace keeps its entries: arguments, environment, configuration.

use std::{env, path::PathBuf};

use clap::Args;

use super::{Failure, Session, Status, shown};
use crate::{
    Password,
    config::{MarketplaceConfig, password_in_url},
    server::{settings::Database, store::StoreError},
};

/// The file in the data directory.
const FILE: &str = "marketplace.sqlite";

/// The options of subcommands that use the entries of a Marketplace.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Database options")]
pub struct DatabaseArgs {
    /// Keep the entries in this directory [default: stratuslab/marketplace in the user's data directory]
    #[arg(long, value_name = "DIR", env = "STRATUSLAB_MARKETPLACE_DATA")]
    pub data: Option<PathBuf>,
    /// Keep the entries in this PostgreSQL database: `postgres://USER@HOST/NAME`.
    // A text: clap would repeat a password in it.
    #[arg(
        long,
        value_name = "URL",
        env = "STRATUSLAB_MARKETPLACE_DATABASE",
        help = "Keep the entries in this PostgreSQL database: postgres://USER@HOST/NAME"
    )]
    pub database: Option<String>,
}

impl DatabaseArgs {
    /// The database these arguments, or the configuration, name; it need not be there.
    ///
    /// # Errors
    /// A [`Failure`] if two are named, or the URL is none of PostgreSQL.
    pub fn database(&self, session: &Session) -> Result<Database, Failure> {
        self.named(session)
    }

    /// The same for those who only read: it must be there.
    ///
    /// # Errors
    /// A [`Failure`] as [`DatabaseArgs::database`] has them, or if there is no database in the directory.
    pub fn existing(&self, session: &Session) -> Result<Database, Failure> {
        let database = self.named(session)?;
        match &database {
            Database::Sqlite(file) if !file.exists() => {
                let fact = format!("there is no Marketplace's data: {} does not exist", shown(file));
                Err(Failure::new(Status::File, fact)
                    .with_hint("--data DIR says where it is, --database URL that it is in PostgreSQL"))
            }
            _ => Ok(database),
        }
    }

    fn named(&self, session: &Session) -> Result<Database, Failure> {
        let (mut data, mut database) = (self.data.as_deref(), self.database.as_deref());
        // What is on the command line covers the environment, and both cover the configuration.
        match (session.from_variable("data"), session.from_variable("database")) {
            (true, false) if database.is_some() => data = None,
            (false, true) if data.is_some() => database = None,
            _ => {}
        }
        if let Some(url) = database
            && !session.from_variable("database")
            && password_in_url(url).is_some()
        {
            session.warn(
                "everybody on this machine can read the password in --database; \
                 STRATUSLAB_MARKETPLACE_DATABASE, the configuration and PGPASSFILE keep it",
            );
        }
        match (data, database) {
            (Some(_), Some(_)) => Err(both()),
            (Some(folder), None) => Ok(Database::Sqlite(folder.join(FILE))),
            (None, Some(url)) => postgres(url),
            (None, None) => configured(&session.config()?.marketplace),
        }
    }
}

/// What the configuration says, or where entries are if it says nothing.
fn configured(config: &MarketplaceConfig) -> Result<Database, Failure> {
    match (&config.data, &config.database) {
        (Some(_), Some(_)) => Err(both()),
        (Some(folder), None) => Ok(Database::Sqlite(folder.join(FILE))),
        (None, Some(url)) => postgres(url.as_str()),
        (None, None) => Ok(Database::Sqlite(usual_folder()?.join(FILE))),
    }
}

fn both() -> Failure {
    Failure::new(Status::Usage, "two places are named for the entries: a data directory and a database")
        .with_hint("one of --data and --database, and of their variables and keys, is enough")
}

/// A PostgreSQL's URL; what it holds is not repeated, since it may be a password.
fn postgres(url: &str) -> Result<Database, Failure> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Database::Postgres(Password::new(url.to_owned())))
    } else {
        Err(Failure::new(Status::Usage, "the database is not given as postgres://…").with_hint(
            "postgres://USER@HOST/NAME; --data DIR keeps entries in a directory without PostgreSQL",
        ))
    }
}

/// Where the entries are unless somebody says otherwise: where systemd has the state of its service, else
/// with the user's other data.
fn usual_folder() -> Result<PathBuf, Failure> {
    // Several are separated by colons (systemd.exec(5)); the unit of this server has one.
    if let Some(folder) = env::var_os("STATE_DIRECTORY").filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    match dirs::data_dir() {
        Some(folder) => Ok(folder.join("stratuslab").join("marketplace")),
        None => Err(Failure::new(Status::Usage, "there is no home directory to keep the entries in")
            .with_hint("--data DIR says where they are kept")),
    }
}

/// Why a database cannot be opened, or no longer used.
pub fn failure(database: &Database, error: &StoreError) -> Failure {
    match database {
        Database::Sqlite(file) => {
            Failure::new(Status::File, format_args!("cannot use the data in {}: {error}", shown(file)))
                .with_hint("--data DIR says where the entries are kept")
        }
        Database::Postgres(_) => Failure::new(Status::Network, error)
            .with_hint("--database, or its variable or key, says where it is, and as whom to log in"),
    }
}
