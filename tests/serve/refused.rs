//! What it does not start with, and in which words.

use std::{fs, net::TcpListener};

use crate::marketplace::run_to_end;

fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (status, stdout, stderr) = run_to_end(folder.path(), &[&["serve"], arguments].concat(), &[]);
    assert_eq!(stdout, "");
    // It says nothing of what it would have been, and leaves nothing behind.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{stderr}");
    (status, stderr)
}

#[test]
fn anyone_could_do_anything_on_an_address_that_is_not_loopback() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8081"] {
        let (status, told) = refused(&["--listen", address]);
        assert_eq!(status, Some(2));
        let expected = format!(
            "error: not listening at {address}: anyone who reaches it could supersede or deprecate another's entry\n\
             hint: trust anchors (--ca-path, --ca-file) or --confirm-email prevent it; --read-only takes no uploads, \
             --open lets it happen\n"
        );
        assert_eq!(told, expected);
    }
    // A list of fingerprints says who may, but not whose entries.
    let fingerprint = "0".repeat(64);
    assert_eq!(refused(&["--listen", "0.0.0.0:0", "--endorsed-by", &fingerprint]).0, Some(2));
}

#[test]
fn it_listens_anywhere_once_somebody_has_said_so() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let authority =
        crate::pki::Request::new("Authority").self_signed(&crate::pki::new_key(crate::pki::Kind::P256));
    let file = folder.path().join("ca.pem");
    fs::write(&file, authority.certificate_pem()).unwrap();
    for arguments in [&["--open"][..], &["--read-only"], &["--ca-file", file.to_str().unwrap()]] {
        let mut command = crate::marketplace::command(folder.path());
        command.args(["serve", "--listen", "0.0.0.0:0"]).args(arguments);
        let marketplace = crate::marketplace::Marketplace::run(command, &folder);
        assert!(marketplace.ready.starts_with("listening on http://0.0.0.0:"), "{}", marketplace.ready);
        assert_eq!(marketplace.stop().status, Some(0));
    }
}

#[test]
fn what_is_missing_or_contradicts_itself_is_told() {
    let mail = ["--mail-server", "smtps://mail.example.org", "--mail-admin", "admin@example.org"];
    let cases: [(&[&[&str]], &str); 16] = [
        (&[&["--confirm-email"]], "e-mail confirmation needs a mail server"),
        (&[&["--confirm-email"], &mail], "e-mail confirmation needs the URL that its links begin with"),
        (&[&["--reminders"]], "a reminder needs a mail server"),
        (&[&["--reminders"], &mail], "a reminder needs the URL that its links begin with"),
        (&[&mail[..2]], "mail needs an address that it comes from"),
        (&[&["--mail-server", "mail.example.org"], &mail[2..]], "the mail server must begin with smtps://"),
        (
            &[&["--endorsed-by", "jane@example.org"]],
            "'jane@example.org' is a name, which counts only if there are trust anchors",
        ),
        (&[&["--crl", "x.crl"]], "--crl is of no use without trust anchors"),
        (&[&["--data", "x", "--database", "postgres://h/x"]], "two places are named for the entries"),
        (&[&["--database", "mysql://jane:sesame@h/x"]], "the database is not given as postgres://"),
        (&[&["--public-url", "https://h/?x"]], "public URL: it has a query"),
        (&[&["--public-url", "https://jane:sesame@h/"]], "public URL: invalid URL"),
        (&[&["--max-entry-bytes", "11M"]], "11534336 bytes are more than an entry may have: 10485760"),
        (&[&["--max-connections", "0"]], "invalid value '0' for '--max-connections <N>'"),
        (&[&["--listen", "localhost:80"]], "invalid value 'localhost:80' for '--listen <ADDRESS:PORT>'"),
        (&[&["--confirm-expires", "9000"]], "it is not a whole number of hours from 1 to 8760"),
    ];
    for (arguments, fact) in cases {
        let (status, told) = refused(&arguments.concat());
        assert_eq!(status, Some(2), "{told}");
        assert!(told.contains(fact), "{fact}: {told}");
        assert!(!told.contains("sesame"), "{told}");
    }
}

#[test]
fn a_port_that_is_taken_is_a_matter_of_the_network() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let (status, told) = refused(&["--listen", &address]);
    let expected = format!(
        "error: cannot listen at {address}: Address already in use\nhint: --listen ADDRESS:PORT names another one\n"
    );
    assert_eq!((status, told), (Some(5), expected));
}

#[test]
fn data_that_cannot_be_used_is_a_matter_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("marketplace.sqlite"), "this is no database, but a text of some length").unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let (status, stdout, told) = run_to_end(folder.path(), &arguments, &[]);
    assert_eq!((status, stdout.as_str()), (Some(3), ""), "{told}");
    assert!(
        told.contains(&format!("cannot use the data in {}/marketplace.sqlite: ", data.display())),
        "{told}"
    );
    // A PostgreSQL that is not there is none.
    let (status, _, told) = run_to_end(
        folder.path(),
        &["serve", "--listen", "127.0.0.1:0"],
        &[("STRATUSLAB_MARKETPLACE_DATABASE", "postgres://jane:sesame@127.0.0.1:1/none")],
    );
    assert_eq!(status, Some(5), "{told}");
    assert!(!told.contains("sesame"), "{told}");
}

#[test]
fn a_password_on_the_command_line_is_warned_about_and_one_in_the_environment_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://jane:sesame@127.0.0.1:1/none";
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let (_, _, told) = run_to_end(folder.path(), &[&serve[..], &["--database", url]].concat(), &[]);
    assert!(
        told.contains("warning: everybody on this machine can read the password in --database"),
        "{told}"
    );
    let (_, _, told) = run_to_end(folder.path(), &serve, &[("STRATUSLAB_MARKETPLACE_DATABASE", url)]);
    assert!(!told.contains("warning"), "{told}");
    // A URL without a password may be there.
    let bare = ["--database", "postgres://jane@127.0.0.1:1/none"];
    let (_, _, told) = run_to_end(folder.path(), &[&serve[..], &bare].concat(), &[]);
    assert!(!told.contains("warning"), "{told}");
}
