//! Independent choices among K categories.

use rand::Rng;

use crate::distribution::{
    Categories, Coupling, Distribution, Entropy, FiniteFactors, FiniteSupport, Jump, KlDivergence,
    LogDensity, MeanVariance, Relaxable, Sequential, WeakDerivative, WeakSides,
};
use crate::distribution::{count_outcomes, write_outcome};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::probability::Probability;
use crate::real::Real;
use crate::special::deviance;

/// Rows of independent categoricals over K categories, by their logits or by their probabilities. A draw is
/// one-hot rows, so one objective serves it and its relaxation
/// [`GumbelSoftmax`](crate::distributions::GumbelSoftmax).
///
/// | | by [`from_logits`](Self::from_logits) | by [`from_probs`](Self::from_probs) |
/// | --- | --- | --- |
/// | θ | `logits` l (finite), rows × K, `p = softmax(l)` | `probs` p, rows × K, positive, each row sums to 1 |
/// | log-probability | `Σ zₖ (lₖ − ln Σ eˡ)` | `Σ zₖ ln pₖ` |
/// | score | `zₖ − pₖ` | `zₖ/pₖ` (on the simplex only differences matter) |
/// | entropy gradient | `−pₖ (ln pₖ + H)` | `−ln pₖ − 1` |
/// | KL(p ‖ q) | `Σ pₖ ln(pₖ/qₖ)` | |
/// | its gradients | `pₖ (ln(pₖ/qₖ) − KL)`, `qₖ − pₖ` (row by row) | `ln(pₖ/qₖ) + 1`, `−pₖ/qₖ` |
/// | mean, variance | `pₖ`, `pₖ (1 − pₖ)` | |
/// | weak derivative | `∂p/∂lₖ = pₖ (δₖ − p)`: category k against the draw | `∂p/∂pₖ = δₖ`: category k alone |
///
/// The score is exact to rounding even where a probability is close to 1. A draw is a step function of
/// its noise, so there is no pathwise gradient: [`Pathwise`](crate::estimators::Pathwise) on it does not
/// compile, and the docs there say why.
///
/// ```
/// use reparam::prelude::*;
///
/// let p = Categorical::from_logits(&[0.0, 0.0, 2f64.ln()], 3)?;
/// assert!((p.log_prob(&[0.0, 0.0, 1.0]) - 0.5f64.ln()).abs() < 1e-15);
/// let mut score = [0.0; 3];
/// p.score(&[0.0, 0.0, 1.0], &mut score);
/// assert!(score.iter().zip([-0.25, -0.25, 0.5]).all(|(a, b)| (a - b).abs() < 1e-15));
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Categorical<T> {
    params: Vec<T>,
    classes: usize,
    by_logits: bool,
    layout: Layout,
    ln_probs: Vec<T>,
    probs: Vec<T>,
    /// 1 − p, from the other probabilities and not by subtraction.
    others: Vec<T>,
}

impl<T: Real> Categorical<T> {
    /// From rows of logits, K numbers per row.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without rows or with `classes` 0, [`Error::Length`] if the rows are not whole,
    /// [`Error::NonFiniteParameter`].
    pub fn from_logits(logits: &[T], classes: usize) -> Result<Self, Error> {
        Self::build(("logits", Domain::Real, logits), classes)
    }

    /// From rows of probabilities, K numbers per row.
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::ParameterDomain`] if a probability is not above
    /// 0 or a row does not sum to 1.
    pub fn from_probs(probs: &[T], classes: usize) -> Result<Self, Error> {
        Self::build(("probs", Domain::Simplex(classes), probs), classes)
    }

    fn build(part: (&'static str, Domain, &[T]), classes: usize) -> Result<Self, Error> {
        check_classes(part.0, part.2.len(), classes)?;
        let (layout, params) = Layout::coordinatewise(&[part])?;
        let zeros = vec![T::zero(); params.len()];
        let (ln_probs, probs, others) = (zeros.clone(), zeros.clone(), zeros);
        let by_logits = part.1 == Domain::Real;
        let mut categorical = Self { params, classes, by_logits, layout, ln_probs, probs, others };
        categorical.refresh();
        Ok(categorical)
    }

    /// K, the number of categories.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The probabilities, rows × K.
    #[must_use]
    pub fn probs(&self) -> &[T] {
        &self.probs
    }

    fn refresh(&mut self) {
        let k = self.classes;
        for row in (0..self.params.len()).step_by(k) {
            let params = &self.params[row..row + k];
            // Relative to the largest, so that the shares of huge, nearly equal logits keep their digits.
            let largest = params.iter().copied().fold(T::neg_infinity(), T::max);
            let total = params.iter().map(|&l| (l - largest).exp()).sum::<T>().ln();
            for i in row..row + k {
                self.ln_probs[i] =
                    if self.by_logits { self.params[i] - largest - total } else { self.params[i].ln() };
                self.probs[i] = if self.by_logits { self.ln_probs[i].exp() } else { self.params[i] };
            }
            let probs = &self.probs[row..row + k];
            for (i, other) in self.others[row..row + k].iter_mut().enumerate() {
                // Only a probability above one half can cancel, and at most one of them is.
                *other = if probs[i] < T::of(0.5) {
                    T::one() - probs[i]
                } else {
                    probs[..i].iter().chain(&probs[i + 1..]).copied().sum()
                };
            }
        }
    }
}

/// Whole rows of at least one class.
pub(crate) fn check_classes(what: &'static str, len: usize, classes: usize) -> Result<(), Error> {
    if classes == 0 {
        return Err(Error::EmptySupport { what: "a categorical with 0 classes" });
    }
    check_len(what, len.next_multiple_of(classes), len)
}

impl<T: Real> Distribution<T> for Categorical<T> {
    fn dim(&self) -> usize {
        self.params.len()
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
        z.fill(T::zero());
        for draw in z.chunks_exact_mut(self.dim()) {
            for (hot, probs) in draw.chunks_exact_mut(self.classes).zip(self.probs.chunks_exact(self.classes))
            {
                let mut u = Probability::from_tail(T::signed_tail(rng)).lower();
                // The last possible category takes the remainder left by rounding.
                let mut chosen = 0;
                for (k, &p) in probs.iter().enumerate() {
                    if p > T::zero() {
                        chosen = k;
                        if u < p {
                            break;
                        }
                        u -= p;
                    }
                }
                hot[chosen] = T::one();
            }
        }
    }
}

impl<T: Real> LogDensity<T> for Categorical<T> {
    /// −∞ for a row that is not one-hot.
    fn log_prob(&self, z: &[T]) -> T {
        let row = |(hot, ln_probs): (&[T], &[T])| {
            let mut found = None;
            for (&z, &ln_p) in hot.iter().zip(ln_probs) {
                if z.is_one() && found.is_none() {
                    found = Some(ln_p);
                } else if !z.is_zero() {
                    return T::neg_infinity();
                }
            }
            found.unwrap_or(T::neg_infinity())
        };
        z.chunks_exact(self.classes).zip(self.ln_probs.chunks_exact(self.classes)).map(row).sum()
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let terms = score.iter_mut().zip(z).zip(self.probs.iter().zip(&self.others));
        for ((score, hot), (&p, &others)) in terms {
            *score = match (self.by_logits, hot.is_one()) {
                (true, true) => others,
                (true, false) => -p,
                (false, true) => p.recip(),
                (false, false) => T::zero(),
            };
        }
    }
}

impl<T: Real> Categorical<T> {
    /// The entropy of each row, with its probabilities and their logarithms.
    fn entropies(&self) -> impl Iterator<Item = (T, &[T], &[T])> {
        let rows = self.probs.chunks_exact(self.classes).zip(self.ln_probs.chunks_exact(self.classes));
        rows.map(|(p, ln_p)| {
            // −p ln p is 0 at p = 0, its limit.
            let terms = p.iter().zip(ln_p).filter(|(p, _)| !p.is_zero());
            (terms.map(|(&p, &ln_p)| -p * ln_p).sum(), p, ln_p)
        })
    }
}

impl<T: Real> Entropy<T> for Categorical<T> {
    fn entropy(&self) -> T {
        self.entropies().map(|(entropy, ..)| entropy).sum()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        for (gradient, (entropy, p, ln_p)) in gradient.chunks_exact_mut(self.classes).zip(self.entropies()) {
            for ((gradient, &p), &ln_p) in gradient.iter_mut().zip(p).zip(ln_p) {
                *gradient = match self.by_logits {
                    true if p.is_zero() => T::zero(),
                    true => -p * (ln_p + entropy),
                    false => -ln_p - T::one(),
                };
            }
        }
    }
}

/// `p ln(p/q) − p + q`: its sum is the divergence, as p and q have the same sum, and no term is below 0.
/// Near p = q it keeps all its digits.
pub(crate) fn relative_entropy<T: Real>(p: T, ln_p: T, q: T, ln_q: T) -> T {
    let ratio = q / p;
    if p.is_zero() {
        q
    } else if ratio > T::of(0.5) && ratio < T::of(2.0) {
        p * T::of(deviance(q.f64() / p.f64()))
    } else {
        p * (ln_p - ln_q - T::one()) + q
    }
}

impl<T: Real> MeanVariance<T> for Categorical<T> {
    fn mean(&self, mean: &mut [T]) {
        mean.copy_from_slice(&self.probs);
    }

    fn variance(&self, variance: &mut [T]) {
        for (variance, (&p, &others)) in variance.iter_mut().zip(self.probs.iter().zip(&self.others)) {
            *variance = p * others;
        }
    }
}

impl<T: Real> Categorical<T> {
    fn check_shape(&self, other: &Self) -> Result<(), Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        check_len("a row of the other distribution", self.classes, other.classes)
    }

    /// `ln p − ln q` of a category and the terms of the divergence.
    fn term(&self, other: &Self, i: usize) -> (T, T) {
        let (ln_p, ln_q) = (self.ln_probs[i], other.ln_probs[i]);
        (ln_p - ln_q, relative_entropy(self.probs[i], ln_p, other.probs[i], ln_q))
    }
}

/// One of the two may be given by logits and the other by probabilities; each gradient is with respect to
/// the distribution's own parameters.
impl<T: Real> KlDivergence<T> for Categorical<T> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        self.check_shape(other)?;
        Ok((0..self.params.len()).map(|i| self.term(other, i).1).sum())
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        self.check_shape(other)?;
        check_len("the gradient of the divergence", self.params.len(), dtheta.len())?;
        check_len("the gradient for the other distribution", self.params.len(), dother.len())?;
        for start in (0..self.params.len()).step_by(self.classes) {
            let row = start..start + self.classes;
            let kl: T = row.clone().map(|i| self.term(other, i).1).sum();
            for i in row {
                let ((ratio, _), p, q) = (self.term(other, i), self.probs[i], other.probs[i]);
                dtheta[i] = match self.by_logits {
                    true if p.is_zero() => p,
                    true => p * (ratio - kl),
                    false => ratio + T::one(),
                };
                dother[i] = if other.by_logits { q - p } else { -p / q };
            }
        }
        Ok(())
    }
}

impl<T: Real> WeakDerivative<T> for Categorical<T> {
    fn weak_sides(&self, _: usize, _: Coupling) -> Option<WeakSides> {
        Some(if self.by_logits { WeakSides::AgainstDraw } else { WeakSides::Alone })
    }

    /// Given the draw, nothing is left to couple.
    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        _: Coupling,
        plus: &mut [T],
        _: &mut [T],
        _: &mut R,
    ) -> T {
        let start = parameter / self.classes * self.classes;
        plus[start..start + self.classes].fill(T::zero());
        plus[parameter] = T::one();
        if self.by_logits { self.probs[parameter] } else { T::one() }
    }
}

/// Any other category jumps to category k. With probabilities as parameters, this is the derivative along
/// `δₖ − p`, which stays on the simplex.
impl<T: Real> Jump<T> for Categorical<T> {
    fn jumps(&self, _: usize) -> bool {
        true
    }

    fn jump(&self, parameter: usize, z: &mut [T]) -> T {
        if z[parameter].is_one() {
            return T::zero();
        }
        let start = parameter / self.classes * self.classes;
        z[start..start + self.classes].fill(T::zero());
        z[parameter] = T::one();
        if self.by_logits { self.probs[parameter] } else { T::one() }
    }
}

impl<T: Real> FiniteFactors<T> for Categorical<T> {
    fn factors(&self) -> usize {
        self.params.len() / self.classes
    }

    fn alternatives(&self, _: usize) -> usize {
        self.classes
    }

    fn choose(&self, factor: usize, alternative: usize, z: &mut [T]) {
        let row = &mut z[factor * self.classes..][..self.classes];
        row.fill(T::zero());
        row[alternative] = T::one();
    }

    fn chosen(&self, factor: usize, z: &[T]) -> usize {
        let row = &z[factor * self.classes..][..self.classes];
        row.iter().position(T::is_one).unwrap_or(0)
    }

    fn log_mass(&self, factor: usize, alternative: usize) -> T {
        self.ln_probs[factor * self.classes + alternative]
    }

    fn add_score(&self, factor: usize, alternative: usize, weight: T, gradient: &mut [T]) {
        let start = factor * self.classes;
        let chosen = start + alternative;
        if self.by_logits {
            let own = self.probs[start..].iter().zip(&self.others[start..]);
            let row = gradient[start..start + self.classes].iter_mut();
            for (i, (g, (&p, &others))) in row.zip(own).enumerate() {
                *g += weight * if i == alternative { others } else { -p };
            }
        } else {
            gradient[chosen] += weight / self.probs[chosen];
        }
    }
}

/// Each row is a step.
impl<T: Real> Sequential<T> for Categorical<T> {
    fn steps(&self) -> usize {
        self.factors()
    }

    fn before(&self, step: usize) -> usize {
        step * self.classes
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        self.add_score(step, self.chosen(step, z), weight, gradient);
    }
}

impl<T: Real> FiniteSupport<T> for Categorical<T> {
    fn outcomes(&self) -> Option<usize> {
        count_outcomes(self)
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        write_outcome(self, index, z);
    }
}

impl<T: Real> Categories<T> for Categorical<T> {
    fn ln_probs(&self) -> &[T] {
        &self.ln_probs
    }
}

impl<T: Real> Relaxable<T> for Categorical<T> {
    fn classes(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn logit(&self, coordinate: usize) -> T {
        self.ln_probs[coordinate]
    }

    fn chain_logits(&self, gradients: &mut [T]) {
        if self.by_logits {
            return;
        }
        for row in gradients.chunks_exact_mut(self.params.len()) {
            for (g, &p) in row.iter_mut().zip(&self.probs) {
                *g /= p;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_logits_stay_finite_and_exact() {
        let p = Categorical::from_logits(&[1e38f32, -1e38, 0.0], 3).unwrap();
        assert_eq!(p.log_prob(&[1.0, 0.0, 0.0]), 0.0);
        assert_eq!(p.log_prob(&[0.0, 0.0, 1.0]), -1e38);
        let mut score = [f32::NAN; 3];
        p.score(&[1.0, 0.0, 0.0], &mut score);
        assert_eq!(score, [0.0; 3]);
        assert!(p.entropy().is_finite());

        let near_one = Categorical::from_logits(&[50.0, 0.0], 2).unwrap();
        let mut score = [f64::NAN; 2];
        near_one.score(&[1.0, 0.0], &mut score);
        let tiny = 1.0 / (1.0 + 50f64.exp());
        assert!((score[0] / tiny - 1.0).abs() < 1e-14 && (score[1] / tiny + 1.0).abs() < 1e-14);
    }

    #[test]
    fn huge_logits_that_are_alike_share_the_probability() {
        let p = Categorical::from_logits(&[1e38f32, -1e38, 1e38], 3).unwrap();
        assert_eq!(p.probs(), [0.5, 0.0, 0.5]);
        assert_eq!(p.log_prob(&[0.0, 0.0, 1.0]), 0.5f32.ln());
    }

    #[test]
    fn a_row_that_is_not_one_hot_has_no_probability() {
        let p = Categorical::from_logits(&[0.0, 0.0], 2).unwrap();
        for z in [[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [2.0, 0.0]] {
            assert_eq!(p.log_prob(&z), f64::NEG_INFINITY);
        }
    }

    #[test]
    fn rows_must_be_whole_and_have_classes() {
        let logits = [0.0; 5];
        let error = Categorical::from_logits(&logits, 3).unwrap_err();
        assert_eq!(error, Error::Length { what: "logits".into(), expected: 6, found: 5 });
        assert!(matches!(Categorical::from_logits(&logits, 0), Err(Error::EmptySupport { .. })));
        assert!(matches!(Categorical::<f64>::from_logits(&[], 3), Err(Error::EmptySupport { .. })));
    }
}
