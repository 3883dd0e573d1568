//! The most probable outcomes summed, and one of the rest drawn.

use crate::distribution::FiniteSupport;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::categories::enumerate::check_outcomes;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// The largest support whose probabilities are listed.
const MOST: usize = 1_000_000;

/// Sum and sample, Rao-Blackwellised over the summed outcomes: a set C of k outcomes is summed, and one
/// more is drawn from the rest, `Σ_{z ∈ C} p(z) f(z) s(z) + (1 − p(C)) f(z′) s(z′)`, `z′ ~ p` outside C.
///
/// - **Unbiased** for any objective.
/// - **Needs** a [`FiniteSupport`] and an [`Objective`].
/// - **Costs** k + 1 evaluations. To find the k outcomes it lists the support once for each batch of
///   gradient samples in the buffers. More than 10⁶ outcomes are refused.
/// - **Variance** is `(1 − p(C))` times that of the score function on the rest: it falls fast where a few
///   outcomes have most of the mass. A constant [baseline](Self::with_constant_baseline) helps as it does
///   for the score function.
/// - **Use it** for one categorical with many classes, of which only a few are likely.
///
/// Liu, Regier, Tripuraneni, Jordan & McAuliffe 2019, arXiv:1810.04777.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let peaked = Categorical::from_logits(&[5.0, 0.0, 0.0, 0.0], 4)?;
/// let f = |z: &[f64]| z[0] + 2.0 * z[1] - z[3];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let two = SumAndSample::new(1).estimate(&peaked, &f, 5000, &mut rng)?;
/// let plain = ScoreFunction::new().estimate(&peaked, &f, 10_000, &mut rng)?;
/// assert!(two.variance_per_evaluation() < plain.variance_per_evaluation());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SumAndSample {
    summed: usize,
    baseline: f64,
}

impl SumAndSample {
    /// With the k most probable outcomes summed; where probabilities are equal, the first in the list is
    /// taken. k = 0 is the plain score function.
    #[must_use]
    pub fn new(summed: usize) -> Self {
        Self { summed, baseline: 0.0 }
    }

    /// With a constant subtracted from every value of f.
    #[must_use]
    pub fn with_constant_baseline(self, baseline: f64) -> Self {
        Self { baseline, ..self }
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for SumAndSample
where
    T: Real,
    D: FiniteSupport<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let outcomes = distribution.outcomes().unwrap_or(MOST);
        let summed = self.summed.min(outcomes);
        BlockShape::of_draws(summed + 1)
            .with_evaluations(summed + usize::from(summed < outcomes))
            .with_scratch(outcomes + distribution.params().len())
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
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        let outcomes = distribution.outcomes().unwrap_or(0);
        let (probabilities, score) = block.scratch.split_at_mut(outcomes);
        let rows = block.values.len() / block.samples;
        let summed = rows - 1;
        let (first, _) = block.z.split_at_mut(rows * dim);
        for (index, p) in probabilities.iter_mut().enumerate() {
            distribution.outcome(index, &mut first[..dim]);
            *p = distribution.log_prob(&first[..dim]).exp();
        }
        // The summed outcomes, written into the first rows of each gradient sample; the rest stays in the
        // list.
        for row in first.chunks_exact_mut(dim).take(summed) {
            let heavy = |best: usize, i: usize| if probabilities[i] > probabilities[best] { i } else { best };
            let index = (1..outcomes).fold(0, heavy);
            distribution.outcome(index, row);
            probabilities[index] = T::zero();
        }
        let left: T = probabilities.iter().copied().sum();
        for sample in 1..block.samples {
            block.z.copy_within(0..summed * dim, sample * rows * dim);
        }
        for z in block.z.chunks_exact_mut(rows * dim) {
            let mut u = T::of(rand::RngExt::random::<f64>(rng)) * left;
            let mut drawn = None;
            for (index, &p) in probabilities.iter().enumerate().filter(|(_, p)| **p > T::zero()) {
                drawn = Some(index);
                if u < p {
                    break;
                }
                u -= p;
            }
            match drawn {
                Some(index) => distribution.outcome(index, &mut z[summed * dim..]),
                // Nothing is left: any row will do, its weight is 0.
                None => z.copy_within(0..dim, summed * dim),
            }
        }
        objective.value_block(block.z, dim, block.values);
        let baseline = T::of(self.baseline);
        let samples = block.z.chunks_exact(rows * dim).zip(block.values.chunks_exact_mut(rows));
        for ((z, values), gradient) in samples.zip(block.gradients.chunks_exact_mut(params)) {
            gradient.fill(T::zero());
            let mut mean = T::zero();
            for (row, (z, &value)) in z.chunks_exact(dim).zip(&*values).enumerate() {
                let weight = if row < summed { distribution.log_prob(z).exp() } else { left };
                if weight.is_zero() {
                    continue;
                }
                mean += weight * value;
                distribution.score(z, score);
                for (g, &s) in gradient.iter_mut().zip(&*score) {
                    *g += weight * (value - baseline) * s;
                }
                if objective.depends_on_parameters() {
                    objective.add_parameter_gradient(z, weight, gradient);
                }
            }
            if values.iter().all(|f| f.is_finite()) {
                values.fill(mean);
            }
        }
        Ok(())
    }
}
