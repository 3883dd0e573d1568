//! Outcomes drawn without replacement.

use rand_distr::{Distribution as _, Exp1};

use crate::distribution::FiniteSupport;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::categories::enumerate::check_outcomes;
use crate::estimators::options::check_draws;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;
use crate::special::{LogSum, successive_sampling_tables};

/// The largest support whose probabilities are listed.
const MOST: usize = 1_000_000;
/// Tables for sets of up to this many draws are on the stack.
const SMALL: usize = 6;
/// The largest number of draws whose orders are summed: tables of 65,536 numbers.
const MOST_DRAWS: usize = 16;

/// The unordered-set estimator: k different outcomes, drawn without replacement,
/// `Σ_{z ∈ S} p(z) R(S, z) (f(z) − b(z)) s(z)`, where R(S, z) is the probability of the set S given that z
/// came first, divided by that of S.
///
/// The [baseline](Self::with_built_in_baseline) is built in: `b(z) = Σ_{y ∈ S} p(y) R(S∖z, y) f(y)`, where
/// R(S∖z, y) is the same ratio without z, and 1 for y = z.
///
/// - **Unbiased** for any objective, with and without the baseline: it is the score function of one draw,
///   averaged over the order of the k draws.
/// - **Needs** a [`FiniteSupport`] and an [`Objective`]. More than 10⁶ outcomes, or 16 draws, are refused.
/// - **Costs** k evaluations, all of different outcomes; Gumbel noise for every outcome; its probability
///   once for each batch of gradient samples in the buffers; and `k 2ᵏ` steps to sum over orders.
/// - **Variance** is below that of k draws with replacement in all the exact tables that it is tested with,
///   and 0 where k covers the whole support. Without the baseline it still grows with a constant added to
///   f, until k covers the support.
/// - **Use it** for one categorical (or a small support) where an evaluation is expensive: no outcome is
///   evaluated twice. Where few outcomes have most of the mass,
///   [`SumAndSample`](crate::estimators::SumAndSample) is simpler.
///
/// Kool, van Hoof & Welling 2020, arXiv:2002.06043.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let categorical = Categorical::from_logits(&[1.0, 0.5, 0.0, -0.5], 4)?;
/// let f = |z: &[f64]| 5.0 + z[0] + 2.0 * z[1] - z[3];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let unordered = UnorderedSet::new(3).with_built_in_baseline().estimate(&categorical, &f, 5000, &mut rng)?;
/// let mut three = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 3 });
/// let replaced = three.estimate(&categorical, &f, 5000, &mut rng)?;
/// assert!(unordered.total_variance() < replaced.total_variance()); // at the same cost
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnorderedSet {
    draws: usize,
    baseline: bool,
}

impl UnorderedSet {
    /// With sets of k outcomes; k = 1 is the plain score function. A k of 0 or above 16 is refused with
    /// [`Error::Option`] before the first draw.
    #[must_use]
    pub fn new(draws: usize) -> Self {
        Self { draws, baseline: false }
    }

    /// With the baseline from the rest of the set. Sets of one outcome are then refused with
    /// [`Error::TooFewDraws`]: a draw would be its own baseline.
    #[must_use]
    pub fn with_built_in_baseline(self) -> Self {
        Self { baseline: true, ..self }
    }

    /// The number of rows of one gradient sample, for this many outcomes.
    fn rows(&self, outcomes: usize) -> usize {
        self.draws.min(outcomes)
    }
}

/// Whether outcome i comes before j, by `ln p` and Gumbel noise. Each is subtracted separately, which keeps
/// the noise where `ln p` is huge.
fn beats<T: Real>(ln_p: &[T], noise: &[T], i: usize, j: usize) -> bool {
    (ln_p[i] - ln_p[j]) + (noise[i] - noise[j]) > T::zero()
}

impl<T, D, F> GradientEstimator<T, D, F> for UnorderedSet
where
    T: Real,
    D: FiniteSupport<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let outcomes = distribution.outcomes().unwrap_or(MOST);
        let rows = self.rows(outcomes);
        // ln p and noise of every outcome, the weight of those drawn, and a score.
        BlockShape::of_draws(rows)
            .with_scratch(2 * outcomes + rows + distribution.params().len())
            .with_explicit_gradient()
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        if !(1..=MOST_DRAWS).contains(&self.draws) {
            let expected = "a whole number from 1 to 16";
            return Err(Error::Option { option: "draws", value: self.draws as f64, expected });
        }
        if self.baseline {
            check_draws(self.draws)?;
        }
        distribution.layout().check_score()?;
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
        let rows = self.rows(outcomes);
        let (ln_probabilities, rest) = block.scratch.split_at_mut(outcomes);
        let (noise, rest) = rest.split_at_mut(outcomes);
        let (weights, score) = rest.split_at_mut(rows);
        for (index, ln_p) in ln_probabilities.iter_mut().enumerate() {
            distribution.outcome(index, &mut block.z[..dim]);
            *ln_p = distribution.log_prob(&block.z[..dim]);
        }
        let possible = ln_probabilities.iter().filter(|ln_p| **ln_p != T::neg_infinity()).count();
        // Outcomes of probability 0 are not drawn.
        let drawn = rows.min(possible);
        let sets = 1usize << drawn;
        let (mut left, mut finish) = ([LogSum::EMPTY; 1 << SMALL], [0.0; 1 << SMALL]);
        let (mut large_left, mut large_finish) = (Vec::new(), Vec::new());
        let (left, finish) = if drawn <= SMALL {
            (&mut left[..sets], &mut finish[..sets])
        } else {
            large_left.resize(sets, LogSum::EMPTY);
            large_finish.resize(sets, 0.0);
            (&mut large_left[..], &mut large_finish[..])
        };
        let groups = block.z.chunks_exact_mut(rows * dim).zip(block.values.chunks_exact_mut(rows));
        for (sample, ((z, values), gradient)) in
            groups.zip(block.gradients.chunks_exact_mut(params)).enumerate()
        {
            for noise in noise.iter_mut() {
                let wait: f64 = Exp1.sample(rng);
                *noise = T::of(-wait.ln());
            }
            let (mut items, mut others) = ([0.0; MOST_DRAWS], LogSum::EMPTY);
            for (row, item) in z.chunks_exact_mut(dim).zip(&mut items).take(drawn) {
                let mut best = None;
                for i in
                    (0..outcomes).filter(|&i| ln_probabilities[i] != T::neg_infinity() && !noise[i].is_nan())
                {
                    if best.is_none_or(|best| beats(ln_probabilities, noise, i, best)) {
                        best = Some(i);
                    }
                }
                let best = best.unwrap_or(0);
                noise[best] = T::nan();
                *item = ln_probabilities[best].f64();
                distribution.outcome(best, row);
            }
            for (ln_p, _) in ln_probabilities.iter().zip(&*noise).filter(|(_, noise)| !noise.is_nan()) {
                others = others.with(ln_p.f64());
            }
            for row in drawn..rows {
                z.copy_within(0..dim, row * dim);
            }
            objective.sample(sample).value_block(z, dim, values);
            if !values.iter().all(|f| f.is_finite()) {
                gradient.fill(T::zero());
                continue; // for the engine to find
            }
            successive_sampling_tables(&items[..drawn], others, left, finish);
            gradient.fill(T::zero());
            // The weights sum to 1. With deviations from the first value, a constant objective gives its
            // value without error.
            let shift = values[0];
            let mut mean = T::zero();
            for i in 0..drawn {
                weights[i] = T::of((items[i] + finish[1 << i] - finish[0]).exp());
                mean += weights[i] * (values[i] - shift);
            }
            for (i, z) in z.chunks_exact(dim).enumerate().take(drawn) {
                let mut deviation = values[i];
                if self.baseline {
                    // Σ p R = 1 over the set: f minus its mean is the mean of the differences.
                    deviation = T::zero();
                    for j in (0..drawn).filter(|&j| j != i) {
                        let ratio = items[j] + finish[1 << i | 1 << j] - finish[1 << i];
                        deviation += T::of(ratio.exp()) * (values[i] - values[j]);
                    }
                }
                distribution.score(z, score);
                for (g, &s) in gradient.iter_mut().zip(&*score) {
                    *g += weights[i] * deviation * s;
                }
                if objective.depends_on_parameters() {
                    objective.add_parameter_gradient(z, weights[i], gradient);
                }
            }
            values.fill(shift + mean);
        }
        Ok(())
    }
}
