//! A distribution on parameters that any optimiser may walk on.

use rand::Rng;

use crate::bijector::{PositiveBijector, chain, constrain, unconstrain};
use crate::distribution::{
    Bits, Categories, Coupling, DifferentiableLogDensity, Distribution, Entropy, FiniteFactors,
    FiniteSupport, Jump, KlDivergence, LogDensity, MeanVariance, Relaxable, Reparameterizable, Sequential,
    UniformNoise, WeakDerivative, WeakSides,
};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::probability::Probability;
use crate::real::Real;
use crate::room::with_room;

/// The same distribution on unconstrained parameters φ: every gradient comes with the chain rule `∂/∂φ = (∂θ/∂φ)ᵀ ∂/∂θ`
/// applied, so that any optimiser can walk on the flat vector.
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
/// Draws, densities and entropies are those of the inner distribution. The names of the parameters stay (`sigma` is then
/// `ln sigma`). It has all capabilities of the inner distribution but [`Conditional`](crate::Conditional): a
/// [`StochasticNode::unconstrained`](crate::StochasticNode::unconstrained) around the inner distribution does the same for lent parameters, and checks
/// the θ that they give.
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
/// A Gaussian policy of two steps, trained with its σ by the reward to go:
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
/// let mut estimator = RewardToGo::new().with_baseline(StepBaseline::LeaveOneOut { group: 8 });
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
#[derive(Debug, Clone, PartialEq)]
pub struct Unconstrained<T, D> {
    inner: D,
    bijector: PositiveBijector,
    /// φ.
    params: Vec<T>,
    /// dθ/dφ at φ.
    slope: Vec<T>,
    /// Room for a candidate θ, so that an optimiser's step allocates nothing.
    theta: Vec<T>,
    layout: Layout,
}

impl<T: Real, D: Distribution<T>> Unconstrained<T, D> {
    /// With the logarithm of every positive parameter.
    ///
    /// # Errors
    /// [`Error::NonFiniteParameter`] if a parameter has no finite counterpart (the difference of two bounds overflows).
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
        layout.check(&params)?;
        let mut theta = inner.params().to_vec();
        let mut slope = theta.clone();
        constrain(inner.layout(), bijector, &params, &mut theta, &mut slope);
        Ok(Self { inner, bijector, params, slope, theta, layout })
    }

    /// The distribution in its own parameters θ.
    #[must_use]
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// Back to the distribution in its own parameters θ.
    #[must_use]
    pub fn into_inner(self) -> D {
        self.inner
    }

    /// Turns a gradient with respect to θ into one with respect to φ, in place.
    ///
    /// # Errors
    /// [`Error::Length`] if it is not one number a parameter.
    pub fn chain_rule(&self, gradient: &mut [T]) -> Result<(), Error> {
        check_len("gradient", self.params.len(), gradient.len())?;
        self.chain(gradient);
        Ok(())
    }

    #[inline]
    fn chain(&self, gradient: &mut [T]) {
        chain(self.inner.layout(), &self.slope, gradient);
    }

    fn chain_block(&self, gradients: &mut [T]) {
        for row in gradients.chunks_exact_mut(self.params.len()) {
            self.chain(row);
        }
    }

    /// Adds to a gradient what `add` adds to one by θ.
    fn add_chained(&self, gradient: &mut [T], add: impl FnOnce(&mut [T])) {
        with_room(self.params.len(), T::zero(), |row| {
            add(row);
            self.chain(row);
            for (g, &row) in gradient.iter_mut().zip(&*row) {
                *g += row;
            }
        });
    }

    /// The domain of a parameter, and whether the next range starts from it as from a bound: then a step of φ moves both.
    fn domain(&self, parameter: usize) -> Option<(Domain, bool)> {
        let mut parts = self.inner.layout().iter().skip_while(|part| part.range.end <= parameter);
        let own = parts.next()?.domain;
        Some((own, parts.next().is_some_and(|next| next.domain == Domain::AbovePrevious)))
    }
}

impl<T: Real, D: Distribution<T>> Distribution<T> for Unconstrained<T, D> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    /// Also refuses, by the inner distribution's error, a φ whose θ is not representable: `e^φ` that overflows or is 0.
    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        constrain(self.inner.layout(), self.bijector, params, &mut self.theta, &mut self.slope);
        if let Err(error) = self.inner.set_params(&self.theta) {
            constrain(self.inner.layout(), self.bijector, &self.params, &mut self.theta, &mut self.slope);
            return Err(error);
        }
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        self.inner.sample(rng, z);
    }
}

impl<T: Real, D: Reparameterizable<T>> Reparameterizable<T> for Unconstrained<T, D> {
    fn noise_dim(&self) -> usize {
        self.inner.noise_dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        self.inner.draw_noise(rng, noise);
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        self.inner.transform(noise, z);
    }

    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.inner.pullback(noise, z, dz, dtheta);
        self.chain(dtheta);
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], z: &mut [T]) {
        self.inner.draw_block(rng, noise, z);
    }

    fn transform_block(&self, noise: &[T], z: &mut [T]) {
        self.inner.transform_block(noise, z);
    }

    fn pullback_block(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.inner.pullback_block(noise, z, dz, dtheta);
        self.chain_block(dtheta);
    }
}

impl<T: Real, D: UniformNoise<T>> UniformNoise<T> for Unconstrained<T, D> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        self.inner.noise_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        self.inner.reflect(noise);
    }
}

impl<T: Real, D: LogDensity<T>> LogDensity<T> for Unconstrained<T, D> {
    fn log_prob(&self, z: &[T]) -> T {
        self.inner.log_prob(z)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        self.inner.score(z, score);
        self.chain(score);
    }

    fn score_block(&self, z: &[T], scores: &mut [T]) {
        self.inner.score_block(z, scores);
        self.chain_block(scores);
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>> DifferentiableLogDensity<T> for Unconstrained<T, D> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        self.inner.log_prob_gradient(z, dz);
    }

    fn covers_space(&self) -> bool {
        self.inner.covers_space()
    }
}

impl<T: Real, D: Entropy<T>> Entropy<T> for Unconstrained<T, D> {
    fn entropy(&self) -> T {
        self.inner.entropy()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        self.inner.entropy_gradient(gradient);
        self.chain(gradient);
    }
}

impl<T: Real, D: MeanVariance<T>> MeanVariance<T> for Unconstrained<T, D> {
    fn mean(&self, mean: &mut [T]) {
        self.inner.mean(mean);
    }

    fn variance(&self, variance: &mut [T]) {
        self.inner.variance(variance);
    }
}

impl<T: Real, D: KlDivergence<T>> KlDivergence<T> for Unconstrained<T, D> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        self.inner.kl(&other.inner)
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        self.inner.kl_gradient(&other.inner, dtheta, dother)?;
        self.chain(dtheta);
        other.chain(dother);
        Ok(())
    }
}

impl<T: Real, D: WeakDerivative<T>> WeakDerivative<T> for Unconstrained<T, D> {
    /// None either for a parameter that more than one of θ depends on: probabilities on a simplex, bounds.
    fn weak_sides(&self, parameter: usize, coupling: Coupling) -> Option<WeakSides> {
        match self.domain(parameter) {
            Some((Domain::Simplex(_) | Domain::AbovePrevious, _) | (_, true)) => None,
            _ => self.inner.weak_sides(parameter, coupling),
        }
    }

    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        rng: &mut R,
    ) -> T {
        self.slope[parameter] * self.inner.weak_pair(parameter, coupling, plus, minus, rng)
    }
}

impl<T: Real, D: FiniteSupport<T>> FiniteSupport<T> for Unconstrained<T, D> {
    fn outcomes(&self) -> Option<usize> {
        self.inner.outcomes()
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        self.inner.outcome(index, z);
    }
}

impl<T: Real, D: Bits<T>> Bits<T> for Unconstrained<T, D> {
    fn probability(&self, bit: usize) -> Probability<T> {
        self.inner.probability(bit)
    }

    fn logit(&self, bit: usize) -> T {
        self.inner.logit(bit)
    }

    fn antithetic_pairs<R: Rng + ?Sized>(&self, rng: &mut R, bits: &mut [T], partners: &mut [T]) {
        self.inner.antithetic_pairs(rng, bits, partners);
    }

    fn chain_logits(&self, gradients: &mut [T]) {
        self.inner.chain_logits(gradients);
        self.chain_block(gradients);
    }
}

impl<T: Real, D: Categories<T>> Categories<T> for Unconstrained<T, D> {
    fn classes(&self) -> usize {
        self.inner.classes()
    }

    fn ln_probs(&self) -> &[T] {
        self.inner.ln_probs()
    }

    fn chain_logits(&self, gradients: &mut [T]) {
        self.inner.chain_logits(gradients);
        self.chain_block(gradients);
    }
}

impl<T: Real, D: Relaxable<T>> Relaxable<T> for Unconstrained<T, D> {
    fn row_classes(&self) -> Option<usize> {
        self.inner.row_classes()
    }

    fn height(&self, coordinate: usize) -> T {
        self.inner.height(coordinate)
    }

    fn chain_heights(&self, gradients: &mut [T]) {
        self.inner.chain_heights(gradients);
        self.chain_block(gradients);
    }
}

impl<T: Real, D: FiniteFactors<T>> FiniteFactors<T> for Unconstrained<T, D> {
    fn factors(&self) -> usize {
        self.inner.factors()
    }

    fn alternatives(&self, factor: usize) -> usize {
        self.inner.alternatives(factor)
    }

    fn choose(&self, factor: usize, alternative: usize, z: &mut [T]) {
        self.inner.choose(factor, alternative, z);
    }

    fn chosen(&self, factor: usize, z: &[T]) -> usize {
        self.inner.chosen(factor, z)
    }

    fn log_mass(&self, factor: usize, alternative: usize) -> T {
        self.inner.log_mass(factor, alternative)
    }

    fn add_score(&self, factor: usize, alternative: usize, weight: T, gradient: &mut [T]) {
        self.add_chained(gradient, |row| self.inner.add_score(factor, alternative, weight, row));
    }

    fn sum_scores(&self, weight: impl FnMut(usize, usize) -> T, gradient: &mut [T]) {
        self.inner.sum_scores(weight, gradient);
        self.chain(gradient);
    }
}

impl<T: Real, D: Sequential<T>> Sequential<T> for Unconstrained<T, D> {
    fn steps(&self) -> usize {
        self.inner.steps()
    }

    fn before(&self, step: usize) -> usize {
        self.inner.before(step)
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        self.add_chained(gradient, |row| self.inner.add_step_score(step, z, weight, row));
    }

    fn sum_step_scores<'a, I>(&self, draws: I, gradient: &mut [T])
    where
        T: 'a,
        I: Iterator<Item = (&'a [T], &'a [T])> + Clone,
    {
        self.inner.sum_step_scores(draws, gradient);
        self.chain(gradient);
    }

    fn length(&self, z: &[T]) -> usize {
        self.inner.length(z)
    }
}

impl<T: Real, D: Jump<T>> Jump<T> for Unconstrained<T, D> {
    /// Not for a bound that another one starts from: a step of φ moves both. On a simplex `∂E f/∂φₖ` is pₖ times the derivative along `δₖ − p`, which
    /// is what the inner jump gives.
    fn jumps(&self, parameter: usize) -> bool {
        !matches!(self.domain(parameter), Some((_, true))) && self.inner.jumps(parameter)
    }

    fn jump(&self, parameter: usize, z: &mut [T]) -> T {
        self.slope[parameter] * self.inner.jump(parameter, z)
    }
}
