//! A mixture of Gaussians, differentiated through its distributional transform.

use rand::Rng;

use crate::distribution::{
    DifferentiableLogDensity, Distribution, DrawsMut, LogDensity, MeanVariance, Reparameterizable,
    UniformNoise,
};
use crate::distributions::joint::weights::{Weights, pick, shares};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::numerics::bracketed::root;
use crate::numerics::negate;
use crate::probability::Probability;
use crate::real::Real;
use crate::scratch::with_scratch;
use crate::special::{log_sum_exp, normal_log_cdf, normal_log_survival, normal_quantile};

/// A mixture of K Gaussians with independent coordinates, in D dimensions. All parameters have pathwise
/// gradients, including the weights.
///
/// | | |
/// | --- | --- |
/// | θ | `logits` l (K finite numbers, `w = softmax(l)`), or `weights` w ([`from_weights`](Self::from_weights)); `mu` (K × D, row by row), `sigma` (K × D, above 0) |
/// | density | `p(z) = Σₖ wₖ Πₑ N(zₑ; μₖₑ, σₖₑ²)` |
/// | noise | D uniforms, as signed tails ([`Probability`]) |
/// | transform | coordinate by coordinate, `F_d(z_d \| z₁ … z_(d−1)) = u_d`, the inverse of the Rosenblatt transform |
/// | pullback | its implicit derivative at fixed u, in reverse: `λ_d` is the cotangent of `z_d` with all that it does to later coordinates; `dμₖ_d += λ_d ρₖ`, `dσₖ_d += λ_d ρₖ tₖ`, `dln rₖ −= λ_d rₖ (Φₖ − F_d)/p_d` |
/// | | r, ρ: the components' shares before and after `z_d` is seen, `t = (z − μ)/σ` |
/// | score | `∂l = ρ − w`, `∂μₖ = ρₖ t/σ`, `∂σₖ = ρₖ (t² − 1)/σ` |
/// | ∇_z log p | `−Σ ρₖ tₖ/σₖ` |
/// | mean, variance | `Σ w μ`, `Σ w (σ² + (μ − mean)²)` |
///
/// The pullback is a function of z alone and costs O(K D). It is unbiased for every weight, mean and
/// scale; drawing a component first would leave the weights to the score function. It depends on the
/// order of the coordinates. Between components that lie far apart, the derivative with respect to a
/// weight is as large as the gap's inverse density, because mass has to cross the gap; its variance grows
/// with the gap. Compare [`ScoreFunction`](crate::estimators::ScoreFunction) there. Independent draws
/// pick a component; a given noise value (antithetic pairs, point sets, replay) is inverted by a
/// bracketed Newton method, in some microseconds per coordinate. Shares are held in logarithms: a
/// component a thousand σ away has a share of 0, not NaN. No closed entropy or divergence.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// // ½ N(−1, 0.5²) + ½ N(1, 0.5²): E z² = Σ w (μ² + σ²), so ∂/∂μ = w 2μ.
/// let mixture = GaussianMixture::new(&[0.0, 0.0], &[-1.0, 1.0], &[0.5, 0.5])?;
/// let square = (|z: &[f64]| z[0] * z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 2.0 * z[0]; z[0] * z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.estimate(&mixture, &square, 10_000, &mut rng)?;
/// let mu = estimate.get("mu").expect("a mixture has a mu");
/// assert!((mu.gradient[1] - 1.0).abs() < 4.0 * mu.standard_error[1]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Graves 2016, arXiv:1607.05690; Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498; Rosenblatt 1952,
/// doi:10.1214/aoms/1177729394.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture<T> {
    params: Vec<T>,
    layout: Layout,
    weights: Weights,
    /// `ln w`
    ln_weights: Vec<f64>,
}

impl<T: Real> GaussianMixture<T> {
    /// From logits of the weights, and rows of means and standard deviations, one row per component.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without components or coordinates, [`Error::Length`] if the rows are not
    /// whole or `mu` and `sigma` differ in length, [`Error::NonFiniteParameter`],
    /// [`Error::ParameterDomain`].
    pub fn new(logits: &[T], mu: &[T], sigma: &[T]) -> Result<Self, Error> {
        Self::build(Weights::Logits, logits, mu, sigma)
    }

    /// From weights that sum to 1, and rows of means and standard deviations.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_weights(weights: &[T], mu: &[T], sigma: &[T]) -> Result<Self, Error> {
        Self::build(Weights::Probabilities, weights, mu, sigma)
    }

    fn build(kind: Weights, weights: &[T], mu: &[T], sigma: &[T]) -> Result<Self, Error> {
        let (k, len) = (weights.len(), mu.len());
        if k == 0 || len == 0 {
            return Err(Error::EmptySupport { what: "a mixture without components or coordinates" });
        }
        check_len("mu", len.next_multiple_of(k), len)?;
        check_len("sigma", len, sigma.len())?;
        let (name, domain) = kind.part(k);
        let layout =
            Layout::new(&[(name, k, domain), ("mu", len, Domain::Real), ("sigma", len, Domain::Positive)]);
        let params = [weights, mu, sigma].concat();
        layout.check(&params)?;
        let mut mixture = Self { params, layout, weights: kind, ln_weights: vec![0.0; k] };
        mixture.refresh();
        Ok(mixture)
    }

    /// K, the number of components.
    #[must_use]
    pub fn components(&self) -> usize {
        self.ln_weights.len()
    }

    /// The weights w.
    #[must_use]
    pub fn weights(&self) -> Vec<T> {
        self.ln_weights.iter().map(|ln| T::of(ln.exp())).collect()
    }

    fn refresh(&mut self) {
        let k = self.ln_weights.len();
        self.weights.ln(&self.params[..k], &mut self.ln_weights);
    }

    /// μ and σ of a component in a coordinate.
    #[inline]
    fn component(&self, k: usize, d: usize) -> (f64, f64) {
        let (components, dim) = (self.components(), self.dim());
        let at = components + k * dim + d;
        (self.params[at].f64(), self.params[at + components * dim].f64())
    }

    /// `ln N(z; μₖ, σₖ²)` without the constant, and `t`.
    #[inline]
    fn log_density(&self, k: usize, d: usize, z: f64) -> (f64, f64) {
        let (mu, sigma) = self.component(k, d);
        let t = (z - mu) / sigma;
        (-0.5 * t * t - sigma.ln(), t)
    }

    /// Adds the log-density of coordinate d to the logarithms of the shares.
    #[inline]
    fn see(&self, d: usize, z: f64, ln_shares: &mut [f64]) {
        for (k, ln) in ln_shares.iter_mut().enumerate() {
            *ln += self.log_density(k, d, z).0;
        }
    }

    /// Calls `run` with the shares of the components given all of z, and `ln p(z)`.
    fn with_shares<Y>(&self, z: &[T], run: impl FnOnce(&[f64], f64) -> Y) -> Y {
        with_scratch(self.components(), 0.0, |ln| {
            ln.copy_from_slice(&self.ln_weights);
            for (d, z) in z.iter().enumerate() {
                self.see(d, z.f64(), ln);
            }
            let constant = HALF_LN_TAU * self.dim() as f64;
            let log_density = shares(ln) - constant;
            run(ln, log_density)
        })
    }

    /// The value of the coordinate at which the conditional distribution function is u, given the
    /// logarithms of the shares.
    fn quantile(&self, u: Probability<f64>, d: usize, ln_shares: &[f64]) -> f64 {
        // The root lies between the quantiles of the components that have a share.
        let x = normal_quantile(u.tail().abs()).copysign(-u.tail());
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let whole = log_sum_exp(ln_shares);
        for (k, &ln) in ln_shares.iter().enumerate() {
            if ln - whole > NEGLIGIBLE {
                let (mu, sigma) = self.component(k, d);
                low = low.min(mu + sigma * x);
                high = high.max(mu + sigma * x);
            }
        }
        if low == high {
            return low;
        }
        let lower = u.in_lower_half();
        let target = if lower { u.ln_lower() } else { u.ln_upper() };
        root(low, high, |z| {
            let (mut tail, mut density) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
            for (k, &ln) in ln_shares.iter().enumerate() {
                let (ln_p, t) = self.log_density(k, d, z);
                tail = log_add_exp(tail, ln - whole + ln_tail(t, lower));
                density = log_add_exp(density, ln - whole + ln_p - HALF_LN_TAU);
            }
            let residual = if lower { tail - target } else { target - tail };
            (residual, (density - tail).exp())
        })
    }
}

/// ½ ln 2π
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// A share with a logarithm below this does not change a sum, at any probability that a signed tail
/// holds.
const NEGLIGIBLE: f64 = -800.0;

/// The logarithm of the largest ratio of a tail to the density. The derivative with respect to a weight
/// is clipped there; no draw ever reaches it.
const STEEPEST: f64 = 600.0;

/// The logarithm of the lower or the upper tail at t.
#[inline]
fn ln_tail(t: f64, lower: bool) -> f64 {
    if lower { normal_log_cdf(t) } else { normal_log_survival(t) }
}

/// `ln(eᵃ + eᵇ)`
#[inline]
fn log_add_exp(a: f64, b: f64) -> f64 {
    let (small, large) = (a.min(b), a.max(b));
    if small == f64::NEG_INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

impl<T: Real> Distribution<T> for GaussianMixture<T> {
    fn dim(&self) -> usize {
        (self.params.len() / self.components() - 1) / 2
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        self.refresh();
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        for row in z.chunks_exact_mut(self.dim()) {
            let k = pick(&self.ln_weights, rng);
            for (d, z) in row.iter_mut().enumerate() {
                let (mu, sigma) = self.component(k, d);
                *z = T::of(mu + sigma * f64::standard_normal(rng));
            }
        }
    }
}

impl<T: Real> Reparameterizable<T> for GaussianMixture<T> {
    fn noise_dim(&self) -> usize {
        self.dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        for e in noise {
            *e = T::signed_tail(rng);
        }
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        with_scratch(self.components(), 0.0, |ln_shares| {
            ln_shares.copy_from_slice(&self.ln_weights);
            for (d, (z, e)) in z.iter_mut().zip(noise).enumerate() {
                let x = self.quantile(Probability::from_tail(e.f64()), d, ln_shares);
                *z = T::of(x);
                self.see(d, x, ln_shares);
            }
        });
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], draws: DrawsMut<'_, T>) {
        noise.fill(T::nan());
        self.sample(rng, draws.z);
    }

    fn pullback(&self, _: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        let (k, dim) = (self.components(), self.dim());
        let (dweights, rest) = dtheta.split_at_mut(k);
        let (dmu, dsigma) = rest.split_at_mut(k * dim);
        // The shares before each coordinate is seen, and at the end; the cotangents of their logarithms;
        // tails divided by the density.
        with_scratch((dim + 3) * k, 0.0, |room| {
            let (ln, room) = room.split_at_mut((dim + 1) * k);
            let (later, tails) = room.split_at_mut(k);
            ln[..k].copy_from_slice(&self.ln_weights);
            for (d, z) in z.iter().enumerate() {
                let (before, after) = ln[d * k..].split_at_mut(k);
                after[..k].copy_from_slice(before);
                self.see(d, z.f64(), &mut after[..k]);
            }
            let mut whole = shares(&mut ln[dim * k..]);
            if whole == f64::NEG_INFINITY {
                // No component has a density this far out: nothing moves.
                for row in [dweights, dmu, dsigma] {
                    row.fill(T::zero());
                }
                return;
            }
            for d in (0..dim).rev() {
                let (before, after) = ln[d * k..].split_at_mut(k);
                let after = &after[..k];
                let seen = whole;
                whole = log_sum_exp(before);
                let ln_p = seen - whole - HALF_LN_TAU;
                let x = z[d].f64();
                // The full cotangent of z_d: from the objective, and from the shares of later
                // coordinates.
                let mut lambda = dz[d].f64();
                for (component, &d_ln) in later.iter().enumerate().filter(|(_, d_ln)| **d_ln != 0.0) {
                    let (_, sigma) = self.component(component, d);
                    lambda -= d_ln * self.log_density(component, d, x).1 / sigma;
                }
                let lower = self.is_in_lower_half(d, x, before, whole);
                let mut sum = 0.0;
                for (component, tail) in tails.iter_mut().enumerate() {
                    let t = self.log_density(component, d, x).1;
                    *tail = (before[component] - whole + ln_tail(t, lower) - ln_p).min(STEEPEST).exp();
                    sum += *tail;
                }
                for component in 0..k {
                    let (_, t) = self.log_density(component, d, x);
                    let (_, sigma) = self.component(component, d);
                    let (share, at) = (after[component], component * dim + d);
                    // A component without a share contributes nothing, however far away it is.
                    let t = if share == 0.0 && later[component] == 0.0 { 0.0 } else { t };
                    dmu[at] = T::of(lambda * share + later[component] * t / sigma);
                    dsigma[at] = T::of(lambda * share * t + later[component] * (t * t - 1.0) / sigma);
                    let excess = tails[component] - (before[component] - whole).exp() * sum;
                    later[component] -= if lower { lambda * excess } else { -lambda * excess };
                }
                for ln in before {
                    *ln = (*ln - whole).exp();
                }
            }
            for ((dw, &d_ln), &ln) in dweights.iter_mut().zip(&*later).zip(&self.ln_weights) {
                *dw = T::of(self.weights.chain(d_ln, ln));
            }
        });
    }
}

impl<T: Real> GaussianMixture<T> {
    /// Whether the conditional distribution function at x is at most ½: then the lower tails are the
    /// accurate ones.
    fn is_in_lower_half(&self, d: usize, x: f64, ln_shares: &[f64], whole: f64) -> bool {
        let below = ln_shares.iter().enumerate().map(|(k, &ln)| {
            let t = self.log_density(k, d, x).1;
            (ln - whole + normal_log_cdf(t)).exp()
        });
        below.sum::<f64>() <= 0.5
    }
}

impl<T: Real> UniformNoise<T> for GaussianMixture<T> {
    /// The noise is the uniforms.
    fn noise_from_uniforms(&self, _noise: &mut [T]) {}

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real> LogDensity<T> for GaussianMixture<T> {
    fn log_prob(&self, z: &[T]) -> T {
        T::of(self.with_shares(z, |_, log_density| log_density))
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let (k, dim) = (self.components(), self.dim());
        let (dweights, rest) = score.split_at_mut(k);
        let (dmu, dsigma) = rest.split_at_mut(k * dim);
        self.with_shares(z, |shares, _| {
            for (component, &share) in shares.iter().enumerate() {
                let ln = self.ln_weights[component];
                dweights[component] = T::of(match self.weights {
                    Weights::Logits => share - ln.exp(),
                    Weights::Probabilities => self.weights.chain(share, ln),
                });
                for (d, z) in z.iter().enumerate() {
                    let (_, t) = self.log_density(component, d, z.f64());
                    let (_, sigma) = self.component(component, d);
                    let at = component * dim + d;
                    // A component without a share contributes nothing, however far away it is.
                    let weight = if share == 0.0 { 0.0 } else { share / sigma };
                    let (first, second) = if weight == 0.0 { (0.0, 0.0) } else { (t, t * t - 1.0) };
                    dmu[at] = T::of(weight * first);
                    dsigma[at] = T::of(weight * second);
                }
            }
        });
    }
}

impl<T: Real> DifferentiableLogDensity<T> for GaussianMixture<T> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        self.with_shares(z, |shares, _| {
            for (d, (dz, z)) in dz.iter_mut().zip(z).enumerate() {
                let pull = |(k, &share): (usize, &f64)| {
                    let (mu, sigma) = self.component(k, d);
                    if share == 0.0 { 0.0 } else { share * ((mu - z.f64()) / sigma / sigma) }
                };
                *dz = T::of(shares.iter().enumerate().map(pull).sum());
            }
        });
    }

    fn covers_space(&self) -> bool {
        true
    }
}

impl<T: Real> MeanVariance<T> for GaussianMixture<T> {
    fn mean(&self, mean: &mut [T]) {
        for (d, mean) in mean.iter_mut().enumerate() {
            let part = |(k, ln): (usize, &f64)| ln.exp() * self.component(k, d).0;
            *mean = T::of(self.ln_weights.iter().enumerate().map(part).sum());
        }
    }

    fn variance(&self, variance: &mut [T]) {
        self.mean(variance);
        for (d, variance) in variance.iter_mut().enumerate() {
            let mean = variance.f64();
            let part = |(k, ln): (usize, &f64)| {
                let (mu, sigma) = self.component(k, d);
                ln.exp() * (sigma * sigma + (mu - mean) * (mu - mean))
            };
            *variance = T::of(self.ln_weights.iter().enumerate().map(part).sum());
        }
    }
}
