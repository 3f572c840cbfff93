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
const MULTIPART: &str = "multipart/form-data; boundary=----WebKitFormBoundaryAbc";

fn message(answer: &Answer) -> String {
    let document = answer.text();
    let tree = roxmltree::Document::parse(&document).unwrap();
    assert_eq!(tree.root_element().tag_name().name(), "error");
    tree.root_element().text().unwrap_or_default().to_owned()
}

/// Refused with this status and message, and not there.
#[track_caller]
fn refused(answer: &Answer, status: u16, expected: &str) {
    assert_eq!((answer.status, message(answer).as_str()), (status, expected));
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
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
fn a_form_without_a_file_or_out_of_shape_is_refused() {
    let server = start(|_| ());
    let post = |media_type: &str, body: Vec<u8>| {
        server.post("/metadata", media_type, body).accept("application/xml").send()
    };
    refused(&post(MULTIPART, form(&[("name=\"a\"", b"x")])), 400, "no valid file uploaded");
    refused(&post(MULTIPART, form(&[])), 400, "no valid file uploaded");
    let whole = form(&[("name=\"a\"; filename=\"b\"", b"<a/>")]);
    for (media_type, body) in [
        ("multipart/form-data", whole.clone()),
        (MULTIPART, b"no parts here".to_vec()),
        (MULTIPART, whole[..whole.len() - 10].to_vec()),
        (MULTIPART, whole[..40].to_vec()),
        (MULTIPART, Vec::new()),
    ] {
        assert_eq!(post(media_type, body).status, 400, "{media_type}");
    }
}

#[test]
fn an_empty_post_is_refused() {
    let server = start(|_| ());
    refused(&server.upload(""), 400, "post with null entity");
    let bare = "POST /metadata HTTP/1.1\r\nHost: x\r\nAccept: text/xml\r\nConnection: close\r\n\r\n";
    let answer = raw::exchange(server.address, bare.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("<error>post with null entity</error>"), "{answer}");
}

#[test]
fn what_is_no_entry_is_refused_with_the_originals_words() {
    let server = start(|_| ());
    let unsigned = Draft::new("an image").unsigned();
    let signed = String::from_utf8(Draft::new("an image").signed()).unwrap();
    refused(&server.upload(unsigned), 400, "invalid metadata: no signature");
    let changed = signed.replacen("ttylinux", "Ttylinux", 1);
    let answer = server.upload(changed);
    assert_eq!(answer.status, 400);
    assert!(message(&answer).starts_with("invalid metadata: "), "{}", message(&answer));
    for (document, expected) in [
        ("nonsense", "unable to parse metadata: "),
        (&signed[..signed.len() / 2], "unable to parse metadata: "),
        (" \n", "unable to parse metadata: the document is empty"),
        ("<a/>", "invalid metadata: "),
        ("\u{0}", "unable to parse metadata: "),
    ] {
        let answer = server.upload(document);
        assert_eq!(answer.status, 400, "{document}");
        assert!(message(&answer).starts_with(expected), "{document}: {}", message(&answer));
    }
}

#[test]
fn s4_a_document_type_is_refused() {
    let server = start(|_| ());
    let (folder, secret) = (tempfile::tempdir().unwrap(), "a secret of the server");
    fs::write(folder.path().join("secret"), secret).unwrap();
    let signed = String::from_utf8(Draft::new("an image").signed()).unwrap();
    let entity = format!("<!DOCTYPE a [<!ENTITY e SYSTEM \"{}\">]>", folder.path().join("secret").display());
    let document = signed.replacen("<rdf:RDF", &format!("{entity}<rdf:RDF"), 1).replace("ttylinux", "&e;");
    let answer = server.upload(document);
    assert_eq!(answer.status, 400);
    assert!(message(&answer).contains("DOCTYPE"), "{}", message(&answer));
    assert!(!answer.text().contains(secret));
}

#[test]
fn s7_an_email_that_is_a_path_or_too_long_is_refused() {
    let server = start(|_| ());
    let long = format!("{}@example.org", "j".repeat(300));
    let document = Draft::new("an image").email(&long).signed();
    let answer = server.upload(document);
    assert_eq!(answer.status, 400);
    assert!(message(&answer).contains("more than 254"), "{}", message(&answer));

    // Signed as it is, with a library that does not mind: the check is ours to make.
    let signed = String::from_utf8(Draft::new("an image").signed()).unwrap();
    let answer = server.upload(signed.replace(EMAIL, "x@../../../../tmp/evil"));
    assert_eq!(answer.status, 400);
    nothing_but_the_database(server.folder.path());
}

fn nothing_but_the_database(folder: &Path) {
    for file in fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with("marketplace.sqlite"), "{name}");
    }
}

#[test]
fn s9_what_old_deprecate_wrote_is_taken() {
    let server = start(|_| ());
    let endorsement = "<slreq:endorsement rdf:parseType=\"Resource\"/>";
    let unsigned = Draft::new("an image").deprecated("too old").unsigned();
    // The endorsement comes last.
    let unsigned = unsigned.replace(endorsement, "");
    let unsigned = unsigned.replace("</rdf:Description>", &format!("{endorsement}</rdf:Description>"));
    let document = sign(unsigned.as_bytes(), &identity(EMAIL), EMAIL, time("2012-01-01T00:00:00Z"));
    let path = server.publish(document);
    assert_eq!(server.get(&path).send().status, 200);
    assert_eq!(server.get("/metadata?status=deprecated").send().status, 200);
}

#[test]
fn s10_an_entry_without_a_date_of_expiry_is_refused() {
    let server = start(|_| ());
    let answer = server.upload(Draft::new("an image").undated().signed());
    let expected = "invalid metadata: there is no dcterms:valid; a Marketplace refuses the entry";
    refused(&answer, 400, expected);
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
fn s12_an_endorsement_of_the_future_is_refused() {
    let server = start(|_| ());
    let answer = server.upload(Draft::new("an image").created_in(600).signed());
    assert_eq!(answer.status, 400);
    assert!(message(&answer).starts_with("invalid metadata: it is endorsed at 2"), "{}", message(&answer));
    // Clocks differ a little.
    server.publish(Draft::new("an image").created_in(200).signed());
}

#[test]
fn s16_more_bytes_than_allowed_are_not_read() {
    let server = start(|settings| settings.max_entry_bytes = 20_000);
    let padded = |bytes: usize| {
        let signed = Draft::new("an image").signed();
        // White space after the root is no part of what is signed.
        let mut document = signed.clone();
        document.resize(bytes.max(signed.len()), b' ');
        document
    };
    let expected = "the document has more than 20000 bytes";
    refused(&server.upload(padded(20_001)), 413, expected);
    let body = form(&[("name=\"a\"; filename=\"b\"", &padded(20_001))]);
    refused(&server.post("/metadata", MULTIPART, body).accept("text/xml").send(), 413, expected);
    let body = form(&[("name=\"a\"; filename=\"b\"", &padded(200_001))]);
    refused(&server.post("/metadata", MULTIPART, body).accept("text/xml").send(), 413, expected);

    // Told before the body is sent, if it is said how long it is, and else as soon as it is too long.
    let head = "POST /metadata HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nAccept: text/xml\r\n";
    let announced = format!("{head}Content-Length: 99999999999\r\nConnection: close\r\n\r\n");
    let answer = raw::exchange(server.address, announced.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n").into_bytes();
    for _ in 0..30 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b' '; 0x400]);
        chunked.extend_from_slice(b"\r\n");
    }
    // It never ends.
    let answer = raw::exchange(server.address, &chunked);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    server.publish(padded(20_000));
}

#[test]
fn s17_a_refused_upload_leaves_nothing_behind() {
    let server = start(|_| ());
    for _ in 0..3 {
        assert_eq!(server.upload(Draft::new("an image").unsigned()).status, 400);
        assert_eq!(server.upload(Draft::new("an image").undated().signed()).status, 400);
    }
    nothing_but_the_database(server.folder.path());
    assert_eq!(server.get("/metadata?status=all").send().status, 404);
}

#[test]
fn a_read_only_server_says_so_before_it_reads() {
    let server = start(|settings| settings.read_only = true);
    refused(&server.upload(Draft::new("an image").signed()), 403, "read-only repository");
    let head = "POST /metadata HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nAccept: text/xml\r\n\
                Content-Length: 1000\r\nConnection: close\r\n\r\n";
    let answer = raw::exchange(server.address, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    // A query is no upload.
    let query = server.post("/metadata", "application/x-www-form-urlencoded", "sEcho=3").send();
    assert_eq!((query.status, &query.json()["sEcho"]), (200, &3.into()));
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
        settings.anchors = Some(anchors);
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
        let uploads: Vec<_> = (0..16).map(|n| upload(if n % 2 == 0 { &first } else { &other })).collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect::<Vec<_>>()
    });
    // One of the two was first; its copies are the same entry, the other is refused.
    let kept = server.get(&Draft::new("an image").path()).send().body;
    let expected = |n: usize| if (n % 2 == 0) == (kept == first) { 201 } else { 400 };
    assert!(kept == first || kept == other);
    assert_eq!(statuses, (0..16).map(expected).collect::<Vec<_>>());
}
