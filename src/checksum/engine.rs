//! The implementations of the checksum algorithms, and which of them is the fastest here.

use std::{
    hint, io,
    sync::OnceLock,
    time::{Duration, Instant},
};

use md5::digest::DynDigest;
use openssl::hash::MessageDigest;

use super::ChecksumAlgorithm;

/// Bytes hashed to measure an implementation: long enough to tell, short enough not to be
/// noticed (some 0.1 ms a piece).
const SAMPLE: usize = 16 << 10;

/// Times the sample is hashed; the shortest counts, so that whatever comes in between does not.
const SAMPLES: usize = 5;

/// Who computes a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// OpenSSL, through the interface by which its configuration has a say: a host in FIPS mode
    /// refuses MD5 there (FIPS 140-3 approves SHA-1 and SHA-2 only).
    OpenSsl,
    /// The crates of `RustCrypto`, which are always there.
    RustCrypto,
}

/// A computation in progress.
pub(super) enum Hasher {
    OpenSsl(openssl::hash::Hasher),
    RustCrypto(Box<dyn DynDigest + Send>),
}

impl Engine {
    const ALL: [Self; 2] = [Self::OpenSsl, Self::RustCrypto];

    /// The fastest engine there is for `algorithm`, measured once in a process.
    pub(super) fn fastest(algorithm: ChecksumAlgorithm) -> Self {
        static FASTEST: [OnceLock<Engine>; ChecksumAlgorithm::ALL.len()] =
            [const { OnceLock::new() }; ChecksumAlgorithm::ALL.len()];
        let measured = || {
            let times = Self::ALL.map(|engine| (engine, engine.time(algorithm)));
            let present = times.into_iter().filter_map(|(engine, time)| Some((engine, time?)));
            present.min_by_key(|&(_, time)| time).map_or(Self::RustCrypto, |(engine, _)| engine)
        };
        *FASTEST[algorithm as usize].get_or_init(measured)
    }

    /// How long it takes for a sample; `None` if it cannot.
    fn time(self, algorithm: ChecksumAlgorithm) -> Option<Duration> {
        let sample = [0x5a; SAMPLE];
        let mut shortest: Option<Duration> = None;
        for _ in 0..SAMPLES {
            let mut hasher = self.hasher(algorithm)?;
            let start = Instant::now();
            hasher.update(hint::black_box(&sample)).ok()?;
            let time = start.elapsed();
            shortest = Some(shortest.map_or(time, |shortest| shortest.min(time)));
        }
        shortest
    }

    /// Starts a computation; `None` if this engine does not do that.
    pub(super) fn hasher(self, algorithm: ChecksumAlgorithm) -> Option<Hasher> {
        match self {
            Self::OpenSsl => openssl::hash::Hasher::new(match algorithm {
                ChecksumAlgorithm::Md5 => MessageDigest::md5(),
                ChecksumAlgorithm::Sha1 => MessageDigest::sha1(),
                ChecksumAlgorithm::Sha256 => MessageDigest::sha256(),
                ChecksumAlgorithm::Sha512 => MessageDigest::sha512(),
            })
            .ok()
            .map(Hasher::OpenSsl),
            Self::RustCrypto => Some(Hasher::rust_crypto(algorithm)),
        }
    }
}

impl Hasher {
    /// Starts a computation by the fastest engine.
    pub(super) fn new(algorithm: ChecksumAlgorithm) -> Self {
        let fastest = Engine::fastest(algorithm).hasher(algorithm);
        fastest.unwrap_or_else(|| Self::rust_crypto(algorithm))
    }

    fn rust_crypto(algorithm: ChecksumAlgorithm) -> Self {
        Self::RustCrypto(match algorithm {
            ChecksumAlgorithm::Md5 => Box::new(md5::Md5::default()),
            ChecksumAlgorithm::Sha1 => Box::new(sha1::Sha1::default()),
            ChecksumAlgorithm::Sha256 => Box::new(sha2::Sha256::default()),
            ChecksumAlgorithm::Sha512 => Box::new(sha2::Sha512::default()),
        })
    }

    /// Goes on with `bytes`.
    ///
    /// # Errors
    /// What OpenSSL says; the computation is then worthless.
    pub(super) fn update(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::OpenSsl(hasher) => hasher.update(bytes)?,
            Self::RustCrypto(hasher) => hasher.update(bytes),
        }
        Ok(())
    }

    /// The value.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub(super) fn finish(self) -> io::Result<Box<[u8]>> {
        match self {
            Self::OpenSsl(mut hasher) => Ok(Box::from(&*hasher.finish()?)),
            Self::RustCrypto(hasher) => Ok(hasher.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use ChecksumAlgorithm::{Md5, Sha1, Sha256, Sha512};
    use proptest::prelude::*;

    use super::*;
    use crate::checksum::hex;

    fn value(engine: Engine, algorithm: ChecksumAlgorithm, parts: &[&[u8]]) -> String {
        let mut hasher = engine.hasher(algorithm).unwrap();
        for part in parts {
            hasher.update(part).unwrap();
        }
        hex(&hasher.finish().unwrap())
    }

    /// Whom an engine is compared with.
    fn other(engine: Engine) -> Engine {
        Engine::ALL.into_iter().find(|&other| other != engine).unwrap()
    }

    /// RFC 1321 §A.5; FIPS 180-4 by the examples that NIST publishes with it: `abc`, two blocks,
    /// a million times `a`.
    #[test]
    fn known_answers_of_every_engine() {
        let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let two_long_blocks = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
                                hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
        let million = vec![b'a'; 1_000_000];
        let digits = b"12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        let alphabet = b"abcdefghijklmnopqrstuvwxyz";
        let both_cases = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let answers: [(ChecksumAlgorithm, &[u8], &str); 17] = [
            (Md5, b"", "d41d8cd98f00b204e9800998ecf8427e"),
            (Md5, b"a", "0cc175b9c0f1b6a831c399e269772661"),
            (Md5, b"abc", "900150983cd24fb0d6963f7d28e17f72"),
            (Md5, b"message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (Md5, alphabet, "c3fcd3d76192e4007dfb496cca67e13b"),
            (Md5, both_cases, "d174ab98d277d9f5a5611c2c9f419d9f"),
            (Md5, digits, "57edf4a22be3c955ac49da2e2107b67a"),
            (Sha1, b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Sha1, two_blocks, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            (Sha1, &million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
            (Sha256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (Sha256, two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
            (Sha256, &million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
            (
                Sha512,
                b"",
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            ),
            (
                Sha512,
                b"abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                Sha512,
                two_long_blocks,
                "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018\
                 501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
            ),
            (
                Sha512,
                &million,
                "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb\
                 de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
            ),
        ];
        for engine in Engine::ALL {
            for (algorithm, message, expected) in answers {
                assert_eq!(value(engine, algorithm, &[message]), expected, "{engine:?} {algorithm}");
            }
        }
    }

    /// Every length over several blocks of each algorithm, padding in every position, in one piece
    /// and in two.
    #[test]
    fn every_length_to_1100_is_the_same_by_every_engine() {
        let message: Vec<u8> = (0..1100_u32).map(|i| (i * 7 + i / 251).to_le_bytes()[0]).collect();
        for length in 0..=message.len() {
            let message = &message[..length];
            let (start, rest) = message.split_at(length / 3);
            for algorithm in ChecksumAlgorithm::ALL {
                let openssl = value(Engine::OpenSsl, algorithm, &[message]);
                assert_eq!(value(Engine::RustCrypto, algorithm, &[message]), openssl, "{length}");
                for engine in Engine::ALL {
                    assert_eq!(value(engine, algorithm, &[start, rest]), openssl, "{engine:?} {length}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn random_data_cut_at_random_places(
            message in proptest::collection::vec(any::<u8>(), 0..300_000),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect();
            cuts.extend([0, message.len()]);
            cuts.sort_unstable();
            let parts: Vec<_> = cuts.windows(2).map(|cut| &message[cut[0]..cut[1]]).collect();
            for algorithm in ChecksumAlgorithm::ALL {
                for engine in Engine::ALL {
                    let whole = value(other(engine), algorithm, &[&message]);
                    prop_assert_eq!(value(engine, algorithm, &parts), whole);
                }
            }
        }
    }

    /// Numbers of 32 bits end at 512 MiB, in bits, and at 4 GiB, in bytes.
    #[test]
    fn more_than_4_gib_are_the_same_by_every_engine() {
        const PIECES: usize = 4 << 10;
        let piece: Vec<u8> = (0..1_u32 << 20).map(|i| (i * 7 + i / 251).to_le_bytes()[0]).collect();
        let value = |engine: Engine, algorithm| {
            let mut hasher = engine.hasher(algorithm).unwrap();
            for _ in 0..PIECES {
                hasher.update(&piece).unwrap();
            }
            hasher.update(&piece[..70_001]).unwrap();
            hex(&hasher.finish().unwrap())
        };
        thread::scope(|scope| {
            for algorithm in ChecksumAlgorithm::ALL {
                let value = &value;
                scope.spawn(move || {
                    let openssl = value(Engine::OpenSsl, algorithm);
                    assert_eq!(value(Engine::RustCrypto, algorithm), openssl, "{algorithm}");
                });
            }
        });
    }
}
