//! Verifies again everything that is stored.
//!
//! Of each entry: its bytes against their SHA-256, its signature and the rules, its key and every column
//! against what it says. Of the database: which entry is the newest of each endorser and image, what is
//! listed, what mirrors get, and whether the file is whole. Nothing is changed.

use rayon::prelude::*;
use tokio::runtime::Handle;

use crate::Timestamp;

use super::{
    intake::Intake,
    store::{Kept, Store, StoreError},
};

/// Entries that are looked at at once.
const AT_ONCE: u32 = 256;

/// What was found.
#[derive(Debug)]
pub enum Found<'a> {
    /// An entry was looked at: its key, and its size in bytes.
    Entry(&'a str, u64),
    /// An entry is not; it is named by its key as the columns have it.
    Fault(&'a str, &'a str),
    /// The tables do not fit together.
    Misfit(&'a str),
}

/// Told of each entry and of each fault.
pub type Observer<'a> = dyn FnMut(Found<'_>) + 'a;

/// How many entries were looked at, and how many faults there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Entries.
    pub entries: u64,
    /// Faults, several of which may be one entry's.
    pub faults: u64,
}

/// Looks through the database, and tells `observe` what it finds.
///
/// # Errors
/// [`StoreError`] if the database cannot be read.
pub fn recheck(
    intake: &Intake,
    (store, runtime): (&Store, &Handle),
    observe: &mut Observer<'_>,
) -> Result<Checked, StoreError> {
    let (mut checked, mut after) = (Checked::default(), i64::MIN);
    loop {
        let kept = runtime.block_on(store.kept(after, AT_ONCE))?;
        let Some(last) = kept.last() else { break };
        after = last.id;
        let now = Timestamp::now();
        let faults: Vec<_> = kept.par_iter().map(|kept| faults(kept, intake, now)).collect();
        for (kept, faults) in kept.iter().zip(faults) {
            checked.entries += 1;
            checked.faults += faults.len() as u64;
            let bytes = kept.document.as_ref().map_or(0, |(document, _)| document.len() as u64);
            observe(Found::Entry(&kept.key, bytes));
            for fault in faults {
                observe(Found::Fault(&kept.key, &fault));
            }
        }
    }
    for misfit in runtime.block_on(store.misfits())? {
        checked.faults += 1;
        observe(Found::Misfit(&misfit));
    }
    Ok(checked)
}

/// What is wrong with an entry.
fn faults(kept: &Kept, intake: &Intake, now: Timestamp) -> Vec<String> {
    let Some((document, sha256)) = &kept.document else { return vec!["it has no document".to_owned()] };
    let mut faults = Vec::new();
    if *sha256 != openssl::sha::sha256(document) {
        faults.push("its bytes are not those whose SHA-256 is kept".to_owned());
    }
    match intake.judge(document, None, now) {
        Err(error) => faults.push(error.to_string()),
        Ok(entry) => match kept.differences(&entry, now) {
            Err(error) => faults.push(error.to_string()),
            Ok(columns) if columns.is_empty() => {}
            Ok(columns) => {
                faults.push(format!("the document says something else than {}", columns.join(", ")));
            }
        },
    }
    faults
}
