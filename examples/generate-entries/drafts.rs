//! Entries that look like those of a Marketplace that has been in use for years, as many as one likes, and
//! the same ones whenever they are made; but for the keys, and so the signatures.

#![allow(clippy::unwrap_used, reason = "an example that cannot make its material has failed")]

use openssl::{
    asn1::{Asn1Integer, Asn1Time},
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::{X509, X509Name, extension::SubjectAlternativeName},
};
use stratuslab::{
    ChecksumAlgorithm, Credentials, Email, ImageDigests, Metadata, Timestamp,
    dsig::{self, SignRequest, Verified},
    metadata::rules::Leniency,
};

const DAY: u64 = 86_400;

/// How many endorse.
const ENDORSERS: usize = 20;

/// Operating systems with their versions; the first are the most frequent.
const SYSTEMS: [(&str, &[&str]); 10] = [
    ("ubuntu", &["12.04", "14.04", "16.04", "18.04", "20.04", "22.04", "24.04"]),
    ("CentOS", &["5.11", "6.10", "7.9", "8.5"]),
    ("Debian", &["7", "8", "9", "10", "11", "12"]),
    ("ScientificLinux", &["5.8", "6.4", "7.9"]),
    ("AlmaLinux", &["8.10", "9.4"]),
    ("openSUSE", &["13.2", "42.3", "15.5"]),
    ("Fedora", &["20", "30", "39", "40"]),
    ("ttylinux", &["9.5", "9.7", "14.0"]),
    ("FreeBSD", &["9.1", "12.4", "14.0"]),
    ("Windows", &["2012 R2", "2019", "2022"]),
];
const ARCHITECTURES: [&str; 6] = ["x86_64", "x86_64", "x86_64", "i486", "i686", "aarch64"];
const FORMATS: [(&str, &str); 4] = [("qcow2", ""), ("raw", "gz"), ("raw", "xz"), ("vmdk", "")];
const SOFTWARE: [&str; 12] = [
    "a grid worker node",
    "a web server",
    "a database server",
    "a batch system",
    "BioLinux tools",
    "a compiler farm",
    "a storage element",
    "R and its packages",
    "a Hadoop node",
    "molecular dynamics",
    "a monitoring server",
    "nothing else",
];
const TAGS: [&str; 4] = ["stable", "testing", "latest-release", "nightly"];

/// Those who sign.
pub(crate) struct Endorsers(Vec<(Email, Credentials)>);

impl Endorsers {
    /// New keys and certificates for all of them.
    pub(crate) fn new() -> Self {
        let endorser = |n: usize| {
            let email = format!("endorser{n:02}@example.org");
            (email.parse().unwrap(), credentials(n, &email))
        };
        Self((0..ENDORSERS).map(endorser).collect())
    }
}

fn credentials(n: usize, email: &str) -> Credentials {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    for (attribute, value) in [("C", "FR"), ("O", "StratusLab"), ("CN", &*format!("Endorser {n}"))] {
        name.append_entry_by_text(attribute, value).unwrap();
    }
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    let serial = BigNum::from_u32(u32::try_from(n).unwrap() + 1).unwrap();
    certificate.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(3650).unwrap()).unwrap();
    certificate.set_pubkey(&key).unwrap();
    let context = certificate.x509v3_context(None, None);
    let names = SubjectAlternativeName::new().email(email).build(&context).unwrap();
    certificate.append_extension(names).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = certificate.build().to_pem().unwrap();
    Credentials::from_pem(&certificate, &key.private_key_to_pem_pkcs8().unwrap(), None).unwrap()
}

/// The entries of one image, oldest first: most have one, some a history, some several endorsers; some are
/// deprecated in the end, some have expired.
pub(crate) fn image(
    seed: u64,
    number: u64,
    now: Timestamp,
    endorsers: &Endorsers,
) -> Vec<Verified<Metadata>> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    let metadata = metadata(&mut dice, number);
    let first = dice.below(ENDORSERS);
    let mut age = dice.number(5 * 365 * DAY) + 30 * DAY;
    let rounds = 1 + usize::from(dice.below(100) < 15) * (1 + dice.below(3));
    let several = dice.below(100) < 10;
    let deprecated = dice.below(100) < 5;
    let expired = dice.below(100) < 10;
    let mut entries = Vec::new();
    for round in 0..rounds {
        let created = before(now, age);
        let mut entry = metadata.clone();
        entry.created = Some(before(now, age + dice.number(DAY)));
        entry.valid = Some(if expired {
            before(now, dice.number(age))
        } else {
            after(now, dice.number(730 * DAY) + DAY)
        });
        if deprecated && round + 1 == rounds {
            entry.deprecated = Some("there is a newer version with security updates".to_owned());
        }
        entries.push(sign(&entry, &endorsers.0[first], created));
        if several {
            let second = &endorsers.0[(first + 7) % ENDORSERS];
            entries.push(sign(&entry, second, after(created, 3600)));
        }
        age = age / 2 + 7200;
    }
    entries
}

fn metadata(dice: &mut Dice, number: u64) -> Metadata {
    let content = format!("image {number}");
    let digests = ImageDigests::read(content.as_bytes(), &ChecksumAlgorithm::ALL).unwrap();
    // The smaller of two throws: the first are the most frequent.
    let (os, versions) = SYSTEMS[dice.below(SYSTEMS.len()).min(dice.below(SYSTEMS.len()))];
    let os_version = dice.one(versions);
    let arch = dice.one(&ARCHITECTURES);
    let (format, compression) = *dice.one(&FORMATS);
    let software = dice.one(&SOFTWARE);
    let version = format!("{}.{}", dice.below(4), dice.below(30));
    let file = format!("{os}-{os_version}-{arch}-base-{version}.{format}").replace(' ', "_");
    // One word in ten thousand is rare.
    let rare = if number % 10_000 == 77 { " It has a quokka in it." } else { "" };
    let mut builder = Metadata::builder(&digests)
        .image_type(if dice.below(2) == 0 { "base" } else { "grid" })
        .kind(if dice.below(20) == 0 { "disk" } else { "machine" })
        .os(os)
        .os_version(*os_version)
        .os_arch(*arch)
        .version(&version)
        .format(format)
        .compression(compression)
        .location(format!("https://images.example.org/{number}/{file}"))
        .creator(format!("Creator {}", dice.below(200)))
        .title(format!("{os} {os_version} with {software}, build {number}"))
        .description(format!(
            "A minimal {os} {os_version} for {arch} with {software}, made from the distribution's own packages \
             and updated at boot; log in as root with the key of the user.{rare}"
        ))
        .tag(if dice.below(5) == 0 { dice.one(&TAGS) } else { "" })
        .hypervisor("kvm")
        .disks_bus("virtio")
        .publisher("StratusLab");
    builder = builder.location(match dice.below(10) {
        0 => format!("pdisk:pdisk.example.org:8445:{number:032x}"),
        _ => format!("ftp://mirror.example.net/pub/{number}/{file}"),
    });
    let mut metadata = builder.build();
    metadata.bytes = (1 + dice.number(40_000)) << 20;
    metadata
}

fn sign(
    metadata: &Metadata,
    (email, credentials): &(Email, Credentials),
    created: Timestamp,
) -> Verified<Metadata> {
    let request = SignRequest {
        credentials,
        method: None,
        email: Some(email),
        created,
        leniency: Leniency::Strict,
        include_chain: false,
    };
    dsig::sign(metadata.to_rdf().unwrap().as_bytes(), &request).unwrap()
}

fn before(time: Timestamp, seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_seconds() - i64::try_from(seconds).unwrap()).unwrap()
}

fn after(time: Timestamp, seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_seconds() + i64::try_from(seconds).unwrap()).unwrap()
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn number(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.number(below as u64)).unwrap_or_default()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
