//! Entries of many shapes: the same image described in every way an author may write it.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{collections::HashSet, sync::OnceLock};

use stratuslab::{
    ChecksumAlgorithm, Credentials, ImageDigests, Metadata, Timestamp,
    dsig::{self, SignError, SignRequest, SignatureMethod, Verified},
    metadata::rules::Leniency,
    validate::{Options, validate},
};

use crate::pki::Identity;

/// When everything was endorsed.
pub(crate) const ENDORSED: &str = "2011-03-04T05:06:07Z";

const ENDORSEMENT: &str = "<slreq:endorsement rdf:parseType=\"Resource\"/>";

/// An unsigned entry and what is special about it.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) document: Vec<u8>,
}

/// The unsigned entry as the library writes it.
pub(crate) fn plain() -> String {
    static PLAIN: OnceLock<String> = OnceLock::new();
    PLAIN
        .get_or_init(|| {
            let digests = ImageDigests::read(&b"hello world\n"[..], &[ChecksumAlgorithm::Sha256]).unwrap();
            let metadata = Metadata::builder(&digests)
                .kind("machine")
                .os("ttylinux")
                .os_version("9.7")
                .os_arch("i486")
                .version("1.3")
                .location("http://example.org/ttylinux.gz?a=1&b=2")
                .creator("Jane Tester")
                .created("2011-01-24T09:59:42Z".parse().unwrap())
                .valid("2011-07-25T09:59:42Z".parse().unwrap())
                .title("an <image> & its \"title\"")
                .build();
            metadata.to_rdf().unwrap()
        })
        .clone()
}

/// [`plain`] with `extra` as the last thing in its description.
pub(crate) fn with(extra: &str) -> String {
    plain().replace("    </rdf:Description>", &format!("{extra}    </rdf:Description>"))
}

/// Every shape; their names differ.
pub(crate) fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut add = |name, document: String| shapes.push(Shape { name, document: document.into_bytes() });
    line_ends(&mut add);
    namespaces(&mut add);
    foreign_content(&mut add);
    endorsements(&mut add);
    surroundings(&mut add);
    shapes
}

fn line_ends(add: &mut impl FnMut(&'static str, String)) {
    add("plain", plain());
    add("crlf", plain().replace('\n', "\r\n"));
    add("cr", plain().replace('\n', "\r"));
    add("mixed-line-ends", plain().replacen('\n', "\r\n", 5).replacen("\n    ", "\r    ", 9));
    add("tabs", plain().replace("    ", "\t"));
    add("one-line", plain().lines().map(str::trim_start).collect::<Vec<_>>().join(" "));
}

fn namespaces(add: &mut impl FnMut(&'static str, String)) {
    let generated = renamed(&renamed(&plain(), "slreq", "ns1"), "dcterms", "ns2");
    add("generated-prefixes", renamed(&generated, "slterms", "ns3"));
    add("default-dcterms", renamed(&plain(), "dcterms", ""));
    add("default-slreq", renamed(&plain(), "slreq", ""));
    add("default-slterms", renamed(&plain(), "slterms", ""));
    add(
        "default-rdf",
        plain().replacen("xmlns:rdf=", "xmlns=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns:rdf=", 1),
    );
    add(
        "unused-namespaces",
        plain().replacen(
            "<rdf:RDF ",
            "<rdf:RDF xmlns:z='urn:z' xmlns='urn:default' xmlns:_a.b-c='urn:a#' ",
            1,
        ),
    );
    add(
        "declared-where-used",
        plain().replace("<slterms:os>", "<slterms:os xmlns:slterms=\"http://mp.stratuslab.eu/slterms#\">"),
    );
    add(
        "compressed-file",
        with(&format!(
            "        <slc:bytes xmlns:slc=\"http://mp.stratuslab.eu/slcompressed#\">5</slc:bytes>\n        \
             <c:sha512 xmlns:c='http://mp.stratuslab.eu/slcompressed#'>{}</c:sha512>\n",
            "0F".repeat(64)
        )),
    );
    add(
        "redeclared-and-undeclared",
        with(
            "<x:note xmlns:x='urn:x' rdf:parseType='Literal'><x:a xmlns:x='urn:y' xmlns='urn:d'>\
             <b xmlns=''><c xmlns='urn:d' x:t=''/></b><x:d xmlns:x='urn:x'/><rdf:x xmlns:rdf='urn:not-rdf'/>\
             </x:a></x:note>",
        ),
    );
}

/// `text` with another prefix, or none, for elements.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let (prefix, declared) = match to {
        "" => (String::new(), "xmlns=".to_owned()),
        to => (format!("{to}:"), format!("xmlns:{to}=")),
    };
    text.replace(&format!("xmlns:{from}="), &declared)
        .replace(&format!("<{from}:"), &format!("<{prefix}"))
        .replace(&format!("</{from}:"), &format!("</{prefix}"))
}

fn foreign_content(add: &mut impl FnMut(&'static str, String)) {
    add(
        "text",
        with("<x:t xmlns:x='urn:x'>a &gt; b ]]&gt; \"c\" 'd' &amp;amp; &quot;&apos; &#38;#38;</x:t>"),
    );
    add(
        "cdata",
        with("<x:t xmlns:x='urn:x'><![CDATA[<a>&amp;]]]]><![CDATA[> \r\n \"]]> and <![CDATA[]]>text</x:t>"),
    );
    add(
        "character-references",
        with("<x:t xmlns:x='urn:x'>&#13;\n&#10;&#9;&#x85;&#x2028;&#xD;&#xA;\u{85}\u{2028} &#x20;&#65;</x:t>"),
    );
    add(
        "attributes",
        with(
            "<x:t xmlns:y='urn:a' xmlns:x='urn:x' x:b='&#13;&#10;&#9; \t\n|\r\n|&#x85;&lt;>&amp;\"&apos;'\n\tx:a\n=\r\n'' y:z=\"'&quot;\"  />",
        ),
    );
    add(
        "beyond-ascii",
        with(
            "<x:u xmlns:x='urn:x' x:a='é€😀&#x1F600;'/><x:t xmlns:x='urn:x'>Jérôme 日本語 😀 &#x1F680; e\u{301} \u{200f}</x:t>",
        ),
    );
    add("names-beyond-ascii", with("<é:日本 xmlns:é='urn:x' é:ä='1' é:a='2'/>"));
    add(
        "structured",
        with(
            "<x:s xmlns:x='urn:x' rdf:parseType='Resource'>\n<x:p>1</x:p><x:q rdf:parseType='Resource'><x:p rdf:datatype='urn:t'>2</x:p>\n</x:q></x:s>",
        ),
    );
    add("literal", with("<x:l xmlns:x='urn:x' rdf:parseType='Literal'> <p id='1' a='2'>x<br/> </p> </x:l>"));
    add("language", plain().replace("<dcterms:title>", "<dcterms:title xml:lang=\"fr\">"));
    add(
        "xml-attributes",
        with(
            "<x:l xmlns:x='urn:x' rdf:parseType='Literal'><p xml:space='preserve' xml:lang='en' b='' a=''/></x:l>",
        ),
    );
}

fn endorsements(add: &mut impl FnMut(&'static str, String)) {
    let replaced = |by: &str| plain().replace(ENDORSEMENT, by);
    add("endorsement-empty", replaced("<slreq:endorsement rdf:parseType=\"Resource\"></slreq:endorsement>"));
    add("endorsement-blank", replaced("<slreq:endorsement\n>\n\n    </slreq:endorsement>"));
    add("endorsement-compact", replaced(&old_endorsement("")));
    add("endorsement-pretty", replaced(&old_endorsement("\n            ")));
    // As the originals write it, with default namespaces.
    add(
        "endorsement-default-namespaces",
        replaced(
            "<slreq:endorsement rdf:parseType=\"Resource\"><created xmlns=\"http://purl.org/dc/terms/\">\
             2010-01-01T00:00:00Z</created><endorser xmlns=\"http://mp.stratuslab.eu/slreq#\" \
             rdf:parseType=\"Resource\"><email>old@example.org</email><subject>CN=Old</subject>\
             <issuer>CN=Older</issuer></endorser></slreq:endorsement>",
        ),
    );
    add("endorsement-commented", replaced(&format!("<!-- a -->{ENDORSEMENT}<!-- b --><?c d?>")));
}

fn old_endorsement(gap: &str) -> String {
    [
        "<slreq:endorsement rdf:parseType=\"Resource\">",
        "<dcterms:created>2010-01-01T00:00:00Z</dcterms:created>",
        "<slreq:endorser rdf:parseType=\"Resource\">",
        "<slreq:email>old@example.org</slreq:email>",
        "<slreq:subject>CN=Old</slreq:subject>",
        "<slreq:issuer>CN=Older</slreq:issuer>",
        "</slreq:endorser>",
        "</slreq:endorsement>",
    ]
    .join(gap)
}

fn surroundings(add: &mut impl FnMut(&'static str, String)) {
    let (_, body) = plain().split_once("?>\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    add("byte-order-mark", format!("\u{feff}{}", plain()));
    add("byte-order-mark-crlf", format!("\u{feff}{}", plain().replace('\n', "\r\n")));
    add("no-declaration", body.clone());
    add("short-declaration", format!("<?xml  version = '1.0' ?>{body}"));
    // The originals' serialisation (behaviour 3.5).
    add(
        "as-the-originals",
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>{}", body.trim_end()),
    );
    add("trailing-lines", format!("{}\n\r\n \t\n", plain()));
    add(
        "comments-and-instructions",
        plain()
            .replacen("?>\n", "?><!-- before --><?a?><?b  c ?>\n<!----><?xml-stylesheet href='x'?>", 1)
            .replace("<slterms:os>", "<!-- in --><?in side?><slterms:os>")
            .replace("</slterms:os>", "</slterms:os><?y?><!-- x -->")
            .replace("</rdf:Description>", "<!-- < & ' -->\n</rdf:Description><!-- c --><?d?>")
            + "<?after x  ?>\n<!-- after -->",
    );
    add(
        "odd-tags",
        plain()
            .replace("<slterms:os>", "<slterms:os\n\t >")
            .replace("</slterms:os>", "</slterms:os \n>")
            .replace(
                " xml:base=\"http://mp.stratuslab.eu/\"",
                "\nxml:base =\t'http://mp.stratuslab.eu&#47;'  ",
            ),
    );
}

/// Endorses and signs an entry.
pub(crate) fn sign(
    document: &[u8],
    credentials: &Credentials,
    method: Option<SignatureMethod>,
) -> Result<Verified<Metadata>, SignError> {
    let created: Timestamp = ENDORSED.parse().unwrap();
    dsig::sign(
        document,
        &SignRequest {
            credentials,
            method,
            email: None,
            created,
            leniency: Leniency::Strict,
            include_chain: false,
        },
    )
}

/// The credentials of an identity.
pub(crate) fn credentials(identity: &Identity) -> Credentials {
    Credentials::from_pem(&identity.certificate_pem(), &identity.key_pem(), None).unwrap()
}

/// Uses all of this, in every test that has it.
#[test]
fn every_shape_is_an_entry() {
    let mut names = HashSet::new();
    for Shape { name, document } in shapes() {
        assert!(names.insert(name), "{name}");
        assert!(name == "plain" || document != plain().as_bytes(), "{name} changes nothing");
        let mut options = Options::new(ENDORSED.parse().unwrap());
        options.signed = false;
        let report = validate(&document, &options);
        assert!(report.deciding().is_none(), "{name}: {:?}", report.deciding());
    }
    let jane = crate::pki::jane();
    assert!(sign(plain().as_bytes(), &credentials(&jane), Some(SignatureMethod::RsaSha256)).is_ok());
}
