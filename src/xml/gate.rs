//! What stands before the parser: limits, and the forms it would let through.
//!
//! One pass over the text that knows just enough of XML to see tags, attributes and
//! references. It need not see every mistake: the parser follows. It must refuse what the
//! parser accepts against the standard (a wrong declaration, references to no character,
//! `<:a>`, malformed processing instructions, a default namespace declared twice) and what
//! costs it more than linear time.

use std::collections::HashMap;

use memchr::{memchr, memchr_iter, memmem};
use quick_xml::escape::unescape;

use super::{Limits, MAX_NAME_BYTES, Position, XmlError, is_white_space};

/// How many characters of a text are shown in an error.
const MAX_SHOWN: usize = 40;

/// The most `<` and the most `=`, be they markup or not: the parser sets some eighty bytes of
/// address space aside for each before it reads.
const MAX_DELIMITERS: usize = 32 * 1024 * 1024;

/// The references that need no declaration (XML 1.0 §4.6), without their `&`.
const ENTITIES: [&str; 5] = ["amp;", "lt;", "gt;", "quot;", "apos;"];

/// Bytes compared in one step: see [`Limits::comparisons`].
const COMPARED: u64 = 32;

/// Refuses `text` if it exceeds a limit or has one of those forms.
pub(super) fn check(text: &str, limits: &Limits) -> Result<(), XmlError> {
    let mut gate = Gate {
        text,
        limits,
        at: 0,
        nodes: 0,
        attributes: 0,
        comparisons: 0,
        longest_prefix: 0,
        longest_namespace: 0,
        open: Vec::new(),
        prefixes: HashMap::new(),
    };
    for (delimiter, what) in [(b'<', "'<'"), (b'=', "'='")] {
        if text.len() > MAX_DELIMITERS && memchr_iter(delimiter, text.as_bytes()).count() > MAX_DELIMITERS {
            return gate.limit(what, MAX_DELIMITERS);
        }
    }
    gate.declaration()?;
    // The parser calls it an unknown token, which tells no one that the file is the wrong one.
    if !gate.rest().trim_start_matches([' ', '\t', '\n']).starts_with('<') {
        return gate.malformed("there is text where an element should begin");
    }
    while gate.at < text.len() {
        gate.content()?;
    }
    Ok(())
}

struct Gate<'t> {
    text: &'t str,
    limits: &'t Limits,
    /// Offset of the next byte to look at.
    at: usize,
    nodes: usize,
    attributes: usize,
    comparisons: u64,
    /// Bytes of the longest prefix declared so far.
    longest_prefix: usize,
    /// Bytes of the longest namespace name declared so far.
    longest_namespace: usize,
    /// For every open element, the prefixes it declares.
    open: Vec<Vec<&'t str>>,
    /// How many open elements declare each prefix; its size is the number in scope.
    prefixes: HashMap<&'t str, usize>,
}

impl<'t> Gate<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// XML 1.0 §2.8, production 23: version 1.0, encoding UTF-8, or nothing.
    fn declaration(&mut self) -> Result<(), XmlError> {
        if self.rest().starts_with('\u{FEFF}') {
            // Source::read leaves out one, and the parser would leave out another.
            return self.malformed("two byte order marks");
        }
        let unsupported = |what: String| Err(XmlError::Declaration { what });
        let Some(body) = self.rest().strip_prefix("<?xml") else { return Ok(()) };
        if !body.starts_with([' ', '\t', '\n', '?']) {
            return Ok(()); // a processing instruction such as <?xml-stylesheet?>
        }
        let Some(end) = body.find("?>") else { return unsupported("it has no end".into()) };
        let mut rest = &body[..end];
        let mut versioned = false;
        let mut expected = ["version", "encoding", "standalone"].into_iter();
        while !is_white_space(rest) {
            let Some((name, value, after)) = pseudo_attribute(rest) else {
                return unsupported(format!("'{}'", rest.trim()));
            };
            if !expected.any(|candidate| candidate == name) {
                return unsupported(format!("'{name}' is unknown or out of place"));
            }
            versioned |= name == "version";
            let supported = match name {
                "version" => value == "1.0",
                "encoding" => value.eq_ignore_ascii_case("utf-8"),
                _ => matches!(value, "yes" | "no"),
            };
            if !supported {
                return unsupported(format!("{name} is '{value}'"));
            }
            rest = after;
        }
        if !versioned {
            return unsupported("it has no version".into());
        }
        self.at += "<?xml".len() + end + "?>".len();
        Ok(())
    }

    /// One text, comment, CDATA section, processing instruction or tag.
    fn content(&mut self) -> Result<(), XmlError> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return self.limit("nodes", self.limits.nodes);
        }
        let rest = self.rest();
        let length = match memchr(b'<', rest.as_bytes()) {
            Some(0) => return self.markup(),
            Some(length) => length,
            None => rest.len(),
        };
        self.references(&rest[..length])?;
        self.at += length;
        Ok(())
    }

    fn markup(&mut self) -> Result<(), XmlError> {
        let rest = self.rest();
        if rest.starts_with("<!--") {
            self.skip_past("<!--", "-->", "comment")
        } else if rest.starts_with("<![CDATA[") {
            self.skip_past("<![CDATA[", "]]>", "CDATA section")
        } else if rest.starts_with("<!") {
            // roxmltree refuses every other declaration; a DOCTYPE deserves its own word.
            if rest.starts_with("<!DOCTYPE") {
                Err(XmlError::Doctype)
            } else {
                self.malformed("misplaced '<!'")
            }
        } else if rest.starts_with("<?") {
            self.processing_instruction()
        } else if rest.starts_with("</") {
            for prefix in self.open.pop().unwrap_or_default() {
                if let Some(count) = self.prefixes.get_mut(prefix) {
                    *count -= 1;
                    if *count == 0 {
                        self.prefixes.remove(prefix);
                    }
                }
            }
            self.at += "</".len();
            // Its name too: for the parser `</:a>` ends `<a>`.
            self.name()?;
            self.skip_past("", ">", "end tag")
        } else {
            self.start_tag()
        }
    }

    fn skip_past(&mut self, start: &str, end: &str, what: &str) -> Result<(), XmlError> {
        match memmem::find(&self.rest().as_bytes()[start.len()..], end.as_bytes()) {
            Some(length) => {
                self.at += start.len() + length + end.len();
                Ok(())
            }
            None => self.malformed(format!("{what} without end")),
        }
    }

    /// XML 1.0 §2.6: a target that is not `xml`, white space before any content; and no colon
    /// in the target (Namespaces in XML §7).
    fn processing_instruction(&mut self) -> Result<(), XmlError> {
        let rest = &self.rest()["<?".len()..];
        let Some(length) = rest.find("?>") else {
            return self.malformed("processing instruction without end");
        };
        let body = &rest[..length];
        let target = &body[..body.find([' ', '\t', '\n']).unwrap_or(body.len())];
        // The parser takes the name at the front for the target and what follows for content.
        if target.is_empty() || !target.chars().all(is_name_character) || target.eq_ignore_ascii_case("xml") {
            return self.malformed("processing instruction with a bad target");
        }
        self.at += "<?".len() + length + "?>".len();
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), XmlError> {
        if self.open.len() == self.limits.depth {
            return self.limit("levels of elements", self.limits.depth);
        }
        self.at += 1;
        self.name()?;
        let (mut attributes, mut declared) = (0, Vec::new());
        let empty = loop {
            let rest = self.rest();
            let body = trim_start(rest);
            self.at += rest.len() - body.len();
            if body.is_empty() {
                return self.malformed("it ends within a tag");
            }
            if body.starts_with('>') {
                self.at += 1;
                break false;
            }
            if body.starts_with("/>") {
                self.at += 2;
                break true;
            }
            attributes += 1;
            if attributes > self.limits.attributes {
                return self.limit("attributes", self.limits.attributes);
            }
            if let Some(prefix) = self.attribute()? {
                if declared.contains(&prefix) {
                    return self.malformed("namespace declared twice on one element");
                }
                declared.push(prefix);
            }
        };
        let fresh = declared.iter().filter(|prefix| !self.prefixes.contains_key(*prefix)).count();
        if self.prefixes.len() + fresh > self.limits.namespaces {
            return self.limit("namespaces in scope", self.limits.namespaces);
        }
        self.count(attributes, self.prefixes.len() + fresh, !declared.is_empty())?;
        if !empty {
            for prefix in &declared {
                *self.prefixes.entry(prefix).or_default() += 1;
            }
            self.open.push(declared);
        }
        Ok(())
    }

    /// Adds up what the parser has to do for a start tag, or keep of it.
    fn count(&mut self, attributes: usize, in_scope: usize, declares: bool) -> Result<(), XmlError> {
        self.attributes += attributes;
        if self.attributes > self.limits.all_attributes {
            return self.limit("attributes in the document", self.limits.all_attributes);
        }
        let prefixes = (attributes + 1) * in_scope + if declares { in_scope * in_scope } else { 0 };
        let steps = |pairs: usize, length: usize| pairs as u64 * (length as u64 / COMPARED + 1);
        self.comparisons = self.comparisons.saturating_add(steps(prefixes, self.longest_prefix));
        let namespaces = steps(attributes * attributes / 2, self.longest_namespace);
        self.comparisons = self.comparisons.saturating_add(namespaces);
        if self.comparisons > self.limits.comparisons {
            let limit = usize::try_from(self.limits.comparisons).unwrap_or(usize::MAX);
            return self.limit("comparisons of names needed", limit);
        }
        Ok(())
    }

    /// Skips `name = "value"`; the prefix if it declares a namespace, empty for the default one.
    fn attribute(&mut self) -> Result<Option<&'t str>, XmlError> {
        let name = self.name()?;
        let body = trim_start(self.rest());
        let Some(body) = body.strip_prefix('=') else { return self.malformed("attribute without value") };
        let body = trim_start(body);
        let Some(&quote @ (b'"' | b'\'')) = body.as_bytes().first() else {
            return self.malformed("attribute value without quotes");
        };
        let Some(length) = memchr(quote, &body.as_bytes()[1..]) else {
            return self.malformed("attribute value without end");
        };
        let value = &body[1..=length];
        self.references(value)?;
        self.at = self.text.len() - body.len() + length + 2;
        if name.ends_with(":xmlns") {
            // No declaration, but the parser would take it for one of the default namespace.
            return self.malformed(format!("'{name}' is a reserved name"));
        }
        let Some(prefix) = name.strip_prefix("xmlns") else { return Ok(None) };
        let prefix = match prefix.strip_prefix(':') {
            Some(prefix) => prefix,
            None if prefix.is_empty() => "",
            None => return Ok(None),
        };
        self.namespace_name(value)?;
        // Namespaces in XML 1.0 §3 and §5: no prefix can be undeclared, and `xmlns` never declared.
        if (value.is_empty() && !prefix.is_empty()) || prefix == "xmlns" {
            return self.malformed(format!("namespace prefix '{prefix}' cannot be declared so"));
        }
        self.longest_prefix = self.longest_prefix.max(prefix.len());
        self.longest_namespace = self.longest_namespace.max(value.len());
        Ok(Some(prefix))
    }

    /// Canonical XML fails on a namespace name that is a relative reference (C14N 1.0 §1.3), so
    /// that nobody could verify a signature around one.
    fn namespace_name(&self, value: &str) -> Result<(), XmlError> {
        if value.is_empty() {
            return Ok(()); // no namespace
        }
        let name = unescape(value).unwrap_or_default();
        // RFC 3986: oxiri also takes the characters beyond ASCII that RFC 3987 adds.
        if name.is_ascii() && oxiri::Iri::parse(name.as_ref()).is_ok() {
            return Ok(());
        }
        let name = name.chars().take(MAX_SHOWN).collect();
        Err(XmlError::NamespaceName { name, position: self.position() })
    }

    /// A qualified name: at most one colon, with something on both sides (Namespaces in XML §4).
    /// Which characters a name may have is the parser's to say.
    fn name(&mut self) -> Result<&'t str, XmlError> {
        let rest = self.rest();
        let ends =
            |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'=' | b'>' | b'/' | b'<' | b'"' | b'\'');
        let length = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
        let name = &rest[..length];
        if length == rest.len() {
            return self.malformed("it ends within a tag");
        }
        if length > MAX_NAME_BYTES {
            return self.limit("bytes in a name", MAX_NAME_BYTES);
        }
        let well_formed = match name.split_once(':') {
            Some((prefix, local)) => !prefix.is_empty() && !local.is_empty() && !local.contains(':'),
            None => !name.is_empty(),
        };
        if !well_formed {
            return self.malformed(format!("'{name}' is not a name"));
        }
        self.at += length;
        Ok(name)
    }

    /// References: to a character (XML 1.0 §4.1, production 2), or to one of the five entities
    /// that need no declaration (§4.6), since there is no DOCTYPE to declare others.
    fn references(&self, text: &str) -> Result<(), XmlError> {
        let mut rest = text;
        while let Some(start) = memchr(b'&', rest.as_bytes()) {
            rest = &rest[start + 1..];
            if let Some(known) = ENTITIES.iter().find(|known| rest.starts_with(**known)) {
                rest = &rest[known.len()..];
                continue;
            }
            let Some(end) = memchr(b';', rest.as_bytes()) else {
                return self.malformed("'&' that starts no reference");
            };
            let name = &rest[..end];
            if !name.strip_prefix('#').is_some_and(is_character) {
                let shown: String = name.chars().take(MAX_SHOWN).collect();
                return self.malformed(format!("'&{shown};' refers to no character"));
            }
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    fn position(&self) -> Position {
        Position::of(self.text, self.at)
    }

    fn malformed<T>(&self, what: impl Into<String>) -> Result<T, XmlError> {
        Err(XmlError::Malformed { what: what.into(), position: Some(self.position()) })
    }

    fn limit<T>(&self, what: &'static str, limit: usize) -> Result<T, XmlError> {
        Err(XmlError::Limit { what, limit, position: self.position() })
    }
}

/// What follows leading white space; line ends are line feeds by now.
fn trim_start(text: &str) -> &str {
    let white = text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n')).count();
    &text[white..]
}

/// Splits ` name="value"` off the front: name, value, what follows.
fn pseudo_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let body = trim_start(text);
    if body.len() == text.len() {
        return None;
    }
    let (name, after) = body.split_once('=')?;
    let after = trim_start(after);
    let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (value, rest) = after[1..].split_once(quote)?;
    Some((name.trim_end_matches([' ', '\t', '\n']), value, rest))
}

/// Whether a name may contain this character (XML 1.0 §2.3, production 4a), the colon aside.
fn is_name_character(character: char) -> bool {
    matches!(character,
        '-' | '.' | '0'..='9' | 'A'..='Z' | '_' | 'a'..='z' | '\u{B7}'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}'
        | '\u{200C}' | '\u{200D}' | '\u{203F}' | '\u{2040}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Whether `code`, decimal or `x` and hexadecimal, is that of a character XML may contain.
fn is_character(code: &str) -> bool {
    let (digits, radix) = code.strip_prefix('x').map_or((code, 10), |digits| (digits, 16));
    // from_str_radix would take a sign.
    let number =
        digits.chars().all(|digit| digit.is_digit(radix)).then(|| u32::from_str_radix(digits, radix));
    number.and_then(Result::ok).and_then(char::from_u32).is_some_and(|character| {
        matches!(character, '\t' | '\n' | '\r' | ' '..) && !matches!(character, '\u{FFFE}' | '\u{FFFF}')
    })
}
