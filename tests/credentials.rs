//! Credentials files of every age and kind, made here and by `openssl` and `keytool`.

#[path = "common/pki.rs"]
mod pki;

use pki::jane;
use stratuslab::{Credentials, CredentialsError, Password};

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

#[test]
fn pkcs12_of_today_and_of_twenty_years_ago_opens() {
    let jane = jane();
    for file in [jane.pkcs12("XYZXYZ"), jane.old_pkcs12("XYZXYZ")] {
        let credentials = Credentials::from_pkcs12(&file, &password("XYZXYZ")).unwrap();
        assert_eq!(credentials.certificate().der(), jane.certificate_der());
        assert!(credentials.key().public_eq(&jane.key));
        assert_eq!(credentials.certificate().subject().as_str(), "CN=Jane Tester,O=StratusLab,C=FR");
        assert_eq!(credentials.certificate().email(), Some("jane.tester@example.org"));
        let wrong = Credentials::from_pkcs12(&file, &password("xyzxyz")).unwrap_err();
        assert!(matches!(wrong, CredentialsError::WrongPassword), "{wrong}");
    }
}
