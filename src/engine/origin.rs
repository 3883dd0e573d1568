//! Where the draws of a block come from.

use std::convert::Infallible;

use rand::{Rng, TryRng};

use crate::vector::{BlockRng, BlockSeed};

/// Where the draws of a block come from: a generator of its own, or the caller's.
pub(super) enum Origin<'a> {
    Seed(BlockSeed),
    Caller(&'a mut dyn Rng),
}

impl<'a> Origin<'a> {
    #[inline]
    pub(super) fn generator(self) -> Source<'a> {
        match self {
            Self::Seed(seed) => Source::Block(seed.generator()),
            Self::Caller(rng) => Source::Caller(rng),
        }
    }
}

/// The generator that an [`Origin`] gives.
#[expect(clippy::large_enum_variant, reason = "one stands on the stack while a block is made")]
pub(super) enum Source<'a> {
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
