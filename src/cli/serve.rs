//! How a Marketplace is set up: arguments, environment and configuration become [`Settings`].

mod mail;

use std::net::SocketAddr;

use clap::{Args, builder::BoolishValueParser};

use super::{
    Failure, Session, Status,
    database::DatabaseArgs,
    trust::{self, Configured, TrustArgs},
};
use crate::{
    config::{self, LogFormat, MarketplaceConfig, Size},
    http::HttpUrl,
    server::{
        anchors::LiveAnchors,
        settings::{MAX_ENTRY_BYTES, PublicUrl, Settings},
    },
    trust::Pin,
};

pub use mail::{ConfirmationArgs, MailArgs};

/// The options of `stratus-marketplace serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Where it is reached.
    #[command(flatten)]
    pub listening: ListenArgs,
    /// Where the entries are.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// What is taken.
    #[command(flatten)]
    pub uploads: UploadArgs,
    /// Who is trusted.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Who is asked.
    #[command(flatten)]
    pub confirmation: ConfirmationArgs,
    /// How.
    #[command(flatten)]
    pub mail: MailArgs,
    /// What queries may take.
    #[command(flatten)]
    pub queries: QueryArgs,
}

/// Where a Marketplace is reached, and by how many.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server options")]
pub struct ListenArgs {
    /// Listen at this address [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS:PORT", env = "STRATUSLAB_MARKETPLACE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Show the metrics at this address, and only there
    #[arg(long, value_name = "ADDRESS:PORT", env = "STRATUSLAB_MARKETPLACE_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where clients find it, with the path prefix of a proxy: <https://HOST/PREFIX>
    // A text: clap would repeat a password in it.
    #[arg(
        long,
        value_name = "URL",
        env = "STRATUSLAB_MARKETPLACE_PUBLIC_URL",
        help = "Where clients find it, with the path prefix of a proxy: https://HOST/PREFIX"
    )]
    pub public_url: Option<String>,
    /// Connections at a time [default: 16384]
    #[arg(long, value_name = "N", env = "STRATUSLAB_MARKETPLACE_MAX_CONNECTIONS", value_parser = number)]
    pub max_connections: Option<usize>,
    /// Give up a client that sends or takes nothing for this time [default: 30]
    #[arg(
        long,
        value_name = "SECONDS",
        env = "STRATUSLAB_MARKETPLACE_CLIENT_TIMEOUT",
        value_parser = config::timeout
    )]
    pub client_timeout: Option<std::time::Duration>,
    /// Let requests in progress take this time when asked to stop [default: 30]
    #[arg(
        long,
        value_name = "SECONDS",
        env = "STRATUSLAB_MARKETPLACE_SHUTDOWN_TIMEOUT",
        value_parser = config::timeout
    )]
    pub shutdown_timeout: Option<std::time::Duration>,
    /// How the log on standard error is written [default: text]
    #[arg(long, value_name = "FORMAT", env = "STRATUSLAB_MARKETPLACE_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// What a Marketplace takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Upload options")]
pub struct UploadArgs {
    /// Take no uploads
    #[arg(long, env = "STRATUSLAB_MARKETPLACE_READ_ONLY", value_parser = BoolishValueParser::new())]
    pub read_only: bool,
    /// Let anyone who can reach it supersede and deprecate anyone's entries
    #[arg(long, env = "STRATUSLAB_MARKETPLACE_OPEN", value_parser = BoolishValueParser::new())]
    pub open: bool,
    /// Largest upload, at most 10M [default: 10M]
    #[arg(long, value_name = "SIZE", env = "STRATUSLAB_MARKETPLACE_MAX_ENTRY_BYTES")]
    pub max_entry_bytes: Option<Size>,
    /// Take signatures with SHA-1, as old tools make them, and RSA keys down to 1024 bits
    #[arg(long, env = "STRATUSLAB_MARKETPLACE_ALLOW_SHA1", value_parser = BoolishValueParser::new())]
    pub allow_sha1: bool,
}

/// What queries may take.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Query options")]
pub struct QueryArgs {
    /// Longest time of a query [default: 10]
    #[arg(
        long,
        value_name = "SECONDS",
        env = "STRATUSLAB_MARKETPLACE_QUERY_TIMEOUT",
        value_parser = config::timeout
    )]
    pub query_timeout: Option<std::time::Duration>,
    /// Most memory of a query [default: 256M]
    #[arg(long, value_name = "SIZE", env = "STRATUSLAB_MARKETPLACE_QUERY_MEMORY")]
    pub query_memory: Option<Size>,
    /// Most results of a query [default: 100000]
    #[arg(long, value_name = "N", env = "STRATUSLAB_MARKETPLACE_QUERY_ROWS", value_parser = number)]
    pub query_rows: Option<usize>,
}

fn number(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "it is not a whole number above 0".to_owned())
}

/// The command with variables for options that other commands have without.
#[must_use]
pub fn adjusted(serve: clap::Command) -> clap::Command {
    serve
        .mut_arg("anchor_path", |arg| arg.env("STRATUSLAB_MARKETPLACE_CA_PATH"))
        .mut_arg("anchor_file", |arg| arg.env("STRATUSLAB_MARKETPLACE_CA_FILE"))
}

impl ServeArgs {
    /// What the arguments, the environment and the configuration ask for.
    ///
    /// # Errors
    /// A [`Failure`] if they contradict each other, something is missing, or anyone could do anything.
    pub fn settings(&self, session: &Session) -> Result<Settings, Failure> {
        let config = &session.config()?.marketplace;
        let Self { listening, uploads, queries, .. } = self;
        let public_url = public_url(listening.public_url.as_deref(), config)?;
        let anchors = live_anchors(&self.trust, config, session)?;
        let endorsers = pins(&self.trust.endorsed_by, config.endorsed_by.as_deref());
        let confirmation = self.confirmation.confirmation(config, session);
        let mail = self.mail.mail(config, session)?;
        let reminders = flag("reminders", self.mail.reminders, config.reminders, session);
        if let Some(what) = mail::purpose(confirmation.is_some(), reminders) {
            mail::suffices(what, mail.as_ref(), public_url.as_ref())?;
        }
        let names =
            endorsers.iter().chain(confirmation.iter().flat_map(|confirmation| &confirmation.not_for));
        names_need_anchors(names, anchors.is_some())?;
        let default = Settings::default();
        let max_entry_bytes = match uploads.max_entry_bytes.or(config.max_entry_bytes) {
            Some(size) => entry_bytes(size)?,
            None => default.max_entry_bytes,
        };
        let query_memory = queries.query_memory.or(config.query_memory);
        let query_memory = query_memory.map(|Size(bytes)| usize::try_from(bytes).unwrap_or(usize::MAX));
        let settings = Settings {
            listen: listening.listen.or(config.listen).unwrap_or(default.listen),
            metrics_listen: listening.metrics_listen.or(config.metrics_listen),
            read_only: flag("read_only", uploads.read_only, config.read_only, session),
            max_entry_bytes,
            allow_sha1: flag("allow_sha1", uploads.allow_sha1, config.allow_sha1, session),
            query_timeout: queries.query_timeout.or(config.query_timeout).unwrap_or(default.query_timeout),
            query_memory: query_memory.unwrap_or(default.query_memory),
            query_rows: queries.query_rows.or(config.query_rows).unwrap_or(default.query_rows),
            client_timeout: listening
                .client_timeout
                .or(config.client_timeout)
                .unwrap_or(default.client_timeout),
            shutdown: listening.shutdown_timeout.or(config.shutdown_timeout).unwrap_or(default.shutdown),
            max_connections: listening
                .max_connections
                .or(config.max_connections)
                .unwrap_or(default.max_connections),
            database: self.database.database(session)?,
            public_url,
            anchors,
            endorsers,
            confirmation,
            mail,
            reminders,
        };
        not_by_mistake(&settings, flag("open", uploads.open, config.open, session), session)?;
        Ok(settings)
    }

    /// How its log is written.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be read.
    pub fn log_format(&self, session: &Session) -> Result<LogFormat, Failure> {
        let configured = session.config()?.marketplace.log_format;
        Ok(self.listening.log_format.or(configured).unwrap_or_default())
    }
}

/// Who may endorse: the anchors and the endorsers that the arguments or the configuration name.
///
/// # Errors
/// A [`Failure`] if a file cannot be used, or there are names without anchors.
pub fn endorsers(args: &TrustArgs, session: &Session) -> Result<(Option<LiveAnchors>, Vec<Pin>), Failure> {
    let config = &session.config()?.marketplace;
    let anchors = live_anchors(args, config, session)?;
    let endorsers = pins(&args.endorsed_by, config.endorsed_by.as_deref());
    names_need_anchors(endorsers.iter(), anchors.is_some())?;
    Ok((anchors, endorsers))
}

/// A flag of the command line, or of a variable, which may say no, or else of the configuration.
pub(super) fn flag(argument: &str, given: bool, configured: Option<bool>, session: &Session) -> bool {
    given || !session.from_variable(argument) && configured.unwrap_or_default()
}

fn pins(given: &[Pin], configured: Option<&[Pin]>) -> Vec<Pin> {
    if given.is_empty() { configured.unwrap_or_default().to_vec() } else { given.to_vec() }
}

/// Where anchors of a Marketplace come from.
const NO_ANCHORS: &str = "--ca-path DIR or --ca-file FILE names the authorities that are trusted, as do these keys in [marketplace]";

fn configured(config: &MarketplaceConfig) -> Configured<'_> {
    Configured {
        path: config.ca_path.as_deref(),
        file: config.ca_file.as_deref(),
        crls: config.crl.as_deref().unwrap_or_default(),
        hint: NO_ANCHORS,
    }
}

/// Anchors for a server, which reads them again.
fn live_anchors(
    args: &TrustArgs,
    config: &MarketplaceConfig,
    session: &Session,
) -> Result<Option<LiveAnchors>, Failure> {
    let Some(files) = args.files_over(&configured(config))? else { return Ok(None) };
    let ignore_crls = files.ignore_crls;
    let anchors = LiveAnchors::read(files)?;
    trust::warn(&anchors.current(), ignore_crls, session);
    Ok(Some(anchors))
}

/// Anyone can make a certificate with any name in it (design decision 4): a list with names and without
/// anchors would let nobody in.
fn names_need_anchors<'a>(mut pins: impl Iterator<Item = &'a Pin>, anchors: bool) -> Result<(), Failure> {
    match pins.find(|pin| !matches!(pin, Pin::Fingerprint(_))) {
        Some(pin) if !anchors => {
            let fact = format!("'{pin}' is a name, which counts only if there are trust anchors");
            Err(Failure::new(Status::Usage, fact).with_hint(NO_ANCHORS))
        }
        _ => Ok(()),
    }
}

fn public_url(given: Option<&str>, config: &MarketplaceConfig) -> Result<Option<PublicUrl>, Failure> {
    let usage =
        |error: &dyn std::fmt::Display| Failure::new(Status::Usage, format_args!("public URL: {error}"));
    let url = match given {
        Some(given) => Some(given.parse::<HttpUrl>().map_err(|error| usage(&error))?),
        None => config.public_url.clone(),
    };
    url.map(|url| PublicUrl::try_from(&url).map_err(|error| usage(&error))).transpose()
}

fn entry_bytes(Size(bytes): Size) -> Result<usize, Failure> {
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= MAX_ENTRY_BYTES).ok_or_else(|| {
        let fact = format!("{bytes} bytes are more than an entry may have: {MAX_ENTRY_BYTES}");
        Failure::new(Status::Usage, fact).with_hint("no larger one is ever verified (--max-entry-bytes)")
    })
}

/// On any address but loopback, somebody must have said who may supersede whose entries.
fn not_by_mistake(settings: &Settings, open: bool, session: &Session) -> Result<(), Failure> {
    let guarded = settings.anchors.is_some() || settings.confirmation.is_some();
    if settings.read_only || guarded || open {
        return Ok(());
    }
    if settings.listen.ip().is_loopback() {
        // A proxy may be there for all the world.
        if let Some(url) = &settings.public_url {
            session.warn(format_args!(
                "anyone who reaches {url} can supersede and deprecate another's entry; --open says that this is meant"
            ));
        }
        return Ok(());
    }
    let fact = format!(
        "not listening at {}: anyone who reaches it could supersede or deprecate another's entry",
        settings.listen
    );
    Err(Failure::new(Status::Usage, fact).with_hint(
        "trust anchors (--ca-path, --ca-file) or --confirm-email prevent it; --read-only takes no uploads, \
         --open lets it happen",
    ))
}
