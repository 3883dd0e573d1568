//! Both tails of the standard normal and their logarithms, accurate to the last digit, and the quantile
//! from a logarithm.

use super::mills::mills_ratio;
use super::normal::central_normal_quantile;
use super::normal_quantile;
use crate::probability::Probability;
use crate::real::Real;

/// `ln √2π`.
pub(crate) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_741_78;

/// `1/√2π`.
const INV_ROOT_TAU: f64 = 0.398_942_280_401_432_677_94;

/// `exp(−x²/2)`: x is split into a multiple of 1/16, whose square is exact, and a rest. The rounding of
/// x² alone would cost `x²/2` units in the last place.
#[inline]
pub(crate) fn half_square_exp(x: f64) -> f64 {
    if x.abs() > 40.0 {
        return if x.is_nan() { x } else { 0.0 };
    }
    let near = (16.0 * x).round() / 16.0;
    (-0.5 * near * near).exp() * (-0.5 * (x - near) * (x + near)).exp()
}

/// `φ(x)`, the density of the standard normal.
#[inline]
pub(crate) fn normal_density(x: f64) -> f64 {
    INV_ROOT_TAU * half_square_exp(x)
}

/// `Φ(x)`, the probability that a standard normal is at most x: by [`mills_ratio`] below 0, and as the
/// complement above.
///
/// Error: at most 1e-15 relative against mpmath where the value is a normal number. The f32 function is the
/// f64 one, rounded.
///
/// ```
/// use reparam::special::normal_cdf;
/// assert!((normal_cdf(0.0f64) - 0.5).abs() < 1e-15);
/// assert!((normal_cdf(-20.0f64) / 2.753_624_118_606_233_7e-89 - 1.0).abs() < 1e-14);
/// ```
#[must_use]
pub fn normal_cdf<T: Real>(x: T) -> T {
    let x = x.f64();
    T::of(if x <= 0.0 { upper_tail(-x) } else { 1.0 - upper_tail(x) })
}

/// `1 − Φ(x)`; [`normal_cdf`] at −x.
///
/// ```
/// use reparam::special::{normal_cdf, normal_survival};
/// assert_eq!(normal_survival(3.5), normal_cdf(-3.5));
/// ```
#[must_use]
pub fn normal_survival<T: Real>(x: T) -> T {
    normal_cdf(-x)
}

/// `1 − Φ(x)` for x ≥ 0.
#[inline]
fn upper_tail(x: f64) -> f64 {
    normal_density(x) * mills_ratio(x)
}

/// `ln Φ(x)`, for every x: `−x²/2 − ln √2π + ln m(−x)` below 0, where Φ itself underflows at −38.
///
/// Error: at most 1e-15 relative against mpmath from −1e4 to 37.
///
/// ```
/// use reparam::special::normal_log_cdf;
/// assert!((normal_log_cdf(-1e4f64) / -50_000_010.129_278_917 - 1.0).abs() < 1e-15);
/// assert!((normal_log_cdf(10.0f64) / -7.619_853_024_160_526e-24 - 1.0).abs() < 1e-14);
/// ```
#[must_use]
pub fn normal_log_cdf<T: Real>(x: T) -> T {
    let x = x.f64();
    T::of(if x < -1e160 {
        f64::NEG_INFINITY
    } else if x <= 0.0 {
        // Nothing cancels: ln m(0) = 0.2257 is far from ln √2π.
        mills_ratio(-x).ln() - HALF_LN_TAU - 0.5 * x * x
    } else {
        (-upper_tail(x)).ln_1p()
    })
}

/// `ln(1 − Φ(x))`; [`normal_log_cdf`] at −x.
///
/// ```
/// use reparam::special::{normal_log_cdf, normal_log_survival};
/// assert_eq!(normal_log_survival(50.0), normal_log_cdf(-50.0));
/// ```
#[must_use]
pub fn normal_log_survival<T: Real>(x: T) -> T {
    normal_log_cdf(-x)
}

/// `Φ⁻¹(u)` from `ln u`: a probability far below the smallest number, or close to 1, keeps its digits. −∞
/// at −∞, ∞ at 0, NaN above 0.
///
/// Above e^−690 it uses [`normal_quantile`], from the more accurate tail; below, the leading terms of the
/// tail and Newton's method on ln Φ, whose slope is 1/m.
///
/// Error: at most 1e-15 relative against mpmath down to `ln u = −1e15`, and beyond.
///
/// ```
/// use reparam::special::{normal_log_cdf, normal_quantile_from_log};
/// assert!((normal_quantile_from_log(normal_log_cdf(-1e4f64)) / -1e4 - 1.0).abs() < 1e-15);
/// assert!((normal_quantile_from_log(-7.619_853_024_160_526e-24f64) / 10.0 - 1.0).abs() < 1e-14);
/// ```
#[must_use]
pub fn normal_quantile_from_log<T: Real>(ln_u: T) -> T {
    let ln_u = ln_u.f64();
    T::of(if ln_u > -0.08 {
        // The upper tail, −expm1, is small; NaN and numbers above 0 end here too.
        -normal_quantile(-ln_u.exp_m1())
    } else if ln_u > -2.5 {
        // u − 1/2 from the distance to the median in logarithms, which is exact.
        central_normal_quantile(0.5 * ((ln_u + std::f64::consts::LN_2) + LN_2_REST).exp_m1())
    } else if ln_u > -690.0 {
        normal_quantile(ln_u.exp())
    } else if ln_u == f64::NEG_INFINITY {
        ln_u
    } else {
        far_quantile(-ln_u)
    })
}

/// The part of `ln 2` beyond the digits of `LN_2`.
const LN_2_REST: f64 = 2.319_046_813_846_299_6e-17;

/// `−t` with `t²/2 + ln √2π − ln m(t) = size`.
fn far_quantile(size: f64) -> f64 {
    // m(t) is nearly 1/t.
    let leading = (2.0 * size).sqrt();
    let mut t = leading - (HALF_LN_TAU + leading.ln()) / leading;
    for _ in 0..3 {
        let m = mills_ratio(t);
        // (leading − t)(leading + t)/2 in place of size − t²/2 would add the rounding of the root, as
        // both squares are large and close.
        let excess = size - 0.5 * t * t - HALF_LN_TAU + m.ln();
        t += excess * m;
    }
    -t
}

/// `Φ⁻¹((1 + u)/2)`, the quantile of the absolute value of a normal, from the more accurate side of u.
pub(crate) fn normal_half_quantile(u: Probability<f64>) -> f64 {
    if u.in_lower_half() {
        central_normal_quantile(0.5 * u.lower())
    } else {
        -normal_quantile(0.5 * u.upper())
    }
}
