//! What is looked at before a description is written.

use std::{
    fs::{self, File, Metadata},
    io,
    os::fd::AsFd,
    path::Path,
};

use stratuslab::{
    ImageFormat,
    checksum::Image,
    cli::{
        Failure, Session, Status, input, is_dash,
        output::{self, OutputError},
        shown,
    },
    location::is_scheme,
};

use crate::args::Args;

/// C39: values nobody uses are written, but not without a word.
pub(crate) fn warn_of_unusual(args: &Args, session: &Session) {
    let check = |option: &str, value: &str, usual: &[&str]| {
        if !value.is_empty() && !usual.contains(&value) {
            session.warn(format_args!("{option} '{value}' is unusual: {} are usual", usual.join(", ")));
        }
    };
    check("--type", &args.image_type, &["base", "grid"]);
    check("--kind", &args.kind, &["machine", "disk"]);
    check("--format", &args.format, &["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso9660", "auto"]);
    let compression = args.compression.as_deref().unwrap_or_default();
    check("--compression", compression, &["gz", "bz2", "xz", "zst", "none"]);
    for location in args.location.iter().filter(|location| !is_uri(location)) {
        session
            .warn(format_args!("--location '{location}' is not a URI such as https://example.org/image.gz"));
    }
}

/// Whether it has a scheme (RFC 3986 §3.1) and none of the characters a URI cannot have (§2).
fn is_uri(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
        && !location.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c))
}

/// Whether the description can be written there, before an image of many gigabytes is read in
/// vain.
pub(crate) fn check_output(target: &Path, args: &Args) -> Result<(), Failure> {
    if let (Ok(found), Ok(image)) = (fs::metadata(target), metadata(&args.image))
        && output::same_file(&found, &image)
    {
        let fact = format!("{} is the image itself", shown(target));
        return Err(Failure::new(Status::Usage, fact).with_hint("name another file with --output"));
    }
    output::check_new(target, args.force).map_err(output_failure)
}

/// What the system says of an image, also of one on standard input.
fn metadata(image: &Path) -> io::Result<Metadata> {
    if is_dash(image) {
        File::from(io::stdin().as_fd().try_clone_to_owned()?).metadata()
    } else {
        fs::metadata(image)
    }
}

pub(crate) fn output_failure(error: OutputError) -> Failure {
    let exists = matches!(error, OutputError::Exists { .. });
    let failure = Failure::from(error);
    if exists {
        failure.with_hint("overwrite it with --force, or name another file with --output")
    } else {
        failure
    }
}

/// Whether the image is what the arguments say.
pub(crate) fn check_image(args: &Args, session: &Session, image: &Image) -> Result<(), Failure> {
    if image.digests.bytes() == 0 {
        return Err(Failure::new(
            Status::No,
            format_args!("the image is empty: {}", input::name(&args.image)),
        ));
    }
    // C7: a checksum that is given is one the image must have.
    let mismatches = args.checksums.stated().filter_map(|stated| image.digests.check_checksum(stated));
    let mismatches: Vec<_> = mismatches.map(|mismatch| mismatch.to_string()).collect();
    if !mismatches.is_empty() {
        let fact = format!("{}: {}", input::name(&args.image), mismatches.join("; "));
        return Err(Failure::new(Status::No, fact));
    }
    if let (Some(format), Some(size)) = (image.format, image.virtual_size) {
        session.detail(format_args!("{}: {format}, a disk of {size} bytes", input::name(&args.image)));
    }
    let stated = &*args.format;
    match image.format {
        _ if stated == "auto" => {}
        // A CD is what it is, sector by sector.
        Some(ImageFormat::Iso9660) if stated == "raw" => {}
        Some(format) if format.name() != stated => session.warn(format_args!(
            "the image is {format} but its format is described as {stated}; --format={format} would be right"
        )),
        // A VMDK may be a plain extent, which nothing tells.
        None if stated != "vmdk" && ImageFormat::ALL.iter().any(|format| format.name() == stated) => {
            session.warn(format_args!("the image does not look like a {stated} image"));
        }
        _ => {}
    }
    Ok(())
}
