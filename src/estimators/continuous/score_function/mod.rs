//! The score-function estimator (REINFORCE).
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | the rule |
//! | `baseline` | what it subtracts from the objective |

mod baseline;

pub use baseline::Baseline;

use crate::distribution::{Draws, DrawsMut, LogDensity, Reparameterizable};
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator, Statistics};
use crate::estimators::continuous::over::{DrawRule, Over};
use crate::estimators::options::{check_finite, moved_average};
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// The score-function estimator, or REINFORCE: `∇_θ E[f(z)] = E[(f(z) − b) ∇_θ log p_θ(z)]` with a
/// [`Baseline`] b.
///
/// - **Unbiased** for any objective with a finite mean, differentiable or not, and any baseline that does
///   not depend on the draw that it is subtracted from. Every baseline here is of that kind, in the first
///   call and in all that follow.
/// - **Needs** a [`LogDensity`] and an [`Objective`]. It is **not valid** for a parameter that moves the
///   support (the bounds of a uniform, the scale of a Pareto): those are refused by name.
/// - **Costs** one evaluation of f and one score per draw; a leave-one-out gradient sample takes K draws.
/// - **Variance** without a baseline contains `E[f]²` times the Fisher information: it depends on a
///   constant added to f, and grows as `σ⁻²` for a Gaussian and with the dimension. Always subtract
///   something.
/// - **Use it** where f has no gradient or jumps, or where z is discrete.
///
/// Glynn 1990, doi:10.1145/84537.84552; Williams 1992, doi:10.1007/BF00992696; baselines: Greensmith,
/// Bartlett & Baxter 2004, JMLR 5; leave-one-out: Mnih & Rezende 2016, arXiv:1602.06725, Kool, van Hoof &
/// Welling 2019.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[0.0], &[1.0])?;
/// let above = |z: &[f64]| if z[0] > 1.0 { 1.0 } else { 0.0 }; // no useful gradient
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
///
/// let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
/// let estimate = estimator.estimate(&normal, &above, 10_000, &mut rng)?;
/// assert_eq!(estimate.evaluations(), 40_000);
/// let density = 0.241_970_724_519_143_37; // the exact derivative: the normal density at 1
/// assert!((estimate.gradient()[0] - density).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// A parameter that moves the support is refused by name:
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let uniform = Uniform::new(&[0.0], &[2.0])?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let error = ScoreFunction::new().estimate(&uniform, &|z: &[f64]| z[0], 100, &mut rng).unwrap_err();
/// assert_eq!(error, Error::SupportDependsOnParameter { parameter: "low".into() });
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoreFunction {
    baseline: Baseline,
    memory: Memory,
}

/// What was learned from earlier calls.
#[derive(Debug, Clone, PartialEq, Default)]
struct Memory {
    /// The moving average of the objective.
    average: Option<f64>,
    /// The best constant of each parameter; empty before the first call.
    coefficients: Vec<f64>,
}

impl ScoreFunction {
    /// Without a baseline.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a baseline; what was learned for another one is forgotten.
    #[must_use]
    pub fn with_baseline(self, baseline: Baseline) -> Self {
        Self { baseline, memory: Memory::default() }
    }

    /// The baseline.
    #[must_use]
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// What the estimator has learned: the number that the next call will subtract for all parameters, or
    /// one number per parameter. Empty where nothing is subtracted yet, or where the baseline comes from
    /// the group itself.
    #[must_use]
    pub fn learned(&self) -> &[f64] {
        match self.baseline {
            Baseline::MovingAverage { .. } => self.memory.average.as_slice(),
            Baseline::Optimal => &self.memory.coefficients,
            _ => &[],
        }
    }

    /// With what another estimator has [learned](Self::learned), or with a guess: the number that a moving
    /// average starts from, or the constants of [`Baseline::Optimal`], one per parameter. Other baselines
    /// learn nothing, and ignore it.
    ///
    /// # Errors
    /// [`Error::Length`] for a moving average that does not get one number, [`Error::Option`] for a number
    /// that is not finite.
    pub fn with_learned(mut self, learned: &[f64]) -> Result<Self, Error> {
        check_finite(learned)?;
        match self.baseline {
            Baseline::MovingAverage { .. } => {
                check_len("the moving average", 1, learned.len())?;
                self.memory.average = learned.first().copied();
            }
            Baseline::Optimal => self.memory.coefficients = learned.to_vec(),
            _ => {}
        }
        Ok(self)
    }

    /// The one number that is subtracted from every value, where there is one.
    fn constant(&self) -> f64 {
        match self.baseline {
            Baseline::Constant(b) => b,
            Baseline::MovingAverage { .. } => self.memory.average.unwrap_or(0.0),
            _ => 0.0,
        }
    }

    /// The number that is subtracted for each parameter, where there is one per parameter.
    fn coefficients(&self) -> &[f64] {
        match &self.baseline {
            Baseline::PerParameter(b) => b,
            Baseline::Optimal => &self.memory.coefficients,
            _ => &[],
        }
    }
}

impl ScoreFunction {
    /// Over the points of a [noise source](crate::noise). The baseline must not come from the points
    /// themselves, which depend on each other: leave-one-out is refused.
    #[must_use]
    pub fn over<S>(self, source: S) -> Over<Self, S> {
        Over::new(self, source)
    }

    /// Values and gradient samples of draws that are already made.
    fn weigh_scores<T, D, F>(&self, distribution: &D, objective: Evaluator<'_, F>, block: &mut Block<'_, T>)
    where
        T: Real,
        D: LogDensity<T> + ?Sized,
        F: Objective<T> + ?Sized,
    {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        let draws = Draws { z: &*block.z, preimage: &*block.preimage };
        objective.value_block(block.z, dim, block.values);
        if let Baseline::LeaveOneOut { draws: group } = self.baseline {
            let rows = block.values.chunks_exact(group).zip(draws.rows(group * dim));
            for ((values, draws), gradient) in rows.zip(block.gradients.chunks_exact_mut(params)) {
                leave_one_out(distribution, values, draws, gradient, block.scratch);
            }
            return;
        }

        distribution.score_block(draws, block.gradients);
        let coefficients = self.coefficients();
        if self.baseline == Baseline::Optimal {
            let (weighted, squares) = block.statistics.split_at_mut(params);
            for (scores, &value) in block.gradients.chunks_exact(params).zip(&*block.values) {
                for ((weighted, squares), &score) in weighted.iter_mut().zip(squares.iter_mut()).zip(scores) {
                    let square = score.f64() * score.f64();
                    *weighted += value.f64() * square;
                    *squares += square;
                }
            }
        }
        let constant = T::of(self.constant());
        for (scores, &value) in block.gradients.chunks_exact_mut(params).zip(&*block.values) {
            if coefficients.is_empty() {
                let weight = value - constant;
                for g in scores {
                    *g *= weight;
                }
            } else {
                for (g, &b) in scores.iter_mut().zip(coefficients) {
                    *g *= value - T::of(b);
                }
            }
        }
    }
}

impl<T, D, F> DrawRule<T, D, F> for ScoreFunction
where
    T: Real,
    D: Reparameterizable<T> + LogDensity<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn gradients_of_draws(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        mut block: Block<'_, T>,
    ) -> Result<(), Error> {
        self.weigh_scores(distribution, objective, &mut block);
        Ok(())
    }

    /// Refuses leave-one-out: points that depend on each other would be part of their own baseline.
    fn check_dependent_points(&self) -> Result<(), Error> {
        match self.baseline {
            Baseline::LeaveOneOut { draws: group } => Err(Error::Option {
                option: "leave-one-out group over a noise source",
                value: group as f64,
                expected: "another baseline, since the points of a source may depend on each other",
            }),
            _ => Ok(()),
        }
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for ScoreFunction
where
    T: Real,
    D: LogDensity<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let params = distribution.params().len();
        match self.baseline {
            Baseline::LeaveOneOut { draws: group } => BlockShape::of_own_draws(group).with_scratch(params),
            Baseline::Optimal => BlockShape::of_own_draws(1).with_statistics(2 * params),
            _ => BlockShape::of_own_draws(1),
        }
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        distribution.layout().check_score()?;
        self.baseline.check()?;
        match self.coefficients().len() {
            0 if self.baseline == Baseline::Optimal => Ok(()),
            len if len > 0 || matches!(self.baseline, Baseline::PerParameter(_)) => {
                check_len("baseline", distribution.params().len(), len)
            }
            _ => Ok(()),
        }
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        mut block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        distribution.sample_block(rng, DrawsMut { z: block.z, preimage: block.preimage });
        self.weigh_scores(distribution, objective, &mut block);
        Ok(())
    }

    fn update(&mut self, spent: Statistics<'_>) {
        match self.baseline {
            Baseline::MovingAverage { decay } => {
                self.memory.average = Some(moved_average(self.memory.average, decay, spent.value));
            }
            Baseline::Optimal => {
                let (weighted, squares) = spent.sums.split_at(spent.sums.len() / 2);
                let best = weighted.iter().zip(squares);
                // A parameter whose score was 0 throughout needs no baseline.
                let best = best.map(|(w, s)| if *s > 0.0 { w / s } else { 0.0 });
                // Reuses the memory of the previous call.
                self.memory.coefficients.clear();
                self.memory.coefficients.extend(best);
            }
            _ => {}
        }
    }
}

/// One gradient sample from a group of K draws: `1/(K − 1) Σ (fₖ − f̄) sₖ`, which is the mean over k of
/// `(fₖ − mean of the other f) sₖ`.
fn leave_one_out<T: Real, D: LogDensity<T> + ?Sized>(
    distribution: &D,
    values: &[T],
    draws: Draws<'_, T>,
    gradient: &mut [T],
    score: &mut [T],
) {
    let group = T::of(values.len() as f64);
    // The mean as a deviation from the first value: a constant objective gives exactly 0.
    let first = values[0];
    let mean = first + values.iter().map(|&f| f - first).sum::<T>() / group;
    let weight = (group - T::one()).recip();
    gradient.fill(T::zero());
    let mut add = |value: T, score: &[T]| {
        let weight = (value - mean) * weight;
        for (g, &s) in gradient.iter_mut().zip(score) {
            *g += weight * s;
        }
    };
    let dim = distribution.dim();
    if draws.know_more() {
        for (&value, draw) in values.iter().zip(draws.rows(dim)) {
            distribution.score_block(draw, score);
            add(value, score);
        }
    } else {
        for (&value, z) in values.iter().zip(draws.z.chunks_exact(dim)) {
            distribution.score(z, score);
            add(value, score);
        }
    }
}
