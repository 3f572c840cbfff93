//! Single entries and tags (behaviour 1.7).

use serde_json::Value;

use crate::{
    server::{
        Server,
        draft::{Draft, EMAIL, identity, sign, time},
    },
    start,
};

#[test]
fn s15_s32_the_very_bytes_are_kept_and_served() {
    let server = start(|_| ());
    let draft = Draft::new("an image").text("title", "Jérôme \u{85}\u{2028}\u{2029} 日本");
    for (number, unsigned) in [
        draft.unsigned(),
        draft.unsigned().replace('\n', "\r\n"),
        format!("\u{feff}{}\r\n\r\n", draft.unsigned()),
        draft.unsigned().split_once("?>").unwrap().1.to_owned(),
        draft.unsigned().replace("?>", "?><!-- before -->"),
    ]
    .into_iter()
    .enumerate()
    {
        let created = time(&format!("2012-01-0{}T00:00:00Z", number + 1));
        let document = sign(unsigned.as_bytes(), &identity(EMAIL), EMAIL, created);
        // Whatever the client says its encoding is.
        let answer = server.post("/metadata", "application/xml; charset=ISO-8859-1", document.clone()).send();
        assert_eq!(answer.status, 201, "{}", answer.text());
        let path = answer.header("location").strip_prefix(&server.base).unwrap().to_owned();
        let answer = server.get(&path).send();
        assert_eq!(answer.body, document, "{number}");
        assert_eq!(answer.header("content-type"), "application/rdf+xml; charset=UTF-8");
        let name = format!("attachment; filename={}.xml", draft.identifier());
        assert_eq!(answer.header("content-disposition"), name);
    }
}

#[test]
fn an_entry_is_there_whatever_its_state() {
    let server = start(|_| ());
    let old = Draft::new("an image").created("2012-01-01T00:00:00Z");
    let drafts = [
        old.clone(),
        old.clone().created("2012-01-02T00:00:00Z").valid("2013-01-01T00:00:00Z"),
        old.clone().created("2012-01-03T00:00:00Z").deprecated(""),
    ];
    for draft in &drafts {
        server.publish(draft.signed());
    }
    for draft in &drafts {
        for accept in ["application/xml", "application/json", "text/html"] {
            assert_eq!(server.get(&draft.path()).accept(accept).send().status, 200, "{accept}");
        }
    }
}

#[test]
fn what_is_no_entry_is_not_found() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").signed());
    let (id, rest) = path.strip_prefix("/metadata/").unwrap().split_once('/').unwrap();
    for path in [
        format!("/metadata/{id}/other@example.org/2012-03-04T05:06:07Z"),
        format!("/metadata/{id}/{EMAIL}/2012-03-04T05:06:08Z"),
        format!("/metadata/{id}/{EMAIL}/2012-03-04T05:06:07Z.xml"),
        format!("/metadata/x/{rest}"),
        "/metadata/../../etc".to_owned(),
        "/metadata/%2e%2e/%2e%2e/etc".to_owned(),
        "/metadata/..%2f/..%2f/etc%2fpasswd".to_owned(),
        "/metadata/null/null/null".to_owned(),
    ] {
        let answer = server.get(&path).accept("application/xml").send();
        assert_eq!(answer.status, 404, "{path}");
        let text = answer.text();
        assert!(
            text.contains("metadata entry not found.\n") || text.contains("there is no such"),
            "{path}: {text}"
        );
    }
}

#[test]
fn s20_segments_are_percent_decoded() {
    let server = start(|_| ());
    let draft = Draft::new("an image").email("jane+x%y@example.org").text("tag", "a b/c%");
    let location = server.publish(draft.signed());
    let path = draft.path();
    assert_eq!(location, path.replace("%y", "%25y"));
    let expected = server.get(&location).send();
    assert_eq!(expected.status, 200);
    let encoded = path.replace('%', "%25").replace('@', "%40").replace(':', "%3A").replace('+', "%2B");
    assert_eq!(server.get(&encoded).send().body, expected.body);
    for path in ["/metadata/jane%2Bx%25y%40example.org", "/metadata/jane+x%25y@example.org"] {
        assert_eq!(server.get(path).send().status, 200, "{path}");
        assert_eq!(server.get(&format!("{path}?tag=a+b%2Fc%25")).send().body, expected.body, "{path}");
    }
    assert_eq!(server.get("/tag/jane+x%25y@example.org/a%20b%2Fc%25").send().body, expected.body);
}

/// The values of a predicate of the only subject that is no blank node.
fn values<'a>(graph: &'a Value, subject: &str, predicate: &str) -> Vec<&'a str> {
    let values = graph[subject][predicate].as_array();
    values.into_iter().flatten().map(|value| value["value"].as_str().unwrap()).collect()
}

#[test]
fn the_json_of_an_entry_is_its_graph_without_the_signature() {
    let server = start(|_| ());
    let draft = Draft::new("an image").text("title", "a <title>").locations(&["http://a/", "http://b/"]);
    let path = server.publish(draft.signed());
    let answer = server.get(&path).accept("application/json").send();
    assert_eq!(answer.header("content-type"), "application/json");
    let name = format!("attachment; filename={}.json", draft.identifier());
    assert_eq!(answer.header("content-disposition"), name);
    let (graph, subject) = (answer.json(), format!("http://mp.stratuslab.eu/#{}", draft.identifier()));
    assert_eq!(values(&graph, &subject, "http://purl.org/dc/terms/title"), ["a <title>"]);
    let locations = values(&graph, &subject, "http://mp.stratuslab.eu/slterms#location");
    assert_eq!(locations, ["http://a/", "http://b/"]);
    let endorsement = values(&graph, &subject, "http://mp.stratuslab.eu/slreq#endorsement")[0].to_owned();
    let created = values(&graph, &endorsement, "http://purl.org/dc/terms/created");
    assert_eq!(created, ["2012-03-04T05:06:07Z"]);
    assert!(!answer.text().contains("xmldsig"));
    assert_eq!(server.get(&path).accept("application/json").send().text(), answer.text());
}

#[test]
fn s8_s30_the_graph_has_what_the_entry_says_and_no_more() {
    let server = start(|_| ());
    let subject = |draft: &Draft| format!("http://mp.stratuslab.eu/#{}", draft.identifier());
    let (draft, plain) = (Draft::new("an image").extra("<slterms:tag>latest</slterms:tag>"), Draft::new("x"));
    let path = server.publish(draft.signed());
    server.publish(plain.signed());
    let graph = server.get(&path).accept("application/json").send();
    assert!(!graph.text().contains("slterms#tag"), "{}", graph.text());
    assert!(graph.json()[subject(&draft)].is_object());

    // Another prefix, and more attributes on the description, are as good: it is listed.
    let other = Draft::new("another image");
    let unsigned = other.unsigned().replace("rdf:", "r:").replace("xmlns:rdf=", "xmlns:r=");
    let unsigned = unsigned.replacen("<r:Description ", "<r:Description\n xmlns:z='urn:z'\t", 1);
    let document = sign(unsigned.as_bytes(), &identity(EMAIL), EMAIL, time("2012-03-04T05:06:07Z"));
    server.publish(document);
    assert_eq!(server.get(&format!("/metadata/{}", other.identifier())).send().status, 200);

    // A second description, about somebody else's image, is refused.
    let second = format!("</rdf:Description><rdf:Description rdf:about=\"#{}\">", plain.identifier());
    let unsigned = draft.unsigned().replace("<slterms:tag>", &format!("{second}<slterms:tag>"));
    let answer = server.upload(unsigned);
    assert_eq!(answer.status, 400);
}

#[test]
fn entries_are_immutable_for_caches() {
    let server = start(|_| ());
    let path = server.publish(Draft::new("an image").text("description", &"long ".repeat(200)).signed());
    let mut tags = Vec::new();
    for accept in ["application/xml", "application/json"] {
        let answer = server.get(&path).accept(accept).send();
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        let tag = answer.header("etag");
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        let vary = answer.header("vary");
        assert!(vary.contains("accept") && vary.contains("accept-encoding"), "{vary}");

        for held in [tag.as_str(), &format!("\"x\", W/{tag}"), "*"] {
            let answer = server.get(&path).accept(accept).header("if-none-match", held).send();
            assert_eq!(
                (answer.status, answer.body.len(), answer.header("etag")),
                (304, 0, tag.clone()),
                "{held}"
            );
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
            assert!(answer.header("vary").contains("accept"));
        }
        let other = server.get(&path).accept(accept).header("if-none-match", "\"x\"").send();
        assert_eq!(other.status, 200);

        let packed = server.get(&path).accept(accept).header("accept-encoding", "gzip").send();
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert_ne!(packed.header("etag"), tag);
        let mut unpacked = Vec::new();
        io_copy(&packed.body, &mut unpacked);
        assert_eq!(unpacked, answer.body);
        let held = packed.header("etag");
        let again = server.get(&path).accept(accept).header("accept-encoding", "gzip");
        let again = again.header("if-none-match", &held).send();
        assert_eq!((again.status, again.header("etag")), (304, held.clone()));
        tags.extend([tag, held]);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
    // The page tells what may change.
    let page = server.get(&path).accept("text/html").send();
    assert_eq!(page.header("cache-control"), "no-cache");
}

fn io_copy(packed: &[u8], unpacked: &mut Vec<u8>) {
    std::io::copy(&mut flate2::read::GzDecoder::new(packed), unpacked).unwrap();
}

#[test]
fn lists_are_compressed_for_who_wants_it() {
    let server = start(|_| ());
    server.publish(Draft::new("an image").signed());
    let plain = server.get("/metadata").send();
    assert_eq!(plain.header("content-encoding"), "");
    let packed = server.get("/metadata").header("accept-encoding", "gzip").send();
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut unpacked = Vec::new();
    io_copy(&packed.body, &mut unpacked);
    assert_eq!(unpacked, plain.body);
}

/// The identifier of the entry that a tag stands for, by both ways to ask.
fn tagged(server: &Server, tag: &str) -> Option<String> {
    let answer = server.get(&format!("/tag/{EMAIL}/{tag}")).accept("application/xml").send();
    let other = server.get(&format!("/metadata/{EMAIL}?tag={tag}")).accept("application/xml").send();
    assert_eq!((answer.status, &answer.body), (other.status, &other.body), "{tag}");
    let document = answer.text();
    if answer.status == 404 {
        assert!(document.contains("metadata entry not found."), "{document}");
        return None;
    }
    assert_eq!(answer.status, 200, "{document}");
    Some(document.split_once("rdf:about=\"#").unwrap().1[..27].to_owned())
}

#[test]
fn a_tag_stands_for_the_newest_entry_that_carries_it() {
    let server = start(|_| ());
    let one = Draft::new("one").text("tag", "t").created("2012-01-01T00:00:00Z");
    let two = Draft::new("two").text("tag", "t").created("2012-01-02T00:00:00Z");
    server.publish(one.signed());
    assert_eq!(tagged(&server, "t"), Some(one.identifier().to_string()));
    server.publish(two.signed());
    assert_eq!(tagged(&server, "t"), Some(two.identifier().to_string()));
    for other in ["%22t%22", "t"] {
        assert_eq!(tagged(&server, other), Some(two.identifier().to_string()), "{other}");
    }
    for none in ["x", "T", "%22", "t%22", "%25"] {
        assert_eq!(tagged(&server, none), None, "{none}");
    }
    // Of another endorser it is another tag.
    server.publish(Draft::new("three").text("tag", "t").email("john@example.org").signed());
    assert_eq!(tagged(&server, "t"), Some(two.identifier().to_string()));
    // Expired counts; deprecated does not.
    server.publish(two.clone().created("2012-01-03T00:00:00Z").valid("2013-01-01T00:00:00Z").signed());
    assert_eq!(tagged(&server, "t"), Some(two.identifier().to_string()));
    server.publish(two.clone().created("2012-01-04T00:00:00Z").deprecated("bad").signed());
    assert_eq!(tagged(&server, "t"), Some(one.identifier().to_string()));
}

#[test]
fn caches_ask_each_time_which_entry_a_tag_stands_for() {
    let server = start(|_| ());
    let draft = Draft::new("an image").text("tag", "t").created("2012-01-01T00:00:00Z");
    server.publish(draft.signed());
    for path in [format!("/tag/{EMAIL}/t"), format!("/metadata/{EMAIL}?tag=t")] {
        for accept in ["application/xml", "application/json", "text/html"] {
            let answer = server.get(&path).accept(accept).send();
            assert_eq!((answer.status, answer.header("cache-control").as_str()), (200, "no-cache"), "{path}");
            let held = answer.header("etag");
            if !held.is_empty() {
                let again = server.get(&path).accept(accept).header("if-none-match", &held).send();
                assert_eq!((again.status, again.header("cache-control").as_str()), (304, "no-cache"));
            }
        }
    }
}
