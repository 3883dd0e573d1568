//! The Plackett–Luce distribution of rankings.

use rand::Rng;

use super::{draw_gumbels, layout_of, take_best};
use crate::distribution::{Distribution, FiniteSupport, LogDensity, Sequential};
use crate::error::Error;
use crate::layout::Layout;
use crate::real::Real;
use crate::scratch::with_scratch;
use crate::special::LogSum;

/// A ranking of n items, or its first k places: each place goes to one of the remaining items, with a
/// probability proportional to `e^l`.
///
/// | | |
/// | --- | --- |
/// | θ | `logits` l (n finite numbers), one per item |
/// | z | k whole numbers, the items in the order of their places, counted from 0 |
/// | log-probability | `Σᵢ l(zᵢ) − ln Σ e^l` over the items left at place i |
/// | score | of item j: `1[j is placed] − Σᵢ e^lⱼ / Σ e^l` over the places i that j was left for |
///
/// Drawn by the Gumbel top-k trick: the k largest of `l + Gumbel noise`, in order. A draw, a
/// log-probability and a score take time O(n k). The score is exact to rounding, except for cancellation
/// at an item that is nearly certain to get the next place. Finite logits of any size give neither NaN
/// nor a tie.
///
/// It is [`Sequential`], with one step per place. If the objective has terms that depend on early places
/// only, [`RewardToGo`](crate::estimators::RewardToGo) credits each place only with the terms that come
/// after it.
///
/// For the *set* of the first k, whatever their order, [`Subsets`](super::Subsets) has a score with less
/// variance.
///
/// ```
/// use reparam::prelude::*;
///
/// let podium = PlackettLuce::new(&[2f64.ln(), 0.0, 0.0])?;
/// assert!((podium.log_prob(&[0.0, 2.0, 1.0]) - 0.25f64.ln()).abs() < 1e-15); // 2/4 · 1/2 · 1
/// let winner = PlackettLuce::top(&[2f64.ln(), 0.0, 0.0], 1)?;
/// assert!((winner.log_prob(&[0.0]) - 0.5f64.ln()).abs() < 1e-15);
/// assert_eq!((podium.outcomes(), winner.outcomes()), (Some(6), Some(3)));
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Plackett 1975, doi:10.2307/2346567; Luce 1959, Individual Choice Behavior; Gumbel top-k: Kool, van Hoof
/// & Welling 2019, arXiv:1903.06059.
#[derive(Debug, Clone, PartialEq)]
pub struct PlackettLuce<T> {
    params: Vec<T>,
    places: usize,
    layout: Layout,
}

impl<T: Real> PlackettLuce<T> {
    /// Full rankings, from one logit per item.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without items, [`Error::NonFiniteParameter`].
    pub fn new(logits: &[T]) -> Result<Self, Error> {
        Self::top(logits, logits.len())
    }

    /// The first k places, from one logit per item.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::Option`] for a k that is 0 or above the number of items.
    pub fn top(logits: &[T], places: usize) -> Result<Self, Error> {
        // Without items, this is the error to report, not that k is 0.
        let (layout, params) = layout_of(logits, places, usize::MAX)?;
        Ok(Self { params, places, layout })
    }

    /// The item at a place, if it is one.
    fn item(&self, z: T) -> Option<usize> {
        let item = z.f64();
        (item >= 0.0 && item.fract() == 0.0 && item < self.params.len() as f64).then_some(item as usize)
    }

    /// Calls `visit` with each place's item and the items left for it. Returns false if z is not a
    /// ranking.
    fn places(&self, z: &[T], mut visit: impl FnMut(usize, &[bool])) -> bool {
        with_scratch(self.params.len(), true, |left: &mut [bool]| {
            for &z in z {
                let Some(item) = self.item(z).filter(|&item| left[item]) else { return false };
                visit(item, left);
                left[item] = false;
            }
            true
        })
    }

    /// The total weight of the remaining items.
    fn total(&self, left: &[bool]) -> LogSum {
        let logits = self.params.iter().zip(left).filter(|(_, left)| **left).map(|(l, _)| l.f64());
        logits.fold(LogSum::EMPTY, LogSum::with)
    }

    /// Adds the weighted score of one place, given the item that gets it.
    fn add_place_score(&self, item: usize, left: &[bool], weight: T, gradient: &mut [T]) {
        let all = self.total(left);
        for (j, (g, _)) in gradient.iter_mut().zip(left).enumerate().filter(|(_, (_, left))| **left) {
            if j != item {
                *g -= weight * T::of(all.log_share(self.params[j].f64()).exp());
            }
        }
        // 1 − p of the item that gets the place: the sum of the others, where the item is likely.
        let own = all.log_share(self.params[item].f64());
        let others = if own < -0.7 {
            1.0 - own.exp()
        } else {
            let others = (0..left.len()).filter(|&j| left[j] && j != item);
            others.map(|j| all.log_share(self.params[j].f64()).exp()).sum()
        };
        gradient[item] += weight * T::of(others);
    }
}

impl<T: Real> Distribution<T> for PlackettLuce<T> {
    fn dim(&self) -> usize {
        self.places
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
        with_scratch(self.params.len(), 0.0, |gumbels: &mut [f64]| {
            for row in z.chunks_exact_mut(self.places) {
                draw_gumbels(gumbels, rng);
                for z in row {
                    *z = T::of(take_best(&self.params, gumbels) as f64);
                }
            }
        });
    }
}

impl<T: Real> LogDensity<T> for PlackettLuce<T> {
    /// −∞ for anything but different items.
    fn log_prob(&self, z: &[T]) -> T {
        let mut total = 0.0;
        let is_ranking =
            self.places(z, |item, left| total += self.total(left).log_share(self.params[item].f64()));
        if is_ranking { T::of(total) } else { T::neg_infinity() }
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        score.fill(T::zero());
        self.places(z, |item, left| self.add_place_score(item, left, T::one(), score));
    }
}

/// Each place is a step, which knows the items in the places before it.
impl<T: Real> Sequential<T> for PlackettLuce<T> {
    fn steps(&self) -> usize {
        self.places
    }

    fn before(&self, step: usize) -> usize {
        step
    }

    /// Nothing if an item has two places or does not exist.
    fn add_step_score(&self, step: usize, z: &[T], weight: T, gradient: &mut [T]) {
        let mut place = 0;
        self.places(&z[..=step], |item, left| {
            if place == step {
                self.add_place_score(item, left, weight, gradient);
            }
            place += 1;
        });
    }

    fn sum_step_scores<'a, I>(&self, draws: I, gradient: &mut [T])
    where
        T: 'a,
        I: Iterator<Item = (&'a [T], &'a [T])> + Clone,
    {
        gradient.fill(T::zero());
        for (z, weights) in draws {
            let mut weights = weights.iter();
            self.places(z, |item, left| {
                let weight = weights.next().copied().unwrap_or_else(T::zero);
                self.add_place_score(item, left, weight, gradient);
            });
        }
    }
}

impl<T: Real> FiniteSupport<T> for PlackettLuce<T> {
    fn outcomes(&self) -> Option<usize> {
        let n = self.params.len();
        (0..self.places).try_fold(1usize, |all, i| all.checked_mul(n - i))
    }

    fn outcome(&self, mut index: usize, z: &mut [T]) {
        let n = self.params.len();
        with_scratch(n, true, |left: &mut [bool]| {
            for (place, z) in z.iter_mut().enumerate() {
                let of_these = n - place;
                let items = (0..n).filter(|&item| left[item]);
                let item = items.into_iter().nth(index % of_these).unwrap_or(0);
                index /= of_these;
                left[item] = false;
                *z = T::of(item as f64);
            }
        });
    }
}
