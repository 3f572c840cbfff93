//! Uploads and downloads over real sockets.

#[path = "../../examples/loopback-marketplace/server.rs"]
mod server;
pub(crate) mod tls;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use server::{Facts, Options, http::Request as Received};

use super::*;
use crate::http::{Awaited, ConnectionOptions, HttpFailure, RetryPolicy};

/// What the server was asked, in order.
type Log = Arc<Mutex<Vec<Received>>>;

const IDENTIFIER: &str = "LwcRbwCa1YSysY1wftQdAj6Bwoi";
/// A document that is no entry but enough for the judge below: the facts, separated by blanks.
const DOCUMENT: &str =
    "<e>LwcRbwCa1YSysY1wftQdAj6Bwoi you@example.org 2011-09-13T09:58:54Z 2999-01-01T00:00:00Z</e>";

fn options(faults: &[&str]) -> (Options, Log) {
    let log = Log::default();
    let kept = Arc::clone(&log);
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        prefix: "/marketplace".to_owned(),
        confirm: false,
        read_only: false,
        folder: None,
        tls: None,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        observe: Box::new(move |request| kept.lock().unwrap().push(request.clone())),
        judge: Box::new(|document| {
            let text = String::from_utf8_lossy(document).replace("<e>", "").replace("</e>", "");
            match text.split(' ').map(str::to_owned).collect::<Vec<_>>().as_slice() {
                [identifier, email, created, valid] => Ok(Facts {
                    identifier: identifier.clone(),
                    email: email.clone(),
                    created: created.clone(),
                    valid: Some(valid.clone()),
                    deprecated: false,
                }),
                _ => Err("no signature".to_owned()),
            }
        }),
    };
    (options, log)
}

/// Short pauses, and nothing taken from the environment.
fn quick() -> ClientOptions {
    ClientOptions {
        connection: ConnectionOptions {
            retry: RetryPolicy { first_pause: Duration::from_millis(1), ..RetryPolicy::default() },
            proxy_from_environment: false,
            ..ConnectionOptions::default()
        },
        ..ClientOptions::default()
    }
}

fn client(base: &str, options: ClientOptions) -> Client {
    Client::new(base.parse().unwrap(), options).unwrap()
}

/// A client of a fresh Marketplace with faults.
fn marketplace(faults: &[&str]) -> (Client, Log) {
    let (options, log) = options(faults);
    (client(&server::start(options).unwrap(), quick()), log)
}

fn upload(client: &Client) -> Result<Uploaded, ClientError> {
    client.post(DOCUMENT.as_bytes(), "computed".to_owned())
}

/// The newest entry, as it came.
fn download(client: &Client) -> Result<Vec<u8>, ClientError> {
    client.fetch(&IDENTIFIER.parse().unwrap(), &"you@example.org".parse().unwrap(), None)
}

#[test]
fn an_upload_sends_the_very_bytes_and_names_the_entry() {
    let (client, log) = marketplace(&[]);
    let uploaded = upload(&client).unwrap();
    let expected = format!(
        "{}/metadata/LwcRbwCa1YSysY1wftQdAj6Bwoi/you@example.org/2011-09-13T09:58:54Z",
        client.endpoint()
    );
    assert_eq!(uploaded.url, expected);
    assert_eq!((uploaded.state, uploaded.message.as_str()), (UploadState::Created, "metadata entry created"));
    let log = log.lock().unwrap();
    assert_eq!((log[0].method.as_str(), log[0].path.as_str()), ("POST", "/marketplace/metadata"));
    assert_eq!(log[0].header("content-type"), Some("application/xml"));
    assert_eq!(log[0].header("accept"), Some("application/xml"));
    assert_eq!(log[0].body, DOCUMENT.as_bytes());
}

#[test]
fn c15_a_pending_confirmation_is_told_apart() {
    let (options, _) = options(&[]);
    let base = server::start(Options { confirm: true, ..options }).unwrap();
    let uploaded = upload(&client(&base, quick())).unwrap();
    assert_eq!((uploaded.state, uploaded.url.as_str()), (UploadState::Pending, "computed"));
    assert_eq!(uploaded.message, "confirmation email sent for new metadata entry");
}

#[test]
fn c15_the_entry_is_where_the_server_says() {
    for (fault, path) in [
        ("created:/elsewhere/x", Some("/elsewhere/x")),
        ("created:x", Some("/marketplace/x")),
        ("relative:metadata/a/b", Some("/marketplace/metadata/a/b")),
        ("created", None),
        ("created:javascript:alert(1)", None),
        ("created:http://[broken", None),
        ("created:https://jane@example.org/", None),
    ] {
        let (client, _) = marketplace(&[fault]);
        let url = upload(&client).unwrap().url;
        let origin = client.endpoint().as_str().strip_suffix("/marketplace").unwrap();
        assert_eq!(url, path.map_or("computed".to_owned(), |path| format!("{origin}{path}")), "{fault}");
    }
}

#[test]
fn c29_a_refusal_tells_status_and_reason() {
    let (client, _) = marketplace(&[]);
    let error = client.post(b"nonsense", String::new()).unwrap_err();
    let url = client.endpoint();
    assert_eq!(
        error.to_string(),
        format!("{url}/metadata answers 400 Bad Request: invalid metadata: no signature")
    );
    assert!(!error.is_transient());
    let (options, _) = options(&[]);
    let base = server::start(Options { read_only: true, ..options }).unwrap();
    assert_eq!(
        upload(&super::tests::client(&base, quick())).unwrap_err().to_string(),
        format!("{base}/metadata answers 403 Forbidden: read-only repository")
    );
    for status in ["409", "413", "415", "500", "504"] {
        let (client, log) = marketplace(&[status; 4]);
        let ClientError::Refused { status: found, reason, .. } = upload(&client).unwrap_err() else {
            panic!("{status}")
        };
        assert_eq!((found.as_str(), reason.as_str()), (status, "Sign in: here"));
        assert_eq!(log.lock().unwrap().len(), if status == "504" { 4 } else { 1 });
    }
}

#[test]
fn c18_an_upload_is_repeated_after_307_and_308_only() {
    for status in ["307", "308"] {
        let (client, log) = marketplace(&[&format!("{status}:/marketplace/metadata/")]);
        assert_eq!(upload(&client).unwrap().state, UploadState::Created);
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 2);
        assert_eq!((log[1].method.as_str(), log[1].body.as_slice()), ("POST", DOCUMENT.as_bytes()));
    }
    for status in ["301", "302", "303"] {
        let (client, log) = marketplace(&[&format!("{status}:/elsewhere")]);
        let error = upload(&client).unwrap_err();
        assert!(
            matches!(&error, ClientError::UploadRedirected { to, .. } if to.ends_with("/elsewhere")),
            "{error}"
        );
        assert_eq!(log.lock().unwrap().len(), 1);
    }
}

#[test]
fn c18_redirects_end_and_stay_at_their_origin() {
    let (loops, log) = marketplace(&["302:/marketplace/metadata"; 20]);
    assert!(matches!(download(&loops), Err(ClientError::TooManyRedirects { limit: 5, .. })));
    assert_eq!(log.lock().unwrap().len(), 6);

    let (other, others) = marketplace(&[]);
    let target = format!("307:{}/metadata", other.endpoint());
    let (client, _) = marketplace(&[target.as_str(), target.as_str()]);
    for error in [upload(&client).unwrap_err(), download(&client).unwrap_err()] {
        let ClientError::CrossOrigin { from, to } = error else { panic!("{error}") };
        assert_eq!(format!("{from}/marketplace"), client.endpoint().as_str());
        assert_eq!(format!("{to}/marketplace"), other.endpoint().as_str());
    }
    assert!(others.lock().unwrap().is_empty());
}

#[test]
fn c19_transient_failures_are_retried_and_the_last_answer_counts() {
    let (client, log) = marketplace(&["503", "502", "hang-up"]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let client = client.on_retry(move |error, _| kept.lock().unwrap().push(error.to_string()));
    assert_eq!(upload(&client).unwrap().message, "metadata entry created");
    assert_eq!(log.lock().unwrap().len(), 4);
    assert!(seen.lock().unwrap()[2].contains("closed the connection half-way"), "{seen:?}");

    let (client, _) = marketplace(&["503", "503", "500"]);
    assert!(matches!(download(&client), Err(ClientError::Refused { status, .. }) if status == 500));
}

#[test]
fn retry_after_beyond_the_time_left_ends_the_attempts() {
    let (client, log) = marketplace(&["503:3600"]);
    assert!(matches!(download(&client), Err(ClientError::Refused { status, .. }) if status == 503));
    assert_eq!(log.lock().unwrap().len(), 1);
    let (client, log) = marketplace(&["503:0"]);
    upload(&client).unwrap();
    assert_eq!(log.lock().unwrap().len(), 2);
}

#[test]
fn c31_the_real_cause_is_told_once() {
    // tcpmux: nobody listens there.
    let free = "127.0.0.1:1";
    let client = client(&format!("http://{free}"), quick());
    assert_eq!(
        upload(&client).unwrap_err().to_string(),
        format!("cannot connect to http://{free}/metadata: Connection refused")
    );
}

#[test]
fn broken_answers_are_named() {
    let (client, _) = marketplace(&["none", "half-way", "garbage", "huge", "page", "body:{}"]);
    upload(&client).unwrap();
    let half_way = download(&client).unwrap_err();
    assert!(
        matches!(half_way, ClientError::Http(HttpFailure::ClosedHalfWay { unanswered: false, .. })),
        "{half_way}"
    );
    let garbage = download(&client).unwrap_err();
    assert!(matches!(garbage, ClientError::Http(HttpFailure::NotHttp { .. })), "{garbage}");
    assert!(matches!(download(&client), Err(ClientError::TooLarge { limit: 10_551_296, .. })));
    let page = upload(&client).unwrap_err();
    assert!(
        matches!(&page, ClientError::NotAMarketplace { found, .. } if found == "Sign in: here"),
        "{page}"
    );
    // 200 is not what a Marketplace says to an upload, unless it names the entry.
    let other = upload(&client).unwrap_err();
    assert!(matches!(&other, ClientError::NotAMarketplace { found, .. } if found == "{}"), "{other}");
}

#[test]
fn c37_one_entry_is_fetched_whatever_its_status_and_never_one_of_several() {
    let (client, log) = marketplace(&[]);
    let older = DOCUMENT.replace("2999", "2012");
    let newer = older.replace("2011-09-13", "2011-09-14");
    for document in [&older, &newer] {
        client.post(document.as_bytes(), String::new()).unwrap();
    }
    assert_eq!(download(&client).unwrap(), newer.as_bytes());
    let fetch = |created: &str| {
        let created = Some(created.parse().unwrap());
        client.fetch(&IDENTIFIER.parse().unwrap(), &"you@example.org".parse().unwrap(), created)
    };
    assert_eq!(fetch("2011-09-13T09:58:54Z").unwrap(), older.as_bytes());
    let absent = fetch("2011-09-12T09:58:54Z").unwrap_err().to_string();
    assert!(absent.ends_with("answers 404 Not Found: metadata entry not found."), "{absent}");
    assert_eq!(log.lock().unwrap()[2].query, "status=all");

    let (client, _) =
        marketplace(&["none", "twice", "body:<metadata/>", "body:{}", "page", "body:<metadata><a>"]);
    upload(&client).unwrap();
    assert!(matches!(download(&client), Err(ClientError::EntryCount { count: 2, .. })));
    assert!(matches!(download(&client), Err(ClientError::EntryCount { count: 0, .. })));
    for _ in 0..3 {
        let error = download(&client).unwrap_err();
        assert!(matches!(error, ClientError::NotAMarketplace { .. }), "{error}");
    }
}

#[test]
fn slow_and_silent_servers_run_into_the_time_limit() {
    let (options, _) = options(&["slow", "silent"]);
    let base = server::start(options).unwrap();
    let client = client(&base, ClientOptions { total_timeout: Duration::from_millis(300), ..quick() });
    for _ in 0..2 {
        let error = download(&client).unwrap_err();
        assert!(
            matches!(error, ClientError::Http(HttpFailure::Timeout { awaited: Awaited::Answer, .. })),
            "{error}"
        );
    }
}

#[test]
fn a_login_goes_along_with_every_request_to_the_origin() {
    let (options, log) = options(&["307:/marketplace/metadata"]);
    let login =
        Login { user: "jane".to_owned(), password: crate::credentials::Password::new("secret".to_owned()) };
    let client = client(&server::start(options).unwrap(), ClientOptions { login: Some(login), ..quick() });
    upload(&client).unwrap();
    for request in log.lock().unwrap().iter() {
        assert_eq!(request.header("authorization"), Some("Basic amFuZTpzZWNyZXQ="));
    }
}
