//! Changes to elements, attributes, declarations and what stands between them.

use stratuslab::{
    dsig::NAMESPACE,
    metadata::namespace::{DCTERMS, RDF, SLREQ},
};

use crate::{
    dice::Dice,
    tree::{attributes, boundary, element, end_of_name, gap, inner, name, parse, spliced, tag, value},
};

/// What was done, and what came of it.
pub(crate) type Change = Option<(String, String)>;

pub(crate) const CHANGES: [fn(&mut Dice, &str) -> Change; 16] = [
    delete,
    duplicate,
    relocate,
    rename,
    wrap,
    unwrap,
    swap_siblings,
    insert,
    insert_in_value,
    refer,
    quote_all,
    add_attribute,
    change_attribute,
    shuffle_attributes,
    declare,
    rewrite_tag,
];

/// What may be put between nodes and into values.
const SNIPPETS: [&str; 44] = [
    "<!-- c -->",
    "<!---->",
    "<!-- <x/> & -->",
    "<?p i?>",
    "<?p?>",
    "<?xml-stylesheet href='x'?>",
    " ",
    "\n",
    "\t",
    "\r\n",
    "\r",
    "&#13;",
    "&#10;",
    "&#9;",
    "&#32;",
    "&#x85;",
    "&#x2028;",
    "\u{85}",
    "\u{2028}",
    "\u{a0}",
    "\u{feff}",
    "x",
    "<![CDATA[]]>",
    "<![CDATA[ ]]>",
    "<![CDATA[x]]>",
    "<![CDATA[<!-- -->]]>",
    "&amp;",
    "&lt;",
    "&gt;",
    "]]>",
    "&entity;",
    "&#0;",
    "&#xFFFE;",
    "<x/>",
    "<x xmlns=''/>",
    "<x xmlns='urn:x'/>",
    "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/>",
    "<Object xmlns='http://www.w3.org/2000/09/xmldsig#'/>",
    "<dcterms:title>other</dcterms:title>",
    "<rdf:Description rdf:about='#x'/>",
    "=",
    "A",
    "AAAA",
    "e\u{301}",
];

const ATTRIBUTES: [&str; 19] = [
    " Id='x'",
    " ID='x'",
    " id='x'",
    " xml:id='x'",
    " xml:lang='en'",
    " xml:space='preserve'",
    " xml:base='http://x.example/'",
    " x='y'",
    " URI=''",
    " URI='#x'",
    " Algorithm='urn:x'",
    " Type='urn:t'",
    " Target=''",
    " Encoding='x'",
    " MimeType='text/xml'",
    " rdf:about='#x'",
    " xmlns:q='urn:q' q:a='1'",
    " PrefixList='a'",
    " xmlns:d='http://www.w3.org/2000/09/xmldsig#' d:Id='x'",
];

const VALUES: [&str; 21] = [
    "",
    " ",
    "x",
    "#",
    "#x",
    "#xpointer(/)",
    "#xpointer(id('x'))",
    "urn:x",
    "http://127.0.0.1:1/",
    "file:///dev/null",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2000/09/xmldsig#base64",
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#md5",
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
];

/// Declarations that change what names mean, or that change nothing.
const DECLARATIONS: [&str; 17] = [
    " xmlns:q='urn:q'",
    " xmlns='urn:q'",
    " xmlns=''",
    " xmlns:rdf='urn:q'",
    " xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'",
    " xmlns:dcterms='http://purl.org/dc/terms/'",
    " xmlns:dcterms='http://mp.stratuslab.eu/slreq#'",
    " xmlns:slreq='http://purl.org/dc/terms/'",
    " xmlns:ds='http://www.w3.org/2000/09/xmldsig#'",
    " xmlns='http://www.w3.org/2000/09/xmldsig#'",
    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    " xmlns:a='relative'",
    " xmlns:a='http://x.example/?a&amp;b'",
    " xmlns:a='http://x.example/%20'",
    " xmlns:a='http://é.example/'",
    " xmlns:a=''",
    " xmlns:xmlns='urn:x'",
];

fn delete(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let nodes: Vec<_> = tree.root().descendants().skip(1).collect();
    let node = if dice.once_in(2) { element(dice, &tree)? } else { *dice.one(&nodes)? };
    Some((format!("delete {:?}", node.range()), spliced(text, node.range(), "")))
}

fn duplicate(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let node = element(dice, &tree)?;
    let copy = &text[node.range()];
    let at = match dice.below(3) {
        0 => node.range().start,
        1 => node.range().end,
        _ => gap(dice, text, &tree)?,
    };
    Some((format!("copy {:?} to {at}", node.range()), spliced(text, at..at, copy)))
}

fn relocate(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let node = element(dice, &tree)?;
    let range = node.range();
    let at = gap(dice, text, &tree)?;
    if range.start < at && at < range.end {
        return None;
    }
    let piece = &text[range.clone()];
    let moved = if at <= range.start {
        spliced(&spliced(text, range.clone(), ""), at..at, piece)
    } else {
        spliced(&spliced(text, at..at, piece), range.clone(), "")
    };
    Some((format!("move {range:?} to {at}"), moved))
}

fn rename(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let (node, other) = (element(dice, &tree)?, element(dice, &tree)?);
    let old = name(text, node);
    let local = node.tag_name().name();
    let new = match dice.below(6) {
        0 => text[name(text, other)].to_owned(),
        1 => "Signature".to_owned(),
        2 => format!("x:{local}"),
        3 => local.to_uppercase(),
        4 => format!("rdf:{local}"),
        _ => local.to_owned(),
    };
    let mut renamed = text.to_owned();
    if let Some(inner) = inner(text, node) {
        let end = inner.end + 2;
        renamed = spliced(&renamed, end..end + old.len(), &new);
    }
    Some((format!("rename {old:?} to {new}"), spliced(&renamed, old, &new)))
}

fn wrap(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let range = element(dice, &tree)?.range();
    let (open, close) = *dice.one(&[
        ("<w>", "</w>"),
        ("<w xmlns=''>", "</w>"),
        ("<w xmlns='urn:w'>", "</w>"),
        ("<rdf:Description>", "</rdf:Description>"),
        ("<rdf:RDF>", "</rdf:RDF>"),
        ("<Object xmlns='http://www.w3.org/2000/09/xmldsig#'>", "</Object>"),
        ("<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'>", "</Signature>"),
        ("<!-- ", " -->"),
        ("<![CDATA[", "]]>"),
    ])?;
    Some((
        format!("wrap {range:?} in {open}"),
        spliced(text, range.clone(), &[open, &text[range], close].concat()),
    ))
}

fn unwrap(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let node = element(dice, &tree)?;
    let content = &text[inner(text, node)?];
    Some((format!("unwrap {:?}", node.range()), spliced(text, node.range(), content)))
}

fn swap_siblings(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let node = element(dice, &tree)?;
    let (first, second) = (node.range(), node.next_sibling_element()?.range());
    let swapped = [&text[second.clone()], &text[first.end..second.start], &text[first.clone()]].concat();
    Some((format!("swap {first:?} and {second:?}"), spliced(text, first.start..second.end, &swapped)))
}

fn insert(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let snippet = *dice.one(&SNIPPETS)?;
    let at = match dice.below(8) {
        0 => tree.root_element().range().start,
        1 => text.len(),
        _ => gap(dice, text, &tree)?,
    };
    Some((format!("insert {snippet:?} at {at}"), spliced(text, at..at, snippet)))
}

fn insert_in_value(dice: &mut Dice, text: &str) -> Change {
    let at = in_value(dice, text)?;
    let snippet = *dice.one(&SNIPPETS)?;
    Some((format!("insert {snippet:?} into the value at {at}"), spliced(text, at..at, snippet)))
}

/// A place in a text that is not white space alone.
fn in_value(dice: &mut Dice, text: &str) -> Option<usize> {
    let tree = parse(text)?;
    let values: Vec<_> = tree
        .descendants()
        .filter(|node| node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty()))
        .map(|node| node.range())
        .collect();
    let range = dice.one(&values)?;
    Some(boundary(text, range.start + dice.below(range.len() + 1)))
}

/// The same character as a reference or as CDATA: nothing is changed for who reads.
fn refer(dice: &mut Dice, text: &str) -> Change {
    let at = in_value(dice, text)?;
    let character = text[at..].chars().next()?;
    if "&<;]".contains(character) {
        return None;
    }
    let written = match dice.below(4) {
        0 => format!("&#{};", u32::from(character)),
        1 => format!("&#x{:x};", u32::from(character)),
        2 => format!("&#x000{:X};", u32::from(character)),
        _ => format!("<![CDATA[{character}]]>"),
    };
    Some((
        format!("write {character:?} at {at} as {written}"),
        spliced(text, at..at + character.len_utf8(), &written),
    ))
}

/// A whole text as CDATA.
fn quote_all(dice: &mut Dice, text: &str) -> Change {
    let at = in_value(dice, text)?;
    let end = at + text[at..].find('<')?;
    if text[at..end].contains('&') {
        return None;
    }
    Some((
        format!("write {at}..{end} as CDATA"),
        spliced(text, at..end, &format!("<![CDATA[{}]]>", &text[at..end])),
    ))
}

fn add_attribute(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let node = element(dice, &tree)?;
    let (at, attribute) = (end_of_name(text, node), *dice.one(&ATTRIBUTES)?);
    Some((format!("add{attribute} at {at}"), spliced(text, at..at, attribute)))
}

fn change_attribute(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let with: Vec<_> = tree.descendants().filter(|node| !attributes(text, *node).is_empty()).collect();
    let node = if dice.once_in(2) { element(dice, &tree)? } else { *dice.one(&with)? };
    let attribute = dice.one(&attributes(text, node))?.clone();
    let value = value(text, &attribute)?;
    Some(match dice.below(4) {
        0 => (format!("delete{}", &text[attribute.clone()]), spliced(text, attribute, "")),
        1 => {
            let new = *dice.one(&VALUES)?;
            (format!("value {value:?} becomes {new:?}"), spliced(text, value, new))
        }
        2 => {
            let snippet = *dice.one(&SNIPPETS)?;
            let at = boundary(text, value.start + dice.below(value.len() + 1));
            (format!("insert {snippet:?} into the attribute at {at}"), spliced(text, at..at, snippet))
        }
        _ => {
            let new = *dice.one(&[NAMESPACE, RDF, DCTERMS, SLREQ, "urn:x"])?;
            (format!("value {value:?} becomes {new:?}"), spliced(text, value, new))
        }
    })
}

/// Attributes in another order mean the same.
fn shuffle_attributes(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let several: Vec<_> = tree.descendants().filter(|node| attributes(text, *node).len() > 1).collect();
    let attributes = attributes(text, *dice.one(&several)?);
    let (first, second) = (attributes[0].clone(), dice.one(&attributes[1..])?.clone());
    let swapped = [&text[second.clone()], &text[first.end..second.start], &text[first.clone()]].concat();
    Some((format!("swap {first:?} and {second:?}"), spliced(text, first.start..second.end, &swapped)))
}

fn declare(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let node = element(dice, &tree)?;
    let (at, declaration) = (end_of_name(text, node), *dice.one(&DECLARATIONS)?);
    Some((format!("add{declaration} at {at}"), spliced(text, at..at, declaration)))
}

/// White space in tags, the other quotes, `<a></a>` for `<a/>`: the same for who reads.
fn rewrite_tag(dice: &mut Dice, text: &str) -> Change {
    let tree = parse(text)?;
    let node = element(dice, &tree)?;
    let tag = tag(text, node)?;
    let space = *dice.one(&[" ", "\n", "\t", "\r\n", "  \n "])?;
    let old = &text[tag.clone()];
    let new = match dice.below(4) {
        0 if old.ends_with("/>") => format!("{}></{}>", &old[..old.len() - 2], &text[name(text, node)]),
        1 if !old.contains('\'') => old.replace('"', "'"),
        2 => {
            let attribute = dice.one(&attributes(text, node))?.start;
            spliced(text, attribute..attribute, space)[tag.start..tag.end + space.len()].to_owned()
        }
        _ if old.ends_with("/>") => format!("{}{space}/>", &old[..old.len() - 2]),
        _ => format!("{}{space}>", &old[..old.len() - 1]),
    };
    Some((format!("write the tag {tag:?} as {new:?}"), spliced(text, tag, &new)))
}
