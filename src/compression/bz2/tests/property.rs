use proptest::prelude::*;

use super::*;

/// What may happen to a file.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Flip(Vec<prop::sample::Index>),
    Cut(prop::sample::Index),
    Garbage(Vec<u8>),
    Without(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        Just(Damage::None),
        prop::collection::vec(index(), 1..4).prop_map(Damage::Flip),
        index().prop_map(Damage::Cut),
        prop::collection::vec(any::<u8>(), 1..20).prop_map(Damage::Garbage),
        (index(), 1_usize..100).prop_map(|(at, count)| Damage::Without(at, count)),
    ]
}

/// A stream or several, not shown when a test fails.
#[derive(Clone)]
struct Part(Vec<u8>);

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, CRC {:08x}", self.0.len(), writer::crc(&self.0))
    }
}

fn part() -> impl Strategy<Value = Part> {
    let honest =
        (1_u32..=9, 0_usize..250_000, any::<u64>(), 1_usize..40).prop_map(|(level, length, seed, run)| {
            let content = noise(length / run + 1, seed);
            compress(
                level,
                &content.iter().flat_map(|&byte| std::iter::repeat_n(byte, run)).collect::<Vec<_>>(),
            )
        });
    let hostile =
        (any::<bool>(), 1_usize..30, any::<u32>(), 1_usize..9).prop_map(|(block, times, seed, some)| {
            let mut bodies = bodies_with(&mark(if block { BLOCK } else { END }, times), seed.into());
            bodies.truncate(some);
            stream(b'9', &bodies).0
        });
    prop_oneof![3 => honest, 1 => hostile].prop_map(Part)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_result_is_that_of_libbz2_alone(
        parts in prop::collection::vec(part(), 1..5),
        damage in damage(),
        count in 1_usize..5,
        step in 1_usize..100_000,
    ) {
        let mut file = parts.iter().flat_map(|part| &part.0).copied().collect::<Vec<_>>();
        let undamaged = sequential(&file).unwrap();
        match &damage {
            Damage::None => {}
            Damage::Flip(bits) => {
                for bit in bits {
                    let bit = bit.index(file.len() * 8);
                    file[bit / 8] ^= 1 << (bit % 8);
                }
            }
            Damage::Cut(at) => file.truncate(at.index(file.len()) + 1),
            Damage::Garbage(garbage) => file.extend(garbage),
            Damage::Without(at, count) => {
                let at = at.index(file.len());
                file.drain(at..file.len().min(at + count));
                prop_assume!(!file.is_empty());
            }
        }
        let (read, result) = decode(Trickle(&file, step), count, step);
        if let Ok(content) = sequential(&file) {
            prop_assert!(result.is_ok(), "{result:?}");
            prop_assert!(read == content);
        } else {
            prop_assert!(result.is_err());
            // Of a damaged block there may be some before its CRC tells.
            let flipped = matches!(damage, Damage::Flip(_) | Damage::Without(..));
            prop_assert!(flipped || undamaged.starts_with(&read));
        }
    }
}
