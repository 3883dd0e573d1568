//! The logistic family: sigmoid, its logarithm, softplus and log-sum-exp, none of which overflows.

use crate::real::Real;

/// `σ(x) = 1 / (1 + e⁻ˣ)`, to a few ulp for every x, including the far lower tail where it is `eˣ`.
///
/// ```
/// use reparam::special::sigmoid;
/// assert_eq!(sigmoid(0.0), 0.5);
/// assert_eq!(sigmoid(-700.0), (-700.0f64).exp());
/// ```
#[inline]
pub fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp();
    let p = (T::one() + e).recip();
    if x >= T::zero() { p } else { e * p }
}

/// `ln σ(x) = −softplus(−x)`, finite for every finite x.
#[inline]
pub fn log_sigmoid<T: Real>(x: T) -> T {
    -softplus(-x)
}

/// `softplus(x) = ln(1 + eˣ) = max(x, 0) + ln(1 + e^(−|x|))`, to a few ulp for every x. Its derivative is
/// [`sigmoid`].
///
/// ```
/// use reparam::special::softplus;
/// assert_eq!(softplus(1e4), 1e4);
/// assert_eq!(softplus(-700.0f64), (-700.0f64).exp());
/// ```
#[inline]
pub fn softplus<T: Real>(x: T) -> T {
    x.max(T::zero()) + (-x.abs()).exp().ln_1p()
}

/// The inverse of [`softplus`]: `y + ln(1 − e⁻ʸ)` for y > 0.
///
/// ```
/// use reparam::special::{softplus, softplus_inverse};
/// for y in [1e-300, 1e-8, 0.5, 3.0, 1e5f64] {
///     assert!((softplus(softplus_inverse(y)) / y - 1.0).abs() < 1e-13);
/// }
/// ```
#[inline]
pub fn softplus_inverse<T: Real>(y: T) -> T {
    y + (-(-y).exp_m1()).ln()
}

/// `ln(1 − eˣ)` for x ≤ 0, to a few ulp at both ends (Mächler 2012, "Accurately computing log(1 −
/// exp(−|a|))").
#[inline]
pub(crate) fn ln_1m_exp<T: Real>(x: T) -> T {
    if x > -T::LN_2() { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// `ln Σ eˣ` over a slice; −∞ for an empty one. The largest element is taken out, so nothing overflows.
///
/// ```
/// use reparam::special::log_sum_exp;
/// assert_eq!(log_sum_exp(&[1e4f64, 1e4]), 1e4 + 2f64.ln());
/// ```
#[inline]
pub fn log_sum_exp<T: Real>(x: &[T]) -> T {
    let largest = x.iter().copied().fold(T::neg_infinity(), T::max);
    if largest.is_infinite() {
        return largest;
    }
    largest + x.iter().map(|&x| (x - largest).exp()).sum::<T>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_and_its_logarithm_agree_and_stay_finite() {
        for i in -2000..=2000 {
            let x = f64::from(i) * 0.37;
            let p = sigmoid(x);
            assert!((p + sigmoid(-x) - 1.0).abs() < 4.0 * f64::EPSILON);
            // Below the normal range, p has lost digits that its logarithm still has.
            if p >= f64::MIN_POSITIVE {
                assert!((log_sigmoid(x) - p.ln()).abs() <= 1e-15 + 4.0 * f64::EPSILON * x.abs().max(1.0));
            }
        }
        assert_eq!(log_sigmoid(-1e300), -1e300);
        assert_eq!(softplus(-1e300), 0.0);
        assert_eq!(log_sum_exp::<f64>(&[]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY, -1e300]), -1e300);
    }

    #[test]
    fn ln_1m_exp_holds_at_both_ends() {
        assert_eq!(ln_1m_exp(-1e-300f64), 1e-300f64.ln());
        assert_eq!(ln_1m_exp(-50.0f64), -(-50.0f64).exp());
        assert_eq!(ln_1m_exp(0.0f64), f64::NEG_INFINITY);
    }
}
