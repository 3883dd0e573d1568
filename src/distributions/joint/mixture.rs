//! A mixture of any scalar family that has a distribution function.

use rand::Rng;

use crate::distribution::{
    DifferentiableLogDensity, Distribution, DrawsMut, LogDensity, MeanVariance, Reparameterizable,
    Sequential, UniformNoise,
};
use crate::distributions::joint::weights::{Weights, pick, shares};
use crate::distributions::scalar::inverse_cdf::{
    Density, DensityGradient, FamilyCdf, FamilyMoments, Quantile,
};
use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::numerics::bracketed::root;
use crate::numerics::negate;
use crate::probability::Probability;
use crate::real::Real;
use crate::scratch::with_scratch;

/// A mixture of K members of a scalar family, in D independent coordinates, each with its own weights and
/// components. All parameters have pathwise gradients.
///
/// | | |
/// | --- | --- |
/// | θ | `logits` l (D × K finite numbers, one row per coordinate, `w = softmax(l)`), or `weights` w ([`from_weights`](Self::from_weights)); then the family's parameters by their names, D × K each |
/// | density | `p(z) = Σₖ wₖ p(z; θₖ)` for each coordinate |
/// | transform | `F(z) = Σₖ wₖ F(z; θₖ) = u`, u uniform, as a signed tail ([`Probability`]) |
/// | pullback | `dθₖ = ρₖ (∂z/∂θ)(z; θₖ) dz`, the component's own derivative weighted by its share `ρₖ = wₖ pₖ/p`; `dlₖ = −wₖ (Fₖ − F)/p dz` |
/// | score | `∂θₖ = ρₖ` times the component's, `∂l = ρ − w` |
/// | ∇_z log p | `Σ ρₖ ∂ ln pₖ/∂z` |
/// | mean, variance | `Σ w m`, `Σ w (v + (m − mean)²)` |
///
/// Any family works that has a quantile function, a density with its gradient, and a [distribution
/// function](FamilyCdf), built-in or custom. For Gaussians in several dimensions with shared weights, use
/// [`GaussianMixture`](crate::distributions::GaussianMixture). Cost: K densities, distribution functions
/// and derivatives per coordinate. A share too small for a probability (2⁻¹⁰⁷⁴) is 0. Independent draws
/// pick a component; a given noise value (antithetic pairs, point sets, replay) is inverted between the
/// quantiles of the components. A parameter that moves the support of a component also moves that of the
/// mixture, and is refused by the score function. No closed entropy or divergence.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::distributions::ExponentialFamily;
/// use reparam::prelude::*;
///
/// // A fast and a slow waiting time: E z = Σ w/λ, so ∂/∂λ = −w/λ².
/// let mixture = Mixture::new(ExponentialFamily, 2, &[0.0, 0.0], &[&[1.0, 0.25]])?;
/// let linear = (|z: &[f64]| z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 1.0; z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.estimate(&mixture, &linear, 10_000, &mut rng)?;
/// let rate = estimate.get("rate").expect("an exponential has a rate");
/// assert!((rate.gradient[1] + 8.0).abs() < 4.0 * rate.standard_error[1]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Graves 2016, arXiv:1607.05690; Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture<T, Q> {
    family: Q,
    components: usize,
    params: Vec<T>,
    layout: Layout,
    weights: Weights,
    /// `ln w`, row by row
    ln_weights: Vec<f64>,
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + Density<T>> Mixture<T, Q> {
    /// From a family, the number K of components, rows of logits, and one slice of values per parameter,
    /// in rows of K.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without components or coordinates, [`Error::Length`] if the rows are not
    /// whole, the slices differ in length, or their number is not that of the parameters;
    /// [`Error::NonFiniteParameter`], [`Error::ParameterDomain`].
    pub fn new(family: Q, components: usize, logits: &[T], values: &[&[T]]) -> Result<Self, Error> {
        Self::build(family, components, Weights::Logits, logits, values)
    }

    /// From rows of weights, each of which sums to 1.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_weights(family: Q, components: usize, weights: &[T], values: &[&[T]]) -> Result<Self, Error> {
        Self::build(family, components, Weights::Probabilities, weights, values)
    }

    fn build(
        family: Q,
        components: usize,
        kind: Weights,
        weights: &[T],
        values: &[&[T]],
    ) -> Result<Self, Error> {
        let len = weights.len();
        if components == 0 || len == 0 {
            return Err(Error::EmptySupport { what: "a mixture without components or coordinates" });
        }
        let parameters = family.parameters();
        check_len("the weights", len.next_multiple_of(components), len)?;
        check_len("the list of parameters", parameters.len(), values.len())?;
        let (name, domain) = kind.part(components);
        let mut parts = vec![(name, len, domain)];
        let mut params = weights.to_vec();
        for (&(name, domain), values) in parameters.iter().zip(values) {
            check_len(name, len, values.len())?;
            parts.push((name, len, domain));
            params.extend_from_slice(values);
        }
        let layout =
            family.moving_support().iter().fold(Layout::new(&parts), |l, name| l.with_moving_support(name));
        layout.check(&params)?;
        let mut mixture =
            Self { family, components, params, layout, weights: kind, ln_weights: vec![0.0; len] };
        mixture.refresh();
        Ok(mixture)
    }

    /// The family.
    #[must_use]
    pub fn family(&self) -> &Q {
        &self.family
    }

    /// K, the number of components of a coordinate.
    #[must_use]
    pub fn components(&self) -> usize {
        self.components
    }

    fn refresh(&mut self) {
        let k = self.components;
        for (params, ln) in self.params.chunks_exact(k).zip(self.ln_weights.chunks_exact_mut(k)) {
            self.weights.ln(params, ln);
        }
    }

    /// θ of a component, by its index in a range.
    #[inline]
    fn theta(&self, at: usize) -> Q::Theta {
        let len = self.ln_weights.len();
        let mut theta = Q::Theta::default();
        for (place, theta) in theta.as_mut().iter_mut().enumerate() {
            *theta = self.params[(place + 1) * len + at];
        }
        theta
    }

    /// The mixture's `F(z)` in a coordinate.
    fn cdf_at(&self, i: usize, z: T) -> Probability<f64> {
        let (mut lower, mut upper) = (0.0, 0.0);
        for at in i * self.components..(i + 1) * self.components {
            let u = self.family.cdf(z, self.theta(at));
            let weight = self.ln_weights[at].exp();
            lower += weight * u.lower().f64();
            upper += weight * u.upper().f64();
        }
        if lower <= upper { Probability::from_lower(lower) } else { Probability::from_upper(upper) }
    }

    fn quantile(&self, i: usize, u: Probability<T>) -> T {
        // Between the quantiles of the components.
        let (mut low, mut high) = (T::infinity(), T::neg_infinity());
        for at in i * self.components..(i + 1) * self.components {
            let z = self.family.quantile(u, self.theta(at));
            (low, high) = (low.min(z), high.max(z));
        }
        if low == high {
            return low;
        }
        let target = u.to_f64();
        let found = root(low.f64(), high.f64(), |z| {
            let (z, reached) = (T::of(z), self.cdf_at(i, T::of(z)));
            let mut density = 0.0;
            for at in i * self.components..(i + 1) * self.components {
                density += (self.ln_weights[at] + self.family.log_density(z, self.theta(at)).f64()).exp();
            }
            if target.in_lower_half() {
                ((reached.lower() / target.lower()).ln(), density / reached.lower())
            } else {
                (-(reached.upper() / target.upper()).ln(), density / reached.upper())
            }
        });
        T::of(found)
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + Density<T>> Distribution<T> for Mixture<T, Q> {
    fn dim(&self) -> usize {
        self.ln_weights.len() / self.components
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
        let k = self.components;
        for row in z.chunks_exact_mut(self.dim()) {
            for ((i, z), ln_weights) in row.iter_mut().enumerate().zip(self.ln_weights.chunks_exact(k)) {
                let component = pick(ln_weights, rng);
                *z = self.family.draw(self.theta(i * k + component), rng);
            }
        }
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + Density<T>> Reparameterizable<T> for Mixture<T, Q> {
    fn noise_dim(&self) -> usize {
        self.dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        for e in noise {
            *e = T::signed_tail(rng);
        }
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        for ((i, z), &e) in z.iter_mut().enumerate().zip(noise) {
            *z = self.quantile(i, Probability::from_tail(e));
        }
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], draws: DrawsMut<'_, T>) {
        noise.fill(T::nan());
        self.sample(rng, draws.z);
    }

    fn pullback(&self, _: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        let (k, len) = (self.components, self.ln_weights.len());
        for (i, (&z, dz)) in z.iter().zip(dz).enumerate() {
            with_scratch(k, 0.0, |parts| {
                let ln_p = self.ln_parts(i, z, parts);
                let whole = self.cdf_at(i, z);
                for (component, &share) in parts.iter().enumerate() {
                    let at = i * k + component;
                    let theta = self.theta(at);
                    let u = self.family.cdf(z, theta);
                    // Fₖ − F from the smaller tails, which are accurate.
                    let excess = if whole.in_lower_half() {
                        u.lower().f64() - whole.lower()
                    } else {
                        whole.upper() - u.upper().f64()
                    };
                    let by_ln = if excess == 0.0 || ln_p == f64::NEG_INFINITY {
                        0.0
                    } else {
                        -excess * (self.ln_weights[at] - ln_p).exp() * dz.f64()
                    };
                    dtheta[at] = T::of(self.weights.chain(by_ln, self.ln_weights[at]));
                    let own = self.family.quantile_gradient(u, z, theta);
                    for (place, own) in own.as_ref().iter().enumerate() {
                        // A component without a share contributes nothing, whatever its values at z.
                        let part = if share == 0.0 { 0.0 } else { share * own.f64() * dz.f64() };
                        dtheta[(place + 1) * len + at] = T::of(part);
                    }
                }
            });
        }
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + Density<T>> Mixture<T, Q> {
    /// Writes the components' shares at z; returns `ln p(z)` of the coordinate.
    fn ln_parts(&self, i: usize, z: T, parts: &mut [f64]) -> f64 {
        for (component, part) in parts.iter_mut().enumerate() {
            let at = i * self.components + component;
            *part = self.ln_weights[at] + self.family.log_density(z, self.theta(at)).f64();
        }
        // Components with an infinite density (a gamma of shape below 1 at 0) share all the weight
        // equally.
        if parts.contains(&f64::INFINITY) {
            for part in &mut *parts {
                *part = if *part == f64::INFINITY { 0.0 } else { f64::NEG_INFINITY };
            }
            shares(parts);
            return f64::INFINITY;
        }
        shares(parts)
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + Density<T>> UniformNoise<T> for Mixture<T, Q> {
    /// The noise is the uniforms.
    fn noise_from_uniforms(&self, _noise: &mut [T]) {}

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + DensityGradient<T>> LogDensity<T> for Mixture<T, Q> {
    fn log_prob(&self, z: &[T]) -> T {
        let mut sum = 0.0;
        for (i, &z) in z.iter().enumerate() {
            let term = with_scratch(self.components, 0.0, |parts| self.ln_parts(i, z, parts));
            // One coordinate outside the support is enough.
            if term == f64::NEG_INFINITY {
                return T::neg_infinity();
            }
            sum += term;
        }
        T::of(sum)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        for (i, &z) in z.iter().enumerate() {
            self.coordinate_score(i, z, |flat, part| score[flat] = part);
        }
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + DensityGradient<T>> Mixture<T, Q> {
    /// Calls `write` with each parameter of a coordinate, by its flat index, and the score there.
    #[inline]
    fn coordinate_score(&self, i: usize, z: T, mut write: impl FnMut(usize, T)) {
        let (k, len) = (self.components, self.ln_weights.len());
        with_scratch(k, 0.0, |parts| {
            let inside = self.ln_parts(i, z, parts) > f64::NEG_INFINITY;
            for (component, &share) in parts.iter().enumerate() {
                let at = i * k + component;
                let ln = self.ln_weights[at];
                let by_weight = match self.weights {
                    _ if !inside => 0.0,
                    Weights::Logits => share - ln.exp(),
                    Weights::Probabilities => self.weights.chain(share, ln),
                };
                write(at, T::of(by_weight));
                let own = self.family.score(z, self.theta(at));
                for (place, own) in own.as_ref().iter().enumerate() {
                    let part = if share == 0.0 { 0.0 } else { share * own.f64() };
                    write((place + 1) * len + at, T::of(part));
                }
            }
        });
    }
}

/// Each coordinate is a step. The choice of the component is not a step: it is not part of z.
impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + DensityGradient<T>> Sequential<T> for Mixture<T, Q> {
    fn steps(&self) -> usize {
        self.dim()
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        self.coordinate_score(step, z[step], |flat, score| gradient[flat] += weight * score);
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + DensityGradient<T>> DifferentiableLogDensity<T>
    for Mixture<T, Q>
{
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        for (i, (dz, &z)) in dz.iter_mut().zip(z).enumerate() {
            with_scratch(self.components, 0.0, |parts| {
                self.ln_parts(i, z, parts);
                let pull = |(component, &share): (usize, &f64)| {
                    let theta = self.theta(i * self.components + component);
                    if share == 0.0 { 0.0 } else { share * self.family.log_density_gradient(z, theta).f64() }
                };
                *dz = T::of(parts.iter().enumerate().map(pull).sum());
            });
        }
    }

    fn covers_space(&self) -> bool {
        Q::COVERS_LINE
    }
}

impl<T: Real, Q: Quantile<T> + FamilyCdf<T> + Density<T> + FamilyMoments<T>> MeanVariance<T>
    for Mixture<T, Q>
{
    fn mean(&self, mean: &mut [T]) {
        for (i, mean) in mean.iter_mut().enumerate() {
            let range = i * self.components..(i + 1) * self.components;
            let part = |at: usize| self.ln_weights[at].exp() * self.family.mean(self.theta(at)).f64();
            *mean = T::of(range.map(part).sum());
        }
    }

    fn variance(&self, variance: &mut [T]) {
        self.mean(variance);
        for (i, variance) in variance.iter_mut().enumerate() {
            let range = i * self.components..(i + 1) * self.components;
            let mean = variance.f64();
            let part = |at: usize| {
                let theta = self.theta(at);
                let distance = self.family.mean(theta).f64() - mean;
                self.ln_weights[at].exp() * (self.family.variance(theta).f64() + distance * distance)
            };
            *variance = T::of(range.map(part).sum());
        }
    }
}
