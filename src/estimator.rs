//! The estimator interface.

use rand::Rng;

use crate::distribution::Distribution;
use crate::engine::Engine;
use crate::error::Error;
use crate::estimate::GradientEstimate;
use crate::real::Real;

/// How much room one gradient sample of an estimator takes in a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BlockShape {
    /// Draws of one gradient sample that the buffers hold.
    pub draws: usize,
    /// Evaluations of the objective in one gradient sample: as many as draws, but where an estimator sends more draws
    /// through the same buffers.
    pub evaluations: usize,
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
        Self { draws, evaluations: draws, ..Self::default() }
    }

    /// With another number of evaluations of the objective than draws that the buffers hold.
    #[must_use]
    pub fn with_evaluations(self, evaluations: usize) -> Self {
        Self { evaluations, ..self }
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
    /// The index of the first of them, counted from 0 within the call.
    pub first: u64,
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

impl<T> Block<'_, T> {
    /// The same block, lent: for an estimator that hands it to another one and goes on with what that has filled in.
    #[must_use]
    pub fn reborrow(&mut self) -> Block<'_, T> {
        Block {
            samples: self.samples,
            first: self.first,
            noise: self.noise,
            z: self.z,
            values: self.values,
            dz: self.dz,
            gradients: self.gradients,
            scratch: self.scratch,
            statistics: self.statistics,
        }
    }
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

impl Lesson<'_> {
    /// Teaches an estimator, unless a sum has overflowed: what came of it would stay in its memory.
    pub(crate) fn teach<T, D, F, E>(self, estimator: &mut E)
    where
        T: Real,
        D: Distribution<T> + ?Sized,
        F: ?Sized,
        E: GradientEstimator<T, D, F> + ?Sized,
    {
        if self.statistics.iter().all(|sum| sum.is_finite()) {
            estimator.learn(self);
        }
    }
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
        self.shape(distribution).evaluations
    }

    /// Refuses what the types let through: a bad option, a parameter for which the estimator is not valid.
    ///
    /// # Errors
    /// As the estimator documents.
    fn check(&self, distribution: &D) -> Result<(), Error> {
        let _ = distribution;
        Ok(())
    }

    /// Refuses an objective that does not fit the distribution: of another number of steps, say.
    ///
    /// # Errors
    /// As the estimator documents.
    fn check_objective(&self, distribution: &D, objective: &F) -> Result<(), Error> {
        let _ = (distribution, objective);
        Ok(())
    }

    /// Refuses a number of gradient samples that the estimator cannot make: more than it has stored noise for, say.
    ///
    /// # Errors
    /// As the estimator documents.
    fn check_samples(&self, distribution: &D, samples: usize) -> Result<(), Error> {
        let _ = (distribution, samples);
        Ok(())
    }

    /// Learns, after an estimate has succeeded, from the samples that it has spent. All numbers of the lesson are finite: where a sum has
    /// overflowed, there is none. The default learns nothing.
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
    /// [`Error::ZeroSamples`]; what [`check`](Self::check), [`check_objective`](Self::check_objective) and [`check_samples`](Self::check_samples) refuse; and, as soon as the block that has it is complete,
    /// the first non-finite number with the index of its sample: [`Error::NonFiniteTransform`],
    /// [`Error::NonFiniteObjective`], [`Error::NonFiniteObjectiveGradient`], [`Error::NonFiniteGradient`].
    fn estimate<R: Rng + ?Sized>(
        &mut self,
        distribution: &D,
        objective: &F,
        samples: usize,
        rng: &mut R,
    ) -> Result<GradientEstimate<T>, Error> {
        let mut engine = Engine::new();
        engine.estimate(self, distribution, objective, samples, rng)?;
        Ok(engine.into_estimate())
    }

    /// [`estimate`](Self::estimate) on all threads of the current `rayon` pool: **the same bits**, whatever their number, and the
    /// same error where there is one. Needs the feature `rayon`, and an estimator, a distribution and an objective that threads may
    /// share.
    ///
    /// It pays from about 0.1 ms on, in proportion to the threads from some milliseconds on. A shorter estimate is made by the
    /// caller alone, at the price of `estimate`. A thread takes whole blocks of 256 gradient samples: fewer of them than threads
    /// leave threads idle. Where a program has several estimates to make, running them side by side serves as well and costs less.
    /// Memory is that of `estimate` for every thread, and does not grow with `samples`.
    ///
    /// The generator is left as `estimate` leaves it, except after an error in a number: it may have seeded further blocks then.
    ///
    /// # Errors
    /// Those of [`estimate`](Self::estimate).
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
    /// use reparam::prelude::*;
    ///
    /// let normal = Normal::new(&[1.0; 50], &[0.5; 50])?;
    /// let f = |z: &[f64]| z.iter().map(|z| z.cos()).sum::<f64>();
    /// let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { group: 4 });
    /// let one = estimator.estimate(&normal, &f, 5000, &mut Xoshiro256PlusPlus::seed_from_u64(1))?;
    /// let many = estimator.par_estimate(&normal, &f, 5000, &mut Xoshiro256PlusPlus::seed_from_u64(1))?;
    /// assert_eq!(one, many);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    #[cfg(feature = "rayon")]
    fn par_estimate<R: Rng + ?Sized>(
        &mut self,
        distribution: &D,
        objective: &F,
        samples: usize,
        rng: &mut R,
    ) -> Result<GradientEstimate<T>, Error>
    where
        Self: Sync,
        D: Sync,
        F: Sync,
    {
        let mut engine = Engine::new();
        engine.par_estimate(self, distribution, objective, samples, rng)?;
        Ok(engine.into_estimate())
    }
}
