//! The commands that do with an entry what its page tells of.

use crate::{
    Metadata,
    server::{key::EntryKey, store::State},
};

use super::super::text::{entry_path, shell_word, web_link};

/// What is to be done, and how.
pub(super) struct Command {
    pub(super) purpose: &'static str,
    pub(super) lines: String,
}

/// Commands for whoever uses the image, and for whoever endorsed it. `base` is a word of the shell already.
pub(super) fn of(metadata: &Metadata, key: &EntryKey, base: &str, state: State) -> Vec<Command> {
    let file = shell_word(&format!("./{}.xml", key.identifier));
    let fetch = Command {
        purpose: "Fetch the entry and check it",
        lines: format!(
            "curl -fo {file} \\\n{base}{}\nstratus-validate-metadata --require current,active {file}",
            shell_word(&entry_path(key))
        ),
    };
    let location = metadata.locations.iter().find_map(|location| web_link(location));
    let image = location.map(|location| Command {
        purpose: "Check the image against it, while it is fetched",
        lines: format!("stratus-validate-metadata --image {} \\\n  {file}", shell_word(&location)),
    });
    let deprecate = (state != State::Deprecated && state != State::Superseded).then(|| Command {
        purpose: "Deprecate it, if you endorsed it",
        lines: format!(
            "stratus-deprecate-metadata --marketplace-endpoint {base} \\\n  --p12-cert grid.p12 --reason 'WHY' -- {}",
            key.identifier
        ),
    });
    [Some(fetch), image, deprecate].into_iter().flatten().collect()
}
