//! Owen scrambling of one binary fraction by hashing.

/// Scrambles a fraction whose binary digits are given in reversed order (bit 0 is the first digit): every digit is flipped or not by a
/// pseudo-random function of the digits before it. That is Owen's nested uniform scrambling, with a hash in place of a tree of
/// random bits: two fractions that agree in their first k digits do so afterwards, and go apart as they did.
///
/// A product with an even number, an addition and a product with an odd number carry upwards only, so a bit of the result depends on the bits
/// at and below its place and is flipped by the one at its place. The scheme is Laine & Karras 2011 as made into a better hash by
/// Burley 2020 and Vegdahl 2021, here in 64 bits, with a word of its own for addition and product.
///
/// Returns the digits in their order, first digit highest.
#[inline(always)]
pub(super) fn scramble(reversed: u64, key: Key) -> u64 {
    let mut x = reversed;
    x ^= x.wrapping_mul(EVEN[0]);
    x = x.wrapping_add(key.add);
    x = x.wrapping_mul(key.multiply);
    x ^= x.wrapping_mul(EVEN[1]);
    x ^= x.wrapping_mul(EVEN[2]);
    x.reverse_bits()
}

const EVEN: [u64; 3] = [0x9fb2_1c65_1e98_df24, 0xd6e8_feb8_6659_fd92, 0xa0b4_28db_9f0c_5e16];

/// The random function that a dimension is scrambled by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Key {
    add: u64,
    /// Odd.
    multiply: u64,
}

impl Key {
    /// The key of a dimension of the point set that has this seed.
    pub(super) fn new(seed: u64, dimension: usize) -> Self {
        let place = 2 * dimension as u64;
        Self { add: mix(seed, place), multiply: mix(seed, place + 1) | 1 }
    }
}

/// Word `place` of the stream of `SplitMix64` (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) with this seed.
fn mix(seed: u64, place: u64) -> u64 {
    let z = seed.wrapping_add((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The fraction x·2⁻⁶⁴ as the signed tail of a probability (see [`Probability`](crate::Probability)): in the open interval (−1/2, 1/2), never 0,
/// exact, and inside the cell of width 2⁻⁵³ or less that the digits name, never on its edge. Tails below 2⁻¹¹ keep digits down to 2⁻⁶⁴.
#[inline(always)]
pub(super) fn signed_tail(x: u64) -> f64 {
    let upper = x >> 63;
    // 1 − u in the upper half, where the complement of the digits is its digits.
    let tail = x ^ upper.wrapping_neg();
    // The middle of a cell of 2⁻⁵³, or the last digit set: both fit 53 bits.
    let inside = if tail >> 53 == 0 { tail | 1 } else { (tail & !0x7ff) | 0x400 };
    let size = inside as i64 as f64 * (1.0 / 18_446_744_073_709_551_616.0);
    f64::from_bits(size.to_bits() | upper << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> impl Iterator<Item = Key> {
        (0..count).map(|i| Key::new(0x5eed, i))
    }

    #[test]
    fn scrambling_keeps_the_common_digits_and_parts_where_they_part() {
        for (i, key) in keys(64).enumerate() {
            for k in 0..64 {
                let x = mix(7, (64 * i + k) as u64);
                // A second fraction that agrees in k digits, then differs, then is anything.
                let y = x ^ (1 << k) ^ (mix(8, (64 * i + k) as u64) & !(u64::MAX >> (63 - k)));
                let agree = (scramble(x, key) ^ scramble(y, key)).leading_zeros();
                assert_eq!(agree, k as u32);
            }
        }
    }

    #[test]
    fn digits_after_the_parting_are_independent() {
        // Over many keys: of two fixed fractions that part at digit k, every later digit agrees half of the time.
        let draws = 20_000;
        let (mut worst, mut tests) = (0.0f64, 0);
        for (number, (k, digits)) in
            [(0, 1), (0, 2), (1, 2), (0, 4), (3, 4), (2, 6), (0, 10), (9, 10), (5, 20), (19, 20)]
                .into_iter()
                .enumerate()
        {
            let mask = u64::MAX >> (64 - digits);
            let x = mix(1, number as u64) & mask;
            let y = x ^ (1 << k) ^ (mix(2, number as u64) & mask & !(u64::MAX >> (63 - k)));
            let mut differ = [0u32; 64];
            for key in keys(draws) {
                let parted = (scramble(x, key) ^ scramble(y, key)).reverse_bits();
                for (place, differ) in differ.iter_mut().enumerate() {
                    *differ += (parted >> place) as u32 & 1;
                }
            }
            for &differ in &differ[k + 1..] {
                let n = draws as f64;
                worst = worst.max((f64::from(differ) - 0.5 * n).abs() / (0.25 * n).sqrt());
                tests += 1;
            }
        }
        // Some 570 comparisons: the largest of so many normals is above 5 with probability 3e-4.
        assert!(tests > 500 && worst < 5.0, "{worst} of {tests}");
    }

    #[test]
    fn signed_tails_stay_inside_their_cell_and_off_zero() {
        let unit = 2f64.powi(-64);
        assert_eq!(signed_tail(0), unit);
        assert_eq!(signed_tail(u64::MAX), -unit);
        assert_eq!(signed_tail(u64::MAX >> 1), 0.5 - 2f64.powi(-54));
        assert_eq!(signed_tail(1 << 63), -(0.5 - 2f64.powi(-54)));
        for i in 0..100_000u64 {
            // Points at, just below and just above an edge of depth 12 or less, and random ones.
            let edge = (i % 4096) << 52;
            for x in [edge, edge.wrapping_sub(1), edge + 1, mix(3, i), mix(4, i) >> (i % 60)] {
                let tail = signed_tail(x);
                assert!(tail != 0.0 && tail.abs() < 0.5);
                // The cell [k, k + 1)/2¹² of the digits is that of the number; both are exact.
                let k = (x >> 52) as f64 / 4096.0;
                let above = if tail > 0.0 { tail - k } else { (1.0 - k) + tail };
                assert!(above > 0.0 && above < 1.0 / 4096.0, "{x:x}");
            }
        }
    }
}
