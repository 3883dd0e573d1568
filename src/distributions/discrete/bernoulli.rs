//! Independent bits.

use std::ops::Range;

use rand::Rng;

use crate::distribution::{
    Bits, Coupling, Distribution, Entropy, FiniteFactors, FiniteSupport, Jump, KlDivergence, LogDensity,
    MeanVariance, Relaxable, Sequential, WeakDerivative, WeakPair, WeakSides,
};
use crate::distribution::{count_outcomes, write_outcome};
use crate::distributions::discrete::categorical::relative_entropy;
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::probability::Probability;
use crate::real::Real;
use crate::special::{log_sigmoid, sigmoid};
use crate::vector::kernel;

/// D independent bits, 0 or 1, by their logits or by their probabilities.
///
/// | | by [`from_logits`](Self::from_logits) | by [`from_probs`](Self::from_probs) |
/// | --- | --- | --- |
/// | θ | `logits` l (finite), `p = σ(l)` | `probs` p, strictly between 0 and 1 |
/// | log-probability | `Σ ln σ(l)` for 1, `ln σ(−l)` for 0 | `Σ ln p` for 1, `ln(1 − p)` for 0 |
/// | score | `b − σ(l)` | `1/p` for 1, `−1/(1 − p)` for 0 |
/// | entropy gradient | `−l p (1 − p)` | `−ln(p/(1 − p))` |
/// | KL(p ‖ q) | `Σ p ln(p/q) + (1 − p) ln((1 − p)/(1 − q))` | |
/// | its gradients | `p (1 − p)(l_p − l_q)`, `q − p` | `l_p − l_q`, `(q − p)/(q (1 − q))`, l the logits |
/// | mean, variance | p, `p (1 − p)` | |
/// | weak derivative | `p (1 − p)` times that for p | `∂p/∂p = δ₁ − δ₀`: the bit against its opposite |
/// | jump, p ≤ ½ | `p (f(1) − f(0))` where it is 0 | `(f(1) − f(0))/(1 − p)` where it is 0 |
/// | jump, p > ½ | `(1 − p) (f(1) − f(0))` where it is 1 | `(f(1) − f(0))/p` where it is 1 |
///
/// Log-probability and score are exact to rounding at any finite logit: `1 − p` is never formed by
/// subtraction from a rounded p. A draw is a step function of its noise, so there is no pathwise gradient:
/// [`Pathwise`](crate::estimators::Pathwise) on it does not compile, and the docs there say why. Use
/// [`ScoreFunction`](crate::estimators::ScoreFunction), or relax the bits with
/// [`BinaryConcrete`](crate::distributions::BinaryConcrete).
///
/// ```
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.0, -800.0])?;
/// assert_eq!(bits.log_prob(&[1.0, 0.0]), 0.5f64.ln());
/// assert_eq!(bits.log_prob(&[1.0, 1.0]), 0.5f64.ln() - 800.0);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bernoulli<T> {
    params: Vec<T>,
    /// The signed tail of each p: exact where p is near 0 and where it is near 1.
    tails: Vec<T>,
    /// The score of each bit where it is 0, and where it is 1.
    scores: Vec<[T; 2]>,
    /// The smaller of p and 1 − p of each bit, in units of 2⁻⁶⁴, and the bit that has it.
    rare: Vec<(u64, T)>,
    by_logits: bool,
    layout: Layout,
}

impl<T: Real> Bernoulli<T> {
    /// From logits, one per bit.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without bits, [`Error::NonFiniteParameter`].
    pub fn from_logits(logits: &[T]) -> Result<Self, Error> {
        Self::build(("logits", Domain::Real, logits))
    }

    /// From probabilities of 1, one per bit.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without bits, [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for
    /// a probability that is not strictly between 0 and 1.
    pub fn from_probs(probs: &[T]) -> Result<Self, Error> {
        Self::build(("probs", Domain::UnitInterval, probs))
    }

    fn build(part: (&'static str, Domain, &[T])) -> Result<Self, Error> {
        let (layout, params) = Layout::coordinatewise(&[part])?;
        let by_logits = part.1 == Domain::Real;
        let rare = vec![(0, T::zero()); params.len()];
        let scores = vec![[T::zero(); 2]; params.len()];
        let mut bits = Self { tails: params.clone(), scores, rare, params, by_logits, layout };
        bits.refresh();
        Ok(bits)
    }

    fn refresh(&mut self) {
        for (tail, &x) in self.tails.iter_mut().zip(&self.params) {
            *tail = match self.by_logits {
                true if x <= T::zero() => sigmoid(x),
                true => -sigmoid(-x),
                false => Probability::from_lower(x).tail(),
            };
        }
        for (scores, &tail) in self.scores.iter_mut().zip(&self.tails) {
            let p = Probability::from_tail(tail);
            *scores = match self.by_logits {
                true => [-p.lower(), p.upper()],
                false => [-p.upper().recip(), p.lower().recip()],
            };
        }
        for (rare, &tail) in self.rare.iter_mut().zip(&self.tails) {
            let one = if Probability::from_tail(tail).in_lower_half() { T::one() } else { T::zero() };
            *rare = ((tail.f64().abs() * 2f64.powi(64)) as u64, one);
        }
    }

    fn probabilities(&self) -> impl Iterator<Item = Probability<T>> + '_ {
        self.tails.iter().map(|&tail| Probability::from_tail(tail))
    }

    /// The probability that each bit is 1.
    #[must_use]
    pub fn probs(&self) -> Vec<T> {
        self.probabilities().map(Probability::lower).collect()
    }
}

impl<T: Real> Distribution<T> for Bernoulli<T> {
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

    /// Each bit uses a word of random bits; probabilities are exact to 2⁻⁶⁴.
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        for row in z.chunks_exact_mut(self.dim()) {
            self.words(rng, row, |words, at, bits| rare_bits(words, &self.rare[at], bits));
        }
    }
}

impl<T: Real> Bernoulli<T> {
    /// Calls `run` for parts of a row with one word of random bits per bit, and with the position of the
    /// part in the row.
    fn words<R: Rng + ?Sized>(
        &self,
        rng: &mut R,
        row: &mut [T],
        mut run: impl FnMut(&[u8], Range<usize>, &mut [T]),
    ) {
        const WORDS: usize = 128;
        let mut bytes = [0; 8 * WORDS];
        for (part, bits) in row.chunks_mut(WORDS).enumerate() {
            let bytes = &mut bytes[..8 * bits.len()];
            rng.fill_bytes(bytes);
            run(bytes, part * WORDS..part * WORDS + bits.len(), bits);
        }
    }
}

kernel! {
    /// The rarer value where a word is below its probability, and the other value elsewhere.
    fn rare_bits<'a, T: Real>(bytes: &'a [u8], rare: &'a [(u64, T)], bits: &'a mut [T]) {
        for ((bit, word), &(threshold, value)) in bits.iter_mut().zip(bytes.as_chunks().0).zip(rare) {
            let other = T::one() - value;
            *bit = if u64::from_le_bytes(*word) < threshold { value } else { other };
        }
    }
}

kernel! {
    /// The same for the complemented words.
    fn rare_partners<'a, T: Real>(bytes: &'a [u8], rare: &'a [(u64, T)], bits: &'a mut [T]) {
        for ((bit, word), &(threshold, value)) in bits.iter_mut().zip(bytes.as_chunks().0).zip(rare) {
            let other = T::one() - value;
            *bit = if !u64::from_le_bytes(*word) < threshold { value } else { other };
        }
    }
}

impl<T: Real> LogDensity<T> for Bernoulli<T> {
    /// −∞ for anything but zeros and ones.
    fn log_prob(&self, z: &[T]) -> T {
        let term = |(&bit, (&x, p)): (&T, (&T, Probability<T>))| match (self.by_logits, bit.is_one()) {
            _ if !bit.is_one() && !bit.is_zero() => T::neg_infinity(),
            (true, true) => log_sigmoid(x),
            (true, false) => log_sigmoid(-x),
            (false, true) => p.ln_lower(),
            (false, false) => p.ln_upper(),
        };
        z.iter().zip(self.params.iter().zip(self.probabilities())).map(term).sum()
    }

    #[inline]
    fn score(&self, z: &[T], score: &mut [T]) {
        for ((score, &bit), &[zero, one]) in score.iter_mut().zip(z).zip(&self.scores) {
            *score = if bit.is_one() { one } else { zero };
        }
    }
}

impl<T: Real> Entropy<T> for Bernoulli<T> {
    fn entropy(&self) -> T {
        self.probabilities()
            .map(|p| {
                // −p ln p is 0 at p = 0, its limit.
                let term = |p: T, ln: T| if p.is_zero() { T::zero() } else { -p * ln };
                term(p.lower(), p.ln_lower()) + term(p.upper(), p.ln_upper())
            })
            .sum()
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        for ((gradient, &x), p) in gradient.iter_mut().zip(&self.params).zip(self.probabilities()) {
            *gradient = if self.by_logits { -x * p.lower() * p.upper() } else { -p.logit() };
        }
    }
}

impl<T: Real> MeanVariance<T> for Bernoulli<T> {
    fn mean(&self, mean: &mut [T]) {
        for (mean, p) in mean.iter_mut().zip(self.probabilities()) {
            *mean = p.lower();
        }
    }

    fn variance(&self, variance: &mut [T]) {
        for (variance, p) in variance.iter_mut().zip(self.probabilities()) {
            *variance = p.lower() * p.upper();
        }
    }
}

impl<T: Real> Bernoulli<T> {
    /// `ln p` and `ln(1 − p)` of each bit, finite for every logit.
    fn ln_probabilities(&self) -> impl Iterator<Item = (T, T)> + '_ {
        self.params.iter().zip(self.probabilities()).map(|(&x, p)| {
            if self.by_logits { (log_sigmoid(x), log_sigmoid(-x)) } else { (p.ln_lower(), p.ln_upper()) }
        })
    }

    /// The logit of each bit.
    fn logit(&self, i: usize) -> T {
        if self.by_logits { self.params[i] } else { Probability::from_tail(self.tails[i]).logit() }
    }
}

/// One of the two may be given by logits and the other by probabilities; each gradient is with respect to
/// the distribution's own parameters.
impl<T: Real> KlDivergence<T> for Bernoulli<T> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        let bits = self.probabilities().zip(self.ln_probabilities());
        let others = other.probabilities().zip(other.ln_probabilities());
        let terms = bits.zip(others).map(|((p, (ln_one, ln_zero)), (q, (ln_q_one, ln_q_zero)))| {
            relative_entropy(p.lower(), ln_one, q.lower(), ln_q_one)
                + relative_entropy(p.upper(), ln_zero, q.upper(), ln_q_zero)
        });
        Ok(terms.sum())
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        let len = self.params.len();
        check_len("the other distribution's parameters", len, other.params.len())?;
        check_len("the gradient of the divergence", len, dtheta.len())?;
        check_len("the gradient for the other distribution", len, dother.len())?;
        for (i, (p, q)) in self.probabilities().zip(other.probabilities()).enumerate() {
            let slope = |p: Probability<T>| p.lower() * p.upper();
            let odds = self.logit(i) - other.logit(i);
            dtheta[i] = if !self.by_logits {
                odds
            } else if slope(p).is_zero() {
                T::zero()
            } else {
                slope(p) * odds
            };
            // q − p from the more accurate sides.
            let off = if p.in_lower_half() { q.lower() - p.lower() } else { p.upper() - q.upper() };
            dother[i] = if other.by_logits { off } else { off / slope(q) };
        }
        Ok(())
    }
}

impl<T: Real> WeakDerivative<T> for Bernoulli<T> {
    fn weak_sides(&self, _: usize, _: Coupling) -> Option<WeakSides> {
        Some(WeakSides::AgainstDraw)
    }

    /// One side is the draw, whatever it is, and the other its opposite: nothing is left to couple.
    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        _: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        _: &mut R,
    ) -> T {
        let p = Probability::from_tail(self.tails[parameter]);
        let slope = if self.by_logits { p.lower() * p.upper() } else { T::one() };
        let opposite = T::one() - plus[parameter];
        let weight = if opposite.is_one() { slope } else { -slope };
        WeakPair::against_draw(opposite, weight).write(parameter, plus, minus)
    }
}

/// The likelier value of a bit jumps to the other: this has the least variance.
impl<T: Real> Jump<T> for Bernoulli<T> {
    fn jumps(&self, _: usize) -> bool {
        true
    }

    fn jump(&self, parameter: usize, z: &mut [T]) -> T {
        let p = Probability::from_tail(self.tails[parameter]);
        let up = p.in_lower_half();
        if z[parameter].is_one() == up {
            return T::zero();
        }
        z[parameter] = if up { T::one() } else { T::zero() };
        match (self.by_logits, up) {
            (true, true) => p.lower(),
            (true, false) => -p.upper(),
            (false, true) => p.upper().recip(),
            (false, false) => -p.lower().recip(),
        }
    }
}

impl<T: Real> FiniteFactors<T> for Bernoulli<T> {
    fn factors(&self) -> usize {
        self.params.len()
    }

    fn alternatives(&self, _: usize) -> usize {
        2
    }

    fn choose(&self, factor: usize, alternative: usize, z: &mut [T]) {
        z[factor] = if alternative == 1 { T::one() } else { T::zero() };
    }

    fn chosen(&self, factor: usize, z: &[T]) -> usize {
        usize::from(z[factor].is_one())
    }

    fn log_mass(&self, factor: usize, alternative: usize) -> T {
        let (x, p) = (self.params[factor], Probability::from_tail(self.tails[factor]));
        match (self.by_logits, alternative) {
            (true, 1) => log_sigmoid(x),
            (true, _) => log_sigmoid(-x),
            (false, 1) => p.ln_lower(),
            (false, _) => p.ln_upper(),
        }
    }

    fn add_score(&self, factor: usize, alternative: usize, weight: T, gradient: &mut [T]) {
        gradient[factor] += weight * self.scores[factor][usize::from(alternative == 1)];
    }
}

/// Each bit is a step.
impl<T: Real> Sequential<T> for Bernoulli<T> {
    fn steps(&self) -> usize {
        self.params.len()
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        self.add_score(step, self.chosen(step, z), weight, gradient);
    }
}

impl<T: Real> FiniteSupport<T> for Bernoulli<T> {
    fn outcomes(&self) -> Option<usize> {
        count_outcomes(self)
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        write_outcome(self, index, z);
    }
}

impl<T: Real> Bits<T> for Bernoulli<T> {
    fn probability(&self, bit: usize) -> Probability<T> {
        Probability::from_tail(self.tails[bit])
    }

    /// One word of random bits per pair.
    fn antithetic_pairs<R: Rng + ?Sized>(&self, rng: &mut R, bits: &mut [T], partners: &mut [T]) {
        let dim = self.params.len();
        for (row, partners) in bits.chunks_exact_mut(dim).zip(partners.chunks_exact_mut(dim)) {
            self.words(rng, row, |words, at, row| {
                rare_bits(words, &self.rare[at.clone()], row);
                rare_partners(words, &self.rare[at.clone()], &mut partners[at]);
            });
        }
    }
}

impl<T: Real> Relaxable<T> for Bernoulli<T> {
    fn classes(&self) -> Option<usize> {
        None
    }

    fn logit(&self, coordinate: usize) -> T {
        if self.by_logits { self.params[coordinate] } else { self.probability(coordinate).logit() }
    }

    fn chain_logits(&self, gradients: &mut [T]) {
        if self.by_logits {
            return;
        }
        for row in gradients.chunks_exact_mut(self.params.len()) {
            for (g, p) in row.iter_mut().zip(self.probabilities()) {
                *g /= p.lower() * p.upper();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_logits_of_f32_stay_finite() {
        let bits = Bernoulli::from_logits(&[1e38f32, -1e38, 0.0]).unwrap();
        let mut score = [f32::NAN; 3];
        bits.score(&[1.0, 0.0, 1.0], &mut score);
        assert_eq!(score, [0.0, 0.0, 0.5]);
        assert_eq!(bits.log_prob(&[1.0, 0.0, 1.0]), 0.5f32.ln());
        assert_eq!(bits.log_prob(&[0.0, 0.0, 1.0]), -1e38);
        assert!(bits.entropy().is_finite());
        bits.entropy_gradient(&mut score);
        assert_eq!(score, [0.0; 3]);
        let mut rng = rand::SeedableRng::seed_from_u64(1);
        bits.sample::<rand::rngs::Xoshiro256PlusPlus>(&mut rng, &mut score);
        assert_eq!(score[..2], [1.0, 0.0]);
    }
}
