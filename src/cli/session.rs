//! One run of a command: its configuration, its talk, its exit status.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value};

use super::{CommonArgs, Failure, Status, USER_CONFIG_SECTION, interrupt, progress, text};
use crate::config::{Config, ConfigError};

/// One run of a command. Shared between threads by reference.
#[derive(Debug)]
pub struct Session {
    args: CommonArgs,
    /// The files named as arguments, for failures before any is looked at.
    inputs: Vec<PathBuf>,
    /// The arguments whose values come from the environment.
    from_variables: BTreeSet<String>,
    config: OnceLock<Config>,
    end: Mutex<End>,
}

/// What has been gathered for the end of the run.
#[derive(Debug, Default)]
struct End {
    status: Option<Status>,
    /// JSON objects printed.
    objects: usize,
    /// The first error of stdout; later results are dropped.
    stdout: Option<io::Error>,
}

impl Session {
    /// A run with these options.
    pub fn new(args: &CommonArgs) -> Self {
        Self::of(args, Vec::new(), BTreeSet::new())
    }

    /// A run on these inputs.
    pub(super) fn of(args: &CommonArgs, inputs: Vec<PathBuf>, from_variables: BTreeSet<String>) -> Self {
        let (args, config, end) = (args.clone(), OnceLock::new(), Mutex::default());
        Self { args, inputs, from_variables, config, end }
    }

    /// Does the value of this argument (its field's name) come from an environment variable? The command
    /// line comes first where two arguments exclude each other.
    pub fn from_variable(&self, argument: &str) -> bool {
        self.from_variables.contains(argument)
    }

    /// The configuration: file and profile, loaded on first use.
    ///
    /// # Errors
    /// A [`Failure`] if there is a file that cannot be read or holds something wrong, or the
    /// profile asked for is not there.
    pub fn config(&self) -> Result<&Config, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = Config::load(self.args.config.as_deref(), self.args.user_config_section.as_deref())
            .map_err(|error| self.not_configured(error))?;
        for warning in config.warnings() {
            self.warn(warning);
        }
        Ok(self.config.get_or_init(|| config))
    }

    /// Names what asked for a profile that is not there, if it may not be in sight.
    fn not_configured(&self, error: ConfigError) -> Failure {
        let no_file = matches!(error, ConfigError::NoFile { .. });
        let no_profile = no_file || matches!(error, ConfigError::MissingProfile { .. });
        let failure = Failure::from(error);
        if no_profile && self.from_variable("user_config_section") {
            failure.with_hint(format_args!("the variable {USER_CONFIG_SECTION} asks for it"))
        } else if no_file {
            failure.with_hint("--user-config-section asks for it; --config FILE names a file that has it")
        } else {
            failure
        }
    }

    /// Is JSON wanted on stdout? Then [`Session::result`] prints nothing and
    /// [`Session::object`] does.
    pub const fn json(&self) -> bool {
        self.args.json
    }

    /// Are notes, and with them progress bars, unwanted?
    pub const fn quiet(&self) -> bool {
        self.level() < 0
    }

    /// Are details wanted?
    pub const fn verbose(&self) -> bool {
        self.level() > 0
    }

    /// A result line on stdout.
    pub fn result(&self, line: impl fmt::Display) {
        if !self.json() {
            let mut line = text::clean(line);
            line.push('\n');
            self.write(line.as_bytes());
        }
    }

    /// Bytes on stdout, when the result is a document.
    pub fn write(&self, bytes: &[u8]) {
        let mut end = self.lock();
        if end.stdout.is_none() {
            // Not into a progress bar, on a terminal that shows both.
            progress::suspended(|| {
                let mut stdout = io::stdout().lock();
                end.stdout = stdout.write_all(bytes).and_then(|()| stdout.flush()).err();
            });
        }
    }

    /// The JSON object of one input; nothing in text mode.
    pub fn object(&self, file: &Path, mut fields: Map<String, Value>) {
        if self.json() {
            let mut object = Map::new();
            object.insert("file".to_owned(), file.to_string_lossy().into());
            object.append(&mut fields);
            self.element(&object.into());
        }
    }

    /// Like [`Session::object`], for a command whose input is no file.
    pub fn bare_object(&self, fields: Map<String, Value>) {
        if self.json() {
            self.element(&fields.into());
        }
    }

    /// The next element of the JSON array, printed at once: there may be very many.
    fn element(&self, object: &Value) {
        let first = {
            let mut end = self.lock();
            end.objects += 1;
            end.objects == 1
        };
        self.write(format!("{}{object}", if first { "[\n" } else { ",\n" }).as_bytes());
    }

    /// Something the user may like to know; not with `-q`.
    pub fn note(&self, note: impl fmt::Display) {
        if self.level() >= 0 {
            text::line(format_args!("note: {note}"));
        }
    }

    /// Something the user should know; not with `-qq`.
    pub fn warn(&self, warning: impl fmt::Display) {
        if self.level() >= -1 {
            text::line(format_args!("warning: {warning}"));
        }
    }

    /// How the work goes on, with `-v` only.
    pub fn detail(&self, detail: impl fmt::Display) {
        if self.verbose() {
            text::line(detail);
        }
    }

    /// A line on stderr whatever the verbosity, such as `Invalid: FILE`.
    pub fn say(&self, line: impl fmt::Display) {
        text::line(line);
    }

    /// Reports a failure while the work goes on with the next input; the exit status will be
    /// at least its own.
    pub fn fail(&self, failure: &Failure) {
        text::line(format_args!("error: {}", failure.fact()));
        if let Some(hint) = failure.hint() {
            text::line(format_args!("hint: {hint}"));
        }
        self.raise(failure.status());
    }

    /// [`Session::fail`] for one input, with its JSON object.
    pub fn fail_input(&self, file: &Path, failure: &Failure) {
        self.fail(failure);
        self.object(file, Map::from_iter([("error".to_owned(), error_value(failure))]));
    }

    /// The exit status will be at least `status`; something has been said about it already.
    pub fn raise(&self, status: Status) {
        let mut end = self.lock();
        end.status = end.status.max(Some(status));
    }

    /// Is stderr a terminal someone may be watching?
    pub(super) fn watched(&self) -> bool {
        !self.quiet() && !self.json() && io::stderr().is_terminal()
    }

    /// Reports what is left and gives the exit status.
    pub(super) fn end(self, result: Result<(), Failure>) -> ExitCode {
        if let Err(failure) = result {
            if failure.status() == Status::Interrupted {
                interrupt::exit();
            }
            self.fail(&failure);
            let fields = Map::from_iter([("error".to_owned(), error_value(&failure))]);
            // A wrong command line is about none of them.
            if self.inputs.is_empty() || failure.status() == Status::Usage {
                self.bare_object(fields);
            } else if self.lock().objects == 0 {
                // It is what all of them have in common.
                self.inputs.iter().for_each(|file| self.object(file, fields.clone()));
            }
        }
        if self.json() {
            let objects = self.lock().objects;
            self.write(if objects == 0 { b"[]\n" } else { b"\n]\n" });
        }
        let stdout = self.lock().stdout.take();
        // Whoever closed the pipe has read enough: that is no error.
        if let Some(error) = stdout.filter(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            self.fail(&Failure::new(
                Status::File,
                format_args!("cannot write to standard output: {}", text::reason(&error)),
            ));
        }
        let status = self.lock().status;
        status.map_or(ExitCode::SUCCESS, |status| ExitCode::from(status as u8))
    }

    const fn level(&self) -> i16 {
        self.args.verbose as i16 - self.args.quiet as i16
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn error_value(failure: &Failure) -> Value {
    let mut value = Map::from_iter([("fact".to_owned(), failure.fact().into())]);
    value.extend(failure.hint().map(|hint| ("hint".to_owned(), hint.into())));
    value.extend(failure.details().cloned().unwrap_or_default());
    value.into()
}
