//! The incomplete gamma function: both tails, the quantile, and the derivative of the quantile with respect
//! to the shape.

use super::gamma::{
    HALF_LN_TAU, STIRLING_FROM, exp_m1_minus_x, half_gap, ln_gamma, ln_gamma_1p, ln_minus_digamma, stirling,
};
use super::gamma_tables::{NEAR_ZERO, REMAINDER, SCALED_HIGH, SCALED_LOW, SCALED_MIDDLE, SCALED_TOP};
use super::{digamma, mills_ratio, normal_quantile};
use crate::probability::Probability;
use crate::real::Real;

/// The number of terms or convergents after which a series or a continued fraction stops; none comes
/// near.
const MOST_TERMS: usize = 100_000;

/// Up to this shape the tables take α and ln z, above it 1/α and ln(z/α).
const LOW_SHAPES: f64 = 2.5;

/// From this shape on, Temme's expansion gives both tails.
const TEMME_FROM: f64 = 250.0;

/// `P(α, z) = ∫₀^z t^(α−1) e^−t dt / Γ(α)`, the CDF at z ≥ 0 of the gamma distribution of shape α > 0 and
/// rate 1: the regularised lower incomplete gamma function.
///
/// Error: at most 1e-12 relative, median below 1e-15, against mpmath for α in 1e-8 … 1e6 and z in both
/// tails down to probabilities of 1e-300. 0 below z = 0; NaN for a shape that is not above 0. The f32
/// function is the f64 one, rounded.
///
/// Computed by the power series and Legendre's continued fraction (Abramowitz & Stegun 6.5.29, 6.5.31),
/// and above α = 250 by the uniform expansion of Temme 1979 (doi:10.1137/0510071) with tabulated
/// coefficients.
///
/// ```
/// use reparam::special::gamma_cdf;
/// assert!((gamma_cdf(1e-20f64, 1.0) - 1e-20).abs() < 1e-35);
/// ```
#[doc(alias = "incomplete_gamma")]
#[doc(alias = "gammainc")]
#[must_use]
pub fn gamma_cdf<T: Real>(z: T, alpha: T) -> T {
    T::of(tails(alpha.f64(), z.f64()).0)
}

/// `Q(α, z) = 1 − P(α, z)`, with its own relative precision: the regularised upper incomplete gamma
/// function. See [`gamma_cdf`].
///
/// ```
/// use reparam::special::gamma_survival;
/// assert!((gamma_survival(300.0f64, 1.0) / (-300.0f64).exp() - 1.0).abs() < 1e-13);
/// ```
#[doc(alias = "gammaincc")]
#[must_use]
pub fn gamma_survival<T: Real>(z: T, alpha: T) -> T {
    T::of(tails(alpha.f64(), z.f64()).1)
}

/// `d ln z/dα` of a gamma variate of shape α at fixed probability, `−(∂P/∂α) / (z p(z))`, from ln z: for
/// small shapes z itself underflows, but its logarithm and this derivative do not.
///
/// It is positive and solves `z h′ + (α − z) h = ψ(α) − ln z`; neither P nor p is computed, so nothing
/// cancels and nothing underflows. For small z it is the series `α h = Σ tₖ (ψ(α+k+1) − ln z)`,
/// `tₖ = zᵏ/((α+1)…(α+k))`; in the far upper tail, the continued fraction for Q with its derivative;
/// elsewhere, polynomials in two variables (`gamma_tables.rs`).
///
/// Error: at most 1e-13 relative against mpmath for α in 1e-8 … 1e4 and quantiles from 1e-8 to 1 − 1e-8. 0 at
/// `ln z = ∞`, ∞ at −∞, NaN for a shape that is not above 0.
///
/// ```
/// use reparam::special::gamma_log_implicit_gradient;
/// // α → 0: ln z ≈ ln(u)/α, so d ln z/dα ≈ −ln(z)/α.
/// assert!((gamma_log_implicit_gradient(-1e9f64, 1e-8) / 1e17 - 1.0).abs() < 1e-8);
/// ```
///
/// # References
/// Implicit derivative: Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498.
#[must_use]
#[inline]
pub fn gamma_log_implicit_gradient<T: Real>(ln_z: T, alpha: T) -> T {
    let (ln_z, alpha) = (ln_z.f64(), alpha.f64());
    T::of(scaled_log_derivative(alpha, ln_z.exp(), ln_z, false) / alpha)
}

/// `dz/dα` of a gamma variate of shape α at fixed probability, `−(∂P/∂α) / p(z)`.
///
/// It is z times [`gamma_log_implicit_gradient`], with its error. 0 at z = 0 and below, ∞ at ∞, NaN for a
/// shape that is not above 0.
///
/// ```
/// use reparam::special::gamma_implicit_gradient;
/// // Large shapes: z ≈ α + √α x at fixed x.
/// assert!((gamma_implicit_gradient(1e8f64 + 1e4, 1e8) - 1.000_05).abs() < 1e-8);
/// ```
#[must_use]
#[inline]
pub fn gamma_implicit_gradient<T: Real>(z: T, alpha: T) -> T {
    let (z, alpha) = (z.f64(), alpha.f64());
    if z <= 0.0 && alpha > 0.0 {
        return T::zero();
    }
    if z == f64::INFINITY && alpha > 0.0 {
        return T::infinity();
    }
    T::of(scaled_log_derivative(alpha, z, f64::NAN, true) * (z / alpha))
}

/// `∂P/∂α` at fixed z, `−p(z) dz/dα`, never above 0; the error is relative to the value. 0 outside the
/// support.
///
/// ```
/// use reparam::special::{gamma_cdf, gamma_cdf_gradient};
/// let difference = (gamma_cdf(3.0f64, 2.001) - gamma_cdf(3.0, 1.999)) / 0.002;
/// assert!((gamma_cdf_gradient(3.0, 2.0) - difference).abs() < 1e-7);
/// ```
#[must_use]
pub fn gamma_cdf_gradient<T: Real>(z: T, alpha: T) -> T {
    let (z, alpha) = (z.f64(), alpha.f64());
    if alpha > 0.0 && (z <= 0.0 || z == f64::INFINITY) {
        return T::zero();
    }
    let ln_z = z.ln();
    let density = (ln_kernel(alpha, z, ln_z) - alpha.ln()).exp();
    T::of(if density == 0.0 { 0.0 } else { -density * scaled_log_derivative(alpha, z, ln_z, true) })
}

/// `e^x E₁(x)` for x > 0, the limit of `α h` for α → 0. Error: at most 1e-14 relative. NaN for x ≤ 0.
pub(crate) fn exponential_integral_scaled(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        f64::NAN
    } else if x <= 1.5 {
        short_series(0.0, x, x.ln())
    } else if x < 15.0 {
        let ln_x = x.ln();
        NEAR_ZERO[usize::from(ln_x > 1.55)].value(0.0, ln_x) / (2.0 * x)
    } else {
        upper_fraction(0.0, x).0
    }
}

/// `α h = α d ln z/dα`. With `from_z`, logarithms are taken of z; otherwise `ln_z` may have digits that z
/// has lost.
#[inline]
fn scaled_log_derivative(alpha: f64, z: f64, ln_z: f64, from_z: bool) -> f64 {
    if !(alpha > 0.0 && alpha < f64::INFINITY) {
        return f64::NAN;
    }
    if alpha < LOW_SHAPES {
        let ln_z = logarithm(z, ln_z, from_z);
        return if z <= 1.5 {
            short_series(alpha, z, ln_z)
        } else if z < 15.0 {
            let place = 2 * usize::from(alpha > 1.0) + usize::from(ln_z > 1.55);
            NEAR_ZERO[place].value(alpha, ln_z) / ((alpha + 1.0) * (alpha + 2.0) * z)
        } else {
            // α ψ(α) = α ψ(α + 1) − 1 has no pole at 0.
            upper_tail_derivative(alpha, z, alpha * (ln_z - digamma(alpha + 1.0)) + 1.0)
        };
    }
    let ratio = z / alpha;
    let t = if from_z && ratio.is_normal() { ratio.ln() } else { logarithm(z, ln_z, from_z) - alpha.ln() };
    if let Some(scaled) = scaled_derivative(alpha, 1.0 / alpha, t) {
        return scaled;
    }
    if t < 0.0 {
        if z <= 1.5 && alpha < STIRLING_FROM {
            return short_series(alpha, z, logarithm(z, ln_z, from_z));
        }
        long_series(alpha, z, 1.0 / alpha - ln_minus_digamma(alpha) - t)
    } else {
        upper_tail_derivative(alpha, z, alpha * (t + ln_minus_digamma(alpha)))
    }
}

#[inline]
fn logarithm(z: f64, ln_z: f64, from_z: bool) -> f64 {
    if from_z { z.ln() } else { ln_z }
}

/// The tabulated `α h` for shapes above 2.5, unless ln(z/α) is far in a tail. The ends of the patches are
/// those of `generate_gamma_tables.py`.
#[inline]
fn scaled_derivative(alpha: f64, y: f64, t: f64) -> Option<f64> {
    if alpha < 10.0 {
        let (place, low, ends, high) =
            if alpha < 5.0 { (0, -1.2, [-0.1, 0.9], 1.8) } else { (3, -1.6, [-0.5, 0.6], 1.5) };
        let place = place + usize::from(t > ends[0]) + usize::from(t > ends[1]);
        return (t > low && t < high).then(|| SCALED_LOW[place].value(y, t));
    }
    if alpha < 20.0 {
        return (t > -1.6 && t < 1.2).then(|| SCALED_MIDDLE[usize::from(t > -0.2)].value(y, t));
    }
    if alpha < 250.0 {
        let (place, low, end, high) = if alpha < 50.0 { (0, -1.3, -0.2, 0.9) } else { (2, -0.8, 0.0, 0.7) };
        return (t > low && t < high).then(|| SCALED_HIGH[place + usize::from(t > end)].value(y, t));
    }
    let (place, low, high) = if alpha < 2500.0 { (0, -0.37, 0.34) } else { (1, -0.12, 0.12) };
    (t > low && t < high).then(|| SCALED_TOP[place].value(y, t))
}

/// `α h` by its series for z ≤ 1.5, with as many terms as the size of z requires.
#[inline]
fn short_series(alpha: f64, z: f64, ln_z: f64) -> f64 {
    if z < 0.08 {
        series_of::<9>(alpha, z, ln_z)
    } else if z < 0.4 {
        series_of::<14>(alpha, z, ln_z)
    } else {
        series_of::<22>(alpha, z, ln_z)
    }
}

/// `Σ tₖ (ψ(α+1) − ln z + Σ_{j≤k} 1/(α+j))` over k ≤ N. ψ(α+1) follows from Stirling's series at α + N +
/// 1, as all reciprocals in between are available.
#[inline]
fn series_of<const N: usize>(alpha: f64, z: f64, ln_z: f64) -> f64 {
    let mut reciprocals = [0.0; N];
    for (j, r) in reciprocals.iter_mut().enumerate() {
        *r = 1.0 / (alpha + (j + 1) as f64);
    }
    let (mut term, mut sum, mut harmonic, mut weighted) = (1.0, 1.0, 0.0, 0.0);
    for r in reciprocals {
        term *= z * r;
        harmonic += r;
        sum += term;
        weighted += term * harmonic;
    }
    let top = alpha + (N + 1) as f64;
    let psi = top.ln() - 0.5 / top - half_gap(top) - harmonic;
    sum * (psi - ln_z) + weighted
}

/// The same sum until it converges, with `first = ψ(α+1) − ln z`; all terms are positive where z < α.
#[cold]
fn long_series(alpha: f64, z: f64, first: f64) -> f64 {
    if z == 0.0 || first == f64::INFINITY {
        return first;
    }
    let (mut term, mut sum, mut factor) = (1.0, first, first);
    for k in 1..MOST_TERMS {
        let r = 1.0 / (alpha + k as f64);
        term *= z * r;
        factor += r;
        let next = term * factor;
        sum += next;
        if next.abs() <= 1e-17 * sum.abs() {
            break;
        }
    }
    sum
}

/// `α h` in the upper tail, `α (ln z − ψ(α)) C + α ∂C/∂α` with `C = Q/(z p)`; `first = α (ln z − ψ(α))`.
#[cold]
fn upper_tail_derivative(alpha: f64, z: f64, first: f64) -> f64 {
    if z == f64::INFINITY {
        return 0.0;
    }
    let (c, slope) = upper_fraction(alpha, z);
    first * c + alpha * slope
}

/// `C = Q/(z p) = 1/(z+1−α − 1(1−α)/(z+3−α − 2(2−α)/(z+5−α − …)))` for z > α, and `∂C/∂α`, by Lentz's
/// method on both.
fn upper_fraction(alpha: f64, z: f64) -> (f64, f64) {
    let mut b = z + 1.0 - alpha;
    let (mut f, mut rise_of_f) = (b, -1.0 / b);
    // Lentz's C and D with their logarithmic derivatives: C and D themselves may be near either end of
    // the floating-point range.
    let (mut c, mut rise_of_c) = (b, -1.0 / b);
    let (mut d, mut rise_of_d) = (0.0, 0.0);
    for n in 1..MOST_TERMS {
        let n = n as f64;
        b += 2.0;
        // ∂b/∂α = −1 and ∂a/∂α = n.
        let a = n * (alpha - n);
        let slope = -1.0 + n * d + a * d * rise_of_d;
        d = 1.0 / (b + a * d);
        rise_of_d = -d * slope;
        let slope = -1.0 + n / c - a / c * rise_of_c;
        c = b + a / c;
        rise_of_c = slope / c;
        let ratio = c * d;
        f *= ratio;
        let rise = rise_of_c + rise_of_d;
        rise_of_f += rise;
        // Both differences end at rounding level; for the second, this is the rounding of its two parts.
        if (ratio - 1.0).abs() <= 3e-16 && rise.abs() <= 3e-16 * (rise_of_f.abs() + rise_of_c.abs()) {
            break;
        }
    }
    (1.0 / f, -rise_of_f / f)
}

/// `S = P/(z p) · α = Σ zᵏ/((α+1)…(α+k))`.
fn lower_series(alpha: f64, z: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..MOST_TERMS {
        term *= z / (alpha + k as f64);
        sum += term;
        if term <= 1e-17 * sum {
            break;
        }
    }
    sum
}

/// `ln(z p(z)) = α ln z − z − ln Γ(α)`, from the distance to the mode where the terms are large.
pub(crate) fn ln_kernel(alpha: f64, z: f64, ln_z: f64) -> f64 {
    if alpha < STIRLING_FROM {
        // ln Γ(α) = ln Γ(1 + α) − ln α: for small shapes, the probability near 0 keeps its digits.
        let ln_gamma = if alpha < 1.0 { ln_gamma_1p(alpha) - alpha.ln() } else { ln_gamma(alpha) };
        return alpha * ln_z - z - ln_gamma;
    }
    0.5 * alpha.ln() - HALF_LN_TAU - stirling(alpha) - alpha * exp_m1_minus_x(log_ratio(alpha, z, ln_z))
}

/// `ln(z/α)`, with a small relative error near 0.
fn log_ratio(alpha: f64, z: f64, ln_z: f64) -> f64 {
    if z > 0.5 * alpha && z < 2.0 * alpha { ((z - alpha) / alpha).ln_1p() } else { ln_z - alpha.ln() }
}

/// P and Q.
fn tails(alpha: f64, z: f64) -> (f64, f64) {
    if alpha.is_nan() || alpha <= 0.0 || z.is_nan() || alpha == f64::INFINITY {
        return (f64::NAN, f64::NAN);
    }
    if z <= 0.0 {
        return (0.0, 1.0);
    }
    if z == f64::INFINITY {
        return (1.0, 0.0);
    }
    tails_at(alpha, z, z.ln())
}

/// P and Q at 0 < z < ∞; the smaller one has full relative precision. `ln_z` may have more information
/// than z where z has underflowed.
fn tails_at(alpha: f64, z: f64, ln_z: f64) -> (f64, f64) {
    if alpha < 1.0 && z <= 1.5 {
        // z^α/Γ(1+α) · (1 + α Σ (−z)ᵏ/((α+k) k!)): Q is small for a small shape, and must not be computed
        // as 1 − P.
        let ln_power = alpha * ln_z - ln_gamma_1p(alpha);
        let (mut term, mut sum) = (1.0, 0.0);
        for k in 1..60 {
            let k = f64::from(k);
            term *= -z / k;
            let next = term / (alpha + k);
            sum += next;
            if next.abs() <= 1e-18 {
                break;
            }
        }
        let power = ln_power.exp();
        return (power * (1.0 + alpha * sum), -ln_power.exp_m1() - power * alpha * sum);
    }
    let kernel = ln_kernel(alpha, z, ln_z).exp();
    if alpha >= TEMME_FROM {
        let t = log_ratio(alpha, z, ln_z);
        let patch = match alpha {
            _ if alpha < 2500.0 && t > -0.37 && t < 0.34 => Some(&REMAINDER[0]),
            _ if alpha >= 2500.0 && t.abs() < 0.12 => Some(&REMAINDER[1]),
            _ => None,
        };
        if let Some(patch) = patch {
            let excess = alpha * exp_m1_minus_x(t);
            // erfc(x)/2 = e^−x² m(x √2)/√2π; √(2πα) in units of 1/√2π.
            let normal = mills_ratio((2.0 * excess).sqrt());
            let sign = if t > 0.0 { 1.0 } else { -1.0 };
            let scale = (-excess - HALF_LN_TAU).exp();
            let tail = scale * (normal + sign * patch.value(1.0 / alpha, t) / alpha.sqrt());
            return if t > 0.0 { (1.0 - tail, tail) } else { (tail, 1.0 - tail) };
        }
    }
    if z < alpha + 1.0 {
        let p = kernel * lower_series(alpha, z) / alpha;
        (p, 1.0 - p)
    } else {
        let q = kernel * upper_fraction(alpha, z).0;
        (1.0 - q, q)
    }
}

/// The quantile of the gamma distribution of shape α: z with `P(α, z) = u`.
///
/// Halley's method in ln z on the logarithm of the smaller tail, bracketed. Error: that of [`gamma_cdf`]
/// divided by the steepness of P there, at most 1e-13 relative where α ≤ 100. Below the smallest f64 it
/// gives 0: use [`gamma_log_quantile`] for small shapes. NaN for a shape that is not above 0.
///
/// ```
/// use reparam::{Probability, special::{gamma_survival, gamma_quantile}};
/// let z = gamma_quantile(Probability::from_upper(1e-200f64), 3.0);
/// assert!((gamma_survival(z, 3.0) / 1e-200 - 1.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn gamma_quantile<T: Real>(u: Probability<T>, alpha: T) -> T {
    T::of(quantile(alpha.f64(), u.to_f64()).0)
}

/// The logarithm of [`gamma_quantile`], which does not underflow.
///
/// ```
/// use reparam::{Probability, special::gamma_log_quantile};
/// let ln_z = gamma_log_quantile(Probability::from_lower(0.5f64), 1e-8);
/// assert!((ln_z / (0.5f64.ln() * 1e8) - 1.0).abs() < 1e-8);
/// ```
#[must_use]
pub fn gamma_log_quantile<T: Real>(u: Probability<T>, alpha: T) -> T {
    T::of(quantile(alpha.f64(), u.to_f64()).1)
}

/// Below this ln z the power law is exact: the next term is of order z.
const POWER_LAW: f64 = -40.0;

/// `(P, Q)` at ln z, where z itself may have underflowed; each has full relative precision.
pub(crate) fn gamma_tails_at_log(ln_z: f64, alpha: f64) -> (f64, f64) {
    if ln_z < POWER_LAW {
        let ln_gamma = if alpha < 1.0 { ln_gamma_1p(alpha) } else { ln_gamma(alpha) + alpha.ln() };
        let ln_lower = alpha * ln_z - ln_gamma;
        return (ln_lower.exp(), -ln_lower.exp_m1());
    }
    let z = ln_z.exp();
    if z == f64::INFINITY { (1.0, 0.0) } else { tails(alpha, z) }
}

/// z and ln z.
fn quantile(alpha: f64, u: Probability<f64>) -> (f64, f64) {
    let (ln_lower, ln_upper) = (u.ln_lower(), u.ln_upper());
    if alpha.is_nan() || alpha <= 0.0 || alpha == f64::INFINITY || ln_lower.is_nan() || ln_upper.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    if ln_lower == f64::NEG_INFINITY || ln_upper == f64::NEG_INFINITY {
        let ln_z = if ln_lower < ln_upper { f64::NEG_INFINITY } else { f64::INFINITY };
        return (ln_z.exp(), ln_z);
    }
    // P ≈ z^α/Γ(1+α) for small z, and P is below it: this start is at or below the root.
    let ln_gamma = if alpha < 1.0 { ln_gamma_1p(alpha) } else { ln_gamma(alpha) + alpha.ln() };
    let power_law = (ln_lower + ln_gamma) / alpha;
    if power_law < POWER_LAW {
        return (power_law.exp(), power_law);
    }
    let tail = ln_lower.min(ln_upper).exp();
    let normal = if u.in_lower_half() { normal_quantile(tail) } else { -normal_quantile(tail) };
    // Wilson & Hilferty: the cube root of z/α is nearly normal.
    let cube = 1.0 - 1.0 / (9.0 * alpha) + normal / (3.0 * alpha.sqrt());
    let mut z = if alpha > 0.5 && cube > 0.3 {
        alpha * cube * cube * cube
    } else if u.in_lower_half() || power_law < -1.0 {
        power_law.exp().min(1.0 + alpha)
    } else {
        // Q ≈ z^(α−1) e^−z/Γ(α) in the far tail.
        (-ln_upper + alpha.ln() - ln_gamma).max(0.5)
    };
    let (mut below, mut above) = (0.0, f64::INFINITY);
    for _ in 0..200 {
        let ln_z = z.ln();
        let (p, q) = tails_at(alpha, z, ln_z);
        let kernel = ln_kernel(alpha, z, ln_z).exp();
        // The residual of the logarithm of the smaller tail, its slope in ln z, and its curvature.
        let (residual, slope) =
            if u.in_lower_half() { (p.ln() - ln_lower, kernel / p) } else { (ln_upper - q.ln(), kernel / q) };
        if residual.is_nan() {
            break;
        }
        if residual < 0.0 {
            below = z;
        } else {
            above = z;
        }
        let newton = -residual / slope;
        let curvature = if u.in_lower_half() { alpha - z - slope } else { alpha - z + slope };
        let halley = newton / (1.0 + (0.5 * newton * curvature).clamp(-0.5, 0.5));
        let next = z * halley.clamp(-30.0, 30.0).exp();
        if halley.abs() <= 4.0 * f64::EPSILON {
            return (next, next.ln());
        }
        let next = if next > below && next < above {
            next
        } else if above == f64::INFINITY {
            2.0 * below
        } else if below == 0.0 {
            0.125 * above
        } else {
            (below * above).sqrt()
        };
        if next == z || (above.is_finite() && above - below <= f64::EPSILON * above) {
            return (next, next.ln());
        }
        // A third-order step leaves an error of the order of its cube.
        if halley.abs() < 1e-6 && next == z * halley.exp() {
            return (next, next.ln());
        }
        z = next;
    }
    (z, z.ln())
}
