//! Endorsers who are required by name, address or certificate.

use stratuslab::trust::{Pin, PinError, PinMismatch};

use crate::{
    assert_told,
    authority::{certificate, draft},
};

const SUBJECT: &str = "CN=Jane,O=StratusLab,C=FR";

fn pin(text: &str) -> Pin {
    text.parse().unwrap()
}

#[test]
fn each_kind_is_told_by_its_form() {
    assert!(matches!(pin("jane@example.org"), Pin::Email(email) if email.as_str() == "jane@example.org"));
    for subject in [SUBJECT, "1.2.840.113549.1.9.1=#16036140,CN=x", "C=FR"] {
        assert!(matches!(pin(subject), Pin::Subject(name) if name.as_str() == subject));
    }
    let digits = "0123456789abcdef".repeat(4);
    let colons: Vec<String> =
        digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into()).collect();
    for text in [
        digits.clone(),
        digits.to_uppercase(),
        colons.join(":"),
        format!("sha256:{digits}"),
        format!("sha256 Fingerprint={}", digits.to_uppercase()),
        format!("SHA256:{}", colons.join(":").to_uppercase()),
        format!(" {digits} "),
    ] {
        assert_eq!(pin(&text), Pin::Fingerprint(digits.clone()), "{text}");
    }
    assert!(
        matches!("/C=FR/CN=Jane".parse::<Pin>(), Err(PinError::Slashes { value }) if value == "/C=FR/CN=Jane")
    );
    assert_told!(
        "CN=J\u{fffd}r\u{fffd}me".parse::<Pin>().unwrap_err(),
        PinError::Replaced { .. },
        "'CN=J\u{fffd}r\u{fffd}me' stands for several subjects: \u{fffd} is what entries have for octets that are \
         no UTF-8; give the SHA-256 fingerprint of the certificate"
    );
    for text in ["", "jane", "jane@", "=x", "C N=x", &digits[1..], &format!("{digits}0"), "sha1:00", "é=x"] {
        assert!(matches!(text.parse::<Pin>(), Err(PinError::Unknown { value }) if value == text), "{text}");
    }
}

#[test]
fn names_count_on_a_trusted_path_alone() {
    let jane = certificate(&draft("Jane").email("jane@example.org").self_signed());
    let fingerprint = jane.sha256_fingerprint();
    let find = |pin: &Pin, path: Result<(), String>| {
        Pin::find(std::slice::from_ref(pin), &jane, "jane@example.org", path).cloned()
    };
    let no_path = || Err("nobody vouches for it".to_owned());
    for text in ["jane@example.org", SUBJECT] {
        let pin = pin(text);
        assert_eq!(find(&pin, Ok(())), Ok(pin.clone()));
        assert_told!(
            find(&pin, no_path()).unwrap_err(),
            PinMismatch::Untrusted { .. },
            format!("the certificate of '{SUBJECT}' has the name of {pin}, but nobody vouches for it")
        );
    }
    let exact = pin(&fingerprint);
    for path in [Ok(()), no_path()] {
        assert_eq!(find(&exact, path), Ok(exact.clone()));
    }
}

#[test]
fn names_are_compared_to_the_letter() {
    let jane = certificate(&draft("Jane").email("jane@example.org").self_signed());
    for text in [
        "Jane@example.org",
        "jane@example.orG",
        "CN=jane,O=StratusLab,C=FR",
        "CN=Jane, O=StratusLab, C=FR",
        "CN=Jane,O=StratusLab",
        &"0".repeat(64),
    ] {
        let pins = [pin(text), pin("joe@example.org")];
        assert_told!(
            Pin::find(&pins, &jane, "jane@example.org", Ok(())).unwrap_err(),
            PinMismatch::Other { .. },
            format!(
                "the entry is endorsed by '{SUBJECT}' <jane@example.org>, not by {} or joe@example.org",
                pins[0]
            )
        );
        assert!(Pin::find(&[pin(text), pin(SUBJECT)], &jane, "", Ok(())).is_ok());
    }
}

#[test]
fn an_address_that_is_only_stated_is_nobodys() {
    let jane = certificate(&draft("Jane").self_signed());
    let pins = [pin("joe@example.org"), pin("jane@example.org")];
    assert_told!(
        Pin::find(&pins, &jane, "jane@example.org", Ok(())).unwrap_err(),
        PinMismatch::NoEmail { .. },
        format!(
            "the entry states the e-mail address jane@example.org, but the certificate of '{SUBJECT}' has none to prove it"
        )
    );
    let joe = Pin::find(&pins[..1], &jane, "jane@example.org", Ok(())).unwrap_err();
    assert!(matches!(joe, PinMismatch::Other { .. }), "{joe:?}");
}
