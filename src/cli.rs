//! What the commands share: arguments, talk, exit status, interrupts.
//!
//! A command is a `clap` structure that flattens [`CommonArgs`] and a function that does the
//! work; [`main`] does the rest. stdout carries the result, stderr the talk.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Parser};
use clap_complete::Shell;
use serde_json::{Map, Value};

pub mod cache;
#[cfg(feature = "marketplace")]
pub mod copies;
pub mod credentials;
#[cfg(feature = "marketplace")]
pub mod database;
pub mod download;
pub mod endorsements;
pub mod entries;
pub mod identify;
pub mod image;
pub mod input;
mod interrupt;
pub mod judge;
pub mod kept;
pub mod manifest;
pub mod network;
pub mod output;
pub mod password;
pub mod policy;
pub mod progress;
pub mod publish;
pub mod search;
#[cfg(feature = "marketplace")]
pub mod serve;
mod session;
pub mod show;
mod signing;
pub mod stamp;
mod table;
mod text;
pub mod trust;
pub mod verdict;

#[cfg(feature = "marketplace")]
pub(crate) use interrupt::heeded as heeded_signals;
pub use session::Session;
pub use text::reason;
pub use text::shown;

/// What a command ends with when it does not succeed; its number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The answer is no: invalid, a mismatch, refused by policy.
    No = 1,
    /// Wrong arguments, or a configuration file with wrong content.
    Usage = 2,
    /// A file cannot be read or written.
    File = 3,
    /// No usable certificate, key or password.
    Credentials = 4,
    /// The network, or the Marketplace refused.
    Network = 5,
    /// A signal ended the command (128 + SIGINT).
    Interrupted = 130,
}

/// Why a command, or its work on one input, failed: a fact, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    status: Status,
    fact: String,
    hint: Option<String>,
    details: Option<Box<Map<String, Value>>>,
}

impl Failure {
    /// A failure; `fact` starts in lower case, ends without a full stop and holds no password.
    pub fn new(status: Status, fact: impl fmt::Display) -> Self {
        Self { status, fact: fact.to_string(), hint: None, details: None }
    }

    /// The same failure with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same failure with more to tell those who ask for JSON.
    #[must_use]
    pub fn with_detail(mut self, name: &str, value: Value) -> Self {
        self.details.get_or_insert_default().insert(name.to_owned(), value);
        self
    }

    /// The same failure, saying which input it is about.
    #[must_use]
    pub fn about(mut self, input: impl fmt::Display) -> Self {
        self.fact = format!("{input}: {}", self.fact);
        self
    }

    /// The exit status it leads to.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// What happened.
    pub fn fact(&self) -> &str {
        &self.fact
    }

    /// What to do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What JSON tells of it beside these.
    pub fn details(&self) -> Option<&Map<String, Value>> {
        self.details.as_deref()
    }
}

/// Where `--help` lists them; on each option, because a heading of the structure would also
/// cover whatever follows it in a command.
const COMMON: &str = "Common options";

/// The variable that names a profile.
const USER_CONFIG_SECTION: &str = "STRATUSLAB_USER_CONFIG_SECTION";

/// The options every command has.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Say more
    #[arg(help_heading = COMMON, short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say less: once for no notes, twice for no warnings
    #[arg(help_heading = COMMON, short, long, action = ArgAction::Count)]
    pub quiet: u8,
    /// Read this configuration file instead of the usual one
    #[arg(help_heading = COMMON, short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use this profile of the configuration file
    #[arg(help_heading = COMMON, short = 'S', long, value_name = "NAME", env = USER_CONFIG_SECTION)]
    pub user_config_section: Option<String>,
    /// Print one JSON array, with an object for each input, instead of text
    #[arg(help_heading = COMMON, long)]
    pub json: bool,
    /// Print a completion script for this shell
    #[arg(help_heading = COMMON, long, value_name = "SHELL", exclusive = true)]
    pub generate_completion: Option<Shell>,
}

/// The arguments of a command.
///
/// `version`, abbreviated long options and hidden values of environment variables are set by
/// [`main`]; the structure says `#[command(name = "stratus-…")]`.
pub trait Command: Parser {
    /// The options it shares with the other commands.
    fn common(&self) -> &CommonArgs;

    /// The command with whatever it calls differently from the others.
    fn adjusted(command: clap::Command) -> clap::Command {
        command
    }

    /// Does it end by itself when it gets a signal, once it has begun? Otherwise an interrupt ends it.
    fn minds_signals(&self) -> bool {
        false
    }
}

/// Runs a command: parses the arguments, calls `run`, reports and gives the exit status.
pub fn main<C: Command>(run: fn(&C, &Session) -> Result<(), Failure>) -> ExitCode {
    interrupt::handle();
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(shell) = completion_wanted::<C>(&arguments) {
        let mut script = Vec::new();
        let mut command = command::<C>();
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command, name, &mut script);
        return printed(io::stdout().write_all(&script));
    }
    let mut command = without_empty_variables(command::<C>());
    let parsed = command
        .try_get_matches_from_mut(&arguments)
        .and_then(|matches| Ok((C::from_arg_matches(&matches)?, matches)));
    let (args, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => {
            // A closed stderr leaves no one to tell; the exit status still does.
            let _ = ambiguous(&mut command, &error).unwrap_or(error).print();
            return ExitCode::from(Status::Usage as u8);
        }
        Err(error) => return printed(help::<C>(&arguments).unwrap_or(error).print()),
    };
    if args.minds_signals() {
        interrupt::hand_over();
    }
    let session = Session::of(args.common(), inputs(&command, &matches), from_variables(&matches));
    let result = run(&args, &session);
    session.end(result)
}

/// The command as all are set up.
fn command<C: Command>() -> clap::Command {
    let command = C::adjusted(C::command())
        .version(env!("CARGO_PKG_VERSION"))
        .infer_long_args(true)
        // Of a repeated option the last one counts, as it did in the originals (optparse): wrapper
        // scripts put theirs first. Lists and counts still add up.
        .args_override_self(true);
    // `--help` would otherwise print a password that is in the environment.
    every_arg(command, |arg| arg.hide_env_values(true))
}

/// Lets the common options stand before and after a subcommand; without one, it is told what is missing, as
/// other commands do.
pub fn with_options_anywhere(command: clap::Command) -> clap::Command {
    let common = ["verbose", "quiet", "config", "user_config_section", "json"];
    let command = common.iter().fold(command, |command, name| command.mut_arg(name, |arg| arg.global(true)));
    command.arg_required_else_help(false)
}

/// Changes every argument of a command and of its subcommands.
fn every_arg(command: clap::Command, change: fn(Arg) -> Arg) -> clap::Command {
    command.mut_args(change).mut_subcommands(|subcommand| every_arg(subcommand, change))
}

/// An empty environment variable counts as unset, which `clap` sees otherwise.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    every_arg(command, |arg| {
        let empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if empty { arg.env(None::<&'static str>) } else { arg }
    })
}

/// The files named as arguments, also of a subcommand.
fn inputs(command: &clap::Command, matches: &ArgMatches) -> Vec<PathBuf> {
    let (command, matches) = innermost(command, matches);
    let files = |arg: &Arg| matches.try_get_many::<PathBuf>(arg.get_id().as_str()).ok().flatten();
    command.get_positionals().filter_map(files).flatten().cloned().collect()
}

/// The subcommand that is called, if there is one, and its arguments.
fn innermost<'a>(command: &'a clap::Command, matches: &'a ArgMatches) -> (&'a clap::Command, &'a ArgMatches) {
    match matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches))) {
        Some((command, matches)) => innermost(command, matches),
        None => (command, matches),
    }
}

/// The arguments whose values come from environment variables, also those of a subcommand.
fn from_variables(matches: &ArgMatches) -> BTreeSet<String> {
    let here = matches.ids().map(clap::Id::as_str);
    let here =
        here.filter(|id| matches.value_source(id) == Some(ValueSource::EnvVariable)).map(str::to_owned);
    let mut found: BTreeSet<_> = here.collect();
    if let Some((_, matches)) = matches.subcommand() {
        found.extend(from_variables(matches));
    }
    found
}

/// A better word for an abbreviation of several options, which `clap` calls unexpected.
fn ambiguous(command: &mut clap::Command, error: &clap::Error) -> Option<clap::Error> {
    let given = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(given))) => given.split('=').next()?,
        _ => return None,
    };
    let start = given.strip_prefix("--").filter(|start| !start.is_empty())?;
    let subcommand =
        command.get_subcommands().find(|sub| std::env::args().any(|word| word == sub.get_name()));
    let arguments =
        command.get_arguments().chain(subcommand.into_iter().flat_map(clap::Command::get_arguments));
    let known = arguments.filter_map(Arg::get_long);
    let known = known.filter(|known| known.starts_with(start)).map(|known| format!("--{known}"));
    let meant: Vec<_> = known.collect::<BTreeSet<_>>().into_iter().collect();
    if meant.len() < 2 {
        return None;
    }
    let fact = format!("ambiguous option '{given}': {}", meant.join(", "));
    Some(command.error(ErrorKind::UnknownArgument, fact))
}

/// The help (or version) text, naming environment variables that are empty as well.
fn help<C: Command>(arguments: &[std::ffi::OsString]) -> Option<clap::Error> {
    let error = command::<C>().try_get_matches_from(arguments).err()?;
    (!error.use_stderr()).then_some(error)
}

/// The shell of `--generate-completion`, asked for alone.
///
/// A pass of its own, because the full one wants the required arguments and takes environment
/// variables for arguments this option excludes.
fn completion_wanted<C: Command>(arguments: &[std::ffi::OsString]) -> Option<Shell> {
    let mentioned = |argument: &OsStr| argument.as_encoded_bytes().starts_with(b"--g");
    if !arguments.iter().any(|argument| mentioned(argument)) {
        return None;
    }
    let command = command::<C>().mut_args(|arg| arg.env(None::<&'static str>)).subcommand_required(false);
    let matches = command.try_get_matches_from(arguments).ok()?;
    matches.get_one::<Shell>("generate_completion").copied()
}

/// The exit status after printing a text that is all there is to do.
fn printed(result: io::Result<()>) -> ExitCode {
    match result.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            text::line(format_args!("error: cannot write to standard output: {}", text::reason(&error)));
            ExitCode::from(Status::File as u8)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// A path an argument or the configuration gives for a stream: `-`.
pub fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}
