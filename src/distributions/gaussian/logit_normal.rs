//! The logit-normal.

use crate::bijector::Sigmoid;
use crate::distribution::{Distribution, Entropy, MeanVariance};
use crate::distributions::gaussian::mapped_normal::{MappedNormal, expectation};
use crate::real::Real;
use crate::special::{sigmoid, softplus};

/// A Gaussian through the logistic function, coordinate by coordinate: `ln(z/(1 − z)) ~ N(μ, σ²)`, on the
/// unit interval.
///
/// | | |
/// | --- | --- |
/// | θ | `mu` μ (finite), `sigma` σ (above 0): mean and standard deviation of the log-odds `x = ln(z/(1 − z))` |
/// | density | `p(z) = Π N(x; μ, σ²) / (z (1 − z))`, 0 < z < 1 |
/// | transform | `z = 1/(1 + e^−(μ + σε))`, `ε ~ N(0, 1)` |
/// | pullback | `dμ = z (1 − z) dz`, `dσ = z (1 − z) ε dz` |
/// | score | `∂μ = (x − μ)/σ²`, `∂σ = (((x − μ)/σ)² − 1)/σ` |
/// | ∇_z log p | `−((x − μ)/σ² + 1 − 2z)/(z (1 − z))` |
/// | entropy | `Σ ½ ln(2πe) + ln σ − E[abs(x) + 2 ln(1 + e^−abs(x))]`, gradient `(−E tanh(x/2), 1/σ − E[ε tanh(x/2)])` |
/// | KL(p ‖ q) | that of the Gaussians |
/// | mean, variance | by quadrature |
///
/// Entropy, mean and variance have no closed form: they are computed by quadrature (some 1000 evaluations
/// per coordinate, relative accuracy 1e-11). The slope is at most 1/4, so gradient samples are bounded by
/// the objective's gradient, and nothing overflows. Limits: z rounds to 1 where x is above 37 in f64 and
/// 17 in f32, and `1 − z` loses digits before that; the error of a pullback is then small relative to 1,
/// not to the pullback, and the score, which needs x, is infinite. Where large log-odds matter, use
/// `1 − z` for z and −μ for μ.
///
/// ```
/// use reparam::prelude::*;
///
/// let p = LogitNormal::new(&[0.0], &[2.0])?;
/// let (mut z, mut mean) = ([0.0], [0.0]);
/// p.transform(&[0.0], &mut z);
/// p.mean(&mut mean);
/// assert_eq!(z, [0.5]);
/// assert!((mean[0] - 0.5f64).abs() < 1e-14);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Atchison & Shen 1980, Logistic-normal distributions, Biometrika 67, 261–272, doi:10.2307/2335470.
pub type LogitNormal<T> = MappedNormal<T, Sigmoid>;

impl<T: Real> Entropy<T> for LogitNormal<T> {
    fn entropy(&self) -> T {
        let minus_log_derivative = self.normal().coordinates().map(|(mu, sigma)| {
            let [value] = expectation(mu, sigma, |_, x| [x.abs() + 2.0 * softplus(-x.abs())]);
            T::of(value)
        });
        self.normal().entropy() - minus_log_derivative.sum()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        let (dmu, dsigma) = gradient.split_at_mut(self.dim());
        for ((dmu, dsigma), (mu, sigma)) in dmu.iter_mut().zip(dsigma).zip(self.normal().coordinates()) {
            let [tanh, slope] = expectation(mu, sigma, |e, x| {
                let tanh = (0.5 * x).tanh();
                [tanh, e * tanh]
            });
            *dmu = T::of(-tanh);
            *dsigma = T::of(1.0 / sigma.f64() - slope);
        }
    }
}

impl<T: Real> MeanVariance<T> for LogitNormal<T> {
    fn mean(&self, mean: &mut [T]) {
        for (mean, (mu, sigma)) in mean.iter_mut().zip(self.normal().coordinates()) {
            let [value] = expectation(mu, sigma, |_, x| [sigmoid(x)]);
            *mean = T::of(value);
        }
    }

    fn variance(&self, variance: &mut [T]) {
        for (variance, (mu, sigma)) in variance.iter_mut().zip(self.normal().coordinates()) {
            // z and 1 − z have the same variance: the smaller one is more accurate.
            let mu = -mu.abs();
            let [mean] = expectation(mu, sigma, |_, x| [sigmoid(x)]);
            let [value] = expectation(mu, sigma, |_, x| [(sigmoid(x) - mean).powi(2)]);
            *variance = T::of(value);
        }
    }
}
