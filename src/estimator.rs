//! The estimator interface, and the engine that averages gradient samples.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::distribution::Distribution;
use crate::error::Error;
use crate::estimate::{GradientEstimate, Moments};
use crate::real::Real;

/// Gradient samples that share one generator, seeded from the caller's. It does not depend on anything but the number
/// of samples, so blocks can be made anywhere and merge to the same bits.
const BLOCK: usize = 256;

/// Bytes that the buffers of one tile of a block may take. They are written and read back within some tens of microseconds
/// and should stay in the second-level cache; smaller tiles measured slower, since each pass over a tile has a cost of its own.
const TILE_BYTES: usize = 128 << 10;

/// How much room one gradient sample of an estimator takes in a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BlockShape {
    /// Draws, and evaluations of the objective, in one gradient sample.
    pub draws: usize,
    /// Length of the noise of one draw; 0 if the estimator draws z directly.
    pub noise: usize,
    /// Whether the estimator needs `∂f/∂z`.
    pub objective_gradient: bool,
    /// Length of the scratch space, whatever the number of gradient samples.
    pub scratch: usize,
    /// Length of the sums that the estimator learns from.
    pub statistics: usize,
}

impl BlockShape {
    /// A gradient sample of this many draws that needs nothing else.
    #[must_use]
    pub fn of_draws(draws: usize) -> Self {
        Self { draws, ..Self::default() }
    }

    /// With noise of this length behind each draw.
    #[must_use]
    pub fn with_noise(self, noise: usize) -> Self {
        Self { noise, ..self }
    }

    /// With room for the objective's gradient.
    #[must_use]
    pub fn with_objective_gradient(self) -> Self {
        Self { objective_gradient: true, ..self }
    }

    /// With scratch space of this length.
    #[must_use]
    pub fn with_scratch(self, scratch: usize) -> Self {
        Self { scratch, ..self }
    }

    /// With this many sums to learn from.
    #[must_use]
    pub fn with_statistics(self, statistics: usize) -> Self {
        Self { statistics, ..self }
    }
}

/// The buffers that an estimator fills with gradient samples. All are row-major and hold `samples` gradient samples, each
/// of [`BlockShape::draws`] draws.
#[derive(Debug)]
#[non_exhaustive]
pub struct Block<'a, T> {
    /// The number of gradient samples to make.
    pub samples: usize,
    /// Noise ε, one row a draw.
    pub noise: &'a mut [T],
    /// Draws z, one row a draw.
    pub z: &'a mut [T],
    /// Objective values f(z), one a draw: the engine averages them and checks that they are finite.
    pub values: &'a mut [T],
    /// Objective gradients `∂f/∂z`, one row a draw; empty if not asked for.
    pub dz: &'a mut [T],
    /// The gradient samples, one row each: what an estimator is for.
    pub gradients: &'a mut [T],
    /// Scratch space, of the length asked for.
    pub scratch: &'a mut [T],
    /// Sums that the estimator adds to and [learns](GradientEstimator::learn) from after the call; 0 at the start of a block.
    pub statistics: &'a mut [f64],
}

/// What an estimator may learn from once the estimate is made: sums over gradient samples that are already spent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Lesson<'a> {
    /// The number of gradient samples.
    pub samples: u64,
    /// The mean of the objective over all draws.
    pub value: f64,
    /// The estimator's own statistics, summed over all blocks.
    pub statistics: &'a [f64],
}

/// A rule that makes one gradient sample: a random vector whose expectation is `∇_θ E[f(z)]` (or, where type and docs say
/// so, close to it).
///
/// An implementation writes [`shape`](Self::shape) and [`gradient_samples`](Self::gradient_samples); averaging, variance,
/// blocks and error checks are the engine's and come with [`estimate`](Self::estimate).
///
/// ```
/// use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
/// use reparam::{Block, BlockShape, LogDensity, Objective, Real};
///
/// /// The score function without a baseline, in ten lines.
/// struct Plain;
///
/// impl<T: Real, D: LogDensity<T>, F: Objective<T>> GradientEstimator<T, D, F> for Plain {
///     fn shape(&self, _: &D) -> BlockShape {
///         BlockShape::of_draws(1)
///     }
///     fn gradient_samples<R: Rng + ?Sized>(&self, p: &D, f: &F, block: Block<'_, T>, rng: &mut R) {
///         p.sample(rng, block.z);
///         f.value_block(block.z, p.dim(), block.values);
///         p.score_block(block.z, block.gradients);
///         for (row, &value) in block.gradients.chunks_exact_mut(p.params().len()).zip(&*block.values) {
///             row.iter_mut().for_each(|g| *g *= value);
///         }
///     }
/// }
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let f = |z: &[f64]| z[0];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Plain.estimate(&normal, &f, 10_000, &mut rng)?;
/// assert!((estimate.gradient()[0] - 1.0).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
pub trait GradientEstimator<T: Real, D: Distribution<T> + ?Sized, F: ?Sized> {
    /// The room that one gradient sample takes for this distribution.
    fn shape(&self, distribution: &D) -> BlockShape;

    /// Makes the gradient samples of one block: fills `values` and `gradients`, and `noise`, `z`, `dz` where it has them.
    fn gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
    );

    /// Evaluations of f in one gradient sample: `budget / evaluations` gradient samples keep a budget.
    fn evaluations(&self, distribution: &D) -> usize {
        self.shape(distribution).draws
    }

    /// Refuses what the types let through: a bad option, a parameter for which the estimator is not valid.
    ///
    /// # Errors
    /// As the estimator documents.
    fn check(&self, distribution: &D) -> Result<(), Error> {
        let _ = distribution;
        Ok(())
    }

    /// Learns, after an estimate has succeeded, from the samples that it has spent. The default learns nothing.
    fn learn(&mut self, lesson: Lesson<'_>) {
        let _ = lesson;
    }

    /// Averages `samples` gradient samples.
    ///
    /// The same estimator state, distribution, objective and generator state give the same bits. Memory does not grow
    /// with `samples`. It is `&mut self` because some estimators have a memory: they use what they knew before the call
    /// and learn after it.
    ///
    /// # Errors
    /// [`Error::ZeroSamples`]; what [`check`](Self::check) refuses; and, as soon as the block that has it is complete,
    /// the first non-finite number with the index of its sample: [`Error::NonFiniteTransform`],
    /// [`Error::NonFiniteObjective`], [`Error::NonFiniteObjectiveGradient`], [`Error::NonFiniteGradient`].
    fn estimate<R: Rng + ?Sized>(
        &mut self,
        distribution: &D,
        objective: &F,
        samples: usize,
        rng: &mut R,
    ) -> Result<GradientEstimate<T>, Error> {
        if samples == 0 {
            return Err(Error::ZeroSamples);
        }
        self.check(distribution)?;
        let shape = self.shape(distribution);
        let mut workspace = Workspace::new(shape, distribution, samples);
        let params = distribution.params().len();
        let mut gradient = Moments::new(params);
        let mut value = Moments::new(1);
        let mut statistics = vec![0.0; shape.statistics];

        for start in (0..samples).step_by(BLOCK) {
            let count = BLOCK.min(samples - start);
            let block_rng = Xoshiro256PlusPlus::from_rng(rng);
            workspace.run(&*self, distribution, objective, count, block_rng.clone());
            if !workspace.is_finite() {
                let sample = workspace.diagnose(&*self, distribution, objective, count, block_rng);
                return Err(sample.into_error(start as u64, distribution));
            }
            gradient.push(count as u64, workspace.gradient.moments(count));
            value.push(count as u64, workspace.value.moments(count));
            for (total, &block) in statistics.iter_mut().zip(&workspace.statistics) {
                *total += block;
            }
        }

        self.learn(Lesson { samples: samples as u64, value: value.mean()[0], statistics: &statistics });
        let evaluations = samples as u64 * shape.draws as u64;
        Ok(GradientEstimate::new(distribution.layout().clone(), gradient, value, evaluations))
    }
}

/// The fixed buffers that all blocks of one estimate stream through.
struct Workspace<T> {
    shape: BlockShape,
    dim: usize,
    params: usize,
    /// Gradient samples that fit into the buffers.
    tile: usize,
    noise: Vec<T>,
    z: Vec<T>,
    values: Vec<T>,
    dz: Vec<T>,
    gradients: Vec<T>,
    scratch: Vec<T>,
    statistics: Vec<f64>,
    /// Mean objective of each gradient sample of the tile.
    means: Vec<T>,
    gradient: ShiftedSums<T>,
    value: ShiftedSums<T>,
}

/// The first non-finite number of a block, as found by running it once more.
enum Culprit {
    Transform { sample: usize, coordinate: usize, value: f64 },
    Objective { sample: usize, draw: usize, value: f64 },
    ObjectiveGradient { sample: usize, coordinate: usize, value: f64 },
    Gradient { sample: usize, flat: usize, value: f64 },
}

impl Culprit {
    fn into_error<T: Real, D: Distribution<T> + ?Sized>(self, start: u64, distribution: &D) -> Error {
        match self {
            Self::Transform { sample, coordinate, value } => {
                Error::NonFiniteTransform { sample: start + sample as u64, coordinate, value }
            }
            Self::Objective { sample, draw, value } => {
                Error::NonFiniteObjective { sample: start + sample as u64, draw, value }
            }
            Self::ObjectiveGradient { sample, coordinate, value } => {
                Error::NonFiniteObjectiveGradient { sample: start + sample as u64, coordinate, value }
            }
            Self::Gradient { sample, flat, value } => {
                let (parameter, index) = match distribution.layout().locate(flat) {
                    Some((name, index)) => (name.clone(), index),
                    None => ("θ".into(), flat),
                };
                Error::NonFiniteGradient { sample: start + sample as u64, parameter, index, value }
            }
        }
    }
}

impl<T: Real> Workspace<T> {
    fn new<D: Distribution<T> + ?Sized>(shape: BlockShape, distribution: &D, samples: usize) -> Self {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        let draws = shape.draws;
        let dz = if shape.objective_gradient { draws * dim } else { 0 };
        let row = draws * (shape.noise + dim + 1) + dz + params + 1;
        let tile = (TILE_BYTES / (row * size_of::<T>())).clamp(1, BLOCK.min(samples));
        let zeros = |len: usize| vec![T::zero(); len];
        Self {
            shape,
            dim,
            params,
            tile,
            noise: zeros(tile * draws * shape.noise),
            z: zeros(tile * draws * dim),
            values: zeros(tile * draws),
            dz: zeros(tile * dz),
            gradients: zeros(tile * params),
            scratch: zeros(shape.scratch),
            statistics: vec![0.0; shape.statistics],
            means: zeros(tile),
            gradient: ShiftedSums::new(params),
            value: ShiftedSums::new(1),
        }
    }

    /// The buffers for the next `samples` gradient samples, at most a tile.
    fn block(&mut self, samples: usize) -> Block<'_, T> {
        let draws = samples * self.shape.draws;
        let dz = if self.shape.objective_gradient { draws * self.dim } else { 0 };
        Block {
            samples,
            noise: &mut self.noise[..draws * self.shape.noise],
            z: &mut self.z[..draws * self.dim],
            values: &mut self.values[..draws],
            dz: &mut self.dz[..dz],
            gradients: &mut self.gradients[..samples * self.params],
            scratch: &mut self.scratch,
            statistics: &mut self.statistics,
        }
    }

    /// Makes one block of gradient samples and sums them up.
    fn run<E, D, F>(
        &mut self,
        estimator: &E,
        distribution: &D,
        objective: &F,
        count: usize,
        mut rng: Xoshiro256PlusPlus,
    ) where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
    {
        self.statistics.fill(0.0);
        for start in (0..count).step_by(self.tile) {
            let samples = self.tile.min(count - start);
            estimator.gradient_samples(distribution, objective, self.block(samples), &mut rng);
            self.gradient.add(&self.gradients[..samples * self.params], start == 0);
            let draws = self.shape.draws;
            if draws == 1 {
                self.value.add(&self.values[..samples], start == 0);
            } else {
                let weight = T::of(draws as f64).recip();
                for (mean, values) in self.means.iter_mut().zip(self.values.chunks_exact(draws)) {
                    *mean = values.iter().copied().sum::<T>() * weight;
                }
                self.value.add(&self.means[..samples], start == 0);
            }
        }
    }

    /// Whether the sums of the last block are finite: a single NaN or infinity among its samples would have made them not so.
    fn is_finite(&self) -> bool {
        self.gradient.is_finite() && self.value.is_finite()
    }

    /// Runs a block that went wrong once more, with the same generator, and looks at every number in the order in which
    /// it came to be. The check costs nothing as long as all is well.
    fn diagnose<E, D, F>(
        &mut self,
        estimator: &E,
        distribution: &D,
        objective: &F,
        count: usize,
        mut rng: Xoshiro256PlusPlus,
    ) -> Culprit
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
    {
        let (draws, params) = (self.shape.draws, self.params);
        let row = draws * self.dim;
        // What remains if no number is infinite or NaN by itself: the largest, whose square is.
        let mut largest = Culprit::Gradient { sample: 0, flat: 0, value: 0.0 };
        let mut size = -1.0;
        for start in (0..count).step_by(self.tile) {
            let samples = self.tile.min(count - start);
            estimator.gradient_samples(distribution, objective, self.block(samples), &mut rng);
            for i in 0..samples {
                let sample = start + i;
                if let Some((coordinate, value)) = non_finite(&self.z[i * row..][..row]) {
                    return Culprit::Transform { sample, coordinate, value };
                }
                if let Some((draw, value)) = non_finite(&self.values[i * draws..][..draws]) {
                    return Culprit::Objective { sample, draw, value };
                }
                if self.shape.objective_gradient {
                    if let Some((coordinate, value)) = non_finite(&self.dz[i * row..][..row]) {
                        return Culprit::ObjectiveGradient { sample, coordinate, value };
                    }
                }
                let gradient = &self.gradients[i * params..][..params];
                if let Some((flat, value)) = non_finite(gradient) {
                    return Culprit::Gradient { sample, flat, value };
                }
                for (flat, g) in gradient.iter().enumerate() {
                    if g.f64().abs() > size {
                        size = g.f64().abs();
                        largest = Culprit::Gradient { sample, flat, value: g.f64() };
                    }
                }
                for (draw, f) in self.values[i * draws..][..draws].iter().enumerate() {
                    if f.f64().abs() > size {
                        size = f.f64().abs();
                        largest = Culprit::Objective { sample, draw, value: f.f64() };
                    }
                }
            }
        }
        largest
    }
}

fn non_finite<T: Real>(row: &[T]) -> Option<(usize, f64)> {
    row.iter().position(|x| !x.is_finite()).map(|i| (i, row[i].f64()))
}

/// Sums of deviations and squared deviations from the first row of a block.
///
/// The shift keeps the digits that a large mean would eat: it is one of the samples, so cancellation costs at most a
/// factor of the block's length however the samples are spread, and a constant gives exactly 0.
struct ShiftedSums<T> {
    shift: Vec<T>,
    sum: Vec<T>,
    squares: Vec<T>,
}

/// Columns that are summed side by side: they fill the vector registers of every current machine.
const LANES: usize = 8;

/// The longest row that is joined with its neighbours to a multiple of `LANES`, and the longest joined row.
const SHORT: usize = 32;
const JOINED: usize = SHORT * LANES;

impl<T: Real> ShiftedSums<T> {
    fn new(len: usize) -> Self {
        Self { shift: vec![T::zero(); len], sum: vec![T::zero(); len], squares: vec![T::zero(); len] }
    }

    /// Adds rows; those of the first tile of a block set the shift.
    fn add(&mut self, rows: &[T], first: bool) {
        let len = self.shift.len();
        if first {
            self.shift.copy_from_slice(&rows[..len]);
            self.sum.fill(T::zero());
            self.squares.fill(T::zero());
        }
        let joined = if len.is_power_of_two() { len.max(LANES) } else { len * LANES };
        if len > SHORT || joined == len || rows.len() < 2 * joined {
            sum_columns(rows, &self.shift, &mut self.sum, &mut self.squares);
            return;
        }
        // Short rows: several of them side by side fill the registers.
        let mut shift = [T::zero(); JOINED];
        let mut sum = [T::zero(); JOINED];
        let mut squares = [T::zero(); JOINED];
        let (shift, sum, squares) = (&mut shift[..joined], &mut sum[..joined], &mut squares[..joined]);
        for copy in shift.chunks_exact_mut(len) {
            copy.copy_from_slice(&self.shift);
        }
        let whole = rows.len() / joined * joined;
        sum_columns(&rows[..whole], shift, sum, squares);
        sum_columns(&rows[whole..], &self.shift, &mut self.sum, &mut self.squares);
        for (sum, squares) in sum.chunks_exact(len).zip(squares.chunks_exact(len)) {
            for (total, &part) in self.sum.iter_mut().zip(sum) {
                *total += part;
            }
            for (total, &part) in self.squares.iter_mut().zip(squares) {
                *total += part;
            }
        }
    }

    fn is_finite(&self) -> bool {
        self.squares.iter().all(|s| s.is_finite())
    }

    /// Mean and sum of squared deviations of each column of the `count` rows added.
    fn moments(&self, count: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let weight = 1.0 / count as f64;
        self.shift.iter().zip(&self.sum).zip(&self.squares).map(move |((shift, sum), squares)| {
            let sum = sum.f64();
            (shift.f64() + sum * weight, (squares.f64() - sum * sum * weight).max(0.0))
        })
    }
}

/// Adds each column's deviations from its shift, and their squares.
fn sum_columns<T: Real>(rows: &[T], shift: &[T], sum: &mut [T], squares: &mut [T]) {
    let len = shift.len();
    let whole = len / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        let mut s = [T::zero(); LANES];
        let mut c = [T::zero(); LANES];
        let mut q = [T::zero(); LANES];
        s.copy_from_slice(&sum[start..start + LANES]);
        c.copy_from_slice(&shift[start..start + LANES]);
        q.copy_from_slice(&squares[start..start + LANES]);
        for row in rows.chunks_exact(len) {
            let row = &row[start..start + LANES];
            for lane in 0..LANES {
                let d = row[lane] - c[lane];
                s[lane] += d;
                q[lane] += d * d;
            }
        }
        sum[start..start + LANES].copy_from_slice(&s);
        squares[start..start + LANES].copy_from_slice(&q);
    }
    if whole < len {
        for row in rows.chunks_exact(len) {
            for column in whole..len {
                let d = row[column] - shift[column];
                sum[column] += d;
                squares[column] += d * d;
            }
        }
    }
}
