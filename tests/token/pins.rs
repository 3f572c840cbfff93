//! Where PINs come from, and that each is tried once.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Stdio};

use cryptoki::object::Attribute;

use crate::{
    pki::{Kind, key},
    place::{Place, feed, unsigned},
    signs::{joe, valid, valid_though_told},
    softhsm::{Bench, PIN, faulty, test},
    terminal::Terminal,
};

/// A file only its owner may read.
fn secret(place: &Place, name: &str, content: &str) -> PathBuf {
    let path = place.write(name, content);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Signs `a.xml` to standard output.
fn args<'a>(bench: &'a Bench, more: &[&'a str]) -> Vec<&'a str> {
    [more, &["--pkcs11-module", bench.module, "--output", "-", "a.xml"]].concat()
}

#[test]
fn the_pin_comes_from_wherever_passwords_do_and_from_the_uri() {
    test("pins::the_pin_comes_from_wherever_passwords_do_and_from_the_uri", |bench| {
        bench.token("jane").identity("joe", 1, &joe(Kind::P256));
        let pin = secret(&bench.place, "pin", &format!("{PIN}\n"));
        let uri = ["--pkcs11-uri", "pkcs11:token=jane;object=joe"];
        let run = |more: &[&str], variables: &[(&str, &str)]| {
            valid(bench, &bench.run(&args(bench, more), variables));
        };
        run(&[&uri[..], &["--p12-password-file", "pin"]].concat(), &[]);
        run(&[&uri[..], &["--p12-password", PIN]].concat(), &[]);
        run(&uri, &[("STRATUSLAB_P12_PASSWORD", PIN)]);
        // The command line's before the environment's, whether it is an option or in the URI.
        let wrong = [("STRATUSLAB_P12_PASSWORD", "wrong")];
        run(&[&uri[..], &["--p12-password-file", "pin"]].concat(), &wrong);
        let sourced = format!("pkcs11:token=jane?pin-source=file:{}", pin.display());
        run(&["--pkcs11-uri", &sourced], &wrong);
        // The environment names the key, and its PIN.
        let valued = format!("pkcs11:token=jane?pin-value={PIN}");
        for uri in [&sourced, &valued] {
            run(&[], &[("STRATUSLAB_PKCS11_URI", uri)]);
        }
        run(&[], &[("STRATUSLAB_PKCS11_URI", &valued), ("STRATUSLAB_PKCS11_MODULE", bench.module)]);
        // So does the configuration.
        for config in [
            format!("pkcs11_uri = '{valued}'\n"),
            format!("pkcs11_uri = 'pkcs11:token=jane'\np12_password = '{PIN}'\n"),
            format!("pkcs11_uri = 'pkcs11:token=jane'\np12_password_file = '{}'\n", pin.display()),
            format!(
                "p12_certificate = '/nowhere.p12'\np12_password = 'x'\nselected_section = 't'\n[t]\npkcs11_uri = '{valued}'\n"
            ),
        ] {
            secret(&bench.place, ".config/stratuslab/config.toml", &config);
            run(&[], &[]);
            let module = format!("pkcs11_module = '{}'\n{config}", bench.module);
            secret(&bench.place, ".config/stratuslab/config.toml", &module);
            valid(bench, &bench.run(&["--output", "-", "a.xml"], &[]));
        }
        // A password that is another certificate's is none of a token's.
        secret(
            &bench.place,
            ".config/stratuslab/config.toml",
            "p12_certificate = '/x.p12'\np12_password = 'x'\n",
        );
        let no_terminal = format!(
            "setsid -w stratus-sign-metadata {} {} --pkcs11-module {} a.xml",
            uri[0], "'pkcs11:token=jane'", bench.module
        );
        for variables in
            [&[][..], &[("STRATUSLAB_P12_CERTIFICATE", "/x.p12"), ("STRATUSLAB_P12_PASSWORD", "x")]]
        {
            let done = bench.place.shell(&format!("export {}; {no_terminal}", bench.variables()), variables);
            assert!(
                done.failed(4).contains("the token 'jane' needs a PIN and there is no terminal"),
                "{}",
                done.stderr
            );
        }
        // Who may read a configuration with a PIN in it matters.
        let exposed = bench.place.write("exposed.toml", format!("pkcs11_uri = '{valued}'\n"));
        fs::set_permissions(exposed, fs::Permissions::from_mode(0o644)).unwrap();
        let done = bench.run(&args(bench, &["--config", "exposed.toml"]), &[]);
        assert!(
            done.stderr.starts_with("warning: ") && done.stderr.contains("exposed.toml"),
            "{}",
            done.stderr
        );
        valid_though_told(bench, &done);
    });
}

#[test]
fn a_pin_is_asked_for_by_the_name_of_the_token_and_tried_once() {
    test("pins::a_pin_is_asked_for_by_the_name_of_the_token_and_tried_once", |bench| {
        bench.token("jane's").identity("joe", 1, &joe(Kind::P256));
        let module = faulty(bench);
        let log = bench.place.path().join("log");
        bench.place.write("b.xml", unsigned());
        let command = |variables: &str| {
            format!(
                "{} LOG={} {variables} stratus-sign-metadata --pkcs11-uri \"pkcs11:token=jane's\" --pkcs11-module {} a.xml b.xml",
                bench.variables(),
                log.display(),
                module.display()
            )
        };
        let logins = || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.lines().filter(|line| line.starts_with("login")).count()
        };
        let question = "Token 'jane's' PIN: ";
        let mut terminal = Terminal::start(&bench.place, &command(""));
        assert_eq!(terminal.until(question), question);
        terminal.type_keys(&format!("{PIN}\n"));
        let signed = "Manifest file successfully signed: ";
        assert_eq!(terminal.end(), (format!("\n{signed}a.xml\n{signed}b.xml\n"), 0));
        assert_eq!(logins(), 1);

        let mut terminal = Terminal::start(&bench.place, &command(""));
        terminal.until(question);
        terminal.type_keys("135790\n");
        assert_eq!(terminal.end(), ("\nerror: wrong PIN for the token 'jane's'\n".to_owned(), 4));
        assert_eq!(logins(), 2);
        // None at all is no try.
        let mut terminal = Terminal::start(&bench.place, &command(""));
        terminal.until(question);
        terminal.type_keys("\n");
        assert_eq!(terminal.end(), ("\nerror: no PIN was entered for the token 'jane's'\n".to_owned(), 4));
        assert_eq!(logins(), 2);
        // The last try is a human's, who is warned.
        let mut terminal = Terminal::start(&bench.place, &command("FAULT='last try'"));
        let warning = "warning: one more wrong PIN locks the token 'jane's'\n";
        assert_eq!(terminal.until(question), format!("{warning}{question}"));
        terminal.type_keys(&format!("{PIN}\n"));
        assert_eq!(terminal.end().1, 0);
        assert_eq!(logins(), 3);
    });
}

#[test]
fn a_wrong_pin_is_told_with_where_it_is_from() {
    test("pins::a_wrong_pin_is_told_with_where_it_is_from", |bench| {
        bench.token("jane").identity("joe", 1, &joe(Kind::P256));
        secret(&bench.place, "wrong", "1234\n");
        let uri = ["--pkcs11-uri", "pkcs11:token=jane"];
        let told = |more: &[&str], variables: &[(&str, &str)]| {
            let done = bench.run(&args(bench, &[&uri[..], more].concat()), variables);
            done.failed(4).to_owned()
        };
        let fact = "error: wrong PIN for the token 'jane'\n";
        assert_eq!(told(&["--p12-password", "1"], &[]), fact);
        let hint = "hint: the PIN is from wrong\n";
        assert_eq!(told(&["--p12-password-file", "wrong"], &[]), format!("{fact}{hint}"));
        let hint = "hint: the PIN is from the variable STRATUSLAB_P12_PASSWORD\n";
        assert_eq!(told(&[], &[("STRATUSLAB_P12_PASSWORD", "1")]), format!("{fact}{hint}"));
        let variables = [("STRATUSLAB_PKCS11_URI", "pkcs11:token=jane?pin-value=1")];
        let done = bench.run(&args(bench, &[]), &variables);
        assert_eq!(done.failed(4), format!("{fact}hint: the PIN is from the URI's pin-value\n"));

        // What the token says of itself decides.
        let module = faulty(bench);
        let log = bench.place.path().join("log");
        let module = module.to_str().unwrap();
        for (fault, fact, hint) in [
            (
                "locked",
                "the PIN of the token 'jane' is locked",
                "unlock it with its PUK or its security officer's PIN",
            ),
            (
                "locks",
                "the PIN of the token 'jane' is locked",
                "unlock it with its PUK or its security officer's PIN",
            ),
            ("expired", "the PIN of the token 'jane' has expired", "set another one first"),
            ("no PIN", "the token 'jane' has no user PIN yet", "its security officer has to set one"),
            (
                "last try",
                "one more wrong PIN locks the token 'jane'",
                "only a PIN typed when it is asked for is tried: give none",
            ),
        ] {
            let args = [&uri[..], &["--pkcs11-module", module, "a.xml"]].concat();
            let variables =
                [("FAULT", fault), ("LOG", log.to_str().unwrap()), ("STRATUSLAB_P12_PASSWORD", PIN)];
            let _ = fs::remove_file(&log);
            let done = bench.run(&args, &variables);
            assert_eq!(done.failed(4), format!("error: {fact}\nhint: {hint}\n"), "{fault}");
            let logins = fs::read_to_string(&log).unwrap().matches("login").count();
            assert_eq!(logins, usize::from(matches!(fault, "locks" | "expired")), "{fault}");
        }
    });
}

#[test]
fn without_a_pin_it_is_told_and_without_need_none_is_asked_for() {
    test("pins::without_a_pin_it_is_told_and_without_need_none_is_asked_for", |bench| {
        bench.token("jane").identity("joe", 1, &joe(Kind::P256));
        bench.token("open").certificate("joe", 1, &joe(Kind::P256)).key(
            "joe",
            1,
            &key(Kind::P256),
            &[Attribute::Private(false)],
        );
        let line = format!(
            "{} setsid -w stratus-sign-metadata --pkcs11-uri pkcs11:token=jane --pkcs11-module {} a.xml",
            bench.variables(),
            bench.module
        );
        assert_eq!(
            bench.place.shell(&line, &[]).failed(4),
            "error: the token 'jane' needs a PIN and there is no terminal to ask for it\n\
             hint: give it with --p12-password-file, with pin-source=file:FILE in the URI, in the variable \
             STRATUSLAB_P12_PASSWORD, or as p12_password or p12_password_file in the configuration\n"
        );
        // Whoever has the token may use such a key; a password for something else does not matter.
        let open = ["--pkcs11-uri", "pkcs11:token=open"];
        valid(bench, &bench.run(&args(bench, &open), &[]));
        valid(bench, &bench.run(&args(bench, &open), &[("STRATUSLAB_P12_PASSWORD", "wrong")]));
    });
}

#[test]
fn a_pin_may_be_entered_on_the_token_and_wanted_for_each_signature() {
    test("pins::a_pin_may_be_entered_on_the_token_and_wanted_for_each_signature", |bench| {
        bench.token("each").certificate("joe", 1, &joe(Kind::Rsa2048)).key(
            "joe",
            1,
            &key(Kind::Rsa2048),
            &[Attribute::AlwaysAuthenticate(true)],
        );
        let module = faulty(bench);
        let log = bench.place.path().join("log");
        bench.place.write("b.xml", unsigned());
        let run = |fault: &str, pad: &str, pin: &str, files: &[&str]| {
            let _ = fs::remove_file(&log);
            let args = ["--pkcs11-uri", "pkcs11:token=each", "--pkcs11-module", module.to_str().unwrap()];
            let mut variables =
                vec![("FAULT", fault), ("LOG", log.to_str().unwrap()), ("STRATUSLAB_P12_PASSWORD", pin)];
            if !pad.is_empty() {
                variables.push(("PAD", pad));
            }
            let done = bench.run(&[&args[..], files].concat(), &variables);
            let log = fs::read_to_string(&log).unwrap();
            (
                done,
                log.lines().filter(|line| line.starts_with("login")).map(str::to_owned).collect::<Vec<_>>(),
            )
        };
        let (done, logins) = run("", "", PIN, &["a.xml", "b.xml"]);
        assert_eq!(done.stderr, "");
        done.succeeded();
        assert_eq!(logins, ["login", "login for one signature", "login for one signature"]);
        let (done, logins) = run("pin pad", PIN, "", &["a.xml"]);
        assert_eq!(done.stderr, "enter the PIN of the token 'each' on its pad\n");
        done.succeeded();
        assert_eq!(logins, ["login on the pad", "login for one signature"]);
        let (done, _) = run("pin pad", "", "", &["a.xml"]);
        let cancelled = "error: no PIN was entered on the pad of the token 'each'\n";
        assert_eq!(done.failed(4), format!("enter the PIN of the token 'each' on its pad\n{cancelled}"));
        // What was refused for one file is not tried for the next.
        let (done, logins) = run("second PIN", "", PIN, &["a.xml", "b.xml"]);
        let wrong = "wrong PIN for the token 'each'";
        assert_eq!(done.failed(4), format!("error: a.xml: {wrong}\nerror: b.xml: {wrong}\n"));
        assert_eq!(logins, ["login", "login for one signature"]);
    });
}

#[test]
fn a_pin_on_the_command_line_is_refused_and_repeated_nowhere() {
    test("pins::a_pin_on_the_command_line_is_refused_and_repeated_nowhere", |bench| {
        let (fact, hint) = (
            "error: the pin-value in --pkcs11-uri can be seen by others on this machine\n",
            "hint: give the PIN with pin-source=file:FILE, with --p12-password-file, in the variable \
             STRATUSLAB_P12_PASSWORD, or with the URI in the configuration\n",
        );
        let done = bench.run(&args(bench, &["--pkcs11-uri", &format!("pkcs11:?pin-value={PIN}")]), &[]);
        assert_eq!(done.failed(2), format!("{fact}{hint}"));
        // Nor is it where the URI is wrong: `run` sees to that.
        for uri in [
            format!("pkcs11:?pin-value={PIN}%"),
            format!("pkcs11:pin-value={PIN}"),
            format!("pkcs11:?pin={PIN}"),
        ] {
            let given = bench.run(&args(bench, &["-v", "--pkcs11-uri", &uri]), &[]);
            assert!(given.failed(2).starts_with("error: --pkcs11-uri: the PKCS #11 URI"), "{}", given.stderr);
            let variable = bench.run(&args(bench, &["-v"]), &[("STRATUSLAB_PKCS11_URI", &uri)]);
            let told = "error: the variable STRATUSLAB_PKCS11_URI: the PKCS #11 URI";
            assert!(variable.failed(2).starts_with(told), "{}", variable.stderr);
            secret(&bench.place, ".config/stratuslab/config.toml", &format!("pkcs11_uri = '{uri}'\n"));
            let configured = bench.run(&args(bench, &["-v"]), &[]);
            assert!(
                configured.failed(2).contains("config.toml, line 1: 'pkcs11_uri': "),
                "{}",
                configured.stderr
            );
            fs::remove_file(bench.place.path().join(".config/stratuslab/config.toml")).unwrap();
        }
    });
}

#[test]
fn no_process_list_shows_the_pin() {
    test("pins::no_process_list_shows_the_pin", |bench| {
        bench.token("jane").identity("joe", 1, &joe(Kind::P256));
        let pin = secret(&bench.place, "pin", PIN);
        let uri = format!("pkcs11:token=jane?pin-source=file:{}", pin.display());
        let line = format!(
            "{} exec stratus-sign-metadata -v --pkcs11-uri '{uri}' --pkcs11-module {} --output out.xml -",
            bench.variables(),
            bench.module
        );
        let mut child =
            bench.place.shell_command(&line).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It is logged in when it reads.
        feed(&mut child);
        let id = child.id();
        let read = |name: &str| {
            String::from_utf8_lossy(&fs::read(format!("/proc/{id}/{name}")).unwrap()).into_owned()
        };
        assert!(read("cmdline").contains("--pkcs11-uri") && !read("cmdline").contains(PIN));
        assert_eq!(read(&format!("task/{id}/children")), "", "nobody else was asked to sign");
        child.stdin.as_mut().unwrap().write_all(b"<a/>").unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("signing with pkcs11:token=jane\n") && !told.contains(PIN), "{told}");
    });
}
