//! Mills' ratio of the standard normal: the tail without its exponential.

use super::gamma_tables::{MILLS, MILLS_DEFECT};
use super::polynomial::horner;

/// The ends of the pieces of the tables, in u = 1/(1 + x).
#[inline]
fn tabulated<const N: usize>(table: &[[f64; N]; 3], x: f64) -> f64 {
    let u = 1.0 / (1.0 + x);
    if u < 0.25 {
        horner(&table[0], 8.0 * u - 1.0)
    } else if u < 0.5 {
        horner(&table[1], 8.0 * u - 3.0)
    } else {
        horner(&table[2], 4.0 * u - 3.0)
    }
}

/// Mills' ratio `m(x) = (1 − Φ(x))/φ(x)` for x ≥ 0.
///
/// Error: at most 1e-15 relative against mpmath. NaN for x < 0.
///
/// ```
/// use reparam::special::mills_ratio;
/// assert!((mills_ratio(0.0) - (std::f64::consts::PI / 2.0).sqrt()).abs() < 1e-15);
/// ```
#[must_use]
pub fn mills_ratio(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    tabulated(&MILLS, x) / (1.0 + x)
}

/// `1 − x m(x)` for x ≥ 0, which falls as 1/x²; relative error at most 1e-15.
///
/// ```
/// use reparam::special::mills_defect;
/// assert!((mills_defect(1e8) * 1e16 - 1.0).abs() < 1e-14);
/// ```
#[must_use]
pub fn mills_defect(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    tabulated(&MILLS_DEFECT, x) / (1.0 + x * x)
}
