//! The score function with its relaxation as a control variate.

use crate::distribution::Bits;
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator, Statistics};
use crate::estimators::biased::relaxing::{
    check_scalar_temperature, perturb_bits, perturb_given_bits, relaxed_slope, score_of_bit, slope_given_bit,
};
use crate::estimators::bits::relax::ConditionalNoise;
use crate::objective::{DifferentiableObjective, Evaluator};
use crate::real::Real;
use crate::special::sigmoid;

/// The factor by which the weight of a call's sums falls with every further call.
const DECAY: f64 = 0.9;

/// An adaptive rule has a second temperature, which is higher than the first by this fraction.
const WARMER: f64 = 1.0 / 64.0;

/// The range of an adaptive temperature.
const TEMPERATURES: (f64, f64) = (0.02, 50.0);

/// `REBAR`: the score function of bits with the relaxed objective as a control variate,
/// `[f(b) − η f(σ(z̃/τ))] ∂ ln p(b) + η ∂f(σ(z/τ)) − η ∂f(σ(z̃/τ))`.
///
/// With logistic noise ε, `z = l + ε` decides the bit, `b = 1[z > 0]`, and z̃ is drawn given b. Both are
/// differentiated through their dependence on the logit: `∂z/∂l = 1` and, with the uniform behind z̃ held
/// fixed, `∂z̃/∂l = P(b) (1 − e^(−|z̃|))`.
///
/// - **Unbiased** for the discrete objective, at every η and τ: what is subtracted has mean 0. What
///   [`adaptive`](Self::adaptive) learns comes from earlier calls, so the estimate is unbiased from the
///   first call on.
/// - **Needs** [`Bits`] and a [`DifferentiableObjective`] that makes sense between 0 and 1.
/// - **Costs** three evaluations of value and gradient; two with [`ConditionalNoise::Shared`], where z̃ is
///   z itself. An adaptive temperature costs two more, or one more with shared noise.
/// - **Variance** is that of the score function at η = 0, and lower at the best η: the better the
///   relaxation follows f, the lower it is.
/// - **Use it** where f is smooth between 0 and 1, and there are too many bits to sum out one at a time.
///   [`DisArm`](crate::estimators::DisArm) needs only values of f, and two of them: compare the
///   [`variance_per_evaluation`](crate::GradientEstimate::variance_per_evaluation) of both.
///
/// The value reported is f at the bits. Tucker, Mnih, Maddison, Lawson & Sohl-Dickstein 2017,
/// arXiv:1703.07370.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.3, -0.5, 1.0])?;
/// // f = (Σ b − 1.2)³
/// let f = Differentiable(|b: &[f64], db: Option<&mut [f64]>| {
///     let x = b.iter().sum::<f64>() - 1.2;
///     if let Some(db) = db {
///         db.fill(3.0 * x * x);
///     }
///     x * x * x
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut rebar = Rebar::new().with_temperature(0.5).adaptive();
/// let first = rebar.estimate(&bits, &f, 2000, &mut rng)?; // with η = 1; learns
/// let second = rebar.estimate(&bits, &f, 2000, &mut rng)?; // with the η of each parameter
/// let score_function = ScoreFunction::new().estimate(&bits, &f, 2000, &mut rng)?;
/// assert!(second.total_variance() < first.total_variance());
/// assert!(second.total_variance() < 0.9 * score_function.total_variance());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rebar {
    tau: f64,
    eta: f64,
    conditional: ConditionalNoise,
    learns_eta: bool,
    /// The step by which ln τ moves per call, where τ adapts.
    rate: Option<f64>,
    memory: Memory,
}

/// What was learned from earlier calls.
#[derive(Debug, Clone, PartialEq, Default)]
struct Memory {
    /// η of each parameter; empty before the first call.
    etas: Vec<f64>,
    /// For each parameter, with decay: the sum of g₀ h, then that of h².
    sums: Vec<f64>,
    /// The mean square of the derivatives with respect to ln τ.
    slope_square: f64,
}

impl Default for Rebar {
    fn default() -> Self {
        Self::new()
    }
}

impl Rebar {
    /// With η = 1, τ = ½, and z̃ independent of z.
    #[must_use]
    pub fn new() -> Self {
        let conditional = ConditionalNoise::Independent;
        Self { tau: 0.5, eta: 1.0, conditional, learns_eta: false, rate: None, memory: Memory::default() }
    }

    /// With one η for all parameters; η = 0 is the plain score function.
    #[must_use]
    pub fn with_eta(self, eta: f64) -> Self {
        Self { eta, learns_eta: false, memory: Memory::default(), ..self }
    }

    /// With a temperature τ. One that is not above 0 is refused with [`Error::Option`] before the first
    /// draw.
    #[must_use]
    pub fn with_temperature(self, temperature: f64) -> Self {
        Self { tau: temperature, memory: Memory::default(), ..self }
    }

    /// With z̃ independent of z given the bits, or with z̃ = z, which has the same law and differs only in
    /// its derivative. The second saves an evaluation; which of the two has the smaller variance depends on
    /// f and τ.
    #[must_use]
    pub fn with_conditional_noise(self, conditional: ConditionalNoise) -> Self {
        Self { conditional, memory: Memory::default(), ..self }
    }

    /// With a separate, learned η for each parameter: `E[g₀ h]/E[h²]` over the samples of earlier calls,
    /// with older calls counting less. g₀ is the plain score function, and h is what is subtracted. The
    /// first call uses the fixed η.
    #[must_use]
    pub fn adaptive(self) -> Self {
        Self { learns_eta: true, memory: Memory::default(), ..self }
    }

    /// With a temperature that follows the derivative of the variance from call to call; ln τ moves by
    /// about `rate` per call. A second temperature, higher by 1/64, is evaluated with the same noise. The
    /// temperature ends in a minimum between 0.02 and 50, which need not be the only one. A rate that is
    /// not above 0 and at most 1 is refused with [`Error::Option`] before the first draw.
    #[must_use]
    pub fn with_adaptive_temperature(self, rate: f64) -> Self {
        Self { rate: Some(rate), memory: Memory::default(), ..self }
    }

    /// τ, as the next call will use it.
    #[must_use]
    pub fn temperature(&self) -> f64 {
        self.tau
    }

    /// The learned η of each parameter, which the next call will use. Empty before the first call, or where
    /// η is not learned.
    #[must_use]
    pub fn learned(&self) -> &[f64] {
        &self.memory.etas
    }

    /// η of a parameter in this call.
    fn eta(&self, parameter: usize) -> f64 {
        self.memory.etas.get(parameter).copied().unwrap_or(self.eta)
    }

    /// The number of relaxed draws at one temperature.
    fn relaxed(&self) -> usize {
        if self.conditional == ConditionalNoise::Shared { 1 } else { 2 }
    }

    fn temperatures(&self) -> impl Iterator<Item = f64> + use<> {
        let tau = self.tau;
        [1.0, 1.0 + WARMER]
            .into_iter()
            .take(1 + usize::from(self.rate.is_some()))
            .map(move |factor| factor * tau)
    }
}

/// The evaluations of one gradient sample at one temperature: f and ∂f at σ(z/τ) and at σ(z̃/τ).
struct Relaxed<'a, T> {
    tau: T,
    slopes: &'a [T],
    conditional_value: T,
    conditional_slopes: &'a [T],
}

impl<T, D, F> GradientEstimator<T, D, F> for Rebar
where
    T: Real,
    D: Bits<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let dim = distribution.dim();
        // For each parameter Σ g₀ h and Σ h², at each temperature.
        let statistics = 2 * dim * self.temperatures().count();
        let learns = self.learns_eta || self.rate.is_some();
        BlockShape::of_draws(1 + self.relaxed() * self.temperatures().count())
            .with_noise(dim)
            .with_own_draws(1)
            .with_objective_gradient()
            .with_statistics(if learns { statistics } else { 0 })
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        if let Some(rate) = self.rate.filter(|rate| !(*rate > 0.0 && *rate <= 1.0)) {
            return Err(Error::Option { option: "rate", value: rate, expected: "a number in (0, 1]" });
        }
        self.temperatures().try_for_each(check_scalar_temperature::<T>)?;
        if !self.eta.is_finite() {
            return Err(Error::Option { option: "eta", value: self.eta, expected: "a finite number" });
        }
        match self.memory.etas.len() {
            0 => Ok(()),
            len => check_len("learned coefficients", distribution.params().len(), len),
        }
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let dim = distribution.dim();
        let draws = block.values.len() / block.samples;
        let relaxed = self.relaxed();
        let rows = block.z.chunks_exact_mut(draws * dim).zip(block.noise.chunks_exact_mut(draws * dim));
        for (z, noise) in rows {
            let (bits, points) = z.split_at_mut(dim);
            perturb_bits(distribution, rng, &mut noise[..dim], bits);
            if relaxed == 2 {
                perturb_given_bits(distribution, rng, bits, &mut noise[dim..2 * dim]);
            }
            for (points, tau) in points.chunks_exact_mut(relaxed * dim).zip(self.temperatures()) {
                for (x, &perturbed_logit) in points.iter_mut().zip(&*noise) {
                    *x = sigmoid(perturbed_logit / T::of(tau));
                }
            }
        }
        objective.value_and_gradient_block(block.z, dim, block.values, block.dz);

        let evaluated = block.values.chunks_exact_mut(draws).zip(block.dz.chunks_exact(draws * dim));
        let drawn = block.z.chunks_exact(draws * dim).zip(block.noise.chunks_exact(draws * dim));
        let samples = evaluated.zip(drawn).zip(block.gradients.chunks_exact_mut(dim));
        for (((values, slopes), (z, noise)), gradient) in samples {
            let conditional = (relaxed - 1) * dim;
            for (temperature, tau) in self.temperatures().enumerate() {
                let first = 1 + temperature * relaxed;
                let at = Relaxed {
                    tau: T::of(tau),
                    slopes: &slopes[first * dim..],
                    conditional_value: values[first + relaxed - 1],
                    conditional_slopes: &slopes[(first + relaxed - 1) * dim..],
                };
                for i in 0..dim {
                    let (p, bit) = (distribution.probability(i), z[i]);
                    let score = score_of_bit(p, bit);
                    let (perturbed_logit, given) = (noise[i], noise[conditional + i]);
                    let through = relaxed_slope(given, at.tau) * slope_given_bit(p, bit, given);
                    let control = at.conditional_value * score
                        - at.slopes[i] * relaxed_slope(perturbed_logit, at.tau)
                        + at.conditional_slopes[i] * through;
                    let plain = values[0] * score;
                    if temperature == 0 {
                        gradient[i] = plain - T::of(self.eta(i)) * control;
                    }
                    let sums = &mut *block.statistics;
                    if let Some([cross, square]) = sums.as_chunks_mut().0.get_mut(temperature * dim + i) {
                        *cross += plain.f64() * control.f64();
                        *square += control.f64() * control.f64();
                    }
                }
            }
            // The value to report is that at the bits. If something went wrong, the values stay for the
            // engine's diagnosis.
            if values.iter().chain(&*gradient).all(|x| x.is_finite()) {
                let value = values[0];
                values.fill(value);
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }

    fn update(&mut self, spent: Statistics<'_>) {
        let (now, warmer) = match self.rate {
            Some(_) => spent.sums.split_at(spent.sums.len() / 2),
            None => (spent.sums, &[][..]),
        };
        if let Some(rate) = self.rate {
            // What η h adds to the mean square of g at either temperature, at the best η of each where η is
            // learned.
            let added = |sums: &[f64]| {
                let terms = sums.as_chunks().0.iter().map(|[cross, square]| {
                    let eta = if self.learns_eta { best_eta(*cross, *square) } else { self.eta };
                    eta * eta * square - 2.0 * eta * cross
                });
                terms.sum::<f64>() / spent.samples as f64
            };
            let slope = (added(warmer) - added(now)) / WARMER;
            let square = &mut self.memory.slope_square;
            *square =
                if *square > 0.0 { DECAY * *square + (1.0 - DECAY) * slope * slope } else { slope * slope };
            if *square > 0.0 {
                let step = (slope / square.sqrt()).clamp(-2.0, 2.0);
                self.tau = (self.tau * (-rate * step).exp()).clamp(TEMPERATURES.0, TEMPERATURES.1);
            }
        }
        if self.learns_eta {
            let Memory { sums, etas, .. } = &mut self.memory;
            sums.resize(now.len(), 0.0);
            for (sum, &new) in sums.iter_mut().zip(now) {
                *sum = DECAY * *sum + new;
            }
            etas.clear();
            etas.extend(sums.as_chunks().0.iter().map(|[cross, square]| best_eta(*cross, *square)));
        }
    }
}

/// From the sums of g₀ h and of h². A control variate that was 0 throughout needs no coefficient.
fn best_eta(cross: f64, square: f64) -> f64 {
    if square > 0.0 { cross / square } else { 0.0 }
}
