//! Servers that fail, stall, or say what cannot be.

use std::{net::TcpListener, thread, time::Instant};

use super::*;

#[test]
fn a_refusal_tells_status_and_reason() {
    let (result, log) = sent([answer("404 Not Found", "Content-Length: 14", b"<h1>No\n</h1>\x1b[")]);
    let error = result.unwrap_err();
    assert!(error.to_string().ends_with("/image answers 404 Not Found: No ["), "{error}");
    assert_eq!(log.len(), 1);
    for status in ["204 No Content", "206 Partial Content", "304 Not Modified", "412 No", "500 No", "401 No"]
    {
        let (result, log) = sent([answer(status, "Content-Length: 0", b"")]);
        assert!(matches!(result, Err(RemoteError::Refused { .. })), "{status}");
        assert_eq!(log.len(), 1, "{status}");
    }
}

#[test]
fn an_answer_that_could_be_cut_short_unseen_is_refused() {
    for (headers, found) in [
        ("", ""),
        ("Transfer-Encoding: gzip", "gzip"),
        ("Transfer-Encoding: gzip, chunked", "gzip, chunked"),
        // The last one counts, and ends with the connection (RFC 9112 §6.3).
        ("Transfer-Encoding: chunked\nTransfer-Encoding: identity", "chunked, identity"),
        ("Transfer-Encoding: identity\nTransfer-Encoding: chunked", "identity, chunked"),
        ("Transfer-Encoding: chunked\nTransfer-Encoding: chunked", "chunked, chunked"),
        ("Content-Length: 20\nTransfer-Encoding: chunked\nTransfer-Encoding: identity", "chunked, identity"),
    ] {
        let (result, _) = sent([answer("200 OK", headers, b"5\r\nimage\r\n0\r\n\r\n")]);
        let error = result.unwrap_err();
        assert!(matches!(&error, RemoteError::Unbounded { found: told, .. } if told == found), "{error}");
    }
}

#[test]
fn what_is_no_http_is_named() {
    let (result, log) = sent([b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()]);
    let error = result.unwrap_err();
    assert!(matches!(error, RemoteError::Http(HttpFailure::NotHttp { .. })), "{error}");
    assert_eq!(log.len(), 1);
    // tcpmux: nobody listens there.
    let error = fetch_with("http://127.0.0.1:1/image", quick()).unwrap_err().to_string();
    assert_eq!(error, "cannot connect to http://127.0.0.1:1/image: Connection refused");
}

#[test]
fn a_stall_ends_after_its_limit_and_a_slow_transfer_goes_on() {
    let object = object(3000);
    let limit = Duration::from_millis(400);
    for act in [Act::Stall(Vec::new()), Act::Stall(cut(&object, "", 1000))] {
        let cut = matches!(&act, Act::Stall(bytes) if !bytes.is_empty());
        let (url, _) = script(vec![act]);
        let begin = Instant::now();
        let mut error = fetch_with(&url, impatient(limit)).unwrap_err();
        assert!(begin.elapsed() >= limit);
        if let RemoteError::NotResumable { cause, .. } = error {
            assert!(cut);
            error = *cause;
        }
        let message = error.to_string();
        assert!(
            matches!(error, RemoteError::Http(HttpFailure::Timeout { awaited: Awaited::Data, .. })),
            "{message}"
        );
        assert_eq!(message, format!("{url} gave no data within 0.4 s"));
    }
    let (url, _) = script(vec![Act::Drip(whole(&object, ""), 8, Duration::from_millis(100))]);
    let begin = Instant::now();
    assert!(fetch_with(&url, impatient(limit)).unwrap() == object);
    assert!(begin.elapsed() > limit);
}

#[test]
fn a_handshake_that_stalls_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/image", listener.local_addr().unwrap());
    let mut options = impatient(Duration::from_millis(300));
    options.connection.connect_timeout = options.stall_timeout;
    let error = fetch_with(&url, options).unwrap_err().to_string();
    assert_eq!(error, format!("{url} gave no connection within 0.3 s"));
}

#[test]
fn a_transfer_that_stalls_is_taken_up_again() {
    let object = object(3000);
    let (url, log) =
        script(vec![Act::Stall(cut(&object, ETAG, 1000)), Act::Send(part(&object, ETAG, 1000, 3000))]);
    let options = RemoteOptions { stall_timeout: Duration::from_millis(300), ..quick() };
    assert!(fetch_with(&url, options).unwrap() == object);
    assert_eq!(log.lock().unwrap()[1].header("range"), Some("bytes=1000-"));
}

#[test]
fn what_comes_beyond_the_stated_length_is_no_part_of_it() {
    let object = object(500);
    let mut longer = whole(&object, "");
    longer.extend(b"more");
    assert!(sent([longer]).0.unwrap() == object);
}

#[test]
fn a_chunked_rest_must_have_the_stated_length() {
    let object = object(500);
    let rest = |body: &[u8]| {
        let headers = format!("Transfer-Encoding: chunked\nContent-Range: bytes 200-499/500\n{ETAG}");
        answer("206 Partial Content", &headers, &chunked(body))
    };
    let fetched = |body: &[u8]| sent([cut(&object, ETAG, 200), rest(body)]).0;
    assert!(fetched(&object[200..]).unwrap() == object);
    let short = fetched(&object[200..499]).unwrap_err();
    assert!(short.to_string().ends_with("/image states 500 bytes and sends 499"), "{short}");
    let long = fetched(&[&object[200..], b"x"].concat()).unwrap_err();
    assert!(matches!(long, RemoteError::Length { stated: 500, received: Received::More, .. }), "{long}");
}

#[test]
fn a_connection_that_ends_within_the_handshake_is_tried_again() {
    // As much of the handshake as is read; the rest resets the connection.
    for (read, cause) in [(20, "Connection reset by peer"), (16 << 10, "unexpected EOF")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/image", listener.local_addr().unwrap());
        let attempts = thread::spawn(move || {
            for _ in 0..4 {
                let _ = listener.accept().unwrap().0.read(&mut vec![0; read]);
            }
        });
        let error = fetch_with(&url, quick()).unwrap_err().to_string();
        assert_eq!(error, format!("cannot connect to {url}: {cause}"));
        attempts.join().unwrap();
    }
}
