//! The implicit derivative of one Beta at many points: a table about its mean.

use super::gamma_difference::digamma_difference_beyond_log;
use super::incomplete_beta_fields::{LARGE, beta_implicit_log_odds_slope, visit_taylor};

/// `dl/da` of the log-odds of a Beta(a, b) as a function of x, for a caller that evaluates it often: by
/// its Taylor series up to two and a half standard deviations from the mean, else directly. The series is
/// that of the third method of `incomplete_beta_fields`. For shapes below the limit of that method, its
/// recurrence is run upwards from the value at the mean, which is known here; rounding errors then grow
/// as e^(deviance), hence the bound on the distance. The relative error is 1e-12, as for the direct form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BetaField {
    a: f64,
    b: f64,
    mean: f64,
    /// The largest relative distance from the mean for which the series is used.
    reach: f64,
    coefficients: [f64; TERMS],
}

/// `|τ| ≤ 0.56` and 64 terms: 0.56⁶⁴ is 8e-17.
const TERMS: usize = 64;
const FARTHEST: f64 = 0.56;

/// For shapes below this, few draws are within reach.
const LEAST: f64 = 1.5;

impl BetaField {
    pub(crate) fn new(a: f64, b: f64) -> Self {
        let n = a + b;
        let (x0, y0) = (a / n, b / n);
        let mut field = Self { a, b, mean: x0, reach: 0.0, coefficients: [0.0; TERMS] };
        if a < LEAST || b < a {
            return field;
        }
        // A deviance of 3.1, two and a half standard deviations.
        field.reach = (6.25 * y0 / a).sqrt().min(FARTHEST);
        let c = &mut field.coefficients;
        if a >= LARGE {
            let mut order = TERMS;
            visit_taylor::<false>(a, b, TERMS, |coefficient, _| {
                order -= 1;
                c[order] = coefficient;
            });
            return field;
        }
        c[0] = beta_implicit_log_odds_slope(x0, y0, a, b);
        // E ln z − ln E z
        c[1] = -digamma_difference_beyond_log(a, n, b) / y0;
        let mut sign = -1.0;
        for k in 1..TERMS - 1 {
            let order = k as f64;
            let below = (a + x0 * (order - 1.0)) * c[k - 1] - (y0 - x0) * order * c[k];
            c[k + 1] = (sign / order + below) / (y0 * (order + 1.0));
            sign = -sign;
        }
        field
    }

    /// `dl/da` at x, where y = 1 − x.
    #[inline]
    pub(crate) fn slope(&self, x: f64, y: f64) -> f64 {
        let tau = (x - self.mean) / self.mean;
        if tau.abs() > self.reach {
            return beta_implicit_log_odds_slope(x, y, self.a, self.b);
        }
        // Four interleaved series in τ⁴: in a single one, each step would wait for a product.
        let square = tau * tau;
        let fourth = square * square;
        let mut sums = [0.0; 4];
        for c in self.coefficients.chunks_exact(4).rev() {
            for (sum, c) in sums.iter_mut().zip(c) {
                *sum = *sum * fourth + c;
            }
        }
        (sums[0] + tau * sums[1]) + square * (sums[2] + tau * sums[3])
    }
}
