//! `stratus-download-image`: from an identifier to a verified file.

use std::{
    fs::File,
    io::{self, IsTerminal as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use serde_json::Map;
use stratuslab::{
    Timestamp,
    cache::{self, Cache, CacheError},
    cli::{
        self, Command, CommonArgs, Failure, Session, Status,
        cache::CacheArgs,
        download::{DownloadArgs, Offline, Watch, fields},
        entries::EntryArgs,
        judge::JudgeArgs,
        network::NetworkArgs,
        output::{self, Scratch},
        policy::{self, PolicyArgs},
        progress::Progress,
        trust,
    },
    config::VerifyCache,
    download::{Event, ImageError, Obtained, Provider, Whence},
};

/// Fetch an image and prove it to be the one that an entry describes
///
/// Without --output the path of the image is printed; it lies in the cache, and is not to be written to.
#[derive(Parser)]
#[command(name = "stratus-download-image")]
struct Args {
    #[command(flatten)]
    entries: EntryArgs,
    /// Put a copy of the image here; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file that --output names
    #[arg(long, requires = "output")]
    force: bool,
    /// Keep the image nowhere but in --output
    #[arg(long, requires = "output", conflicts_with = "offline")]
    no_cache: bool,
    /// Find out that an image in the cache is what it was by its inode, size and times (mtime), or by
    /// reading it (always) [default: mtime]
    #[arg(long, value_name = "HOW", hide_possible_values = true)]
    verify_cache: Option<VerifyCache>,
    #[command(flatten)]
    download: DownloadArgs,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    judge: JudgeArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    common: CommonArgs,
}

impl Command for Args {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn adjusted(command: clap::Command) -> clap::Command {
        trust::with_tls_options_renamed(command)
    }
}

fn main() -> ExitCode {
    cli::main(|args, session| run(args, session).map_err(trust::with_tls_hint_renamed))
}

fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let asked = args.entries.reference()?;
    if args.output.as_deref().is_some_and(cli::is_dash) {
        check_stdout(session)?;
    }
    // The variable says where images are kept if they are.
    if args.no_cache && args.cache.cache.is_some() && !session.from_variable("cache") {
        return Err(Failure::new(Status::Usage, "--no-cache and --cache exclude each other"));
    }
    if let Some(path) = args.file() {
        output::check_new(path, args.force).map_err(|error| Args::not_written(error.into()))?;
    }
    let site = args.policy.policy(&args.judge, session)?;
    site.warn(session);
    let options = args.download.options(&args.network, session)?;
    // Gone with all that is in it when this ends.
    let scratch = match &args.output {
        Some(path) if args.no_cache && !cli::is_dash(path) => Some(Scratch::beside(path)?),
        Some(_) if args.no_cache => Some(Scratch::beside(Path::new("/dev/stdout"))?),
        _ => None,
    };
    let cache = match &scratch {
        Some(scratch) => Cache::open(scratch.path())?,
        None => args.cache.open(session)?,
    };
    let check = args.verify_cache.or(session.config()?.verify_cache).unwrap_or_default().into();
    let watch = Watch::new(session);
    let observe = |event: &Event<'_>| watch.see(event);
    let offline = args.download.offline.unwrap_or_default();
    let provider = Provider {
        cache: &cache,
        check,
        policy: &site.policy,
        options: &options,
        offline: offline == Offline::Always,
        observe: &observe,
    };

    let (endpoint, reference) = asked.map_or((None, None), |(endpoint, asked)| (endpoint, Some(asked)));
    let documents;
    let client;
    let whence = if !args.entries.metadata_file.is_empty() {
        documents = args.entries.documents()?;
        Whence::Files(&documents)
    } else if offline == Offline::Always {
        Whence::Cache
    } else {
        client = args.network.client_at(endpoint, session)?;
        Whence::Marketplace(&client, offline.into())
    };
    match provider.image(reference.as_ref(), whence, Timestamp::now()) {
        Ok(obtained) => args.hand_out(&obtained, scratch.is_some(), session),
        Err(ImageError::Refused(decisions)) => {
            policy::refuse(&decisions, session);
            let decisions = policy::decisions_value(&decisions);
            session.bare_object(Map::from_iter([
                ("verdict".to_owned(), "refused".into()),
                ("decisions".to_owned(), decisions),
            ]));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether standard output can be the image and nothing else.
fn check_stdout(session: &Session) -> Result<(), Failure> {
    let fact = if session.json() {
        "the image and --json cannot both go to standard output"
    } else if io::stdout().is_terminal() {
        "an image is not for a terminal"
    } else {
        return Ok(());
    };
    Err(Failure::new(Status::Usage, fact).with_hint("write the image to a file with --output FILE"))
}

impl Args {
    /// The file to write.
    fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| !cli::is_dash(path))
    }

    fn hand_out(&self, obtained: &Obtained, movable: bool, session: &Session) -> Result<(), Failure> {
        let image = &obtained.image;
        let path = match self.file() {
            Some(path) if movable && !output::is_stream(path) => {
                output::move_new(&image.path, path, self.force).map(|()| path)
            }
            Some(path) => {
                output::fill_new(path, self.force, |to| copied(obtained, to, session)).map(|()| path)
            }
            None if self.output.is_some() => {
                // Bytes, and nothing else.
                let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
                let written = stdout.and_then(|stdout| {
                    cache::write(image, &obtained.file, &stdout).map_err(io::Error::other)
                });
                return written.map_err(|error| {
                    let fact = format!("cannot write to standard output: {}", cli::reason(&error));
                    Failure::new(Status::File, fact)
                });
            }
            None => Ok(image.path.as_path()),
        };
        let path = path.map_err(|error| Self::not_written(error.into()))?;
        if self.output.is_none() {
            session.result(cli::shown(path));
        } else {
            session.detail(format_args!("Downloaded image to: {}", cli::shown(path)));
        }
        session.bare_object(fields(obtained, path));
        Ok(())
    }

    fn not_written(failure: Failure) -> Failure {
        if failure.fact().ends_with("exists already") {
            failure.with_hint("overwrite it with --force, or name another file with --output")
        } else {
            failure
        }
    }
}

fn copied(obtained: &Obtained, to: &File, session: &Session) -> io::Result<()> {
    let Obtained { image, file, .. } = obtained;
    let bar = Progress::bar(session, Some(image.record.digests.bytes()));
    cache::copy(image, file, to, |bytes| bar.advance(bytes)).map_err(|error| match error {
        // Of where it is copied from nobody has to know.
        CacheError::Io { what: "copy", cause, .. } => cause,
        error => io::Error::other(error),
    })
}
