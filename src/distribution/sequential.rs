//! Draws that are made step by step.

use super::LogDensity;
use crate::real::Real;

/// A distribution whose draw is a sequence of H steps, each drawn given what came before:
/// `log p_θ(z) = Σ_t log p_θ(step t | z before it)`. Episodes of a Markov decision process under a policy,
/// autoregressive models, simulated paths; and, trivially, independent coordinates.
///
/// A draw may also hold what does not depend on θ: the states of an environment beside the actions of a
/// policy, say. Their law drops out of the score: they need not be in [`log_prob`](LogDensity::log_prob),
/// and no step scores them.
///
/// What an implementation promises:
/// - the step scores add up to the [score](LogDensity::score);
/// - step t is decided from the first [`before`](Self::before)`(t)` coordinates of z and nothing else, and
///   `before` does not fall with t;
/// - its score, given these coordinates, has mean 0; so it must not know anything that comes later.
///
/// [`verify::steps`](crate::verify::steps) checks what can be checked of this.
///
/// `BitChain` and `PlackettLuce` (a place at a time) are sequential, and all distributions of independent
/// coordinates, counts or rows of categories. So are `Unconstrained`, `Frozen` and `Product` of what is:
/// the steps of the first factor, then those of the second.
///
/// A draw that may end early has room for all H steps. It is filled up with finite numbers of any kind;
/// steps from [`length`](Self::length) on have no score.
///
/// ```
/// use reparam::{Sequential, prelude::*};
///
/// let chain = BitChain::new(&[0.0, -2.0], &[4.0])?;
/// assert_eq!((chain.steps(), chain.before(1)), (2, 1)); // the second bit knows the first
/// let mut gradient = [0.0; 3];
/// chain.add_step_score(0, &[1.0, 1.0], 10.0, &mut gradient);
/// assert_eq!(gradient, [5.0, 0.0, 0.0]); // 10 (1 − σ(0)) for the first logit
/// # Ok::<(), reparam::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a draw of `{Self}` is not made step by step",
    label = "this estimator credits each step with what comes after it",
    note = "use `ScoreFunction`, which takes a draw as a whole"
)]
pub trait Sequential<T: Real>: LogDensity<T> {
    /// H, the largest number of steps of a draw.
    fn steps(&self) -> usize;

    /// How many leading coordinates of z are known when a step is decided. What lies behind them is the
    /// step's decision, or comes after it.
    fn before(&self, step: usize) -> usize;

    /// Adds `weight · ∇_θ log p_θ(step | z before it)` to a gradient.
    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]);

    /// Writes `Σ weightsₜ · ∇_θ log p_θ(step t | z before it)` over the steps of all draws, each given as z
    /// with H weights. Steps from [`length`](Self::length) on count for nothing, whatever their weights.
    ///
    /// A distribution on top of another overrides it, to apply its chain rule once instead of once a step.
    fn sum_step_scores<'a, I>(&self, draws: I, gradient: &mut [T])
    where
        T: 'a,
        I: Iterator<Item = (&'a [T], &'a [T])> + Clone,
    {
        gradient.fill(T::zero());
        for (z, weights) in draws {
            for (step, &weight) in weights.iter().enumerate().take(self.length(z)) {
                self.add_step_score(step, z, weight, gradient);
            }
        }
    }

    /// The number of steps of this draw, at most H. Whether step t is taken at all must be known from what
    /// came before it, and be read there: a state in which all is over, not a number that stands behind all
    /// steps.
    fn length(&self, z: &[T]) -> usize {
        let _ = z;
        self.steps()
    }
}
