//! `--help` and the manual page of each command name the same options and variables.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot run a command has failed")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The commands there are; one of them is built only with the feature of its name.
fn commands() -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    let entries = fs::read_dir(sources).unwrap();
    let names = entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| cfg!(feature = "marketplace") || name != "stratus-marketplace").collect()
}

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(format!("{name}.1"))
}

/// The help of a command and of its subcommands.
fn help(name: &str) -> String {
    let help = help_of(name, &[]);
    let subcommands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let subcommands = subcommands.take_while(|line| !line.is_empty());
    // A further line of what is said of one begins further to the right; `help` is clap's own.
    let names = subcommands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let helps: Vec<_> = names.map(|subcommand| help_of(name, &[subcommand])).collect();
    help.clone() + &helps.concat()
}

fn help_of(name: &str, subcommand: &[&str]) -> String {
    // Commands are built into the folder above that of the tests.
    let program = env::current_exe().unwrap().parent().unwrap().parent().unwrap().join(name);
    let output = Command::new(program).args(subcommand).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The options that begin a line of `--help`, as in `  -c, --config <FILE>` and `--offline[=<WHEN>]`;
/// `- current: …` is a value.
fn options_of_help(help: &str) -> BTreeSet<String> {
    let lines =
        help.lines().map(str::trim_start).filter(|line| line.starts_with('-') && !line.starts_with("- "));
    let words = lines.flat_map(|line| line.split_whitespace().take_while(|word| word.starts_with('-')));
    let names = words.map(|word| word.split('[').next().unwrap_or_default());
    names.map(|word| word.trim_end_matches([',', '.']).to_owned()).collect()
}

/// The options that are items of a page, as in `.It Fl c , Fl -config Ar file` (mdoc(7)).
fn options_of_page(page: &str) -> BTreeSet<String> {
    let items = page.lines().filter_map(|line| line.strip_prefix(".It Fl "));
    let options = items.flat_map(|item| item.split(" Fl ").map(|option| option.split(' ').next().unwrap()));
    options.map(|option| format!("-{option}")).collect()
}

fn variables<'a>(words: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    words.filter(|word| word.starts_with("STRATUSLAB_")).map(str::to_owned).collect()
}

#[test]
fn c32_page_and_help_name_the_same_options() {
    for name in commands() {
        let page = fs::read_to_string(page(&name)).unwrap_or_else(|error| panic!("{name}.1: {error}"));
        assert_eq!(options_of_page(&page), options_of_help(&help(&name)), "{name}");
    }
}

#[test]
fn page_and_help_name_the_same_variables() {
    for name in commands() {
        let page = fs::read_to_string(page(&name)).unwrap_or_else(|error| panic!("{name}.1: {error}"));
        let items = page.lines().filter_map(|line| line.strip_prefix(".It Ev "));
        let documented = variables(items.flat_map(str::split_whitespace));
        let help = help(&name);
        let offered = variables(help.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()));
        assert_eq!(documented, offered, "{name}");
    }
}

#[cfg(feature = "marketplace")]
#[test]
fn the_page_of_the_marketplace_names_every_key_and_each_has_an_option() {
    use stratuslab::config::MarketplaceConfig;
    let page = fs::read_to_string(page("stratus-marketplace")).unwrap();
    let (_, section) = page.split_once(".Sh CONFIGURATION").unwrap();
    let (section, _) = section.split_once(".Sh ").unwrap();
    let named: BTreeSet<_> = section.split_whitespace().collect();
    let options = options_of_page(&page);
    for key in MarketplaceConfig::KEYS {
        assert!(named.contains(key), "{key}");
        // A password is on no command line.
        let option = format!("--{}", key.replace('_', "-"));
        assert_eq!(options.contains(&option), *key != "mail_password", "{option}");
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_page_of_the_policy_names_every_key() {
    let page = fs::read_to_string(page("stratus-policy-image")).unwrap();
    let (_, section) = page.split_once(".Sh POLICY\n").unwrap();
    let (section, _) = section.split_once(".Sh ").unwrap();
    let items = section.lines().filter_map(|line| line.strip_prefix(".It Sy "));
    let mut named: Vec<_> = items.flat_map(|item| item.split(" , ")).collect();
    let mut keys = stratuslab::config::PolicyConfig::KEYS.to_vec();
    named.sort_unstable();
    keys.sort_unstable();
    assert_eq!(named, keys);
}

#[test]
fn every_page_has_the_same_sections_in_the_same_order() {
    let expected = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "ENVIRONMENT",
        "FILES",
        "EXIT STATUS",
        "EXAMPLES",
        "SEE ALSO",
    ];
    for name in commands() {
        let page = fs::read_to_string(page(&name)).unwrap_or_else(|error| panic!("{name}.1: {error}"));
        let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".Sh ")).collect();
        let named: Vec<_> = sections.iter().copied().filter(|section| expected.contains(section)).collect();
        assert_eq!(named, expected, "{name}");
    }
}

#[test]
fn pages_are_clean() {
    if env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        return eprintln!("SKIPPED: STRATUSLAB_SKIP_PEERS is set, mandoc judges nothing");
    }
    let missing = "there is no mandoc: install it (Debian: apt-get install mandoc), \
                   or set STRATUSLAB_SKIP_PEERS to go without";
    for name in commands() {
        let output = Command::new("mandoc").arg("-Tlint").arg(page(&name)).output().expect(missing);
        let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        let wrong: Vec<_> = told.lines().filter(|line| !names_a_page_of_ours(line)).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Whether all that mandoc misses is a page that is here and not installed.
fn names_a_page_of_ours(line: &str) -> bool {
    let reference = line.split_once(": STYLE: referenced manual not found: Xr ").map(|(_, rest)| rest);
    let name = reference
        .and_then(|reference| reference.split_once(" 1"))
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(" (") && rest.ends_with(" times)"));
    name.is_some_and(|(name, _)| commands().iter().any(|command| command == name) && page(name).exists())
}
