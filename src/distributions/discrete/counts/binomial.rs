//! The binomial distribution.

use rand::{Rng, RngExt};
use rand_distr::Distribution as _;

use super::trial::Trial;
use super::{CountFamily, CountJump, CountKl, CountLaw, CountWeakDerivative, Counts};
use crate::distribution::{
    Coupling, FiniteFactors, FiniteSupport, WeakPair, WeakSides, count_outcomes, write_outcome,
};
use crate::distributions::scalar::inverse_cdf::Family;
use crate::error::{Error, check_len};
use crate::layout::Domain;
use crate::real::Real;

/// D independent binomial counts: how many of n trials succeed.
///
/// | | by [`from_logits`](Self::from_logits) | by [`from_probs`](Self::from_probs) |
/// | --- | --- | --- |
/// | θ | `logits` l (D finite numbers), `p = σ(l)` | `probs` p (D numbers strictly between 0 and 1) |
/// | fixed | `trials` n, D whole numbers from 1 to 2⁵³ | the same |
/// | mass | `p(k) = n!/(k! (n − k)!) pᵏ (1 − p)ⁿ⁻ᵏ`, k = 0 … n | the same |
/// | score | `k (1 − p) − (n − k) p` | `k/p − (n − k)/(1 − p)` |
/// | KL(p ‖ q) | `n (p ln(p/q) + (1 − p) ln((1 − p)/(1 − q)))` for the same trials | the same |
/// | mean, variance | np, np(1 − p) | the same |
/// | jump | `(n − k) p (f(k + 1) − f(k))` | `(n − k)/(1 − p) (f(k + 1) − f(k))` |
/// | weak derivative | `n p (1 − p)` times that for p | `∂p(k)/∂p = n (b(k − 1) − b(k))`, b of n − 1 trials |
///
/// Log-probability and score are exact to rounding at any finite logit, and the log-probability keeps its
/// digits for any number of trials. The coupled [weak derivative](crate::estimators::MeasureValued) flips
/// one randomly chosen trial of the n, and costs one more evaluation per coordinate. The entropy has no
/// closed form.
///
/// ```
/// use reparam::prelude::*;
///
/// let heads = Binomial::from_logits(&[10], &[0.0])?;
/// assert!((heads.log_prob(&[5.0]) - (252.0f64 / 1024.0).ln()).abs() < 1e-15);
/// assert_eq!(heads.log_prob(&[11.0]), f64::NEG_INFINITY);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Log-probability: Loader 2000, Fast and Accurate Computation of Binomial Probabilities.
pub type Binomial<T> = Counts<T, BinomialFamily>;

/// The scalar family behind [`Binomial`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinomialFamily {
    trials: Vec<u64>,
    by_logits: bool,
}

/// One binomial law.
#[derive(Debug, Clone, PartialEq)]
pub struct BinomialLaw {
    trials: f64,
    trial: Trial,
    /// Counts the rarer outcome: in all trials, and in all but one.
    rarer: [rand_distr::Binomial; 2],
}

impl<T: Real> Binomial<T> {
    /// From numbers of trials and logits of success, one of each per coordinate.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the lengths differ,
    /// [`Error::Option`] for a number of trials that is 0 or above 2⁵³, [`Error::NonFiniteParameter`].
    pub fn from_logits(trials: &[u64], logits: &[T]) -> Result<Self, Error> {
        Self::build(trials, logits, true)
    }

    /// From numbers of trials and probabilities of success, one of each per coordinate.
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::ParameterDomain`] for a probability that is not
    /// strictly between 0 and 1.
    pub fn from_probs(trials: &[u64], probs: &[T]) -> Result<Self, Error> {
        Self::build(trials, probs, false)
    }

    fn build(trials: &[u64], values: &[T], by_logits: bool) -> Result<Self, Error> {
        check_len("trials", values.len(), trials.len())?;
        if let Some(&wrong) = trials.iter().find(|n| !(1..=1 << 53).contains(*n)) {
            let expected = "a whole number from 1 to 2^53";
            return Err(Error::Option { option: "trials", value: wrong as f64, expected });
        }
        Self::from_family(BinomialFamily { trials: trials.to_vec(), by_logits }, &[values])
    }

    /// The numbers of trials.
    #[must_use]
    pub fn trials(&self) -> &[u64] {
        &self.family().trials
    }
}

impl<T: Real> Family<T> for BinomialFamily {
    type Theta = [T; 1];

    fn parameters(&self) -> &'static [(&'static str, Domain)] {
        if self.by_logits { &[("logits", Domain::Real)] } else { &[("probs", Domain::UnitInterval)] }
    }
}

impl<T: Real> CountFamily<T> for BinomialFamily {
    type Law = BinomialLaw;

    fn law(&self, coordinate: usize, [theta]: [T; 1]) -> BinomialLaw {
        let (trial, trials) = (Trial::new(theta.f64(), self.by_logits), self.trials[coordinate]);
        let rare = trial.p.p.min(trial.q.p);
        // A probability is in its domain: no other error is possible.
        let rarer = [trials, trials - 1].map(|n| {
            rand_distr::Binomial::new(n, rare).unwrap_or_else(|_| unreachable!("{rare} is a probability"))
        });
        BinomialLaw { trials: trials as f64, trial, rarer }
    }

    fn check_same(&self, other: &Self) -> Result<(), Error> {
        match self.trials.iter().zip(&other.trials).find(|(a, b)| a != b) {
            None => Ok(()),
            Some((_, &value)) => {
                let expected = "the number of trials of the other distribution";
                Err(Error::Option { option: "trials", value: value as f64, expected })
            }
        }
    }
}

impl BinomialLaw {
    /// A count in all trials, or in all but the last.
    fn count<R: Rng + ?Sized>(&self, all: bool, rng: &mut R) -> f64 {
        let n = if all { self.trials } else { self.trials - 1.0 };
        let rarer = self.rarer[usize::from(!all)].sample(rng) as f64;
        if self.trial.p.p <= self.trial.q.p { rarer } else { n - rarer }
    }
}

impl<T: Real> CountLaw<T> for BinomialLaw {
    type Theta = [T; 1];

    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> T {
        T::of(self.count(true, rng))
    }

    fn log_mass(&self, k: T) -> T {
        let (n, k) = (self.trials, k.f64());
        let rest = n - k;
        if rest < 0.0 {
            return T::neg_infinity();
        }
        T::of(self.trial.log_mass(n, k, rest))
    }

    fn score(&self, k: T) -> [T; 1] {
        let (k, rest) = (k.f64(), self.trials - k.f64());
        let (p, q) = (self.trial.p.p, self.trial.q.p);
        let by = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count / p };
        [T::of(match self.trial.by_logits {
            true => k * q - rest * p,
            false => by(k, p) - by(rest, q),
        })]
    }

    fn mean(&self) -> T {
        T::of(self.trials * self.trial.p.p)
    }

    fn variance(&self) -> T {
        T::of(self.trials * self.trial.p.p * self.trial.q.p)
    }
}

impl<T: Real> CountKl<T> for BinomialLaw {
    fn kl(&self, other: &Self) -> T {
        T::of(self.trials * self.trial.kl(&other.trial))
    }

    fn kl_gradient(&self, other: &Self) -> ([T; 1], [T; 1]) {
        let (own, others) = (&self.trial, &other.trial);
        // An impossible outcome contributes nothing, however large its log-ratio.
        let tilt = (own.p.ln - others.p.ln) - (own.q.ln - others.q.ln);
        let by_own = if own.slope() == 0.0 { 0.0 } else { self.trials * own.slope() * tilt };
        let excess = others.excess(own);
        let by_others = if others.by_logits { excess } else { excess / (others.p.p * others.q.p) };
        ([T::of(by_own)], [T::of(self.trials * by_others)])
    }
}

impl<T: Real> CountWeakDerivative<T> for BinomialLaw {
    fn weak_sides(_: usize, coupling: Coupling) -> Option<WeakSides> {
        Some(match coupling {
            Coupling::Coupled => WeakSides::AgainstDraw,
            Coupling::Independent => WeakSides::Pair,
        })
    }

    fn weak_pair<R: Rng + ?Sized>(&self, _: usize, coupling: Coupling, k: T, rng: &mut R) -> WeakPair<T> {
        let weight = T::of(self.trials * self.trial.slope());
        match coupling {
            Coupling::Independent => {
                let (plus, minus) = (self.count(false, rng) + 1.0, self.count(false, rng));
                WeakPair::pair(T::of(plus), T::of(minus), weight)
            }
            // Flips one of the n trials, which is a success in k of n cases.
            Coupling::Coupled if rng.random::<f64>() * self.trials < k.f64() => {
                WeakPair::against_draw(k - T::one(), -weight)
            }
            Coupling::Coupled => WeakPair::against_draw(k + T::one(), weight),
        }
    }
}

/// Each coordinate is a factor; its alternatives are the counts 0 … n.
impl<T: Real> FiniteFactors<T> for Binomial<T> {
    fn factors(&self) -> usize {
        self.laws.len()
    }

    fn alternatives(&self, factor: usize) -> usize {
        usize::try_from(self.family.trials[factor]).map_or(usize::MAX, |n| n.saturating_add(1))
    }

    fn choose(&self, factor: usize, alternative: usize, z: &mut [T]) {
        z[factor] = T::of(alternative as f64);
    }

    fn chosen(&self, factor: usize, z: &[T]) -> usize {
        z[factor].f64() as usize
    }

    fn log_mass(&self, factor: usize, alternative: usize) -> T {
        self.laws[factor].log_mass(T::of(alternative as f64))
    }

    fn add_score(&self, factor: usize, alternative: usize, weight: T, gradient: &mut [T]) {
        let [score] = self.laws[factor].score(T::of(alternative as f64));
        gradient[factor] += weight * score;
    }
}

impl<T: Real> FiniteSupport<T> for Binomial<T> {
    fn outcomes(&self) -> Option<usize> {
        count_outcomes(self)
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        write_outcome(self, index, z);
    }
}

impl<T: Real> CountJump<T> for BinomialLaw {
    /// A failure becomes a success.
    fn jump(&self, _: usize, k: T) -> Option<(T, T)> {
        let failures = self.trials - k.f64();
        let rate = if self.trial.by_logits { self.trial.p.p } else { self.trial.q.p.recip() };
        Some((k + T::one(), T::of(if failures == 0.0 { 0.0 } else { failures * rate })))
    }
}
