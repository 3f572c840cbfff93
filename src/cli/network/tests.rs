//! What arguments and configuration come to, and what is said of failures.

use std::fs;

use clap::Parser;
use reqwest::StatusCode;

use super::*;
use crate::{
    cli::CommonArgs,
    http::{Awaited, HttpFailure, OptionsError},
    remote::{ImageUrl, RemoteError},
};

/// A command that fetches images.
#[derive(Parser)]
struct Fetch {
    #[command(flatten)]
    remote: RemoteArgs,
}

fn options(configuration: &str, args: &[&str]) -> RemoteOptions {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, configuration).unwrap();
    let session = Session::new(&CommonArgs { config: Some(config), quiet: 2, ..CommonArgs::default() });
    Fetch::parse_from([&["fetch"], args].concat()).remote.options(&session).unwrap()
}

#[test]
fn images_are_fetched_as_configured_but_without_an_identity() {
    let seconds = Duration::from_secs;
    let default = options("", &[]);
    assert_eq!((default.stall_timeout, default.connection.connect_timeout), (seconds(60), seconds(10)));
    assert!(!default.connection.insecure_no_tls_verify && default.on_retry.is_some());

    let configured = "timeout = 5\nca_file = \"/ca.pem\"\nca_path = \"/cas\"\nusername = \"jane\"\n\
                      password = \"secret\"\nclient_certificate = \"/absent\"\nclient_key = \"/absent\"";
    let from_file = options(configured, &[]);
    assert_eq!((from_file.stall_timeout, from_file.connection.connect_timeout), (seconds(5), seconds(5)));
    assert_eq!(from_file.connection.ca_file.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(from_file.connection.ca_folder.as_deref(), Some(Path::new("/cas")));

    let args = ["--timeout=7", "--ca-file=a", "--ca-path=b", "--insecure-no-tls-verify"];
    let given = options(configured, &args);
    assert_eq!(given.stall_timeout, seconds(7));
    assert_eq!(given.connection.ca_file.as_deref(), Some(Path::new("a")));
    assert_eq!(given.connection.ca_folder.as_deref(), Some(Path::new("b")));
    assert!(given.connection.insecure_no_tls_verify);
}

#[test]
fn failures_of_images_have_their_status_and_hint() {
    let url = || "https://example.org/image".to_owned();
    let refused = |status| RemoteError::Refused { url: url(), status, reason: String::new() };
    let stalled = HttpFailure::Timeout { url: url(), awaited: Awaited::Data, limit: Duration::from_mins(1) };
    for (error, status, hint) in [
        (stalled.into(), Status::Network, Some("--timeout SECONDS allows it more time")),
        (refused(StatusCode::UNAUTHORIZED), Status::Network, Some("download the image, then name the file")),
        (refused(StatusCode::NOT_FOUND), Status::Network, Some("check the URL")),
        (refused(StatusCode::INTERNAL_SERVER_ERROR), Status::Network, None),
        (
            RemoteError::Elsewhere { url: url(), before: url(), after: url() },
            Status::Network,
            Some("name the URL of the image itself"),
        ),
        (OptionsError::CaMissing { path: "/ca".into() }.into(), Status::File, None),
    ] {
        let failure = Failure::from(error);
        assert_eq!((failure.status(), failure.hint()), (status, hint), "{}", failure.fact());
    }
    let error = "https://jane:secret@example.org/image".parse::<ImageUrl>().unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.status(), Status::Usage);
    let fact = "invalid URL 'https://…@example.org/image': a user or password does not belong in it";
    assert_eq!(failure.fact(), fact);
}
