//! Objectives that depend on the distribution's parameters themselves.

use std::fmt;

use super::{Additive, DifferentiableObjective, Objective};

/// `f_θ(z)`: an objective that depends on the parameters θ of the distribution directly, and not only
/// through the draw. Examples are a discount factor that contains the rate, a penalty on a scale, and a
/// score inside a second derivative. Then
///
/// `∇_θ E[f_θ(z)] = E[∂f_θ(z)/∂θ] + ` what an estimator gives for f held fixed,
///
/// and the engine adds the first term, averaged over the draws of each gradient sample, so that the
/// variance reported is that of the sum. An estimator that cannot add it, since its points are not draws of
/// `p_θ`, is refused with [`Error::ExplicitGradient`](crate::Error::ExplicitGradient).
///
/// It is made from any objective, differentiable or not, and a closure that adds `weight · ∂f_θ(z)/∂θ` with
/// z held fixed: `Fn(z, weight, dtheta)`. The objective holds the θ that it depends on: when you set the
/// distribution's parameters, set the objective's too.
/// [`verify::parameter_gradient`](crate::verify::parameter_gradient) checks the derivative.
///
/// - **Unbiased** if the estimator is, and if `E[f_θ]` may be differentiated under the integral sign:
///   `f_θ(z)` continuous in θ for almost every z.
/// - **Costs** one explicit gradient per draw, and no further evaluation.
/// - **Use it** for discount factors, penalties that contain the parameters, and temperatures; and for
///   **second derivatives**: the gradient of f times a score, or of a pathwise derivative, is a second
///   derivative of `E[f]`, and the explicit term is the derivative of that score.
/// - **Not for** the `ln q_θ` of a variational bound, which [`Elbo`](crate::estimators::Elbo) already
///   contains: it would count twice. A term that depends on θ alone is exact without sampling:
///   [`add_exact`](crate::GradientEstimate::add_exact).
///
/// Glasserman 2003, Monte Carlo Methods in Financial Engineering, sections 7.2 and 7.3,
/// doi:10.1007/978-0-387-21617-1; Schulman, Heess, Weber & Abbeel 2015, Gradient estimation using
/// stochastic computation graphs, arXiv:1506.05254.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// // f(z) = μ z₀: E f = μ², whose derivative is 2μ; with f held fixed it would be μ.
/// let mu = 1.5;
/// let normal = Normal::new(&[mu], &[0.5])?;
/// let f = Parametric(
///     move |z: &[f64]| mu * z[0],
///     |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[0],
/// );
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = ScoreFunction::new().estimate(&normal, &f, 10_000, &mut rng)?;
/// assert!((estimate.gradient()[0] - 3.0).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// ```
/// use reparam::{Objective, Parametric};
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

impl<T, F: Objective<T>, G: Fn(&[T], T, &mut [T])> Objective<T> for Parametric<F, G> {
    #[inline(always)]
    fn value(&self, z: &[T]) -> T {
        self.0.value(z)
    }

    #[inline(always)]
    fn value_block(&self, z: &[T], dim: usize, values: &mut [T]) {
        self.0.value_block(z, dim, values);
    }

    fn depends_on_parameters(&self) -> bool {
        true
    }

    #[inline(always)]
    fn add_parameter_gradient(&self, z: &[T], weight: T, dtheta: &mut [T]) {
        (self.1)(z, weight, dtheta);
    }
}

impl<T, F: DifferentiableObjective<T>, G: Fn(&[T], T, &mut [T])> DifferentiableObjective<T>
    for Parametric<F, G>
{
    #[inline(always)]
    fn value_and_gradient(&self, z: &[T], dz: &mut [T]) -> T {
        self.0.value_and_gradient(z, dz)
    }

    #[inline(always)]
    fn value_and_gradient_block(&self, z: &[T], dim: usize, values: &mut [T], dz: &mut [T]) {
        self.0.value_and_gradient_block(z, dim, values, dz);
    }
}

impl<T, F: Additive<T>, G: Fn(&[T], T, &mut [T])> Additive<T> for Parametric<F, G> {
    fn terms(&self) -> usize {
        self.0.terms()
    }

    fn write_terms(&self, z: &[T], terms: &mut [T]) {
        self.0.write_terms(z, terms);
    }
}
