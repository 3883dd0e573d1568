//! The evidence lower bound with its entropy sampled.

use rand::Rng;

use crate::distribution::{DifferentiableLogDensity, Reparameterizable};
use crate::error::Error;
use crate::estimator::{Block, BlockShape, GradientEstimator};
use crate::estimators::bounds::log_ratio::{draw_log_ratios, shape};
use crate::estimators::with_explicit::TotalGradient;
use crate::objective::{DifferentiableObjective, ParametricObjective};
use crate::real::Real;

/// The evidence lower bound `E_q[ln p(x, z) − ln q(z)]` with its entropy sampled: the total derivative, in which ln q counts twice, through the draw and
/// through its own parameters, `(∂z/∂θ)ᵀ (∇f − ∇_z ln q) − ∇_θ ln q`.
///
/// - **Unbiased.** **Needs** a [`Reparameterizable`] distribution with [`DifferentiableLogDensity`], and f as a [`DifferentiableObjective`]. **Costs** one
///   evaluation of value and gradient of f, one density and one score.
/// - **Variance**: neither as small as that of [`AnalyticElbo`](crate::estimators::AnalyticElbo) far from the optimum, nor as that of [`StickingTheLanding`](crate::estimators::StickingTheLanding) near it, for most q. It is here
///   for distributions without a closed entropy whose last term matters, and to compare.
/// - A parameter that moves the support is refused: its explicit derivative of ln q is no score.
///
/// Kingma & Welling 2014, arXiv:1312.6114; Roeder, Wu & Duvenaud 2017, arXiv:1703.09194.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let q = Normal::new(&[0.5], &[0.8])?;
/// let f = (|z: &[f64]| -0.5 * z[0] * z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = -z[0]; -0.5 * z[0] * z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = SampledElbo.estimate(&q, &f, 10_000, &mut rng)?;
/// assert!((estimate.gradient()[1] - 0.45).abs() < 4.0 * estimate.standard_error()[1]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampledElbo;

impl<T, D, F> GradientEstimator<T, D, F> for SampledElbo
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        shape(distribution, 1)
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        distribution.layout().check_score()
    }

    fn gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        mut block: Block<'_, T>,
        rng: &mut R,
    ) {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        draw_log_ratios(distribution, objective, &mut block, rng);
        distribution.pullback_block(block.noise, block.z, block.dz, block.gradients);
        let score = &mut block.scratch[dim..];
        for (z, row) in block.z.chunks_exact(dim).zip(block.gradients.chunks_exact_mut(params)) {
            distribution.score(z, score);
            for (g, &score) in row.iter_mut().zip(&*score) {
                *g -= score;
            }
        }
    }
}

impl<T, D, F> TotalGradient<T, D, F> for SampledElbo
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ParametricObjective<T> + ?Sized,
{
}
