//! The log-normal.

use crate::bijector::Exp;
use crate::distribution::{Distribution, Entropy, MeanVariance};
use crate::distributions::gaussian::mapped_normal::MappedNormal;
use crate::real::Real;
use crate::special::ln_1m_exp;

/// The log-normal with independent coordinates: `ln z ~ N(μ, σ²)`.
///
/// | | |
/// | --- | --- |
/// | θ | `mu` (finite), `sigma` (above 0): mean and standard deviation of `ln z` |
/// | density | `p(z) = Π (zσ√(2π))⁻¹ exp(−½ ((ln z − μ)/σ)²)`, z > 0 |
/// | transform | `z = exp(μ + σ ε)`, `ε ~ N(0, 1)` |
/// | pullback | `dμ = z dz`, `dσ = z ε dz` |
/// | score | `∂μ = (ln z − μ)/σ²`, `∂σ = (((ln z − μ)/σ)² − 1)/σ` |
/// | ∇_z log p | `−(1 + (ln z − μ)/σ²)/z` |
/// | entropy | `Σ μ + ½ ln(2πe) + ln σ`, gradient `(1, 1/σ)` |
/// | KL(p ‖ q) | that of the Gaussians |
/// | mean, variance | `exp(μ + σ²/2)`, `(e^(σ²) − 1) exp(2μ + σ²)` |
///
/// # When the exponential explodes
///
/// The draw and its derivative are the same number, `∂z/∂μ = z`. Both grow exponentially with μ and σ,
/// and so does the pathwise gradient of even the mildest objective. For f(z) = z the exact gradient is
/// `exp(μ + σ²/2)`, and one gradient sample has the relative standard deviation `√(exp(σ²) − 1)` for any
/// μ:
///
/// | σ | 0.5 | 1 | 2 | 3 | 5 |
/// | --- | --- | --- | --- | --- | --- |
/// | sd of a gradient sample / gradient | 0.53 | 1.3 | 7.3 | 90 | 2.7e5 |
/// | gradient samples for 1 % | 2.8e3 | 1.7e4 | 5.4e5 | 8.1e7 | 7.2e14 |
///
/// Long before the last columns, the estimated error bar itself is too small, because the draws that
/// carry the mean have not been seen yet. Moreover, the draw overflows at `x > 88.7` in `f32` and at
/// `x > 709.8` in `f64`; the estimators then return
/// [`Error::NonFiniteTransform`](crate::Error::NonFiniteTransform) instead of a NaN.
///
/// What to do, in this order:
/// 1. If only positivity matters, use [`SoftplusNormal`](crate::distributions::SoftplusNormal): its slope
///    is below 1, so a gradient sample is never larger than the objective's own gradient.
/// 2. Work with `ln z`: a [`Normal`](crate::distributions::Normal) and an objective of x, where the
///    objective allows it.
/// 3. Keep σ small (below 1) by bounding or regularising it, or use `f64`.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let f = (|z: &[f32]| z[0], |z: &[f32], dz: &mut [f32]| { dz[0] = 1.0; z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
///
/// let exploding = LogNormal::new(&[85.0f32], &[3.0])?;
/// let error = Pathwise.estimate(&exploding, &f, 1000, &mut rng).unwrap_err();
/// assert!(matches!(error, Error::NonFiniteTransform { .. }));
///
/// let stable = SoftplusNormal::new(&[85.0f32], &[3.0])?;
/// let estimate = Pathwise.estimate(&stable, &f, 1000, &mut rng)?;
/// assert!((estimate.gradient()[0] - 1.0).abs() < 1e-6); // softplus is the identity out there
/// # Ok::<(), reparam::Error>(())
/// ```
pub type LogNormal<T> = MappedNormal<T, Exp>;

impl<T: Real> Entropy<T> for LogNormal<T> {
    fn entropy(&self) -> T {
        self.normal().entropy() + self.normal().mu().iter().copied().sum()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        self.normal().entropy_gradient(gradient);
        gradient[..self.dim()].fill(T::one());
    }
}

impl<T: Real> MeanVariance<T> for LogNormal<T> {
    fn mean(&self, mean: &mut [T]) {
        for (mean, (mu, sigma)) in mean.iter_mut().zip(self.normal().coordinates()) {
            *mean = (mu + T::of(0.5) * sigma * sigma).exp();
        }
    }

    fn variance(&self, variance: &mut [T]) {
        for (variance, (mu, sigma)) in variance.iter_mut().zip(self.normal().coordinates()) {
            let square = sigma.f64() * sigma.f64();
            // (e^s − 1) e^(2μ + s) = (1 − e^−s) e^(2μ + 2s): one exponential that overflows only if the
            // variance does.
            *variance = T::of((2.0 * (mu.f64() + square) + ln_1m_exp(-square)).exp());
        }
    }
}
