//! Draws that are made step by step.

use super::LogDensity;
use crate::real::Real;

/// A distribution whose draw is a sequence of H steps, each drawn given what came before:
/// `log p_θ(z) = Σ_t log p_θ(step t | z before it)`. Episodes of a Markov decision process under a policy,
/// autoregressive models, simulated paths; and, trivially, independent coordinates.
///
/// A draw may also hold numbers that do not depend on θ, such as the states of an environment alongside
/// the actions of a policy. Their law drops out of the score: they need not be in
/// [`log_prob`](LogDensity::log_prob), and no step scores them.
///
/// An implementation guarantees that:
/// - the step scores add up to the [score](LogDensity::score);
/// - step t is decided from the first [`before`](Self::before)`(t)` coordinates of z and nothing else,
///   and `before` does not decrease with t;
/// - the score of a step, given these coordinates, has mean 0; so a step must not know anything that
///   comes later.
///
/// [`verify::steps`](crate::verify::steps) checks the parts of this that can be checked.
///
/// `BitChain` and `PlackettLuce` (one step per place) are sequential, and so are all distributions of
/// independent coordinates, counts or rows of categories. `Unconstrained`, `Frozen` and `Product` are
/// sequential if the distributions inside them are; the steps of a `Product` are those of the first
/// factor, then those of the second.
///
/// A draw that may end early has room for all H steps. The unused part is filled with arbitrary finite
/// numbers; steps from [`length`](Self::length) on have no score.
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

    /// The number of leading coordinates of z that are known when a step is decided. The coordinates
    /// after them are the step's decision, or come later.
    fn before(&self, step: usize) -> usize;

    /// Adds `weight · ∇_θ log p_θ(step | z before it)` to a gradient.
    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]);

    /// Writes `Σ weightsₜ · ∇_θ log p_θ(step t | z before it)` over the steps of all draws; each draw is
    /// given as z with H weights. Steps from [`length`](Self::length) on contribute nothing, whatever
    /// their weights.
    ///
    /// A wrapper around another distribution overrides this, so that its chain rule is applied once and
    /// not once per step.
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

    /// The number of steps of this draw, at most H. Whether step t is taken at all must be known from the
    /// coordinates before it, and be read from them: from a state in which the episode is over, not from
    /// a number stored after all steps.
    fn length(&self, z: &[T]) -> usize {
        let _ = z;
        self.steps()
    }
}
