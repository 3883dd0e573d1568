//! The relaxed categorical, on the simplex and in log space.

use rand::Rng;

use crate::distribution::{
    Conditional, DifferentiableLogDensity, Distribution, Draws, DrawsMut, LogDensity, Reparameterizable,
    UniformNoise,
};
use crate::distributions::discrete::categorical::check_classes;
use crate::error::Error;
use crate::layout::{Domain, Layout};
use crate::probability::Probability;
use crate::real::Real;
use crate::special::ln_1m_exp;
use crate::vector::{exp_in_place, fill_gumbel, kernel, largest, sum_of};

/// The space that a relaxed draw lives in: the simplex, or its logarithm. Sealed.
pub trait Space:
    Copy + Default + std::fmt::Debug + PartialEq + Send + Sync + 'static + sealed::Sealed
{
    /// Whether z holds log-probabilities.
    #[doc(hidden)]
    const LOG: bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::distributions::Simplex {}
    impl Sealed for crate::distributions::LogSimplex {}
}

/// Draws are probabilities that sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Simplex;

/// Draws are log-probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogSimplex;

impl Space for Simplex {
    const LOG: bool = false;
}

impl Space for LogSimplex {
    const LOG: bool = true;
}

/// Gumbel-Softmax, or the Concrete distribution: rows of K categories relaxed to the inside of the simplex
/// by a temperature τ.
///
/// | | |
/// | --- | --- |
/// | θ | `logits` l, rows × K finite numbers; with [`with_learned_temperature`](Concrete::with_learned_temperature) also `tau`, one number above 0 |
/// | noise | `g = −ln(−ln u)`, one Gumbel variate per category, from the open interval |
/// | transform | `x = softmax((l + g)/τ)`, computed in log space |
/// | pullback | `dlⱼ = xⱼ (vⱼ − v̄)/τ`, `dτ = −Σ xⱼ (vⱼ − v̄) yⱼ / τ` with `y = (l + g)/τ`, `v̄ = Σ xₖ vₖ` |
/// | density | `ln p(x) = ln Γ(K) + (K − 1) ln τ + Σ (lₖ − (τ + 1) ln xₖ) − K ln Σ exp(lₖ − τ ln xₖ)` |
/// | score | `∂lⱼ = 1 − K πⱼ`, `∂τ = (K − 1)/τ − Σ ln xₖ + K Σ πₖ ln xₖ` with `π = softmax(l − τ ln x)` |
/// | ∇_x ln p | `(K τ πₖ − τ − 1)/xₖ`, in the ambient coordinates |
///
/// As τ → 0 the draw becomes one-hot, as τ grows it becomes uniform. The category of its largest entry is
/// drawn from `softmax(l)` at any τ. **Through [`Pathwise`](crate::estimators::Pathwise) it is unbiased
/// for the relaxed objective `E[f(x)]`, and biased for the discrete `E[f(one-hot)]`**: the bias falls
/// with τ while the variance grows. Anneal with a [`TemperatureSchedule`](crate::TemperatureSchedule),
/// and report the discrete objective.
///
/// Draws and pullbacks are finite for τ from 1e-3 to 1e3 and logits up to ±1e4. A draw may round to
/// exactly 0 or 1; the density does not exist there (`log_prob` is −∞, and the estimators report the
/// score as non-finite). Where the density of a sharp draw is needed, as in a relaxed Kullback–Leibler
/// term, draw in log space: [`ExpConcrete`].
///
/// Jang, Gu & Poole 2017, arXiv:1611.01144; Maddison, Mnih & Teh 2017, arXiv:1611.00712.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let relaxed = GumbelSoftmax::new(&[0.0, 1.0, -1.0], 3, 0.5)?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut x = [0.0; 3];
/// relaxed.sample(&mut rng, &mut x);
/// assert!((x.iter().sum::<f64>() - 1.0).abs() < 1e-15);
/// # Ok::<(), reparam::Error>(())
/// ```
pub type GumbelSoftmax<T> = Concrete<T, Simplex>;

/// The Concrete distribution in log space: `y = ln x` of a [`GumbelSoftmax`] draw x.
///
/// | | |
/// | --- | --- |
/// | transform | `y = log_softmax((l + g)/τ)` |
/// | pullback | `dlⱼ = (vⱼ − xⱼ Σ v)/τ`, `dτ = −Σ (vⱼ − xⱼ Σ v) (lⱼ + gⱼ)/τ²` with `x = eʸ` |
/// | density | `ln p(y) = ln Γ(K) + (K − 1) ln τ + Σ (lₖ − τ yₖ) − K ln Σ exp(lₖ − τ yₖ)` on `Σ eʸ = 1` |
/// | score | `∂lⱼ = 1 − K πⱼ`, `∂τ = (K − 1)/τ − Σ yₖ + K Σ πₖ yₖ` with `π = softmax(l − τ y)` |
/// | ∇_y ln p | `τ (K πₖ − 1)` |
///
/// Everything is finite for τ from 1e-3 to 1e3 and logits up to ±1e4, where the probabilities themselves
/// underflow. θ and noise are those of [`GumbelSoftmax`]. Maddison, Mnih & Teh 2017, arXiv:1611.00712,
/// appendix C.3.
///
/// ```
/// use reparam::prelude::*;
///
/// let sharp = ExpConcrete::new(&[1e4f64, -1e4], 2, 1e-3)?;
/// let mut y = [0.0; 2];
/// sharp.transform(&[0.0, 0.0], &mut y);
/// assert_eq!(y, [0.0, -2e7]); // as a probability this would be 0
/// assert!(sharp.log_prob(&y).is_finite());
/// # Ok::<(), reparam::Error>(())
/// ```
pub type ExpConcrete<T> = Concrete<T, LogSimplex>;

/// A relaxed categorical on a [`Space`]. Use it through its aliases, [`GumbelSoftmax`] and
/// [`ExpConcrete`].
#[derive(Debug, Clone, PartialEq)]
pub struct Concrete<T, S> {
    /// The logits, then τ if it is a parameter.
    params: Vec<T>,
    tau: T,
    logits: usize,
    classes: usize,
    layout: Layout,
    space: S,
}

impl<T: Real, S: Space> Concrete<T, S> {
    /// From rows of logits, K per row, and a temperature that is held fixed (see
    /// [`set_temperature`](Self::set_temperature)).
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without rows or with `classes` 0, [`Error::Length`] if the rows are not whole,
    /// [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for a temperature that is not above 0.
    pub fn new(logits: &[T], classes: usize, temperature: T) -> Result<Self, Error> {
        check_classes("logits", logits.len(), classes)?;
        check_temperature(temperature)?;
        let (layout, params) = Layout::coordinatewise(&[("logits", Domain::Real, logits)])?;
        let logits = params.len();
        Ok(Self { params, tau: temperature, logits, classes, layout, space: S::default() })
    }

    /// Makes τ the last parameter, `tau`, with its own pullback and score.
    #[must_use]
    pub fn with_learned_temperature(mut self) -> Self {
        if !self.learns_temperature() {
            self.params.push(self.tau);
            self.layout = Layout::new(&[("logits", self.logits, Domain::Real), ("tau", 1, Domain::Positive)]);
        }
        self
    }

    fn learns_temperature(&self) -> bool {
        self.params.len() > self.logits
    }

    /// K, the number of categories.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The logits, rows × K.
    #[must_use]
    pub fn logits(&self) -> &[T] {
        &self.params[..self.logits]
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
        check_temperature(temperature)?;
        self.tau = temperature;
        if let Some(tau) = self.params.get_mut(self.logits) {
            *tau = temperature;
        }
        Ok(())
    }

    /// Turns noise into draws, in place and for any number of draws: the logits of one draw are used for
    /// each.
    #[inline(always)]
    fn relax(&self, logits: &[T], tau: T, z: &mut [T]) {
        let k = self.classes;
        let cool = tau.recip();
        for draw in z.chunks_exact_mut(logits.len()) {
            for (z, logits) in draw.chunks_exact_mut(k).zip(logits.chunks_exact(k)) {
                let largest = if k < WIDE {
                    let mut largest = T::neg_infinity();
                    for (z, &l) in z.iter_mut().zip(logits) {
                        *z += l;
                        largest = if *z > largest { *z } else { largest };
                    }
                    largest
                } else {
                    for (z, &l) in z.iter_mut().zip(logits) {
                        *z += l;
                    }
                    largest(z)
                };
                // Divided after the largest is subtracted: the order keeps digits at small temperatures.
                if cool.is_finite() {
                    for z in z {
                        *z = (*z - largest) * cool;
                    }
                } else {
                    for z in z {
                        *z = (*z - largest) / tau;
                    }
                }
            }
        }
        if S::LOG {
            for z in z.chunks_exact_mut(k) {
                let total = z.iter().map(|&y| y.exp()).sum::<T>().ln();
                for z in z {
                    *z -= total;
                }
            }
        } else {
            exp_in_place(z);
            for z in z.chunks_exact_mut(k) {
                let weight = sum_of(z, z, |x, _| x).recip();
                for z in z {
                    *z *= weight;
                }
            }
        }
    }

    /// Writes the derivatives for the logits and, if the slice has room for it, for τ.
    #[inline(always)]
    fn pull_rows(&self, (logits, tau): (&[T], T), noise: &[T], (z, dz): (&[T], &[T]), dtheta: &mut [T]) {
        let k = self.classes;
        let cool = tau.recip();
        let (dlogits, dtau) = dtheta.split_at_mut(self.logits);
        let rows = z.chunks_exact(k).zip(dz.chunks_exact(k));
        for ((z, v), slopes) in rows.zip(dlogits.chunks_exact_mut(k)) {
            if S::LOG {
                let total = sum_of(v, v, |v, _| v);
                for ((slope, &y), &v) in slopes.iter_mut().zip(z).zip(v) {
                    *slope = (v - y.exp() * total) * cool;
                }
            } else {
                let rough = sum_of(z, v, |x, v| x * v);
                // v̄ is close to v of a category that is nearly certain: the part lost to rounding is
                // added back.
                let rest = sum_of(z, v, |x, v| x * (v - rough));
                for ((slope, &x), &v) in slopes.iter_mut().zip(z).zip(v) {
                    *slope = x * ((v - rough) - rest) * cool;
                }
            }
        }
        if let [dtau] = dtau {
            *dtau = T::zero();
            let rows = logits.chunks_exact(k).zip(noise.chunks_exact(k));
            for ((logits, noise), slopes) in rows.zip(dlogits.chunks_exact(k)) {
                // The slopes of a row sum to 0, so heights can be measured from the largest one, near
                // which they are small.
                let heights = || logits.iter().zip(noise).map(|(&l, &g)| l + g);
                let summit = heights().fold(T::neg_infinity(), T::max);
                for (height, &slope) in heights().zip(slopes) {
                    *dtau -= slope * ((height - summit) * cool);
                }
            }
        }
    }

    /// `ln x` of one coordinate of a draw.
    #[inline]
    fn in_log(z: T) -> T {
        if S::LOG { z } else { z.ln() }
    }

    /// For one row: the logits, `ln Σ exp(lₖ − τ yₖ)` and `Σ (lₖ − τ yₖ) − Σ yₖ` (the last sum on the
    /// simplex only).
    fn row_sums(&self, row: usize, z: &[T]) -> (&[T], T, T) {
        let logits = &self.params[row * self.classes..][..self.classes];
        let terms = || z.iter().zip(logits).map(|(&z, &l)| (l, Self::in_log(z)));
        let largest = terms().map(|(l, y)| l - self.tau * y).fold(T::neg_infinity(), T::max);
        let (mut total, mut sum) = (T::zero(), T::zero());
        for (l, y) in terms() {
            let a = l - self.tau * y;
            total += (a - largest).exp();
            sum += if S::LOG { a } else { a - y };
        }
        (logits, largest + total.ln(), sum)
    }

    /// Calls `visit(i, πᵢ, yᵢ)` for every coordinate, with π = softmax(l − τ y).
    fn visit_weights(&self, z: &[T], mut visit: impl FnMut(usize, T, T)) {
        for (row, z) in z.chunks_exact(self.classes).enumerate() {
            let (logits, total, _) = self.row_sums(row, z);
            for (i, (&z, &l)) in z.iter().zip(logits).enumerate() {
                let y = Self::in_log(z);
                visit(row * self.classes + i, (l - self.tau * y - total).exp(), y);
            }
        }
    }
}

kernel! {
    fn relax_block<'a, T: Real, S: Space>(relaxed: &'a Concrete<T, S>, z: &'a mut [T]) {
        relaxed.relax(&relaxed.params[..relaxed.logits], relaxed.tau, z);
    }
}

kernel! {
    fn pull_block<'a, T: Real, S: Space>(
        relaxed: &'a Concrete<T, S>,
        noise: &'a [T],
        z: &'a [T],
        dz: &'a [T],
        dtheta: &'a mut [T],
    ) {
        pull_block_plainly(relaxed, noise, z, dz, dtheta);
    }
}

#[inline(always)]
fn pull_block_plainly<T: Real, S: Space>(
    relaxed: &Concrete<T, S>,
    noise: &[T],
    z: &[T],
    dz: &[T],
    dtheta: &mut [T],
) {
    let dim = relaxed.logits;
    let rows = noise.chunks_exact(dim).zip(z.chunks_exact(dim)).zip(dz.chunks_exact(dim));
    for (((noise, z), dz), dtheta) in rows.zip(dtheta.chunks_exact_mut(relaxed.params.len())) {
        relaxed.pull_rows((&relaxed.params[..dim], relaxed.tau), noise, (z, dz), dtheta);
    }
}

/// The number of classes from which rows fill the widest vectors. On shorter rows, the prologue of the
/// vector code costs more than it saves (the bits are the same).
const WIDE: usize = 32;

fn check_temperature<T: Real>(temperature: T) -> Result<(), Error> {
    Layout::new(&[("tau", 1, Domain::Positive)]).check(&[temperature])
}

impl<T: Real, S: Space> Distribution<T> for Concrete<T, S> {
    fn dim(&self) -> usize {
        self.logits
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        if let Some(&tau) = params.get(self.logits) {
            self.tau = tau;
        }
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        fill_gumbel(rng, z);
        self.relax(self.logits(), self.tau, z);
    }
}

impl<T: Real, S: Space> Reparameterizable<T> for Concrete<T, S> {
    fn noise_dim(&self) -> usize {
        self.logits
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        fill_gumbel(rng, noise);
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        z.copy_from_slice(noise);
        self.relax(self.logits(), self.tau, z);
    }

    fn transform_block(&self, noise: &[T], draws: DrawsMut<'_, T>) {
        let z = draws.z;
        z.copy_from_slice(noise);
        if self.classes < WIDE {
            self.relax(self.logits(), self.tau, z);
        } else {
            relax_block(self, z);
        }
    }

    fn pullback_block(&self, noise: &[T], draws: Draws<'_, T>, dz: &[T], dtheta: &mut [T]) {
        if self.classes < WIDE {
            pull_block_plainly(self, noise, draws.z, dz, dtheta);
        } else {
            pull_block(self, noise, draws.z, dz, dtheta);
        }
    }

    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.pull_rows((self.logits(), self.tau), noise, (z, dz), dtheta);
    }
}

impl<T: Real, S: Space> UniformNoise<T> for Concrete<T, S> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        for g in noise {
            *g = -(-Probability::from_tail(*g).ln_lower()).ln();
        }
    }

    fn reflect(&self, noise: &mut [T]) {
        for g in noise {
            *g = reflected_gumbel(*g);
        }
    }
}

/// The Gumbel variate of 1 − u, where g is that of u: with `E = −ln u = e^(−g)` it is
/// `−ln(−ln(1 − e^(−E)))`.
fn reflected_gumbel<T: Real>(g: T) -> T {
    let e = (-g).exp();
    // There −ln(1 − e^(−E)) equals e^(−E) to the last digit, even where that underflows.
    if e > T::of(40.0) { e } else { -(-ln_1m_exp(-e)).ln() }
}

impl<T: Real, S: Space> Conditional<T> for Concrete<T, S> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        z.copy_from_slice(noise);
        match params {
            [logits] => self.relax(logits, self.tau, z),
            [logits, [tau]] => self.relax(logits, *tau, z),
            _ => {}
        }
    }

    fn pullback_with(&self, params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        match params {
            [logits] => self.pull_rows((logits, self.tau), noise, (z, dz), dtheta),
            [logits, [tau]] => self.pull_rows((logits, *tau), noise, (z, dz), dtheta),
            _ => {}
        }
    }
}

impl<T: Real, S: Space> LogDensity<T> for Concrete<T, S> {
    fn log_prob(&self, z: &[T]) -> T {
        // On the simplex, a coordinate that has rounded to 0 is on the boundary, where there is no
        // density.
        if !S::LOG && z.iter().any(|&x| x <= T::zero()) {
            return T::neg_infinity();
        }
        // ln Γ(K) = Σ ln j, as K is a whole number.
        let k = self.classes;
        let ln_gamma = (1..k).map(|j| (j as f64).ln()).sum::<f64>();
        let constant = T::of(ln_gamma) + T::of(k as f64 - 1.0) * self.tau.ln();
        let row = |(row, z)| {
            let (_, total, sum) = self.row_sums(row, z);
            constant + sum - T::of(k as f64) * total
        };
        z.chunks_exact(k).enumerate().map(row).sum()
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let k = T::of(self.classes as f64);
        let (dlogits, dtau) = score.split_at_mut(self.logits);
        let rows = T::of((self.logits / self.classes) as f64);
        let mut slope = rows * (k - T::one()) / self.tau;
        self.visit_weights(z, |i, pi, y| {
            let excess = T::one() - k * pi;
            dlogits[i] = excess;
            slope -= excess * y;
        });
        if let [dtau] = dtau {
            *dtau = slope;
        }
    }
}

impl<T: Real, S: Space> DifferentiableLogDensity<T> for Concrete<T, S> {
    /// In the ambient coordinates: the formula of the density is differentiated with respect to each
    /// coordinate separately.
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        let k = T::of(self.classes as f64);
        self.visit_weights(z, |i, pi, _| {
            let in_log = self.tau * (k * pi - T::one());
            dz[i] = if S::LOG { in_log } else { (in_log - T::one()) / z[i] };
        });
    }
}
