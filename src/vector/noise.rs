//! Noise, a block at a time.

use rand::Rng;

use super::elementary::{exp, ln};
use super::kernel;
use crate::real::Real;

kernel! {
    /// `−ln(−ln u)` for u in (0, 1) from 52 bits each.
    fn gumbel_from_words<'a, T: Real>(bytes: &'a [u8], out: &'a mut [T]) {
        for (out, word) in out.iter_mut().zip(bytes.as_chunks().0) {
            *out = T::of(-ln(-ln(uniform(u64::from_le_bytes(*word)))));
        }
    }
}

/// The middle of one of 2⁵² equal parts of (0, 1).
#[inline(always)]
fn uniform(word: u64) -> f64 {
    f64::from_bits((word >> 12) | 0x3ff0_0000_0000_0000) - (1.0 - 0.5 * f64::EPSILON)
}

/// Words that are worked on at a time.
const CHUNK: usize = 128;

/// The part of (0, 1) at each end that is drawn again with all its digits: 2⁻¹¹, by the top bits of a word.
const END: u64 = 1 << 53;

/// Standard Gumbel variates `−ln(−ln u)`. Words at the ends of the unit interval, where a grid of 2⁻⁵² is coarse, are gone over once more
/// with all their digits, so that neither tail is cut.
pub(crate) fn fill_gumbel<T: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [T]) {
    let mut bytes = [0; 8 * CHUNK];
    for out in out.chunks_mut(CHUNK) {
        let bytes = &mut bytes[..8 * out.len()];
        rng.fill_bytes(bytes);
        gumbel_from_words(bytes, out);
        for (out, word) in out.iter_mut().zip(bytes.as_chunks().0) {
            let word = u64::from_le_bytes(*word);
            // −ln u, given that u is at this end.
            let e = if word < END {
                // u < 2⁻¹¹: 11 ln 2 and an exponential, for the exponential forgets.
                11.0 * std::f64::consts::LN_2 + exponential(rng)
            } else if word >= END.wrapping_neg() {
                // v = 1 − u < 2⁻¹¹ and uniform there: −ln(1 − v) by its series.
                let v = exp(-exponential(rng)) * (1.0 / 2048.0);
                v * (1.0 + v * (1.0 / 2.0 + v * (1.0 / 3.0 + v * (1.0 / 4.0 + v / 5.0))))
            } else {
                continue;
            };
            *out = T::of(-ln(e));
        }
    }
}

/// One exponential variate with all of its upper tail.
#[cold]
fn exponential<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    -ln(2.0 * f64::signed_tail(rng).abs())
}
