//! Lists (behaviour 1.6).

use std::{collections::BTreeSet, io};

use serde_json::{Value, json};
use stratuslab::{
    Timestamp,
    dsig::{AlgorithmPolicy, verify},
    xml::entries,
};

use crate::{
    server::{Server, draft::Draft},
    start,
};

const NOTHING: &str = "no metadata matching query found";
const FORM: &str = "application/x-www-form-urlencoded";

/// The entries of a list in XML, each of which verifies on its own, as `IDENTIFIER/EMAIL/DATE`.
pub(crate) fn listed(server: &Server, path: &str) -> Vec<String> {
    let answer = server.get(path).accept("application/xml").send();
    if answer.status == 404 {
        assert!(answer.text().contains(NOTHING), "{path}: {}", answer.text());
        return Vec::new();
    }
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/xml"), "{path}");
    let key = |document: Vec<u8>| {
        let entry = verify(&document, &AlgorithmPolicy::default()).unwrap();
        let endorsement = entry.endorsement.as_ref().unwrap();
        format!("{}/{}/{}", entry.identifier, endorsement.endorser.email, endorsement.created)
    };
    entries(io::Cursor::new(answer.body)).map(|document| key(document.unwrap())).collect()
}

pub(crate) fn keys(drafts: &[&Draft]) -> BTreeSet<String> {
    drafts.iter().map(|draft| draft.path().strip_prefix("/metadata/").unwrap().to_owned()).collect()
}

#[track_caller]
fn lists(server: &Server, path: &str, expected: &[&Draft]) {
    let found = listed(server, path);
    let set: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(set.len(), found.len(), "{path} has an entry twice");
    assert_eq!(set, keys(expected), "{path}");
}

pub(crate) fn datatables(server: &Server, query: &str) -> Value {
    let answer = server.get(&format!("/metadata?{query}")).accept("application/json").send();
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/json"), "{query}");
    let form = server.post("/metadata", FORM, query).send();
    assert_eq!((form.status, form.json()), (200, answer.json()), "S42: {query}");
    answer.json()
}

/// Four images: one with two entries of one endorser, one deprecated, one expired, one of another's.
struct Stock {
    server: Server,
    old: Draft,
    new: Draft,
    deprecated: Draft,
    expired: Draft,
    other: Draft,
}

impl Stock {
    fn new() -> Self {
        let john = "john@example.org";
        let old = Draft::new("one").created("2012-01-01T00:00:00Z").text("title", "old title");
        let stock = Self {
            server: start(|_| ()),
            new: old.clone().created("2012-01-02T00:00:00Z").text("title", "new title").text("os", "Ubuntu"),
            old,
            deprecated: Draft::new("two").created("2012-01-03T00:00:00Z").deprecated("<b>bad</b>"),
            expired: Draft::new("three").created("2012-01-04T00:00:00Z").valid("2013-01-01T00:00:00Z"),
            other: Draft::new("one")
                .email(john)
                .created("2012-01-05T00:00:00Z")
                .text("os", "CentOS")
                .text("os-version", "6.2")
                .text("os-arch", "x86_64")
                .text("kind", "disk")
                .text("description", "100% sûr <&> [a-z]* \"x\"")
                .locations(&["pdisk:host:1:2", "ftp://example.org/b"]),
        };
        for draft in [&stock.old, &stock.new, &stock.deprecated, &stock.expired, &stock.other] {
            stock.server.publish(draft.signed());
        }
        stock
    }
}

#[test]
fn an_empty_marketplace_has_no_list_in_xml_and_an_empty_one_in_json() {
    let server = start(|_| ());
    assert_eq!(listed(&server, "/metadata"), [""; 0]);
    assert_eq!(
        datatables(&server, ""),
        json!({"sEcho": 0, "iTotalRecords": 0, "iTotalDisplayRecords": 0, "rMsg": NOTHING, "aaData": []})
    );
    assert_eq!(server.get("/metadata").accept("text/html").send().status, 200);
}

#[test]
fn a_list_has_the_newest_of_each_endorser_in_the_state_asked_for() {
    let Stock { server, new, deprecated, expired, other, .. } = &Stock::new();
    lists(server, "/metadata", &[new, other]);
    lists(server, "/metadata?status=valid", &[new, other]);
    lists(server, "/metadata?status=deprecated", &[deprecated]);
    lists(server, "/metadata?status=expired", &[expired]);
    lists(server, "/metadata?status=all", &[new, other, deprecated, expired]);
    lists(server, "/metadata?status=", &[new, other]);
}

#[test]
fn the_list_is_metadata_in_no_namespace_around_the_bytes_of_the_entries() {
    let server = start(|_| ());
    let document = String::from_utf8(Draft::new("an image").signed()).unwrap();
    server.publish(document.clone());
    let body = document.split_once("?>").unwrap().1;
    let expected =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?><metadata>{body}</metadata>");
    assert_eq!(server.get("/metadata").send().text(), expected);
}

#[test]
fn entries_with_a_byte_order_mark_and_crlf_stand_in_lists() {
    let server = start(|_| ());
    let draft = Draft::new("an image").text("title", "Jérôme 日本 \u{85}\u{2028}");
    let unsigned = format!("\u{feff}{}", draft.unsigned().replace('\n', "\r\n"));
    let document = crate::server::draft::sign(
        unsigned.as_bytes(),
        &crate::server::draft::identity(crate::server::draft::EMAIL),
        crate::server::draft::EMAIL,
        crate::server::draft::time("2012-03-04T05:06:07Z"),
    );
    server.publish(document);
    lists(&server, "/metadata", &[&draft]);
    let list = server.get("/metadata").send();
    roxmltree::Document::parse(&list.text()).unwrap();
    assert!(list.text().contains("\r\n"));
    assert!(!list.text().contains('\u{feff}'));
}

#[test]
fn s21_path_arguments_go_by_shape_and_parameters_by_name() {
    let Stock { server, old, new, deprecated, other, .. } = &Stock::new();
    let (id, john, date) = (new.identifier(), "john@example.org", "2012-01-01T00:00:00Z");
    lists(server, &format!("/metadata/{id}"), &[new, other]);
    lists(server, &format!("/metadata/{john}"), &[other]);
    lists(server, &format!("/metadata/{id}/{john}"), &[other]);
    lists(server, &format!("/metadata/{john}/{id}"), &[other]);
    // A date lists what was superseded, too.
    lists(server, &format!("/metadata/{date}"), &[old]);
    lists(server, &format!("/metadata/{id}/{date}"), &[old]);
    lists(server, &format!("/metadata?created={date}"), &[old]);
    lists(server, &format!("/metadata?identifier={id}&email={john}"), &[other]);
    lists(server, &format!("/metadata/{id}?email={john}"), &[other]);
    lists(server, &format!("/metadata/{id}?status=deprecated"), &[]);
    lists(server, &format!("/metadata/{}?status=deprecated", deprecated.identifier()), &[deprecated]);
    // Conditions that exclude each other, and values that nothing has.
    for path in [
        format!("/metadata/{john}?email=jane.tester@example.org"),
        format!("/metadata/{john}/jane.tester@example.org"),
        "/metadata/nonsense".to_owned(),
        "/metadata/abc@".to_owned(),
        format!("/metadata?email={id}"),
        format!("/metadata?identifier={john}"),
        "/metadata?created=yesterday".to_owned(),
        format!("/metadata/{}", id.to_string().to_lowercase()),
    ] {
        lists(server, &path, &[]);
    }
    for ignored in ["/metadata?identifier=&email=&created=", "/metadata?unknown=1&also"] {
        lists(server, ignored, &[new, other]);
    }
}

#[test]
fn s22_a_status_is_one_of_four() {
    let server = start(|_| ());
    for value in ["Valid", "any", "%3Cscript%3E", "valid,expired"] {
        let answer = server.get(&format!("/metadata?status={value}")).accept("text/xml").send();
        assert_eq!(answer.status, 400, "{value}");
        assert!(
            answer.text().contains("status is one of valid, expired, deprecated, all"),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn locations_are_web_pdisk_or_whatever() {
    let Stock { server, new, other, .. } = &Stock::new();
    lists(server, "/metadata?location=web", &[new, other]);
    lists(server, "/metadata?location=pdisk", &[other]);
    lists(server, "/metadata?location=all", &[new, other]);
    lists(server, "/metadata?location=elsewhere", &[new, other]);
    let nowhere = Draft::new("nowhere").locations(&[]);
    server.publish(nowhere.signed());
    lists(server, "/metadata?location=web", &[new, other, &nowhere]);
    lists(server, "/metadata?location=pdisk", &[other]);
}

#[test]
fn columns_and_words_are_searched_whatever_the_case() {
    let Stock { server, new, other, .. } = &Stock::new();
    for (query, expected) in [
        ("os=ubuntu", vec![new]),
        ("sSearch_1=BUNT", vec![new]),
        ("os-version=6.2", vec![other]),
        ("sSearch_2=6", vec![other]),
        ("os-arch=X86", vec![other]),
        ("sSearch_3=_64", vec![other]),
        ("endorser=JOHN", vec![other]),
        ("sSearch_4=@example", vec![new, other]),
        ("kind=disk", vec![other]),
        ("sSearch_5=mach", vec![new]),
        ("os=ubuntu&kind=disk", vec![]),
        ("q=title", vec![new]),
        ("sSearch=NEW+title", vec![new]),
        ("q=title+centos", vec![]),
        ("q=2012-01-05", vec![other]),
        ("q=S%C3%9BR", vec![other]),
        ("q=pdisk:host", vec![other]),
        ("q=++", vec![new, other]),
    ] {
        let path = format!("/metadata?{query}");
        lists(server, &path, &expected);
    }
    let id = other.identifier().to_string();
    lists(server, &format!("/metadata?q={}", &id[3..20]), &[new, other]);
}

#[test]
fn s3_search_terms_are_literals() {
    let Stock { server, new, other, .. } = &Stock::new();
    for (term, expected) in [
        ("100%25", vec![other]),
        ("%5Ba-z%5D*", vec![other]),
        ("%22x%22", vec![other]),
        ("%3C%26%3E", vec![other]),
        (".*", vec![]),
        ("%25", vec![other]),
        ("_", vec![other]),
        ("'", vec![]),
        ("%27+OR+1%3D1+--", vec![]),
        ("\\", vec![]),
        ("%5C%25", vec![]),
        ("%22)+FILTER(regex(%22", vec![]),
        ("%00", vec![]),
        ("(", vec![]),
        ("NOT", vec![]),
        ("*", vec![other]),
    ] {
        for name in ["q", "sSearch"] {
            let found = listed(server, &format!("/metadata?{name}={term}&status=valid"));
            let mut found: BTreeSet<String> = found.into_iter().collect();
            // Identifiers are random enough to have an underscore or not.
            if term == "_" {
                found.retain(|key| keys(&expected).contains(key));
            }
            assert_eq!(found, keys(&expected), "{name}={term}");
        }
    }
    for name in ["sSearch_1", "sSearch_2", "sSearch_3", "sSearch_4", "sSearch_5"] {
        lists(server, &format!("/metadata?{name}=.*"), &[]);
    }
    assert!(!keys(&[new]).is_empty());
}

#[test]
fn s5_s6_values_that_make_no_sense_are_the_clients_mistake() {
    let server = start(|_| ());
    server.publish(Draft::new("an image").signed());
    for query in [
        "sEcho=x",
        "sEcho=1.5",
        "sEcho=99999999999999999999",
        "iSortCol_0=x",
        "iSortCol_0=11",
        "iSortCol_0=-1",
        "sSortDir_0=up",
        "iDisplayStart=0&iDisplayLength=-1",
        "iDisplayStart=-1&iDisplayLength=10",
        "iDisplayStart=x&iDisplayLength=10",
        "length=0",
        "length=1001",
        "length=x",
        "sort=",
        "sort=size",
        "after=x",
        "before=x",
        "q=a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q",
        "os=a&os=b",
    ] {
        let answer = server.get(&format!("/metadata?{query}")).accept("application/json").send();
        let expected = if query == "sort=" { 200 } else { 400 };
        assert_eq!(answer.status, expected, "{query}: {}", answer.text());
        let form = server.post("/metadata", FORM, query).accept("application/json").send();
        assert_eq!(form.status, expected, "{query}");
    }
    let long = format!("/metadata?q={}", "x".repeat(1000));
    assert_eq!(server.get(&long).send().status, 400);
}

#[test]
fn counts_follow_the_clock_and_the_uploads() {
    let server = &crate::start(|_| {});
    let count = || datatables(server, "status=valid")["iTotalDisplayRecords"].clone();
    assert_eq!(count(), 0);
    let expires = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + 4).unwrap();
    server.publish(Draft::new("brief").valid(&expires.to_string()).signed());
    server.publish(Draft::new("lasting").signed());
    assert_eq!(count(), 2);
    server.publish(Draft::new("more").signed());
    assert_eq!(count(), 3);
    while Timestamp::now() < expires {
        assert!(count() == 3 || Timestamp::now() >= expires);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(count(), 2);
}

#[test]
fn the_datatables_answer_is_as_old_scripts_expect() {
    let Stock { server, new, other, .. } = &Stock::new();
    let answer = datatables(server, "sEcho=7");
    assert_eq!(answer["sEcho"], 7);
    assert_eq!((&answer["iTotalRecords"], &answer["iTotalDisplayRecords"]), (&2.into(), &2.into()));
    // S25: nothing to say.
    assert_eq!(answer["rMsg"], "");
    // S23: the first location; S43: `null` is a text.
    let row = json!([
        "",
        "CentOS",
        "6.2",
        "x86_64",
        "john@example.org",
        "disk",
        "2012-01-05T00:00:00Z",
        other.identifier().to_string(),
        "pdisk:host:1:2",
        "100% sûr <&> [a-z]* \"x\"",
        "null"
    ]);
    assert_eq!(answer["aaData"][0], row);
    assert_eq!(answer["aaData"][1][7], new.identifier().to_string());
    assert_eq!(answer["aaData"][1][2], "null");
    // S44: the total is that of the status, whatever else is asked for.
    let answer = datatables(server, "location=pdisk&sSearch=centos");
    assert_eq!((&answer["iTotalRecords"], &answer["iTotalDisplayRecords"]), (&2.into(), &1.into()));
    let answer = datatables(server, "status=all&sSearch_5=disk");
    assert_eq!((&answer["iTotalRecords"], &answer["iTotalDisplayRecords"]), (&4.into(), &1.into()));
    // Nothing: neither counts.
    let answer = datatables(server, "sSearch=nowhere&sEcho=2");
    assert_eq!(
        answer,
        json!({"sEcho": 2, "iTotalRecords": 0, "iTotalDisplayRecords": 0, "rMsg": NOTHING, "aaData": []})
    );
}

#[test]
fn s42_a_form_is_a_query() {
    let Stock { server, other, .. } = &Stock::new();
    // Its body takes the place of the query, on every list.
    for path in ["/metadata", "/metadata?status=expired", "/metadata/x", "/metadata/x/y"] {
        let answer = server.post(path, &format!("{FORM}; charset=UTF-8"), "sSearch=centos&sEcho=4").send();
        assert_eq!(
            (answer.status, answer.header("content-type").as_str()),
            (200, "application/json"),
            "{path}"
        );
        let rows = &answer.json()["aaData"];
        assert_eq!((rows.as_array().unwrap().len(), &answer.json()["sEcho"]), (1, &4.into()), "{path}");
        assert_eq!(rows[0][7], other.identifier().to_string());
    }
    let large = format!("sSearch={}", "x".repeat(100_000));
    assert_eq!(server.post("/metadata", FORM, large).send().status, 413);
}

#[test]
fn our_client_lists_what_is_there() {
    use stratuslab::marketplace::{Client, ClientOptions};
    let Stock { server, old, new, .. } = &Stock::new();
    let mut options = ClientOptions::default();
    options.connection.proxy_from_environment = false;
    let client = Client::new(server.base.parse().unwrap(), options).unwrap();
    let email = "jane.tester@example.org".parse().unwrap();
    for (created, draft) in [(None, new), (Some("2012-01-01T00:00:00Z".parse().unwrap()), old)] {
        let document = client.fetch(&new.identifier(), &email, created).unwrap();
        let entry = verify(&document, &AlgorithmPolicy::default()).unwrap();
        let endorsed = entry.endorsement.as_ref().unwrap().created;
        assert!(draft.path().ends_with(&endorsed.to_string()));
    }
}

#[test]
fn entries_with_megabytes_of_text_do_not_make_lists_of_them() {
    let server = start(|_| ());
    let long = "é long ".repeat(200_000);
    let locations: Vec<String> = (0..2_000).map(|n| format!("http://example.org/{n}/image")).collect();
    let locations: Vec<&str> = locations.iter().map(String::as_str).collect();
    let mut path = String::new();
    for image in ["one", "two", "three"] {
        let draft =
            Draft::new(image).text("title", &long).text("kind", &long).text("tag", &format!("{long}t"));
        path = server
            .publish(draft.text("description", &format!("begin {long}")).locations(&locations).signed());
    }
    let pages = ["/metadata?q=begin", "/api/v1/entries?q=begin", "/api/v1/endorsers", "/metadata"];
    for (page, accept) in pages.into_iter().zip(["application/json", "application/json", "*/*", "text/html"])
    {
        let answer = server.get(page).accept(accept).send();
        assert_eq!(answer.status, 200, "{page}");
        assert!(answer.body.len() < 256 * 1024, "{page}: {}", answer.body.len());
    }
    assert_eq!(datatables(&server, "q=begin")["iTotalDisplayRecords"], 3);
    let entry = server.get(&path).accept("application/xml").send();
    assert!(entry.body.len() > 1_000_000, "the document has all of it");
}
