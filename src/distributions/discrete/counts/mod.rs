//! Independent counts: any scalar family on the non-negative integers.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | the distribution `Counts` of any count family, and the traits of a family |
//! | `poisson`, `binomial`, `geometric`, `negative_binomial` | the families |
//! | `trial` | one trial that succeeds or fails, given by a logit or by a probability |

mod binomial;
mod geometric;
mod negative_binomial;
mod poisson;
mod trial;

use std::fmt::Debug;

use rand::Rng;

pub use binomial::{Binomial, BinomialFamily};
pub use geometric::{Geometric, GeometricFamily};
pub use negative_binomial::{NegativeBinomial, NegativeBinomialFamily};
pub use poisson::{Poisson, PoissonFamily};

use crate::distribution::{
    Coupling, Distribution, Jump, KlDivergence, LogDensity, MeanVariance, Sequential, WeakDerivative,
    WeakPair, WeakSides,
};
use crate::distributions::scalar::inverse_cdf::Family;
use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::real::Real;

/// A scalar family on the non-negative integers, held by [`Counts`].
pub trait CountFamily<T: Real>: Family<T> {
    /// One member of the family, with everything that is computed from its parameters once.
    type Law: CountLaw<T, Theta = Self::Theta>;

    /// The member with these parameters, at this coordinate; the coordinate matters only to a family with
    /// a fixed number per coordinate.
    fn law(&self, coordinate: usize, theta: Self::Theta) -> Self::Law;

    /// Refuses another member of the family to which no divergence is known: one that differs in a fixed
    /// number.
    ///
    /// # Errors
    /// As the family documents.
    fn check_same(&self, other: &Self) -> Result<(), Error> {
        let _ = other;
        Ok(())
    }
}

/// One law on the non-negative integers.
pub trait CountLaw<T: Real>: Clone + Debug {
    /// A derivative with respect to the parameters.
    type Theta: AsRef<[T]>;

    /// One draw.
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> T;

    /// `ln p(k)` for a whole number k ≥ 0; −∞ beyond the support.
    fn log_mass(&self, k: T) -> T;

    /// `∂ ln p(k)/∂θ` for k within the support.
    fn score(&self, k: T) -> Self::Theta;

    /// `E k`.
    fn mean(&self) -> T;

    /// `E (k − E k)²`.
    fn variance(&self) -> T;
}

/// A law with a known Kullback–Leibler divergence to other members of its family.
pub trait CountKl<T: Real>: CountLaw<T> {
    /// `KL(self ‖ other)`; ∞ where `other` does not cover `self`.
    fn kl(&self, other: &Self) -> T;

    /// Its gradients with respect to the parameters of both.
    fn kl_gradient(&self, other: &Self) -> (Self::Theta, Self::Theta);
}

/// A law whose derivative is a difference of two other laws; see [`WeakDerivative`].
pub trait CountWeakDerivative<T: Real>: CountLaw<T> {
    /// Which sides are drawn for the parameter at this index in the family's list; `None` if it has no
    /// weak derivative.
    fn weak_sides(place: usize, coupling: Coupling) -> Option<WeakSides>;

    /// One draw of both sides, given the draw k, for the parameter at this index in the family's list.
    fn weak_pair<R: Rng + ?Sized>(&self, place: usize, coupling: Coupling, k: T, rng: &mut R) -> WeakPair<T>;
}

/// A law for which the jump of a count is known when a parameter grows; see [`Jump`].
pub trait CountJump<T: Real>: CountLaw<T> {
    /// The count that k jumps to, and the weight of the jump, for the parameter at this index in the
    /// family's list; `None` if it is not known.
    fn jump(&self, place: usize, k: T) -> Option<(T, T)>;
}

/// D independent counts of one scalar family, each with its own parameters. A count is a whole number
/// held in a scalar, exact up to 2⁵³ in f64 and 2²⁴ in f32.
///
/// A count is a step function of its noise, so there is no pathwise gradient: use
/// [`ScoreFunction`](crate::estimators::ScoreFunction) or
/// [`MeasureValued`](crate::estimators::MeasureValued).
#[derive(Debug, Clone)]
pub struct Counts<T, F: CountFamily<T>>
where
    T: Real,
{
    family: F,
    params: Vec<T>,
    layout: Layout,
    laws: Vec<F::Law>,
}

impl<T: Real, F: CountFamily<T>> Counts<T, F> {
    /// From a family and one slice of values per parameter, with one value per coordinate.
    ///
    /// # Errors
    /// [`Error::Length`] if the number of slices is not that of the family's parameters or the slices
    /// differ in length, [`Error::EmptySupport`] without coordinates, [`Error::NonFiniteParameter`],
    /// [`Error::ParameterDomain`].
    pub fn from_family(family: F, values: &[&[T]]) -> Result<Self, Error> {
        let parameters = family.parameters();
        check_len("the family's Theta", parameters.len(), F::Theta::default().as_ref().len())?;
        check_len("the list of parameters", parameters.len(), values.len())?;
        let parts: Vec<_> =
            parameters.iter().zip(values).map(|(&(name, domain), &values)| (name, domain, values)).collect();
        let (layout, params) = Layout::coordinatewise(&parts)?;
        let mut counts = Self { family, params, layout, laws: Vec::new() };
        counts.refresh();
        Ok(counts)
    }

    /// The family.
    #[must_use]
    pub fn family(&self) -> &F {
        &self.family
    }

    /// The values of the parameter at this index in the family's list.
    fn values(&self, place: usize) -> &[T] {
        let dim = self.dim();
        &self.params[place * dim..(place + 1) * dim]
    }

    fn check_other(&self, other: &Self) -> Result<(), Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        self.family.check_same(&other.family)
    }

    fn refresh(&mut self) {
        let places = self.family.parameters().len();
        let dim = self.params.len() / places;
        self.laws.clear();
        for i in 0..dim {
            let mut theta = F::Theta::default();
            for (place, theta) in theta.as_mut().iter_mut().enumerate() {
                *theta = self.params[place * dim + i];
            }
            self.laws.push(self.family.law(i, theta));
        }
    }

    /// Writes one derivative per coordinate into a row that is laid out like θ.
    #[inline]
    fn write(&self, row: &mut [T], derivative: impl Fn(usize, &F::Law) -> F::Theta) {
        let dim = self.laws.len();
        for (i, law) in self.laws.iter().enumerate() {
            for (place, &d) in derivative(i, law).as_ref().iter().enumerate() {
                row[place * dim + i] = d;
            }
        }
    }
}

/// Whether it is a whole number, 0 or above.
fn is_count<T: Real>(k: T) -> bool {
    k >= T::zero() && k.is_finite() && k.fract().is_zero()
}

impl<T: Real, F: CountFamily<T>> Distribution<T> for Counts<T, F> {
    fn dim(&self) -> usize {
        self.laws.len()
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
        for row in z.chunks_exact_mut(self.laws.len()) {
            for (k, law) in row.iter_mut().zip(&self.laws) {
                *k = law.draw(rng);
            }
        }
    }
}

impl<T: Real, F: CountFamily<T>> LogDensity<T> for Counts<T, F> {
    /// −∞ for anything but whole numbers within the support.
    fn log_prob(&self, z: &[T]) -> T {
        let term = |(&k, law): (&T, &F::Law)| if is_count(k) { law.log_mass(k) } else { T::neg_infinity() };
        z.iter().zip(&self.laws).map(term).sum()
    }

    #[inline]
    fn score(&self, z: &[T], score: &mut [T]) {
        self.write(score, |i, law| law.score(z[i]));
    }
}

/// Each count is a step.
impl<T: Real, F: CountFamily<T>> Sequential<T> for Counts<T, F> {
    fn steps(&self) -> usize {
        self.dim()
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        let score = self.laws[step].score(z[step]);
        for (place, &score) in score.as_ref().iter().enumerate() {
            gradient[place * self.laws.len() + step] += weight * score;
        }
    }
}

impl<T: Real, F: CountFamily<T>> MeanVariance<T> for Counts<T, F> {
    fn mean(&self, mean: &mut [T]) {
        for (mean, law) in mean.iter_mut().zip(&self.laws) {
            *mean = law.mean();
        }
    }

    fn variance(&self, variance: &mut [T]) {
        for (variance, law) in variance.iter_mut().zip(&self.laws) {
            *variance = law.variance();
        }
    }
}

impl<T: Real, F: CountFamily<T, Law: CountKl<T>>> KlDivergence<T> for Counts<T, F> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        self.check_other(other)?;
        Ok(self.laws.iter().zip(&other.laws).map(|(p, q)| p.kl(q)).sum())
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        self.check_other(other)?;
        check_len("the gradient of the divergence", self.params.len(), dtheta.len())?;
        check_len("the gradient for the other distribution", self.params.len(), dother.len())?;
        self.write(dtheta, |i, law| law.kl_gradient(&other.laws[i]).0);
        self.write(dother, |i, law| law.kl_gradient(&other.laws[i]).1);
        Ok(())
    }
}

impl<T: Real, F: CountFamily<T, Law: CountWeakDerivative<T>>> WeakDerivative<T> for Counts<T, F> {
    fn weak_sides(&self, parameter: usize, coupling: Coupling) -> Option<WeakSides> {
        F::Law::weak_sides(parameter / self.laws.len(), coupling)
    }

    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        rng: &mut R,
    ) -> T {
        let (place, i) = (parameter / self.laws.len(), parameter % self.laws.len());
        self.laws[i].weak_pair(place, coupling, plus[i], rng).write(i, plus, minus)
    }
}

impl<T: Real, F: CountFamily<T, Law: CountJump<T>>> Jump<T> for Counts<T, F> {
    fn jumps(&self, parameter: usize) -> bool {
        self.laws[0].jump(parameter / self.laws.len(), T::zero()).is_some()
    }

    fn jump(&self, parameter: usize, z: &mut [T]) -> T {
        let (place, i) = (parameter / self.laws.len(), parameter % self.laws.len());
        match self.laws[i].jump(place, z[i]) {
            Some((to, weight)) if !weight.is_zero() => {
                z[i] = to;
                weight
            }
            _ => T::zero(),
        }
    }
}
