//! How mail gets to the mail server: TLS, STARTTLS, and who logs in there (S34).

use std::{fs, path::PathBuf};

use stratuslab::{
    Password,
    server::{
        mail::{Mailer, MailerError},
        settings::Mail,
    },
};
use tempfile::TempDir;

use crate::{
    pki::{Identity, Kind, Request, new_key},
    server::Server,
    site::{self, JANE, PUBLIC, accepted, janes, start_with, upload},
    smtp::Smtp,
};

/// A certificate for `localhost` of an authority, in files.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Request::new("Mail CA").ca().self_signed(&new_key(Kind::P256));
        let server = localhost(&authority);
        let path = |name: &str| folder.path().join(name);
        fs::write(path("ca.pem"), authority.certificate_pem()).unwrap();
        fs::write(path("server.pem"), [server.certificate_pem(), server.key_pem()].concat()).unwrap();
        let other = Request::new("Another CA").ca().self_signed(&new_key(Kind::P256));
        fs::write(path("other.pem"), other.certificate_pem()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self) -> String {
        self.path("server.pem").to_str().unwrap().to_owned()
    }
}

fn localhost(authority: &Identity) -> Identity {
    use openssl::{asn1::Asn1Time, hash::MessageDigest, x509::X509, x509::extension::SubjectAlternativeName};
    let key = new_key(Kind::P256);
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&crate::pki::name(&Request::new("localhost").subject)).unwrap();
    builder.set_issuer_name(authority.certificate.subject_name()).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let context = builder.x509v3_context(Some(&authority.certificate), None);
    let names = SubjectAlternativeName::new().dns("localhost").build(&context).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&authority.key, MessageDigest::sha256()).unwrap();
    Identity { key, certificate: builder.build() }
}

/// A Marketplace that sends mail in this way.
fn server(mail: Mail) -> Server {
    start_with(1, |settings| settings.mail = Some(mail))
}

fn mail(scheme: &str, host: &str, smtp: &Smtp, ca: Option<PathBuf>) -> Mail {
    Mail { ca_file: ca, ..site::mail(&format!("{scheme}://{host}:{}", smtp.port)) }
}

#[test]
fn mail_goes_over_tls_from_the_first_octet_or_by_starttls() {
    let certificates = Certificates::new();
    for (scheme, tls) in [("smtps", "smtps"), ("smtp", "starttls")] {
        let smtp = Smtp::start_with(&["--tls", tls, "--certificate", &certificates.server()]);
        let server = server(mail(scheme, "localhost", &smtp, Some(certificates.path("ca.pem"))));
        accepted(&upload(&server, janes("tls", 60).signed()));
        let mail = smtp.mail();
        assert!(mail.tls && mail.user.is_none());
        assert_eq!(mail.to, [JANE]);
        assert!(mail.links(PUBLIC).confirm.starts_with("/action/"));
    }
}

#[test]
fn a_server_that_is_not_who_it_should_be_gets_no_mail() {
    let certificates = Certificates::new();
    for (scheme, tls) in [("smtps", "smtps"), ("smtp", "starttls")] {
        let smtp = Smtp::start_with(&["--tls", tls, "--certificate", &certificates.server()]);
        // Signed by somebody else; right, but for another name.
        for (host, ca) in [("localhost", "other.pem"), ("127.0.0.1", "ca.pem")] {
            let server = server(mail(scheme, host, &smtp, Some(certificates.path(ca))));
            let answer = upload(&server, janes("other", 60).signed());
            assert_eq!(answer.status, 503, "{scheme} {host} {ca}: {}", answer.text());
        }
        if tls == "smtps" {
            let server = server(mail(scheme, "localhost", &smtp, None));
            assert_eq!(upload(&server, janes("system", 60).signed()).status, 503);
        }
        assert!(smtp.is_silent());
    }
}

#[test]
fn where_starttls_is_required_nothing_is_sent_without() {
    let certificates = Certificates::new();
    let smtp = Smtp::start();
    let server = server(mail("smtp", "localhost", &smtp, Some(certificates.path("ca.pem"))));
    assert_eq!(upload(&server, janes("plain", 60).signed()).status, 503);
    assert!(smtp.is_silent());
}

#[test]
fn without_tls_mail_goes_to_this_machine_or_where_danger_is_named() {
    let smtp = Smtp::start();
    for (scheme, host) in [("smtp", "localhost"), ("smtp", "127.0.0.1"), ("smtp+insecure-plain", "127.0.0.1")]
    {
        let server = server(mail(scheme, host, &smtp, None));
        accepted(&upload(&server, janes("plain", 60).signed()));
        assert!(!smtp.mail().tls);
    }
}

#[test]
fn who_has_a_user_logs_in_and_nobody_else() {
    let certificates = Certificates::new();
    let (tls, certificate) = ("starttls", certificates.server());
    let smtp = Smtp::start_with(&["--tls", tls, "--certificate", &certificate, "--password", "open sesame"]);
    let login = |user: Option<&str>, password: Option<&str>| Mail {
        user: user.map(ToOwned::to_owned),
        password: password.map(|password| Password::new(password.to_owned())),
        ..mail("smtp", "localhost", &smtp, Some(certificates.path("ca.pem")))
    };
    let right = server(login(Some("market"), Some("open sesame")));
    accepted(&upload(&right, janes("login", 60).signed()));
    assert_eq!(smtp.mail().user.as_deref(), Some("market"));
    for wrong in [login(Some("market"), Some("open barley")), login(None, None)] {
        let server = server(wrong);
        let answer = upload(&server, janes("login", 60).signed());
        assert_eq!(answer.status, 503);
        assert!(!answer.text().contains("barley"));
    }
    assert!(smtp.is_silent());
}

#[test]
fn settings_of_which_no_mail_can_come_are_refused_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "nothing").unwrap();
    let refused = |mail: &Mail| Mailer::new(mail, None).unwrap_err();
    let usual = || site::mail("smtps://mail.example.org");
    for ca in [empty, folder.path().join("absent.pem")] {
        let error = refused(&Mail { ca_file: Some(ca), ..usual() });
        assert!(matches!(error, MailerError::CaFile(_)), "{error}");
    }
    let password = || Some(Password::new("open sesame".to_owned()));
    for (user, password) in [(Some("market".to_owned()), None), (None, password())] {
        let error = refused(&Mail { user, password, ..usual() });
        assert!(matches!(error, MailerError::Login { .. }), "{error}");
        assert!(!error.to_string().contains("sesame"));
    }
    let error = refused(&Mail { admin: "a..b@-".parse().unwrap(), ..usual() });
    assert!(matches!(error, MailerError::Admin { .. }), "{error}");
    let mailer =
        Mailer::new(&Mail { user: Some("market".to_owned()), password: password(), ..usual() }, None);
    assert!(!format!("{:?}", mailer.unwrap()).contains("sesame"));
}
