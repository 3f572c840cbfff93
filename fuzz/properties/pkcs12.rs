//! `pkcs12`: credentials are a key and the certificate that fits it, whatever the file.

use stratuslab::{Credentials, Password};

/// Of all seeds that have one.
pub(crate) const PASSWORD: &str = "pw";

pub(crate) fn check(data: &[u8]) {
    let password = Password::new(PASSWORD.to_owned());
    let empty = Password::new(String::new());
    for (credentials, password) in [
        (Credentials::from_pkcs12(data, &password), Some(PASSWORD)),
        (Credentials::from_pkcs12(data, &empty), Some("")),
        (Credentials::from_pem(data, data, Some(&password)), Some(PASSWORD)),
        (Credentials::from_pem(data, data, None), None),
    ] {
        match credentials {
            Ok(credentials) => {
                let certified = credentials.certificate().public_key().expect("the key was compared with it");
                assert!(certified.public_eq(credentials.key()));
                assert!(!credentials.key_was_encrypted() || password.is_some_and(|p| !p.is_empty()));
                assert!(!format!("{credentials:?}").contains("PRIVATE"));
            }
            Err(error) => {
                let message = error.to_string();
                assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
            }
        }
    }
}
