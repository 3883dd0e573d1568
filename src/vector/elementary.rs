//! `exp` and `ln` as straight-line code that vectorises, with the same bits on every machine. The
//! platform's own functions differ in their last bit between machines, and need one call per number.

use super::kernel;
use crate::real::Real;

const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding it rounds to an integer, which is then in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²

/// `eˣ`, to 1 ulp (2 where it is subnormal): `x = k ln 2 + r`, a Taylor polynomial of degree 13 on |r| ≤
/// 0.35 (remainder 4e-18), and a scaling by 2ᵏ in two steps that reaches subnormals, 0 and ∞.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // Beyond these ends the result is 0 or ∞ in any case; NaN passes through the comparisons.
    let x = if x > 800.0 { 800.0 } else { x };
    let x = if x < -800.0 { -800.0 } else { x };
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut p = 1.0 / 6_227_020_800.0;
    for c in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ] {
        p = p * r + c;
    }
    let e = 1.0 + (r + r * r * p);
    // 2ᵏ = 2^⌊k/2⌋ · 2^(k − ⌊k/2⌋), each a normal number.
    let k = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i64;
    let half = k >> 1;
    let power = |k: i64| f64::from_bits((k.wrapping_add(1023) as u64) << 52);
    e * power(half) * power(k.wrapping_sub(half))
}

/// `ln x` for positive normal x, to 1 ulp; not for subnormals, 0, negative numbers, ∞ or NaN.
///
/// With `x = 2ᵏ m`, m in [√½, √2), and with `f = m − 1`, `s = f/(2 + f)`, the series is
/// `ln m = 2 artanh s`; its tail is the polynomial of Sun's fdlibm (1993).
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let mantissa = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF_BITS));
    // The exponent as a float: the low bits of a number near 1.5 · 2⁵².
    let exponent = ((shifted as i64) >> 52) as u64;
    let k = f64::from_bits(ROUND.to_bits().wrapping_add(exponent)) - ROUND;
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut tail = 1.479_819_860_511_658_591e-1;
    for c in [
        1.531_383_769_920_937_332e-1,
        1.818_357_216_161_805_012e-1,
        2.222_219_843_214_978_396e-1,
        2.857_142_874_366_239_149e-1,
        3.999_999_999_940_941_908e-1,
        6.666_666_666_666_735_130e-1,
    ] {
        tail = tail * z + c;
    }
    let half_square = 0.5 * f * f;
    k * LN_2_HIGH - ((half_square - (s * (half_square + z * tail) + k * LN_2_LOW)) - f)
}

kernel! {
    /// `eˣ` of every element. `f32` goes through `f64` and is rounded once.
    pub(crate) fn exp_in_place<'a, T: Real>(x: &'a mut [T]) {
        for x in x {
            *x = T::of(exp(x.f64()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ulps(found: f64, exact: f64) -> f64 {
        (found - exact).abs() / (exact.abs().max(f64::MIN_POSITIVE) * f64::EPSILON)
    }

    #[test]
    fn exp_is_within_an_ulp_of_the_platform_and_reaches_both_ends() {
        let mut worst = 0.0f64;
        for i in -7_080_000..7_090_000 {
            let x = f64::from(i) * 1.000_37e-4;
            worst = worst.max(ulps(exp(x), x.exp()));
        }
        assert!(worst <= 1.0, "{worst}");
        for x in [-745.0, -740.0, -710.0, 709.7] {
            assert!((exp(x) - x.exp()).abs() <= 2.0 * f64::from_bits(1) + x.exp() * f64::EPSILON, "{x}");
        }
        assert_eq!((exp(0.0), exp(-1e300), exp(1e300)), (1.0, 0.0, f64::INFINITY));
        assert_eq!((exp(f64::NEG_INFINITY), exp(f64::INFINITY)), (0.0, f64::INFINITY));
        assert_eq!(exp(710.0), f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn ln_is_within_an_ulp_of_the_platform() {
        let mut worst = 0.0f64;
        for i in 1..4_000_000 {
            for x in [f64::from(i) * 1e-6, (f64::from(i) * 3.3e-4 - 690.0).exp()] {
                worst = worst.max(ulps(ln(x), x.ln()));
            }
        }
        assert!(worst <= 1.0, "{worst}");
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(f64::MIN_POSITIVE), f64::MIN_POSITIVE.ln());
        assert_eq!(ln(f64::MAX), f64::MAX.ln());
    }
}
