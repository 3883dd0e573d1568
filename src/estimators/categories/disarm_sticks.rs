//! Antithetic categories by stick breaking.

use rand::Rng;

use crate::distribution::Categories;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::objective::{Evaluator, Objective};
use crate::probability::Probability;
use crate::real::Real;
use crate::special::{log_sum_exp, sigmoid};

/// `DisARM` for categories: each row is drawn as a sequence of bits, "is it class k, given that it is none
/// before?", and the bits of two draws are antithetic.
///
/// With stick logits `φₖ = lₖ − ln Σ_{j>k} eˡʲ`, bits `bₖ = 1[u < σ(φₖ)]`, partners
/// `b̃ₖ = 1[1 − u < σ(φₖ)]`, and with z and z̃ the first classes whose bit is 1, the derivative with
/// respect to φₖ is
///
/// - `½ (f(z) − f(z̃)) (bₖ − b̃ₖ) max(p, 1 − p)` for k up to the end of the shorter sequence, as in
///   [`DisArm`](crate::estimators::DisArm);
/// - `½ (f − f′) (bₖ − p)` beyond that, where f and b belong to the longer sequence: the bit of the other
///   one is not used, and is integrated out;
/// - 0 beyond the longer sequence, where neither bit is used.
///
/// The chain rule then gives the derivative with respect to the logits.
///
/// - **Unbiased** for any objective.
/// - **Needs** [`Categories`] and an [`Objective`].
/// - **Costs** two evaluations of f and no score, whatever the number of classes and rows.
/// - **Variance** depends on the order of the classes, which is taken from the most to the least probable
///   in each row; with two classes the estimator is [`DisArm`](crate::estimators::DisArm). Compared with
///   two draws with a leave-one-out baseline, the variance is usually smaller, but not always: compare.
/// - **Use it** for rows of categories where you can afford only two evaluations.
///
/// Dong, Mnih & Tucker 2021, Coupled Gradient Estimators for Discrete Latent Variables, arXiv:2106.08056
/// (`DisARM-SB`).
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let rows = Categorical::from_logits(&[0.5, 0.0, -0.5, 0.2, 0.0, -0.2], 3)?;
/// let f = |z: &[f64]| (z[0] - 2.0 * z[1] + z[3] - z[5]).powi(2);
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let exact = Enumerate.estimate(&rows, &f, 2, &mut rng)?;
/// let estimate = DisArmSticks.estimate(&rows, &f, 20_000, &mut rng)?;
/// for i in 0..6 {
///     assert!((estimate.gradient()[i] - exact.gradient()[i]).abs() < 4.5 * estimate.standard_error()[i]);
/// }
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisArmSticks;

/// The sticks of one row.
#[derive(Debug, Clone, Copy)]
struct Sticks<'a, T> {
    /// Classes from the most to the least probable, as numbers.
    order: &'a [T],
    /// The signed tail of each stick's probability, in that order; the last one is 1.
    tails: &'a [T],
    /// The p of a stick is the probability of its class divided by that of itself and all later classes in
    /// the order; this is the logarithm of the probability of the later ones.
    ln_later: &'a [T],
}

impl<T: Real> Sticks<'_, T> {
    fn class(&self, place: usize) -> usize {
        self.order[place].to_usize().unwrap_or(0)
    }

    /// A draw and its partner, as places in the order. The bits follow from the tails of the uniforms,
    /// which are kept.
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R, uniforms: &mut [T]) -> [usize; 2] {
        let last = self.order.len() - 1;
        let mut places = [last; 2];
        for (place, tail) in uniforms.iter_mut().enumerate().take(last) {
            *tail = T::signed_tail(rng);
            for (found, tail) in places.iter_mut().zip([*tail, -*tail]) {
                if *found == last && self.bit(place, tail) {
                    *found = place;
                }
            }
            if places.iter().all(|&found| found < last) {
                break;
            }
        }
        places
    }

    fn bit(&self, place: usize, tail: T) -> bool {
        Probability::from_tail(tail).is_below(Probability::from_tail(self.tails[place]))
    }

    /// Adds the gradient with respect to the logits of a row, for the difference `f(z) − f(z̃)`.
    fn add(&self, places: [usize; 2], uniforms: &[T], difference: T, ln_probs: &[T], gradient: &mut [T]) {
        let last = self.order.len() - 1;
        let (shorter, longer) = (places[0].min(places[1]), places[0].max(places[1]).min(last - 1));
        let half = T::of(0.5) * difference;
        let number = |bit: bool| if bit { T::one() } else { T::zero() };
        for place in 0..=longer {
            let p = Probability::from_tail(self.tails[place]);
            let (bit, partner) = (self.bit(place, uniforms[place]), self.bit(place, -uniforms[place]));
            let by_stick = if place <= shorter {
                half * (number(bit) - number(partner)) * p.lower().max(p.upper())
            } else if places[0] > places[1] {
                half * if bit { p.upper() } else { -p.lower() }
            } else {
                -half * if partner { p.upper() } else { -p.lower() }
            };
            if by_stick.is_zero() {
                continue;
            }
            gradient[self.class(place)] += by_stick;
            for later in place + 1..=last {
                let class = self.class(later);
                gradient[class] -= by_stick * (ln_probs[class] - self.ln_later[place]).exp();
            }
        }
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for DisArmSticks
where
    T: Real,
    D: Categories<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let dim = distribution.dim();
        // The scratch space holds order, tails and logarithms of all rows; the noise of a gradient sample
        // holds its uniforms and both places.
        BlockShape::of_own_draws(2).with_noise(dim).with_scratch(3 * dim)
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, k) = (distribution.dim(), distribution.classes_per_row());
        let ln_probs = distribution.ln_probs();
        let (order, rest) = block.scratch.split_at_mut(dim);
        let (tails, ln_later) = rest.split_at_mut(dim);
        for row in 0..dim / k {
            let at = row * k..(row + 1) * k;
            prepare(&ln_probs[at.clone()], &mut order[at.clone()], &mut tails[at.clone()], &mut ln_later[at]);
        }
        let sticks = |row: usize| {
            let at = row * k..(row + 1) * k;
            Sticks { order: &order[at.clone()], tails: &tails[at.clone()], ln_later: &ln_later[at] }
        };
        block.z.fill(T::zero());
        for (pair, noise) in block.z.chunks_exact_mut(2 * dim).zip(block.noise.chunks_exact_mut(2 * dim)) {
            let (uniforms, places) = noise.split_at_mut(dim);
            places.fill(T::zero());
            uniforms.fill(T::zero());
            for row in 0..dim / k {
                let sticks = sticks(row);
                let found = sticks.draw(rng, &mut uniforms[row * k..(row + 1) * k]);
                for (side, place) in found.into_iter().enumerate() {
                    pair[side * dim + row * k + sticks.class(place)] = T::one();
                }
            }
        }
        objective.value_block(block.z, dim, block.values);
        let samples = block.z.chunks_exact(2 * dim).zip(block.noise.chunks_exact(2 * dim));
        let outputs = block.values.as_chunks().0.iter().zip(block.gradients.chunks_exact_mut(dim));
        for ((pair, noise), (&[value, partner], gradient)) in samples.zip(outputs) {
            gradient.fill(T::zero());
            for row in (0..dim / k).filter(|_| k > 1) {
                let at = row * k..(row + 1) * k;
                let sticks = sticks(row);
                let place = |side: usize| {
                    let hot = &pair[side * dim + row * k..][..k];
                    (0..k).find(|&place| hot[sticks.class(place)].is_one()).unwrap_or(k - 1)
                };
                let places = [place(0), place(1)];
                sticks.add(
                    places,
                    &noise[at.clone()],
                    value - partner,
                    &ln_probs[at.clone()],
                    &mut gradient[at],
                );
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }
}

/// Orders a row and finds the probabilities of its sticks.
fn prepare<T: Real>(ln_probs: &[T], order: &mut [T], tails: &mut [T], ln_later: &mut [T]) {
    let k = ln_probs.len();
    for (class, place) in order.iter_mut().enumerate() {
        *place = T::of(class as f64);
    }
    let ln = |class: &T| ln_probs[class.to_usize().unwrap_or(0)];
    order.sort_by(|a, b| ln(b).partial_cmp(&ln(a)).unwrap_or(std::cmp::Ordering::Equal));
    let mut later = T::neg_infinity();
    for place in (0..k).rev() {
        ln_later[place] = later;
        let own = ln(&order[place]);
        let logit = own - later;
        // An impossible class with nothing left after it is never reached: any bit will do.
        tails[place] = if logit.is_nan() || logit == T::infinity() {
            Probability::from_upper(T::zero()).tail()
        } else if logit <= T::zero() {
            sigmoid(logit)
        } else {
            -sigmoid(-logit)
        };
        later = log_sum_exp(&[own, later]);
    }
}

// Both members of a pair are draws.
