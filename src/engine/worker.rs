//! Makes blocks of gradient samples, tile by tile.

use rand::Rng;

use super::block_sums::{BlockSums, Room, STRETCH};
use super::buffers::Buffers;
use super::inspector::{Inspector, Tile};
use super::job::{Size, Work};
use crate::error::Error;
use crate::estimator::{Block, BlockRng};
use crate::real::Real;
use crate::shifted_sums::mean;
use crate::vector::BlockSeed;

/// Gradient samples that share one generator, seeded from the caller's, are a block. A block has one part
/// in `PARTS` of a job's samples, but at least `LEAST` (by the number of parameters) and at most `BLOCK.0`.
/// Small samples make longer blocks, of up to `BLOCK_NUMBERS` numbers and `BLOCK.1` samples. The division
/// depends on nothing but the sizes of the job, so blocks can be made anywhere and merge to the same bits.
const PARTS: usize = 24;
const LEAST: [usize; 3] = [8, 16, 24];
const BLOCK: (usize, usize) = (256, 4096);
const BLOCK_NUMBERS: usize = 16_384;

/// A tile is the part of a block that is in the buffers at a time; its buffers may take this many bytes.
/// They are written and read back within some tens of microseconds, and should stay in the second-level
/// cache; smaller tiles measured slower, since each pass over a tile has its own cost.
const TILE_BYTES: usize = 64 << 10;

/// Where rows are long, a tile has this many of them, up to `MOST_TILE_BYTES`, since the sums are read and
/// written once per tile.
const ROWS: usize = 8;
const MOST_TILE_BYTES: usize = 2 << 20;

/// The fixed buffers that blocks stream through.
#[derive(Debug, Clone, Default)]
pub(super) struct Worker<T> {
    pub(super) size: Size,
    /// Gradient samples of the job.
    pub(super) samples: usize,
    /// Gradient samples of a block.
    pub(super) block: usize,
    /// Gradient samples that fit into the buffers.
    pub(super) tile: usize,
    /// Noise, draws, preimages, values, ∂f/∂z, gradients, scratch, and the mean objective of each gradient
    /// sample of the tile.
    buffers: Buffers<T, 8>,
    pub(super) sums: BlockSums<T>,
}

impl<T: Real> Worker<T> {
    /// Makes room for an estimate; nothing is allocated where the last one had the same shape.
    pub(super) fn prepare(&mut self, size: Size, samples: usize) {
        if (self.size, self.samples) == (size, samples) {
            return;
        }
        let Size { shape, dim, preimage, params } = size;
        let draws = shape.draws;
        let dz = draws * size.slopes();
        let row = draws * (shape.noise + dim + preimage + 1) + dz + params + 1;
        let bytes = row * size_of::<T>();
        // Joining a block costs as much as summing a few of its rows.
        let least = LEAST[usize::from(params > 256) + usize::from(params > 4096)];
        let numbers = draws * shape.noise.max(dim).max(1);
        let most = (BLOCK_NUMBERS / numbers).clamp(BLOCK.0, BLOCK.1) / STRETCH * STRETCH;
        let block = (samples / PARTS).clamp(least, most).min(samples);
        let tile = (TILE_BYTES / bytes).max(ROWS.min(MOST_TILE_BYTES / bytes)).clamp(1, block.min(STRETCH));
        (self.size, self.samples) = (size, samples);
        (self.tile, self.block) = (tile, block);
        self.buffers.fit([
            tile * draws * shape.noise,
            tile * draws * dim,
            tile * draws * preimage,
            tile * draws,
            tile * dz,
            tile * params,
            shape.scratch,
            tile,
        ]);
        self.sums.resize(self.room());
    }

    /// The room that the sums of a block take.
    pub(super) fn room(&self) -> Room {
        let Size { shape, params, .. } = self.size;
        Room { params, statistics: shape.statistics, tile: self.tile, block: self.block }
    }

    /// The seed of a block of `count` gradient samples. It is kept, so that a block that went wrong can be
    /// run once more.
    pub(super) fn block_seed<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> BlockSeed {
        let numbers = count * self.size.shape.draws * self.size.shape.noise.max(self.size.dim);
        BlockSeed::from_rng(numbers, rng)
    }

    /// Makes one block of gradient samples and sums them. An inspector looks at every number of every tile,
    /// and ends the run at the first that is not finite. An error of the estimator also ends it.
    pub(super) fn run(
        &mut self,
        work: &dyn Work<T>,
        (first, count): (u64, usize),
        mut rng: BlockRng<'_>,
        mut inspector: Option<&mut Inspector>,
    ) -> Result<(), Error> {
        let Size { shape, dim, preimage, params } = self.size;
        let slopes = self.size.slopes();
        let sums = &mut self.sums;
        sums.start(count);
        let [noise, z, carried, values, dz, gradients, scratch, means] = self.buffers.get_mut();
        let mut start = 0;
        while start < count {
            if sums.rows == STRETCH {
                sums.fold();
            }
            let samples = self.tile.min(count - start).min(STRETCH - sums.rows);
            let draws = samples * shape.draws;
            let (values, gradients) = (&mut values[..draws], &mut gradients[..samples * params]);
            let (z, dz) = (&mut z[..draws * dim], &mut dz[..draws * slopes]);
            let block = Block {
                samples,
                first: first + start as u64,
                noise: &mut noise[..draws * shape.noise],
                z,
                preimage: &mut carried[..draws * preimage],
                values,
                dz,
                gradients,
                scratch,
                statistics: &mut sums.statistics,
            };
            work.gradient_samples(block, &mut rng)?;
            if let Some(inspector) = &mut inspector {
                inspector.look(Tile { shape, dim, params, z, values, dz, gradients }, start, samples);
                if inspector.found {
                    return Ok(());
                }
            }
            let first = sums.rows == 0;
            sums.gradient.sums.add(gradients, first);
            if shape.draws == 1 {
                sums.value.sums.add(values, first);
            } else {
                let weight = T::of(shape.draws as f64).recip();
                for (own, values) in means.iter_mut().zip(values.chunks_exact(shape.draws)) {
                    *own = mean(values, weight);
                }
                sums.value.sums.add(&means[..samples], first);
            }
            sums.rows += samples;
            start += samples;
        }
        Ok(())
    }

    /// Runs a block that went wrong once more, with the same generator, to find what was wrong first. This
    /// costs nothing as long as all is well.
    pub(super) fn diagnose(
        &mut self,
        work: &dyn Work<T>,
        block: (u64, usize),
        seed: BlockSeed,
        outcome: Result<(), Error>,
    ) -> Error {
        let mut inspector = Inspector::default();
        let again = self.run(work, block, BlockRng::seeded(seed), Some(&mut inspector));
        inspector.into_error(outcome.and(again), block.0, work.layout())
    }
}
