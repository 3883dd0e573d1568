//! The scalar type: the operations that the crate needs of `f32` and `f64`.

use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;

use num_traits::{Float, FloatConst, NumAssign};
use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A real scalar, `f32` or `f64`. Sealed: constants and error bounds are stated for these two.
///
/// Sampling lives here, as functions of the scalar, so that generic code needs no
/// `where StandardNormal: Distribution<T>` clause.
///
/// ```
/// use reparam::Real;
///
/// fn half<T: Real>() -> T { T::of(0.5) }
/// assert_eq!(half::<f32>().f64(), 0.5);
/// ```
pub trait Real:
    Float
    + FloatConst
    + NumAssign
    + Sum
    + Debug
    + Display
    + LowerExp
    + Default
    + Send
    + Sync
    + sealed::Sealed
    + 'static
{
    /// The nearest scalar to an `f64`.
    fn of(value: f64) -> Self;

    /// This scalar as an `f64`, exactly.
    fn f64(self) -> f64;

    /// One draw of N(0, 1), by the ziggurat.
    fn standard_normal<R: Rng + ?Sized>(rng: &mut R) -> Self;

    /// One draw of the uniform on (−1/2, 1/2) without 0, with the full precision of the scalar near 0:
    /// the signed tail of a [`Probability`](crate::Probability). An equidistant grid on (0, 1) would cut
    /// the tails of every distribution built on it.
    fn signed_tail<R: Rng + ?Sized>(rng: &mut R) -> Self;
}

/// A uniform on (−1/2, 1/2) with 53 significant bits whatever its magnitude: sign and mantissa are
/// uniform, the exponent is geometric.
#[inline]
pub(crate) fn signed_tail<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let bits = rng.next_u64();
    // 52 bits of mantissa, 1 of sign, 11 for the exponent; once in 2048 draws the exponent needs more.
    let mut zeros = ((bits as u32 & 0x7ff) | 0x800).trailing_zeros();
    if zeros == 11 {
        // P(more than 64 further zeros) is 2⁻⁷⁵ per draw: the smallest magnitude is then 2⁻⁷⁷.
        zeros += rng.next_u64().trailing_zeros();
    }
    // ±1.mantissa × 2^(−2 − zeros): the octave [2^(−2−zeros), 2^(−1−zeros)) has probability 2^(−1−zeros).
    let sign = (bits & 0x800) << 52;
    let mantissa = f64::from_bits((bits >> 12) | 0x3ff0_0000_0000_0000 | sign);
    mantissa * f64::from_bits(u64::from(1021 - zeros) << 52)
}

impl Real for f64 {
    #[inline]
    fn of(value: f64) -> Self {
        value
    }

    #[inline]
    fn f64(self) -> f64 {
        self
    }

    #[inline]
    fn standard_normal<R: Rng + ?Sized>(rng: &mut R) -> Self {
        StandardNormal.sample(rng)
    }

    #[inline]
    fn signed_tail<R: Rng + ?Sized>(rng: &mut R) -> Self {
        signed_tail(rng)
    }
}

impl Real for f32 {
    #[inline]
    fn of(value: f64) -> Self {
        value as Self
    }

    #[inline]
    fn f64(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn standard_normal<R: Rng + ?Sized>(rng: &mut R) -> Self {
        StandardNormal.sample(rng)
    }

    #[inline]
    fn signed_tail<R: Rng + ?Sized>(rng: &mut R) -> Self {
        // The largest values would round up to 1/2, which is not in the open interval.
        (signed_tail(rng) as Self).clamp(-0.499_999_97, 0.499_999_97)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    #[test]
    fn signed_tail_has_the_moments_of_a_uniform_and_keeps_its_tail() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let n = 1 << 22;
        let (mut sum, mut squares, mut tail, mut log) = (0.0, 0.0, 0u32, 0.0);
        for _ in 0..n {
            let u = f64::signed_tail(&mut rng);
            assert!(u != 0.0 && u.abs() < 0.5);
            sum += u;
            squares += u * u;
            log += u.abs().ln();
            tail += u32::from(u.abs() < 0.5 / 16384.0);
        }
        let n = f64::from(n);
        // Four standard errors: sd(u) = 1/√12, sd(u²) = √(1/80 − 1/144), sd(ln |u|) = 1.
        assert!((sum / n).abs() < 4.0 * 0.2887 / n.sqrt());
        assert!((squares / n - 1.0 / 12.0).abs() < 4.0 * 0.0745 / n.sqrt());
        assert!((log / n - (0.5f64.ln() - 1.0)).abs() < 4.0 / n.sqrt());
        let expected = n / 16384.0;
        assert!((f64::from(tail) - expected).abs() < 4.0 * expected.sqrt());
    }

    #[test]
    fn signed_tail_of_f32_stays_inside_the_open_interval_and_goes_below_a_grid() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let mut smallest = 1.0f32;
        for _ in 0..1 << 22 {
            let u = f32::signed_tail(&mut rng);
            assert!(u != 0.0 && u.abs() < 0.5);
            smallest = smallest.min(u.abs());
        }
        // The least of 2²² draws is below 1e-6 except with probability e⁻⁸; a grid of step 2⁻²⁴ would
        // show as multiples.
        assert!(smallest < 1e-6);
    }
}
