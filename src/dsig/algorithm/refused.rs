//! Algorithms with a name, which are refused by it.

const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const XMLDSIG11: &str = "http://www.w3.org/2009/xmldsig11#";
const XMLENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
const MORE_2007: &str = "http://www.w3.org/2007/05/xmldsig-more#";
const MORE_2021: &str = "http://www.w3.org/2021/04/xmldsig-more#";

const MD: &str = "collisions for MD2 and MD5 can be computed in seconds";
const SECRET: &str = "HMAC takes a secret that whoever verifies has too, and could sign with";
const SHA1: &str = "SHA-1 no longer protects signatures, and no old entry was signed so";
const UNUSED: &str = "no entry needs its hash function; SHA-256, SHA-384 and SHA-512 are accepted";
const PARAMETERS: &str =
    "its parameters are a choice the signer should not have; sha256-rsa-MGF1 and the like have none";
const DSA: &str = "DSA is accepted for old entries only, with SHA-1";
const CURVE: &str = "of the Edwards curves only Ed25519 is accepted";
const FACTORING: &str = "ESIGN is not accepted with any hash function";

/// Namespaces, names and reasons (RFC 6931 §2, RFC 9231 §2).
const REFUSED: [(&str, &[&str], &str); 14] = [
    (MORE, &["md5", "rsa-md5"], MD),
    (MORE_2007, &["md2-rsa-MGF1", "md5-rsa-MGF1"], MD),
    (XMLDSIG, &["hmac-sha1"], SECRET),
    (
        MORE,
        &["hmac-md5", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-ripemd160"],
        SECRET,
    ),
    (MORE, &["ecdsa-sha1"], SHA1),
    (MORE_2007, &["sha1-rsa-MGF1"], SHA1),
    (MORE, &["sha224", "rsa-sha224", "ecdsa-sha224", "rsa-ripemd160"], UNUSED),
    (XMLENC, &["ripemd160"], UNUSED),
    (
        MORE_2007,
        &[
            "sha224-rsa-MGF1",
            "ripemd128-rsa-MGF1",
            "ripemd160-rsa-MGF1",
            "whirlpool-rsa-MGF1",
            "sha3-224-rsa-MGF1",
            "sha3-256-rsa-MGF1",
            "sha3-384-rsa-MGF1",
            "sha3-512-rsa-MGF1",
            "sha3-224",
            "sha3-256",
            "sha3-384",
            "sha3-512",
            "whirlpool",
            "rsa-whirlpool",
            "ecdsa-ripemd160",
            "ecdsa-whirlpool",
        ],
        UNUSED,
    ),
    (MORE_2021, &["ecdsa-sha3-224", "ecdsa-sha3-256", "ecdsa-sha3-384", "ecdsa-sha3-512"], UNUSED),
    (MORE_2007, &["rsa-pss"], PARAMETERS),
    (XMLDSIG11, &["dsa-sha256"], DSA),
    (MORE_2021, &["eddsa-ed25519ph", "eddsa-ed25519ctx", "eddsa-ed448", "eddsa-ed448ph"], CURVE),
    (MORE, &["esign-sha1", "esign-sha224", "esign-sha256", "esign-sha384", "esign-sha512"], FACTORING),
];

/// The name of an algorithm that is known, and why it is not accepted.
pub(in crate::dsig) fn refused(uri: &str) -> Option<(&'static str, &'static str)> {
    REFUSED.iter().find_map(|&(namespace, names, reason)| {
        let given = uri.strip_prefix(namespace)?;
        names.iter().find(|&&name| name == given).map(|&name| (name, reason))
    })
}
