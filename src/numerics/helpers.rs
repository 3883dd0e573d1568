//! Small functions for custom families: products and powers that keep their limits, and noise from
//! uniforms.

use crate::real::Real;
use crate::special::normal_quantile;

/// `scale · eˣ`, where `eˣ` may overflow although the product does not.
///
/// ```
/// use reparam::numerics::scaled_exp;
///
/// // 1e-300 · e^800: e^800 alone overflows.
/// assert!((scaled_exp(1e-300f64, 800.0).ln() - (800.0 - 300.0 * 10f64.ln())).abs() < 1e-12);
/// ```
#[must_use]
#[inline]
pub fn scaled_exp<T: Real>(scale: T, x: T) -> T {
    let factor = x.exp();
    if factor.is_normal() { scale * factor } else { (x + scale.ln()).exp() }
}

/// `z · factor` with `0 · ∞ = 0`: for a z that vanishes exponentially as the factor grows.
///
/// ```
/// use reparam::numerics::vanishing_product;
///
/// assert_eq!(vanishing_product(0.0, f64::INFINITY), 0.0);
/// assert_eq!(vanishing_product(2.0, 3.0), 6.0);
/// ```
#[must_use]
#[inline]
pub fn vanishing_product<T: Real>(z: T, factor: T) -> T {
    if z == T::zero() { z } else { z * factor }
}

/// The logarithm `exponent · log_base` of a power, with `0 · ±∞ = 0`: a power with exponent 0 is 1, also
/// at the ends of the support.
///
/// ```
/// use reparam::numerics::log_power;
///
/// assert_eq!(log_power(0.0, 0f64.ln()), 0.0); // 0⁰ = 1
/// assert_eq!(log_power(2.0, 0f64.ln()), f64::NEG_INFINITY);
/// ```
#[must_use]
#[inline]
pub fn log_power<T: Real>(exponent: T, log_base: T) -> T {
    if exponent == T::zero() { T::zero() } else { exponent * log_base }
}

/// Turns signed tails of uniforms ([`Probability::tail`](crate::Probability::tail)) into standard
/// normals, in place. [`UniformNoise::noise_from_uniforms`](crate::UniformNoise::noise_from_uniforms) of
/// a Gaussian does this.
///
/// ```
/// use reparam::numerics::normal_from_uniforms;
///
/// let mut noise = [0.025, -0.025];
/// normal_from_uniforms(&mut noise);
/// assert!((noise[1] - 1.959_963_984_540_054f64).abs() < 1e-14 && noise[0] == -noise[1]);
/// ```
pub fn normal_from_uniforms<T: Real>(noise: &mut [T]) {
    for e in noise {
        *e = T::of(normal_quantile(e.f64().abs()).copysign(-e.f64()));
    }
}

/// Negates every number, in place: the reflection of noise whose distribution is symmetric about 0, such
/// as normals and signed tails.
///
/// ```
/// use reparam::numerics::negate;
///
/// let mut noise = [0.25, -1.5];
/// negate(&mut noise);
/// assert_eq!(noise, [-0.25, 1.5]);
/// ```
pub fn negate<T: Real>(noise: &mut [T]) {
    for e in noise {
        *e = -*e;
    }
}
