//! How commands reach a Marketplace and images on the web: arguments, configuration, and what
//! failures lead to.

mod failure;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;

pub(super) use failure::DOWNLOAD;

use super::{Failure, Session, Status, input, shown, text};
use crate::{
    config::{self, Config},
    credentials::{Credentials, Password},
    http::ConnectionOptions,
    marketplace::{Client, ClientIdentity, ClientOptions, Endpoint, Login},
    remote::RemoteOptions,
};

/// The Marketplace that is used when none is named (C35: later ones have a path prefix).
pub const DEFAULT_ENDPOINT: &str = "https://marketplace.stratuslab.eu";

/// The options of commands that talk to a Marketplace.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network options")]
pub struct NetworkArgs {
    /// Base URL of the Marketplace; https if it names no scheme.
    // A text here and parsed below: clap would repeat a password in it.
    #[arg(
        long,
        value_name = "URL",
        env = "STRATUSLAB_MARKETPLACE_ENDPOINT",
        help = format!("Base URL of the Marketplace; https if it names no scheme [default: {DEFAULT_ENDPOINT}]")
    )]
    pub marketplace_endpoint: Option<String>,
    /// Give up on an entry after this time, retries included, and on an image once nothing has come of it
    /// for so long [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = config::timeout)]
    pub timeout: Option<Duration>,
    /// How it is connected to.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// The options of commands that connect to any server.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network options")]
pub struct ConnectionArgs {
    /// Trust the CA certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Trust the CA certificates in the files of this directory instead of the system's
    #[arg(long, value_name = "DIR")]
    pub ca_path: Option<PathBuf>,
    /// Accept any server: what is sent can be read and changed on the way
    #[arg(long)]
    pub insecure_no_tls_verify: bool,
}

impl NetworkArgs {
    /// The client these arguments and the configuration ask for, and warnings about it.
    ///
    /// # Errors
    /// A [`Failure`] if the endpoint is no URL, or certificates cannot be used.
    pub fn client(&self, session: &Session) -> Result<Client, Failure> {
        self.client_at(None, session)
    }

    /// The same, but for the Marketplace at `endpoint` if there is one, as in the URL of an entry.
    ///
    /// # Errors
    /// As for [`NetworkArgs::client`].
    pub fn client_at(&self, endpoint: Option<Endpoint>, session: &Session) -> Result<Client, Failure> {
        let config = session.config()?;
        let configured = config.marketplace_endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT);
        let endpoint = match endpoint {
            Some(endpoint) => endpoint,
            None => self.marketplace_endpoint.as_deref().unwrap_or(configured).parse()?,
        };
        let secrets = Secrets::of(config)?;
        let secrets =
            if secrets.are_for(&endpoint, configured, session)? { secrets } else { Secrets::default() };
        let mut options = ClientOptions {
            identity: secrets.identity()?,
            login: secrets.login(),
            ..ClientOptions::default()
        };
        let timeout = self.timeout.or(config.timeout).unwrap_or(options.total_timeout);
        options.total_timeout = timeout;
        options.connection = self.connection.options(session, timeout)?;
        if endpoint.is_cleartext() && options.login.is_some() {
            session.warn(format_args!("user and password go unencrypted to {endpoint}"));
        }
        let client = Client::new(endpoint, options)?;
        let note = retry_note(session);
        Ok(client.on_retry(move |error, pause| note(error, pause)))
    }
}

impl ConnectionArgs {
    /// What these arguments and the configuration ask for, and a warning about it; no connection
    /// takes longer than `timeout`.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be read.
    pub fn options(&self, session: &Session, timeout: Duration) -> Result<ConnectionOptions, Failure> {
        let config = session.config()?;
        if self.insecure_no_tls_verify {
            session.warn(
                "the server's certificate is not verified: what is sent can be read and changed on the way",
            );
        }
        let default = ConnectionOptions::default();
        Ok(ConnectionOptions {
            connect_timeout: default.connect_timeout.min(timeout),
            ca_file: self.ca_file.clone().or_else(|| config.ca_file.clone()),
            ca_folder: self.ca_path.clone().or_else(|| config.ca_path.clone()),
            insecure_no_tls_verify: self.insecure_no_tls_verify,
            ..default
        })
    }
}

/// The options of commands that fetch images. What the user shows a Marketplace of themselves, login
/// and certificate, is never shown there.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network options")]
pub struct RemoteArgs {
    /// Give up on an image at a URL once nothing has come of it for this time [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = config::timeout)]
    pub timeout: Option<Duration>,
    /// How servers are connected to.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

impl RemoteArgs {
    /// What these arguments and the configuration ask for, and a warning about it.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be read.
    pub fn options(&self, session: &Session) -> Result<RemoteOptions, Failure> {
        let default = RemoteOptions::default();
        let timeout = self.timeout.or(session.config()?.timeout).unwrap_or(default.stall_timeout);
        let note = retry_note(session);
        Ok(RemoteOptions {
            connection: self.connection.options(session, timeout)?,
            stall_timeout: timeout,
            on_retry: Some(Arc::new(move |error, pause| note(error, pause))),
            ..default
        })
    }
}

/// Notes that a request is sent again, unless nobody wants to know.
pub(super) fn retry_note(session: &Session) -> impl Fn(&dyn fmt::Display, Duration) + Send + Sync + 'static {
    let quiet = session.quiet();
    move |error, pause| {
        if !quiet {
            text::line(format_args!("note: {error}; trying again in {:.1} s", pause.as_secs_f32()));
        }
    }
}

/// What the configuration has for its own Marketplace and nobody else: whoever can have a command
/// talk to another one would otherwise be given it.
#[derive(Default)]
struct Secrets<'a> {
    user: Option<(&'a String, &'a Password)>,
    /// Certificate and key.
    client: Option<(&'a Path, &'a Path)>,
}

impl<'a> Secrets<'a> {
    fn of(config: &'a Config) -> Result<Self, Failure> {
        let user = both(("username", config.username.as_ref()), ("password", config.password.as_ref()))?;
        let (certificate, key) = (config.client_certificate.as_deref(), config.client_key.as_deref());
        Ok(Self { user, client: both(("client_certificate", certificate), ("client_key", key))? })
    }

    /// Whether they may be shown at `endpoint`, the origin (RFC 6454) of the `configured` one;
    /// warns if not.
    fn are_for(&self, endpoint: &Endpoint, configured: &str, session: &Session) -> Result<bool, Failure> {
        let what = match (self.user, self.client) {
            (None, None) => return Ok(true),
            (Some(_), None) => "user and password",
            (None, Some(_)) => "client certificate",
            (Some(_), Some(_)) => "user, password and client certificate",
        };
        let configured: Endpoint = configured.parse()?;
        let same = endpoint.same_origin(&configured);
        if !same {
            session.warn(format_args!(
                "not sending the configuration's {what} to {endpoint}: its Marketplace is {configured}"
            ));
        }
        Ok(same)
    }

    fn login(&self) -> Option<Login> {
        self.user.map(|(user, password)| Login { user: user.clone(), password: password.clone() })
    }

    fn identity(&self) -> Result<Option<ClientIdentity>, Failure> {
        let Some((certificate, key)) = self.client else { return Ok(None) };
        let [certificates, keys] = [input::read_credentials(certificate)?, input::read_credentials(key)?];
        let credentials = Credentials::from_pem(&certificates, &keys, None).map_err(|cause| {
            let fact = format!("cannot use {} with {}: {cause}", shown(certificate), shown(key));
            Failure::new(Status::Credentials, fact)
                .with_hint("client_certificate and client_key are PEM files, the key unencrypted")
        })?;
        let chain = std::iter::once(credentials.certificate()).chain(credentials.chain());
        // A PEM file has no key on a token.
        let Some(key) = credentials.key() else { return Ok(None) };
        Ok(Some(ClientIdentity::new(chain.map(crate::Certificate::der), key)?))
    }
}

/// Two keys that say nothing without each other.
fn both<A, B>(a: (&str, Option<A>), b: (&str, Option<B>)) -> Result<Option<(A, B)>, Failure> {
    match (a.1, b.1) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(a.0, b.0)),
        (None, Some(_)) => Err(half(b.0, a.0)),
    }
}

fn half(given: &str, missing: &str) -> Failure {
    Failure::new(Status::Usage, format_args!("the configuration has {given} but no {missing}"))
}

#[cfg(test)]
mod tests;
