use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Result<Pkcs11Uri, UriError> {
    text.parse()
}

#[test]
fn every_attribute_of_the_standard_is_read() {
    let uri = parsed(
        "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;\
         serial=;model=1.0;library-manufacturer=a&b;library-description=c;library-version=3.12;\
         slot-description=d;slot-manufacturer=e;slot-id=327;object=%C3%A9;type=private;id=%01%ff;\
         x-muppet=cookie%3C%5E%5E%3Emonster!?module-path=/lib/a.so&module-name=a&x-b=c&x-b=d\
         &pin-source=file:/etc/pin",
    )
    .unwrap();
    assert_eq!(uri.token.as_deref(), Some("The Software PKCS#11 Softtoken"));
    assert_eq!(uri.manufacturer.as_deref(), Some("Snake Oil, Inc."));
    assert_eq!((uri.serial.as_deref(), uri.model.as_deref()), (Some(""), Some("1.0")));
    assert_eq!(uri.library_manufacturer.as_deref(), Some("a&b"));
    assert_eq!((uri.library_description.as_deref(), uri.library_version), (Some("c"), Some((3, 12))));
    assert_eq!((uri.slot_description.as_deref(), uri.slot_manufacturer.as_deref()), (Some("d"), Some("e")));
    assert_eq!((uri.slot_id, uri.object.as_deref()), (Some(327), Some("é".as_bytes())));
    assert_eq!(uri.id.as_deref(), Some(&[1, 255][..]));
    assert_eq!((uri.module_path(), uri.module_name()), (Some(Path::new("/lib/a.so")), Some("a")));
    assert!(matches!(uri.pin(), Some(TokenPin::File(file)) if file == Path::new("/etc/pin")));

    assert!(parsed("pkcs11:").is_ok());
    assert!(parsed("PKCS11:?").is_ok());
    assert_eq!(parsed("pkcs11:library-version=3").unwrap().library_version, Some((3, 0)));
    // All of pk11-path-res-avail and pk11-query-res-avail.
    let uri = parsed("pkcs11:token=:[]@!$'()*+,=&?pin-value=:[]@!$'()*+,=/?|").unwrap();
    assert_eq!(uri.token.as_deref(), Some(":[]@!$'()*+,=&"));
    assert!(matches!(uri.pin(), Some(TokenPin::Value(pin)) if pin.as_str() == ":[]@!$'()*+,=/?|"));
}

#[test]
fn the_pin_is_in_a_file_and_no_command_is_run() {
    for source in ["file:/a%20b", "file:///a%20b", "FILE://localhost/a%20b", "/a%20b"] {
        let uri = parsed(&format!("pkcs11:?pin-source={source}")).unwrap();
        assert!(matches!(uri.pin(), Some(TokenPin::File(file)) if file == Path::new("/a b")), "{source}");
    }
    for source in ["file:a", "a", "file://host/a", "https://host/a", ""] {
        let error = parsed(&format!("pkcs11:?pin-source={source}")).unwrap_err();
        let expected = "a file: URI or an absolute path";
        assert_eq!(error, UriError::Value { attribute: "pin-source".to_owned(), expected }, "{source}");
    }
    assert_eq!(parsed("pkcs11:?pin-source=|/bin/sh").unwrap_err(), UriError::PinCommand);
    assert_eq!(parsed("pkcs11:?pin-source=/a&pin-value=1").unwrap_err(), UriError::TwoPins);
}

#[test]
fn what_is_no_uri_is_refused_each_in_its_words() {
    let long = format!("pkcs11:object={}", "a".repeat(MAX_URI_BYTES));
    for (text, expected) in [
        (long.as_str(), "a PKCS #11 URI of 4110 bytes, more than the 4096 that are read"),
        ("", "a PKCS #11 URI begins with 'pkcs11:'"),
        ("pkcs12:", "a PKCS #11 URI begins with 'pkcs11:'"),
        ("token=a", "a PKCS #11 URI begins with 'pkcs11:'"),
        ("pkcs11:token", "attribute 1 of the PKCS #11 URI's path is not of the form NAME=VALUE"),
        ("pkcs11:token=a;", "attribute 2 of the PKCS #11 URI's path is not of the form NAME=VALUE"),
        ("pkcs11:?=a", "attribute 1 of the PKCS #11 URI's query is not of the form NAME=VALUE"),
        ("pkcs11:t ken=a", "attribute 1 of the PKCS #11 URI's path is not of the form NAME=VALUE"),
        (
            "pkcs11:token=a b",
            "the PKCS #11 URI's attribute 'token' has the character ' ', which must be written as %20",
        ),
        (
            "pkcs11:token=é",
            "the PKCS #11 URI's attribute 'token' has the character '\\u{e9}', which must be written as %C3%A9",
        ),
        (
            "pkcs11:token=a/b",
            "the PKCS #11 URI's attribute 'token' has the character '/', which must be written as %2F",
        ),
        ("pkcs11:?pin-value=a#b", "the PKCS #11 URI's attribute 'pin-value' is not percent-encoded"),
        (
            "pkcs11:id=%1",
            "the PKCS #11 URI's attribute 'id' has a percent sign without two hexadecimal digits",
        ),
        (
            "pkcs11:id=%+1",
            "the PKCS #11 URI's attribute 'id' has a percent sign without two hexadecimal digits",
        ),
        (
            "pkcs11:x-y=%",
            "the PKCS #11 URI's attribute 'x-y' has a percent sign without two hexadecimal digits",
        ),
        ("pkcs11:token=%FF", "the PKCS #11 URI's attribute 'token' is not text"),
        ("pkcs11:?pin-value=%00", "the PKCS #11 URI's attribute 'pin-value' is not text"),
        ("pkcs11:tokn=a", "the PKCS #11 URI has the unknown attribute 'tokn'"),
        ("pkcs11:pin-value=1", "the PKCS #11 URI's attribute 'pin-value' belongs in its query"),
        ("pkcs11:?token=1", "the PKCS #11 URI's attribute 'token' belongs in its path"),
        ("pkcs11:token=a;token=a", "the PKCS #11 URI has the attribute 'token' twice"),
        ("pkcs11:slot-id=-1", "the PKCS #11 URI's attribute 'slot-id' is not a number"),
        ("pkcs11:slot-id=18446744073709551616", "the PKCS #11 URI's attribute 'slot-id' is not a number"),
        ("pkcs11:library-version=1.", "the PKCS #11 URI's attribute 'library-version' is not a version M.N"),
        ("pkcs11:library-version=256", "the PKCS #11 URI's attribute 'library-version' is not a version M.N"),
        ("pkcs11:id=", "the PKCS #11 URI's attribute 'id' is not an identifier"),
        (
            "pkcs11:type=key",
            "the PKCS #11 URI's attribute 'type' is not public, private, cert, secret-key or data",
        ),
        ("pkcs11:type=cert", "the PKCS #11 URI names an object of type 'cert', but a private key signs"),
        ("pkcs11:?module-path=a.so", "the PKCS #11 URI's attribute 'module-path' is not an absolute path"),
        (
            "pkcs11:?module-name=../a",
            "the PKCS #11 URI's attribute 'module-name' is not a file name without its folder",
        ),
    ] {
        assert_eq!(parsed(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn no_text_of_it_holds_the_pin() {
    let uri = parsed("pkcs11:token=a?module-path=/m.so&pin-value=8642").unwrap();
    assert_eq!(uri.to_string(), "pkcs11:token=a");
    assert!(!format!("{uri:?} {uri:#?}").contains("8642"));
    for text in ["pkcs11:?pin-value=86 42", "pkcs11:?pin-value=8642%", "pkcs11:?pin-value=8642&pin-value=1"] {
        let error = parsed(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("86"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}", octets in proptest::collection::vec(any::<u8>(), 1..40)) {
        let _ = parsed(&text);
        let _ = parsed(&format!("pkcs11:{text}"));
        // Whatever octets an identifier has, encoded they come back.
        prop_assert_eq!(parsed(&format!("pkcs11:id={}", percent_encoded(&octets))).unwrap().id, Some(octets));
    }
}
