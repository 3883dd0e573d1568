//! The generator of a block: sixteen interleaved xoshiro256++ generators.

use std::convert::Infallible;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng, TryRng};

use super::kernel;

/// The number of interleaved generators: two of the widest registers hold one state word of each
/// generator.
const LANES: usize = 16;

/// Sixteen independent xoshiro256++ generators (Blackman & Vigna 2021, doi:10.1145/3460772) whose outputs
/// are interleaved. It is as fast as the vector unit where it fills whole slices
/// ([`fill_bytes`](rand::Rng::fill_bytes)), and no faster than one of the sixteen where numbers are taken
/// one at a time. Not suitable for cryptography.
///
/// The states are filled by splitmix64 from a 128-bit seed. The probability that any two of 10⁹ random
/// seeds are equal is 1.5 · 10⁻²¹; the probability that stretches of the cycle of 2²⁵⁶ − 1 states overlap
/// is far below that.
///
/// ```
/// use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::noise::LaneRng;
///
/// let mut callers = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut rng = LaneRng::from_rng(&mut callers);
/// let mut bytes = [0; 1024];
/// rng.fill_bytes(&mut bytes);
/// ```
#[derive(Debug, Clone)]
pub struct LaneRng {
    state: [[u64; LANES]; 4],
    /// The words of the last step; the first `left` of them are unused so far.
    words: [u64; LANES],
    left: usize,
}

impl SeedableRng for LaneRng {
    type Seed = [u8; 16];

    fn from_seed(seed: Self::Seed) -> Self {
        let [first, second] = [0, 8].map(|i| {
            let mut word = [0; 8];
            word.copy_from_slice(&seed[i..i + 8]);
            u64::from_le_bytes(word)
        });
        Self::from_words([first, second])
    }
}

impl LaneRng {
    fn from_words([first, second]: [u64; 2]) -> Self {
        let mut state = [[0; LANES]; 4];
        let [a, b, c, d] = &mut state;
        fill_counted(first, a, c);
        fill_counted(second, b, d);
        Self { state, words: [0; LANES], left: 0 }
    }
}

kernel! {
    /// Two state words of every lane by splitmix64 (Steele, Lea & Flood 2014,
    /// doi:10.1145/2660193.2660195).
    fn fill_counted<'a>(seed: u64, first: &'a mut [u64; LANES], second: &'a mut [u64; LANES]) {
        for (i, word) in first.iter_mut().chain(second).enumerate() {
            let x = seed.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *word = x ^ (x >> 31);
        }
    }
}

/// Advances every lane; each lane writes its part of a row of words.
#[inline(always)]
fn run<W>(state: &mut [[u64; LANES]; 4], words: &mut [[W; LANES]], from: impl Fn(u64) -> W) {
    let [mut a, mut b, mut c, mut d] = *state;
    for words in words {
        for i in 0..LANES {
            words[i] = from(a[i].wrapping_add(d[i]).rotate_left(23).wrapping_add(a[i]));
            let t = b[i] << 17;
            c[i] ^= a[i];
            d[i] ^= b[i];
            b[i] ^= c[i];
            a[i] ^= d[i];
            c[i] ^= t;
            d[i] = d[i].rotate_left(45);
        }
    }
    *state = [a, b, c, d];
}

kernel! {
    /// Whole steps, as bytes.
    fn fill_steps<'a>(state: &'a mut [[u64; LANES]; 4], bytes: &'a mut [[[u8; 8]; LANES]]) {
        run(state, bytes, u64::to_le_bytes);
    }
}

impl TryRng for LaneRng {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        if self.left == 0 {
            run(&mut self.state, std::slice::from_mut(&mut self.words), |word| word);
            self.left = LANES;
        }
        self.left -= 1;
        Ok(self.words[self.left])
    }

    /// Whole steps are written directly; words kept for single calls stay kept.
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let (words, odd) = bytes.as_chunks_mut();
        let (steps, single) = words.as_chunks_mut();
        if !steps.is_empty() {
            fill_steps(&mut self.state, steps);
        }
        for word in single {
            *word = self.try_next_u64()?.to_le_bytes();
        }
        if !odd.is_empty() {
            odd.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..odd.len()]);
        }
        Ok(())
    }
}

/// The generator of a block: sixteen lanes, or a single generator for a small number of words, which is
/// initialised faster.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one is on the stack while a block is made")]
pub(crate) enum SeededRng {
    Few(Xoshiro256PlusPlus),
    Many(LaneRng),
}

/// Below this many numbers, lanes are not worthwhile.
const FEW: usize = 64;

/// The seed of a block's generator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BlockSeed {
    Few([u8; 32]),
    Many([u64; 2]),
}

impl BlockSeed {
    /// From the caller's generator, for a block that draws about this many numbers. The choice depends on
    /// nothing else.
    pub(crate) fn from_rng<R: Rng + ?Sized>(numbers: usize, rng: &mut R) -> Self {
        if numbers < FEW {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            Self::Few(seed)
        } else {
            Self::Many([rng.next_u64(), rng.next_u64()])
        }
    }

    #[inline]
    pub(crate) fn generator(self) -> SeededRng {
        match self {
            Self::Few(seed) => SeededRng::Few(Xoshiro256PlusPlus::from_seed(seed)),
            Self::Many(words) => SeededRng::Many(LaneRng::from_words(words)),
        }
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match self {
            Self::Few(rng) => rng.try_next_u32(),
            Self::Many(rng) => rng.try_next_u32(),
        }
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self {
            Self::Few(rng) => rng.try_next_u64(),
            Self::Many(rng) => rng.try_next_u64(),
        }
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Few(rng) => rng.try_fill_bytes(bytes),
            Self::Many(rng) => rng.try_fill_bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_is_a_xoshiro256_plus_plus() {
        let mut lanes = LaneRng::from_words([1, 2]);
        let mut scalar: Vec<Xoshiro256PlusPlus> = (0..LANES)
            .map(|lane| {
                let mut seed = [0; 32];
                for (bytes, words) in seed.chunks_exact_mut(8).zip(&lanes.state) {
                    bytes.copy_from_slice(&words[lane].to_le_bytes());
                }
                Xoshiro256PlusPlus::from_seed(seed)
            })
            .collect();
        let mut bytes = [0; 8 * LANES * 100];
        lanes.fill_bytes(&mut bytes);
        for step in bytes.chunks_exact(8 * LANES) {
            for (word, scalar) in step.chunks_exact(8).zip(&mut scalar) {
                assert_eq!(word, scalar.next_u64().to_le_bytes());
            }
        }
    }

    #[test]
    fn seeds_that_differ_in_one_bit_give_unrelated_streams() {
        let mut first = [0; 128];
        LaneRng::from_words([5, 7]).fill_bytes(&mut first);
        for seed in [[4, 7], [5, 6], [5, 7 | 1 << 63], [5 | 1 << 63, 7]] {
            let mut other = [0; 128];
            LaneRng::from_words(seed).fill_bytes(&mut other);
            let bits: u32 = first.iter().zip(other).map(|(a, b)| (a ^ b).count_ones()).sum();
            // 1024 fair coins: 512 ± 16; five standard deviations.
            assert!((432..=592).contains(&bits), "{bits}");
        }
    }

    #[test]
    fn odd_lengths_and_single_words_are_all_used_once() {
        let mut rng = LaneRng::from_words([1, 2]);
        let mut seen = std::collections::HashSet::new();
        for len in [8, 24, 64, 72, 136] {
            let mut bytes = vec![0; len];
            rng.fill_bytes(&mut bytes);
            for word in bytes.chunks_exact(8) {
                assert!(seen.insert(word.to_vec()));
            }
            assert!(seen.insert(rng.next_u64().to_le_bytes().to_vec()));
        }
    }
}
