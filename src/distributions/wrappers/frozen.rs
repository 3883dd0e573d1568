//! A distribution some of whose parameters stand still.

use rand::Rng;

use crate::distribution::{
    Conditional, Coupling, DifferentiableLogDensity, Distribution, Entropy, FiniteFactors, FiniteSupport,
    Jump, KlDivergence, LogDensity, MeanVariance, Reparameterizable, Sequential, UniformNoise,
    WeakDerivative, WeakSides,
};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::real::Real;
use crate::room::with_room;

/// The same distribution with some of its parameters frozen: θ, its gradients and its layout are those of the others, the free ones.
///
/// Capability belongs to a parameter: a Pareto's scale moves the support and has no score, its shape has one; a gamma's rate has a weak
/// derivative, its shape has none. With what stands in the way frozen, the estimators that need it are open to the rest. What is frozen keeps
/// its value until [`into_inner`](Self::into_inner).
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let pareto = Pareto::new(&[1.0], &[3.0])?; // scale, shape
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let f = |z: &[f64]| if z[0] > 2.0 { 1.0 } else { 0.0 };
/// let refused = ScoreFunction::new().estimate(&pareto, &f, 100, &mut rng);
/// assert_eq!(refused, Err(Error::SupportDependsOnParameter { parameter: "scale".into() }));
///
/// let free_shape = Frozen::new(pareto, &["scale"])?;
/// assert_eq!(free_shape.params(), [3.0]);
/// let estimate = ScoreFunction::new().estimate(&free_shape, &f, 20_000, &mut rng)?;
/// let exact = -(2.0f64.ln()) / 8.0; // P(z > 2) = 2^(−shape)
/// assert!((estimate.gradient()[0] - exact).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// Draws, densities and entropies are those of the inner distribution; a pullback or a score costs what it costs there. An upper bound whose lower
/// bound is frozen has the domain [`Domain::Real`] in the layout here: [`set_params`](Distribution::set_params) still refuses one that is too low.
///
/// It has all capabilities of the inner distribution but [`Bits`](crate::Bits), [`Categories`](crate::Categories) and [`Relaxable`](crate::Relaxable):
/// their estimators take as many parameters as coordinates of a draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen<T, D> {
    inner: D,
    /// The free parameters.
    params: Vec<T>,
    layout: Layout,
    /// Where each free parameter stands in the inner θ.
    places: Vec<usize>,
    /// Which ranges of the inner layout are free.
    free: Vec<bool>,
    /// Room for a candidate θ, so that an optimiser's step allocates nothing.
    theta: Vec<T>,
}

impl<T: Real, D: Distribution<T>> Frozen<T, D> {
    /// With these parameters, by the names of the layout, frozen at their present values.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] for a name that the layout does not have, [`Error::EmptySupport`] if nothing is left free.
    pub fn new(inner: D, names: &[&str]) -> Result<Self, Error> {
        let layout = inner.layout();
        if let Some(unknown) = names.iter().find(|name| layout.range(name).is_none()) {
            return Err(Error::UnknownParameter { parameter: (*unknown).to_string().into() });
        }
        let free: Vec<bool> = layout.iter().map(|part| !names.contains(&&*part.name)).collect();
        let mut before_is_free = true;
        let kept = layout.iter().zip(&free).filter_map(|(part, &is_free)| {
            let orphan = part.domain == Domain::AbovePrevious && !before_is_free;
            before_is_free = is_free;
            let domain = if orphan { Domain::Real } else { part.domain };
            is_free.then(|| (part.clone(), domain))
        });
        let kept: Vec<_> = kept.collect();
        // Ranges that are free may be empty.
        let places: Vec<usize> = kept.iter().flat_map(|(part, _)| part.range.clone()).collect();
        if places.is_empty() {
            return Err(Error::EmptySupport { what: "a distribution whose parameters are all frozen" });
        }
        let layout = Layout::of_parts(kept);
        let theta = inner.params().to_vec();
        let params = places.iter().map(|&i| theta[i]).collect();
        Ok(Self { inner, params, layout, places, free, theta })
    }

    /// The distribution with all of its parameters.
    #[must_use]
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// Back to the distribution with all of its parameters.
    #[must_use]
    pub fn into_inner(self) -> D {
        self.inner
    }

    /// Rows of the inner θ, one a draw, made by `fill`, of which the free parameters are written.
    fn gather(&self, rows: &mut [T], fill: impl FnOnce(&mut [T])) {
        let (free, all) = (self.places.len(), self.theta.len());
        with_room(rows.len() / free * all, T::zero(), |full: &mut [T]| {
            fill(full);
            for (row, full) in rows.chunks_exact_mut(free).zip(full.chunks_exact(all)) {
                for (value, &place) in row.iter_mut().zip(&self.places) {
                    *value = full[place];
                }
            }
        });
    }

    /// Adds to the free parameters what `add` adds to all of them.
    fn add_gathered(&self, gradient: &mut [T], add: impl FnOnce(&mut [T])) {
        with_room(self.theta.len(), T::zero(), |full| {
            add(full);
            for (g, &place) in gradient.iter_mut().zip(&self.places) {
                *g += full[place];
            }
        });
    }

    /// One slice for every range of the inner layout: those lent, and those frozen.
    fn lend<Y>(&self, params: &[&[T]], use_them: impl FnOnce(&[&[T]]) -> Y) -> Y {
        let empty: &[T] = &[];
        with_room(self.free.len(), empty, |all| {
            let mut lent = params.iter();
            for ((slot, part), &free) in all.iter_mut().zip(self.inner.layout()).zip(&self.free) {
                let own = &self.inner.params()[part.range.clone()];
                *slot = if free { lent.next().copied().unwrap_or(own) } else { own };
            }
            use_them(all)
        })
    }
}

impl<T: Real, D: Distribution<T>> Distribution<T> for Frozen<T, D> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        check_len("params", self.params.len(), params.len())?;
        self.theta.copy_from_slice(self.inner.params());
        for (&place, &value) in self.places.iter().zip(params) {
            self.theta[place] = value;
        }
        if let Err(error) = self.inner.set_params(&self.theta) {
            self.theta.copy_from_slice(self.inner.params());
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

impl<T: Real, D: Reparameterizable<T>> Reparameterizable<T> for Frozen<T, D> {
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
        self.gather(dtheta, |full| self.inner.pullback(noise, z, dz, full));
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], z: &mut [T]) {
        self.inner.draw_block(rng, noise, z);
    }

    fn transform_block(&self, noise: &[T], z: &mut [T]) {
        self.inner.transform_block(noise, z);
    }

    fn pullback_block(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.gather(dtheta, |full| self.inner.pullback_block(noise, z, dz, full));
    }
}

impl<T: Real, D: UniformNoise<T>> UniformNoise<T> for Frozen<T, D> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        self.inner.noise_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        self.inner.reflect(noise);
    }
}

impl<T: Real, D: Conditional<T>> Conditional<T> for Frozen<T, D> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        self.lend(params, |all| self.inner.transform_with(all, noise, z));
    }

    fn pullback_with(&self, params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.lend(params, |all| {
            self.gather(dtheta, |full| self.inner.pullback_with(all, noise, z, dz, full));
        });
    }
}

impl<T: Real, D: LogDensity<T>> LogDensity<T> for Frozen<T, D> {
    fn log_prob(&self, z: &[T]) -> T {
        self.inner.log_prob(z)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        self.gather(score, |full| self.inner.score(z, full));
    }

    fn score_block(&self, z: &[T], scores: &mut [T]) {
        self.gather(scores, |full| self.inner.score_block(z, full));
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>> DifferentiableLogDensity<T> for Frozen<T, D> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        self.inner.log_prob_gradient(z, dz);
    }

    fn covers_space(&self) -> bool {
        self.inner.covers_space()
    }
}

impl<T: Real, D: Entropy<T>> Entropy<T> for Frozen<T, D> {
    fn entropy(&self) -> T {
        self.inner.entropy()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        self.gather(gradient, |full| self.inner.entropy_gradient(full));
    }
}

impl<T: Real, D: MeanVariance<T>> MeanVariance<T> for Frozen<T, D> {
    fn mean(&self, mean: &mut [T]) {
        self.inner.mean(mean);
    }

    fn variance(&self, variance: &mut [T]) {
        self.inner.variance(variance);
    }
}

impl<T: Real, D: KlDivergence<T>> KlDivergence<T> for Frozen<T, D> {
    /// Whatever is frozen here and there.
    fn kl(&self, other: &Self) -> Result<T, Error> {
        self.inner.kl(&other.inner)
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        check_len("the gradient of the divergence", self.params.len(), dtheta.len())?;
        check_len("the gradient for the other distribution", other.params.len(), dother.len())?;
        let mut full = vec![T::zero(); self.theta.len()];
        let mut full_other = vec![T::zero(); other.theta.len()];
        self.inner.kl_gradient(&other.inner, &mut full, &mut full_other)?;
        self.gather(dtheta, |row| row.copy_from_slice(&full));
        other.gather(dother, |row| row.copy_from_slice(&full_other));
        Ok(())
    }
}

impl<T: Real, D: WeakDerivative<T>> WeakDerivative<T> for Frozen<T, D> {
    fn weak_sides(&self, parameter: usize, coupling: Coupling) -> Option<WeakSides> {
        self.inner.weak_sides(self.places[parameter], coupling)
    }

    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        rng: &mut R,
    ) -> T {
        self.inner.weak_pair(self.places[parameter], coupling, plus, minus, rng)
    }
}

impl<T: Real, D: Jump<T>> Jump<T> for Frozen<T, D> {
    fn jumps(&self, parameter: usize) -> bool {
        self.inner.jumps(self.places[parameter])
    }

    fn jump(&self, parameter: usize, z: &mut [T]) -> T {
        self.inner.jump(self.places[parameter], z)
    }
}

impl<T: Real, D: FiniteSupport<T>> FiniteSupport<T> for Frozen<T, D> {
    fn outcomes(&self) -> Option<usize> {
        self.inner.outcomes()
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        self.inner.outcome(index, z);
    }
}

impl<T: Real, D: FiniteFactors<T>> FiniteFactors<T> for Frozen<T, D> {
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
        self.add_gathered(gradient, |full| self.inner.add_score(factor, alternative, weight, full));
    }

    fn sum_scores(&self, weight: impl FnMut(usize, usize) -> T, gradient: &mut [T]) {
        self.gather(gradient, |full| self.inner.sum_scores(weight, full));
    }
}

impl<T: Real, D: Sequential<T>> Sequential<T> for Frozen<T, D> {
    fn steps(&self) -> usize {
        self.inner.steps()
    }

    fn before(&self, step: usize) -> usize {
        self.inner.before(step)
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        self.add_gathered(gradient, |full| self.inner.add_step_score(step, z, weight, full));
    }

    fn sum_step_scores<'a, I>(&self, draws: I, gradient: &mut [T])
    where
        T: 'a,
        I: Iterator<Item = (&'a [T], &'a [T])> + Clone,
    {
        self.gather(gradient, |full| self.inner.sum_step_scores(draws, full));
    }

    fn length(&self, z: &[T]) -> usize {
        self.inner.length(z)
    }
}
