//! The generator of a block.

use std::convert::Infallible;
use std::fmt;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, TryRng};

use crate::vector::{BlockSeed, SeededRng};

/// The generator that an estimator draws a block from: one that the engine has seeded for the block, or the
/// caller's own. It is one concrete type, so that estimators are objects.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::{BlockRng, Distribution, distributions::Normal};
///
/// let mut callers = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut z = [0.0];
/// Normal::new(&[1.0], &[0.5])?.sample(&mut BlockRng::lent(&mut callers), &mut z);
/// # Ok::<(), reparam::Error>(())
/// ```
pub struct BlockRng<'a>(Source<'a>);

#[expect(clippy::large_enum_variant, reason = "one stands on the stack while a block is made")]
enum Source<'a> {
    Seeded(SeededRng),
    Lent(&'a mut dyn Rng),
}

impl<'a> BlockRng<'a> {
    /// Draws from your own generator, to run an estimator without the engine.
    #[must_use]
    pub fn lent(rng: &'a mut dyn Rng) -> Self {
        Self(Source::Lent(rng))
    }

    #[inline]
    pub(crate) fn seeded(seed: BlockSeed) -> Self {
        Self(Source::Seeded(seed.generator()))
    }

    /// A single xoshiro256++, which a row of a node draws from.
    pub(crate) fn single(rng: Xoshiro256PlusPlus) -> Self {
        Self(Source::Seeded(SeededRng::Few(rng)))
    }
}

impl fmt::Debug for BlockRng<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Seeded(_) => "BlockRng(seeded)",
            Source::Lent(_) => "BlockRng(lent)",
        })
    }
}

impl TryRng for BlockRng<'_> {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match &mut self.0 {
            Source::Seeded(rng) => rng.try_next_u32(),
            Source::Lent(rng) => Ok(rng.next_u32()),
        }
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match &mut self.0 {
            Source::Seeded(rng) => rng.try_next_u64(),
            Source::Lent(rng) => Ok(rng.next_u64()),
        }
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match &mut self.0 {
            Source::Seeded(rng) => rng.try_fill_bytes(bytes),
            Source::Lent(rng) => {
                rng.fill_bytes(bytes);
                Ok(())
            }
        }
    }
}
