//! The estimator interface.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | `GradientEstimator`: a rule that makes one gradient sample |
//! | `block` | the buffers of a block, the sizes that an estimator needs, and who adds the explicit gradient |
//! | `rng` | the generator of a block |

mod block;
mod rng;

pub use block::{Block, BlockShape, ExplicitGradient, Statistics};
pub use rng::BlockRng;

use crate::distribution::Distribution;
use crate::error::Error;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// A rule that makes one gradient sample: a random vector whose expectation is `∇_θ E[f(z)]` (or, where its
/// type and docs say so, close to it).
///
/// An implementation writes [`shape`](Self::shape) and [`gradient_samples`](Self::gradient_samples).
/// Averaging, variance, blocks and error checks belong to the engine, and come with
/// [`estimate`](crate::Estimate::estimate).
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
/// use reparam::{Block, BlockRng, BlockShape, Draws, Evaluator, LogDensity, Objective, Real};
///
/// /// The score function without a baseline, in ten lines.
/// struct Plain;
///
/// impl<T: Real, D: LogDensity<T>, F: Objective<T>> GradientEstimator<T, D, F> for Plain {
///     fn shape(&self, _: &D) -> BlockShape {
///         BlockShape::of_own_draws(1)
///     }
///     fn gradient_samples(
///         &self,
///         p: &D,
///         f: Evaluator<'_, F>,
///         block: Block<'_, T>,
///         rng: &mut BlockRng<'_>,
///     ) -> Result<(), Error> {
///         p.sample(rng, block.z);
///         f.value_block(block.z, p.dim(), block.values);
///         p.score_block(Draws::of(block.z), block.gradients);
///         for (row, &value) in block.gradients.chunks_exact_mut(p.params().len()).zip(&*block.values) {
///             row.iter_mut().for_each(|g| *g *= value);
///         }
///         Ok(())
///     }
/// }
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let f = |z: &[f64]| z[0];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Plain.estimate(&normal, &f, 10_000, &mut rng)?;
/// assert!((estimate.gradient()[0] - 1.0).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
pub trait GradientEstimator<T: Real, D: Distribution<T> + ?Sized, F: Objective<T> + ?Sized> {
    /// The room that one gradient sample takes for this distribution.
    fn shape(&self, distribution: &D) -> BlockShape;

    /// Makes the gradient samples of one block: fills `values` and `gradients`, and `noise`, `z`, `dz`
    /// where it has them.
    ///
    /// # Errors
    /// What the estimator finds wrong; the estimate then ends with that error. The estimator need not check
    /// whether numbers are finite: the engine does, and names the first that is not.
    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error>;

    /// Evaluations of f in one gradient sample: a budget allows `budget / evaluations` gradient samples.
    fn evaluations(&self, distribution: &D) -> usize {
        self.shape(distribution).evaluations
    }

    /// Refuses what the types let through: a bad option, a parameter for which the estimator is not valid.
    ///
    /// # Errors
    /// As the estimator documents.
    fn check(&self, distribution: &D) -> Result<(), Error> {
        let _ = distribution;
        Ok(())
    }

    /// Refuses an objective that does not fit the distribution, such as one with another number of steps.
    ///
    /// # Errors
    /// As the estimator documents.
    fn check_objective(&self, distribution: &D, objective: &F) -> Result<(), Error> {
        let _ = (distribution, objective);
        Ok(())
    }

    /// Refuses a number of gradient samples that the estimator cannot make, such as more than it has stored
    /// noise for.
    ///
    /// # Errors
    /// As the estimator documents.
    fn check_samples(&self, distribution: &D, samples: usize) -> Result<(), Error> {
        let _ = (distribution, samples);
        Ok(())
    }

    /// Learns from the spent samples after an estimate has succeeded. All sums are finite: if one has
    /// overflowed, this is not called. The default learns nothing.
    fn update(&mut self, spent: Statistics<'_>) {
        let _ = spent;
    }
}
