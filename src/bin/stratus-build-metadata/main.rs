//! `stratus-build-metadata`: describes an image.

use std::{env, path::Path, process::ExitCode};

use serde_json::{Map, Value, json};
use stratuslab::{
    ChecksumAlgorithm, Compression, ImageFormat, Metadata, Timestamp,
    checksum::{FileDigests, Image},
    cli::{self, Failure, Session, Status, image, is_dash, output, shown},
    metadata::{CompressedFile, builder::MetadataBuilder},
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
    // With --json, a dry run has the document in it.
    let to_stdout = !session.json() && (is_dash(&target) || args.dry_run);
    if is_dash(&target) && session.json() && !args.dry_run {
        return Err(Failure::new(Status::Usage, "--json and --output - both want standard output"));
    }
    let config = session.config()?;
    let author = args.author.as_ref().or(config.author.as_ref());
    let publisher = args.publisher.as_ref().or(config.publisher.as_ref());
    warn_of_unusual(args, session);
    if !is_dash(&target) {
        check_output(&target, args)?;
    }

    // What is not going to be told need not be computed.
    let compressed: &[_] = match (session.json(), args.describe_compressed) {
        (true, _) => &ChecksumAlgorithm::ALL,
        (false, true) => &[ChecksumAlgorithm::Sha512],
        (false, false) => &[],
    };
    let image = image::digest(session, &args.reading, &args.image, &args.checksums.wanted(), compressed)?;
    check_image(args, session, &image)?;
    let mut builder = Metadata::builder(&image.digests)
        .image_type(&*args.image_type)
        .kind(&*args.kind)
        .os(args.os.as_deref().unwrap_or_default())
        .os_version(args.os_version.as_deref().unwrap_or_default())
        .os_arch(args.os_arch.as_deref().unwrap_or_default())
        .version(args.image_version.as_deref().unwrap_or_default())
        .compression(compression(args, &image))
        .format(format(args, &image))
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
    if let Some(url) = image::url(&args.image)?.filter(|_| args.location.is_empty()) {
        builder = builder.location(url.as_str());
    }
    if let Some(identifier) = args.replaces {
        builder = builder.replaces(identifier);
    }
    if let Some(identifier) = args.is_version_of {
        builder = builder.is_version_of(identifier);
    }
    if args.describe_compressed {
        builder = describe_compressed(builder, args, session, &image)?;
    }
    let metadata = builder.build();
    // Arguments were checked when parsed; what is left comes from the configuration file.
    let document = metadata.to_rdf().map_err(|error| Failure::new(Status::Usage, error))?;

    if to_stdout {
        session.write(document.as_bytes());
    } else if !args.dry_run {
        output::write_new(&target, document.as_bytes(), args.force).map_err(output_failure)?;
        if session.verbose() {
            session.result(format_args!("Manifest: {}", shown(&target)));
        }
    }
    if metadata.locations.is_empty() {
        session.note("no --location was given: slterms:location must be added by hand before signing");
    }
    let document = args.dry_run.then_some(document);
    session.object(&args.image, report(&target, &metadata, &image, document));
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

/// The format as stated, or as the image tells.
fn format<'a>(args: &'a Args, image: &Image) -> &'a str {
    match &*args.format {
        "auto" => image.format.map_or("raw", ImageFormat::name),
        stated => stated,
    }
}

/// Adds size and SHA-512 of the compressed file.
fn describe_compressed(
    builder: MetadataBuilder,
    args: &Args,
    session: &Session,
    image: &Image,
) -> Result<MetadataBuilder, Failure> {
    let found = image.compression.map_or("none", Compression::extension);
    let stated = args.compression.as_deref().map(|stated| if stated.is_empty() { "none" } else { stated });
    if let Some(stated) = stated.filter(|&stated| stated != found) {
        let fact = format!("--compression is {stated} but the compression of the image here is {found}");
        let hint = "--describe-compressed needs the file itself that is published";
        return Err(Failure::new(Status::Usage, fact).with_hint(hint));
    }
    match &image.compressed {
        None => {
            session.note("the image is not compressed: there is nothing more to describe");
            Ok(builder)
        }
        Some(FileDigests { bytes, checksums, .. }) => {
            let sha512 = checksums.iter().find(|checksum| checksum.algorithm() == ChecksumAlgorithm::Sha512);
            let sha512 = sha512.cloned().ok_or_else(|| {
                Failure::new(Status::File, "the SHA-512 of the compressed file was not computed")
            })?;
            Ok(builder.compressed_file(CompressedFile { bytes: *bytes, sha512 }))
        }
    }
}

fn report(target: &Path, metadata: &Metadata, image: &Image, document: Option<String>) -> Map<String, Value> {
    let fields = [
        ("manifest", if document.is_some() { Value::Null } else { target.to_string_lossy().into() }),
        ("identifier", metadata.identifier.to_string().into()),
        ("bytes", metadata.bytes.into()),
        ("checksums", image::checksums_value(&metadata.checksums)),
        ("compression", json!(metadata.compression)),
        ("compressed", image::compressed_value(image)),
        ("format", json!(metadata.format)),
        ("virtual_size", json!(image.virtual_size)),
        ("created", json!(metadata.created.map(|created| created.to_string()))),
        ("valid", json!(metadata.valid.map(|valid| valid.to_string()))),
    ];
    let document = document.map(|document| ("document", document.into()));
    let fields = fields.into_iter().chain(document);
    fields.map(|(name, value)| (name.to_owned(), value)).collect()
}
