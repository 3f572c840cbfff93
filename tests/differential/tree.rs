//! Where things are in a document: its nodes, tags, attributes and declarations as ranges of text.

use std::ops::Range;

use roxmltree::{Document, Node, ParsingOptions};
use stratuslab::dsig::NAMESPACE;

use crate::dice::Dice;

/// The document as a tree, if it still is one.
pub(crate) fn parse(text: &str) -> Option<Document<'_>> {
    Document::parse_with_options(text, ParsingOptions { allow_dtd: true, ..ParsingOptions::default() }).ok()
}

/// Any element, half of the time one of the signature's.
pub(crate) fn element<'a, 'i>(dice: &mut Dice, tree: &'a Document<'i>) -> Option<Node<'a, 'i>> {
    let in_signature = dice.once_in(2);
    let signed = |node: &Node| node.tag_name().namespace() == Some(NAMESPACE);
    let all: Vec<Node> =
        tree.descendants().filter(|node| node.is_element() && (!in_signature || signed(node))).collect();
    dice.one(&all).copied()
}

/// The first element of the signature's namespace with this name.
pub(crate) fn part<'a, 'i>(tree: &'a Document<'i>, name: &str) -> Option<Node<'a, 'i>> {
    tree.descendants().find(|node| node.has_tag_name((NAMESPACE, name)))
}

/// Any place between the nodes in any element.
pub(crate) fn gap(dice: &mut Dice, text: &str, tree: &Document) -> Option<usize> {
    let element = element(dice, tree)?;
    let children: Vec<Node> = element.children().collect();
    match dice.below(children.len() + 1) {
        place if place < children.len() => Some(children[place].range().start),
        _ => inner(text, element).map(|inner| inner.end),
    }
}

/// What stands between an element's tags; none if it has but one.
pub(crate) fn inner(text: &str, element: Node) -> Option<Range<usize>> {
    let Range { start, end } = element.range();
    let tag = tag(text, element)?;
    let close = start + text[start..end].rfind("</")?;
    (close >= tag.end).then_some(tag.end..close)
}

/// An element's start tag.
pub(crate) fn tag(text: &str, element: Node) -> Option<Range<usize>> {
    let start = element.range().start;
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match (quote, byte) {
            (None, b'>') => return Some(start..at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The name in the start tag, prefix included.
pub(crate) fn name(text: &str, element: Node) -> Range<usize> {
    let start = element.range().start + 1;
    let ends = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>');
    let length = text[start..].bytes().position(ends).unwrap_or_default();
    start..start + length
}

/// Where something may be added to the start tag.
pub(crate) fn end_of_name(text: &str, element: Node) -> usize {
    name(text, element).end
}

/// The attributes and declarations in the start tag, each with the white space before it.
pub(crate) fn attributes(text: &str, element: Node) -> Vec<Range<usize>> {
    let Some(tag) = tag(text, element).filter(|_| element.is_element()) else { return Vec::new() };
    let (mut found, mut start, mut quote) = (Vec::new(), end_of_name(text, element), None);
    for (at, byte) in text.bytes().enumerate().take(tag.end).skip(start) {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => {
                quote = None;
                found.push(start..at + 1);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The value of such an attribute, without its quotes.
pub(crate) fn value(text: &str, attribute: &Range<usize>) -> Option<Range<usize>> {
    let quote = attribute.start + text[attribute.clone()].find(['"', '\''])?;
    Some(quote + 1..attribute.end - 1)
}

/// `text` with something else in a range.
pub(crate) fn spliced(text: &str, range: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..range.start], &text[range.end..])
}

/// The nearest place at or before `at` where a character begins.
pub(crate) fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}
