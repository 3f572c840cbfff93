//! Signing policies: which subjects an authority may certify, in the EACL format of Globus.
//!
//! ```text
//! access_id_CA   X509    '/C=FR/O=StratusLab/CN=Test CA'
//! pos_rights     globus  CA:sign
//! cond_subjects  globus  '"/C=FR/O=StratusLab/*" "/C=FR/O=Others/*"'
//! ```
//!
//! Subjects and names have the form of [`super::slash`]. What would take something away and is not
//! understood makes the file unreadable rather than the policy wider.

use std::path::{Path, PathBuf};

use super::slash;

/// Most words in a policy file: some authorities name hundreds of subjects.
const MAX_WORDS: usize = 100_000;

/// What a policy file says.
#[derive(Debug)]
pub(super) struct SigningPolicy {
    pub(super) path: PathBuf,
    /// The file's name without `.signing_policy`: the hash of an authority's name, or its alias.
    pub(super) stem: String,
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// The authority's name, normalized.
    authority: String,
    /// The subjects it may certify, as they are written.
    subjects: Vec<String>,
}

/// Why a signing policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningPolicyError {
    /// Not text.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// More words than any policy has.
    #[error("more than {MAX_WORDS} words")]
    TooLong,
    /// A quotation without an end.
    #[error("line {line}: a quotation does not end")]
    Quotation {
        /// The line where it begins, from 1.
        line: usize,
    },
    /// A statement is three words: its kind, who defines it, its value.
    #[error("line {line}: '{word}' is no statement, or not all of one")]
    Statement {
        /// The line, from 1.
        line: usize,
        /// Its first word.
        word: String,
    },
    /// Only grants of CA:sign are understood.
    #[error("line {line}: {right} is not pos_rights globus CA:sign")]
    Right {
        /// The line, from 1.
        line: usize,
        /// The statement.
        right: String,
    },
    /// Only conditions on subjects are understood.
    #[error("line {line}: the condition {condition} is not cond_subjects globus")]
    Condition {
        /// The line, from 1.
        line: usize,
        /// The statement.
        condition: String,
    },
    /// No `access_id_CA X509` with what follows it.
    #[error("it says of no authority what it may sign")]
    Empty,
}

impl SigningPolicy {
    /// What is said in this file.
    pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Self, SigningPolicyError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SigningPolicyError::NotUtf8)?;
        let mut policy = Self::unreadable(path);
        policy.entries = entries(&words(text)?)?;
        if policy.entries.is_empty() {
            return Err(SigningPolicyError::Empty);
        }
        Ok(policy)
    }

    /// A file that cannot be read permits nothing.
    pub(super) fn unreadable(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { path: path.to_owned(), stem, entries: Vec::new() }
    }

    /// A file that is not understood permits nothing to the authorities it names in lines of their own.
    pub(super) fn broken(path: &Path, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let named = text.lines().filter_map(|line| match words(line).ok()?.as_slice() {
            [kind, defined, name] if (kind.text, defined.text) == ("access_id_CA", "X509") => {
                Some(Entry { authority: slash::normalized(name.text), subjects: Vec::new() })
            }
            _ => None,
        });
        Self { entries: named.collect(), ..Self::unreadable(path) }
    }

    /// What the authority of this normalized name may certify; `None` if the file does not say.
    pub(super) fn permitted(&self, authority: &str) -> Option<Vec<&str>> {
        let entries: Vec<_> = self.entries.iter().filter(|entry| entry.authority == authority).collect();
        let subjects = entries.iter().flat_map(|entry| entry.subjects.iter().map(String::as_str)).collect();
        (!entries.is_empty()).then_some(subjects)
    }
}

/// Whether one of the patterns covers the subject of this normalized name.
pub(super) fn covers<'a>(patterns: impl IntoIterator<Item = &'a str>, subject: &str) -> bool {
    patterns.into_iter().any(|pattern| slash::matches(&slash::normalized(pattern), subject))
}

struct Word<'a> {
    line: usize,
    text: &'a str,
}

/// Words between white space, or in quotation marks of either kind; `#` begins a comment.
fn words(text: &str) -> Result<Vec<Word<'_>>, SigningPolicyError> {
    let mut words = Vec::new();
    let mut line = 1;
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        line += newlines(rest.get(..rest.len() - trimmed.len()).unwrap_or_default());
        rest = trimmed;
        let Some(first) = rest.chars().next() else { return Ok(words) };
        if first == '#' {
            rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
            continue;
        }
        if words.len() >= MAX_WORDS {
            return Err(SigningPolicyError::TooLong);
        }
        let (word, after) = match first {
            '"' | '\'' => {
                let quoted = rest.get(1..).and_then(|rest| rest.split_once(first));
                quoted.ok_or(SigningPolicyError::Quotation { line })?
            }
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(Word { line, text: word });
        line += newlines(word);
        rest = after;
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

/// Statements of three words each: authorities, then rights, then the conditions of these.
fn entries(words: &[Word<'_>]) -> Result<Vec<Entry>, SigningPolicyError> {
    let mut entries: Vec<Entry> = Vec::new();
    // The entries that what follows is about; none if it is about others than authorities.
    let mut about = 0..0;
    let mut stated = true;
    for statement in words.chunks(3) {
        let [Word { line, text: kind }, authority, value] = statement else {
            let (line, word) = statement.first().map_or((0, ""), |word| (word.line, word.text));
            return Err(SigningPolicyError::Statement { line, word: word.to_owned() });
        };
        let whole = || format!("{kind} {} {}", authority.text, value.text);
        match (*kind, authority.text) {
            (kind, defined) if kind.starts_with("access_id_") => {
                // Several identities one after the other share what follows them.
                if stated {
                    about = entries.len()..entries.len();
                    stated = false;
                }
                if (kind, defined) == ("access_id_CA", "X509") {
                    let authority = slash::normalized(value.text);
                    entries.push(Entry { authority, subjects: Vec::new() });
                    about.end = entries.len();
                }
            }
            ("pos_rights", "globus") if value.text == "CA:sign" => stated = true,
            ("pos_rights" | "neg_rights", _) if about.is_empty() => stated = true,
            ("pos_rights" | "neg_rights", _) => {
                return Err(SigningPolicyError::Right { line: *line, right: whole() });
            }
            ("cond_subjects", "globus") => {
                stated = true;
                for entry in entries.get_mut(about.clone()).into_iter().flatten() {
                    entry.subjects.extend(patterns(value)?);
                }
            }
            (kind, _) if kind.starts_with("cond_") => {
                if !about.is_empty() {
                    return Err(SigningPolicyError::Condition { line: *line, condition: whole() });
                }
            }
            _ => return Err(SigningPolicyError::Statement { line: *line, word: (*kind).to_owned() }),
        }
    }
    Ok(entries)
}

/// The subjects of a condition: each in quotation marks inside the value's own, or the value itself.
fn patterns(value: &Word<'_>) -> Result<Vec<String>, SigningPolicyError> {
    if !value.text.contains(['"', '\'']) {
        return Ok(vec![value.text.trim().to_owned()]);
    }
    let inner = words(value.text).map_err(|_| SigningPolicyError::Quotation { line: value.line })?;
    Ok(inner.into_iter().map(|word| word.text.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SigningPolicy, SigningPolicyError> {
        SigningPolicy::read(Path::new("ca.signing_policy"), text.as_bytes())
    }

    const CA: &str = "/c=fr/cn=ca";

    #[test]
    fn policies_are_read_in_every_way_of_writing_them() {
        for text in [
            "access_id_CA X509 '/C=FR/CN=CA'\npos_rights globus CA:sign\ncond_subjects globus '\"/C=FR/*\" \"/C=DE/O=x y/*\"'\n",
            "# it's a comment\n\n  access_id_CA\tX509\t\"/C=FR/CN=CA\"\r\n  pos_rights globus CA:sign # \"\r\ncond_subjects globus\n'\"/C=FR/*\"\n  \"/C=DE/O=x y/*\"'",
            "access_id_CA X509 /C=FR/CN=CA pos_rights globus CA:sign cond_subjects globus '/C=FR/*' cond_subjects globus '/C=DE/O=x y/*'",
            "access_id_CA X509 '/C=DE/CN=Other'\naccess_id_CA X509 '/C=fr/CN=ca'\npos_rights globus CA:sign\ncond_subjects globus \"'/C=FR/*' '/C=DE/O=x y/*'\"\n",
            "access_id_ANYBODY globus x\nneg_rights globus CA:sign\ncond_time globus x\naccess_id_CA X509 '/C=FR/CN=CA'\npos_rights globus CA:sign\ncond_subjects globus '\"/C=FR/*\" \"/C=DE/O=x y/*\"'",
        ] {
            let policy = read(text).unwrap();
            assert_eq!(policy.stem, "ca");
            assert_eq!(policy.permitted(CA), Some(vec!["/C=FR/*", "/C=DE/O=x y/*"]), "{text}");
            assert_eq!(policy.permitted("/c=fr/cn=another"), None);
        }
    }

    #[test]
    fn what_follows_an_authority_is_of_that_one() {
        let policy = read(
            "access_id_CA X509 '/CN=A'\npos_rights globus CA:sign\ncond_subjects globus '\"/O=a/*\"'\n\
             access_id_CA X509 '/CN=B'\npos_rights globus CA:sign\n\
             access_id_CA X509 '/CN=A'\npos_rights globus CA:sign\ncond_subjects globus '\"/O=b/*\"'\n",
        )
        .unwrap();
        assert_eq!(policy.permitted("/cn=a"), Some(vec!["/O=a/*", "/O=b/*"]));
        // Without a condition nothing is permitted, not everything.
        assert_eq!(policy.permitted("/cn=b"), Some(vec![]));
    }

    #[test]
    fn what_is_not_understood_is_not_read_as_a_permission() {
        let start = "access_id_CA X509 '/CN=A'\n";
        for (rest, error) in [
            (
                "pos_rights globus CA:sign\ncond_subjects globus '\"/O=a/*\"",
                SigningPolicyError::Quotation { line: 3 },
            ),
            (
                "pos_rights globus CA:sign\ncond_subjects globus '\"/O=a/*'",
                SigningPolicyError::Quotation { line: 3 },
            ),
            (
                "neg_rights globus CA:sign",
                SigningPolicyError::Right { line: 2, right: "neg_rights globus CA:sign".into() },
            ),
            (
                "pos_rights globus CA:revoke",
                SigningPolicyError::Right { line: 2, right: "pos_rights globus CA:revoke".into() },
            ),
            (
                "pos_rights globus CA:sign cond_time globus '1-2'",
                SigningPolicyError::Condition { line: 2, condition: "cond_time globus 1-2".into() },
            ),
            ("pos_rights globus", SigningPolicyError::Statement { line: 2, word: "pos_rights".into() }),
            ("what globus x", SigningPolicyError::Statement { line: 2, word: "what".into() }),
        ] {
            assert_eq!(read(&format!("{start}{rest}")).unwrap_err(), error, "{rest}");
        }
        assert_eq!(read("# nothing\n").unwrap_err(), SigningPolicyError::Empty);
        let bytes = SigningPolicy::read(Path::new("x"), b"\xff").unwrap_err();
        assert_eq!(bytes, SigningPolicyError::NotUtf8);
        assert_eq!(read(&"x ".repeat(MAX_WORDS + 1)).unwrap_err(), SigningPolicyError::TooLong);
    }
}
