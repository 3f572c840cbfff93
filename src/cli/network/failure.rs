//! What failures on the network lead to: a status, and a hint where there is something to do.

use std::env;

use reqwest::StatusCode;

use crate::{
    cli::{Failure, Status, shown, text},
    http::{Awaited, HttpFailure, OptionsError},
    marketplace::{ClientError, EndpointError},
    remote::{ImageUrlError, RemoteError},
    tsp::{StampError, TimestampError},
};

/// What always helps where a server does not let just anyone read, or cannot be relied on.
pub(in crate::cli) const DOWNLOAD: &str = "download the image, then name the file";
const TLS_EXPECTED: &str = "does this server speak https instead of http?";

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        let failure = Self::new(Status::Usage, &error);
        match error {
            EndpointError::UserInfo => {
                failure.with_hint("put username and password in the configuration file")
            }
            _ => failure,
        }
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        match error {
            OptionsError::CaUnreadable { path, cause } => Self::new(
                Status::File,
                format_args!("cannot read CA certificates from {}: {}", shown(&path), text::reason(&cause)),
            ),
            OptionsError::CaMissing { path } => {
                Self::new(Status::File, format_args!("no CA certificate in {}", shown(&path)))
            }
            OptionsError::Identity { .. } => Self::new(Status::Credentials, error),
            error => Self::new(Status::Network, error),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = Self::new(Status::Network, &error);
        match hint(&error) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<ImageUrlError> for Failure {
    fn from(error: ImageUrlError) -> Self {
        let failure = Self::new(Status::Usage, &error);
        match error {
            ImageUrlError::UserInfo { .. } => failure.with_hint(DOWNLOAD),
            _ => failure,
        }
    }
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        let hint = remote_hint(&error);
        let failure = match error {
            RemoteError::Options(error) => return error.into(),
            RemoteError::Changed { .. } => Self::new(Status::No, error),
            error => Self::new(Status::Network, error),
        };
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<TimestampError> for Failure {
    fn from(error: TimestampError) -> Self {
        let hint = match &error {
            TimestampError::Http(failure) => http_hint(failure, "--timestamp"),
            TimestampError::Refused { status, reason, .. } => match status.as_u16() {
                404 | 405 | 410 => Some("check --timestamp".to_owned()),
                _ => refusal_hint(*status, reason).map(str::to_owned),
            },
            TimestampError::Redirected { .. } => Some("name its new address with --timestamp".to_owned()),
            TimestampError::TooManyRedirects { .. } | TimestampError::NotAReply { .. } => {
                Some("check --timestamp".to_owned())
            }
            TimestampError::Stamp { cause, .. } if matches!(**cause, StampError::Malformed(_)) => {
                Some("check --timestamp: it has to be the URL of an RFC 3161 authority".to_owned())
            }
            _ => None,
        };
        let failure = Self::new(Status::Network, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

fn remote_hint(error: &RemoteError) -> Option<String> {
    let fixed = match error {
        RemoteError::Http(failure) => return http_hint(failure, "the URL"),
        RemoteError::Refused { status, reason, .. } => match status.as_u16() {
            401 | 403 => DOWNLOAD,
            404 | 410 => "check the URL",
            _ => refusal_hint(*status, reason)?,
        },
        RemoteError::Redirected { .. } | RemoteError::Elsewhere { .. } => "name the URL of the image itself",
        RemoteError::TooManyRedirects { .. } => "check the URL",
        RemoteError::Unbounded { .. } | RemoteError::NotResumable { .. } | RemoteError::Unproven { .. } => {
            DOWNLOAD
        }
        RemoteError::Changed { .. } => "try again once the image there is complete",
        _ => return None,
    };
    Some(fixed.to_owned())
}

fn hint(error: &ClientError) -> Option<String> {
    const PREFIX: &str =
        "check --marketplace-endpoint: some Marketplaces need a path prefix such as /marketplace";
    let fixed = match error {
        ClientError::Http(HttpFailure::Tls { cause, .. }) if cause.contains("certificate required") => {
            "this server wants a client certificate: set client_certificate and client_key in the configuration file"
        }
        ClientError::Http(failure) => return http_hint(failure, "--marketplace-endpoint"),
        ClientError::CrossOrigin { .. } | ClientError::UploadRedirected { .. } => {
            "if the Marketplace has moved there, name its new address with --marketplace-endpoint"
        }
        ClientError::Refused { status, reason, .. } => match status.as_u16() {
            400 if reason.contains("older than latest entry") => {
                "sign the document again, so that its endorsement is the newest"
            }
            401 => {
                "set username and password in the configuration file, beside the marketplace_endpoint they are for"
            }
            404 | 405
                if !reason.contains("metadata entry not found")
                    && !reason.contains("no metadata matching") =>
            {
                PREFIX
            }
            _ => return refusal_hint(*status, reason).map(str::to_owned),
        },
        ClientError::NotAMarketplace { .. } => PREFIX,
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// What to do about a failure on the way to the server that `place` names.
fn http_hint(failure: &HttpFailure, place: &str) -> Option<String> {
    let fixed = match failure {
        HttpFailure::Connect { .. } | HttpFailure::Timeout { awaited: Awaited::Connection, .. } => {
            return Some(match proxy_variables().as_slice() {
                [] => format!("check {place} and the network"),
                set => format!("check {place}, the network and the proxy in {}", set.join(", ")),
            });
        }
        HttpFailure::Proxy { .. } | HttpFailure::ProxyUnreachable { .. } => {
            return Some(format!(
                "the proxy is named in {}; NO_PROXY lists hosts to reach without it",
                proxy_variables().join(", ")
            ));
        }
        HttpFailure::Tls { cause, .. } if cause.contains("local issuer") || cause.contains("self") => {
            "if you know the CA of this server, name its certificate with --ca-file or --ca-path"
        }
        HttpFailure::Tls { cause, .. } if cause.contains("version number") => {
            "does this server speak http instead of https?"
        }
        HttpFailure::NotHttp { url, .. } | HttpFailure::ClosedHalfWay { url, unanswered: true, .. }
            if url.starts_with("http:") =>
        {
            TLS_EXPECTED
        }
        HttpFailure::Timeout { .. } => "--timeout SECONDS allows it more time",
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// What to do about a refusal that any server could send.
fn refusal_hint(status: StatusCode, reason: &str) -> Option<&'static str> {
    match status.as_u16() {
        // As nginx, Apache and Tomcat have it.
        400 if ["HTTPS port", "SSL-enabled", "requires TLS"].iter().any(|said| reason.contains(said)) => {
            Some(TLS_EXPECTED)
        }
        407 => Some("the proxy wants a user and a password: http://USER:PASSWORD@HOST:PORT in its variable"),
        _ => None,
    }
}

/// The variables that name a proxy and are set.
fn proxy_variables() -> Vec<&'static str> {
    let known = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    known.into_iter().filter(|name| env::var_os(name).is_some_and(|value| !value.is_empty())).collect()
}
