//! The regularised incomplete beta function with both tails, its inverse, and its derivatives in the shapes.
//!
//! Everything is written for the log-odds `l = ln(x/(1 − x))`. With `q = x^a (1 − x)^b / B(a, b)`, the
//! density of l, the implicit derivatives are `v = dl/da = −(∂I/∂a)/q > 0` and
//! `w = dl/db = −(∂I/∂b)/q < 0`, and `dx/da = x (1 − x) v`. They need neither q nor B, and neither
//! underflow nor cancel: `incomplete_beta_fields` computes both at once.

use super::gamma_difference::ln_a_beta;
use super::incomplete_beta_fields::{Point, Route, SMALL, field, ln_kernel, route};
use super::ln_1m_exp;
use crate::probability::Probability;
use crate::real::Real;

/// Shapes outside this range are clamped to it: the formulas need the square of their inverse and their
/// fourth power.
const SMALLEST: f64 = 1e-150;
const LARGEST: f64 = 1e70;

#[inline]
fn admissible(a: f64, b: f64) -> Option<(f64, f64)> {
    (a > 0.0 && b > 0.0).then(|| (a.clamp(SMALLEST, LARGEST), b.clamp(SMALLEST, LARGEST)))
}

/// `ln p(x)` of a Beta on the closed unit interval, including the limits at its ends.
pub(crate) fn beta_log_density(x: f64, a: f64, b: f64) -> f64 {
    let power = |shape: f64, ln: f64| if shape == 1.0 { 0.0 } else { (shape - 1.0) * ln };
    if x <= 0.0 || x >= 1.0 {
        // (−∞) · shape for one end; the factor of the other end is 1.
        let end = power(if x <= 0.0 { a } else { b }, f64::NEG_INFINITY);
        return if end == 0.0 { -ln_a_beta(a.min(b), a.max(b)) + a.min(b).ln() } else { end };
    }
    let at = Point::at(x);
    ln_kernel(a, b, at) - at.ln_x() - at.ln_y()
}

/// `ln p(l)` of the log-odds of a Beta.
pub(crate) fn beta_log_odds_log_density(l: f64, a: f64, b: f64) -> f64 {
    ln_kernel(a, b, Point::at_log_odds(l))
}

/// `(ln I, ln(1 − I))`.
pub(super) fn ln_tails(a: f64, b: f64, at: Point) -> (f64, f64) {
    if b * at.x <= a * at.y {
        near_ln_tails(a, b, at)
    } else {
        let (lower, upper) = near_ln_tails(b, a, at.swapped());
        (upper, lower)
    }
}

fn near_ln_tails(a: f64, b: f64, at: Point) -> (f64, f64) {
    let complement = |ln: f64| ln_1m_exp(ln.min(0.0));
    match route::<false>(a, b, at) {
        Route::Lower(s) => {
            // For a small a, all but a small part may be below the mean: its logarithm is then a sum of
            // small terms.
            let ln = if a < SMALL {
                a * at.ln_x() + b * at.ln_y() - ln_a_beta(a, b) + s.value.ln()
            } else {
                ln_kernel(a, b, at) + (s.value / a).ln()
            };
            (ln, complement(ln))
        }
        Route::Upper(s) => {
            let ln = ln_kernel(a, b, at) + (s.value / b).ln();
            (complement(ln), ln)
        }
        Route::UpperSmall(r) => {
            let ln = b * at.ln_y() - ln_a_beta(b, a) + (b * at.y * r.value).ln_1p();
            (complement(ln), ln)
        }
    }
}

/// The log-odds at which the tail given by `u` is reached, by Newton's method on the logarithm of the
/// smaller of u and 1 − u. That logarithm is a concave function of the log-odds (measured from its own
/// end), so every step but the first comes from the same side.
fn log_odds_at(u: Probability<f64>, a: f64, b: f64) -> f64 {
    if u.in_lower_half() { lower_log_odds(u.ln_lower(), a, b) } else { -lower_log_odds(u.ln_upper(), b, a) }
}

pub(super) fn lower_log_odds(ln_u: f64, a: f64, b: f64) -> f64 {
    if ln_u == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    // I ≈ x^a/(a B) in the tail; a normal law of the log-odds in the middle.
    let (small, large) = (a.min(b), a.max(b));
    let ln_beta = ln_a_beta(small, large) - small.ln();
    let mut l = (ln_u + a.ln() + ln_beta) / a;
    if small > 1.0 {
        let spread = (1.0 / a + 1.0 / b).sqrt();
        let normal = (a / b).ln() + super::normal_quantile(ln_u.exp().max(1e-300)) * spread;
        if normal > l || ln_u > -8.0 {
            l = normal;
        }
    }
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let at = Point::at_log_odds(l);
        let (ln_lower, _) = ln_tails(a, b, at);
        let residual = ln_lower - ln_u;
        let slope = (ln_kernel(a, b, at) - ln_lower).exp();
        let step = residual / slope;
        if !step.is_finite() {
            // Far beyond the other end, where the slope has underflowed: back towards the middle.
            l = if l > 0.0 { 0.5 * l } else { 2.0 * l };
            continue;
        }
        let next = l - step;
        // The rounding level is reached when the residual stops shrinking.
        if residual.abs() <= 1e-13 && residual.abs() >= 0.5 * best || next == l {
            return l;
        }
        best = residual.abs();
        l = next;
    }
    l
}

/// `(I, 1 − I)` at valid shapes.
fn tails_at(x: f64, a: f64, b: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x >= 1.0 {
        return (1.0, 0.0);
    }
    let (lower, upper) = ln_tails(a, b, Point::at(x));
    (lower.exp().min(1.0), upper.exp().min(1.0))
}

/// `I_x(a, b)`, the probability that a Beta(a, b) is at most x: the regularised incomplete beta function.
///
/// 0 below the unit interval and 1 above it; NaN if a or b is not above 0 or an argument is NaN. Shapes
/// outside 1e-150 … 1e70 are clamped to that range.
///
/// Error: see the table in `tests/it/incomplete_beta.rs`, at most 1e-12 relative against mpmath for shapes
/// in 1e-8 … 1e4 and values above 1e-300. The f32 function is the f64 one, rounded.
///
/// ```
/// use reparam::special::{beta_cdf, beta_survival};
/// // Two of three coins show heads: P(B(3, p) ≥ 2) = I_p(2, 2) = 3p² − 2p³.
/// assert!((beta_cdf(0.5f64, 2.0, 2.0) - 0.5).abs() < 1e-15);
/// assert!((beta_survival(0.9f64, 2.0, 2.0) - 0.028).abs() < 1e-15);
/// ```
#[doc(alias = "incomplete_beta")]
#[doc(alias = "betainc")]
#[must_use]
pub fn beta_cdf<T: Real>(x: T, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !x.is_nan() => T::of(tails_at(x.f64(), a, b).0),
        _ => T::nan(),
    }
}

/// `1 − I_x(a, b)`, with the relative precision of [`beta_cdf`].
#[must_use]
pub fn beta_survival<T: Real>(x: T, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !x.is_nan() => T::of(tails_at(x.f64(), a, b).1),
        _ => T::nan(),
    }
}

/// `I` and `1 − I` at the log-odds `l = ln(x/(1 − x))`, for shapes so small that x rounds to 0 or 1.
///
/// ```
/// use reparam::special::beta_log_odds_tails;
/// let (lower, upper) = beta_log_odds_tails(-1e6f64, 1e-6, 1e-6); // x = e^(−10⁶)
/// assert!((lower - 0.5 * (-1f64).exp()).abs() < 1e-6 && (lower + upper - 1.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_log_odds_tails<T: Real>(l: T, a: T, b: T) -> (T, T) {
    match admissible(a.f64(), b.f64()) {
        Some(_) if l.is_infinite() => {
            if l > T::zero() {
                (T::one(), T::zero())
            } else {
                (T::zero(), T::one())
            }
        }
        Some((a, b)) if !l.is_nan() => {
            let (lower, upper) = ln_tails(a, b, Point::at_log_odds(l.f64()));
            (T::of(lower.exp().min(1.0)), T::of(upper.exp().min(1.0)))
        }
        _ => (T::nan(), T::nan()),
    }
}

/// `∂I_x/∂a` and `∂I_x/∂b`; 0 outside the open unit interval. Precision and domain are those of
/// [`beta_cdf`].
///
/// ```
/// use reparam::special::beta_cdf_gradient;
/// let [da, db] = beta_cdf_gradient(0.25f64, 1.0, 1.0); // I = x^a at b = 1, 1 − (1 − x)^b at a = 1
/// assert!((da - 0.25 * 0.25f64.ln()).abs() < 1e-15 && (db + 0.75 * 0.75f64.ln()).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_cdf_gradient<T: Real>(x: T, a: T, b: T) -> [T; 2] {
    match admissible(a.f64(), b.f64()) {
        Some(_) if x <= T::zero() || x >= T::one() => [T::zero(); 2],
        Some((a, b)) if !x.is_nan() => {
            let at = Point::at(x.f64());
            let (v, w) = field::<true>(a, b, at);
            let q = ln_kernel(a, b, at).exp();
            [T::of(-v * q), T::of(-w * q)]
        }
        _ => [T::nan(); 2],
    }
}

/// The implicit derivatives `dz/da > 0` and `dz/db < 0` of a Beta(a, b) draw at fixed probability,
/// `−(∂I/∂a)/p(z)` and `−(∂I/∂b)/p(z)`, without underflow or cancellation. At the ends of the unit
/// interval and beyond, they are the limit 0.
///
/// Error: at most 1e-12 relative against mpmath for shapes in 1e-8 … 1e4 (worst of `beta.csv`: see
/// `tests/it/incomplete_beta.rs`). NaN for invalid shapes.
///
/// ```
/// use reparam::special::beta_implicit_gradient;
/// let [da, db] = beta_implicit_gradient(0.25f64, 1.0, 1.0); // z = u^(1/a) at b = 1
/// assert!((da + 0.25 * 0.25f64.ln()).abs() < 1e-15 && (db - 0.75 * 0.75f64.ln()).abs() < 1e-15);
/// ```
///
/// # References
/// Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498; the series are DLMF 8.17.8 and 8.17.7, the continued
/// fraction DLMF 8.17.22.
#[must_use]
pub fn beta_implicit_gradient<T: Real>(z: T, a: T, b: T) -> [T; 2] {
    match admissible(a.f64(), b.f64()) {
        Some(_) if z <= T::zero() || z >= T::one() => [T::zero(); 2],
        Some((a, b)) if !z.is_nan() => {
            let at = Point::at(z.f64());
            let (v, w) = field::<true>(a, b, at);
            [T::of(at.x * (at.y * v)), T::of(at.x * (at.y * w))]
        }
        _ => [T::nan(); 2],
    }
}

/// The implicit derivatives `dl/da > 0` and `dl/db < 0` of the log-odds `l = ln(z/(1 − z))` of a Beta(a,
/// b) draw, for every finite l, even where z itself is 0 or 1 in floating point. Precision and domain are
/// those of [`beta_implicit_gradient`].
///
/// ```
/// use reparam::special::beta_log_odds_implicit_gradient;
/// let [da, _] = beta_log_odds_implicit_gradient(-1e6f64, 1.0, 1.0); // ln z = ln(u)/a
/// assert!((da / 1e6 - 1.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_log_odds_implicit_gradient<T: Real>(l: T, a: T, b: T) -> [T; 2] {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !l.is_nan() => {
            let limit = f64::MAX;
            let (v, w) = field::<true>(a, b, Point::at_log_odds(l.f64().clamp(-limit, limit)));
            [T::of(v), T::of(w)]
        }
        _ => [T::nan(); 2],
    }
}

/// The quantile of a Beta(a, b): x with `I_x(a, b) = u`, from either tail. It may round to 0 or 1 for
/// shapes below 1; see [`beta_log_odds_quantile`].
///
/// ```
/// use reparam::{Probability, special::beta_quantile};
/// let x = beta_quantile(Probability::from_lower(0.0625), 2.0, 1.0); // I = x²
/// assert!((x - 0.25f64).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_quantile<T: Real>(u: Probability<T>, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !u.tail().is_nan() => {
            let at = Point::at_log_odds(log_odds_at(Probability::from_tail(u.tail().f64()), a, b));
            T::of(at.x)
        }
        _ => T::nan(),
    }
}

/// The log-odds of the quantile of a Beta(a, b), finite for every u in (0, 1) and shapes from 1e-8:
/// Newton's method on the logarithm of the tail.
///
/// ```
/// use reparam::{Probability, special::beta_log_odds_quantile};
/// let l = beta_log_odds_quantile(Probability::from_lower(0.25), 1e-6, 1e-6);
/// assert!((l / (-(2f64.ln()) / 1e-6) - 1.0).abs() < 1e-5); // x^a/2 = 1/4
/// ```
#[must_use]
pub fn beta_log_odds_quantile<T: Real>(u: Probability<T>, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !u.tail().is_nan() => {
            T::of(log_odds_at(Probability::from_tail(u.tail().f64()), a, b))
        }
        _ => T::nan(),
    }
}
