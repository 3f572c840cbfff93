//! What a section of a configuration file may hold, said once for each key.

use super::error::ConfigError;
use super::value::{Place, Raw};

/// What a section of a file may hold.
pub(super) trait Keys {
    /// Every key, as files spell it.
    const NAMES: &[&str];

    /// Sets a key; `None` if there is no such key.
    fn set(&mut self, key: &str, raw: Raw<'_>, place: &Place<'_>) -> Option<Result<(), ConfigError>>;
}

/// Defines the keys of a section and what has to be said of each once and for all; `also` are fields
/// that are no keys.
macro_rules! keys {
    (
        $(#[$about:meta])* $name:ident { $($(#[doc = $doc:literal])+ $key:ident: $type:ty,)+ }
        also { $($(#[doc = $other_doc:literal])* $visible:vis $other:ident: $other_type:ty,)* }
    ) => {
        $(#[$about])*
        #[derive(Default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[doc = $doc])+ pub $key: Option<$type>,)+
            $($(#[doc = $other_doc])* $visible $other: $other_type,)*
        }

        impl $name {
            /// Every key, as files spell it.
            pub const KEYS: &[&str] = &[$(stringify!($key)),+];

            pub(in crate::config) fn is_set(&self, key: &str) -> bool {
                match key {
                    $(stringify!($key) => self.$key.is_some(),)+
                    _ => false,
                }
            }

            /// These values where there are any, else those of `defaults`, which also has the rest.
            pub(in crate::config) fn keys_over(self, defaults: Self) -> Self {
                Self {
                    $($key: self.$key.or(defaults.$key),)+
                    ..defaults
                }
            }
        }

        impl Keys for $name {
            const NAMES: &[&str] = Self::KEYS;

            fn set(&mut self, key: &str, raw: Raw<'_>, place: &Place<'_>) -> Option<Result<(), ConfigError>> {
                match key {
                    $(stringify!($key) => Some(value::read(raw, place).map(|value| self.$key = value)),)+
                    _ => None,
                }
            }
        }
    };
}

pub(super) use keys;
