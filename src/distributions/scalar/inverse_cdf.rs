//! Any scalar family given by its quantile function, over independent coordinates.

use std::fmt::Debug;

use rand::Rng;

use crate::distribution::{
    Conditional, Coupling, DifferentiableLogDensity, Distribution, DrawsMut, Entropy, KlDivergence,
    LogDensity, MeanVariance, Reparameterizable, Sequential, UniformNoise, WeakDerivative, WeakPair,
    WeakSides,
};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::numerics::negate;
use crate::probability::Probability;
use crate::real::Real;

/// The parameters of a scalar family of distributions. Its capabilities are further traits: [`Quantile`]
/// or [`Cdf`](crate::distributions::Cdf), [`FamilyCdf`], [`Density`], [`DensityGradient`],
/// [`ClosedEntropy`], [`FamilyMoments`], [`FamilyKl`].
pub trait Family<T: Real> {
    /// The parameters of one coordinate, or a derivative with respect to them: an array such as `[T; 2]`.
    type Theta: Copy + Default + Debug + AsRef<[T]> + AsMut<[T]>;

    /// Name and domain of each parameter, in the order of [`Theta`](Self::Theta).
    fn parameters(&self) -> &'static [(&'static str, Domain)];

    /// The names of the parameters that move the support, for which no score function exists. None by
    /// default; names that are not in [`parameters`](Self::parameters) have no effect.
    fn moving_support(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A family whose quantile function is known: `z = F⁻¹(u; θ)` is a transform of a uniform u.
///
/// Use whichever of `lower`, `upper`, `ln_lower`, `ln_upper` of the [`Probability`] the formula needs:
/// all of them are exact in both tails, whereas a difference such as `1 − u.lower()` is not.
pub trait Quantile<T: Real>: Family<T> {
    /// Whether [`draw`](Self::draw) is a separate sampler, for a family whose quantile function is slow.
    /// Independent draws are then made by it, without an underlying u, and
    /// [`quantile_gradient`](Self::quantile_gradient) must be a function of z and θ alone, as an implicit
    /// derivative is. A given u (antithetic pairs, point sets, replayed noise) still goes through the
    /// quantile function.
    const DRAWS_DIRECTLY: bool = false;

    /// `F⁻¹(u; θ)`.
    fn quantile(&self, u: Probability<T>, theta: Self::Theta) -> T;

    /// `∂z/∂θ` at fixed u, at the `z` that [`quantile`](Self::quantile) returned.
    fn quantile_gradient(&self, u: Probability<T>, z: T, theta: Self::Theta) -> Self::Theta;

    /// One draw; by default the quantile of a uniform.
    #[inline]
    fn draw<R: Rng + ?Sized>(&self, theta: Self::Theta, rng: &mut R) -> T {
        self.quantile(Probability::from_tail(T::signed_tail(rng)), theta)
    }
}

/// A family whose CDF is accurate to the last digits in both tails: the inverse of its [`Quantile`].
///
/// [`NumericInverse`](crate::distributions::NumericInverse) takes it from the
/// [`Cdf`](crate::distributions::Cdf) that it inverts.
pub trait FamilyCdf<T: Real>: Family<T> {
    /// `F(z; θ)` together with `1 − F(z; θ)`, where the smaller one is exact. Below the support it is the
    /// probability of an impossible event, above it that of a certain one.
    fn cdf(&self, z: T, theta: Self::Theta) -> Probability<T>;
}

/// A family whose density is known.
pub trait Density<T: Real>: Family<T> {
    /// Whether the support is the whole line, whatever θ is.
    const COVERS_LINE: bool = false;

    /// `ln p(z; θ)`; −∞ outside the support.
    fn log_density(&self, z: T, theta: Self::Theta) -> T;
}

/// A family whose density can be differentiated.
pub trait DensityGradient<T: Real>: Density<T> {
    /// `∂ ln p/∂z`; 0 outside the support, where the density is constant.
    fn log_density_gradient(&self, z: T, theta: Self::Theta) -> T;

    /// The score `∂ ln p/∂θ`; 0 outside the support.
    fn score(&self, z: T, theta: Self::Theta) -> Self::Theta;
}

/// A family whose entropy is known in closed form.
pub trait ClosedEntropy<T: Real>: Family<T> {
    /// `H(θ)` in nats.
    fn entropy(&self, theta: Self::Theta) -> T;

    /// `∂H/∂θ`.
    fn entropy_gradient(&self, theta: Self::Theta) -> Self::Theta;
}

/// A family whose first two moments are known.
pub trait FamilyMoments<T: Real>: Family<T> {
    /// `E z`; ±∞ where it diverges, NaN where it does not exist.
    fn mean(&self, theta: Self::Theta) -> T;

    /// `E (z − E z)²`; ∞ where it diverges, NaN where there is no mean.
    fn variance(&self, theta: Self::Theta) -> T;
}

/// A family with a known Kullback–Leibler divergence between its members.
pub trait FamilyKl<T: Real>: Family<T> {
    /// Whether the support of q covers that of p; always, unless a parameter moves the support.
    fn covers(&self, p: Self::Theta, q: Self::Theta) -> bool {
        let _ = (p, q);
        true
    }

    /// `KL(p ‖ q) = E_p[ln p − ln q]` between two parameter values; ∞ where q does not
    /// [cover](Self::covers) p.
    fn kl(&self, p: Self::Theta, q: Self::Theta) -> T;

    /// Its gradients with respect to the parameters of p and of q, where q covers p. Where bounds
    /// coincide, the gradient is the one-sided derivative in the direction that keeps p covered.
    fn kl_gradient(&self, p: Self::Theta, q: Self::Theta) -> (Self::Theta, Self::Theta);
}

/// A family whose derivative is a difference of two laws that can be drawn from; see [`WeakDerivative`].
pub trait FamilyWeakDerivative<T: Real>: Family<T> {
    /// Which sides are drawn for the parameter at this index; `None` if it has no weak derivative.
    fn weak_sides(&self, place: usize, coupling: Coupling) -> Option<WeakSides>;

    /// One draw of both sides, given the draw z.
    fn weak_pair<R: Rng + ?Sized>(
        &self,
        place: usize,
        coupling: Coupling,
        z: T,
        theta: Self::Theta,
        rng: &mut R,
    ) -> WeakPair<T>;
}

/// Inverse-transform sampling: D independent coordinates of a scalar family `Q`, drawn through its
/// quantile function.
///
/// | | |
/// | --- | --- |
/// | θ | the family's parameters, range by range: all D of the first, then all D of the second |
/// | density | `p(z) = Π p(zᵢ; θᵢ)` |
/// | transform | `zᵢ = F⁻¹(uᵢ; θᵢ)`, `uᵢ` uniform on (0, 1), stored as a signed tail ([`Probability`]) |
/// | pullback | `dθᵢ = (∂F⁻¹/∂θ)(uᵢ; θᵢ) dzᵢ` |
/// | score, entropy | those of the family, coordinate by coordinate |
///
/// Uniform, exponential, logistic, Gumbel, Laplace, Cauchy, Weibull, Fréchet, Pareto, Kumaraswamy,
/// half-normal, half-Cauchy, log-logistic, Gompertz, triangular and truncated normal are built-in aliases
/// of this type. So are the families with an implicit derivative: gamma and its relatives, inverse
/// Gaussian, von Mises. A custom family takes about twenty lines;
/// [`scalar_family!`](crate::scalar_family) declares the first eight of them:
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::distributions::{Family, InverseCdf, Quantile};
/// use reparam::prelude::*;
/// use reparam::{Domain, Probability, Real};
///
/// /// Rayleigh: F(z) = 1 − exp(−z²/2s²), so z = s √(−2 ln(1 − u)).
/// #[derive(Debug, Clone, Copy)]
/// struct Rayleigh;
///
/// impl<T: Real> Family<T> for Rayleigh {
///     type Theta = [T; 1];
///     fn parameters(&self) -> &'static [(&'static str, Domain)] {
///         &[("scale", Domain::Positive)]
///     }
/// }
///
/// impl<T: Real> Quantile<T> for Rayleigh {
///     fn quantile(&self, u: Probability<T>, [scale]: [T; 1]) -> T {
///         scale * (T::of(-2.0) * u.ln_upper()).sqrt()
///     }
///     fn quantile_gradient(&self, _: Probability<T>, z: T, [scale]: [T; 1]) -> [T; 1] {
///         [z / scale]
///     }
/// }
///
/// let rayleigh = InverseCdf::from_quantile(Rayleigh, &[&[2.0]])?;
/// let square = (|z: &[f64]| z[0] * z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 2.0 * z[0]; z[0] * z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.estimate(&rayleigh, &square, 10_000, &mut rng)?;
/// let scale = estimate.get("scale").expect("a Rayleigh has a scale");
/// assert!((scale.gradient[0] - 8.0).abs() < 4.0 * scale.standard_error[0]); // E z² = 2 s², derivative 4 s
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// With [`Density`] and [`DensityGradient`] (three more methods) it also has a score function; with
/// [`ClosedEntropy`], an entropy. Where the quantile function has no closed form,
/// [`from_cdf`](Self::from_cdf) inverts the CDF.
///
/// # References
/// Devroye 1986, Non-Uniform Random Variate Generation, chapter II.2, doi:10.1007/978-1-4613-8643-8; as a
/// pathwise gradient: Mohamed, Rosca, Figurnov & Mnih 2020, arXiv:1906.10652, section 5.
#[derive(Debug, Clone, PartialEq)]
pub struct InverseCdf<T, Q> {
    family: Q,
    dim: usize,
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real, Q: Quantile<T>> InverseCdf<T, Q> {
    /// From a family and one slice of values per parameter, with one value per coordinate.
    ///
    /// # Errors
    /// [`Error::Length`] if the number of slices is not that of the family's parameters (or the family's
    /// `Theta` has another length) or the slices differ in length, [`Error::EmptySupport`] without
    /// coordinates, [`Error::NonFiniteParameter`], [`Error::ParameterDomain`].
    pub fn from_quantile(family: Q, values: &[&[T]]) -> Result<Self, Error> {
        let parameters = family.parameters();
        check_len("the family's Theta", parameters.len(), Q::Theta::default().as_ref().len())?;
        check_len("the list of parameters", parameters.len(), values.len())?;
        let parts: Vec<_> =
            parameters.iter().zip(values).map(|(&(name, domain), &values)| (name, domain, values)).collect();
        let (layout, params) = Layout::coordinatewise(&parts)?;
        let layout =
            family.moving_support().iter().fold(layout, |layout, name| layout.with_moving_support(name));
        Ok(Self { family, dim: params.len() / parameters.len(), params, layout })
    }
}

impl<T: Real, Q: Family<T>> InverseCdf<T, Q> {
    /// The family.
    #[must_use]
    pub fn family(&self) -> &Q {
        &self.family
    }

    /// The values of the parameter with this name, one per coordinate; `None` if the family has no such
    /// parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&[T]> {
        self.family.parameters().iter().position(|(own, _)| *own == name).map(|place| self.values(place))
    }

    /// The values of the parameter at this index in the family's list.
    #[inline]
    pub(crate) fn values(&self, place: usize) -> &[T] {
        &self.params[place * self.dim..(place + 1) * self.dim]
    }

    /// θ of one coordinate.
    #[inline]
    fn theta(&self, coordinate: usize) -> Q::Theta {
        let mut theta = Q::Theta::default();
        for (place, theta) in theta.as_mut().iter_mut().enumerate() {
            *theta = self.params[place * self.dim + coordinate];
        }
        theta
    }

    /// Writes one derivative per coordinate into a row that is laid out like θ.
    #[inline]
    fn write(
        &self,
        row: &mut [T],
        theta: impl Fn(usize) -> Q::Theta,
        derivative: impl Fn(usize, Q::Theta) -> Q::Theta,
    ) {
        for coordinate in 0..self.dim {
            let derivative = derivative(coordinate, theta(coordinate));
            for (place, &d) in derivative.as_ref().iter().enumerate() {
                row[place * self.dim + coordinate] = d;
            }
        }
    }
}

impl<T: Real, Q: FamilyCdf<T>> InverseCdf<T, Q> {
    /// `F(zᵢ; θᵢ)` of every coordinate of z (one row or more), with `1 − F` as exact as F.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let exponential = Exponential::new(&[2.0, 1.0])?;
    /// let p = exponential.cdf(&[1.0, 700.0])?;
    /// assert!((p[0].lower() - (1.0 - (-2.0f64).exp())).abs() < 1e-15);
    /// assert!((p[1].upper() / (-700.0f64).exp() - 1.0).abs() < 1e-13); // 1 − F would be 0
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] if z does not consist of whole rows.
    pub fn cdf(&self, z: &[T]) -> Result<Vec<Probability<T>>, Error> {
        check_len("z", z.len().next_multiple_of(self.dim), z.len())?;
        let coordinate = |(i, &z): (usize, &T)| self.family.cdf(z, self.theta(i % self.dim));
        Ok(z.iter().enumerate().map(coordinate).collect())
    }

    /// Writes [`cdf`](Self::cdf) as signed tails ([`Probability::tail`]), row by row: the noise whose
    /// transform is z.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let gumbel = Gumbel::new(&[1.0], &[0.5])?;
    /// let (mut z, mut noise) = ([0.0], [0.0]);
    /// gumbel.transform(&[-1e-12], &mut z);
    /// gumbel.cdf_tails(&z, &mut noise)?;
    /// assert!((noise[0] / -1e-12 - 1.0f64).abs() < 1e-12);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] if z does not consist of whole rows, or if `tails` has another length.
    pub fn cdf_tails(&self, z: &[T], tails: &mut [T]) -> Result<(), Error> {
        check_len("z", z.len().next_multiple_of(self.dim), z.len())?;
        check_len("the tails", z.len(), tails.len())?;
        for (z, tails) in z.chunks_exact(self.dim).zip(tails.chunks_exact_mut(self.dim)) {
            for (i, (&z, tail)) in z.iter().zip(tails).enumerate() {
                *tail = self.family.cdf(z, self.theta(i)).tail();
            }
        }
        Ok(())
    }
}

/// θ of one coordinate from parameters that somebody else owns.
#[inline]
fn lent_theta<T: Real, Q: Family<T>>(params: &[&[T]], coordinate: usize) -> Q::Theta {
    let mut theta = Q::Theta::default();
    for (theta, values) in theta.as_mut().iter_mut().zip(params) {
        *theta = values[coordinate];
    }
    theta
}

/// `∂z/∂θ · dz` of one coordinate.
#[inline]
fn pulled_back<T: Real, Q: Quantile<T>>(family: &Q, tail: T, z: T, dz: T, theta: Q::Theta) -> Q::Theta {
    let mut gradient = family.quantile_gradient(Probability::from_tail(tail), z, theta);
    for g in gradient.as_mut() {
        *g *= dz;
    }
    gradient
}

impl<T: Real, Q: Quantile<T>> Distribution<T> for InverseCdf<T, Q> {
    fn dim(&self) -> usize {
        self.dim
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
        for row in z.chunks_exact_mut(self.dim()) {
            for (i, z) in row.iter_mut().enumerate() {
                *z = self.family.draw(self.theta(i), rng);
            }
        }
    }
}

impl<T: Real, Q: Quantile<T>> Reparameterizable<T> for InverseCdf<T, Q> {
    fn noise_dim(&self) -> usize {
        self.dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        for e in noise {
            *e = T::signed_tail(rng);
        }
    }

    #[inline]
    fn transform(&self, noise: &[T], z: &mut [T]) {
        for (i, (z, &e)) in z.iter_mut().zip(noise).enumerate() {
            *z = self.family.quantile(Probability::from_tail(e), self.theta(i));
        }
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], draws: DrawsMut<'_, T>) {
        if Q::DRAWS_DIRECTLY {
            noise.fill(T::nan());
            self.sample(rng, draws.z);
        } else {
            self.draw_noise(rng, noise);
            self.transform_block(noise, draws);
        }
    }

    #[inline]
    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.write(
            dtheta,
            |i| self.theta(i),
            |i, theta| pulled_back(&self.family, noise[i], z[i], dz[i], theta),
        );
    }
}

impl<T: Real, Q: Quantile<T>> UniformNoise<T> for InverseCdf<T, Q> {
    /// The noise is the uniforms.
    fn noise_from_uniforms(&self, _noise: &mut [T]) {}

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real, Q: Quantile<T>> Conditional<T> for InverseCdf<T, Q> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        for (i, (z, &e)) in z.iter_mut().zip(noise).enumerate() {
            *z = self.family.quantile(Probability::from_tail(e), lent_theta::<T, Q>(params, i));
        }
    }

    fn pullback_with(&self, params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.write(
            dtheta,
            |i| lent_theta::<T, Q>(params, i),
            |i, theta| pulled_back(&self.family, noise[i], z[i], dz[i], theta),
        );
    }
}

impl<T: Real, Q: Quantile<T> + DensityGradient<T>> LogDensity<T> for InverseCdf<T, Q> {
    fn log_prob(&self, z: &[T]) -> T {
        let mut sum = T::zero();
        for (i, &z) in z.iter().enumerate() {
            let term = self.family.log_density(z, self.theta(i));
            // One coordinate outside the support is enough, whatever the others are (even if one has an
            // infinite density).
            if term == T::neg_infinity() {
                return term;
            }
            sum += term;
        }
        sum
    }

    #[inline]
    fn score(&self, z: &[T], score: &mut [T]) {
        self.write(score, |i| self.theta(i), |i, theta| self.family.score(z[i], theta));
    }
}

/// Each coordinate is a step.
impl<T: Real, Q: Quantile<T> + DensityGradient<T>> Sequential<T> for InverseCdf<T, Q> {
    fn steps(&self) -> usize {
        self.dim()
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        let score = self.family.score(z[step], self.theta(step));
        for (place, &score) in score.as_ref().iter().enumerate() {
            gradient[place * self.dim + step] += weight * score;
        }
    }
}

impl<T: Real, Q: Quantile<T> + DensityGradient<T>> DifferentiableLogDensity<T> for InverseCdf<T, Q> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        for (i, (dz, &z)) in dz.iter_mut().zip(z).enumerate() {
            *dz = self.family.log_density_gradient(z, self.theta(i));
        }
    }

    fn covers_space(&self) -> bool {
        Q::COVERS_LINE
    }
}

impl<T: Real, Q: Quantile<T> + ClosedEntropy<T>> Entropy<T> for InverseCdf<T, Q> {
    fn entropy(&self) -> T {
        (0..self.dim()).map(|i| self.family.entropy(self.theta(i))).sum()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        self.write(gradient, |i| self.theta(i), |_, theta| self.family.entropy_gradient(theta));
    }
}

impl<T: Real, Q: Quantile<T> + FamilyMoments<T>> MeanVariance<T> for InverseCdf<T, Q> {
    fn mean(&self, mean: &mut [T]) {
        for (i, mean) in mean.iter_mut().enumerate() {
            *mean = self.family.mean(self.theta(i));
        }
    }

    fn variance(&self, variance: &mut [T]) {
        for (i, variance) in variance.iter_mut().enumerate() {
            *variance = self.family.variance(self.theta(i));
        }
    }
}

impl<T: Real, Q: Quantile<T> + FamilyWeakDerivative<T>> WeakDerivative<T> for InverseCdf<T, Q> {
    fn weak_sides(&self, parameter: usize, coupling: Coupling) -> Option<WeakSides> {
        self.family.weak_sides(parameter / self.dim, coupling)
    }

    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        rng: &mut R,
    ) -> T {
        let (place, i) = (parameter / self.dim, parameter % self.dim);
        self.family.weak_pair(place, coupling, plus[i], self.theta(i), rng).write(i, plus, minus)
    }
}

impl<T: Real, Q: Quantile<T> + FamilyKl<T>> KlDivergence<T> for InverseCdf<T, Q> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        Ok((0..self.dim).map(|i| self.family.kl(self.theta(i), other.theta(i))).sum())
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        check_len("the gradient of the divergence", self.params.len(), dtheta.len())?;
        check_len("the gradient for the other distribution", self.params.len(), dother.len())?;
        if let Some(coordinate) = (0..self.dim).find(|&i| !self.family.covers(self.theta(i), other.theta(i)))
        {
            return Err(Error::NotCovered { coordinate });
        }
        for i in 0..self.dim {
            let (p, q) = self.family.kl_gradient(self.theta(i), other.theta(i));
            for (place, (&p, &q)) in p.as_ref().iter().zip(q.as_ref()).enumerate() {
                dtheta[place * self.dim + i] = p;
                dother[place * self.dim + i] = q;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claims two parameters, but has room for one.
    #[derive(Debug)]
    struct Misdeclared;

    impl Family<f64> for Misdeclared {
        type Theta = [f64; 1];
        fn parameters(&self) -> &'static [(&'static str, Domain)] {
            &[("mu", Domain::Real), ("scale", Domain::Positive)]
        }
    }

    impl Quantile<f64> for Misdeclared {
        fn quantile(&self, _: Probability<f64>, [mu]: [f64; 1]) -> f64 {
            mu
        }
        fn quantile_gradient(&self, _: Probability<f64>, _: f64, _: [f64; 1]) -> [f64; 1] {
            [1.0]
        }
    }

    #[test]
    fn a_family_that_contradicts_itself_is_refused() {
        let error = InverseCdf::from_quantile(Misdeclared, &[&[0.0], &[1.0]]).err();
        assert_eq!(error, Some(Error::Length { what: "the family's Theta".into(), expected: 2, found: 1 }));
    }
}
