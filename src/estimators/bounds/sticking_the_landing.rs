//! The evidence lower bound without the score.

use rand::Rng;

use crate::distribution::{DifferentiableLogDensity, Reparameterizable};
use crate::error::Error;
use crate::estimator::{Block, BlockShape, GradientEstimator};
use crate::estimators::bounds::log_ratio::{draw_log_ratios, shape};
use crate::estimators::with_explicit::TotalGradient;
use crate::objective::{DifferentiableObjective, ParametricObjective};
use crate::real::Real;

/// Sticking the landing: the evidence lower bound's gradient without the score, whose mean is 0: `(∂z/∂θ)ᵀ (∇f − ∇_z ln q)`.
///
/// - **Unbiased.** **Needs** and **costs** what [`SampledElbo`](crate::estimators::SampledElbo) does, less the score.
/// - **Variance** is exactly 0 where q is the posterior, since f − ln q is then constant: the noise dies where the training ends. Far away it is larger
///   than that of [`AnalyticElbo`](crate::estimators::AnalyticElbo): for a target N(2, 3) the standard deviation can be 0.2 against 0.03. Neither is always right.
/// - **Use it** for the last steps, and where q can nearly reach the posterior.
///
/// Roeder, Wu & Duvenaud 2017, arXiv:1703.09194.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let q = Normal::new(&[0.0], &[1.0])?; // is the target
/// let f = (|z: &[f64]| -0.5 * z[0] * z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = -z[0]; -0.5 * z[0] * z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = StickingTheLanding.estimate(&q, &f, 100, &mut rng)?;
/// assert_eq!(estimate.gradient(), [0.0, 0.0]);
/// assert_eq!(estimate.total_variance(), 0.0);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StickingTheLanding;

impl<T, D, F> GradientEstimator<T, D, F> for StickingTheLanding
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        shape(distribution, 1)
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        // Its mean is 0 only where the score has one.
        distribution.layout().check_score()
    }

    fn gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        mut block: Block<'_, T>,
        rng: &mut R,
    ) {
        draw_log_ratios(distribution, objective, &mut block, rng);
        distribution.pullback_block(block.noise, block.z, block.dz, block.gradients);
    }
}

impl<T, D, F> TotalGradient<T, D, F> for StickingTheLanding
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ParametricObjective<T> + ?Sized,
{
}
