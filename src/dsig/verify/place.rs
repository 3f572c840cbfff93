//! Where the signature stands, and what else is in the root.

use roxmltree::{Document, Node, NodeType};

use super::VerifyError;
use crate::{
    dsig::{NAMESPACE, ShapeError},
    metadata::namespace::RDF,
    xml::{children, is, is_white_space},
};

/// The one signature, where it has to be.
pub(super) fn find_signature<'a, 'i>(tree: &'a Document<'i>) -> Result<Node<'a, 'i>, VerifyError> {
    let root = tree.root_element();
    if !is(&root, RDF, "RDF") {
        return Err(VerifyError::Root { root: root.tag_name().name().to_owned() });
    }
    let inside = |description: Node<'a, 'i>| {
        description
            .descendants()
            .find(|node| is(node, NAMESPACE, "Signature"))
            .and_then(|node| node.parent_element())
    };
    if let Some(parent) = children(root, RDF, "Description").find_map(inside) {
        let parent = parent.tag_name().name().to_owned();
        return Err(ShapeError::SignatureInDescription { parent }.into());
    }
    if let Some(element) = stray_signature_part(root) {
        return Err(ShapeError::Misplaced { element }.into());
    }
    let signatures: Vec<_> = children(root, NAMESPACE, "Signature").collect();
    let signature = match signatures.as_slice() {
        [] => return Err(VerifyError::NoSignature),
        [signature] => *signature,
        several => return Err(ShapeError::SeveralSignatures { count: several.len() }.into()),
    };
    for node in signature.next_siblings().skip(1) {
        let what = match node.node_type() {
            NodeType::Text if is_white_space(node.text().unwrap_or_default()) => continue,
            NodeType::Text => "text",
            NodeType::Comment => "a comment",
            NodeType::PI => "a processing instruction",
            _ => "an element",
        };
        return Err(ShapeError::NotLast { what }.into());
    }
    Ok(signature)
}

/// Anything of the signature's namespace that is neither a `Signature` child of the root nor in one.
pub(crate) fn stray_signature_part(root: Node) -> Option<String> {
    let (signatures, others): (Vec<_>, Vec<_>) =
        root.children().filter(Node::is_element).partition(|child| is(child, NAMESPACE, "Signature"));
    let foreign = |attribute: &roxmltree::Attribute| attribute.namespace() == Some(NAMESPACE);
    let in_attributes = [root].into_iter().chain(signatures).find_map(|node| node.attributes().find(foreign));
    in_attributes.map(|attribute| attribute.name().to_owned()).or_else(|| {
        others.iter().flat_map(Node::descendants).find_map(|node| {
            let element = (node.tag_name().namespace() == Some(NAMESPACE)).then(|| node.tag_name().name());
            element.or_else(|| node.attributes().find(foreign).map(|a| a.name())).map(ToOwned::to_owned)
        })
    })
}

/// One description is all there is in the root: what is signed in another, or in something around
/// it, is no entry's.
pub(super) fn check_root(root: Node) -> Result<(), VerifyError> {
    let description = |child: &Node| is(child, RDF, "Description");
    if let Some(other) = root.children().find(|child| child.is_element() && !description(child)) {
        return Err(VerifyError::Wrapper { element: other.tag_name().name().to_owned() });
    }
    match children(root, RDF, "Description").count() {
        // None is counted with the other elements on the way to the endorser.
        0 | 1 => Ok(()),
        count => Err(VerifyError::SeveralDescriptions { count }),
    }
}
