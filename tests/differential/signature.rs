//! Changes that know what a signature is, and to what stands before the root.

use std::sync::OnceLock;

use openssl::{base64::encode_block, rsa::Rsa};
use stratuslab::dsig::NAMESPACE;

use crate::{
    dice::Dice,
    nodes::Change,
    pki::{Kind, Request, authority, jane, key, new_key},
    tree::{boundary, inner, parse, part, spliced},
};

pub(crate) const CHANGES: [fn(&mut Dice, &str) -> Change; 8] =
    [repeat_part, algorithm, add_transform, key_info, replace_certificate, base64, doctype, prolog];

/// Parts of a signature that are there once.
const PARTS: [&str; 10] = [
    "Signature",
    "SignedInfo",
    "SignatureValue",
    "KeyInfo",
    "CanonicalizationMethod",
    "SignatureMethod",
    "Reference",
    "Transform",
    "DigestMethod",
    "DigestValue",
];

const ALGORITHMS: [&str; 24] = [
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2006/12/xml-c14n11#WithComments",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2000/09/xmldsig#base64",
    "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "http://www.w3.org/2002/06/xmldsig-filter2",
    "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "http://www.w3.org/2000/09/xmldsig#sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
    "http://www.w3.org/2001/04/xmldsig-more#md5",
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
    "urn:x",
];

const DOCTYPES: [&str; 8] = [
    "<!DOCTYPE rdf:RDF>",
    "<!DOCTYPE x [<!ENTITY e 'x'>]>",
    "<!DOCTYPE x [<!ENTITY % p '<!ENTITY e \"x\">'> %p;]>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///dev/null'>]>",
    "<!DOCTYPE x [<!ATTLIST Signature Id CDATA 'x'>]>",
    "<!DOCTYPE x [<!ATTLIST slreq:email x CDATA #IMPLIED>]>",
    "<!DOCTYPE x [<!ATTLIST rdf:Description x CDATA 'x'>]>",
    "<!DOCTYPE x [<!NOTATION n SYSTEM 'n'>]>",
];

const PROLOGS: [&str; 12] = [
    "",
    "\u{feff}",
    "\n",
    "<?xml version='1.0'?>",
    "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>",
    "<?xml version='1.0' encoding='utf-8'?>\r\n",
    "<?xml version='1.1'?>",
    "<?xml version='1.0' encoding='ISO-8859-1'?>",
    "<?xml version='1.0' encoding='US-ASCII'?>",
    "<?xml version='1.0' encoding='UTF-16'?>",
    "<?xml-model href='x'?>",
    "<!-- first -->",
];

/// A part beside itself, or in another.
fn repeat_part(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let (name, other) = (*dice.one(&PARTS)?, *dice.one(&PARTS)?);
    let (node, parent) = (part(&tree, name)?, part(&tree, other)?);
    let copy = &text[node.range()];
    let at = match dice.below(4) {
        0 => node.range().start,
        1 => node.range().end,
        2 => parent.range().end,
        _ => inner(text, parent)?.start,
    };
    Some((format!("{name} again at {at}"), spliced(text, at..at, copy)))
}

fn algorithm(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let with: Vec<_> = tree.descendants().filter_map(|node| node.attribute_node("Algorithm")).collect();
    let (value, new) = (dice.one(&with)?.range_value(), *dice.one(&ALGORITHMS)?);
    Some((format!("the algorithm at {value:?} is {new}"), spliced(text, value, new)))
}

fn add_transform(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let (node, uri) = (part(&tree, "Transforms")?, *dice.one(&ALGORITHMS)?);
    let content = *dice.one(&["", "<XPath xmlns='http://www.w3.org/2000/09/xmldsig#'>true()</XPath>"])?;
    let transform = format!("<Transform xmlns='{NAMESPACE}' Algorithm='{uri}'>{content}</Transform>");
    let inner = inner(text, node)?;
    let at = if dice.once_in(2) { inner.start } else { inner.end };
    Some((format!("insert {transform} at {at}"), spliced(text, at..at, &transform)))
}

/// Certificates, base64: the endorser's; one of hers with another name; of somebody else, with
/// another key, of another kind; of a CA; none at all.
fn certificates() -> &'static [String] {
    static CERTIFICATES: OnceLock<Vec<String>> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let email = "jane.tester@example.org";
        let own_key = |name| Request::new(name).email(email).self_signed(&key(Kind::Rsa2048));
        let identities = [
            jane(),
            own_key("Jane Tester"),
            own_key("Mallory"),
            own_key("jane tester"),
            Request::new("Jane Tester").self_signed(&key(Kind::Rsa2048)),
            Request::new("Jane Tester").email("mallory@example.org").self_signed(&key(Kind::Rsa2048)),
            Request::new("Jane Tester").email(email).issued_by(&authority(), &key(Kind::Rsa2048)),
            Request::new("Jane Tester").email(email).self_signed(&new_key(Kind::Rsa2048)),
            Request::new("Jane Tester").email(email).self_signed(&key(Kind::P256)),
            authority(),
        ];
        let mut all: Vec<String> =
            identities.iter().map(|identity| encode_block(&identity.certificate_der())).collect();
        all.push(encode_block(b"no certificate"));
        all.push(String::new());
        all
    })
}

fn rsa_key_value(key: &openssl::pkey::PKey<openssl::pkey::Private>) -> String {
    let rsa: Rsa<_> = key.rsa().unwrap();
    let [modulus, exponent] = [rsa.n(), rsa.e()].map(|number| encode_block(&number.to_vec()));
    format!("<RSAKeyValue><Modulus>{modulus}</Modulus><Exponent>{exponent}</Exponent></RSAKeyValue>")
}

/// What else a KeyInfo may say, at its start, its end, or in X509Data.
fn key_info(dice: &mut Dice, text: &str) -> Change {
    static FOREIGN: OnceLock<String> = OnceLock::new();
    let foreign = FOREIGN.get_or_init(|| rsa_key_value(&new_key(Kind::Rsa2048)));
    let certificate = dice.one(certificates())?;
    let content = match dice.below(16) {
        0..=2 => format!("<X509Certificate>{certificate}</X509Certificate>"),
        3..=4 => format!("<X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>"),
        5 => format!("<KeyValue>{}</KeyValue>", rsa_key_value(&key(Kind::Rsa2048))),
        6 => format!("<KeyValue>{foreign}</KeyValue>"),
        7 => (*dice.one(&[
            "<KeyValue/>",
            "<KeyValue><x xmlns='urn:x'/></KeyValue>",
            "<KeyValue>AA==</KeyValue>",
        ])?)
        .to_owned(),
        8 => "<KeyName>Jane</KeyName>".to_owned(),
        9 => "<X509SubjectName>CN=Mallory</X509SubjectName>".to_owned(),
        10 => "<X509IssuerSerial><X509IssuerName>CN=x</X509IssuerName><X509SerialNumber>1</X509SerialNumber>\
               </X509IssuerSerial>"
            .to_owned(),
        11 => "<X509SKI>AAAA</X509SKI>".to_owned(),
        12 => "<RetrievalMethod URI='#x'/>".to_owned(),
        13 => "<MgmtData>x</MgmtData>".to_owned(),
        14 => "<x xmlns='urn:x'/>".to_owned(),
        _ => "<X509CRL>AAAA</X509CRL>".to_owned(),
    };
    let end = content.find(['>', '/', ' '])?;
    let declaration =
        if content.starts_with("<x ") { "" } else { " xmlns='http://www.w3.org/2000/09/xmldsig#'" };
    let declared = spliced(&content, end..end, declaration);
    let tree = parse(text)?;
    let parent = part(&tree, if dice.once_in(2) { "X509Data" } else { "KeyInfo" })?;
    let inner = inner(text, parent)?;
    let at = if dice.once_in(2) { inner.start } else { inner.end };
    Some((format!("insert {declared} at {at}"), spliced(text, at..at, &declared)))
}

fn replace_certificate(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let value = inner(text, part(&tree, "X509Certificate")?)?;
    let number = dice.below(certificates().len());
    Some((
        format!("certificate {number} in place of the endorser's"),
        spliced(text, value, &certificates()[number]),
    ))
}

/// Other base64 for the same octets, or nearly.
fn base64(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let name = *dice.one(&["DigestValue", "SignatureValue", "X509Certificate"])?;
    let range = inner(text, part(&tree, name)?)?;
    let old = &text[range.clone()];
    let at = boundary(old, dice.below(old.len() + 1));
    let new = match dice.below(12) {
        0 => old.split_ascii_whitespace().collect(),
        1 => old.replace('\n', "\r\n"),
        2 => old.replace('\n', "&#13;\n"),
        3 => format!("\n{old}\n"),
        4 => spliced(old, at..at, " "),
        5 => spliced(old, at..at, "="),
        6 => spliced(old, at..at, dice.one(&["-", "_", "*", "\u{a0}", "&#12;", "\u{3000}", ".", "é"])?),
        7 => old.trim_end_matches('=').to_owned(),
        8 => format!("{}=", old.trim_end()),
        9 => old[..at].to_owned(),
        10 => {
            // The last character's unused bits.
            let body = old.trim_end_matches(['=', '\n', ' ']);
            let last = body.chars().last()?;
            let other = char::from_u32(u32::from(last) + 1)?;
            old.replacen(&format!("{last}="), &format!("{other}="), 1)
        }
        _ => format!("AAAA{old}"),
    };
    Some((format!("{name} at {range:?} written otherwise"), spliced(text, range, &new)))
}

fn doctype(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let at = tree.root_element().range().start;
    let doctype = *dice.one(&DOCTYPES)?;
    let mut new = spliced(text, at..at, doctype);
    if doctype.contains(" e ") && dice.once_in(2) {
        new = new.replacen("ttylinux", "&e;", 1);
    }
    Some((format!("insert {doctype} at {at}"), new))
}

fn prolog(dice: &mut Dice, text: &str) -> Change {
    let start = text.find("<rdf:RDF").or_else(|| text.find("<RDF"))?;
    let before = &text[..start];
    let declaration = before.find("?>").map_or(0, |end| end + 2);
    let prolog = *dice.one(&PROLOGS)?;
    Some((format!("begin with {prolog:?}"), spliced(text, 0..declaration, prolog)))
}
