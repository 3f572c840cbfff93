//! Documents of every kind, as generators that shrink.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
};

use proptest::{collection::vec, option, prelude::*, sample::select};

/// Prefixes and the names they get where they are used without having been declared.
const PREFIXES: [(&str, &str); 5] =
    [("a", "urn:a"), ("b", "urn:a"), ("_.-", "urn:b"), ("é", "http://example.org/#"), ("z", "urn:_")];
const NAMES: [&str; 5] = ["urn:a", "urn:b", "http://example.org/#", "urn&#58;a", "http://x.org/?a='b'"];
/// With the character that libxml2 leaves unescaped in namespace names, against C14N 1.0 §2.3.
const AMPERSANDS: [&str; 4] = ["urn:a", "urn:b", "http://x.org/?a&amp;b", "urn:&#38;"];

const CHARACTERS: [&str; 36] = [
    "x",
    "yz",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "&#13;",
    "&#xD;",
    "&#10;",
    "&#9;",
    "&#32;",
    "&lt;",
    "&amp;",
    "&gt;",
    "&quot;",
    "&apos;",
    ">",
    "'",
    "é",
    "\u{85}",
    "&#x85;",
    "\u{2028}",
    "&#x2028;",
    "😀",
    "&#x1F600;",
    "&#128512;",
    "e\u{301}",
    "\u{a0}",
    "\u{7f}",
    "\u{fffd}",
    "&#xFFFD;",
    "\u{10FFFF}",
    "&#x10FFFF;",
    "a longer text, so that more than a block of bytes has nothing to escape",
];
const COMMENTS: [&str; 6] = ["", " c ", "<&>\"'", "\r\n\r", " - é", "x?>"];
const INSTRUCTIONS: [&str; 10] =
    ["p", "p ", "xml-x  x ", "é a?b ?", "p <&amp;>", "p\r\n x\r\t", "_ \u{85}", "X y='z'", "p ??", "p \"--"];
const XML: [(&str, &str); 6] =
    [("lang", "en"), ("lang", ""), ("space", "preserve"), ("space", "default"), ("id", "i"), ("x", "&#9;'")];
const LOCALS: [&str; 6] = ["a", "b", "a-b", "Z", "é", "日本"];
/// Names that XML 1.0 has since its fifth edition; by UTF-16 units they would stand the other way round.
const ASTRAL: [&str; 2] = ["\u{ff5e}", "\u{10000}"];
/// Values of `xml:base`, to be joined.
const BASES: [&str; 15] = [
    "http://x.org/",
    "http://x.org/a/b?q",
    "http://y.org/",
    "../y",
    "..",
    "../../",
    "y/",
    "y/z",
    "y/../z/./",
    "/r/s",
    "//h.org/t",
    "?q",
    "#f",
    ".",
    "y//z",
];

/// What one judge alone gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// [`ASTRAL`] names.
    Xmllint,
    /// Values of `xml:base` that are empty.
    Jdk,
    /// Those, and `&` in namespace names.
    JdkAmpersands,
}

#[derive(Clone)]
pub(crate) struct Document {
    start: Option<&'static str>,
    before: Vec<Content>,
    root: Element,
    after: Vec<Content>,
}

#[derive(Clone, Debug)]
struct Element {
    prefix: Option<usize>,
    local: &'static str,
    /// Prefix, none for the default namespace, and name.
    declared: Vec<(Option<usize>, &'static str)>,
    attributes: Vec<(Option<usize>, &'static str, String)>,
    xml: Vec<(&'static str, &'static str)>,
    base: Option<&'static str>,
    /// What the attributes and declarations are sorted by.
    order: [u8; 4],
    space: &'static str,
    content: Vec<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    Element(Element),
    /// As it is written.
    Text(String),
    Comment(&'static str),
    Instruction(&'static str),
}

/// As it is written, for people.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text())
    }
}

pub(crate) fn document(kind: Kind) -> impl Strategy<Value = Document> {
    let start = option::of(select(vec!["\u{feff}", "<?xml version='1.0'?>"]));
    (start, misc(), element(kind), misc()).prop_map(|(start, before, root, after)| Document {
        start,
        before,
        root,
        after,
    })
}

impl Document {
    pub(crate) fn text(&self) -> String {
        self.written(true)
    }

    /// Its text, with or without comments.
    pub(crate) fn written(&self, comments: bool) -> String {
        let mut out = self.start.unwrap_or_default().to_owned();
        let scope = HashMap::new();
        for content in &self.before {
            content.write(&mut out, comments, &scope);
        }
        self.root.write(&mut out, comments, &scope);
        for content in &self.after {
            content.write(&mut out, comments, &scope);
        }
        out
    }
}

/// What may stand before and after the root.
fn misc() -> impl Strategy<Value = Vec<Content>> {
    let space = select(vec!["\n", " ", "\r\n\t"]).prop_map(|space| Content::Text(space.to_owned()));
    let comment = select(COMMENTS.to_vec()).prop_map(Content::Comment);
    let instruction = select(INSTRUCTIONS.to_vec()).prop_map(Content::Instruction);
    vec(prop_oneof![space, comment, instruction], 0..4)
}

fn element(kind: Kind) -> BoxedStrategy<Element> {
    let leaf = parts(kind, Just(Vec::new()).boxed()).boxed();
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let content = prop_oneof![
            3 => inner.prop_map(Content::Element),
            2 => text().prop_map(Content::Text),
            1 => vec(select(CHARACTERS.to_vec()), 0..4)
                .prop_map(|parts| Content::Text(format!("<![CDATA[{}<&]]>", parts.concat()))),
            1 => select(COMMENTS.to_vec()).prop_map(Content::Comment),
            1 => select(INSTRUCTIONS.to_vec()).prop_map(Content::Instruction),
        ];
        parts(kind, vec(content, 0..6).boxed())
    })
    .boxed()
}

fn parts(kind: Kind, content: BoxedStrategy<Vec<Content>>) -> BoxedStrategy<Element> {
    let prefix = || option::of(0..PREFIXES.len());
    let mut locals = LOCALS.to_vec();
    let mut bases = BASES.to_vec();
    if kind == Kind::Xmllint {
        locals.extend(ASTRAL);
    } else {
        bases.push("");
    }
    let local = || select(locals.clone());
    let names = if kind == Kind::JdkAmpersands { AMPERSANDS.to_vec() } else { NAMES.to_vec() };
    let default = prop_oneof![select(names.clone()), Just("")].prop_map(|name| (None, name));
    let prefixed = (0..PREFIXES.len(), select(names)).prop_map(|(prefix, name)| (Some(prefix), name));
    (
        (prefix(), local()),
        vec(prop_oneof![default, prefixed], 0..4),
        vec((prefix(), local(), text()), 0..5),
        vec(select(XML.to_vec()), 0..2),
        option::weighted(0.4, select(bases)),
        any::<[u8; 4]>(),
        select(vec![" ", "\n", "\t ", "\r\n"]),
        content,
    )
        .prop_map(|((prefix, local), declared, attributes, xml, base, order, space, content)| Element {
            prefix,
            local,
            declared,
            attributes,
            xml,
            base,
            order,
            space,
            content,
        })
        .boxed()
}

fn text() -> impl Strategy<Value = String> {
    vec(select(CHARACTERS.to_vec()), 0..6).prop_map(|parts| parts.concat())
}

impl Content {
    fn write(&self, out: &mut String, comments: bool, scope: &HashMap<usize, String>) {
        match self {
            Self::Element(element) => element.write(out, comments, scope),
            Self::Text(text) => out.push_str(text),
            Self::Comment(text) if comments => write!(out, "<!--{text}-->").unwrap(),
            Self::Comment(_) => {}
            Self::Instruction(text) => write!(out, "<?{text}?>").unwrap(),
        }
    }
}

impl Element {
    /// `scope` has the name of every prefix that is declared.
    fn write(&self, out: &mut String, comments: bool, scope: &HashMap<usize, String>) {
        let mut scope = scope.clone();
        let mut declared: Vec<(Option<usize>, &str)> = Vec::new();
        let used = self.attributes.iter().filter_map(|(prefix, ..)| *prefix).chain(self.prefix);
        let missing = used.filter(|prefix| !scope.contains_key(prefix));
        let missing = missing.map(|prefix| (Some(prefix), PREFIXES[prefix].1));
        for (prefix, uri) in self.declared.iter().copied().chain(missing) {
            if declared.iter().all(|(known, _)| *known != prefix) {
                declared.push((prefix, uri));
            }
        }
        let name = |prefix: Option<usize>, local: &str| match prefix {
            Some(prefix) => format!("{}:{local}", PREFIXES[prefix].0),
            None => local.to_owned(),
        };
        let tag = name(self.prefix, self.local);
        write!(out, "<{tag}").unwrap();
        let mut parts = Vec::new();
        for (prefix, uri) in declared {
            match prefix {
                Some(prefix) => {
                    scope.insert(prefix, uri.replace("&#58;", ":").replace("&#38;", "&amp;"));
                    parts.push(format!("xmlns:{}=\"{uri}\"", PREFIXES[prefix].0));
                }
                None => parts.push(format!("xmlns=\"{uri}\"")),
            }
        }
        // Namespaces in XML §6.3: no two attributes with the same name and namespace name.
        let mut seen = Vec::new();
        for (prefix, local, value) in &self.attributes {
            let expanded = (prefix.map(|prefix| scope[&prefix].clone()), local);
            if !seen.contains(&expanded) {
                parts.push(format!("{} ={}\"{value}\"", name(*prefix, local), self.space));
                seen.push(expanded);
            }
        }
        for (index, (local, value)) in self.xml.iter().enumerate() {
            if self.xml[..index].iter().all(|(known, _)| known != local) {
                // An identifier is one of a kind.
                let number =
                    if *local == "id" { out.matches("xml:id").count().to_string() } else { String::new() };
                parts.push(format!("xml:{local}=\"{value}{number}\""));
            }
        }
        parts.extend(self.base.map(|base| format!("xml:base='{base}'")));
        let keys = (0_u8..).zip(self.order.iter().cycle()).map(|(at, key)| key ^ at);
        let mut parts: Vec<_> = keys.zip(parts).collect();
        parts.sort_by_key(|(key, _)| *key);
        for (_, part) in parts {
            write!(out, "{}{part}", self.space).unwrap();
        }
        if self.content.is_empty() {
            return write!(out, "{}/>", self.space).unwrap();
        }
        write!(out, "{}>", self.space).unwrap();
        for content in &self.content {
            content.write(out, comments, &scope);
        }
        write!(out, "</{tag}{}>", self.space).unwrap();
    }
}
