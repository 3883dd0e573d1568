//! A distribution with new parameters in place of its own.

use std::fmt::Debug;

use rand::Rng;

use crate::distribution::{
    Bits, Categories, Coupling, DifferentiableLogDensity, Distribution, Draws, DrawsMut, Entropy,
    FiniteFactors, FiniteSupport, Jump, KlDivergence, LogDensity, MeanVariance, Relaxable, Reparameterizable,
    Sequential, UniformNoise, WeakDerivative, WeakSides,
};
use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::probability::Probability;
use crate::real::Real;
use crate::scratch::with_scratch;

/// How outer parameters φ give the inner θ: `θ = h(φ)`, with its chain rule. A wrapper of parameters
/// implements only this; [`Remapped`] passes every capability on.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::distributions::{ParameterMap, Remapped};
/// use reparam::prelude::*;
/// use reparam::{Domain, Layout};
///
/// /// One number for all of θ: θ = (φ, φ, …).
/// #[derive(Debug, Clone, PartialEq)]
/// struct Tied;
///
/// impl ParameterMap<f64> for Tied {
///     fn map(&mut self, _: &Layout, phi: &[f64], theta: &mut [f64]) {
///         theta.fill(phi[0]);
///     }
///     fn pull(&self, inner: &Layout, rows: &mut [f64], fill: impl FnOnce(&mut [f64])) {
///         let mut full = vec![0.0; rows.len() * inner.len()];
///         fill(&mut full);
///         for (row, full) in rows.iter_mut().zip(full.chunks_exact(inner.len())) {
///             *row = full.iter().sum();
///         }
///     }
/// }
///
/// let bits = Bernoulli::from_logits(&[0.3, 0.3])?;
/// let layout = Layout::new(&[("logit", 1, Domain::Real)]);
/// let tied = Remapped::on(bits, Tied, vec![0.3], layout)?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Enumerate.estimate(&tied, &|b: &[f64]| b[0] + b[1], 1, &mut rng)?;
/// let p = 1.0 / (1.0 + (-0.3f64).exp());
/// assert!((estimate.gradient()[0] - 2.0 * p * (1.0 - p)).abs() < 1e-15);
/// # Ok::<(), reparam::Error>(())
/// ```
pub trait ParameterMap<T: Real>: Clone + Debug + PartialEq {
    /// Writes θ at φ. `theta` is passed in with the inner distribution's present values: entries that do
    /// not depend on φ stay unchanged. The map may store its slopes at φ for the methods below.
    fn map(&mut self, inner: &Layout, params: &[T], theta: &mut [T]);

    /// The chain rule `∂/∂φ = (∂θ/∂φ)ᵀ ∂/∂θ`: `fill` writes derivatives with respect to θ, as many rows
    /// as there are in `rows` and every number of them; `rows` gets the derivatives with respect to φ.
    fn pull(&self, inner: &Layout, rows: &mut [T], fill: impl FnOnce(&mut [T]));

    /// The one parameter of θ that moves with this one of φ, and its slope `∂θᵢ/∂φⱼ`. `None` (the
    /// default) where several move: a derivative that is known for single parameters of θ (a weak one)
    /// then cannot be passed on.
    fn single(&self, inner: &Layout, parameter: usize) -> Option<(usize, T)> {
        let _ = (inner, parameter);
        None
    }

    /// The same for [jumps](Jump), whose derivative with respect to a probability of a simplex means the
    /// derivative along the simplex.
    fn single_on_simplex(&self, inner: &Layout, parameter: usize) -> Option<(usize, T)> {
        self.single(inner, parameter)
    }
}

/// A [`ParameterMap`] with as many parameters φ as there are in θ, each of which moves its own.
/// Estimators that need one parameter per coordinate of a draw ([`Bits`], [`Categories`], [`Relaxable`])
/// therefore still work.
pub trait SquareParameterMap<T: Real>: ParameterMap<T> {}

/// A distribution with the parameters φ of a [`ParameterMap`]. Draws, densities and entropies are those
/// of the inner distribution. A pullback or a score costs what it costs there, plus the map's chain rule.
#[derive(Debug, Clone)]
pub struct Remapped<T, D, M> {
    inner: D,
    map: M,
    params: Vec<T>,
    /// Room for a candidate θ, so that an optimiser's step allocates nothing.
    theta: Vec<T>,
    layout: Layout,
}

impl<T: PartialEq, D: PartialEq, M: PartialEq> PartialEq for Remapped<T, D, M> {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner && self.map == other.map && self.params == other.params
    }
}

impl<T: Real, D: Distribution<T>, M: ParameterMap<T>> Remapped<T, D, M> {
    /// With these parameters, and their names and domains. The inner distribution must be the one at
    /// `h(params)`, up to rounding.
    ///
    /// # Errors
    /// The layout's error if it refuses the parameters.
    pub fn on(inner: D, mut map: M, params: Vec<T>, layout: Layout) -> Result<Self, Error> {
        layout.check(&params)?;
        let mut theta = inner.params().to_vec();
        map.map(inner.layout(), &params, &mut theta);
        Ok(Self { inner, map, params, theta, layout })
    }

    /// The distribution with its own parameters θ.
    #[must_use]
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// Returns the distribution with its own parameters θ.
    #[must_use]
    pub fn into_inner(self) -> D {
        self.inner
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &M {
        &self.map
    }

    #[inline]
    pub(crate) fn pull(&self, rows: &mut [T], fill: impl FnOnce(&mut [T])) {
        // If all parameters of a distribution are frozen, there is nothing to pull back to.
        if !self.params.is_empty() {
            self.map.pull(self.inner.layout(), rows, fill);
        }
    }

    /// Adds to a gradient with respect to φ what `add` adds to one with respect to θ.
    fn pull_and_add(&self, gradient: &mut [T], add: impl FnOnce(&mut [T])) {
        with_scratch(gradient.len(), T::zero(), |row| {
            self.pull(row, |row| {
                row.fill(T::zero());
                add(row);
            });
            for (g, &row) in gradient.iter_mut().zip(&*row) {
                *g += row;
            }
        });
    }
}

impl<T: Real, D: Distribution<T>, M: ParameterMap<T>> Distribution<T> for Remapped<T, D, M> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    /// Also refuses, with the inner distribution's error, a φ whose θ is not valid or not representable.
    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.replace(&mut self.params, params, |params| {
            self.map.map(self.inner.layout(), params, &mut self.theta);
            self.inner.set_params(&self.theta)
        })
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        self.inner.sample(rng, z);
    }

    fn preimage_dim(&self) -> usize {
        self.inner.preimage_dim()
    }

    fn sample_block<R: Rng + ?Sized>(&self, rng: &mut R, draws: DrawsMut<'_, T>) {
        self.inner.sample_block(rng, draws);
    }
}

impl<T: Real, D: Reparameterizable<T>, M: ParameterMap<T>> Reparameterizable<T> for Remapped<T, D, M> {
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
        self.pull(dtheta, |rows| self.inner.pullback(noise, z, dz, rows));
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], draws: DrawsMut<'_, T>) {
        self.inner.draw_block(rng, noise, draws);
    }

    fn transform_block(&self, noise: &[T], draws: DrawsMut<'_, T>) {
        self.inner.transform_block(noise, draws);
    }

    fn pullback_block(&self, noise: &[T], draws: Draws<'_, T>, dz: &[T], dtheta: &mut [T]) {
        self.pull(dtheta, |rows| self.inner.pullback_block(noise, draws, dz, rows));
    }
}

impl<T: Real, D: UniformNoise<T>, M: ParameterMap<T>> UniformNoise<T> for Remapped<T, D, M> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        self.inner.noise_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        self.inner.reflect(noise);
    }
}

impl<T: Real, D: LogDensity<T>, M: ParameterMap<T>> LogDensity<T> for Remapped<T, D, M> {
    fn log_prob(&self, z: &[T]) -> T {
        self.inner.log_prob(z)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        self.pull(score, |rows| self.inner.score(z, rows));
    }

    fn log_prob_block(&self, draws: Draws<'_, T>, log_probs: &mut [T]) {
        self.inner.log_prob_block(draws, log_probs);
    }

    fn score_block(&self, draws: Draws<'_, T>, scores: &mut [T]) {
        self.pull(scores, |rows| self.inner.score_block(draws, rows));
    }
}

impl<T, D, M> DifferentiableLogDensity<T> for Remapped<T, D, M>
where
    T: Real,
    D: DifferentiableLogDensity<T>,
    M: ParameterMap<T>,
{
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        self.inner.log_prob_gradient(z, dz);
    }

    fn log_prob_gradient_block(&self, draws: Draws<'_, T>, dz: &mut [T]) {
        self.inner.log_prob_gradient_block(draws, dz);
    }

    fn covers_space(&self) -> bool {
        self.inner.covers_space()
    }
}

impl<T: Real, D: Entropy<T>, M: ParameterMap<T>> Entropy<T> for Remapped<T, D, M> {
    fn entropy(&self) -> T {
        self.inner.entropy()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        self.pull(gradient, |rows| self.inner.entropy_gradient(rows));
    }
}

impl<T: Real, D: MeanVariance<T>, M: ParameterMap<T>> MeanVariance<T> for Remapped<T, D, M> {
    fn mean(&self, mean: &mut [T]) {
        self.inner.mean(mean);
    }

    fn variance(&self, variance: &mut [T]) {
        self.inner.variance(variance);
    }
}

impl<T: Real, D: KlDivergence<T>, M: ParameterMap<T>> KlDivergence<T> for Remapped<T, D, M> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        self.inner.kl(&other.inner)
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        check_len("the gradient of the divergence", self.params.len(), dtheta.len())?;
        check_len("the gradient for the other distribution", other.params.len(), dother.len())?;
        let mut full = vec![T::zero(); self.theta.len()];
        let mut full_other = vec![T::zero(); other.theta.len()];
        self.inner.kl_gradient(&other.inner, &mut full, &mut full_other)?;
        self.pull(dtheta, |row| row.copy_from_slice(&full));
        other.pull(dother, |row| row.copy_from_slice(&full_other));
        Ok(())
    }
}

impl<T: Real, D: WeakDerivative<T>, M: ParameterMap<T>> WeakDerivative<T> for Remapped<T, D, M> {
    /// `None` also for a parameter that several of θ depend on: probabilities on a simplex, bounds.
    fn weak_sides(&self, parameter: usize, coupling: Coupling) -> Option<WeakSides> {
        let (inner, _) = self.map.single(self.inner.layout(), parameter)?;
        self.inner.weak_sides(inner, coupling)
    }

    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        rng: &mut R,
    ) -> T {
        match self.map.single(self.inner.layout(), parameter) {
            Some((inner, slope)) => slope * self.inner.weak_pair(inner, coupling, plus, minus, rng),
            None => T::nan(),
        }
    }
}

impl<T: Real, D: Jump<T>, M: ParameterMap<T>> Jump<T> for Remapped<T, D, M> {
    /// Not for a bound from which another parameter starts: a step of φ moves both. On a simplex,
    /// `∂E f/∂φₖ` is pₖ times the derivative along `δₖ − p`, which the inner jump gives.
    fn jumps(&self, parameter: usize) -> bool {
        self.map
            .single_on_simplex(self.inner.layout(), parameter)
            .is_some_and(|(inner, _)| self.inner.jumps(inner))
    }

    fn jump(&self, parameter: usize, z: &mut [T]) -> T {
        match self.map.single_on_simplex(self.inner.layout(), parameter) {
            Some((inner, slope)) => slope * self.inner.jump(inner, z),
            None => T::nan(),
        }
    }
}

impl<T: Real, D: FiniteSupport<T>, M: ParameterMap<T>> FiniteSupport<T> for Remapped<T, D, M> {
    fn outcomes(&self) -> Option<usize> {
        self.inner.outcomes()
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        self.inner.outcome(index, z);
    }
}

impl<T: Real, D: FiniteFactors<T>, M: ParameterMap<T>> FiniteFactors<T> for Remapped<T, D, M> {
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
        self.pull_and_add(gradient, |row| self.inner.add_score(factor, alternative, weight, row));
    }

    fn sum_scores(&self, weight: impl FnMut(usize, usize) -> T, gradient: &mut [T]) {
        self.pull(gradient, |row| self.inner.sum_scores(weight, row));
    }
}

impl<T: Real, D: Sequential<T>, M: ParameterMap<T>> Sequential<T> for Remapped<T, D, M> {
    fn steps(&self) -> usize {
        self.inner.steps()
    }

    fn before(&self, step: usize) -> usize {
        self.inner.before(step)
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        self.pull_and_add(gradient, |row| self.inner.add_step_score(step, z, weight, row));
    }

    fn sum_step_scores<'a, I>(&self, draws: I, gradient: &mut [T])
    where
        T: 'a,
        I: Iterator<Item = (&'a [T], &'a [T])> + Clone,
    {
        self.pull(gradient, |row| self.inner.sum_step_scores(draws, row));
    }

    fn length(&self, z: &[T]) -> usize {
        self.inner.length(z)
    }
}

impl<T: Real, D: Relaxable<T>, M: SquareParameterMap<T>> Relaxable<T> for Remapped<T, D, M> {
    fn classes(&self) -> Option<usize> {
        self.inner.classes()
    }

    fn logit(&self, coordinate: usize) -> T {
        self.inner.logit(coordinate)
    }

    fn chain_logits(&self, gradients: &mut [T]) {
        self.pull(gradients, |rows| self.inner.chain_logits(rows));
    }
}

impl<T: Real, D: Bits<T>, M: SquareParameterMap<T>> Bits<T> for Remapped<T, D, M> {
    fn probability(&self, bit: usize) -> Probability<T> {
        self.inner.probability(bit)
    }

    fn antithetic_pairs<R: Rng + ?Sized>(&self, rng: &mut R, bits: &mut [T], partners: &mut [T]) {
        self.inner.antithetic_pairs(rng, bits, partners);
    }
}

impl<T: Real, D: Categories<T>, M: SquareParameterMap<T>> Categories<T> for Remapped<T, D, M> {
    fn ln_probs(&self) -> &[T] {
        self.inner.ln_probs()
    }
}
