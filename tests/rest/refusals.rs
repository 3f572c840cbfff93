//! Uploads that are refused (behaviour 1.8, 1.9), and what they leave behind.

use std::{fs, io::Write as _, path::Path};

use crate::{
    server::{
        draft::{Draft, EMAIL},
        raw,
    },
    start,
    uploads::{MULTIPART, form, message, refused},
};

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
fn s10_an_entry_without_a_date_of_expiry_is_refused() {
    let server = start(|_| ());
    let answer = server.upload(Draft::new("an image").undated().signed());
    let expected = "invalid metadata: there is no dcterms:valid; a Marketplace refuses the entry";
    refused(&answer, 400, expected);
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
fn who_reads_only_after_sending_all_reads_why_it_was_refused() {
    use std::io::Read as _;
    let small = start(|settings| settings.max_entry_bytes = 20_000);
    let closed = start(|settings| settings.read_only = true);
    // More than the buffers between client and server hold.
    let body = vec![b' '; 16_000_000];
    for (server, media_type, status) in
        [(&small, "text/xml", 413), (&small, "image/png", 415), (&closed, "text/xml", 403)]
    {
        let mut stream = raw::connect(server.address);
        let head = format!(
            "POST /metadata HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{media_type}: {answer}");
    }
}
