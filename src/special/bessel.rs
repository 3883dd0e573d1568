//! Modified Bessel functions of order 0 and 1, in the forms that the von Mises distribution needs.

use super::polynomial::horner;
use super::von_mises_tables::{BESSEL_ZERO, RATIO_GAP, RATIO_SLOPE};

/// Below this, the power series is used; above, tables in 1/κ.
const TABLES_FROM: f64 = 2.0;

/// A table in 1/κ.
fn tabulated<const N: usize>(table: &[[f64; N]; 4], y: f64) -> f64 {
    if y < 1.0 / 32.0 {
        horner(&table[0], 64.0 * y - 1.0)
    } else if y < 1.0 / 8.0 {
        horner(&table[1], (64.0 * y - 5.0) / 3.0)
    } else if y < 1.0 / 4.0 {
        horner(&table[2], 16.0 * y - 3.0)
    } else {
        horner(&table[3], 8.0 * y - 3.0)
    }
}

/// `I₀(κ)` and `2 I₁(κ)/κ` by their power series, all of whose terms are positive (Abramowitz & Stegun
/// 9.6.10).
fn series(kappa: f64) -> (f64, f64) {
    let square = 0.25 * kappa * kappa;
    let (mut term, mut zero, mut one, mut k) = (1.0, 0.0, 0.0, 1.0);
    while term > 1e-18 {
        zero += term;
        one += term / k;
        term *= square / (k * k);
        k += 1.0;
    }
    (zero, one)
}

/// `e^−κ I₀(κ)` for κ ≥ 0.
///
/// Error: at most 1e-15 relative against mpmath on 0 … 1e300. NaN for κ < 0.
///
/// ```
/// use reparam::special::bessel_i0_scaled;
/// assert!((bessel_i0_scaled(1.0) - 0.465_759_607_593_640_4).abs() < 1e-15);
/// ```
#[must_use]
pub fn bessel_i0_scaled(kappa: f64) -> f64 {
    if kappa.is_nan() || kappa < 0.0 {
        f64::NAN
    } else if kappa < TABLES_FROM {
        series(kappa).0 * (-kappa).exp()
    } else {
        tabulated(&BESSEL_ZERO, 1.0 / kappa) / kappa.sqrt()
    }
}

/// `A(κ) = I₁(κ)/I₀(κ)` for κ ≥ 0, the mean resultant length of a von Mises distribution.
///
/// Error: at most 1e-15 relative against mpmath on 1e-300 … 1e300. NaN for κ < 0.
///
/// ```
/// use reparam::special::bessel_ratio;
/// assert!((bessel_ratio(1.0) - 0.446_389_965_896_534_5).abs() < 1e-15);
/// ```
#[must_use]
pub fn bessel_ratio(kappa: f64) -> f64 {
    if kappa >= TABLES_FROM {
        return 1.0 - bessel_ratio_complement(kappa);
    }
    if kappa.is_nan() || kappa < 0.0 {
        return f64::NAN;
    }
    let (zero, one) = series(kappa);
    0.5 * kappa * one / zero
}

/// `1 − I₁(κ)/I₀(κ)` for κ ≥ 0, with a relative error of at most 1e-15 even where it falls as 1/(2κ). NaN
/// for κ < 0.
///
/// ```
/// use reparam::special::bessel_ratio_complement;
/// assert!((bessel_ratio_complement(1e20) * 2e20 - 1.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn bessel_ratio_complement(kappa: f64) -> f64 {
    if kappa >= TABLES_FROM { tabulated(&RATIO_GAP, 1.0 / kappa) / kappa } else { 1.0 - bessel_ratio(kappa) }
}

/// `A′(κ) = 1 − A/κ − A²` for κ ≥ 0, with a relative error of at most 4e-15 even where it falls as
/// 1/(2κ²). ½ at 0, NaN below.
///
/// ```
/// use reparam::special::bessel_ratio_derivative;
/// assert!((bessel_ratio_derivative(1e100) * 2e200 - 1.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn bessel_ratio_derivative(kappa: f64) -> f64 {
    if kappa >= TABLES_FROM {
        return tabulated(&RATIO_SLOPE, 1.0 / kappa) / kappa / kappa;
    }
    if kappa.is_nan() || kappa < 0.0 {
        return f64::NAN;
    }
    let (zero, one) = series(kappa);
    let half = 0.5 * one / zero;
    1.0 - half - (kappa * half) * (kappa * half)
}
