//! The gradient at the draw, as if the draw were its mean.

use crate::distribution::Relaxable;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::biased::relaxing::{add_mean_slopes, fill_probabilities};
use crate::objective::{DifferentiableObjective, Evaluator};
use crate::real::Real;

/// Straight-through: the gradient of f at the hard draw, pulled back as if the draw were its mean:
/// `∇f(z) · ∂E[z]/∂θ`.
///
/// For each logit of a bit this is `∂f/∂b · p (1 − p)`; for a row of categories, `pₖ (∂f/∂zₖ − Σ p ∂f/∂z)`.
///
/// - **BIASED** for the discrete objective `E[f(z)]`, unless f is linear in each bit or row. The bias does
///   not vanish with more samples. For one bit it is `p (1 − p)` times the difference between `E f′(b)` and
///   `f(1) − f(0)`, which is of second order in f.
/// - **Needs** [`Relaxable`] bits or categories and a [`DifferentiableObjective`] that makes sense off the
///   corners, though it is only evaluated at them.
/// - **Costs** one evaluation of value and gradient.
/// - **Variance** is that of `∇f` at the draw: 0 for a linear f, and no temperature raises it.
/// - **Use it** where a low variance matters more than a bias that you cannot lower;
///   [`ReinMax`](crate::estimators::ReinMax) costs the same, and its bias is of third order.
///
/// The value reported is f at the draw. Bengio, Léonard & Courville 2013, arXiv:1308.3432.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.0, 1.0])?;
/// // f = (b₀ + b₁)²/2
/// let f = Differentiable(|b: &[f64], db: Option<&mut [f64]>| {
///     let sum = b[0] + b[1];
///     if let Some(db) = db {
///         db.fill(sum);
///     }
///     0.5 * sum * sum
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let biased = StraightThrough.estimate(&bits, &f, 10_000, &mut rng)?;
/// let exact = Enumerate.estimate(&bits, &f, 1, &mut rng)?;
/// assert!((biased.value() - exact.value()).abs() < 4.0 * biased.value_standard_error());
/// // f is curved: at p = ½ the errors at both ends cancel, but at another p they do not.
/// assert!((biased.gradient()[0] - exact.gradient()[0]).abs() < 4.0 * biased.standard_error()[0]);
/// assert!((biased.gradient()[1] - exact.gradient()[1]).abs() > 4.0 * biased.standard_error()[1]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StraightThrough;

impl<T, D, F> GradientEstimator<T, D, F> for StraightThrough
where
    T: Real,
    D: Relaxable<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_own_draws(1).with_objective_gradient().with_scratch(2 * distribution.dim())
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let dim = distribution.dim();
        distribution.sample(rng, block.z);
        objective.value_and_gradient_block(block.z, dim, block.values, block.dz);
        let (p, q) = block.scratch.split_at_mut(dim);
        fill_probabilities(distribution, p, q);
        block.gradients.fill(T::zero());
        for (dz, gradient) in block.dz.chunks_exact(dim).zip(block.gradients.chunks_exact_mut(dim)) {
            add_mean_slopes(distribution, (p, q), dz, T::one(), gradient);
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }
}
