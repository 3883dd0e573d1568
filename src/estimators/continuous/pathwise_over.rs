//! The pathwise estimator over a source of noise.

use rand::Rng;

use crate::distribution::Reparameterizable;
use crate::error::Error;
use crate::estimator::{Block, BlockShape, GradientEstimator};
use crate::estimators::continuous::over;
use crate::estimators::with_explicit::TotalGradient;
use crate::noise::NoiseSource;
use crate::objective::{DifferentiableObjective, ParametricObjective};
use crate::real::Real;

/// The pathwise estimator over the points of a [noise source](crate::noise): `1/n Σᵢ (∂g/∂θ)ᵀ(εᵢ) ∇f(zᵢ)` with `zᵢ = g(θ, εᵢ)` is one
/// gradient sample.
///
/// - **Unbiased** where [`Pathwise`](crate::estimators::Pathwise) is, since every point by itself has the law of the noise.
/// - **Needs** a [`Reparameterizable`] distribution that the source can serve (most ask for
///   [`UniformNoise`](crate::UniformNoise)) and a [`DifferentiableObjective`].
/// - **Costs** n evaluations of value and gradient of f, n = the source's points, streamed through fixed buffers however many they are.
/// - **Variance** is that of the mean over the points, as the source makes them depend on each other: for smooth f of few coordinates
///   [`ScrambledSobol`](crate::noise::ScrambledSobol) takes it down almost as n⁻³, [`Antithetic`](crate::noise::Antithetic) removes
///   the part that is odd in the noise.
/// - **Use it** for a precise gradient of an objective whose evaluation is cheap, or to compare two gradients by
///   [common random numbers](crate::noise::Replay).
///
/// Glasserman 2003, Monte Carlo Methods in Financial Engineering, chapters 4, 5 and 7, doi:10.1007/978-0-387-21617-1; Buchholz,
/// Wenzel & Mandt 2018, arXiv:1807.01604.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = LogNormal::new(&[0.0], &[0.5])?;
/// let f = (|z: &[f64]| z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 1.0; z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = PathwiseOver::new(ScrambledSobol::new(10)?).estimate(&normal, &f, 16, &mut rng)?;
/// let exact = 0.125f64.exp(); // E z = exp(μ + σ²/2), also its derivative by μ
/// assert!((estimate.gradient()[0] - exact).abs() < 4.0 * estimate.standard_error()[0]);
/// assert!(estimate.standard_error()[0] < 1e-3); // as many independent draws would give 5e-3
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// An error that names a draw counts it from the first of the rows that were in the buffers, where the points do not fit all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathwiseOver<S> {
    source: S,
}

impl<S> PathwiseOver<S> {
    /// Over the points of this source.
    #[must_use]
    pub fn new(source: S) -> Self {
        Self { source }
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<T, D, F, S> GradientEstimator<T, D, F> for PathwiseOver<S>
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
    S: NoiseSource<T, D>,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        over::shape(&self.source, distribution, BlockShape::default().with_objective_gradient())
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        self.source.check(distribution)
    }

    fn check_samples(&self, _distribution: &D, samples: usize) -> Result<(), Error> {
        over::check_samples(&self.source, samples)
    }

    fn gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
    ) {
        self.make(distribution, objective, block, rng, |_, _| {});
    }
}

impl<S> PathwiseOver<S> {
    /// The gradient samples, `explicit(z, gradients)` added to the gradients of all rows.
    fn make<T, D, F, R>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
        mut explicit: impl FnMut(&[T], &mut [T]),
    ) where
        T: Real,
        D: Reparameterizable<T> + ?Sized,
        F: DifferentiableObjective<T> + ?Sized,
        S: NoiseSource<T, D>,
        R: Rng + ?Sized,
    {
        over::gradient_samples(
            &self.source,
            distribution,
            block,
            rng,
            |noise, z, values, dz| {
                distribution.transform_block(noise, z);
                objective.value_and_gradient_block(z, distribution.dim(), values, dz);
            },
            |rows, gradients| {
                distribution.pullback_block(rows.noise, rows.z, rows.dz, gradients);
                explicit(rows.z, gradients);
            },
        );
    }
}

impl<T, D, F, S> TotalGradient<T, D, F> for PathwiseOver<S>
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    F: DifferentiableObjective<T> + ParametricObjective<T> + ?Sized,
    S: NoiseSource<T, D>,
{
    /// Of every point, in whatever parts they come.
    fn total_gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
    ) {
        self.make(distribution, objective, block, rng, over::explicit(distribution, objective));
    }
}
