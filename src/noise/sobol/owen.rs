//! Owen scrambling of one binary fraction by hashing.

/// Scrambles a fraction of 32 binary digits, given in reversed order (bit 0 is the first digit), to 52
/// digits: every digit is flipped or not by a pseudo-random function of the digits before it. That is
/// Owen's nested uniform scrambling, with hashes in place of a tree of random bits: two fractions that
/// first differ at a digit still first differ there afterwards.
///
/// For the first 32 digits: a product with an even number, an addition and a product with an odd number
/// carry upwards only. So a bit of the result depends on the bits at and below its place, and flips with
/// the one at its place. The scheme is that of Laine & Karras 2011, improved by Burley 2020 (Journal of
/// Computer Graphics Techniques 9(4)) and, with these constants, by Vegdahl 2021
/// (<https://psychopath.io/post/2021_01_30_building_a_better_lk_hash>); here the addition and the product
/// have one random word each.
///
/// The digits after the first 32 were all 0, so nested scrambling makes them a random function of the first
/// 32: the upper half of a product modulo 2⁶⁴ with a random number (Dietzfelbinger et al. 1997,
/// doi:10.1006/jagm.1997.0873). All of this needs only products of two 32-bit numbers, which even the
/// oldest vector units have.
///
/// Returns the fraction as the signed tail of a probability (see [`Probability`](crate::Probability)).
#[inline(always)]
pub(super) fn scramble(reversed: u32, key: Key) -> f64 {
    let mut x = reversed;
    x ^= x.wrapping_mul(0x3d20_adea);
    x = x.wrapping_add(key.add);
    x = x.wrapping_mul(key.multiply);
    x ^= x.wrapping_mul(0x0552_6c56);
    x ^= x.wrapping_mul(0x53a2_2864);
    let high = x.reverse_bits();
    let low = u64::from(x).wrapping_mul(key.tail) >> 32;
    signed_tail(u64::from(high) << 32 | low)
}

/// The random function that scrambles a dimension.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Key {
    add: u32,
    /// Odd.
    multiply: u32,
    tail: u64,
}

impl Key {
    /// The key of a dimension of the point set that has this seed.
    pub(super) fn new(seed: u64, dimension: usize) -> Self {
        let place = 2 * dimension as u64;
        let (first, second) = (mix(seed, place), mix(seed, place + 1));
        Self { add: first as u32, multiply: (first >> 32) as u32 | 1, tail: second }
    }
}

/// Word `place` of the stream of `SplitMix64` (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) with
/// this seed.
fn mix(seed: u64, place: u64) -> u64 {
    let z = seed.wrapping_add((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The middle of the cell of width 2⁻⁵² that the first 52 digits name, as a signed tail: u below 1/2 and u
/// − 1 above, exact, never 0.
#[inline(always)]
fn signed_tail(digits: u64) -> f64 {
    // The fraction plus 1/2, modulo 1, as the mantissa of a number in [1, 2).
    let shifted = f64::from_bits((digits ^ 1 << 63) >> 12 | 0x3ff0_0000_0000_0000);
    (shifted - 1.5) + 0.5 * f64::EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> impl Iterator<Item = Key> {
        (0..count).map(|i| Key::new(0x5eed, i))
    }

    /// The 52 digits behind a signed tail, first digit highest.
    fn digits(tail: f64) -> u64 {
        let u = if tail > 0.0 { tail } else { 1.0 + tail };
        ((u * 2f64.powi(52)).floor() as u64) << 12
    }

    #[test]
    fn scrambling_keeps_the_common_digits_and_parts_where_they_part() {
        for (i, key) in keys(64).enumerate() {
            for k in 0..32 {
                let x = mix(7, (32 * i + k) as u64) as u32;
                // A second fraction that agrees in k digits, then differs, then is anything.
                let y = x ^ (1 << k) ^ (mix(8, (32 * i + k) as u64) as u32 & !(u32::MAX >> (31 - k)));
                let agree = (digits(scramble(x, key)) ^ digits(scramble(y, key))).leading_zeros();
                assert_eq!(agree, k as u32);
            }
        }
    }

    #[test]
    fn digits_after_the_parting_are_independent() {
        // Over many keys: of two fixed fractions that first differ at digit k, every later digit agrees
        // half of the time.
        let draws = 20_000;
        let (mut worst, mut tests) = (0.0f64, 0);
        let partings = [(0, 1), (0, 2), (1, 2), (0, 4), (3, 4), (2, 6), (0, 10), (9, 10), (5, 20), (19, 20)];
        for (number, (k, depth)) in partings.into_iter().enumerate() {
            let mask = u32::MAX >> (32 - depth);
            let x = mix(1, number as u64) as u32 & mask;
            let y = x ^ (1 << k) ^ (mix(2, number as u64) as u32 & mask & !(u32::MAX >> (31 - k)));
            let mut differ = [0u32; 52];
            for key in keys(draws) {
                let parted = digits(scramble(x, key)) ^ digits(scramble(y, key));
                for (place, differ) in differ.iter_mut().enumerate() {
                    *differ += (parted >> (63 - place)) as u32 & 1;
                }
            }
            for &differ in &differ[k as usize + 1..] {
                let n = draws as f64;
                worst = worst.max((f64::from(differ) - 0.5 * n).abs() / (0.25 * n).sqrt());
                tests += 1;
            }
        }
        // Some 470 comparisons: the largest of this many normals is above 5 with probability 3e-4.
        assert!(tests > 450 && worst < 5.0, "{worst} of {tests}");
    }

    #[test]
    fn signed_tails_are_the_middles_of_cells() {
        let half_cell = 2f64.powi(-53);
        assert_eq!(signed_tail(0), half_cell);
        assert_eq!(signed_tail(u64::MAX), -half_cell);
        assert_eq!(signed_tail(u64::MAX >> 1), 0.5 - half_cell);
        assert_eq!(signed_tail(1 << 63), half_cell - 0.5);
        for i in 0..100_000u64 {
            // At, just below and just above an edge of depth 12, and random digits.
            let edge = (i % 4096) << 52;
            for x in [edge, edge.wrapping_sub(1), edge + 1, mix(3, i), mix(4, i) >> (i % 60)] {
                let tail = signed_tail(x);
                let cell = (x >> 12) as f64 * 2f64.powi(-52);
                let above = if tail > 0.0 { tail - cell } else { (1.0 - cell) + tail };
                assert_eq!(above, half_cell, "{x:x}");
            }
        }
    }
}
