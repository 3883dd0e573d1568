//! The exact sum over a finite support.

use crate::distribution::FiniteSupport;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// The largest support that is summed: a hundred million evaluations.
const MOST: usize = 100_000_000;

/// The exact gradient, `Σ_z p(z) f(z) ∇_θ ln p(z)` over the whole support: it has no variance, and is the
/// reference for all other estimators.
///
/// - **Exact.** One gradient sample is the gradient; in an estimate of two, the error bars are 0.
/// - **Needs** a [`FiniteSupport`] and an [`Objective`]. More than 10⁸ outcomes are refused.
/// - **Costs** one evaluation of f for every outcome with a probability above 0, and as many scores.
/// - **Use it** where the support is small: a few bits, one categorical.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let die = Categorical::from_logits(&[0.0; 6], 6)?;
/// let eyes = |z: &[f64]| z.iter().enumerate().map(|(i, z)| (i + 1) as f64 * z).sum::<f64>();
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Enumerate.estimate(&die, &eyes, 2, &mut rng)?;
/// assert!((estimate.value() - 3.5).abs() < 1e-14);
/// assert!((estimate.gradient()[5] - 2.5 / 6.0).abs() < 1e-14); // p (f − E f)
/// assert_eq!(estimate.variance()[5], 0.0);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enumerate;

/// Refuses a support with more outcomes than an estimator can list.
pub(crate) fn check_outcomes<T: Real, D: FiniteSupport<T> + ?Sized>(
    distribution: &D,
    most: usize,
) -> Result<(), Error> {
    match distribution.outcomes() {
        Some(outcomes) if outcomes <= most => Ok(()),
        outcomes => Err(Error::Option {
            option: "outcomes",
            value: outcomes.map_or(f64::INFINITY, |n| n as f64),
            expected: "at most 100 million to sum over, or 1 million to draw from",
        }),
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for Enumerate
where
    T: Real,
    D: FiniteSupport<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let outcomes = distribution.outcomes().unwrap_or(MOST);
        BlockShape::of_draws(1)
            .with_evaluations(outcomes)
            .with_scratch(distribution.params().len())
            .with_explicit_gradient()
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        check_outcomes(distribution, MOST)
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        _: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        // Every gradient sample is the same: only the first is computed.
        let objective = objective.sample(0);
        let (z, gradient) = (&mut block.z[..dim], &mut block.gradients[..params]);
        gradient.fill(T::zero());
        let mut mean = T::zero();
        for index in 0..distribution.outcomes().unwrap_or(0) {
            distribution.outcome(index, z);
            let p = distribution.log_prob(z).exp();
            if p.is_zero() {
                continue;
            }
            let value = objective.value(z);
            mean += p * value;
            distribution.score(z, block.scratch);
            for (g, &score) in gradient.iter_mut().zip(&*block.scratch) {
                *g += p * value * score;
            }
            if objective.depends_on_parameters() {
                objective.add_parameter_gradient(z, p, gradient);
            }
            if !value.is_finite() {
                // Left for the engine to find, with the z that gave it.
                mean = value;
                break;
            }
        }
        let (first, others) = block.z.split_at_mut(dim);
        for row in others.chunks_exact_mut(dim) {
            row.copy_from_slice(first);
        }
        let (first, others) = block.gradients.split_at_mut(params);
        for row in others.chunks_exact_mut(params) {
            row.copy_from_slice(first);
        }
        block.values.fill(mean);
        Ok(())
    }
}
