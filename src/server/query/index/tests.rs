use super::*;

const ID: &str = "MMZu9WvwKIro-rtBQfDk4PsKO7_";

fn add(index: &mut Index, email: &str, created: &str, content: &str) {
    let key: EntryKey = format!("{ID}/{email}/{created}").parse().unwrap();
    let document = format!(
        "<rdf:RDF xmlns:rdf='{}' xmlns:dcterms='{}' xmlns:slreq='{}' xmlns:slterms='{}' \
         xml:base='http://mp.stratuslab.eu/'><rdf:Description rdf:about='#{ID}'>\
         <dcterms:identifier>{ID}</dcterms:identifier><slreq:endorsement rdf:parseType='Resource'>\
         <dcterms:created>{created}</dcterms:created></slreq:endorsement>{content}</rdf:Description></rdf:RDF>",
        namespace::RDF,
        namespace::DCTERMS,
        namespace::SLREQ,
        namespace::SLTERMS,
    );
    index.add(&key, document.as_bytes()).unwrap();
}

/// The subjects with `slterms:tag "latest"`, by what follows the identifier.
fn latest(index: &Index) -> Vec<String> {
    let mut subjects: Vec<String> = index
        .matching(None, Some(index.tag), Some(index.latest_tag))
        .map(|[subject, ..]| index.term(subject).to_string())
        .map(|subject| subject.split_once(&format!("{ID}/")).unwrap().1.trim_end_matches('>').to_owned())
        .collect();
    subjects.sort();
    subjects
}

#[test]
fn the_newest_of_each_endorser_is_tagged_whatever_order_they_come_in() {
    let mut index = Index::new().unwrap();
    add(&mut index, "a@x.org", "2020-01-02T00:00:00Z", "");
    add(&mut index, "b@x.org", "2019-01-01T00:00:00Z", "");
    index.settle();
    assert_eq!(latest(&index), ["a@x.org/2020-01-02T00:00:00Z", "b@x.org/2019-01-01T00:00:00Z"]);
    add(&mut index, "a@x.org", "2020-01-03T00:00:00Z", "");
    add(&mut index, "b@x.org", "2018-01-01T00:00:00Z", "");
    index.settle();
    assert_eq!(latest(&index), ["a@x.org/2020-01-03T00:00:00Z", "b@x.org/2019-01-01T00:00:00Z"]);
    assert_eq!(index.entries(), 4);
    // Three statements each, and the tags.
    assert_eq!(index.len(), 4 * 3 + 2);
    assert_eq!(index.matching(None, None, None).count(), index.len());
}

#[test]
fn a_tag_of_a_document_counts_for_nothing() {
    let mut index = Index::new().unwrap();
    add(&mut index, "a@x.org", "2020-01-02T00:00:00Z", "");
    add(&mut index, "a@x.org", "2020-01-01T00:00:00Z", "<slterms:tag>latest</slterms:tag>");
    index.settle();
    assert_eq!(latest(&index), ["a@x.org/2020-01-02T00:00:00Z"]);
}

#[test]
fn texts_too_long_are_left_out_and_the_rest_is_kept() {
    let mut index = Index::new().unwrap();
    let long = "x".repeat(MAX_TERM_BYTES + 1);
    add(&mut index, "a@x.org", "2020-01-02T00:00:00Z", &format!("<slterms:os>{long}</slterms:os>"));
    index.settle();
    assert_eq!(index.len(), 3 + 1);
}

#[test]
fn blank_nodes_of_different_entries_differ() {
    let mut index = Index::new().unwrap();
    add(&mut index, "a@x.org", "2020-01-01T00:00:00Z", "");
    add(&mut index, "b@x.org", "2020-01-01T00:00:00Z", "");
    index.settle();
    let predicate = format!("{}endorsement", namespace::SLREQ);
    let predicate = index.find(NamedNodeRef::new_unchecked(&predicate).into()).unwrap();
    let objects: BTreeSet<Id> =
        index.matching(None, Some(predicate), None).map(|[_, _, object]| object).collect();
    assert_eq!(objects.len(), 2);
}
