//! Objectives that depend on the distribution's parameters themselves.

use std::fmt;

use super::{Additive, DifferentiableObjective, Objective};

/// `f_θ(z)`: an objective that depends on the parameters θ of the distribution directly, not only through the draw: a discount factor that
/// holds the rate, a penalty on a scale, a score inside a second derivative. Then
///
/// `∇_θ E[f_θ(z)] = E[∂f_θ(z)/∂θ] + ` what an estimator gives for f held fixed,
///
/// and [`WithExplicit`](crate::estimators::WithExplicit) adds the first term to an estimator of the second, draw by draw. Without it the term is
/// missing: an estimator sees only values of f.
///
/// The objective holds the θ that it depends on: when the distribution's parameters are set, so must be the objective's.
/// [`Parametric`] makes one of two closures; [`verify::parameter_gradient`](crate::verify::parameter_gradient) checks the derivative.
pub trait ParametricObjective<T>: Objective<T> {
    /// Adds `weight · ∂f_θ(z)/∂θ`, z held fixed, to a row as long as the distribution's parameters. Parameters on which f does not depend
    /// directly are left alone.
    fn add_parameter_gradient(&self, z: &[T], weight: T, dtheta: &mut [T]);
}

/// An objective (anything that is one, differentiable or not) with a closure that adds `weight · ∂f_θ(z)/∂θ`:
/// `Fn(z, weight, dtheta)`. The module of [`WithExplicit`](crate::estimators::WithExplicit) shows it at work.
///
/// ```
/// use reparam::{Objective, Parametric, ParametricObjective};
///
/// // f(z) = exp(−r) z₀, with r the third of the distribution's parameters.
/// let r = 0.05f64;
/// let f = Parametric(
///     move |z: &[f64]| (-r).exp() * z[0],
///     move |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[2] -= weight * (-r).exp() * z[0],
/// );
/// let mut dtheta = [0.0; 3];
/// f.add_parameter_gradient(&[2.0], 0.5, &mut dtheta);
/// assert_eq!(dtheta, [0.0, 0.0, -0.5 * f.value(&[2.0])]);
/// ```
#[derive(Clone, Copy)]
pub struct Parametric<F, G>(pub F, pub G);

impl<F, G> fmt::Debug for Parametric<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parametric(..)")
    }
}

impl<T, F: Objective<T>, G> Objective<T> for Parametric<F, G> {
    #[inline(always)]
    fn value(&self, z: &[T]) -> T {
        self.0.value(z)
    }

    #[inline(always)]
    fn value_block(&self, z: &[T], dim: usize, values: &mut [T]) {
        self.0.value_block(z, dim, values);
    }
}

impl<T, F: DifferentiableObjective<T>, G> DifferentiableObjective<T> for Parametric<F, G> {
    #[inline(always)]
    fn value_and_gradient(&self, z: &[T], dz: &mut [T]) -> T {
        self.0.value_and_gradient(z, dz)
    }

    #[inline(always)]
    fn value_and_gradient_block(&self, z: &[T], dim: usize, values: &mut [T], dz: &mut [T]) {
        self.0.value_and_gradient_block(z, dim, values, dz);
    }
}

impl<T, F: Additive<T>, G> Additive<T> for Parametric<F, G> {
    fn terms(&self) -> usize {
        self.0.terms()
    }

    fn write_terms(&self, z: &[T], terms: &mut [T]) {
        self.0.write_terms(z, terms);
    }
}

impl<T, F: Objective<T>, G: Fn(&[T], T, &mut [T])> ParametricObjective<T> for Parametric<F, G> {
    #[inline(always)]
    fn add_parameter_gradient(&self, z: &[T], weight: T, dtheta: &mut [T]) {
        (self.1)(z, weight, dtheta);
    }
}
