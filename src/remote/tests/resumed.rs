//! Transfers that are interrupted: taken up again only if the object is surely the same.

use proptest::prelude::*;

use super::*;

const OLD: &str = "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT";
const DATED: &str = "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\nDate: Thu, 22 Oct 2015 07:28:00 GMT";

#[test]
fn the_rest_is_asked_for_by_range_and_validator() {
    let object = object(5000);
    for (headers, validator) in [
        (ETAG, "\"one\""),
        (&*format!("{ETAG}\n{DATED}"), "\"one\""),
        (DATED, "Wed, 21 Oct 2015 07:28:00 GMT"),
    ] {
        let (result, log) = sent([
            cut(&object, headers, 1),
            part(&object, headers, 1, 2000),
            // Nothing but what a 206 must have (RFC 9110 §15.3.7), and the validator.
            part(&object, headers.lines().next().unwrap(), 2000, 4999),
            part(&object, headers, 4999, 5000),
        ]);
        assert!(result.unwrap() == object);
        let asked: Vec<_> = log.iter().map(|request| request.header("range")).collect();
        assert_eq!(asked, [None, Some("bytes=1-"), Some("bytes=2000-"), Some("bytes=4999-")]);
        for request in &log[1..] {
            assert_eq!(request.header("if-range"), Some(validator));
            assert_eq!(request.header("accept-encoding"), Some("identity"));
        }
    }
}

#[test]
fn attempts_are_counted_from_the_last_byte_that_came() {
    let object = object(20);
    let steps = (1..20).flat_map(|at| {
        [
            Act::Reset,
            Act::Send(answer("502 Bad Gateway", "Content-Length: 0", b"")),
            Act::Send(part(&object, ETAG, at, at + 1)),
        ]
    });
    let acts = [Act::Send(cut(&object, ETAG, 1))].into_iter().chain(steps).collect();
    assert!(fetch(acts).0.unwrap() == object);

    let (result, log) =
        fetch(vec![Act::Send(cut(&object, ETAG, 1)), Act::Reset, Act::Reset, Act::Reset, Act::Reset]);
    assert!(matches!(result, Err(RemoteError::Http(HttpFailure::ClosedHalfWay { unanswered: true, .. }))));
    assert_eq!(log.len(), 4);
}

#[test]
fn the_original_url_is_asked_again() {
    let object = object(1000);
    let to = |target: &str| answer("302 Found", &format!("Location: {target}\nContent-Length: 0"), b"");
    let (result, log) = sent([
        // Nothing came of the first one.
        to("/mirror/1"),
        cut(&object, ETAG, 0),
        to("/mirror/2?signature=1"),
        cut(&object, ETAG, 400),
        to("/mirror/2?signature=2#part"),
        part(&object, ETAG, 400, 1000),
    ]);
    assert!(result.unwrap() == object);
    let paths: Vec<_> = log.iter().map(|request| request.path.as_str()).collect();
    let [second, third] = ["/mirror/2?signature=1", "/mirror/2?signature=2"];
    assert_eq!(paths, ["/image", "/mirror/1", "/image", second, "/image", third]);
    assert_eq!(log[5].header("range"), Some("bytes=400-"));

    // The same ETag of another resource, on the same server or not, proves nothing.
    let (other, _) = script(vec![Act::Send(part(&object, ETAG, 400, 1000))]);
    for (target, there) in [
        ("/mirror/2?x=1", Some(part(&object, ETAG, 400, 1000))),
        ("/mirror/2?x=1", Some(whole(&object, ETAG))),
        (&other, None),
    ] {
        let acts = [to("/mirror/1?x=1"), cut(&object, ETAG, 400), to(target)].into_iter().chain(there);
        let (url, _) = script(acts.map(Act::Send).collect());
        let error = fetch_with(&url, quick()).unwrap_err();
        assert!(matches!(error, RemoteError::Elsewhere { .. }), "{error}");
        let server = url.strip_suffix("/image").unwrap();
        let after = target.strip_suffix("?x=1").map_or(other.clone(), |path| format!("{server}{path}"));
        let expected = format!("the rest of {url} comes from {after} instead of {server}/mirror/1");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_rest_that_proves_nothing_is_refused() {
    let object = object(1000);
    for (before, after, missing) in [
        (ETAG, "", "ETag"),
        (&*format!("{ETAG}\n{DATED}"), DATED, "ETag"),
        (DATED, "", "Last-Modified"),
        (DATED, "Date: Thu, 22 Oct 2015 07:28:00 GMT", "Last-Modified"),
    ] {
        let (result, log) = sent([cut(&object, before, 500), part(&object, after, 500, 1000)]);
        let error = result.unwrap_err().to_string();
        let expected = format!(
            "/image sends the rest without the {missing} it stated before, so that it could be of another image"
        );
        assert!(error.ends_with(&expected), "{error}");
        assert_eq!(log.len(), 2);
    }
}

#[test]
fn a_rest_may_leave_out_the_coding_but_not_change_it() {
    let object = object(1000);
    let zipped = &*format!("{ETAG}\nContent-Encoding: gzip");
    for after in [part(&object, zipped, 500, 1000), part(&object, ETAG, 500, 1000), whole(&object, zipped)] {
        assert!(sent([cut(&object, zipped, 500), after]).0.unwrap() == object);
    }
}

#[test]
fn a_server_without_ranges_sends_all_of_it_again() {
    let object = object(5000);
    for headers in [ETAG, DATED] {
        let (result, _) = sent([
            cut(&object, headers, 3000),
            // Cut before anything new has come, and after.
            cut(&object, headers, 1000),
            cut(&object, headers, 3000),
            cut(&object, headers, 4000),
            whole(&object, headers),
        ]);
        assert!(result.unwrap() == object);
    }
    let chunks = |at: usize| {
        let headers = format!("Transfer-Encoding: chunked\n{ETAG}");
        let mut chunks = answer("200 OK", &headers, &chunked(&object));
        chunks.truncate(at);
        chunks
    };
    assert!(sent([chunks(3000), chunks(usize::MAX)]).0.unwrap() == object);
}

#[test]
fn before_the_first_byte_nothing_needs_to_match() {
    let object = object(100);
    let (result, log) = sent([cut(b"other", "ETag: \"zero\"", 0), whole(&object, "")]);
    assert!(result.unwrap() == object);
    assert_eq!((log.len(), log[1].header("range")), (2, None));
}

#[test]
fn without_a_strong_validator_nothing_is_resumed() {
    let object = object(1000);
    for headers in [
        "",
        "ETag: W/\"one\"",
        OLD,
        &format!("ETag: W/\"one\"\n{DATED}"),
        &format!("{OLD}\nDate: Wed, 21 Oct 2015 07:28:00 GMT"),
    ] {
        let (result, log) = sent([cut(&object, headers, 500), part(&object, headers, 500, 1000)]);
        let error = result.unwrap_err();
        assert!(matches!(&error, RemoteError::NotResumable { cause, .. } if cause.is_transient()), "{error}");
        assert!(error.to_string().contains("closed the connection half-way: "), "{error}");
        assert_eq!(log.len(), 1, "{headers}");
    }
}

#[test]
fn another_object_is_told_from_the_one_that_was_begun() {
    let (object, other) = (object(1000), vec![7; 1000]);
    let etag = |tag: &str| format!("ETag: \"{tag}\"");
    let zipped = &*format!("{ETAG}\nContent-Encoding: gzip");
    let later = DATED.replace("Last-Modified: Wed, 21", "Last-Modified: Thu, 22");
    for (before, after) in [
        (ETAG, whole(&other, &etag("two"))),
        (ETAG, whole(&other, "ETag: W/\"one\"")),
        (ETAG, whole(&other, "")),
        (ETAG, whole(&other[..700], ETAG)),
        (ETAG, part(&other, &etag("two"), 500, 1000)),
        (ETAG, part(&[&object[..], b"more"].concat(), ETAG, 500, 1004)),
        (&*format!("{ETAG}\n{DATED}"), part(&other, &format!("{ETAG}\n{later}"), 500, 1000)),
        (ETAG, part(&other, &format!("{ETAG}\nETag: \"two\""), 500, 1000)),
        (ETAG, part(&other, zipped, 500, 1000)),
        (ETAG, whole(&other, zipped)),
        (zipped, whole(&other, ETAG)),
        (zipped, part(&other, &format!("{zipped}\nContent-Encoding: br"), 500, 1000)),
        (DATED, whole(&other, &later)),
        (DATED, whole(&other[..700], DATED)),
        (DATED, whole(&other, "")),
        (DATED, answer("200 OK", &format!("Transfer-Encoding: chunked\n{DATED}"), &chunked(&other))),
        (DATED, part(&other, &later, 500, 1000)),
        (DATED, part(&other, &format!("{ETAG}\n{DATED}"), 500, 1000)),
        (ETAG, answer("412 Precondition Failed", "Content-Length: 0", b"")),
        (ETAG, answer("416 Range Not Satisfiable", "Content-Range: bytes */300\nContent-Length: 0", b"")),
    ] {
        let shown = String::from_utf8_lossy(&after[..after.len().min(150)]).into_owned();
        let (result, log) = sent([cut(&object, before, 500), after]);
        let error = result.unwrap_err();
        assert!(matches!(error, RemoteError::Changed { .. }), "{shown}: {error}");
        assert_eq!(log.len(), 2);
    }
    let (result, _) = sent([cut(&object, ETAG, 500), whole(&other[..700], &etag("two"))]);
    let error = result.unwrap_err().to_string();
    assert!(
        error.ends_with(
            "/image changed while it was read: it was ETag \"one\", 1000 bytes and is ETag \"two\", 700 bytes"
        ),
        "{error}"
    );
    let gone = answer("416 Range Not Satisfiable", "Content-Range: bytes */300\nContent-Length: 0", b"");
    let error = sent([cut(&object, ETAG, 500), gone]).0.unwrap_err().to_string();
    assert!(error.ends_with("1000 bytes and is 416 Range Not Satisfiable, 300 bytes"), "{error}");
}

#[test]
fn a_part_that_was_not_asked_for_is_refused() {
    let object = object(1000);
    for range in [
        "Content-Range: bytes 499-999/1000",
        "Content-Range: bytes 501-999/1000",
        "Content-Range: bytes 0-999/1000",
        "Content-Range: bytes 500-998/1000",
        "Content-Range: bytes 500-999/*",
        "Content-Range: items 500-999/1000",
        "Content-Type: multipart/byteranges; boundary=x",
    ] {
        let wrong =
            answer("206 Partial Content", &format!("Content-Length: 500\n{range}\n{ETAG}"), &object[500..]);
        let error = sent([cut(&object, ETAG, 500), wrong]).0.unwrap_err();
        let RemoteError::WrongRange { asked, found, .. } = &error else { panic!("{range}: {error}") };
        assert_eq!(*asked, Rest { start: 500, total: Some(1000) });
        assert_eq!(range.strip_prefix("Content-Range: ").unwrap_or_default(), found);
    }
    let headers = format!("Content-Length: 499\nContent-Range: bytes 500-999/1000\n{ETAG}");
    let error = sent([cut(&object, ETAG, 500), answer("206 Partial Content", &headers, &object[500..999])]).0;
    let error = error.unwrap_err().to_string();
    let expected = "/image was asked for the bytes from 500 on of 1000 and answers with 'bytes 500-999/1000 in 499 bytes'";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn a_refusal_of_the_rest_ends_it_unless_it_is_transient() {
    let object = object(1000);
    for status in ["429 Too Many Requests", "408 Request Timeout", "502 Bad Gateway", "503 No", "504 No"] {
        let busy = answer(status, "Content-Length: 0", b"");
        let (result, _) = sent([cut(&object, ETAG, 500), busy, part(&object, ETAG, 500, 1000)]);
        assert!(result.unwrap() == object, "{status}");
    }
    for status in ["404 Not Found", "410 Gone", "403 Forbidden", "500 No"] {
        let (result, log) = sent([cut(&object, ETAG, 500), answer(status, "Content-Length: 0", b"")]);
        assert!(matches!(result, Err(RemoteError::Refused { .. })), "{status}");
        assert_eq!(log.len(), 2);
    }
}

#[test]
fn retry_after_is_heeded_up_to_a_bound() {
    let object = object(1000);
    let bound = Duration::from_millis(20);
    for (seconds, expected) in [("0", Duration::ZERO), ("3600", bound)] {
        let busy = answer("503 No", &format!("Retry-After: {seconds}\nContent-Length: 0"), b"");
        let acts = [cut(&object, ETAG, 500), busy, part(&object, ETAG, 500, 1000)];
        let (url, _) = script(acts.into_iter().map(Act::Send).collect());
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&pauses);
        let observe = move |_: &RemoteError, pause| kept.lock().unwrap().push(pause);
        let on_retry: Option<RetryObserver> = Some(Arc::new(observe));
        let options = RemoteOptions { longest_retry_after: bound, on_retry, ..quick() };
        assert!(fetch_with(&url, options).unwrap() == object);
        let pauses = pauses.lock().unwrap();
        assert_eq!(pauses.len(), 2);
        assert!(pauses[1] >= expected && pauses[1] <= bound, "{pauses:?}");
    }
}

#[test]
fn the_end_of_a_chunked_object_may_be_lost_too() {
    let object = object(1000);
    let mut first = answer("200 OK", &format!("Transfer-Encoding: chunked\n{ETAG}"), &chunked(&object));
    first.truncate(first.len() - 5);
    let (result, log) = sent([first, part(&object, ETAG, 999, 1000)]);
    assert!(result.unwrap() == object);
    assert_eq!(log[1].header("range"), Some("bytes=999-"));

    // Nothing is missing once the length is known.
    let headers = format!("Transfer-Encoding: chunked\nContent-Range: bytes 400-999/1000\n{ETAG}");
    let mut rest = answer("206 Partial Content", &headers, &chunked(&object[400..]));
    rest.truncate(rest.len() - 5);
    let (result, log) = sent([cut(&object, ETAG, 400), rest]);
    assert!(result.unwrap() == object);
    assert_eq!(log.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Answers cut at random places, in their heads too, by servers with and without ranges, with
    /// and without a length: what is read is the object.
    #[test]
    fn whatever_is_cut_the_octets_are_those_of_the_object(
        length in 0_usize..4000,
        cuts in prop::collection::vec(0_usize..5000, 0..8),
        ranges: bool,
        in_chunks: bool,
    ) {
        let object = object(length);
        let served = object.clone();
        let mut cuts = cuts.into_iter();
        let (address, _) = start(None, move |request| {
            let total = served.len();
            let coded = |body: &[u8]| if in_chunks {
                (ETAG.to_owned() + "\nTransfer-Encoding: chunked", chunked(body))
            } else {
                (format!("{ETAG}\nContent-Length: {}", body.len()), body.to_vec())
            };
            let mut answered = match request.start().filter(|_| ranges) {
                Some(start) if start >= total => {
                    answer("416 Range Not Satisfiable", &format!("Content-Range: bytes */{total}\nContent-Length: 0"), b"")
                }
                Some(start) => {
                    let (headers, body) = coded(&served[start..]);
                    answer("206 Partial Content", &format!("{headers}\nContent-Range: bytes {start}-{}/{total}", total - 1), &body)
                }
                None => {
                    let (headers, body) = coded(&served);
                    answer("200 OK", &headers, &body)
                }
            };
            if let Some(cut) = cuts.next() {
                answered.truncate(cut);
            }
            Act::Send(answered)
        });
        let mut options = quick();
        options.connection.retry = RetryPolicy { attempts: 10, first_pause: Duration::ZERO, ..RetryPolicy::default() };
        let url = format!("http://{address}/image");
        prop_assert!(fetch_with(&url, options).unwrap() == object);
    }
}
