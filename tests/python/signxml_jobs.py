"""signxml on many files in one run.

Each line of the file named by the argument is a job, its words divided by tabs:
verify FILE
verify-bare FILE
sign IN OUT P12 PASSWORD SIGNATURE DIGEST C14N TRANSFORM
knows SIGNATURE
Prints a line for each: valid, signed, known, unknown, or error and the reason. TRANSFORM is C14N
again, or none.

Two things keep signxml from the canonical form of SignedInfo that everybody else has, where
canonicalization is inclusive. It takes SignedInfo out of the document first, so that it does not
inherit xml:base (C14N 1.0 section 2.4): what it inherits is written out on it, which makes the same
octets. And lxml, for an element that is not the root of its document, undeclares a default
namespace below it: it is given a document of its own. verify-bare is signxml without this. (In
between, signxml makes elements ASCII, which names beyond it do not survive: UTF-8.)
"""

import sys

from cryptography.hazmat.primitives.serialization import pkcs12
from lxml import etree
from signxml import SignatureConfiguration, XMLSigner, XMLVerifier
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidInput

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XML = "{http://www.w3.org/XML/1998/namespace}"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
# SHA-1 is what old entries have.
EVERYTHING = SignatureConfiguration(
    signature_methods=frozenset(SignatureMethod), digest_algorithms=frozenset(DigestAlgorithm)
)


def parse(file):
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.parse(file, parser).getroot()


def inherit(signed_info):
    """Writes out what SignedInfo inherits; returns it."""
    method = signed_info.find(f"{DS}CanonicalizationMethod").get("Algorithm")
    inherited = {}
    if not method.startswith(EXCLUSIVE):
        for ancestor in signed_info.iterancestors():
            for name, value in ancestor.attrib.items():
                if name.startswith(XML) and name not in signed_info.attrib:
                    inherited.setdefault(name, value)
    signed_info.attrib.update(inherited)
    return inherited


class OwnDocument:
    """Canonicalizes every element as the root of a document, whatever characters are in its name."""

    def _tostring(self, node, **options):
        return super()._tostring(node, encoding="UTF-8", **options)

    def _c14n(self, nodes, **options):
        return super()._c14n(self._fromstring(self._tostring(nodes, with_tail=False)), **options)


class Verifier(OwnDocument, XMLVerifier):
    pass


class Signer(OwnDocument, XMLSigner):
    """Uses SHA-1 too, and writes out what SignedInfo inherits."""

    def __init__(self, **algorithms):
        super().__init__(**algorithms)
        self.signature_annotators.append(self.write_inherited)

    def check_deprecated_methods(self):
        pass

    def write_inherited(self, sig_root, signing_settings):
        self.signed_info = sig_root.find(f"{DS}SignedInfo")
        self.inherited = inherit(self.signed_info)


def the_signature(root):
    signatures = list(root.iter(f"{DS}Signature"))
    if len(signatures) != 1:
        raise InvalidInput(f"{len(signatures)} signatures")
    return signatures[0]


def verify_with(verifier, root, **options):
    """Trusts whatever certificate comes first."""
    certificate = the_signature(root).find(f".//{DS}X509Certificate").text
    verifier.verify(root, x509_cert="".join(certificate.split()), expect_config=EVERYTHING, **options)
    return "valid"


def verify_bare(file):
    return verify_with(XMLVerifier(), parse(file))


def verify(file):
    root, verifier = parse(file), Verifier()
    signature = the_signature(root)
    # The schema knows no xml:base there, so it is asked first. InclusiveNamespaces it does not know.
    if signature.find(f".//{{{EXCLUSIVE}}}InclusiveNamespaces") is None:
        verifier.validate_schema(signature)
    inherit(signature.find(f"{DS}SignedInfo"))
    return verify_with(verifier, root, validate_schema=False)


def sign(source, target, store, password, signature, digest, c14n, transform):
    with open(store, "rb") as file:
        key, certificate, _ = pkcs12.load_key_and_certificates(file.read(), password.encode())
    if transform not in (c14n, "none"):
        raise InvalidInput("signxml canonicalizes SignedInfo and the reference alike")
    signer = Signer(signature_algorithm=signature, digest_algorithm=digest, c14n_algorithm=c14n)
    signed = signer.sign(
        parse(source), key=key, cert=[certificate], exclude_c14n_transform_element=transform == "none"
    )
    for name in signer.inherited:
        del signer.signed_info.attrib[name]
    etree.ElementTree(signed).write(target, encoding="UTF-8", xml_declaration=True)
    return "signed"


def knows(uri):
    try:
        SignatureMethod(uri)
    except InvalidInput:
        return "unknown"
    return "known"


JOBS = {"verify": verify, "verify-bare": verify_bare, "sign": sign, "knows": knows}


def main():
    with open(sys.argv[1], encoding="utf-8") as jobs:
        for line in jobs:
            name, *words = line.rstrip("\n").split("\t")
            try:
                verdict = JOBS[name](*words)
            except Exception as error:  # whatever refuses a file is a verdict
                verdict = f"error {type(error).__name__} {error}".replace("\n", " ")
            print(verdict)


if __name__ == "__main__":
    main()
