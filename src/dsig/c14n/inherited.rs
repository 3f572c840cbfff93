//! What the topmost element of a subtree takes over from the ancestors that are left out.

use std::borrow::Cow;

use roxmltree::Node;

use super::{Mode, base};
use crate::metadata::namespace::XML;

/// The attributes in the `xml` namespace that the apex has not written itself.
#[derive(Default)]
pub(super) struct Inherited<'a> {
    /// Local name, name as written, value.
    pub(super) attributes: Vec<(&'a str, String, Cow<'a, str>)>,
    /// Whether the apex's own `xml:base` is not written: another one takes its place, or none.
    pub(super) replaces_base: bool,
}

impl<'a> Inherited<'a> {
    /// C14N 1.0 §2.4: the nearest of each `xml:` attribute. C14N 1.1 §2.4: `xml:lang` and
    /// `xml:space` so, `xml:base` joined, no other. Exclusive C14N §3: none.
    pub(super) fn by(apex: Node<'a, '_>, mode: Mode) -> Self {
        let mut inherited = Self::default();
        if mode == Mode::Exclusive {
            return inherited;
        }
        let mut base = apex.attribute((XML, "base")).map(Cow::Borrowed);
        for ancestor in apex.ancestors().skip(1) {
            for attribute in ancestor.attributes().filter(|a| a.namespace() == Some(XML)) {
                let (name, value) = (attribute.name(), attribute.value());
                if mode == Mode::Inclusive11 && name == "base" {
                    inherited.replaces_base = true;
                    base = Some(match base {
                        Some(reference) => Cow::Owned(base::join(value, &reference)),
                        None => Cow::Borrowed(value),
                    });
                    continue;
                }
                let inheritable = mode == Mode::Inclusive || matches!(name, "lang" | "space");
                let known = apex.has_attribute((XML, name))
                    || inherited.attributes.iter().any(|(known, ..)| *known == name);
                if inheritable && !known {
                    inherited.attributes.push((name, format!("xml:{name}"), Cow::Borrowed(value)));
                }
            }
        }
        if inherited.replaces_base
            && let Some(base) = base.filter(|base| !base.is_empty())
        {
            inherited.attributes.push(("base", "xml:base".to_owned(), base));
        }
        inherited
    }
}
