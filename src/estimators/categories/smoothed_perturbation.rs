//! One jump away from the draw, without a score.

use crate::distribution::Jump;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::continuous::over::ROWS_BYTES;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// Smoothed perturbation analysis, the estimator behind stochastic triples: `wᵢ(z) (f(yᵢ(z)) − f(z))` for
/// each parameter, where the draw z jumps to y at the rate w as the parameter grows.
///
/// - **Unbiased** for any objective.
/// - **Needs** a [`Jump`] and an [`Objective`]. A parameter without one (the r of a negative binomial) is
///   refused by name: freeze it.
/// - **Costs** one evaluation for the draw and one for every parameter; no score, and no random numbers
///   beyond those of the draw.
/// - **Variance** is that of one step of f, times the weight: 0 for a linear f of Poisson counts. It does
///   not depend on a constant added to f, and does not grow with the dimension. For counts it is below that
///   of [`ScoreFunction`](crate::estimators::ScoreFunction) wherever f is smooth from count to count; for
///   the indicator of a rare event it need not be.
/// - **Use it** for counts and categories where a step of f is small compared with f.
///   [`MeasureValued`](crate::estimators::MeasureValued) is the same for Poisson counts and for categories
///   by logits. For a bit it has no variance, and this estimator has some, as only one of the two values
///   jumps. For binomial, geometric and negative binomial counts this one is cheaper.
///
/// Arya, Schauer, Schäfer & Rackauckas 2022, arXiv:2210.08572; Gong & Ho 1987, doi:10.1109/TAC.1987.1104464.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let arrivals = Poisson::new(&[4.0])?;
/// let f = |k: &[f64]| (k[0] - 2.0).powi(2);
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let jump = SmoothedPerturbation.estimate(&arrivals, &f, 5000, &mut rng)?;
/// assert!((jump.gradient()[0] - 5.0).abs() < 4.0 * jump.standard_error()[0]); // E f = λ + (λ − 2)²
/// let score = ScoreFunction::new().estimate(&arrivals, &f, 10_000, &mut rng)?;
/// assert!(jump.variance_per_evaluation() < score.variance_per_evaluation());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SmoothedPerturbation;

impl<T, D, F> GradientEstimator<T, D, F> for SmoothedPerturbation
where
    T: Real,
    D: Jump<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let rows = 1 + distribution.params().len();
        let fit = ROWS_BYTES / ((distribution.dim() + 1) * size_of::<T>());
        BlockShape::of_draws(rows.min(fit.max(2))).with_evaluations(rows).with_own_draws(1)
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        let lacks = |&i: &usize| !distribution.jumps(i);
        match (0..distribution.params().len()).find(lacks).and_then(|i| distribution.layout().locate(i)) {
            None => Ok(()),
            Some((parameter, _)) => Err(Error::NoWeakDerivative { parameter: parameter.clone() }),
        }
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        let rows = block.values.len() / block.samples;
        let buffers = block.z.chunks_exact_mut(rows * dim).zip(block.values.chunks_exact_mut(rows));
        for (i, ((z, values), gradient)) in buffers.zip(block.gradients.chunks_exact_mut(params)).enumerate()
        {
            let objective = objective.sample(i);
            let (z, jumped) = z.split_at_mut(dim);
            distribution.sample(rng, z);
            objective.value_block(z, dim, &mut values[..1]);
            let (value, values) = (values[0], values);
            // As many parameters at a time as there are rows for.
            for (part, weights) in gradient.chunks_mut(rows - 1).enumerate() {
                let jumped = &mut jumped[..weights.len() * dim];
                for (i, (row, weight)) in jumped.chunks_exact_mut(dim).zip(weights.iter_mut()).enumerate() {
                    row.copy_from_slice(z);
                    *weight = distribution.jump(part * (rows - 1) + i, row);
                }
                let values = &mut values[1..=weights.len()];
                objective.value_block(jumped, dim, values);
                for (weight, &at) in weights.iter_mut().zip(&*values) {
                    *weight *= at - value;
                }
            }
            // The value reported is that at the draw; if something went wrong, the engine finds out what.
            if gradient.iter().all(|g| g.is_finite()) && value.is_finite() {
                values.fill(value);
            }
        }
        Ok(())
    }
}
