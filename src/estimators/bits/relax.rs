//! The score function with a learned surrogate as a control variate.

use crate::distribution::Bits;
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator, Statistics};
use crate::estimators::biased::relaxing::{
    check_temperature, perturb_bits, perturb_given_bits, relaxed_slope, score_of_bit, slope_given_bit,
};
use crate::objective::{Evaluator, Objective};
use crate::real::Real;
use crate::special::sigmoid;

/// A function c(z) of perturbed logits with parameters φ, which [`Relax`] subtracts and learns. It should
/// be smooth, and close to `f(1[z > 0])`.
///
/// The methods get scratch space of the length that [`scratch`](Self::scratch) returns, and should not
/// allocate.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::estimators::Surrogate;
/// use reparam::prelude::*;
///
/// /// c(z) = φ: a constant, which `Relax` makes the best baseline.
/// struct Constant([f64; 1]);
///
/// impl Surrogate<f64> for Constant {
///     fn check(&self, _: usize) -> Result<(), Error> {
///         Ok(())
///     }
///     fn params(&self) -> &[f64] {
///         &self.0
///     }
///     fn params_mut(&mut self) -> &mut [f64] {
///         &mut self.0
///     }
///     fn value_and_gradient(&self, _: &[f64], dz: &mut [f64], _: &mut [f64]) -> f64 {
///         dz.fill(0.0);
///         self.0[0]
///     }
///     fn add_parameter_gradient(&self, _: &[f64], weight: f64, _: &[f64], _: &mut [f64], gradient: &mut [f64]) {
///         gradient[0] += weight;
///     }
/// }
///
/// let bit = Bernoulli::from_logits(&[0.0])?;
/// let f = |b: &[f64]| 5.0 + b[0];
/// let mut relax = Relax::new(Constant([0.0])).with_rate(0.1);
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// for _ in 0..300 {
///     relax.estimate(&bit, &f, 50, &mut rng)?;
/// }
/// assert!((relax.surrogate().0[0] - 5.5).abs() < 0.1); // E[f] is the best constant at p = ½
/// # Ok::<(), reparam::Error>(())
/// ```
pub trait Surrogate<T: Real> {
    /// Refuses a number of bits that the surrogate is not made for.
    ///
    /// # Errors
    /// As the surrogate documents.
    fn check(&self, dim: usize) -> Result<(), Error>;

    /// Length of the scratch space.
    fn scratch(&self) -> usize {
        0
    }

    /// φ.
    fn params(&self) -> &[f64];

    /// φ, mutable.
    fn params_mut(&mut self) -> &mut [f64];

    /// Returns c(z) and writes `∂c/∂z`.
    fn value_and_gradient(&self, z: &[T], dz: &mut [T], scratch: &mut [T]) -> T;

    /// Adds `∂/∂φ [weight · c(z) + direction · ∂c/∂z]`.
    fn add_parameter_gradient(
        &self,
        z: &[T],
        weight: T,
        direction: &[T],
        scratch: &mut [T],
        gradient: &mut [f64],
    );
}

impl<T: Real, S: Surrogate<T> + ?Sized> Surrogate<T> for Box<S> {
    fn check(&self, dim: usize) -> Result<(), Error> {
        (**self).check(dim)
    }

    fn scratch(&self) -> usize {
        (**self).scratch()
    }

    fn params(&self) -> &[f64] {
        (**self).params()
    }

    fn params_mut(&mut self) -> &mut [f64] {
        (**self).params_mut()
    }

    fn value_and_gradient(&self, z: &[T], dz: &mut [T], scratch: &mut [T]) -> T {
        (**self).value_and_gradient(z, dz, scratch)
    }

    fn add_parameter_gradient(
        &self,
        z: &[T],
        weight: T,
        direction: &[T],
        scratch: &mut [T],
        gradient: &mut [f64],
    ) {
        (**self).add_parameter_gradient(z, weight, direction, scratch, gradient);
    }
}

/// A quadratic in relaxed bits, `c(z) = φ₀ + Σ φᵢ xᵢ + Σ_{i ≤ j} φᵢⱼ xᵢ xⱼ` with `x = σ(z/τ)`: a
/// [`Surrogate`] that starts at 0.
///
/// It has `1 + D + D (D + 1)/2` parameters; an evaluation takes as many steps.
#[derive(Debug, Clone, PartialEq)]
pub struct QuadraticSurrogate {
    dim: usize,
    tau: f64,
    params: Vec<f64>,
}

impl QuadraticSurrogate {
    /// For this many bits, relaxed at a temperature τ.
    ///
    /// # Errors
    /// [`Error::Option`] for a temperature that is not above 0.
    pub fn new(bits: usize, temperature: f64) -> Result<Self, Error> {
        let tau = check_temperature(temperature)?;
        Ok(Self { dim: bits, tau, params: vec![0.0; 1 + bits + bits * (bits + 1) / 2] })
    }

    /// x and `∂x/∂z`.
    fn relax<'a, T: Real>(&self, z: &[T], scratch: &'a mut [T]) -> (&'a [T], &'a [T]) {
        let (x, slopes) = scratch.split_at_mut(self.dim);
        for ((x, slope), &z) in x.iter_mut().zip(&mut *slopes).zip(z) {
            *x = sigmoid(z / T::of(self.tau));
            *slope = relaxed_slope(z, T::of(self.tau));
        }
        (x, slopes)
    }
}

impl<T: Real> Surrogate<T> for QuadraticSurrogate {
    /// [`Error::Length`] for another number of bits.
    fn check(&self, dim: usize) -> Result<(), Error> {
        check_len("the surrogate's bits", dim, self.dim)
    }

    fn scratch(&self) -> usize {
        2 * self.dim
    }

    fn params(&self) -> &[f64] {
        &self.params
    }

    fn params_mut(&mut self) -> &mut [f64] {
        &mut self.params
    }

    fn value_and_gradient(&self, z: &[T], dz: &mut [T], scratch: &mut [T]) -> T {
        let (x, slopes) = self.relax(z, scratch);
        let mut params = self.params.iter().map(|&phi| T::of(phi));
        let mut next = || params.next().unwrap_or_else(T::zero);
        let mut value = next();
        for (dz, &x) in dz.iter_mut().zip(x) {
            *dz = next();
            value += *dz * x;
        }
        for i in 0..self.dim {
            for j in i..self.dim {
                let phi = next();
                value += phi * x[i] * x[j];
                dz[i] += phi * x[j];
                dz[j] += phi * x[i];
            }
        }
        for (dz, &slope) in dz.iter_mut().zip(slopes) {
            *dz *= slope;
        }
        value
    }

    fn add_parameter_gradient(
        &self,
        z: &[T],
        weight: T,
        direction: &[T],
        scratch: &mut [T],
        gradient: &mut [f64],
    ) {
        let (x, slopes) = self.relax(z, scratch);
        let mut gradient = gradient.iter_mut();
        let mut add = |term: T| {
            if let Some(g) = gradient.next() {
                *g += term.f64();
            }
        };
        add(weight);
        for i in 0..self.dim {
            add(weight * x[i] + direction[i] * slopes[i]);
        }
        for i in 0..self.dim {
            for j in i..self.dim {
                add(weight * x[i] * x[j] + direction[i] * slopes[i] * x[j] + direction[j] * slopes[j] * x[i]);
            }
        }
    }
}

/// `RELAX`: the score function of bits with a learned [`Surrogate`] c as a control variate,
/// `[f(b) − c(z̃)] ∂ ln p(b) + ∂c(z) − ∂c(z̃)`.
///
/// z, b and z̃ are those of [`Rebar`](crate::estimators::Rebar), and are differentiated in the same way.
/// The surrogate's parameters follow the gradient of the variance, `2 Σ g ∂g/∂φ`, by Adam: one step per
/// call.
///
/// - **Unbiased** for the discrete objective, whatever the surrogate: a call uses it as earlier calls left
///   it, and changes it afterwards.
/// - **Needs** [`Bits`] and an [`Objective`]: f is evaluated at bits only, and need not be meaningful
///   between 0 and 1.
/// - **Costs** one evaluation of f, two of the surrogate, and two of the gradient with respect to its
///   parameters.
/// - **Variance** starts as that of the score function (for a surrogate that starts at 0) and falls as the
///   surrogate learns: its constant is a baseline, and the rest correlates with f bit by bit.
/// - **Use it** in a training loop, where an evaluation of f is expensive and there are many calls to learn
///   from. Where f changes fast between calls, or a second evaluation is cheap,
///   [`DisArm`](crate::estimators::DisArm) needs no learning.
///
/// Grathwohl, Choi, Wu, Roeder & Duvenaud 2018, arXiv:1711.00123.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::estimators::QuadraticSurrogate;
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.3, -0.5])?;
/// let f = |b: &[f64]| if b[0] == b[1] { 3.0 } else { 2.0 }; // values only
/// let mut relax = Relax::new(QuadraticSurrogate::new(2, 0.5)?).with_rate(0.05);
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let first = relax.estimate(&bits, &f, 1000, &mut rng)?;
/// for _ in 0..200 {
///     relax.estimate(&bits, &f, 100, &mut rng)?; // in a training loop these would be steps
/// }
/// let last = relax.estimate(&bits, &f, 1000, &mut rng)?;
/// assert!(last.total_variance() < 0.2 * first.total_variance());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Relax<S> {
    surrogate: S,
    conditional: ConditionalNoise,
    rate: f64,
    memory: Memory,
}

/// Adam's state: decaying means of the gradient and of its square for each parameter, and the number of
/// steps.
#[derive(Debug, Clone, PartialEq, Default)]
struct Memory {
    moments: Vec<[f64; 2]>,
    steps: i32,
}

/// How the relaxed draw given the bits, z̃, depends on the relaxed draw z that gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConditionalNoise {
    /// z̃ is drawn again, independent of z given the bits.
    #[default]
    Independent,
    /// z̃ is z itself, which has the same law and differs only in its derivative. That saves an evaluation.
    Shared,
}

impl<S> Relax<S> {
    /// With a surrogate that learns at rate 0.01, and z̃ independent of z given the bits.
    #[must_use]
    pub fn new(surrogate: S) -> Self {
        Self { surrogate, conditional: ConditionalNoise::Independent, rate: 0.01, memory: Memory::default() }
    }

    /// With another rate, which is about the largest change of a parameter of the surrogate in one call. A
    /// rate of 0 leaves the surrogate as it is. A rate that is negative or not finite is refused with
    /// [`Error::Option`] before the first draw.
    #[must_use]
    pub fn with_rate(self, rate: f64) -> Self {
        Self { rate, ..self }
    }

    /// With z̃ independent of z given the bits, or with z̃ = z, which has the same law and differs only in
    /// its derivative.
    #[must_use]
    pub fn with_conditional_noise(self, conditional: ConditionalNoise) -> Self {
        Self { conditional, ..self }
    }

    /// The surrogate as the next call will use it.
    #[must_use]
    pub fn surrogate(&self) -> &S {
        &self.surrogate
    }
}

/// Adam's decay rates (Kingma & Ba 2015, arXiv:1412.6980).
const DECAYS: [f64; 2] = [0.9, 0.99];

impl<T, D, F, S> GradientEstimator<T, D, F> for Relax<S>
where
    T: Real,
    D: Bits<T> + ?Sized,
    F: Objective<T> + ?Sized,
    S: Surrogate<T>,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let dim = distribution.dim();
        BlockShape::of_own_draws(1)
            .with_noise(2 * dim)
            .with_scratch(3 * dim + self.surrogate.scratch())
            .with_statistics(if self.rate > 0.0 { self.surrogate.params().len() } else { 0 })
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        if !(self.rate >= 0.0 && self.rate.is_finite()) {
            let expected = "a finite number, at least 0";
            return Err(Error::Option { option: "rate", value: self.rate, expected });
        }
        self.surrogate.check(distribution.dim())
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let dim = distribution.dim();
        for (bits, noise) in block.z.chunks_exact_mut(dim).zip(block.noise.chunks_exact_mut(2 * dim)) {
            let (perturbed, given) = noise.split_at_mut(dim);
            perturb_bits(distribution, rng, perturbed, bits);
            match self.conditional {
                ConditionalNoise::Shared => given.copy_from_slice(perturbed),
                ConditionalNoise::Independent => perturb_given_bits(distribution, rng, bits, given),
            }
        }
        objective.value_block(block.z, dim, block.values);

        let (slopes, scratch) = block.scratch.split_at_mut(dim);
        let (given_slopes, scratch) = scratch.split_at_mut(dim);
        let (direction, scratch) = scratch.split_at_mut(dim);
        let drawn = block.z.chunks_exact(dim).zip(block.noise.chunks_exact(2 * dim));
        let samples = drawn.zip(&*block.values).zip(block.gradients.chunks_exact_mut(dim));
        for (((bits, noise), &value), gradient) in samples {
            let (perturbed, given) = noise.split_at(dim);
            self.surrogate.value_and_gradient(perturbed, slopes, scratch);
            let control = self.surrogate.value_and_gradient(given, given_slopes, scratch);
            let mut weight = T::zero();
            for i in 0..dim {
                let (p, bit) = (distribution.probability(i), bits[i]);
                let (score, through) = (score_of_bit(p, bit), slope_given_bit(p, bit, given[i]));
                gradient[i] = (value - control) * score + slopes[i] - given_slopes[i] * through;
                weight -= gradient[i] * score;
                direction[i] = -gradient[i] * through;
            }
            if !block.statistics.is_empty() {
                // Σ g ∂g/∂φ
                let statistics = &mut *block.statistics;
                self.surrogate.add_parameter_gradient(given, weight, direction, scratch, statistics);
                self.surrogate.add_parameter_gradient(perturbed, T::zero(), gradient, scratch, statistics);
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }

    fn update(&mut self, spent: Statistics<'_>) {
        let Memory { moments, steps } = &mut self.memory;
        if spent.sums.is_empty() {
            return;
        }
        moments.resize(spent.sums.len(), [0.0; 2]);
        *steps = steps.saturating_add(1);
        let params = self.surrogate.params_mut().iter_mut();
        for ((phi, moments), &sum) in params.zip(moments).zip(spent.sums) {
            let gradient = 2.0 * sum / spent.samples as f64;
            let news = [gradient, gradient * gradient];
            let mut means = [0.0; 2];
            for k in 0..2 {
                moments[k] = DECAYS[k] * moments[k] + (1.0 - DECAYS[k]) * news[k];
                means[k] = moments[k] / (1.0 - DECAYS[k].powi(*steps));
            }
            if means[1] > 0.0 {
                *phi -= self.rate * means[0] / means[1].sqrt();
            }
        }
    }
}
