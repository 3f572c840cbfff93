//! Routes, negotiation, and how errors are told (behaviour 1.1-1.5).

use stratuslab::server::settings::PublicUrl;

use crate::{
    server::{draft::Draft, raw},
    start,
};

/// `https://m.example.org/marketplace`.
pub(crate) fn public_url() -> PublicUrl {
    PublicUrl { origin: "https://m.example.org".to_owned(), prefix: "/marketplace".to_owned() }
}

#[test]
fn w6_unknown_paths_are_not_found() {
    let server = start(|_| ());
    for path in ["/nowhere", "/metadata/a/b/c/d", "/tag/x", "/css/x.css", "/sync", "/metadatas"] {
        let answer = server.get(path).accept("application/xml").send();
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().ends_with("</error>"), "{path}");
    }
}

#[test]
fn home_leads_to_the_list() {
    let server = start(|_| ());
    let answer = server.get("/").send();
    assert_eq!((answer.status, answer.header("location").as_str()), (303, "/metadata"));
    let public = start(|settings| settings.public_url = Some(public_url()));
    for path in ["/", "/marketplace", "/marketplace/"] {
        assert_eq!(public.get(path).send().header("location"), "/marketplace/metadata", "{path}");
    }
}

#[test]
fn methods_that_are_not_there_are_not_allowed() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").signed());
    for (method, path, allowed) in [
        ("PUT", "/metadata", "GET,HEAD,POST"),
        ("DELETE", path.as_str(), "GET,HEAD"),
        ("OPTIONS", "/metadata", "GET,HEAD,POST"),
        ("POST", "/endorsers", "GET,HEAD"),
        ("BREW", "/endorsers", "GET,HEAD"),
    ] {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: text/xml\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(server.address, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains(&format!("allow: {allowed}\r\n")), "{answer}");
        assert!(answer.ends_with("<error>method not allowed</error>"), "{answer}");
    }
    // Neither changes the method.
    let answer = server.get("/metadata?method=POST").send();
    assert_eq!(answer.header("content-type"), "application/xml");
    let answer = server.get("/metadata").header("X-HTTP-Method-Override", "DELETE").send();
    assert_eq!(answer.status, 200);
}

#[test]
fn head_is_get_without_a_body() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").signed());
    for path in ["/metadata", path.as_str(), "/endorsers", "/metadata/nobody@example.org", "/nowhere"] {
        let (get, head) = (server.get(path).send(), server.head(path).send());
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("etag"), get.header("etag"), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
}

#[test]
fn s19_a_slash_at_the_end_changes_nothing() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").text("tag", "t").signed());
    let email = path.split('/').nth(3).unwrap();
    for path in [
        path.clone(),
        "/metadata".to_owned(),
        format!("/metadata/{email}"),
        format!("/tag/{email}/t"),
        "/endorsers".to_owned(),
        format!("/endorsers/{email}"),
        format!("/endorsers/{email}/tags"),
    ] {
        let plain = server.get(&path).send();
        assert_eq!(plain.status, 200, "{path}");
        for other in [format!("{path}/"), format!("/{path}"), path.replace('/', "//")] {
            let answer = server.get(&other).send();
            assert_eq!((answer.status, answer.body), (200, plain.body.clone()), "{other}");
        }
    }
}

#[test]
fn the_prefix_of_the_public_url_is_served_with_and_without() {
    let server = start(|settings| settings.public_url = Some(public_url()));
    server.upload(Draft::new("an image").signed());
    let path = Draft::new("an image").path();
    for path in ["/metadata", "/marketplace/metadata", "//marketplace//metadata/", path.as_str()] {
        assert_eq!(server.get(path).send().status, 200, "{path}");
    }
    assert_eq!(server.get(&format!("/marketplace{path}")).send().status, 200);
    for path in ["/marketplaces/metadata", "/marketplace/marketplace/metadata"] {
        assert_eq!(server.get(path).send().status, 404, "{path}");
    }
}

#[test]
fn errors_take_the_form_that_is_accepted_first() {
    let server = start(|_| ());
    let path = "/metadata/MMZu9WvwKIro-rtBQfDk4PsKO7_/a@b/2012-01-01T00:00:00Z";
    let message = "metadata entry not found.\n";
    let xml = format!(r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?><error>{message}</error>"#);
    for accept in ["text/xml", "application/xml, text/html", "application/rdf+xml;q=0.1,text/html"] {
        let answer = server.get(path).accept(accept).send();
        assert_eq!((answer.status, answer.text()), (404, xml.clone()), "{accept}");
        assert_eq!(answer.header("content-type"), "application/xml");
        assert!(answer.header("vary").contains("accept"), "{}", answer.header("vary"));
    }
    let answer = server.get(path).accept("application/json, */*").send();
    assert_eq!((answer.status, answer.header("content-type").as_str()), (404, "application/json"));
    assert_eq!(answer.text(), "{\"404\" : \"metadata entry not found.\\n\"}");
    for accept in ["text/html", "*/*", "image/png", ""] {
        let answer = server.get(path).accept(accept).send();
        assert_eq!(
            (answer.status, answer.header("content-type").as_str()),
            (404, "text/html; charset=utf-8")
        );
        assert!(answer.text().contains("metadata entry not found."), "{accept}");
    }
    let answer = server.get(&format!("{path}?media=json")).accept("text/html").send();
    assert_eq!(answer.header("content-type"), "application/json");
}

#[test]
fn s14_messages_are_escaped() {
    let server = start(|_| ());
    let hostile = "<a xmlns:x=\"urn:x\"><script>alert('&')</script></a>";
    for (accept, raw) in [("application/xml", "<script>"), ("text/html", "<script>alert")] {
        let answer = server.post("/metadata", "text/xml", hostile).accept(accept).send();
        assert_eq!(answer.status, 400);
        assert!(!answer.text().contains(raw), "{}", answer.text());
    }
    let answer = server.post("/metadata", "text/xml", hostile).accept("application/json").send();
    assert!(answer.json()["400"].is_string());
}

#[test]
fn lists_and_entries_are_negotiated() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").signed());
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let (html, json) = ("text/html; charset=utf-8", "application/json");
    for (accept, media, list, entry) in [
        ("*/*", "", "application/xml", "application/rdf+xml; charset=UTF-8"),
        ("", "", "application/xml", "application/rdf+xml; charset=UTF-8"),
        ("text/xml", "", "application/xml", "application/rdf+xml; charset=UTF-8"),
        ("application/json", "", json, json),
        ("image/png", "", "application/xml", "application/rdf+xml; charset=UTF-8"),
        (browser, "", html, html),
        (browser, "?media=xml", "application/xml", "application/rdf+xml; charset=UTF-8"),
        (browser, "?media=json", json, json),
        ("application/xml", "?media=html", html, html),
        ("application/xml", "?media=application/json", json, json),
    ] {
        for (path, expected) in [("/metadata", list), (path.as_str(), entry)] {
            let answer = server.get(&format!("{path}{media}")).accept(accept).send();
            assert_eq!(answer.header("content-type"), expected, "{path}{media} for '{accept}'");
            assert!(answer.header("vary").contains("accept"), "{path}");
        }
    }
    let bare = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(raw::exchange(server.address, bare.as_bytes()).contains("application/rdf+xml"));
}

#[test]
fn s24_rdf_and_sparql_types_are_known() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").signed());
    for (path, accept, expected) in [
        (path.as_str(), "application/rdf+xml", "application/rdf+xml; charset=UTF-8"),
        ("/metadata", "application/rdf+xml", "application/xml"),
        ("/endorsers", "application/sparql-results+xml", "application/sparql-results+xml"),
        ("/endorsers", "application/sparql-results+json", "application/sparql-results+json"),
        ("/endorsers", "application/xml", "application/xml"),
        ("/endorsers", "application/json", "application/xml"),
        ("/endorsers", "*/*", "application/xml"),
    ] {
        let answer = server.get(path).accept(accept).send();
        assert_eq!(answer.header("content-type"), expected, "{path} for {accept}");
    }
}

#[test]
fn odd_targets_are_answered_and_never_with_5xx() {
    let server = start(|_| ());
    for target in [
        "/metadata/%ff%fe",
        "/metadata/%2e%2e/%2e%2e",
        "/metadata/..%2f..%2fetc",
        "/metadata/%00",
        "/metadata?status=%ff",
        "/metadata?=&&&=a=b&media",
        "/tag/%ff/x",
        "/endorsers/%ff",
        "//",
        "/?",
        "*",
        "http://elsewhere.example.org/metadata",
        "/metadata?%",
        "/metadata/%",
        "/metadata/a%zz",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(server.address, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 303"), "{target}: {answer}");
    }
}
