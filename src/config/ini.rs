//! The originals' `stratuslab-user.cfg`, in the dialect of Python 2's `ConfigParser`: keys in any
//! case, `=` or `:`, comments after ` ;`, continued lines, `%%` for `%` and `%(key)s` for another
//! value. The general INI crates differ from it exactly where passwords are concerned.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::{At, ConfigError};
use super::value::{Place, Raw};
use super::{Contents, Keys, SELECTED_SECTION, TRUST, assign, line_of};

/// What the originals' other commands read from the same file. User, password, PEM certificate and
/// its key are the cloud's: a Marketplace never got them, and must not now. What signs is PKCS#12.
const NOT_OURS: &[&str] = &[
    "author_email",
    "cloud_init",
    "country",
    "default_instance_type",
    "disk_format",
    "endpoint",
    "endpoint_timeout",
    "extra_context_data",
    "extra_context_file",
    "instance_number",
    "instance_type",
    "is_local_ip",
    "is_private_ip",
    "keymap",
    "marketplace_endpoint_newimage",
    "msg_recipients",
    "name",
    "no_check_image_url",
    "password",
    "pdisk_endpoint",
    "pdisk_password",
    "pdisk_port",
    "pdisk_protocol",
    "pdisk_username",
    "pem_certificate",
    "pem_key",
    "raw_data",
    "save_disk",
    "specific_address_request",
    "use_qcow_disk_format",
    "user_private_key_file",
    "user_public_key_file",
    "username",
    "verbose_level",
    "vm_cpu",
    "vm_cpu_amount",
    "vm_disks_bus",
    "vm_kernel",
    "vm_name",
    "vm_ram",
    "vm_ramdisk",
    "vm_requirements",
    "vm_swap",
    "vm_template_file",
    "vnc_listen",
    "vnc_port",
];

/// A section of the same file that is no profile: each key is an instance type's name.
const INSTANCE_TYPES: &str = "instance_types";

/// How many `%(key)s` one value may lead to.
const MAX_SUBSTITUTIONS: usize = 50;

pub(super) struct Entry {
    /// Bytes of the text before its line.
    pub(super) offset: usize,
    pub(super) key: String,
    pub(super) value: Zeroizing<String>,
}

pub(super) struct Section {
    /// Bytes of the text before its first line.
    pub(super) offset: usize,
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Contents, ConfigError> {
    let sections = split(path, text)?;
    let Some(default) = sections.iter().find(|section| section.name == "default") else {
        return Err(ConfigError::NoDefaultSection { path: path.to_owned() });
    };
    let mut contents = Contents { defaults: read(path, text, default, default)?, ..Contents::default() };
    if let Some(trust) = sections.iter().find(|section| section.name == TRUST) {
        contents.defaults.trust = read(path, text, trust, default)?;
    }
    if let Some(entry) = default.entries.iter().find(|entry| entry.key == SELECTED_SECTION) {
        contents.selected = Some(entry.value.to_string()).filter(|name| !name.is_empty());
    }
    let no_profiles = [INSTANCE_TYPES, TRUST];
    for section in sections.iter().filter(|section| !no_profiles.contains(&section.name.as_str())) {
        contents.profiles.push((section.name.clone(), read(path, text, section, default)?));
    }
    Ok(contents)
}

/// The values of a section that are ours. Of two entries with one key the last counts.
fn read<K: Keys + Default>(
    path: &Path,
    text: &str,
    section: &Section,
    default: &Section,
) -> Result<K, ConfigError> {
    let mut config = K::default();
    let mut set = Vec::new();
    let mut read: Vec<&str> = Vec::new();
    for entry in section.entries.iter().rev() {
        let key = entry.key.as_str();
        if key == SELECTED_SECTION || NOT_OURS.contains(&key) || read.contains(&key) {
            continue;
        }
        let place = Place { path, text, offset: entry.offset, key, folder: Path::new("") };
        let value = interpolated(&place, entry, &[section, default], &mut 0)?;
        assign(&mut config, &mut set, &place, key, Raw::Untyped(&value))?;
        read.push(key);
    }
    Ok(config)
}

/// The sections in order, those of one name together.
pub(super) fn split(path: &Path, text: &str) -> Result<Vec<Section>, ConfigError> {
    let mut sections: Vec<Section> = Vec::new();
    let mut current = None;
    let mut continued = false;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let offset = end;
        end += line.len();
        let wrong = |reason: &str| ConfigError::Syntax {
            at: At { path: path.to_owned(), line: line_of(text.as_bytes(), offset) },
            reason: reason.to_owned(),
        };
        let words = line.trim();
        if words.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let section: Option<&mut Section> = current.and_then(|at: usize| sections.get_mut(at));
        if line.starts_with(char::is_whitespace) && continued {
            if let Some(entry) = section.and_then(|section| section.entries.last_mut()) {
                entry.value.push('\n');
                entry.value.push_str(words);
            }
            continue;
        }
        if let Some(rest) = words.strip_prefix('[') {
            let (name, _) = rest.split_once(']').ok_or_else(|| wrong("the section's name does not end"))?;
            let known = sections.iter().position(|section| section.name == name);
            current = Some(known.unwrap_or(sections.len()));
            if known.is_none() {
                sections.push(Section { offset, name: name.to_owned(), entries: Vec::new() });
            }
            continued = false;
            continue;
        }
        let section = section.ok_or_else(|| wrong("there is no section before this line"))?;
        let (key, value) = words
            .split_once(['=', ':'])
            .ok_or_else(|| wrong("this is neither a section nor 'key = value'"))?;
        let key = key.trim().to_lowercase();
        let value = without_comment(value.trim());
        section.entries.push(Entry { offset, key, value: Zeroizing::new(value.to_owned()) });
        continued = true;
    }
    Ok(sections)
}

/// A comment begins with a semicolon after a blank.
fn without_comment(value: &str) -> &str {
    let comment = value
        .match_indices(';')
        .map(|(at, _)| at)
        .find(|at| value.get(..*at).is_some_and(|before| before.ends_with(char::is_whitespace)));
    let value = comment.and_then(|at| value.get(..at)).unwrap_or(value).trim_end();
    if value == "\"\"" { "" } else { value }
}

/// The value with `%%` and `%(key)s` replaced; `steps` counts the latter.
fn interpolated(
    place: &Place<'_>,
    entry: &Entry,
    sections: &[&Section],
    steps: &mut usize,
) -> Result<Zeroizing<String>, ConfigError> {
    let wrong = |reason: &str| ConfigError::Syntax {
        at: place.at(),
        reason: format!("in the value of '{}', {reason}", place.key),
    };
    let mut value = Zeroizing::new(String::new());
    let mut rest = entry.value.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        value.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            value.push('%');
            rest = after;
            continue;
        }
        let name = after.strip_prefix('(').and_then(|after| after.split_once(")s"));
        let (name, after) = name.ok_or_else(|| wrong("'%' must be written '%%'"))?;
        let key = name.to_lowercase();
        let mut entries = sections.iter().flat_map(|section| section.entries.iter().rev());
        let other = entries.find(|other| other.key == key);
        let other = other.ok_or_else(|| wrong("'%(…)s' names no key"))?;
        *steps += 1;
        if *steps > MAX_SUBSTITUTIONS {
            return Err(wrong("'%(…)s' leads to too many others, or back to itself"));
        }
        value.push_str(&interpolated(place, other, sections, steps)?);
        rest = after;
    }
    value.push_str(rest);
    Ok(value)
}
