//! A signer without scruples: whatever was changed, digest and signature are made to fit again.

use openssl::{
    base64::encode_block,
    ecdsa::EcdsaSig,
    hash::{MessageDigest, hash},
    pkey::{PKey, Private},
    sign::Signer,
};
use roxmltree::Node;
use stratuslab::dsig::{
    NAMESPACE,
    c14n::{self, Canonicalization, Mode},
};

use crate::tree::{inner, parse, spliced};

/// The document with `DigestValue` (SHA-256) and `SignatureValue` of its last signature as the
/// holder of the key makes them, if there still is a signature to be made.
pub(crate) fn sealed(text: &str, key: &PKey<Private>) -> Option<String> {
    let tree = parse(text)?;
    let signature = signature(&tree)?;
    let reference = below(below(signature, "SignedInfo")?, "Reference")?;
    let explicit = below(reference, "Transforms")?.children().filter(Node::is_element).nth(1);
    let algorithm = match explicit {
        Some(transform) => canonicalization(transform)?,
        None => Canonicalization::new(Mode::Inclusive),
    };
    // XML-DSig §4.4.3.3: the document without its comments.
    let algorithm = Canonicalization { comments: false, ..algorithm };
    let octets = c14n::document(tree.root(), &algorithm, Some(signature.id())).ok()?;
    let digest = encode_block(&hash(MessageDigest::sha256(), &octets).unwrap());
    let digested = spliced(text, inner(text, below(reference, "DigestValue")?)?, &digest);

    let tree = parse(&digested)?;
    let signature = self::signature(&tree)?;
    let info = below(signature, "SignedInfo")?;
    let algorithm = canonicalization(below(info, "CanonicalizationMethod")?)?;
    let octets = c14n::subtree(info, &algorithm).ok()?;
    let value = encode_block(&signed(&octets, key));
    Some(spliced(&digested, inner(&digested, below(signature, "SignatureValue")?)?, &value))
}

/// RSA PKCS#1 v1.5 or ECDSA, with SHA-256.
fn signed(octets: &[u8], key: &PKey<Private>) -> Vec<u8> {
    let Ok(curve) = key.ec_key() else {
        return Signer::new(MessageDigest::sha256(), key).unwrap().sign_oneshot_to_vec(octets).unwrap();
    };
    let signature = EcdsaSig::sign(&hash(MessageDigest::sha256(), octets).unwrap(), &curve).unwrap();
    let length = i32::try_from(curve.group().order_bits().div_ceil(8)).unwrap();
    [signature.r(), signature.s()].map(|number| number.to_vec_padded(length).unwrap()).concat()
}

fn signature<'a, 'i>(tree: &'a roxmltree::Document<'i>) -> Option<Node<'a, 'i>> {
    tree.descendants().rfind(|node| node.has_tag_name((NAMESPACE, "Signature")))
}

fn below<'a, 'i>(parent: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    parent.children().find(|child| child.has_tag_name((NAMESPACE, name)))
}

fn canonicalization(element: Node) -> Option<Canonicalization> {
    let mut algorithm = Canonicalization::from_uri(element.attribute("Algorithm")?)?;
    if let Some(list) = element.first_element_child().and_then(|list| list.attribute("PrefixList")) {
        let prefixes =
            list.split_ascii_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix });
        algorithm.inclusive_prefixes = prefixes.map(ToOwned::to_owned).collect();
    }
    Some(algorithm)
}
