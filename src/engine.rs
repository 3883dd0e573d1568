//! The engine: averages gradient samples block by block, through fixed buffers, and says where something went wrong.

mod buffers;
#[cfg(feature = "rayon")]
mod parallel;

use std::convert::Infallible;

use rand::{Rng, TryRng};

use self::buffers::Buffers;
use crate::distribution::Distribution;
use crate::error::Error;
use crate::estimate::{GradientEstimate, Moments};
use crate::estimator::{Block, BlockShape, GradientEstimator, Lesson};
use crate::real::Real;
use crate::sums::ShiftedSums;
use crate::vector::{BlockRng, BlockSeed};

/// Gradient samples that share one generator, seeded from the caller's, make a block: a job is cut into so many of them, of at least (by the
/// number of parameters) and at most so many samples; small samples make longer blocks, up to so many numbers. This does not depend
/// on anything but the sizes of the job, so blocks can be made anywhere and merge to the same bits.
const PARTS: usize = 24;
const LEAST: [usize; 3] = [8, 16, 24];
const BLOCK: (usize, usize) = (256, 4096);
const BLOCK_NUMBERS: usize = 16_384;

/// Gradient samples that are summed up in their own precision before they join the others in `f64`.
const STRETCH: usize = 256;

/// Bytes that the buffers of one tile of a block may take. They are written and read back within some tens of microseconds
/// and should stay in the second-level cache; smaller tiles measured slower, since each pass over a tile has a cost of its own.
const TILE_BYTES: usize = 64 << 10;

/// Long rows: so many of them are taken together, up to so many bytes, since the sums are read and written once a tile.
const ROWS: usize = 8;
const MOST_TILE_BYTES: usize = 2 << 20;

/// The buffers of an estimation, to be used again: a training loop that makes many small estimates allocates nothing after the
/// first.
///
/// [`GradientEstimator::estimate`] is an engine used once; the numbers are the same.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::{Engine, prelude::*};
///
/// let mut normal = Unconstrained::new(Normal::new(&[3.0], &[1.0])?)?;
/// let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
///     if let Some(dz) = dz {
///         dz[0] = 2.0 * z[0];
///     }
///     z[0] * z[0]
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut engine = Engine::new();
/// let mut params = normal.params().to_vec();
/// for _ in 0..2000 {
///     let estimate = engine.estimate(&mut Pathwise, &normal, &f, 1, &mut rng)?;
///     for (p, g) in params.iter_mut().zip(estimate.gradient()) {
///         *p -= 0.01 * g;
///     }
///     normal.set_params(&params)?;
/// }
/// assert!(normal.inner().mu()[0].abs() < 0.1); // E z² is least at μ = 0, σ → 0
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Engine<T> {
    worker: Worker<T>,
    totals: Totals<T>,
    /// Whether every draw comes from the caller's generator.
    callers: bool,
    #[cfg(feature = "rayon")]
    crew: parallel::Crew<T>,
}

impl<T: Real> Default for Engine<T> {
    fn default() -> Self {
        Self {
            worker: Worker::default(),
            totals: Totals { estimate: GradientEstimate::empty(), statistics: Vec::new(), evaluations: 0 },
            callers: false,
            #[cfg(feature = "rayon")]
            crew: parallel::Crew::default(),
        }
    }
}

impl<T: Real> Engine<T> {
    /// An engine without buffers: the first estimate makes them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes every random number from the caller's generator, instead of one seed a block for the crate's own: for a generator that
    /// must be the source of all (a hardware source, one that is audited, a recorded stream). It runs on one thread, and costs what that
    /// generator costs: with xoshiro256++ some 1 ns more a number.
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
    /// use reparam::{Engine, prelude::*};
    ///
    /// let normal = Normal::new(&[1.0], &[0.5])?;
    /// let f = |z: &[f64]| z[0] * z[0];
    /// let mut engine = Engine::new().with_callers_generator();
    /// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1); // or one that is audited
    /// let estimate = engine.estimate(&mut ScoreFunction::new(), &normal, &f, 10_000, &mut rng)?;
    /// assert!((estimate.gradient()[0] - 2.0).abs() < 4.0 * estimate.standard_error()[0]);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    #[must_use]
    pub fn with_callers_generator(mut self) -> Self {
        self.callers = true;
        self
    }

    /// [`GradientEstimator::estimate`] in this engine's buffers. The estimate stays in the engine until the next one.
    ///
    /// # Errors
    /// Those of [`GradientEstimator::estimate`].
    pub fn estimate<E, D, F, R>(
        &mut self,
        estimator: &mut E,
        distribution: &D,
        objective: &F,
        samples: usize,
        rng: &mut R,
    ) -> Result<&GradientEstimate<T>, Error>
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
        R: Rng + ?Sized,
    {
        self.start(estimator, distribution, samples)?;
        let mut start = 0;
        while start < samples {
            self.next_block(estimator, distribution, objective, (start, samples), rng)?;
            start += self.worker.block;
        }
        Ok(self.totals.finish(estimator))
    }

    /// Refuses what cannot be estimated, and makes room for what can.
    fn start<E, D, F>(&mut self, estimator: &E, distribution: &D, samples: usize) -> Result<(), Error>
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
    {
        if samples == 0 {
            return Err(Error::ZeroSamples);
        }
        estimator.check(distribution)?;
        estimator.check_samples(distribution, samples)?;
        let shape = estimator.shape(distribution);
        self.worker.prepare(shape, distribution, samples);
        self.totals.start(shape, distribution);
        Ok(())
    }

    /// Makes the block that begins at a sample, out of so many, and joins it to the blocks before it.
    fn next_block<E, D, F, R>(
        &mut self,
        estimator: &E,
        distribution: &D,
        objective: &F,
        (start, samples): (usize, usize),
        mut rng: &mut R,
    ) -> Result<(), Error>
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
        R: Rng + ?Sized,
    {
        let block = (start as u64, self.worker.block.min(samples - start));
        if self.callers {
            // What the caller's generator gave cannot be had again: looked at as it comes.
            let mut inspector = Inspector::default();
            let origin = Origin::Caller(&mut rng);
            self.worker.run(estimator, distribution, objective, block, origin, Some(&mut inspector));
            if inspector.found || !self.worker.sums.is_finite() {
                return Err(inspector.culprit.into_error(start as u64, distribution));
            }
        } else {
            let seed = self.worker.block_seed(block.1, rng);
            self.worker.run(estimator, distribution, objective, block, Origin::Seed(seed), None);
            if !self.worker.sums.is_finite() {
                let culprit = self.worker.diagnose(estimator, distribution, objective, block, seed);
                return Err(culprit.into_error(start as u64, distribution));
            }
        }
        self.totals.absorb(&self.worker.sums);
        Ok(())
    }

    /// The last estimate, for whoever uses an engine once.
    pub(crate) fn into_estimate(self) -> GradientEstimate<T> {
        self.totals.estimate
    }
}

/// What the blocks of an estimate add up to.
#[derive(Debug, Clone)]
struct Totals<T> {
    estimate: GradientEstimate<T>,
    statistics: Vec<f64>,
    /// Evaluations in one gradient sample.
    evaluations: u64,
}

impl<T: Real> Totals<T> {
    fn start<D: Distribution<T> + ?Sized>(&mut self, shape: BlockShape, distribution: &D) {
        self.estimate.reset(distribution.layout());
        self.evaluations = shape.evaluations as u64;
        self.statistics.clear();
        self.statistics.resize(shape.statistics, 0.0);
    }

    /// Joins the next block. Blocks must come in order: sums round.
    fn absorb(&mut self, sums: &BlockSums<T>) {
        let moments = self.estimate.more(sums.count as u64 * self.evaluations);
        for (moments, column) in moments.into_iter().zip([&sums.gradient, &sums.value]) {
            moments.join(&column.folded);
            moments.absorb(sums.rows, &column.sums);
        }
        for (total, &block) in self.statistics.iter_mut().zip(&sums.statistics) {
            *total += block;
        }
    }

    fn finish<E, D, F>(&mut self, estimator: &mut E) -> &GradientEstimate<T>
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
    {
        self.estimate.finish();
        let (samples, value) = (self.estimate.samples(), self.estimate.value());
        estimator.learn(Lesson { samples, value, statistics: &self.statistics });
        &self.estimate
    }
}

/// What one block leaves behind: moments of its stretches of gradient samples but the last, and the sums over that one.
#[derive(Debug, Clone, Default)]
struct BlockSums<T> {
    count: usize,
    /// Gradient samples in the last stretch.
    rows: usize,
    gradient: Columns<T>,
    value: Columns<T>,
    statistics: Vec<f64>,
    /// Whether a stretch before the last was not finite.
    broken: bool,
}

/// What a block's sums need room for.
#[derive(Debug, Clone, Copy)]
struct Room {
    params: usize,
    statistics: usize,
    tile: usize,
    block: usize,
}

#[derive(Debug, Clone, Default)]
struct Columns<T> {
    folded: Moments,
    sums: ShiftedSums<T>,
}

impl<T: Real> Columns<T> {
    fn resize(&mut self, len: usize, room: Room) {
        self.folded.reset(if room.block > STRETCH { len } else { 0 });
        self.sums.resize(len, room.tile);
    }
}

impl<T: Real> BlockSums<T> {
    /// Makes room for the sums over gradient samples of so many parameters.
    fn resize(&mut self, room: Room) {
        self.gradient.resize(room.params, room);
        self.value.resize(1, room);
        self.statistics.resize(room.statistics, 0.0);
    }

    /// Back to no gradient samples, for a block of so many.
    fn start(&mut self, count: usize) {
        (self.count, self.rows, self.broken) = (count, 0, false);
        self.statistics.fill(0.0);
        for column in [&mut self.gradient, &mut self.value] {
            if column.folded.count() > 0 {
                column.folded.reset(column.folded.mean().len());
            }
        }
    }

    /// Ends a stretch.
    fn fold(&mut self) {
        self.broken |= !self.is_finite();
        for column in [&mut self.gradient, &mut self.value] {
            column.folded.absorb(self.rows, &column.sums);
        }
        self.rows = 0;
    }

    /// Whether the sums are finite: a single NaN or infinity among the samples would have made them not so.
    fn is_finite(&self) -> bool {
        !self.broken && self.gradient.sums.is_finite() && self.value.sums.is_finite()
    }
}

/// The fixed buffers that blocks stream through.
#[derive(Debug, Clone, Default)]
struct Worker<T> {
    shape: BlockShape,
    dim: usize,
    params: usize,
    /// Gradient samples of the job.
    samples: usize,
    /// Gradient samples of a block.
    block: usize,
    /// Gradient samples that fit into the buffers.
    tile: usize,
    /// Noise, draws, values, ∂f/∂z, gradients, scratch, and the mean objective of each gradient sample of the tile.
    buffers: Buffers<T, 7>,
    sums: BlockSums<T>,
}

/// A number of a block that made its sums infinite.
#[derive(Debug)]
enum Culprit {
    Transform { sample: usize, coordinate: usize, value: f64 },
    Objective { sample: usize, draw: usize, value: f64 },
    ObjectiveGradient { sample: usize, coordinate: usize, value: f64 },
    Gradient { sample: usize, flat: usize, value: f64 },
}

impl Default for Culprit {
    fn default() -> Self {
        Self::Gradient { sample: 0, flat: 0, value: 0.0 }
    }
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

impl<T: Real> Worker<T> {
    /// Makes room for an estimate; nothing is allocated where the last one had the same shape.
    fn prepare<D: Distribution<T> + ?Sized>(&mut self, shape: BlockShape, distribution: &D, samples: usize) {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        if (self.shape, self.dim, self.params, self.samples) == (shape, dim, params, samples) {
            return;
        }
        let draws = shape.draws;
        let dz = if shape.objective_gradient { draws * dim } else { 0 };
        let row = draws * (shape.noise + dim + 1) + dz + params + 1;
        let bytes = row * size_of::<T>();
        // To join a block costs as much as to sum up a few of its rows.
        let least = LEAST[usize::from(params > 256) + usize::from(params > 4096)];
        let numbers = draws * shape.noise.max(dim).max(1);
        let most = (BLOCK_NUMBERS / numbers).clamp(BLOCK.0, BLOCK.1) / STRETCH * STRETCH;
        let block = (samples / PARTS).clamp(least, most).min(samples);
        let tile = (TILE_BYTES / bytes).max(ROWS.min(MOST_TILE_BYTES / bytes)).clamp(1, block.min(STRETCH));
        (self.shape, self.dim, self.params, self.samples) = (shape, dim, params, samples);
        (self.tile, self.block) = (tile, block);
        self.buffers.fit([
            tile * draws * shape.noise,
            tile * draws * dim,
            tile * draws,
            tile * dz,
            tile * params,
            shape.scratch,
            tile,
        ]);
        self.sums.resize(self.room());
    }

    /// The room that the sums of a block take.
    fn room(&self) -> Room {
        Room { params: self.params, statistics: self.shape.statistics, tile: self.tile, block: self.block }
    }

    /// The seed of a block of `count` gradient samples. It is kept, to run a block once more when it went wrong.
    fn block_seed<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> BlockSeed {
        let numbers = count * self.shape.draws * self.shape.noise.max(self.dim);
        BlockSeed::from_rng(numbers, rng)
    }

    /// Makes one block of gradient samples and sums them up. An inspector looks at every number of every tile, and ends the run
    /// at the first that is not finite.
    fn run<E, D, F>(
        &mut self,
        estimator: &E,
        distribution: &D,
        objective: &F,
        (first, count): (u64, usize),
        origin: Origin<'_>,
        mut inspector: Option<&mut Inspector>,
    ) where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
    {
        let mut rng = origin.generator();
        let (shape, dim, params) = (self.shape, self.dim, self.params);
        let sums = &mut self.sums;
        sums.start(count);
        let [noise, z, values, dz, gradients, scratch, means] = self.buffers.get_mut();
        let mut start = 0;
        while start < count {
            if sums.rows == STRETCH {
                sums.fold();
            }
            let samples = self.tile.min(count - start).min(STRETCH - sums.rows);
            let draws = samples * shape.draws;
            let (values, gradients) = (&mut values[..draws], &mut gradients[..samples * params]);
            let slopes = if shape.objective_gradient { draws * dim } else { 0 };
            let (z, dz) = (&mut z[..draws * dim], &mut dz[..slopes]);
            let block = Block {
                samples,
                first: first + start as u64,
                noise: &mut noise[..draws * shape.noise],
                z,
                values,
                dz,
                gradients,
                scratch,
                statistics: &mut sums.statistics,
            };
            estimator.gradient_samples(distribution, objective, block, &mut rng);
            if let Some(inspector) = &mut inspector {
                inspector.look(Tile { shape, dim, params, z, values, dz, gradients }, start, samples);
                if inspector.found {
                    return;
                }
            }
            let first = sums.rows == 0;
            sums.gradient.sums.add(gradients, first);
            if shape.draws == 1 {
                sums.value.sums.add(values, first);
            } else {
                let weight = T::of(shape.draws as f64).recip();
                for (mean, values) in means.iter_mut().zip(values.chunks_exact(shape.draws)) {
                    // As a deviation from one of them: equal values, as of a point set made in parts, stay what they are.
                    let shift = values[0];
                    *mean = shift + values.iter().map(|&f| f - shift).sum::<T>() * weight;
                }
                sums.value.sums.add(&means[..samples], first);
            }
            sums.rows += samples;
            start += samples;
        }
    }

    /// Runs a block that went wrong once more, with the same generator. The check costs nothing as long as all is well.
    fn diagnose<E, D, F>(
        &mut self,
        estimator: &E,
        distribution: &D,
        objective: &F,
        block: (u64, usize),
        seed: BlockSeed,
    ) -> Culprit
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
    {
        let mut inspector = Inspector::default();
        self.run(estimator, distribution, objective, block, Origin::Seed(seed), Some(&mut inspector));
        inspector.culprit
    }
}

/// Finds the first number that is not finite, in the order in which the numbers came to be; if there is none and a sum is infinite all
/// the same, the largest, whose square is.
#[derive(Debug, Default)]
struct Inspector {
    culprit: Culprit,
    size: f64,
    found: bool,
}

impl Inspector {
    fn look<T: Real>(&mut self, tile: Tile<'_, T>, start: usize, samples: usize) {
        for i in 0..samples {
            if let Some(culprit) = tile.first_non_finite(i, start + i) {
                self.culprit = culprit;
                self.found = true;
                return;
            }
            let sample = start + i;
            for (flat, g) in tile.gradients[i * tile.params..][..tile.params].iter().enumerate() {
                if g.f64().abs() > self.size {
                    self.size = g.f64().abs();
                    self.culprit = Culprit::Gradient { sample, flat, value: g.f64() };
                }
            }
            let draws = tile.shape.draws;
            for (draw, f) in tile.values[i * draws..][..draws].iter().enumerate() {
                if f.f64().abs() > self.size {
                    self.size = f.f64().abs();
                    self.culprit = Culprit::Objective { sample, draw, value: f.f64() };
                }
            }
        }
    }
}

/// The numbers of a tile.
#[derive(Debug, Clone, Copy)]
struct Tile<'a, T> {
    shape: BlockShape,
    dim: usize,
    params: usize,
    z: &'a [T],
    values: &'a [T],
    dz: &'a [T],
    gradients: &'a [T],
}

impl<T: Real> Tile<'_, T> {
    /// Looks at the numbers of the `i`th gradient sample in the buffers.
    fn first_non_finite(&self, i: usize, sample: usize) -> Option<Culprit> {
        let draws = self.shape.draws;
        let row = draws * self.dim;
        if let Some((coordinate, value)) = non_finite(&self.z[i * row..][..row]) {
            return Some(Culprit::Transform { sample, coordinate, value });
        }
        if let Some((draw, value)) = non_finite(&self.values[i * draws..][..draws]) {
            return Some(Culprit::Objective { sample, draw, value });
        }
        if self.shape.objective_gradient
            && let Some((coordinate, value)) = non_finite(&self.dz[i * row..][..row])
        {
            return Some(Culprit::ObjectiveGradient { sample, coordinate, value });
        }
        let (flat, value) = non_finite(&self.gradients[i * self.params..][..self.params])?;
        Some(Culprit::Gradient { sample, flat, value })
    }
}

/// Where the draws of a block come from: a generator of its own, or the caller's.
enum Origin<'a> {
    Seed(BlockSeed),
    Caller(&'a mut dyn Rng),
}

impl<'a> Origin<'a> {
    #[inline]
    fn generator(self) -> Source<'a> {
        match self {
            Self::Seed(seed) => Source::Block(seed.generator()),
            Self::Caller(rng) => Source::Caller(rng),
        }
    }
}

/// The generator that an [`Origin`] gives.
#[expect(clippy::large_enum_variant, reason = "one stands on the stack while a block is made")]
enum Source<'a> {
    Block(BlockRng),
    Caller(&'a mut dyn Rng),
}

impl TryRng for Source<'_> {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match self {
            Self::Block(rng) => rng.try_next_u32(),
            Self::Caller(rng) => Ok(rng.next_u32()),
        }
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self {
            Self::Block(rng) => rng.try_next_u64(),
            Self::Caller(rng) => Ok(rng.next_u64()),
        }
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Block(rng) => rng.try_fill_bytes(bytes),
            Self::Caller(rng) => {
                rng.fill_bytes(bytes);
                Ok(())
            }
        }
    }
}

fn non_finite<T: Real>(row: &[T]) -> Option<(usize, f64)> {
    row.iter().position(|x| !x.is_finite()).map(|i| (i, row[i].f64()))
}
