//! What discrete distributions can do: list their outcomes, change one choice at a time, and share random
//! numbers between draws.

use rand::Rng;

use super::LogDensity;
use crate::probability::Probability;
use crate::real::Real;

/// A distribution whose support is finite and can be listed.
///
/// ```
/// use reparam::FiniteSupport;
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.0, 1.0])?;
/// assert_eq!(bits.outcomes(), Some(4));
/// let mut z = [0.0; 2];
/// bits.outcome(2, &mut z);
/// assert_eq!(z, [0.0, 1.0]); // the first bit changes fastest
/// # Ok::<(), reparam::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the outcomes of `{Self}` cannot be listed",
    label = "this estimator needs a finite support",
    note = "use `ScoreFunction`, or `Pathwise` where the draw and the objective are differentiable"
)]
pub trait FiniteSupport<T: Real>: LogDensity<T> {
    /// The number of outcomes; `None` if it exceeds a `usize`.
    fn outcomes(&self) -> Option<usize>;

    /// Writes the outcome with this index, which is below [`outcomes`](Self::outcomes).
    fn outcome(&self, index: usize, z: &mut [T]);
}

/// A distribution of independent factors, each of which takes one of finitely many alternatives: bits, rows
/// of categories, binomial counts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not made of independent factors with finitely many alternatives",
    label = "this estimator visits the alternatives of each factor",
    note = "use `ScoreFunction`, or `Pathwise` where the draw and the objective are differentiable"
)]
pub trait FiniteFactors<T: Real>: LogDensity<T> {
    /// The number of factors.
    fn factors(&self) -> usize;

    /// The number of alternatives of a factor.
    fn alternatives(&self, factor: usize) -> usize;

    /// Sets a factor's coordinates of z to an alternative.
    fn choose(&self, factor: usize, alternative: usize, z: &mut [T]);

    /// The alternative that a factor has in z.
    fn chosen(&self, factor: usize, z: &[T]) -> usize;

    /// `ln p` of an alternative.
    fn log_mass(&self, factor: usize, alternative: usize) -> T;

    /// Adds `weight · ∂ ln p(alternative)/∂θ` to a gradient.
    fn add_score(&self, factor: usize, alternative: usize, weight: T, gradient: &mut [T]);

    /// Writes `Σ weight(factor, alternative) · ∂ ln p(alternative)/∂θ` over all alternatives of all
    /// factors. The weights are requested in order: factor after factor, and alternative after
    /// alternative within a factor. A weight of 0 contributes nothing, whatever the score.
    ///
    /// A wrapper around another distribution overrides this, so that its chain rule is applied once.
    fn sum_scores(&self, mut weight: impl FnMut(usize, usize) -> T, gradient: &mut [T]) {
        gradient.fill(T::zero());
        for factor in 0..self.factors() {
            for alternative in 0..self.alternatives(factor) {
                let weight = weight(factor, alternative);
                if !weight.is_zero() {
                    self.add_score(factor, alternative, weight, gradient);
                }
            }
        }
    }
}

/// The number of outcomes of independent factors: the product of their numbers of alternatives.
pub(crate) fn count_outcomes<T: Real, D: FiniteFactors<T> + ?Sized>(distribution: &D) -> Option<usize> {
    (0..distribution.factors()).try_fold(1usize, |all, i| all.checked_mul(distribution.alternatives(i)))
}

/// The outcome with this index: the alternatives are its digits, and the first factor's digit changes
/// fastest.
pub(crate) fn write_outcome<T: Real, D: FiniteFactors<T> + ?Sized>(
    distribution: &D,
    mut index: usize,
    z: &mut [T],
) {
    for factor in 0..distribution.factors() {
        let alternatives = distribution.alternatives(factor);
        distribution.choose(factor, index % alternatives, z);
        index /= alternatives;
    }
}

/// Bits, or one-hot rows of categories, as the largest of perturbed logits: the distributions that can be
/// relaxed. The biased estimators ([`StraightThrough`](crate::estimators::StraightThrough) and its kin)
/// need it; they serve bits and categories alike.
///
/// A bit is 1 where its logit plus a logistic variate is above 0; in a row, the class with the largest
/// sum of `ln p` and a Gumbel variate is the hot one.
///
/// ```
/// use reparam::Relaxable;
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.0, 1.0])?;
/// assert_eq!((bits.classes(), bits.logit(1)), (None, 1.0));
/// let rows = Categorical::from_logits(&[0.0, 0.0], 2)?;
/// assert_eq!((Relaxable::classes(&rows), rows.logit(1)), (Some(2), 0.5f64.ln()));
/// # Ok::<(), reparam::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "no relaxation of a draw of `{Self}` is known",
    label = "this estimator relaxes bits or categories",
    note = "use `Pathwise` where the draw is continuous, `ScoreFunction` for anything with a score"
)]
pub trait Relaxable<T: Real>: LogDensity<T> {
    /// K, the number of classes of a one-hot row; `None` for bits.
    fn classes(&self) -> Option<usize>;

    /// What the noise is added to: the logit `ln p/(1 − p)` of a bit, or `ln p` of a class.
    fn logit(&self, coordinate: usize) -> T;

    /// Turns derivatives with respect to the logits into derivatives with respect to θ, in place; for one
    /// row of parameters or several.
    fn chain_logits(&self, gradients: &mut [T]);
}

/// Independent bits with one parameter each. The estimators that draw bits from shared uniforms need
/// this.
#[diagnostic::on_unimplemented(
    message = "a draw of `{Self}` is not a row of independent bits",
    label = "this estimator is for bits such as those of `Bernoulli`",
    note = "use `DisArmSticks` for categories, `Pathwise` where the draw and the objective are differentiable, `ScoreFunction` for anything with a score"
)]
pub trait Bits<T: Real>: Relaxable<T> {
    /// The probability that a bit is 1, exact in both tails.
    fn probability(&self, bit: usize) -> Probability<T>;

    /// Draws bits `b = 1[u < p]` and their antithetic partners `1[1 − u < p]` from the same uniforms; one
    /// row of each, or several.
    fn antithetic_pairs<R: Rng + ?Sized>(&self, rng: &mut R, bits: &mut [T], partners: &mut [T]) {
        let dim = self.dim();
        for (row, partners) in bits.chunks_exact_mut(dim).zip(partners.chunks_exact_mut(dim)) {
            for (i, (bit, partner)) in row.iter_mut().zip(partners).enumerate() {
                let (u, p) = (Probability::from_tail(T::signed_tail(rng)), self.probability(i));
                let mirrored = Probability::from_tail(-u.tail());
                *bit = if u.is_below(p) { T::one() } else { T::zero() };
                *partner = if mirrored.is_below(p) { T::one() } else { T::zero() };
            }
        }
    }
}

/// Rows of independent categories with one parameter per class.
#[diagnostic::on_unimplemented(
    message = "a draw of `{Self}` is not rows of independent categories",
    label = "this estimator is for categories such as those of `Categorical`",
    note = "use `DisArm` for bits, `Pathwise` where the draw and the objective are differentiable, `ScoreFunction` for anything with a score"
)]
pub trait Categories<T: Real>: Relaxable<T> {
    /// K, the number of classes of a row; the same as [`classes`](Relaxable::classes).
    fn classes_per_row(&self) -> usize {
        self.classes().unwrap_or(self.dim())
    }

    /// `ln p`, rows × K.
    fn ln_probs(&self) -> &[T];
}
