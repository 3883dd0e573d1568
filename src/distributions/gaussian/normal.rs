//! The Gaussian with independent coordinates.

use rand::Rng;

use crate::distribution::{
    Conditional, Coupling, DifferentiableLogDensity, Distribution, Draws, DrawsMut, Entropy, KlDivergence,
    LogDensity, MeanVariance, Reparameterizable, Sequential, UniformNoise, WeakDerivative, WeakPair,
    WeakSides,
};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::numerics::{negate, normal_from_uniforms};
use crate::probability::Probability;
use crate::real::Real;
use crate::special::deviance;
use crate::vector::{affine_rows, fill_normal, pull_affine_rows, scale_rows};

/// The Gaussian with independent coordinates, `z ~ N(μ, σ²)`, D of them.
///
/// | | |
/// | --- | --- |
/// | θ | `mu` (D finite numbers), `sigma` (D numbers above 0), in the units of z |
/// | density | `p(z) = Π (2π)^(−½) σ⁻¹ exp(−½ ((z − μ)/σ)²)` |
/// | transform | `z = μ + σ ε`, `ε ~ N(0, 1)` |
/// | pullback | `dμ = dz`, `dσ = ε dz` |
/// | score | `∂μ = (z − μ)/σ²`, `∂σ = (((z − μ)/σ)² − 1)/σ` |
/// | ∇_z log p | `−(z − μ)/σ²` |
/// | entropy | `Σ ½ ln(2πe) + ln σ`, gradient `(0, 1/σ)` |
/// | KL(p ‖ q) | `Σ ½ (r² − 1 − ln r² + d²)`, `r = σ_p/σ_q`, `d = (μ_p − μ_q)/σ_q` |
/// | its gradients | `(d/σ_q, (r² − 1)/σ_p)` and `(−d/σ_q, (1 − r² − d²)/σ_q)` |
/// | mean, variance | μ, σ² |
/// | weak derivative | `∂p/∂μ = (r⁺ − r⁻)/(σ√(2π))`, `μ ± σ` times a Rayleigh variate; `∂p/∂σ = (m − p)/σ`, m the double-sided Maxwell |
///
/// The variance of the score grows as σ⁻²: the score-function estimator degrades without bound as σ → 0;
/// the pathwise estimator does not (Mohamed, Rosca, Figurnov & Mnih 2020, arXiv:1906.10652, section 4.3).
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[1.0, -1.0], &[0.5, 2.0])?;
/// assert_eq!(normal.params(), [1.0, -1.0, 0.5, 2.0]);
///
/// let mut z = [0.0; 2];
/// normal.transform(&[1.0, 0.5], &mut z);
/// assert_eq!(z, [1.5, 0.0]);
///
/// let mut dtheta = [0.0; 4];
/// normal.pullback(&[1.0, 0.5], &z, &[10.0, 20.0], &mut dtheta);
/// assert_eq!(dtheta, [10.0, 20.0, 10.0, 10.0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Normal<T> {
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real> Normal<T> {
    /// From means and standard deviations, one of each per coordinate.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the lengths differ,
    /// [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for a `sigma` that is not above 0.
    pub fn new(mu: &[T], sigma: &[T]) -> Result<Self, Error> {
        let parts = [("mu", Domain::Real, mu), ("sigma", Domain::Positive, sigma)];
        let (layout, params) = Layout::coordinatewise(&parts)?;
        Ok(Self { params, layout })
    }

    /// The standard normal of a given dimension: `mu` 0, `sigma` 1.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] for dimension 0.
    pub fn standard(dim: usize) -> Result<Self, Error> {
        Self::new(&vec![T::zero(); dim], &vec![T::one(); dim])
    }

    /// The means μ.
    #[must_use]
    pub fn mu(&self) -> &[T] {
        &self.params[..self.params.len() / 2]
    }

    /// The standard deviations σ.
    #[must_use]
    pub fn sigma(&self) -> &[T] {
        &self.params[self.params.len() / 2..]
    }

    /// μ, σ of each coordinate.
    pub(crate) fn coordinates(&self) -> impl Iterator<Item = (T, T)> + '_ {
        self.mu().iter().copied().zip(self.sigma().iter().copied())
    }
}

/// The affine transform that the Gaussian shares with the distributions built on it.
#[inline]
pub(crate) fn affine<T: Real>(mu: &[T], sigma: &[T], noise: &[T], x: &mut [T]) {
    for (((x, &e), &mu), &sigma) in x.iter_mut().zip(noise).zip(mu).zip(sigma) {
        *x = mu + sigma * e;
    }
}

/// Draws independent standard normals.
#[inline]
pub(crate) fn fill_standard_normal<T: Real, R: Rng + ?Sized>(rng: &mut R, noise: &mut [T]) {
    fill_normal(rng, noise);
}

impl<T: Real> Distribution<T> for Normal<T> {
    fn dim(&self) -> usize {
        self.params.len() / 2
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        fill_normal(rng, z);
        scale_rows(self.mu(), self.sigma(), z);
    }
}

impl<T: Real> Reparameterizable<T> for Normal<T> {
    fn noise_dim(&self) -> usize {
        self.dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        fill_standard_normal(rng, noise);
    }

    #[inline]
    fn transform(&self, noise: &[T], z: &mut [T]) {
        affine(self.mu(), self.sigma(), noise, z);
    }

    #[inline]
    fn pullback(&self, noise: &[T], _z: &[T], dz: &[T], dtheta: &mut [T]) {
        let (dmu, dsigma) = dtheta.split_at_mut(self.dim());
        dmu.copy_from_slice(dz);
        for ((dsigma, &e), &dz) in dsigma.iter_mut().zip(noise).zip(dz) {
            *dsigma = e * dz;
        }
    }

    fn transform_block(&self, noise: &[T], draws: DrawsMut<'_, T>) {
        affine_rows(self.mu(), self.sigma(), noise, draws.z);
    }

    fn pullback_block(&self, noise: &[T], _: Draws<'_, T>, dz: &[T], dtheta: &mut [T]) {
        pull_affine_rows(self.dim(), noise, dz, dtheta);
    }
}

/// `r² − 1 − ln r²` of a ratio of scales.
pub(crate) fn scale_deviance(r: f64) -> f64 {
    // Below 1e-150 the square would underflow, and r² − 1 is −1.
    if r < 1e-150 { -2.0 * r.ln() - 1.0 } else { deviance(r * r) }
}

impl<T: Real> UniformNoise<T> for Normal<T> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        normal_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real> Conditional<T> for Normal<T> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        if let [mu, sigma] = params {
            affine(mu, sigma, noise, z);
        }
    }

    #[inline]
    fn pullback_with(&self, _params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        // The derivative is a function of noise and draw alone.
        self.pullback(noise, z, dz, dtheta);
    }
}

impl<T: Real> LogDensity<T> for Normal<T> {
    fn log_prob(&self, z: &[T]) -> T {
        let (half, half_ln_tau) = (T::of(0.5), T::of(0.918_938_533_204_672_8));
        let term = |(&z, (mu, sigma)): (&T, (T, T))| {
            let e = (z - mu) / sigma;
            -half * e * e - sigma.ln() - half_ln_tau
        };
        z.iter().zip(self.coordinates()).map(term).sum()
    }

    #[inline]
    fn score(&self, z: &[T], score: &mut [T]) {
        let (dmu, dsigma) = score.split_at_mut(self.dim());
        let coordinates = dmu.iter_mut().zip(dsigma).zip(z).zip(self.mu()).zip(self.sigma());
        for ((((dmu, dsigma), &z), &mu), &sigma) in coordinates {
            (*dmu, *dsigma) = coordinate_score(z, mu, sigma);
        }
    }
}

/// The score of one coordinate, with respect to μ and σ.
#[inline(always)]
fn coordinate_score<T: Real>(z: T, mu: T, sigma: T) -> (T, T) {
    // Finite even for a subnormal σ, where 0 · ∞ would be NaN.
    let precision = sigma.recip().min(T::max_value());
    let e = (z - mu) * precision;
    (e * precision, (e * e - T::one()) * precision)
}

/// Each coordinate is a step.
impl<T: Real> Sequential<T> for Normal<T> {
    fn steps(&self) -> usize {
        self.dim()
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        let (dmu, dsigma) = coordinate_score(z[step], self.mu()[step], self.sigma()[step]);
        gradient[step] += weight * dmu;
        gradient[self.dim() + step] += weight * dsigma;
    }
}

impl<T: Real> DifferentiableLogDensity<T> for Normal<T> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        for ((dz, &z), (mu, sigma)) in dz.iter_mut().zip(z).zip(self.coordinates()) {
            *dz = (mu - z) / sigma / sigma;
        }
    }

    fn covers_space(&self) -> bool {
        true
    }
}

impl<T: Real> Entropy<T> for Normal<T> {
    fn entropy(&self) -> T {
        let half_ln_tau_e = T::of(1.418_938_533_204_672_8);
        self.sigma().iter().map(|sigma| sigma.ln() + half_ln_tau_e).sum()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        let (dmu, dsigma) = gradient.split_at_mut(self.dim());
        dmu.fill(T::zero());
        for (dsigma, sigma) in dsigma.iter_mut().zip(self.sigma()) {
            *dsigma = sigma.recip();
        }
    }
}

impl<T: Real> MeanVariance<T> for Normal<T> {
    fn mean(&self, mean: &mut [T]) {
        mean.copy_from_slice(self.mu());
    }

    fn variance(&self, variance: &mut [T]) {
        for (variance, &sigma) in variance.iter_mut().zip(self.sigma()) {
            *variance = sigma * sigma;
        }
    }
}

impl<T: Real> KlDivergence<T> for Normal<T> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        let terms = self.coordinates().zip(other.coordinates()).map(|((m, s), (n, t))| {
            let (r, d) = (s.f64() / t.f64(), (m.f64() - n.f64()) / t.f64());
            T::of(0.5 * (scale_deviance(r) + d * d))
        });
        Ok(terms.sum())
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        let len = self.params.len();
        check_len("the other distribution's parameters", len, other.params.len())?;
        check_len("the gradient of the divergence", len, dtheta.len())?;
        check_len("the gradient for the other distribution", len, dother.len())?;
        let dim = self.dim();
        for (i, ((m, s), (n, t))) in self.coordinates().zip(other.coordinates()).enumerate() {
            let (s, t, shift) = (s.f64(), t.f64(), m.f64() - n.f64());
            let d = shift / t;
            // r² − 1 without cancellation.
            let spread = (s - t) / t * ((s + t) / t);
            dtheta[i] = T::of(d / t);
            dtheta[dim + i] = T::of(spread / s);
            dother[i] = T::of(-d / t);
            dother[dim + i] = T::of(-(spread + d * d) / t);
        }
        Ok(())
    }
}

/// `√(x² + χ²₂)`: the length of a vector of x and two more standard normal coordinates.
fn lengthened<T: Real, R: Rng + ?Sized>(x: T, rng: &mut R) -> T {
    (x * x - T::of(2.0) * Probability::from_tail(T::signed_tail(rng)).ln_upper()).sqrt()
}

impl<T: Real> WeakDerivative<T> for Normal<T> {
    fn weak_sides(&self, parameter: usize, _: Coupling) -> Option<WeakSides> {
        Some(if parameter < self.dim() { WeakSides::Pair } else { WeakSides::AgainstDraw })
    }

    /// A Rayleigh variate is the length of two standard normals, a Maxwell variate that of three.
    /// Coupled, both sides of μ are at the same distance. A Maxwell variate m times a uniform is a
    /// normal, so the draw e is taken for that normal, and m is drawn given e.
    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        rng: &mut R,
    ) -> T {
        let dim = self.dim();
        let i = parameter % dim;
        let (mu, sigma) = (self.mu()[i], self.sigma()[i]);
        let pair = if parameter < dim {
            let up = lengthened(T::zero(), rng);
            let down = if coupling == Coupling::Coupled { up } else { lengthened(T::zero(), rng) };
            let weight = T::of(0.398_942_280_401_432_7) / sigma; // 1/√(2π)
            WeakPair::pair(mu + sigma * up, mu - sigma * down, weight)
        } else {
            let e = match coupling {
                Coupling::Coupled => (plus[i] - mu) / sigma,
                Coupling::Independent => T::standard_normal(rng),
            };
            WeakPair::against_draw(mu + sigma * lengthened(e, rng).copysign(e), sigma.recip())
        };
        pair.write(i, plus, minus)
    }
}
