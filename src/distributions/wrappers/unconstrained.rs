//! A distribution with parameters that any optimiser can move freely.

use super::remapped::{ParameterMap, Remapped, SquareParameterMap};
use crate::bijector::{PositiveBijector, chain, constrain, unconstrain};
use crate::distribution::Distribution;
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::real::Real;

/// The same distribution with unconstrained parameters φ: every gradient comes with the chain rule
/// `∂/∂φ = (∂θ/∂φ)ᵀ ∂/∂θ` applied, so that any optimiser can work on the flat vector.
///
/// | domain of θ | map | slope |
/// | --- | --- | --- |
/// | real | `θ = φ` | 1 |
/// | positive, [`PositiveBijector::Exp`] | `θ = e^φ` | `θ` |
/// | positive, [`PositiveBijector::Softplus`] | `θ = ln(1 + e^φ)` | `σ(φ)` |
/// | unit interval | `θ = σ(φ)` | `θ(1 − θ)` |
/// | simplex | `θ = softmax(φ)` | `∂θₖ/∂φⱼ = θₖ(1[j = k] − θⱼ)` |
/// | above a lower bound | `θ = bound + e^φ` (or softplus) | `e^φ`, and 1 to the bound |
///
/// Draws, densities and entropies are those of the inner distribution. The parameters keep their names
/// (`sigma` is then `ln sigma`). It has all capabilities of the inner distribution but
/// [`Conditional`](crate::Conditional): a
/// [`StochasticNode::unconstrained`](crate::StochasticNode::unconstrained) around the inner distribution
/// does the same for lent parameters, and checks the θ that they give.
///
/// ```
/// use reparam::prelude::*;
///
/// let mut q = Unconstrained::new(Normal::new(&[0.0], &[1.0])?)?;
/// assert_eq!(q.params(), [0.0, 0.0]); // μ, ln σ
/// q.set_params(&[0.5, -2.0])?;
/// assert_eq!(q.inner().sigma(), [(-2.0f64).exp()]);
///
/// let mut gradient = [0.0; 2];
/// q.entropy_gradient(&mut gradient);
/// assert_eq!(gradient, [0.0, 1.0]); // ∂/∂ln σ of ½ ln(2πe) + ln σ
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// A Gaussian policy of two steps, trained together with its σ by the reward to go:
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let mut policy = Unconstrained::new(Normal::new(&[0.0, 0.0], &[1.0, 1.0])?)?;
/// let cost = Terms(2, |z: &[f64], costs: &mut [f64]| {
///     costs[0] = (z[0] - 1.0).powi(2);
///     costs[1] = (z[0] + z[1]).powi(2);
/// });
/// let mut estimator = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 8 });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// for _ in 0..500 {
///     let estimate = estimator.estimate(&policy, &cost, 16, &mut rng)?;
///     let step = |(phi, g): (&f64, &f64)| phi - 0.03 * g.clamp(-2.0, 2.0);
///     let next: Vec<f64> = policy.params().iter().zip(estimate.gradient()).map(step).collect();
///     policy.set_params(&next)?;
/// }
/// let (mu, sigma) = (policy.inner().mu(), policy.inner().sigma());
/// assert!((mu[0] - 1.0).abs() < 0.1 && (mu[1] + 1.0).abs() < 0.1);
/// assert!(sigma.iter().all(|sigma| *sigma < 0.2)); // the best policy is certain
/// # Ok::<(), reparam::Error>(())
/// ```
pub type Unconstrained<T, D> = Remapped<T, D, Unconstraining<T>>;

/// The map of an [`Unconstrained`]: from the real line onto the domain of each parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Unconstraining<T> {
    bijector: PositiveBijector,
    /// dθ/dφ at φ.
    slope: Vec<T>,
}

impl<T: Real> ParameterMap<T> for Unconstraining<T> {
    fn map(&mut self, inner: &Layout, params: &[T], theta: &mut [T]) {
        constrain(inner, self.bijector, params, theta, &mut self.slope);
    }

    #[inline]
    fn pull(&self, inner: &Layout, rows: &mut [T], fill: impl FnOnce(&mut [T])) {
        fill(rows);
        for row in rows.chunks_exact_mut(self.slope.len()) {
            chain(inner, &self.slope, row);
        }
    }

    /// `None` for probabilities on a simplex and for bounds.
    fn single(&self, inner: &Layout, parameter: usize) -> Option<(usize, T)> {
        let (domain, is_bound) = domain(inner, parameter)?;
        let several = is_bound || matches!(domain, Domain::Simplex(_) | Domain::AbovePrevious);
        (!several).then(|| (parameter, self.slope[parameter]))
    }

    /// Not for a bound from which another parameter starts: a step of φ moves both. On a simplex,
    /// `∂E f/∂φₖ` is pₖ times the derivative along `δₖ − p`, which the inner jump gives.
    fn single_on_simplex(&self, inner: &Layout, parameter: usize) -> Option<(usize, T)> {
        let (_, is_bound) = domain(inner, parameter)?;
        (!is_bound).then(|| (parameter, self.slope[parameter]))
    }
}

impl<T: Real> SquareParameterMap<T> for Unconstraining<T> {}

/// The domain of a parameter, and whether the next range starts from it as its bound: then a step of φ
/// moves both.
fn domain(inner: &Layout, parameter: usize) -> Option<(Domain, bool)> {
    let mut parts = inner.iter().skip_while(|part| part.range.end <= parameter);
    let own = parts.next()?.domain;
    Some((own, parts.next().is_some_and(|next| next.domain == Domain::AbovePrevious)))
}

impl<T: Real, D: Distribution<T>> Unconstrained<T, D> {
    /// With the logarithm of every positive parameter.
    ///
    /// # Errors
    /// [`Error::NonFiniteParameter`] if a parameter has no finite counterpart (the difference of two bounds
    /// overflows).
    pub fn new(inner: D) -> Result<Self, Error> {
        Self::with_bijector(inner, PositiveBijector::Exp)
    }

    /// With a chosen map for positive parameters.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_bijector(inner: D, bijector: PositiveBijector) -> Result<Self, Error> {
        let layout = inner.layout().unconstrained();
        let params = unconstrain(inner.layout(), bijector, inner.params());
        let slope = vec![T::zero(); params.len()];
        Self::on(inner, Unconstraining { bijector, slope }, params, layout)
    }

    /// Turns a gradient with respect to θ into one with respect to φ, in place.
    ///
    /// # Errors
    /// [`Error::Length`] if it is not one number per parameter.
    pub fn chain_rule(&self, gradient: &mut [T]) -> Result<(), Error> {
        check_len("gradient", self.params().len(), gradient.len())?;
        self.pull(gradient, |_| {});
        Ok(())
    }
}
