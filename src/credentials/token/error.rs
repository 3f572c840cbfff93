//! Why a token does not sign.

use std::path::PathBuf;

use cryptoki::error::{Error, RvError};

use super::super::CredentialsError;

/// Why nothing could be signed with a key on a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// No module where one was looked for.
    #[error("there is no PKCS #11 module: {} not there", those(.tried))]
    NoModule {
        /// The files looked for.
        tried: Vec<PathBuf>,
    },
    /// The file is no module, or the module does not start.
    #[error("cannot load the PKCS #11 module {}: {reason}", file.display())]
    Module {
        /// The file.
        file: PathBuf,
        /// The reason of the system's loader, or of the module.
        reason: String,
    },
    /// No token is as the URI says.
    #[error("no token matches {uri}; {}", present(.tokens))]
    NoToken {
        /// The URI's path component.
        uri: String,
        /// The labels of the tokens that are there.
        tokens: Vec<String>,
    },
    /// More than one token is as the URI says.
    #[error("several tokens match {uri}: {}", quoted(.tokens))]
    SeveralTokens {
        /// The URI's path component.
        uri: String,
        /// Their labels and serial numbers.
        tokens: Vec<String>,
    },
    /// The token wants a PIN and there is none.
    #[error("the token '{token}' needs a PIN")]
    PinRequired {
        /// The token's label.
        token: String,
    },
    /// The token refuses the PIN.
    #[error("wrong PIN for the token '{token}'")]
    WrongPin {
        /// The token's label.
        token: String,
        /// The next wrong one locks it.
        last_try: bool,
    },
    /// After too many wrong PINs.
    #[error("the PIN of the token '{token}' is locked")]
    PinLocked {
        /// The token's label.
        token: String,
    },
    /// The token's owner has not set a PIN yet.
    #[error("the token '{token}' has no user PIN yet")]
    PinNotSet {
        /// The token's label.
        token: String,
    },
    /// The PIN has to be changed before it is of use.
    #[error("the PIN of the token '{token}' has expired")]
    PinExpired {
        /// The token's label.
        token: String,
    },
    /// Nobody entered the PIN on the token's own pad.
    #[error("no PIN was entered on the pad of the token '{token}'")]
    LoginCancelled {
        /// The token's label.
        token: String,
    },
    /// No private key is as the URI says.
    #[error("the token '{token}' has no private key that matches {uri}; {}", keys_present(.keys))]
    NoKey {
        /// The token's label.
        token: String,
        /// The URI's path component.
        uri: String,
        /// The labels of the private keys that are there.
        keys: Vec<String>,
    },
    /// The key is for something else: `CKA_SIGN` is false.
    #[error("the key '{key}' on the token '{token}' may not sign")]
    MayNotSign {
        /// The token's label.
        token: String,
        /// The key's label.
        key: String,
    },
    /// The key is there but no certificate.
    #[error("the token '{token}' has no certificate")]
    NoCertificate {
        /// The token's label.
        token: String,
    },
    /// The token cannot sign in this way.
    #[error("the token '{token}' has no mechanism for {method} ({})", mechanisms.join(", "))]
    Mechanism {
        /// The token's label.
        token: String,
        /// The signature algorithm asked for.
        method: crate::dsig::SignatureMethod,
        /// The mechanisms that would do.
        mechanisms: Vec<&'static str>,
    },
    /// What the token returned cannot be a signature of its key.
    #[error("the token '{token}' returned a signature of {length} bytes; {expected} were expected")]
    SignatureLength {
        /// The token's label.
        token: String,
        /// The length in bytes.
        length: usize,
        /// What it has to be.
        expected: usize,
    },
    /// The token was taken away meanwhile.
    #[error("the token '{token}' was removed")]
    Removed {
        /// The token's label.
        token: String,
    },
    /// Key and certificate are not what is needed.
    #[error("{source} (token '{token}')")]
    Credentials {
        /// The token's label.
        token: String,
        /// Why.
        source: CredentialsError,
    },
    /// The module failed in another way.
    #[error("the PKCS #11 module failed: {}", described(error))]
    Failed {
        /// Function and return value.
        error: Error,
    },
}

/// Function and return value by the names that the standard has for them; `cryptoki` would say it
/// in a paragraph.
pub(super) fn described(error: &Error) -> String {
    match error {
        Error::LibraryLoading(reason) => reason.to_string(),
        Error::MissingSymbol(name) => format!("it has no {name}, so it is no PKCS #11 module"),
        Error::Pkcs11(value, function) => format!("C_{function:?} returned {}", return_value(*value)),
        other => other.to_string(),
    }
}

/// `CKR_…`, from the name of the variant.
fn return_value(value: RvError) -> String {
    let mut name = "CKR".to_owned();
    for character in format!("{value:?}").chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

fn those(files: &[PathBuf]) -> String {
    let verb = if files.len() == 1 { "is" } else { "are" };
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    format!("{} {verb}", files.join(", "))
}

fn present(tokens: &[String]) -> String {
    if tokens.is_empty() { "there is none at all".to_owned() } else { format!("there is {}", quoted(tokens)) }
}

fn keys_present(keys: &[String]) -> String {
    if keys.is_empty() { "it has none at all".to_owned() } else { format!("it has {}", quoted(keys)) }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn return_values_have_the_names_of_the_standard() {
        let error = Error::Pkcs11(RvError::DeviceRemoved, Function::SignInit);
        assert_eq!(described(&error), "C_SignInit returned CKR_DEVICE_REMOVED");
        assert_eq!(return_value(RvError::GeneralError), "CKR_GENERAL_ERROR");
    }
}
