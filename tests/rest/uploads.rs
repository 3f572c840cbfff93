//! Uploads (behaviour 1.8-1.10).

use std::{fs, io::Write as _, path::Path};

use stratuslab::{server::settings::Settings, trust::Anchors};

use crate::{
    pki::{Identity, Kind, Request, authority, new_key},
    server::{
        Answer, Server,
        draft::{Draft, EMAIL, identity, sign, time},
        raw,
    },
    start,
};

const BOUNDARY: &str = "----WebKitFormBoundaryAbc";
pub(crate) const MULTIPART: &str = "multipart/form-data; boundary=----WebKitFormBoundaryAbc";

pub(crate) fn message(answer: &Answer) -> String {
    let document = answer.text();
    let tree = roxmltree::Document::parse(&document).unwrap();
    assert_eq!(tree.root_element().tag_name().name(), "error");
    tree.root_element().text().unwrap_or_default().to_owned()
}

/// Refused with this status and message, and not there.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, expected: &str) {
    assert_eq!((answer.status, message(answer).as_str()), (status, expected));
}

pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content) in parts {
        write!(body, "--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").unwrap();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    write!(body, "--{BOUNDARY}--\r\n").unwrap();
    body
}

#[test]
fn an_upload_answers_with_both_locations() {
    let server = start(|_| ());
    let draft = Draft::new("an image");
    let document = draft.signed();
    let answer = server.upload(document.clone());
    assert_eq!((answer.status, answer.text().as_str()), (201, "metadata entry created"));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let url = format!("{}{}", server.base, draft.path());
    assert_eq!((answer.header("location"), answer.header("content-location")), (url.clone(), url));
    assert_eq!(server.get(&draft.path()).send().body, document);
}

#[test]
fn every_media_type_of_old_clients_and_text_xml_is_taken() {
    let server = start(|_| ());
    for (number, media_type) in [
        "application/xml",
        "application/rdf+xml",
        "text/xml",
        "application/xml; charset=UTF-8",
        "Application/RDF+XML;charset=utf-8",
    ]
    .into_iter()
    .enumerate()
    {
        let document = Draft::new(&format!("image {number}")).signed();
        assert_eq!(server.post("/metadata", media_type, document).send().status, 201, "{media_type}");
    }
    for media_type in ["text/plain", "application/json", "application/octet-stream", "image/png", "nonsense"]
    {
        let answer = server.post("/metadata", media_type, Draft::new("x").signed()).accept("text/xml").send();
        assert_eq!(answer.status, 415, "{media_type}");
    }
}

#[test]
fn uploads_go_to_lists_below_metadata_too() {
    let server = start(|_| ());
    for path in ["/metadata/", "/metadata/x", "//metadata/x/y"] {
        let document = Draft::new(path).signed();
        assert_eq!(server.post(path, "application/xml", document).send().status, 201, "{path}");
    }
    let entry = Draft::new("z");
    assert_eq!(server.post(&entry.path(), "application/xml", entry.signed()).send().status, 405);
}

#[test]
fn a_form_brings_the_first_part_with_a_file_name() {
    let server = start(|_| ());
    let document = Draft::new("an image").signed();
    let body = form(&[
        ("name=\"comment\"", b"no file"),
        ("name=\"empty\"; filename=\"\"", b""),
        ("name=\"Metadata File\"; filename=\"image.xml\"", &document),
        ("name=\"other\"; filename=\"other.xml\"", b"<nonsense"),
    ]);
    let answer = server.post("/metadata", MULTIPART, body).accept("application/xml").send();
    assert_eq!((answer.status, answer.text().as_str()), (201, "metadata entry created"));
    let path = answer.header("location").strip_prefix(&server.base).unwrap().to_owned();
    assert_eq!(server.get(&path).send().body, document);
}

#[test]
fn s9_what_old_deprecate_wrote_is_taken() {
    let server = start(|_| ());
    let endorsement = "<slreq:endorsement rdf:parseType=\"Resource\"/>";
    let deprecated = Draft::new("an image").deprecated("too old").unsigned();
    // The endorsement comes last.
    let last = deprecated.replace(endorsement, "");
    let last = last.replace("</rdf:Description>", &format!("{endorsement}</rdf:Description>"));
    // As in the originals' own tests: the tag comes before the size.
    let tag = "<dcterms:alternative>t</dcterms:alternative>";
    let early =
        Draft::new("another image").unsigned().replace("<slreq:bytes>", &format!("{tag}<slreq:bytes>"));
    for (unsigned, status) in [(last, "deprecated"), (early, "valid")] {
        let document = sign(unsigned.as_bytes(), &identity(EMAIL), EMAIL, time("2012-01-01T00:00:00Z"));
        let path = server.publish(document.clone());
        assert_eq!(server.get(&path).send().body, document);
        assert_eq!(server.get(&format!("/metadata?status={status}")).send().status, 200);
    }
    assert_eq!(server.get(&format!("/tag/{EMAIL}/t")).send().status, 200);
}

#[test]
fn an_entry_that_has_expired_is_history_and_taken() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").valid("2013-01-01T00:00:00Z").signed());
    assert_eq!(server.get(&path).send().status, 200);
    assert_eq!(server.get("/metadata").send().status, 404);
    assert_eq!(server.get("/metadata?status=expired").send().status, 200);
}

#[test]
fn s11_the_same_key_with_other_bytes_is_refused() {
    let server = start(|_| ());
    let (first, other) =
        (Draft::new("an image").signed(), Draft::new("an image").text("title", "x").signed());
    let path = server.publish(first.clone());
    // What old clients expect of the same upload again.
    let again = server.upload(first.clone());
    assert_eq!((again.status, again.text().as_str()), (201, "metadata entry created"));
    let answer = server.upload(other);
    assert_eq!(answer.status, 400);
    assert!(message(&answer).starts_with("invalid metadata: "), "{}", message(&answer));
    assert_eq!(server.get(&path).send().body, first);
}

#[test]
fn an_older_entry_is_refused_but_only_of_the_same_endorser_and_image() {
    let server = start(|_| ());
    server.publish(Draft::new("an image").created("2013-01-01T00:00:00Z").signed());
    let older = Draft::new("an image").created("2012-12-31T23:59:59Z");
    refused(&server.upload(older.signed()), 400, "invalid metadata: older than latest entry");
    server.publish(older.clone().email("john@example.org").signed());
    server.publish(Draft::new("another image").created("2012-12-31T23:59:59Z").signed());
    server.publish(Draft::new("an image").created("2013-01-01T00:00:01Z").signed());
}

#[test]
fn sha1_is_taken_where_it_is_allowed() {
    let Some(folder) = std::env::var_os("STRATUSLAB_VECTORS") else {
        return eprintln!("SKIPPED: STRATUSLAB_VECTORS does not name the folder of the originals' documents");
    };
    let folder = Path::new(&folder).join("stratuslab-metadata");
    let (strict, lenient) = (start(|_| ()), start(|settings| settings.allow_sha1 = true));
    for name in ["valid-full-signature.xml", "valid-ca-signed.xml"] {
        let document = fs::read(folder.join(name)).unwrap();
        let expected = "invalid metadata: rsa-sha1 is not accepted: SHA-1 no longer protects signatures";
        refused(&strict.upload(document.clone()), 400, expected);
        let path = lenient.publish(document.clone());
        assert_eq!(lenient.get(&path).send().body, document, "{name}");
    }
}

#[test]
fn a_success_is_a_page_for_who_wants_html_first() {
    let server = start(|_| ());
    let document = Draft::new("an image").signed();
    let post =
        |accept: &str| server.post("/metadata", "application/xml", document.clone()).accept(accept).send();
    for accept in ["text/html,application/xhtml+xml,*/*;q=0.8", "text/html"] {
        let answer = post(accept);
        assert_eq!(
            (answer.status, answer.header("content-type").as_str()),
            (201, "text/html; charset=utf-8")
        );
    }
    for accept in ["*/*", "application/xml", "application/json, text/html"] {
        let answer = post(accept);
        assert_eq!((answer.status, answer.text().as_str()), (201, "metadata entry created"), "{accept}");
    }
}

#[test]
fn locations_are_below_the_public_url_or_where_the_request_went() {
    let server = start(|_| ());
    let document = Draft::new("an image").signed();
    let location = |host: &str| {
        let head = format!(
            "POST /metadata HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            document.len()
        );
        let answer = raw::exchange(server.address, &[head.as_bytes(), &document].concat());
        let line = answer.lines().find_map(|line| line.strip_prefix("location: ").map(str::to_owned));
        line.unwrap_or_else(|| panic!("{answer}"))
    };
    let path = Draft::new("an image").path();
    assert_eq!(location("m.example.org:8081"), format!("http://m.example.org:8081{path}"));
    // What is no authority is no part of a URL.
    assert_eq!(location("user@m.example.org"), path);

    let public = start(|settings| settings.public_url = Some(crate::errors::public_url()));
    let answer = public.upload(document);
    assert_eq!(answer.header("location"), format!("https://m.example.org/marketplace{path}"));
}

/// A Marketplace that trusts the tests' authority.
fn trusting(change: impl FnOnce(&mut Settings)) -> Server {
    start(|settings| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, authority().certificate_pem()).unwrap();
        let mut anchors = Anchors::new();
        anchors.add_pem_file(&file).unwrap();
        settings.anchors = Some(anchors.into());
        change(settings);
    })
}

/// Someone whom the tests' authority vouches for.
fn vouched(email: Option<&str>) -> Identity {
    let request = Request::new("Vera Vouched").days(-10_000, 365);
    let request = if let Some(email) = email { request.email(email) } else { request };
    request.issued_by(&authority(), &new_key(Kind::P256))
}

#[test]
fn with_anchors_only_the_holder_of_an_address_endorses_with_it() {
    let server = trusting(|_| ());
    let draft = Draft::new("an image").created_in(-60).email("vera@example.org");
    let answer = server.upload(draft.signed());
    assert_eq!(answer.status, 400);
    assert!(message(&answer).starts_with("invalid metadata: "), "{}", message(&answer));
    // The address is none of the certificate's: this would supersede another's entry.
    let answer = server.upload(draft.signed_by(&vouched(None)));
    assert_eq!(answer.status, 400);
    assert!(message(&answer).contains("vera@example.org"), "{}", message(&answer));
    server.publish(draft.signed_by(&vouched(Some("vera@example.org"))));
}

#[test]
fn endorsers_who_are_not_listed_are_not_told_who_is() {
    let pins = ["vera@example.org".parse().unwrap()];
    let server = trusting(|settings| settings.endorsers = pins.into());
    let draft = Draft::new("an image").created_in(-60).email("other@example.org");
    let answer = server.upload(draft.signed_by(&vouched(Some("other@example.org"))));
    assert_eq!(answer.status, 400);
    assert!(!answer.text().contains("vera"), "{}", answer.text());
    let draft = draft.email("vera@example.org");
    server.publish(draft.signed_by(&vouched(Some("vera@example.org"))));
}

#[test]
fn uploads_at_the_same_time_are_kept_once_and_in_order() {
    let server = start(|_| ());
    let (first, other) = (Draft::new("an image").signed(), Draft::new("an image").text("os", "x").signed());
    let statuses = std::thread::scope(|scope| {
        let upload = |document: &Vec<u8>| {
            let document = document.clone();
            let server = &server;
            scope.spawn(move || server.upload(document).status)
        };
        let uploads: Vec<_> =
            (0..16).map(|n| upload(if usize::is_multiple_of(n, 2) { &first } else { &other })).collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect::<Vec<_>>()
    });
    // One of the two was first; its copies are the same entry, the other is refused.
    let kept = server.get(&Draft::new("an image").path()).send().body;
    let expected = |n: usize| if n.is_multiple_of(2) == (kept == first) { 201 } else { 400 };
    assert!(kept == first || kept == other);
    assert_eq!(statuses, (0..16).map(expected).collect::<Vec<_>>());
}

#[test]
fn a_location_leads_to_the_entry_whatever_its_address_has_in_it() {
    let server = start(|_| ());
    let document = Draft::new("an image").email("jane%41.tester@example.org").signed();
    for path in ["/metadata", "/api/v1/entries"] {
        let answer = server.post(path, "application/xml", document.clone()).send();
        let location = answer.header("location");
        if path == "/metadata" {
            let found =
                server.get(location.strip_prefix(&server.base).unwrap()).accept("application/xml").send();
            assert_eq!((found.status, found.body), (200, document.clone()), "{location}");
        }
    }
    let other = Draft::new("another").email("jane%41.tester@example.org").signed();
    let answer = server.post("/api/v1/entries", "application/xml", other).send();
    let location = answer.header("location");
    assert_eq!(server.get(location.strip_prefix(&server.base).unwrap()).send().status, 200, "{location}");
}

#[test]
fn no_other_site_has_a_browser_upload_something() {
    let server = start(|_| ());
    let host = server.address.to_string();
    let own = format!("http://{host}");
    let send = |server: &Server, image: &str, headers: &[(&str, &str)]| {
        let document = Draft::new(image).signed();
        let body = form(&[("name=\"Metadata File\"; filename=\"entry.xml\"", &document)]);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let asking = server.post("/metadata", &kind, body);
        headers.iter().fold(asking, |asking, (name, value)| asking.header(name, value)).send().status
    };
    let evil = "http://evil.example.org";
    for headers in [
        &[("origin", evil), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "http://127.0.0.1:1"), ("sec-fetch-site", "same-site")],
        &[("origin", evil)],
        &[("origin", "null")],
        &[("origin", "")],
    ] {
        assert_eq!(send(&server, "of another site", headers), 403, "{headers:?}");
    }
    assert_eq!(
        server.get(&Draft::new("of another site").path()).accept("application/xml").send().status,
        404
    );
    for (number, headers) in [
        &[][..],
        &[("origin", own.as_str())],
        &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(send(&server, &format!("of our own {number}"), headers), 201, "{headers:?}");
    }
    // Behind a proxy that changes the host, the public URL tells.
    let public = start(|settings| settings.public_url = Some(crate::errors::public_url()));
    assert_eq!(send(&public, "by the proxy", &[("origin", "https://m.example.org")]), 201);
    assert_eq!(send(&public, "by the proxy", &[("origin", evil)]), 403);
}
