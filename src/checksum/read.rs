//! Reading an image: one pass, one thread per algorithm, a fixed number of buffers.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use md5::digest::DynDigest;

use super::{Checksum, ChecksumAlgorithm, ImageDigests, hex};
use crate::Identifier;

/// Bytes handed to the workers at a time.
const CHUNK: usize = 512 << 10;

/// Chunks a worker may be behind the reader.
const QUEUE: usize = 6;

/// Chunks in memory: those queued, one being hashed, one being filled. Once chunk `n` has entered
/// every queue, every worker has taken chunk `n - QUEUE` and so let go of the one before it, whose
/// memory is then free for chunk `n + 1`.
const RING: usize = QUEUE + 2;

type Hasher = Box<dyn DynDigest + Send>;

impl ImageDigests {
    /// Reads `image` to its end and returns its size in bytes and its checksums: those asked for,
    /// and SHA-1 in any case.
    ///
    /// The algorithms run side by side, and memory stays under 5 MiB whatever the image's size.
    ///
    /// # Errors
    /// [`io::Error`] from `image`; nothing is returned for a partly read image.
    pub fn read(image: impl Read, algorithms: &[ChecksumAlgorithm]) -> io::Result<Self> {
        let wanted = |&a: &ChecksumAlgorithm| a == ChecksumAlgorithm::Sha1 || algorithms.contains(&a);
        let hashers = ChecksumAlgorithm::ALL.into_iter().filter(wanted).map(|a| (a, hasher(a))).collect();
        let (bytes, values) = hash(image, hashers)?;
        let sha1 = values.iter().find(|(algorithm, _)| *algorithm == ChecksumAlgorithm::Sha1);
        let sha1 = sha1.and_then(|(_, value)| <[u8; 20]>::try_from(&value[..]).ok());
        let identifier = Identifier::from_sha1(sha1.ok_or_else(stopped)?);
        let checksum = |(algorithm, value): (_, Box<[u8]>)| Checksum { algorithm, value: hex(&value) };
        Ok(Self { bytes, identifier, checksums: values.into_iter().map(checksum).collect() })
    }
}

fn hasher(algorithm: ChecksumAlgorithm) -> Hasher {
    match algorithm {
        ChecksumAlgorithm::Md5 => Box::new(md5::Md5::default()),
        ChecksumAlgorithm::Sha1 => Box::new(sha1::Sha1::default()),
        ChecksumAlgorithm::Sha256 => Box::new(sha2::Sha256::default()),
        ChecksumAlgorithm::Sha512 => Box::new(sha2::Sha512::default()),
    }
}

type Values = Vec<(ChecksumAlgorithm, Box<[u8]>)>;

/// Feeds `image` to every hasher; the number of bytes and the hashers' values, or nothing.
fn hash(image: impl Read, hashers: Vec<(ChecksumAlgorithm, Hasher)>) -> io::Result<(u64, Values)> {
    thread::scope(|scope| {
        let mut queues = Vec::new();
        let mut workers = Vec::new();
        for (algorithm, hasher) in hashers {
            let (queue, chunks) = sync_channel(QUEUE);
            let name = format!("checksum {algorithm}");
            workers.push((
                algorithm,
                thread::Builder::new().name(name).spawn_scoped(scope, || work(hasher, chunks))?,
            ));
            queues.push(queue);
        }
        let fed = feed(image, &queues);
        // With the queues gone, the workers see the end and finish.
        drop(queues);
        let mut values = Vec::new();
        let mut all_well = true;
        for (algorithm, worker) in workers {
            match worker.join() {
                Ok(value) => values.push((algorithm, value)),
                Err(_) => all_well = false,
            }
        }
        let bytes = fed?;
        if all_well { Ok((bytes, values)) } else { Err(stopped()) }
    })
}

struct Chunk {
    data: Box<[u8]>,
    filled: usize,
}

impl Chunk {
    /// Reads until the chunk is full or the image ends.
    fn fill(&mut self, image: &mut impl Read) -> io::Result<usize> {
        self.filled = 0;
        while self.filled < self.data.len() {
            match image.read(&mut self.data[self.filled..]) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.filled)
    }
}

/// Reads the image chunk by chunk and hands every worker each chunk.
fn feed(mut image: impl Read, queues: &[SyncSender<Arc<Chunk>>]) -> io::Result<u64> {
    let mut ring: Vec<Arc<Chunk>> = Vec::with_capacity(RING);
    let mut bytes = 0_u64;
    for slot in (0..RING).cycle() {
        if slot == ring.len() {
            ring.push(Arc::new(Chunk { data: vec![0; CHUNK].into_boxed_slice(), filled: 0 }));
        }
        let read = Arc::get_mut(&mut ring[slot]).ok_or_else(stopped)?.fill(&mut image)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        for queue in queues {
            queue.send(Arc::clone(&ring[slot])).map_err(|_| stopped())?;
        }
    }
    Ok(bytes)
}

fn work(mut hasher: Hasher, chunks: Receiver<Arc<Chunk>>) -> Box<[u8]> {
    for chunk in chunks {
        hasher.update(&chunk.data[..chunk.filled]);
    }
    hasher.finalize()
}

/// A worker panicked. Its panic has been reported by then; here it only must not pass as a result.
fn stopped() -> io::Error {
    io::Error::other("a checksum computation stopped unexpectedly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(image: &[u8]) -> ImageDigests {
        ImageDigests::read(image, &ChecksumAlgorithm::ALL).unwrap()
    }

    fn values(digests: &ImageDigests) -> Vec<&str> {
        digests.checksums().iter().map(Checksum::value).collect()
    }

    #[test]
    fn known_answers() {
        let abc = all(b"abc");
        assert_eq!(abc.bytes(), 3);
        assert_eq!(
            values(&abc),
            [
                "900150983cd24fb0d6963f7d28e17f72",
                "a9993e364706816aba3e25717850c26c9cd0d89d",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ]
        );
        assert_eq!(all(b"").identifier().to_string(), "No5o-5ea0sNMlW_75VgGJCv2AcJ");
        assert_eq!(all(b"hello world\n").identifier().to_string(), "CJZY2Oz3kCwb5gfuF2CMS6MDtUR");
    }

    /// C4: without any other algorithm there is still a size, and an identifier.
    #[test]
    fn c4_size_and_sha1_are_always_computed() {
        let digests = ImageDigests::read(&b"abc"[..], &[]).unwrap();
        assert_eq!(digests.bytes(), 3);
        assert_eq!(values(&digests), ["a9993e364706816aba3e25717850c26c9cd0d89d"]);
        let two = ImageDigests::read(&b"abc"[..], &[ChecksumAlgorithm::Sha512, ChecksumAlgorithm::Md5]);
        let named: Vec<_> = two.unwrap().checksums().iter().map(Checksum::algorithm).collect();
        assert_eq!(named, [ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha1, ChecksumAlgorithm::Sha512]);
    }

    /// C8: a SHA-1 with leading zeros keeps its 40 digits.
    #[test]
    fn c8_leading_zeros_are_kept() {
        let sha1 = |n: &u32| openssl::sha::sha1(n.to_string().as_bytes());
        let image = (0..1_000_000).find(|n| sha1(n).starts_with(&[0, 0])).unwrap();
        let digests = all(image.to_string().as_bytes());
        assert_eq!(digests.checksums()[1].value(), hex(&sha1(&image)));
        assert!(digests.checksums()[1].value().starts_with("0000"));
        assert_eq!(digests.identifier().sha1_hex(), hex(&sha1(&image)));
    }

    #[test]
    fn an_image_that_fails_has_no_checksums() {
        struct Failing(usize);
        impl Read for Failing {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other("the disk is gone"))?;
                Ok(into.len())
            }
        }
        for reads in [0, 1, 12] {
            let error = ImageDigests::read(Failing(reads), &ChecksumAlgorithm::ALL).unwrap_err();
            assert_eq!(error.to_string(), "the disk is gone");
        }
    }

    #[test]
    fn a_worker_that_panics_is_an_error_not_a_value() {
        struct Panicking(usize);
        impl DynDigest for Panicking {
            fn update(&mut self, _: &[u8]) {
                assert!(self.0 > 0, "made to fail");
                self.0 -= 1;
            }
            fn finalize_into(self, _: &mut [u8]) -> Result<(), md5::digest::InvalidBufferSize> {
                Ok(())
            }
            fn finalize_into_reset(&mut self, _: &mut [u8]) -> Result<(), md5::digest::InvalidBufferSize> {
                panic!("made to fail at the end")
            }
            fn reset(&mut self) {}
            fn output_size(&self) -> usize {
                20
            }
            fn box_clone(&self) -> Box<dyn DynDigest> {
                Box::new(Self(self.0))
            }
        }
        for updates in [0, 3, 100] {
            let hashers: Vec<(_, Hasher)> = vec![
                (ChecksumAlgorithm::Md5, hasher(ChecksumAlgorithm::Md5)),
                (ChecksumAlgorithm::Sha1, Box::new(Panicking(updates))),
            ];
            let image = io::repeat(7).take(12 * CHUNK as u64);
            assert!(hash(image, hashers).unwrap_err().to_string().contains("stopped unexpectedly"));
        }
    }

    /// Gives at most so many bytes at a time.
    struct Steps<'a>(&'a [u8], usize);

    impl Read for Steps<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len());
            self.0.read(&mut into[..count])
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

        #[test]
        fn openssl_agrees(length in 0..2 * CHUNK, seed: u8, step in 1..2 * CHUNK) {
            use openssl::hash::MessageDigest;
            let mut image = vec![0; length];
            image.iter_mut().enumerate().for_each(|(i, byte)| *byte = (i / 7 + (i >> 9)).to_le_bytes()[0] ^ seed);
            let expected =
                [MessageDigest::md5(), MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sha512()]
                    .map(|method| hex(&openssl::hash::hash(method, &image).unwrap()));
            let digests = ImageDigests::read(Steps(&image, step), &ChecksumAlgorithm::ALL).unwrap();
            prop_assert_eq!(digests.bytes(), length as u64);
            prop_assert_eq!(values(&digests), expected);
        }
    }
}
