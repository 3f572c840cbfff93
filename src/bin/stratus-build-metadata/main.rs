//! `stratus-build-metadata`: describes an image.

use std::{env, fs, io, os::unix::fs::MetadataExt, path::Path, process::ExitCode};

use serde_json::{Map, Value, json};
use stratuslab::{
    ChecksumAlgorithm, Compression, ImageFormat, Metadata, Timestamp,
    checksum::{Image, ImageMismatch},
    cli::{
        self, Failure, Session, Status, image,
        output::{self, OutputError},
        shown,
    },
};

mod args;

use args::Args;

fn main() -> ExitCode {
    cli::main(run)
}

#[allow(clippy::unnecessary_wraps, reason = "the type of every command's work")]
fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    build(args, session).or_else(|failure| {
        if !session.json() {
            return Err(failure);
        }
        session.fail_input(&args.image, &failure);
        Ok(())
    })
}

fn build(args: &Args, session: &Session) -> Result<(), Failure> {
    let created = created()?;
    let valid = args.valid(created)?;
    let target = args.output()?;
    let to_stdout = target.as_os_str() == "-";
    if to_stdout && session.json() {
        return Err(Failure::new(Status::Usage, "--json and --output - both want standard output"));
    }
    let config = session.config()?;
    let author = args.author.as_ref().or(config.author.as_ref());
    let publisher = args.publisher.as_ref().or(config.publisher.as_ref());
    warn_of_unusual(args, session);
    if !to_stdout {
        // Before an image of many gigabytes is read in vain.
        check_target(&target, &args.image, args.force)?;
    }

    let image = image::digest(session, &args.image, &args.checksums.wanted())?;
    check_image(args, session, &image)?;
    let mut builder = Metadata::builder(&image.digests)
        .image_type(&*args.image_type)
        .kind(&*args.kind)
        .os(args.os.as_deref().unwrap_or_default())
        .os_version(args.os_version.as_deref().unwrap_or_default())
        .os_arch(args.os_arch.as_deref().unwrap_or_default())
        .version(args.image_version.as_deref().unwrap_or_default())
        .compression(compression(args, &image))
        .format(&*args.format)
        .creator(author.map_or("", String::as_str))
        .created(created)
        .valid(valid)
        .title(args.title.as_deref().unwrap_or_default())
        .tag(args.tag.as_deref().unwrap_or_default())
        .description(args.comment.as_deref().unwrap_or_default())
        .hypervisor(&*args.hypervisor)
        .disks_bus(&*args.disks_bus)
        .publisher(publisher.map_or("StratusLab", String::as_str));
    for location in &args.location {
        builder = builder.location(location);
    }
    if let Some(identifier) = args.replaces {
        builder = builder.replaces(identifier);
    }
    if let Some(identifier) = args.is_version_of {
        builder = builder.is_version_of(identifier);
    }
    let metadata = builder.build();
    // Arguments were checked when parsed; what is left comes from the configuration file.
    let document = metadata.to_rdf().map_err(|error| Failure::new(Status::Usage, error))?;

    if to_stdout {
        session.write(document.as_bytes());
    } else {
        output::write_new(&target, document.as_bytes(), args.force)?;
        if session.verbose() {
            session.result(format_args!("Manifest: {}", shown(&target)));
        }
    }
    if metadata.locations.is_empty() {
        session.note("no --location was given: slterms:location must be added by hand before signing");
    }
    session.object(&args.image, report(&target, &metadata));
    Ok(())
}

/// `SOURCE_DATE_EPOCH` makes the description reproducible (reproducible-builds.org); unset or
/// empty, it is made now.
fn created() -> Result<Timestamp, Failure> {
    let Some(value) = env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) else {
        return Ok(Timestamp::now());
    };
    let text = value.to_string_lossy();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| digits);
    seconds.and_then(Timestamp::from_unix_seconds).ok_or_else(|| {
        let fact = format!(
            "SOURCE_DATE_EPOCH is '{text}', not a number of seconds since 1970 before the year 10000"
        );
        Failure::new(Status::Usage, fact)
    })
}

/// C39: values nobody uses are written, but not without a word.
fn warn_of_unusual(args: &Args, session: &Session) {
    let check = |option: &str, value: &str, usual: &[&str]| {
        if !value.is_empty() && !usual.contains(&value) {
            session.warn(format_args!("{option} '{value}' is unusual: {} are usual", usual.join(", ")));
        }
    };
    check("--type", &args.image_type, &["base", "grid"]);
    check("--kind", &args.kind, &["machine", "disk"]);
    check("--format", &args.format, &["raw", "qcow2", "vmdk", "vdi", "vhdx"]);
    let compression = args.compression.as_deref().unwrap_or_default();
    check("--compression", compression, &["gz", "bz2", "xz", "zst", "none"]);
    for location in args.location.iter().filter(|location| !is_uri(location)) {
        session
            .warn(format_args!("--location '{location}' is not a URI such as https://example.org/image.gz"));
    }
}

/// Whether it has a scheme (RFC 3986 §3.1) and none of the characters a URI cannot have (§2).
fn is_uri(location: &str) -> bool {
    let scheme = location.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !location.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c))
}

/// Whether the description can be written there, as far as can be told before it is.
fn check_target(target: &Path, image: &Path, force: bool) -> Result<(), Failure> {
    let path = || target.to_owned();
    let directory = match fs::metadata(target) {
        Ok(found) if found.is_dir() => return Err(OutputError::Directory { path: path() }.into()),
        Ok(found) => {
            let same = |image: fs::Metadata| (image.dev(), image.ino()) == (found.dev(), found.ino());
            if fs::metadata(image).is_ok_and(same) {
                let fact = format!("{} is the image itself", shown(target));
                return Err(Failure::new(Status::Usage, fact).with_hint("name another file with --output"));
            }
            if !found.is_file() {
                return Ok(());
            }
            if !force {
                let exists = Failure::from(OutputError::Exists { path: path() });
                return Err(exists.with_hint("overwrite it with --force, or name another file with --output"));
            }
            fs::canonicalize(target).ok().and_then(|target| target.parent().map(Path::to_owned))
        }
        Err(_) if fs::symlink_metadata(target).is_ok() => {
            return Err(OutputError::DanglingLink { path: path() }.into());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => target.parent().map(Path::to_owned),
        Err(error) => return Err(OutputError::Write { path: path(), error }.into()),
    };
    let directory = directory.filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| ".".into());
    if !directory.is_dir() {
        return Err(OutputError::NoDirectory { path: path(), directory }.into());
    }
    // A file without a name, so that nothing remains whatever happens.
    match tempfile::tempfile_in(&directory) {
        Ok(_) => Ok(()),
        Err(error) => Err(OutputError::Write { path: path(), error }.into()),
    }
}

/// Whether the image is what the arguments say.
fn check_image(args: &Args, session: &Session, image: &Image) -> Result<(), Failure> {
    if image.digests.bytes() == 0 {
        return Err(Failure::new(Status::No, format_args!("the image is empty: {}", shown(&args.image))));
    }
    // C7: a checksum that is given is one the image must have.
    let mismatches: Vec<_> = args
        .checksums
        .stated()
        .filter_map(|stated| {
            let algorithm = stated.algorithm();
            let found = image.digests.checksums().iter().find(|found| found.algorithm() == algorithm);
            let mismatch = match found {
                None => ImageMismatch::NotComputed { algorithm },
                Some(found) if found == stated => return None,
                Some(found) => {
                    let [stated, found] = [stated, found].map(|checksum| checksum.value().to_owned());
                    ImageMismatch::Checksum { algorithm, stated, found }
                }
            };
            Some(mismatch.to_string())
        })
        .collect();
    if !mismatches.is_empty() {
        return Err(Failure::new(
            Status::No,
            format_args!("{}: {}", shown(&args.image), mismatches.join("; ")),
        ));
    }
    let expected = [ImageFormat::Qcow2, ImageFormat::Vdi, ImageFormat::Vhdx];
    match image.format {
        Some(format) if format.name() != args.format => session.warn(format_args!(
            "the image is {format} but its format is described as {}; --format={format} would be right",
            args.format
        )),
        None if expected.iter().any(|format| format.name() == args.format) => {
            session.warn(format_args!("the image does not start like a {} image", args.format));
        }
        _ => {}
    }
    Ok(())
}

/// How the file at the location is compressed: as stated, else like the image here.
fn compression(args: &Args, image: &Image) -> String {
    match args.compression.as_deref() {
        Some("none") => String::new(),
        Some(stated) => stated.to_owned(),
        None => image.compression.map(Compression::extension).unwrap_or_default().to_owned(),
    }
}

fn report(target: &Path, metadata: &Metadata) -> Map<String, Value> {
    let checksum = |algorithm: ChecksumAlgorithm| {
        let found = metadata.checksums.iter().find(|checksum| checksum.algorithm() == algorithm);
        found.map(|checksum| (algorithm.name().to_owned(), checksum.value().into()))
    };
    let checksums: Map<_, Value> = ChecksumAlgorithm::ALL.into_iter().filter_map(checksum).collect();
    let fields = [
        ("manifest", target.to_string_lossy().into()),
        ("identifier", metadata.identifier.to_string().into()),
        ("bytes", metadata.bytes.into()),
        ("checksums", checksums.into()),
        ("compression", json!(metadata.compression)),
        ("format", json!(metadata.format)),
        ("created", json!(metadata.created.map(|created| created.to_string()))),
        ("valid", json!(metadata.valid.map(|valid| valid.to_string()))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
