//! Bytes as numbers, sizes and choices. Where the bytes end, zeros follow: every input is a case.

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use reparam::Real;

/// Where formulas break: the ends of the floating range, of integers, of exp and of the ordinary functions, and what is no number.
const EDGES: [f64; 32] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -2.0,
    1e-3,
    1e-8,
    1e-16,
    -1e-16,
    1e-38,
    1e-300,
    5e-324,
    f64::MIN_POSITIVE,
    1.0 - f64::EPSILON / 2.0,
    1.0 + f64::EPSILON,
    10.0,
    -20.0,
    37.0,
    -89.0,
    710.0,
    1e4,
    1e7,
    1e10,
    9_007_199_254_740_993.0,
    1e30,
    -1e30,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NAN,
];

/// Sizes that are wrong, but that no machine can try to serve: the memory is refused before it is touched.
const IMPOSSIBLE: [usize; 4] = [usize::MAX, usize::MAX / 2 + 1, 1 << 60, (1 << 59) + 1];

pub(crate) struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        first
    }

    pub(crate) fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// A number below `count`, at most 256.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// A length: mostly right for what else there is, sometimes 0, seldom beyond all memory.
    pub(crate) fn size(&mut self) -> usize {
        match self.byte() {
            byte @ 0..248 => usize::from(byte) % 5,
            byte => IMPOSSIBLE[usize::from(byte) % 4],
        }
    }

    /// An edge, a number log-uniform over the floating range, or an ordinary number.
    pub(crate) fn number<T: Real>(&mut self) -> T {
        let x = match self.byte() {
            byte @ 0..32 => EDGES[usize::from(byte)],
            32..96 => f64::from_bits(self.word()),
            // 16 bits are enough for the sign and 1e-307 to 1e307
            96..160 => {
                let word = u32::from(self.byte()) << 8 | u32::from(self.byte());
                let size = 10f64.powf(f64::from(word >> 1) / 32768.0 * 614.0 - 307.0);
                if word & 1 == 0 { size } else { -size }
            }
            160..224 => f64::from(self.byte()) / 64.0 + 1e-3,
            _ => (f64::from(self.byte()) - 128.0) / 16.0,
        };
        T::of(x)
    }

    pub(crate) fn numbers<T: Real>(&mut self, len: usize) -> Vec<T> {
        (0..len).map(|_| self.number()).collect()
    }

    /// A parameter of `len` numbers, seldom of one more.
    pub(crate) fn parameter<T: Real>(&mut self, len: usize) -> Vec<T> {
        let more = usize::from(self.byte() == 255);
        self.numbers(len + more)
    }

    pub(crate) fn rng(&mut self) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.word())
    }
}
