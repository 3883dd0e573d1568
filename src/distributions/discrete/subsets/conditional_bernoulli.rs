//! Bits conditioned on how many of them are 1.

use rand::{Rng, RngExt};

use super::layout_of;
use super::listing::{is_subset, subsets, write_subset};
use crate::distribution::{Distribution, FiniteSupport, LogDensity, MeanVariance};
use crate::error::Error;
use crate::layout::Layout;
use crate::real::Real;
use crate::special::log_add_exp;

/// A set of k of n items: independent bits, conditioned on k of them being 1.
///
/// | | |
/// | --- | --- |
/// | θ | `logits` l (n finite numbers), one per item |
/// | z | n numbers, k of them 1 and the others 0 |
/// | log-probability | `Σ zᵢ lᵢ − ln e_k(e^l)`, with the elementary symmetric polynomial of degree k |
/// | score | `zᵢ − πᵢ`, πᵢ the probability that item i is in the set |
/// | mean, variance | π, `π (1 − π)` |
///
/// Adding a number to all logits changes nothing. Two tables of `(n + 1)(k + 1)` logarithms are computed
/// when the parameters are set, in time O(n k). A draw and a score take time O(n): `1 − π` is also a sum
/// and not a difference. Sums of logits have the rounding error of the largest: logits beyond ±1e12 hide
/// the effect of the others.
///
/// ```
/// use reparam::prelude::*;
///
/// let pair = ConditionalBernoulli::new(&[2f64.ln(), 0.0, 0.0], 2)?;
/// assert!((pair.log_prob(&[1.0, 1.0, 0.0]) - 0.4f64.ln()).abs() < 1e-15); // 2 of 2 + 2 + 1
/// let mut inclusion = [0.0; 3];
/// pair.mean(&mut inclusion);
/// assert!((inclusion[0] - 0.8).abs() < 1e-15);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Chen & Liu 1997, Statistical applications of the Poisson-binomial and conditional Bernoulli
/// distributions, Statistica Sinica 7.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionalBernoulli<T> {
    params: Vec<T>,
    chosen: usize,
    layout: Layout,
    /// The logarithm of `e_r` of the items from i on, at index `i (k + 1) + r`.
    after: Vec<f64>,
    /// The logarithm of `e_k`.
    ln_total: f64,
    /// π and 1 − π.
    inclusion: Vec<(T, T)>,
}

/// A logit, clamped so that sums stay finite.
fn bounded<T: Real>(l: T) -> f64 {
    l.f64().clamp(-1e300, 1e300)
}

impl<T: Real> ConditionalBernoulli<T> {
    /// From one logit per item and the number k of items in a set.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without items, [`Error::NonFiniteParameter`], [`Error::Option`] for a k that
    /// is 0 or above the number of items.
    pub fn new(logits: &[T], chosen: usize) -> Result<Self, Error> {
        let (layout, params) = layout_of(logits, chosen, usize::MAX)?;
        let after = vec![f64::NEG_INFINITY; (params.len() + 1) * (chosen + 1)];
        let inclusion = vec![(T::zero(), T::zero()); params.len()];
        let mut set = Self { params, chosen, layout, after, ln_total: 0.0, inclusion };
        set.refresh();
        Ok(set)
    }

    /// k, the number of items in a set.
    #[must_use]
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    fn logit(&self, i: usize) -> f64 {
        bounded(self.params[i])
    }

    fn refresh(&mut self) {
        let (n, k) = (self.params.len(), self.chosen);
        let row = k + 1;
        self.after.fill(f64::NEG_INFINITY);
        self.after[n * row] = 0.0;
        for i in (0..n).rev() {
            for r in 0..=k {
                let with =
                    if r > 0 { self.logit(i) + self.after[(i + 1) * row + r - 1] } else { f64::NEG_INFINITY };
                self.after[i * row + r] = log_add_exp(self.after[(i + 1) * row + r], with);
            }
        }
        self.ln_total = self.after[k];
        // The same from the other end, one item at a time.
        let mut before = vec![f64::NEG_INFINITY; row];
        before[0] = 0.0;
        for (i, inclusion) in self.inclusion.iter_mut().enumerate() {
            let (l, after) = (bounded(self.params[i]), &self.after[(i + 1) * row..]);
            let split = |of: usize| {
                (0..=of).fold(f64::NEG_INFINITY, |sum, r| log_add_exp(sum, before[r] + after[of - r]))
            };
            let (with, without) = (l + split(k - 1), split(k));
            *inclusion = (T::of((with - self.ln_total).exp()), T::of((without - self.ln_total).exp()));
            for r in (1..row).rev() {
                before[r] = log_add_exp(before[r], before[r - 1] + l);
            }
        }
    }
}

impl<T: Real> Distribution<T> for ConditionalBernoulli<T> {
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
        let (n, row) = (self.params.len(), self.chosen + 1);
        for draw in z.chunks_exact_mut(n) {
            let mut left = self.chosen;
            for (i, z) in draw.iter_mut().enumerate() {
                // If as many items remain as are still to be chosen, all are chosen.
                let taken = left > 0 && {
                    let with = self.logit(i) + self.after[(i + 1) * row + left - 1];
                    left == n - i || rng.random::<f64>() < (with - self.after[i * row + left]).exp()
                };
                *z = if taken { T::one() } else { T::zero() };
                left -= usize::from(taken);
            }
        }
    }
}

impl<T: Real> LogDensity<T> for ConditionalBernoulli<T> {
    /// −∞ for anything but k ones among zeros.
    fn log_prob(&self, z: &[T]) -> T {
        if !is_subset(z, self.chosen) {
            return T::neg_infinity();
        }
        let chosen = self.params.iter().zip(z).filter(|(_, z)| z.is_one());
        T::of(chosen.map(|(&l, _)| bounded(l)).sum::<f64>() - self.ln_total)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        for ((score, z), &(with, without)) in score.iter_mut().zip(z).zip(&self.inclusion) {
            *score = if z.is_one() { without } else { -with };
        }
    }
}

impl<T: Real> MeanVariance<T> for ConditionalBernoulli<T> {
    fn mean(&self, mean: &mut [T]) {
        for (mean, &(with, _)) in mean.iter_mut().zip(&self.inclusion) {
            *mean = with;
        }
    }

    fn variance(&self, variance: &mut [T]) {
        for (variance, &(with, without)) in variance.iter_mut().zip(&self.inclusion) {
            *variance = with * without;
        }
    }
}

impl<T: Real> FiniteSupport<T> for ConditionalBernoulli<T> {
    fn outcomes(&self) -> Option<usize> {
        subsets(self.params.len(), self.chosen)
    }

    fn outcome(&self, index: usize, z: &mut [T]) {
        write_subset(self.params.len(), self.chosen, index, z);
    }
}
