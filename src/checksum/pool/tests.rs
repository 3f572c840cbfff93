use md5::digest::{DynDigest, InvalidBufferSize};

use super::*;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Feeds everything in `images`, one for each sink, in turn and in steps.
fn feed(images: &[Vec<u8>], step: usize) -> impl FnOnce(Vec<Sink<'_>>) -> io::Result<Vec<u64>> {
    move |mut sinks| {
        let mut rest: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        while rest.iter().any(|rest| !rest.is_empty()) {
            for (sink, rest) in sinks.iter_mut().zip(&mut rest) {
                let (mut now, later) = rest.split_at(step.min(rest.len()));
                while !now.is_empty() {
                    sink.read_from(&mut now, |_| {})?;
                }
                *rest = later;
            }
        }
        sinks.iter_mut().try_for_each(Sink::finish)?;
        Ok(sinks.iter().map(Sink::bytes).collect())
    }
}

fn expected(image: &[u8], algorithms: &[ChecksumAlgorithm]) -> Values {
    let value = |algorithm| {
        let mut hasher = crate::checksum::engine::Engine::RustCrypto.hasher(algorithm).unwrap();
        hasher.update(image).unwrap();
        (algorithm, hasher.finish().unwrap())
    };
    algorithms.iter().copied().map(value).collect()
}

#[test]
fn streams_side_by_side_keep_apart_on_any_number_of_workers() {
    let content = |seed: usize, length: usize| -> Vec<u8> {
        (0..length).map(|i| (((i + seed) * 31) >> 5).to_le_bytes()[0]).collect()
    };
    let wanted: [&[ChecksumAlgorithm]; 2] = [&ChecksumAlgorithm::ALL, &[ChecksumAlgorithm::Sha512]];
    for lengths in [[0, 0], [1, CHUNK], [CHUNK - 1, CHUNK + 1], [40 * CHUNK + 7, 3 * CHUNK], [9, 50 * CHUNK]]
    {
        let images = [content(1, lengths[0]), content(2, lengths[1])];
        for threads in [1, 2, 3, 8, 100] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let (bytes, values) = hash(&wanted, threads, feed(&images, CHUNK / 3)).unwrap();
            assert_eq!(bytes, lengths.map(|length| length as u64));
            assert_eq!(values[0], expected(&images[0], wanted[0]));
            assert_eq!(values[1], expected(&images[1], wanted[1]));
        }
    }
}

#[test]
fn chunks_of_zeros_are_zeros_and_nothing_is_written_into_them() {
    // Data, a hole longer than the window, data, a hole, some data: chunk by chunk.
    let image = [
        vec![7; 2 * CHUNK],
        vec![0; (WINDOW + 5) * CHUNK],
        vec![9; 3 * CHUNK],
        vec![0; CHUNK],
        vec![8; CHUNK / 2],
    ]
    .concat();
    let ((), values) = hash(&[&ChecksumAlgorithm::ALL], TWO, |mut sinks| {
        let sink = &mut sinks[0];
        for mut chunk in image.chunks(CHUNK) {
            if chunk.iter().all(|&byte| byte == 0) {
                assert!(sink.at_chunk());
                sink.add_zeros()?;
            }
            while sink.bytes() < image.len() as u64 && chunk.iter().any(|&byte| byte != 0) {
                sink.read_from(&mut chunk, |_| {})?;
            }
        }
        assert_eq!(sink.bytes(), image.len() as u64);
        sink.finish()
    })
    .unwrap();
    assert_eq!(values[0], expected(&image, &ChecksumAlgorithm::ALL));
}

#[test]
fn what_the_feeder_fails_with_is_what_comes_out() {
    for chunks in [0, 1, 3 * WINDOW] {
        let error = hash(&[&ChecksumAlgorithm::ALL], TWO, |mut sinks| {
            for _ in 0..chunks {
                sinks[0].add_zeros()?;
            }
            Err::<(), _>(io::Error::other("the disk is gone"))
        });
        assert_eq!(error.unwrap_err().to_string(), "the disk is gone");
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
        fn finalize_into(self, _: &mut [u8]) -> Result<(), InvalidBufferSize> {
            Ok(())
        }
        fn finalize_into_reset(&mut self, _: &mut [u8]) -> Result<(), InvalidBufferSize> {
            Ok(())
        }
        fn reset(&mut self) {}
        fn output_size(&self) -> usize {
            20
        }
        fn box_clone(&self) -> Box<dyn DynDigest> {
            Box::new(Self(self.0))
        }
    }
    for threads in [1, 2, 5] {
        for updates in [0, 3, 3 * WINDOW - 1] {
            let chains = vec![
                (0, ChecksumAlgorithm::Md5, Hasher::new(ChecksumAlgorithm::Md5)),
                (0, ChecksumAlgorithm::Sha1, Hasher::RustCrypto(Box::new(Panicking(updates)))),
            ];
            let result = hash_with(1, chains, NonZeroUsize::new(threads).unwrap(), |mut sinks| {
                for _ in 0..3 * WINDOW {
                    sinks[0].add_zeros()?;
                }
                Ok(())
            });
            assert!(result.unwrap_err().to_string().contains("stopped unexpectedly"));
        }
    }
}
