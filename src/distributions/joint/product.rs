//! Two independent distributions as one.

use rand::Rng;

use crate::distribution::{
    Bits, Conditional, Coupling, DifferentiableLogDensity, Distribution, Draws, DrawsMut, Entropy,
    FiniteFactors, FiniteSupport, Jump, KlDivergence, LogDensity, MeanVariance, Relaxable, Reparameterizable,
    Sequential, UniformNoise, WeakDerivative, WeakSides,
};
use crate::distributions::joint::split::{Factor, Part, by_factor};
use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::probability::Probability;
use crate::real::Real;
use crate::scratch::with_scratch;

/// The independent joint of two distributions: `p(z) = p₁(z₁) p₂(z₂)`, with draws, noise and parameters
/// one after the other and names prefixed by `first.` and `second.`. It has every capability that both
/// have, with two exceptions: it never has [`Categories`](crate::Categories), because the two may differ
/// in their number of classes, and it has [`Relaxable`] only for bits on both sides. Products nest.
///
/// The steps of the first factor come before those of the second ([`Sequential`]): all of the first
/// factor's draw is known when the second begins.
///
/// ```
/// use reparam::prelude::*;
///
/// let joint = Product::new(Normal::new(&[0.0], &[1.0])?, LogNormal::new(&[0.0], &[0.5])?);
/// assert_eq!(joint.dim(), 2);
/// assert_eq!(joint.layout().range("second.sigma"), Some(3..4));
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// Bits and categories in one draw, factor by factor:
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let joint = Product::new(Bernoulli::from_logits(&[0.0])?, Categorical::from_probs(&[0.2, 0.3, 0.5], 3)?);
/// assert_eq!((joint.factors(), joint.outcomes()), (2, Some(6)));
/// let f = |z: &[f64]| z[0] * (z[1] - 2.0 * z[3]);
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let exact = Enumerate.estimate(&joint, &f, 2, &mut rng)?;
/// assert!((exact.gradient()[0] + 0.25 * 0.8).abs() < 1e-15); // σ′(0) E(z₁ − 2 z₃)
/// let local = LocalExpectation.estimate(&joint, &f, 1000, &mut rng)?;
/// assert!((local.gradient()[0] + 0.2).abs() < 4.0 * local.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Product<T, A, B> {
    first: A,
    second: B,
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real, A: Distribution<T>, B: Distribution<T>> Product<T, A, B> {
    /// The joint of two independent distributions.
    #[must_use]
    pub fn new(first: A, second: B) -> Self {
        let params = [first.params(), second.params()].concat();
        let layout = Layout::join(first.layout(), second.layout());
        Self { first, second, params, layout }
    }

    /// The first factor.
    #[must_use]
    pub fn first(&self) -> &A {
        &self.first
    }

    /// The second factor.
    #[must_use]
    pub fn second(&self) -> &B {
        &self.second
    }

    /// Returns both factors.
    #[must_use]
    pub fn into_factors(self) -> (A, B) {
        (self.first, self.second)
    }

    /// How the rows of draws, of preimages and of parameters are divided.
    fn draw(&self) -> Part {
        Part { first: self.first.dim(), both: self.dim() }
    }

    fn preimage(&self) -> Part {
        Part { first: self.first.preimage_dim(), both: self.preimage_dim() }
    }

    /// How the preimages of these draws are divided: into empty parts if the draws carry none.
    fn known(&self, draws: Draws<'_, T>) -> Part {
        if draws.know_more() { self.preimage() } else { Part::default() }
    }

    fn parameters(&self) -> Part {
        Part { first: self.first.params().len(), both: self.params.len() }
    }

    /// Where the second factor's part of a draw and of the parameters starts.
    fn cuts(&self) -> (usize, usize) {
        (self.first.dim(), self.first.params().len())
    }
}

impl<T: Real, A: Distribution<T>, B: Distribution<T>> Distribution<T> for Product<T, A, B> {
    fn dim(&self) -> usize {
        self.first.dim() + self.second.dim()
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        let (_, cut) = self.cuts();
        self.layout.replace(&mut self.params, params, |params| {
            self.first.set_params(&params[..cut])?;
            self.second.set_params(&params[cut..])
        })
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        let (cut, _) = self.cuts();
        for row in z.chunks_exact_mut(self.dim()) {
            let (first, second) = row.split_at_mut(cut);
            self.first.sample(rng, first);
            self.second.sample(rng, second);
        }
    }

    fn preimage_dim(&self) -> usize {
        self.first.preimage_dim() + self.second.preimage_dim()
    }

    fn sample_block<R: Rng + ?Sized>(&self, rng: &mut R, draws: DrawsMut<'_, T>) {
        let rows = draws.z.len() / self.dim();
        let outputs = [(draws.z, self.draw()), (draws.preimage, self.preimage())];
        by_factor(rows, [], outputs, |factor, [], [z, preimage]| {
            let draws = DrawsMut { z, preimage };
            match factor {
                Factor::First => self.first.sample_block(rng, draws),
                Factor::Second => self.second.sample_block(rng, draws),
            }
        });
    }
}

impl<T: Real, A: Reparameterizable<T>, B: Reparameterizable<T>> Product<T, A, B> {
    fn noise(&self) -> Part {
        Part { first: self.first.noise_dim(), both: self.noise_dim() }
    }
}

impl<T, A, B> Reparameterizable<T> for Product<T, A, B>
where
    T: Real,
    A: Reparameterizable<T>,
    B: Reparameterizable<T>,
{
    fn noise_dim(&self) -> usize {
        self.first.noise_dim() + self.second.noise_dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        for row in noise.chunks_exact_mut(self.noise_dim()) {
            let (first, second) = row.split_at_mut(self.first.noise_dim());
            self.first.draw_noise(rng, first);
            self.second.draw_noise(rng, second);
        }
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        let (noise, z) = (noise.split_at(self.first.noise_dim()), z.split_at_mut(self.first.dim()));
        self.first.transform(noise.0, z.0);
        self.second.transform(noise.1, z.1);
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], draws: DrawsMut<'_, T>) {
        let rows = draws.z.len() / self.dim();
        let outputs = [(noise, self.noise()), (draws.z, self.draw()), (draws.preimage, self.preimage())];
        by_factor(rows, [], outputs, |factor, [], [noise, z, preimage]| {
            let draws = DrawsMut { z, preimage };
            match factor {
                Factor::First => self.first.draw_block(rng, noise, draws),
                Factor::Second => self.second.draw_block(rng, noise, draws),
            }
        });
    }

    fn transform_block(&self, noise: &[T], draws: DrawsMut<'_, T>) {
        let rows = draws.z.len() / self.dim();
        let carried = if draws.preimage.is_empty() { Part::default() } else { self.preimage() };
        let outputs = [(draws.z, self.draw()), (draws.preimage, carried)];
        by_factor(rows, [(noise, self.noise())], outputs, |factor, [noise], [z, preimage]| {
            let draws = DrawsMut { z, preimage };
            match factor {
                Factor::First => self.first.transform_block(noise, draws),
                Factor::Second => self.second.transform_block(noise, draws),
            }
        });
    }

    fn pullback_block(&self, noise: &[T], draws: Draws<'_, T>, dz: &[T], dtheta: &mut [T]) {
        let rows = draws.z.len() / self.dim();
        let inputs = [
            (noise, self.noise()),
            (draws.z, self.draw()),
            (draws.preimage, self.known(draws)),
            (dz, self.draw()),
        ];
        let outputs = [(dtheta, self.parameters())];
        by_factor(rows, inputs, outputs, |factor, [noise, z, preimage, dz], [dtheta]| {
            let draws = Draws { z, preimage };
            match factor {
                Factor::First => self.first.pullback_block(noise, draws, dz, dtheta),
                Factor::Second => self.second.pullback_block(noise, draws, dz, dtheta),
            }
        });
    }

    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        let (dim, params) = self.cuts();
        let noise = noise.split_at(self.first.noise_dim());
        let (z, dz, dtheta) = (z.split_at(dim), dz.split_at(dim), dtheta.split_at_mut(params));
        self.first.pullback(noise.0, z.0, dz.0, dtheta.0);
        self.second.pullback(noise.1, z.1, dz.1, dtheta.1);
    }
}

impl<T, A, B> UniformNoise<T> for Product<T, A, B>
where
    T: Real,
    A: UniformNoise<T>,
    B: UniformNoise<T>,
{
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        for row in noise.chunks_exact_mut(self.noise_dim()) {
            let (first, second) = row.split_at_mut(self.first.noise_dim());
            self.first.noise_from_uniforms(first);
            self.second.noise_from_uniforms(second);
        }
    }

    fn reflect(&self, noise: &mut [T]) {
        for row in noise.chunks_exact_mut(self.noise_dim()) {
            let (first, second) = row.split_at_mut(self.first.noise_dim());
            self.first.reflect(first);
            self.second.reflect(second);
        }
    }
}

impl<T, A, B> Conditional<T> for Product<T, A, B>
where
    T: Real,
    A: Conditional<T>,
    B: Conditional<T>,
{
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        let params = params.split_at(self.first.layout().iter().len());
        let (noise, z) = (noise.split_at(self.first.noise_dim()), z.split_at_mut(self.first.dim()));
        self.first.transform_with(params.0, noise.0, z.0);
        self.second.transform_with(params.1, noise.1, z.1);
    }

    fn pullback_with(&self, params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        let ranges = self.first.layout().iter().len();
        let (params, dtheta) = (params.split_at(ranges), dtheta.split_at_mut(self.first.params().len()));
        let noise = noise.split_at(self.first.noise_dim());
        let (z, dz) = (z.split_at(self.first.dim()), dz.split_at(self.first.dim()));
        self.first.pullback_with(params.0, noise.0, z.0, dz.0, dtheta.0);
        self.second.pullback_with(params.1, noise.1, z.1, dz.1, dtheta.1);
    }
}

impl<T: Real, A: LogDensity<T>, B: LogDensity<T>> LogDensity<T> for Product<T, A, B> {
    fn log_prob(&self, z: &[T]) -> T {
        let (first, second) = z.split_at(self.first.dim());
        self.first.log_prob(first) + self.second.log_prob(second)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let (dim, params) = self.cuts();
        let (z, score) = (z.split_at(dim), score.split_at_mut(params));
        self.first.score(z.0, score.0);
        self.second.score(z.1, score.1);
    }

    fn log_prob_block(&self, draws: Draws<'_, T>, log_probs: &mut [T]) {
        let inputs = [(draws.z, self.draw()), (draws.preimage, self.known(draws))];
        let rows = log_probs.len();
        log_probs.fill(T::zero());
        let mut done = [0; 2];
        by_factor(rows, inputs, [(&mut [], Part::default())], |factor, [z, preimage], _| {
            let draws = Draws { z, preimage };
            let done = &mut done[usize::from(factor == Factor::Second)];
            let count = z.len() / if factor == Factor::First { self.first.dim() } else { self.second.dim() };
            with_scratch(count, T::zero(), |own| {
                match factor {
                    Factor::First => self.first.log_prob_block(draws, own),
                    Factor::Second => self.second.log_prob_block(draws, own),
                }
                for (log_prob, &own) in log_probs[*done..].iter_mut().zip(&*own) {
                    *log_prob += own;
                }
            });
            *done += count;
        });
    }

    fn score_block(&self, draws: Draws<'_, T>, scores: &mut [T]) {
        let rows = draws.z.len() / self.dim();
        let inputs = [(draws.z, self.draw()), (draws.preimage, self.known(draws))];
        by_factor(rows, inputs, [(scores, self.parameters())], |factor, [z, preimage], [scores]| {
            let draws = Draws { z, preimage };
            match factor {
                Factor::First => self.first.score_block(draws, scores),
                Factor::Second => self.second.score_block(draws, scores),
            }
        });
    }
}

impl<T, A, B> DifferentiableLogDensity<T> for Product<T, A, B>
where
    T: Real,
    A: DifferentiableLogDensity<T>,
    B: DifferentiableLogDensity<T>,
{
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        let (z, dz) = (z.split_at(self.first.dim()), dz.split_at_mut(self.first.dim()));
        self.first.log_prob_gradient(z.0, dz.0);
        self.second.log_prob_gradient(z.1, dz.1);
    }

    fn log_prob_gradient_block(&self, draws: Draws<'_, T>, dz: &mut [T]) {
        let rows = draws.z.len() / self.dim();
        let inputs = [(draws.z, self.draw()), (draws.preimage, self.known(draws))];
        by_factor(rows, inputs, [(dz, self.draw())], |factor, [z, preimage], [dz]| {
            let draws = Draws { z, preimage };
            match factor {
                Factor::First => self.first.log_prob_gradient_block(draws, dz),
                Factor::Second => self.second.log_prob_gradient_block(draws, dz),
            }
        });
    }

    fn covers_space(&self) -> bool {
        self.first.covers_space() && self.second.covers_space()
    }
}

impl<T: Real, A: Entropy<T>, B: Entropy<T>> Entropy<T> for Product<T, A, B> {
    fn entropy(&self) -> T {
        self.first.entropy() + self.second.entropy()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        let (first, second) = gradient.split_at_mut(self.first.params().len());
        self.first.entropy_gradient(first);
        self.second.entropy_gradient(second);
    }
}

impl<T: Real, A: MeanVariance<T>, B: MeanVariance<T>> MeanVariance<T> for Product<T, A, B> {
    fn mean(&self, mean: &mut [T]) {
        let (first, second) = mean.split_at_mut(self.first.dim());
        self.first.mean(first);
        self.second.mean(second);
    }

    fn variance(&self, variance: &mut [T]) {
        let (first, second) = variance.split_at_mut(self.first.dim());
        self.first.variance(first);
        self.second.variance(second);
    }
}

/// The divergence of independent parts is the sum of theirs.
impl<T: Real, A: KlDivergence<T>, B: KlDivergence<T>> KlDivergence<T> for Product<T, A, B> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        Ok(self.first.kl(&other.first)? + self.second.kl(&other.second)?)
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        check_len("the gradient of the divergence", self.params.len(), dtheta.len())?;
        check_len("the gradient for the other distribution", self.params.len(), dother.len())?;
        let (_, cut) = self.cuts();
        // Nothing is written if either part refuses.
        let (mut found, mut found_other) = (vec![T::zero(); dtheta.len()], vec![T::zero(); dother.len()]);
        let (first, second) = found.split_at_mut(cut);
        let (other_first, other_second) = found_other.split_at_mut(other.cuts().1);
        self.first.kl_gradient(&other.first, first, other_first)?;
        self.second.kl_gradient(&other.second, second, other_second).map_err(|error| match error {
            Error::NotCovered { coordinate } => {
                Error::NotCovered { coordinate: self.first.dim() + coordinate }
            }
            error => error,
        })?;
        dtheta.copy_from_slice(&found);
        dother.copy_from_slice(&found_other);
        Ok(())
    }
}

impl<T, A, B> WeakDerivative<T> for Product<T, A, B>
where
    T: Real,
    A: WeakDerivative<T>,
    B: WeakDerivative<T>,
{
    fn weak_sides(&self, parameter: usize, coupling: Coupling) -> Option<WeakSides> {
        let (_, cut) = self.cuts();
        match parameter.checked_sub(cut) {
            None => self.first.weak_sides(parameter, coupling),
            Some(parameter) => self.second.weak_sides(parameter, coupling),
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
        let (dim, cut) = self.cuts();
        let plus = plus.split_at_mut(dim);
        let minus = minus.split_at_mut(dim.min(minus.len()));
        match parameter.checked_sub(cut) {
            None => self.first.weak_pair(parameter, coupling, plus.0, minus.0, rng),
            Some(parameter) => self.second.weak_pair(parameter, coupling, plus.1, minus.1, rng),
        }
    }
}

impl<T: Real, A: Jump<T>, B: Jump<T>> Jump<T> for Product<T, A, B> {
    fn jumps(&self, parameter: usize) -> bool {
        let (_, cut) = self.cuts();
        match parameter.checked_sub(cut) {
            None => self.first.jumps(parameter),
            Some(parameter) => self.second.jumps(parameter),
        }
    }

    fn jump(&self, parameter: usize, z: &mut [T]) -> T {
        let (dim, cut) = self.cuts();
        let (first, second) = z.split_at_mut(dim);
        match parameter.checked_sub(cut) {
            None => self.first.jump(parameter, first),
            Some(parameter) => self.second.jump(parameter, second),
        }
    }
}

/// The first factor's outcome changes fastest.
impl<T: Real, A: FiniteSupport<T>, B: FiniteSupport<T>> FiniteSupport<T> for Product<T, A, B> {
    fn outcomes(&self) -> Option<usize> {
        self.first.outcomes()?.checked_mul(self.second.outcomes()?)
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        let (first, second) = z.split_at_mut(self.first.dim());
        let of_first = self.first.outcomes().unwrap_or(usize::MAX).max(1);
        self.first.outcome(index % of_first, first);
        self.second.outcome(index / of_first, second);
    }
}

impl<T: Real, A: FiniteFactors<T>, B: FiniteFactors<T>> FiniteFactors<T> for Product<T, A, B> {
    fn factors(&self) -> usize {
        self.first.factors() + self.second.factors()
    }

    fn alternatives(&self, factor: usize) -> usize {
        match factor.checked_sub(self.first.factors()) {
            None => self.first.alternatives(factor),
            Some(factor) => self.second.alternatives(factor),
        }
    }

    fn choose(&self, factor: usize, alternative: usize, z: &mut [T]) {
        let (first, second) = z.split_at_mut(self.first.dim());
        match factor.checked_sub(self.first.factors()) {
            None => self.first.choose(factor, alternative, first),
            Some(factor) => self.second.choose(factor, alternative, second),
        }
    }

    fn chosen(&self, factor: usize, z: &[T]) -> usize {
        let (first, second) = z.split_at(self.first.dim());
        match factor.checked_sub(self.first.factors()) {
            None => self.first.chosen(factor, first),
            Some(factor) => self.second.chosen(factor, second),
        }
    }

    fn log_mass(&self, factor: usize, alternative: usize) -> T {
        match factor.checked_sub(self.first.factors()) {
            None => self.first.log_mass(factor, alternative),
            Some(factor) => self.second.log_mass(factor, alternative),
        }
    }

    fn add_score(&self, factor: usize, alternative: usize, weight: T, gradient: &mut [T]) {
        let (first, second) = gradient.split_at_mut(self.first.params().len());
        match factor.checked_sub(self.first.factors()) {
            None => self.first.add_score(factor, alternative, weight, first),
            Some(factor) => self.second.add_score(factor, alternative, weight, second),
        }
    }

    fn sum_scores(&self, mut weight: impl FnMut(usize, usize) -> T, gradient: &mut [T]) {
        let (first, second) = gradient.split_at_mut(self.first.params().len());
        let offset = self.first.factors();
        self.first.sum_scores(&mut weight, first);
        self.second.sum_scores(|factor, alternative| weight(offset + factor, alternative), second);
    }
}

/// The steps of the first factor, then those of the second. Where the first ends early, its remaining
/// steps have no score.
impl<T: Real, A: Sequential<T>, B: Sequential<T>> Sequential<T> for Product<T, A, B> {
    fn steps(&self) -> usize {
        self.first.steps() + self.second.steps()
    }

    fn before(&self, step: usize) -> usize {
        match step.checked_sub(self.first.steps()) {
            None => self.first.before(step),
            Some(step) => self.first.dim() + self.second.before(step),
        }
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        let (dim, params) = self.cuts();
        let (z, gradient) = (z.split_at(dim), gradient.split_at_mut(params));
        match step.checked_sub(self.first.steps()) {
            None if step < self.first.length(z.0) => {
                self.first.add_step_score(step, z.0, weight, gradient.0);
            }
            None => {}
            Some(step) => self.second.add_step_score(step, z.1, weight, gradient.1),
        }
    }

    fn sum_step_scores<'a, I>(&self, draws: I, gradient: &mut [T])
    where
        T: 'a,
        I: Iterator<Item = (&'a [T], &'a [T])> + Clone,
    {
        let ((dim, params), steps) = (self.cuts(), self.first.steps());
        let (first, second) = gradient.split_at_mut(params);
        self.first.sum_step_scores(draws.clone().map(|(z, weights)| (&z[..dim], &weights[..steps])), first);
        self.second.sum_step_scores(draws.map(|(z, weights)| (&z[dim..], &weights[steps..])), second);
    }

    fn length(&self, z: &[T]) -> usize {
        self.first.steps() + self.second.length(&z[self.first.dim()..])
    }
}

impl<T: Real, A: Bits<T>, B: Bits<T>> Bits<T> for Product<T, A, B> {
    fn probability(&self, bit: usize) -> Probability<T> {
        match bit.checked_sub(self.first.dim()) {
            None => self.first.probability(bit),
            Some(bit) => self.second.probability(bit),
        }
    }

    fn antithetic_pairs<R: Rng + ?Sized>(&self, rng: &mut R, bits: &mut [T], partners: &mut [T]) {
        let (cut, dim) = (self.first.dim(), self.dim());
        for (bits, partners) in bits.chunks_exact_mut(dim).zip(partners.chunks_exact_mut(dim)) {
            let (bits, partners) = (bits.split_at_mut(cut), partners.split_at_mut(cut));
            self.first.antithetic_pairs(rng, bits.0, partners.0);
            self.second.antithetic_pairs(rng, bits.1, partners.1);
        }
    }
}

/// Bits on both sides, so that all coordinates are relaxed in the same way.
impl<T, A, B> Relaxable<T> for Product<T, A, B>
where
    T: Real,
    A: Bits<T>,
    B: Bits<T>,
{
    fn classes(&self) -> Option<usize> {
        None
    }

    fn logit(&self, coordinate: usize) -> T {
        match coordinate.checked_sub(self.first.dim()) {
            None => self.first.logit(coordinate),
            Some(coordinate) => self.second.logit(coordinate),
        }
    }

    fn chain_logits(&self, gradients: &mut [T]) {
        for row in gradients.chunks_exact_mut(self.params.len()) {
            let (first, second) = row.split_at_mut(self.first.params().len());
            self.first.chain_logits(first);
            self.second.chain_logits(second);
        }
    }
}
