//! What stands beside the root of an entry is signed, but is not in lists.

use stratuslab::dsig::{self, AlgorithmPolicy};

use crate::{
    server::draft::{Draft, EMAIL, identity, sign, time},
    start,
    uploads::message,
};

/// An entry signed with these around its root.
fn signed(image: &str, before: &str, after: &str) -> Vec<u8> {
    let unsigned = Draft::new(image).unsigned();
    let (declaration, root) = unsigned.split_at(unsigned.find("<rdf:RDF").unwrap());
    let whole = format!("{declaration}{before}{root}{after}");
    sign(whole.as_bytes(), &identity(EMAIL), EMAIL, time("2012-03-04T05:06:07Z"))
}

#[test]
fn an_entry_that_would_not_hold_when_it_is_cut_out_of_a_list_is_refused() {
    let server = start(|_| ());
    for (number, (before, after)) in
        [("<?x y?>", ""), ("", "<?x y?>\n"), ("<?xml-stylesheet href='a.xsl'?>\n", "<!-- x -->\n")]
            .into_iter()
            .enumerate()
    {
        let document = signed(&number.to_string(), before, after);
        dsig::verify(&document, &AlgorithmPolicy::default()).expect("it holds by itself");
        let answer = server.upload(document.clone());
        assert_eq!(answer.status, 400);
        assert!(
            message(&answer).starts_with("invalid metadata: its signature covers something outside rdf:RDF"),
            "{}",
            message(&answer)
        );
        let verdict = server.post("/api/v1/entries", "application/xml", document).send().json();
        let failed = verdict["checks"].as_array().unwrap().iter().find(|check| check["outcome"] == "failed");
        assert_eq!(failed.unwrap()["name"], "outside-root", "{verdict}");
        assert_eq!(server.get(&Draft::new(&number.to_string()).path()).send().status, 404);
    }
}

#[test]
fn comments_beside_the_root_that_no_signature_covers_are_taken_and_every_entry_of_a_list_holds() {
    let server = start(|_| ());
    for (number, (before, after)) in
        [("", ""), ("<!-- before -->\n", "\n<!-- after -->\n"), ("\n\n", "\n \n")].into_iter().enumerate()
    {
        let document = signed(&number.to_string(), before, after);
        server.publish(document.clone());
        assert_eq!(server.get(&Draft::new(&number.to_string()).path()).send().body, document);
    }
    let list = server.get("/metadata").send().body;
    let entries: Vec<_> = stratuslab::xml::entries(list.as_slice()).map(Result::unwrap).collect();
    assert_eq!(entries.len(), 3);
    for entry in entries {
        dsig::verify(&entry, &AlgorithmPolicy::default()).unwrap();
    }
}
