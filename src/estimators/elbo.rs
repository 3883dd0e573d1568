//! The evidence lower bound, with three ways to its entropy.

use rand::Rng;

use crate::distribution::{DifferentiableLogDensity, Entropy, Reparameterizable};
use crate::estimator::{Block, BlockShape, GradientEstimator};
use crate::objective::DifferentiableObjective;
use crate::real::Real;

/// The evidence lower bound `E_q[ln p(x, z)] + H(q)` with its entropy in closed form: the pathwise gradient of the objective `f = ln p(x, z)`, and the exact
/// gradient of the entropy.
///
/// - **Unbiased**, where [`Pathwise`](super::Pathwise) is. **Needs** a [`Reparameterizable`] distribution with [`Entropy`], and f as a
///   [`DifferentiableObjective`]. **Costs** one evaluation of value and gradient of f.
/// - **Variance**: it does not vanish at the optimum, where that of [`StickingTheLanding`] does; far from it, it is smaller.
/// - The value reported is the bound, as with the other two. With a closed `KL(q ‖ prior)` instead, take f as the log-likelihood, estimate with
///   [`Pathwise`](super::Pathwise), and [add](crate::GradientEstimate::add_exact) the divergence.
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

/// The evidence lower bound `E_q[ln p(x, z) − ln q(z)]` with its entropy sampled: the total derivative, in which ln q counts twice, through the draw and
/// through its own parameters, `(∂z/∂θ)ᵀ (∇f − ∇_z ln q) − ∇_θ ln q`.
///
/// - **Unbiased.** **Needs** a [`Reparameterizable`] distribution with [`DifferentiableLogDensity`], and f as a [`DifferentiableObjective`]. **Costs** one
///   evaluation of value and gradient of f, one density and one score.
/// - **Variance**: neither as small as that of [`AnalyticElbo`] far from the optimum, nor as that of [`StickingTheLanding`] near it, for most q. It is here
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

/// Sticking the landing: the evidence lower bound's gradient without the score, whose mean is 0: `(∂z/∂θ)ᵀ (∇f − ∇_z ln q)`.
///
/// - **Unbiased.** **Needs** and **costs** what [`SampledElbo`] does, less the score.
/// - **Variance** is exactly 0 where q is the posterior, since f − ln q is then constant: the noise dies where the training ends. Far away it is larger
///   than that of [`AnalyticElbo`]: for a target N(2, 3) the standard deviation can be 0.2 against 0.03. Neither is always right.
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

/// Draws a block and turns values and gradients of f into those of `f − ln q`.
pub(super) fn draw_log_ratios<T, D, F, R>(
    distribution: &D,
    objective: &F,
    block: &mut Block<'_, T>,
    rng: &mut R,
) where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
    R: Rng + ?Sized,
{
    let dim = distribution.dim();
    distribution.draw_block(rng, block.noise, block.z);
    objective.value_and_gradient_block(block.z, dim, block.values, block.dz);
    let own = &mut block.scratch[..dim];
    let rows = block.z.chunks_exact(dim).zip(block.dz.chunks_exact_mut(dim));
    for ((z, dz), value) in rows.zip(block.values.iter_mut()) {
        *value -= distribution.log_prob(z);
        distribution.log_prob_gradient(z, own);
        for (dz, &own) in dz.iter_mut().zip(&*own) {
            *dz -= own;
        }
    }
}

/// The room that estimators of `f − ln q` take.
pub(super) fn shape<T: Real, D: Reparameterizable<T> + ?Sized>(distribution: &D, draws: usize) -> BlockShape {
    BlockShape::of_draws(draws)
        .with_noise(distribution.noise_dim())
        .with_objective_gradient()
        .with_scratch(distribution.dim() + distribution.params().len())
}

impl<T, D, F> GradientEstimator<T, D, F> for SampledElbo
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        shape(distribution, 1)
    }

    fn check(&self, distribution: &D) -> Result<(), crate::error::Error> {
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

impl<T, D, F> GradientEstimator<T, D, F> for StickingTheLanding
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        shape(distribution, 1)
    }

    fn check(&self, distribution: &D) -> Result<(), crate::error::Error> {
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
