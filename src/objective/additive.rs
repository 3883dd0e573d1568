//! Objectives that are sums over the steps of a draw.

use std::fmt;

use super::Objective;
use crate::real::Real;
use crate::scratch::with_scratch;

/// An objective that is a sum of terms, one per step of a [sequential](crate::Sequential) draw:
/// `f(z) = Σ_t r_t`, rewards or costs.
///
/// Term t may depend on step t and on everything that came before the decision of step t + 1, but on
/// nothing later. Otherwise an estimator that credits each decision with the terms from its own on
/// ([`RewardToGo`](crate::estimators::RewardToGo)) is biased. [`verify::steps`](crate::verify::steps) finds
/// a term that looks ahead. A discount belongs to the terms: write `γᵗ r_t`. Where a draw ends early, the
/// terms after its end are 0. If there is only a reward at the end, it is the last term, and the others are
/// 0.
pub trait Additive<T>: Objective<T> {
    /// H, the number of terms.
    fn terms(&self) -> usize;

    /// Writes all H terms at one draw; [`value`](Objective::value) is their sum.
    fn write_terms(&self, z: &[T], terms: &mut [T]);
}

/// An [`Additive`] objective from a closure that writes the terms, and their number.
///
/// ```
/// use reparam::{Additive, Objective, Terms};
///
/// // The partial sums of a path, squared.
/// let f = Terms(3, |z: &[f64], terms: &mut [f64]| {
///     let mut sum = 0.0;
///     for (term, z) in terms.iter_mut().zip(z) {
///         sum += z;
///         *term = sum * sum;
///     }
/// });
/// assert_eq!(f.value(&[1.0, 1.0, -3.0]), 1.0 + 4.0 + 1.0);
/// ```
#[derive(Clone, Copy)]
pub struct Terms<F>(pub usize, pub F);

impl<F> fmt::Debug for Terms<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms({}, ..)", self.0)
    }
}

impl<T: Real, F: Fn(&[T], &mut [T])> Objective<T> for Terms<F> {
    fn value(&self, z: &[T]) -> T {
        with_scratch(self.0, T::zero(), |terms| {
            (self.1)(z, terms);
            terms.iter().copied().sum()
        })
    }
}

impl<T: Real, F: Fn(&[T], &mut [T])> Additive<T> for Terms<F> {
    fn terms(&self) -> usize {
        self.0
    }

    fn write_terms(&self, z: &[T], terms: &mut [T]) {
        (self.1)(z, terms);
    }
}
