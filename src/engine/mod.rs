//! The engine: averages gradient samples block by block, through fixed buffers, and says where something
//! went wrong.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | `Engine`: reusable buffers |
//! | `extension` | `Estimate`: `estimate` and `par_estimate`, on every estimator |
//! | `job` | what an estimate is made of: estimator, distribution, objective |
//! | `worker`, `parallel` | blocks made tile by tile, on one thread or many |
//! | `buffers`, `block_sums` | the memory of a tile, and the sums over a block |
//! | `inspector` | which number of a block was not finite |

mod block_sums;
mod buffers;
mod extension;
mod inspector;
mod job;
#[cfg(feature = "rayon")]
mod parallel;
mod worker;

use rand::Rng;

pub use self::extension::Estimate;

use self::block_sums::BlockSums;
use self::inspector::Inspector;
use self::job::{Job, Work};
use self::worker::Worker;
use crate::distribution::Distribution;
use crate::error::Error;
use crate::estimate::GradientEstimate;
use crate::estimator::{BlockRng, GradientEstimator, Statistics};
use crate::layout::Layout;
use crate::objective::Objective;
use crate::real::Real;

/// Reusable buffers for estimates: a training loop that makes many small estimates allocates nothing after
/// the first.
///
/// [`Estimate::estimate`] is an engine that is used once; the numbers are the same.
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

    /// Takes every random number from the caller's generator, which otherwise only seeds the crate's own
    /// generator once per block. Use it for a generator that must supply all numbers (a hardware source, an
    /// audited generator, a recorded stream). The estimate runs on one thread, and costs what that
    /// generator costs: with xoshiro256++ about 1 ns more per number.
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

    /// [`Estimate::estimate`] in this engine's buffers. The estimate stays in the engine until the next one.
    ///
    /// # Errors
    /// Those of [`Estimate::estimate`].
    pub fn estimate<E, D, F, R>(
        &mut self,
        estimator: &mut E,
        distribution: &D,
        objective: &F,
        samples: usize,
        mut rng: &mut R,
    ) -> Result<&GradientEstimate<T>, Error>
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: Objective<T> + ?Sized,
        R: Rng + ?Sized,
    {
        self.average(&Job { estimator, distribution, objective }, samples, &mut rng)?;
        Ok(self.totals.finish(estimator))
    }

    /// Averages on the caller's thread.
    fn average(&mut self, job: &dyn Work<T>, samples: usize, rng: &mut dyn Rng) -> Result<(), Error> {
        self.start(job, samples)?;
        let mut start = 0;
        while start < samples {
            self.next_block(job, (start, samples), rng)?;
            start += self.worker.block;
        }
        Ok(())
    }

    /// Refuses what cannot be estimated, and makes room for what can.
    fn start(&mut self, job: &dyn Work<T>, samples: usize) -> Result<(), Error> {
        job.check(samples)?;
        let size = job.size();
        if self.worker.size != size && !size.fits::<T>() {
            return Err(Error::Option {
                option: "draws per gradient sample",
                value: size.shape.draws as f64,
                expected: "a number of draws that fits into memory",
            });
        }
        self.worker.prepare(size, samples);
        self.totals.start(size.shape.evaluations, size.shape.statistics, job.layout());
        Ok(())
    }

    /// Makes the block that begins at sample `start` of `samples`, and joins it to the blocks before it.
    fn next_block(
        &mut self,
        job: &dyn Work<T>,
        (start, samples): (usize, usize),
        mut rng: &mut dyn Rng,
    ) -> Result<(), Error> {
        let block = (start as u64, self.worker.block.min(samples - start));
        if self.callers {
            // The caller's generator cannot give the same numbers again: they are inspected as they come.
            let mut inspector = Inspector::default();
            let outcome = self.worker.run(job, block, BlockRng::lent(&mut rng), Some(&mut inspector));
            if inspector.found || outcome.is_err() || !self.worker.sums.is_finite() {
                return Err(inspector.into_error(outcome, start as u64, job.layout()));
            }
        } else {
            let seed = self.worker.block_seed(block.1, rng);
            let outcome = self.worker.run(job, block, BlockRng::seeded(seed), None);
            if outcome.is_err() || !self.worker.sums.is_finite() {
                return Err(self.worker.diagnose(job, block, seed, outcome));
            }
        }
        self.totals.absorb(&self.worker.sums);
        Ok(())
    }

    /// The last estimate, for an engine that is used once.
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
    fn start(&mut self, evaluations: usize, statistics: usize, layout: &Layout) {
        self.estimate.reset(layout);
        self.evaluations = evaluations as u64;
        self.statistics.clear();
        self.statistics.resize(statistics, 0.0);
    }

    /// Joins the next block. Blocks must come in order, because sums round.
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

    /// Ends the estimate, and lets the estimator learn from it unless a sum has overflowed, which would
    /// stay in the estimator's memory.
    fn finish<E, D, F>(&mut self, estimator: &mut E) -> &GradientEstimate<T>
    where
        E: GradientEstimator<T, D, F> + ?Sized,
        D: Distribution<T> + ?Sized,
        F: Objective<T> + ?Sized,
    {
        self.estimate.finish();
        let (samples, value) = (self.estimate.samples(), self.estimate.value());
        if self.statistics.iter().all(|sum| sum.is_finite()) {
            estimator.update(Statistics { samples, value, sums: &self.statistics });
        }
        &self.estimate
    }
}
