//! The canonicalizations that other implementations sign with.

/// A blank and what follows are the `InclusiveNamespaces`.
pub(crate) const CANONICALIZATIONS: [&str; 8] = [
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2006/12/xml-c14n11#WithComments",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/2001/10/xml-exc-c14n# rdf unknown",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments slreq #default z",
];
