//! What the estimators over a noise source share: a gradient sample as the mean over all points of the source, streamed through a
//! fixed number of rows.

use rand::Rng;

use crate::distribution::Reparameterizable;
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockShape};
use crate::noise::NoiseSource;
use crate::objective::ParametricObjective;
use crate::real::Real;

/// Bytes that the rows of one gradient sample may take: a point set beyond that is made in parts. Like the engine's tiles they
/// should stay in the second-level cache.
pub(crate) const ROWS_BYTES: usize = 64 << 10;

/// The room for a gradient sample: as many rows as points, if they are few.
pub(crate) fn shape<T, D, S>(source: &S, distribution: &D, shape: BlockShape) -> BlockShape
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    S: NoiseSource<T, D> + ?Sized,
{
    let (dim, noise, params) = (distribution.dim(), distribution.noise_dim(), distribution.params().len());
    let row = (noise + 2 * dim + params + 1) * size_of::<T>();
    let points = source.points();
    // Even, for sources that make pairs.
    let rows = points.min((ROWS_BYTES / row).max(2) & !1);
    let parts = if rows < points { 4 * params } else { 0 };
    BlockShape { draws: rows, ..shape }
        .with_evaluations(points)
        .with_noise(noise)
        .with_scratch(rows * params + parts)
}

/// Refuses an estimate of more gradient samples than the source has noise for.
pub(crate) fn check_samples<T, D, S>(source: &S, samples: usize) -> Result<(), Error>
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    S: NoiseSource<T, D> + ?Sized,
{
    match source.limit() {
        Some(limit) if limit < samples => check_len("stored noise, in gradient samples,", samples, limit),
        _ => Ok(()),
    }
}

/// Rows of points with what the objective says there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    pub(crate) noise: &'a [T],
    pub(crate) z: &'a [T],
    pub(crate) values: &'a [T],
    pub(crate) dz: &'a [T],
}

/// Fills a block: `evaluate(noise, z, values, dz)` draws and evaluates rows, `differentiate(rows, gradients)` makes the gradient of each row.
pub(crate) fn gradient_samples<T, D, S, R>(
    source: &S,
    distribution: &D,
    block: Block<'_, T>,
    rng: &mut R,
    mut evaluate: impl FnMut(&[T], &mut [T], &mut [T], &mut [T]),
    mut differentiate: impl FnMut(Rows<'_, T>, &mut [T]),
) where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    S: NoiseSource<T, D> + ?Sized,
    R: Rng + ?Sized,
{
    let (dim, noise_dim, params) =
        (distribution.dim(), distribution.noise_dim(), distribution.params().len());
    let (points, rows) = (source.points(), block.values.len() / block.samples);
    let slopes = block.dz.len() / block.samples / rows;
    let begin = |i: usize, rng: &mut R| source.begin(distribution, block.first + i as u64, rng);
    if rows == points {
        // All points fit: the whole block is one batch for the objective.
        for (i, noise) in block.noise.chunks_exact_mut(rows * noise_dim).enumerate() {
            let mut sample = begin(i, rng);
            source.fill(distribution, &mut sample, noise, rng);
        }
        evaluate(block.noise, block.z, block.values, block.dz);
        if points == 1 {
            let Block { noise, z, values, dz, gradients, .. } = block;
            return differentiate(Rows { noise, z, values, dz }, gradients);
        }
        for (i, gradient) in block.gradients.chunks_exact_mut(params).enumerate() {
            let part = Rows {
                noise: &block.noise[i * rows * noise_dim..][..rows * noise_dim],
                z: &block.z[i * rows * dim..][..rows * dim],
                values: &block.values[i * rows..][..rows],
                dz: &block.dz[i * rows * slopes..][..rows * slopes],
            };
            differentiate(part, block.scratch);
            let (first, _) = block.scratch.split_at(params);
            sum_deviations(block.scratch, first, gradient);
            finish(gradient, first, points);
        }
        return;
    }

    let (scratch, rest) = block.scratch.split_at_mut(rows * params);
    let (first, rest) = rest.split_at_mut(params);
    let (part_sum, rest) = rest.split_at_mut(params);
    let (sum, lost) = rest.split_at_mut(params);
    for (i, gradient) in block.gradients.chunks_exact_mut(params).enumerate() {
        let mut sample = begin(i, rng);
        let noise = &mut block.noise[i * rows * noise_dim..][..rows * noise_dim];
        let z = &mut block.z[i * rows * dim..][..rows * dim];
        let values = &mut block.values[i * rows..][..rows];
        let dz = &mut block.dz[i * rows * slopes..][..rows * slopes];
        let (mut first_value, mut value_sum) = (T::zero(), 0.0);
        sum.fill(T::zero());
        lost.fill(T::zero());
        let mut all_finite = true;
        for start in (0..points).step_by(rows) {
            let count = rows.min(points - start);
            let noise = &mut noise[..count * noise_dim];
            let (z, values, dz) = (&mut z[..count * dim], &mut values[..count], &mut dz[..count * slopes]);
            source.fill(distribution, &mut sample, noise, rng);
            evaluate(noise, z, values, dz);
            let slopes = &mut scratch[..count * params];
            differentiate(Rows { noise, z, values, dz }, slopes);
            if start == 0 {
                first.copy_from_slice(&slopes[..params]);
                first_value = values[0];
            }
            sum_deviations(slopes, first, part_sum);
            value_sum += values.iter().map(|&f| (f - first_value).f64()).sum::<f64>();
            all_finite = value_sum.is_finite() && part_sum.iter().all(|g| g.is_finite());
            if !all_finite {
                break;
            }
            add_compensated(sum, lost, part_sum);
        }
        if all_finite {
            gradient.copy_from_slice(sum);
            finish(gradient, first, points);
            values.fill(T::of(first_value.f64() + value_sum / points as f64));
        } else {
            // The buffers stay as they are, for the engine's diagnosis: what went wrong is among their rows.
            gradient.copy_from_slice(part_sum);
        }
    }
}

/// Adds the explicit gradient at every z of some rows to the gradient of that row.
pub(crate) fn explicit<T, D, F>(distribution: &D, objective: &F) -> impl FnMut(&[T], &mut [T])
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    F: ParametricObjective<T> + ?Sized,
{
    let (dim, params) = (distribution.dim(), distribution.params().len());
    move |z, gradients| {
        for (z, gradient) in z.chunks_exact(dim).zip(gradients.chunks_exact_mut(params)) {
            objective.add_parameter_gradient(z, T::one(), gradient);
        }
    }
}

/// `Σ (row − first)`: a gradient that is the same at all points stays exactly that, and one that varies little keeps its digits.
fn sum_deviations<T: Real>(rows: &[T], first: &[T], sum: &mut [T]) {
    sum.fill(T::zero());
    for row in rows.chunks_exact(first.len()) {
        for ((sum, &g), &first) in sum.iter_mut().zip(row).zip(first) {
            *sum += g - first;
        }
    }
}

/// Adds one part, keeping what rounding loses: a point set may have 2³¹ points and f32 24 bits (Kahan 1965,
/// doi:10.1145/363707.363723).
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
