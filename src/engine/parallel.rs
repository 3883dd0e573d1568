//! Blocks made by many threads, joined in order: the same bits as on one thread.

use std::mem::replace;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng;
use rayon::prelude::*;

use super::block_sums::BlockSums;
use super::job::{Job, Work};
use super::worker::Worker;
use super::{Engine, Totals};
use crate::distribution::Distribution;
use crate::error::Error;
use crate::estimate::GradientEstimate;
use crate::estimator::{BlockRng, GradientEstimator};
use crate::objective::Objective;
use crate::real::Real;
use crate::vector::BlockSeed;

/// A job that fills at least this many numbers goes to the threads at once. It then takes about 50 µs, even
/// with an objective that costs nothing: more than it takes to wake the threads.
const BUSY: usize = 20_000;

/// How long the caller works alone on a job with fewer numbers, until it is clear that the objective is
/// expensive.
const ALONE: Duration = Duration::from_micros(20);

/// The number of blocks per thread in a wave, as far as the bytes of their sums allow. The threads wait for
/// each other at the end of a wave, which costs about 10 µs and, at worst, the time of one block.
const WAVE: (usize, usize) = (8, 4096);
const WAVE_BYTES: usize = 1 << 20;

/// The buffers of all threads.
#[derive(Debug, Clone)]
pub(super) struct Crew<T> {
    workers: Vec<Worker<T>>,
    blocks: Vec<Planned>,
    /// Sums that are not in use.
    spare: Vec<BlockSums<T>>,
}

impl<T> Default for Crew<T> {
    fn default() -> Self {
        Self { workers: Vec::new(), blocks: Vec::new(), spare: Vec::new() }
    }
}

/// A block to be made by any thread.
#[derive(Debug, Clone)]
struct Planned {
    start: usize,
    count: usize,
    seed: BlockSeed,
}

/// Where the blocks of a wave are joined in order, each as soon as those before it are there.
#[derive(Debug)]
struct Ledger<'a, T> {
    totals: &'a mut Totals<T>,
    /// The block that comes next.
    next: usize,
    /// Blocks that are ready before their turn.
    early: Vec<(usize, BlockSums<T>)>,
    spare: &'a mut Vec<BlockSums<T>>,
}

impl<T: Real> Ledger<'_, T> {
    /// Enters the sums of a block. Sums that come before their turn stay here, and other sums, of any size,
    /// are left in their place.
    fn enter(&mut self, place: usize, sums: &mut BlockSums<T>) -> bool {
        if place != self.next {
            let free = self.spare.pop().unwrap_or_default();
            self.early.push((place, replace(sums, free)));
            return true;
        }
        self.totals.absorb(sums);
        self.next += 1;
        while let Some(i) = self.early.iter().position(|&(place, _)| place == self.next) {
            let (_, sums) = self.early.swap_remove(i);
            self.totals.absorb(&sums);
            self.spare.push(sums);
            self.next += 1;
        }
        false
    }
}

impl<T: Real> Engine<T> {
    /// [`Estimate::par_estimate`](crate::Estimate::par_estimate) in this engine's buffers; every thread has
    /// its own. The estimate stays in the engine until the next one.
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
    /// use reparam::{Engine, prelude::*};
    ///
    /// let normal = Normal::new(&[1.0; 20], &[0.5; 20])?;
    /// let f = |z: &[f64]| z.iter().map(|z| z.cos()).sum::<f64>();
    /// let mut engine = Engine::new();
    /// let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    /// for seed in 0..10 {
    ///     let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    ///     let estimate = engine.par_estimate(&mut estimator, &normal, &f, 1000, &mut rng)?;
    ///     assert_eq!(estimate.samples(), 1000);
    /// }
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Estimate::estimate`](crate::Estimate::estimate).
    pub fn par_estimate<E, D, F, R>(
        &mut self,
        estimator: &mut E,
        distribution: &D,
        objective: &F,
        samples: usize,
        mut rng: &mut R,
    ) -> Result<&GradientEstimate<T>, Error>
    where
        E: GradientEstimator<T, D, F> + Sync + ?Sized,
        D: Distribution<T> + Sync + ?Sized,
        F: Objective<T> + Sync + ?Sized,
        R: Rng + ?Sized,
    {
        self.par_average(&Job { estimator, distribution, objective }, samples, &mut rng)?;
        Ok(self.totals.finish(estimator))
    }

    /// Averages on all threads of the pool.
    fn par_average(
        &mut self,
        job: &(dyn Work<T> + Sync),
        samples: usize,
        rng: &mut dyn Rng,
    ) -> Result<(), Error> {
        self.start(job, samples)?;
        let threads = rayon::current_num_threads();
        let size = self.worker.size;
        let numbers = size.shape.draws.saturating_mul(size.dim).saturating_add(size.params);
        let busy = samples.saturating_mul(numbers) >= BUSY;
        let clock = Instant::now();
        let mut done = 0;
        let block = self.worker.block;
        while done < samples {
            let alone = threads < 2 || self.callers || samples - done <= block;
            if alone || (!busy && clock.elapsed() < ALONE) {
                self.next_block(job, (done, samples), rng)?;
                done += block.min(samples - done);
            } else {
                done = self.plan(done, samples, threads, rng);
                self.wave(job, samples)?;
            }
        }
        Ok(())
    }

    /// Plans a wave of blocks, from a sample on: their generators come from the caller's in order. Returns
    /// where the next begins.
    fn plan(&mut self, done: usize, samples: usize, threads: usize, rng: &mut dyn Rng) -> usize {
        let (params, statistics) = (self.worker.size.params, self.worker.size.shape.statistics);
        let bytes = 3 * (params + 1) * size_of::<T>() + statistics * size_of::<f64>();
        let length = threads * (WAVE_BYTES / bytes).clamp(WAVE.0, WAVE.1);
        let length = length.min((samples - done).div_ceil(self.worker.block));
        self.crew.blocks.clear();
        let mut start = done;
        for _ in 0..length {
            let count = self.worker.block.min(samples - start);
            let seed = self.worker.block_seed(count, rng);
            self.crew.blocks.push(Planned { start, count, seed });
            start += count;
        }
        let workers = threads.min(length);
        if self.crew.workers.len() < workers {
            self.crew.workers.resize_with(workers, Worker::default);
        }
        start
    }

    /// Makes the planned blocks on all threads, and joins them in order.
    fn wave(&mut self, job: &(dyn Work<T> + Sync), samples: usize) -> Result<(), Error> {
        let size = self.worker.size;
        let room = self.worker.room();
        let Crew { workers, blocks, spare } = &mut self.crew;
        let blocks = &blocks[..];
        let workers = &mut workers[..rayon::current_num_threads().min(blocks.len())];
        let queue = AtomicUsize::new(0);
        let ledger = Mutex::new(Ledger { totals: &mut self.totals, next: 0, early: Vec::new(), spare });
        // The first block that went wrong. Those after it need not be made; those before it must be, since
        // one of them may be wrong too.
        let wrong = AtomicUsize::new(usize::MAX);
        // A task owns its worker, not its thread, so that an objective may use the same threads.
        workers.par_iter_mut().with_max_len(1).for_each(|worker| {
            let mut prepared = false;
            loop {
                let place = queue.fetch_add(1, Ordering::Relaxed);
                let Some(block) = blocks.get(place) else { return };
                if place > wrong.load(Ordering::Relaxed) {
                    return;
                }
                if !prepared {
                    worker.prepare(size, samples);
                    prepared = true;
                }
                let range = (block.start as u64, block.count);
                let outcome = worker.run(job, range, BlockRng::seeded(block.seed), None);
                if outcome.is_err() || !worker.sums.is_finite() {
                    wrong.fetch_min(place, Ordering::Relaxed);
                }
                let stays =
                    ledger.lock().unwrap_or_else(PoisonError::into_inner).enter(place, &mut worker.sums);
                if stays {
                    worker.sums.resize(room);
                }
            }
        });
        let place = wrong.into_inner();
        if let Some(block) = blocks.get(place) {
            let range = (block.start as u64, block.count);
            return Err(self.worker.diagnose(job, range, block.seed, Ok(())));
        }
        Ok(())
    }
}
