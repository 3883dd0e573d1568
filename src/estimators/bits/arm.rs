//! Augment, REINFORCE, merge.

use crate::distribution::Bits;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::objective::{Evaluator, Objective};
use crate::probability::Probability;
use crate::real::Real;

/// `ARM`, augment-REINFORCE-merge: `(f(b̃) − f(b)) (u − ½)` for each logit, with `b = 1[u < p]` and
/// `b̃ = 1[1 − u < p]`.
///
/// - **Unbiased** for any objective. **Needs** [`Bits`] and an [`Objective`]. **Costs** two evaluations of f.
/// - **Variance** is never below that of [`DisArm`](crate::estimators::DisArm), which is the same estimator
///   with the uniforms integrated out: use that one. `ARM` is here for comparison and to reproduce results.
///
/// Yin & Zhou 2019, arXiv:1807.11143.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bit = Bernoulli::from_logits(&[0.5])?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Arm.estimate(&bit, &|b: &[f64]| 3.0 * b[0], 20_000, &mut rng)?;
/// let p = 1.0 / (1.0 + (-0.5f64).exp());
/// assert!((estimate.gradient()[0] - 3.0 * p * (1.0 - p)).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arm;

impl<T, D, F> GradientEstimator<T, D, F> for Arm
where
    T: Real,
    D: Bits<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, _: &D) -> BlockShape {
        BlockShape::of_own_draws(2)
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let dim = distribution.dim();
        for (pair, gradient) in block.z.chunks_exact_mut(2 * dim).zip(block.gradients.chunks_exact_mut(dim)) {
            let (bits, partners) = pair.split_at_mut(dim);
            for (i, g) in gradient.iter_mut().enumerate() {
                let (tail, p) = (T::signed_tail(rng), distribution.probability(i));
                let bit =
                    |tail: T| if Probability::from_tail(tail).is_below(p) { T::one() } else { T::zero() };
                (bits[i], partners[i]) = (bit(tail), bit(-tail));
                // u − ½ from the tail: −½ + u below, ½ − (1 − u) above.
                *g = tail - T::of(0.5).copysign(tail);
            }
        }
        objective.value_block(block.z, dim, block.values);
        for (&[value, partner], gradient) in
            block.values.as_chunks().0.iter().zip(block.gradients.chunks_exact_mut(dim))
        {
            for g in gradient {
                *g *= partner - value;
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }
}

// Both the bits and their partners are draws.
