//! A Gaussian pushed through an increasing map of the line, coordinate by coordinate: what the log-normal
//! and its softplus alternative share.

use rand::Rng;

use crate::bijector::ScalarBijection;
use crate::distribution::{
    Conditional, DifferentiableLogDensity, Distribution, DrawsMut, KlDivergence, LogDensity,
    Reparameterizable, Sequential, UniformNoise,
};
use crate::distributions::Normal;
use crate::distributions::gaussian::normal::{affine, fill_standard_normal};
use crate::error::Error;
use crate::layout::Layout;
use crate::numerics::quadrature::line;
use crate::numerics::{negate, normal_from_uniforms};
use crate::real::Real;
use crate::special::HALF_LN_TAU;

/// `z = h(μ + σ ε)` with a [`ScalarBijection`](crate::bijections::ScalarBijection) h. Use it through its
/// aliases [`LogNormal`](crate::distributions::LogNormal),
/// [`SoftplusNormal`](crate::distributions::SoftplusNormal) and
/// [`LogitNormal`](crate::distributions::LogitNormal).
///
/// A divergence does not change under a map of the draws, so for all of them it is that of the Gaussians.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedNormal<T, M> {
    normal: Normal<T>,
    map: M,
}

impl<T: Real, M: ScalarBijection> MappedNormal<T, M> {
    /// From the means and standard deviations of the Gaussian *before* the map, one of each per
    /// coordinate.
    ///
    /// # Errors
    /// Those of [`Normal::new`].
    pub fn new(mu: &[T], sigma: &[T]) -> Result<Self, Error> {
        Ok(Self { normal: Normal::new(mu, sigma)?, map: M::default() })
    }

    /// The Gaussian before the map.
    #[must_use]
    pub fn normal(&self) -> &Normal<T> {
        &self.normal
    }

    /// `(x − μ)/σ` and 1/σ of each coordinate of a draw.
    fn standardised<'a>(&'a self, z: &'a [T]) -> impl Iterator<Item = (T, T)> + 'a {
        z.iter().zip(self.normal.mu()).zip(self.normal.sigma()).map(move |((&z, &mu), &sigma)| {
            // Finite for a subnormal σ too, where 0 · ∞ would be NaN.
            let precision = sigma.recip().min(T::max_value());
            ((self.map.inverse(z) - mu) * precision, precision)
        })
    }
}

impl<T: Real, M: ScalarBijection> Distribution<T> for MappedNormal<T, M> {
    fn dim(&self) -> usize {
        self.normal.dim()
    }

    fn params(&self) -> &[T] {
        self.normal.params()
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.normal.set_params(params)
    }

    fn layout(&self) -> &Layout {
        self.normal.layout()
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        self.normal.sample(rng, z);
        self.map.forward_in_place(z);
    }
}

impl<T: Real, M: ScalarBijection> Reparameterizable<T> for MappedNormal<T, M> {
    fn noise_dim(&self) -> usize {
        self.dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        fill_standard_normal(rng, noise);
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        affine(self.normal.mu(), self.normal.sigma(), noise, z);
        self.map.forward_in_place(z);
    }

    fn transform_block(&self, noise: &[T], draws: DrawsMut<'_, T>) {
        let z = draws.z;
        self.normal.transform_block(noise, DrawsMut::of(z));
        self.map.forward_in_place(z);
    }

    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        let (dmu, dsigma) = dtheta.split_at_mut(self.dim());
        let rows = dmu.iter_mut().zip(dsigma).zip(noise).zip(z).zip(dz);
        for ((((dmu, dsigma), &e), &z), &dz) in rows {
            *dmu = dz * self.map.derivative_at(z);
            *dsigma = *dmu * e;
        }
    }
}

impl<T: Real, M: ScalarBijection> UniformNoise<T> for MappedNormal<T, M> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        normal_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real, M: ScalarBijection> Conditional<T> for MappedNormal<T, M> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        self.normal.transform_with(params, noise, z);
        self.map.forward_in_place(z);
    }

    #[inline]
    fn pullback_with(&self, _params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        // The derivative is a function of noise and draw alone.
        self.pullback(noise, z, dz, dtheta);
    }
}

impl<T: Real, M: ScalarBijection> LogDensity<T> for MappedNormal<T, M> {
    fn log_prob(&self, z: &[T]) -> T {
        // NaN is not outside the image of any map: it propagates.
        if z.iter().any(|&z| !self.map.contains(z) && !z.is_nan()) {
            return T::neg_infinity();
        }
        let (half, half_ln_tau) = (T::of(0.5), T::of(0.918_938_533_204_672_8));
        let rows = self.standardised(z).zip(z);
        rows.map(|((e, precision), &z)| {
            -half * e * e - half_ln_tau + precision.ln() - self.map.derivative_at(z).ln()
        })
        .sum()
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let (dmu, dsigma) = score.split_at_mut(self.dim());
        for ((dmu, dsigma), (e, precision)) in dmu.iter_mut().zip(dsigma).zip(self.standardised(z)) {
            *dmu = e * precision;
            *dsigma = (e * e - T::one()) * precision;
        }
    }
}

/// Each coordinate is a step.
impl<T: Real, M: ScalarBijection> Sequential<T> for MappedNormal<T, M> {
    fn steps(&self) -> usize {
        self.dim()
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        let dim = self.dim();
        for (e, precision) in self.standardised(z).skip(step).take(1) {
            gradient[step] += weight * (e * precision);
            gradient[dim + step] += weight * ((e * e - T::one()) * precision);
        }
    }
}

impl<T: Real, M: ScalarBijection> DifferentiableLogDensity<T> for MappedNormal<T, M> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        for ((dz, &z), (e, precision)) in dz.iter_mut().zip(z).zip(self.standardised(z)) {
            let inside = self.map.contains(z) || z.is_nan();
            // The density is constant outside.
            *dz = if inside {
                -(e * precision + self.map.log_derivative_gradient_at(z)) / self.map.derivative_at(z)
            } else {
                T::zero()
            };
        }
    }
}

impl<T: Real, M: ScalarBijection> KlDivergence<T> for MappedNormal<T, M> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        self.normal.kl(&other.normal)
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        self.normal.kl_gradient(&other.normal, dtheta, dother)
    }
}

/// `E f(ε, x)` for `x = μ + σε`, by quadrature split at the mean and at x = 0, where the maps curve.
pub(crate) fn expectation<T: Real, const N: usize>(
    mu: T,
    sigma: T,
    f: impl Fn(f64, f64) -> [f64; N],
) -> [f64; N] {
    let (mu, sigma) = (mu.f64(), sigma.f64());
    // To the side of 0 where x = 0 lies.
    let side = if mu > 0.0 { -1.0 } else { 1.0 };
    line((mu / sigma).abs(), |e, from_zero| {
        let density = (-0.5 * e * e - HALF_LN_TAU).exp();
        if density == 0.0 {
            return [0.0; N];
        }
        f(side * e, side * sigma * from_zero).map(|value| density * value)
    })
}
