//! The relaxed bit.

use rand::Rng;

use crate::distribution::{
    Conditional, DifferentiableLogDensity, Distribution, LogDensity, Reparameterizable, UniformNoise,
};
use crate::error::Error;
use crate::layout::{Domain, Layout};
use crate::numerics::negate;
use crate::probability::Probability;
use crate::real::Real;
use crate::special::{sigmoid, softplus};
use crate::vector::fill_logistic;

/// The binary Concrete distribution: D independent bits relaxed to the open unit interval by a temperature τ.
///
/// | | |
/// | --- | --- |
/// | θ | `logits` l (finite); with [`with_learned_temperature`](Self::with_learned_temperature) also `tau`, one number above 0 |
/// | noise | `L = ln u − ln(1 − u)`, one logistic variate per bit, exact in both tails |
/// | transform | `z = σ((l + L)/τ)` |
/// | pullback | `dl = z(1 − z) dz/τ`, `dτ = −Σ z(1 − z) dz (l + L)/τ²` |
/// | density | `ln p(z) = Σ ln τ + a − 2 softplus(a) − ln z − ln(1 − z)` with `a = l − τ ln(z/(1 − z))` |
/// | score | `∂l = 1 − 2σ(a)`, `∂τ = Σ 1/τ − (1 − 2σ(a)) ln(z/(1 − z))` |
/// | ∇_z log p | `−(τ (1 − 2σ(a)) + 1 − 2z) / (z(1 − z))` |
///
/// It is the difference form of a two-class [`GumbelSoftmax`](crate::distributions::GumbelSoftmax).
/// Through [`Pathwise`](crate::estimators::Pathwise) it is unbiased for the relaxed objective and
/// **biased for the discrete one**. Draws and pullbacks are finite for τ from 1e-3 to 1e3 and logits up
/// to ±1e4. A draw may round to exactly 0 or 1, where `log_prob` is −∞ and no score exists. The log-odds
/// of a draw follow a [`Logistic`](crate::distributions::Logistic) with location `l/τ` and scale `1/τ`,
/// whose density is finite everywhere: use that where the density of a sharp draw is needed.
///
/// Maddison, Mnih & Teh 2017, arXiv:1611.00712, appendix B.
///
/// ```
/// use reparam::prelude::*;
///
/// let bit = BinaryConcrete::new(&[0.5], 0.1)?;
/// let mut z = [0.0];
/// bit.transform(&[1.0], &mut z);
/// assert_eq!(z[0], 1.0 / (1.0 + (-15.0f64).exp()));
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryConcrete<T> {
    /// The logits, then τ if it is a parameter.
    params: Vec<T>,
    tau: T,
    bits: usize,
    layout: Layout,
}

impl<T: Real> BinaryConcrete<T> {
    /// From logits, one per bit, and a temperature that is held fixed (see
    /// [`set_temperature`](Self::set_temperature)).
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without bits, [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for
    /// a temperature that is not above 0.
    pub fn new(logits: &[T], temperature: T) -> Result<Self, Error> {
        let (layout, params) = Layout::coordinatewise(&[("logits", Domain::Real, logits)])?;
        Layout::new(&[("tau", 1, Domain::Positive)]).check(&[temperature])?;
        Ok(Self { bits: params.len(), params, tau: temperature, layout })
    }

    /// Makes τ the last parameter, `tau`, with its own pullback and score.
    #[must_use]
    pub fn with_learned_temperature(mut self) -> Self {
        if self.params.len() == self.bits {
            self.params.push(self.tau);
            self.layout = Layout::new(&[("logits", self.bits, Domain::Real), ("tau", 1, Domain::Positive)]);
        }
        self
    }

    /// The logits.
    #[must_use]
    pub fn logits(&self) -> &[T] {
        &self.params[..self.bits]
    }

    /// τ.
    #[must_use]
    pub fn temperature(&self) -> T {
        self.tau
    }

    /// Replaces τ: the next step of an annealing schedule.
    ///
    /// # Errors
    /// [`Error::NonFiniteParameter`] or [`Error::ParameterDomain`]; τ is then unchanged.
    pub fn set_temperature(&mut self, temperature: T) -> Result<(), Error> {
        Layout::new(&[("tau", 1, Domain::Positive)]).check(&[temperature])?;
        self.tau = temperature;
        if let Some(tau) = self.params.get_mut(self.bits) {
            *tau = temperature;
        }
        Ok(())
    }

    /// `a`, `ln(z/(1 − z))` and z of each bit of a draw.
    fn log_odds<'a>(&'a self, z: &'a [T]) -> impl Iterator<Item = (T, T, T)> + 'a {
        self.logits().iter().zip(z).map(|(&l, &z)| {
            let y = z.ln() - (-z).ln_1p();
            (l - self.tau * y, y, z)
        })
    }
}

fn transform<T: Real>(logits: &[T], tau: T, noise: &[T], z: &mut [T]) {
    for ((z, &l), &noise) in z.iter_mut().zip(logits).zip(noise) {
        *z = sigmoid((l + noise) / tau);
    }
}

/// Writes the derivatives for the logits and, if the slice has room for it, for τ.
fn pull<T: Real>((logits, tau): (&[T], T), noise: &[T], dz: &[T], dtheta: &mut [T]) {
    let cool = tau.recip();
    let (dlogits, dtau) = dtheta.split_at_mut(logits.len());
    let mut warmer = T::zero();
    for (((slope, &l), &noise), &dz) in dlogits.iter_mut().zip(logits).zip(noise).zip(dz) {
        let y = (l + noise) * cool;
        // z(1 − z) from the log-odds: computed from z, it would have no digits near 1.
        *slope = sigmoid(y) * sigmoid(-y) * dz * cool;
        warmer -= *slope * y;
    }
    if let [dtau] = dtau {
        *dtau = warmer;
    }
}

impl<T: Real> Distribution<T> for BinaryConcrete<T> {
    fn dim(&self) -> usize {
        self.bits
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        if let Some(&tau) = params.get(self.bits) {
            self.tau = tau;
        }
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        fill_logistic(rng, z);
        for z in z.chunks_exact_mut(self.bits) {
            for (z, &l) in z.iter_mut().zip(self.logits()) {
                *z = sigmoid((l + *z) / self.tau);
            }
        }
    }
}

impl<T: Real> Reparameterizable<T> for BinaryConcrete<T> {
    fn noise_dim(&self) -> usize {
        self.bits
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        fill_logistic(rng, noise);
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        transform(self.logits(), self.tau, noise, z);
    }

    fn pullback(&self, noise: &[T], _z: &[T], dz: &[T], dtheta: &mut [T]) {
        pull((self.logits(), self.tau), noise, dz, dtheta);
    }
}

impl<T: Real> UniformNoise<T> for BinaryConcrete<T> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        for e in noise {
            *e = Probability::from_tail(*e).logit();
        }
    }

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real> Conditional<T> for BinaryConcrete<T> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        match params {
            [logits] => transform(logits, self.tau, noise, z),
            [logits, [tau]] => transform(logits, *tau, noise, z),
            _ => {}
        }
    }

    fn pullback_with(&self, params: &[&[T]], noise: &[T], _z: &[T], dz: &[T], dtheta: &mut [T]) {
        match params {
            [logits] => pull((logits, self.tau), noise, dz, dtheta),
            [logits, [tau]] => pull((logits, *tau), noise, dz, dtheta),
            _ => {}
        }
    }
}

impl<T: Real> LogDensity<T> for BinaryConcrete<T> {
    fn log_prob(&self, z: &[T]) -> T {
        if z.iter().any(|&z| z <= T::zero() || z >= T::one()) {
            return T::neg_infinity();
        }
        let ln_tau = self.tau.ln();
        let two = T::of(2.0);
        self.log_odds(z).map(|(a, _, z)| ln_tau + a - two * softplus(a) - z.ln() - (-z).ln_1p()).sum()
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let (dlogits, dtau) = score.split_at_mut(self.bits);
        let mut slope = T::zero();
        for (dl, (a, y, _)) in dlogits.iter_mut().zip(self.log_odds(z)) {
            // 1 − 2σ(a), without cancellation near a = 0.
            *dl = -(a * T::of(0.5)).tanh();
            slope += self.tau.recip() - *dl * y;
        }
        if let [dtau] = dtau {
            *dtau = slope;
        }
    }
}

impl<T: Real> DifferentiableLogDensity<T> for BinaryConcrete<T> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        let (half, two) = (T::of(0.5), T::of(2.0));
        for (dz, (a, _, z)) in dz.iter_mut().zip(self.log_odds(z)) {
            let excess = -(a * half).tanh();
            *dz = -(self.tau * excess + T::one() - two * z) / (z * (T::one() - z));
        }
    }
}
