//! Rules over a noise source: a gradient sample as the mean over all points of the source.

use crate::distribution::{DrawsMut, Reparameterizable};
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockRng, BlockShape, ExplicitGradient, GradientEstimator, Statistics};
use crate::noise::NoiseSource;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;
use crate::vector::scatter;

/// Bytes that the rows of one gradient sample may take; a larger point set is made in parts. Like the
/// engine's tiles, the rows should stay in the second-level cache.
pub(crate) const ROWS_BYTES: usize = 64 << 10;

/// A rule whose gradient samples are functions of independent draws, no matter who made them: `over` lets
/// it take its noise from a [source](crate::noise).
///
/// [`Pathwise`](crate::estimators::Pathwise), [`ScoreFunction`](crate::estimators::ScoreFunction) (without
/// leave-one-out), [`Elbo`](crate::estimators::Elbo) and
/// [`ImportanceWeighted`](crate::estimators::ImportanceWeighted) are such rules.
pub trait DrawRule<T, D, F>: GradientEstimator<T, D, F>
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    /// Makes the gradient samples of a block whose draws are already made: `noise`, `z` and `preimage` are
    /// filled in. There are as many draws per gradient sample as [`shape`](GradientEstimator::shape) says,
    /// independent of each other.
    ///
    /// # Errors
    /// As [`gradient_samples`](GradientEstimator::gradient_samples).
    fn gradients_of_draws(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
    ) -> Result<(), Error>;

    /// Refuses options that are not valid where the points of a gradient sample depend on each other.
    ///
    /// # Errors
    /// As the rule documents. None by default.
    fn check_dependent_points(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A [rule](DrawRule) over the points of a [noise source](crate::noise): the mean of the rule's results at
/// `zᵢ = g(θ, εᵢ)`, i = 1 … n, is one gradient sample. Made by
/// [`Pathwise::over`](crate::estimators::Pathwise::over) and the `over` of other rules.
///
/// - **Unbiased** where the rule is, since every single point has the law of the noise.
/// - **Needs** a [`Reparameterizable`] distribution that the source can serve (most ask for
///   [`UniformNoise`](crate::UniformNoise)).
/// - **Costs** n times the rule, where n is the number of the source's points. They stream through fixed
///   buffers, however many there are.
/// - **Variance** is that of the mean over the points, which the source makes dependent: for smooth f of
///   few coordinates [`ScrambledSobol`](crate::noise::ScrambledSobol) lowers it almost as n⁻³, and
///   [`Antithetic`](crate::noise::Antithetic) removes the part that is odd in the noise. Scores gain less
///   from point sets than pathwise gradients do.
/// - A rule of K draws per gradient sample (an importance-weighted bound) takes K independent point sets,
///   one for each of its draws: the bound does not change.
/// - **Use it** for a precise gradient of an objective whose evaluation is cheap, or to compare two
///   gradients by [common random numbers](crate::noise::Replay).
///
/// Glasserman 2003, Monte Carlo Methods in Financial Engineering, chapters 4, 5 and 7,
/// doi:10.1007/978-0-387-21617-1; Buchholz, Wenzel & Mandt 2018, arXiv:1807.01604.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = LogNormal::new(&[0.0], &[0.5])?;
/// let f = (|z: &[f64]| z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 1.0; z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.over(ScrambledSobol::base2(10)).estimate(&normal, &f, 16, &mut rng)?;
/// let exact = 0.125f64.exp(); // E z = exp(μ + σ²/2), also its derivative for μ
/// assert!((estimate.gradient()[0] - exact).abs() < 4.0 * estimate.standard_error()[0]);
/// assert!(estimate.standard_error()[0] < 1e-3); // as many independent draws would give 5e-3
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// The score function over points, where f has no gradient, z is continuous, and f is cheap:
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[0.0], &[1.0])?;
/// let above = |z: &[f64]| if z[0] > 1.0 { 1.0 } else { 0.0 };
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut estimator = ScoreFunction::new().over(ScrambledSobol::base2(10));
/// let estimate = estimator.estimate(&normal, &above, 16, &mut rng)?;
/// let density = 0.241_970_724_519_143_37; // the exact derivative: the normal density at 1
/// assert!((estimate.gradient()[0] - density).abs() < 4.0 * estimate.standard_error()[0]);
/// assert!(estimate.standard_error()[0] < 1e-3);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// An error that names a draw counts from the first row in the buffers where the points do not all fit at
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Over<E, S> {
    rule: E,
    source: S,
}

impl<E, S> Over<E, S> {
    /// This rule over the points of this source.
    #[must_use]
    pub fn new(rule: E, source: S) -> Self {
        Self { rule, source }
    }

    /// The rule, with what it has learned.
    #[must_use]
    pub fn rule(&self) -> &E {
        &self.rule
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<T, D, F, E, S> GradientEstimator<T, D, F> for Over<E, S>
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    F: Objective<T> + ?Sized,
    E: DrawRule<T, D, F>,
    S: NoiseSource<T, D>,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let rule = self.rule.shape(distribution);
        let plan = self.plan(distribution, rule);
        let explicit_gradient = match rule.explicit_gradient {
            ExplicitGradient::Refused => ExplicitGradient::Refused,
            _ => ExplicitGradient::ByEstimator,
        };
        BlockShape {
            draws: plan.rows * rule.draws,
            evaluations: plan.points.saturating_mul(rule.evaluations),
            noise: distribution.noise_dim(),
            scratch: plan.scratch(rule.scratch),
            explicit_gradient,
            ..rule
        }
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        self.rule.check(distribution)?;
        self.rule.check_dependent_points()?;
        self.source.check(distribution)
    }

    fn check_objective(&self, distribution: &D, objective: &F) -> Result<(), Error> {
        self.rule.check_objective(distribution, objective)
    }

    /// Refuses an estimate of more gradient samples than the source has noise for.
    fn check_samples(&self, distribution: &D, samples: usize) -> Result<(), Error> {
        let sets = samples.saturating_mul(self.rule.shape(distribution).draws);
        match self.source.limit() {
            Some(limit) if limit < sets => check_len("stored noise (in gradient samples)", sets, limit),
            _ => Ok(()),
        }
    }

    fn update(&mut self, spent: Statistics<'_>) {
        self.rule.update(spent);
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let rule = self.rule.shape(distribution);
        let plan = self.plan(distribution, rule);
        let run = Run { over: self, distribution, objective, rule, plan };
        if plan.rows == plan.points { run.whole(block, rng) } else { run.in_parts(block, rng) }
    }
}

impl<E, S> Over<E, S> {
    fn plan<T, D>(&self, distribution: &D, rule: BlockShape) -> Plan
    where
        T: Real,
        D: Reparameterizable<T> + ?Sized,
        S: NoiseSource<T, D>,
    {
        let (dim, noise, params) =
            (distribution.dim(), distribution.noise_dim(), distribution.params().len());
        let draws = rule.draws.saturating_mul(noise + 2 * dim + distribution.preimage_dim() + 1);
        let row = draws.saturating_add(params).saturating_mul(size_of::<T>());
        let points = self.source.points();
        // An even number, for sources that make pairs.
        let most = (ROWS_BYTES / row).max(2) & !1;
        let rows = points.min(most);
        let sets = (most / rows.max(1)).max(1);
        let columns = if rule.draws > 1 { rows * noise } else { 0 };
        Plan { points, rows, sets, params, columns }
    }
}

/// How many rows are processed at a time.
#[derive(Debug, Clone, Copy)]
struct Plan {
    points: usize,
    /// Points of one gradient sample that are in the buffers at a time.
    rows: usize,
    /// Gradient samples that are processed at a time, where all of their points are in the buffers.
    sets: usize,
    params: usize,
    /// Noise of one of several draws, before it is copied to its place.
    columns: usize,
}

impl Plan {
    /// The rule's own scratch space, noise in columns, a gradient for every row, and sums over parts.
    fn scratch(self, rule: usize) -> usize {
        let rows = if self.rows < self.points { self.rows + 4 } else { self.sets * self.rows };
        rule + self.columns + rows * self.params
    }
}

/// What the making of a block needs.
struct Run<'a, E, S, D: ?Sized, F: ?Sized> {
    over: &'a Over<E, S>,
    distribution: &'a D,
    objective: Evaluator<'a, F>,
    rule: BlockShape,
    plan: Plan,
}

impl<E, S, D: ?Sized, F: ?Sized> Run<'_, E, S, D, F> {
    /// All points of a gradient sample fit: several gradient samples are one batch for the objective.
    fn whole<T>(&self, mut block: Block<'_, T>, rng: &mut BlockRng<'_>) -> Result<(), Error>
    where
        T: Real,
        D: Reparameterizable<T>,
        F: Objective<T>,
        E: DrawRule<T, D, F>,
        S: NoiseSource<T, D>,
    {
        let Plan { points, params, sets, .. } = self.plan;
        let gradients = std::mem::take(&mut block.gradients);
        let (scratch, rest) = std::mem::take(&mut block.scratch).split_at_mut(self.rule.scratch);
        let (columns, slopes) = rest.split_at_mut(self.plan.columns);
        let (samples, units, index) = (block.samples, block.samples * points, block.first);
        for start in (0..samples).step_by(sets) {
            let count = sets.min(samples - start);
            for set in start..start + count {
                let noise = block.units(units, set * points..(set + 1) * points).noise;
                for draw in 0..self.rule.draws {
                    let index = self.set_index(index + set as u64, draw);
                    let mut state = self.over.source.begin(self.distribution, index, rng);
                    self.fill(&mut state, draw, columns, noise, rng);
                }
            }
            let gradients = &mut gradients[start * params..(start + count) * params];
            let part = block.units(units, start * points..(start + count) * points);
            let objective = self.objective.range(start, count);
            if points == 1 {
                // Here each point counts as a gradient sample.
                self.gradients(objective, part.with_buffers(gradients, scratch))?;
                continue;
            }
            let slopes = &mut slopes[..count * points * params];
            self.gradients(objective, part.with_buffers(slopes, scratch))?;
            for (slopes, gradient) in
                slopes.chunks_exact(points * params).zip(gradients.chunks_exact_mut(params))
            {
                let (first, _) = slopes.split_at(params);
                sum_deviations(slopes, first, gradient);
                finish(gradient, first, points);
            }
        }
        Ok(())
    }

    /// The points of a gradient sample go through the buffers part by part.
    fn in_parts<T>(&self, mut block: Block<'_, T>, rng: &mut BlockRng<'_>) -> Result<(), Error>
    where
        T: Real,
        D: Reparameterizable<T>,
        F: Objective<T>,
        E: DrawRule<T, D, F>,
        S: NoiseSource<T, D>,
    {
        let Plan { points, rows, params, .. } = self.plan;
        let gradients = std::mem::take(&mut block.gradients);
        let (scratch, rest) = std::mem::take(&mut block.scratch).split_at_mut(self.rule.scratch);
        let (columns, rest) = rest.split_at_mut(self.plan.columns);
        let (slopes, rest) = rest.split_at_mut(rows * params);
        let (first, rest) = rest.split_at_mut(params);
        let (part_sum, rest) = rest.split_at_mut(params);
        let (sum, lost) = rest.split_at_mut(params);
        let (units, index) = (block.samples * rows, block.first);
        for (i, gradient) in gradients.chunks_exact_mut(params).enumerate() {
            let begin = |draw: usize, rng: &mut BlockRng<'_>| {
                self.over.source.begin(self.distribution, self.set_index(index + i as u64, draw), rng)
            };
            let mut state = begin(0, rng);
            let mut others: Vec<S::Sample> = (1..self.rule.draws).map(|draw| begin(draw, rng)).collect();
            let (mut first_value, mut value_sum) = (T::zero(), 0.0);
            sum.fill(T::zero());
            lost.fill(T::zero());
            let mut all_finite = true;
            for start in (0..points).step_by(rows) {
                let count = rows.min(points - start);
                let mut part = block.units(units, i * rows..i * rows + count);
                for (draw, state) in std::iter::once(&mut state).chain(&mut others).enumerate() {
                    self.fill(state, draw, columns, part.noise, rng);
                }
                let slopes = &mut slopes[..count * params];
                self.gradients(self.objective.sample(i), part.reborrow().with_buffers(slopes, scratch))?;
                if start == 0 {
                    first.copy_from_slice(&slopes[..params]);
                    first_value = part.values[0];
                }
                sum_deviations(slopes, first, part_sum);
                value_sum += part.values.iter().map(|&f| (f - first_value).f64()).sum::<f64>();
                all_finite = value_sum.is_finite() && part_sum.iter().all(|g| g.is_finite());
                if !all_finite {
                    break;
                }
                add_compensated(sum, lost, part_sum);
            }
            if all_finite {
                gradient.copy_from_slice(sum);
                finish(gradient, first, points);
                let draws = points * self.rule.draws;
                let values = block.units(units, i * rows..(i + 1) * rows).values;
                values.fill(T::of(first_value.f64() + value_sum / draws as f64));
            } else {
                // The buffers stay as they are for the engine's diagnosis: the wrong number is among their
                // rows.
                gradient.copy_from_slice(part_sum);
            }
        }
        Ok(())
    }

    /// The index of the source's point set for a draw of a gradient sample.
    fn set_index(&self, sample: u64, draw: usize) -> u64 {
        sample * self.rule.draws as u64 + draw as u64
    }

    /// Fills the next noise of one of the rule's draws.
    fn fill<T>(
        &self,
        state: &mut S::Sample,
        draw: usize,
        columns: &mut [T],
        noise: &mut [T],
        rng: &mut BlockRng<'_>,
    ) where
        T: Real,
        D: Reparameterizable<T>,
        S: NoiseSource<T, D>,
    {
        if self.rule.draws == 1 {
            return self.over.source.fill(self.distribution, state, noise, rng);
        }
        let width = self.distribution.noise_dim();
        let columns = &mut columns[..noise.len() / self.rule.draws];
        self.over.source.fill(self.distribution, state, columns, rng);
        scatter(columns, width, noise, self.rule.draws * width, draw * width);
    }

    /// Draws and gradients of rows whose noise has been filled in, with the explicit gradient of an
    /// objective that depends on θ.
    fn gradients<T>(&self, objective: Evaluator<'_, F>, mut part: Block<'_, T>) -> Result<(), Error>
    where
        T: Real,
        D: Reparameterizable<T>,
        F: Objective<T>,
        E: DrawRule<T, D, F>,
    {
        let draws = DrawsMut { z: part.z, preimage: part.preimage };
        self.distribution.transform_block(part.noise, draws);
        self.over.rule.gradients_of_draws(self.distribution, objective, part.reborrow())?;
        if let ExplicitGradient::OverDraws(own) = self.rule.explicit_gradient {
            part.add_explicit_gradients(objective, self.distribution.dim(), own);
        }
        Ok(())
    }
}

/// `Σ (row − first)`: a gradient that is the same at all points stays exact, and one that varies little
/// keeps its digits.
fn sum_deviations<T: Real>(rows: &[T], first: &[T], sum: &mut [T]) {
    sum.fill(T::zero());
    for row in rows.chunks_exact(first.len()) {
        for ((sum, &g), &first) in sum.iter_mut().zip(row).zip(first) {
            *sum += g - first;
        }
    }
}

/// Adds one part, and keeps what rounding loses: a point set may have 2³¹ points, and f32 has 24 bits
/// (Kahan 1965, doi:10.1145/363707.363723).
fn add_compensated<T: Real>(sum: &mut [T], lost: &mut [T], part: &[T]) {
    for ((sum, lost), &part) in sum.iter_mut().zip(lost).zip(part) {
        let corrected = part - *lost;
        let total = *sum + corrected;
        *lost = (total - *sum) - corrected;
        *sum = total;
    }
}

/// The mean from the sum of deviations.
fn finish<T: Real>(sum: &mut [T], first: &[T], points: usize) {
    let weight = T::of(points as f64).recip();
    for (g, &first) in sum.iter_mut().zip(first) {
        *g = first + *g * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_below_the_last_digit_of_their_sum_are_not_lost() {
        let (mut sum, mut lost) = ([16_777_216.0f32], [0.0]);
        for _ in 0..1024 {
            add_compensated(&mut sum, &mut lost, &[1.0]);
        }
        assert_eq!(sum, [16_778_240.0]); // a plain sum stays at 2²⁴
    }

    #[test]
    fn deviations_of_equal_rows_are_exactly_0() {
        let mut sum = [f64::NAN; 2];
        sum_deviations(&[0.1, 0.7, 0.1, 0.7, 0.1, 0.7], &[0.1, 0.7], &mut sum);
        assert_eq!(sum, [0.0, 0.0]);
        finish(&mut sum, &[0.1, 0.7], 3);
        assert_eq!(sum, [0.1, 0.7]);
    }
}
