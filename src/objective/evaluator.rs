//! The objective as an estimator sees it.

use std::ops::Range;

use super::{Additive, DifferentiableObjective, Objective};
use crate::vector::widest;

/// The objective as an [estimator](crate::GradientEstimator) gets it from the engine: every evaluation of f
/// goes through it.
///
/// - The objective is compiled for the widest vectors of the machine, as far as it is inlined: an estimator
///   need not care.
/// - It knows which gradient samples of the call an evaluation belongs to. The rows of a block are divided
///   evenly among the block's gradient samples, in order; an estimator that evaluates one gradient sample
///   at a time names it with [`sample`](Self::sample).
///
/// Its methods are those of [`Objective`], [`DifferentiableObjective`] and [`Additive`]. It is `Copy`.
///
/// ```
/// use reparam::Evaluator;
///
/// let f = |z: &[f64]| z[0] * z[0];
/// let objective = Evaluator::new(&f, 10, 4); // gradient samples 10 to 13
/// let mut values = [0.0; 8];
/// objective.value_block(&[1.0; 8], 1, &mut values); // two evaluations each
/// assert_eq!(objective.sample(3).samples(), 13..14);
/// ```
pub struct Evaluator<'a, F: ?Sized> {
    objective: &'a F,
    first: u64,
    samples: usize,
}

impl<F: ?Sized> Clone for Evaluator<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: ?Sized> Copy for Evaluator<'_, F> {}

impl<F: ?Sized> std::fmt::Debug for Evaluator<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Evaluator({:?})", self.samples())
    }
}

impl<'a, F: ?Sized> Evaluator<'a, F> {
    /// For this many gradient samples from the `first` of the call on.
    #[must_use]
    pub fn new(objective: &'a F, first: u64, samples: usize) -> Self {
        Self { objective, first, samples }
    }

    /// For the `index`th of these gradient samples alone.
    #[must_use]
    pub fn sample(self, index: usize) -> Self {
        self.range(index, 1)
    }

    /// For `count` of these gradient samples, from the `start`th on.
    #[must_use]
    pub fn range(self, start: usize, count: usize) -> Self {
        debug_assert!(start + count <= self.samples);
        Self { first: self.first + start as u64, samples: count, ..self }
    }

    /// The gradient samples that evaluations belong to, counted from 0 within the call.
    #[must_use]
    pub fn samples(&self) -> Range<u64> {
        self.first..self.first + self.samples as u64
    }

    /// The objective itself.
    #[must_use]
    pub fn objective(&self) -> &'a F {
        self.objective
    }

    /// f at one draw.
    #[inline]
    pub fn value<T>(&self, z: &[T]) -> T
    where
        F: Objective<T>,
    {
        debug_assert_eq!(self.samples, 1, "call `sample` first to name the gradient sample");
        widest(|| self.objective.value(z))
    }

    /// f at rows of draws, as [`Objective::value_block`].
    #[inline]
    pub fn value_block<T>(&self, z: &[T], dim: usize, values: &mut [T])
    where
        F: Objective<T>,
    {
        self.check_rows(values.len());
        widest(|| self.objective.value_block(z, dim, values));
    }

    /// f and its gradient at one draw.
    #[inline]
    pub fn value_and_gradient<T>(&self, z: &[T], dz: &mut [T]) -> T
    where
        F: DifferentiableObjective<T>,
    {
        debug_assert_eq!(self.samples, 1, "call `sample` first to name the gradient sample");
        widest(|| self.objective.value_and_gradient(z, dz))
    }

    /// f and its gradients at rows of draws, as [`DifferentiableObjective::value_and_gradient_block`].
    #[inline]
    pub fn value_and_gradient_block<T>(&self, z: &[T], dim: usize, values: &mut [T], dz: &mut [T])
    where
        F: DifferentiableObjective<T>,
    {
        self.check_rows(values.len());
        widest(|| self.objective.value_and_gradient_block(z, dim, values, dz));
    }

    /// The number of terms of an additive objective.
    #[must_use]
    pub fn terms<T>(&self) -> usize
    where
        F: Additive<T>,
    {
        self.objective.terms()
    }

    /// The terms of an additive objective at one draw.
    #[inline]
    pub fn write_terms<T>(&self, z: &[T], terms: &mut [T])
    where
        F: Additive<T>,
    {
        debug_assert_eq!(self.samples, 1, "call `sample` first to name the gradient sample");
        widest(|| self.objective.write_terms(z, terms));
    }

    /// Whether f depends on θ directly: see [`Objective::depends_on_parameters`].
    #[must_use]
    pub fn depends_on_parameters<T>(&self) -> bool
    where
        F: Objective<T>,
    {
        self.objective.depends_on_parameters()
    }

    /// Adds `weight · ∂f_θ(z)/∂θ` to a row of parameters; nothing where f does not depend on θ directly.
    #[inline]
    pub fn add_parameter_gradient<T>(&self, z: &[T], weight: T, dtheta: &mut [T])
    where
        F: Objective<T>,
    {
        self.objective.add_parameter_gradient(z, weight, dtheta);
    }

    #[inline]
    fn check_rows(&self, rows: usize) {
        debug_assert_eq!(rows % self.samples, 0, "{rows} evaluations for {} gradient samples", self.samples);
    }
}
