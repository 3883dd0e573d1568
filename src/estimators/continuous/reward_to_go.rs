//! The score function for sequences of decisions, each credited with what comes after it.

use crate::distribution::Sequential;
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator, Statistics};
use crate::estimators::options::{check_decay, check_draws, check_finite, moved_average};
use crate::objective::{Additive, Evaluator};
use crate::real::Real;
use crate::scratch::with_scratch;

/// The score function with the reward to go: for a draw of H steps and an objective `f = Σ_t r_t`, the
/// gradient sample `Σ_t (R_t − V_t − b_t) ∇_θ log p_θ(step t | z before it)` with `R_t = Σ_{s ≥ t} r_s`. A
/// step is not credited with terms that came before it: their product with its score has mean 0, and would
/// only add variance. Policy gradients are the case of actions in states (see [`Sequential`]).
///
/// Two things may be subtracted from `R_t`, alone or together: a value function V
/// ([`with_value`](Self::with_value)), which sees what came before the step's decision, and one number per
/// step ([`StepBaseline`]), which covers what V leaves.
///
/// - **Unbiased** for `∇_θ E[Σ_t r_t]` if no term looks ahead ([`Additive`]). V and b never depend on the
///   decision that they are subtracted for: V gets a slice that ends before it, and averages come from
///   earlier calls or from other draws.
/// - **Needs** a [`Sequential`] distribution and an [`Additive`] objective with as many terms as there are
///   steps; another number is refused. A parameter that moves the support is refused by name, as by the
///   [score function](crate::estimators::ScoreFunction).
/// - **Costs** one evaluation of the terms and H step scores per draw, in time and memory that grow as H. A
///   leave-one-out gradient sample takes K draws.
/// - **Variance** is below that of [`ScoreFunction`](crate::estimators::ScoreFunction) where early terms do
///   not matter later; it is about a third of it for rewards that come evenly, without a baseline. With
///   independent coordinates and `f = Σ r_t(z_t)`, only the terms of other coordinates before t are
///   removed. The exact value function is nearly the best V; a rough one, fitted to earlier draws, gets
///   most of the reduction.
/// - **Use it** for policies, autoregressive models and paths with terms along the way. For one term at the
///   end it is the score function with other baselines. Where the dynamics are known, differentiable and
///   not amplifying, [`Pathwise`](crate::estimators::Pathwise) has far less variance.
///
/// A discount `γᵗ` belongs to the terms. The value of the estimate is `E[Σ_t r_t]`, whatever is subtracted.
///
/// Williams 1992, doi:10.1007/BF00992696; Sutton, McAllester, Singh & Mansour 2000, "Policy gradient
/// methods for reinforcement learning with function approximation", NIPS 12; state-dependent baselines:
/// Greensmith, Bartlett & Baxter 2004, JMLR 5; the general rule for which terms a decision is credited
/// with: Schulman, Heess, Weber & Abbeel 2015, arXiv:1506.05254.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// // Twenty bits, each of which depends on the one before; a reward for every 1 that follows a 0.
/// let chain = BitChain::new(&[0.0; 20], &[0.5; 19])?;
/// let f = Terms(20, |b: &[f64], rewards: &mut [f64]| {
///     rewards[0] = 0.0;
///     for t in 1..20 {
///         rewards[t] = b[t] * (1.0 - b[t - 1]);
///     }
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let whole = ScoreFunction::new().estimate(&chain, &f, 10_000, &mut rng)?;
/// let to_go = RewardToGo::new().estimate(&chain, &f, 10_000, &mut rng)?;
/// assert!(to_go.total_variance() < 0.5 * whole.total_variance());
///
/// // The expected rest of the reward when bit t is drawn, given the bits before it.
/// let mut estimator = RewardToGo::new().with_value(|t: usize, before: &[f64]| {
///     let now = before.last().map_or(0.0, |&b| 0.5 * (1.0 - b));
///     now + 0.24 * (19 - t) as f64
/// });
/// let best = estimator.estimate(&chain, &f, 10_000, &mut rng)?;
/// assert!(best.total_variance() < 0.3 * to_go.total_variance());
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// Terms and steps must match:
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let f = Terms(3, |z: &[f64], terms: &mut [f64]| terms.copy_from_slice(z));
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let error = RewardToGo::new().estimate(&Bernoulli::from_logits(&[0.0; 4])?, &f, 10, &mut rng).unwrap_err();
/// assert_eq!(error.to_string(), "length of the objective's terms (one per step) is 3, expected 4");
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RewardToGo<V = NoValue> {
    baseline: StepBaseline,
    value: V,
    /// The moving average of each step; `None` for a step that no draw has reached, empty before the first
    /// call.
    averages: Vec<f64>,
    /// The steps for which an average is known.
    reached: Vec<bool>,
}

/// What [`RewardToGo`] subtracts from the reward to go at each step, after the value function. It never
/// depends on the draw that it is subtracted from.
///
/// | baseline | draws per gradient sample | memory | when |
/// | --- | --- | --- | --- |
/// | [`None`](Self::None) | 1 | none | with a good value function |
/// | [`PerStep`](Self::PerStep) | 1 | none | the expected rewards to go are known |
/// | [`MovingAverage`](Self::MovingAverage) | 1 | one number per step | in a training loop |
/// | [`LeaveOneOut`](Self::LeaveOneOut) | K | none | the default choice: nothing to tune, nothing to warm up |
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum StepBaseline {
    /// Nothing is subtracted.
    #[default]
    None,
    /// A constant for each step.
    PerStep(Vec<f64>),
    /// An exponential moving average for each step over the *earlier* calls,
    /// `b_t ← decay · b_t + (1 − decay) · mean` of the call, over the draws that reached the step. A step
    /// that no earlier draw has reached subtracts nothing.
    MovingAverage {
        /// How much of the old average is kept at each call, in [0, 1).
        decay: f64,
    },
    /// The mean over the other draws of a group that reached the same step; nothing where no other did. The
    /// gradient sample is the mean of K ≥ 2 draws, and counts as one sample with K evaluations.
    LeaveOneOut {
        /// K, the number of draws in a group.
        draws: usize,
    },
}

impl StepBaseline {
    fn check(&self) -> Result<(), Error> {
        match self {
            Self::None => Ok(()),
            Self::PerStep(b) => check_finite(b),
            Self::MovingAverage { decay } => check_decay(*decay),
            Self::LeaveOneOut { draws } => check_draws(*draws),
        }
    }
}

/// `V(t, z before step t)`: the reward expected from step t on. Any `Fn(usize, &[T]) -> T` is one. Every V
/// is unbiased; a good one lowers the variance.
///
/// The slice has [`before`](Sequential::before)`(t)` coordinates: it ends before the decision of step t,
/// which V therefore cannot see. V must not be made from the draws that it is subtracted from: fit it to
/// those of earlier calls.
pub trait StepValue<T> {
    /// The value at a step.
    fn value(&self, step: usize, before: &[T]) -> T;
}

impl<T, V: Fn(usize, &[T]) -> T> StepValue<T> for V {
    fn value(&self, step: usize, before: &[T]) -> T {
        self(step, before)
    }
}

/// No value function: 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoValue;

impl<T: Real> StepValue<T> for NoValue {
    fn value(&self, _: usize, _: &[T]) -> T {
        T::zero()
    }
}

impl RewardToGo {
    /// Without a value function and without a baseline.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<V> RewardToGo<V> {
    /// With a baseline; what was learned for another one is forgotten.
    #[must_use]
    pub fn with_step_baseline(self, baseline: StepBaseline) -> Self {
        Self { baseline, averages: Vec::new(), reached: Vec::new(), ..self }
    }

    /// With a value function; what was learned without it is forgotten.
    #[must_use]
    pub fn with_value<W>(self, value: W) -> RewardToGo<W> {
        RewardToGo { baseline: self.baseline, value, averages: Vec::new(), reached: Vec::new() }
    }

    /// The baseline.
    #[must_use]
    pub fn baseline(&self) -> &StepBaseline {
        &self.baseline
    }

    /// The value function.
    #[must_use]
    pub fn value_function(&self) -> &V {
        &self.value
    }

    /// The value function, to be fitted between calls.
    pub fn value_function_mut(&mut self) -> &mut V {
        &mut self.value
    }

    /// What the next call will subtract at each step, as learned from earlier ones; 0 where nothing is
    /// known. Empty where there is nothing to learn, or before the first call.
    #[must_use]
    pub fn learned(&self) -> &[f64] {
        &self.averages
    }

    /// The number of draws per gradient sample.
    fn group(&self) -> usize {
        if let StepBaseline::LeaveOneOut { draws } = self.baseline { draws } else { 1 }
    }

    /// Subtracts the number of each step from its reward to go, after V.
    fn subtract<T: Real>(&self, credits: &mut [T]) {
        match &self.baseline {
            StepBaseline::PerStep(b) => {
                credits.iter_mut().zip(b).for_each(|(credit, &b)| *credit -= T::of(b));
            }
            StepBaseline::MovingAverage { .. } => {
                for (credit, b) in credits.iter_mut().zip(&self.averages) {
                    *credit -= T::of(*b);
                }
            }
            _ => {}
        }
    }
}

/// Sums from each step to the last, in place; returns the sum of all, added up from the first as an
/// objective would.
fn to_go<T: Real>(terms: &mut [T]) -> T {
    let value = terms.iter().copied().sum();
    let mut rest = T::zero();
    for term in terms.iter_mut().rev() {
        rest += *term;
        *term = rest;
    }
    value
}

/// The weights of a group's step scores: `(Rₖ − mean of the other R)/K` at each step, over the draws that
/// reached it.
fn leave_one_out<T: Real>(credits: &mut [T], steps: usize, lengths: &[usize]) {
    let share = T::of(lengths.len() as f64).recip();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    for t in 0..longest {
        let reached = || lengths.iter().enumerate().filter(|&(_, &length)| length > t).map(|(k, _)| k);
        let count = reached().count();
        // The mean as a deviation from one of the rewards, so that equal rewards give exactly 0.
        let first = reached().next().map_or(T::zero(), |k| credits[k * steps + t]);
        let others = T::of(count.saturating_sub(1) as f64);
        let (mean, weight) = if count > 1 {
            let deviations: T = reached().map(|k| credits[k * steps + t] - first).sum();
            (first + deviations / (others + T::one()), share * (others + T::one()) / others)
        } else {
            (T::zero(), share)
        };
        for k in reached() {
            let credit = &mut credits[k * steps + t];
            *credit = (*credit - mean) * weight;
        }
    }
}

impl<T, D, F, V> GradientEstimator<T, D, F> for RewardToGo<V>
where
    T: Real,
    D: Sequential<T> + ?Sized,
    F: Additive<T> + ?Sized,
    V: StepValue<T>,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let (group, steps) = (self.group(), distribution.steps());
        let shape = BlockShape::of_own_draws(group).with_scratch(group.saturating_mul(steps));
        match self.baseline {
            StepBaseline::MovingAverage { .. } => shape.with_statistics(2 * steps),
            _ => shape,
        }
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        distribution.layout().check_score()?;
        self.baseline.check()?;
        let (steps, dim) = (distribution.steps(), distribution.dim());
        if steps == 0 {
            return Err(Error::EmptySupport { what: "a sequence without steps" });
        }
        // What is known never shrinks from step to step: the last step is enough to check.
        let most = distribution.before(steps - 1);
        check_len("the part of a draw known before the last step", most.min(dim), most)?;
        match &self.baseline {
            StepBaseline::PerStep(b) => check_len("baseline", steps, b.len()),
            StepBaseline::MovingAverage { .. } if !self.averages.is_empty() => {
                check_len("baseline", steps, self.averages.len())
            }
            _ => Ok(()),
        }
    }

    fn check_objective(&self, distribution: &D, objective: &F) -> Result<(), Error> {
        check_len("the objective's terms (one per step)", distribution.steps(), objective.terms())
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        let (group, steps) = (self.group(), distribution.steps());
        distribution.sample(rng, block.z);
        let (sums, counts) = block.statistics.split_at_mut(block.statistics.len() / 2);
        let groups = block.z.chunks_exact(group * dim).zip(block.values.chunks_exact_mut(group));
        for (i, ((z, values), gradient)) in groups.zip(block.gradients.chunks_exact_mut(params)).enumerate() {
            let objective = objective.sample(i);
            with_scratch(group, 0, |lengths| {
                let draws = z.chunks_exact(dim).zip(block.scratch.chunks_exact_mut(steps));
                for (((z, credits), value), length) in draws.zip(values).zip(&mut *lengths) {
                    *length = distribution.length(z).min(steps);
                    objective.write_terms(z, credits);
                    *value = to_go(credits);
                    let credits = &mut credits[..*length];
                    for (t, credit) in credits.iter_mut().enumerate() {
                        *credit -= self.value.value(t, &z[..distribution.before(t)]);
                    }
                    for ((sum, count), credit) in sums.iter_mut().zip(counts.iter_mut()).zip(&*credits) {
                        *sum += credit.f64();
                        *count += 1.0;
                    }
                    self.subtract(credits);
                }
                if group > 1 {
                    leave_one_out(block.scratch, steps, lengths);
                }
                let draws = z.chunks_exact(dim).zip(block.scratch.chunks_exact(steps));
                distribution.sum_step_scores(draws, gradient);
            });
        }
        Ok(())
    }

    fn update(&mut self, spent: Statistics<'_>) {
        let StepBaseline::MovingAverage { decay } = self.baseline else { return };
        let (sums, counts) = spent.sums.split_at(spent.sums.len() / 2);
        self.averages.resize(sums.len(), 0.0);
        self.reached.resize(sums.len(), false);
        let memory = self.averages.iter_mut().zip(&mut self.reached);
        for ((average, reached), (&sum, &count)) in memory.zip(sums.iter().zip(counts)) {
            if count > 0.0 {
                *average = moved_average(reached.then_some(*average), decay, sum / count);
                *reached = true;
            }
        }
    }
}
