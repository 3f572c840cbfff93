//! Forged and damaged entries: each is refused, and for its own reason. Numbers such as M1 are
//! those of the original library's holes, C1 those of the original commands'; every test that
//! keeps one closed has its number in its name. None has M21, a helper nothing used, and C36,
//! commands that list, search and show entries: there is neither here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "forgery/again.rs"]
mod again;
#[path = "forgery/content.rs"]
mod content;
#[path = "forgery/element.rs"]
mod element;
#[path = "common/entry.rs"]
mod entry;
#[path = "forgery/forge.rs"]
mod forge;
#[path = "forgery/identity.rs"]
mod identity;
#[path = "forgery/mutation.rs"]
mod mutation;
#[path = "forgery/namespaces.rs"]
mod namespaces;
#[path = "common/pki.rs"]
mod pki;
#[path = "forgery/reference.rs"]
mod reference;
#[path = "forgery/shape.rs"]
mod shape;
#[path = "forgery/value.rs"]
mod value;
#[path = "forgery/whole.rs"]
mod whole;
