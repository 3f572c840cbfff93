//! What was signed must be an entry, and mean the same to everybody.

use stratuslab::{
    dsig::{AlgorithmPolicy, VerifyError, verify},
    metadata::rules::{RuleError, StructureError},
    validate::{Options, Requirement, validate},
    xml::entries,
};

use crate::{
    entry::{ENDORSED, plain, with},
    forge::{Forgery, x509_data},
    pki::{Request, jane},
};

/// Signed with `from` replaced by `to` in what is signed.
#[track_caller]
fn replaced(from: &str, to: &str) -> Forgery {
    let mut forgery = Forgery::new();
    let content = forgery.content.replace(from, to);
    assert_ne!(content, forgery.content, "{from}");
    forgery.content = content;
    forgery
}

#[track_caller]
fn rule(from: &str, to: &str) -> RuleError {
    match replaced(from, to).error() {
        VerifyError::Rule(error) => error,
        other => panic!("{to}: {other}"),
    }
}

const EMAIL: &str = "jane.tester@example.org";

#[test]
fn m7_m8_the_endorsement_has_a_date_and_a_bad_one_is_shown() {
    let date = format!("<dcterms:created>{ENDORSED}</dcterms:created>");
    let shown = "2011-13-04T05:06:07Z";
    let error = rule(ENDORSED, shown);
    assert!(matches!(&error, RuleError::NoSuchDate { value } if value == shown), "{error}");
    let error = rule(ENDORSED, "yesterday");
    assert_eq!(error.to_string(), "dcterms:created value (yesterday) is not a valid date");
    let error = rule(&date, "<dcterms:created/>");
    assert!(matches!(error, RuleError::NotADate { element: "dcterms:created", .. }), "{error}");
    let error = replaced(&date, "").error();
    assert!(
        matches!(
            error,
            VerifyError::EndorserElement { element: "dcterms:created in slreq:endorsement", count: 0 }
        ),
        "{error}"
    );
}

/// M8, M12: what may be too old is told, and refused where that is asked for.
#[test]
fn m8_m12_dates_are_reported_and_can_be_required() {
    let long_ago = Request::new("Jane Tester").email(EMAIL).days(-9000, -8000).self_signed(&jane().key);
    let mut forgery = Forgery { key_info: x509_data(&[&long_ago]), ..Forgery::new() };
    let valid = "        <dcterms:valid>2011-07-25T09:59:42Z</dcterms:valid>\n";
    let now = "2012-01-01T00:00:00Z".parse().unwrap();
    let judged = |forgery: &Forgery, require: &[Requirement]| {
        let mut options = Options::new(now);
        options.require = require.to_vec();
        let report = validate(forgery.document().as_bytes(), &options);
        let notes: Vec<String> = report.notes().map(ToOwned::to_owned).collect();
        (report.deciding().map(|check| check.name), notes)
    };
    let (deciding, notes) = judged(&forgery, &[]);
    assert_eq!(deciding, None);
    assert!(notes.iter().any(|note| note == "the entry expired at 2011-07-25T09:59:42Z"), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("the certificate is valid from ")), "{notes:?}");
    assert_eq!(judged(&forgery, &[Requirement::Current]).0, Some("current"));
    for valid_or_not in ["", "        <dcterms:valid/>\n"] {
        forgery.content = Forgery::new().content.replace(valid, valid_or_not);
        assert_eq!(judged(&forgery, &[]).0, None);
        assert_eq!(judged(&forgery, &[Requirement::Dated]).0, Some("dated"));
        assert_eq!(judged(&forgery, &[Requirement::Current]).0, Some("certificate-current"));
    }
}

#[test]
fn m9_a_malformed_identifier_is_an_ordinary_error() {
    let error = rule("identifier>CJZY", "identifier>C");
    assert!(matches!(error, RuleError::About { .. }), "{error}");
    let error = rule("CJZY2Oz3kCwb5gfuF2CMS6MDtUR", "_JZY2Oz3kCwb5gfuF2CMS6MDtUR");
    assert!(matches!(error, RuleError::Identifier(_)), "{error}");
}

/// Foreign elements in front, of the same names, and in deeper places.
#[test]
fn m10_nested_elements_steer_nothing() {
    let decoy = "<x:decoy xmlns:x=\"urn:x\" rdf:parseType=\"Resource\">\
        <slreq:email>victim@example.org</slreq:email><slreq:subject>CN=Victim</slreq:subject>\
        <slreq:issuer>CN=Victim</slreq:issuer><dcterms:identifier>x</dcterms:identifier>\
        <slterms:deprecated>no</slterms:deprecated></x:decoy><dcterms:type>";
    let forgery = replaced("<dcterms:type>", decoy);
    let entry = verify(forgery.document().as_bytes(), &AlgorithmPolicy::default()).unwrap();
    assert_eq!(entry.endorsement.as_ref().unwrap().endorser.email.as_str(), EMAIL);
    assert_eq!(entry.identifier.to_string(), "CJZY2Oz3kCwb5gfuF2CMS6MDtUR");
    assert_eq!(entry.deprecated, None);

    // In front of the endorsement, it is out of order and refused as such.
    let first = decoy.replace("<dcterms:type>", "<slreq:endorsement ");
    let error = rule("<slreq:endorsement ", &first);
    assert!(matches!(error, RuleError::Structure(StructureError::Order { .. })), "{error}");
    // A whole second endorsement, nested.
    let deep =
        "<x:decoy xmlns:x=\"urn:x\" rdf:parseType=\"Resource\"><slreq:endorsement/></x:decoy><dcterms:type>";
    assert!(matches!(rule("<dcterms:type>", deep), RuleError::Structure(_)));
}

/// C28: every look-alike of what an entry says, in front of the real one and deeper, is nothing.
#[test]
fn c28_only_exact_paths_are_read() {
    // Values a reader would take, so that nothing but their place speaks against them.
    let look_alikes: String = [
        ("dcterms:identifier", "MMZu9WvwKIro-rtBQfDk4PsKO7_"),
        ("slreq:bytes", "99"),
        ("dcterms:type", "grid"),
        ("slterms:kind", "disk"),
        ("slterms:os", "other"),
        ("slterms:location", "http://evil.example.org/"),
        ("dcterms:compression", "gz"),
        ("dcterms:creator", "Mallory"),
        ("dcterms:valid", "2999-01-01T00:00:00Z"),
        ("dcterms:title", "other"),
        ("slterms:deprecated", "no"),
    ]
    .map(|(name, text)| format!("<{name}>{text}</{name}>"))
    .concat();
    let decoy = format!(
        "<x:decoy xmlns:x=\"urn:x\" rdf:parseType=\"Resource\">{look_alikes}\
         <slreq:checksum rdf:parseType=\"Resource\"><slreq:algorithm>SHA-1</slreq:algorithm>\
         <slreq:value>{}</slreq:value></slreq:checksum></x:decoy><dcterms:type>",
        "0".repeat(40)
    );
    let read = |forgery: &Forgery| {
        let entry = verify(forgery.document().as_bytes(), &AlgorithmPolicy::default()).unwrap();
        (*entry).clone()
    };
    let plainly = read(&Forgery::new());
    assert_eq!(plainly.locations, ["http://example.org/ttylinux.gz?a=1&b=2"]);
    assert_eq!(read(&replaced("<dcterms:type>", &decoy)), plainly);
}

/// C28: an entry cut out of a list has its own locations, in their order, and no other's.
#[test]
fn c28_locations_of_a_list_are_not_merged() {
    let element = |location: &str| format!("<slterms:location>{location}</slterms:location>");
    let locations = [&["http://a/1", "http://a/2"][..], &["http://b/1"]];
    let documents: String = locations
        .iter()
        .map(|own| {
            let own: String = own.iter().map(|location| element(location)).collect();
            let document = replaced(&element("http://example.org/ttylinux.gz?a=1&amp;b=2"), &own).document();
            document.split_once("?>").unwrap().1.to_owned()
        })
        .collect();
    let list = format!("<metadata>{documents}</metadata>");
    let cut = entries(list.as_bytes()).map(|entry| {
        let entry = verify(&entry.unwrap(), &AlgorithmPolicy::default()).unwrap();
        entry.locations.clone()
    });
    assert_eq!(cut.collect::<Vec<_>>(), locations);
}

/// C33: compression is the term of Dublin Core; a tool's `slterms:compression` says nothing.
#[test]
fn c33_compression_is_read_from_dcterms_only() {
    for (element, compression) in [("dcterms", Some("gz")), ("slterms", None)] {
        let element = format!("<{element}:compression>gz</{element}:compression><slterms:location>");
        let document = replaced("<slterms:location>", &element).document();
        let entry = verify(document.as_bytes(), &AlgorithmPolicy::default()).unwrap();
        assert_eq!(entry.compression.as_deref(), compression);
    }
}

#[test]
fn m15_only_the_literal_sha_1_counts() {
    for name in ["SHA1", " SHA-1", "sha-1"] {
        assert_eq!(rule(">SHA-1<", &format!(">{name}<")), RuleError::OneSha1);
    }
}

#[test]
fn m16_checksums_have_the_digits_of_their_algorithm() {
    let sha1 = "22596363b3de40b06f981fb85d82312e8c0ed511";
    let upper = replaced(sha1, &sha1.to_uppercase()).document();
    assert!(verify(upper.as_bytes(), &AlgorithmPolicy::default()).is_ok());
    let zero = replaced(sha1, &format!("0{sha1}")).document();
    assert!(verify(zero.as_bytes(), &AlgorithmPolicy::default()).is_ok());
    for bad in [format!("00{sha1}"), sha1[1..].to_owned()] {
        assert!(matches!(rule(sha1, &bad), RuleError::Checksum { .. }), "{bad}");
    }
    for bad in
        [format!("+{sha1}"), format!("-{sha1}"), format!("0x{sha1}"), format!(" {sha1}"), String::new()]
    {
        assert!(matches!(rule(sha1, &bad), RuleError::Structure(StructureError::Value { .. })), "{bad}");
    }
    let other = sha1.replace('2', "3");
    let error = rule(sha1, &other);
    assert!(matches!(error, RuleError::Inconsistent { .. }), "{error}");
}

#[test]
fn m18_m20_what_says_who_endorsed_is_there_once() {
    let issuer = "<slreq:issuer>CN=Jane Tester,O=StratusLab,C=FR</slreq:issuer>";
    let endorsement = |content: &str| {
        let start = content.find("<slreq:endorsement").unwrap();
        let end = content.find("</slreq:endorsement>").unwrap() + "</slreq:endorsement>".len();
        content[start..end].to_owned()
    };
    let endorsement = endorsement(&Forgery::new().content);
    for (from, to, wanted, found) in [
        (issuer, [issuer, issuer].concat(), "slreq:issuer", 2),
        (issuer, String::new(), "slreq:issuer", 0),
        ("<slreq:email>", "<slreq:email>a@b</slreq:email><slreq:email>".into(), "slreq:email", 2),
        ("<slreq:subject>", "<slreq:subject/><slreq:subject>".into(), "slreq:subject", 2),
        (&endorsement, endorsement.repeat(2), "slreq:endorsement", 2),
        (&endorsement, String::new(), "slreq:endorsement", 0),
        ("<slreq:endorser ", "<slreq:endorser/><slreq:endorser ".into(), "slreq:endorser", 2),
    ] {
        let error = replaced(from, &to).error();
        assert!(
            matches!(error, VerifyError::EndorserElement { element, count } if element == wanted && count == found),
            "{to}: {error}"
        );
    }
}

#[test]
fn m19_constraints_name_the_element_as_it_is() {
    assert_eq!(
        rule(">SHA-1<", ">SHA<").to_string(),
        "description must have exactly 1 slreq:checksum element using SHA-1 algorithm"
    );
}

#[test]
fn nothing_below_the_description_speaks_of_something_else() {
    for extra in [
        "<x:a xmlns:x='urn:x' rdf:about='#y'/>",
        "<x:a xmlns:x='urn:x' rdf:ID='y'>1</x:a>",
        "<x:a xmlns:x='urn:x' rdf:nodeID='y'/>",
        "<x:a xmlns:x='urn:x' xml:base='urn:y'>1</x:a>",
        "<x:a xmlns:x='urn:x' rdf:parseType='Resource'><x:b rdf:ID='y'>1</x:b></x:a>",
        "<x:a xmlns:x='urn:x'><rdf:Description rdf:about='#y'/></x:a>",
        "<x:a xmlns:x='urn:x' rdf:parseType='Literal'><x:b xml:base='urn:y'/></x:a>",
    ] {
        let mut options = Options::new(ENDORSED.parse().unwrap());
        options.signed = false;
        let report = validate(with(extra).as_bytes(), &options);
        let deciding = report.deciding().unwrap_or_else(|| panic!("{extra}"));
        assert_eq!(deciding.name, "subjects", "{extra}: {deciding:?}");
        assert!(report.into_verified().is_err());
        let error = rule("    </rdf:Description>", &format!("{extra}</rdf:Description>"));
        assert!(matches!(error, RuleError::Structure(StructureError::Attribute { .. })), "{extra}: {error}");
    }
    assert_ne!(with("<!-- -->"), plain());
}
