//! Reading elements that have what the schema says and nothing else.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use roxmltree::Node;

use super::ShapeError;
use crate::{
    dsig::NAMESPACE,
    xml::{Splitter, is, is_white_space, splitter, text_of},
};

/// The child elements of an element that has nothing else, taken in the schema's order.
pub(super) struct Parts<'a, 'i> {
    parent: Node<'a, 'i>,
    children: std::iter::Peekable<std::vec::IntoIter<Node<'a, 'i>>>,
}

impl<'a, 'i> Parts<'a, 'i> {
    pub(super) fn of(parent: Node<'a, 'i>, attributes: &[&str]) -> Result<Self, ShapeError> {
        only_attributes(parent, attributes)?;
        no_text(parent)?;
        let children: Vec<_> = parent.children().filter(Node::is_element).collect();
        Ok(Self { parent, children: children.into_iter().peekable() })
    }

    pub(super) fn optional(&mut self, name: &str) -> Option<Node<'a, 'i>> {
        self.children.next_if(|child| is(child, NAMESPACE, name))
    }

    pub(super) fn next(&mut self, name: &'static str) -> Result<Node<'a, 'i>, ShapeError> {
        self.optional(name).ok_or_else(|| ShapeError::Missing { element: name, parent: name_of(self.parent) })
    }

    pub(super) fn end(&mut self) -> Result<(), ShapeError> {
        self.children.next().map_or(Ok(()), |child| Err(unexpected(child)))
    }
}

pub(super) fn algorithm<'a>(element: Node<'a, '_>) -> Result<&'a str, ShapeError> {
    let algorithm = element.attribute("Algorithm");
    algorithm.ok_or_else(|| ShapeError::Missing { element: "Algorithm", parent: name_of(element) })
}

/// No value in the signature has comments or processing instructions in it: whether what is behind
/// them belongs to the value depends on who reads it.
pub(super) fn whole_values(signature: Node) -> Result<(), ShapeError> {
    match signature.descendants().find_map(|element| Some((element, splitter(element)?))) {
        Some((element, splitter)) => Err(split(element, splitter)),
        None => Ok(()),
    }
}

fn split(element: Node, splitter: Splitter) -> ShapeError {
    let element = name_of(element);
    match splitter {
        Splitter::Comment => ShapeError::CommentInValue { element },
        Splitter::Instruction => ShapeError::InstructionInValue { element },
    }
}

/// An element with a value has no elements in it.
pub(super) fn leaf(element: Node) -> Result<(), ShapeError> {
    match element.first_element_child() {
        Some(child) => Err(ShapeError::ElementInValue { element: name_of(element), child: name_of(child) }),
        None => Ok(()),
    }
}

/// The octets of an element with base64 content; white space, also `&#13;`, does not count.
pub(super) fn base64_of(element: Node, attributes: &[&str]) -> Result<Vec<u8>, ShapeError> {
    const STRICT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    only_attributes(element, attributes)?;
    leaf(element)?;
    for child in element.children() {
        // Where there is no text at all, too.
        if let Some(splitter) = Splitter::of(child) {
            return Err(split(element, splitter));
        }
    }
    let mut text = text_of(element).into_owned();
    text.retain(|character| !matches!(character, ' ' | '\t' | '\n' | '\r'));
    let name = name_of(element);
    if text.is_empty() {
        return Err(ShapeError::EmptyValue { element: name });
    }
    let body = text.trim_end_matches('=');
    let foreign = |character: &char| !(character.is_ascii_alphanumeric() || matches!(character, '+' | '/'));
    if let Some(character) = body.chars().find(foreign) {
        return Err(ShapeError::Base64Character { element: name, character });
    }
    if !text.len().is_multiple_of(4) {
        return Err(ShapeError::Base64Length { element: name, length: text.len() });
    }
    if text.len() - body.len() > 2 {
        return Err(ShapeError::Base64Character { element: name, character: '=' });
    }
    STRICT.decode(&text).map_err(|_| ShapeError::Base64Padding { element: name })
}

pub(super) fn only_attributes(element: Node, allowed: &[&str]) -> Result<(), ShapeError> {
    match element.attributes().find(|a| a.namespace().is_some() || !allowed.contains(&a.name())) {
        Some(attribute) => Err(ShapeError::UnknownAttribute {
            attribute: attribute.name().to_owned(),
            parent: name_of(element),
        }),
        None => Ok(()),
    }
}

pub(super) fn no_text(element: Node) -> Result<(), ShapeError> {
    if is_white_space(&text_of(element)) {
        return Ok(());
    }
    Err(ShapeError::TextBetween { parent: name_of(element) })
}

pub(super) fn unexpected(child: Node) -> ShapeError {
    ShapeError::UnknownElement {
        element: name_of(child),
        parent: child.parent_element().map(name_of).unwrap_or_default(),
    }
}

fn name_of(element: Node) -> String {
    element.tag_name().name().to_owned()
}
