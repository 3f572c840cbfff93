//! Sending mail (RFC 5321) to endorsers and the administrator.

mod server;

use std::{sync::Arc, time::Duration};

use askama::Template;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Body, Mailbox,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use openssl::rand::rand_bytes;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    Email,
    checksum::hex,
    http::{self, OptionsError, printable},
};

use super::settings::{Mail, PublicUrl};

pub use server::{MailServer, MailServerError, Security};

/// How long a mail server may take for one mail, in all, if nothing else is set: whoever uploads waits for it.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// How many mails are sent at a time; further ones wait.
const MAX_CONNECTIONS: usize = 8;
/// Longest line of a mail, in octets without its end (RFC 5322 §2.1.1).
const MAX_LINE: usize = 998;

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer(Arc<Shared>);

struct Shared {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    admin: Email,
    from: Mailbox,
    /// What is behind the `@` of Message-ID.
    host: String,
    patience: Duration,
    connections: Semaphore,
}

/// What is in a mail: plain text, nothing that a stranger could choose the words of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Lines that end with a line feed.
    pub body: String,
}

impl Letter {
    /// What a template of `templates/mail` says.
    ///
    /// # Errors
    /// [`MailError`] if it cannot be written.
    pub fn new(subject: &str, template: &impl Template) -> Result<Self, MailError> {
        let body = template.render().map_err(|error| MailError::Unavailable { cause: error.to_string() })?;
        Ok(Self { subject: subject.to_owned(), body: body + "\n" })
    }
}

/// Why no mail can be sent at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailerError {
    /// The file of CA certificates is of no use.
    #[error(transparent)]
    CaFile(#[from] OptionsError),
    /// TLS cannot be set up.
    #[error("cannot set up TLS to the mail server: {cause}")]
    Tls {
        /// What is wrong.
        cause: String,
    },
    /// A user without a password, or a password without a user.
    #[error("the mail server wants a user and a password, or neither; there is no {missing}")]
    Login {
        /// What is missing.
        missing: &'static str,
    },
    /// Mail from this address is none.
    #[error("{address} is no address that mail can come from: {cause}")]
    Admin {
        /// The address.
        address: Email,
        /// What is wrong.
        cause: String,
    },
}

/// Why a mail was not taken by the mail server. What it says is for the log alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// Entries may carry addresses that mail cannot be sent to (`a..b@-`).
    #[error("no mail can be sent to {to}")]
    Address {
        /// The address.
        to: Email,
    },
    /// The mail server refuses it for good.
    #[error("the mail server refuses mail to {to}")]
    Refused {
        /// The address.
        to: Email,
        /// The server's answer.
        cause: String,
    },
    /// The mail server is gone, too slow, not who it should be, or asks to try again.
    #[error("no mail can be sent now; try again later")]
    Unavailable {
        /// What went wrong.
        cause: String,
    },
}

impl MailError {
    /// What went wrong, for the log.
    pub fn cause(&self) -> &str {
        match self {
            Self::Address { .. } => "not an address of RFC 5321",
            Self::Refused { cause, .. } | Self::Unavailable { cause } => cause,
        }
    }
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("admin", &self.0.admin).finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer; nothing is sent or asked yet.
    ///
    /// # Errors
    /// [`MailerError`] if it could never send anything.
    pub fn new(mail: &Mail, public_url: Option<&PublicUrl>) -> Result<Self, MailerError> {
        let server = &mail.server;
        let tls = |trusted| tls_parameters(server.host(), trusted);
        let ca = mail.ca_file.as_ref().map(|path| http::ca_file(path)).transpose()?;
        let tls = match server.security() {
            Security::Tls => Tls::Wrapper(tls(ca)?),
            // Nobody can listen on the way to this machine itself; servers there have certificates that nobody
            // signed, if any.
            Security::StartTls if server.is_loopback() && ca.is_none() => Tls::None,
            Security::StartTls => Tls::Required(tls(ca)?),
            Security::InsecurePlain => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host())
            .port(server.port())
            .tls(tls)
            .timeout(Some(mail.timeout));
        match (&mail.user, &mail.password) {
            (Some(user), Some(password)) => {
                transport =
                    transport.credentials(Credentials::new(user.clone(), password.as_str().to_owned()));
            }
            (None, None) => {}
            (Some(_), None) => return Err(MailerError::Login { missing: "password" }),
            (None, Some(_)) => return Err(MailerError::Login { missing: "user" }),
        }
        let from = address(&mail.admin)
            .map_err(|cause| MailerError::Admin { address: mail.admin.clone(), cause })?;
        let host =
            public_url.and_then(|url| url.origin.split_once("://")).map_or(from.domain(), |(_, host)| host);
        // A port is none of a Message-ID's business (RFC 5322 §3.6.4).
        let host = host.split(':').next().unwrap_or_default().to_owned();
        Ok(Self(Arc::new(Shared {
            transport: transport.build(),
            admin: mail.admin.clone(),
            host,
            from: Mailbox::new(Some("StratusLab Marketplace".to_owned()), from),
            patience: mail.timeout,
            connections: Semaphore::new(MAX_CONNECTIONS),
        })))
    }

    /// Who mail comes from, and who is told of abuse.
    pub fn admin(&self) -> &Email {
        &self.0.admin
    }

    /// Sends a mail; when this returns, the mail server has taken it over (RFC 5321 §6.1).
    ///
    /// # Errors
    /// [`MailError`], after [`Mail::timeout`] at the latest.
    pub async fn send(&self, to: &Email, letter: Letter) -> Result<(), MailError> {
        let message = self.message(to, letter)?;
        let shared = &self.0;
        let sending = async {
            let _connection = shared.connections.acquire().await.ok();
            shared.transport.send(message).await
        };
        match timeout(shared.patience, sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let cause = told(&error);
                let to = to.clone();
                Err(if error.is_permanent() {
                    MailError::Refused { to, cause }
                } else {
                    MailError::Unavailable { cause }
                })
            }
            Err(_) => {
                let cause = format!("it took more than {} s", shared.patience.as_secs());
                Err(MailError::Unavailable { cause })
            }
        }
    }

    fn message(&self, to: &Email, letter: Letter) -> Result<Message, MailError> {
        let refused = |cause: lettre::error::Error| MailError::Unavailable { cause: cause.to_string() };
        let recipient = address(to).map_err(|_| MailError::Address { to: to.clone() })?;
        let mut random = [0; 16];
        rand_bytes(&mut random).map_err(|cause| MailError::Unavailable { cause: cause.to_string() })?;
        let mut message = Message::builder()
            .from(self.0.from.clone())
            .to(Mailbox::new(None, recipient))
            .subject(letter.subject)
            .message_id(Some(format!("<{}@{}>", hex(&random), self.0.host)))
            .header(ContentType::TEXT_PLAIN)
            .body(body(letter.body))
            .map_err(refused)?;
        // Nobody's out-of-office note is wanted (RFC 3834 §5).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}

fn address(email: &Email) -> Result<Address, String> {
    email.as_str().parse::<Address>().map_err(|error| error.to_string())
}

/// As it is, so that links are whole in whatever shows the mail; encoded only if it must be (RFC 5322 §2.1.1,
/// RFC 2045 §2.7), which `lettre` does with lines of 76 characters already.
fn body(text: String) -> Body {
    if text.is_ascii() && !text.contains(['\0', '\r']) && text.lines().all(|line| line.len() <= MAX_LINE) {
        let lines = text.replace('\n', "\r\n").into_bytes();
        return Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit);
    }
    Body::new(text)
}

/// What the server, or the way to it, says.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    printable(&text)
}

/// TLS to `host`, checked against these CA certificates (in DER) instead of the system's.
fn tls_parameters(host: &str, ca: Option<Vec<Vec<u8>>>) -> Result<TlsParameters, MailerError> {
    let unusable = |error| MailerError::Tls { cause: told(&error) };
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(certificates) = ca {
        builder = builder.certificate_store(CertificateStore::None);
        for der in certificates {
            builder = builder.add_root_certificate(Certificate::from_der(der).map_err(unusable)?);
        }
    }
    builder.build().map_err(unusable)
}
