//! The evidence lower bound with its entropy in closed form.

use rand::Rng;

use crate::distribution::{Entropy, Reparameterizable};
use crate::estimator::{Block, BlockShape, GradientEstimator};
use crate::estimators::with_explicit::TotalGradient;
use crate::objective::{DifferentiableObjective, ParametricObjective};
use crate::real::Real;

/// The evidence lower bound `E_q[ln p(x, z)] + H(q)` with its entropy in closed form: the pathwise gradient of the objective `f = ln p(x, z)`, and the exact
/// gradient of the entropy.
///
/// - **Unbiased**, where [`Pathwise`](crate::estimators::Pathwise) is. **Needs** a [`Reparameterizable`] distribution with [`Entropy`], and f as a
///   [`DifferentiableObjective`]. **Costs** one evaluation of value and gradient of f.
/// - **Variance**: it does not vanish at the optimum, where that of [`StickingTheLanding`](crate::estimators::StickingTheLanding) does; far from it, it is smaller.
/// - The value reported is the bound, as with the other two. With a closed `KL(q ‖ prior)` instead, take f as the log-likelihood, estimate with
///   [`Pathwise`](crate::estimators::Pathwise), and [add](crate::GradientEstimate::add_exact) the divergence.
///
/// Kingma & Welling 2014, arXiv:1312.6114; Roeder, Wu & Duvenaud 2017, arXiv:1703.09194, for the comparison.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// // q = N(0.5, 0.8²) for a target N(0, 1), up to its constant: the gradient is −μ for μ and 1/σ − σ for σ.
/// let q = Normal::new(&[0.5], &[0.8])?;
/// let f = (|z: &[f64]| -0.5 * z[0] * z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = -z[0]; -0.5 * z[0] * z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = AnalyticElbo.estimate(&q, &f, 10_000, &mut rng)?;
/// assert!((estimate.gradient()[0] + 0.5).abs() < 4.0 * estimate.standard_error()[0]);
/// assert!((estimate.gradient()[1] - 0.45).abs() < 4.0 * estimate.standard_error()[1]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnalyticElbo;

impl<T, D, F> GradientEstimator<T, D, F> for AnalyticElbo
where
    T: Real,
    D: Reparameterizable<T> + Entropy<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_draws(1)
            .with_noise(distribution.noise_dim())
            .with_objective_gradient()
            .with_scratch(distribution.params().len())
    }

    fn gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
    ) {
        distribution.draw_block(rng, block.noise, block.z);
        objective.value_and_gradient_block(block.z, distribution.dim(), block.values, block.dz);
        distribution.pullback_block(block.noise, block.z, block.dz, block.gradients);
        let entropy = distribution.entropy();
        distribution.entropy_gradient(block.scratch);
        for value in block.values {
            *value += entropy;
        }
        for row in block.gradients.chunks_exact_mut(block.scratch.len()) {
            for (g, &own) in row.iter_mut().zip(&*block.scratch) {
                *g += own;
            }
        }
    }
}

impl<T, D, F> TotalGradient<T, D, F> for AnalyticElbo
where
    T: Real,
    D: Reparameterizable<T> + Entropy<T> + ?Sized,
    F: DifferentiableObjective<T> + ParametricObjective<T> + ?Sized,
{
}
