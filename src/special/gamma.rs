//! The logarithms of the gamma and beta functions, without cancellation at either end.

use super::gamma_difference::ln_1p_minus_x;
use super::gamma_tables::LOG_GAMMA;
use super::polynomial::horner;
use super::{digamma, trigamma};

/// `½ ln 2π`.
pub(super) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_741_78;

/// From here on, Stirling's series is accurate to all digits of an f64.
pub(super) const STIRLING_FROM: f64 = 10.0;

/// `ln Γ(x)` for x > 0.
///
/// Computed by Stirling's series (Abramowitz & Stegun 6.1.41) from x = 10 on; below, by the recurrence
/// down to 1 … 2 and there a polynomial for `ln Γ(x) / ((x − 1)(x − 2))`, which keeps the digits near the
/// two roots. Error: at most 1e-14 relative against mpmath on 1e-300 … 1e300, including the neighbourhood
/// of the roots. +∞ at 0 and ∞, NaN below 0.
///
/// ```
/// use reparam::special::ln_gamma;
/// assert!((ln_gamma(0.5) - 0.572_364_942_924_700_1).abs() < 1e-15); // ln √π
/// ```
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x >= STIRLING_FROM {
        // As a product, it does not become ∞ − ∞ before it overflows.
        return (x - 0.5) * (x.ln() - 1.0) - 0.5 + HALF_LN_TAU + stirling(x);
    }
    if x < 1.0 {
        return ln_gamma_1p(x) - x.ln();
    }
    let mut x = x;
    let mut factor = 1.0;
    while x > 2.0 {
        x -= 1.0;
        factor *= x;
    }
    let near = (x - 1.0) * (x - 2.0) * horner(&LOG_GAMMA, 2.0 * x - 3.0);
    if factor == 1.0 { near } else { near + factor.ln() }
}

/// `ln Γ(1 + x)` for x in 0 … 1, with a small relative error even where `1 + x` would round x away.
pub(super) fn ln_gamma_1p(x: f64) -> f64 {
    x * (x - 1.0) * horner(&LOG_GAMMA, 2.0 * x - 1.0)
}

/// `ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b)` for a, b > 0.
///
/// Where one or both are large, the large parts of Stirling's series are subtracted analytically. Error:
/// at most 1e-14 of `max(1, |ln B|)` against mpmath for a and b in 1e-300 … 1e300. NaN for arguments that
/// are not above 0.
///
/// ```
/// use reparam::special::ln_beta;
/// assert!((ln_beta(2.0, 3.0) + 12.0f64.ln()).abs() < 1e-15);
/// assert!((ln_beta(1e-3, 1e20) - 6.8611271835239727).abs() < 1e-13);
/// ```
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    if a.is_nan() || b.is_nan() || a <= 0.0 {
        return f64::NAN;
    }
    if a >= STIRLING_FROM {
        let corrections = stirling(a) + stirling(b) - stirling(a + b);
        return HALF_LN_TAU - 0.5 * b.ln() + corrections - (a - 0.5) * (b / a).ln_1p() - b * (a / b).ln_1p();
    }
    if b >= STIRLING_FROM {
        let corrections = stirling(b) - stirling(a + b);
        return ln_gamma(a) + corrections - (b - 0.5) * (a / b).ln_1p() - a * ((a + b).ln() - 1.0);
    }
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// `ln Γ*(x) = ln Γ(x) − (x − ½) ln x + x − ½ ln 2π` for x ≥ 10 (Abramowitz & Stegun 6.1.41).
pub(super) fn stirling(x: f64) -> f64 {
    let r = 1.0 / x;
    let y = r * r;
    r * (1.0 / 12.0
        - y * (1.0 / 360.0
            - y * (1.0 / 1260.0
                - y * (1.0 / 1680.0 - y * (1.0 / 1188.0 - y * (691.0 / 360_360.0 - y / 156.0))))))
}

/// `ln x! − (x + ½) ln x + x − ½ ln 2π` for x > 0: the logarithm of a factorial minus Stirling's formula.
pub(crate) fn stirling_remainder(x: f64) -> f64 {
    if x >= STIRLING_FROM { stirling(x) } else { ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - HALF_LN_TAU }
}

/// `ln x − ψ(x)` for x > 0, without the cancellation of its two parts for large x.
pub(crate) fn ln_minus_digamma(x: f64) -> f64 {
    if x < STIRLING_FROM { x.ln() - digamma(x) } else { 0.5 / x + half_gap(x) }
}

/// `ln x − ψ(x) − 1/(2x)` for x ≥ 10 (Abramowitz & Stegun 6.3.18).
pub(super) fn half_gap(x: f64) -> f64 {
    let r = 1.0 / x;
    let y = r * r;
    y * (1.0 / 12.0
        - y * (1.0 / 120.0
            - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y * (1.0 / 132.0 - y * (691.0 / 32760.0 - y / 12.0))))))
}

/// `ψ′(x) − 1/x` for x ≥ 10 (Abramowitz & Stegun 6.4.12).
fn trigamma_minus_reciprocal(x: f64) -> f64 {
    let r = 1.0 / x;
    let y = r * r;
    let series = y
        * (1.0 / 6.0
            - y * (1.0 / 30.0
                - y * (1.0 / 42.0
                    - y * (1.0 / 30.0 - y * (5.0 / 66.0 - y * (691.0 / 2730.0 - y * (7.0 / 6.0)))))));
    (0.5 * r + series) * r
}

/// `x − 1 − ln x` for x > 0, to a few ulp even near its double root at 1.
pub(crate) fn deviance(x: f64) -> f64 {
    -ln_1p_minus_x(x - 1.0)
}

/// `e^t − 1 − t`, to a few ulp even near its double root at 0.
pub(crate) fn exp_m1_minus_x(t: f64) -> f64 {
    if t.abs() > 0.75 {
        return t.exp_m1() - t;
    }
    let (mut term, mut sum, mut n) = (0.5 * t * t, 0.0, 2.0);
    while term.abs() > 1e-17 * f64::abs(sum) {
        sum += term;
        n += 1.0;
        term *= t / n;
    }
    sum
}

/// The entropy of the logarithm of a unit-rate gamma variate, `α + ln Γ(α) − α ψ(α)`, and its derivative
/// `1 − α ψ′(α)`.
pub(crate) fn log_gamma_entropy(alpha: f64) -> (f64, f64) {
    if alpha < STIRLING_FROM {
        // α ψ(α) = α ψ(α + 1) − 1 and α ψ′(α) = α ψ′(α + 1) + 1/α: this removes the poles at 0.
        let (psi, slope) = (digamma(alpha + 1.0), trigamma(alpha + 1.0));
        return (alpha + 1.0 + ln_gamma(alpha) - alpha * psi, 1.0 - alpha * slope - 1.0 / alpha);
    }
    let entropy = HALF_LN_TAU + 0.5 - 0.5 * alpha.ln() + stirling(alpha) + alpha * half_gap(alpha);
    (entropy, -alpha * trigamma_minus_reciprocal(alpha))
}

/// `KL(Γ(p, βp) ‖ Γ(q, βq))` with `ratio = βq/βp`, without a difference of large terms when the shapes
/// are large.
pub(crate) fn gamma_kl(p: f64, q: f64, ratio: f64) -> f64 {
    if p.min(q) < STIRLING_FROM {
        let bregman = ln_gamma(q) - ln_gamma(p) - (q - p) * digamma(p);
        return q * deviance(ratio) + (p - q) * (ratio - 1.0) + bregman;
    }
    // The leading parts of Stirling's series depend only on the ratio of the means; the rest is added.
    q * deviance(ratio * (p / q))
        + 0.5 * deviance(q / p)
        + (q - p) * half_gap(p)
        + (stirling(q) - stirling(p))
}
