//! Single elements.

use crate::{
    draft::{Draft, EMAIL},
    found::{Place, broken, joe},
};

const MANIFEST: &str = "manifest";

fn draft() -> Draft {
    Draft::new("x")
        .text("os-version", "9.7")
        .locations(&["http://a.example.org/x", "http://b.example.org/x"])
        .extra(
            "<slterms:inbound-port>22</slterms:inbound-port><slterms:inbound-port>80</slterms:inbound-port>",
        )
}

#[test]
fn p14_elements_are_printed_by_name() {
    let place = Place::with(&[&draft()]);
    let id = draft().identifier().to_string();
    for (name, value) in [
        ("locations", "http://a.example.org/x\nhttp://b.example.org/x"),
        ("location", "http://a.example.org/x"),
        ("os-version", "9.7"),
        ("OSVERSION", "9.7"),
        ("os_version", "9.7"),
        ("size", "1"),
        ("bytes", "1"),
        ("sha1", "11f6ad8ec52a2984abaafd7c3b516503785c2072"),
        ("sha-256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("identifier", id.as_str()),
        ("endorsed", "2012-03-04T05:06:07Z"),
        ("email", EMAIL),
        ("inbound-port", "22\n80"),
    ] {
        assert_eq!(place.run(MANIFEST, &["-e", name, &id]).succeeded(), format!("{value}\n"), "{name}");
    }
    let several = place.run(MANIFEST, &["-e", "os", "--element", "bytes", &place.url(&draft())]);
    assert_eq!(several.succeeded(), "ttylinux\n1\n");
    let json = &place.run(MANIFEST, &["--json", "-e", "locations", "-e", "os", &id]).json()[0];
    assert_eq!(json["elements"]["locations"][1], "http://b.example.org/x");
    assert_eq!((&json["url"], &json["verdict"]), (&place.url(&draft()).into(), &"valid".into()));
}

#[test]
fn what_is_not_there_and_what_is_no_element_are_told_apart() {
    let place = Place::with(&[&draft()]);
    let id = draft().identifier().to_string();
    let missing = place.run(MANIFEST, &["-e", "os", "-e", "sha512", "-e", "title", &id]);
    missing.failed(1, &format!("error: {id}/{EMAIL}/2012-03-04T05:06:07Z has no sha512 and no title\n"));
    let unknown = place.run(MANIFEST, &["-e", "osversoin", &id]);
    assert_eq!(unknown.status, Some(2));
    let told = "invalid value 'osversoin' for '--element <ELEMENT>': did you mean 'os-version'? The elements are title,";
    assert!(unknown.stderr.contains(told), "{}", unknown.stderr);
    assert_eq!(place.run(MANIFEST, &[&id]).status, Some(2));
    assert_eq!(place.run(MANIFEST, &["-e", "os"]).status, Some(2));
}

#[test]
fn the_newest_valid_entry_counts_and_is_named_if_there_are_several() {
    let joes = Draft::new("x").email("joe@example.org").created("2013-01-01T00:00:00Z").text("os", "joes");
    let place = Place::with(&[&draft(), &joes]);
    let id = draft().identifier().to_string();
    let os = |arguments: &[&str]| place.run(MANIFEST, &[&["-e", "os"], arguments].concat());
    let note = format!("note: of 2 entries, {id}/joe@example.org/2013-01-01T00:00:00Z is taken\n");
    os(&[&id]).ended(0, "joes\n", &note);
    assert_eq!(os(&[&format!("{id}/{EMAIL}")]).succeeded(), "ttylinux\n");
    place.publish(&joes.clone().created("2014-01-01T00:00:00Z").deprecated("a hole").signed());
    let jane = format!("note: of 2 entries, {id}/{EMAIL}/2012-03-04T05:06:07Z is taken\n");
    os(&[&id]).ended(0, "ttylinux\n", &jane);
    let name = format!("{id}/joe@example.org/2014-01-01T00:00:00Z");
    os(&[&format!("{id}/joe@example.org")]).ended(
        0,
        "joes\n",
        &format!("warning: {name} is deprecated: a hole\n"),
    );
    place.publish(&draft().created("2015-01-01T00:00:00Z").valid("2016-01-01T00:00:00Z").signed());
    let done = os(&[&id]);
    let expected = format!(
        "error: no valid entry: {id}/{EMAIL}/2015-01-01T00:00:00Z expired at 2016-01-01T00:00:00Z\n\
         hint: ID/EMAIL names an entry all the same\n"
    );
    done.failed(1, &expected);
}

#[test]
fn the_trusted_count_more_and_others_are_warned_of() {
    let place = Place::with(&[&draft().created_in(-5)]);
    let joes = Draft::new("x").email("joe@example.org").created_in(-60).text("os", "joes");
    place.publish(&joes.signed_by(&joe(&place.folder)));
    let id = draft().identifier().to_string();
    let os = |arguments: &[&str]| place.run(MANIFEST, &[&["-q", "-e", "os"], arguments].concat());
    assert_eq!(os(&[&id]).succeeded(), "ttylinux\n");
    assert_eq!(os(&[&id, "--ca-file", "ca.pem"]).succeeded(), "joes\n");
    let done = os(&[&format!("{id}/{EMAIL}"), "--ca-file", "ca.pem"]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(0), "ttylinux\n"));
    assert!(done.stderr.contains(" is not trusted: "), "{}", done.stderr);
    let done = os(&[&format!("{id}/{EMAIL}"), "--ca-file", "ca.pem", "--endorsed-by", "joe@example.org"]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
}

#[test]
fn only_what_verifies_is_printed() {
    let place = Place::with(&[]);
    place.folder.write("bad.xml", broken(&draft().signed()));
    place.folder.write("x.xml", draft().signed());
    let bytes = |file: &str| place.run(MANIFEST, &["-e", "bytes", "--metadata-file", file]);
    assert_eq!(bytes("x.xml").succeeded(), "1\n");
    let bad = bytes("bad.xml");
    assert_eq!((bad.status, bad.stdout.as_str()), (Some(1), ""));
    assert!(bad.stderr.contains("/2012-03-04T05:06:07Z is invalid: "), "{}", bad.stderr);
    // A value is one line, whatever is in it.
    let odd = Draft::new("x").text("description", "a\nb\u{9b}");
    place.folder.write("odd.xml", odd.signed());
    let description = place.run(MANIFEST, &["-e", "description", "--metadata-file", "odd.xml"]);
    assert_eq!(description.succeeded(), "a\\nb\\u{9b}\n");
}
