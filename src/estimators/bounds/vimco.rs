//! The K-sample bound of importance weights, with separate credit for each sample.

use crate::distribution::{Draws, DrawsMut, LogDensity, score_of_draw};
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::options::check_draws;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;
use crate::special::log_sum_exp;

/// `VIMCO`: the gradient of the K-sample bound `E L̂`, `L̂ = ln (1/K) Σ w(zₖ)`, by
/// `Σⱼ (L̂ − L̂₋ⱼ) ∇_θ ln q_θ(zⱼ)`, where L̂₋ⱼ is L̂ with the weight of sample j replaced by a mean of the
/// other weights. The objective gives the log-weight `ln w(z)`.
///
/// If the weights depend on θ, `w = p(x, z)/q_θ(z)`, call [`with_log_joint`](Self::with_log_joint): the
/// objective then gives `ln p(x, z)`. The estimator subtracts ln q and adds its explicit gradient
/// `−Σ w̃ⱼ ∇_θ ln q_θ(zⱼ)`, with normalised weights w̃, once.
///
/// - **Unbiased** for the gradient of the bound, with either mean: L̂₋ⱼ does not contain sample j.
/// - **Needs** a [`LogDensity`] and an [`Objective`]. A parameter that moves the support is refused, as by
///   the [score function](crate::estimators::ScoreFunction). A log-weight of −∞ is an error.
/// - **Costs** K evaluations of the log-weight and K scores. The credits take time proportional to K.
/// - **Variance** falls with K, whereas that of the score function with the whole L̂ for every sample grows
///   with K: it credits each sample with the other K − 1. Neither mean is always the better.
/// - **Use it** for discrete latent variables under a multi-sample bound. The plain
///   [`ScoreFunction`](crate::estimators::ScoreFunction) of a log-weight gives the gradient of another
///   bound, that of one sample. For continuous z with a differentiable weight, pathwise gradients have a
///   lower variance.
///
/// The value of the estimate is the bound.
///
/// Mnih & Rezende 2016, arXiv:1602.06725; the bound: Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// // A latent bit: p(z = 1) = 0.8, p(x | z) = 0.9 or 0.2, so that ln p(x) = ln 0.76; q starts at ½.
/// let q = Bernoulli::from_logits(&[0.0])?;
/// let ln_joint = |z: &[f64]| if z[0] == 1.0 { (0.8f64 * 0.9).ln() } else { (0.2f64 * 0.2).ln() };
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut vimco = Vimco::new(5).with_log_joint();
/// let estimate = vimco.estimate(&q, &ln_joint, 4000, &mut rng)?;
/// assert!(estimate.value() < 0.76f64.ln()); // a lower bound
/// assert!(estimate.gradient()[0] > 0.0); // more mass on 1
/// assert_eq!(estimate.evaluations(), 20_000);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vimco {
    draws: usize,
    mean: WeightMean,
    log_joint: bool,
}

/// The mean of the other samples' weights that replaces the weight of one sample in [`Vimco`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightMean {
    /// The exponential of the mean log-weight.
    #[default]
    Geometric,
    /// The mean weight: `L̂₋ⱼ` is then the bound of the other samples alone.
    Arithmetic,
}

impl Vimco {
    /// The bound of K draws, with the geometric mean. Fewer than two draws are refused with
    /// [`Error::TooFewDraws`] before the first draw: there would be no other draw.
    #[must_use]
    pub fn new(draws: usize) -> Self {
        Self { draws, mean: WeightMean::Geometric, log_joint: false }
    }

    /// With another mean.
    #[must_use]
    pub fn with_mean(self, mean: WeightMean) -> Self {
        Self { mean, ..self }
    }

    /// With an objective that gives `ln p(x, z)`: the estimator subtracts `ln q_θ(z)`, and differentiates
    /// it. Do not subtract it in the objective too.
    #[must_use]
    pub fn with_log_joint(self) -> Self {
        Self { log_joint: true, ..self }
    }

    /// K, the number of draws of the bound.
    #[must_use]
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// Writes the factor of each sample's score, from the log-weights, and returns the bound.
    fn credit<T: Real>(&self, ln_weights: &[T], credits: &mut [T]) -> T {
        let ln = |n: usize| T::of((n as f64).ln());
        let k = ln_weights.len();
        // The largest weight, and the largest of the others: each sum is taken relative to its own largest
        // term.
        let heavier = |best: usize, i: usize| if ln_weights[i] > ln_weights[best] { i } else { best };
        let first = (1..k).fold(0, heavier);
        let top = ln_weights[first];
        let others = || ln_weights.iter().enumerate().filter(|(i, _)| *i != first).map(|(_, &w)| w);
        let second = others().fold(T::neg_infinity(), T::max);
        let rest: T = others().map(|w| (w - second).exp()).sum();
        let ln_rest = second + rest.ln();
        let beside: T = others().map(|w| (w - top).exp()).sum();
        let total = T::one() + beside;
        let ln_total = top + beside.ln_1p();
        let logs: T = ln_weights.iter().map(|&w| w - top).sum();
        for (j, (credit, &w)) in credits.iter_mut().zip(ln_weights).enumerate() {
            // ln of the sum of the other weights
            let ln_others = if j == first { ln_rest } else { top + (total - (w - top).exp()).ln() };
            let ln_replaced = match self.mean {
                // All K weights: the others and their geometric mean.
                WeightMean::Geometric => {
                    let mean = top + (logs - (w - top)) / T::of((k - 1) as f64);
                    ln_others + (mean - ln_others).exp().ln_1p() - ln(k)
                }
                WeightMean::Arithmetic => ln_others - ln(k - 1),
            };
            *credit = ln_total - ln(k) - ln_replaced;
            if self.log_joint {
                *credit -= (w - ln_total).exp();
            }
        }
        ln_total - ln(k)
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for Vimco
where
    T: Real,
    D: LogDensity<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_draws(self.draws)
            .with_scratch(self.draws + distribution.params().len())
            .with_explicit_gradient()
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        check_draws(self.draws)?;
        distribution.layout().check_score()
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, params, k) = (distribution.dim(), distribution.params().len(), self.draws);
        distribution.sample_block(rng, DrawsMut { z: block.z, preimage: block.preimage });
        let draws = Draws { z: &*block.z, preimage: &*block.preimage };
        objective.value_block(draws.z, dim, block.values);
        let (credits, score) = block.scratch.split_at_mut(k);
        let log_prob = &mut T::zero();
        let groups = draws.rows(k * dim).zip(block.values.chunks_exact_mut(k));
        for ((group, values), gradient) in groups.zip(block.gradients.chunks_exact_mut(params)) {
            gradient.fill(T::zero());
            if !values.iter().all(|w| w.is_finite()) {
                continue; // for the engine to find
            }
            if self.log_joint {
                for (value, draw) in values.iter_mut().zip(group.rows(dim)) {
                    distribution.log_prob_block(draw, std::slice::from_mut(log_prob));
                    *value -= *log_prob;
                }
            }
            let bound = self.credit(values, credits);
            for (draw, &credit) in group.rows(dim).zip(&*credits) {
                score_of_draw(distribution, draw, score);
                for (g, &s) in gradient.iter_mut().zip(&*score) {
                    *g += credit * s;
                }
            }
            if objective.depends_on_parameters() {
                // The explicit derivative of the bound: each draw counts with its weight.
                let total = log_sum_exp(values);
                for (z, &value) in group.z.chunks_exact(dim).zip(&*values) {
                    objective.add_parameter_gradient(z, (value - total).exp(), gradient);
                }
            }
            values.fill(bound);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{Distribution, FiniteSupport};
    use crate::distributions::Bernoulli;

    const LN_WEIGHTS: [f64; 4] = [-1.0, 0.5, -0.3, -2.0];

    /// The log-weight of two bits, listed as 00, 01, 10, 11.
    fn ln_weight(z: &[f64]) -> f64 {
        LN_WEIGHTS[2 * z[0] as usize + z[1] as usize]
    }

    /// Calls `visit` with the probability, the log-weights and the scores of every K-tuple of outcomes.
    fn every_tuple(
        q: &Bernoulli<f64>,
        k: usize,
        ln_weight: impl Fn(&[f64]) -> f64,
        mut visit: impl FnMut(f64, &[f64], &[[f64; 2]]),
    ) {
        for tuple in 0..4usize.pow(k as u32) {
            let (mut p, mut weights, mut scores) = (1.0, Vec::new(), Vec::new());
            for j in 0..k {
                let mut z = [0.0; 2];
                q.outcome(tuple / 4usize.pow(j as u32) % 4, &mut z);
                p *= q.log_prob(&z).exp();
                weights.push(ln_weight(&z));
                let mut score = [0.0; 2];
                q.score(&z, &mut score);
                scores.push(score);
            }
            visit(p, &weights, &scores);
        }
    }

    /// Bound, mean and variance of the gradient sample over all K-tuples.
    fn exact(
        q: &Bernoulli<f64>,
        vimco: Vimco,
        ln_weight: impl Fn(&[f64]) -> f64,
    ) -> (f64, [f64; 2], [f64; 2]) {
        let (mut bound, mut mean, mut square) = (0.0, [0.0; 2], [0.0; 2]);
        every_tuple(q, vimco.draws, ln_weight, |p, weights, scores| {
            let mut credits = vec![0.0; vimco.draws];
            bound += p * vimco.credit(weights, &mut credits);
            for i in 0..2 {
                let g: f64 = credits.iter().zip(scores).map(|(c, s)| c * s[i]).sum();
                mean[i] += p * g;
                square[i] += p * g * g;
            }
        });
        (bound, mean, [0, 1].map(|i| square[i] - mean[i] * mean[i]))
    }

    #[test]
    fn over_all_tuples_mean_and_variance_are_those_of_the_table() {
        let mut lines = include_str!("../../../tests/data/vimco_toy.csv").lines().skip(1);
        let mut rows = 0;
        while let (Some(first), Some(second)) = (lines.next(), lines.next()) {
            let row = |line: &str| line.split(',').skip(1).map(|x| x.parse().unwrap()).collect::<Vec<f64>>();
            let (first, second) = (row(first), row(second));
            let (k, q) = (first[0] as usize, Bernoulli::from_logits(&[first[2], second[2]]).unwrap());
            // The whole bound for every sample: the same mean with more variance.
            let (mut mean, mut square) = ([0.0; 2], [0.0; 2]);
            every_tuple(&q, k, ln_weight, |p, weights, scores| {
                let bound = (weights.iter().map(|w| w.exp()).sum::<f64>() / k as f64).ln();
                for i in 0..2 {
                    let g: f64 = scores.iter().map(|s| bound * s[i]).sum();
                    mean[i] += p * g;
                    square[i] += p * g * g;
                }
            });
            for (at, kind) in [(6, WeightMean::Geometric), (7, WeightMean::Arithmetic)] {
                let (bound, found, variance) = exact(&q, Vimco::new(k).with_mean(kind), ln_weight);
                for (i, row) in [&first, &second].into_iter().enumerate() {
                    assert!((bound - row[3]).abs() < 1e-14, "{bound}");
                    assert!((found[i] - row[4]).abs() < 1e-14, "{kind:?} {} {}", found[i], row[4]);
                    assert!((variance[i] - row[at]).abs() < 1e-13, "{kind:?} {} {}", variance[i], row[at]);
                    assert!((mean[i] - row[4]).abs() < 1e-14);
                    assert!((square[i] - mean[i] * mean[i] - row[5]).abs() < 1e-13);
                    assert!(variance[i] < 0.75 * row[5]);
                    rows += 1;
                }
            }
        }
        assert_eq!(rows, 12);
    }

    #[test]
    fn the_explicit_gradient_of_ln_q_is_there_exactly_once() {
        let bound_at = |logits: [f64; 2]| {
            let q = Bernoulli::from_logits(&logits).unwrap();
            let vimco = Vimco::new(3).with_log_joint();
            (exact(&q, vimco, |z| ln_weight(z) - q.log_prob(z)), q)
        };
        let logits = [0.7, -0.4];
        for mean in [WeightMean::Geometric, WeightMean::Arithmetic] {
            let (_, q) = bound_at(logits);
            let vimco = Vimco::new(3).with_mean(mean).with_log_joint();
            let (_, gradient, _) = exact(&q, vimco, |z| ln_weight(z) - q.log_prob(z));
            for i in 0..q.params().len() {
                let moved = |h: f64| {
                    let mut logits = logits;
                    logits[i] += h;
                    bound_at(logits).0.0
                };
                let slope = (8.0 * (moved(1e-3) - moved(-1e-3)) - (moved(2e-3) - moved(-2e-3))) / 12e-3;
                assert!((gradient[i] - slope).abs() < 1e-10, "{mean:?} {} {slope}", gradient[i]);
            }
        }
    }

    #[test]
    fn credits_stay_finite_at_extreme_weights() {
        for mean in [WeightMean::Geometric, WeightMean::Arithmetic] {
            let vimco = Vimco::new(3).with_mean(mean);
            for weights in [[0.0, -5000.0, -5000.0], [-1e300, 0.0, 1e300], [700.0, 800.0, 900.0], [2.0; 3]] {
                let mut credits = [f64::NAN; 3];
                let bound = vimco.credit(&weights, &mut credits);
                let largest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                assert!(
                    (bound - (largest - if weights[0] == weights[1] { 0.0 } else { 3f64.ln() })).abs()
                        < 1e-12
                );
                assert!(credits.iter().all(|c| c.is_finite()), "{credits:?}");
            }
            let mut credits = [f64::NAN; 3];
            vimco.credit(&[0.0, -5000.0, -5000.0], &mut credits);
            // This weight alone makes the bound: 5000 minus the logarithm of the number of the others.
            assert!((credits[0] - (5000.0 - 3f64.ln())).abs() < 1e-9, "{credits:?}");
            vimco.credit(&[2.0; 3], &mut credits);
            assert!(credits.iter().all(|c| c.abs() < 1e-15), "{credits:?}");
        }
    }
}
