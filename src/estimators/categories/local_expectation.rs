//! Local expectation gradients.

use crate::distribution::FiniteFactors;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// Local expectation gradients: for every factor of a draw the exact expectation over its alternatives,
/// with the other factors as drawn, `∂θᵢ = Σₖ f(z with factor i := k) p(k) ∂ ln p(k)/∂θᵢ`.
///
/// - **Unbiased** for any objective.
/// - **Needs** [`FiniteFactors`] and an [`Objective`].
/// - **Costs** one evaluation for the draw, and one for each alternative of each factor that was not drawn:
///   1 + D for D bits, 1 + rows × (K − 1) for categories. The cost grows with the dimension of the draw,
///   but the variance need not grow with it at all. More than 10⁸ evaluations are refused.
/// - **Variance** is that of the other factors alone: 0 if there is only one factor, or if f is a sum over
///   factors.
/// - **Use it** where f is cheap, or can be updated cheaply when one factor changes.
///
/// Titsias & Lázaro-Gredilla 2015, Local Expectation Gradients for Black Box Variational Inference,
/// arXiv:1503.01494.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.0, 1.0, -1.0])?;
/// let linear = |b: &[f64]| b[0] + 2.0 * b[1] - b[2];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = LocalExpectation.estimate(&bits, &linear, 100, &mut rng)?;
/// assert!((estimate.gradient()[0] - 0.25).abs() < 1e-15);
/// assert!(estimate.variance()[1] < 1e-30); // f is a sum over bits
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalExpectation;

/// The largest number of evaluations in one gradient sample: a binomial may have many counts.
const MOST: usize = 100_000_000;

fn evaluations<T: Real, D: FiniteFactors<T> + ?Sized>(distribution: &D) -> usize {
    (0..distribution.factors()).fold(1, |all: usize, i| all.saturating_add(distribution.alternatives(i) - 1))
}

impl<T, D, F> GradientEstimator<T, D, F> for LocalExpectation
where
    T: Real,
    D: FiniteFactors<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_own_draws(1).with_evaluations(evaluations(distribution))
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        let found = evaluations(distribution);
        if found <= MOST {
            return Ok(());
        }
        let expected = "at most 100 million, since each is evaluated";
        Err(Error::Option { option: "alternatives", value: found as f64, expected })
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        distribution.sample(rng, block.z);
        objective.value_block(block.z, dim, block.values);
        let rows = block.z.chunks_exact_mut(dim).zip(block.values);
        for (i, ((z, value), gradient)) in rows.zip(block.gradients.chunks_exact_mut(params)).enumerate() {
            let objective = objective.sample(i);
            let against_draw = |factor: usize, alternative: usize| {
                let drawn = distribution.chosen(factor, z);
                // A value that is not finite is left for the engine to find, with the z that gave it.
                if alternative == drawn || !value.is_finite() {
                    return T::zero();
                }
                let p = distribution.log_mass(factor, alternative).exp();
                if p.is_zero() {
                    return p;
                }
                distribution.choose(factor, alternative, z);
                // As a difference from the draw's value: Σ p ∂ ln p = 0, so the draw's own term vanishes.
                let other = objective.value(z);
                if !other.is_finite() {
                    *value = other;
                    return T::zero();
                }
                distribution.choose(factor, drawn, z);
                p * (other - *value)
            };
            distribution.sum_scores(against_draw, gradient);
        }
        Ok(())
    }
}
