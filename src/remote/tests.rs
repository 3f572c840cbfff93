//! Transfers over real sockets, from servers that do what they should and that do not.

mod broken;
mod resumed;
mod server;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use server::{Act, Log, Request, answer, chunked, start};

use super::*;
use crate::http::{Awaited, HttpFailure, RetryPolicy};

const ETAG: &str = "ETag: \"one\"";

/// An object of so many bytes that repeats nowhere near.
fn object(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap()).collect()
}

/// All of an object, with some headers, cut after so many bytes.
fn cut(object: &[u8], headers: &str, at: usize) -> Vec<u8> {
    let headers = format!("Content-Length: {}\n{headers}", object.len());
    answer("200 OK", headers.trim_end(), &object[..at])
}

fn whole(object: &[u8], headers: &str) -> Vec<u8> {
    cut(object, headers, object.len())
}

/// The object from `start` on, cut at `end`.
fn part(object: &[u8], headers: &str, start: usize, end: usize) -> Vec<u8> {
    let total = object.len();
    let headers = format!(
        "Content-Length: {}\nContent-Range: bytes {start}-{}/{total}\n{headers}",
        total - start,
        total - 1
    );
    answer("206 Partial Content", headers.trim_end(), &object[start..end])
}

/// Short pauses, and nothing taken from the environment.
fn quick() -> RemoteOptions {
    let retry = RetryPolicy { first_pause: Duration::from_millis(1), ..RetryPolicy::default() };
    let connection =
        ConnectionOptions { retry, proxy_from_environment: false, ..ConnectionOptions::default() };
    RemoteOptions { connection, stall_timeout: Duration::from_secs(20), ..RemoteOptions::default() }
}

fn impatient(stall_timeout: Duration) -> RemoteOptions {
    let mut options = RemoteOptions { stall_timeout, ..quick() };
    options.connection.retry.attempts = 1;
    options
}

fn fetch_with(url: &str, options: RemoteOptions) -> Result<Vec<u8>, RemoteError> {
    let mut image = RemoteImage::open(&url.parse().unwrap(), options)?;
    let (mut read, mut buffer) = (Vec::new(), [0; 700]);
    loop {
        match image.read(&mut buffer) {
            Ok(0) => {
                assert_eq!(image.read(&mut buffer).unwrap(), 0);
                assert!(image.length().is_none_or(|length| length == read.len() as u64));
                return Ok(read);
            }
            Ok(count) => read.extend(&buffer[..count]),
            Err(error) => {
                // What failed does not look like the end afterwards.
                let again = image.read(&mut buffer).unwrap_err().downcast::<RemoteError>().unwrap();
                assert!(matches!(again, RemoteError::Unfinished { .. }), "{again}");
                return Err(error.downcast().unwrap());
            }
        }
    }
}

/// A server that does one thing after the other, and what is asked of it.
fn script(acts: Vec<Act>) -> (String, Log) {
    let mut acts = acts.into_iter();
    let (address, log) = start(None, move |_| acts.next().unwrap_or(Act::Reset));
    (format!("http://{address}/image"), log)
}

/// What comes of a server that does one thing after the other.
fn fetch(acts: Vec<Act>) -> (Result<Vec<u8>, RemoteError>, Vec<Request>) {
    let (url, log) = script(acts);
    let result = fetch_with(&url, quick());
    let log = log.lock().unwrap().clone();
    (result, log)
}

fn sent(answers: impl IntoIterator<Item = Vec<u8>>) -> (Result<Vec<u8>, RemoteError>, Vec<Request>) {
    fetch(answers.into_iter().map(Act::Send).collect())
}

#[test]
fn an_image_is_read_as_it_lies_there() {
    let object = object(100_000);
    for (headers, answer) in [
        (Some(100_000), whole(&object, "")),
        (Some(100_000), whole(&object, "Content-Encoding: gzip\nContent-Type: text/html")),
        (None, answer("200 OK", "Transfer-Encoding: chunked", &chunked(&object))),
    ] {
        let (url, log) = script(vec![Act::Send(answer)]);
        let mut image = RemoteImage::open(&url.parse().unwrap(), quick()).unwrap();
        assert_eq!(image.length(), headers);
        assert_eq!(image.read(&mut []).unwrap(), 0);
        let mut read = Vec::new();
        image.read_to_end(&mut read).unwrap();
        assert!(read == object);
        let log = log.lock().unwrap();
        assert_eq!((log.len(), log[0].path.as_str()), (1, "/image"));
        assert_eq!(
            (log[0].header("accept"), log[0].header("accept-encoding")),
            (Some("*/*"), Some("identity"))
        );
        assert_eq!((log[0].header("range"), log[0].header("authorization")), (None, None));
    }
    let (empty, _) = sent([answer("200 OK", "Content-Length: 0", b"")]);
    assert_eq!(empty.unwrap(), b"");
}

#[test]
fn redirects_are_followed_to_other_origins_too() {
    let (mirror, others) = script(vec![Act::Send(whole(b"image", ""))]);
    let mirror = mirror.replace("http://", "http://jane:secret@");
    let (result, log) = sent([
        answer("301 Moved Permanently", "Location: ../elsewhere?x=1\nContent-Length: 0", b""),
        answer("307 Temporary Redirect", &format!("Location: {mirror}\nContent-Length: 4"), b"gone"),
    ]);
    assert_eq!(result.unwrap(), b"image");
    assert_eq!([log[0].path.as_str(), log[1].path.as_str()], ["/image", "/elsewhere?x=1"]);
    let others = others.lock().unwrap();
    assert_eq!((others[0].path.as_str(), others[0].header("authorization")), ("/image", None));
}

#[test]
fn redirects_end() {
    let back = answer("302 Found", "Location: /image\nContent-Length: 0", b"");
    let (result, log) = sent(vec![back; 20]);
    assert!(matches!(result, Err(RemoteError::TooManyRedirects { limit: 10, .. })));
    assert_eq!(log.len(), 11);
    for target in ["ftp://example.org/x", "file:///etc/passwd", "http://[broken", "mailto:me"] {
        let (result, _) = sent([answer("302 Found", &format!("Location: {target}\nContent-Length: 0"), b"")]);
        assert!(matches!(result, Err(RemoteError::Redirected { to, .. }) if to == target), "{target}");
    }
    let (result, _) = sent([answer("302 Found", "Content-Length: 0", b"")]);
    assert!(matches!(result, Err(RemoteError::Refused { status, .. }) if status == 302));
}

#[test]
fn https_is_verified_and_never_left_for_http() {
    use crate::marketplace::tests::tls::{certificate, key};
    use openssl::ssl::{SslAcceptor, SslMethod};

    let ca = certificate("CA", None, None);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(key()).unwrap();
    acceptor.set_certificate(&certificate("server", Some(&ca), Some("127.0.0.1"))).unwrap();
    let (plain, asked) = script(vec![Act::Send(whole(b"image", ""))]);
    let target = plain.clone();
    let (secure, _) = start(Some(acceptor.build()), move |request| {
        Act::Send(match request.path.as_str() {
            "/image" => whole(b"secure", ""),
            _ => answer("302 Found", &format!("Location: {target}\nContent-Length: 0"), b""),
        })
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca.to_pem().unwrap()).unwrap();
    let mut trusting = quick();
    trusting.connection.ca_file = Some(file);
    let url = format!("https://{secure}/image");
    assert_eq!(fetch_with(&url, trusting.clone()).unwrap(), b"secure");
    let error = fetch_with(&url, quick()).unwrap_err();
    assert!(matches!(error, RemoteError::Http(HttpFailure::Tls { .. })), "{error}");

    let away = format!("https://{secure}/away");
    let error = fetch_with(&away, trusting.clone()).unwrap_err().to_string();
    assert_eq!(error, format!("{away} redirects to {plain}, which is not followed"));
    assert!(asked.lock().unwrap().is_empty());
    // The other way it is an improvement.
    let (from, _) =
        script(vec![Act::Send(answer("302 Found", &format!("Location: {url}\nContent-Length: 0"), b""))]);
    assert_eq!(fetch_with(&from, trusting).unwrap(), b"secure");
}

#[test]
fn transient_failures_of_the_first_request_are_retried() {
    let busy = answer("503 Service Unavailable", "Content-Length: 4", b"busy");
    let acts =
        vec![Act::Send(busy.clone()), Act::Reset, Act::Send(Vec::new()), Act::Send(whole(b"image", ""))];
    let (url, log) = script(acts);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let observe = move |error: &RemoteError, _: Duration| kept.lock().unwrap().push(error.to_string());
    let options = RemoteOptions { on_retry: Some(Arc::new(observe)), ..quick() };
    assert_eq!(fetch_with(&url, options).unwrap(), b"image");
    assert_eq!(log.lock().unwrap().len(), 4);
    assert_eq!(seen.lock().unwrap()[0], format!("{url} answers 503 Service Unavailable: busy"));
    assert_eq!(seen.lock().unwrap().len(), 3);

    let (result, log) = sent(vec![busy; 9]);
    assert!(matches!(result, Err(RemoteError::Refused { status, .. }) if status == 503));
    assert_eq!(log.len(), 4);
}
