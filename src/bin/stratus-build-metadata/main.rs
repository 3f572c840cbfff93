//! `stratus-build-metadata`: describes an image.

use std::{env, path::Path, process::ExitCode};

use serde_json::{Map, Value, json};
use stratuslab::{
    ChecksumAlgorithm, Compression, Metadata, Timestamp,
    checksum::Image,
    cli::{self, Failure, Session, Status, image, is_dash, output, shown},
};

mod args;
mod checks;

use args::Args;
use checks::{check_image, check_output, output_failure, warn_of_unusual};

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
    let to_stdout = is_dash(&target);
    if to_stdout && session.json() {
        return Err(Failure::new(Status::Usage, "--json and --output - both want standard output"));
    }
    let config = session.config()?;
    let author = args.author.as_ref().or(config.author.as_ref());
    let publisher = args.publisher.as_ref().or(config.publisher.as_ref());
    warn_of_unusual(args, session);
    if !to_stdout {
        check_output(&target, args)?;
    }

    let options = stratuslab::checksum::DigestOptions { algorithms: args.checksums.wanted(), ..Default::default() };
    let image = image::digest(session, &args.image, &options)?;
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
        output::write_new(&target, document.as_bytes(), args.force).map_err(output_failure)?;
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
