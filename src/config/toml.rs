//! This project's format: defaults at the top, a table for each profile.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{At, ConfigError};
use super::value::{self, Place, Raw};
use super::{
    Config, Contents, Keys, MARKETPLACE, POLICY, PolicyConfig, SELECTED_SECTION, TRUST, assign, line_of,
};

pub(super) fn parse(path: &Path, text: &str) -> Result<Contents, ConfigError> {
    let document = document(path, text)?;
    let mut contents = Contents::default();
    let mut defaults = Section::<Config>::new(path, text);
    for (key, value) in document.get_ref() {
        let place = defaults.place(key);
        match value.get_ref() {
            value if place.key == TRUST => defaults.config.trust = section(value, &place)?,
            value if place.key == POLICY => defaults.config.policy = section(value, &place)?,
            // The name of a key, too, that was spelled so (C34).
            value @ DeValue::Table(_) if place.key == MARKETPLACE => {
                defaults.config.marketplace = section(value, &place)?;
            }
            DeValue::Table(table) if !Config::KEYS.contains(&place.key) => {
                if place.key == "default" {
                    return Err(ConfigError::DefaultProfile { at: place.at() });
                }
                let mut profile = Section::<Config>::new(path, text);
                for (key, value) in table {
                    let place = profile.place(key);
                    match value.get_ref() {
                        value if place.key == TRUST => profile.config.trust = section(value, &place)?,
                        value if place.key == POLICY => profile.config.policy = section(value, &place)?,
                        value @ DeValue::Table(_) if place.key == MARKETPLACE => {
                            profile.config.marketplace = section(value, &place)?;
                        }
                        _ => profile.set(key, value)?,
                    }
                }
                contents.profiles.push((place.key.to_owned(), profile.config));
            }
            value if place.key == SELECTED_SECTION => {
                contents.selected = value::read(raw(value), &place)?;
            }
            _ => defaults.set(key, value)?,
        }
    }
    contents.defaults = defaults.config;
    Ok(contents)
}

fn document<'a>(path: &Path, text: &'a str) -> Result<Spanned<DeTable<'a>>, ConfigError> {
    DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = line_of(text.as_bytes(), offset);
        ConfigError::Syntax { at: At { path: path.to_owned(), line }, reason: error.message().to_owned() }
    })
}

/// The rules in a file of their own: whatever else were in it, somebody could believe that it counts.
pub(super) fn policy(path: &Path, text: &str) -> Result<PolicyConfig, ConfigError> {
    let document = document(path, text)?;
    let top = Section::<PolicyConfig>::new(path, text);
    let mut policy = None;
    for (key, value) in document.get_ref() {
        let place = top.place(key);
        if place.key != POLICY {
            return Err(ConfigError::NotInPolicyFile { at: place.at(), key: place.key.to_owned() });
        }
        policy = Some(section(value.get_ref(), &place)?);
    }
    policy.ok_or_else(|| ConfigError::NoPolicy { path: path.to_owned() })
}

/// The table at `place` that is no profile.
fn section<K: Keys + Default>(value: &DeValue<'_>, place: &Place<'_>) -> Result<K, ConfigError> {
    let DeValue::Table(table) = value else { return Err(place.wrong_type("a table", raw(value))) };
    let mut read = Section::<K>::new(place.path, place.text);
    for (key, value) in table {
        read.set(key, value)?;
    }
    Ok(read.config)
}

struct Section<'a, K> {
    path: &'a Path,
    text: &'a str,
    config: K,
    set: Vec<String>,
}

impl<'a, K: Keys + Default> Section<'a, K> {
    fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text, config: K::default(), set: Vec::new() }
    }

    fn place<'k>(&self, key: &'k Spanned<std::borrow::Cow<'_, str>>) -> Place<'k>
    where
        'a: 'k,
    {
        Place {
            path: self.path,
            text: self.text,
            offset: key.span().start,
            key: key.get_ref(),
            folder: self.path.parent().unwrap_or(Path::new("")),
        }
    }

    fn set(
        &mut self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), ConfigError> {
        let place = self.place(key);
        assign(&mut self.config, &mut self.set, &place, place.key, raw(value.get_ref()))
    }
}

pub(super) fn raw<'a>(value: &'a DeValue<'_>) -> Raw<'a> {
    match value {
        DeValue::String(text) => Raw::Text(text),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Integer(number) if number.radix() == 10 => {
            number.as_str().parse().map_or(Raw::Other("a number out of range"), Raw::Number)
        }
        DeValue::Integer(_) => Raw::Other("a number that is not decimal"),
        DeValue::Float(number) => {
            number.as_str().parse().map_or(Raw::Other("a number out of range"), Raw::Number)
        }
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(array) => Raw::List(array),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}
