//! Bits that depend on their neighbours.

use rand::Rng;

use crate::distribution::{
    Distribution, FiniteSupport, LogDensity, Sequential, count_outcomes, write_outcome,
};
use crate::distributions::discrete::bernoulli::Bernoulli;
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::probability::Probability;
use crate::real::Real;
use crate::special::{log_sigmoid, sigmoid};

/// A chain of D bits, each of which depends on the one before: bit i is 1 with probability
/// `σ(lᵢ + wᵢ bᵢ₋₁)`. The smallest example of bits that are not independent: an autoregressive model of
/// order 1, a Markov chain with two states.
///
/// | | |
/// | --- | --- |
/// | θ | `logits` l (D finite numbers), `couplings` w (D − 1 finite numbers, that of bit i + 1 to bit i at index i) |
/// | log-probability | `Σᵢ ln σ(lᵢ + wᵢ bᵢ₋₁)` for 1, `ln σ(−lᵢ − wᵢ bᵢ₋₁)` for 0 |
/// | score | `bᵢ − pᵢ` for lᵢ, that times `bᵢ₋₁` for wᵢ; pᵢ the probability given the bit before |
///
/// A draw, a log-probability and a score take time O(D). With D = 1 there are no couplings, and it is a
/// [`Bernoulli`]. Log-probability and score are exact to rounding at any finite `l + w`; where that sum
/// overflows, the bit is certain.
///
/// Estimators for independent bits ([`DisArm`](crate::estimators::DisArm),
/// [`Arms`](crate::estimators::Arms)) do not compile for it, and would be wrong. Those that need a score,
/// or a list of the support, work: [`ScoreFunction`](crate::estimators::ScoreFunction),
/// [`Vimco`](crate::estimators::Vimco), [`Enumerate`](crate::estimators::Enumerate),
/// [`UnorderedSet`](crate::estimators::UnorderedSet).
///
/// ```
/// use reparam::prelude::*;
///
/// let chain = BitChain::new(&[0.0, -2.0f64], &[4.0])?; // the second bit copies the first, mostly
/// let copied = chain.log_prob(&[1.0, 1.0]).exp() + chain.log_prob(&[0.0, 0.0]).exp();
/// assert!((copied - 1.0 / (1.0 + (-2f64).exp())).abs() < 1e-15);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// ```compile_fail
/// # use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// # use reparam::prelude::*;
/// let chain = BitChain::new(&[0.0, -2.0], &[4.0]).unwrap();
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// DisArm.estimate(&chain, &|b: &[f64]| b[0], 100, &mut rng); // its bits are not independent
/// ```
///
/// # References
/// Frey 1998, Graphical Models for Machine Learning and Digital Communication, ISBN 0-262-06202-X; Gregor,
/// Danihelka, Mnih, Blundell & Wierstra 2014, Deep autoregressive networks, arXiv:1310.8499.
#[derive(Debug, Clone, PartialEq)]
pub struct BitChain<T> {
    params: Vec<T>,
    bits: usize,
    layout: Layout,
    /// As many independent bits, to list the support.
    listed: Bernoulli<T>,
}

impl<T: Real> BitChain<T> {
    /// From D logits and the D − 1 couplings between them.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without bits, [`Error::Length`] for a wrong number of couplings,
    /// [`Error::NonFiniteParameter`].
    pub fn new(logits: &[T], couplings: &[T]) -> Result<Self, Error> {
        let bits = logits.len();
        let listed = Bernoulli::from_logits(&vec![T::zero(); bits])?;
        check_len("couplings", bits - 1, couplings.len())?;
        let layout = Layout::new(&[("logits", bits, Domain::Real), ("couplings", bits - 1, Domain::Real)]);
        let params = [logits, couplings].concat();
        layout.check(&params)?;
        Ok(Self { params, bits, layout, listed })
    }

    /// The logits l.
    #[must_use]
    pub fn logits(&self) -> &[T] {
        &self.params[..self.bits]
    }

    /// The couplings w.
    #[must_use]
    pub fn couplings(&self) -> &[T] {
        &self.params[self.bits..]
    }

    /// The logit of bit i given the bits before it.
    #[inline]
    fn logit(&self, i: usize, z: &[T]) -> T {
        let own = self.params[i];
        if i > 0 && z[i - 1].is_one() { own + self.params[self.bits + i - 1] } else { own }
    }

    /// `bᵢ − pᵢ`, p given the bit before.
    #[inline]
    fn residual(&self, i: usize, z: &[T]) -> T {
        let l = self.logit(i, z);
        if z[i].is_one() { sigmoid(-l) } else { -sigmoid(l) }
    }
}

impl<T: Real> Distribution<T> for BitChain<T> {
    fn dim(&self) -> usize {
        self.bits
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
        for row in z.chunks_exact_mut(self.bits) {
            for i in 0..self.bits {
                let l = self.logit(i, row);
                let p = Probability::from_sides(sigmoid(l), sigmoid(-l));
                let u = Probability::from_tail(T::signed_tail(rng));
                row[i] = if u.is_below(p) { T::one() } else { T::zero() };
            }
        }
    }
}

impl<T: Real> LogDensity<T> for BitChain<T> {
    /// −∞ for anything but zeros and ones.
    fn log_prob(&self, z: &[T]) -> T {
        let term = |i: usize| match z[i] {
            bit if bit.is_one() => log_sigmoid(self.logit(i, z)),
            bit if bit.is_zero() => log_sigmoid(-self.logit(i, z)),
            _ => T::neg_infinity(),
        };
        (0..self.bits).map(term).sum()
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let (logits, couplings) = score.split_at_mut(self.bits);
        for i in 0..self.bits {
            logits[i] = self.residual(i, z);
            if i > 0 {
                couplings[i - 1] = if z[i - 1].is_one() { logits[i] } else { T::zero() };
            }
        }
    }
}

/// Each bit is a step.
impl<T: Real> Sequential<T> for BitChain<T> {
    fn steps(&self) -> usize {
        self.bits
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        let score = weight * self.residual(step, z);
        gradient[step] += score;
        if step > 0 && z[step - 1].is_one() {
            gradient[self.bits + step - 1] += score;
        }
    }
}

impl<T: Real> FiniteSupport<T> for BitChain<T> {
    fn outcomes(&self) -> Option<usize> {
        count_outcomes(&self.listed)
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        write_outcome(&self.listed, index, z);
    }
}
