//! The von Mises distribution about 0: tail, quantile and the derivative of the quantile with respect to
//! the concentration.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::normal_quantile;
use super::von_mises_tables::{DIRECT, RECIPROCAL};
use super::{bessel_i0_scaled, bessel_ratio_complement};
use crate::probability::Probability;
use crate::real::Real;

/// `dx/dκ` of a von Mises variate x in [−π, π] of concentration κ ≥ 0 about 0, at fixed probability,
/// `−(∂F/∂κ)/p(x)`.
///
/// It is `−sin x · W(κ, cos x)`, where W is entire in cos x and positive, and tabulated as a polynomial
/// in two variables: there is no switch to a normal approximation and no cancellation. Far in the tail of
/// a large κ, the integral that defines it is computed by Gauss–Legendre quadrature.
///
/// Error: at most 1e-13 relative against mpmath for κ in 1e-3 … 1e6 and x up to π. NaN for κ < 0 or
/// `|x| > π`. The f32 function is the f64 one, rounded.
///
/// ```
/// use reparam::special::von_mises_implicit_gradient;
/// // Large κ: x ≈ ε/√κ, so dx/dκ ≈ −x/(2κ).
/// assert!((von_mises_implicit_gradient(1e-4f64, 1e8) / -0.5e-12 - 1.0).abs() < 1e-6);
/// ```
///
/// # References
/// Implicit derivative: Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498.
#[must_use]
#[inline]
pub fn von_mises_implicit_gradient<T: Real>(x: T, kappa: T) -> T {
    let (x, kappa) = (x.f64(), kappa.f64());
    if !is_valid(x, kappa) {
        return T::nan();
    }
    let (sin, cos) = x.sin_cos();
    let scaled = tabulated(kappa, cos).unwrap_or_else(|| by_quadrature(kappa, x.abs()));
    T::of(-sin * scaled / (1.0 + kappa * (1.0 + cos)))
}

/// Whether x is in [−π, π] and κ a valid concentration.
#[inline]
fn is_valid(x: f64, kappa: f64) -> bool {
    (0.0..f64::INFINITY).contains(&kappa) && x.abs() <= PI
}

/// The tabulated `(1 + κ(1 + c)) W`, unless x is far in the tail. The ends of the patches are those of
/// `generate_von_mises_tables.py`.
#[inline]
fn tabulated(kappa: f64, c: f64) -> Option<f64> {
    // First patch, its lower end, and the ends between patches.
    let (place, low, first, second) = match kappa {
        _ if kappa < 1.0 => (0, -2.0, 2.0, 2.0),
        _ if kappa < 2.5 => (1, -2.0, 0.0, 2.0),
        _ if kappa < 5.0 => (3, -2.0, -0.3, 0.4),
        _ if kappa < 7.5 => (6, -0.7, -0.1, 0.5),
        _ if kappa < 10.0 => (9, -0.5, 0.0, 0.5),
        _ if kappa < 14.0 => (0, 0.0, 0.5, 2.0),
        _ if kappa < 20.0 => (2, 0.1, 0.55, 2.0),
        _ if kappa < 50.0 => (4, 0.3, 0.65, 2.0),
        _ if kappa < 200.0 => (6, 0.65, 2.0, 2.0),
        _ => (7, 0.88, 2.0, 2.0),
    };
    if c <= low {
        return None;
    }
    let place = place + usize::from(c > first) + usize::from(c > second);
    Some(if kappa < 10.0 {
        DIRECT[place].value(kappa, c) / bessel_i0_scaled(kappa)
    } else {
        let y = 1.0 / kappa;
        RECIPROCAL[place].value(y, c) / (bessel_i0_scaled(kappa) * kappa.sqrt())
    })
}

/// The same for x > 0 by quadrature.
#[cold]
fn by_quadrature(kappa: f64, x: f64) -> f64 {
    let gap = bessel_ratio_complement(kappa);
    // A − cos s = 2 sin²(s/2) − (1 − A).
    let integral = tail_integral(kappa, x, |sine| 2.0 * sine * sine - gap);
    (1.0 + kappa * (1.0 + x.cos())) * integral / x.sin()
}

/// Nodes and weights of the Gauss–Legendre rule of 16 points on (−1, 1), the positive half (Abramowitz &
/// Stegun, table 25.4).
const GAUSS: [(f64, f64); 8] = [
    (0.095_012_509_837_637_440_185, 0.189_450_610_455_068_496_285),
    (0.281_603_550_779_258_913_230, 0.182_603_415_044_923_588_867),
    (0.458_016_777_657_227_386_342, 0.169_156_519_395_002_538_189),
    (0.617_876_244_402_643_748_447, 0.149_595_988_816_576_732_081),
    (0.755_404_408_355_003_033_895, 0.124_628_971_255_533_872_052),
    (0.865_631_202_387_831_743_880, 0.095_158_511_682_492_784_810),
    (0.944_575_023_073_232_576_078, 0.062_253_523_938_647_892_863),
    (0.989_400_934_991_649_932_596, 0.027_152_459_411_754_094_852),
];

/// `∫ f` over (low, high) in one panel.
fn panel(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    half * GAUSS.iter().map(|&(x, w)| w * (f(middle - half * x) + f(middle + half * x))).sum::<f64>()
}

/// The drop of the exponent over a panel, and the maximal number of panels.
const FALL: f64 = 4.0;
const PANELS: u32 = 11;

/// `∫_x^π e^(−κ(cos x − cos s)) w(sin s/2) ds` for x in 0 … π. The integration variable is the sine of
/// the half angle up to π/2, and its cosine from there, so that the integrand is smooth on both sides; it
/// is measured from the start, which keeps its digits where the layer is thin.
fn tail_integral(kappa: f64, x: f64, weight: impl Fn(f64) -> f64) -> f64 {
    let (sine, cosine) = (0.5 * x).sin_cos();
    let mut sum = 0.0;
    let mut start = 0.0;
    if sine < FRAC_1_SQRT_2 {
        // cos x − cos s = 2d (2 sine + d) with sin(s/2) = sine + d = r, and ds = 2 dr/√(1 − r²). A thin
        // layer ends well before π.
        let end = if kappa > 50.0 { 1.0 } else { FRAC_1_SQRT_2 - sine };
        for k in 1..=PANELS {
            if start >= end {
                break;
            }
            let square = 0.5 * FALL * f64::from(k) / kappa;
            let next = (square / ((sine * sine + square).sqrt() + sine)).min(end);
            sum += panel(start, next, |d| {
                let r = sine + d;
                2.0 * (-2.0 * kappa * d * (r + sine)).exp() / (1.0 - r * r).sqrt() * weight(r)
            });
            start = next;
        }
        if start < end || kappa > 50.0 {
            return sum;
        }
    }
    // cos x − cos s = 2d (2 cosine − d) with cos(s/2) = cosine − d.
    let mut start = (cosine - FRAC_1_SQRT_2).max(0.0);
    let top = (cosine - start) * (cosine - start);
    for k in 1..=PANELS {
        if start >= cosine {
            break;
        }
        let square = (0.5 * FALL * f64::from(k) / kappa).min(top);
        // cosine − √(top − square), without cancellation.
        let root = (top - square).sqrt();
        let next = (cosine - top.sqrt()) + square / (top.sqrt() + root);
        sum += panel(start, next, |d| {
            let q = cosine - d;
            let sine = (1.0 - q * q).sqrt();
            2.0 * (-2.0 * kappa * d * (cosine + q)).exp() / sine * weight(sine)
        });
        if square >= top {
            break;
        }
        start = next;
    }
    sum
}

/// `ln p(x) = κ (cos x − 1) − ln 2π − ln(e^−κ I₀(κ))`.
pub(crate) fn von_mises_log_density(x: f64, kappa: f64) -> f64 {
    let sine = (0.5 * x).sin();
    -2.0 * kappa * sine * sine - (2.0 * PI * bessel_i0_scaled(kappa)).ln()
}

/// `p(x)`, without the logarithm of a large κ.
fn density(kappa: f64, x: f64) -> f64 {
    let sine = (0.5 * x).sin();
    (-2.0 * kappa * sine * sine).exp() / (2.0 * PI * bessel_i0_scaled(kappa))
}

/// `P(X ≤ x)` for a von Mises variate of concentration κ ≥ 0 about 0, x in [−π, π]:
/// [`von_mises_survival`] at −x. The error is relative to the value in the lower tail.
///
/// ```
/// use reparam::special::von_mises_cdf;
/// assert_eq!(von_mises_cdf(0.0, 3.0), 0.5);
/// ```
#[must_use]
pub fn von_mises_cdf<T: Real>(x: T, kappa: T) -> T {
    von_mises_survival(-x, kappa)
}

/// `∂F(x)/∂κ` at fixed x, `−p(x) dx/dκ`; the error is relative to the value.
///
/// ```
/// use reparam::special::{von_mises_cdf, von_mises_cdf_gradient};
/// let difference = (von_mises_cdf(0.5f64, 2.001) - von_mises_cdf(0.5, 1.999)) / 0.002;
/// assert!((von_mises_cdf_gradient(0.5, 2.0) - difference).abs() < 1e-7);
/// ```
#[must_use]
pub fn von_mises_cdf_gradient<T: Real>(x: T, kappa: T) -> T {
    let (x, kappa) = (x.f64(), kappa.f64());
    T::of(-density(kappa, x) * von_mises_implicit_gradient(x, kappa))
}

/// `P(X > x)` for a von Mises variate of concentration κ ≥ 0 about 0, x in [−π, π]. The error is relative
/// to the value in the upper tail.
///
/// Computed by Gauss–Legendre quadrature. Error: at most 1e-13 relative against mpmath for κ in 0 … 1e6
/// and tails down to 1e-280. NaN for κ < 0 or `|x| > π`.
///
/// ```
/// use reparam::special::von_mises_survival;
/// assert_eq!(von_mises_survival(1.0f64, 0.0), 0.5 - 0.5 / std::f64::consts::PI);
/// ```
#[must_use]
pub fn von_mises_survival<T: Real>(x: T, kappa: T) -> T {
    let (x, kappa) = (x.f64(), kappa.f64());
    T::of(match x {
        _ if !is_valid(x, kappa) => f64::NAN,
        _ if kappa == 0.0 => 0.5 - 0.5 * x / PI,
        x if x < 0.0 => 1.0 - upper_tail(kappa, -x),
        x => upper_tail(kappa, x),
    })
}

/// For x ≥ 0.
fn upper_tail(kappa: f64, x: f64) -> f64 {
    // Rounding may lift it above its value at 0.
    (density(kappa, x) * tail_integral(kappa, x, |_| 1.0)).min(0.5)
}

/// The quantile of the von Mises distribution of concentration κ ≥ 0 about 0, in [−π, π].
///
/// Newton's method on the logarithm of the tail, bracketed. Error: at most 1e-12 of max(|x|, the width)
/// against mpmath. It is odd: the quantile of 1 − u is minus that of u. NaN for κ < 0.
///
/// ```
/// use reparam::{Probability, special::{von_mises_quantile, von_mises_survival}};
/// let x = von_mises_quantile(Probability::from_upper(1e-30f64), 50.0);
/// assert!((von_mises_survival(x, 50.0) / 1e-30 - 1.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn von_mises_quantile<T: Real>(u: Probability<T>, kappa: T) -> T {
    let (tail, kappa) = (u.tail().f64().abs(), kappa.f64());
    if !((0.0..f64::INFINITY).contains(&kappa) && tail <= 0.5) {
        return T::nan();
    }
    let x = upper_quantile(kappa, tail);
    T::of(if u.in_lower_half() { -x } else { x })
}

/// x ≥ 0 with `P(X > x)` equal to a given tail of at most ½.
fn upper_quantile(kappa: f64, tail: f64) -> f64 {
    if tail >= 0.5 {
        return 0.0;
    }
    if kappa == 0.0 {
        return PI * (1.0 - 2.0 * tail);
    }
    if tail <= 0.0 {
        return PI;
    }
    let sine = -normal_quantile(tail) / (2.0 * kappa.sqrt());
    let (mut low, mut high) = (0.0, PI);
    let mut x = if kappa > 1.0 && sine < 0.99 { 2.0 * sine.asin() } else { PI * (1.0 - 2.0 * tail) };
    for _ in 0..100 {
        let integral = tail_integral(kappa, x, |_| 1.0);
        let residual = (density(kappa, x) * integral / tail).ln();
        if residual > 0.0 {
            low = x;
        } else {
            high = x;
        }
        let step = residual * integral;
        let next = x + step;
        // Near π, a small step may still be a large part of the remaining distance.
        if next == x || (step.abs() <= 4.0 * f64::EPSILON * (x + integral) && residual.abs() < 0.01) {
            return next.min(PI);
        }
        x = if next > low && next < high { next } else { 0.5 * (low + high) };
        if x == low || x == high {
            break;
        }
    }
    x
}

/// `E x²` of a von Mises variate of concentration κ ≥ 0 on [−π, π], by quadrature, to 1e-13 relative:
/// π²/3 at 0, 1/κ for large κ.
#[must_use]
pub(crate) fn von_mises_variance(kappa: f64) -> f64 {
    if kappa <= 0.0 {
        return PI * PI / 3.0;
    }
    // x = 2 asin(sin(x/2)), from the sine that the weight is given.
    let integral = tail_integral(kappa, 0.0, |sine| 4.0 * sine.asin() * sine.asin());
    2.0 * integral * density(kappa, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cdf_and_its_gradient_agree_with_the_survival_function() {
        for kappa in [0.0f64, 0.4, 3.0, 80.0] {
            for x in [-2.5, -0.3, 0.0, 0.2, 1.0] {
                let (lower, upper) = (von_mises_cdf(x, kappa), von_mises_survival(x, kappa));
                assert!((lower + upper - 1.0).abs() < 1e-13, "{kappa} {x}: {lower} {upper}");
                assert_eq!(
                    von_mises_cdf(x as f32, kappa as f32),
                    von_mises_cdf(f64::from(x as f32), f64::from(kappa as f32)) as f32
                );
                if kappa > 0.0 {
                    let step = 1e-4 * kappa;
                    let difference =
                        (von_mises_cdf(x, kappa + step) - von_mises_cdf(x, kappa - step)) / (2.0 * step);
                    let found = von_mises_cdf_gradient(x, kappa);
                    assert!((found - difference).abs() < 1e-7, "{kappa} {x}: {found} {difference}");
                }
            }
        }
    }
}
